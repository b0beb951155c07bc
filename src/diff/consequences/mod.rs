//! The consequences of a diff: one table of rules, each with its source.
//!
//! A detector looks at the objects of both snapshots, their changes and the time, and returns the
//! findings of one or several rules. Findings with the same message become one consequence.

mod allowed_changes;
mod allows;
mod claims;
mod coverage;
mod definitions;
mod effective;
mod gate_jobs;
mod gate_pods;
mod gate_settings;
mod images;
mod immutable;
mod permissions;
mod pods;
mod policies;
mod probes;
mod pruned;
mod reach;
mod refusals;
mod rollout;
mod schedules;
mod skipped;
mod storage;
mod strategy;
#[cfg(test)]
mod tests;
mod validity;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use coverage::NotJudged;
pub(super) use gate_settings::format_setting;
pub(super) use skipped::SKIPPED;

use super::objects::ObjectChange;
use super::{Allow, SkippedFile, Snapshot};
use crate::model::Message;
use crate::model::Severity;
use crate::model::gate_jobs::{Gate, find_gates};
use crate::model::object::{Object, Objects};
use kube_validate::ObjectId;

/// The subject of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // The words are their own description.
pub enum Topic {
    Restart,
    Refusal,
    Data,
    Pruning,
    Permissions,
    Schedule,
    Gpu,
    Policy,
    Image,
    Gate,
    Probe,
    Pod,
    Reach,
    Lint,
}

impl Topic {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Restart => "restart",
            Topic::Refusal => "refusal",
            Topic::Data => "data",
            Topic::Pruning => "pruning",
            Topic::Permissions => "permissions",
            Topic::Schedule => "schedule",
            Topic::Gpu => "gpu",
            Topic::Policy => "policy",
            Topic::Image => "image",
            Topic::Gate => "gate",
            Topic::Probe => "probe",
            Topic::Pod => "pod",
            Topic::Reach => "reach",
            Topic::Lint => "lint",
        }
    }
}

/// One kind of consequence.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// Its subject.
    pub topic: Topic,
    /// The effect on the cluster, as a sentence without a full stop.
    pub summary: &'static str,
    /// The documentation or source code that the effect follows from.
    pub source: &'static str,
}

/// All rules, in the order in which consequences of one severity are reported.
pub const RULES: &[&Rule] = &[
    &immutable::REFUSED,
    &validity::INVALID,
    &strategy::REFUSED,
    &storage::SHRINKS,
    &storage::GROWS,
    &storage::CLASS,
    &pruned::NAMESPACE,
    &pruned::DEFINITION,
    &pruned::DATA_LOST,
    &claims::DELETED,
    &pruned::DATA_KEPT,
    &pruned::PROTECTED,
    &pruned::UNPROTECTED,
    &pruned::OWNER,
    &pruned::PRUNED,
    &storage::RECLAIM,
    &gate_jobs::REFUSES,
    &gate_jobs::UNGUARDED,
    &gate_jobs::LEFT_UP,
    &gate_jobs::SUSPENDED,
    &gate_pods::WEAKENED,
    &gate_pods::BLOCKED,
    &gate_pods::SECOND_OWNER,
    &gate_pods::UNGATED,
    &gate_jobs::MODE,
    &gate_jobs::DEMAND,
    &gate_pods::UP_CHANGES,
    &gate_settings::BLIND,
    &gate_settings::CHANGED,
    &probes::KILLS,
    &permissions::PRIVILEGED,
    &permissions::WIDENED,
    &permissions::NARROWED,
    &pods::PRIVILEGE,
    &reach::FOREIGN,
    &reach::ADMISSION,
    &pods::ADDED,
    &pods::IDENTITY,
    &pods::CODE,
    &pods::HARDENING_LOST,
    &reach::NAMESPACE_LABELS,
    &reach::SERVICE,
    &reach::ROUTE,
    &reach::NETWORK,
    &definitions::UNSERVED,
    &skipped::SKIPPED,
    &allows::ALLOWED,
    &pods::PLACEMENT,
    &pods::VOLUMES,
    &rollout::RESTART,
    &rollout::RESTART_IN_WINDOW,
    &rollout::RESTART_AT_WINDOW,
    &rollout::RESTART_HELD,
    &rollout::STALE_CONFIG,
    &rollout::REPLICAS,
    &schedules::MOVES,
    &schedules::SUSPENDED,
    &policies::COVERS,
    &policies::FREES,
    &images::SAME_TAG,
    &images::UNPINNED,
    &images::CHANGES,
    &pods::SETTINGS,
    &reach::VOLUME,
    &reach::FOREIGN_SETTINGS,
];

