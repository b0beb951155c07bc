//! Objects that are gone from the rendered files: what a controller that prunes will delete.

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, Objects};
use crate::model::prune_protection::{self, PruneProtection};

const PRUNING: &str = "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/ and https://fluxcd.io/flux/components/kustomize/kustomizations/#prune";

pub(super) const NAMESPACE: Rule = Rule {
    id: "namespace-pruned",
    severity: Severity::Critical,
    topic: Topic::Data,
    what: "A Namespace is gone: pruning it deletes everything in it, whoever made it",
    source: "https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#deleting-a-namespace",
    detect: namespace,
};

pub(super) const DATA_LOST: Rule = Rule {
    id: "data-pruned",
    severity: Severity::Critical,
    topic: Topic::Data,
    what: "A claim or a volume is gone whose reclaim policy deletes the data, or is not known",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
    detect: |case| storage(case, false),
};

pub(super) const DATA_KEPT: Rule = Rule {
    id: "data-released",
    severity: Severity::Warning,
    topic: Topic::Pruning,
    what: "A claim or a volume is gone whose data is retained: it stays on the storage, bound to nothing",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#retain",
    detect: |case| storage(case, true),
};

pub(super) const GUARDED: Rule = Rule {
    id: "pruning-guarded",
    severity: Severity::Warning,
    topic: Topic::Pruning,
    what: "An object is gone that is guarded against pruning: it stays in the cluster until somebody acts",
    source: PRUNING,
    detect: guarded,
};

pub(super) const UNGUARDED: Rule = Rule {
    id: "prune-guard-dropped",
    severity: Severity::Critical,
    topic: Topic::Data,
    what: "A Namespace, a volume or a claim loses its guard against pruning: the commit that drops it deletes it unasked",
    source: PRUNING,
    detect: guard_dropped,
};

pub(super) const PRUNED: Rule = Rule {
    id: "pruned",
    severity: Severity::Warning,
    topic: Topic::Pruning,
    what: "An object is gone: a controller that prunes deletes it from the cluster",
    source: PRUNING,
    detect: pruned,
};

fn unguarded<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a Object> {
    case.gone().filter(|object| !PruneProtection::read(object).is_any())
}

fn holds_data(object: &Object) -> bool {
    object.is("", "PersistentVolumeClaim") || object.is("", "PersistentVolume")
}

fn namespace(case: &Case<'_>) -> Vec<Finding> {
    unguarded(case)
        .filter(|object| object.is("", "Namespace"))
        .map(|object| {
            let inside = |other: &&Object| other.id.namespace.as_ref() == Some(&object.id.name);
            let ours: Vec<&Object> = case.base.iter().filter(inside).collect();
            let claims: Vec<_> = ours
                .iter()
                .filter(|object| object.is("", "PersistentVolumeClaim"))
                .map(|object| object.id.to_string())
                .collect();
            let count = match ours.len() {
                1 => "one object that was".to_owned(),
                count => format!("{count} objects that were"),
            };
            let words = Message::of(format!(
                "Pruning it deletes all that is in the namespace: {count} rendered here, and all others"
            ));
            let words = match claims.is_empty() {
                true => words,
                false => words.and("; among them ").codes(claims, 3),
            };
            Finding::new(&object.id, words)
        })
        .collect()
}

fn storage(case: &Case<'_>, kept: bool) -> Vec<Finding> {
    unguarded(case)
        .filter(|object| holds_data(object))
        .filter_map(|object| {
            let policy = policy(object, case.base);
            let retains = policy.as_deref() == Some("Retain");
            (retains == kept).then_some(())?;
            let words = match (policy, object.is("", "PersistentVolume")) {
                (Some(policy), true) if !retains => Message::of("The volume's reclaim policy is ")
                    .code(policy)
                    .and(": pruned together with its claim, its data is deleted"),
                (Some(policy), false) if !retains => Message::of("Pruning the claim deletes its data: the volume's reclaim policy is ")
                    .code(policy),
                (None, _) => Message::of(
                    "Pruning it may delete its data: nothing here says what the volume's reclaim policy is, and a provisioned volume's is `Delete` by default",
                ),
                (_, true) => Message::of("Pruning the volume leaves its data on the storage: its reclaim policy is `Retain`"),
                (_, false) => Message::of(
                    "Pruning the claim leaves its data on the volume, which is `Released`: to use it again, somebody must take its `claimRef` off",
                ),
            };
            Some(Finding::new(&object.id, words))
        })
        .collect()
}

/// What becomes of the data behind a volume or a claim, as far as the objects say.
fn policy(object: &Object, objects: &Objects) -> Option<String> {
    // The default of a volume that was made by hand.
    let of_volume = |volume: &Object| {
        volume.text(&["spec", "persistentVolumeReclaimPolicy"]).unwrap_or("Retain").to_owned()
    };
    if object.is("", "PersistentVolume") {
        return Some(of_volume(object));
    }
    if let Some(name) = object.text(&["spec", "volumeName"]) {
        return objects.find("", "PersistentVolume", None, name).map(of_volume);
    }
    let class = objects.find(
        "storage.k8s.io",
        "StorageClass",
        None,
        object.text(&["spec", "storageClassName"])?,
    )?;
    Some(class.text(&["reclaimPolicy"]).unwrap_or("Delete").to_owned())
}

fn guarded(case: &Case<'_>) -> Vec<Finding> {
    case.gone()
        .filter_map(|object| {
            let words = match PruneProtection::read(object) {
                PruneProtection { argocd: true, flux: true } => {
                    "It stays in the cluster: Argo CD asks before it prunes it or never does, Flux leaves it"
                }
                PruneProtection { argocd: true, flux: false } => {
                    "Argo CD asks before it prunes it or never does; nothing keeps Flux from it"
                }
                PruneProtection { argocd: false, flux: true } => {
                    "Flux leaves it in the cluster; nothing keeps Argo CD from pruning it"
                }
                _ => return None,
            };
            Some(Finding::new(&object.id, Message::of(words)))
        })
        .collect()
}

fn pruned(case: &Case<'_>) -> Vec<Finding> {
    unguarded(case)
        .filter(|object| !holds_data(object) && !object.is("", "Namespace"))
        .map(|object| Finding::new(&object.id, Message::of("A controller that prunes deletes it")))
        .collect()
}

fn guard_dropped(case: &Case<'_>) -> Vec<Finding> {
    let kept = case.both().filter(|(_, before, _)| prune_protection::holds_data(before));
    kept.filter_map(|(change, before, after)| {
        let (was, is) = (PruneProtection::read(before), PruneProtection::read(after));
        let lost = [("Argo CD", was.argocd && !is.argocd), ("Flux", was.flux && !is.flux)];
        let who: Vec<&str> = lost.iter().filter(|(_, lost)| *lost).map(|(who, _)| *who).collect();
        let words = format!(
            "{} may prune it as soon as it is not rendered any more, and data goes with it",
            who.join(" and ")
        );
        (!who.is_empty()).then(|| Finding::new(&change.id, Message::of(words)))
    })
    .collect()
}
