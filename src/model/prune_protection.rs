//! Annotations that keep a controller from pruning an object.
//!
//! <https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#no-prune-resources>,
//! <https://fluxcd.io/flux/components/kustomize/kustomizations/#prune>

use super::object::Object;

const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
const FLUX_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";

/// Who leaves the object in the cluster when it is gone from the files.
pub(crate) struct Guard {
    /// Argo CD does, or asks.
    pub argocd: bool,
    /// Flux does.
    pub flux: bool,
}

impl Guard {
    pub fn of(object: &Object) -> Self {
        let option = |option: &str| matches!(option.trim(), "Prune=false" | "Prune=confirm");
        Guard {
            argocd: object.annotation(SYNC_OPTIONS).is_some_and(|list| list.split(',').any(option)),
            flux: object.annotation(FLUX_PRUNE) == Some("disabled"),
        }
    }
}

/// Whether data goes with an object: a Namespace takes all that is in it along.
pub(crate) fn holds_data(object: &Object) -> bool {
    ["Namespace", "PersistentVolume", "PersistentVolumeClaim"]
        .iter()
        .any(|kind| object.is("", kind))
}
