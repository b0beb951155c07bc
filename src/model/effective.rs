//! Pod templates as the API server holds them: with its defaults, with one spelling for equal amounts, and
//! without what equals an omitted field.
//!
//! Two templates that are equal here are equal to the API server: `metadata.generation` stays, and no
//! controller replaces a Pod. Only what is listed counts as equal; anything else is a difference.
//! Source: `pkg/apis/core/v1/defaults.go`, `+default` in `k8s.io/api/core/v1/types.go`, and
//! `equality.Semantic` in apimachinery; tests/e2e/immutable.rs compares it with a server.

use super::object::{Object, scalar_text};
use super::workload::{template, template_keys};
use kube_formats::quantity::Quantity;
use yaml_spans::{Entry, Mapping, Node, Value, mapping_with_capacity};

/// A value that the API server fills in.
#[derive(Clone, Copy)]
enum Filled {
    /// In place of an absent or empty string.
    Text(&'static str),
    /// In place of an absent number.
    Number(i64),
    /// In place of an absent number or 0.
    NonZero(i64),
    /// In place of an absent boolean.
    Flag(bool),
    /// In place of an absent map.
    EmptyMap,
}

/// A map, by its keys below the template, and a default in it. `containers` stands for every list of
/// containers, `probe` for the three probes, and `handler` for the hooks of a lifecycle.
struct DefaultRow {
    map: &'static [&'static str],
    key: &'static str,
    value: Filled,
}

const fn row(map: &'static [&'static str], key: &'static str, value: Filled) -> DefaultRow {
    DefaultRow { map, key, value }
}

use Filled::{EmptyMap, Flag, NonZero, Number, Text};

const SPEC: &[&str] = &["spec"];
const CONTAINER: &[&str] = &["spec", "containers"];
const PROBE: &[&str] = &["spec", "containers", "probe"];
const HOOK: &[&str] = &["spec", "containers", "lifecycle", "handler", "httpGet"];
const PROBED: &[&str] = &["spec", "containers", "probe", "httpGet"];
const CLAIMS: &str = "volumeClaimTemplates";
const FIELD_PATHS: [&[&str]; 3] = [
    &["spec", "containers", "env", "valueFrom", "fieldRef"],
    &["spec", "volumes", "downwardAPI", "items", "fieldRef"],
    &["spec", "volumes", "projected", "sources", "downwardAPI", "items", "fieldRef"],
];

const DEFAULTS: &[DefaultRow] = &[
    row(SPEC, "dnsPolicy", Text("ClusterFirst")),
    row(SPEC, "restartPolicy", Text("Always")),
    row(SPEC, "schedulerName", Text("default-scheduler")),
    row(SPEC, "terminationGracePeriodSeconds", Number(30)),
    row(SPEC, "securityContext", EmptyMap),
    row(CONTAINER, "terminationMessagePath", Text("/dev/termination-log")),
    row(CONTAINER, "terminationMessagePolicy", Text("File")),
    row(&["spec", "containers", "ports"], "protocol", Text("TCP")),
    row(PROBE, "timeoutSeconds", NonZero(1)),
    row(PROBE, "periodSeconds", NonZero(10)),
    row(PROBE, "successThreshold", NonZero(1)),
    row(PROBE, "failureThreshold", NonZero(3)),
    row(&["spec", "containers", "probe", "grpc"], "service", Text("")),
    row(PROBED, "path", Text("/")),
    row(PROBED, "scheme", Text("HTTP")),
    row(HOOK, "path", Text("/")),
    row(HOOK, "scheme", Text("HTTP")),
    row(FIELD_PATHS[0], "apiVersion", Text("v1")),
    row(FIELD_PATHS[1], "apiVersion", Text("v1")),
    row(FIELD_PATHS[2], "apiVersion", Text("v1")),
    row(&["spec", "volumes", "secret"], "defaultMode", Number(0o644)),
    row(&["spec", "volumes", "configMap"], "defaultMode", Number(0o644)),
    row(&["spec", "volumes", "downwardAPI"], "defaultMode", Number(0o644)),
    row(&["spec", "volumes", "projected"], "defaultMode", Number(0o644)),
    row(
        &["spec", "volumes", "projected", "sources", "serviceAccountToken"],
        "expirationSeconds",
        Number(3600),
    ),
    row(&["spec", "volumes", "hostPath"], "type", Text("")),
    row(&["spec", "volumes", "iscsi"], "iscsiInterface", Text("default")),
    row(
        &["spec", "volumes", "ephemeral", "volumeClaimTemplate", "spec"],
        "volumeMode",
        Text("Filesystem"),
    ),
    row(&[CLAIMS, "spec"], "volumeMode", Text("Filesystem")),
];

