//! Changes that reach beyond the stack: objects in namespaces that are not rendered here, admission
//! webhooks and policies, Services, Namespaces' labels and volumes.

use std::collections::BTreeSet;

use super::pods::field_list;
use super::{Finding, Rule, RuleContext, Topic};
use crate::diff::fields::{FieldChange, starts_with};
use crate::model::object::{Object, items_at, node_at};
use crate::model::{Message, Severity};

pub(super) const FOREIGN: Rule = Rule {
    id: "foreign-object",
    severity: Severity::Critical,
    topic: Topic::Reach,
    summary: "An object is new in a namespace that is not rendered here, or new or changed in a system namespace: it changes what others run, or acts with their service accounts",
    source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/; https://kubernetes.io/docs/concepts/security/rbac-good-practices/#workload-creation",
};

pub(super) const FOREIGN_SETTINGS: Rule = Rule {
    id: "foreign-settings",
    severity: Severity::Info,
    topic: Topic::Reach,
    summary: "A ConfigMap or policy exception is new or changed in another namespace: the workloads there get these settings when they next read them",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/",
};

pub(super) const ADMISSION: Rule = Rule {
    id: "admission-changes",
    severity: Severity::Critical,
    topic: Topic::Reach,
    summary: "An admission webhook, an admission policy or an aggregated API is new or changed: it can read, change or refuse every request that it matches",
    source: "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/",
};

pub(super) const SERVICE: Rule = Rule {
    id: "service-changes",
    severity: Severity::Warning,
    topic: Topic::Reach,
    summary: "A Service has other ports, another selector or another type, or is new outside the cluster's own addresses: clients reach other Pods, or none, or others reach the Pods",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/",
};

pub(super) const ROUTE: Rule = Rule {
    id: "route-changes",
    severity: Severity::Warning,
    topic: Topic::Reach,
    summary: "An Ingress or a route of the Gateway API is new or changed: requests from outside the cluster reach other Pods than before",
    source: "https://kubernetes.io/docs/concepts/services-networking/ingress/; https://gateway-api.sigs.k8s.io/api-types/httproute/",
};

pub(super) const NETWORK: Rule = Rule {
    id: "network-policy-changes",
    severity: Severity::Warning,
    topic: Topic::Reach,
    summary: "A NetworkPolicy is new or changed: connections of the Pods that it selects are allowed or refused otherwise",
    source: "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
};

pub(super) const NAMESPACE_LABELS: Rule = Rule {
    id: "namespace-labels",
    severity: Severity::Warning,
    topic: Topic::Reach,
    summary: "A Namespace's labels change: Pod Security admission, policies, quotas and injectors that select by them treat every Pod in it otherwise",
    source: "https://kubernetes.io/docs/concepts/security/pod-security-admission/#pod-security-admission-labels-for-namespaces",
};

pub(super) const VOLUME: Rule = Rule {
    id: "volume-changes",
    severity: Severity::Info,
    topic: Topic::Reach,
    summary: "A PersistentVolume is new, or its size, access modes, class, claim or mount options change: they apply to the next claim or mount",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/",
};

pub(super) fn foreign_objects(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        let (Some(after), Some(namespace)) = (pair.after, pair.change.id.namespace.as_deref())
        else {
            continue;
        };
        let is_system = is_system_namespace(namespace);
        if !is_system && is_rendered(context, namespace) {
            continue;
        }
        // A changed object was accepted there before; what changes in it has its own rules.
        let is_settings =
            after.is_kind("", "ConfigMap") || after.is_kind("kyverno.io", "PolicyException");
        if pair.before.is_some() && !is_system && !is_settings {
            continue;
        }
        let verb = if pair.before.is_none() { "It is new in " } else { "It changes in " };
        let message = Message::of(verb).code(namespace);
        findings.push(match (is_settings, is_system) {
            (true, false) => Finding::new(
                &FOREIGN_SETTINGS,
                &after.id,
                message.and(": the workloads there get its settings when they next read them"),
            ),
            (_, true) => Finding::new(
                &FOREIGN,
                &after.id,
                message.and(", a system namespace: it acts beside the cluster's own components, with their service accounts in reach"),
            ),
            _ => Finding::new(
                &FOREIGN,
                &after.id,
                message.and(", a namespace that is not rendered here: it acts beside others' workloads, with their service accounts in reach"),
            ),
        });
    }
    findings
}

/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces>
fn is_system_namespace(name: &str) -> bool {
    name == "default" || name.starts_with("kube-")
}

/// Returns true if a snapshot renders the namespace itself.
fn is_rendered(context: &RuleContext<'_>, name: &str) -> bool {
    [context.base, context.head]
        .iter()
        .any(|objects| objects.find("", "Namespace", None, name).is_some())
}

/// The kinds that see or change others' requests to the API server.
const ADMISSION_KINDS: [(&str, &str); 7] = [
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("apiregistration.k8s.io", "APIService"),
];

pub(super) fn admission_changes(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        let id = &pair.change.id;
        let is_known =
            ADMISSION_KINDS.iter().any(|(group, kind)| id.group == *group && id.kind == *kind);
        let Some(after) = pair.after.filter(|_| is_known) else { continue };
        let message = match pair.before {
            None => Message::of("It is new"),
            Some(_) => {
                let fields: Vec<&FieldChange> = pair.change.fields.iter().collect();
                Message::of("It changes: ").then(field_list(&fields))
            }
        };
        let target = items_at(&after.node, &["webhooks"]).iter().filter_map(|hook| {
            crate::model::object::node_at(hook, &["clientConfig", "url"])?.as_str()
        });
        let targets: Vec<String> = target.map(str::to_owned).collect();
        let message = match targets.is_empty() {
            true => message,
            false => message.and(" and sends requests to ").codes(targets, 3),
        };
        let effect = "; it can read, change or refuse every request that it matches";
        findings.push(Finding::new(&ADMISSION, id, message.and(effect)));
    }
    findings
}

