//! The parts of changes that no rule judges.
//!
//! [`COVERAGE`] lists, by kind and field, the rules that judge a change, whether they find something or
//! not, or the reason why a change needs no rule. Every other change is reported as not judged: a
//! report without findings must not be taken for a change without effects.

use std::collections::BTreeSet;

use super::pods::rule_of_leaf;
use super::{
    Rule, RuleContext, claims, gate_jobs, gate_pods, gate_settings, images, immutable, permissions,
    pods, policies, probes, pruned, reach, rollout, schedules, storage, strategy,
};
use crate::diff::fields::{Difference, FieldChange};
use crate::diff::objects::{ChangeKind, ObjectChange};
use crate::model::gate_jobs::GateJob;
use crate::model::workload::{rolls_on, template_path};
use kube_validate::ObjectId;
use yaml_spans::{Node, Path, Segment, Value};

/// The parts of an object's change that no rule judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJudged {
    /// The object.
    pub object: ObjectId,
    /// Its file in the head.
    pub file: Option<String>,
    /// The fields, as a person finds them; of a new object, its parts.
    pub fields: Vec<String>,
}

/// The objects that a row is about, and what its path starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// Objects of any kind.
    Any,
    /// Objects of a kind: its group and name.
    Kind(&'static str, &'static str),
    /// Objects of a group.
    Group(&'static str),
    /// Kinds that make Pods; the path starts at the object.
    Workload,
    /// Kinds that make Pods; the path starts at the Pods' template.
    Template,
    /// Kinds that replace their Pods when the template changes; the path starts at the template.
    RollingTemplate,
    /// CronJobs that run the gate.
    GateJob,
}

/// The changes that a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// New and changed objects.
    Present,
    /// New objects.
    Added,
    /// Changed objects.
    Modified,
    /// Removed objects.
    Removed,
}

#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "it explains the row, and a test checks it"))]
enum Verdict {
    /// These rules judge it.
    Judged(&'static [&'static Rule]),
    /// It has no effect that a rule could report, for this reason.
    Harmless(&'static str),
}

struct Row {
    subject: Subject,
    when: When,
    /// The keys that a change lies at or below, without list indexes. A last key that ends in `*`
    /// matches every key that starts so.
    path: &'static [&'static str],
    #[cfg_attr(not(test), expect(dead_code, reason = "it explains the row, and a test checks it"))]
    verdict: Verdict,
}

const fn row(
    subject: Subject,
    when: When,
    path: &'static [&'static str],
    rules: &'static [&'static Rule],
) -> Row {
    Row { subject, when, path, verdict: Verdict::Judged(rules) }
}

const fn harmless(
    subject: Subject,
    when: When,
    path: &'static [&'static str],
    reason: &'static str,
) -> Row {
    Row { subject, when, path, verdict: Verdict::Harmless(reason) }
}

use Subject::{Any, GateJob as Gate, Group, Kind, RollingTemplate, Template, Workload};
use When::{Added, Modified, Present, Removed};

const RBAC: &str = "rbac.authorization.k8s.io";
const RESTARTS: &[&Rule] = &[
    &rollout::RESTART,
    &rollout::RESTART_IN_WINDOW,
    &rollout::RESTART_AT_WINDOW,
    &rollout::RESTART_HELD,
];
const RESTARTS_AND_GPU: &[&Rule] = &[
    &rollout::RESTART,
    &rollout::RESTART_IN_WINDOW,
    &rollout::RESTART_AT_WINDOW,
    &rollout::RESTART_HELD,
    &gate_pods::UNGATED,
];
const RIGHTS: &[&Rule] = &[&pods::PRIVILEGE, &pods::HARDENING_LOST];
const IMAGES: &[&Rule] = &[&images::SAME_TAG, &images::UNPINNED, &images::CHANGES];
const PERMISSIONS: &[&Rule] =
    &[&permissions::PRIVILEGED, &permissions::WIDENED, &permissions::NARROWED];
