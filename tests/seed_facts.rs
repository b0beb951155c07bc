//! Every fact of the Terraform stack, held one by one against what is rendered.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::tool::{generate, objects};
use serde_json::Value;
use sha2::{Digest, Sha256};

const FACTS: &str = include_str!("fixtures/seed-facts.txt");

/// An object's leaves: path to value, as JSON.
type Leaves = BTreeMap<String, String>;

#[test]
fn every_leaf_is_a_fact_of_the_seed_or_ours_on_purpose() {
    let rendered = leaves_by_object(&generate(&[]));
    let (listed, facts) = listed(&rendered);
    let mut wrong = Vec::new();
    let all: BTreeSet<&String> = rendered.keys().chain(listed.keys()).collect();
    for object in all {
        let empty = Leaves::new();
        let have = rendered.get(object).unwrap_or(&empty);
        let want = listed.get(object).unwrap_or(&empty);
        let paths: BTreeSet<&String> = have.keys().chain(want.keys()).collect();
        for path in paths {
            let (have, want) = (have.get(path), want.get(path));
            if have != want {
                wrong.push(format!("{object} {path}: rendered {have:?}, listed {want:?}"));
            }
        }
        if !rendered.contains_key(object) {
            wrong.push(format!("{object} is not rendered"));
        }
        if !listed.contains_key(object) {
            wrong.push(format!("{object} is not listed"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(facts >= 200, "only {facts} facts of the seed are listed");
}

#[test]
fn with_the_overlay_the_behaviours_are_the_scripts() {
    let rendered = leaves_by_object(&generate(&["-f", "overlays/seed-parity.yaml"]));
    for name in ["chatterbox-window-up", "chatterbox-vram-guard", "chatterbox-window-down"] {
        let job = &rendered[&format!("batch/v1 CronJob tts/{name}")];
        let env = |variable: &str| {
            let container = "spec.jobTemplate.spec.template.spec.containers[vram-gate]";
            job[&format!("{container}.env[{variable}].value")].as_str()
        };
        assert_eq!(env("COUNT"), r#""everyone""#);
        assert_eq!(env("ON_SCRAPE_FAILURE"), r#""keep""#);
        assert_eq!(env("NO_SERIES"), r#""idle""#);
        assert_eq!(env("RESERVE"), r#""0""#);
        assert_eq!(env("SAMPLES"), r#""1""#);
    }
}

/// What the fixture lists, and how many of it are facts of the seed.
fn listed(rendered: &BTreeMap<String, Leaves>) -> (BTreeMap<String, Leaves>, usize) {
    let mut listed: BTreeMap<String, Leaves> = BTreeMap::new();
    let mut objects: Vec<String> = Vec::new();
    let mut facts = 0;
    for line in FACTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(leaf) = line.strip_prefix("= ").or_else(|| line.strip_prefix("+ ")) {
            let (path, value) = leaf.split_once(": ").expect(line);
            let value = match line.starts_with('+') {
                true => value.split_once("  # ").expect("a `+` line says why").0,
                false => value,
            };
            let value = match value.strip_prefix("sha256 of ") {
                Some(_) => format!("\"{}\"", config_sha256()),
                None => value.to_owned(),
            };
            for object in &objects {
                let twice =
                    listed.entry(object.clone()).or_default().insert(path.into(), value.clone());
                assert_eq!(twice, None, "{object} {path} is listed twice");
                facts += usize::from(line.starts_with('='));
            }
        } else {
            objects = line.split(", ").map(str::to_owned).collect();
            for object in &objects {
                assert!(rendered.contains_key(object), "{object} is not rendered");
                listed.entry(object.clone()).or_default();
            }
        }
    }
    (listed, facts)
}

fn config_sha256() -> String {
    let documents = objects(&generate(&[]));
    let config = documents.iter().find(|object| object["metadata"]["name"] == "chatterbox-config");
    let text = config.expect("the ConfigMap")["data"]["config.yaml"].as_str().expect("a text");
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn leaves_by_object(manifests: &str) -> BTreeMap<String, Leaves> {
    let mut all = BTreeMap::new();
    for mut object in objects(manifests) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let metadata = &mut object["metadata"];
        let name = text(&metadata["name"]).expect("a name");
        let namespace = text(&metadata["namespace"]);
        metadata
            .as_object_mut()
            .expect("metadata")
            .retain(|key, _| key != "name" && key != "namespace");
        let place = namespace.map(|namespace| format!("{namespace}/{name}")).unwrap_or(name);
        let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let id = format!("{} {} {place}", version.expect("a version"), kind.expect("a kind"));
        object
            .as_object_mut()
            .expect("an object")
            .retain(|key, _| key != "apiVersion" && key != "kind");
        let mut leaves = Leaves::new();
        collect(&object, String::new(), &mut leaves);
        leaves.retain(|path, _| path != "metadata");
        assert!(all.insert(id.clone(), leaves).is_none(), "{id} is rendered twice");
    }
    all
}

fn collect(value: &Value, path: String, leaves: &mut Leaves) {
    let plain = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let step = match (plain(key), path.is_empty() || path.ends_with('|')) {
                    (true, true) => key.clone(),
                    (true, false) => format!(".{key}"),
                    (false, _) => format!("[{}]", Value::from(key.as_str())),
                };
                collect(value, format!("{path}{step}"), leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                let name = value["name"].as_str().map_or(index.to_string(), str::to_owned);
                collect(value, format!("{path}[{name}]"), leaves);
            }
        }
        Value::String(text) if path.ends_with(".yaml\"]") => {
            let file: Value = serde_yaml::from_str(text).expect("a YAML file");
            collect(&file, format!("{path}|"), leaves);
        }
        leaf => {
            leaves.insert(path, leaf.to_string());
        }
    }
}
