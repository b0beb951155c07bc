//! What a difference will do to the cluster: one table of rules, each with its source.
//!
//! In: the objects of both sides, what differs between them, and the time. Out: consequences, ranked.
//! A rule is one function in the file of its family; it only looks, and calls nothing beyond this
//! crate. `review` calls this module.

mod card;
mod gate;
mod images;
mod immutable;
mod permissions;
mod policies;
mod probes;
mod pruned;
mod rollout;
mod schedules;
mod storage;
mod strategy;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub(super) use card::gibibytes;

use super::objects::ObjectChange;
use crate::model::Message;
use crate::model::Severity;
use crate::model::gate_jobs::{Gate, gates};
use crate::model::object::{Object, Objects};
use kube_validate::ObjectId;

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // The words are their own description.
pub enum Topic {
    Restart,
    Refusal,
    Data,
    Pruning,
    Permissions,
    Schedule,
    Card,
    Policy,
    Image,
    Gate,
    Probe,
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
            Topic::Card => "card",
            Topic::Policy => "policy",
            Topic::Image => "image",
            Topic::Gate => "gate",
            Topic::Probe => "probe",
        }
    }
}

/// One kind of consequence.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub topic: Topic,
    /// What happens, in a sentence without an end.
    pub what: &'static str,
    /// Where it is written that this happens.
    pub source: &'static str,
    detect: fn(&Case<'_>) -> Vec<Finding>,
}

/// All rules.
pub const RULES: &[&Rule] = &[
    &immutable::REFUSED,
    &strategy::KEPT,
    &storage::SHRINKS,
    &storage::GROWS,
    &pruned::NAMESPACE,
    &pruned::DATA_LOST,
    &pruned::DATA_KEPT,
    &pruned::GUARDED,
    &pruned::UNGUARDED,
    &pruned::PRUNED,
    &storage::RECLAIM,
    &gate::REFUSES,
    &gate::UNGUARDED,
    &gate::LEFT_UP,
    &gate::AT_REST,
    &card::BLIND,
    &card::ARITHMETIC,
    &probes::KILLS,
    &permissions::PRIVILEGED,
    &permissions::WIDENED,
    &permissions::NARROWED,
    &rollout::RESTART,
    &rollout::RESTART_IN_WINDOW,
    &rollout::RESTART_AT_WINDOW,
    &rollout::STALE_CONFIG,
    &rollout::REPLICAS,
    &schedules::MOVES,
    &schedules::SUSPENDED,
    &policies::COVERS,
    &policies::FREES,
    &images::SAME_TAG,
    &images::UNPINNED,
    &images::CHANGES,
];

/// What a rule found.
#[derive(Debug)]
struct Finding {
    object: ObjectId,
    words: Message,
    /// For the first line of a report: when it happens.
    when: Option<Moment>,
}

/// When something happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// On the clock of the schedule that it comes from: `Wed 02:00`.
    pub text: String,
}

impl Finding {
    fn new(object: &ObjectId, words: Message) -> Self {
        Finding { object: object.clone(), words, when: None }
    }
}

/// A rule's finding, of all objects that it says the same of.
#[derive(Debug, Clone)]
pub struct Consequence {
    /// The rule.
    pub rule: &'static Rule,
    /// Of which objects.
    pub objects: Vec<ObjectId>,
    /// What will happen.
    pub words: Message,
    /// When, where that is known.
    pub when: Option<Moment>,
}

/// What rules look at.
struct Case<'a> {
    base: &'a Objects,
    head: &'a Objects,
    changes: &'a [ObjectChange],
    now: Timestamp,
    gates_before: BTreeMap<ObjectId, Gate>,
    gates_after: BTreeMap<ObjectId, Gate>,
}

impl<'a> Case<'a> {
    /// Each object that differs: its change, and what it was and is.
    fn changed(&self) -> impl Iterator<Item = Pair<'a>> + '_ {
        self.changes.iter().map(|change| Pair {
            change,
            before: self.base.get(&change.id),
            after: self.head.get(&change.id),
        })
    }

    /// Each object that is on both sides and differs.
    fn both(&self) -> impl Iterator<Item = (&'a ObjectChange, &'a Object, &'a Object)> + '_ {
        self.changed().filter_map(|pair| Some((pair.change, pair.before?, pair.after?)))
    }

    /// Each object that is gone.
    fn gone(&self) -> impl Iterator<Item = &'a Object> + '_ {
        self.changed().filter(|pair| pair.after.is_none()).filter_map(|pair| pair.before)
    }
}

/// An object that differs, on both sides.
struct Pair<'a> {
    change: &'a ObjectChange,
    before: Option<&'a Object>,
    after: Option<&'a Object>,
}

/// What the changes will do, the worst first.
pub(super) fn find(
    base: &Objects,
    head: &Objects,
    changes: &[ObjectChange],
    now: Timestamp,
) -> Vec<Consequence> {
    let near = |objects: &Objects| gates(objects, &namespaces(changes));
    let case = Case { base, head, changes, now, gates_before: near(base), gates_after: near(head) };
    let mut all = Vec::new();
    for rule in RULES {
        let mut grouped: BTreeMap<(Message, Option<Moment>), Vec<ObjectId>> = BTreeMap::new();
        for finding in (rule.detect)(&case) {
            grouped.entry((finding.words, finding.when)).or_default().push(finding.object);
        }
        let mut found: Vec<Consequence> = grouped
            .into_iter()
            .map(|((words, when), mut objects)| {
                objects.sort();
                Consequence { rule, objects, words, when }
            })
            .collect();
        found.sort_by(|one, other| one.objects.cmp(&other.objects));
        all.extend(found);
    }
    // Stable: within a severity the table's order stays.
    all.sort_by_key(|consequence| consequence.rule.severity);
    all
}

/// The namespaces in which anything differs.
pub(super) fn namespaces(changes: &[ObjectChange]) -> BTreeSet<&str> {
    changes.iter().filter_map(|change| change.id.namespace.as_deref()).collect()
}
