//! An OCI image layout: made from an image, written to a folder, read back and checked.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::binary::Package;
use crate::image::Image;
use crate::layer::pack_layer;
use crate::manifest::{self, Annotations, Config, Descriptor, Index, MAX_MANIFEST_BYTES, Manifest};
use crate::{Digest, ImageError};

/// The most bytes that are read, and the limit in words.
#[derive(Clone, Copy)]
struct Limit {
    bytes: usize,
    words: &'static str,
}

/// The limit on an index, a manifest or a configuration.
const DOCUMENT: Limit = Limit { bytes: MAX_MANIFEST_BYTES, words: "a document may have 4 MiB" };

/// The limit on all packed layers together. The images of this project have 10 MiB.
const LAYERS: Limit =
    Limit { bytes: 64 << 20, words: "the packed layers may have 64 MiB together" };

/// One image in memory, each part with its digest.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The name that the index gives it, usually a tag.
    pub ref_name: Option<String>,
    /// The manifest; its digest is the image's digest.
    pub(crate) manifest: Blob,
    /// The configuration: command, user, environment.
    pub(crate) config: Blob,
    /// The layers, lowest first.
    pub layers: Vec<Blob>,
}

/// A piece of content, as a registry stores it.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The sha256 of the bytes.
    pub digest: Digest,
    /// The type of the content.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Blob { digest: Digest::of(&bytes), media_type: media_type.to_owned(), bytes }
    }

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            annotations: Annotations::new(),
            digest: self.digest.to_string(),
            media_type: self.media_type.clone(),
            platform: None,
            size: self.bytes.len() as u64,
        }
    }
}

impl Layout {
    /// Makes the image's bytes. Tools find the image in the folder by the name.
    ///
    /// # Errors
    /// The name, the time or a file's path is invalid.
    pub fn new(image: &Image, ref_name: &str) -> Result<Self, ImageError> {
        if !is_ref_name(ref_name) {
            return Err(ImageError::new(format!(
                "invalid image name `{ref_name}`: expected letters, digits and `-._:@/+`, such as `1.2.3`"
            )));
        }
        let packed = pack_layer(&image.entries, image.time)?;
        let diff_id = Digest::of(&packed.tar);
        let layer = Blob::new(manifest::LAYER, packed.gzip);
        let labels = collect_labels(image);
        let config = image_configuration(image, &diff_id, labels.clone())?;
        let config =
            Blob::new(manifest::CONFIG, serde_json::to_vec(&config).map_err(encode_error)?);
        let mut annotations = labels;
        if let Some(packages) = &image.about.packages {
            annotations.insert(manifest::PACKAGES.to_owned(), join_packages(packages));
        }
        let document = Manifest {
            annotations,
            config: config.descriptor(),
            layers: vec![layer.descriptor()],
            media_type: Some(manifest::MANIFEST.to_owned()),
            schema_version: 2,
        };
        let document = serde_json::to_vec(&document).map_err(encode_error)?;
        let manifest = Blob::new(manifest::MANIFEST, document);
        Ok(Layout { ref_name: Some(ref_name.to_owned()), manifest, config, layers: vec![layer] })
    }

    /// The image's digest, which a Deployment pins.
    pub fn digest(&self) -> &Digest {
        &self.manifest.digest
    }

    /// The name for people, which is the package's; none in most images of other tools.
    pub fn title(&self) -> Option<String> {
        self.annotations().ok()?.remove(manifest::TITLE)
    }

