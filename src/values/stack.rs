//! The types of a values file. Doc comments are the descriptions in `values/schema.json`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::SignedDuration;
use jiff::civil::date;
use jiff::tz::TimeZone;
use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, EnvFromSource, EnvVarSource, HostAlias, PodSecurityContext,
    Probe, ResourceRequirements, SecurityContext, ServicePort, Toleration,
    TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::api::networking::v1::IngressTLS;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use vram_gate::decision::Action;
pub use vram_gate::decision::{Count, NoSeries, OnScrapeFailure};
pub use vram_gate::exposition::{MetricUnit, Series};
pub use vram_gate::settings::LogFormat;
use vram_gate::settings::{Pace, Sampling, Source};

use super::exporter::Exporter;
use super::scalars::*;
use crate::model::run_times::RunTimes;
use crate::model::window::{Opening, WindowSchedule, longest_unguarded};
use kube_validate::schedule::Schedule;
use yaml_spans::Node;

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

/// The GPU tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// The Deployment's or StatefulSet's name, its container's, and the label `app` on all that belongs
    /// to it.
    pub name: DnsLabel,
    /// Its image.
    pub image: Image,
    /// Names of the Secrets with the registries' credentials.
    #[serde(default)]
    pub image_pull_secrets: Vec<DnsSubdomain>,
    /// The port that the server listens on, named `http`. Default: none.
    #[serde(default)]
    pub port: Option<Port>,
    /// More ports of the server's container, in Kubernetes' format.
    #[serde(default)]
    pub ports: Vec<ContainerPort>,
    /// The entry point, in place of the image's.
    #[serde(default)]
    pub command: Vec<String>,
    /// The arguments, in place of the image's.
    #[serde(default)]
    pub args: Vec<String>,
    /// The Deployment's or StatefulSet's labels, besides `app` and `tier`.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The Deployment's or StatefulSet's annotations.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The Pods' labels, besides `app`.
    #[serde(default)]
    pub pod_labels: IndexMap<String, String>,
    /// The Pods' annotations.
    #[serde(default)]
    pub pod_annotations: IndexMap<String, String>,
    /// The Pods' runtime class, such as `nvidia` on clusters whose default runtime shows no GPU to Pods.
    #[serde(default)]
    pub runtime_class_name: Option<DnsSubdomain>,
    /// The Pods' security context, in Kubernetes' format. `fsGroup` makes volumes writable for a server
    /// that does not run as root.
    #[serde(default)]
    pub pod_security_context: Option<PodSecurityContext>,
    /// The server's container's security context, in Kubernetes' format.
    #[serde(default)]
    pub security_context: Option<SecurityContext>,
    /// The Pods' priority class.
    #[serde(default)]
    pub priority_class_name: Option<DnsSubdomain>,
    /// The labels of the nodes that the Pods may run on.
    #[serde(default)]
    pub node_selector: IndexMap<String, String>,
    /// The Pods' tolerations, in Kubernetes' format.
    #[serde(default)]
    pub tolerations: Vec<Toleration>,
    /// The Pods' affinity, in Kubernetes' format.
    #[serde(default)]
    pub affinity: Option<Affinity>,
    /// The Pods' topology spread constraints, in Kubernetes' format.
    #[serde(default)]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// More entries of the Pods' `/etc/hosts`, in Kubernetes' format.
    #[serde(default)]
    pub host_aliases: Vec<HostAlias>,
    /// The longest time that a Pod may take to stop, in seconds. Its memory is free only when it has
    /// stopped. Default: Kubernetes' 30.
    #[serde(default)]
    pub termination_grace_period_seconds: Option<Whole<0, 86_400>>,
    /// The application's own configuration file. Default: none.
    #[serde(default)]
    pub config: Option<Config>,
    /// Environment variables: each name has a string, or `valueFrom` in Kubernetes' format. Values
    /// contain no secrets: name the Secret's key.
    #[serde(default)]
    pub env: IndexMap<EnvName, EnvValue>,
    /// Secrets and ConfigMaps whose keys become environment variables, in Kubernetes' format. `env` takes
    /// precedence.
    #[serde(default)]
    pub env_from: Vec<EnvFromSource>,
    /// More volumes of the Pods, in Kubernetes' format: a second claim, a Secret, a `hostPath`, or an
    /// `emptyDir` with `medium: Memory` for `/dev/shm`.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// More mounts of the server's container, in Kubernetes' format.
    #[serde(default)]
    pub volume_mounts: Vec<VolumeMount>,
    /// Makes each new Pod wait, in an init container with the gate's image, until `gate.floor` is free in
    /// every sample; a change of the gate's settings then restarts a running server. Default: false.
    #[serde(default)]
    pub admission: bool,
    /// Containers that run before the server, in Kubernetes' format.
    #[serde(default)]
    pub init_containers: Vec<Container>,
    /// Containers that run beside the server (sidecars), in Kubernetes' format.
    #[serde(default)]
    pub extra_containers: Vec<Container>,
    /// The readiness probe, in Kubernetes' format: it passes when the server can take requests.
    #[serde(default)]
    pub readiness_probe: Option<Probe>,
    /// The liveness probe, in Kubernetes' format: the server is restarted when it fails.
    #[serde(default)]
    pub liveness_probe: Option<Probe>,
    /// The startup probe, in Kubernetes' format: it passes when the server has started.
    #[serde(default)]
    pub startup_probe: Option<Probe>,
    /// The server's requests and limits, in Kubernetes' format.
    pub resources: ResourceRequirements,
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

