//! The formats of a [`Diff`](super::Diff), one file each.
//!
//! Text from objects, values and names can't act as markup or as a command: each format escapes it in
//! its own way.

mod commit;
mod github;
mod html;
mod json;
mod markdown;
mod shown;
#[cfg(test)]
mod tests;
mod text;

pub use commit::commit_lines;
pub use github::github;
pub use html::html;
pub use json::json;
pub use markdown::{MARKER, MIN_BUDGET, markdown};
pub use text::text;
