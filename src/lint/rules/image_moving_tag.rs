//! An image by a tag that moves.

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path, template_path};
use crate::model::{Message, Severity, workload};
use crate::values::Image;
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "image-moving-tag",
    severity: Severity::Warning,
    what: "An image is named by a tag that is meant to move, and by no digest",
    why: "What runs can change without a commit: no diff shows it, and no rollback undoes it.",
    mend: "Name a release, or better pin the digest: `tts-render image pin IMAGE values/STACK.yaml`.",
    source: "https://kubernetes.io/docs/concepts/containers/images/#image-names",
    look: Look::Stack(look),
};

/// Tags that publishers move by custom.
const MOVING: [&str; 11] = [
    "latest", "main", "master", "edge", "nightly", "stable", "dev", "develop", "devel", "snapshot",
    "canary",
];

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut found: Vec<Site> =
        [("server", &case.values.server.image), ("gate", &case.values.gate.image)]
            .into_iter()
            .filter_map(|(whose, image)| {
                Some(Site::value([whose, "image", "tag"], words(moving(image)?)))
            })
            .collect();
    // Images that stand elsewhere: init containers, the containers of other templates.
    let values = [&case.values.server.image, &case.values.gate.image]
        .map(|image| (image.repository.as_str(), image.tag.as_ref().map(|tag| tag.as_str())));
    for object in case.objects.iter() {
        for list in ["initContainers", "containers"] {
            let spec = workload::pod_spec(object);
            let containers = spec.and_then(|spec| spec.get(list)).and_then(Node::as_sequence);
            for (at, container) in containers.unwrap_or_default().iter().enumerate() {
                let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
                let (repository, tag) = split(image);
                if values.contains(&(repository, tag)) || image.contains('@') {
                    continue;
                }
                if let Some(words) = is_moving(tag).map(words) {
                    let field = template_path(object).join(&path(&["spec", list])).index(at);
                    found.push(Site::field(object, field.key("image"), words));
                }
            }
        }
    }
    found
}

fn words(tag: Option<&str>) -> Message {
    match tag {
        Some(tag) => {
            Message::of("The tag ").code(tag).and(" moves: what runs can change without a commit")
        }
        None => Message::of("The image has neither tag nor digest, which means ").code("latest"),
    }
}

/// The moving tag of an image, or none for one without any tag; nothing for an image that stays.
fn moving(image: &Image) -> Option<Option<&str>> {
    if image.digest.is_some() {
        return None;
    }
    is_moving(image.tag.as_ref().map(|tag| tag.as_str()))
}

fn is_moving(tag: Option<&str>) -> Option<Option<&str>> {
    match tag {
        Some(text) => MOVING.contains(&text).then_some(tag),
        None => Some(None),
    }
}

/// The repository and the tag of a reference without a digest.
fn split(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (image, None),
    }
}