const SCHEDULES: &[&Rule] = &[&schedules::MOVES, &schedules::SUSPENDED];
const GATE_JOB: &[&Rule] = &[
    &gate_pods::WEAKENED,
    &gate_pods::UP_CHANGES,
    &gate_settings::BLIND,
    &gate_settings::CHANGED,
    &gate_jobs::REFUSES,
    &gate_jobs::UNGUARDED,
    &gate_jobs::LEFT_UP,
    &gate_jobs::SUSPENDED,
];
const PROTECTION: &[&Rule] = &[&pruned::UNPROTECTED, &pruned::PROTECTED];
const POLICIES: &[&Rule] = &[&policies::COVERS, &policies::FREES];
const CONTENT: &[&Rule] =
    &[&rollout::STALE_CONFIG, &immutable::REFUSED, &reach::FOREIGN_SETTINGS, &reach::FOREIGN];
const LABEL: &str =
    "a label for people and queries; selectors and Pod templates have their own rows";
const DOCUMENTATION: &str = "documentation that nothing acts on";
const UNREAD: &str =
    "nothing reads a new one until a workload names it, which is a change of its own";
const PORT: &str = "informational: a container listens on its ports whether they are listed or not";
const GROUP: &str =
    "decides the owner of new files: no Pod Security Standard restricts a primary group";
const PROGRESS: &str = "decides only when a rollout that does not end is reported as failed";
const SCRAPE: &str = "decides only whether and where Prometheus scrapes";

