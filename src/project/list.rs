//! The files of a folder: those that are read by their names, and all manifests.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Project;
use super::error::{ProjectError, unreadable};
use super::read::is_standard_input;
use yaml_spans::source::Source;
use yaml_spans::suggest;

/// The most bytes of all templates, and of all policies.
const MAX_FOLDER_BYTES: u64 = 4 << 20;
/// The most files that are read from one folder.
pub(super) const MAX_FILES: usize = 20_000;

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

/// The bytes that the files of a folder may still have together.
pub(super) struct Room {
    folder: &'static str,
    left: u64,
}

impl Room {
    pub(super) fn new(folder: &'static str) -> Self {
        Room { folder, left: MAX_FOLDER_BYTES }
    }

    /// Counts a file.
    pub(super) fn take(&mut self, source: Source) -> Result<Source, ProjectError> {
        let left = self.left.checked_sub(source.text().len() as u64);
        let (path, limit) = (self.folder, MAX_FOLDER_BYTES >> 10);
        self.left = left.ok_or_else(|| ProjectError::TooLarge { path: path.to_owned(), limit })?;
        Ok(source)
    }
}

/// The names of the files that are read from a folder.
pub(super) struct FileNames {
    /// The ending of those that are read.
    ending: &'static str,
    /// Endings of names that are probably meant to be read. Anything else, such as a README, is not.
    mistaken: &'static [&'static str],
    /// A name that is never read.
    exempt: Option<&'static str>,
    /// A remedy, for the error.
    advice: &'static str,
}

pub(super) const VALUES_FILES: FileNames = FileNames {
    ending: ".yaml",
    mistaken: &[".yaml", ".yml", ".json"],
    exempt: Some(Project::SCHEMA),
    advice: "",
};
pub(super) const TEMPLATE_FILES: FileNames = FileNames {
    ending: ".yaml.j2",
    mistaken: &[".yaml", ".yml", ".json", ".j2", ".jinja", ".jinja2", ".tpl", ".tmpl"],
    exempt: None,
    advice: ", even without a placeholder in it",
};
/// Values name a policy by its whole path, whatever its ending.
pub(super) const POLICY_FILES: FileNames =
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
pub(super) fn list_files(
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
