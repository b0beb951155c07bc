//! A file system layer: a gzipped tar whose bytes depend on its content alone.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::ImageError;

/// A file of the image. Its parent folders are added.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its absolute path, without `.` and `..`: `/usr/local/bin/app`.
    pub path: String,
    /// Its permissions; the owner is root.
    pub mode: u32,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A layer in the two forms that have digests.
#[derive(Debug)]
pub(super) struct Layer {
    /// The form that the configuration's `diff_ids` name.
    pub tar: Vec<u8>,
    /// The form that the manifest names and a registry keeps.
    pub gzip: Vec<u8>,
}

/// The largest time in a ustar header, in seconds: 11 octal digits.
const MAX_TIME: u64 = 0o777_7777_7777;

/// The same on every machine: 255 is gzip's "unknown" (RFC 1952, section 2.3.1).
const NO_OS: u8 = 255;

/// Fixed, like the compressor (miniz_oxide, by Cargo.lock): a change of either changes every digest.
/// The gate is 1.3 % larger with level 4 than with 6, and packed in 60 % of the time.
const LEVEL: Compression = Compression::new(4);

/// Packs files; each carries this time, in seconds since 1970.
pub(super) fn pack_layer(entries: &[Entry], time: u64) -> Result<Layer, ImageError> {
    if time > MAX_TIME {
        return Err(ImageError::new(format!(
            "invalid time `{time}`: expected 0 to {MAX_TIME} seconds since 1970"
        )));
    }
    let mut entries: Vec<&Entry> = entries.iter().collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(entry) = entries.iter().find(|entry| !is_file_path(&entry.path)) {
        return Err(ImageError::new(format!(
            "invalid path `{}` in an image: expected an absolute path without `.` and `..`",
            entry.path
        )));
    }
    write_layer(&entries, time)
        .map_err(|error| ImageError::caused("the layer can't be written", error))
}

fn write_layer(entries: &[&Entry], time: u64) -> io::Result<Layer> {
    let mut tar = Builder::new(Vec::new());
    let mut folders: Vec<String> = Vec::new();
    for entry in entries {
        let path = entry.path.trim_start_matches('/');
        for (end, _) in path.match_indices('/') {
            let folder = format!("{}/", &path[..end]);
            if !folders.contains(&folder) {
                append_entry(&mut tar, &folder, EntryType::Directory, 0o755, time, &[])?;
                folders.push(folder);
            }
        }
        append_entry(&mut tar, path, EntryType::Regular, entry.mode, time, &entry.bytes)?;
    }
    let tar = tar.into_inner()?;
    let mut gzip = GzBuilder::new().mtime(0).operating_system(NO_OS).write(Vec::new(), LEVEL);
    gzip.write_all(&tar)?;
    let gzip = gzip.finish()?;
    Ok(Layer { tar, gzip })
}

fn is_file_path(path: &str) -> bool {
    let names = path.strip_prefix('/').unwrap_or("");
    names.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

fn append_entry(
    tar: &mut Builder<Vec<u8>>,
    path: &str,
    kind: EntryType,
    mode: u32,
    time: u64,
    bytes: &[u8],
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path(path)?;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(time);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    tar.append(&header, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_at(path: &str) -> Entry {
        Entry { path: path.to_owned(), mode: 0o755, bytes: path.as_bytes().to_vec() }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter() {
        let one = pack_layer(&[file_at("/usr/bin/a"), file_at("/home/b")], 7).unwrap();
        let other = pack_layer(&[file_at("/home/b"), file_at("/usr/bin/a")], 7).unwrap();
        assert_eq!(one.gzip, other.gzip);
        assert_ne!(
            one.gzip,
            pack_layer(&[file_at("/home/b"), file_at("/usr/bin/a")], 8).unwrap().gzip
        );
    }

    #[test]
    fn every_entry_belongs_to_root_and_follows_its_folders() {
        let layer =
            pack_layer(&[file_at("/usr/local/bin/a"), file_at("/usr/local/b")], 1_700_000_000)
                .unwrap();
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
    fn the_gzip_header_has_no_time_file_or_system() {
        let layer = pack_layer(&[file_at("/a")], 0).unwrap();
        assert_eq!(layer.gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    /// A new compressor or tar writer must not change digests unnoticed.
    #[test]
    fn the_bytes_never_change() {
        let layer = pack_layer(&[file_at("/usr/bin/a"), file_at("/b")], 0).unwrap();
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
            let error = pack_layer(&[file_at(path)], 0).unwrap_err().to_string();
            assert!(error.starts_with("invalid path `"), "{path:?}: {error}");
        }
        let error = pack_layer(&[file_at("/a")], 1 << 33).unwrap_err().to_string();
        assert!(error.starts_with("invalid time `8589934592`"), "{error}");
    }
}
