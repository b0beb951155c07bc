//! A gate that may start where its image is not.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "gate-on-any-node",
    severity: Severity::Info,
    summary: "The gate's Pods do not prefer the server's node",
    rationale: "A run on a node that has never run the gate must pull the image. While the registry is away, neither guard nor `down` starts there, and the server keeps the GPU.",
    fix: "Set `gate.preferTenantNode: true`. It is a preference: while the node is full or away, the Pods run elsewhere.",
    source: "docs/gate.md, the sequences 1 and 1b",
    check: Check::Stack(gate_on_any_node),
};

fn gate_on_any_node(context: &RuleContext<'_>) -> Vec<Violation> {
    let values = context.values;
    if values.server.node_selector.is_empty() || values.gate.prefer_tenant_node {
        return Vec::new();
    }
    let message = Message::of("")
        .code("server.nodeSelector")
        .and(" names the server's nodes, and the gate may start on any other, without its image");
    vec![Violation::at_value(value_paths::GATE_PREFER_TENANT_NODE, message)]
}
