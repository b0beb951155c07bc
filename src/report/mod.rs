//! Output shared by all reports: messages as text, JSON, and GitHub's workflow commands.

pub(crate) mod github;
pub mod json;
mod text;

pub(crate) use text::plain_text;