/// An image, by tag, by digest, or by both (then the digest decides).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// The registry and the repository in it, without a tag.
    pub repository: Repository,
    /// The tag.
    #[serde(default)]
    pub tag: Option<Tag>,
    /// The manifest's digest, which `tts-render image push --pin` writes.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// The node's rule for asking the registry. Default: `IfNotPresent` for an image with a digest,
    /// else Kubernetes' own rule.
    #[serde(default)]
    pub pull_policy: Option<PullPolicy>,
}

/// The node's rule for asking the registry for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// Before every start.
    Always,
    /// If the node does not have it.
    IfNotPresent,
    /// Not at all.
    Never,
}

/// A ConfigMap with one file, mounted into the server. A change rolls the Pods, by the annotation
/// `checksum/config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The ConfigMap's name.
    pub name: DnsSubdomain,
    /// The path of the file in the container; its last part is the file's name.
    pub mount_path: AbsolutePath,
    /// The application's own tree, written as YAML.
    #[schemars(with = "IndexMap<String, serde_json::Value>")]
    pub data: IndexMap<String, Node>,
}

/// An environment variable's value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(untagged)]
pub enum EnvValue {
    /// The value itself.
    Literal(String),
    /// A reference to the value.
    From(Box<EnvFrom>),
}

/// An environment variable that is read from elsewhere when the Pod starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvFrom {
    /// The source of the value, in Kubernetes' format.
    pub value_from: EnvVarSource,
}

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

/// The volume that outlives the server's Pods: a claim, and for NFS a PersistentVolume of the same
/// name; or a claim that exists already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Storage {
    /// The name of a claim that exists already in the namespace. With it, neither a claim nor a
    /// PersistentVolume is rendered. Default: none.
    #[serde(default)]
    pub existing_claim: Option<DnsSubdomain>,
    /// The claim's name, and the PersistentVolume's. Default: the server's.
    #[serde(default)]
    pub name: Option<DnsSubdomain>,
    /// Its size, as a Kubernetes quantity. Needed without `existingClaim`.
    #[serde(default)]
    pub size: Option<StorageQuantity>,
    /// The path of the volume in the server's container.
    pub mount_path: AbsolutePath,
    /// The volume's name in the Pods. Default: `data`.
    #[serde(default = "default_pod_volume_name")]
    pub pod_volume_name: DnsLabel,
    /// The labels of the claim and of the PersistentVolume.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The annotations of the claim and of the PersistentVolume.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The storage class. Default: the cluster's default class; for NFS, no class.
    #[serde(default)]
    pub storage_class_name: Option<DnsSubdomain>,
    /// Its access modes.
    #[serde(default = "default_access_modes")]
    pub access_modes: Vec<AccessMode>,
    /// The treatment of the data when the claim is deleted; used for NFS.
    #[serde(default = "default_reclaim_policy")]
    pub reclaim_policy: ReclaimPolicy,
    /// A directory on an NFS server, as a static PersistentVolume of the CSI driver for NFS. Default:
    /// the storage class provisions the volume.
    #[serde(default)]
    pub nfs: Option<Nfs>,
}

fn default_pod_volume_name() -> DnsLabel {
    DnsLabel::constant("data")
}

fn default_access_modes() -> Vec<AccessMode> {
    vec![AccessMode::ReadWriteMany]
}

fn default_reclaim_policy() -> ReclaimPolicy {
    ReclaimPolicy::Retain
}

/// An access mode of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// One node can read and write.
    ReadWriteOnce,
    /// Many nodes can read.
    ReadOnlyMany,
    /// Many nodes can read and write.
    ReadWriteMany,
    /// One Pod can read and write.
    ReadWriteOncePod,
}

/// The treatment of a volume's data when its claim is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReclaimPolicy {
    /// It stays.
    Retain,
    /// It is deleted.
    Delete,
}

