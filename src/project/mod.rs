//! The project's folder: its files, read within bounds.
//!
//! In: the root that the user names. Out: texts. The repository is not trusted: a file of it, or one
//! that its values name, must be inside the root once links are followed, must be a regular file and
//! must be small. A file that the user names on the command line may be anywhere outside the root; one
//! inside is the repository's, and no link leads it out.

pub mod discover;
pub mod load;
pub mod write;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::budget::Budget;
use crate::values::RelativePath;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Source;
use yaml_spans::{MAX_BYTES, list_names, suggest};

/// The largest file that is read, in bytes: values, a template or a policy.
const MAX_FILE_BYTES: u64 = 256 << 10;
/// The most bytes of all templates, and of all policies.
const MAX_FOLDER_BYTES: u64 = 4 << 20;
/// The most files that are read from one folder.
const MAX_FILES: usize = 20_000;

/// A project's file that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// The system refuses.
    #[error("can't read `{path}`: {reason}{}", did_you_mean(.near.as_deref()))]
    Unreadable {
        /// The file, as the user would write it.
        path: String,
        /// The system's error.
        reason: String,
        /// A file that exists and was probably meant.
        near: Option<String>,
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
    #[error("`{path}` is not UTF-8{advice}")]
    NotUtf8 {
        /// The file.
        path: String,
        /// A remedy.
        advice: &'static str,
    },
    /// A stack that does not exist.
    #[error("there is no stack `{name}` in `{folder}/`{advice}")]
    NoStack {
        /// The name.
        name: String,
        /// The folder of values.
        folder: String,
        /// A similar name, or all names.
        advice: String,
    },
    /// A file that would be ignored because of its name.
    #[error("`{path}` would be ignored: expected a name that ends in `{expected}`{advice}")]
    Ending {
        /// The file.
        path: String,
        /// The ending of the files that are read.
        expected: &'static str,
        /// Another remedy.
        advice: &'static str,
    },
    /// A folder without manifests.
    #[error("there is no .yaml, .yml or .json file below `{folder}`")]
    NoManifests {
        /// The folder.
        folder: String,
    },
    /// A project without values.
    #[error(
        "there is no values file in `{folder}/`, here or in a folder above: `tts-render init NAME` writes a first one"
    )]
    NoStacks {
        /// The folder of values.
        folder: String,
    },
}

/// The end of the message for a name that no stack has.
fn suggest_stack(name: &str, stacks: &[StackFile]) -> String {
    let names: Vec<&str> = stacks.iter().map(|stack| stack.stem.as_str()).collect();
    match suggest(name, names.iter().copied()) {
        Some(near) => did_you_mean(Some(near)),
        None if name.contains('=') => {
            ": an assignment follows `--set`, in quotes if a shell would split it".to_owned()
        }
        None if names.is_empty() => String::new(),
        None => format!(": the stacks are {}", list_names(&names)),
    }
}

/// The end of a message that suggests a name.
fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default()
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
    /// The root once links are followed, found once.
    canonical_root: OnceLock<PathBuf>,
    budget_factor: u32,
}

/// A stack's values file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackFile {
    /// The stem of the file's name, which must be the stack's name.
    pub stem: String,
    path: PathBuf,
    /// Named on the command line by its path, so it may be outside the root.
    named: bool,
}

impl StackFile {
    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Project {
    /// The folder of values, under the root.
    pub const VALUES: &'static str = "values";
    /// The JSON Schema of the values, in their folder.
    pub const SCHEMA: &'static str = "schema.json";
    /// The folder of the owners' policies, under the root.
    pub const POLICIES: &'static str = "policies";
    /// The folder of templates, under the root.
    pub const TEMPLATES: &'static str = "templates";

    /// The project in a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Project { root: root.into(), canonical_root: OnceLock::new(), budget_factor: 1 }
    }

    /// The same project, whose runs may use so many times the ordinary budget.
    #[must_use]
    pub fn with_budget_factor(self, budget_factor: u32) -> Self {
        Project { budget_factor, ..self }
    }

    /// The budget of a run that begins.
    pub fn new_budget(&self) -> Budget {
        Budget::with_factor(self.budget_factor)
    }

