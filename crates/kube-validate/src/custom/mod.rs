//! Custom resources of Kyverno, Argo CD, Flux, kustomize, the Gateway API and the Prometheus operator, with
//! types for the parts that are checked.
//!
//! A part whose content is another project's concern (a policy's `validate`, a chart's values) is any
//! JSON. A required field has a plain type and is filled in when it is absent, as in k8s-openapi, so
//! that one audit serves both.

mod argo_application;
mod argo_plugin;
mod argo_project;
mod argo_set;
mod flux_kustomization;
mod flux_source;
mod gateway_http_route;
mod kustomize;
mod kyverno_exception;
mod kyverno_mutating;
mod kyverno_policy;
mod prometheus_rule;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::kinds::{Kind, check_custom_type, check_type};

/// Any JSON.
type Raw = serde_json::Value;

/// The shape that the custom resources share.
#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Resource<S> {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    spec: S,
    status: Option<Raw>,
    /// A sync of Argo CD that somebody requested by hand.
    operation: Option<Raw>,
}

/// A namespaced custom resource with this type of spec.
const fn namespaced<S: DeserializeOwned + Serialize + Default>(
    api_version: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { api_version, kind, cluster_scoped: false, check: check_custom_type::<Resource<S>> }
}

/// A cluster-scoped custom resource with this type of spec.
const fn cluster<S: DeserializeOwned + Serialize + Default>(
    api_version: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { cluster_scoped: true, ..namespaced::<S>(api_version, kind) }
}

/// A tool's file that has the shape of a custom resource. No server validates it.
const fn resource_file<S: DeserializeOwned + Serialize + Default>(
    api_version: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { api_version, kind, cluster_scoped: false, check: check_type::<Resource<S>> }
}

/// A tool's file of this type. No server validates it.
const fn file<T: DeserializeOwned + Serialize>(
    api_version: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { api_version, kind, cluster_scoped: false, check: check_type::<T> }
}

macro_rules! custom_kinds {
    ($($scope:ident $type:path, $api_version:literal, $kind:literal;)*) => {
        /// The custom resources. Their scopes are those of the projects' own definitions.
        pub const KINDS: &[Kind] = &[$($scope::<$type>($api_version, $kind)),*];

        /// Adds the schemas of the types above, and of the types of their fields.
        #[cfg(test)]
        pub fn add_schemas(generator: &mut schemars::SchemaGenerator) {
            $(generator.subschema_for::<$type>();)*
        }
    };
}

custom_kinds! {
    cluster kyverno_policy::PolicySpec, "kyverno.io/v1", "ClusterPolicy";
    namespaced kyverno_policy::PolicySpec, "kyverno.io/v1", "Policy";
    namespaced kyverno_exception::ExceptionSpec, "kyverno.io/v2", "PolicyException";
    namespaced kyverno_exception::ReferringExceptionSpec, "policies.kyverno.io/v1", "PolicyException";
    cluster kyverno_mutating::MutatingSpec, "policies.kyverno.io/v1", "MutatingPolicy";
    namespaced argo_application::ArgoApplicationSpec, "argoproj.io/v1alpha1", "Application";
    namespaced argo_project::ArgoProjectSpec, "argoproj.io/v1alpha1", "AppProject";
    namespaced argo_set::ArgoSetSpec, "argoproj.io/v1alpha1", "ApplicationSet";
    resource_file argo_plugin::ArgoPluginSpec, "argoproj.io/v1alpha1", "ConfigManagementPlugin";
    namespaced flux_kustomization::FluxKustomizationSpec, "kustomize.toolkit.fluxcd.io/v1", "Kustomization";
    namespaced flux_source::FluxGitSpec, "source.toolkit.fluxcd.io/v1", "GitRepository";
    namespaced flux_source::FluxOciSpec, "source.toolkit.fluxcd.io/v1", "OCIRepository";
    namespaced gateway_http_route::HttpRouteSpec, "gateway.networking.k8s.io/v1", "HTTPRoute";
    namespaced prometheus_rule::PrometheusRuleSpec, "monitoring.coreos.com/v1", "PrometheusRule";
    file kustomize::KustomizeFile, "kustomize.config.k8s.io/v1beta1", "Kustomization";
}
