//! The names of files in reports for a forge, which looks for them from the top of the repository.

use std::path::{Component, Path, PathBuf};

use crate::git::find_work_tree_top;

/// Makes the names of files relative to the repository. Without a Git work tree they are relative to the
/// folder that the command was started in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgePaths {
    /// The project's root.
    pub project: PathBuf,
    /// The working directory.
    pub here: PathBuf,
}

impl ForgePaths {
    /// The names for a project's root, relative to the working directory; `directory` is the folder that
    /// the command changed to (`-C`).
    pub fn find(root: &Path, directory: &Path) -> Self {
        let outside_git =
            || ForgePaths { project: without_dots(&directory.join(root)), here: directory.into() };
        let Some(top) = find_work_tree_top(Path::new(".")) else { return outside_git() };
        let below_top = |folder: &Path| {
            let real = folder.canonicalize().ok()?;
            Some(real.strip_prefix(&top).ok()?.to_owned())
        };
        match (below_top(root), below_top(Path::new("."))) {
            (Some(project), Some(here)) => ForgePaths { project, here },
            _ => outside_git(),
        }
    }

    /// The name of a project's file, which messages name from its root.
    pub(crate) fn of_project(&self, file: &str) -> String {
        path_beneath(&self.project, file)
    }

    /// The name of a file that the user named from the working directory.
    pub(crate) fn of_argument(&self, file: &str) -> String {
        path_beneath(&self.here, file)
    }
}

/// The name of a file in a folder.
pub(crate) fn path_beneath(folder: &Path, file: &str) -> String {
    without_dots(&folder.join(file)).display().to_string()
}

/// A path without `.`, and without each folder that a `..` leaves again.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if clean.file_name().is_some() => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_repository() {
        let paths = ForgePaths { project: "infra".into(), here: "infra/docs".into() };
        assert_eq!(paths.of_project("values/a.yaml"), "infra/values/a.yaml");
        assert_eq!(paths.of_argument("../overlays/x.yaml"), "infra/overlays/x.yaml");
        assert_eq!(paths.of_argument("/tmp/x.yaml"), "/tmp/x.yaml");
        assert_eq!(ForgePaths::default().of_project("./values/a.yaml"), "values/a.yaml");
    }

    #[test]
    fn dots_are_resolved_by_name() {
        for (path, clean) in [
            ("a/./b", "a/b"),
            ("a/b/../c", "a/c"),
            ("../a", "../a"),
            ("../../a/..", "../.."),
            (".", ""),
        ] {
            assert_eq!(without_dots(Path::new(path)), Path::new(clean), "{path}");
        }
    }
}
