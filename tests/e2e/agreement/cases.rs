//! The manifests on which the verdicts are compared.

use std::collections::HashMap;

use serde_json::{Value, json};
use yaml_spans::{Path, Segment};

use crate::common::tool::{generate, objects, repository};

/// A manifest and its name.
pub struct Case {
    pub name: String,
    pub text: String,
    /// The manifest before it was changed.
    pub whole: String,
}

impl Case {
    /// A manifest as it is, without a name.
    pub fn of(text: String) -> Self {
        Case { name: String::new(), whole: text.clone(), text }
    }
}

/// The passing fixtures of `kube-validate`, by file name.
fn passing() -> Vec<(String, String)> {
    let folder = repository().join("crates/kube-validate/tests/fixtures/pass");
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn documents(text: &str) -> Vec<&str> {
    text.split("\n---\n").collect()
}

/// Every object of the passing fixtures.
pub fn whole() -> Vec<Case> {
    let files = passing();
    files
        .iter()
        .flat_map(|(file, text)| {
            documents(text).into_iter().enumerate().map(move |(at, document)| (file, at, document))
        })
        .map(|(file, at, document)| Case {
            name: format!("{file} {at}"),
            ..Case::of(document.to_owned())
        })
        .collect()
}

/// Every mutant of `kube-validate`'s fixtures: the one document that was changed.
pub fn mutants() -> Vec<Case> {
    let files: HashMap<String, String> = passing().into_iter().collect();
    let list = include_str!("../../../crates/kube-validate/tests/fixtures/mutants.yaml");
    let [Value::Array(mutants)] = &objects(list)[..] else { panic!("one list") };
    mutants
        .iter()
        .map(|mutant| {
            let text = |key: &str| mutant[key].as_str().unwrap();
            let file = &files[text("file")];
            let changed = file.replacen(text("from"), text("to"), 1);
            let (changed, whole) = documents(&changed)
                .into_iter()
                .zip(documents(file))
                .find(|(changed, whole)| changed != whole)
                .unwrap_or_else(|| panic!("{} changes nothing", text("to")));
            let name = format!("{} {}", text("file"), Value::from(text("to")));
            Case { name, text: changed.to_owned(), whole: whole.to_owned() }
        })
        .collect()
}

/// Every change to a manifest of `rendered/`.
pub fn rendered() -> Vec<Case> {
    let list = include_str!("../fixtures/mutants.yaml");
    let [Value::Array(mutants)] = &objects(list)[..] else { panic!("one list") };
    mutants
        .iter()
        .map(|mutant| {
            let text = |key: &str| mutant[key].as_str().unwrap();
            let path = repository().join("rendered").join(text("file"));
            let whole = std::fs::read_to_string(path).unwrap();
            assert!(whole.contains(text("from")), "{mutant}");
            let name = format!("{} {}", text("file"), Value::from(text("to")));
            Case { name, text: whole.replacen(text("from"), text("to"), 1), whole }
        })
        .collect()
}

/// Every change of `verdicts.tsv`.
pub fn changes() -> Vec<Case> {
    let objects = by_name();
    include_str!("../../../crates/kube-validate/tests/fixtures/verdicts.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [_, object, path, value] = columns[..] else { panic!("{line}") };
            let value: Option<Value> =
                (value != "deleted").then(|| serde_json::from_str(value).unwrap());
            let text = with_change(&objects[object], &path.parse().unwrap(), value);
            let name = line.split_once('\t').unwrap().1.replace('\t', " ");
            Case { name, ..Case::of(text.to_string()) }
        })
        .collect()
}

/// Every field of the rendered manifests, changed to each of some values, or deleted. Of the three CronJobs,
/// only one is used.
pub fn fields() -> Vec<Case> {
    let long = "x".repeat(300);
    let values = [
        json!(null),
        json!(""),
        json!("BAD value!"),
        json!("a/b"),
        json!(long),
        json!(0),
        json!(-1),
        json!(70000),
        json!(true),
        json!([]),
        json!({}),
    ];
    let mut cases = Vec::new();
    let mut crons = 0;
    for object in objects(&generate(&[])) {
        crons += usize::from(object["kind"] == "CronJob");
        if object["kind"] == "CronJob" && crons > 1 {
            continue;
        }
        let mut paths = Vec::new();
        field_paths(&object, &Path::root(), &mut paths);
        for path in paths {
            for value in values.iter().cloned().map(Some).chain([None]) {
                let shown = match &value {
                    None => "deleted".to_owned(),
                    Some(Value::String(text)) if *text == long => "(long)".to_owned(),
                    Some(value) => value.to_string(),
                };
                let name = format!("{} {path} {shown}", object["kind"].as_str().unwrap());
                cases.push(Case {
                    name,
                    ..Case::of(with_change(&object, &path, value).to_string())
                });
            }
        }
    }
    cases
}

/// The paths of an object's fields, except its type; of environment variables, the first two.
pub fn field_paths(node: &Value, base: &Path, found: &mut Vec<Path>) {
    let more: Vec<(Path, &Value)> = match node {
        Value::Object(map) => map.iter().map(|(key, value)| (base.key(key), value)).collect(),
        Value::Array(items) => {
            let most = if base.to_string().ends_with(".env") { 2 } else { items.len() };
            let items = items.iter().enumerate().take(most);
            items.map(|(index, value)| (base.index(index), value)).collect()
        }
        _ => Vec::new(),
    };
    for (path, value) in more {
        if !["apiVersion", "kind"].contains(&path.to_string().as_str()) {
            found.push(path.clone());
            field_paths(value, &path, found);
        }
    }
}

/// The objects of the fixtures, those in lists included, by kind and name.
fn by_name() -> HashMap<String, Value> {
    fn take(object: Value, found: &mut HashMap<String, Value>) {
        if let Some(items) = object["items"].as_array() {
            return items.iter().for_each(|item| take(item.clone(), found));
        }
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().or(metadata["generateName"].as_str());
        let name = format!("{} {}", object["kind"].as_str().unwrap(), name.unwrap_or_default());
        found.insert(name, object);
    }
    let mut found = HashMap::new();
    for (_, text) in passing() {
        objects(&text).into_iter().for_each(|object| take(object, &mut found));
    }
    found
}

/// Copies an object and replaces or deletes the value at a path.
pub fn with_change(object: &Value, path: &Path, value: Option<Value>) -> Value {
    let mut object = object.clone();
    let (last, parents) = path.segments().split_last().unwrap();
    let mut node = &mut object;
    for segment in parents {
        node = match segment {
            Segment::Key(key) => &mut node[key],
            Segment::Index(index) => &mut node[*index],
        };
    }
    match (last, value) {
        (Segment::Key(key), Some(value)) => node[key] = value,
        (Segment::Index(index), Some(value)) if node.as_array().unwrap().len() == *index => {
            node.as_array_mut().unwrap().push(value);
        }
        (Segment::Index(index), Some(value)) => node[*index] = value,
        (Segment::Key(key), None) => drop(node.as_object_mut().unwrap().remove(key)),
        (Segment::Index(index), None) => drop(node.as_array_mut().unwrap().remove(*index)),
    }
    object
}
