//! A Pod whose memory a per-Pod exporter counts twice.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::object::node_at;
use crate::model::{Message, Severity, workload};
use crate::values::{Count, Exporter};
use yaml_spans::{Node, Path, Segment, Value};

pub(super) const RULE: Rule = Rule {
    id: "pod-counted-twice",
    severity: Severity::Critical,
    summary: "The exporter counts the memory of the server's Pod twice (`gate.exporter: dcgm-pods`)",
    rationale: "The exporter has a series for each slice and each container that holds the GPU, and each counts the whole Pod. The tenant's memory counts twice, and hides as much memory of others from the guard.",
    fix: "Give the Pod one slice in one container, or use `gate.exporter: dcgm` with a `gate.budget`, which reads the whole GPU.",
    source: "docs/exporters.md; NVIDIA/dcgm-exporter internal/pkg/transformation/process_metrics.go",
    check: Check::Stack(pod_counted_twice),
};

fn pod_counted_twice(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    if gate.exporter != Exporter::DcgmPods || gate.count == Some(Count::Everyone) {
        return Vec::new();
    }
    let Some(resource) = context.gpu_resource() else { return Vec::new() };
    context
        .gated_objects()
        .filter_map(|object| {
            let holders: Vec<_> = workload::located_containers(object)
                .filter(|(path, container)| runs_beside(path, container))
                .filter_map(|(path, container)| {
                    let slices = requested(container, resource);
                    (slices > 0).then_some((path, slices))
                })
                .collect();
            let series: i64 = holders.iter().map(|(_, slices)| slices).sum();
            let (path, _) = holders.last().filter(|_| series > 1)?;
            let field = path.key("resources").key("limits").key(resource);
            let message = Message::of(format!(
                "The Pod has {series} slices in {} container{}, and so {series} series that each count all its memory",
                holders.len(),
                if holders.len() == 1 { "" } else { "s" },
            ));
            Some(Violation::at_field(object, field, message))
        })
        .collect()
}

/// Returns true for a container that runs with the others: an init container ends before they start,
/// unless it is a sidecar.
fn runs_beside(path: &Path, container: &Node) -> bool {
    let is_init = path.segments().contains(&Segment::Key("initContainers".to_owned()));
    !is_init || container.get("restartPolicy").and_then(Node::as_str) == Some("Always")
}

/// The amount of a resource that a container may use.
fn requested(container: &Node, resource: &str) -> i64 {
    match node_at(container, &["resources", "limits", resource]).map(|node| &node.value) {
        Some(Value::Int(number)) => *number,
        Some(Value::String(text)) => text.parse().unwrap_or(1),
        _ => 0,
    }
}
