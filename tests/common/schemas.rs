//! JSON Schemas that outputs are checked against.

use std::path::Path;

use serde_json::Value;

/// The validator of SARIF 2.1.0.
pub fn sarif() -> jsonschema::Validator {
    // The published pattern is not a valid regular expression; this is the one of the errata.
    let schema = include_str!("../fixtures/sarif-schema-2.1.0.json")
        .replace("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    validator(&schema)
}

/// The validator of an output of this program, from `docs/schemas`.
pub fn own(name: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(name);
    validator(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
}

fn validator(schema: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// The ways in which a JSON text breaks a schema.
#[track_caller]
pub fn errors(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(text).expect("JSON");
    validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}
