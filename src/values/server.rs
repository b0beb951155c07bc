//! The server's Pods: image, ports, environment, probes, resources.

use std::fmt;

use indexmap::IndexMap;
use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, EnvFromSource, EnvVarSource, HostAlias, PodSecurityContext,
    Probe, ResourceRequirements, SecurityContext, Toleration, TopologySpreadConstraint, Volume,
    VolumeMount,
};
use schemars::JsonSchema;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::scalars::*;
use yaml_spans::Node;

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

/// The shared GPU.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gpu {
    /// The memory of the whole GPU. Default: it is measured, which needs `gate.freeMetric` (most
    /// exporters have it) or `gate.totalMetric`. If it is measured too, the smaller amount counts.
    #[serde(default)]
    pub total: Option<Bytes>,
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
        f.write_str("a string or a map with `valueFrom`")
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
