//! What a stack needs of the cluster and does not render, with the command that checks it.
//!
//! Read off the rendered objects where they name it, so that a template of one's own is seen too; off
//! the values where no object does.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::workload;
use crate::project::load::{Fleet, POLICIES, Stack};
use crate::values::{GitOps, ImageOwner, KyvernoMode, Values};
use kube_validate::Object;
use yaml_spans::{Node, Path};

/// One thing that must be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// The stack that needs it.
    pub stack: String,
    /// What it is.
    pub what: String,
    /// What it is for, and what happens without it.
    pub why: String,
    /// The command that checks it: it fails, or shows that it is not there.
    pub check: String,
}

/// What every stack needs, in the order in which it is needed.
pub fn requires(fleet: &Fleet) -> Vec<Requirement> {
    let mut found = Vec::new();
    for stack in &fleet.stacks {
        let own = fleet.files.iter().filter(|file| file.folder == stack.name);
        let objects: Vec<&Object> = own.map(|file| &file.object).collect();
        let mut needs = Needs { stack, fleet, objects, found: Vec::new() };
        needs.cluster();
        needs.names();
        needs.storage();
        needs.room();
        needs.exporter();
        needs.policies();
        needs.clients();
        let mut seen = BTreeSet::new();
        found.extend(needs.found.into_iter().filter(|one| seen.insert(one.what.clone())));
    }
    found
}

struct Needs<'a> {
    stack: &'a Stack,
    fleet: &'a Fleet,
    objects: Vec<&'a Object>,
    found: Vec<Requirement>,
}