    /// Writes the folder. One that holds a layout is replaced as a whole: a failure leaves the old
    /// one, and on Linux the folder exists at any moment, also if the process is killed.
    ///
    /// # Errors
    /// The folder holds other files, or can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), ImageError> {
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let failed = |error| write_error(folder, error);
        let replaces = is_replaceable(folder)?;
        fs::create_dir_all(parent).map_err(failed)?;
        let beside =
            tempfile::Builder::new().prefix(".tts-render-").suffix(".tmp").tempdir_in(parent);
        let beside = beside.map_err(failed)?;
        let (new, old) = (beside.path().join("new"), beside.path().join("old"));
        self.write_files(&new).map_err(failed)?;
        if replaces {
            if exchange(&new, folder).map_err(failed)? {
                return Ok(());
            }
            fs::rename(folder, &old).map_err(failed)?;
        }
        fs::rename(&new, folder).map_err(|error| match fs::rename(&old, folder) {
            Ok(()) => failed(error),
            Err(_) if !replaces => failed(error),
            Err(back) => failed(back),
        })
    }

    fn write_files(&self, folder: &Path) -> io::Result<()> {
        let blobs = folder.join("blobs").join("sha256");
        fs::create_dir_all(&blobs)?;
        for blob in self.layers.iter().chain([&self.config, &self.manifest]) {
            fs::write(blobs.join(blob.digest.hex()), &blob.bytes)?;
        }
        fs::write(folder.join("oci-layout"), manifest::LAYOUT)?;
        fs::write(folder.join("index.json"), serde_json::to_vec(&self.index())?)
    }

    fn index(&self) -> Index {
        let mut descriptor = self.manifest.descriptor();
        if let Some(name) = &self.ref_name {
            descriptor.annotations.insert(manifest::REF_NAME.to_owned(), name.clone());
        }
        descriptor.platform = self
            .config()
            .ok()
            .map(|config| manifest::Platform { architecture: config.architecture, os: config.os });
        Index {
            manifests: vec![descriptor],
            media_type: Some(manifest::INDEX.to_owned()),
            schema_version: 2,
        }
    }

    /// Reads a folder that holds one image of any tool, and checks every digest.
    ///
    /// # Errors
    /// The folder is not such a layout, or is damaged.
    pub fn read(folder: &Path) -> Result<Self, ImageError> {
        for name in ["oci-layout", "index.json"] {
            if !folder.join(name).is_file() {
                let folder = folder.display();
                let message = format!("`{folder}` is not an OCI image layout: it has no `{name}`");
                return Err(ImageError::new(message));
            }
        }
        let index_path = folder.join("index.json");
        let index: Index = parse_json(&index_path, &read_file(&index_path, DOCUMENT)?)?;
        let [entry] = &*index.manifests else {
            let (folder, count) = (folder.display(), index.manifests.len());
            let message = format!("`{folder}` holds {count} images: expected exactly one");
            return Err(ImageError::new(message));
        };
        if entry.media_type == manifest::INDEX {
            return Err(damaged_file(&index_path, "it names a list of images, not an image"));
        }
        let manifest = read_blob(folder, entry, DOCUMENT)?;
        let document: Manifest = parse_json(&blob_path(folder, &manifest.digest), &manifest.bytes)?;
        let config = read_blob(folder, &document.config, DOCUMENT)?;
        let mut left = LAYERS;
        let layers = document.layers.iter().map(|layer| {
            let blob = read_blob(folder, layer, left)?;
            left.bytes -= blob.bytes.len();
            Ok(blob)
        });
        Ok(Layout {
            ref_name: entry.annotations.get(manifest::REF_NAME).cloned(),
            manifest,
            config,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn config(&self) -> Result<Config, ImageError> {
        serde_json::from_slice(&self.config.bytes).map_err(decode_error)
    }

    pub(super) fn annotations(&self) -> Result<Annotations, ImageError> {
        let manifest: Manifest =
            serde_json::from_slice(&self.manifest.bytes).map_err(decode_error)?;
        Ok(manifest.annotations)
    }
}

/// Exchanges two folders in one step. Returns false if the system or the file system can't.
#[cfg(target_os = "linux")]
fn exchange(new: &Path, old: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// As above, for a system without such a step.
#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

fn write_error(folder: &Path, error: io::Error) -> ImageError {
    let folder = folder.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ImageError::new(format!("the disk that holds `{folder}` is full"))
        }
        _ => ImageError::caused(format!("`{folder}` can't be written"), error),
    }
}

fn damaged_file(path: &Path, reason: impl std::fmt::Display) -> ImageError {
    ImageError::new(format!("`{}` is damaged: {reason}", path.display()))
}

fn decode_error(error: serde_json::Error) -> ImageError {
    ImageError::caused("the image's documents can't be read", error)
}

fn encode_error(error: serde_json::Error) -> ImageError {
    ImageError::caused("the image's documents can't be written", error)
}

fn collect_labels(image: &Image) -> Annotations {
    let about = &image.about;
    let all = [
        (manifest::TITLE, Some(&image.title)),
        (manifest::VERSION, Some(&about.version)),
        (manifest::LICENSES, Some(&about.licenses)),
        (manifest::SOURCE, about.source.as_ref()),
        (manifest::REVISION, about.revision.as_ref()),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.clone()))).collect()
}

