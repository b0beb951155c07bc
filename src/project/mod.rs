//! The project's folder: its files, read within bounds.
//!
//! In: the root that the user names. Out: texts. The repository is not trusted: a file of it, or one
//! that its values name, must be inside the root once links are followed, must be a regular file and
//! must be small. A file that the user names on the command line may be anywhere outside the root; one
//! inside is the repository's, and no link leads it out.

pub mod discover;
mod error;
mod list;
pub mod load;
mod read;
mod replace;
pub mod write;

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use crate::budget::Budget;
use crate::values::RelativePath;
use yaml_spans::source::Source;

pub use error::ProjectError;
use error::{suggest_stack, unreadable};
use list::{FileNames, POLICY_FILES, Room, TEMPLATE_FILES, VALUES_FILES, list_files};
pub use list::{find_manifests, similar_file};
use read::{MAX_FILE_BYTES, read_bytes, read_source};
pub use read::{is_standard_input, read_at_most, read_manifests};
pub(crate) use read::{not_utf8, read_text};
pub(crate) use replace::TEMPORARY;
pub use replace::{create_file, remove_leftovers, replace_file};

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
    /// The folder of rendered files, under the root.
    pub const RENDERED: &'static str = "rendered";

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

    /// Checks the folder to write to, if the user named one: what is written among the inputs could be read as
    /// one.
    pub fn check_output(&self, out: Option<&Path>) -> Result<(), ProjectError> {
        const INPUTS: [&str; 3] = [Project::VALUES, Project::POLICIES, Project::TEMPLATES];
        let Some(out) = out else { return Ok(()) };
        let inside = self.path_inside(out).unwrap_or_default();
        match INPUTS.into_iter().find(|folder| inside.split('/').next() == Some(*folder)) {
            Some(folder) => {
                Err(ProjectError::IntoInputs { path: out.display().to_string(), folder })
            }
            None => Ok(()),
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