impl Needs<'_> {
    fn values(&self) -> &Values {
        &self.stack.values
    }

    fn need(&mut self, what: impl Into<String>, why: impl Into<String>, check: impl Into<String>) {
        let stack = self.stack.name.clone();
        self.found.push(Requirement {
            stack,
            what: what.into(),
            why: why.into(),
            check: check.into(),
        });
    }

    /// Every Pod that the stack starts: the owner's name, and the Pod's spec.
    fn pods(&self) -> Vec<(String, &Node)> {
        let found = self.objects.iter().filter_map(|object| {
            let id = object.id();
            Some((id.to_string(), workload::pod_spec_in(&id, &object.node)?))
        });
        found.collect()
    }

    /// Whether the stack renders it itself.
    fn renders(&self, kind: &str, name: &str) -> bool {
        self.objects.iter().any(|object| object.kind == kind && object.name == name)
    }

    fn cluster(&mut self) {
        if self.objects.iter().any(|object| object.kind == "CronJob") {
            self.need(
                "Kubernetes 1.27 or later",
                "CronJobs have `spec.timeZone`; an older API server drops it, and the window moves to its own time zone",
                "kubectl version",
            );
        }
    }

    /// Secrets, ConfigMaps, priority classes, nodes: whatever a Pod names.
    fn names(&mut self) {
        let namespace = self.values().namespace.name.to_string();
        let mut needed: Vec<(String, String, String)> = Vec::new();
        for (owner, pod) in self.pods() {
            let mut add =
                |what: String, why: String, check: String| needed.push((what, why, check));
            for name in
                each(pod, "imagePullSecrets").filter_map(|secret| secret.get("name")?.as_str())
            {
                add(
                    format!("Secret {namespace}/{name}"),
                    format!("{owner} pulls its image with it: without it, ErrImagePull"),
                    format!("kubectl -n {namespace} get secret {name}"),
                );
            }
            if let Some(name) = pod.get("priorityClassName").and_then(Node::as_str) {
                add(
                    format!("PriorityClass {name}"),
                    format!("{owner} names it: without it, no Pod is made"),
                    format!("kubectl get priorityclass {name}"),
                );
            }
            for (key, value) in entries(pod, "nodeSelector") {
                add(
                    format!("a node labelled {key}={value}"),
                    format!("{owner} runs on no other"),
                    format!("kubectl get nodes -l '{key}={value}'"),
                );
            }
            for (kind, name) in referred(pod) {
                if !self.renders(kind, &name) {
                    add(
                        format!("{kind} {namespace}/{name}"),
                        format!("{owner} reads it: without it, its Pods wait for ever"),
                        format!("kubectl -n {namespace} get {} {name}", kind.to_lowercase()),
                    );
                }
            }
        }
        for (what, why, check) in needed {
            self.need(what, why, check);
        }
    }

    fn storage(&mut self) {
        let text = |node: &Node, path: &str| -> Option<String> {
            Some(path.parse::<Path>().ok()?.find(node)?.as_str()?.to_owned())
        };
        let mut needed: Vec<(String, String, String)> = Vec::new();
        for object in &self.objects {
            let class = text(&object.node, "spec.storageClassName");
            if let (Some(class), "PersistentVolumeClaim") = (&class, object.kind.as_str())
                && !self.renders("StorageClass", class)
            {
                let bound =
                    object.node.get("spec").and_then(|spec| spec.get("volumeName")).is_some();
                let why = match bound {
                    true => {
                        "the claim is bound by name, so the class need only be the same on both sides; quota and other tools look for it"
                    }
                    false => "the class makes the volume: without it, the claim waits for ever",
                };
                needed.push((
                    format!("StorageClass {class}"),
                    why.to_owned(),
                    format!("kubectl get storageclass {class}"),
                ));
            }
            let Some(driver) = text(&object.node, "spec.csi.driver") else { continue };
            needed.push((
                format!("CSI driver {driver}"),
                format!(
                    "{} is mounted by it: without it, Pods hang in ContainerCreating",
                    object.id()
                ),
                format!("kubectl get csidriver {driver}"),
            ));
            let attribute =
                |key: &str| text(&object.node, &format!("spec.csi.volumeAttributes.{key}"));
            if let (Some(server), Some(share)) = (attribute("server"), attribute("share")) {
                needed.push((
                    format!("the directory {share} on the NFS server {server}"),
                    "nothing makes it: without it, the first Pod hangs in ContainerCreating"
                        .to_owned(),
                    nfs_check(&server, &share),
                ));
            }
        }
        for (what, why, check) in needed {
            self.need(what, why, check);
        }
    }

    /// Room in quotas and on nodes.
    fn room(&mut self) {
        let namespace = self.values().namespace.name.to_string();
        let amounts = |pod: &Node| {
            let mut found = Vec::new();
            for container in each(pod, "containers") {
                for side in ["requests", "limits"] {
                    let resources = container.get("resources");
                    let map = resources
                        .and_then(|resources| resources.get(side))
                        .and_then(Node::as_mapping);
                    for (name, entry) in map.into_iter().flatten() {
                        // A quota counts extended resources by their requests, which equal the limits.
                        // https://kubernetes.io/docs/concepts/policy/resource-quotas/#resource-quota-for-extended-resources
                        let side = if name.contains('/') { "requests" } else { side };
                        if let Some(amount) = entry.node.as_str() {
                            found.push(format!("{side}.{name} {amount}"));
                        }
                    }
                }
            }
            found.join(", ")
        };
        let pods: Vec<String> =
            self.pods().iter().map(|(owner, pod)| format!("{owner}: {}", amounts(pod))).collect();
        if !pods.is_empty() {
            self.need(
                format!("room in the quotas of {namespace}"),
                format!("a Pod that does not fit is never made, and only the Job's or ReplicaSet's events say so. {}", pods.join("; ")),
                format!("kubectl -n {namespace} describe resourcequota,limitrange"),
            );
        }
        let extended: BTreeSet<String> = self
            .pods()
            .iter()
            .flat_map(|(_, pod)| each(pod, "containers").collect::<Vec<_>>())
            .filter_map(|container| container.get("resources")?.get("limits")?.as_mapping())
            .flat_map(|limits| limits.keys().filter(|name| name.contains('/')).cloned())
            .collect();
        for name in extended {
            let column = name.replace('.', "\\.");
            self.need(
                format!("a node that offers {name}"),
                "a Pod that asks for it runs nowhere else",
                format!("kubectl get nodes -o custom-columns='NODE:.metadata.name,OFFERED:.status.allocatable.{column}'"),
            );
        }
    }

    fn exporter(&mut self) {
        let (url, metric) =
            (self.values().gate.metrics_url.to_string(), self.values().gate.metric.clone());
        let check = match service_of(&url) {
            Some((namespace, service, port, path)) => format!(
                "kubectl get --raw '/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}' | grep -m1 '^{metric}{{'"
            ),
            None => format!(
                "kubectl -n default run page-check --rm -i --restart=Never --image=curlimages/curl --command -- curl -sf '{url}' | grep -m1 '^{metric}{{'"
            ),
        };
        self.need(
            format!("the metric {metric} at {url}"),
            "the gate decides by it: without it the server never starts, and a running one yields",
            check,
        );
    }

    fn policies(&mut self) {
        let mode = self.values().kyverno.mode;
        let keel = self
            .values()
            .gitops
            .as_ref()
            .is_some_and(|settings: &GitOps| settings.images == ImageOwner::Keel);
        let edited = self.fleet.files.iter().any(|file| file.folder == POLICIES);
        if mode != KyvernoMode::None {
            self.need(
                "Kyverno, 1.19 at most for a ClusterPolicy",
                "1.20 plans to refuse new and changed ClusterPolicies and to run none (kyverno #17483): a MutatingPolicy follows",
                "kubectl -n kyverno get deployments -o custom-columns='NAME:.metadata.name,IMAGE:.spec.template.spec.containers[0].image'",
            );
        }
        if mode == KyvernoMode::Edit && edited {
            let folder = self.fleet.files.iter().filter(|file| file.folder == POLICIES);
            let named: Vec<(String, String)> = folder
                .map(|file| {
                    (
                        file.object.id().to_string(),
                        format!(
                            "kubectl get {} {} -o yaml",
                            file.object.kind.to_lowercase(),
                            file.object.name
                        ),
                    )
                })
                .collect();
            for (policy, check) in named {
                self.need(
                    format!("{policy} applied by its owner"),
                    "until it excludes the namespace, Pods get the priority that it sets",
                    check,
                );
            }
        }
        if mode == KyvernoMode::Exception {
            self.need(
                "Kyverno's PolicyExceptions switched on",
                "they are off by default, and an exception that is not heeded says nothing",
                "kubectl -n kyverno get deployment kyverno-admission-controller -o yaml | grep -A1 -e enablePolicyException -e exceptionNamespace",
            );
        }
        if keel {
            self.need(
                "Keel",
                "`gitops.images: keel` leaves the images to it: without it, they stay at what the first sync brought",
                "kubectl get deployments -A -l app=keel",
            );
        }
    }

    fn clients(&mut self) {
        let clients = self.values().clients.clone();
        for client in clients {
            let (namespace, name) = (&client.namespace, &client.name);
            let config_map =
                client.config_map.as_ref().map(ToString::to_string).unwrap_or_default();
            self.need(
                format!("Deployment {namespace}/{name} that reads ConfigMap {config_map}"),
                format!("its owner applies the patch that `tts-render gitops client {name}` prints"),
                format!(
                    "kubectl -n {namespace} get deployment {name} -o jsonpath='{{.spec.template.spec.containers[*].envFrom}}' | grep {config_map}"
                ),
            );
        }
    }
}

