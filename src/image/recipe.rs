//! The content of each image, as a table.

use oci_scratch::{About, Binary, Entry, Image};
use yaml_spans::diagnostic::Diagnostics;

use crate::gitops;

/// An image of one of this project's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnImage {
    /// The gate, which runs in the cluster.
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
    /// Flags for rustc besides those of every static program.
    pub compiler_flags: &'static [&'static str],
    /// The program's path in the image.
    path: &'static str,
    /// User and group, as numbers: there is no passwd file, and a kubelet checks `runAsNonRoot`
    /// against a number alone.
    user: &'static str,
    env: &'static [&'static str],
    working_dir: &'static str,
    /// Read-only files beside the program: the path, and the function that writes the content.
    files: &'static [(&'static str, Writer)],
}

type Writer = fn() -> Result<String, Diagnostics>;

/// 65532 is `nonroot` of the distroless images. 999 is the user of Argo CD's repo-server, which plugin
/// sidecars must share; they read their configuration from the path below
/// (argo-cd, docs/operator-manual/config-management-plugins.md).
const GATE: Recipe = Recipe {
    package: "vram-gate",
    profile: "gate",
    compiler_flags: &[],
    path: "/vram-gate",
    user: "65532:65532",
    env: &[],
    working_dir: "/",
    files: &[
        (LICENSE_PATH, license),
        (NOTICES_PATH, || Ok(include_str!("notices/vram-gate.txt").to_owned())),
    ],
};
const RENDERER: Recipe = Recipe {
    package: env!("CARGO_PKG_NAME"),
    profile: "dist",
    // A run takes some milliseconds. A program that may lie anywhere spends a sixth of them on relocations.
    compiler_flags: &["-Crelocation-model=static"],
    path: "/usr/local/bin/tts-render",
    user: "999:999",
    env: &["HOME=/home/argocd", "PATH=/usr/local/bin:/usr/bin:/bin"],
    working_dir: "/home/argocd",
    files: &[
        ("/home/argocd/cmp-server/config/plugin.yaml", gitops::plugin_yaml),
        (LICENSE_PATH, license),
        (NOTICES_PATH, || Ok(include_str!("notices/tts-render.txt").to_owned())),
    ],
};

/// The folder where scanners and people look for licences in an image. The notices are those of the
/// crates and libraries linked into the program, written by `.ci/third-party`.
const LICENSE_PATH: &str = "/licenses/LICENSE";
const NOTICES_PATH: &str = "/licenses/THIRD-PARTY-NOTICES";

/// This project's own licence.
fn license() -> Result<String, Diagnostics> {
    Ok(include_str!("../../LICENSE").to_owned())
}

impl OwnImage {
    pub(super) fn recipe(self) -> &'static Recipe {
        match self {
            OwnImage::Gate => &GATE,
            OwnImage::Renderer => &RENDERER,
        }
    }

    /// Finds the image that has this title.
    pub fn from_title(title: &str) -> Option<Self> {
        [OwnImage::Gate, OwnImage::Renderer].into_iter().find(|kind| kind.package() == title)
    }

    /// The Cargo package of the program, and the image's title.
    fn package(self) -> &'static str {
        self.recipe().package
    }
}

/// The annotations for programs that have this tool's version.
pub fn own_about() -> About {
    let repository = env!("CARGO_PKG_REPOSITORY");
    About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        licenses: env!("CARGO_PKG_LICENSE").to_owned(),
        source: (!repository.is_empty()).then(|| repository.to_owned()),
        revision: None,
        packages: None,
    }
}

impl OwnImage {
    /// Makes the image from the compiled program.
    ///
    /// # Errors
    /// A file beside the program can't be made: a defect of this tool.
    pub fn assemble(self, program: &Binary, about: About, time: u64) -> Result<Image, Diagnostics> {
        let recipe = self.recipe();
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
            entrypoint: vec![recipe.path.to_owned()],
            user: recipe.user.to_owned(),
            env: recipe.env.iter().map(|&text| text.to_owned()).collect(),
            working_dir: recipe.working_dir.to_owned(),
            architecture: program.architecture(),
            title: recipe.package.to_owned(),
            about,
            time,
        })
    }
}
