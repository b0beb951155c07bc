//! The things that a stack needs of the cluster and does not render, each with a command that checks
//! it.
//!
//! They are read off the rendered objects where those name them, so that a repository's own
//! templates count too, and off the values otherwise.

mod check;
pub mod run;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use vram_gate::exposition::Query;
use vram_gate::settings::DemandNumber;

use crate::model::gate_jobs::GateJob;
use crate::model::object::{items_at, node_at};
use crate::model::run_times::RunTimes;
use crate::model::window::YEARS_FROM;
use crate::model::{self, workload};
use crate::project::load::{POLICIES, RenderedProject, Stack};
use crate::promql;
use crate::values::{ImageOwner, KyvernoMode, Prometheus, Values};
use kube_formats::url::{HttpUrl, Scheme};
use kube_validate::Object;
use yaml_spans::{Node, Value};

pub(crate) use check::shell_quote;
use check::{Check, Demand, Expected, NO_INPUT, shell_command};

/// A thing that must exist in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// The stack that needs it.
    pub stack: String,
    /// A noun phrase that names it.
    pub summary: String,
    /// Its purpose, and what happens without it.
    pub reason: String,
    /// A shell command that checks it: it fails if the thing is missing, or prints what is there.
    pub command: String,
    /// The check itself.
    #[serde(skip)]
    check: Check,
}

/// Lists what every stack needs, in the order in which it is needed.
pub fn find_requirements(rendered: &RenderedProject) -> Vec<Requirement> {
    let mut all = Vec::new();
    for stack in &rendered.stacks {
        let own_files = rendered.files.iter().filter(|file| file.folder == stack.name);
        let objects = own_files.map(|file| &file.object).collect();
        let rendered = RenderedStack { stack, rendered, objects };
        let mut found = Requirements { stack: &stack.name, list: Vec::new() };
        rendered.require_kubernetes(&mut found);
        require_controllers(&mut found);
        rendered.require_target(&mut found);
        rendered.require_pod_references(&mut found);
        rendered.require_images(&mut found);
        rendered.require_class_values(&mut found);
        rendered.require_storage(&mut found);
        rendered.require_routes(&mut found);
        rendered.require_quota(&mut found);
        rendered.require_extended_resources(&mut found);
        rendered.require_exporter(&mut found);
        rendered.require_demand(&mut found);
        rendered.require_kyverno(&mut found);
        rendered.require_alerts(&mut found);
        rendered.require_keel(&mut found);
        rendered.require_client_patches(&mut found);
        let mut seen = BTreeSet::new();
        let unique = found.list.into_iter().filter(|item| seen.insert(item.summary.clone()));
        all.extend(unique);
    }
    all
}

/// The requirements of one stack.
struct Requirements<'a> {
    stack: &'a str,
    list: Vec<Requirement>,
}

impl Requirements<'_> {
    fn add(&mut self, summary: impl Into<String>, reason: impl Into<String>, check: Check) {
        self.list.push(Requirement {
            stack: self.stack.to_owned(),
            summary: summary.into(),
            reason: reason.into(),
            command: check.command(),
            check,
        });
    }
}

/// A field of a Pod's specification that names an object.
struct PodReference {
    /// The field's path; `[]` is each item of a list. A field `optional` beside it, if true, makes
    /// the reference harmless.
    path: &'static str,
    kind: &'static str,
    scope: Scope,
    /// The effect if the object is missing.
    without: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Namespace,
    Cluster,
}

const fn in_namespace(
    path: &'static str,
    kind: &'static str,
    without: &'static str,
) -> PodReference {
    PodReference { path, kind, scope: Scope::Namespace, without }
}

const fn in_cluster(path: &'static str, kind: &'static str, without: &'static str) -> PodReference {
    PodReference { path, kind, scope: Scope::Cluster, without }
}

const REJECTED: &str = "without it, the API server rejects the Pods";
const NOT_PULLED: &str = "without it, the image is not pulled: `ErrImagePull`";
const NOT_STARTED: &str = "without it, its containers stay in `CreateContainerConfigError`";
const NOT_MOUNTED: &str = "without it, its Pods stay in `ContainerCreating`";
const PENDING: &str = "without it, its Pods stay `Pending`";

