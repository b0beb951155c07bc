//! A start on one sample.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "single-sample",
    severity: Severity::Info,
    summary: "The server is started on a single sample",
    rationale: "An exposition that is cut between two lines looks complete and reports too little, and a resident that is just loading shows only a part of its memory.",
    fix: "Set `gate.samples: 2` or more.",
    source: "docs/gate.md; gate/src/run.rs",
    check: Check::Stack(single_sample),
};

fn single_sample(context: &RuleContext<'_>) -> Vec<Violation> {
    if context.values.gate.samples.get() != 1 {
        return Vec::new();
    }
    let message =
        Message::of("One sample is enough to start the server, even one that was cut short");
    vec![Violation::at_value(value_paths::GATE_SAMPLES, message)]
}
