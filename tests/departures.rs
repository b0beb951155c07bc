//! The table of docs/departures.md, compared with what Terraform applied and with what is rendered.
//!
//! Objects become leaves: a path to a scalar. Items of a list are named by their `name`, where they have
//! one, and `{name: A, value: b}` is one leaf `[A]`. A file in a ConfigMap is read as YAML, and its text
//! has a leaf of its own that holds the SHA-256.

#![cfg(test)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::terraform::{declared_objects, script};
use common::tool::{generate, objects, repository};
use kube_formats::quantity::parse_bytes;
use oci_scratch::Digest;
use serde_json::{Value, json};

const OVERLAY: &str = "overlays/seed-parity.yaml";
const HEADER: &str = "| object | field | Terraform | here | reason | Terraform's behaviour |";
const ACTIONS: [(&str, &str); 3] = [
    ("CronJob tts/chatterbox-window-up", "up"),
    ("CronJob tts/chatterbox-vram-guard", "guard"),
    ("CronJob tts/chatterbox-window-down", "down"),
];

/// An object and a path in it.
type Place = (String, String);
/// The leaves of several objects.
type Leaves = BTreeMap<Place, Value>;
/// The places where two sets of leaves differ, with both values.
type Differences = BTreeMap<Place, (Option<Value>, Option<Value>)>;

/// A row of the table.
struct Row {
    line: String,
    /// A quotation of the script, where the script holds what is a field here.
    quotation: Option<String>,
    /// The places that the row names, with the values of both sides.
    differences: Differences,
    /// The values that bring Terraform's behaviour back: path and value.
    values: Vec<(String, String)>,
}

