//! A folder on the disk.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::{MOST_FILES, SideError, Tree};
use crate::project::write::PROVENANCE;
use yaml_spans::MAX_BYTES;

/// How deep folders are read.
const DEEPEST: usize = 8;

/// Reads every file of a folder, folders in it too. Of what starts with a dot only `.provenance` is
/// read.
pub fn read_folder(folder: &Path) -> Result<Tree, SideError> {
    let mut tree = Tree::new();
    walk(folder, "", 0, &mut tree)?;
    Ok(tree)
}

fn walk(folder: &Path, prefix: &str, depth: usize, tree: &mut Tree) -> Result<(), SideError> {
    let shown = || folder.display().to_string();
    let failed =
        |error: std::io::Error| SideError::Unreadable { path: shown(), reason: error.to_string() };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| SideError::NotUtf8 { path: path.display().to_string() })?;
        if name.starts_with('.') && name != PROVENANCE {
            continue;
        }
        let name = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(failed)?;
        if tree.len() >= MOST_FILES || depth >= DEEPEST {
            return Err(SideError::TooMany { path: shown() });
        }
        if kind.is_dir() {
            walk(&path, &format!("{name}/"), depth + 1, tree)?;
        } else if kind.is_file() {
            tree.insert(name, read(&path)?);
        } else {
            return Err(SideError::NotAFile { path: path.display().to_string() });
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, SideError> {
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| SideError::Unreadable {
        path: shown.clone(),
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_BYTES {
        return Err(SideError::TooLarge { path: shown });
    }
    String::from_utf8(bytes).map_err(|_| SideError::NotUtf8 { path: shown })
}
