//! The shape of a values file. Doc comments are the descriptions in `values/schema.json`.

use std::fmt;

use indexmap::IndexMap;
use k8s_openapi::api::core::v1::{
    Container, EnvVarSource, Probe, ResourceRequirements, Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
pub use vram_gate::decision::{Count, NoSeries, OnScrapeFailure};
pub use vram_gate::exposition::MetricUnit;
pub use vram_gate::settings::LogFormat;

use super::scalars::*;
use yaml_spans::Node;

/// One stack: a GPU tenant, when it may have the card, and all that this needs in the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "tts-render values")]
pub struct Values {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// The stack's name: the stem of this file's name, and its folder under `rendered/`.
    pub name: DnsLabel,
    /// The namespace that the stack owns.
    pub namespace: Namespace,
    /// The GPU tenant: any Deployment that may use the card only off-peak.
    pub server: Server,
    /// The Service in front of the server. Left out: none.
    #[serde(default)]
    pub service: Option<Service>,
    /// The volume that outlives the server's Pods. Left out: none.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// The shared card.
    pub gpu: Gpu,
    /// When the server may have the card.
    pub off_peak: OffPeak,
    /// The program that decides who has the card.
    pub gate: Gate,
    /// How the namespace is kept out of the policy that raises GPU Pods' priority.
    #[serde(default)]
    pub kyverno: Kyverno,
    /// Who uses the server, and the settings that they are given.
    #[serde(default)]
    pub clients: Vec<Client>,
    /// How a GitOps controller takes what is rendered. Left out: `tts-render gitops` can't write the
    /// wiring.
    #[serde(default)]
    pub gitops: Option<super::GitOps>,
    /// Kinds that templates may render though this tool does not know them.
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
    /// The label `tier`, on the namespace and the Deployment: what the cluster's policies give
    /// priority, limits and quota by. Left out: no label.
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
    /// The Deployment's name, its container's, and the label `app` on all that belongs to it.
    pub name: DnsLabel,
    /// What it runs.
    pub image: Image,
    /// Names of the Secrets that hold the registries' credentials.
    #[serde(default)]
    pub image_pull_secrets: Vec<DnsSubdomain>,
    /// The port that the server listens on. Left out: none.
    #[serde(default)]
    pub port: Option<Port>,
    /// The entry point, in place of the image's.
    #[serde(default)]
    pub command: Vec<String>,
    /// The arguments, in place of the image's.
    #[serde(default)]
    pub args: Vec<String>,
    /// The Deployment's annotations.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The Pods' annotations.
    #[serde(default)]
    pub pod_annotations: IndexMap<String, String>,
    /// The Pods' priority class.
    #[serde(default)]
    pub priority_class_name: Option<DnsSubdomain>,
    /// The labels of the nodes that the Pods may run on.
    #[serde(default)]
    pub node_selector: IndexMap<String, String>,
    /// The taints that the Pods bear, as Kubernetes has them.
    #[serde(default)]
    pub tolerations: Vec<Toleration>,
    /// How long a Pod may take to stop, in seconds: a yield is over only when it has, since the
    /// memory is free no sooner. Left out: Kubernetes' 30.
    #[serde(default)]
    pub termination_grace_period_seconds: Option<Whole<0, 86_400>>,
    /// The application's own configuration file. Left out: none.
    #[serde(default)]
    pub config: Option<Config>,
    /// Environment variables: a name to a string, or to `valueFrom` as Kubernetes has it. Values
    /// never hold a secret: name the Secret's key.
    #[serde(default)]
    pub env: IndexMap<EnvName, EnvValue>,
    /// Containers that run before the server, as Kubernetes has them.
    #[serde(default)]
    pub init_containers: Vec<Container>,
    /// When the server may be asked, as Kubernetes has it.
    #[serde(default)]
    pub readiness_probe: Option<Probe>,
    /// When the server is restarted, as Kubernetes has it.
    #[serde(default)]
    pub liveness_probe: Option<Probe>,
    /// When the server has started, as Kubernetes has it.
    #[serde(default)]
    pub startup_probe: Option<Probe>,
    /// What the server asks for and may take, as Kubernetes has it.
    pub resources: ResourceRequirements,
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
    /// The manifest's digest: what `tts-render image push --pin` writes.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// When the node asks the registry. Left out: `IfNotPresent` for an image with a digest, else
    /// Kubernetes' own rule.
    #[serde(default)]
    pub pull_policy: Option<PullPolicy>,
}

/// When the node asks the registry for an image.
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
    /// Where the file is mounted; its last part is the file's name.
    pub mount_path: AbsolutePath,
    /// The application's own tree, written as YAML.
    #[schemars(with = "IndexMap<String, serde_json::Value>")]
    pub data: Node,
}