/// A directory on an NFS server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Nfs {
    /// The server's address or name.
    pub server: String,
    /// The directory, which must exist.
    pub path: AbsolutePath,
    /// A directory below `path` for this tenant: the kubelet makes it when the first Pod starts, unless
    /// the server maps root to another user. Default: the tenant gets `path` itself.
    #[serde(default)]
    pub sub_path: Option<SubPath>,
    /// The options of the mount.
    #[serde(default)]
    pub mount_options: Vec<String>,
}

/// The shared GPU.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gpu {
    /// The memory of the whole GPU. Default: it is measured, which needs `gate.freeMetric` (most
    /// exporters have it) or `gate.totalMetric`. If it is measured too, the smaller amount counts.
    #[serde(default)]
    pub total: Option<Bytes>,
}

/// The off-peak window, in which the server may use the GPU. Schedules have Kubernetes' five fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OffPeak {
    /// The Pods that run the gate in a window: those of `up` and of each `guard`, or one that watches.
    #[serde(default)]
    pub mode: Mode,
    /// The time zone of the schedules.
    pub time_zone: TimeZoneName,
    /// The schedule of the job that starts the server if the floor is free.
    pub up: CronSchedule,
    /// The schedule of the job that stops the server if others need the GPU.
    pub guard: CronSchedule,
    /// The schedule of the job that ends the window and stops the server.
    pub down: CronSchedule,
    /// Hours in which the server also runs while there is work for it, if there is room (`mode: watch`). The
    /// window from `up` to `down` ignores demand.
    #[serde(default)]
    pub demand: Option<Demand>,
    /// Suspends the job that starts the server. The guard and `down` run on, so that a server that runs
    /// is guarded and stopped as before.
    #[serde(default)]
    pub suspend: bool,
    /// Suspends all three jobs: a server that runs keeps the GPU, and nothing guards or stops it. Set
    /// `suspend` first, and this when no replica is left.
    #[serde(default)]
    pub suspend_all: bool,
    /// The longest delay with which `up` and `guard` may still start, in seconds.
    #[serde(default = "default_starting_deadline")]
    pub starting_deadline_seconds: Whole<10, 86_400>,
    /// The longest delay with which `down` may still start, in seconds. Default: as long as its Job ends
    /// before the next window opens, at most a week.
    #[serde(default)]
    pub down_starting_deadline_seconds: Option<Whole<10, 604_800>>,
    /// The handling of a run that is due while the Job of the run before it is still there.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicies,
    /// The longest time that a job may run, in seconds. The gate itself ends 10 s earlier. Default: 120,
    /// or more if the gate's readings may take longer.
    #[serde(default)]
    pub active_deadline_seconds: Option<Whole<20, 86_400>>,
    /// The time that finished Jobs are kept, with their Pods and what the gate reported: `status` reads
    /// them. With the default, last night is there until the next one has begun.
    #[serde(default = "default_keep")]
    pub keep: TimeSpan,
    /// The most Jobs that are kept. Default: as many as run in `keep`.
    #[serde(default)]
    pub history_limits: HistoryLimits,
    /// The names of the objects that run the window.
    #[serde(default)]
    pub names: OffPeakNames,
}

/// The Pods that run the gate in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One for `up`, and one for each run of `guard`.
    #[default]
    Jobs,
    /// One for the whole window: `up` runs `vram-gate watch`, which starts the server, yields within seconds,
    /// and starts it again. `guard` and `down` stay as a net.
    Watch,
}

/// Hours in which the server runs while there is work for it: a number from a URL says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Demand {
    /// The schedule that opens the hours; the next run of `down` closes them. They must not overlap the window
    /// from `up` to `down`.
    pub opens: CronSchedule,
    /// The URL of the number: a JSON document, or metrics in Prometheus' text format. Another server than the
    /// one that is started must answer there.
    pub url: HttpUrl,
    /// The number in the answer: `/queued` in JSON (RFC 6901), or `metric{label="value"}`. More than 0 starts
    /// the server; what is not a count changes nothing.
    pub number: String,
    /// The time from one request to the next, in seconds.
    #[serde(default = "default_demand_interval")]
    pub interval_seconds: Whole<1, 3600>,
    /// The time for which the number must be an explicit 0 before the server stops.
    #[serde(default = "default_idle_for")]
    pub idle_for: TimeSpan,
    /// The most time for which the server runs in the hours of a day; then it rests until they open again.
    #[serde(default = "default_at_most")]
    pub at_most: TimeSpan,
}

fn default_demand_interval() -> Whole<1, 3600> {
    Whole::new(15)
}

fn default_idle_for() -> TimeSpan {
    TimeSpan::from_minutes(15)
}

