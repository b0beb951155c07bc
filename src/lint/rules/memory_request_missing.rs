//! A container that requests no memory.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::object::node_at;
use crate::model::{Message, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "memory-request-missing",
    severity: Severity::Warning,
    summary: "A container has neither a memory request nor a memory limit",
    rationale: "It gets the default of the namespace's LimitRange. Without one it counts as best effort, and is killed first when the node runs short of memory.",
    fix: "Set `resources.requests.memory`. A limit alone counts as the request, too.",
    source: "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#requests-and-limits",
    check: Check::Stack(memory_request_missing),
};

fn memory_request_missing(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for object in context.objects.iter() {
        for (path, container) in workload::located_containers(object) {
            let requests_memory = ["requests", "limits"]
                .iter()
                .any(|list| node_at(container, &["resources", list, "memory"]).is_some());
            if requests_memory {
                continue;
            }
            let name = container.get("name").and_then(Node::as_str).unwrap_or_default();
            let message = Message::of("The container ").code(name).and(" requests no memory");
            violations.push(Violation::at_field(object, path.key("resources"), message));
        }
    }
    violations
}
