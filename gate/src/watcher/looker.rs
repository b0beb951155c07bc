//! The thread that takes the looks.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use vram_gate::settings::{Sampling, SettingError, Settings, Watching};

use crate::prometheus::Sample;
use crate::scale::{ScaleClient, ScaleError};
use crate::scrape::Exporter;
use crate::stop::Stop;

/// The longest time for which SIGTERM and the window's end go unnoticed. A shorter one costs more processor time
/// than the looks.
const TICK: Duration = Duration::from_millis(250);

/// The result of one look.
pub(super) struct Seen {
    pub(super) replicas: Result<i64, ScaleError>,
    pub(super) sample: Result<Sample, String>,
}

/// The end of a wait.
pub(super) enum Event {
    /// A look is done.
    Seen(Seen),
    /// A tick has passed.
    Nothing,
    /// The thread has ended.
    Lost,
}

/// The thread, from the outside.
pub(super) struct Looker {
    asks: SyncSender<()>,
    looks: Receiver<Seen>,
}

impl Looker {
    /// Starts the thread. It ends with the process, or when it can't hand over its look.
    ///
    /// # Errors
    /// The exporter's CA certificates can't be read.
    pub(super) fn start(settings: &Settings, sampling: &Sampling) -> Result<Self, SettingError> {
        Exporter::new(sampling)?;
        let (asks, asked) = sync_channel(1);
        let (taken, looks) = sync_channel(1);
        let (target, sampling) = (settings.target.clone(), sampling.clone());
        thread::spawn(move || {
            let mut client = ScaleClient::new(&target);
            let Ok(exporter) = Exporter::new(&sampling) else { return };
            for () in asked {
                let replicas = match &mut client {
                    Ok(client) => client
                        .read_replicas(Instant::now() + Watching::MAX_SCALE_TIME, &Stop::default()),
                    Err(error) => Err(ScaleError::Setting(error.clone())),
                };
                if taken.send(Seen { replicas, sample: exporter.look() }).is_err() {
                    return;
                }
            }
        });
        Ok(Self { asks, looks })
    }

    /// Asks for a look; returns true, unless the thread has ended or still takes one.
    pub(super) fn ask(&self) -> bool {
        self.asks.try_send(()).is_ok()
    }

    /// Waits for the look, for at most a tick, or until a time that comes earlier.
    pub(super) fn wait(&self, until: Option<Instant>) -> Event {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match self.looks.recv_timeout(left.unwrap_or(TICK).min(TICK)) {
            Ok(seen) => Event::Seen(seen),
            Err(RecvTimeoutError::Timeout) => Event::Nothing,
            Err(RecvTimeoutError::Disconnected) => Event::Lost,
        }
    }
}
