//! Two stacks that use one GPU at the same time.

use std::collections::BTreeMap;

use super::{Check, Rule, StackTimes, StackViolations};
use crate::lint::value_paths;
use crate::model::window::Window;
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

/// A window and the index of its stack.
type StackWindow = (Window, usize);

fn windows_overlap<'a>(stacks: &[StackTimes<'a>]) -> StackViolations<'a> {
    // One scrape is one node's GPU.
    let mut gpus: BTreeMap<(String, &str), Vec<StackWindow>> = BTreeMap::new();
    for (index, StackTimes { stack, times }) in stacks.iter().enumerate() {
        let values = &stack.loaded.values;
        if values.off_peak.suspend || values.off_peak.suspend_all {
            continue;
        }
        let url = without_default_port(values.gate.source_url());
        let windows = times.month_windows().iter().map(|window| (*window, index));
        gpus.entry((url, values.gate.metric_name())).or_default().extend(windows);
    }
    let mut overlaps = BTreeMap::new();
    for windows in gpus.into_values() {
        find_overlaps(windows, &mut overlaps);
    }
    overlaps
        .into_iter()
        .filter_map(|(index, (shared, other))| {
            let (StackTimes { stack, times }, other) =
                (stacks.get(index)?, stacks.get(other)?.stack);
            let message = Message::of("The window of ")
                .code(other.loaded.values.name.as_str())
                .and(format!(" on the same GPU is open, too, {}", times.format(shared)));
            Some((*stack, value_paths::UP_SCHEDULE.into(), message))
        })
        .collect()
}

/// The first overlap of each stack with another whose window is open when its own opens.
fn find_overlaps(mut windows: Vec<StackWindow>, overlaps: &mut BTreeMap<usize, StackWindow>) {
    windows.sort();
    let mut open: Vec<StackWindow> = Vec::new();
    for (window, stack) in windows {
        open.retain(|(other, _)| other.closes > window.opens);
        if let Some(&(other, other_stack)) = open.iter().find(|(_, other)| *other != stack) {
            let shared = Window { opens: window.opens, closes: window.closes.min(other.closes) };
            overlaps.entry(stack).or_insert((shared, other_stack));
        }
        open.push((window, stack));
    }
}

/// A URL without the port that its scheme implies.
fn without_default_port(url: &str) -> String {
    [("http://", ":80/"), ("https://", ":443/")]
        .iter()
        .find(|(scheme, port)| url.starts_with(scheme) && url.contains(port))
        .map_or_else(|| url.to_owned(), |(_, port)| url.replacen(port, "/", 1))
}
