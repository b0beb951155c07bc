//! Finds the project around a folder, as Git and Cargo do.
//!
//! In: a folder. Out: the nearest folder upwards that holds a project. The search never goes above the top
//! of the Git work tree: the folders there are another repository's, or nobody's.

use std::fs;
use std::path::{Path, PathBuf};

use super::Project;
use super::list::MAX_FILES;
use crate::git::find_work_tree_top;

/// The root of a project, found from a folder at or below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRoot {
    /// The root, as a path from where the folder was given: `.`, `..`, `../..`.
    pub root: PathBuf,
    /// The number of folders from the root down to the start.
    pub depth: usize,
}

/// Finds the project's root: the nearest of a folder and at most `max_depth` folders above it that has a
/// values file in `values/`. The folders above are the real ones, so a link on the path is not followed
/// back.
pub fn find_root(start: &Path, max_depth: usize) -> Option<FoundRoot> {
    let real = start.canonicalize().ok()?;
    let top = find_work_tree_top(&real);
    for (depth, folder) in real.ancestors().enumerate().take(max_depth.saturating_add(1)) {
        if is_project(folder) {
            return Some(FoundRoot { root: folder_above(start, depth), depth });
        }
        if top.as_deref() == Some(folder) {
            return None;
        }
    }
    None
}

/// The path of the folder that is some levels above another.
fn folder_above(start: &Path, depth: usize) -> PathBuf {
    let is_here = start == Path::new(".") || start == Path::new("");
    let up = std::iter::repeat_n("..", depth);
    match (is_here, depth) {
        (_, 0) => start.to_owned(),
        (true, _) => up.collect(),
        (false, _) => up.fold(start.to_owned(), |path, up| path.join(up)),
    }
}

/// Returns true for a folder with `values/` that holds a values file or its schema. A folder that this
/// program wrote is not one: a namespace may be named `values`, and so its folder in `rendered/`.
fn is_project(folder: &Path) -> bool {
    let values = folder.join(Project::VALUES);
    if values.join(super::write::PROVENANCE).exists() {
        return false;
    }
    let Ok(entries) = fs::read_dir(values) else { return false };
    entries.take(MAX_FILES).flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_values = [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending));
        is_values && !name.starts_with('.') || name == Project::SCHEMA
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of folders and files (which end in a dot and letters), and the root that is found from a
    /// folder of it.
    fn find_in(files: &[&str], start: &str) -> Option<(String, usize)> {
        let tree = tempfile::tempdir().unwrap();
        for file in files {
            let path = tree.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let start = tree.path().join(start);
        fs::create_dir_all(&start).unwrap();
        let found = find_root(&start, usize::MAX)?;
        let root = found.root.canonicalize().unwrap();
        let root = root.strip_prefix(tree.path().canonicalize().unwrap()).unwrap();
        Some((root.display().to_string(), found.depth))
    }

    #[test]
    fn the_nearest_folder_with_a_values_file_is_the_root() {
        let files = ["values/a.yaml", "rendered/a/x.yaml", "sub/values/schema.json", "docs/x.md"];
        for (start, root, depth) in [
            ("", "", 0),
            ("docs", "", 1),
            ("values", "", 1),
            ("rendered/a", "", 2),
            ("sub", "sub", 0),
            ("sub/values", "sub", 1),
            ("sub/deep/er", "sub", 2),
        ] {
            assert_eq!(find_in(&files, start), Some((root.to_owned(), depth)), "{start}");
        }
    }

    #[test]
    fn a_folder_named_values_without_values_files_is_not_a_project() {
        let files = ["values/a.yaml", "src/values/mod.rs", "rendered/values/.provenance"];
        for start in ["src", "src/values", "rendered", "rendered/values"] {
            assert_eq!(find_in(&files, start).unwrap().0, "", "{start}");
        }
        let written = ["values/a.yaml", "rendered/values/.provenance", "rendered/values/x.yaml"];
        assert_eq!(find_in(&written, "rendered").unwrap().0, "");
    }

    #[test]
    fn the_search_ends_at_the_top_of_the_work_tree() {
        let files = ["values/a.yaml", "clone/.git/HEAD", "clone/sub/x.md"];
        assert_eq!(find_in(&files, "clone/sub"), None);
        assert_eq!(find_in(&files, "clone"), None);
        // A worktree and a submodule have a file in place of the folder.
        assert_eq!(find_in(&["values/a.yaml", "clone/.git"], "clone/sub"), None);
        let own = ["values/a.yaml", "clone/.git/HEAD", "clone/values/b.yaml"];
        assert_eq!(find_in(&own, "clone/sub/deep"), Some(("clone".to_owned(), 2)));
    }

    #[test]
    fn a_root_is_a_path_from_where_the_folder_was_given() {
        assert_eq!(folder_above(Path::new("."), 0), Path::new("."));
        assert_eq!(folder_above(Path::new("."), 2), Path::new("../.."));
        assert_eq!(folder_above(Path::new("a"), 1), Path::new("a/.."));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_to_the_folders_above_its_target() {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["values", "elsewhere/docs"] {
            fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        fs::write(tree.path().join("values/a.yaml"), "").unwrap();
        fs::create_dir(tree.path().join("elsewhere/.git")).unwrap();
        let link = tree.path().join("docs");
        std::os::unix::fs::symlink("elsewhere/docs", &link).unwrap();
        assert_eq!(find_root(&link, usize::MAX), None);
    }
}