fn default_at_most() -> TimeSpan {
    TimeSpan::from_hours(6)
}

fn default_starting_deadline() -> Whole<10, 86_400> {
    Whole::new(120)
}

fn default_keep() -> TimeSpan {
    TimeSpan::from_hours(26)
}

/// The most finished Jobs that are kept. Default: as many as run in `offPeak.keep`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HistoryLimits {
    /// Jobs that succeeded, by action.
    pub successful: JobCounts,
    /// Jobs that failed, by action.
    pub failed: JobCounts,
}

/// A number of Jobs for each action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JobCounts {
    /// Of the job that starts the server.
    pub up: Option<JobCount>,
    /// Of the job that yields.
    pub guard: Option<JobCount>,
    /// Of the job that ends the window.
    pub down: Option<JobCount>,
    /// Of the job that starts the server by demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demand: Option<JobCount>,
}

/// A number of Jobs.
pub type JobCount = Whole<0, 1_000_000>;

/// The time that a Pod may take to start: its Job's deadline exceeds the gate's by it.
const POD_START: Duration = Duration::from_secs(10);

/// The Jobs' deadline, unless the gate's readings need a longer one, in seconds.
const MIN_ACTIVE_DEADLINE: i64 = 120;

/// The handling of a run that is due while the Job of the run before it is still there, for each action.
/// A Job is there as long as its Pod: one on a node that is away stays until the node is back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConcurrencyPolicies {
    /// Of the job that starts the server.
    pub up: ConcurrencyPolicy,
    /// Of the job that yields.
    pub guard: ConcurrencyPolicy,
    /// Of the job that ends the window.
    pub down: ConcurrencyPolicy,
}

impl Default for ConcurrencyPolicies {
    fn default() -> Self {
        ConcurrencyPolicies {
            up: ConcurrencyPolicy::Forbid,
            guard: ConcurrencyPolicy::Replace,
            down: ConcurrencyPolicy::Replace,
        }
    }
}

/// The handling of a run that is due while the Job of the run before it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConcurrencyPolicy {
    /// The run is skipped.
    Forbid,
    /// The Job is deleted, and the run starts.
    Replace,
}

/// The names of the objects that run the window. Default: the server's name with a suffix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OffPeakNames {
    /// The CronJob that scales up. Default: `<server>-window-up`.
    #[serde(default)]
    pub up: Option<DnsSubdomain>,
    /// The CronJob that yields. Default: `<server>-vram-guard`.
    #[serde(default)]
    pub guard: Option<DnsSubdomain>,
    /// The CronJob that ends the window. Default: `<server>-window-down`.
    #[serde(default)]
    pub down: Option<DnsSubdomain>,
    /// The CronJob that starts the server by demand. Default, with `offPeak.demand`: `<server>-demand`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<DnsSubdomain>,
    /// The ServiceAccount of the jobs, its Role and its RoleBinding. Default: `<server>-offpeak`.
    #[serde(default)]
    pub service_account: Option<DnsSubdomain>,
}

