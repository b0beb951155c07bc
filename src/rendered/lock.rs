//! One writer at a time in one tree.

use std::fs::{File, TryLockError};
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
    let Ok(handle) = File::open(folder) else {
        return Ok(Lock { _folder: None });
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
            Err(TryLockError::WouldBlock) if start.elapsed() > PATIENCE => {
                return Err(Error::Busy(folder.to_owned()));
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(5)),
        }
    }
}
