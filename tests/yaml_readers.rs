//! Emitted YAML has the same data in every reader that users have: PyYAML (with its own scanner and
//! with libyaml's), kubectl (go-yaml v2), kustomize (go-yaml v3), yaml_serde, and our own parser.

#![cfg(test)]

mod common;

use std::fs;

use common::{hostile_strings, require, run};
use serde_json::{Value, json};
use yaml_spans::Dialect;
use yaml_spans::source::{Source, Sources};

const KUBECTL: [&str; 3] = ["kubectl", "version", "--client"];
const PYYAML: [&str; 3] = ["python3", "-c", "import yaml"];

/// An object that Kubernetes' tools accept, with every hostile string as a value, a key, an item and
/// deeper, and with numbers that readers write differently.
fn sample_object(strings: &[String]) -> Value {
    let values: serde_json::Map<String, Value> = strings
        .iter()
        .enumerate()
        .map(|(index, text)| (format!("v{index}"), json!(text)))
        .collect();
    let keys: serde_json::Map<String, Value> =
        strings.iter().enumerate().map(|(index, text)| (text.clone(), json!(index))).collect();
    let maps: serde_json::Map<String, Value> =
        strings.iter().map(|text| (text.clone(), json!({ "key": [text] }))).collect();
    let nested: Vec<Value> =
        strings.iter().map(|text| json!([[text], { "a": text, "b": [text] }])).collect();
    let keyed: Vec<Value> = strings.iter().map(|text| json!([{ text: { text: 1 } }])).collect();
    json!({
        "apiVersion": "example.com/v1",
        "kind": "Sample",
        "metadata": { "name": "sample" },
        "spec": {
            "values": values,
            "keys": keys,
            "maps": maps,
            "items": strings,
            "nested": nested,
            "keyed": keyed,
            "floats": floats(),
            "others": [null, true, false, 0, -1, i64::MAX, i64::MIN, [], {}],
        },
    })
}

fn floats() -> Vec<f64> {
    vec![
        0.5,
        -1.5,
        0.1,
        1e-7,
        1.5e-300,
        5e-324,
        1e21,
        1e22,
        1.7976931348623157e308,
        123456789.125,
        1e15,
        1e16,
        1e17,
        2.225073858507201e-308,
        -2.5e-10,
        1e100,
    ]
}

fn emit(object: &Value) -> String {
    yaml_spans::emit(&yaml_spans::to_node(object).unwrap())
}

/// Compares value by value, so that a failure shows one string instead of 400.
#[track_caller]
fn assert_same(reader: &str, read: &Value, expected: &Value, path: &str) {
    match (read, expected) {
        (Value::Object(read), Value::Object(expected)) => {
            for (key, value) in expected {
                assert!(read.contains_key(key), "{reader}: {path} lacks the key {key:?}");
                assert_same(reader, &read[key], value, &format!("{path}.{key:?}"));
            }
            assert_eq!(read.len(), expected.len(), "{reader}: {path} has more keys");
        }
        (Value::Array(read), Value::Array(expected)) => {
            assert_eq!(read.len(), expected.len(), "{reader}: {path}");
            for (index, value) in expected.iter().enumerate() {
                assert_same(reader, &read[index], value, &format!("{path}[{index}]"));
            }
        }
        (Value::Number(read), Value::Number(expected)) if expected.is_f64() => {
            assert_eq!(read.as_f64(), expected.as_f64(), "{reader}: {path}");
        }
        _ => assert_eq!(read, expected, "{reader}: {path}"),
    }
}

fn read_by_our_parser(text: &str, dialect: Dialect) -> Value {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("emitted.yaml", text));
    let nodes = yaml_spans::parse(&sources, id, dialect).unwrap();
    assert_eq!(nodes.len(), 1);
    yaml_spans::read(&nodes[0]).unwrap()
}

#[test]
fn our_parser_reads_emitted_yaml() {
    let object = sample_object(&hostile_strings());
    let text = emit(&object);
    for dialect in [Dialect::Strict, Dialect::Kubectl] {
        assert_same("our parser", &read_by_our_parser(&text, dialect), &object, "");
    }
}

#[test]
fn yaml_serde_reads_emitted_yaml() {
    let object = sample_object(&hostile_strings());
    let read: Value = serde_yaml::from_str(&emit(&object)).unwrap();
    assert_same("yaml_serde", &read, &object, "");
}