/// The defaults that a Pod has and a template has not (`SetDefaults_Pod`).
const POD_DEFAULTS: &[DefaultRow] = &[row(SPEC, "enableServiceLinks", Flag(true))];

/// Maps, and keys in them whose empty string, 0 or `false` equals an omitted field: their types in Go are
/// not pointers.
const ZEROS: &[(&[&str], &[&str])] = &[
    (
        SPEC,
        &[
            "hostNetwork",
            "hostPID",
            "hostIPC",
            "hostname",
            "subdomain",
            "nodeName",
            "priorityClassName",
            "serviceAccountName",
        ],
    ),
    (CONTAINER, &["stdin", "stdinOnce", "tty", "workingDir"]),
    (&["spec", "containers", "env"], &["value"]),
    (&["spec", "containers", "ports"], &["hostPort", "hostIP", "name"]),
    (&["spec", "containers", "volumeMounts"], &["readOnly", "subPath", "subPathExpr"]),
    (PROBE, &["initialDelaySeconds"]),
    (PROBED, &["host"]),
    (&["spec", "tolerations"], &["key", "operator", "value", "effect"]),
    (&["spec", "volumes", "emptyDir"], &["medium"]),
    (&["spec", "volumes", "persistentVolumeClaim"], &["readOnly"]),
    (&["spec", "volumes", "nfs"], &["readOnly"]),
];

/// Maps that are equal to an omitted field if they are empty: Go maps, and structs that are not pointers.
const MAPS: &[&[&str]] = &[
    &["metadata"],
    &["metadata", "labels"],
    &["metadata", "annotations"],
    &["spec", "nodeSelector"],
    &["spec", "containers", "resources"],
    &["spec", "containers", "resources", "limits"],
    &["spec", "containers", "resources", "requests"],
];

/// Maps whose values are quantities.
const QUANTITY_MAPS: &[&[&str]] = &[
    &["spec", "containers", "resources", "limits"],
    &["spec", "containers", "resources", "requests"],
    &["spec", "resources", "limits"],
    &["spec", "resources", "requests"],
    &[CLAIMS, "spec", "resources", "limits"],
    &[CLAIMS, "spec", "resources", "requests"],
];

/// Single quantities.
const QUANTITIES: &[&[&str]] = &[&["spec", "volumes", "emptyDir", "sizeLimit"]];

/// Returns true if the API server treats the Pod templates of two objects as equal.
pub(crate) fn equal_templates(one: &Object, other: &Object) -> bool {
    match (effective_template(one), effective_template(other)) {
        (Some(one), Some(other)) => one == other,
        _ => template(one) == template(other),
    }
}

/// An object of Kubernetes' own kinds with its Pod template as the API server holds it; `None` for other
/// objects.
pub(crate) fn effective_object(object: &Object) -> Option<Node> {
    let effective = effective_template(object)?;
    let mut whole = Node::clone(&object.node);
    *node_at_mut(&mut whole, template_keys(&object.id)?)? = effective;
    // The claims of a StatefulSet are compared in the same way.
    if let Some(claims) = node_at_mut(&mut whole, &["spec", CLAIMS]) {
        *claims = Walk { pod_defaults: &[], is_pod: false }.node(claims, &mut vec![CLAIMS]);
    }
    Some(whole)
}

fn node_at_mut<'a>(node: &'a mut Node, keys: &[&str]) -> Option<&'a mut Node> {
    keys.iter().try_fold(node, |node, key| match &mut node.value {
        Value::Mapping(map) => map.get_mut(*key).map(|entry| &mut entry.node),
        _ => None,
    })
}

/// The Pod template of an object of Kubernetes' own kinds, as the API server holds it.
fn effective_template(object: &Object) -> Option<Node> {
    if !matches!(object.id.group.as_str(), "" | "apps" | "batch") {
        return None;
    }
    let is_pod = object.is_kind("", "Pod");
    let walk = Walk { pod_defaults: if is_pod { POD_DEFAULTS } else { &[] }, is_pod };
    Some(walk.node(template(object)?, &mut Vec::new()))
}

struct Walk {
    pod_defaults: &'static [DefaultRow],
    is_pod: bool,
}

