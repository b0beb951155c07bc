//! One writer at a time in one tree.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::Error;

/// How long to wait for another run; they take well under a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the folder is held for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold {
    /// Others may read, none may write.
    Read,
    /// No other may do either.
    Write,
}

/// Holds the folder for as long as it lives; the system lets go when the process ends, however it
/// ends.
#[derive(Debug)]
pub(super) struct Lock {
    _folder: Option<File>,
}

/// Locks a folder that exists. The lock is on the folder itself, so no file is left behind. Where
/// the system or the file system has none (Windows, some network mounts), there is none: files are
/// whole all the same, as each is renamed into its place.
///
/// # Errors
/// Another run holds it and does not end.
pub(super) fn lock(folder: &Path, hold: Hold) -> Result<Lock, Error> {
    lock_within(PATIENCE, folder, hold)
}

/// The same, without waiting; none if another run holds it.
///
/// # Errors
/// The folder can't be opened.
pub(super) fn lock_at_once(folder: &Path, hold: Hold) -> Result<Option<Lock>, Error> {
    match lock_within(Duration::ZERO, folder, hold) {
        Err(Error::Busy(_)) => Ok(None),
        lock => lock.map(Some),
    }
}

fn lock_within(patience: Duration, folder: &Path, hold: Hold) -> Result<Lock, Error> {
    let handle = match File::open(folder) {
        Ok(handle) => handle,
        // Not there, or a folder that can't be opened, as on Windows.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            return Ok(Lock { _folder: None });
        }
        // No handle left: that is no reason to write beside another run.
        Err(error) => return Err(Error::io("open", folder)(error)),
    };
    let start = Instant::now();
    loop {
        let tried = match hold {
            Hold::Read => handle.try_lock_shared(),
            Hold::Write => handle.try_lock(),
        };
        match tried {
            Ok(()) => return Ok(Lock { _folder: Some(handle) }),
            Err(TryLockError::Error(_)) => return Ok(Lock { _folder: None }),
            Err(TryLockError::WouldBlock) if start.elapsed() >= patience => {
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
        let lock = |hold| lock_within(Duration::ZERO, folder.path(), hold);
        let reader = lock(Hold::Read).unwrap();
        assert!(lock(Hold::Read).is_ok());
        let message = lock(Hold::Write).unwrap_err().to_string();
        let place = folder.path().display();
        assert_eq!(
            message,
            format!("another run holds `{place}` and has not ended in ten seconds")
        );
        drop(reader);
        let writer = lock(Hold::Write).unwrap();
        assert!(lock(Hold::Read).is_err() && lock(Hold::Write).is_err());
        drop(writer);
        assert!(lock(Hold::Write).is_ok());
    }

    #[test]
    fn a_folder_that_can_not_be_opened_now_is_not_written_without_a_lock() {
        let folder = tempfile::tempdir().unwrap();
        let message = lock(&folder.path().join("x".repeat(300)), Hold::Write).unwrap_err();
        assert!(message.to_string().starts_with("can't open `"), "{message}");
    }

    #[test]
    fn a_folder_that_is_not_there_needs_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        assert!(lock(&folder.path().join("none"), Hold::Write).is_ok());
    }
}
