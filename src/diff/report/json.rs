//! For machines; `docs/review.md` describes it.

use serde::Serialize;
use serde_json::Value as Json;

use crate::diff::{BackTest, Change, Consequence, FieldChange, ObjectChange, Outcome, Review};
use crate::model::Severity;
use crate::report::json::{ObjectReference, to_text};
use crate::report::plain_text;
use yaml_spans::{Node, Value};

/// The version of the form: raised when a field goes or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    headline: &'a str,
    same: bool,
    now: String,
    counts: Counts,
    values: Vec<ValuesFile<'a>>,
    consequences: Vec<Found<'a>>,
    back_tests: Vec<Tested>,
    history: &'a [String],
    objects: Vec<Changed<'a>>,
}

#[derive(Serialize)]
struct Counts {
    objects: usize,
    changed: usize,
    critical: usize,
    warning: usize,
    info: usize,
}

#[derive(Serialize)]
struct ValuesFile<'a> {
    file: &'a str,
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
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
#[serde(rename_all = "camelCase")]
struct Changed<'a> {
    change: &'a str,
    #[serde(flatten)]
    id: ObjectReference<'a>,
    file_before: Option<&'a str>,
    file_after: Option<&'a str>,
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Field<'a> {
    path: String,
    names: &'a [String],
    change: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Json>,
}

#[derive(Serialize)]
struct Tested {
    deployment: String,
    text: String,
    assumed: String,
    before: Json,
    after: Json,
}

/// The review as one JSON object, indented.
pub fn json(review: &Review) -> String {
    let count = |severity| review.of_severity(severity).count();
    let report = Report {
        version: VERSION,
        headline: &review.headline,
        same: review.is_same(),
        now: review.now.to_string(),
        counts: Counts {
            objects: review.total,
            changed: review.objects.len(),
            critical: count(Severity::Critical),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
        },
        values: review
            .values
            .iter()
            .map(|change| ValuesFile { file: &change.file, fields: fields(&change.fields) })
            .collect(),
        consequences: review.consequences.iter().map(found).collect(),
        back_tests: review.backtests.iter().map(tested).collect(),
        history: &review.remarks,
        objects: review.objects.iter().map(changed).collect(),
    };
    to_text(&report)
}

fn found(found: &Consequence) -> Found<'_> {
    Found {
        id: found.rule.id,
        severity: found.rule.severity.name(),
        topic: found.rule.topic.name(),
        objects: found.objects.iter().map(ObjectReference::from).collect(),
        text: plain_text(&found.words),
        when: found.when.as_ref().map(|when| when.at.to_string()),
        source: found.rule.source,
    }
}

fn changed(change: &ObjectChange) -> Changed<'_> {
    Changed {
        change: change.fate().name(),
        id: ObjectReference::from(&change.id),
        file_before: change.file_before.as_deref(),
        file_after: change.file_after.as_deref(),
        fields: fields(&change.fields),
    }
}

fn fields<'a>(fields: &'a [FieldChange]) -> Vec<Field<'a>> {
    let field = |field: &'a FieldChange| {
        let FieldChange { path, names, change } = field;
        let (word, before, after) = match change {
            Change::Added(node) => ("added", None, Some(data(node))),
            Change::Removed(node) => ("removed", Some(data(node)), None),
            Change::Changed(before, after) => ("changed", Some(data(before)), Some(data(after))),
            Change::Reordered(before, after) => {
                ("reordered", Some(Json::from(before.clone())), Some(Json::from(after.clone())))
            }
        };
        Field { path: path.to_string(), names, change: word, before, after }
    };
    fields.iter().map(field).collect()
}

fn tested(test: &BackTest) -> Tested {
    let side = |outcome: &Result<Outcome, _>| match outcome {
        Ok(outcome) => serde_json::json!({
            "nights": outcome.nights,
            "admitted": outcome.admitted,
            "yields": outcome.yields,
            "unread": outcome.unread,
            "seconds": outcome.seconds,
        }),
        Err(error) => {
            let error: &crate::diff::ReplayError = error;
            serde_json::json!({ "error": error.to_string() })
        }
    };
    Tested {
        deployment: test.target.to_string(),
        text: plain_text(&test.words),
        assumed: test.assumed.clone(),
        before: side(&test.before),
        after: side(&test.after),
    }
}

/// A tree as JSON.
fn data(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::String(text) => Json::from(text.as_str()),
        Value::Sequence(items) => items.iter().map(data).collect(),
        Value::Mapping(map) => {
            let entries = map.iter().map(|(key, entry)| (key.clone(), data(&entry.node)));
            Json::Object(entries.collect())
        }
    }
}