    /// The bytes that a run may read, from a limit that ordinary projects keep.
    pub(crate) fn scale_limit(&self, bytes: usize) -> usize {
        bytes.saturating_mul(self.budget_factor as usize)
    }

    /// The project around a folder: that of the nearest folder upwards. Without one, the folder itself,
    /// where reading the values then fails.
    pub fn find(start: &Path) -> Self {
        let found = discover::find_root(start, usize::MAX);
        Project::new(found.map_or_else(|| start.to_owned(), |found| found.root))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All stacks, by name: each `.yaml` in `values/`.
    pub fn stacks(&self) -> Result<Vec<StackFile>, ProjectError> {
        let mut stacks: Vec<_> = self
            .list_inside(Self::VALUES, &VALUES_FILES)?
            .into_iter()
            .map(|(stem, path)| StackFile { stem, path, named: false })
            .collect();
        stacks.sort();
        if stacks.is_empty() {
            return Err(ProjectError::NoStacks { folder: Self::VALUES.to_owned() });
        }
        Ok(stacks)
    }

    /// The owners' policies: each `.yaml` in `policies/`.
    pub fn policies(&self) -> Result<Vec<Source>, ProjectError> {
        let files = self.list_inside(Self::POLICIES, &POLICY_FILES)?;
        let mut policies = Vec::with_capacity(files.len());
        let mut room = Room::new(Self::POLICIES);
        for (_, path) in files {
            policies.push(room.take(self.read_inside(&path)?)?);
        }
        Ok(policies)
    }

    /// The path of a file or folder of the project from the working directory.
    pub fn path_from_here(&self, path: &Path) -> PathBuf {
        if self.root == Path::new(".") { path.to_owned() } else { self.root.join(path) }
    }

    /// One stack, as the user names it: by name, or by the path of its file from the working directory.
    /// A name with a slash, or one that ends in `.yaml`, is a path.
    pub fn stack(&self, name: &str) -> Result<StackFile, ProjectError> {
        if name.contains('/') || name.ends_with(".yaml") {
            let path = PathBuf::from(name);
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            return Ok(StackFile { stem: stem.unwrap_or_default(), path, named: true });
        }
        let mut stacks = self.stacks()?;
        match stacks.iter().position(|stack| stack.stem == name) {
            Some(at) => Ok(stacks.swap_remove(at)),
            None => Err(ProjectError::NoStack {
                name: name.to_owned(),
                folder: Self::VALUES.to_owned(),
                advice: suggest_stack(name, &stacks),
            }),
        }
    }

    /// A stack's values.
    pub fn read_stack(&self, stack: &StackFile) -> Result<Source, ProjectError> {
        if stack.named { self.read_named(&stack.path) } else { self.read_inside(&stack.path) }
    }

    /// The repository's own templates: file names and sources; empty without a folder of templates.
    /// `folder` is one that the user named instead.
    pub fn templates(&self, folder: Option<&Path>) -> Result<Vec<(String, Source)>, ProjectError> {
        let files = match folder {
            Some(folder) => {
                self.check_named(folder)?;
                list_files(folder, &folder.display().to_string(), &TEMPLATE_FILES)?
            }
            None => self.list_inside(Self::TEMPLATES, &TEMPLATE_FILES)?,
        };
        let mut templates = Vec::with_capacity(files.len());
        let mut room = Room::new(Self::TEMPLATES);
        for (stem, path) in files {
            let source = match folder {
                Some(_) => self.read_named(&path)?,
                None => self.read_inside(&path)?,
            };
            templates.push((format!("{stem}.yaml.j2"), room.take(source)?));
        }
        Ok(templates)
    }

    /// A file that values name.
    pub fn read_relative(&self, path: &RelativePath) -> Result<Source, ProjectError> {
        self.read_inside(&self.root.join(path.as_str()))
    }

    /// Checks that a file that values name is there and inside the root.
    pub fn check_relative(&self, path: &RelativePath) -> Result<(), ProjectError> {
        self.check_inside(&self.root.join(path.as_str()), path.as_str())
    }

    /// The paths of the owners' policies from the root.
    pub fn policy_paths(&self) -> Result<Vec<String>, ProjectError> {
        let files = self.list_inside(Self::POLICIES, &POLICY_FILES)?;
        Ok(files.into_iter().map(|(_, path)| self.shown_path(&path)).collect())
    }

    /// A file inside the root; its name in messages is the path from there.
    fn read_inside(&self, path: &Path) -> Result<Source, ProjectError> {
        let name = self.shown_path(path);
        self.check_inside(path, &name)?;
        read_source(path, &name, MAX_FILE_BYTES)
    }

    /// Checks that a path is inside the root once links are followed.
    fn check_inside(&self, path: &Path, name: &str) -> Result<(), ProjectError> {
        let is_inside = path
            .canonicalize()
            .and_then(|path| Ok(path.starts_with(self.canonical_root()?)))
            .map_err(|error| unreadable(name, &error))?;
        if is_inside { Ok(()) } else { Err(ProjectError::Outside { path: name.to_owned() }) }
    }

    fn canonical_root(&self) -> io::Result<&Path> {
        if let Some(root) = self.canonical_root.get() {
            return Ok(root);
        }
        let root = self.root.canonicalize()?;
        Ok(self.canonical_root.get_or_init(|| root))
    }

    /// The files of one of the root's folders. A folder that is a link out of the root is not listed: its
    /// names would be shown.
    fn list_inside(
        &self,
        folder: &str,
        names: &FileNames,
    ) -> Result<Vec<(String, PathBuf)>, ProjectError> {
        let path = self.root.join(folder);
        if path.exists() {
            self.check_inside(&path, folder)?;
        }
        list_files(&path, folder, names)
    }

    /// Reads a file that the user named on the command line.
    pub fn read_named(&self, path: &Path) -> Result<Source, ProjectError> {
        self.check_named(path)?;
        read_source(path, &path.display().to_string(), MAX_FILE_BYTES)
            .map_err(|error| self.suggest_named(error, path))
    }

    /// Reads the bytes of a file that the user named on the command line, of which there may be `limit`.
    pub fn read_named_bytes(&self, path: &Path, limit: u64) -> Result<Vec<u8>, ProjectError> {
        self.check_named(path)?;
        read_bytes(path, &path.display().to_string(), limit)
            .map_err(|error| self.suggest_named(error, path))
    }

    /// Checks that a path that the user named exists, unless it is `-`; the error suggests a similar one.
    pub fn check_exists(&self, path: &Path) -> Result<(), ProjectError> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_standard_input(path) => {
                Err(self.suggest_named(unreadable(&path.display().to_string(), &error), path))
            }
            _ => Ok(()),
        }
    }

    /// Adds the file that was probably meant to the error of a file that does not exist.
    fn suggest_named(&self, error: ProjectError, named: &Path) -> ProjectError {
        let ProjectError::Unreadable { path, reason, .. } = error else { return error };
        // The path may be relative to the root, and the working directory further down.
        let below_root = self.root.join(named);
        let near = match below_root.is_file() && self.check_named(&below_root).is_ok() {
            true => Some(below_root),
            false => similar_file(named).filter(|near| self.check_named(near).is_ok()),
        };
        let near = near.map(|near| near.display().to_string());
        ProjectError::Unreadable { path, reason, near }
    }

    /// Checks a path that the user named. Anything outside the root is the user's own. A path inside is
    /// the repository's, whoever names it: no link may lead it out.
    pub fn check_named(&self, path: &Path) -> Result<(), ProjectError> {
        let Ok(root) = self.canonical_root() else { return Ok(()) };
        let is_named_inside = absolute(path)
            .zip(absolute(&self.root))
            .is_some_and(|(path, root)| path.starts_with(root));
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).canonicalize();
        let is_in_folder = parent.is_ok_and(|parent| parent.starts_with(root));
        // A path that can't be resolved can't be read either.
        match path.canonicalize() {
            Ok(target) if (is_named_inside || is_in_folder) && !target.starts_with(root) => {
                Err(ProjectError::Outside { path: path.display().to_string() })
            }
            _ => Ok(()),
        }
    }

    /// The path from the root of a file that the user named, with `/` between its parts; none for a file
    /// outside, which is the user's own.
    pub(crate) fn path_inside(&self, path: &Path) -> Option<String> {
        let (path, root) = absolute(path).zip(absolute(&self.root))?;
        let parts = path.strip_prefix(root).ok()?.components();
        let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
        Some(parts?.join("/"))
    }

    /// The path from the root, for messages.
    fn shown_path(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// The absolute path, with its `.` and `..` resolved by their names alone.
fn absolute(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    Some(path.components().fold(PathBuf::new(), |mut done, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                done.pop();
            }
            component => done.push(component),
        }
        done
    }))
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

