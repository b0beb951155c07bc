//! Output shared by all reports: JSON, and GitHub's workflow commands.

pub(crate) mod github;
pub mod json;
pub(crate) mod markup;