/// Every reference of a Pod's specification to an object that must exist. Source: the Pod's type
/// (`core/v1`), and for Secrets and ConfigMaps `VisitPodSecretNames` and `VisitPodConfigmapNames` of
/// Kubernetes' `pkg/api/v1/pod/util.go`.
const POD_REFERENCES: &[PodReference] = &[
    in_namespace("imagePullSecrets[].name", "Secret", NOT_PULLED),
    in_namespace("serviceAccountName", "ServiceAccount", REJECTED),
    in_cluster("priorityClassName", "PriorityClass", REJECTED),
    in_cluster("runtimeClassName", "RuntimeClass", REJECTED),
    in_cluster("nodeName", "Node", PENDING),
    in_namespace("initContainers[].env[].valueFrom.secretKeyRef.name", "Secret", NOT_STARTED),
    in_namespace("initContainers[].env[].valueFrom.configMapKeyRef.name", "ConfigMap", NOT_STARTED),
    in_namespace("initContainers[].envFrom[].secretRef.name", "Secret", NOT_STARTED),
    in_namespace("initContainers[].envFrom[].configMapRef.name", "ConfigMap", NOT_STARTED),
    in_namespace("containers[].env[].valueFrom.secretKeyRef.name", "Secret", NOT_STARTED),
    in_namespace("containers[].env[].valueFrom.configMapKeyRef.name", "ConfigMap", NOT_STARTED),
    in_namespace("containers[].envFrom[].secretRef.name", "Secret", NOT_STARTED),
    in_namespace("containers[].envFrom[].configMapRef.name", "ConfigMap", NOT_STARTED),
    in_namespace("volumes[].secret.secretName", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].configMap.name", "ConfigMap", NOT_MOUNTED),
    in_namespace("volumes[].projected.sources[].secret.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].projected.sources[].configMap.name", "ConfigMap", NOT_MOUNTED),
    in_cluster(
        "volumes[].projected.sources[].clusterTrustBundle.name",
        "ClusterTrustBundle",
        NOT_MOUNTED,
    ),
    in_namespace("volumes[].persistentVolumeClaim.claimName", "PersistentVolumeClaim", PENDING),
    in_cluster("volumes[].csi.driver", "CSIDriver", NOT_MOUNTED),
    in_namespace("volumes[].csi.nodePublishSecretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].azureFile.secretName", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].cephfs.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].cinder.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].flexVolume.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].iscsi.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].rbd.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].scaleIO.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].storageos.secretRef.name", "Secret", NOT_MOUNTED),
    in_cluster(
        "volumes[].ephemeral.volumeClaimTemplate.spec.storageClassName",
        "StorageClass",
        PENDING,
    ),
    in_cluster(
        "volumes[].ephemeral.volumeClaimTemplate.spec.volumeAttributesClassName",
        "VolumeAttributesClass",
        PENDING,
    ),
    in_cluster(
        "volumes[].ephemeral.volumeClaimTemplate.spec.volumeName",
        "PersistentVolume",
        PENDING,
    ),
    in_namespace("schedulingGroup.podGroupName", "PodGroup", PENDING),
    in_namespace("resourceClaims[].resourceClaimName", "ResourceClaim", PENDING),
    in_namespace("resourceClaims[].resourceClaimTemplateName", "ResourceClaimTemplate", PENDING),
];

/// Objects that Kubernetes makes itself: in every namespace, and in every cluster.
const ALWAYS_THERE: &[(&str, &str)] = &[
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("PriorityClass", "system-cluster-critical"),
    ("PriorityClass", "system-node-critical"),
];

/// A program whose version decides what the rendered objects mean.
struct Controller {
    title: &'static str,
    reason: &'static str,
    /// The label of its workload.
    label: &'static str,
    /// The last part of its image's repository.
    image: &'static str,
    /// The least major and minor version, from the projects' own sources: 2.13 of Argo CD does not document
    /// `Prune=confirm` (docs/user-guide/sync-options.md), and 1.8 of kustomize-controller has no
    /// `KustomizationSpec.Ignore` (api/v1/kustomization_types.go).
    least: (u32, u32),
}

/// The controllers that may sync the objects. A cluster has one of them, or none.
const CONTROLLERS: [Controller; 2] = [
    Controller {
        title: "Argo CD 2.14 or later, if it is used",
        reason: "an older one does not know `Prune=confirm` and `Delete=confirm`: it would delete the Namespace and the volume without asking",
        label: "app.kubernetes.io/name=argocd-repo-server",
        image: "argocd",
        least: (2, 14),
    },
    Controller {
        title: "kustomize-controller 1.9 or later, if Flux is used",
        reason: "an older one has no `spec.ignore`: at each reconciliation it sets back the replicas that the gate has set",
        label: "app.kubernetes.io/component=kustomize-controller",
        image: "kustomize-controller",
        least: (1, 9),
    },
];

/// The API versions of PolicyExceptions with the first minor version of Kyverno that is known to serve them:
/// `config/crds` of 1.11 has no `kyverno.io/v2` and 1.12 has; 1.14 has no `policies.kyverno.io/v1` and 1.17
/// has (1.15 and 1.16 were not seen).
const EXCEPTION_VERSIONS: [(&str, (u32, u32)); 2] =
    [("kyverno.io/v2", (1, 12)), ("policies.kyverno.io/v1", (1, 17))];

fn require_controllers(found: &mut Requirements<'_>) {
    for Controller { title, reason, label, image, least } in &CONTROLLERS {
        let expected = Expected::Image { program: image, least: *least, is_required: false };
        found.add(*title, *reason, Check::kubectl(&workload_images(label), expected));
    }
}

/// The arguments of kubectl that print the images of the workloads with a label, a line each.
fn workload_images(label: &str) -> [&str; 7] {
    [
        "get",
        "deployments,statefulsets",
        "--all-namespaces",
        "-l",
        label,
        "-o",
        "jsonpath={range .items[*]}{.spec.template.spec.containers[*].image}{\"\\n\"}{end}",
    ]
}

/// A stack with what it renders into its own folder.
struct RenderedStack<'a> {
    stack: &'a Stack,
    rendered: &'a RenderedProject,
    objects: Vec<&'a Object>,
}

