//! What each image holds: one table.

use super::binary::{Architecture, Binary, Package};
use super::layer::Entry;
use crate::diagnostic::Diagnostics;
use crate::gitops;

/// Which of this project's programs an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What runs in the cluster.
    Gate,
    /// This program, as Argo CD's config management plugin.
    Renderer,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The Cargo package, and its binary.
    pub package: &'static str,
    /// The Cargo profile that the program is compiled with.
    pub profile: &'static str,
    /// Where the program lies.
    path: &'static str,
    /// User and group, as numbers: there is no passwd file, and a kubelet checks `runAsNonRoot`
    /// against a number alone.
    user: &'static str,
    env: &'static [&'static str],
    working_dir: &'static str,
    /// Read-only files beside the program: where each lies, and who writes it.
    files: &'static [(&'static str, Writer)],
}

type Writer = fn() -> Result<String, Diagnostics>;

/// 65532 is `nonroot` of the distroless images. 999 is the user that Argo CD's repo-server has, and
/// its plugin sidecars must have; they read their configuration from this path
/// (argo-cd, docs/operator-manual/config-management-plugins.md).
const GATE: Recipe = Recipe {
    package: "vram-gate",
    profile: "gate",
    path: "/vram-gate",
    user: "65532:65532",
    env: &[],
    working_dir: "/",
    files: &[],
};
const RENDERER: Recipe = Recipe {
    package: env!("CARGO_PKG_NAME"),
    profile: "release",
    path: "/usr/local/bin/tts-render",
    user: "999:999",
    env: &["HOME=/home/argocd", "PATH=/usr/local/bin:/usr/bin:/bin"],
    working_dir: "/home/argocd",
    files: &[("/home/argocd/cmp-server/config/plugin.yaml", gitops::plugin_yaml)],
};

impl Kind {
    pub(super) fn recipe(self) -> &'static Recipe {
        match self {
            Kind::Gate => &GATE,
            Kind::Renderer => &RENDERER,
        }
    }

    /// Which of the images has this title.
    pub fn titled(title: &str) -> Option<Self> {
        [Kind::Gate, Kind::Renderer].into_iter().find(|kind| kind.package() == title)
    }

    /// The Cargo package that makes it; the image's title.
    pub fn package(self) -> &'static str {
        self.recipe().package
    }
}

/// What the image says of itself: OCI's predefined annotation keys
/// (image-spec, annotations.md), and the packages linked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `org.opencontainers.image.version`.
    pub version: String,
    /// `org.opencontainers.image.licenses`: an SPDX expression.
    pub licenses: String,
    /// `org.opencontainers.image.source`: where the sources are.
    pub source: Option<String>,
    /// `org.opencontainers.image.revision`: a commit. With it, every commit has its own digest.
    pub revision: Option<String>,
    /// The crates linked in, sorted; none if that is not known.
    pub packages: Option<Vec<Package>>,
}

impl Default for About {
    /// What holds for programs of this tool's own version.
    fn default() -> Self {
        let repository = env!("CARGO_PKG_REPOSITORY");
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            licenses: env!("CARGO_PKG_LICENSE").to_owned(),
            source: (!repository.is_empty()).then(|| repository.to_owned()),
            revision: None,
            packages: None,
        }
    }
}

/// An image before it is bytes.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its files; folders on the way are made for them.
    pub entries: Vec<Entry>,
    /// The command that it runs.
    pub entrypoint: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Where the command starts.
    pub working_dir: String,
    /// The machine it is for; the system is always Linux.
    pub architecture: Architecture,
    /// Its name for people: `org.opencontainers.image.title`.
    pub title: String,
    /// What else it says of itself.
    pub about: About,
    /// The time that every file and the image itself carry, in seconds since 1970.
    pub time: u64,
}

impl Image {
    /// The image of one of this project's programs.
    ///
    /// # Errors
    /// None, unless a file beside the program can't be written: a defect of this program.
    pub fn new(kind: Kind, program: &Binary, about: About, time: u64) -> Result<Self, Diagnostics> {
        let recipe = kind.recipe();
        let own = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let mut entries = vec![Entry {
            path: recipe.path.to_owned(),
            mode: 0o755,
            bytes: program.bytes().to_vec(),
        }];
        for (path, write) in recipe.files {
            let bytes = write()?.into_bytes();
            entries.push(Entry { path: (*path).to_owned(), mode: 0o644, bytes });
        }
        Ok(Image {
            entries,
            entrypoint: own(&[recipe.path]),
            user: recipe.user.to_owned(),
            env: own(recipe.env),
            working_dir: recipe.working_dir.to_owned(),
            architecture: program.architecture(),
            title: recipe.package.to_owned(),
            about,
            time,
        })
    }
}
