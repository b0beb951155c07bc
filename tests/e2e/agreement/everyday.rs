//! Changes to objects of everyday kinds, and of a kind with a definition, which the server is asked to create: tables
//! of changes, and every field set to each of some values.
//!
//! Nothing that the server takes may be refused, but for the differences that agreement.tsv lists. Of what it
//! refuses, [`LEAST_SHARE`] is the goal, by kind in the output.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use yaml_spans::Path;

use super::cases::{field_paths, with_change};
use super::verdicts::{Server, parse_nodes, verdict_by_definitions};
use super::{known_differences, prepared_cluster};
use crate::cluster::until;
use crate::common::tool::objects;
use kube_validate::Definitions;

/// The least share of equal verdicts, in percent.
const LEAST_SHARE: usize = 97;

/// Fields whose values must exist in the cluster.
const OF_THE_CLUSTER: &[&str] = &["metadata.namespace", "spec.serviceAccountName"];

/// A changed object.
struct Case {
    name: String,
    object: Value,
    /// True if the table has it as accepted; none for a case that is not in the table.
    recorded: Option<bool>,
}

/// The objects, by kind and name.
fn everyday_objects() -> BTreeMap<String, Value> {
    by_name(include_str!("../../../crates/kube-validate/tests/fixtures/everyday/objects.yaml"))
}

fn by_name(text: &str) -> BTreeMap<String, Value> {
    let named = |object: Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"])), object)
    };
    objects(text).into_iter().map(named).collect()
}

/// The changed objects of a table, with their names and the recorded verdicts.
fn table(all: &BTreeMap<String, Value>, text: &str) -> Vec<Case> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [verdict, object, path, value] = columns[..] else { panic!("{line}") };
            let value = (value != "deleted").then(|| serde_json::from_str(value).unwrap());
            let changed = with_change(&all[object], &path.parse().unwrap(), value);
            let name = line.split_once('\t').unwrap().1.replace('\t', " ");
            Case { name, object: changed, recorded: Some(verdict == "accepted") }
        })
        .collect()
}

/// Every field of the objects, set to each of some values, or deleted.
fn fields() -> Vec<Case> {
    let values = [json!(null), json!(""), json!("BAD value!"), json!(-1)];
    let mut cases = Vec::new();
    for (name, object) in everyday_objects() {
        let mut paths = Vec::new();
        field_paths(&object, &Path::root(), &mut paths);
        paths.retain(|path| !OF_THE_CLUSTER.contains(&path.to_string().as_str()));
        for path in paths {
            for value in values.iter().cloned().map(Some).chain([None]) {
                let shown = value.as_ref().map_or("deleted".to_owned(), Value::to_string);
                let changed = with_change(&object, &path, value);
                let name = format!("{name} {path} {shown}");
                cases.push(Case { name, object: changed, recorded: None });
            }
        }
    }
    cases
}

/// The server, with the namespace of the objects.
fn server() -> Server<'static> {
    let server = Server::new(prepared_cluster());
    server.create_namespace("everyday");
    server
}

/// Compares the verdicts on some cases. Returns the number of cases that the server accepted.
fn compare(set: &str, cases: &[Case], definitions: &Definitions) -> usize {
    let server = server();
    let listed = known_differences(set);
    let (mut accepted, mut equal) = (0, 0);
    let mut by_kind: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut wrong = String::new();
    let mut found = Vec::new();
    for Case { name, object, recorded } in cases {
        let verdict = server.create_verdict(object);
        let rules = verdict_by_definitions(&object.to_string(), definitions);
        if recorded.is_some_and(|recorded| recorded != verdict.is_ok()) {
            wrong += &format!("{set}: not the recorded verdict: {name}: {verdict:?}\n");
        }
        let is_equal = verdict.is_ok() == rules.is_ok();
        accepted += usize::from(verdict.is_ok());
        equal += usize::from(is_equal);
        let kind = name.split(' ').next().unwrap();
        let counts = by_kind.entry(kind).or_default();
        counts[0] += 1;
        counts[1] += usize::from(is_equal);
        if verdict.is_ok() && !is_equal {
            if listed.contains_key(name) {
                found.push(name.clone());
            } else {
                wrong += &format!("{set}\trefused\t{name}\t{rules:?}\n");
            }
        }
    }
    for (kind, [all, equal]) in by_kind {
        println!("{set} {kind}: {equal} of {all}");
    }
    for name in listed.keys().filter(|name| !found.contains(name)) {
        wrong += &format!("{set}: listed, but not a difference: {name}\n");
    }
    println!("{set}: {equal} of {} equal", cases.len());
    assert!(wrong.is_empty(), "the server takes what the rules refuse, or else:\n{wrong}");
    assert!(equal * 100 >= cases.len() * LEAST_SHARE, "{equal} of {} equal", cases.len());
    accepted
}

#[test]
#[ignore = "tests/e2e/run"]
fn changes_to_everyday_objects_have_the_same_verdict() {
    let text = include_str!("../../../crates/kube-validate/tests/fixtures/everyday/changes.tsv");
    let cases = table(&everyday_objects(), text);
    let accepted = compare("everyday", &cases, &Definitions::default());
    assert!(cases.len() > 1000 && accepted > 300, "{} {accepted}", cases.len());
}

#[test]
#[ignore = "tests/e2e/run"]
fn changes_to_each_everyday_field_have_the_same_verdict() {
    let cases = fields();
    let accepted = compare("everyday-fields", &cases, &Definitions::default());
    assert!(cases.len() > 3000 && accepted > 300, "{} {accepted}", cases.len());
}

#[test]
#[ignore = "tests/e2e/run"]
fn changes_to_a_custom_object_have_the_verdict_of_its_definition() {
    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!(
                "../../../crates/kube-validate/tests/fixtures/definitions/",
                $name
            ))
        };
    }
    let definition = fixture!("definition.yaml");
    let cluster = prepared_cluster();
    // The server warns of the format that it does not know.
    let applied = cluster.kubectl(&["apply", "-f", "-"], definition);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    until("Widget", || cluster.admin().resource("example.com/v1", "Widget"));
    let definitions = Definitions::of_documents(&parse_nodes(definition).unwrap());
    let cases = table(&by_name(fixture!("objects.yaml")), fixture!("changes.tsv"));
    let accepted = compare("definitions", &cases, &definitions);
    assert!(cases.len() > 200 && accepted > 80, "{} {accepted}", cases.len());
}
