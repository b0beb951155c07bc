//! The types of a values file. Doc comments are the descriptions in `values/schema.json`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::Gate;
use super::kyverno::Kyverno;
use super::network::{HttpRoute, Ingress, Service};
use super::observation::{Alerts, Dashboard};
use super::off_peak::OffPeak;
use super::scalars::*;
use super::server::{Gpu, PullPolicy, Server};
use super::storage::Storage;

/// One stack: a GPU tenant, its off-peak window, and all objects that it needs in the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "tts-render values")]
pub struct Values {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// The stack's name: the stem of this file's name, and the folder under `rendered/`.
    pub name: DnsLabel,
    /// Labels of every rendered object. Labels of one object take precedence. Pods have labels of their
    /// own: `server.podLabels` and `gate.podLabels`.
    #[serde(default)]
    pub common_labels: IndexMap<String, String>,
    /// Annotations of every rendered object. Annotations of one object take precedence.
    #[serde(default)]
    pub common_annotations: IndexMap<String, String>,
    /// The namespace that the stack owns.
    pub namespace: Namespace,
    /// The GPU tenant: a server that may use the GPU only off-peak.
    pub server: Server,
    /// The object that the gate scales. Default: the server's Deployment.
    #[serde(default)]
    pub target: Target,
    /// The Service in front of the server. Default: none.
    #[serde(default)]
    pub service: Option<Service>,
    /// An Ingress that leads to the Service. Default: none.
    #[serde(default)]
    pub ingress: Option<Ingress>,
    /// An HTTPRoute of the Gateway API that leads to the Service. Default: none.
    #[serde(default)]
    pub http_route: Option<HttpRoute>,
    /// The volume that outlives the server's Pods. Default: none.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// The shared GPU.
    #[serde(default)]
    pub gpu: Gpu,
    /// The off-peak window, in which the server may use the GPU.
    pub off_peak: OffPeak,
    /// The gate: the program that starts and stops the server.
    pub gate: Gate,
    /// The exclusion of the namespace from the policy that raises GPU Pods' priority.
    #[serde(default)]
    pub kyverno: Kyverno,
    /// Alerts about the server, the gate and the GPU's memory, as rules for a Prometheus that has the metrics
    /// of kube-state-metrics and of the exporter. Default: none.
    #[serde(default)]
    pub alerts: Option<Alerts>,
    /// A Grafana dashboard of the GPU's memory and of what the gate decided, from the same metrics. Default:
    /// none.
    #[serde(default)]
    pub dashboard: Option<Dashboard>,
    /// The users of the server, and the settings that they get.
    #[serde(default)]
    pub clients: Vec<Client>,
    /// The wiring to a GitOps controller. Without it `tts-render gitops` can't write any.
    #[serde(default)]
    pub gitops: Option<super::GitOps>,
    /// Unknown kinds that templates may render.
    #[serde(default)]
    pub allowed_kinds: Vec<AllowedKind>,
}

/// The version of the values' format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The only one so far.
    #[serde(rename = "tts-render/v1")]
    V1,
}

/// The namespace that the stack owns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Namespace {
    /// Its name.
    pub name: DnsLabel,
    /// The label `tier` of the namespace and the server, by which the cluster's policies set
    /// priority, limits and quota. Default: no label.
    #[serde(default)]
    pub tier: Option<String>,
    /// Its other labels.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
}

/// The object that the gate scales: any with a scale subresource, in the stack's namespace.
///
/// A Deployment or StatefulSet of `apps/v1` with the server's name is rendered from `server`. Any other
/// object is rendered by a template of this repository, or exists already; then `server` renders none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Its API group and version.
    #[serde(default = "default_target_api_version")]
    pub api_version: GroupVersion,
    /// Its kind.
    #[serde(default = "default_target_kind")]
    pub kind: KindName,
    /// Its name. Default: the server's.
    #[serde(default)]
    pub name: Option<DnsSubdomain>,
    /// The name of its kind in the API's paths and in Roles. Default: the kind's plural, such as
    /// `statefulsets`.
    #[serde(default)]
    pub resource: Option<DnsLabel>,
}