pub(super) fn service_changes(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed().filter(|pair| is_service(pair.after)) {
        let Some(after) = pair.after else { continue };
        if pair.before.is_none() {
            if let Some(how) = exposure(after) {
                let message =
                    Message::of("It is new and open beyond the cluster's own addresses: ")
                        .code(how);
                findings.push(Finding::new(&SERVICE, &after.id, message));
            }
            continue;
        }
        let fields: Vec<&FieldChange> =
            pair.change.fields.iter().filter(|field| starts_with(&field.path, &["spec"])).collect();
        if !fields.is_empty() {
            let message =
                Message::of("Requests go elsewhere, or nowhere, as soon as this is applied: ")
                    .then(field_list(&fields));
            findings.push(Finding::new(&SERVICE, &after.id, message));
        }
    }
    findings
}

pub(super) fn route_changes(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        let Some(after) = pair.after.filter(|object| is_route(object)) else { continue };
        let fields: Vec<&FieldChange> =
            pair.change.fields.iter().filter(|field| starts_with(&field.path, &["spec"])).collect();
        let message = match pair.before {
            None => Message::of("It is new: requests from outside the cluster reach ")
                .codes(backends(after), 3),
            Some(_) if fields.is_empty() => continue,
            Some(_) => Message::of("Requests from outside the cluster are routed otherwise: ")
                .then(field_list(&fields)),
        };
        findings.push(Finding::new(&ROUTE, &after.id, message));
    }
    findings
}

pub(super) fn network_policies(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        let Some(after) =
            pair.after.filter(|object| object.is_kind("networking.k8s.io", "NetworkPolicy"))
        else {
            continue;
        };
        let fields: Vec<&FieldChange> =
            pair.change.fields.iter().filter(|field| starts_with(&field.path, &["spec"])).collect();
        let message = match pair.before {
            None => Message::of(
                "It is new: the Pods that it selects have only the connections that a policy allows",
            ),
            Some(_) if fields.is_empty() => continue,
            Some(_) => Message::of("The Pods that it selects have other connections: ")
                .then(field_list(&fields)),
        };
        findings.push(Finding::new(&NETWORK, &after.id, message));
    }
    findings
}

/// Ingresses, and the routes of the Gateway API: all of its kinds with that ending.
fn is_route(object: &Object) -> bool {
    object.is_kind("networking.k8s.io", "Ingress")
        || (object.id.group == GATEWAY_API && object.id.kind.ends_with("Route"))
}

const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// The names of the Services that a route leads to.
fn backends(route: &Object) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    names.extend(route.text_at(&["spec", "defaultBackend", "service", "name"]));
    for rule in items_at(&route.node, &["spec", "rules"]) {
        let paths = items_at(rule, &["http", "paths"]).iter();
        names.extend(
            paths.filter_map(|path| node_at(path, &["backend", "service", "name"])?.as_str()),
        );
        let references = items_at(rule, &["backendRefs"]).iter();
        names.extend(references.filter_map(|backend| backend.get("name")?.as_str()));
    }
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(*name)).map(str::to_owned).collect()
}

fn is_service(object: Option<&Object>) -> bool {
    object.is_some_and(|object| object.is_kind("", "Service"))
}

/// The field of a Service that makes it reachable from outside, or leads out of the cluster.
fn exposure(service: &Object) -> Option<String> {
    let kind = service.text_at(&["spec", "type"]).unwrap_or("ClusterIP");
    let external = items_at(&service.node, &["spec", "externalIPs"]);
    match kind {
        "ClusterIP" if external.is_empty() => None,
        "ClusterIP" => Some("externalIPs".to_owned()),
        other => Some(format!("type: {other}")),
    }
}

pub(super) fn namespace_labels(context: &RuleContext<'_>) -> Vec<Finding> {
    context
        .modified()
        .filter(|(_, before, _)| before.is_kind("", "Namespace"))
        .filter_map(|(change, ..)| {
            let fields: Vec<&FieldChange> = change
                .fields
                .iter()
                .filter(|field| starts_with(&field.path, &["metadata", "labels"]))
                .collect();
            (!fields.is_empty()).then(|| {
                let message = Message::of(
                    "Policies, quotas and injectors that select by labels treat the namespace otherwise: ",
                );
                Finding::new(&NAMESPACE_LABELS, &change.id, message.then(field_list(&fields)))
            })
        })
        .collect()
}

/// The fields of a PersistentVolume that may change.
const MUTABLE_VOLUME_FIELDS: [&str; 6] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "storageClassName",
    "volumeAttributesClassName",
];

pub(super) fn volume_changes(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        let Some(after) = pair.after.filter(|object| object.is_kind("", "PersistentVolume")) else {
            continue;
        };
        if pair.before.is_none() {
            let message =
                Message::of("It is new: the claim that binds it uses the storage behind it");
            findings.push(Finding::new(&VOLUME, &after.id, message));
            continue;
        }
        let fields: Vec<&FieldChange> = pair
            .change
            .fields
            .iter()
            .filter(|field| {
                MUTABLE_VOLUME_FIELDS.iter().any(|key| starts_with(&field.path, &["spec", key]))
            })
            .collect();
        if !fields.is_empty() {
            let message = Message::of("It applies to the next claim or mount: ");
            let message = message.then(field_list(&fields));
            findings.push(Finding::new(&VOLUME, &after.id, message));
        }
    }
    findings
}