/// The gate, the program that starts and stops the server, and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    /// The image that contains only `vram-gate`.
    pub image: Image,
    /// Names of the Secrets with the registry's credentials. Default: the server's.
    #[serde(default)]
    pub image_pull_secrets: Option<Vec<DnsSubdomain>>,
    /// The labels of the jobs that run the gate, besides `app`.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The annotations of the jobs that run the gate.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The labels of the gate's Pods, besides `app`.
    #[serde(default)]
    pub pod_labels: IndexMap<String, String>,
    /// The annotations of the gate's Pods.
    #[serde(default)]
    pub pod_annotations: IndexMap<String, String>,
    /// The priority class of the gate's Pods, which must exist. With a lower class than the server's, a
    /// full cluster keeps the guard waiting while the server runs. Default: no class.
    #[serde(default)]
    pub priority_class_name: Option<DnsSubdomain>,
    /// Makes the scheduler prefer the nodes of `server.nodeSelector` for the gate's Pods, with the
    /// server's tolerations: a node that runs the gate has its image. Another node is as good when they
    /// are full or away.
    #[serde(default)]
    pub prefer_tenant_node: bool,
    /// The URL that the exporter serves its metrics at. Not needed with `prometheus`.
    #[serde(default)]
    pub metrics_url: Option<HttpUrl>,
    /// A Prometheus server to read instead of the exporter. It takes the place of `metricsUrl`.
    #[serde(default)]
    pub prometheus: Option<Prometheus>,
    /// The exporter. It decides `metric`, `metricUnit` and the other settings of the reading; each of
    /// them that is written takes precedence. `custom` needs both of these two.
    #[serde(default)]
    pub exporter: Exporter,
    /// The metric of memory in use; `series` says what each of its series counts. Default: the
    /// exporter's.
    #[serde(default)]
    pub metric: Option<String>,
    /// The unit of the metrics. Default: the exporter's.
    #[serde(default)]
    pub metric_unit: Option<MetricUnit>,
    /// The labels that a series must have to be read, to choose one GPU; an empty value also matches a
    /// series without the label. Default: every series.
    #[serde(default)]
    pub select: IndexMap<String, String>,
    /// The amount that each series of the metric counts. With `devices` nothing tells the server's
    /// memory from that of others, and the guard needs `budget`. Default: the exporter's, or `pods`.
    #[serde(default)]
    pub series: Option<Series>,
    /// The label that names a series' device, such as `UUID`. Together with the label `GPU_I_ID`, which
    /// the parts of a GPU have, it distinguishes devices: series of two devices count as no reading.
    /// Default: the exporter's; without one, devices are not distinguished.
    #[serde(default)]
    pub device_label: Option<String>,
    /// The label of the namespace that uses a series' memory. Default: the exporter's, or `namespace`.
    #[serde(default)]
    pub namespace_label: Option<String>,
    /// The metric of the GPU's free memory, in the same unit. With it the gate measures the total.
    /// Default: the exporter's, or none.
    #[serde(default)]
    pub free_metric: Option<String>,
    /// The metric of the GPU's total memory, in the same unit. Default: none.
    #[serde(default)]
    pub total_metric: Option<String>,
    /// The memory that must be free for the server to start; the guard stops the server below it.
    pub floor: Bytes,
    /// The memory that must stay free whoever uses the rest; the guard stops the server below it.
    #[serde(default = "default_reserve")]
    pub reserve: Bytes,
    /// The most memory that the server may use; the guard stops the server above it. With
    /// `series: devices` the guard can't know what the server uses: it stops the server when less is
    /// free than the larger of `reserve` and `floor` − `budget`, below which others surely lack memory.
    /// Default: the server may use any amount.
    #[serde(default)]
    pub budget: Option<Bytes>,
    /// The memory that the guard compares with the floor. Default: `residents`.
    #[serde(default)]
    pub count: Option<Count>,
    /// The guard's behaviour without a reading.
    #[serde(default)]
    pub on_scrape_failure: OnScrapeFailure,
    /// The meaning of a scrape without a series of the metric.
    #[serde(default)]
    pub no_series: NoSeries,
    /// A metric that the exporter writes after every series that is read: proof that an answer was not cut
    /// off. Default: none, and each answer is read twice.
    #[serde(default)]
    pub sentinel: Option<String>,
    /// The most that the timestamp of a series may differ from the time of the reading, in seconds.
    #[serde(default = "default_max_age")]
    pub max_age_seconds: Whole<1, 3600>,
    /// The number of readings before the server is started; each must leave the floor free.
    #[serde(default = "default_samples")]
    pub samples: Whole<1, 10>,
    /// The pause between two readings, in seconds.
    #[serde(default = "default_sample_interval")]
    pub sample_interval_seconds: Whole<1, 100>,
    /// The guard's pause before a second reading, in seconds, if bytes that the exporter can't attribute
    /// yet decide alone; 0: no second reading.
    #[serde(default = "default_recheck_delay")]
    pub recheck_delay_seconds: Whole<0, 300>,
    /// A metric of the exporter that grows with each of its updates. A watch takes an exporter whose metric
    /// does not grow for one that can't be read. Default: none, and unchanged metrics count as current.
    #[serde(default)]
    pub freshness: Option<String>,
    /// The pace of a watch (`offPeak.mode: watch`).
    #[serde(default)]
    pub watch: Watch,
    /// Lets the gate only report what it would do.
    #[serde(default)]
    pub dry_run: bool,
    /// The format of the gate's report.
    #[serde(default)]
    pub log_format: LogFormat,
    /// The requests and limits of the gate's container, in Kubernetes' format.
    #[serde(default = "default_gate_resources")]
    pub resources: ResourceRequirements,
}

/// The pace of a watch: one Pod that opens, guards and closes a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Watch {
    /// The time from one look at the GPU to the next, in seconds.
    pub interval_seconds: Whole<1, 60>,
    /// The time for which `floor` and `hysteresis` must have been free before the server starts again, in
    /// seconds. In the last part of a window, this long and two minutes, the server does not start.
    pub calm_seconds: Whole<0, 3600>,
    /// The memory that must be free besides `floor` before the server starts again.
    pub hysteresis: Bytes,
    /// The most starts of the server in one window.
    pub starts: Whole<1, 20>,
    /// The time without a reading after which `onScrapeFailure` decides, in seconds: longer than
    /// `intervalSeconds`.
    pub stale_seconds: Whole<2, 3600>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            interval_seconds: Whole::new(5),
            calm_seconds: Whole::new(600),
            hysteresis: Bytes::new(512 << 20),
            starts: Whole::new(3),
            stale_seconds: Whole::new(30),
        }
    }
}

