//! Files that are read whole, within a limit.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::error::{ProjectError, unreadable};
use yaml_spans::MAX_BYTES;
use yaml_spans::source::Source;

/// The largest file that is read, in bytes: values, a template or a policy.
pub(super) const MAX_FILE_BYTES: u64 = 256 << 10;

/// Returns true for `-`; a file of that name is `./-`.
pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a file of manifests, up to the YAML reader's own limit; `-` is standard input.
pub fn read_manifests(path: &Path) -> Result<Source, ProjectError> {
    let limit = MAX_BYTES as u64;
    if is_standard_input(path) {
        let name = "(standard input)";
        return Ok(Source::written(
            name,
            into_text(take_bytes(io::stdin().lock(), name, 0, limit)?, name)?,
        ));
    }
    read_source(path, &path.display().to_string(), limit)
}

pub(super) fn read_source(path: &Path, name: &str, limit: u64) -> Result<Source, ProjectError> {
    Ok(Source::written(name, read_text(path, name, limit)?))
}

/// Reads a regular file of at most `limit` bytes as text; messages call it `name`.
pub(crate) fn read_text(path: &Path, name: &str, limit: u64) -> Result<String, ProjectError> {
    into_text(read_bytes(path, name, limit)?, name)
}

/// Reads a regular file of at most `limit` bytes; messages call it `name`.
pub(super) fn read_bytes(path: &Path, name: &str, limit: u64) -> Result<Vec<u8>, ProjectError> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(name, &error))?;
    // Checked before it is opened: opening a pipe waits for its other end.
    if !metadata.is_file() {
        return Err(ProjectError::NotAFile { path: name.to_owned() });
    }
    let file = fs::File::open(path).map_err(|error| unreadable(name, &error))?;
    take_bytes(file, name, metadata.len(), limit)
}

fn take_bytes(
    from: impl Read,
    name: &str,
    expected: u64,
    limit: u64,
) -> Result<Vec<u8>, ProjectError> {
    let bytes = read_at_most(from, expected, limit).map_err(|error| unreadable(name, &error))?;
    bytes.ok_or_else(|| ProjectError::TooLarge { path: name.to_owned(), limit: limit >> 10 })
}

fn into_text(bytes: Vec<u8>, name: &str) -> Result<String, ProjectError> {
    String::from_utf8(bytes).map_err(|error| not_utf8(name, error.as_bytes()))
}

/// The error of a text in another encoding.
pub(crate) fn not_utf8(name: &str, bytes: &[u8]) -> ProjectError {
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let advice = match is_utf16 {
        true => ": it is UTF-16, as PowerShell's `>` and some editors write it; save it as UTF-8",
        false => ": save it as UTF-8",
    };
    ProjectError::NotUtf8 { path: name.to_owned(), advice }
}

/// Reads all bytes, of which there are probably `expected`; `None` if there are more than `limit`.
pub fn read_at_most(from: impl Read, expected: u64, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // One byte more, so that the end is found without growing.
    let mut bytes = Vec::with_capacity(expected.min(limit) as usize + 1);
    from.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}
