//! The files of a tree with their contents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Every file below a folder with its content, by relative path; links are not followed.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Every file below some folders of a tree, by path from the tree; a missing folder has none.
pub fn files<'a>(tree: &Path, folders: impl IntoIterator<Item = &'a str>) -> Files {
    let mut all = Files::new();
    for folder in folders {
        collect(tree, &tree.join(folder), &mut all);
    }
    all
}

/// Every file of a tree.
pub fn all_files(tree: &Path) -> Files {
    files(tree, [""])
}

fn collect(tree: &Path, folder: &Path, all: &mut Files) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            collect(tree, &entry.path(), all);
        } else if kind.is_file() {
            let name = entry.path().strip_prefix(tree).unwrap().to_owned();
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// Returns true for the name of a temporary file of `tts-render`.
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.starts_with(".tts-render-") && name.ends_with(".tmp")
}

/// Returns true for `.provenance`, which lists the files that `tts-render` wrote.
pub fn is_provenance(path: &Path) -> bool {
    path.ends_with(".provenance")
}

/// Foreign files in a tree, with the marks that show whether they were touched.
pub struct Foreign {
    tree: PathBuf,
    planted: Vec<(PathBuf, Mark)>,
}

/// The properties that change if a file is written, replaced or gets another mode.
type Mark = (Vec<u8>, u64, u32, [i64; 4]);

impl Foreign {
    /// Creates foreign files in a tree: in its root, in a folder of their own, and in these folders.
    pub fn plant(tree: &Path, folders: &BTreeSet<&String>) -> Self {
        let mut names = vec!["README.md".to_owned(), "foreign/app.yaml".to_owned()];
        for folder in folders {
            names.extend(
                ["NOTES.md", "foreign.yaml", ".gitkeep", ".tts-render.tmp", "more/foreign.yaml"]
                    .map(|name| format!("{folder}/{name}")),
            );
        }
        let mut planted = Vec::new();
        for name in names {
            let path = tree.join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("foreign: {name}\n")).unwrap();
            planted.push((name.into(), mark(&path)));
        }
        Foreign { tree: tree.to_owned(), planted }
    }

    /// Returns true for the path of a foreign file.
    pub fn contains(&self, path: &Path) -> bool {
        self.planted.iter().any(|(name, _)| name == path)
    }

    /// Asserts that none was touched.
    #[track_caller]
    pub fn assert_untouched(&self) {
        for (name, before) in &self.planted {
            assert_eq!(mark(&self.tree.join(name)), *before, "{} was touched", name.display());
        }
    }

    /// Deletes them.
    pub fn remove(self) {
        for (name, _) in &self.planted {
            fs::remove_file(self.tree.join(name)).unwrap();
            // And its folder, if nothing else is in it.
            let _ = fs::remove_dir(self.tree.join(name).parent().unwrap());
        }
    }
}

fn mark(path: &Path) -> Mark {
    let metadata = fs::symlink_metadata(path).unwrap();
    let bytes = fs::read(path).unwrap();
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    (bytes, metadata.ino(), metadata.mode(), times)
}
