//! A guard that runs while there is nothing to guard.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::lint::window::Schedules;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "guard-idles",
    severity: Severity::Info,
    what: "More than half of the guard's runs lie outside of every window",
    why: "The server is down then. Each run makes a Pod, and each Pod a burst of small writes on the node's disk.",
    mend: "Let `offPeak.guard` run from `offPeak.up` to `offPeak.down` alone.",
    source: "docs/gate.md: what the jobs cost",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let Some(schedules) = Schedules::of(&case.values.off_peak) else { return Vec::new() };
    let (idle, all) = schedules.idle_guards();
    if idle * 2 <= all || schedules.windows().is_empty() {
        return Vec::new();
    }
    let words = Message::of(format!(
        "{idle} of {all} runs of a fortnight lie outside of every window, and each makes a Pod"
    ));
    vec![Site::value(["offPeak", "guard"], words)]
}
