//! `schema`: the JSON Schema of a values file.

#![cfg(test)]

mod common;

use common::tool::{Sandbox, repository, run_in};
use serde_json::Value;

fn schema() -> Value {
    serde_json::from_str(&run_in(repository(), &["schema"]).stdout).expect("JSON")
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let written = std::fs::read_to_string(repository().join("values/schema.json")).unwrap();
    let printed = run_in(repository(), &["schema"]).stdout;
    assert!(written == printed, "run: cargo run -- schema > values/schema.json");
}

#[test]
fn it_accepts_the_repositorys_values_and_a_first_file() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let sandbox = Sandbox::demo();
    let repository = std::fs::read_to_string(repository().join("values/tts.yaml")).unwrap();
    for text in [repository, sandbox.read("values/demo.yaml")] {
        let values: Value = serde_yaml::from_str(&text).expect("YAML");
        let errors: Vec<_> =
            validator.iter_errors(&values).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn every_value_of_its_own_has_a_description() {
    let schema = schema();
    let mut count = 0;
    let values = [&schema]
        .into_iter()
        .chain(["Gate", "OffPeak", "Server"].map(|name| &schema["$defs"][name]));
    for map in values {
        for (name, value) in map["properties"].as_object().expect("properties") {
            count += 1;
            assert!(value["description"].is_string(), "{name} has no description");
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn it_takes_no_arguments() {
    assert_eq!(run_in(repository(), &["schema", "gate"]).code, 2);
}
