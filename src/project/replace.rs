//! Files that are written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

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
