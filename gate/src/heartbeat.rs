//! The heartbeat: a file that a watch writes at each look, and that `alive` reads.
//!
//! It also outlives the container, in a volume of the Pod: a watch that starts again finds the number of
//! starts, and the time by demand, that it has used.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use vram_gate::settings::Alive;

use crate::mounted;

/// The file of a watch, if one is set.
pub(crate) struct Heartbeat {
    file: Option<PathBuf>,
}

impl Heartbeat {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    /// Returns what an earlier container of the same Pod used; nothing without one.
    pub(crate) fn used_earlier(&self) -> Used {
        let text = self.file.as_deref().and_then(|file| mounted::read_text(file).ok());
        let text = text.unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        let starts = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let seconds = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        Used { starts, time: Duration::from_secs(seconds) }
    }

    /// Writes the file. An error is ignored: the probe then ends the container, and a new one is tried.
    pub(crate) fn beat(&self, used: Used) {
        if let Some(file) = &self.file {
            // Neither truncated nor longer than before, so that a kill leaves the old or the new numbers.
            let mut options = OpenOptions::new();
            let opened = options.write(true).create(true).truncate(false).open(file);
            let line = format!("{:03} {:07}\n", used.starts, used.time.as_secs());
            let _ = opened.and_then(|mut file| file.write_all(line.as_bytes()));
        }
    }
}

/// The starts and the time that a watch has used of its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    /// The starts of the tenant.
    pub(crate) starts: u32,
    /// The time for which it ran by demand.
    pub(crate) time: Duration,
}

/// Returns the reason why the watch that writes a heartbeat is not alive; `None`: it is.
pub(crate) fn find_problem(alive: &Alive) -> Option<String> {
    let file = alive.heartbeat.display();
    let written = match written_at(&alive.heartbeat) {
        Ok(written) => written,
        Err(error) => return Some(format!("`{file}`: {error}")),
    };
    // In either direction: after a clock was set back, an old file would look young for long.
    let now = SystemTime::now();
    let age = now.duration_since(written).unwrap_or_else(|future| future.duration());
    (age > alive.within).then(|| format!("`{file}`: written {} s ago", age.as_secs()))
}

fn written_at(file: &Path) -> std::io::Result<SystemTime> {
    File::open(file)?.metadata()?.modified()
}