/// The table.
const COVERAGE: &[Row] = &[
    row(
        Any,
        Removed,
        &[],
        &[
            &pruned::NAMESPACE,
            &pruned::DEFINITION,
            &pruned::DATA_LOST,
            &pruned::DATA_KEPT,
            &pruned::PROTECTED,
            &pruned::OWNER,
            &pruned::PRUNED,
        ],
    ),
    harmless(Any, Added, &["apiVersion"], "a part of the object's identity"),
    harmless(Any, Added, &["kind"], "a part of the object's identity"),
    harmless(Any, Added, &["metadata", "name"], "a part of the object's identity"),
    row(Any, Added, &["metadata", "namespace"], &[&reach::FOREIGN, &reach::FOREIGN_SETTINGS]),
    harmless(Any, Present, &["metadata", "labels", "app"], LABEL),
    harmless(Any, Present, &["metadata", "labels", "tier"], LABEL),
    harmless(Any, Present, &["metadata", "labels", "app.kubernetes.io/*"], LABEL),
    harmless(Any, Present, &["metadata", "annotations", "policies.kyverno.io/*"], DOCUMENTATION),
    harmless(Any, Present, &["metadata", "annotations", "description"], DOCUMENTATION),
    // Namespaces and data.
    row(Kind("", "Namespace"), Present, &["metadata", "labels"], &[&reach::NAMESPACE_LABELS]),
    row(
        Kind("", "Namespace"),
        Present,
        &["metadata", "annotations", "argocd.argoproj.io/sync-options"],
        PROTECTION,
    ),
    row(
        Kind("", "Namespace"),
        Present,
        &["metadata", "annotations", "kustomize.toolkit.fluxcd.io/prune"],
        PROTECTION,
    ),
    row(
        Kind("", "PersistentVolume"),
        Present,
        &["metadata", "annotations", "argocd.argoproj.io/sync-options"],
        PROTECTION,
    ),
    row(
        Kind("", "PersistentVolume"),
        Present,
        &["metadata", "annotations", "kustomize.toolkit.fluxcd.io/prune"],
        PROTECTION,
    ),
    row(
        Kind("", "PersistentVolumeClaim"),
        Present,
        &["metadata", "annotations", "argocd.argoproj.io/sync-options"],
        PROTECTION,
    ),
    row(
        Kind("", "PersistentVolumeClaim"),
        Present,
        &["metadata", "annotations", "kustomize.toolkit.fluxcd.io/prune"],
        PROTECTION,
    ),
    row(
        Kind("", "PersistentVolume"),
        Present,
        &["spec"],
        &[&immutable::REFUSED, &storage::RECLAIM, &reach::VOLUME, &pods::PRIVILEGE],
    ),
    row(
        Kind("", "PersistentVolumeClaim"),
        Modified,
        &["spec", "resources", "requests", "storage"],
        &[&storage::SHRINKS, &storage::GROWS],
    ),
    row(
        Kind("", "PersistentVolumeClaim"),
        Modified,
        &["spec", "volumeAttributesClassName"],
        &[&storage::CLASS],
    ),
    row(
        Kind("", "PersistentVolumeClaim"),
        Modified,
        &["spec", "accessModes"],
        &[&immutable::REFUSED],
    ),
    row(
        Kind("", "PersistentVolumeClaim"),
        Modified,
        &["spec", "storageClassName"],
        &[&immutable::REFUSED],
    ),
    row(
        Kind("", "PersistentVolumeClaim"),
        Modified,
        &["spec", "volumeName"],
        &[&immutable::REFUSED],
    ),
    row(
        Kind("", "PersistentVolumeClaim"),
        Modified,
        &["spec", "volumeMode"],
        &[&immutable::REFUSED],
    ),
    row(Kind("", "PersistentVolumeClaim"), Modified, &["spec", "selector"], &[&immutable::REFUSED]),
    harmless(
        Kind("", "PersistentVolumeClaim"),
        Added,
        &["spec"],
        "a new claim takes storage, and its data is its own",
    ),
    // Configuration.
    row(Kind("", "ConfigMap"), Modified, &["data"], CONTENT),
    row(Kind("", "ConfigMap"), Modified, &["binaryData"], CONTENT),
    row(Kind("", "ConfigMap"), Modified, &["immutable"], CONTENT),
    harmless(Kind("", "ConfigMap"), Added, &["data"], UNREAD),
    harmless(Kind("", "ConfigMap"), Added, &["binaryData"], UNREAD),
    harmless(Kind("", "ConfigMap"), Added, &["immutable"], UNREAD),
    row(Kind("", "Secret"), Modified, &["data"], CONTENT),
    row(Kind("", "Secret"), Modified, &["stringData"], CONTENT),
    row(Kind("", "Secret"), Modified, &["immutable"], CONTENT),
    row(Kind("", "Secret"), Modified, &["type"], &[&immutable::REFUSED]),
    harmless(Kind("", "Secret"), Added, &["data"], UNREAD),
    harmless(Kind("", "Secret"), Added, &["stringData"], UNREAD),
    harmless(Kind("", "Secret"), Added, &["immutable"], UNREAD),
    // Networking and admission.
    row(Kind("", "Service"), Present, &["spec"], &[&reach::SERVICE, &immutable::REFUSED]),
    harmless(Kind("", "Service"), Present, &["metadata", "annotations", "prometheus.io/*"], SCRAPE),
    row(Kind("networking.k8s.io", "Ingress"), Present, &["spec"], &[&reach::ROUTE]),
    row(Kind("gateway.networking.k8s.io", "HTTPRoute"), Present, &["spec"], &[&reach::ROUTE]),
    row(Group("admissionregistration.k8s.io"), Present, &["webhooks"], &[&reach::ADMISSION]),
    row(Group("admissionregistration.k8s.io"), Present, &["spec"], &[&reach::ADMISSION]),
    row(Kind("apiregistration.k8s.io", "APIService"), Present, &["spec"], &[&reach::ADMISSION]),
    row(Group("kyverno.io"), Present, &["spec", "rules", "match"], POLICIES),
    row(Group("kyverno.io"), Present, &["spec", "rules", "exclude"], POLICIES),
    row(Group("kyverno.io"), Present, &["spec", "rules", "name"], POLICIES),
    row(Kind("kyverno.io", "PolicyException"), Present, &["spec", "match"], POLICIES),
    row(Kind("kyverno.io", "PolicyException"), Present, &["spec", "exceptions"], POLICIES),
    // Permissions.
    row(Kind(RBAC, "Role"), Present, &["rules"], PERMISSIONS),
    row(Kind(RBAC, "ClusterRole"), Present, &["rules"], PERMISSIONS),
    row(Kind(RBAC, "RoleBinding"), Present, &["roleRef"], PERMISSIONS),
    row(Kind(RBAC, "RoleBinding"), Present, &["subjects"], PERMISSIONS),
    row(Kind(RBAC, "ClusterRoleBinding"), Present, &["roleRef"], PERMISSIONS),
    row(Kind(RBAC, "ClusterRoleBinding"), Present, &["subjects"], PERMISSIONS),
    row(
        Kind("", "ServiceAccount"),
        Present,
        &["automountServiceAccountToken"],
        &[&gate_pods::BLOCKED],
    ),
    // The gate.
    row(Gate, Present, &["spec", "schedule"], SCHEDULES),
    row(Gate, Present, &["spec", "timeZone"], SCHEDULES),
    row(Gate, Present, &["spec", "suspend"], GATE_JOB),
    harmless(Gate, Present, &["spec", "successfulJobsHistoryLimit"], "finished Jobs do nothing"),
    harmless(Gate, Present, &["spec", "failedJobsHistoryLimit"], "finished Jobs do nothing"),
    harmless(
        Gate,
        Present,
        &["spec", "jobTemplate", "spec", "ttlSecondsAfterFinished"],
        "finished Jobs do nothing",
    ),
    row(Gate, Present, &["spec"], GATE_JOB),
    row(Kind("", "ResourceQuota"), Present, &["spec"], &[&gate_pods::BLOCKED]),
    row(Kind("", "LimitRange"), Present, &["spec"], &[&gate_pods::BLOCKED]),
    row(
        Kind("networking.k8s.io", "NetworkPolicy"),
        Present,
        &["spec"],
        &[&gate_pods::BLOCKED, &reach::NETWORK],
    ),
    row(
        Kind("autoscaling", "HorizontalPodAutoscaler"),
        Present,
        &["spec", "scaleTargetRef"],
        &[&gate_pods::SECOND_OWNER],
    ),
    row(
        Kind("keda.sh", "ScaledObject"),
        Present,
        &["spec", "scaleTargetRef"],
        &[&gate_pods::SECOND_OWNER],
    ),
    // Workloads and their Pods.
    row(
        Workload,
        Added,
        &["spec"],
        &[&pods::ADDED, &pods::PRIVILEGE, &gate_pods::UNGATED, &reach::FOREIGN],
    ),
    row(
        Workload,
        Modified,
        &["spec", "replicas"],
        &[&rollout::REPLICAS, &gate_pods::UNGATED, &claims::DELETED],
    ),
    row(
        Kind("apps", "StatefulSet"),
        Modified,
        &["spec", "persistentVolumeClaimRetentionPolicy"],
        &[&claims::DELETED],
    ),
    row(Kind("apps", "Deployment"), Modified, &["spec", "selector"], &[&immutable::REFUSED]),
    row(Kind("apps", "StatefulSet"), Modified, &["spec", "selector"], &[&immutable::REFUSED]),
    row(Kind("apps", "DaemonSet"), Modified, &["spec", "selector"], &[&immutable::REFUSED]),
    row(Kind("apps", "Deployment"), Modified, &["spec", "strategy", "type"], &[&strategy::REFUSED]),
    row(Kind("batch", "CronJob"), Modified, &["spec", "schedule"], SCHEDULES),
    row(Kind("batch", "CronJob"), Modified, &["spec", "timeZone"], SCHEDULES),
    row(Kind("batch", "CronJob"), Modified, &["spec", "suspend"], SCHEDULES),
    row(RollingTemplate, Modified, &["metadata", "annotations", "checksum/*"], RESTARTS),
    harmless(Template, Modified, &["metadata", "labels", "app.kubernetes.io/*"], LABEL),
    row(Template, Modified, &["spec", "containers", "image"], IMAGES),
    row(Template, Modified, &["spec", "initContainers", "image"], IMAGES),
    row(RollingTemplate, Modified, &["spec", "containers", "env"], RESTARTS_AND_GPU),
    row(RollingTemplate, Modified, &["spec", "initContainers", "env"], RESTARTS_AND_GPU),
    row(RollingTemplate, Modified, &["spec", "containers", "envFrom"], RESTARTS),
    row(RollingTemplate, Modified, &["spec", "initContainers", "envFrom"], RESTARTS),
    row(
        Template,
        Modified,
        &["spec", "containers", "livenessProbe"],
        &[&probes::KILLS, &pods::SETTINGS],
    ),
    row(
        Template,
        Modified,
        &["spec", "containers", "resources"],
        &[&pods::SETTINGS, &gate_pods::UNGATED],
    ),
    row(Template, Modified, &["spec", "hostPID"], RIGHTS),
    row(Template, Modified, &["spec", "hostIPC"], RIGHTS),
    row(Template, Modified, &["spec", "hostNetwork"], RIGHTS),
    row(Template, Modified, &["spec", "hostUsers"], RIGHTS),
    row(Template, Modified, &["spec", "securityContext", "runAsUser"], RIGHTS),
    row(Template, Modified, &["spec", "securityContext", "runAsNonRoot"], RIGHTS),
    row(Template, Modified, &["spec", "securityContext", "seccompProfile"], RIGHTS),
    row(Template, Modified, &["spec", "securityContext", "appArmorProfile"], RIGHTS),
    row(Template, Modified, &["spec", "containers", "securityContext", "privileged"], RIGHTS),
    row(
        Template,
        Modified,
        &["spec", "containers", "securityContext", "allowPrivilegeEscalation"],
        RIGHTS,
    ),
    row(Template, Modified, &["spec", "containers", "securityContext", "capabilities"], RIGHTS),
    row(Template, Modified, &["spec", "containers", "securityContext", "procMount"], RIGHTS),
    row(
        Template,
        Modified,
        &["spec", "containers", "securityContext", "readOnlyRootFilesystem"],
        RIGHTS,
    ),
    row(Template, Modified, &["spec", "containers", "securityContext", "runAsUser"], RIGHTS),
    row(Template, Modified, &["spec", "containers", "securityContext", "runAsNonRoot"], RIGHTS),
    row(Template, Modified, &["spec", "containers", "securityContext", "seccompProfile"], RIGHTS),
    row(Template, Modified, &["spec", "containers", "securityContext", "appArmorProfile"], RIGHTS),
    row(Template, Modified, &["spec", "initContainers", "securityContext", "privileged"], RIGHTS),
    row(
        Template,
        Modified,
        &["spec", "initContainers", "securityContext", "allowPrivilegeEscalation"],
        RIGHTS,
    ),
    row(Template, Modified, &["spec", "initContainers", "securityContext", "capabilities"], RIGHTS),
    row(Template, Modified, &["spec", "initContainers", "securityContext", "procMount"], RIGHTS),
    row(
        Template,
        Modified,
        &["spec", "initContainers", "securityContext", "readOnlyRootFilesystem"],
        RIGHTS,
    ),
    row(Template, Modified, &["spec", "initContainers", "securityContext", "runAsUser"], RIGHTS),
    row(Template, Modified, &["spec", "initContainers", "securityContext", "runAsNonRoot"], RIGHTS),
    row(
        Template,
        Modified,
        &["spec", "initContainers", "securityContext", "seccompProfile"],
        RIGHTS,
    ),
    row(
        Template,
        Modified,
        &["spec", "initContainers", "securityContext", "appArmorProfile"],
        RIGHTS,
    ),
    row(Template, Modified, &["spec", "containers", "ports", "hostPort"], RIGHTS),
    harmless(Template, Modified, &["spec", "containers", "ports", "containerPort"], PORT),
    harmless(Template, Modified, &["spec", "containers", "ports", "protocol"], PORT),
    harmless(Template, Modified, &["spec", "securityContext", "runAsGroup"], GROUP),
    harmless(Template, Modified, &["spec", "containers", "securityContext", "runAsGroup"], GROUP),
    harmless(
        Template,
        Modified,
        &["spec", "initContainers", "securityContext", "runAsGroup"],
        GROUP,
    ),
    harmless(Kind("apps", "Deployment"), Modified, &["spec", "progressDeadlineSeconds"], PROGRESS),
];

