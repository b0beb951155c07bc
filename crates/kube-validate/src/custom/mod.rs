//! Custom resources that this project writes or edits: types for the parts it touches.
//!
//! In: nothing. Out: a row a kind, for `objects::kinds`. A part that belongs to others (a policy's
//! `validate`, a chart's values) is any JSON. A field that must be there is of a plain type, filled
//! in when it is missing, as in k8s-openapi; so one audit serves both.

mod argo_application;
mod argo_plugin;
mod argo_project;
mod argo_set;
mod flux_kustomization;
mod flux_source;
mod kustomize;
mod kyverno_exception;
mod kyverno_mutating;
mod kyverno_policy;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::kinds::{Kind, examine, examine_custom};

/// Any JSON: a part that we neither write nor read.
type Raw = serde_json::Value;

/// The shape that all of them share.
#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Resource<S> {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    spec: S,
    status: Option<Raw>,
    /// Argo CD's: a sync that is asked for by hand.
    operation: Option<Raw>,
}

const fn custom<T: DeserializeOwned + Serialize>(
    api_version: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { api_version, kind, cluster_scoped: false, examine: examine_custom::<T> }
}

/// A file that a tool reads and no server is sent.
const fn file<T: DeserializeOwned + Serialize>(
    api_version: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { examine: examine::<T>, ..custom::<T>(api_version, kind) }
}

const fn cluster<T: DeserializeOwned + Serialize>(
    api_version: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { cluster_scoped: true, ..custom::<T>(api_version, kind) }
}

/// A row a kind. Scopes are those of the projects' definitions.
pub const KINDS: &[Kind] = &[
    cluster::<Resource<kyverno_policy::PolicySpec>>("kyverno.io/v1", "ClusterPolicy"),
    custom::<Resource<kyverno_policy::PolicySpec>>("kyverno.io/v1", "Policy"),
    custom::<Resource<kyverno_exception::ExceptionSpec>>("kyverno.io/v2", "PolicyException"),
    custom::<Resource<kyverno_exception::ReferringExceptionSpec>>(
        "policies.kyverno.io/v1",
        "PolicyException",
    ),
    cluster::<Resource<kyverno_mutating::MutatingSpec>>("policies.kyverno.io/v1", "MutatingPolicy"),
    custom::<Resource<argo_application::ArgoApplicationSpec>>(
        "argoproj.io/v1alpha1",
        "Application",
    ),
    custom::<Resource<argo_project::ArgoProjectSpec>>("argoproj.io/v1alpha1", "AppProject"),
    custom::<Resource<argo_set::ArgoSetSpec>>("argoproj.io/v1alpha1", "ApplicationSet"),
    file::<Resource<argo_plugin::ArgoPluginSpec>>("argoproj.io/v1alpha1", "ConfigManagementPlugin"),
    custom::<Resource<flux_kustomization::FluxKustomizationSpec>>(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
    ),
    custom::<Resource<flux_source::FluxGitSpec>>("source.toolkit.fluxcd.io/v1", "GitRepository"),
    custom::<Resource<flux_source::FluxOciSpec>>("source.toolkit.fluxcd.io/v1", "OCIRepository"),
    file::<kustomize::KustomizeFile>("kustomize.config.k8s.io/v1beta1", "Kustomization"),
];
