//! An image whose tag moves.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "image-moving-tag",
    severity: Severity::Warning,
    summary: "An image is referenced by a tag that is meant to move, and not by a digest",
    rationale: "The image that runs can change without a commit: no diff shows the change, and no rollback undoes it.",
    fix: "Use a release tag, or better pin the digest: `tts-render image pin IMAGE values/STACK.yaml`.",
    source: "https://kubernetes.io/docs/concepts/containers/images/#image-names",
    check: Check::Stack(image_moving_tag),
};

/// Tags that publishers move by convention.
const MOVING_TAGS: [&str; 11] = [
    "latest", "main", "master", "edge", "nightly", "stable", "dev", "develop", "devel", "snapshot",
    "canary",
];

fn image_moving_tag(context: &RuleContext<'_>) -> Vec<Violation> {
    let server = &context.values.server.image;
    let gate = &context.values.gate.image;
    let mut violations: Vec<Violation> =
        [(value_paths::SERVER_IMAGE, server), (value_paths::GATE_IMAGE, gate)]
            .into_iter()
            .filter(|(_, image)| image.digest.is_none())
            .filter_map(|(path, image)| {
                let tag = image.tag.as_ref().map(|tag| tag.as_str());
                Some(Violation::at_value(path.key("tag"), moving_tag(tag)?))
            })
            .collect();
    // Images that the values do not name: those that a template writes itself.
    let named = [server, gate]
        .map(|image| (image.repository.as_str(), image.tag.as_ref().map(|tag| tag.as_str())));
    for object in context.objects.iter() {
        for (path, container) in workload::located_containers(object) {
            let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
            let (repository, tag) = split_tag(image);
            if image.contains('@') || named.contains(&(repository, tag)) {
                continue;
            }
            if let Some(message) = moving_tag(tag) {
                violations.push(Violation::at_field(object, path.key("image"), message));
            }
        }
    }
    violations
}

/// The message about a moving or missing tag; `None` for a tag that does not move.
fn moving_tag(tag: Option<&str>) -> Option<Message> {
    match tag {
        Some(tag) if !MOVING_TAGS.contains(&tag) => None,
        Some(tag) => Some(
            Message::of("The tag ")
                .code(tag)
                .and(" moves: the image that runs can change without a commit"),
        ),
        None => {
            Some(Message::of("The image has neither tag nor digest, which means ").code("latest"))
        }
    }
}

/// The repository and the tag of a reference without a digest.
fn split_tag(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (image, None),
    }
}