/// The items of a list under a key.
fn each<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = &'n Node> {
    node.get(key).and_then(Node::as_sequence).into_iter().flatten()
}

/// The strings of a map under a key.
fn entries<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = (&'n str, &'n str)> {
    let map = node.get(key).and_then(Node::as_mapping).into_iter().flatten();
    map.filter_map(|(key, entry)| Some((key.as_str(), entry.node.as_str()?)))
}

/// Secrets and ConfigMaps that a Pod can't start without.
fn referred(pod: &Node) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut add = |kind, source: Option<&Node>, key: &str| {
        let optional = source
            .and_then(|source| source.get("optional"))
            .is_some_and(|node| node.value == yaml_spans::Value::Bool(true));
        if let (Some(name), false) = (source.and_then(|source| source.get(key)?.as_str()), optional)
        {
            found.push((kind, name.to_owned()));
        }
    };
    for container in each(pod, "initContainers").chain(each(pod, "containers")) {
        for variable in each(container, "env") {
            let from = variable.get("valueFrom");
            add("Secret", from.and_then(|from| from.get("secretKeyRef")), "name");
            add("ConfigMap", from.and_then(|from| from.get("configMapKeyRef")), "name");
        }
        for from in each(container, "envFrom") {
            add("Secret", from.get("secretRef"), "name");
            add("ConfigMap", from.get("configMapRef"), "name");
        }
    }
    for volume in each(pod, "volumes") {
        add("Secret", volume.get("secret"), "secretName");
        add("ConfigMap", volume.get("configMap"), "name");
        add("PersistentVolumeClaim", volume.get("persistentVolumeClaim"), "claimName");
    }
    found
}

/// A Service that a URL of the cluster's names: namespace, name, port, path.
fn service_of(url: &str) -> Option<(String, String, String, String)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, "/".to_owned()),
    };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let mut parts = host.split('.');
    let (service, namespace) = (parts.next()?, parts.next()?);
    let of_cluster =
        matches!(parts.collect::<Vec<_>>().as_slice(), [] | ["svc"] | ["svc", "cluster", "local"]);
    of_cluster.then(|| (namespace.to_owned(), service.to_owned(), port.to_owned(), path))
}

/// A Pod that mounts the directory itself, and looks.
fn nfs_check(server: &str, share: &str) -> String {
    let overrides = serde_json::json!({"spec": {
        "containers": [{
            "name": "nfs-check", "image": "busybox:1.37", "command": ["ls", "-ld", "/share"],
            "volumeMounts": [{"name": "share", "mountPath": "/share", "readOnly": true}],
        }],
        "volumes": [{"name": "share", "nfs": {"server": server, "path": share, "readOnly": true}}],
    }});
    format!(
        "kubectl -n default run nfs-check --rm -i --restart=Never --image=busybox:1.37 --overrides='{overrides}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_read_off_its_url() {
        let found = |url: &str| {
            service_of(url).map(|(namespace, service, port, path)| {
                format!("{namespace}/{service}:{port}{path}")
            })
        };
        let expected = |text: &str| Some(text.to_owned());
        assert_eq!(
            found("http://exporter.nvidia.svc.cluster.local:8080/metrics"),
            expected("nvidia/exporter:8080/metrics")
        );
        assert_eq!(found("http://exporter.nvidia.svc"), expected("nvidia/exporter:80/"));
        assert_eq!(found("http://exporter.nvidia"), expected("nvidia/exporter:80/"));
        assert_eq!(found("http://exporter.example.org/metrics"), None);
        assert_eq!(found("https://exporter.nvidia.svc/metrics"), None);
    }
}
