//! A GPU tenant that asks for no GPU.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "gpu-not-requested",
    severity: Severity::Warning,
    what: "The server asks for no extended resource such as `nvidia.com/gpu`",
    why: "Nothing puts its Pods on the node with the card, and the container sees no GPU there.",
    mend: "`server.resources.limits: {nvidia.com/gpu: \"1\"}`: one time slice, not the whole card.",
    source: "https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    if case.gpu().is_some() {
        return Vec::new();
    }
    vec![Site::value(["server", "resources"], Message::of("The server asks for no GPU"))]
}