/// A Prometheus server as the source of the readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prometheus {
    /// The server's URL, without `/api/v1`.
    pub url: HttpUrl,
    /// The query of the memory in use: a selector of series, or any vector together with `ageQuery`.
    /// Default: `metric` with the labels of `select`.
    #[serde(default)]
    pub query: Option<String>,
    /// A query of the times of the samples behind `query`, in seconds since 1970: a scalar, or a vector whose
    /// oldest time counts. Default: the samples' own times.
    #[serde(default)]
    pub age_query: Option<String>,
}

fn default_reserve() -> Bytes {
    Bytes::new(512 << 20)
}

fn default_max_age() -> Whole<1, 3600> {
    Whole::new(60)
}

fn default_samples() -> Whole<1, 10> {
    Whole::new(2)
}

fn default_sample_interval() -> Whole<1, 100> {
    Whole::new(20)
}

fn default_recheck_delay() -> Whole<0, 300> {
    Whole::new(75)
}

fn default_gate_resources() -> ResourceRequirements {
    ResourceRequirements {
        requests: Some(quantities(&[("cpu", "20m"), ("memory", "64Mi")])),
        limits: Some(quantities(&[("memory", "128Mi")])),
        ..Default::default()
    }
}

fn quantities(pairs: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    pairs.iter().map(|&(name, text)| (name.to_owned(), Quantity(text.to_owned()))).collect()
}

/// Alerts, as rules for Prometheus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alerts {
    /// The object that holds the rules: `rule`, a PrometheusRule of the Prometheus operator; `file`, a
    /// ConfigMap with a file of rules, for a Prometheus that mounts it.
    pub prometheus: AlertForm,
    /// The object's labels, besides `app`: by them the operator's Prometheus selects its rules.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The URL of docs/runbook.md, as your people reach it. Each alert's `runbook_url` is its section there.
    /// Default: no alert has the annotation.
    #[serde(default)]
    pub runbook_url: Option<HttpUrl>,
    /// The time without a start of the server after which windows count as skipped.
    #[serde(default = "default_skipped_for")]
    pub skipped_for: TimeSpan,
    /// The time without a successful run of the guard after which a server that runs counts as unguarded.
    /// Default: twice the guard's longest interval in a window and the time of a run, at least 15 minutes.
    #[serde(default)]
    pub guard_silence: Option<TimeSpan>,
    /// The label of the namespace that uses memory, as Prometheus stores it: without `honor_labels` it renames
    /// the exporter's own label `namespace` to `exported_namespace`. Default: `gate.namespaceLabel`.
    #[serde(default)]
    pub namespace_label: Option<String>,
}

fn default_skipped_for() -> TimeSpan {
    TimeSpan::from_hours(72)
}

/// The object that holds alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertForm {
    /// A PrometheusRule.
    Rule,
    /// A ConfigMap with a file of rules.
    File,
}

/// A Grafana dashboard, in a ConfigMap from which Grafana's sidecar loads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dashboard {
    /// The ConfigMap's labels, besides `app`: by them the sidecar finds it. Default: `grafana_dashboard: "1"`,
    /// as in Grafana's Helm charts.
    #[serde(default = "default_dashboard_labels")]
    pub labels: IndexMap<String, String>,
    /// The ConfigMap's annotations, such as `grafana_folder`: the folder for a sidecar that reads that one.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The ConfigMap's namespace, for a sidecar that looks in one namespace only. Default: the stack's own.
    #[serde(default)]
    pub namespace: Option<DnsLabel>,
    /// The identifier (uid) of the Prometheus data source in Grafana. Default: it is chosen in the dashboard.
    #[serde(default)]
    pub data_source: Option<String>,
    /// The label of the namespace that uses memory, as Prometheus stores it. Default:
    /// `alerts.namespaceLabel`, or `gate.namespaceLabel`.
    #[serde(default)]
    pub namespace_label: Option<String>,
}

fn default_dashboard_labels() -> IndexMap<String, String> {
    IndexMap::from([("grafana_dashboard".to_owned(), "1".to_owned())])
}

/// The exclusion of the namespace from the policy that raises GPU Pods' priority.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kyverno {
    /// The means of the exclusion.
    #[serde(default)]
    pub mode: KyvernoMode,
    /// The owner's policy, as a file of this repository: `edit` edits it, `exception` reads its name.
    #[serde(default)]
    pub policy: Option<RelativePath>,
    /// The rule, if the policy has several.
    #[serde(default)]
    pub rule: Option<String>,
    /// `exception`: the namespace that Kyverno reads exceptions from. Default: the stack's own.
    #[serde(default)]
    pub exception_namespace: Option<DnsLabel>,
}