/// An environment variable's value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(untagged)]
pub enum EnvValue {
    /// As it stands.
    Literal(String),
    /// From elsewhere.
    From(Box<EnvFrom>),
}

/// An environment variable that is read from elsewhere when the Pod starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvFrom {
    /// Where the value is read from, as Kubernetes has it.
    pub value_from: EnvVarSource,
}

/// The Service in front of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Its name. Left out: the server's.
    #[serde(default)]
    pub name: Option<DnsLabel>,
    /// The port that clients use; it leads to the server's.
    pub port: Port,
    /// Its annotations.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
}

/// The volume that outlives the server's Pods: a claim, and for NFS a PersistentVolume of the same
/// name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Storage {
    /// The claim's name, and the PersistentVolume's.
    pub name: DnsSubdomain,
    /// Its size, as a Kubernetes quantity.
    pub size: StorageQuantity,
    /// Where the server sees it.
    pub mount_path: AbsolutePath,
    /// The storage class.
    pub storage_class_name: DnsSubdomain,
    /// Who may mount it, and how.
    #[serde(default = "default_access_modes")]
    pub access_modes: Vec<AccessMode>,
    /// What becomes of the data when the claim is deleted; for NFS.
    #[serde(default = "default_reclaim_policy")]
    pub reclaim_policy: ReclaimPolicy,
    /// A directory on an NFS server, as a static PersistentVolume of the CSI driver for NFS. Left
    /// out: the storage class provisions.
    #[serde(default)]
    pub nfs: Option<Nfs>,
}

fn default_access_modes() -> Vec<AccessMode> {
    vec![AccessMode::ReadWriteMany]
}

fn default_reclaim_policy() -> ReclaimPolicy {
    ReclaimPolicy::Retain
}

/// Who may mount a volume, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// One node, to write.
    ReadWriteOnce,
    /// Many nodes, to read.
    ReadOnlyMany,
    /// Many nodes, to write.
    ReadWriteMany,
    /// One Pod, to write.
    ReadWriteOncePod,
}

/// What becomes of a volume's data when its claim is deleted.
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
    /// The directory. It must exist: nothing makes it.
    pub path: AbsolutePath,
    /// The options of the mount.
    #[serde(default)]
    pub mount_options: Vec<String>,
}

/// The shared card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gpu {
    /// The memory of the whole card, as the gate counts it.
    pub total: Bytes,
}

/// When the server may have the card. Schedules have five fields, as Kubernetes reads them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OffPeak {
    /// The time zone of the schedules.
    pub time_zone: TimeZoneName,
    /// When the gate looks whether there is room, and scales up.
    pub up: CronSchedule,
    /// When the gate looks whether the card must be yielded.
    pub guard: CronSchedule,
    /// When the window ends.
    pub down: CronSchedule,
    /// Whether the three CronJobs rest: all or none, so that the server never runs unguarded.
    #[serde(default)]
    pub suspend: bool,
    /// How long after its time a job may still start, in seconds.
    #[serde(default = "default_starting_deadline")]
    pub starting_deadline_seconds: Whole<10, 86_400>,
    /// How long a job may run, in seconds; the gate itself ends 10 s before.
    #[serde(default = "default_active_deadline")]
    pub active_deadline_seconds: Whole<20, 86_400>,
    /// The names of what runs the window.
    #[serde(default)]
    pub names: OffPeakNames,
}

fn default_starting_deadline() -> Whole<10, 86_400> {
    Whole::new(120)
}

fn default_active_deadline() -> Whole<20, 86_400> {
    Whole::new(120)
}

/// The names of what runs the window. Left out: the server's name with a suffix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OffPeakNames {
    /// The CronJob that scales up. Left out: `<server>-window-up`.
    #[serde(default)]
    pub up: Option<DnsSubdomain>,
    /// The CronJob that yields. Left out: `<server>-vram-guard`.
    #[serde(default)]
    pub guard: Option<DnsSubdomain>,
    /// The CronJob that ends the window. Left out: `<server>-window-down`.
    #[serde(default)]
    pub down: Option<DnsSubdomain>,
    /// The ServiceAccount of the jobs, its Role and its RoleBinding. Left out: `<server>-offpeak`.
    #[serde(default)]
    pub service_account: Option<DnsSubdomain>,
}

