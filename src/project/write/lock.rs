//! One writer at a time in one tree.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::Error;

/// The time to wait for another run; a run takes well under a second.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The access that a lock gives.
#[derive(Debug, Clone, Copy)]
pub(super) enum LockMode {
    /// Others may read, nobody may write.
    Read,
    /// Nobody else may read or write.
    Write,
}

/// A lock on a folder until it is dropped. The system releases it when the process ends, however that
/// happens.
#[derive(Debug)]
pub(super) struct FolderLock {
    _folder: Option<File>,
}

/// Locks a folder that exists, waiting for other runs. The lock is on the folder itself, so no file is
/// left behind. Where the system or the file system has no locks (Windows, some network mounts) the
/// result locks nothing: every file is still whole, since each is renamed into its place.
///
/// # Errors
/// Another run keeps its lock for too long.
pub(super) fn lock(folder: &Path, mode: LockMode) -> Result<FolderLock, Error> {
    lock_within(MAX_WAIT, folder, mode)
}

/// Locks a folder without waiting; returns `None` if another run has locked it.
///
/// # Errors
/// The folder can't be opened.
pub(super) fn try_lock(folder: &Path, mode: LockMode) -> Result<Option<FolderLock>, Error> {
    match lock_within(Duration::ZERO, folder, mode) {
        Err(Error::Busy(_)) => Ok(None),
        lock => lock.map(Some),
    }
}

fn lock_within(max_wait: Duration, folder: &Path, mode: LockMode) -> Result<FolderLock, Error> {
    let handle = match File::open(folder) {
        Ok(handle) => handle,
        // The folder does not exist or, as on Windows, can't be opened.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            return Ok(FolderLock { _folder: None });
        }
        // Running out of file handles must not let two runs write at the same time.
        Err(error) => return Err(Error::io("open", folder)(error)),
    };
    let start = Instant::now();
    loop {
        let tried = match mode {
            LockMode::Read => handle.try_lock_shared(),
            LockMode::Write => handle.try_lock(),
        };
        match tried {
            Ok(()) => return Ok(FolderLock { _folder: Some(handle) }),
            Err(TryLockError::Error(_)) => return Ok(FolderLock { _folder: None }),
            Err(TryLockError::WouldBlock) if start.elapsed() >= max_wait => {
                return Err(Error::Busy(folder.to_owned()));
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(5)),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn readers_share_and_a_writer_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let lock = |mode| lock_within(Duration::ZERO, folder.path(), mode);
        let reader = lock(LockMode::Read).unwrap();
        assert!(lock(LockMode::Read).is_ok());
        let message = lock(LockMode::Write).unwrap_err().to_string();
        let place = folder.path().display();
        assert_eq!(message, format!("another run has locked `{place}` for more than 10 s"));
        drop(reader);
        let writer = lock(LockMode::Write).unwrap();
        assert!(lock(LockMode::Read).is_err() && lock(LockMode::Write).is_err());
        drop(writer);
        assert!(lock(LockMode::Write).is_ok());
    }

    #[test]
    fn a_folder_that_can_not_be_opened_now_is_not_written_without_a_lock() {
        let folder = tempfile::tempdir().unwrap();
        let message = lock(&folder.path().join("x".repeat(300)), LockMode::Write).unwrap_err();
        assert!(message.to_string().starts_with("can't open `"), "{message}");
    }

    #[test]
    fn a_folder_that_does_not_exist_needs_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        assert!(lock(&folder.path().join("none"), LockMode::Write).is_ok());
    }
}