/// Returns true if a leaf that a change covers satisfies a predicate on its keys, without list indexes.
pub(super) fn any_leaf(change: &FieldChange, predicate: impl Fn(&[String]) -> bool) -> bool {
    let mut found = false;
    visit_leaves(change, &mut |keys| found = found || predicate(keys));
    found
}

/// Visits each leaf that a change covers. The leaves are not collected: a new object may have very many.
fn visit_leaves(change: &FieldChange, visit: &mut impl FnMut(&[String])) {
    let mut keys = path_keys(&change.path);
    match &change.change {
        Difference::Added(node) | Difference::Removed(node) => {
            visit_node(node, &mut keys, visit);
        }
        Difference::Changed(before, after) => {
            visit_node(before, &mut keys, visit);
            visit_node(after, &mut keys, visit);
        }
        Difference::Reordered(..) => visit(&keys),
    }
}

fn visit_node(node: &Node, keys: &mut Vec<String>, visit: &mut impl FnMut(&[String])) {
    match &node.value {
        Value::Mapping(map) if !map.is_empty() => {
            for (key, entry) in map {
                keys.push(key.clone());
                visit_node(&entry.node, keys, visit);
                keys.pop();
            }
        }
        Value::Sequence(list) if !list.is_empty() => {
            list.iter().for_each(|item| visit_node(item, keys, visit));
        }
        _ => visit(keys),
    }
}