/// The bytes that the files of a folder may still have together.
struct Room {
    folder: &'static str,
    left: u64,
}

impl Room {
    fn new(folder: &'static str) -> Self {
        Room { folder, left: MAX_FOLDER_BYTES }
    }

    /// Counts a file.
    fn take(&mut self, source: Source) -> Result<Source, ProjectError> {
        let left = self.left.checked_sub(source.text().len() as u64);
        let (path, limit) = (self.folder, MAX_FOLDER_BYTES >> 10);
        self.left = left.ok_or_else(|| ProjectError::TooLarge { path: path.to_owned(), limit })?;
        Ok(source)
    }
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

/// Replaces a file's text by renaming a new file onto it, so that it is whole at any moment. The mode
/// stays. A link stays a link: the file that it leads to is replaced.
pub fn replace_file(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let mut beside = new_beside(&file)?;
    beside.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    beside.as_file_mut().write_all(text.as_bytes())?;
    beside.persist(&file)?;
    Ok(())
}

/// Creates a file with its whole content or not at all, so that a full disk leaves nothing.
///
/// # Errors
/// Of the kind `AlreadyExists` if the path exists, which is left as it is.
pub fn create_file(file: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    if fs::symlink_metadata(file).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut beside = new_beside(file)?;
    beside.as_file_mut().write_all(content.as_ref())?;
    beside.persist_noclobber(file)?;
    Ok(())
}

/// The start and the end of a temporary file's name. A run that was killed leaves one.
pub(crate) const TEMPORARY: (&str, &str) = (".tts-render-", ".tmp");

/// The age from which a temporary file is one of a run that was killed: a run needs it for moments.
const LEFTOVER_AGE: Duration = Duration::from_secs(15 * 60);

/// A temporary file in a file's folder, without those that killed runs left there.
fn new_beside(file: &Path) -> io::Result<tempfile::NamedTempFile<fs::File>> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    remove_leftovers(folder);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    // Created here, so that an error does not name the temporary file.
    builder.make_in(folder, |path| fs::File::create_new(path))
}

