//! A watch that gives a slow exporter up before it has answered.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "stale-too-short",
    severity: Severity::Warning,
    summary: "`gate.watch.staleSeconds` is less than the time from one reading of a watch to the next",
    rationale: "A look may take as long as its requests may. The watch takes the GPU for one that can't be read although the exporter answers in time, and stops the server.",
    fix: "Raise `gate.watch.staleSeconds`, lower `gate.watch.intervalSeconds`, or set `gate.sentinel`, with which a look takes one request.",
    source: "gate/src/settings: Watching::max_reading_gap; gate/src/watch.rs: the time without a reading",
    check: Check::Stack(stale_too_short),
};

fn stale_too_short(context: &RuleContext<'_>) -> Vec<Violation> {
    let jobs = context.gates.values().flat_map(|gate| &gate.jobs);
    let gaps = jobs.filter_map(|job| {
        let settings = job.settings.as_ref().ok()?;
        let watching = settings.watching.as_ref()?;
        let needed = watching.max_reading_gap(settings.sampling.as_ref()?);
        (watching.plan.stale < needed).then_some((needed, watching.plan.stale))
    });
    let Some((needed, stale)) = gaps.max() else { return Vec::new() };
    let message = Message::of(format!(
        "Two readings of a slow exporter may be {} s apart, and after {} s without one the watch stops the server",
        needed.as_secs_f32().ceil(),
        stale.as_secs()
    ));
    vec![Violation::at_value(value_paths::WATCH_STALE, message)]
}