fn path_keys(path: &Path) -> Vec<String> {
    let keys = path.segments().iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key.clone()),
        Segment::Index(_) => None,
    });
    keys.collect()
}

/// A changed object, as far as the table's rows distinguish it.
struct Changed<'a> {
    change: &'a ObjectChange,
    runs_gate: bool,
    /// The keys of its Pods' template; `None` if it makes no Pods.
    template: Option<Vec<String>>,
}

impl<'a> Changed<'a> {
    fn new(change: &'a ObjectChange, context: &RuleContext<'_>) -> Self {
        let states = [context.base.get(&change.id), context.head.get(&change.id)];
        Changed {
            change,
            runs_gate: states.into_iter().flatten().any(|object| GateJob::read(object).is_some()),
            template: template_path(&change.id).map(|path| path_keys(&path)),
        }
    }

    fn is_judged(&self, leaf: &[String]) -> bool {
        COVERAGE.iter().any(|row| self.matches(row, leaf)) || self.is_reported_pod_field(leaf)
    }

    /// Returns true for a field of a changed Pod template that the rules about Pods report.
    fn is_reported_pod_field(&self, leaf: &[String]) -> bool {
        self.change.kind() == ChangeKind::Changed
            && self.below_template(leaf).is_some_and(|rest| rule_of_leaf(rest).is_some())
    }

