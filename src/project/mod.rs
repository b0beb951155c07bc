//! The project's folder: its files, read within bounds.
//!
//! In: the root that the user names. Out: texts. The repository is not trusted: a file of it, or one
//! that its values name, must be inside the root once links are followed, must be a regular file and
//! must be small. A file that the user names on the command line may be anywhere.

pub mod load;
pub mod write;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::values::RelativePath;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Source;
use yaml_spans::{MAX_BYTES, suggest};

/// The largest file that is read, in bytes: values, a template or a policy.
const MAX_FILE_BYTES: u64 = 256 << 10;
/// The most files that are read from one folder.
const MAX_FILES: usize = 20_000;

/// A project's file that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// The system refuses.
    #[error("can't read `{path}`: {reason}")]
    Unreadable {
        /// The file, as the user would write it.
        path: String,
        /// The system's error.
        reason: String,
    },
    /// A link leads out of the root.
    #[error("`{path}` leads out of the project: files of a repository must be inside it")]
    Outside {
        /// The file.
        path: String,
    },
    /// A folder, a pipe, a device.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// Too large.
    #[error("`{path}` is larger than {limit} KiB")]
    TooLarge {
        /// The file.
        path: String,
        /// The limit, in KiB.
        limit: u64,
    },
    /// Too many files.
    #[error("`{path}` contains more than {MAX_FILES} files")]
    TooMany {
        /// The folder.
        path: String,
    },
    /// Not UTF-8.
    #[error("`{path}` is not UTF-8")]
    NotUtf8 {
        /// The file.
        path: String,
    },
    /// A stack that does not exist.
    #[error("there is no stack `{name}` in `{folder}/`{}", .near.as_deref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    NoStack {
        /// The name.
        name: String,
        /// The folder of values.
        folder: String,
        /// A similar name.
        near: Option<String>,
    },
    /// A folder without manifests.
    #[error("there is no .yaml, .yml or .json file below `{folder}`")]
    NoManifests {
        /// The folder.
        folder: String,
    },
    /// A project without values.
    #[error("there is no values file in `{folder}/`: `tts-render init NAME` writes a first one")]
    NoStacks {
        /// The folder of values.
        folder: String,
    },
}

impl From<ProjectError> for Diagnostics {
    fn from(error: ProjectError) -> Self {
        Diagnostic::new(error.to_string()).into()
    }
}

/// A folder with `values/`, perhaps `templates/`, and the files that values name.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

