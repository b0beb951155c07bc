//! Comparison of an object on the server with the manifest that was sent.

use serde_json::Value;

/// Metadata that the server itself keeps for every object.
const SERVER_FIELDS: [&str; 5] =
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"];

/// An object without the metadata that the server keeps.
pub fn without_server_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|key, _| !SERVER_FIELDS.contains(&key.as_str()));
    }
    object
}

/// The sent values that the server changed: `path: sent -> live`. Maps may have more entries, lists may not
/// have more items.
pub fn changed(sent: &Value, live: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", Some(sent), Some(live), &mut |path, sent, live| {
        if let Some(sent) = sent {
            let live = live.map_or("nothing".to_owned(), Value::to_string);
            found.push(format!("{path}: {sent} -> {live}"));
        }
    });
    found
}

/// The values that the server added: `path: live`.
pub fn added(sent: &Value, live: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", Some(sent), Some(&without_server_fields(live)), &mut |path, sent, live| {
        if let (None, Some(live)) = (sent, live) {
            found.push(format!("{path}: {live}"));
        }
    });
    found
}

/// The differences between two live objects, without the metadata that the server keeps: `path: one -> other`.
pub fn differences(one: &Value, other: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(
        "",
        Some(&without_server_fields(one)),
        Some(&without_server_fields(other)),
        &mut |path, one, other| {
            let [one, other] =
                [one, other].map(|value| value.map_or("nothing".to_owned(), Value::to_string));
            found.push(format!("{path}: {one} -> {other}"));
        },
    );
    found
}

/// A function that is called with the path and the two values of each difference.
type Report<'a> = dyn FnMut(&str, Option<&Value>, Option<&Value>) + 'a;

/// Walks through two trees side by side, and reports each difference.
fn walk(path: &str, one: Option<&Value>, other: Option<&Value>, report: &mut Report<'_>) {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let more = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(more) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, one.get(key), other.get(key), report);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                walk(&format!("{path}[{index}]"), one.get(index), other.get(index), report);
            }
        }
        (one, other) if one == other => {}
        (one, other) => report(path, one, other),
    }
}
