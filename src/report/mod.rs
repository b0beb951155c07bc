//! Output shared by all reports: text whose hidden characters are written out, the JSON form of an
//! object's identity, and GitHub's workflow commands.

pub(crate) mod github;
pub(crate) mod json;
mod text;

pub(crate) use text::{plain_text, visible};