fn require_ingress_class(ingress: &Object, found: &mut Requirements<'_>) {
    let class = node_at(&ingress.node, &["spec", "ingressClassName"]).and_then(Node::as_str);
    if let Some(class) = class {
        found.add(
            format!("IngressClass {class}"),
            format!("its controller serves {}: without it, nothing does", ingress.id()),
            Check::object(None, "ingressclass", class),
        );
    }
}

fn require_gateways(route: &Object, found: &mut Requirements<'_>) {
    let definition = "httproutes.gateway.networking.k8s.io";
    found.add(
        format!("CustomResourceDefinition {definition}"),
        format!("without it, the API server rejects {}", route.id()),
        Check::object(None, "customresourcedefinition", definition),
    );
    for parent in items_at(&route.node, &["spec", "parentRefs"]) {
        let text = |key: &str| parent.get(key).and_then(Node::as_str);
        let namespace = text("namespace").or(route.namespace.as_deref());
        let (Some(name), Some(namespace)) = (text("name"), namespace) else { continue };
        if text("kind").is_none_or(|kind| kind == "Gateway") {
            found.add(
                format!("Gateway {namespace}/{name}"),
                format!("{} is attached to it: without it, nothing serves the route", route.id()),
                Check::object(Some(namespace), "gateway", name),
            );
        }
    }
}

impl<'a> RenderedStack<'a> {
    fn values(&self) -> &Values {
        &self.stack.values
    }

    /// Every object that makes Pods, with their specification.
    fn pods(&self) -> impl Iterator<Item = (&'a Object, &'a Node)> {
        self.objects.iter().filter_map(|object| {
            let spec = workload::pod_spec_of(object.group(), &object.kind, &object.node)?;
            Some((*object, spec))
        })
    }

    fn renders(&self, kind: &str, name: &str) -> bool {
        self.objects.iter().any(|object| object.kind == kind && object.name == name)
    }

    fn require_kubernetes(&self, found: &mut Requirements<'_>) {
        if self.objects.iter().any(|object| object.kind == "CronJob") {
            found.add(
                "Kubernetes 1.27 or later",
                "CronJobs have `spec.timeZone`; an older API server drops it, and the window moves to the server's time zone",
                Check::kubectl(&["get", "--raw", "/version"], Expected::MinorVersion(27)),
            );
        }
    }

    fn require_target(&self, found: &mut Requirements<'_>) {
        let target = &self.values().target;
        let names = (target.name.as_ref(), target.resource.as_ref());
        let (Some(name), Some(resource)) = names else { return };
        let (name, kind, group) = (name.as_str(), target.kind.as_str(), target.group());
        let namespace = self.values().namespace.name.as_str();
        let resource = match group {
            "" => resource.to_string(),
            _ => format!("{resource}.{group}"),
        };
        if group.contains('.') {
            found.add(
                format!("CustomResourceDefinition {resource} with a scale subresource"),
                format!("the gate scales {kind} {namespace}/{name} by it: without it, the server never starts"),
                Check::kubectl(
                    &[
                        "get",
                        "customresourcedefinition",
                        &resource,
                        "-o",
                        "jsonpath={.spec.versions[*].subresources.scale}",
                    ],
                    Expected::Output,
                ),
            );
        }
        if !self.renders(kind, name) {
            found.add(
                format!("{kind} {namespace}/{name}"),
                "the gate scales it, and no template here renders it: without it, `up` and `down` fail",
                Check::object(Some(namespace), &resource, name),
            );
        }
    }

    fn require_pod_references(&self, found: &mut Requirements<'_>) {
        let own_namespace = self.values().namespace.name.as_str();
        for (owner, pod) in self.pods() {
            let namespace = owner.namespace.as_deref().unwrap_or(own_namespace);
            let owner = owner.id();
            for reference in POD_REFERENCES {
                for name in reference.names_in(pod) {
                    let (kind, without) = (reference.kind, reference.without);
                    if self.renders(kind, name) || ALWAYS_THERE.contains(&(kind, name)) {
                        continue;
                    }
                    let resource = kind.to_lowercase();
                    let reason = format!("{owner} refers to it: {without}");
                    match reference.scope {
                        Scope::Namespace => found.add(
                            format!("{kind} {namespace}/{name}"),
                            reason,
                            Check::object(Some(namespace), &resource, name),
                        ),
                        Scope::Cluster => found.add(
                            format!("{kind} {name}"),
                            reason,
                            Check::object(None, &resource, name),
                        ),
                    }
                }
            }
            let selector = pod.get("nodeSelector").and_then(Node::as_mapping);
            for (key, entry) in selector.into_iter().flatten() {
                let label = format!("{key}={}", entry.node.as_str().unwrap_or_default());
                found.add(
                    format!("a node labelled {label}"),
                    format!("{owner} runs on no other: {PENDING}"),
                    Check::kubectl(&["get", "nodes", "-l", &label, "-o", "name"], Expected::Output),
                );
            }
        }
    }

