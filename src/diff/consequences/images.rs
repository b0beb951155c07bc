//! Changed images: another tag, another digest under the same tag, or a digest that was removed.

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, items_at};
use crate::model::workload::pod_spec;

const IMAGES: &str = "https://kubernetes.io/docs/concepts/containers/images/#image-names";

pub(super) const SAME_TAG: Rule = Rule {
    id: "image-same-tag",
    severity: Severity::Warning,
    topic: Topic::Image,
    summary: "An image has another digest under the same tag: the same name now means other content",
    source: IMAGES,
};

pub(super) const UNPINNED: Rule = Rule {
    id: "image-unpinned",
    severity: Severity::Warning,
    topic: Topic::Image,
    summary: "An image is no longer pinned by its digest: what runs can change without a commit",
    source: IMAGES,
};

pub(super) const CHANGES: Rule = Rule {
    id: "image-changes",
    severity: Severity::Info,
    topic: Topic::Image,
    summary: "A container runs another image",
    source: IMAGES,
};

/// A parsed image reference.
#[derive(PartialEq, Eq)]
struct Image<'a> {
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Parses a reference by the grammar of `distribution/reference`: a colon after the last slash
    /// starts the tag.
    fn parse(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let path = name.rfind('/').map_or(0, |at| at + 1);
        match name[path..].find(':') {
            Some(colon) => {
                let (repository, tag) = name.split_at(path + colon);
                Image { repository, tag: Some(&tag[1..]), digest }
            }
            None => Image { repository: name, tag: None, digest },
        }
    }

    /// The rule that a change from this image to another falls under.
    fn rule_of_change(&self, other: &Image<'_>) -> &'static Rule {
        let has_same_name = self.repository == other.repository && self.tag == other.tag;
        match (self.digest, other.digest) {
            // Without a tag the digest is the whole name, so it is just another image.
            (Some(_), Some(_)) if has_same_name && self.tag.is_some() => &SAME_TAG,
            (Some(_), None) => &UNPINNED,
            _ => &CHANGES,
        }
    }
}

/// The repository of an image reference.
pub(super) fn repository(image: &str) -> &str {
    Image::parse(image).repository
}

pub(super) fn changed_images(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, before, after) in context.modified() {
        for (container, image) in container_images(after) {
            let previous = container_images(before)
                .find(|(name, _)| *name == container)
                .map(|(_, image)| image);
            let Some(previous) = previous.filter(|previous| *previous != image) else { continue };
            let rule = Image::parse(previous).rule_of_change(&Image::parse(image));
            let message = Message::of("Container ")
                .code(container)
                .and(": from ")
                .code(previous)
                .and(" to ")
                .code(image);
            findings.push(Finding::new(rule, &after.id, message));
        }
    }
    findings
}

/// The names and images of the containers in an object's Pods.
fn container_images(object: &Object) -> impl Iterator<Item = (&str, &str)> {
    let spec = pod_spec(object);
    ["initContainers", "containers"]
        .into_iter()
        .flat_map(move |list| spec.map(|spec| items_at(spec, &[list])).unwrap_or_default())
        .filter_map(|container| {
            Some((container.get("name")?.as_str()?, container.get("image")?.as_str()?))
        })
}