#[test]
fn the_table_lists_every_difference_from_terraform() {
    let (terraform, rendered) = (leaves(&declared_objects()), rendered(&[]));
    let actual = differences(&terraform, &rendered);
    let mut listed = Differences::new();
    let mut wrong = Vec::new();
    for row in rows(&terraform, &rendered) {
        if row.differences.is_empty() {
            wrong.push(format!("a row without a difference: {}", row.line));
        }
        if let Some(quotation) = row.quotation.filter(|text| !script().contains(text)) {
            wrong.push(format!("the script does not contain `{quotation}`"));
        }
        for (place, values) in row.differences {
            if listed.insert(place.clone(), values).is_some() {
                wrong.push(format!("two rows for {} {}", place.0, place.1));
            }
        }
    }
    let places: BTreeSet<&Place> = actual.keys().chain(listed.keys()).collect();
    for place in places {
        let (found, expected) = (actual.get(place), listed.get(place));
        if found != expected {
            let (object, path) = place;
            wrong.push(format!("{object} {path}: {found:?}, but the table has {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Removes the fields that the renderer computes from the Jobs' deadline and from the text of the
/// configuration: they differ from Terraform whatever those are, and have rows without a value.
fn without_followers(mut differences: Differences) -> Differences {
    let followers = [
        "env[DEADLINE]",
        "spec.terminationGracePeriodSeconds",
        "sha256 of data[\"config.yaml\"]",
        "annotations[\"checksum/config\"]",
    ];
    differences.retain(|(_, path), _| !followers.iter().any(|end| path.ends_with(end)));
    differences
}

/// The defaults that follow other values.
const DEFAULTS: [&str; 7] = [
    "offPeak.activeDeadlineSeconds=140",
    "offPeak.historyLimits.successful.up=4",
    "offPeak.historyLimits.failed.up=4",
    "offPeak.historyLimits.successful.guard=120",
    "offPeak.historyLimits.failed.guard=120",
    "offPeak.historyLimits.successful.down=22",
    "offPeak.historyLimits.failed.down=22",
];

#[test]
fn the_overlay_changes_the_rows_that_name_a_value_and_no_others() {
    let (terraform, default) = (leaves(&declared_objects()), rendered(&[]));
    let changed = without_followers(differences(&default, &rendered(&["-f", OVERLAY])));
    let defaults: Vec<&str> = DEFAULTS.iter().flat_map(|setting| ["--set", setting]).collect();
    assert_eq!(rendered(&defaults), default);
    let mut listed = BTreeSet::new();
    let mut values = Vec::new();
    for row in rows(&terraform, &default).into_iter().filter(|row| !row.values.is_empty()) {
        // By themselves, a row's values change the fields of that row.
        let settings: Vec<String> =
            row.values.iter().map(|(path, value)| format!("{path}={value}")).collect();
        // What follows other values stays that of the default.
        let mut arguments = defaults.clone();
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
        let by_row = without_followers(differences(&default, &rendered(&arguments)));
        assert!(by_row.keys().eq(row.differences.keys()), "{settings:?}: {:?}", by_row.keys());
        for (place, values) in &by_row {
            assert_eq!(Some(values), changed.get(place), "{settings:?}");
        }
        listed.extend(row.differences.into_keys());
        values.extend(row.values);
    }
    assert_eq!(changed.into_keys().collect::<BTreeSet<_>>(), listed);
    values.sort();
    assert_eq!(values, overlay_values());
}

#[test]
fn the_overlay_renders_every_fact_of_terraform_unless_a_row_says_why_not() {
    let (terraform, default) = (leaves(&declared_objects()), rendered(&[]));
    let overlay = rendered(&["-f", OVERLAY]);
    let excused: BTreeSet<Place> = rows(&terraform, &default)
        .into_iter()
        .filter(|row| row.values.is_empty())
        .flat_map(|row| row.differences.into_keys())
        .collect();
    let lost: Vec<&Place> = terraform
        .iter()
        .filter(|(place, value)| {
            let here = overlay.get(place);
            here != Some(value) && !excused.contains(place) && !is_same_amount(here, value)
        })
        .map(|(place, _)| place)
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
    assert!(terraform.len() >= 230, "only {} facts of Terraform", terraform.len());
}

/// Terraform writes bytes, and the renderer units.
fn is_same_amount(here: Option<&Value>, terraform: &Value) -> bool {
    let [here, terraform] = [here, Some(terraform)]
        .map(|value| value.and_then(Value::as_str).and_then(|text| parse_bytes(text).ok()));
    here.is_some() && here == terraform
}

/// The script holds some settings in its own text.
#[test]
fn the_overlay_renders_the_settings_in_the_text_of_the_script() {
    let overlay = rendered(&["-f", OVERLAY]);
    let script = script();
    let between = |before: &str, after: &str| {
        let (_, rest) = script.split_once(before).expect(before);
        json!(rest.split_once(after).expect(after).0)
    };
    let settings = [
        ("METRICS_URL", between("METRICS_URL=\"", "\"")),
        ("METRIC", between("awk '/^", "\\{/")),
        ("NAMESPACE", between("kubectl -n ", " ")),
        ("DEPLOYMENT", between("scale deploy/", " ")),
    ];
    for (object, action) in ACTIONS {
        let container = full_path("container", object, &overlay);
        let setting =
            |name: &str| &overlay[&(object.to_owned(), format!("{container}.env[{name}]"))];
        assert_eq!(setting("ACTION"), action);
        for (name, value) in &settings {
            assert_eq!(setting(name), value, "{object} {name}");
        }
    }
}

/// The rows of the table, read with the objects of both sides.
fn rows(terraform: &Leaves, rendered: &Leaves) -> Vec<Row> {
    let known: Leaves = terraform.clone().into_iter().chain(rendered.clone()).collect();
    let page = fs::read_to_string(repository().join("docs/departures.md")).unwrap();
    let (_, table) = page.split_once(HEADER).expect("the table's header");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with("| "));
    lines.map(|line| parse_row(line, &known)).collect()
}

fn parse_row(line: &str, known: &Leaves) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [object, field, terraform, here, reason, restored] = cells[..] else {
        panic!("six cells are needed: {line}")
    };
    assert!(!reason.is_empty(), "a reason is needed: {line}");
    let values = match restored.starts_with('`') {
        true => restored.split(", ").map(|value| path_and_value(code(value))).collect(),
        false => vec![],
    };
    let explains = restored.starts_with("not available: ") || restored.starts_with("the same ");
    assert!(explains || !values.is_empty(), "how is the behaviour restored? {line}");
    let quotation = terraform.strip_prefix("in the script: ").map(|cell| code(cell).to_owned());
    let before = if quotation.is_some() { None } else { parse_cell(terraform) };
    let after = parse_cell(here);
    let mut all = Differences::new();
    for object in matching_objects(object, known) {
        let base = full_path(code(field), &object, known);
        let of_cell = |cell: &Option<Value>| {
            let mut leaves = BTreeMap::new();
            if let Some(value) = cell {
                collect(&with_action(value, &object), base.clone(), &mut leaves);
            }
            leaves.into_iter().map(|(path, value)| ((object.clone(), path), value)).collect()
        };
        all.extend(differences(&of_cell(&before), &of_cell(&after)));
    }
    Row { line: line.to_owned(), quotation, differences: all, values }
}

/// The objects that a cell names: `Kind` is every object of the kind, `Kind name` is one.
fn matching_objects(cell: &str, known: &Leaves) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for wanted in cell.split(", ") {
        let (kind, name) = wanted.split_once(' ').unwrap_or((wanted, ""));
        let before = found.len();
        found.extend(known.keys().map(|(object, _)| object.clone()).filter(|object| {
            let (of, full_name) = object.split_once(' ').unwrap();
            of == kind && (name.is_empty() || full_name.rsplit('/').next() == Some(name))
        }));
        assert!(found.len() > before, "there is no object `{wanted}`");
    }
    found
}

fn parse_cell(cell: &str) -> Option<Value> {
    (cell != "—").then(|| serde_yaml::from_str(code(cell)).expect(cell))
}

/// The text of a cell that is one code span.
fn code(cell: &str) -> &str {
    cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).expect(cell)
}

fn path_and_value(text: &str) -> (String, String) {
    let (path, value) = text.split_once(": ").expect(text);
    // `--set` takes a text without YAML's quotes.
    (path.to_owned(), value.trim_matches('"').to_owned())
}

/// A field of the table as a path from the object's root.
fn full_path(field: &str, object: &str, known: &Leaves) -> String {
    let pod = match object.starts_with("CronJob") {
        true => "spec.jobTemplate.spec.template.spec",
        false => "spec.template.spec",
    };
    if field == "object" {
        return String::new();
    }
    if let Some(rest) = field.strip_prefix("pod") {
        return format!("{pod}{rest}");
    }
    let Some(rest) = field.strip_prefix("container") else { return field.to_owned() };
    let prefix = format!("{pod}.containers[");
    let name = known.keys().filter(|(of, _)| of == object).find_map(|(_, path)| {
        let (name, _) = path.strip_prefix(&prefix)?.split_once(']')?;
        Some(name.to_owned())
    });
    format!("{prefix}{}]{rest}", name.expect("a container"))
}

/// A value of the table with `ACTION` replaced by the CronJob's own.
fn with_action(value: &Value, object: &str) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| with_action(item, object)).collect(),
        Value::String(text) if text == "ACTION" => {
            let action = ACTIONS.iter().find(|(of, _)| *of == object);
            json!(action.expect("a CronJob").1)
        }
        other => other.clone(),
    }
}

