//! The content of an image layout, for a person to read.

use std::io::{self, Read};

use flate2::read::GzDecoder;

use crate::binary::{self, Package};
use crate::layout::Layout;
use crate::manifest::{self, Annotations};
use crate::{Digest, ImageError};

/// The description of an image.
#[derive(Debug)]
pub struct Inspection {
    /// The image's digest.
    pub digest: Digest,
    /// Its name in the layout.
    pub ref_name: Option<String>,
    /// `linux/amd64`.
    pub platform: String,
    /// The command that it runs.
    pub entrypoint: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    /// The folder that the command starts in.
    pub working_dir: String,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// The time at which it was made, in RFC 3339.
    pub created: Option<String>,
    /// Its labels, sorted.
    pub labels: Vec<(String, String)>,
    /// Manifest, configuration and layers: name, digest, and size as sent, in bytes.
    pub blobs: Vec<(String, Digest, u64)>,
    /// Every file and folder of the layers, lowest first.
    pub files: Vec<File>,
    /// The crates linked in, and the source of the list; none if there is no list.
    pub packages: Option<(Vec<Package>, &'static str)>,
}

/// A file of a layer.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Its absolute path.
    pub path: String,
    /// Its mode, from its header.
    pub mode: u32,
    /// User and group.
    pub owner: (u64, u64),
    /// Its size in bytes.
    pub size: u64,
    /// The digest of its content; none unless it is a regular file.
    pub digest: Option<Digest>,
}

/// The limit on all unpacked layers of an image, in bytes. The images of this project have 40 MiB.
const MAX_UNPACKED_BYTES: u64 = 128 << 20;
/// The most files of an image.
const MAX_FILES: usize = 100_000;

impl Inspection {
    /// Reads a layout's documents and layers.
    ///
    /// # Errors
    /// A document is not what OCI describes, or a layer can't be read.
    pub fn new(layout: &Layout) -> Result<Self, ImageError> {
        let config = layout.config()?;
        let mut blobs = vec![
            ("manifest".to_owned(), layout.manifest.digest.clone(), layout.manifest.bytes.len()),
            ("config".to_owned(), layout.config.digest.clone(), layout.config.bytes.len()),
        ];
        let (mut files, mut audited) = (Vec::new(), None);
        let mut left = MAX_UNPACKED_BYTES;
        for layer in &layout.layers {
            blobs.push(("layer".to_owned(), layer.digest.clone(), layer.bytes.len()));
            if layer.media_type != manifest::LAYER {
                return Err(ImageError::new(format!(
                    "the layer `{}` has the unsupported media type `{}`",
                    layer.digest, layer.media_type
                )));
            }
            let mut tar = GzDecoder::new(&*layer.bytes).take(left);
            let listed = list_files(&mut tar);
            left = tar.limit();
            let count = files.len() + listed.as_ref().map_or(0, |(more, _)| more.len());
            if left == 0 || count > MAX_FILES {
                return Err(ImageError::new(format!(
                    "the layers of the image unpack to more than {} MiB or {MAX_FILES} files",
                    MAX_UNPACKED_BYTES >> 20
                )));
            }
            let (layer_files, packages) =
                listed.map_err(|error| unreadable_layer(&layer.digest, error))?;
            files.extend(layer_files);
            audited = audited.or(packages);
        }
        let blobs = blobs.into_iter().map(|(what, digest, len)| (what, digest, len as u64));
        let annotated = annotated_packages(&layout.annotations()?);
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
            packages:
                audited
                    .map(|list| (list, "cargo-auditable's section of the program"))
                    .or(annotated
                        .map(|list| (list, "the manifest's annotation `tts-render.packages`"))),
        })
    }
}

fn unreadable_layer(digest: &Digest, error: io::Error) -> ImageError {
    ImageError::caused(format!("the layer `{digest}` can't be read"), error)
}

/// The files of a layer, and the packages of the first audited program among them.
fn list_files(tar: impl Read) -> io::Result<(Vec<File>, Option<Vec<Package>>)> {
    let (mut files, mut packages) = (Vec::new(), None);
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.push(describe_file(&entry, &bytes)?);
        if files.len() > MAX_FILES {
            break;
        }
        packages = packages.or_else(|| binary::audited_packages(&bytes));
    }
    Ok((files, packages))
}

fn describe_file<R: Read>(entry: &tar::Entry<'_, R>, bytes: &[u8]) -> io::Result<File> {
    let header = entry.header();
    Ok(File {
        path: format!("/{}", String::from_utf8_lossy(&entry.path_bytes())),
        mode: header.mode()?,
        owner: (header.uid()?, header.gid()?),
        size: bytes.len() as u64,
        digest: header.entry_type().is_file().then(|| Digest::of(bytes)),
    })
}

fn annotated_packages(annotations: &Annotations) -> Option<Vec<Package>> {
    let list = annotations.get(manifest::PACKAGES)?;
    list.split(' ').filter(|text| !text.is_empty()).map(parse_package).collect()
}

/// `name@version`.
fn parse_package(text: &str) -> Option<Package> {
    let (name, version) = text.split_once('@')?;
    Some(Package { name: name.to_owned(), version: version.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::tests::static_program;
    use crate::image::tests::example;
    use crate::layer::Entry;

    #[test]
    fn files_configuration_and_packages_are_listed() {
        let package = Package { name: "ring".to_owned(), version: "0.17.14".to_owned() };
        let mut image = example();
        image.about.packages = Some(vec![package.clone()]);
        image.user = "999:999".to_owned();
        let configuration = "/usr/share/example/config.yaml".to_owned();
        image.entries.push(Entry { path: configuration.clone(), mode: 0o644, bytes: Vec::new() });
        let inspection = Inspection::new(&Layout::new(&image, "1").unwrap()).unwrap();
        assert_eq!(inspection.platform, "linux/amd64");
        assert_eq!(inspection.user, "999:999");
        assert_eq!(inspection.created.as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(inspection.packages.unwrap().0, [package]);
        let program = inspection.files.iter().find(|f| f.path == "/vram-gate").unwrap();
        assert_eq!((program.mode, program.owner), (0o755, (0, 0)));
        assert_eq!(program.digest, Some(Digest::of(&static_program())));
        assert!(inspection.files.iter().any(|f| f.path == configuration && f.mode == 0o644));
        assert!(inspection.files.iter().any(|f| f.path == "/usr/" && f.digest.is_none()));
        assert_eq!(inspection.blobs.len(), 3);
    }
}