    /// Two classes can only be compared by their values, which the cluster knows.
    fn require_class_values(&self, found: &mut Requirements<'_>) {
        let values = self.values();
        let (Some(server), Some(gate)) =
            (&values.server.priority_class_name, &values.gate.priority_class_name)
        else {
            return;
        };
        if server == gate {
            return;
        }
        let (server, gate) = (server.as_str(), gate.as_str());
        found.add(
            format!("a value of PriorityClass {gate} that is at least {server}'s"),
            "with a lower one, a full cluster keeps the guard waiting while the server runs",
            Check::kubectl(
                &[
                    "get",
                    "priorityclass",
                    gate,
                    server,
                    "-o",
                    "jsonpath={.items[0].value} {.items[1].value}{\"\\n\"}",
                ],
                Expected::AtLeast,
            ),
        );
    }

    fn require_storage(&self, found: &mut Requirements<'_>) {
        for object in &self.objects {
            if object.kind == "PersistentVolumeClaim" {
                self.require_storage_class(object, found);
            }
            let Some(csi) = node_at(&object.node, &["spec", "csi"]) else { continue };
            let Some(driver) = csi.get("driver").and_then(Node::as_str) else { continue };
            found.add(
                format!("CSIDriver {driver}"),
                format!("it mounts {}: {NOT_MOUNTED}", object.id()),
                Check::object(None, "csidriver", driver),
            );
            let attributes =
                ["server", "share"].map(|key| node_at(csi, &["volumeAttributes", key]));
            if let [Some(server), Some(share)] = attributes.map(|node| node.and_then(Node::as_str))
            {
                found.add(
                    format!("the directory {share} on the NFS server {server}"),
                    format!("nothing creates it: {NOT_MOUNTED}"),
                    Check::Pod { command: nfs_command(server, share) },
                );
            }
        }
    }

    fn require_storage_class(&self, claim: &Object, found: &mut Requirements<'_>) {
        let class = node_at(&claim.node, &["spec", "storageClassName"]).and_then(Node::as_str);
        let Some(class) = class else {
            let columns = "custom-columns=DEFAULT:.metadata.annotations.storageclass\\.kubernetes\\.io/is-default-class";
            return found.add(
                "a default StorageClass",
                format!(
                    "it makes the volume of {}: without it, the claim stays `Pending`",
                    claim.id()
                ),
                Check::kubectl(
                    &["get", "storageclass", "-o", columns],
                    Expected::Text("true".to_owned()),
                ),
            );
        };
        if class.is_empty() {
            return;
        }
        if self.renders("StorageClass", class) {
            return;
        }
        let reason = match node_at(&claim.node, &["spec", "volumeName"]) {
            Some(_) => {
                "the claim is bound by name, so claim and volume need only name the same class; quotas and other tools look for it"
            }
            None => "it makes the volume: without it, the claim stays `Pending`",
        };
        found.add(
            format!("StorageClass {class}"),
            reason,
            Check::object(None, "storageclass", class),
        );
    }

    /// The classes, definitions and Gateways of Ingresses and HTTPRoutes.
    fn require_routes(&self, found: &mut Requirements<'_>) {
        for object in &self.objects {
            match (object.group(), object.kind.as_str()) {
                ("networking.k8s.io", "Ingress") => require_ingress_class(object, found),
                ("gateway.networking.k8s.io", "HTTPRoute") => require_gateways(object, found),
                _ => {}
            }
        }
    }

    fn require_alerts(&self, found: &mut Requirements<'_>) {
        if self.values().alerts.is_none() && self.values().dashboard.is_none() {
            return;
        }
        if self.objects.iter().any(|object| object.kind == "PrometheusRule") {
            found.add(
                "CustomResourceDefinition prometheusrules.monitoring.coreos.com",
                "without the Prometheus operator the alerts can't be applied; `alerts.prometheus: file` needs none",
                Check::object(None, "customresourcedefinition", "prometheusrules.monitoring.coreos.com"),
            );
        }
        let (major, minor) = promql::MIN_STATE_METRICS;
        let program = "kube-state-metrics";
        let label = format!("app.kubernetes.io/name={program}");
        found.add(
            format!("kube-state-metrics {major}.{minor} or later"),
            "an older one does not follow the time zone of CronJobs, so that a missed `down` is noticed hours late",
            Check::kubectl(
                &workload_images(&label),
                Expected::Image { program, least: (major, minor), is_required: true },
            ),
        );
    }

    fn require_quota(&self, found: &mut Requirements<'_>) {
        let namespace = self.values().namespace.name.as_str();
        let demands: Vec<Demand> = self
            .pods()
            .map(|(owner, pod)| Demand {
                owner: owner.id().to_string(),
                amounts: resource_amounts(pod),
            })
            .collect();
        let mut shown: Vec<String> = demands.iter().map(describe_demand).collect();
        let kept_jobs = self.jobs().map(|job| most_kept_jobs(&job)).sum();
        if kept_jobs > 0 {
            shown.push(format!(
                "finished Jobs: count/jobs.batch {kept_jobs}, count/pods {kept_jobs} (`offPeak.keep`)"
            ));
        }
        if !demands.is_empty() {
            found.add(
                format!("room in the quotas of {namespace}"),
                format!(
                    "a Pod that exceeds one is never created, and only the events of its Job or ReplicaSet report it. {}",
                    shown.join("; ")
                ),
                Check::kubectl(
                    &["-n", namespace, "get", "resourcequota", "-o", "json"],
                    Expected::Quota { namespace: namespace.to_owned(), demands, kept_jobs },
                ),
            );
        }
    }

