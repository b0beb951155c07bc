//! Two stacks that use one GPU at the same time.

use std::collections::BTreeMap;

use super::{Check, Rule, StackTimes, StackViolations};
use crate::lint::value_paths;
use crate::model::window::{Window, find_overlaps};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "windows-overlap",
    severity: Severity::Warning,
    summary: "The windows of two stacks that sample one GPU overlap",
    rationale: "Each gate counts the other's server as a resident: the server that starts first keeps the other out, or both start at once and then yield to each other.",
    fix: "Give them windows one after the other, or floors that leave room for both and schedules that open some minutes apart.",
    source: "docs/gate.md; gate/src/decision.rs: everyone outside the tenant's own namespace is a resident",
    check: Check::Project(windows_overlap),
};

fn windows_overlap<'a>(stacks: &[StackTimes<'a>]) -> StackViolations<'a> {
    let mut gpus: BTreeMap<(String, &str), Vec<(Window, usize)>> = BTreeMap::new();
    for (index, StackTimes { stack, times }) in stacks.iter().enumerate() {
        let values = &stack.loaded.values;
        if values.off_peak.suspend || values.off_peak.suspend_all {
            continue;
        }
        let windows = times.month_windows().into_iter().map(|window| (window, index));
        gpus.entry(values.gate.gpu_source()).or_default().extend(windows);
    }
    let gate = |index: usize| stacks.get(index).map(|one| &one.stack.loaded.values.gate);
    let conflict = |one, other| match (gate(one), gate(other)) {
        (Some(one), Some(other)) => one.may_share_gpu(other),
        _ => false,
    };
    let mut overlaps = BTreeMap::new();
    for windows in gpus.into_values() {
        for overlap in find_overlaps(windows, conflict) {
            overlaps.entry(overlap.owner).or_insert(overlap);
        }
    }
    overlaps
        .into_iter()
        .filter_map(|(index, overlap)| {
            let (StackTimes { stack, times }, other) =
                (stacks.get(index)?, stacks.get(overlap.other)?.stack);
            let message = Message::of("The window of ")
                .code(other.loaded.values.name.as_str())
                .and(format!(" on the same GPU is open, too, {}", times.format(overlap.shared)));
            Some((*stack, value_paths::UP_SCHEDULE.into(), message))
        })
        .collect()
}
