//! Output shared by all reports: JSON, SARIF, GitHub's workflow commands, and links.

mod forge_paths;
pub(crate) mod github;
pub mod json;
pub(crate) mod links;
pub(crate) mod markup;
pub(crate) mod sarif;

pub use forge_paths::ForgePaths;
pub(crate) use forge_paths::path_beneath;
