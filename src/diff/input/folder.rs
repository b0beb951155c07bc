//! The text files of a folder on disk.

use std::fs;
use std::io;
use std::path::Path;

use super::{InputError, MAX_FILES, MAX_SNAPSHOT_BYTES, TextFiles, is_compared};
use crate::project::{Project, ProjectError, read_text};
use yaml_spans::MAX_BYTES;

/// The deepest folder that is read, counted from the one that the user names.
const MAX_DEPTH: usize = 8;

/// Reads the compared files of a folder and of the folders in it.
pub(super) fn read_folder(project: &Project, folder: &Path) -> Result<TextFiles, InputError> {
    let max_bytes = project.scale_limit(MAX_SNAPSHOT_BYTES);
    let mut read = FilesRead { texts: TextFiles::new(), bytes: 0, max_bytes };
    collect_files(folder, "", 0, &mut read)?;
    Ok(read.texts)
}

/// The files that were read so far.
struct FilesRead {
    texts: TextFiles,
    bytes: usize,
    max_bytes: usize,
}

fn collect_files(
    folder: &Path,
    prefix: &str,
    depth: usize,
    read: &mut FilesRead,
) -> Result<(), InputError> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = entry.path();
        let shown = path.display().to_string();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(ProjectError::NotUtf8 { path: shown, advice: "" }.into());
        };
        if name == ".git" {
            continue;
        }
        let kind = entry.file_type().map_err(|error| unreadable(folder, &error))?;
        let is_full = read.texts.len() >= MAX_FILES || read.bytes > read.max_bytes;
        if is_full || depth >= MAX_DEPTH {
            return Err(InputError::TooMany { path: folder.display().to_string() });
        }
        if kind.is_dir() {
            collect_files(&path, &format!("{prefix}{name}/"), depth + 1, read)?;
        } else if kind.is_file() && !is_compared(&name) {
            continue;
        } else if kind.is_file() {
            let text = read_text(&path, &shown, MAX_BYTES as u64)?;
            read.bytes += text.len();
            read.texts.insert(format!("{prefix}{name}"), text.into());
        } else {
            return Err(InputError::NotAFile { path: shown });
        }
    }
    Ok(())
}

fn unreadable(folder: &Path, error: &io::Error) -> ProjectError {
    let (path, reason) = (folder.display().to_string(), error.to_string());
    ProjectError::Unreadable { path, reason, near: None }
}
