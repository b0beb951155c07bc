//! An image that both Keel and a digest control.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::ImageOwner;

pub(super) const RULE: Rule = Rule {
    id: "image-keel-and-digest",
    severity: Severity::Warning,
    summary: "Keel is enabled for the namespace, and the image is pinned by its digest",
    rationale: "Keel follows tags. It either ignores the image, or overwrites the digest in the cluster until the GitOps controller restores it.",
    fix: "Choose one: remove the label `keel.sh/enrolled`, or remove the digest and set `gitops.images: keel`.",
    source: "https://keel.sh/docs/ and docs/server.md: a pinned image and Keel exclude each other",
    check: Check::Stack(image_keel_and_digest),
};

/// The namespace label that lets Keel update its workloads.
const ENROLLED: &str = "keel.sh/enrolled";

fn image_keel_and_digest(context: &RuleContext<'_>) -> Vec<Violation> {
    let labels = &context.values.namespace.labels;
    if labels.get(ENROLLED).is_none_or(|value| value != "true") {
        return Vec::new();
    }
    let keel =
        context.values.gitops.as_ref().is_some_and(|gitops| gitops.images == ImageOwner::Keel);
    let images = [
        (value_paths::SERVER_IMAGE, &context.values.server.image),
        (value_paths::GATE_IMAGE, &context.values.gate.image),
    ];
    let mut violations = Vec::new();
    for (path, image) in images {
        if image.digest.is_none() {
            continue;
        }
        let mut message = Message::of("The image is pinned by its digest, and the label ")
            .code(ENROLLED)
            .and(" lets Keel change it");
        if keel {
            message = message.and(", as does ").code("gitops.images: keel");
        }
        violations.push(Violation::at_value(path.key("digest"), message));
    }
    violations
}
