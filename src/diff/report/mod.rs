//! A review in the form that its reader takes: one file a format.
//!
//! In: a [`Review`](super::Review). Out: text. Whatever stands in an object, a value or a name is
//! shown and not obeyed: each format fences it in by its own means.

mod github;
mod html;
mod json;
mod markdown;
mod shown;
#[cfg(test)]
mod tests;
mod text;

pub use github::github;
pub use html::html;
pub use json::json;
pub use markdown::{LEAST_BUDGET, MARKER, markdown};
pub use text::text;