    /// The CronJobs.
    fn jobs(&self) -> impl Iterator<Item = model::object::Object> {
        let jobs = self.objects.iter().filter(|object| object.kind == "CronJob");
        jobs.filter_map(|object| model::object::Object::read(object.node.clone(), "").ok())
    }

    fn require_extended_resources(&self, found: &mut Requirements<'_>) {
        let mut names = BTreeSet::new();
        for (_, pod) in self.pods() {
            for container in items_at(pod, &["containers"]) {
                let limits =
                    node_at(container, &["resources", "limits"]).and_then(Node::as_mapping);
                let keys = limits.into_iter().flat_map(|limits| limits.keys());
                names.extend(keys.filter(|name| is_extended(name)));
            }
        }
        for name in names {
            let columns = format!(
                "jsonpath={{range .items[*]}}{{.metadata.name}} {{.status.allocatable.{}}}{{\"\\n\"}}{{end}}",
                name.replace('.', "\\.")
            );
            found.add(
                format!("a node that offers {name}"),
                format!("a Pod that requests it runs on no other: {PENDING}"),
                Check::kubectl(&["get", "nodes", "-o", &columns], Expected::Amount),
            );
        }
    }

    fn require_exporter(&self, found: &mut Requirements<'_>) {
        if let Some(prometheus) = &self.values().gate.prometheus {
            return self.require_prometheus(prometheus, found);
        }
        let gate = &self.values().gate;
        let url = gate.source_url();
        let namespace = self.values().namespace.name.as_str();
        let path = service_proxy_path(url, namespace);
        let query = self.gate_query();
        for metric in gate.metrics() {
            let mut filters = vec![shell_command(&["grep", &format!("^{metric}{{")])];
            filters.extend(gate.select.iter().map(select_command));
            let check = match &path {
                Some(path) => Check::kubectl(
                    &["get", "--raw", path],
                    Expected::Exposition { query: query.clone().map(Box::new), filters },
                ),
                None => Check::Pod {
                    command: format!(
                        "{} {} | grep -m1 .",
                        curl_command("page-check", &["-sf", url]),
                        filters
                            .iter()
                            .map(|filter| format!("| {filter}"))
                            .collect::<Vec<_>>()
                            .join(" "),
                    ),
                },
            };
            found.add(
                format!("the metric {metric} at {url}"),
                "the gate decides by it: without it, the server never starts, and a running one is stopped",
                check,
            );
        }
    }

    fn require_demand(&self, found: &mut Requirements<'_>) {
        let Some(demand) = &self.values().off_peak.demand else { return };
        let Ok(number) = DemandNumber::parse(&demand.number) else { return };
        let url = demand.url.as_str();
        let check = match service_proxy_path(url, self.values().namespace.name.as_str()) {
            Some(path) => {
                Check::kubectl(&["get", "--raw", &path], Expected::Count(Box::new(number)))
            }
            None => Check::Pod {
                command: format!("{} | grep -m1 .", curl_command("demand-check", &["-sf", url])),
            },
        };
        found.add(
            format!("the number {} at {url}", demand.number),
            "without it, demand is unknown: by day the server neither starts nor stops for want of work",
            check,
        );
    }

    /// The query of the gate's jobs; `None` if only the cluster knows their settings.
    fn gate_query(&self) -> Option<Query> {
        self.objects.iter().find_map(|object| {
            let object =
                model::Object { id: object.id(), node: object.node.clone(), file: String::new() };
            Some(GateJob::read(&object)?.settings.ok()?.sampling?.query)
        })
    }

    fn require_prometheus(&self, prometheus: &Prometheus, found: &mut Requirements<'_>) {
        let gate = &self.values().gate;
        let query = prometheus.query.clone().unwrap_or_else(|| gate.metric_name().to_owned());
        let base = prometheus.url.as_str().trim_end_matches('/');
        let (address, parameter) = (format!("{base}/api/v1/query"), format!("query={query}"));
        let call = curl_command("query-check", &["-sfG", &address, "--data-urlencode", &parameter]);
        found.add(
            format!("series of {query} in Prometheus at {base}"),
            "the gate decides by them: without them, the server never starts, and a running one is stopped",
            Check::Pod { command: format!("{call} | grep '\"value\"'") },
        );
    }

    fn require_kyverno(&self, found: &mut Requirements<'_>) {
        let mode = self.values().kyverno.mode;
        if mode == KyvernoMode::None {
            return;
        }
        found.add(
            "Kyverno, 1.19 at most for a ClusterPolicy",
            "1.20 is planned to reject new and changed ClusterPolicies and to run none (kyverno #17483); MutatingPolicies replace them",
            Check::kubectl(
                &[
                    "-n",
                    "kyverno",
                    "get",
                    "deployments",
                    "-o",
                    "jsonpath={range .items[*]}{.spec.template.spec.containers[0].image}{\"\\n\"}{end}",
                ],
                Expected::KyvernoBefore120,
            ),
        );
        if mode == KyvernoMode::Edit {
            for file in self.rendered.files.iter().filter(|file| file.folder == POLICIES) {
                let (kind, name) = (file.object.kind.to_lowercase(), &file.object.name);
                found.add(
                    format!("{} applied by its owner", file.object.id()),
                    "until it excludes the namespace, Pods get the priority that it sets",
                    Check::kubectl(&["get", &kind, name, "-o", "yaml"], self.policy_expectation()),
                );
            }
        }
        if mode == KyvernoMode::Exception {
            self.require_exception_api(found);
            found.add(
                "Kyverno's PolicyExceptions enabled",
                "they are off by default, and an exception that Kyverno ignores is not reported",
                Check::kubectl(
                    &[
                        "-n",
                        "kyverno",
                        "get",
                        "deployment",
                        "kyverno-admission-controller",
                        "-o",
                        "yaml",
                    ],
                    Expected::Text("--enablePolicyException=true".to_owned()),
                ),
            );
        }
    }

