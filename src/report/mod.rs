//! Output shared by all reports: JSON, GitHub's workflow commands, and links.

pub(crate) mod github;
pub mod json;
pub(crate) mod links;