/// Removes the temporary files and folders that killed runs left in a folder. One that can't be removed
/// stays for the next run.
pub fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_temporary = name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1);
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        if !is_temporary || age.is_none_or(|age| age < LEFTOVER_AGE) {
            continue;
        }
        let _ = match metadata.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        };
    }
}

fn read_source(path: &Path, name: &str, limit: u64) -> Result<Source, ProjectError> {
    Ok(Source::written(name, read_text(path, name, limit)?))
}

/// Reads a regular file of at most `limit` bytes as text; messages call it `name`.
pub(crate) fn read_text(path: &Path, name: &str, limit: u64) -> Result<String, ProjectError> {
    into_text(read_bytes(path, name, limit)?, name)
}

/// Reads a regular file of at most `limit` bytes; messages call it `name`.
fn read_bytes(path: &Path, name: &str, limit: u64) -> Result<Vec<u8>, ProjectError> {
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

/// The names of the files that are read from a folder.
struct FileNames {
    /// The ending of those that are read.
    ending: &'static str,
    /// Endings of names that are probably meant to be read. Anything else, such as a README, is not.
    mistaken: &'static [&'static str],
    /// A name that is never read.
    exempt: Option<&'static str>,
    /// A remedy, for the error.
    advice: &'static str,
}

const VALUES_FILES: FileNames = FileNames {
    ending: ".yaml",
    mistaken: &[".yaml", ".yml", ".json"],
    exempt: Some(Project::SCHEMA),
    advice: "",
};
const TEMPLATE_FILES: FileNames = FileNames {
    ending: ".yaml.j2",
    mistaken: &[".yaml", ".yml", ".json", ".j2", ".jinja", ".jinja2", ".tpl", ".tmpl"],
    exempt: None,
    advice: ", even without a placeholder in it",
};
/// Values name a policy by its whole path, whatever its ending.
const POLICY_FILES: FileNames =
    FileNames { ending: ".yaml", mistaken: &[], exempt: None, advice: "" };