    fn require_exception_api(&self, found: &mut Requirements<'_>) {
        let exceptions =
            self.rendered.files.iter().filter(|file| file.object.kind == "PolicyException");
        let served = exceptions.filter_map(|file| {
            EXCEPTION_VERSIONS.iter().find(|(api, _)| *api == file.object.api_version)
        });
        for (api, (major, minor)) in served {
            let least = (*major, *minor);
            found.add(
                format!("Kyverno {major}.{minor} or later"),
                format!("an older one does not serve PolicyExceptions of {api}"),
                Check::kubectl(
                    &workload_images("app.kubernetes.io/component=admission-controller"),
                    Expected::Image { program: "kyverno", least, is_required: true },
                ),
            );
        }
    }

    /// The policy must keep the priority of the server's Pods.
    fn policy_expectation(&self) -> Expected {
        let server = &self.values().server;
        let class = server.priority_class_name.as_ref();
        let limits =
            self.pods().flat_map(|(_, pod)| items_at(pod, &["containers"])).flat_map(|container| {
                node_at(container, &["resources", "limits"])
                    .and_then(Node::as_mapping)
                    .into_iter()
                    .flatten()
            });
        let resource = limits.map(|(name, _)| name).find(|name| is_extended(name));
        Expected::PolicyExcludes {
            namespace: self.values().namespace.name.to_string(),
            priority_class: class.map(|class| class.as_str().to_owned()),
            resource: resource.cloned().unwrap_or_default(),
            controller: self.values().target.kind.to_string(),
        }
    }

    /// The images of all Pods, each with the objects that pull it.
    fn require_images(&self, found: &mut Requirements<'_>) {
        let mut images: BTreeMap<&str, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        for (owner, pod) in self.pods() {
            let secrets: Vec<String> = items_at(pod, &["imagePullSecrets"])
                .iter()
                .filter_map(|secret| Some(format!("Secret {}", secret.get("name")?.as_str()?)))
                .collect();
            for container in
                workload::CONTAINER_LISTS.iter().flat_map(|list| items_at(pod, &[list]))
            {
                let Some(image) = container.get("image").and_then(Node::as_str) else { continue };
                let (owners, all_secrets) = images.entry(image).or_default();
                owners.insert(owner.id().to_string());
                all_secrets.extend(secrets.iter().cloned());
            }
        }
        for (image, (owners, secrets)) in images {
            let owners: Vec<String> = owners.into_iter().collect();
            found.add(
                format!("image {image}"),
                format!(
                    "pulled by {}: without it, their Pods stay in `ErrImagePull`; a node that has none of it downloads all of it in its first window",
                    owners.join(", ")
                ),
                Check::Image { image: image.to_owned(), secrets: secrets.into_iter().collect() },
            );
        }
    }

    fn require_keel(&self, found: &mut Requirements<'_>) {
        let settings = self.values().gitops.as_ref();
        if settings.is_some_and(|settings| settings.images == ImageOwner::Keel) {
            found.add(
                "Keel",
                "`gitops.images: keel` leaves the images to it: without it, they stay as the first sync set them",
                Check::kubectl(
                    &["get", "deployments", "-A", "-l", "app=keel", "-o", "name"],
                    Expected::Output,
                ),
            );
        }
    }

    fn require_client_patches(&self, found: &mut Requirements<'_>) {
        for client in &self.values().clients {
            let (namespace, name) = (client.namespace.as_str(), client.name.as_str());
            let config_map =
                client.config_map.as_ref().map(ToString::to_string).unwrap_or_default();
            let references = [
                "-n",
                namespace,
                "get",
                "deployment",
                name,
                "-o",
                "jsonpath={.spec.template.spec.containers[*].envFrom}",
            ];
            found.add(
                format!("Deployment {namespace}/{name} that reads ConfigMap {config_map}"),
                format!(
                    "its owner applies the patch that `tts-render gitops client {name}` prints"
                ),
                Check::kubectl(&references, Expected::Text(config_map)),
            );
        }
    }
}

impl PodReference {
    /// The names that a Pod's specification has at this path, without optional ones.
    fn names_in<'n>(&self, pod: &'n Node) -> Vec<&'n str> {
        let (parent, key) = self.path.rsplit_once('.').unwrap_or(("", self.path));
        let mut nodes = vec![pod];
        for step in parent.split('.').filter(|step| !step.is_empty()) {
            nodes = match step.strip_suffix("[]") {
                Some(list) => nodes.into_iter().flat_map(|node| items_at(node, &[list])).collect(),
                None => nodes.into_iter().filter_map(|node| node.get(step)).collect(),
            };
        }
        nodes
            .retain(|node| node.get("optional").is_none_or(|flag| flag.value != Value::Bool(true)));
        nodes.into_iter().filter_map(|node| node.get(key)?.as_str()).collect()
    }
}

