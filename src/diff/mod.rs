//! The difference between two sets of objects, and what it will do to the cluster.
//!
//! A [`Diff`] is a pure function of the objects and values of two [`Snapshot`]s, an instant, and
//! optionally a history of the GPU's memory. [`input`] loads the snapshots; [`report`] turns the diff
//! into text, markdown, HTML, JSON or workflow commands.

mod backtest;
mod consequences;
mod fields;
mod headline;
pub mod input;
mod lines;
mod merge_keys;
mod objects;
pub mod report;
mod secrets;
#[cfg(test)]
mod testing;
mod weight;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use backtest::BackTest;
pub use consequences::{Consequence, EventTime, NotJudged, RULES, Rule, Topic};
pub use fields::{Difference, FieldChange};
pub use input::SkippedFile;
pub use objects::{ChangeKind, ObjectChange};

use consequences::Judgement;

use crate::budget::{Budget, BudgetExceeded};
use crate::lint::allow_comments;
use crate::model::Severity;
use crate::model::object::Objects;
use crate::window::history::History;
use yaml_spans::Node;

/// Values files by name, each as one tree.
pub type ValuesFiles = Vec<(String, Node)>;

/// One of the two states that a diff compares.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Its objects.
    pub objects: Objects,
    /// Its values files, if they are known.
    pub values: Option<ValuesFiles>,
    /// The comments that allow findings of `lint` in the files that it is rendered from, if they are known.
    pub allows: Vec<Allow>,
    /// The files among its manifests that are not compared.
    pub skipped: Vec<SkippedFile>,
}

/// A comment in a values file, a template, a policy or an overlay that allows a finding of `lint`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allow {
    /// The file.
    pub file: String,
    /// The rule's id.
    pub rule: String,
    /// The reason.
    pub reason: String,
}

impl Allow {
    /// Reads the comments of a file.
    pub fn read_all(file: &str, text: &str) -> Vec<Self> {
        let comments = allow_comments(file, text).into_iter();
        comments.map(|(rule, reason)| Allow { file: file.to_owned(), rule, reason }).collect()
    }
}

/// The changes between two snapshots and their consequences.
#[derive(Debug, Clone)]
pub struct Diff {
    /// A summary in one line of at most [`Diff::MAX_HEADLINE_CHARS`] characters.
    pub headline: String,
    /// The instant that schedules are evaluated at.
    pub now: Timestamp,
    /// The number of objects; one that is in both snapshots counts once.
    pub total: usize,
    /// The values files that differ.
    pub values: Vec<ValuesChange>,
    /// The effects on the cluster, the worst first.
    pub consequences: Vec<Consequence>,
    /// The changes that no rule judges: their effects are unknown.
    pub not_judged: Vec<NotJudged>,
    /// Replays of the history, one for each gate that changed.
    pub backtests: Vec<BackTest>,
    /// Warnings and notes in the history file.
    pub remarks: Vec<String>,
    /// The objects that differ.
    pub objects: Vec<ObjectChange>,
    /// The files of the new state that are not compared.
    pub skipped: Vec<SkippedFile>,
}

/// A values file that differs.
#[derive(Debug, Clone)]
pub struct ValuesChange {
    /// The file.
    pub file: String,
    /// Its changed fields, the weightiest first; one field, the whole file, if the file was added or
    /// removed.
    pub fields: Vec<FieldChange>,
}

impl Diff {
    /// The longest headline in characters: a phone shows that much of a notification.
    pub const MAX_HEADLINE_CHARS: usize = 140;

    /// Compares two snapshots.
    ///
    /// # Errors
    /// Too many fields differ.
    pub fn between(
        base: &Snapshot,
        head: &Snapshot,
        now: Timestamp,
        history: Option<&History>,
        budget: &Budget,
    ) -> Result<Self, BudgetExceeded> {
        let (objects, total) = objects::compare(&base.objects, &head.objects, budget)?;
        let Judgement { consequences, not_judged } = consequences::judge(base, head, &objects, now);
        let backtests = history
            .map(|history| backtest::replay_gates(&base.objects, &head.objects, &objects, history))
            .unwrap_or_default();
        let values = match (&base.values, &head.values) {
            (Some(base), Some(head)) => compare_values(base, head),
            _ => Vec::new(),
        };
        Ok(Diff {
            headline: headline::headline(&consequences, &not_judged, objects.len(), total),
            now,
            total,
            values,
            consequences,
            not_judged,
            backtests,
            remarks: history
                .map(|history| history.remarks.iter().chain(&history.notes).cloned().collect())
                .unwrap_or_default(),
            objects,
            skipped: head.skipped.clone(),
        })
    }

    /// Returns true if no object differs, and no file that is not compared.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
            && !self.consequences.iter().any(|one| one.rule.id == consequences::SKIPPED.id)
    }

    /// The worst severity; a change that no rule judges counts as a warning.
    pub fn worst_severity(&self) -> Option<Severity> {
        let found = self.consequences.iter().map(|consequence| consequence.rule.severity);
        found.chain((!self.not_judged.is_empty()).then_some(Severity::Warning)).min()
    }

    /// The consequences of one severity.
    pub fn of_severity(&self, severity: Severity) -> impl Iterator<Item = &Consequence> {
        self.consequences.iter().filter(move |consequence| consequence.rule.severity == severity)
    }
}

/// The values files that differ, by name.
fn compare_values(base: &[(String, Node)], head: &[(String, Node)]) -> Vec<ValuesChange> {
    let before: BTreeMap<&String, &Node> = base.iter().map(|(file, node)| (file, node)).collect();
    let after: BTreeMap<&String, &Node> = head.iter().map(|(file, node)| (file, node)).collect();
    let files: BTreeSet<&String> = before.keys().chain(after.keys()).copied().collect();
    files
        .into_iter()
        .map(|file| {
            let (before, after) = (before.get(file).copied(), after.get(file).copied());
            let mut fields = fields::compare_optional(before, after, None);
            weight::sort_by_weight(&mut fields);
            ValuesChange { file: file.clone(), fields }
        })
        .filter(|change| !change.fields.is_empty())
        .collect()
}