impl Walk {
    fn node<'a>(&self, node: &'a Node, path: &mut Vec<&'a str>) -> Node {
        let value = match &node.value {
            Value::Mapping(map) => Value::Mapping(self.map(map, path)),
            Value::Sequence(items) => {
                Value::Sequence(items.iter().map(|item| self.node(item, path)).collect())
            }
            _ if is_quantity(path) => match Quantity::parse(&scalar_text(node)) {
                Some(quantity) => Value::String(quantity.canonical()),
                None => node.value.clone(),
            },
            value => value.clone(),
        };
        Node { span: node.span, value }
    }

    fn map<'a>(&self, map: &'a Mapping, path: &mut Vec<&'a str>) -> Mapping {
        let mut effective = mapping_with_capacity(map.len());
        for (key, entry) in map {
            path.push(shared_name(key));
            let node = self.node(&entry.node, path);
            if !is_empty(&node, path) {
                effective.insert(key.clone(), Entry { key_span: entry.key_span, node });
            }
            path.pop();
        }
        self.fill(&mut effective, path);
        effective
    }

    /// Fills in the defaults of a map.
    fn fill(&self, map: &mut Mapping, path: &[&str]) {
        if path == SPEC {
            alias_service_account(map);
        }
        // The type of a claim in a list of claims is implied.
        if path == [CLAIMS] {
            map.retain(|key, _| !matches!(key.as_str(), "apiVersion" | "kind"));
        }
        for row in DEFAULTS.iter().chain(self.pod_defaults).filter(|row| row.map == path) {
            let is_missing = match (map.get(row.key).map(|entry| &entry.node.value), row.value) {
                (None, _) => true,
                (Some(Value::String(text)), Text(_)) => text.is_empty(),
                (Some(Value::Int(0)), NonZero(_)) => true,
                _ => false,
            };
            if is_missing {
                set(map, row.key, row.value.into_value());
            }
        }
        if path == CONTAINER && !map.contains_key("imagePullPolicy") {
            let policy = pull_policy(map.get("image").and_then(|entry| entry.node.as_str()));
            set(map, "imagePullPolicy", Value::String(policy.to_owned()));
        }
        if self.is_pod && path == ["spec", "containers", "resources"] {
            default_requests(map);
        }
        // A volume without a source is an empty directory.
        if path == ["spec", "volumes"] && map.len() == 1 && map.contains_key("name") {
            set(map, "emptyDir", Value::Mapping(Mapping::default()));
        }
    }
}

impl Filled {
    fn into_value(self) -> Value {
        match self {
            Text(text) => Value::String(text.to_owned()),
            Number(number) | NonZero(number) => Value::Int(number),
            Flag(flag) => Value::Bool(flag),
            EmptyMap => Value::Mapping(Mapping::default()),
        }
    }
}

/// The name in the tables for a key.
fn shared_name(key: &str) -> &str {
    match key {
        "initContainers" | "ephemeralContainers" => "containers",
        "livenessProbe" | "readinessProbe" | "startupProbe" => "probe",
        "postStart" | "preStop" => "handler",
        key => key,
    }
}

fn is_quantity(path: &[&str]) -> bool {
    QUANTITIES.contains(&path)
        || path.split_last().is_some_and(|(_, map)| QUANTITY_MAPS.contains(&map))
}

/// Returns true for a value that equals an omitted field.
fn is_empty(node: &Node, path: &[&str]) -> bool {
    let is_zero_field = || {
        path.split_last().is_some_and(|(key, map)| {
            ZEROS.iter().any(|(zeros, keys)| *zeros == map && keys.contains(key))
        })
    };
    match &node.value {
        Value::Null => true,
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(map) => map.is_empty() && MAPS.contains(&path),
        Value::String(text) => text.is_empty() && is_zero_field(),
        Value::Bool(false) | Value::Int(0) => is_zero_field(),
        _ => false,
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`, which wins; the API server keeps both.
fn alias_service_account(map: &mut Mapping) {
    let name = ["serviceAccountName", "serviceAccount"]
        .iter()
        .find_map(|key| Some(map.get(*key)?.node.value.clone()));
    if let Some(name) = name {
        set(map, "serviceAccountName", name.clone());
        set(map, "serviceAccount", name);
    }
}

/// A Pod requests what it is limited to, if it says nothing else.
fn default_requests(resources: &mut Mapping) {
    let maps = |key: &str| resources.get(key).and_then(|entry| entry.node.as_mapping()).cloned();
    let Some(limits) = maps("limits") else { return };
    let mut requests = maps("requests").unwrap_or_default();
    for (name, limit) in limits {
        requests.entry(name).or_insert(limit);
    }
    set(resources, "requests", Value::Mapping(requests));
}

/// The default of `imagePullPolicy`: `Always` for the tag `latest`, which an image without a tag and a
/// digest has.
fn pull_policy(image: Option<&str>) -> &'static str {
    let (name, digest) = match image.unwrap_or_default().split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image.unwrap_or_default(), None),
    };
    let last = name.rsplit('/').next().unwrap_or(name);
    match (last.split_once(':'), digest) {
        (Some((_, "latest")), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

fn set(map: &mut Mapping, key: &str, value: Value) {
    map.insert(key.to_owned(), Entry { key_span: None, node: Node::new(value) });
}
