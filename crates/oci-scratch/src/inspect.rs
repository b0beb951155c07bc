//! What an image layout holds, for a person to read.

use std::io::Read;

use flate2::read::GzDecoder;

use super::binary::{self, Package};
use super::layout::Layout;
use super::manifest::{self, Annotations};
use crate::Digest;

/// All that is said of an image.
#[derive(Debug)]
pub struct Inspection {
    /// The image's digest.
    pub digest: Digest,
    /// Its name in the layout.
    pub ref_name: Option<String>,
    /// `linux/amd64`.
    pub platform: String,
    /// What it runs.
    pub entrypoint: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    /// Where it starts.
    pub working_dir: String,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// When it says it was made, in RFC 3339.
    pub created: Option<String>,
    /// Its labels, sorted.
    pub labels: Vec<(String, String)>,
    /// Manifest, configuration and layers: what, its digest, its bytes as sent.
    pub blobs: Vec<(String, Digest, u64)>,
    /// Every file and folder of the layers, lowest first.
    pub files: Vec<File>,
    /// The crates linked in, and who says so; none if nobody does.
    pub packages: Option<(Vec<Package>, &'static str)>,
}

/// A file of a layer.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Absolute.
    pub path: String,
    /// What stands in its header.
    pub mode: u32,
    /// User and group.
    pub owner: (u64, u64),
    /// In bytes.
    pub size: u64,
    /// Of what it holds; none for what is no regular file.
    pub digest: Option<Digest>,
}

/// Why an image can't be described.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The configuration or the manifest is not what OCI describes.
    #[error("the image's documents can't be read: {0}")]
    Document(#[from] serde_json::Error),
    /// A layer is no tar, or not packed as its media type says.
    #[error("the layer `{0}` can't be read: {1}")]
    Layer(Digest, std::io::Error),
    /// A layer in a form that this program does not read.
    #[error("the layer `{0}` is of the type `{1}`, which is not read here")]
    LayerType(Digest, String),
    /// A layer that would fill the memory.
    #[error("the layer `{0}` unpacks to more than {MAX_LAYER} bytes")]
    TooLarge(Digest),
}

/// 1 GiB: images of this project are a hundredth of it.
const MAX_LAYER: u64 = 1 << 30;

impl Inspection {
    /// Reads a layout's documents and layers.
    pub fn new(layout: &Layout) -> Result<Self, InspectError> {
        let config = layout.config()?;
        let mut blobs = vec![
            ("manifest".to_owned(), layout.manifest.digest.clone(), layout.manifest.bytes.len()),
            ("config".to_owned(), layout.config.digest.clone(), layout.config.bytes.len()),
        ];
        let (mut files, mut audited) = (Vec::new(), None);
        for layer in &layout.layers {
            blobs.push(("layer".to_owned(), layer.digest.clone(), layer.bytes.len()));
            let tar = match &*layer.media_type {
                manifest::LAYER => unpack(&layer.bytes, &layer.digest)?,
                other => {
                    return Err(InspectError::LayerType(layer.digest.clone(), other.to_owned()));
                }
            };
            let broken = |error| InspectError::Layer(layer.digest.clone(), error);
            let mut archive = tar::Archive::new(&*tar);
            for entry in archive.entries().map_err(broken)? {
                let mut entry = entry.map_err(broken)?;
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(broken)?;
                files.push(file(&entry, &bytes).map_err(broken)?);
                audited = audited.or_else(|| binary::audited_packages(&bytes));
            }
        }
        let blobs = blobs.into_iter().map(|(what, digest, len)| (what, digest, len as u64));
        let noted = noted_packages(&layout.annotations()?);
        Ok(Inspection {
            digest: layout.digest().clone(),
            ref_name: layout.ref_name.clone(),
            platform: format!("{}/{}", config.os, config.architecture),
            entrypoint: config.config.entrypoint,
            user: config.config.user,
            working_dir: config.config.working_dir,
            env: config.config.env,
            created: config.created,
            labels: config.config.labels.into_iter().collect(),
            blobs: blobs.collect(),
            files,
            packages: audited
                .map(|list| (list, "cargo-auditable's section of the program"))
                .or(noted.map(|list| (list, "the manifest's annotation `tts-render.packages`"))),
        })
    }
}

fn unpack(gzip: &[u8], digest: &Digest) -> Result<Vec<u8>, InspectError> {
    let mut tar = Vec::new();
    GzDecoder::new(gzip)
        .take(MAX_LAYER + 1)
        .read_to_end(&mut tar)
        .map_err(|error| InspectError::Layer(digest.clone(), error))?;
    if tar.len() as u64 > MAX_LAYER {
        return Err(InspectError::TooLarge(digest.clone()));
    }
    Ok(tar)
}

fn file<R: Read>(entry: &tar::Entry<'_, R>, bytes: &[u8]) -> std::io::Result<File> {
    let header = entry.header();
    Ok(File {
        path: format!("/{}", String::from_utf8_lossy(&entry.path_bytes())),
        mode: header.mode()?,
        owner: (header.uid()?, header.gid()?),
        size: bytes.len() as u64,
        digest: header.entry_type().is_file().then(|| Digest::of(bytes)),
    })
}

fn noted_packages(annotations: &Annotations) -> Option<Vec<Package>> {
    let list = annotations.get(manifest::PACKAGES)?;
    let package = |text: &str| {
        let (name, version) = text.split_once('@')?;
        Some(Package { name: name.to_owned(), version: version.to_owned() })
    };
    list.split(' ').filter(|text| !text.is_empty()).map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::tests::static_program;
    use crate::image::tests::example;
    use crate::layer::Entry;

    #[test]
    fn files_configuration_and_packages_are_told() {
        let package = Package { name: "ring".to_owned(), version: "0.17.14".to_owned() };
        let mut image = example();
        image.about.packages = Some(vec![package.clone()]);
        image.user = "999:999".to_owned();
        let configuration = "/usr/share/example/config.yaml".to_owned();
        image.entries.push(Entry { path: configuration.clone(), mode: 0o644, bytes: Vec::new() });
        let told = Inspection::new(&Layout::new(&image, "1").unwrap()).unwrap();
        assert_eq!(told.platform, "linux/amd64");
        assert_eq!(told.user, "999:999");
        assert_eq!(told.created.as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(told.packages.unwrap().0, [package]);
        let program = told.files.iter().find(|f| f.path == "/vram-gate").unwrap();
        assert_eq!((program.mode, program.owner), (0o755, (0, 0)));
        assert_eq!(program.digest, Some(Digest::of(&static_program())));
        assert!(told.files.iter().any(|f| f.path == configuration && f.mode == 0o644));
        assert!(told.files.iter().any(|f| f.path == "/usr/" && f.digest.is_none()));
        assert_eq!(told.blobs.len(), 3);
    }
}
