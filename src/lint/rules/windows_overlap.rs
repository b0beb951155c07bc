//! Two stacks that use one GPU at the same time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Check, Rule, StackTimes, StackViolations};
use crate::lint::value_paths;
use crate::model::window::{Overlap, Window, find_overlaps};
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
        let windows = times.month_windows().iter().map(|window| (*window, index));
        gpus.entry(values.gate.gpu_source()).or_default().extend(windows);
    }
    let gate = |index: usize| stacks.get(index).map(|one| &one.stack.loaded.values.gate);
    // The overlaps of each stack with the first other one.
    let mut overlaps: BTreeMap<usize, (usize, Vec<Window>)> = BTreeMap::new();
    for windows in gpus.into_values() {
        for Overlap { owner, other, shared } in
            find_overlaps(windows, |one, other| match (gate(one), gate(other)) {
                (Some(one), Some(other)) => one.may_share_gpu(other),
                _ => false,
            })
        {
            let (first, windows) = overlaps.entry(owner).or_insert((other, Vec::new()));
            if *first == other {
                windows.push(shared);
            }
        }
    }
    // Most stacks of a fleet have the same windows.
    let mut described: BTreeMap<(Option<&str>, Vec<Window>), String> = BTreeMap::new();
    overlaps
        .into_iter()
        .filter_map(|(index, (other, windows))| {
            let StackTimes { stack, times } = stacks.get(index)?;
            let name = stacks.get(other)?.stack.loaded.values.name.as_str();
            let hours = match described.entry((times.up.zone.iana_name(), windows)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let hours = times.describe(&free.key().1);
                    free.insert(hours)
                }
            };
            let message = Message::of("The window of ")
                .code(name)
                .and(format!(" on the same GPU is open, too, {hours}"));
            Some((*stack, value_paths::UP_SCHEDULE.into(), message))
        })
        .collect()
}
