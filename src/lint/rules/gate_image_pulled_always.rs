//! A gate that can't start without its registry.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::PullPolicy;

pub(super) const RULE: Rule = Rule {
    id: "gate-image-pulled-always",
    severity: Severity::Warning,
    summary: "The gate's image is pulled for each run",
    rationale: "While the registry is away no guard and no `down` starts, although their node has the image, and the server keeps the GPU.",
    fix: "Set `gate.image.pullPolicy: IfNotPresent`, with a digest or with a tag that never moves.",
    source: "https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting; docs/gate.md",
    check: Check::Stack(gate_image_pulled_always),
};

fn gate_image_pulled_always(context: &RuleContext<'_>) -> Vec<Violation> {
    let image = &context.values.gate.image;
    let tag = image.tag.as_ref().map(|tag| tag.as_str());
    let message = match image.pull_policy {
        Some(PullPolicy::Always) => Message::of("The registry is asked before each start"),
        // Kubernetes' own default for an image without a digest.
        None if image.digest.is_none() && matches!(tag, None | Some("latest")) => {
            Message::of("Without ")
                .code("pullPolicy")
                .and(", the registry is asked before each start of an image with this tag")
        }
        _ => return Vec::new(),
    };
    vec![Violation::at_value(value_paths::GATE_IMAGE.key("pullPolicy"), message)]
}