/// A quota counts an extended resource by its requests, which equal the limits
/// (<https://kubernetes.io/docs/concepts/policy/resource-quotas/#resource-quota-for-extended-resources>).
fn is_extended(resource: &str) -> bool {
    resource.contains('/')
}

/// The amounts that quotas count a Pod by, of all its containers: `requests.memory` and `2Gi`.
fn resource_amounts(pod: &Node) -> Vec<(String, String)> {
    let mut amounts: Vec<(String, String)> = Vec::new();
    for container in items_at(pod, &["containers"]) {
        for part in ["requests", "limits"] {
            let resources = node_at(container, &["resources", part]).and_then(Node::as_mapping);
            for (name, entry) in resources.into_iter().flatten() {
                // Requests and limits of an extended resource are equal, and the limits are written.
                if is_extended(name) && part == "requests" {
                    continue;
                }
                let part = if is_extended(name) { "requests" } else { part };
                if let Some(amount) = entry.node.as_str() {
                    amounts.push((format!("{part}.{name}"), amount.to_owned()));
                }
            }
        }
    }
    amounts
}

/// The most Jobs of a CronJob that exist at a time: those of the time that finished ones are kept, and no more
/// than its history limits and one that runs.
fn most_kept_jobs(job: &model::object::Object) -> usize {
    let kept = job.whole_at(&["spec", "jobTemplate", "spec", "ttlSecondsAfterFinished"]);
    let limit = |key| job.whole_at(&["spec", key]).and_then(|limit| usize::try_from(limit).ok());
    // The API server's defaults.
    let limits = limit("successfulJobsHistoryLimit").unwrap_or(3)
        + limit("failedJobsHistoryLimit").unwrap_or(1);
    let Some((kept, times)) = kept.zip(RunTimes::read(job)) else { return limits + 1 };
    let kept = SignedDuration::from_secs(kept);
    let end = YEARS_FROM.checked_add(SignedDuration::from_hours(14 * 24)).unwrap_or(YEARS_FROM);
    let runs: Vec<Timestamp> = times.runs(YEARS_FROM, end).collect();
    runs.iter()
        .enumerate()
        .map(|(index, first)| {
            runs.iter().skip(index).take_while(|run| run.duration_since(*first) <= kept).count()
        })
        .max()
        .unwrap_or(0)
        .min(limits)
        + 1
}

/// A Pod's amounts in words: `Deployment a/b: requests.memory 2Gi`.
fn describe_demand(demand: &Demand) -> String {
    let amounts: Vec<String> =
        demand.amounts.iter().map(|(name, amount)| format!("{name} {amount}")).collect();
    format!("{}: {}", demand.owner, amounts.join(", "))
}

/// The path by which the API server passes a request on to the Service that a URL names; none for a
/// URL outside the cluster. A bare name is a Service of `namespace`.
fn service_proxy_path(url: &str, namespace: &str) -> Option<String> {
    let url = HttpUrl::parse(url).ok().filter(|url| url.scheme == Scheme::Http)?;
    let service = url.service()?;
    let namespace = service.namespace.as_deref().unwrap_or(namespace);
    let (name, port) = (&service.name, url.effective_port());
    let slash = if url.path.starts_with('/') { "" } else { "/" };
    let path = url.path;
    Some(format!("/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy{slash}{path}"))
}

/// A command that keeps the series of an exposition that have a label of `gate.select`. A label with an
/// empty value is the same as none.
fn select_command((name, value): (&String, &String)) -> String {
    if value.is_empty() {
        return shell_command(&["grep", "-v", &format!("[{{,]{name}=\"[^\"]")]);
    }
    let written = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let mut pattern = String::new();
    for character in written.chars() {
        if "\\.[]*^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    shell_command(&["grep", &format!("[{{,]{name}=\"{pattern}\"")])
}

/// A command that mounts an NFS directory in a Pod and lists it.
fn nfs_command(server: &str, share: &str) -> String {
    let image = "busybox:1.37";
    let overrides = serde_json::json!({"spec": {
        "containers": [{
            "name": "nfs-check", "image": image, "command": ["ls", "-ld", "/share"],
            "volumeMounts": [{"name": "share", "mountPath": "/share", "readOnly": true}],
        }],
        "volumes": [{"name": "share", "nfs": {"server": server, "path": share, "readOnly": true}}],
    }});
    let run = format!(
        "kubectl -n default run nfs-check --rm --attach --quiet --restart=Never --image={image} --overrides="
    );
    run + &shell_quote(&overrides.to_string()) + NO_INPUT
}

