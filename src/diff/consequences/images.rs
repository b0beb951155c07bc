//! Images: another tag, another digest under the same tag, a digest that is no longer there.

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, items};
use crate::model::workload::pod_spec;
use yaml_spans::Node;

const IMAGES: &str = "https://kubernetes.io/docs/concepts/containers/images/#image-names";

pub(super) const SAME_TAG: Rule = Rule {
    id: "image-same-tag",
    severity: Severity::Warning,
    topic: Topic::Image,
    what: "An image has another digest under the same tag: other content by the same name",
    source: IMAGES,
    detect: |case| find(case, What::SameTag),
};

pub(super) const UNPINNED: Rule = Rule {
    id: "image-unpinned",
    severity: Severity::Warning,
    topic: Topic::Image,
    what: "An image was pinned by its digest and is not any more: what runs can change without a commit",
    source: IMAGES,
    detect: |case| find(case, What::Unpinned),
};

pub(super) const CHANGES: Rule = Rule {
    id: "image-changes",
    severity: Severity::Info,
    topic: Topic::Image,
    what: "A container runs another image",
    source: IMAGES,
    detect: |case| find(case, What::Other),
};

#[derive(PartialEq, Eq)]
enum What {
    SameTag,
    Unpinned,
    Other,
}

/// An image's name in its parts.
#[derive(PartialEq, Eq)]
struct Image<'a> {
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// By the grammar of `distribution/reference`: a colon after the last slash starts the tag.
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

    /// What happens from one to another.
    fn to(&self, other: &Image<'_>) -> What {
        let same = self.repository == other.repository && self.tag == other.tag;
        match (self.digest, other.digest) {
            // Without a tag the digest is the whole name: it is just another image.
            (Some(_), Some(_)) if same && self.tag.is_some() => What::SameTag,
            (Some(_), None) => What::Unpinned,
            _ => What::Other,
        }
    }
}

fn find(case: &Case<'_>, wanted: What) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, before, after) in case.both() {
        for (container, image) in images(after) {
            let was = images(before).find(|(name, _)| *name == container).map(|(_, image)| image);
            let Some(was) = was.filter(|was| *was != image) else { continue };
            if Image::parse(was).to(&Image::parse(image)) == wanted {
                let words = Message::of("Container ")
                    .code(container)
                    .and(": from ")
                    .code(was)
                    .and(" to ")
                    .code(image);
                findings.push(Finding::new(&after.id, words));
            }
        }
    }
    findings
}

/// The containers of an object's Pods with their images.
fn images(object: &Object) -> impl Iterator<Item = (&str, &str)> {
    let spec = pod_spec(object);
    let lists = ["initContainers", "containers"].into_iter();
    lists
        .flat_map(move |list| spec.map(|spec| items(spec, &[list])).unwrap_or_default())
        .filter_map(|container| {
            let text = |key| container.get(key).and_then(Node::as_str);
            Some((text("name")?, text("image")?))
        })
}