    fn below_template<'l>(&self, leaf: &'l [String]) -> Option<&'l [String]> {
        leaf.strip_prefix(self.template.as_deref()?)
    }

    fn matches(&self, row: &Row, leaf: &[String]) -> bool {
        let id = &self.change.id;
        let kind = self.change.kind();
        let is_in_time = match row.when {
            Present => kind != ChangeKind::Removed,
            Added => kind == ChangeKind::Added,
            Modified => kind == ChangeKind::Changed,
            Removed => kind == ChangeKind::Removed,
        };
        let rest = match row.subject {
            Any => Some(leaf),
            Kind(group, name) => (id.group == group && id.kind == name).then_some(leaf),
            Group(group) => (id.group == group).then_some(leaf),
            Workload => self.template.as_ref().map(|_| leaf),
            Template => self.below_template(leaf),
            RollingTemplate => rolls_on(id).and_then(|_| self.below_template(leaf)),
            Gate => self.runs_gate.then_some(leaf),
        };
        is_in_time && rest.is_some_and(|rest| leads_to(row.path, rest))
    }
}

/// Returns true if a leaf lies at or below a row's path.
pub(super) fn leads_to(path: &[&str], leaf: &[String]) -> bool {
    leaf.len() >= path.len()
        && path.iter().zip(leaf).all(|(pattern, key)| match pattern.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => pattern == key,
        })
}

