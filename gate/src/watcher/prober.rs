//! The thread that asks for the demand: a server that does not answer must not delay a look at the GPU.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

use vram_gate::settings::{Demanding, Sampling, SettingError};

use crate::probe::Probe;

/// The thread, from the outside.
pub(super) struct Prober {
    answers: Receiver<Result<f64, String>>,
}

impl Prober {
    /// Starts the thread. It ends with the process.
    ///
    /// # Errors
    /// The CA certificates can't be read.
    pub(super) fn start(demanding: &Demanding, sampling: &Sampling) -> Result<Self, SettingError> {
        let probe = Probe::new(demanding, sampling)?;
        let interval = demanding.interval;
        let (answered, answers) = sync_channel(1);
        thread::spawn(move || {
            while answered.send(probe.read_count()).is_ok() {
                thread::sleep(interval);
            }
        });
        Ok(Self { answers })
    }

    /// Returns the count of a new answer, or the problem with it; `None` without a new answer.
    pub(super) fn take(&self) -> Option<Result<f64, String>> {
        match self.answers.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Empty) => None,
            // Only a fault of this program can end the thread.
            Err(TryRecvError::Disconnected) => {
                Some(Err("the thread that asks for the demand has ended".to_owned()))
            }
        }
    }
}
