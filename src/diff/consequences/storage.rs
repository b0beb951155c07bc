//! Claims that shrink or grow, and reclaim policies that delete data.

use std::cmp::Ordering;

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, Objects};
use kube_formats::quantity::Quantity;
use yaml_spans::{Node, Value};

pub(super) const SHRINKS: Rule = Rule {
    id: "storage-shrinks",
    severity: Severity::Critical,
    topic: Topic::Refusal,
    summary: "The API server will refuse a PersistentVolumeClaim that requests less storage than before",
    source: "ValidatePersistentVolumeClaimUpdate in pkg/apis/core/validation; https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims",
};

pub(super) const GROWS: Rule = Rule {
    id: "storage-grows",
    severity: Severity::Warning,
    topic: Topic::Refusal,
    summary: "A PersistentVolumeClaim requests more storage: refused unless it is bound and its StorageClass allows expansion",
    source: "plugin/pkg/admission/storage/persistentvolume/resize (allowResize)",
};

pub(super) const CLASS: Rule = Rule {
    id: "claim-class-changes",
    severity: Severity::Warning,
    topic: Topic::Refusal,
    summary: "A PersistentVolumeClaim gets another `volumeAttributesClassName`: refused unless it is bound",
    source: "ValidatePersistentVolumeClaimUpdate in pkg/apis/core/validation; https://kubernetes.io/docs/concepts/storage/volume-attributes-classes/",
};

pub(super) const RECLAIM: Rule = Rule {
    id: "reclaim-policy-deletes",
    severity: Severity::Critical,
    topic: Topic::Data,
    summary: "The reclaim policy of a PersistentVolume becomes `Delete`: deleting its claim deletes its data",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
};

const REQUEST: [&str; 4] = ["spec", "resources", "requests", "storage"];
const POLICY: [&str; 2] = ["spec", "persistentVolumeReclaimPolicy"];

pub(super) fn claim_sizes(context: &RuleContext<'_>) -> Vec<Finding> {
    let claims =
        context.modified().filter(|(_, before, _)| before.is_kind("", "PersistentVolumeClaim"));
    claims
        .filter_map(|(change, before, after)| {
            let (old, new) = (before.text_at(&REQUEST)?, after.text_at(&REQUEST)?);
            let message =
                Message::of("The requested storage changes from ").code(old).and(" to ").code(new);
            let (rule, effect) = match Quantity::parse(new)?.compare(&Quantity::parse(old)?) {
                Ordering::Less => {
                    (&SHRINKS, Message::of(": the API server will refuse to shrink the claim"))
                }
                Ordering::Greater => (&GROWS, expansion_effect(after, context.head)),
                Ordering::Equal => return None,
            };
            Some(Finding::new(rule, &change.id, message.then(effect)))
        })
        .collect()
}

pub(super) fn attributes_classes(context: &RuleContext<'_>) -> Vec<Finding> {
    const CLASS_NAME: [&str; 2] = ["spec", "volumeAttributesClassName"];
    let claims =
        context.modified().filter(|(_, before, _)| before.is_kind("", "PersistentVolumeClaim"));
    claims
        .filter(|(_, before, after)| before.text_at(&CLASS_NAME) != after.text_at(&CLASS_NAME))
        .map(|(change, before, after)| {
            let name = |claim: &Object| claim.text_at(&CLASS_NAME).unwrap_or("none").to_owned();
            let message = Message::of("Its `volumeAttributesClassName` changes from ")
                .code(name(before))
                .and(" to ")
                .code(name(after))
                .and(": the API server will refuse that unless the claim is bound");
            Finding::new(&CLASS, &change.id, message)
        })
        .collect()
}

fn expansion_effect(claim: &Object, objects: &Objects) -> Message {
    let Some(class) = claim.text_at(&["spec", "storageClassName"]) else {
        return Message::of(
            ": refused unless the class that the cluster filled in has `allowVolumeExpansion: true`",
        );
    };
    let allows = objects
        .find("storage.k8s.io", "StorageClass", None, class)
        .map(|class| class.node_at(&["allowVolumeExpansion"]).map(|node| &node.value));
    match (class, allows) {
        ("", _) => Message::of(": a claim without a class can't grow"),
        (class, Some(Some(Value::Bool(true)))) => {
            Message::of(": its class ").code(class).and(" allows it")
        }
        (class, Some(_)) => Message::of(": its class ")
            .code(class)
            .and(" does not allow it, so the API server will refuse"),
        (class, None) => Message::of(": refused unless its class ").code(class).and(
            " exists in the cluster with `allowVolumeExpansion: true`; a volume that was created by hand does not grow with its claim",
        ),
    }
}

pub(super) fn reclaim_policies(context: &RuleContext<'_>) -> Vec<Finding> {
    let volumes =
        context.modified().filter(|(_, before, _)| before.is_kind("", "PersistentVolume"));
    volumes
        .filter(|(_, before, after)| deletes_data(after) && !deletes_data(before))
        .map(|(change, before, _)| {
            let previous = before.text_at(&POLICY).unwrap_or("Retain");
            let message = Message::of("The reclaim policy changes from ")
                .code(previous)
                .and(" to `Delete`: deleting the claim deletes the data");
            Finding::new(&RECLAIM, &change.id, message)
        })
        .collect()
}

fn deletes_data(volume: &Object) -> bool {
    volume.node_at(&POLICY).and_then(Node::as_str) == Some("Delete")
}
