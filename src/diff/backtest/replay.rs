//! A gate's jobs, run over a history in the order of time.

use jiff::Timestamp;
use vram_gate::decision::{Action, Decision, Reading, decide};
use vram_gate::settings::Sampling;

use super::history::History;
use crate::model::gate_jobs::{Gate, GateJob};

/// The most runs that are replayed: a month of a guard that runs every minute, ten times over.
const MOST_RUNS: usize = 500_000;

/// What a history would have come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// How often the window opened.
    pub nights: usize,
    /// How often the tenant was started.
    pub admitted: usize,
    /// How often the guard stopped it.
    pub yields: usize,
    /// How often there was no reading when the window opened.
    pub unread: usize,
    /// How long the tenant had the card, in seconds.
    pub seconds: i64,
}

/// Why a gate can't be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The gate would refuse a job's settings.
    #[error("its `{action}` would be refused: {problem}")]
    Settings {
        /// What the job runs the gate for.
        action: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Kubernetes would refuse a job's schedule.
    #[error("the schedule of its `{0}` would be refused")]
    Schedule(&'static str),
    /// Too many runs.
    #[error("its jobs run too often to be replayed over such a time")]
    Runs,
}

/// Replays a gate over a history.
pub(super) fn replay(gate: &Gate, history: &History) -> Result<Outcome, ReplayError> {
    let mut outcome = Outcome::default();
    let mut up_since: Option<Timestamp> = None;
    let stop = |outcome: &mut Outcome, since: Option<Timestamp>, at: Timestamp| {
        outcome.seconds += since.map_or(0, |since| at.duration_since(since).as_secs().max(0));
    };
    for (at, job) in runs(gate, history)? {
        match job.action {
            Action::Up => {
                let card = Card::of(history, job)?;
                outcome.nights += 1;
                outcome.unread += usize::from(card.reading(at, 0, 0) == Reading::Failed);
                if up_since.is_some() || card.admits(at) {
                    outcome.admitted += 1;
                    up_since = up_since.or(Some(at));
                }
            }
            Action::Guard if up_since.is_some() => {
                if Card::of(history, job)?.guards(at).scale_to == Some(0) {
                    outcome.yields += 1;
                    stop(&mut outcome, up_since.take(), at);
                }
            }
            Action::Guard => {}
            Action::Down => stop(&mut outcome, up_since.take(), at),
        }
    }
    let end = Timestamp::from_millisecond(history.span().1);
    stop(&mut outcome, up_since, end.unwrap_or(Timestamp::UNIX_EPOCH));
    Ok(outcome)
}

/// All runs of the jobs that are not at rest, in the order of time; of one instant in the order up,
/// guard, down: what ends the window has the last word.
fn runs<'a>(
    gate: &'a Gate,
    history: &History,
) -> Result<Vec<(Timestamp, &'a GateJob)>, ReplayError> {
    let (start, end) = history.span();
    let instant = |time| Timestamp::from_millisecond(time).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut runs = Vec::new();
    for action in [Action::Up, Action::Guard, Action::Down] {
        let Some(job) = gate.active_job(action) else { continue };
        let times = job.times.as_ref().ok_or(ReplayError::Schedule(action.name()))?;
        for at in times.schedule.runs(instant(start), instant(end), &times.zone) {
            runs.push((at, job));
            if runs.len() > MOST_RUNS {
                return Err(ReplayError::Runs);
            }
        }
    }
    // Stable, so the order of actions stays within an instant.
    runs.sort_by_key(|(at, _)| *at);
    Ok(runs)
}

/// The card as one job sees it.
struct Card<'a> {
    history: &'a History,
    sampling: &'a Sampling,
}

impl<'a> Card<'a> {
    fn of(history: &'a History, job: &'a GateJob) -> Result<Self, ReplayError> {
        let action = job.action.name();
        let refused = |problem: String| ReplayError::Settings { action, problem };
        let settings = job.settings.as_ref().map_err(|error| refused(error.to_string()))?;
        let sampling =
            settings.sampling.as_ref().ok_or_else(|| refused("it takes no reading".to_owned()))?;
        Ok(Card { history, sampling })
    }

    /// Whether the tenant is started: every reading must say so.
    fn admits(&self, at: Timestamp) -> bool {
        (0..self.sampling.samples).all(|sample| {
            let pause = self.sampling.sample_interval.saturating_mul(sample).as_millis() as i64;
            decide(Action::Up, &self.reading(at, pause, 0), &self.sampling.rules).scale_to
                == Some(1)
        })
    }

    /// What the guard does of a tenant that runs at its peak, a second look included.
    fn guards(&self, at: Timestamp) -> Decision {
        let peak = self.history.peak(&self.sampling.query.namespace);
        let decide =
            |pause| decide(Action::Guard, &self.reading(at, pause, peak), &self.sampling.rules);
        let first = decide(0);
        if first.recheck && !self.sampling.recheck_delay.is_zero() {
            decide(self.sampling.recheck_delay.as_millis() as i64)
        } else {
            first
        }
    }

    /// The card some milliseconds after an instant.
    fn reading(&self, at: Timestamp, pause: i64, tenant: u64) -> Reading {
        let at = at.as_millisecond().saturating_add(pause);
        self.history.reading(at, &self.sampling.query.namespace, tenant)
    }
}
