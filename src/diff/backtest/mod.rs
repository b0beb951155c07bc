//! A replay of recorded memory under the gate's settings and schedules before and after the change.

use vram_gate::decision::Action;
use vram_gate::settings::{Role, TABLE};

use super::consequences::{changed_namespaces, format_setting};
use super::objects::ObjectChange;
use crate::model::Message;
use crate::model::gate_jobs::{Gate, find_gates};
use crate::model::object::Objects;
use crate::report::count_of;
use crate::window::history::History;
use crate::window::simulate::{
    self, Outcome, ReplayError, SegmentCache, Simulated, Stage, TenantFlags, TenantMemory,
    reaction_time,
};
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
    /// Pictures of the nights after the change, in HTML; empty if they can't be replayed.
    pub nights: String,
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
            let changed = changed_inputs(old, new)?;
            let reactions = (reaction_time(base, target), reaction_time(head, target));
            Some(replay_both(target, (old, reactions.0), (new, reactions.1), changed, history))
        })
        .collect()
}

fn replay_both(
    target: &ObjectId,
    (old, old_reaction): (&Gate, i64),
    (new, new_reaction): (&Gate, i64),
    changed: Message,
    history: &History,
) -> BackTest {
    let mut cache = SegmentCache::default();
    let old = Stage::new(old, old_reaction, history, &mut cache);
    let new = Stage::new(new, new_reaction, history, &mut cache);
    let flags = TenantFlags::default();
    let known = new.as_ref().or(old.as_ref()).ok();
    let memory = known.map_or(TenantMemory::constant(0), |stage| {
        TenantMemory::choose(flags.choice, flags.rise, &stage.recorded)
    });
    let replay = |stage: &Result<Stage<'_>, ReplayError>| match stage {
        Ok(stage) => Ok(stage.replay(&memory)),
        Err(error) => Err(error.clone()),
    };
    let (before, after) = (replay(&old), replay(&new));
    let message = match (&before, &after) {
        (Ok(before), Ok(after)) => changed.and(compare_outcomes(before, after)),
        (Err(error), _) => {
            changed.and(": the old gate can't be replayed: ").code(error.to_string())
        }
        (_, Err(error)) => {
            changed.and(": the new gate can't be replayed: ").code(error.to_string())
        }
    };
    let nights = match (new, &after) {
        (Ok(stage), Ok(outcome)) => {
            let after = Simulated { name: String::new(), outcome: outcome.clone(), stage };
            simulate::nights(&after, &memory)
        }
        _ => String::new(),
    };
    let assumption = simulate::describe_tenant(flags, &memory);
    BackTest { target: target.clone(), message, before, after, assumption, nights }
}

fn compare_outcomes(before: &Outcome, after: &Outcome) -> String {
    if (before.nights.len(), after.nights.len()) == (0, 0) {
        return ": the window does not open within the history".to_owned();
    }
    let nights_before = match before.nights.len() == after.nights.len() {
        true => String::new(),
        false => format!(" of {}", before.nights.len()),
    };
    let unread = match after.unread().max(before.unread()) {
        0 => String::new(),
        nights => format!("; {} without a reading", count_of(nights, "night", "nights")),
    };
    let yields = |outcome: &Outcome| outcome.yields().values().sum::<usize>();
    let starved = match (after.starved_nights(), before.starved_nights()) {
        (0, 0) => String::new(),
        (0, before) => format!(", nobody starved ({} before)", count_of(before, "night", "nights")),
        (after, before) => {
            format!(", somebody starved in {} ({before})", count_of(after, "night", "nights"))
        }
    };
    format!(
        ": {} of {} served ({}{nights_before} before), {} ({}), {} up ({}){starved}{unread}",
        after.nights_served(),
        count_of(after.nights.len(), "night", "nights"),
        before.nights_served(),
        count_of(yields(after), "yield", "yields"),
        yields(before),
        format_hours(after),
        format_hours(before),
    )
}

fn format_hours(outcome: &Outcome) -> String {
    format!("{:.0} h", outcome.hours())
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
