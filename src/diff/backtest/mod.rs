//! What a change of the gate's numbers or times would have meant: recorded memory, replayed.
//!
//! In: both sides' objects and a history. Out: one sentence a Deployment, with its numbers. Every
//! decision is the gate's own library's, so that what is replayed is what runs in the cluster.
//! `review` calls it; it calls the gate's library and `schedule`.

mod history;
mod replay;

pub use history::{History, HistoryError};
pub use replay::{Outcome, ReplayError};

use vram_gate::decision::Action;
use vram_gate::settings::Key;

use super::consequences::{gibibytes, namespaces};
use super::objects::ObjectChange;
use crate::model::Message;
use crate::model::gate_jobs::{Gate, gates};
use crate::model::object::Objects;
use crate::model::run_times::RunTimes;
use kube_validate::ObjectId;

/// One Deployment's history under the rules before and after.
#[derive(Debug, Clone)]
pub struct BackTest {
    /// The Deployment.
    pub target: ObjectId,
    /// What was changed, and what came of it.
    pub words: Message,
    /// Under the rules before.
    pub before: Result<Outcome, ReplayError>,
    /// Under the rules after.
    pub after: Result<Outcome, ReplayError>,
    /// What was assumed of the tenant's own memory.
    pub assumed: String,
}

/// Replays the history for each gate whose numbers or times differ.
pub(super) fn run(
    base: &Objects,
    head: &Objects,
    changes: &[ObjectChange],
    history: &History,
) -> Vec<BackTest> {
    let namespaces = namespaces(changes);
    let (before, after) = (gates(base, &namespaces), gates(head, &namespaces));
    let tests = after.iter().filter_map(|(target, gate)| {
        let old = before.get(target)?;
        Some(test(target, old, gate, difference(old, gate)?, history))
    });
    tests.collect()
}

fn test(
    target: &ObjectId,
    old: &Gate,
    new: &Gate,
    changed: Message,
    history: &History,
) -> BackTest {
    let (before, after) = (replay::replay(old, history), replay::replay(new, history));
    let words = match (&before, &after) {
        (Ok(before), Ok(after)) => changed.and(compared(before, after)),
        (Err(error), _) => changed.and(": can't be replayed as it was: ").code(error.to_string()),
        (_, Err(error)) => changed.and(": can't be replayed: ").code(error.to_string()),
    };
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let assumed = match history.peak(namespace) {
        0 => "the history has no memory of the tenant: its own is taken as 0".to_owned(),
        peak => {
            format!("the tenant's own memory is taken as its recorded peak, {}", gibibytes(peak))
        }
    };
    BackTest { target: target.clone(), words, before, after, assumed }
}

fn compared(before: &Outcome, after: &Outcome) -> String {
    if (before.nights, after.nights) == (0, 0) {
        return ": the history holds no time at which the window opens".to_owned();
    }
    let nights_before = match before.nights == after.nights {
        true => String::new(),
        false => format!(" of {}", before.nights),
    };
    let unread = match after.unread.max(before.unread) {
        0 => String::new(),
        nights => format!("; {} without a reading", counted(nights, "night")),
    };
    format!(
        ": {} of {} admitted ({}{nights_before} before), {} ({}), {} up ({}){unread}",
        after.admitted,
        counted(after.nights, "night"),
        before.admitted,
        counted(after.yields, "yield"),
        before.yields,
        hours(after.seconds),
        hours(before.seconds),
    )
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn hours(seconds: i64) -> String {
    format!("{:.0} h", seconds as f64 / 3600.0)
}

/// The settings that a replay heeds: how a sentence calls them, and whether they are memory.
const SETTINGS: [(Key, &str, bool); 9] = [
    (Key::Floor, "floor", true),
    (Key::GpuTotal, "total", true),
    (Key::Reserve, "reserve", true),
    (Key::Count, "count", false),
    (Key::OnScrapeFailure, "on scrape failure", false),
    (Key::NoSeries, "no series", false),
    (Key::Samples, "samples", false),
    (Key::SampleInterval, "sample interval", false),
    (Key::RecheckDelay, "recheck delay", false),
];

/// What a replay would see of the difference between two gates: the new values; none if nothing.
fn difference(old: &Gate, new: &Gate) -> Option<Message> {
    let mut parts: Vec<Message> = Vec::new();
    for (key, name, is_memory) in SETTINGS {
        let value = |gate: &Gate, action| Some(gate.job(action)?.raw.get(key)?.to_owned());
        let changed = [Action::Up, Action::Guard].into_iter().find_map(|action| {
            let now = value(new, action)?;
            (value(old, action)? != now).then_some(now)
        });
        let Some(text) = changed else { continue };
        parts.push(match kube_formats::quantity::parse_bytes(&text) {
            Ok(bytes) if is_memory => Message::of(format!("{name} {}", gibibytes(bytes))),
            _ => Message::of(format!("{name} ")).code(text),
        });
    }
    for (action, name) in [(Action::Up, "up"), (Action::Guard, "guard"), (Action::Down, "down")] {
        let times = |gate: &Gate| {
            let times: &RunTimes = gate.active_job(action)?.times.as_ref()?;
            Some((times.schedule.text().to_owned(), times.zone_name.clone()))
        };
        match (times(old), times(new)) {
            (was, is) if was == is => {}
            (_, Some((schedule, _))) => parts.push(Message::of(format!("{name} ")).code(schedule)),
            (_, None) => parts.push(Message::of(format!("{name} at rest"))),
        }
    }
    let mut parts = parts.into_iter();
    let first = parts.next()?;
    Some(parts.fold(first, |words, part| words.and(", ").then(part)))
}

#[cfg(test)]
mod tests;
