//! Files that the kubelet mounts: regular and small, or not read at all.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most bytes of a mounted file; a token has about a thousand, a bundle of certificates some
/// thousands.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a file whole.
///
/// # Errors
/// A message if it is not a regular file, or can't be read, or is too large.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(file).map_err(|error| error.to_string())?;
    // Before it is opened: opening a FIFO waits for its other end.
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("is larger than 1 MiB".to_owned());
    }
    Ok(bytes)
}

/// Reads a text file whole.
///
/// # Errors
/// A message if it can't be read, or is not UTF-8.
pub(crate) fn read_text(file: &Path) -> Result<String, String> {
    String::from_utf8(read(file)?).map_err(|_| "is not UTF-8".to_owned())
}
