//! A time by demand that bounds nothing.

use jiff::SignedDuration;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "demand-unbounded",
    severity: Severity::Warning,
    summary: "`offPeak.demand.atMost` is as long as the hours of demand, so it bounds nothing",
    rationale: "A queue that never gets empty, because the server fails each of its items, then holds the GPU all day.",
    fix: "Set `offPeak.demand.atMost` to the time that a day's work takes, or let the hours be shorter.",
    source: "docs/demand.md; gate/src/demand.rs",
    check: Check::Stack(demand_unbounded),
};

fn demand_unbounded(context: &RuleContext<'_>) -> Vec<Violation> {
    let Some(demand) = &context.values.off_peak.demand else { return Vec::new() };
    let hours = context.times.demand_hours().iter();
    let Some(longest) =
        hours.map(|hours| hours.window.closes.duration_since(hours.window.opens)).max()
    else {
        return Vec::new();
    };
    let at_most = SignedDuration::from_secs(demand.at_most.as_secs().into());
    if at_most < longest {
        return Vec::new();
    }
    let message = Message::of("The hours of demand are at most ")
        .code(format!("{}m", longest.as_mins()))
        .and(", and the server may run for ")
        .code(demand.at_most.to_string());
    vec![Violation::at_value(value_paths::DEMAND_AT_MOST, message)]
}