/// A function that finds consequences.
type Detector = fn(&RuleContext<'_>) -> Vec<Finding>;

const DETECTORS: &[Detector] = &[
    immutable::refused_changes,
    validity::invalid_objects,
    strategy::refused_strategies,
    storage::claim_sizes,
    storage::attributes_classes,
    storage::reclaim_policies,
    claims::deleted_claims,
    pruned::removed_objects,
    pruned::dropped_protection,
    gate_jobs::inactive_jobs,
    gate_jobs::refused_settings,
    gate_settings::changed_settings,
    probes::liveness_probes,
    permissions::changed_permissions,
    rollout::pod_restarts,
    rollout::stale_configuration,
    rollout::replica_counts,
    schedules::changed_schedules,
    schedules::suspended_jobs,
    policies::changed_policies,
    images::changed_images,
    gate_jobs::changed_mode,
    gate_jobs::changed_demand,
    gate_pods::changed_jobs,
    gate_pods::blocked_gates,
    gate_pods::ungated_workloads,
    gate_pods::second_owners,
    pods::pod_rights,
    pods::pod_changes,
    pods::added_workloads,
    reach::foreign_objects,
    reach::admission_changes,
    reach::service_changes,
    reach::route_changes,
    reach::network_policies,
    definitions::unserved_versions,
    reach::namespace_labels,
    reach::volume_changes,
    skipped::changed_files,
    allows::new_allows,
];

/// A consequence for one object, or of values or a file.
#[derive(Debug)]
struct Finding {
    rule: &'static Rule,
    /// `None` if it is about values or a file.
    object: Option<ObjectId>,
    message: Message,
    /// The time at which it happens, for the headline.
    when: Option<EventTime>,
}

/// The time at which something happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventTime {
    /// The instant.
    pub at: Timestamp,
    /// The same in the time zone of its schedule: `Wed 02:00`.
    pub text: String,
}

impl Finding {
    fn new(rule: &'static Rule, object: &ObjectId, message: Message) -> Self {
        Finding { rule, object: Some(object.clone()), message, when: None }
    }
}

/// A consequence for all objects that it has the same message for.
#[derive(Debug, Clone)]
pub struct Consequence {
    /// The rule.
    pub rule: &'static Rule,
    /// The objects; none if it is about values or a file.
    pub objects: Vec<ObjectId>,
    /// The effect on the cluster.
    pub message: Message,
    /// The time at which it happens, if that is known.
    pub when: Option<EventTime>,
}

/// The input of all detectors.
struct RuleContext<'a> {
    base: &'a Objects,
    head: &'a Objects,
    /// The changes that the API server sees.
    changes: &'a [&'a ObjectChange],
    now: Timestamp,
    gates_before: BTreeMap<ObjectId, Gate>,
    gates_after: BTreeMap<ObjectId, Gate>,
    allows_before: &'a [Allow],
    allows_after: &'a [Allow],
    skipped_before: &'a [SkippedFile],
    skipped_after: &'a [SkippedFile],
}

impl<'a> RuleContext<'a> {
    /// Each object that differs, with its old and its new state.
    fn changed(&self) -> impl Iterator<Item = ChangedObject<'a>> + '_ {
        self.changes.iter().map(|&change| ChangedObject {
            change,
            before: self.base.get(&change.id),
            after: self.head.get(&change.id),
        })
    }

    /// Each object that differs and is in both snapshots.
    fn modified(&self) -> impl Iterator<Item = (&'a ObjectChange, &'a Object, &'a Object)> + '_ {
        self.changed().filter_map(|pair| Some((pair.change, pair.before?, pair.after?)))
    }

    /// Each object that is only in the base.
    fn removed(&self) -> impl Iterator<Item = &'a Object> + '_ {
        self.changed().filter(|pair| pair.after.is_none()).filter_map(|pair| pair.before)
    }
}

/// An object that differs.
struct ChangedObject<'a> {
    change: &'a ObjectChange,
    before: Option<&'a Object>,
    after: Option<&'a Object>,
}

/// The judgement of a diff.
pub(super) struct Judgement {
    /// The consequences of the changes, the worst first.
    pub consequences: Vec<Consequence>,
    /// The changes that no rule judges.
    pub not_judged: Vec<NotJudged>,
}

/// Judges the changes by every rule.
pub(super) fn judge(
    base: &Snapshot,
    head: &Snapshot,
    changes: &[ObjectChange],
    now: Timestamp,
) -> Judgement {
    let effective = effective::changes(&base.objects, &head.objects, changes);
    let effective: Vec<&ObjectChange> = effective.iter().map(AsRef::as_ref).collect();
    let namespaces = changed_namespaces(changes);
    let context = RuleContext {
        base: &base.objects,
        head: &head.objects,
        changes: &effective,
        now,
        gates_before: find_gates(&base.objects, &namespaces),
        gates_after: find_gates(&head.objects, &namespaces),
        allows_before: &base.allows,
        allows_after: &head.allows,
        skipped_before: &base.skipped,
        skipped_after: &head.skipped,
    };
    Judgement {
        consequences: find_consequences(&context),
        not_judged: coverage::find_not_judged(&context),
    }
}

fn find_consequences(context: &RuleContext<'_>) -> Vec<Consequence> {
    let mut grouped: BTreeMap<(usize, Message, Option<EventTime>), Vec<ObjectId>> = BTreeMap::new();
    for finding in DETECTORS.iter().flat_map(|detect| detect(context)) {
        let Some(position) = RULES.iter().position(|rule| rule.id == finding.rule.id) else {
            continue;
        };
        let key = (position, finding.message, finding.when);
        grouped.entry(key).or_default().extend(finding.object);
    }
    let mut consequences: Vec<(usize, Consequence)> = grouped
        .into_iter()
        .map(|((position, message, when), mut objects)| {
            objects.sort();
            (position, Consequence { rule: RULES[position], objects, message, when })
        })
        .collect();
    consequences.sort_by(|(place, one), (other_place, other)| {
        (one.rule.severity, place, &one.objects).cmp(&(
            other.rule.severity,
            other_place,
            &other.objects,
        ))
    });
    consequences.into_iter().map(|(_, consequence)| consequence).collect()
}

/// The namespaces in which anything differs.
pub(super) fn changed_namespaces(changes: &[ObjectChange]) -> BTreeSet<&str> {
    changes.iter().filter_map(|change| change.id.namespace.as_deref()).collect()
}