fn overlay_values() -> Vec<(String, String)> {
    let text = fs::read_to_string(repository().join(OVERLAY)).unwrap();
    let mut leaves = BTreeMap::new();
    let mut overlay = serde_yaml::from_str(&text).unwrap();
    name_nulls(&mut overlay);
    collect(&overlay, String::new(), &mut leaves);
    let text = |value: Value| value.as_str().map_or(value.to_string(), str::to_owned);
    leaves.into_iter().map(|(path, value)| (path, text(value))).collect()
}

/// Replaces each null, which removes a value and has no leaf, by its name.
fn name_nulls(value: &mut Value) {
    match value {
        Value::Null => *value = json!("null"),
        Value::Object(map) => map.values_mut().for_each(name_nulls),
        _ => {}
    }
}

fn rendered(arguments: &[&str]) -> Leaves {
    leaves(&objects(&generate(arguments)))
}

fn differences(before: &Leaves, after: &Leaves) -> Differences {
    before
        .keys()
        .chain(after.keys())
        .map(|place| (place.clone(), (before.get(place).cloned(), after.get(place).cloned())))
        .filter(|(_, (before, after))| before != after)
        .collect()
}

fn leaves(objects: &[Value]) -> Leaves {
    let mut all = Leaves::new();
    for object in objects {
        let mut object = object.clone();
        let fields = object.as_object_mut().expect("an object");
        let kind = fields.remove("kind").expect("a kind");
        let metadata = fields["metadata"].as_object_mut().expect("metadata");
        let mut take = |key| metadata.remove(key).map(|value| value.as_str().unwrap().to_owned());
        let (name, namespace) = (take("name").expect("a name"), take("namespace"));
        let name = namespace.map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
        let id = format!("{} {name}", kind.as_str().unwrap());
        let mut found = BTreeMap::new();
        collect(&object, String::new(), &mut found);
        for (path, value) in found {
            assert!(all.insert((id.clone(), path), value).is_none(), "{id} is there twice");
        }
    }
    all
}

/// Adds the leaves of a value. Nulls and empty metadata are not there for the API server.
fn collect(value: &Value, path: String, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(map) if map.is_empty() && path.starts_with("metadata") => {}
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                collect(value, child(&path, key), leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                let (name, item) = named(item);
                collect(&item, format!("{path}[{}]", name.unwrap_or(index.to_string())), leaves);
            }
        }
        Value::String(text) if path.starts_with("data[") && path.ends_with(".yaml\"]") => {
            collect(&serde_yaml::from_str(text).unwrap(), path.clone(), leaves);
            let digest = Digest::of(text.as_bytes());
            leaves.insert(format!("sha256 of {path}"), json!(digest.hex()));
        }
        leaf => {
            leaves.insert(path, leaf.clone());
        }
    }
}

/// The path of a map's entry.
fn child(path: &str, key: &str) -> String {
    let is_plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    match (is_plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[\"{key}\"]"),
    }
}

/// A list's item without its name, and the name: an environment variable is its value.
fn named(item: &Value) -> (Option<String>, Value) {
    let (Some(fields), Some(name)) = (item.as_object(), item["name"].as_str()) else {
        return (None, item.clone());
    };
    let mut fields = fields.clone();
    fields.remove("name");
    let value = match (fields.len(), fields.get("value")) {
        (1, Some(value)) => value.clone(),
        _ => Value::Object(fields),
    };
    (Some(name.to_owned()), value)
}
