//! The project's folder: which files there are, read within bounds.
//!
//! In: the root that the user names. Out: texts. The repository is not trusted: what is found in it,
//! or named by its values, must lie inside the root once links are followed, be a plain file and be
//! small. What the user names on the command line may lie anywhere.

pub mod load;
pub mod write;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::values::RelativePath;
use yaml_spans::source::Source;
use yaml_spans::{MAX_BYTES, near_name};

/// The largest file that is read, in bytes: values, a template or a policy.
const FILE: u64 = 256 << 10;
/// The most files that one folder is read for.
const FILES: usize = 20_000;

/// Why the project's files can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// The system says no.
    #[error("{path} can't be read: {reason}")]
    Unreadable {
        /// The file, as the user would write it.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A link leads out of the root.
    #[error("{path} leads out of the project: files of a repository must lie inside it")]
    Outside {
        /// The file.
        path: String,
    },
    /// A folder, a pipe, a device.
    #[error("{path} is no plain file")]
    NotAFile {
        /// What is there.
        path: String,
    },
    /// Too large.
    #[error("{path} is larger than {limit} KiB")]
    TooLarge {
        /// The file.
        path: String,
        /// The bound, in KiB.
        limit: u64,
    },
    /// Too many files.
    #[error("{path} holds more than {FILES} files")]
    TooMany {
        /// The folder.
        path: String,
    },
    /// No UTF-8.
    #[error("{path} is not UTF-8")]
    NotUtf8 {
        /// The file.
        path: String,
    },
    /// No stack of this name.
    #[error("there is no stack `{name}` in {folder}/{}", .near.as_deref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    NoStack {
        /// The name.
        name: String,
        /// The folder of values.
        folder: String,
        /// A name that is near.
        near: Option<String>,
    },
    /// No values at all.
    #[error("there is no values file in {folder}/: `tts-render init NAME` writes a first one")]
    NoStacks {
        /// The folder of values.
        folder: String,
    },
}

/// A folder that holds `values/`, perhaps `templates/`, and what values name.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

/// A stack's values file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackFile {
    /// The stem of the file's name: what the stack must be named.
    pub stem: String,
    path: PathBuf,
    /// Named on the command line by its path, so it may lie anywhere.
    trusted: bool,
}

impl Project {
    /// The folder of values, under the root.
    pub const VALUES: &'static str = "values";
    /// The folder of the owners' policies, under the root.
    pub const POLICIES: &'static str = "policies";
    /// The folder of templates, under the root.
    pub const TEMPLATES: &'static str = "templates";

    /// The project in a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Project { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All stacks, by name: each `.yaml` in `values/`.
    pub fn stacks(&self) -> Result<Vec<StackFile>, ProjectError> {
        let folder = self.root.join(Self::VALUES);
        let mut stacks: Vec<_> = files_of(&folder, ".yaml")?
            .into_iter()
            .map(|(stem, path)| StackFile { stem, path, trusted: false })
            .collect();
        stacks.sort();
        if stacks.is_empty() {
            return Err(ProjectError::NoStacks { folder: Self::VALUES.to_owned() });
        }
        Ok(stacks)
    }

    /// The owners' policies: each `.yaml` in `policies/`.
    pub fn policies(&self) -> Result<Vec<Source>, ProjectError> {
        let files = files_of(&self.root.join(Self::POLICIES), ".yaml")?;
        files.into_iter().map(|(_, path)| self.read_inside(&path)).collect()
    }

    /// One stack, as the user names it: by name, or by the path of its file.
    pub fn stack(&self, name: &str) -> Result<StackFile, ProjectError> {
        if name.contains('/') || name.ends_with(".yaml") {
            let path = PathBuf::from(name);
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let beside_root = self.root.join(&path);
            let path = if path.exists() { path } else { beside_root };
            return Ok(StackFile { stem: stem.unwrap_or_default(), path, trusted: true });
        }
        let mut stacks = self.stacks()?;
        match stacks.iter().position(|stack| stack.stem == name) {
            Some(at) => Ok(stacks.swap_remove(at)),
            None => Err(ProjectError::NoStack {
                name: name.to_owned(),
                folder: Self::VALUES.to_owned(),
                near: near_name(name, stacks.iter().map(|stack| stack.stem.as_str()))
                    .map(str::to_owned),
            }),
        }
    }

    /// A stack's values.
    pub fn read_stack(&self, stack: &StackFile) -> Result<Source, ProjectError> {
        if stack.trusted { read_named(&stack.path) } else { self.read_inside(&stack.path) }
    }

