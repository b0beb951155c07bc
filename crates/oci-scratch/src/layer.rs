//! A file system layer: a gzipped tar whose bytes depend on nothing but what it holds.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// A file of the image. Folders on the way to it are made for it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Absolute, without `.` and `..`: `/usr/local/bin/app`.
    pub path: String,
    /// Its permissions; the owner is root.
    pub mode: u32,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Why a layer can't be written.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Relative, with dots, or empty.
    #[error("`{0}` is no absolute path of a file")]
    Path(String),
    /// ustar has 11 octal digits for it.
    #[error(
        "the time {0} does not fit a tar header; it must be 0 to 8589934591 seconds since 1970"
    )]
    Time(u64),
    /// The tar writer's own complaint: a path over ustar's length.
    #[error("the layer can't be written: {0}")]
    Tar(#[from] io::Error),
}

/// A layer in both forms that OCI digests.
#[derive(Debug)]
pub(super) struct Layer {
    /// What the configuration's `diff_ids` name.
    pub tar: Vec<u8>,
    /// What the manifest names and a registry keeps.
    pub gzip: Vec<u8>,
}

/// The largest number of ustar's time field.
const MAX_TIME: u64 = 0o777_7777_7777;

/// OCI asks for nothing here, so that every machine writes the same: 255 is gzip's "unknown" (RFC
/// 1952, section 2.3.1).
const NO_OS: u8 = 255;

/// Fixed, as is the compressor (miniz_oxide, by Cargo.lock): either changes every digest. Of the
/// gate, level 4 is 1.3 % larger than 6 and takes 60 % of its time.
const LEVEL: Compression = Compression::new(4);

/// Packs files; each carries this time, in seconds since 1970.
pub(super) fn pack(entries: &[Entry], time: u64) -> Result<Layer, EntryError> {
    if time > MAX_TIME {
        return Err(EntryError::Time(time));
    }
    let mut entries: Vec<&Entry> = entries.iter().collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let mut tar = Builder::new(Vec::new());
    let mut folders: Vec<String> = Vec::new();
    for entry in entries {
        let path = relative(&entry.path)?;
        for (end, _) in path.match_indices('/') {
            let folder = format!("{}/", &path[..end]);
            if !folders.contains(&folder) {
                append(&mut tar, &folder, EntryType::Directory, 0o755, time, &[])?;
                folders.push(folder);
            }
        }
        append(&mut tar, path, EntryType::Regular, entry.mode, time, &entry.bytes)?;
    }
    let tar = tar.into_inner()?;
    let mut gzip = GzBuilder::new().mtime(0).operating_system(NO_OS).write(Vec::new(), LEVEL);
    gzip.write_all(&tar)?;
    let gzip = gzip.finish()?;
    Ok(Layer { tar, gzip })
}

fn relative(path: &str) -> Result<&str, EntryError> {
    let wrong = || EntryError::Path(path.to_owned());
    let relative = path.strip_prefix('/').ok_or_else(wrong)?;
    let is_name = |part: &str| !matches!(part, "" | "." | "..");
    relative.split('/').all(is_name).then_some(relative).ok_or_else(wrong)
}

fn append(
    tar: &mut Builder<Vec<u8>>,
    path: &str,
    kind: EntryType,
    mode: u32,
    time: u64,
    bytes: &[u8],
) -> Result<(), EntryError> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path(path)?;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(time);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    Ok(tar.append(&header, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Entry {
        Entry { path: path.to_owned(), mode: 0o755, bytes: path.as_bytes().to_vec() }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter() {
        let one = pack(&[file("/usr/bin/a"), file("/home/b")], 7).unwrap();
        let other = pack(&[file("/home/b"), file("/usr/bin/a")], 7).unwrap();
        assert_eq!(one.gzip, other.gzip);
        assert_ne!(one.gzip, pack(&[file("/home/b"), file("/usr/bin/a")], 8).unwrap().gzip);
    }

    #[test]
    fn every_entry_is_roots_with_the_time_given_and_its_folders_before_it() {
        let layer = pack(&[file("/usr/local/bin/a"), file("/usr/local/b")], 1_700_000_000).unwrap();
        let mut archive = tar::Archive::new(&*layer.tar);
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert!(header.as_ustar().is_some());
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            assert_eq!(header.mode().unwrap(), 0o755);
            seen.push(entry.path().unwrap().to_str().unwrap().to_owned());
        }
        let expected = ["usr/", "usr/local/", "usr/local/b", "usr/local/bin/", "usr/local/bin/a"];
        assert_eq!(seen, expected);
    }

    #[test]
    fn the_gzip_header_names_no_time_no_file_and_no_system() {
        let layer = pack(&[file("/a")], 0).unwrap();
        assert_eq!(layer.gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    /// A new compressor or tar writer must not change digests unnoticed.
    #[test]
    fn the_bytes_are_these_and_no_others() {
        let layer = pack(&[file("/usr/bin/a"), file("/b")], 0).unwrap();
        assert_eq!(
            crate::Digest::of(&layer.tar).hex(),
            "11534e1bde2b25618a2e14b003a1051d2108faffb4a85ba3852572cb4a5fe1be"
        );
        assert_eq!(
            crate::Digest::of(&layer.gzip).hex(),
            "c5a5ac44e817dc0f93dcc1003b87f4658b159fab933d46598c24eed4381e46c6"
        );
    }

    #[test]
    fn paths_that_leave_the_image_are_refused() {
        for path in ["", "/", "a", "/a/", "/a//b", "/../a", "/a/./b"] {
            assert!(matches!(pack(&[file(path)], 0), Err(EntryError::Path(_))), "{path:?}");
        }
        assert!(matches!(pack(&[file("/a")], 1 << 33), Err(EntryError::Time(_))));
    }
}
