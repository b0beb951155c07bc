//! Versions of a kind that a CustomResourceDefinition no longer serves.

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::object::{Object, items_at};
use crate::model::{Message, Severity};
use yaml_spans::{Node, Value};

pub(super) const GROUP: &str = "apiextensions.k8s.io";
pub(super) const KIND: &str = "CustomResourceDefinition";

pub(super) const UNSERVED: Rule = Rule {
    id: "version-not-served",
    severity: Severity::Warning,
    topic: Topic::Reach,
    summary: "A CustomResourceDefinition no longer serves a version: whoever still uses it, manifests and controllers alike, gets an error",
    source: "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/",
};

pub(super) fn unserved_versions(context: &RuleContext<'_>) -> Vec<Finding> {
    let definitions = context.modified().filter(|(_, before, _)| before.is_kind(GROUP, KIND));
    definitions
        .filter_map(|(change, before, after)| {
            let now = served_versions(after);
            let lost: Vec<String> =
                served_versions(before).into_iter().filter(|name| !now.contains(name)).collect();
            let message = Message::of("It no longer serves ")
                .codes(lost.iter(), 4)
                .and(": a request for that version fails");
            (!lost.is_empty()).then(|| Finding::new(&UNSERVED, &change.id, message))
        })
        .collect()
}

fn served_versions(definition: &Object) -> Vec<String> {
    let versions = items_at(&definition.node, &["spec", "versions"]).iter();
    versions
        .filter(|version| version.get("served").is_some_and(|node| node.value == Value::Bool(true)))
        .filter_map(|version| Some(version.get("name").and_then(Node::as_str)?.to_owned()))
        .collect()
}

/// The version that objects are stored in.
pub(super) fn stored_version(definition: &Object) -> Option<&str> {
    let versions = items_at(&definition.node, &["spec", "versions"]).iter();
    let mut stored = versions.filter(|version| {
        version.get("storage").is_some_and(|node| node.value == Value::Bool(true))
    });
    stored.next()?.get("name")?.as_str()
}
