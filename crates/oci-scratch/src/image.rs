//! The description of an image: its files, command, user and annotations.

use crate::binary::{Architecture, Package};
use crate::layer::Entry;

/// The image's annotations: OCI's predefined keys (image-spec, annotations.md), and the packages
/// linked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `org.opencontainers.image.version`.
    pub version: String,
    /// `org.opencontainers.image.licenses`: an SPDX expression.
    pub licenses: String,
    /// `org.opencontainers.image.source`: the URL of the sources.
    pub source: Option<String>,
    /// `org.opencontainers.image.revision`: a commit. With it, every commit has its own digest.
    pub revision: Option<String>,
    /// The crates linked in, sorted; none if they are not known.
    pub packages: Option<Vec<Package>>,
}

/// An image before it is bytes.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its files; their parent folders are added.
    pub entries: Vec<Entry>,
    /// The command that it runs.
    pub entrypoint: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// The folder that the command starts in.
    pub working_dir: String,
    /// The machine that it is for; the system is always Linux.
    pub architecture: Architecture,
    /// Its name for people: `org.opencontainers.image.title`.
    pub title: String,
    /// Its other annotations.
    pub about: About,
    /// The time that every file and the image itself carry, in seconds since 1970.
    pub time: u64,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::binary::tests::static_program;

    /// An image of one static program.
    pub fn example() -> Image {
        Image {
            entries: vec![Entry {
                path: "/vram-gate".to_owned(),
                mode: 0o755,
                bytes: static_program(),
            }],
            entrypoint: vec!["/vram-gate".to_owned()],
            user: "65532:65532".to_owned(),
            env: Vec::new(),
            working_dir: "/".to_owned(),
            architecture: Architecture::Amd64,
            title: "vram-gate".to_owned(),
            about: About {
                version: "0.1.0".to_owned(),
                licenses: "Apache-2.0".to_owned(),
                source: None,
                revision: None,
                packages: None,
            },
            time: 0,
        }
    }
}