fn image_configuration(
    image: &Image,
    diff_id: &Digest,
    labels: Annotations,
) -> Result<Config, ImageError> {
    let seconds = i64::try_from(image.time).unwrap_or(i64::MAX);
    let created = jiff::Timestamp::from_second(seconds)
        .map_err(|error| ImageError::caused(format!("invalid time `{}`", image.time), error))?;
    let created = Some(created.to_string());
    Ok(Config {
        architecture: image.architecture.as_str().to_owned(),
        config: manifest::Execution {
            entrypoint: image.entrypoint.clone(),
            env: image.env.clone(),
            labels,
            user: image.user.clone(),
            working_dir: image.working_dir.clone(),
        },
        created: created.clone(),
        history: vec![manifest::History {
            created,
            created_by: Some("tts-render image build".to_owned()),
        }],
        os: "linux".to_owned(),
        rootfs: manifest::RootFs { diff_ids: vec![diff_id.to_string()], kind: "layers".to_owned() },
    })
}

/// `name@version`, as in Cargo's package ids, separated by spaces.
fn join_packages(packages: &[Package]) -> String {
    let names: Vec<String> = packages.iter().map(|p| format!("{}@{}", p.name, p.version)).collect();
    names.join(" ")
}

/// The grammar of image-spec's annotations.md: parts of letters and digits, joined by one of
/// `-._:@+` or `--`, and parts joined by `/`.
fn is_ref_name(name: &str) -> bool {
    name.replace("--", "-")
        .split(|c| "-._:@/+".contains(c))
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

fn parse_json<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(bytes).map_err(|error| damaged_file(path, error))
}

/// Reads a plain file of at most so many bytes; the rest of a larger one is not read.
fn read_file(path: &Path, limit: Limit) -> Result<Vec<u8>, ImageError> {
    let failed = |error| ImageError::caused(format!("`{}` can't be read", path.display()), error);
    // A FIFO would block.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ImageError::new(format!("`{}` is not a file", path.display())));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit.bytes as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit.bytes {
        let (path, words) = (path.display(), limit.words);
        return Err(ImageError::new(format!("`{path}` is too large: {words}")));
    }
    Ok(bytes)
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join("blobs").join("sha256").join(digest.hex())
}

fn read_blob(folder: &Path, descriptor: &Descriptor, limit: Limit) -> Result<Blob, ImageError> {
    let Some(digest) = Digest::parse(&descriptor.digest) else {
        let reason = format!("expected a sha256 digest, found `{}`", descriptor.digest);
        return Err(damaged_file(&folder.join("index.json"), reason));
    };
    let path = blob_path(folder, &digest);
    let bytes = read_file(&path, limit)?;
    let actual = Digest::of(&bytes);
    if actual != digest || bytes.len() as u64 != descriptor.size {
        return Err(damaged_file(&path, format!("its digest is `{actual}`")));
    }
    Ok(Blob { digest, media_type: descriptor.media_type.clone(), bytes })
}

/// Returns true if the folder exists, and is empty or a layout and nothing else.
///
/// # Errors
/// The folder holds other files, or can't be read.
fn is_replaceable(folder: &Path) -> Result<bool, ImageError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(write_error(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(|error| write_error(folder, error))?.file_name());
    }
    let is_layout = names.iter().any(|name| name == "oci-layout");
    let is_only_layout = names
        .iter()
        .all(|name| ["blobs", "index.json", "oci-layout"].iter().any(|known| name == known));
    if names.is_empty() || (is_layout && is_only_layout) {
        Ok(true)
    } else {
        let folder = folder.display();
        Err(ImageError::new(format!(
            "`{folder}` holds files that do not belong to an OCI image layout"
        )))
    }
}

#[cfg(test)]
mod tests;
