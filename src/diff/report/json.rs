//! JSON for machines; `docs/diff.md` describes it.

use serde::Serialize;
use serde_json::Value as Json;

use crate::diff::{BackTest, Consequence, Diff, Difference, FieldChange, NotJudged, ObjectChange};
use crate::model::Severity;
use crate::report::json::{ObjectReference, to_text};
use crate::window::simulate::{Figures, Outcome, ReplayError};
use yaml_spans::{Node, Value};

/// The version of the format: raised when a key is removed or changes its meaning.
const VERSION: u32 = 2;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    headline: &'a str,
    same: bool,
    now: String,
    counts: Counts,
    values: Vec<ValuesFile<'a>>,
    consequences: Vec<ConsequenceEntry<'a>>,
    not_judged: Vec<NotJudgedEntry<'a>>,
    back_tests: Vec<BackTestEntry>,
    history: &'a [String],
    objects: Vec<ObjectEntry<'a>>,
    not_compared: Vec<SkippedEntry<'a>>,
}

#[derive(Serialize)]
struct SkippedEntry<'a> {
    file: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    objects: usize,
    changed: usize,
    critical: usize,
    warning: usize,
    info: usize,
    not_judged: usize,
}

#[derive(Serialize)]
struct ValuesFile<'a> {
    file: &'a str,
    fields: Vec<FieldEntry<'a>>,
}

#[derive(Serialize)]
struct ConsequenceEntry<'a> {
    id: &'a str,
    severity: &'a str,
    topic: &'a str,
    objects: Vec<ObjectReference<'a>>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    source: &'a str,
}

#[derive(Serialize)]
struct NotJudgedEntry<'a> {
    #[serde(flatten)]
    object: ObjectReference<'a>,
    paths: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectEntry<'a> {
    change: &'a str,
    #[serde(flatten)]
    id: ObjectReference<'a>,
    file_before: Option<&'a str>,
    file_after: Option<&'a str>,
    fields: Vec<FieldEntry<'a>>,
}

#[derive(Serialize)]
struct FieldEntry<'a> {
    path: String,
    names: &'a [String],
    change: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Json>,
}

#[derive(Serialize)]
struct BackTestEntry {
    deployment: String,
    text: String,
    assumed: String,
    before: Json,
    after: Json,
}

/// Formats a diff as one indented JSON object.
pub fn json(diff: &Diff) -> String {
    let count = |severity| diff.of_severity(severity).count();
    let report = Report {
        version: VERSION,
        headline: &diff.headline,
        same: diff.is_empty(),
        now: diff.now.to_string(),
        counts: Counts {
            objects: diff.total,
            changed: diff.objects.len(),
            critical: count(Severity::Critical),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
            not_judged: diff.not_judged.iter().map(|one| one.fields.len()).sum(),
        },
        values: diff
            .values
            .iter()
            .map(|change| ValuesFile { file: &change.file, fields: field_entries(&change.fields) })
            .collect(),
        consequences: diff.consequences.iter().map(consequence_entry).collect(),
        not_judged: diff.not_judged.iter().map(not_judged_entry).collect(),
        back_tests: diff.backtests.iter().map(backtest_entry).collect(),
        history: &diff.remarks,
        objects: diff.objects.iter().map(object_entry).collect(),
        not_compared: diff
            .skipped
            .iter()
            .map(|file| SkippedEntry { file: &file.path, reason: file.reason })
            .collect(),
    };
    to_text(&report)
}

fn consequence_entry(consequence: &Consequence) -> ConsequenceEntry<'_> {
    ConsequenceEntry {
        id: consequence.rule.id,
        severity: consequence.rule.severity.name(),
        topic: consequence.rule.topic.name(),
        objects: consequence.objects.iter().map(ObjectReference::from).collect(),
        text: consequence.message.to_string(),
        when: consequence.when.as_ref().map(|when| when.at.to_string()),
        source: consequence.rule.source,
    }
}

fn not_judged_entry(not_judged: &NotJudged) -> NotJudgedEntry<'_> {
    NotJudgedEntry { object: ObjectReference::from(&not_judged.object), paths: &not_judged.fields }
}

fn object_entry(change: &ObjectChange) -> ObjectEntry<'_> {
    ObjectEntry {
        change: change.kind().name(),
        id: ObjectReference::from(&change.id),
        file_before: change.file_before.as_deref(),
        file_after: change.file_after.as_deref(),
        fields: field_entries(&change.fields),
    }
}

fn field_entries(fields: &[FieldChange]) -> Vec<FieldEntry<'_>> {
    fields.iter().map(field_entry).collect()
}

fn field_entry(field: &FieldChange) -> FieldEntry<'_> {
    let FieldChange { path, names, change, .. } = field;
    let (word, before, after) = match change {
        Difference::Added(node) => ("added", None, Some(node_to_json(node))),
        Difference::Removed(node) => ("removed", Some(node_to_json(node)), None),
        Difference::Changed(before, after) => {
            ("changed", Some(node_to_json(before)), Some(node_to_json(after)))
        }
        Difference::Reordered(before, after) => {
            ("reordered", Some(Json::from(before.clone())), Some(Json::from(after.clone())))
        }
    };
    FieldEntry { path: path.to_string(), names, change: word, before, after }
}

fn backtest_entry(test: &BackTest) -> BackTestEntry {
    BackTestEntry {
        deployment: test.target.to_string(),
        text: test.message.to_string(),
        assumed: test.assumption.clone(),
        before: outcome_to_json(&test.before),
        after: outcome_to_json(&test.after),
    }
}

fn outcome_to_json(outcome: &Result<Outcome, ReplayError>) -> Json {
    match outcome {
        Ok(outcome) => serde_json::to_value(Figures::from(outcome)).unwrap_or_default(),
        Err(error) => serde_json::json!({ "error": error.to_string() }),
    }
}

fn node_to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::String(text) => Json::from(text.as_str()),
        Value::Sequence(items) => items.iter().map(node_to_json).collect(),
        Value::Mapping(map) => {
            let entries = map.iter().map(|(key, entry)| (key.clone(), node_to_json(&entry.node)));
            Json::Object(entries.collect())
        }
    }
}