impl FileNames {
    /// The name without its ending, if the file is read.
    fn stem<'a>(&self, name: &'a str) -> Option<&'a str> {
        let stem = name.strip_suffix(self.ending)?;
        (!stem.is_empty() && !stem.starts_with('.')).then_some(stem)
    }

    /// Returns true for a file that is not read and probably meant to be. Hidden files are not.
    fn is_mistaken(&self, name: &str) -> bool {
        let lower = name.to_lowercase();
        !name.starts_with('.')
            && Some(name) != self.exempt
            && self.mistaken.iter().any(|ending| lower.ends_with(ending))
    }
}

/// The files of a folder that are read: the name without the ending and the path, by name. Messages call
/// the folder `shown`.
fn list_files(
    folder: &Path,
    shown: &str,
    names: &FileNames,
) -> Result<Vec<(String, PathBuf)>, ProjectError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| unreadable(shown, &error))?,
    };
    let mut files = Vec::new();
    let mut mistaken: Option<String> = None;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(shown, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match names.stem(&name) {
            Some(stem) => files.push((stem.to_owned(), entry.path())),
            // The first by name, whatever the folder's order.
            None if names.is_mistaken(&name) && mistaken.as_ref().is_none_or(|one| name < *one) => {
                mistaken = Some(name);
            }
            None => {}
        }
        if files.len() > MAX_FILES {
            return Err(ProjectError::TooMany { path: shown.to_owned() });
        }
    }
    if let Some(name) = mistaken {
        let path = Path::new(shown).join(name).display().to_string();
        return Err(ProjectError::Ending { path, expected: names.ending, advice: names.advice });
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &str, error: &io::Error) -> ProjectError {
    ProjectError::Unreadable { path: path.to_owned(), reason: error.to_string(), near: None }
}

/// The least length of a name, without its ending, that another is similar to.
const MIN_STEM: usize = 3;

/// A file with a similar name in the folder of one that does not exist.
pub fn similar_file(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return None;
    }
    let name = path.file_name()?.to_str()?;
    let stem = path.file_stem()?.to_str()?;
    if stem.len() < MIN_STEM {
        return None;
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut names: Vec<String> = fs::read_dir(parent.unwrap_or(Path::new(".")))
        .ok()?
        .flatten()
        .take(MAX_FILES)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    let mut longer = names.iter().filter(|other| other.starts_with(stem));
    let only_longer = longer.next().filter(|_| longer.next().is_none());
    let near =
        suggest(name, names.iter().map(String::as_str)).or(only_longer.map(String::as_str))?;
    let near = path.with_file_name(near);
    Some(near.strip_prefix(".").map_or(near.clone(), Path::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_of_killed_runs_are_removed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let old = std::time::SystemTime::now() - 2 * LEFTOVER_AGE;
        for name in [".tts-render-old.tmp", ".tts-render-new.tmp", "other.tmp", "x.yaml"] {
            let file = fs::File::create(path(name)).unwrap();
            if name != ".tts-render-new.tmp" {
                file.set_modified(old).unwrap();
            }
        }
        fs::create_dir(path(".tts-render-folder.tmp")).unwrap();
        fs::write(path(".tts-render-folder.tmp/new"), "").unwrap();
        fs::File::open(path(".tts-render-folder.tmp")).unwrap().set_modified(old).unwrap();
        replace_file(&path("x.yaml"), "a: 1\n").unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".tts-render-new.tmp", "other.tmp", "x.yaml"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_error_of_replacing_does_not_name_the_temporary_file() {
        // A folder in which nobody can create a file, not even the superuser.
        let message = replace_file(Path::new("/proc/version"), "").unwrap_err().to_string();
        assert!(!message.contains(".tts-render-") && message.contains("os error"), "{message}");
    }
}