impl Target {
    /// Its API group; empty for the core group.
    pub fn group(&self) -> &str {
        kube_validate::group(self.api_version.as_str())
    }
}

impl Default for Target {
    fn default() -> Self {
        Target {
            api_version: default_target_api_version(),
            kind: default_target_kind(),
            name: None,
            resource: None,
        }
    }
}

fn default_target_api_version() -> GroupVersion {
    GroupVersion::constant("apps/v1")
}

fn default_target_kind() -> KindName {
    KindName::constant("Deployment")
}

/// A user of the server. Its settings become a ConfigMap in its namespace, which its Pods can read
/// (`envFrom`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// The client's Deployment.
    pub name: DnsLabel,
    /// Its namespace.
    pub namespace: DnsLabel,
    /// The ConfigMap's name. Default: `<stack>-client`.
    #[serde(default)]
    pub config_map: Option<DnsSubdomain>,
    /// The settings: environment variables.
    pub env: IndexMap<EnvName, String>,
}

/// An unknown kind that templates may render.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedKind {
    /// Its group and version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
}

impl Values {
    /// Fills in the defaults that follow from other values. Each has a row in `derived.rs`.
    pub(super) fn set_defaults(&mut self) {
        let server = self.server.name.to_string();
        let names = &mut self.off_peak.names;
        for (name, suffix) in [
            (&mut names.up, "window-up"),
            (&mut names.guard, "vram-guard"),
            (&mut names.down, "window-down"),
            (&mut names.service_account, "offpeak"),
        ] {
            set_default(name, || DnsSubdomain::joined(&server, suffix));
        }
        if self.off_peak.demand.is_some() {
            set_default(&mut names.demand, || DnsSubdomain::joined(&server, "demand"));
        }
        let deadline = self.gate.min_job_deadline();
        set_default(&mut self.off_peak.active_deadline_seconds, || deadline);
        set_default(&mut self.target.name, || self.server.name.clone().into());
        set_default(&mut self.target.resource, || DnsLabel::resource_of(&self.target.kind));
        let secrets = &self.server.image_pull_secrets;
        set_default(&mut self.gate.image_pull_secrets, || secrets.clone());
        self.gate.set_preset();
        if let Some(service) = &mut self.service {
            set_default(&mut service.name, || self.server.name.clone());
        }
        if let Some(storage) = &mut self.storage
            && storage.existing_claim.is_none()
        {
            set_default(&mut storage.name, || self.server.name.clone().into());
        }
        for image in [&mut self.server.image, &mut self.gate.image] {
            if image.digest.is_some() {
                set_default(&mut image.pull_policy, || PullPolicy::IfNotPresent);
            }
        }
        if let Some(alerts) = &mut self.alerts {
            set_default(&mut alerts.guard_silence, || self.off_peak.default_guard_silence());
        }
        if let Some(dashboard) = &mut self.dashboard {
            set_default(&mut dashboard.namespace, || self.namespace.name.clone());
            if dashboard.namespace_label.is_none() {
                let alerts = self.alerts.as_ref();
                dashboard.namespace_label =
                    alerts.and_then(|alerts| alerts.namespace_label.clone());
            }
        }
        let deadline = self.off_peak.default_down_starting_deadline();
        set_default(&mut self.off_peak.down_starting_deadline_seconds, || deadline);
        self.off_peak.set_history_limits();
        set_default(&mut self.kyverno.exception_namespace, || self.namespace.name.clone());
        for client in &mut self.clients {
            set_default(&mut client.config_map, || {
                DnsSubdomain::joined(self.name.as_str(), "client")
            });
        }
    }
}

pub(super) fn set_default<T>(slot: &mut Option<T>, default: impl FnOnce() -> T) {
    slot.get_or_insert_with(default);
}
