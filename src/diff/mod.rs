//! Review: what differs between two sets of objects, and what that will do to the cluster.
//!
//! In: the objects and values of both sides, the time, perhaps a history of the card. Out: a
//! [`Review`], which [`report`] makes into text, markdown, HTML, JSON or workflow commands. `cli`
//! calls it; it calls `yaml`, `objects`, `schedule` and the gate's library, and reads neither files
//! nor a clock.

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

use jiff::Timestamp;

pub use backtest::{BackTest, History, HistoryError, Outcome, ReplayError};
pub use consequences::{Consequence, Moment, RULES, Rule, Topic};
pub use fields::{Change, FieldChange};
pub use objects::{Fate, ObjectChange};

use crate::model::Severity;
use crate::model::object::Objects;
use yaml_spans::{Node, Path};

/// One side of a review.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Its objects.
    pub objects: Objects,
    /// Its values files by name, each as one tree; none where they are not known.
    pub values: Option<Vec<(String, Node)>>,
}

/// What differs, what it will do, what it would have meant.
#[derive(Debug, Clone)]
pub struct Review {
    /// All in one line of at most [`Review::LONGEST_HEADLINE`] characters.
    pub headline: String,
    /// The instant that consequences are told at.
    pub now: Timestamp,
    /// How many objects there are, those of both sides counted once.
    pub total: usize,
    /// The values files that differ.
    pub values: Vec<ValuesChange>,
    /// What the change will do, the worst first.
    pub consequences: Vec<Consequence>,
    /// What it would have meant, if there was a history.
    pub backtests: Vec<BackTest>,
    /// What the history says of itself.
    pub remarks: Vec<String>,
    /// The objects that differ.
    pub objects: Vec<ObjectChange>,
}

/// A values file that differs.
#[derive(Debug, Clone)]
pub struct ValuesChange {
    /// The file.
    pub file: String,
    /// Its leaves that differ; one field, the whole, for a file that is new or gone.
    pub fields: Vec<FieldChange>,
}

impl Review {
    /// The most characters of the headline: what a phone shows of a message.
    pub const LONGEST_HEADLINE: usize = 140;

    /// Compares two sides.
    pub fn of(base: &Side, head: &Side, now: Timestamp, history: Option<&History>) -> Self {
        let (objects, total) = objects::compare(&base.objects, &head.objects);
        let consequences = consequences::find(&base.objects, &head.objects, &objects, now);
        let backtests = history
            .map(|history| backtest::run(&base.objects, &head.objects, &objects, history))
            .unwrap_or_default();
        let values = match (&base.values, &head.values) {
            (Some(base), Some(head)) => values(base, head),
            _ => Vec::new(),
        };
        Review {
            headline: headline::headline(&consequences, objects.len(), total),
            now,
            total,
            values,
            consequences,
            backtests,
            remarks: history.map(|history| history.remarks.clone()).unwrap_or_default(),
            objects,
        }
    }

    /// Whether no object differs.
    pub fn is_same(&self) -> bool {
        self.objects.is_empty()
    }

    /// The consequences of one severity.
    pub fn of_severity(&self, severity: Severity) -> impl Iterator<Item = &Consequence> {
        self.consequences.iter().filter(move |found| found.rule.severity == severity)
    }
}

/// The values files that differ, by name.
fn values(base: &[(String, Node)], head: &[(String, Node)]) -> Vec<ValuesChange> {
    let find = |side: &[(String, Node)], name: &str| {
        side.iter().find(|(file, _)| file == name).map(|(_, node)| node.clone())
    };
    let mut files: Vec<&String> = base.iter().chain(head).map(|(file, _)| file).collect();
    files.sort();
    files.dedup();
    let changes = files.into_iter().map(|file| {
        let whole = |change| vec![FieldChange { path: Path::root(), names: Vec::new(), change }];
        let fields = match (find(base, file), find(head, file)) {
            (Some(before), Some(after)) => fields::compare(&before, &after, None),
            (None, Some(after)) => whole(Change::Added(after)),
            (Some(before), None) => whole(Change::Removed(before)),
            (None, None) => Vec::new(),
        };
        ValuesChange { file: file.clone(), fields }
    });
    changes.filter(|change| !change.fields.is_empty()).collect()
}
