//! A guard that does not look while the window is open.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::lint::window::Schedules;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "guard-misses-window",
    severity: Severity::Critical,
    what: "A window opens in which the guard never runs",
    why: "Nothing yields the card while a neighbour needs it: nothing isolates memory, so the neighbour fails.",
    mend: "Let `offPeak.guard` run from `offPeak.up` to `offPeak.down`, on the same days.",
    source: "docs/gate.md; gate/src/decision.rs: only `guard` yields before the window ends",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let Some(schedules) = Schedules::of(&case.values.off_peak) else { return Vec::new() };
    let windows = schedules.windows();
    let unseen: Vec<_> =
        windows.iter().filter(|window| schedules.longest_unguarded(**window).is_none()).collect();
    let Some(first) = unseen.first() else { return Vec::new() };
    let span = format!("{} to {}", schedules.clock(first.opens), schedules.clock(first.closes));
    let words = Message::of(format!(
        "The guard never runs in {} of {} windows of a fortnight, such as {span}",
        unseen.len(),
        windows.len()
    ));
    vec![Site::value(["offPeak", "guard"], words)]
}
