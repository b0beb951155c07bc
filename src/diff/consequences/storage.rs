//! Claims that shrink or grow, volumes that change what becomes of their data.

use std::cmp::Ordering;

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, Objects};
use kube_formats::quantity::Quantity;
use yaml_spans::{Node, Value};

pub(super) const SHRINKS: Rule = Rule {
    id: "storage-shrinks",
    severity: Severity::Critical,
    topic: Topic::Refusal,
    what: "The API server will refuse a claim that asks for less than before",
    source: "ValidatePersistentVolumeClaimUpdate in pkg/apis/core/validation; https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims",
    detect: |case| sizes(case, Ordering::Less),
};

pub(super) const GROWS: Rule = Rule {
    id: "storage-grows",
    severity: Severity::Warning,
    topic: Topic::Refusal,
    what: "A claim asks for more: refused unless it is bound and its StorageClass allows expansion",
    source: "plugin/pkg/admission/storage/persistentvolume/resize (allowResize)",
    detect: |case| sizes(case, Ordering::Greater),
};

pub(super) const RECLAIM: Rule = Rule {
    id: "reclaim-policy-deletes",
    severity: Severity::Critical,
    topic: Topic::Data,
    what: "A volume's reclaim policy becomes `Delete`: its data goes when its claim does",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
    detect: reclaim,
};

const REQUEST: [&str; 4] = ["spec", "resources", "requests", "storage"];
const POLICY: [&str; 2] = ["spec", "persistentVolumeReclaimPolicy"];

fn sizes(case: &Case<'_>, wanted: Ordering) -> Vec<Finding> {
    let claims = case.both().filter(|(_, before, _)| before.is("", "PersistentVolumeClaim"));
    claims
        .filter_map(|(change, before, after)| {
            let (old, new) = (before.text(&REQUEST)?, after.text(&REQUEST)?);
            let (was, is) = (Quantity::parse(old)?, Quantity::parse(new)?);
            (is.compare(&was) == wanted).then_some(())?;
            let words = Message::of("The claim goes from ").code(old).and(" to ").code(new);
            let words = match wanted {
                Ordering::Less => words.and(": the API server will refuse to shrink it"),
                _ => words.then(growth(after, case.head)),
            };
            Some(Finding::new(&change.id, words))
        })
        .collect()
}

fn growth(claim: &Object, objects: &Objects) -> Message {
    let class = claim.text(&["spec", "storageClassName"]).unwrap_or_default();
    let allows = objects
        .find("storage.k8s.io", "StorageClass", None, class)
        .map(|class| class.at(&["allowVolumeExpansion"]).map(|node| &node.value));
    match (class, allows) {
        ("", _) => Message::of(": a claim without a class can't grow"),
        (class, Some(Some(Value::Bool(true)))) => Message::of(": its class ").code(class).and(" allows it"),
        (class, Some(_)) => {
            Message::of(": its class ").code(class).and(" does not allow it, so the API server will refuse")
        }
        (class, None) => Message::of(": refused unless its class ").code(class).and(
            " exists in the cluster with `allowVolumeExpansion: true`, and a volume that was made by hand does not grow by it",
        ),
    }
}

fn reclaim(case: &Case<'_>) -> Vec<Finding> {
    let volumes = case.both().filter(|(_, before, _)| before.is("", "PersistentVolume"));
    volumes
        .filter(|(_, before, after)| {
            let deletes =
                |object: &Object| object.at(&POLICY).and_then(Node::as_str) == Some("Delete");
            deletes(after) && !deletes(before)
        })
        .map(|(change, before, _)| {
            let was = before.text(&POLICY).unwrap_or("Retain");
            let words = Message::of("The reclaim policy goes from ")
                .code(was)
                .and(" to `Delete`: when the claim is deleted, the data is too");
            Finding::new(&change.id, words)
        })
        .collect()
}
