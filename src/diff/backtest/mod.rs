//! A replay of recorded memory under the gate's settings and schedules before and after the change.
//!
//! Every decision is made by the gate's own library, so a replay runs the code that runs in the
//! cluster.

mod history;
mod replay;

pub use history::{History, HistoryError};
pub use replay::{Outcome, ReplayError};

use kube_formats::quantity::describe_bytes;
use vram_gate::decision::Action;
use vram_gate::settings::{Role, TABLE};

use super::consequences::{changed_namespaces, format_setting};
use super::objects::ObjectChange;
use crate::model::Message;
use crate::model::gate_jobs::{Gate, find_gates};
use crate::model::object::Objects;
use kube_validate::ObjectId;

/// The replays of one object's gate.
#[derive(Debug, Clone)]
pub struct BackTest {
    /// The object that the gate scales.
    pub target: ObjectId,
    /// The changed settings and schedules, and both outcomes.
    pub message: Message,
    /// The outcome of the old gate.
    pub before: Result<Outcome, ReplayError>,
    /// The outcome of the new gate.
    pub after: Result<Outcome, ReplayError>,
    /// The assumption about the tenant's own memory.
    pub assumption: String,
}

/// Replays the history for each gate whose settings or schedules differ.
pub(super) fn replay_gates(
    base: &Objects,
    head: &Objects,
    changes: &[ObjectChange],
    history: &History,
) -> Vec<BackTest> {
    let namespaces = changed_namespaces(changes);
    let (before, after) = (find_gates(base, &namespaces), find_gates(head, &namespaces));
    after
        .iter()
        .filter_map(|(target, new)| {
            let old = before.get(target)?;
            Some(replay_both(target, old, new, changed_inputs(old, new)?, history))
        })
        .collect()
}

fn replay_both(
    target: &ObjectId,
    old: &Gate,
    new: &Gate,
    changed: Message,
    history: &History,
) -> BackTest {
    let (before, after) = (replay::replay(old, history), replay::replay(new, history));
    let message = match (&before, &after) {
        (Ok(before), Ok(after)) => changed.and(compare_outcomes(before, after)),
        (Err(error), _) => {
            changed.and(": the old gate can't be replayed: ").code(error.to_string())
        }
        (_, Err(error)) => {
            changed.and(": the new gate can't be replayed: ").code(error.to_string())
        }
    };
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let assumption = match history.peak(namespace) {
        0 => "the history has no memory of the tenant, so it is assumed to use none".to_owned(),
        peak => {
            format!("the tenant is assumed to use its recorded peak, {}", describe_bytes(peak))
        }
    };
    BackTest { target: target.clone(), message, before, after, assumption }
}

fn compare_outcomes(before: &Outcome, after: &Outcome) -> String {
    if (before.nights, after.nights) == (0, 0) {
        return ": the window does not open within the history".to_owned();
    }
    let nights_before = match before.nights == after.nights {
        true => String::new(),
        false => format!(" of {}", before.nights),
    };
    let unread = match after.unread.max(before.unread) {
        0 => String::new(),
        nights => format!("; {} without a reading", count_of(nights, "night")),
    };
    format!(
        ": {} of {} admitted ({}{nights_before} before), {} ({}), {} up ({}){unread}",
        after.admitted,
        count_of(after.nights, "night"),
        before.admitted,
        count_of(after.yields, "yield"),
        before.yields,
        format_hours(after.seconds),
        format_hours(before.seconds),
    )
}

fn count_of(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn format_hours(seconds: i64) -> String {
    format!("{:.0} h", seconds as f64 / 3600.0)
}

/// Lists the new settings and schedules that a replay depends on; `None` if none of them differs.
fn changed_inputs(old: &Gate, new: &Gate) -> Option<Message> {
    let settings = TABLE.iter().filter(|row| row.role() == Role::Decision).filter_map(|row| {
        [Action::Up, Action::Guard].into_iter().find_map(|action| {
            let before = old.job(action)?.raw.get(row.key);
            let before = before.map(|text| format_setting(row, text));
            let after = new.job(action)?.raw.get(row.key).map(|text| format_setting(row, text));
            let label = Message::of(format!("{} ", row.label()));
            (before != after).then(|| match after {
                Some(after) => label.code(after),
                None => label.and("unset"),
            })
        })
    });
    let schedules = [Action::Up, Action::Guard, Action::Down].into_iter().filter_map(|action| {
        let (before, after) = (active_schedule(old, action), active_schedule(new, action));
        let name = action.name();
        (before != after).then(|| match after {
            Some((schedule, _)) => Message::of(format!("{name} ")).code(schedule),
            None => Message::of(format!("{name} suspended")),
        })
    });
    settings.chain(schedules).reduce(|message, part| message.and(", ").then(part))
}

/// The schedule and time zone of the job for an action, if the job is active.
fn active_schedule(gate: &Gate, action: Action) -> Option<(String, String)> {
    let times = gate.active_job(action)?.times.as_ref()?;
    Some((times.schedule.text().to_owned(), times.zone_name.clone()))
}

#[cfg(test)]
mod tests;
