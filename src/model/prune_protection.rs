//! Annotations that keep a controller from pruning an object.
//!
//! <https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#no-prune-resources>,
//! <https://fluxcd.io/flux/components/kustomize/kustomizations/#prune>

use super::object::Object;

const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
const FLUX_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";

/// The controllers that keep an object in the cluster after it is removed from the files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PruneProtection {
    /// Argo CD keeps it, or asks first.
    pub argocd: bool,
    /// Flux keeps it.
    pub flux: bool,
}

impl PruneProtection {
    /// Reads an object's annotations.
    pub fn read(object: &Object) -> Self {
        let sync_options = object.annotation(SYNC_OPTIONS).unwrap_or_default();
        PruneProtection {
            argocd: sync_options
                .split(',')
                .any(|option| matches!(option.trim(), "Prune=false" | "Prune=confirm")),
            flux: object.annotation(FLUX_PRUNE) == Some("disabled"),
        }
    }
}

/// Returns true if data is deleted with an object: a Namespace takes everything in it along, and a
/// CustomResourceDefinition everything of its kind.
pub(crate) fn holds_data(object: &Object) -> bool {
    ["Namespace", "PersistentVolume", "PersistentVolumeClaim"]
        .iter()
        .any(|kind| object.is_kind("", kind))
        || object.is_kind("apiextensions.k8s.io", "CustomResourceDefinition")
}
