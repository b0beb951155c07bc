//! A status as text, Markdown, HTML and JSON.

mod html;
mod json;
mod lines;
mod markdown;
mod text;

pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use text::text;
