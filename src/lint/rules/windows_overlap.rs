//! Two tenants that have one card at the same time.

use std::collections::BTreeMap;

use super::{Look, Rule};
use crate::lint::case::path;
use crate::lint::window::{Schedules, Span};
use crate::model::{Message, Severity};
use crate::project::load::LoadedStack;
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "windows-overlap",
    severity: Severity::Warning,
    what: "The windows of two stacks that watch one card overlap",
    why: "Each gate takes the other's server for a neighbour: whoever is admitted first keeps the other out, or both are admitted at once and then yield to each other.",
    mend: "Give them windows one after the other, or floors that leave room for both and schedules that open some minutes apart.",
    source: "docs/gate.md; gate/src/decision.rs: all but the tenant's own namespace are residents",
    look: Look::Fleet(look),
};

fn look(stacks: &[LoadedStack]) -> Vec<(&LoadedStack, Path, Message)> {
    let awake = stacks.iter().filter(|stack| !stack.loaded.values.off_peak.suspend);
    let stacks: Vec<(&LoadedStack, Schedules)> = awake
        .filter_map(|stack| Some((stack, Schedules::of(&stack.loaded.values.off_peak)?)))
        .collect();
    // One page is one node's card.
    let mut cards: BTreeMap<(String, &str), Vec<(Span, usize)>> = BTreeMap::new();
    for (at, (stack, schedules)) in stacks.iter().enumerate() {
        let gate = &stack.loaded.values.gate;
        let card = (page(gate.metrics_url.as_str()), gate.metric.as_str());
        let windows = schedules.common_windows().into_iter().map(|window| (window, at));
        cards.entry(card).or_default().extend(windows);
    }
    // The first overlap of each stack with one whose window is open when its own opens.
    let mut first: BTreeMap<usize, (Span, usize)> = BTreeMap::new();
    for windows in cards.values_mut() {
        windows.sort();
        let mut open: Vec<(Span, usize)> = Vec::new();
        for &(window, stack) in windows.iter() {
            open.retain(|(other, _)| other.closes > window.opens);
            if let Some(&(other, theirs)) = open.iter().find(|(_, other)| *other != stack) {
                let both = Span { opens: window.opens, closes: window.closes.min(other.closes) };
                first.entry(stack).or_insert((both, theirs));
            }
            open.push((window, stack));
        }
    }
    let site = |(at, (both, other)): (usize, (Span, usize))| {
        let (stack, schedules) = stacks.get(at)?;
        let words = Message::of("The window of ")
            .code(stacks.get(other)?.0.loaded.values.name.as_str())
            .and(" on the same card is open too, ")
            .and(format!("{} to {}", schedules.clock(both.opens), schedules.clock(both.closes)));
        Some((*stack, path(&["offPeak", "up"]), words))
    };
    first.into_iter().filter_map(site).collect()
}

/// A page's URL without the port that its scheme means anyway.
fn page(url: &str) -> String {
    [("http://", ":80/"), ("https://", ":443/")]
        .iter()
        .find(|(scheme, port)| url.starts_with(scheme) && url.contains(port))
        .map_or_else(|| url.to_owned(), |(_, port)| url.replacen(port, "/", 1))
}
