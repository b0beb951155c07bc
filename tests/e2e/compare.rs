//! What an object of the server's holds, against what was sent.

use serde_json::Value;

/// Metadata that the server keeps of every object, by itself.
const OWN: [&str; 5] =
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"];

/// An object without what the server keeps of every one.
pub fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|key, _| !OWN.contains(&key.as_str()));
    }
    object
}

/// Where an object does not hold a value as it was sent: `path: sent -> held`. Maps may hold more, lists
/// may not.
pub fn changed(sent: &Value, held: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", Some(sent), Some(held), &mut |path, sent, held| {
        if let Some(sent) = sent {
            let held = held.map_or("nothing".to_owned(), Value::to_string);
            found.push(format!("{path}: {sent} -> {held}"));
        }
    });
    found
}

/// What an object holds more than was sent: `path: held`.
pub fn added(sent: &Value, held: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", Some(sent), Some(&bare(held)), &mut |path, sent, held| {
        if let (None, Some(held)) = (sent, held) {
            found.push(format!("{path}: {held}"));
        }
    });
    found
}

/// In what two objects of the server's differ, less what it keeps of each: `path: one -> other`.
pub fn differences(one: &Value, other: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", Some(&bare(one)), Some(&bare(other)), &mut |path, one, other| {
        let text = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
        found.push(format!("{path}: {} -> {}", text(one), text(other)));
    });
    found
}

/// What is told of a place where two trees are not the same: its path, and what stands there.
type Tell<'a> = dyn FnMut(&str, Option<&Value>, Option<&Value>) + 'a;

/// Goes through two trees side by side, and tells of each place where they are not the same.
fn walk(path: &str, one: Option<&Value>, other: Option<&Value>, tell: &mut Tell<'_>) {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let more = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(more) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, one.get(key), other.get(key), tell);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                walk(&format!("{path}[{index}]"), one.get(index), other.get(index), tell);
            }
        }
        (one, other) if one == other => {}
        (one, other) => tell(path, one, other),
    }
}
