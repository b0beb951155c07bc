//! A GPU tenant that requests no GPU.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "gpu-not-requested",
    severity: Severity::Warning,
    summary: "The server requests no extended resource such as `nvidia.com/gpu`",
    rationale: "The scheduler does not place its Pods on the node with the GPU, and the container has no access to the GPU there.",
    fix: "Set `server.resources.limits: {nvidia.com/gpu: \"1\"}`. It requests one time slice, not the whole GPU.",
    source: "https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/",
    check: Check::Stack(gpu_not_requested),
};

fn gpu_not_requested(context: &RuleContext<'_>) -> Vec<Violation> {
    if context.gpu_resource().is_some() {
        return Vec::new();
    }
    vec![Violation::at_value(
        value_paths::SERVER_RESOURCES,
        Message::of("The server requests no GPU"),
    )]
}
