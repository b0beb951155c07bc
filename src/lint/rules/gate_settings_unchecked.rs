//! Settings of the gate that can't be checked before they run.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "gate-settings-unchecked",
    severity: Severity::Warning,
    summary: "A gate job takes a setting from the cluster or from a script, so that its settings can't be checked",
    rationale: "If the setting turns out invalid, `up` starts nothing and the guard stops the server at every run, or neither can reach it. Other rules do not see the job's settings.",
    fix: "Write the setting as a plain value in the template, or allow this finding with a comment that says where the setting is checked.",
    source: "gate/src/settings/check.rs; docs/gate.md",
    check: Check::Stack(gate_settings_unchecked),
};

fn gate_settings_unchecked(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for job in context.gates.values().flat_map(|gate| &gate.jobs) {
        let Some(object) = context.objects.get(&job.id) else { continue };
        let unknown: Vec<&str> = job.set_in_cluster.iter().map(|key| key.row().env).collect();
        let message = match &job.settings {
            _ if !unknown.is_empty() => {
                Message::of("Only the cluster knows the gate's setting ").codes(unknown, 3)
            }
            Err(error) => Message::of("As rendered, the gate would refuse the setting ")
                .code(error.setting.as_str()),
            Ok(_) => continue,
        };
        violations.push(Violation::at_field(object, job.container.key("env"), message));
    }
    violations
}
