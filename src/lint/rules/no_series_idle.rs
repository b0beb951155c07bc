//! Missing series that are read as an idle GPU.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::NoSeries;

pub(super) const RULE: Rule = Rule {
    id: "no-series-idle",
    severity: Severity::Critical,
    summary: "An exposition without a series of the metric is read as an idle GPU",
    rationale: "An exporter whose nvidia-smi fails serves exactly that exposition: the server then starts on a GPU that may be full.",
    fix: "Set `gate.noSeries: unknown`.",
    source: "docs/gate.md; gate/src/decision.rs",
    check: Check::Stack(no_series_idle),
};

fn no_series_idle(context: &RuleContext<'_>) -> Vec<Violation> {
    if context.values.gate.no_series != NoSeries::Idle {
        return Vec::new();
    }
    let message = Message::of("A failing exporter looks like an idle GPU, and the server starts");
    vec![Violation::at_value(value_paths::GATE_NO_SERIES, message)]
}
