//! More Pods a day than the end of a window needs.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "down-too-often",
    severity: Severity::Info,
    summary: "`down` runs more than twelve times a day",
    rationale: "Each run is a Job and a Pod, and outside the window nearly all find nothing to do. Many short Pods slow down the API server and the nodes.",
    fix: "Schedule `offPeak.down` every two hours outside the window.",
    source: "docs/gate.md; an incident in which the churn of Pods slowed down the cluster",
    check: Check::Stack(down_too_often),
};

const MAX_A_DAY: usize = 12;

fn down_too_often(context: &RuleContext<'_>) -> Vec<Violation> {
    let a_day = context.times.down_runs_a_day();
    if a_day <= MAX_A_DAY {
        return Vec::new();
    }
    let message = Message::of(format!("It runs about {a_day} times a day"));
    vec![Violation::at_value(value_paths::DOWN_SCHEDULE, message)]
}
