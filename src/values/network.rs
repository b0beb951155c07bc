//! The Service, and the Ingress and HTTPRoute in front of it.

use indexmap::IndexMap;
use k8s_openapi::api::core::v1::ServicePort;
use k8s_openapi::api::networking::v1::IngressTLS;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalars::*;
use yaml_spans::Node;

/// The Service in front of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Its name. Default: the server's.
    #[serde(default)]
    pub name: Option<DnsLabel>,
    /// Its type. Default: `ClusterIP`, which only the cluster itself reaches.
    #[serde(default, rename = "type")]
    pub service_type: ServiceType,
    /// The port that clients use, named `http`. Not needed with `ports`.
    #[serde(default)]
    pub port: Option<Port>,
    /// The port of the Pods that `port` leads to, by number or name. Default: `server.port`.
    #[serde(default)]
    pub target_port: Option<IntOrString>,
    /// More ports, in Kubernetes' format.
    #[serde(default)]
    pub ports: Vec<ServicePort>,
    /// Its labels, besides `app`.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
}

/// A type of Service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// An address inside the cluster.
    #[default]
    ClusterIP,
    /// Also a port of every node.
    NodePort,
    /// Also an address outside the cluster.
    LoadBalancer,
}

/// An Ingress that leads to the Service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ingress {
    /// Renders it. Default: true.
    #[serde(default = "default_enabled")]
    pub enabled: bool,
    /// Its class. Default: the cluster's default class.
    #[serde(default)]
    pub class_name: Option<DnsSubdomain>,
    /// Its labels, besides `app`.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The hosts and paths that lead to the Service. Default: every request.
    #[serde(default)]
    pub hosts: Vec<IngressHost>,
    /// The Secrets with the hosts' certificates, in Kubernetes' format.
    #[serde(default)]
    pub tls: Vec<IngressTLS>,
}

/// A host of an Ingress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IngressHost {
    /// Its name.
    pub host: String,
    /// Its paths. Default: all.
    #[serde(default = "default_ingress_paths")]
    pub paths: Vec<IngressPath>,
}

/// A path of an Ingress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IngressPath {
    /// The path.
    pub path: String,
    /// The comparison with a request's path. Default: `Prefix`.
    #[serde(default)]
    pub path_type: IngressPathType,
}

/// The comparison of an Ingress' path with a request's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IngressPathType {
    /// The same path.
    Exact,
    /// The path, and every path below.
    #[default]
    Prefix,
    /// As the Ingress' class defines it.
    ImplementationSpecific,
}

fn default_enabled() -> bool {
    true
}

fn default_ingress_paths() -> Vec<IngressPath> {
    vec![IngressPath { path: "/".to_owned(), path_type: IngressPathType::Prefix }]
}

/// An HTTPRoute of the Gateway API that leads to the Service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRoute {
    /// Renders it. Default: true.
    #[serde(default = "default_enabled")]
    pub enabled: bool,
    /// Its labels, besides `app`.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The Gateways that it is attached to, in the Gateway API's format.
    #[schemars(with = "Vec<IndexMap<String, serde_json::Value>>")]
    pub parent_refs: Vec<IndexMap<String, Node>>,
    /// The hosts that it serves. Default: those of the Gateways.
    #[serde(default)]
    pub hostnames: Vec<String>,
    /// Its rules, in the Gateway API's format. A rule without `backendRefs` leads to the Service; one that
    /// redirects has `backendRefs: []`. Default: every request leads to the Service.
    #[serde(default)]
    #[schemars(with = "Vec<IndexMap<String, serde_json::Value>>")]
    pub rules: Vec<IndexMap<String, Node>>,
}
