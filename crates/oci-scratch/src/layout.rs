//! An OCI image layout: made from an image, written to a folder, read back and checked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::binary::Package;
use super::image::Image;
use super::layer::{self, EntryError};
use super::manifest::{self, Annotations, Config, Descriptor, Index, Manifest};
use crate::Digest;

/// One image in memory, each part with its digest.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The name that the index gives it: a tag, as a rule.
    pub ref_name: Option<String>,
    /// What its digest is the image's digest.
    pub manifest: Blob,
    /// How it is run.
    pub config: Blob,
    /// What it holds, lowest first.
    pub layers: Vec<Blob>,
}

/// Some bytes, as a registry keeps them.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Their sha256.
    pub digest: Digest,
    /// What they are.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why a layout can't be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file of the image has no place in a layer.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A document has no JSON form: a defect of this program.
    #[error("the image's documents can't be written: {0}")]
    Encode(#[from] serde_json::Error),
    /// The image's time has no date.
    #[error("the time {0} is no date that an image can carry")]
    Time(u64),
    /// The index would not accept this name.
    #[error(
        "`{0}` is no name for an image in a layout; take letters, digits and `-._:@/+`, such as `1.2.3`"
    )]
    RefName(String),
    /// There is no room on the disk.
    #[error("the disk that holds `{path}` is full", path = .0.display())]
    DiskFull(PathBuf),
    /// The folder can't be written.
    #[error("`{path}` can't be written: {1}", path = .0.display())]
    Write(PathBuf, io::Error),
    /// The folder is somebody else's.
    #[error("`{path}` holds files that are no part of an OCI image layout", path = .0.display())]
    Foreign(PathBuf),
    /// There is no layout to read.
    #[error("`{path}` is no OCI image layout: it has no `{1}`", path = .0.display())]
    Missing(PathBuf, String),
    /// A file can't be read.
    #[error("`{path}` can't be read: {1}", path = .0.display())]
    Read(PathBuf, io::Error),
    /// A document is not what OCI describes.
    #[error("`{path}` is damaged: {1}", path = .0.display())]
    Document(PathBuf, String),
    /// A blob's bytes are not what its name says.
    #[error("`{path}` is damaged: its digest is `{1}`", path = .0.display())]
    Digest(PathBuf, Digest),
    /// The index holds none, or several.
    #[error("`{path}` holds {1} images; exactly one is expected", path = .0.display())]
    Images(PathBuf, usize),
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
    /// Makes the image's bytes. The name is what tools find it by in the folder.
    pub fn new(image: &Image, ref_name: &str) -> Result<Self, LayoutError> {
        if !is_ref_name(ref_name) {
            return Err(LayoutError::RefName(ref_name.to_owned()));
        }
        let packed = layer::pack(&image.entries, image.time)?;
        let diff_id = Digest::of(&packed.tar);
        let layer = Blob::new(manifest::LAYER, packed.gzip);
        let labels = labels(image);
        let config = config(image, &diff_id, labels.clone())?;
        let config = Blob::new(manifest::CONFIG, to_json(&config)?);
        let mut annotations = labels;
        if let Some(packages) = &image.about.packages {
            annotations.insert(manifest::PACKAGES.to_owned(), write_packages(packages));
        }
        let document = Manifest {
            annotations,
            config: config.descriptor(),
            layers: vec![layer.descriptor()],
            media_type: Some(manifest::MANIFEST.to_owned()),
            schema_version: 2,
        };
        let manifest = Blob::new(manifest::MANIFEST, to_json(&document)?);
        Ok(Layout { ref_name: Some(ref_name.to_owned()), manifest, config, layers: vec![layer] })
    }

    /// The image's digest: what a Deployment pins.
    pub fn digest(&self) -> &Digest {
        &self.manifest.digest
    }

    /// The name for people, which is the package's; none in an image that others made.
    pub fn title(&self) -> Option<String> {
        self.annotations().ok()?.remove(manifest::TITLE)
    }

    /// Writes the folder. One that holds a layout is replaced as a whole; any other that is not
    /// empty is left alone. A failure leaves what was there before.
    pub fn write(&self, folder: &Path) -> Result<(), LayoutError> {
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let failed = |error| LayoutError::write(folder, error);
        let replaces = is_replaceable(folder)?;
        fs::create_dir_all(parent).map_err(failed)?;
        let beside =
            tempfile::Builder::new().prefix(".tts-render-").suffix(".tmp").tempdir_in(parent);
        let beside = beside.map_err(failed)?;
        let (new, old) = (beside.path().join("new"), beside.path().join("old"));
        self.write_files(&new).map_err(failed)?;
        if replaces {
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
        fs::write(folder.join("index.json"), to_json(&self.index())?)
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

    /// Reads a folder that holds one image, whoever wrote it, and checks every digest.
    pub fn read(folder: &Path) -> Result<Self, LayoutError> {
        for name in ["oci-layout", "index.json"] {
            if !folder.join(name).is_file() {
                return Err(LayoutError::Missing(folder.to_owned(), name.to_owned()));
            }
        }
        let index_path = folder.join("index.json");
        let index: Index = from_json(&index_path, &read(&index_path)?)?;
        let [entry] = &*index.manifests else {
            return Err(LayoutError::Images(folder.to_owned(), index.manifests.len()));
        };
        if entry.media_type == manifest::INDEX {
            let why = "it names a list of images, not an image".to_owned();
            return Err(LayoutError::Document(index_path, why));
        }
        let manifest = read_blob(folder, entry)?;
        let document: Manifest = from_json(&blob_path(folder, &manifest.digest), &manifest.bytes)?;
        let config = read_blob(folder, &document.config)?;
        let layers = document.layers.iter().map(|layer| read_blob(folder, layer));
        Ok(Layout {
            ref_name: entry.annotations.get(manifest::REF_NAME).cloned(),
            manifest,
            config,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn config(&self) -> Result<Config, serde_json::Error> {
        serde_json::from_slice(&self.config.bytes)
    }

    pub(super) fn annotations(&self) -> Result<Annotations, serde_json::Error> {
        Ok(serde_json::from_slice::<Manifest>(&self.manifest.bytes)?.annotations)
    }
}

impl LayoutError {
    fn write(folder: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                LayoutError::DiskFull(folder.to_owned())
            }
            _ => LayoutError::Write(folder.to_owned(), error),
        }
    }
}

fn labels(image: &Image) -> Annotations {
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

fn config(image: &Image, diff_id: &Digest, labels: Annotations) -> Result<Config, LayoutError> {
    let seconds = i64::try_from(image.time).map_err(|_| LayoutError::Time(image.time))?;
    let created =
        jiff::Timestamp::from_second(seconds).map_err(|_| LayoutError::Time(image.time))?;
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

/// `name@version`, as Cargo's package ids have it; a space between.
fn write_packages(packages: &[Package]) -> String {
    let each = packages.iter().map(|p| format!("{}@{}", p.name, p.version));
    each.collect::<Vec<_>>().join(" ")
}

/// The grammar of image-spec's annotations.md: parts of letters and digits, joined by one of
/// `-._:@+` or `--`, and parts joined by `/`.
fn is_ref_name(name: &str) -> bool {
    let joint = |c: char| "-._:@/+".contains(c);
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
    name.replace("--", "-").split(joint).all(is_part)
}

fn to_json(document: &impl serde::Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(document)
}

fn from_json<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, LayoutError> {
    serde_json::from_slice(bytes)
        .map_err(|error| LayoutError::Document(path.to_owned(), error.to_string()))
}

fn read(path: &Path) -> Result<Vec<u8>, LayoutError> {
    fs::read(path).map_err(|error| LayoutError::Read(path.to_owned(), error))
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join("blobs").join("sha256").join(digest.hex())
}

fn read_blob(folder: &Path, descriptor: &Descriptor) -> Result<Blob, LayoutError> {
    let Some(digest) = Digest::parse(&descriptor.digest) else {
        let why = format!("`{}` is no sha256 digest", descriptor.digest);
        return Err(LayoutError::Document(folder.join("index.json"), why));
    };
    let path = blob_path(folder, &digest);
    let bytes = read(&path)?;
    let actual = Digest::of(&bytes);
    if actual != digest || bytes.len() as u64 != descriptor.size {
        return Err(LayoutError::Digest(path, actual));
    }
    Ok(Blob { digest, media_type: descriptor.media_type.clone(), bytes })
}

/// Whether the folder is there and may be replaced: it is empty, or a layout and nothing else.
fn is_replaceable(folder: &Path) -> Result<bool, LayoutError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(LayoutError::write(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(|error| LayoutError::write(folder, error))?.file_name());
    }
    let ours = |name: &std::ffi::OsString| {
        ["blobs", "index.json", "oci-layout"].iter().any(|known| name == known)
    };
    let is_layout = names.iter().any(|name| name == "oci-layout");
    if names.is_empty() || (is_layout && names.iter().all(ours)) {
        Ok(true)
    } else {
        Err(LayoutError::Foreign(folder.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::example as image;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/b/layout");
        let layout = Layout::new(&image(), "1.2.3").unwrap();
        layout.write(&out).unwrap();
        let back = Layout::read(&out).unwrap();
        assert_eq!(back.digest(), layout.digest());
        assert_eq!(back.ref_name.as_deref(), Some("1.2.3"));
        assert_eq!(back.layers[0].bytes, layout.layers[0].bytes);
        assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
    }

    /// The digest is a promise to everybody who pinned it.
    #[test]
    fn equal_input_is_this_digest_and_each_input_counts() {
        let digest = |image: &Image| Layout::new(image, "1").unwrap().digest().clone();
        let mut fixed = image();
        fixed.about.version = "1.0.0".to_owned();
        assert_eq!(
            digest(&fixed).hex(),
            "fc507071dd27cd458880a391121f475b15e057b0ae4a2fa430017f27f80149c8"
        );
        let changes: [fn(&mut Image); 6] = [
            |i| i.time = 1,
            |i| i.user = "0:0".to_owned(),
            |i| i.about.revision = Some("abc".to_owned()),
            |i| i.about.packages = Some(vec![]),
            |i| i.entrypoint.push("x".to_owned()),
            |i| i.entries[0].mode = 0o700,
        ];
        let mut seen = vec![digest(&fixed)];
        for change in changes {
            let mut other = fixed.clone();
            change(&mut other);
            seen.push(digest(&other));
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 7);
    }

    #[test]
    fn json_has_its_keys_sorted() {
        let layout = Layout::new(&image(), "1").unwrap();
        let documents = [
            to_json(&layout.index()).unwrap(),
            layout.manifest.bytes.clone(),
            layout.config.bytes.clone(),
        ];
        for bytes in documents {
            let text = String::from_utf8(bytes).unwrap();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(sorted(&value), text);
        }
    }

    fn sorted(value: &serde_json::Value) -> String {
        use serde_json::Value;
        match value {
            Value::Object(map) => {
                let map: std::collections::BTreeMap<_, _> = map.iter().collect();
                let each = map.iter().map(|(k, v)| format!("{:?}:{}", k, sorted(v)));
                format!("{{{}}}", each.collect::<Vec<_>>().join(","))
            }
            Value::Array(items) => {
                format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(","))
            }
            other => other.to_string(),
        }
    }

    #[test]
    fn a_layout_is_replaced_and_anything_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("layout");
        Layout::new(&image(), "old").unwrap().write(&out).unwrap();
        let mut other = image();
        other.time = 5;
        let new = Layout::new(&other, "new").unwrap();
        new.write(&out).unwrap();
        assert_eq!(Layout::read(&out).unwrap().digest(), new.digest());
        assert_eq!(fs::read_dir(out.join("blobs/sha256")).unwrap().count(), 3);

        fs::write(out.join("notes.txt"), "mine").unwrap();
        assert!(matches!(new.write(&out), Err(LayoutError::Foreign(_))));
        assert_eq!(fs::read_to_string(out.join("notes.txt")).unwrap(), "mine");
        let plain = folder.path().join("plain");
        fs::create_dir(&plain).unwrap();
        fs::write(plain.join("index.json"), "mine").unwrap();
        assert!(matches!(new.write(&plain), Err(LayoutError::Foreign(_))));
    }

    #[test]
    fn damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let layout = Layout::new(&image(), "1").unwrap();
        for blob in [&layout.manifest, &layout.config, &layout.layers[0]] {
            layout.write(out).unwrap();
            let path = blob_path(out, &blob.digest);
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(matches!(Layout::read(out), Err(LayoutError::Digest(..))));
        }
        layout.write(out).unwrap();
        fs::remove_file(out.join("oci-layout")).unwrap();
        assert!(matches!(Layout::read(out), Err(LayoutError::Missing(..))));
    }

    #[test]
    fn names_follow_the_specification() {
        for good in ["1", "0.1.0", "latest", "a/b:1.0", "v1--x", "1.0+build"] {
            assert!(is_ref_name(good), "{good:?}");
        }
        for bad in ["", "-a", "a-", "a b", "a//b", "ä", "a..b", "a\n"] {
            assert!(!is_ref_name(bad), "{bad:?}");
            assert!(matches!(Layout::new(&image(), bad), Err(LayoutError::RefName(_))));
        }
    }
}
