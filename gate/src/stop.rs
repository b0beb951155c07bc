//! SIGTERM, which the kubelet sends before it removes a Pod.
//!
//! The gate is process 1 of its container, and the kernel ignores a signal that process 1 does not handle;
//! any other process it would end. So every action handles it: what would start the tenant gives up, and
//! what releases the GPU finishes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use vram_gate::decision::Action;

/// The longest time for which a SIGTERM goes unnoticed during a pause.
const TICK: Duration = Duration::from_millis(50);

/// The reaction to SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reaction {
    /// End without starting the tenant.
    GiveUp,
    /// Skip the pauses and finish.
    #[default]
    Hurry,
}

/// The flag that SIGTERM sets, and the action's reaction to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    flag: Arc<AtomicBool>,
    reaction: Reaction,
}

impl Stop {
    /// Returns the flag of a run. A handler that can't be installed leaves the default, in which the
    /// signal ends the process or, as process 1, is ignored.
    pub(crate) fn of(action: Action) -> Self {
        let reaction = match action {
            Action::Up | Action::Admit => Reaction::GiveUp,
            Action::Guard | Action::Down | Action::Watch => Reaction::Hurry,
        };
        let stop = Self { flag: Arc::default(), reaction };
        #[cfg(unix)]
        {
            let signal = signal_hook::consts::SIGTERM;
            let _ = signal_hook::flag::register(signal, Arc::clone(&stop.flag));
        }
        stop
    }

    /// Returns true once the signal has arrived.
    pub(crate) fn is_requested(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// Returns true once the signal has arrived for an action that would start the tenant.
    pub(crate) fn gives_up(&self) -> bool {
        self.reaction == Reaction::GiveUp && self.is_requested()
    }

    /// Sleeps for a time, or until the signal arrives.
    pub(crate) fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_requested() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(TICK));
        }
    }
}