/// Finds the parts of changes that no rule judges.
pub(super) fn find_not_judged(context: &RuleContext<'_>) -> Vec<NotJudged> {
    let mut all = Vec::new();
    for change in context.changes {
        let changed = Changed::new(change, context);
        let fields: Vec<String> =
            change.fields.iter().flat_map(|field| unjudged_parts(&changed, field)).collect();
        if !fields.is_empty() {
            let (object, file) = (change.id.clone(), change.file_after.clone());
            all.push(NotJudged { object, file, fields });
        }
    }
    all
}

/// The number of keys by which the parts of a new object are named.
const PART_KEYS: usize = 2;

/// The parts of one changed field that are not judged: the field itself, or the parts below it if some
/// of them are.
fn unjudged_parts(changed: &Changed<'_>, field: &FieldChange) -> BTreeSet<String> {
    let depth = path_keys(&field.path).len() + if field.path.is_root() { PART_KEYS } else { 1 };
    let (mut parts, mut is_partly_judged) = (BTreeSet::new(), false);
    visit_leaves(field, &mut |leaf| match changed.is_judged(leaf) {
        true => is_partly_judged = true,
        false => {
            let keys = leaf.iter().take(depth);
            parts.insert(Path::of_keys(keys.cloned()).to_string());
        }
    });
    match parts.is_empty() || is_partly_judged || field.path.is_root() {
        true => parts,
        false => BTreeSet::from([field.path.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::RULES;
    use super::*;
    use crate::diff::testing::{diff, tenant};

    const NOW: &str = "2026-11-24T12:00:00Z";

    fn unjudged(before: &str, after: &str) -> Vec<String> {
        let diff = diff(before, after, NOW);
        diff.not_judged
            .iter()
            .flat_map(|one| one.fields.iter().map(move |field| format!("{} {field}", one.object)))
            .collect()
    }

    #[test]
    fn every_row_names_rules_that_have_fixtures_or_a_reason() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/diff/consequences");
        for row in COVERAGE {
            match row.verdict {
                Verdict::Judged(rules) => {
                    assert!(!rules.is_empty(), "{:?} {:?}", row.subject, row.path);
                    for rule in rules {
                        assert!(RULES.iter().any(|known| known.id == rule.id), "{}", rule.id);
                        assert!(folder.join(format!("{}.txt", rule.id)).is_file(), "{}", rule.id);
                    }
                }
                Verdict::Harmless(reason) => assert!(reason.contains(' '), "{:?}", row.path),
            }
        }
    }

    #[test]
    fn each_field_that_no_rule_judges_is_named() {
        let base = tenant();
        let head = base.replace(
            "    spec:\n      nodeSelector:\n",
            "    spec:\n      dnsPolicy: None\n      shareProcessNamespace: true\n      nodeSelector:\n",
        );
        assert_ne!(base, head);
        assert_eq!(
            unjudged(&base, &head),
            [
                "Deployment tts/chatterbox-tts spec.template.spec.dnsPolicy",
                "Deployment tts/chatterbox-tts spec.template.spec.shareProcessNamespace"
            ]
        );
        let diff = diff(&base, &head, NOW);
        assert!(diff.headline.contains(", 2 not judged · 1 of 12 objects"), "{}", diff.headline);
    }

    #[test]
    fn an_unknown_kind_is_not_judged_and_its_removal_is() {
        let object = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: a}\nspec: {b: {c: 1, d: 2}, e: 1}\n";
        let base = tenant();
        let head = format!("{base}---\n{object}");
        assert_eq!(unjudged(&base, &head), ["Widget a spec.b", "Widget a spec.e"]);
        assert_eq!(unjudged(&head, &base), [""; 0]);
    }

    #[test]
    fn a_part_of_a_subtree_may_be_judged() {
        let base = tenant();
        let head = base.replace(
            "        - name: chatterbox-tts\n          image:",
            "        - name: chatterbox-tts\n          securityContext: {privileged: false, seLinuxOptions: {type: t}}\n          image:",
        );
        assert_ne!(base, head);
        assert_eq!(
            unjudged(&base, &head),
            [
                "Deployment tts/chatterbox-tts spec.template.spec.containers.securityContext.seLinuxOptions"
            ]
        );
    }
}