/// A command that calls curl in a Pod. It is attached to without input, and its exit status is curl's.
fn curl_command(name: &str, words: &[&str]) -> String {
    format!(
        "kubectl -n default run {name} --rm --attach --quiet --restart=Never --image=curlimages/curl --command -- curl {}{NO_INPUT}",
        shell_command(words)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_read_off_its_url() {
        for (url, path) in [
            (
                "http://exporter.nvidia.svc.cluster.local:8080/metrics",
                Some("/api/v1/namespaces/nvidia/services/exporter:8080/proxy/metrics"),
            ),
            (
                "http://exporter.nvidia.svc",
                Some("/api/v1/namespaces/nvidia/services/exporter:80/proxy/"),
            ),
            (
                "http://exporter.nvidia",
                Some("/api/v1/namespaces/nvidia/services/exporter:80/proxy/"),
            ),
            (
                "http://exporter/metrics",
                Some("/api/v1/namespaces/tts/services/exporter:80/proxy/metrics"),
            ),
            ("http://exporter.example.org/metrics", None),
            ("https://exporter.nvidia.svc/metrics", None),
        ] {
            assert_eq!(service_proxy_path(url, "tts").as_deref(), path, "{url}");
        }
    }

    /// Ends of paths of names that stay inside the Pod, or that name no object of the API.
    const OTHER_NAMES: &[&str] = &[
        "Containers[].name",
        "azureDisk.diskName",
        "azureFile.shareName",
        "claims[].name",
        "clusterTrustBundle.signerName",
        "containers[].name",
        "dataSource.name",
        "dataSourceRef.name",
        "env[].name",
        "evictionResponders[].name",
        "fileKeyRef.volumeName",
        "flocker.datasetName",
        "gcePersistentDisk.pdName",
        "httpHeaders[].name",
        "iscsi.initiatorName",
        "metadata.generateName",
        "metadata.name",
        "options[].name",
        "os.name",
        "ownerReferences[].name",
        "podCertificate.signerName",
        "ports[].name",
        "resizePolicy[].resourceName",
        "resourceClaims[].name",
        "resourceFieldRef.containerName",
        "scaleIO.volumeName",
        "schedulerName",
        "schedulingGates[].name",
        "storageos.volumeName",
        "sysctls[].name",
        "volumeDevices[].name",
        "volumeMounts[].name",
        "volumes[].name",
        "vsphereVolume.storagePolicyName",
        "windowsOptions.gmsaCredentialSpecName",
        "windowsOptions.runAsUserName",
    ];

    /// Collects the paths of strings that are called a name in a type's schema.
    fn collect_names(
        schema: &serde_json::Value,
        root: &serde_json::Value,
        path: &str,
        names: &mut BTreeSet<String>,
    ) {
        if let Some(reference) = schema.get("$ref").and_then(|text| text.as_str()) {
            let target = root.pointer(reference.trim_start_matches('#')).unwrap();
            return collect_names(target, root, path, names);
        }
        for part in ["allOf", "anyOf"] {
            for schema in schema.get(part).and_then(|list| list.as_array()).into_iter().flatten() {
                collect_names(schema, root, path, names);
            }
        }
        if let Some(item) = schema.get("items") {
            collect_names(item, root, &format!("{path}[]"), names);
        }
        for (key, field) in
            schema.get("properties").and_then(|map| map.as_object()).into_iter().flatten()
        {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if key == "name" || key.ends_with("Name") {
                names.insert(path.clone());
            }
            collect_names(field, root, &path, names);
        }
    }

    #[test]
    fn every_name_in_a_pod_is_a_reference_or_known_to_be_none() {
        let schema = schemars::schema_for!(k8s_openapi::api::core::v1::PodSpec);
        let schema = schema.to_value();
        let mut names = BTreeSet::new();
        collect_names(&schema, &schema, "", &mut names);
        // Templates have no ephemeral containers: they are added to running Pods.
        names.retain(|name| !name.starts_with("ephemeralContainers"));
        for reference in POD_REFERENCES {
            let is_name = names.remove(reference.path) || reference.path.ends_with(".driver");
            assert!(is_name, "{} is not a field of a Pod", reference.path);
        }
        names.retain(|name| !OTHER_NAMES.iter().any(|end| name.ends_with(end)));
        assert!(names.is_empty(), "neither in POD_REFERENCES nor in OTHER_NAMES: {names:#?}");
    }

    #[test]
    fn a_label_is_selected_as_the_exporter_writes_it() {
        let select =
            |name: &str, value: &str| select_command((&name.to_owned(), &value.to_owned()));
        assert_eq!(select("gpu", "0"), "grep '[{,]gpu=\"0\"'");
        assert_eq!(select("GPU_I_ID", ""), "grep -v '[{,]GPU_I_ID=\"[^\"]'");
        assert_eq!(select("a", "it's"), "grep '[{,]a=\"it'\\''s\"'");
        // A backslash is written twice, and each of the two is quoted for grep.
        assert_eq!(select("a", "b.\\"), "grep '[{,]a=\"b\\.\\\\\\\\\"'");
    }

    #[test]
    fn a_word_is_quoted_only_if_a_shell_would_change_it() {
        for (word, quoted) in [
            ("tier-2_gpu@x.example/a:b=c,d%+", "tier-2_gpu@x.example/a:b=c,d%+"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(id)", "'$(id)'"),
            ("it's", "'it'\\''s'"),
            ("a\nb", "'a\nb'"),
            ("~", "'~'"),
        ] {
            assert_eq!(shell_quote(word), quoted);
        }
    }
}
