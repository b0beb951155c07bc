//! Objects that are no longer rendered, which a pruning controller deletes, and dropped protection
//! against that.

use super::{Finding, Rule, RuleContext, Topic, claims, definitions};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, Objects, strings_at};
use crate::model::prune_protection::{self, PruneProtection};
use yaml_spans::{Node, Value};

const PRUNING: &str = "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/ and https://fluxcd.io/flux/components/kustomize/kustomizations/#prune";

pub(super) const NAMESPACE: Rule = Rule {
    id: "namespace-pruned",
    severity: Severity::Critical,
    topic: Topic::Data,
    summary: "A Namespace is no longer rendered: pruning it deletes every object in it, rendered here or not",
    source: "https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#deleting-a-namespace",
};

pub(super) const DEFINITION: Rule = Rule {
    id: "definition-pruned",
    severity: Severity::Critical,
    topic: Topic::Data,
    summary: "A CustomResourceDefinition is no longer rendered: pruning it deletes every object of its kind, whoever made it",
    source: "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#delete-a-customresourcedefinition",
};

pub(super) const DATA_LOST: Rule = Rule {
    id: "data-pruned",
    severity: Severity::Critical,
    topic: Topic::Data,
    summary: "A PersistentVolume or claim is no longer rendered, and its reclaim policy deletes the data or is unknown",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
};

pub(super) const DATA_KEPT: Rule = Rule {
    id: "data-released",
    severity: Severity::Warning,
    topic: Topic::Pruning,
    summary: "A PersistentVolume or claim is no longer rendered, and its data is retained: it stays on the storage, bound to nothing",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#retain",
};

pub(super) const PROTECTED: Rule = Rule {
    id: "pruning-guarded",
    severity: Severity::Warning,
    topic: Topic::Pruning,
    summary: "An object with prune protection is no longer rendered: it stays in the cluster until somebody deletes it",
    source: PRUNING,
};

pub(super) const UNPROTECTED: Rule = Rule {
    id: "prune-guard-dropped",
    severity: Severity::Critical,
    topic: Topic::Data,
    summary: "A Namespace, CustomResourceDefinition, PersistentVolume or claim loses its prune protection: if a later commit drops the object, the controller deletes it without confirmation",
    source: PRUNING,
};

pub(super) const OWNER: Rule = Rule {
    id: "owner-pruned",
    severity: Severity::Warning,
    topic: Topic::Pruning,
    summary: "An object is no longer rendered whose controller may delete others with it: an Application, a Kustomization, or an object of a kind that is not known here",
    source: "https://argo-cd.readthedocs.io/en/stable/user-guide/app_deletion/; https://fluxcd.io/flux/components/kustomize/kustomizations/#prune; https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/",
};

pub(super) const PRUNED: Rule = Rule {
    id: "pruned",
    severity: Severity::Warning,
    topic: Topic::Pruning,
    summary: "An object is no longer rendered: a controller that prunes deletes it from the cluster",
    source: PRUNING,
};

pub(super) fn removed_objects(context: &RuleContext<'_>) -> Vec<Finding> {
    context.removed().map(|object| removal_finding(context, object)).collect()
}

fn removal_finding(context: &RuleContext<'_>, object: &Object) -> Finding {
    let is_volume = object.is_kind("", "PersistentVolume");
    if let Some(message) = protection_message(&PruneProtection::read(object)) {
        Finding::new(&PROTECTED, &object.id, Message::of(message))
    } else if object.is_kind("", "Namespace") {
        Finding::new(&NAMESPACE, &object.id, namespace_message(object, context.base))
    } else if object.is_kind(definitions::GROUP, definitions::KIND) {
        Finding::new(&DEFINITION, &object.id, definition_message(object, context.base))
    } else if is_volume || object.is_kind("", "PersistentVolumeClaim") {
        let policy = reclaim_policy(object, context.base);
        let rule = if policy.as_deref() == Some("Retain") { &DATA_KEPT } else { &DATA_LOST };
        Finding::new(rule, &object.id, data_message(policy, is_volume))
    } else if claims::are_deleted_with(object) {
        let (rule, effect) = match claims::are_retained(object, context.base) {
            true => (&DATA_KEPT, ": their volumes keep the data, bound to nothing"),
            false => (&DATA_LOST, ": their data goes with them unless their volumes are retained"),
        };
        let message = Message::of(
            "Pruning it deletes the claims of its Pods, since its `persistentVolumeClaimRetentionPolicy.whenDeleted` is `Delete`",
        );
        Finding::new(rule, &object.id, message.and(effect))
    } else if let Some(message) = owner_message(object) {
        Finding::new(&OWNER, &object.id, message)
    } else {
        Finding::new(&PRUNED, &object.id, Message::of("A controller that prunes deletes it"))
    }
}