/// The means of excluding a namespace from a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KyvernoMode {
    /// An entry in the policy's own exclude list.
    Edit,
    /// A PolicyException, a feature that must be enabled in Kyverno.
    Exception,
    /// No exclusion.
    #[default]
    None,
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

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EnvValueVisitor)
    }
}

struct EnvValueVisitor;

impl<'de> Visitor<'de> for EnvValueVisitor {
    type Value = EnvValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string (quote it) or a map with `valueFrom`")
    }

    fn visit_str<E>(self, text: &str) -> Result<EnvValue, E> {
        Ok(EnvValue::Literal(text.to_owned()))
    }

    /// Reads key by key rather than a struct, so that the reader knows each key's place.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EnvValue, A::Error> {
        let mut value_from = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "valueFrom" => value_from = Some(map.next_value()?),
                _ => return Err(A::Error::unknown_field(&key, &["valueFrom"])),
            }
        }
        let value_from = value_from.ok_or_else(|| A::Error::missing_field("valueFrom"))?;
        Ok(EnvValue::From(Box::new(EnvFrom { value_from })))
    }
}

impl Gate {
    /// The URL that is read: Prometheus', or the exporter's. Empty only in values that were not checked.
    pub fn source_url(&self) -> &str {
        let prometheus = self.prometheus.as_ref().map(|prometheus| &prometheus.url);
        prometheus.or(self.metrics_url.as_ref()).map_or("", HttpUrl::as_str)
    }

    /// Returns the shortest deadline of a Job in which every attempt of the gate's readings fits, rounded
    /// up to 10 s, but at least [`MIN_ACTIVE_DEADLINE`].
    fn min_job_deadline(&self) -> Whole<20, 86_400> {
        let source = match &self.prometheus {
            Some(Prometheus { query, age_query, .. }) => {
                Source::Prometheus { query: query.clone(), age_query: age_query.clone() }
            }
            None => Source::Exposition { sentinel: self.sentinel.clone(), freshness: None },
        };
        let pace = Pace {
            attempt: Sampling::DEFAULT_TIMEOUT * source.requests(),
            samples: u32::try_from(self.samples.get()).unwrap_or(u32::MAX),
            sample_interval: source.longest_pause(
                self.sample_interval_seconds.to_duration(),
                self.max_age_seconds.to_duration(),
            ),
            recheck_delay: self.recheck_delay_seconds.to_duration(),
        };
        let needed = pace.min_deadline(Action::Up).max(pace.min_deadline(Action::Guard));
        let tens = (needed + POD_START).as_millis().div_ceil(10_000);
        Whole::new(i64::try_from(tens * 10).unwrap_or(i64::MAX).max(MIN_ACTIVE_DEADLINE))
    }
}

impl Values {
    /// Fills in the defaults that follow from other values.
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

impl OffPeak {
    /// The time without a run of the guard that can't be chance: twice the longest time between two runs in a
    /// window of a week, and the time that a run may take, at least a quarter of an hour.
    fn default_guard_silence(&self) -> TimeSpan {
        const LEAST: i64 = 15 * 60;
        let gap = self.longest_guard_gap().map_or(0, |gap| gap.as_secs());
        let run = self.active_deadline_seconds.map_or(120, |deadline| deadline.get());
        let silence = gap.saturating_mul(2).saturating_add(run).max(LEAST);
        TimeSpan::from_minutes(u32::try_from(silence / 60 + 1).unwrap_or(u32::MAX))
    }

    /// The longest time between two runs of the guard in a window of a week; `None` if there is none.
    fn longest_guard_gap(&self) -> Option<SignedDuration> {
        let zone = self.time_zone.as_str();
        let times = |schedule: &CronSchedule| RunTimes::parse(schedule.as_str(), zone);
        let (up, guard, down) = (times(&self.up)?, times(&self.guard)?, times(&self.down)?);
        let start = date(2026, 1, 12).to_zoned(TimeZone::UTC).ok()?.timestamp();
        let end = start.checked_add(SignedDuration::from_hours(8 * 24)).ok()?;
        let demand = self.demand_opens().and_then(times);
        let gaps = std::iter::once(&up)
            .chain(&demand)
            .flat_map(|opens| WindowSchedule { up: opens, down: &down }.windows(start, end));
        let gaps = gaps.filter_map(|window| {
            let gap = longest_unguarded(window, guard.runs(window.opens, window.closes))?;
            Some(gap.closes.duration_since(gap.opens))
        });
        gaps.max()
    }