#[test]
fn pyyaml_reads_emitted_yaml() {
    if !require(&PYYAML) {
        return;
    }
    let object = sample_object(&hostile_strings());
    let text = emit(&object);
    for loader in ["SafeLoader", "CSafeLoader"] {
        if loader == "CSafeLoader" && !require(&["python3", "-c", "from yaml import CSafeLoader"]) {
            continue;
        }
        let script = format!(
            "import json, sys, yaml\n\
             text = sys.stdin.buffer.read().decode()\n\
             json.dump(yaml.load(text, Loader=yaml.{loader}), sys.stdout)"
        );
        let json = run(&["python3", "-c", &script], &text);
        assert_same(loader, &serde_json::from_str(&json).unwrap(), &object, "");
    }
}

/// With `--local`, kubectl reads the file as `apply` does and needs no cluster.
#[test]
fn kubectl_reads_emitted_yaml() {
    if !require(&KUBECTL) {
        return;
    }
    let command = ["kubectl", "patch", "--local", "-f", "-", "--type=merge", "-p={}", "-o=json"];
    let object = sample_object(&hostile_strings());
    let json = run(&command, &emit(&object));
    assert_same("kubectl", &serde_json::from_str(&json).unwrap(), &object, "");
}

/// The table that the tests of our own parser compare with has kubectl's actual readings.
#[test]
fn kubectl_agrees_with_the_table_of_its_readings() {
    if !require(&KUBECTL) {
        return;
    }
    let readings = include_str!("../crates/yaml-spans/tests/fixtures/kubectl_readings.json");
    let readings: Vec<(String, Value)> = serde_json::from_str(readings).unwrap();
    assert!(readings.len() >= 20);
    let head = "apiVersion: example.com/v1\nkind: Sample\nmetadata: {name: x}\nspec:\n";
    for (text, expected) in readings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("object.yaml");
        let lines: Vec<String> = text.split('\n').map(|line| format!("  {line}")).collect();
        fs::write(&file, format!("{head}{}", lines.join("\n"))).unwrap();
        let file = file.to_str().unwrap();
        let command =
            ["kubectl", "patch", "--local", "-f", file, "--type=merge", "-p={}", "-o=json"];
        let read: Value = serde_json::from_str(&run(&command, "")).unwrap();
        assert_eq!(read["spec"].to_string(), expected.to_string(), "{text}");
    }
}

/// kustomize shows its reading only by writing it again, with faults of its own: strings that it
/// can't write are excluded.
#[test]
fn kustomize_reads_emitted_yaml() {
    if !require(&KUBECTL) {
        return;
    }
    let mut strings = hostile_strings();
    strings.retain(|text| is_written_by_kustomize(text));
    assert!(strings.len() >= 380, "{}", strings.len());
    let object = sample_object(&strings);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kustomization.yaml"), "resources: [object.yaml]\n").unwrap();
    fs::write(folder.path().join("object.yaml"), emit(&object)).unwrap();
    let text = run(&["kubectl", "kustomize", folder.path().to_str().unwrap()], "");
    let read: Value = serde_yaml::from_str(&text).unwrap();
    assert_same("kustomize", &read, &object, "");
}

/// kustomize 5.5 writes these control characters unescaped and then refuses them, writes `<<` without
/// quotes, and uses flow maps, which limit a key to 1024 characters.
fn is_written_by_kustomize(text: &str) -> bool {
    let has_refused_character =
        text.contains(|c| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'));
    text != "<<" && !has_refused_character && json!(text).to_string().len() < 1000
}

#[test]
fn a_single_scalar_is_safe_in_flow() {
    let strings = hostile_strings();
    let list: Vec<String> = strings.iter().map(|text| yaml_spans::emit_scalar(text)).collect();
    let map: Vec<String> = list.iter().map(|text| format!("{text}: {text}")).collect();
    for text in &list {
        assert!(!text.contains('\n'), "{text}");
    }
    // YAML limits a key in a flow map to 1024 characters.
    let map: Vec<String> = map.into_iter().filter(|entry| entry.len() < 1000).collect();
    let text = format!("list: [{}]\nmap: {{{}}}\n", list.join(", "), map.join(", "));
    let entries: serde_json::Map<String, Value> = strings
        .iter()
        .zip(&list)
        .filter(|(_, written)| 2 * written.len() + 2 < 1000)
        .map(|(text, _)| (text.clone(), json!(text)))
        .collect();
    let expected = json!({ "list": strings, "map": entries });
    assert_same("our parser", &read_by_our_parser(&text, Dialect::Strict), &expected, "");
    if require(&PYYAML) {
        let script = "import json, sys, yaml\n\
                      json.dump(yaml.safe_load(sys.stdin.buffer.read().decode()), sys.stdout)";
        let json = run(&["python3", "-c", script], &text);
        assert_same("PyYAML", &serde_json::from_str(&json).unwrap(), &expected, "");
    }
}