    /// The repository's own templates: file names and sources. None where there is no such folder.
    /// `folder` is one that the user named instead.
    pub fn templates(&self, folder: Option<&Path>) -> Result<Vec<(String, Source)>, ProjectError> {
        let inside = self.root.join(Self::TEMPLATES);
        let files = match folder {
            Some(folder) => files_of(folder, ".yaml.j2")?,
            None if inside.is_dir() => files_of(&inside, ".yaml.j2")?,
            None => Vec::new(),
        };
        let read = |path: &Path| match folder {
            Some(_) => read_named(path),
            None => self.read_inside(path),
        };
        let template =
            |(stem, path): (String, PathBuf)| Ok((format!("{stem}.yaml.j2"), read(&path)?));
        files.into_iter().map(template).collect()
    }

    /// A file that values name.
    pub fn read_relative(&self, path: &RelativePath) -> Result<Source, ProjectError> {
        self.read_inside(&self.root.join(path.as_str()))
    }

    /// A file under the root; its name in messages is the path from there.
    fn read_inside(&self, path: &Path) -> Result<Source, ProjectError> {
        let name = self.display(path);
        let real = |path: &Path| path.canonicalize().map_err(|error| unreadable(&name, &error));
        if !real(path)?.starts_with(real(&self.root)?) {
            return Err(ProjectError::Outside { path: name });
        }
        read_source(path, &name, FILE)
    }

    /// A path as messages name it: from the root.
    pub fn display(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// A file that the user named on the command line: it may lie anywhere.
pub fn read_named(path: &Path) -> Result<Source, ProjectError> {
    read_source(path, &path.display().to_string(), FILE)
}

/// A file of manifests, which may be as large as the reader of YAML takes; `-` is standard input.
pub fn read_manifests(path: &Path) -> Result<Source, ProjectError> {
    let limit = MAX_BYTES as u64;
    if path == Path::new("-") {
        let name = "(standard input)";
        return Ok(Source::written(name, text_of(io::stdin().lock(), name, 0, limit)?));
    }
    read_source(path, &path.display().to_string(), limit)
}

/// Writes a file beside the old one and renames it, so that it is whole at any moment; its mode
/// stays. A link stays a link: the file that it leads to is replaced.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tts-render-").suffix(".tmp");
    // Made by us, so that an error does not name the temporary file.
    let mut beside = builder.make_in(folder, |path| fs::File::create_new(path))?;
    beside.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    beside.as_file_mut().write_all(text.as_bytes())?;
    beside.persist(&file)?;
    Ok(())
}

fn read_source(path: &Path, name: &str, limit: u64) -> Result<Source, ProjectError> {
    Ok(Source::written(name, read_text(path, name, limit)?))
}

/// Reads a regular file of at most `limit` bytes as text; messages call it `name`.
pub(crate) fn read_text(path: &Path, name: &str, limit: u64) -> Result<String, ProjectError> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(name, &error))?;
    // Before it is opened: opening a pipe waits for its other end.
    if !metadata.is_file() {
        return Err(ProjectError::NotAFile { path: name.to_owned() });
    }
    let file = fs::File::open(path).map_err(|error| unreadable(name, &error))?;
    text_of(file, name, metadata.len(), limit)
}

fn text_of(from: impl Read, name: &str, expected: u64, limit: u64) -> Result<String, ProjectError> {
    let path = || name.to_owned();
    let bytes = read_at_most(from, expected, limit)
        .map_err(|error| unreadable(name, &error))?
        .ok_or_else(|| ProjectError::TooLarge { path: path(), limit: limit >> 10 })?;
    String::from_utf8(bytes).map_err(|_| ProjectError::NotUtf8 { path: path() })
}

/// Reads all bytes, of which there are probably `expected`; `None` if there are more than `limit`.
pub(crate) fn read_at_most(
    from: impl Read,
    expected: u64,
    limit: u64,
) -> io::Result<Option<Vec<u8>>> {
    // One byte more, so that the end is found without growing.
    let mut bytes = Vec::with_capacity(expected.min(limit) as usize + 1);
    from.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// The files of a folder that end so: what stands before the ending, and the path; by name.
fn files_of(folder: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, ProjectError> {
    let name = folder.display().to_string();
    let failed = |error: io::Error| unreadable(&name, &error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        match file_name.strip_suffix(ending) {
            Some(stem) if !stem.is_empty() && !stem.starts_with('.') => {
                files.push((stem.to_owned(), entry.path()));
            }
            _ => {}
        }
        if files.len() > FILES {
            return Err(ProjectError::TooMany { path: name });
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &str, error: &io::Error) -> ProjectError {
    ProjectError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_can_not_be_replaced_is_said_without_the_temporary_file() {
        // A folder in which nobody can make a file, the superuser neither.
        let message = replace(Path::new("/proc/version"), "").unwrap_err().to_string();
        assert!(!message.contains(".tts-render-") && message.contains("os error"), "{message}");
    }
}