/// A stack's values file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackFile {
    /// The stem of the file's name, which must be the stack's name.
    pub stem: String,
    path: PathBuf,
    /// Named on the command line by its path, so it may be anywhere.
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
        let mut stacks: Vec<_> = list_files(&folder, ".yaml")?
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
        let files = list_files(&self.root.join(Self::POLICIES), ".yaml")?;
        files.into_iter().map(|(_, path)| self.read_inside(&path)).collect()
    }

    /// One stack, as the user names it: by name, or by the path of its file from the working directory.
    /// A name with a slash, or one that ends in `.yaml`, is a path.
    pub fn stack(&self, name: &str) -> Result<StackFile, ProjectError> {
        if name.contains('/') || name.ends_with(".yaml") {
            let path = PathBuf::from(name);
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            return Ok(StackFile { stem: stem.unwrap_or_default(), path, trusted: true });
        }
        let mut stacks = self.stacks()?;
        match stacks.iter().position(|stack| stack.stem == name) {
            Some(at) => Ok(stacks.swap_remove(at)),
            None => Err(ProjectError::NoStack {
                name: name.to_owned(),
                folder: Self::VALUES.to_owned(),
                near: suggest(name, stacks.iter().map(|stack| stack.stem.as_str()))
                    .map(str::to_owned),
            }),
        }
    }

    /// A stack's values.
    pub fn read_stack(&self, stack: &StackFile) -> Result<Source, ProjectError> {
        if stack.trusted { read_named(&stack.path) } else { self.read_inside(&stack.path) }
    }

    /// The repository's own templates: file names and sources; empty without a folder of templates.
    /// `folder` is one that the user named instead.
    pub fn templates(&self, folder: Option<&Path>) -> Result<Vec<(String, Source)>, ProjectError> {
        let inside = self.root.join(Self::TEMPLATES);
        let files = match folder {
            Some(folder) => list_files(folder, ".yaml.j2")?,
            None if inside.is_dir() => list_files(&inside, ".yaml.j2")?,
            None => Vec::new(),
        };
        let mut templates = Vec::with_capacity(files.len());
        for (stem, path) in files {
            let source = match folder {
                Some(_) => read_named(&path)?,
                None => self.read_inside(&path)?,
            };
            templates.push((format!("{stem}.yaml.j2"), source));
        }
        Ok(templates)
    }

    /// A file that values name.
    pub fn read_relative(&self, path: &RelativePath) -> Result<Source, ProjectError> {
        self.read_inside(&self.root.join(path.as_str()))
    }

    /// A file inside the root; its name in messages is the path from there.
    fn read_inside(&self, path: &Path) -> Result<Source, ProjectError> {
        let name = self.shown_path(path);
        let is_inside = path
            .canonicalize()
            .and_then(|path| Ok(path.starts_with(self.root.canonicalize()?)))
            .map_err(|error| unreadable(&name, &error))?;
        if !is_inside {
            return Err(ProjectError::Outside { path: name });
        }
        read_source(path, &name, MAX_FILE_BYTES)
    }

    /// The path from the root, for messages.
    fn shown_path(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Reads a file that the user named on the command line, which may be anywhere.
pub fn read_named(path: &Path) -> Result<Source, ProjectError> {
    read_source(path, &path.display().to_string(), MAX_FILE_BYTES)
}

/// The manifests below a folder (`.yaml`, `.yml`, `.json`), sorted by path; links are not followed. Any
/// other path is returned as it is, and so is `-`, even if a folder has that name.
///
/// # Errors
/// A folder can't be read, or contains no manifest or too many.
pub fn find_manifests(path: &Path) -> Result<Vec<PathBuf>, ProjectError> {
    if is_standard_input(path) || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let name = folder.display().to_string();
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&name, &error))? {
            let entry = entry.map_err(|error| unreadable(&name, &error))?;
            let kind = entry.file_type().map_err(|error| unreadable(&name, &error))?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && is_manifest(&path) {
                files.push(path);
            }
        }
        if files.len() + folders.len() > MAX_FILES {
            return Err(ProjectError::TooMany { path: path.display().to_string() });
        }
    }
    if files.is_empty() {
        return Err(ProjectError::NoManifests { folder: path.display().to_string() });
    }
    files.sort();
    Ok(files)
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|name| end == *name))
}

/// Returns true for `-`; a file of that name is `./-`.
pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a file of manifests, up to the YAML reader's own limit; `-` is standard input.
pub fn read_manifests(path: &Path) -> Result<Source, ProjectError> {
    let limit = MAX_BYTES as u64;
    if is_standard_input(path) {
        let name = "(standard input)";
        return Ok(Source::written(name, decode_text(io::stdin().lock(), name, 0, limit)?));
    }
    read_source(path, &path.display().to_string(), limit)
}

/// Replaces a file's text by renaming a new file onto it, so that it is whole at any moment. The mode
/// stays. A link stays a link: the file that it leads to is replaced.
pub fn replace_file(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tts-render-").suffix(".tmp");
    // Created here, so that an error does not name the temporary file.
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
    // Checked before it is opened: opening a pipe waits for its other end.
    if !metadata.is_file() {
        return Err(ProjectError::NotAFile { path: name.to_owned() });
    }
    let file = fs::File::open(path).map_err(|error| unreadable(name, &error))?;
    decode_text(file, name, metadata.len(), limit)
}

fn decode_text(
    from: impl Read,
    name: &str,
    expected: u64,
    limit: u64,
) -> Result<String, ProjectError> {
    let path = name.to_owned();
    let bytes = read_at_most(from, expected, limit).map_err(|error| unreadable(name, &error))?;
    match bytes.map(String::from_utf8) {
        Some(Ok(text)) => Ok(text),
        Some(Err(_)) => Err(ProjectError::NotUtf8 { path }),
        None => Err(ProjectError::TooLarge { path, limit: limit >> 10 }),
    }
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

/// The files of a folder whose names have an ending: the name without the ending and the path, by name.
fn list_files(folder: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, ProjectError> {
    let name = folder.display().to_string();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| unreadable(&name, &error))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&name, &error))?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        match file_name.strip_suffix(ending) {
            Some(stem) if !stem.is_empty() && !stem.starts_with('.') => {
                files.push((stem.to_owned(), entry.path()));
            }
            _ => {}
        }
        if files.len() > MAX_FILES {
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
    fn an_error_of_replacing_does_not_name_the_temporary_file() {
        // A folder in which nobody can create a file, not even the superuser.
        let message = replace_file(Path::new("/proc/version"), "").unwrap_err().to_string();
        assert!(!message.contains(".tts-render-") && message.contains("os error"), "{message}");
    }
}
