//! A guard that looks too seldom for what it guards.

use jiff::SignedDuration;

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::lint::window::Schedules;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "guard-too-slow",
    severity: Severity::Warning,
    what: "The guard looks less often than once in a minute for each GiB of the floor, five minutes at least",
    why: "What a neighbour takes between two looks is not seen. The stack this was made for looks every 5 minutes at a floor of 6 GiB; a lower floor leaves less time.",
    mend: "Let `offPeak.guard` run more often, or raise the floor.",
    source: "docs/gate.md; a rule of thumb, from the incident in which a neighbour grew by 8 GiB",
    look: Look::Stack(look),
};

/// However small the floor: each run makes a Pod.
const LEAST: i64 = 5;

fn look(case: &Case<'_>) -> Vec<Site> {
    let Some(schedules) = Schedules::of(&case.values.off_peak) else { return Vec::new() };
    let floor = case.values.gate.floor;
    let gibibytes = i64::try_from(floor.get() >> 30).unwrap_or(i64::MAX);
    let limit = SignedDuration::from_mins(gibibytes.clamp(LEAST, 24 * 60));
    let longest =
        schedules.windows().into_iter().filter_map(|w| schedules.longest_unguarded(w)).max();
    let Some(longest) = longest.filter(|longest| *longest > limit) else { return Vec::new() };
    let words = Message::of(format!(
        "Up to {} min pass in a window without a look at the card: with a floor of ",
        longest.as_mins()
    ))
    .code(floor.to_string())
    .and(format!(", {} min are enough", limit.as_mins()));
    vec![Site::value(["offPeak", "guard"], words)]
}