/// The program that decides who has the card, and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    /// The image that holds `vram-gate` and nothing else.
    pub image: Image,
    /// Names of the Secrets that hold the registry's credentials. Left out: the server's.
    #[serde(default)]
    pub image_pull_secrets: Option<Vec<DnsSubdomain>>,
    /// The Prometheus page that says what is used on the card.
    pub metrics_url: HttpUrl,
    /// The metric that is summed.
    pub metric: String,
    /// The unit of the metric.
    #[serde(default)]
    pub metric_unit: MetricUnit,
    /// What must be free for the server to start, and below which the guard yields.
    pub floor: Bytes,
    /// What must stay free whoever uses it, the server included, or the guard yields.
    #[serde(default = "default_reserve")]
    pub reserve: Bytes,
    /// Whose memory the guard holds against the floor.
    #[serde(default)]
    pub count: Count,
    /// What the guard does when the page cannot be read.
    #[serde(default)]
    pub on_scrape_failure: OnScrapeFailure,
    /// What a page without a series of the metric means.
    #[serde(default)]
    pub no_series: NoSeries,
    /// How often the page is read before the server is scaled up: each reading must leave the floor
    /// free.
    #[serde(default = "default_samples")]
    pub samples: Whole<1, 10>,
    /// The pause between two readings, in seconds.
    #[serde(default = "default_sample_interval")]
    pub sample_interval_seconds: Whole<1, 100>,
    /// The guard's pause before a second reading, in seconds, if bytes that the exporter cannot attribute
    /// yet decide alone; 0: no second reading.
    #[serde(default = "default_recheck_delay")]
    pub recheck_delay_seconds: Whole<0, 300>,
    /// Whether the gate only says what it would do.
    #[serde(default)]
    pub dry_run: bool,
    /// How the gate reports.
    #[serde(default)]
    pub log_format: LogFormat,
    /// What the gate's container asks for and may take, as Kubernetes has it.
    #[serde(default = "default_gate_resources")]
    pub resources: ResourceRequirements,
}

fn default_reserve() -> Bytes {
    Bytes::new(512 << 20)
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
    let quantity = |text: &str| Quantity(text.to_owned());
    let map = |pairs: &[(&str, &str)]| {
        Some(pairs.iter().map(|&(name, text)| (name.to_owned(), quantity(text))).collect())
    };
    ResourceRequirements {
        requests: map(&[("cpu", "20m"), ("memory", "64Mi")]),
        limits: map(&[("memory", "128Mi")]),
        ..Default::default()
    }
}

/// How the namespace is kept out of the policy that raises GPU Pods' priority.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kyverno {
    /// By which means.
    #[serde(default)]
    pub mode: KyvernoMode,
    /// `edit`: the owner's policy, as a file of this repository. `exception`: likewise, to name the
    /// policy by.
    #[serde(default)]
    pub policy: Option<RelativePath>,
    /// The rule, where the policy has several.
    #[serde(default)]
    pub rule: Option<String>,
    /// `exception`: the namespace that Kyverno reads exceptions from. Left out: the stack's own.
    #[serde(default)]
    pub exception_namespace: Option<DnsLabel>,
}

/// By which means a namespace is kept out of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KyvernoMode {
    /// The policy's own exclude list.
    Edit,
    /// A PolicyException: Kyverno must be told to heed them.
    Exception,
    /// None.
    #[default]
    None,
}

/// Who uses the server. The settings become a ConfigMap in the client's namespace; the client's
/// owner lets its Pods read it (`envFrom`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// The client's Deployment.
    pub name: DnsLabel,
    /// Its namespace.
    pub namespace: DnsLabel,
    /// The ConfigMap's name. Left out: `<stack>-client`.
    #[serde(default)]
    pub config_map: Option<DnsSubdomain>,
    /// The settings: environment variables.
    pub env: IndexMap<EnvName, String>,
}

/// A kind that templates may render though this tool does not know it.
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

    /// Key by key rather than as a struct, so that the reader sees each key's place.
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

impl Values {
    /// Fills in what was left out and follows from other values.
    pub(super) fn fill_in(&mut self) {
        let server = self.server.name.to_string();
        let names = &mut self.off_peak.names;
        for (name, suffix) in [
            (&mut names.up, "window-up"),
            (&mut names.guard, "vram-guard"),
            (&mut names.down, "window-down"),
            (&mut names.service_account, "offpeak"),
        ] {
            fill(name, || DnsSubdomain::joined(&server, suffix));
        }
        let secrets = &self.server.image_pull_secrets;
        fill(&mut self.gate.image_pull_secrets, || secrets.clone());
        if let Some(service) = &mut self.service {
            fill(&mut service.name, || self.server.name.clone());
        }
        for image in [&mut self.server.image, &mut self.gate.image] {
            if image.digest.is_some() {
                fill(&mut image.pull_policy, || PullPolicy::IfNotPresent);
            }
        }
        fill(&mut self.kyverno.exception_namespace, || self.namespace.name.clone());
        for client in &mut self.clients {
            fill(&mut client.config_map, || DnsSubdomain::joined(self.name.as_str(), "client"));
        }
    }
}

fn fill<T>(slot: &mut Option<T>, default: impl FnOnce() -> T) {
    slot.get_or_insert_with(default);
}