/// The effect of deleting an object whose controller deletes others with it, or may.
fn owner_message(object: &Object) -> Option<Message> {
    const CASCADE: &str = "resources-finalizer.argocd.argoproj.io";
    let text = |key: &str| object.node.get(key).and_then(Node::as_str).unwrap_or_default();
    let is_true =
        |keys: &[&str]| object.node_at(keys).is_some_and(|node| node.value == Value::Bool(true));
    let finalizers = strings_at(&object.node, &["metadata", "finalizers"]);
    match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("argoproj.io", "Application")
            if finalizers.iter().any(|name| name.starts_with(CASCADE)) =>
        {
            Some(Message::of(
                "A controller that prunes deletes it, and Argo CD deletes its objects with it, claims and their data among them",
            ))
        }
        ("argoproj.io", "ApplicationSet")
            if !is_true(&["spec", "syncPolicy", "preserveResourcesOnDeletion"]) =>
        {
            Some(Message::of(
                "A controller that prunes deletes it, and Argo CD deletes its Applications with it, and their objects, claims and their data among them",
            ))
        }
        ("kustomize.toolkit.fluxcd.io", "Kustomization") if is_true(&["spec", "prune"]) => {
            Some(Message::of(
                "A controller that prunes deletes it, and Flux deletes its objects with it, claims and their data among them",
            ))
        }
        _ if !kube_validate::is_known_kind(text("apiVersion"), text("kind")) => Some(Message::of(
            "A controller that prunes deletes it; what its own controller deletes with it, data too, is not known here",
        )),
        _ => None,
    }
}

fn protection_message(protection: &PruneProtection) -> Option<&'static str> {
    match (protection.argocd, protection.flux) {
        (true, true) => Some(
            "It stays in the cluster: Argo CD asks before it prunes it or never does, and Flux never does",
        ),
        (true, false) => Some(
            "Argo CD asks before it prunes it or never does, but nothing keeps Flux from pruning it",
        ),
        (false, true) => {
            Some("Flux leaves it in the cluster, but nothing keeps Argo CD from pruning it")
        }
        (false, false) => None,
    }
}

fn namespace_message(namespace: &Object, base: &Objects) -> Message {
    let name = Some(&namespace.id.name);
    let rendered: Vec<&Object> =
        base.iter().filter(|object| object.id.namespace.as_ref() == name).collect();
    let claims: Vec<_> = rendered
        .iter()
        .filter(|object| object.is_kind("", "PersistentVolumeClaim"))
        .map(|object| object.id.to_string())
        .collect();
    let count = match rendered.len() {
        1 => "one object that was".to_owned(),
        count => format!("{count} objects that were"),
    };
    let message = Message::of(format!(
        "Pruning it deletes everything in the namespace: {count} rendered here, and all others"
    ));
    match claims.is_empty() {
        true => message,
        false => message.and("; among them ").codes(claims, 3),
    }
}

fn definition_message(definition: &Object, base: &Objects) -> Message {
    let text = |keys: &[&str]| definition.text_at(keys).unwrap_or_default();
    let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
    let rendered: Vec<String> =
        base.of_kind(group, kind).map(|object| object.id.to_string()).collect();
    let message = Message::of("Pruning it deletes every ")
        .code(kind)
        .and(" of ")
        .code(group)
        .and(" in the cluster, whoever made it");
    match rendered.is_empty() {
        true => message,
        false => message.and("; among them ").codes(rendered, 3),
    }
}

fn data_message(policy: Option<String>, is_volume: bool) -> Message {
    match (policy.as_deref(), is_volume) {
        (Some("Retain"), true) => Message::of(
            "Pruning the volume leaves its data on the storage: its reclaim policy is `Retain`",
        ),
        (Some("Retain"), false) => Message::of(
            "Pruning the claim leaves its data on the volume, which becomes `Released`: to use it again, somebody must remove its `claimRef`",
        ),
        (Some(policy), true) => Message::of("The volume's reclaim policy is ")
            .code(policy)
            .and(": if it is pruned together with its claim, its data is deleted"),
        (Some(policy), false) => {
            Message::of("Pruning the claim deletes its data: the volume's reclaim policy is ")
                .code(policy)
        }
        (None, _) => Message::of(
            "Pruning it may delete its data: the volume's reclaim policy is not rendered here, and that of a provisioned volume is `Delete` by default",
        ),
    }
}

/// Returns the reclaim policy behind a volume or claim, if the objects contain it.
fn reclaim_policy(object: &Object, objects: &Objects) -> Option<String> {
    if object.is_kind("", "PersistentVolume") {
        return Some(volume_reclaim_policy(object));
    }
    if let Some(name) = object.text_at(&["spec", "volumeName"]) {
        return objects.find("", "PersistentVolume", None, name).map(volume_reclaim_policy);
    }
    let class = object.text_at(&["spec", "storageClassName"])?;
    let class = objects.find("storage.k8s.io", "StorageClass", None, class)?;
    Some(class.text_at(&["reclaimPolicy"]).unwrap_or("Delete").to_owned())
}

/// The default of a volume that was created by hand is `Retain`.
fn volume_reclaim_policy(volume: &Object) -> String {
    volume.text_at(&["spec", "persistentVolumeReclaimPolicy"]).unwrap_or("Retain").to_owned()
}

pub(super) fn dropped_protection(context: &RuleContext<'_>) -> Vec<Finding> {
    let with_data =
        context.modified().filter(|(_, before, _)| prune_protection::holds_data(before));
    with_data
        .filter_map(|(change, before, after)| {
            let (old, new) = (PruneProtection::read(before), PruneProtection::read(after));
            let controllers = match (old.argocd && !new.argocd, old.flux && !new.flux) {
                (true, true) => "Argo CD and Flux",
                (true, false) => "Argo CD",
                (false, true) => "Flux",
                (false, false) => return None,
            };
            let message = format!(
                "Prune protection removed: if a later commit drops the object, {controllers} will delete it and its data without confirmation"
            );
            Some(Finding::new(&UNPROTECTED, &change.id, Message::of(message)))
        })
        .collect()
}