    /// The longest delay with which `down` may start and not reach the next window, rounded down to a
    /// multiple of five minutes, so that it does not follow every change of another deadline. Without
    /// such a delay (the window never opens, or `@every`), that of the other jobs.
    fn default_down_starting_deadline(&self) -> Whole<10, 604_800> {
        const STEP: i64 = 5 * 60;
        Whole::new(match self.longest_down_delay() {
            Some(delay) if delay > STEP => delay / STEP * STEP,
            Some(delay) => delay,
            None => self.starting_deadline_seconds.get(),
        })
    }

    /// Sets the limits that are not written to the most Jobs that can run in `keep`, so that only the time
    /// decides what is kept.
    fn set_history_limits(&mut self) {
        let days = self.keep.as_secs().div_ceil(24 * 3600).max(1);
        let limits = &mut self.history_limits;
        let demand = self.demand.as_ref().map(|demand| &demand.opens);
        let demand =
            demand.map(|opens| (opens, &mut limits.successful.demand, &mut limits.failed.demand));
        let window = [
            (&self.up, &mut limits.successful.up, &mut limits.failed.up),
            (&self.guard, &mut limits.successful.guard, &mut limits.failed.guard),
            (&self.down, &mut limits.successful.down, &mut limits.failed.down),
        ];
        for (schedule, successful, failed) in window.into_iter().chain(demand) {
            let a_day = schedule.as_str().parse::<Schedule>().map_or(1, |s| s.max_runs_a_day());
            let count = JobCount::new(i64::from(a_day) * i64::from(days));
            set_default(successful, || count);
            set_default(failed, || count);
        }
    }

    /// The longest delay in seconds with which a run of `down` may start, so that its Job ends before
    /// the next window or the hours of `demand` open; `None` if there is no such limit. It may be negative.
    pub(crate) fn longest_down_delay(&self) -> Option<i64> {
        let opening = std::iter::once(&self.up).chain(self.demand_opens());
        let delay = opening.filter_map(|opens| self.longest_delay_before(opens)).min();
        let active = self.active_deadline_seconds.map_or(MIN_ACTIVE_DEADLINE, Whole::get);
        Some(delay?.as_secs() - active)
    }

    /// The schedule that opens the hours of demand.
    pub(crate) fn demand_opens(&self) -> Option<&CronSchedule> {
        self.demand.as_ref().map(|demand| &demand.opens)
    }

    fn longest_delay_before(&self, opens: &CronSchedule) -> Option<SignedDuration> {
        // The stacks of a fleet share their schedules, and several rules ask for each.
        static DELAYS: Mutex<BTreeMap<[String; 3], Option<SignedDuration>>> =
            Mutex::new(BTreeMap::new());
        let zone = self.time_zone.as_str();
        let key = [opens.as_str(), self.down.as_str(), zone].map(str::to_owned);
        let known = DELAYS.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let delay = known.unwrap_or_else(|| {
            let up = RunTimes::parse(opens.as_str(), zone)?;
            let down = RunTimes::parse(self.down.as_str(), zone)?;
            WindowSchedule { up: &up, down: &down }.longest_closing_delay(SignedDuration::ZERO)
        });
        DELAYS.lock().unwrap_or_else(PoisonError::into_inner).insert(key, delay);
        delay
    }

    /// The first hours of demand that overlap the window in two years, or have no end; `None` if none do.
    pub(crate) fn find_demand_overlap(&self) -> Option<jiff::Timestamp> {
        let zone = self.time_zone.as_str();
        let times = |schedule: &CronSchedule| RunTimes::parse(schedule.as_str(), zone);
        let (up, down) = (times(&self.up)?, times(&self.down)?);
        let demand = times(self.demand_opens()?)?;
        let schedule = WindowSchedule { up: &up, down: &down };
        let hours = WindowSchedule { up: &demand, down: &down };
        let spans = hours.representative_spans()?.into_iter();
        let mut openings = spans.flat_map(|(start, end)| hours.openings(start, end));
        openings
            .find(|hours| schedule.is_open(hours.opens) || opens_within(&up, hours))
            .map(|hours| hours.opens)
    }
}

/// Returns true if a window opens in hours of demand, or would if they had an end.
fn opens_within(up: &RunTimes, hours: &Opening) -> bool {
    let before = hours.opens.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(hours.opens);
    let opening = up.next(before);
    hours.closes.is_none_or(|closes| opening.is_some_and(|opening| opening < closes))
}

fn set_default<T>(slot: &mut Option<T>, default: impl FnOnce() -> T) {
    slot.get_or_insert_with(default);
}
