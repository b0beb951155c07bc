//! `parameters`: the values that can be set in Argo CD's user interface.

#![cfg(test)]

mod common;

use common::tool::Sandbox;
use serde_json::{Value, json};

/// The printed list.
#[track_caller]
fn parameters_of(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let output = sandbox.ok(&[&["parameters"], args].concat());
    serde_json::from_str(&output.stdout).expect("a JSON list")
}

#[test]
fn an_announcement_has_title_type_and_present_value() {
    let list = parameters_of(&Sandbox::two_stacks(), &["tts"]);
    let find = |name: &str| {
        list.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    };
    let suspend = find("offPeak.suspend");
    assert_eq!(suspend["title"], "Off peak: suspend");
    assert_eq!((&suspend["itemType"], &suspend["string"]), (&json!("boolean"), &json!("false")));
    assert!(
        suspend["tooltip"].as_str().unwrap().contains("Suspends the job that starts the server")
    );
    assert_eq!(find("gate.floor")["string"], "6Gi");
    assert_eq!(find("gate.samples")["itemType"], "number");
    let count = find("gate.count")["tooltip"].as_str().unwrap();
    assert!(
        count.contains(" One of `")
            && count.contains("`residents`")
            && count.contains("`everyone`"),
        "{count}"
    );
    assert_eq!(find("storage.accessModes")["array"], json!(["ReadWriteMany"]));
    assert_eq!(find("server.env")["map"]["TTS_BF16"], "off");
    assert_eq!(find("server.config.data.model.repo_id")["string"], "chatterbox-multilingual");
    assert_eq!(find("server.image.digest").get("string"), None, "not set");
    for absent in ["name", "apiVersion", "gitops", "server.tolerations", "clients"] {
        assert!(list.iter().all(|one| one["name"] != absent), "{absent}");
    }
    // The fields of Argo CD's own message, and no others; every value is a string.
    let allowed = [
        "name",
        "title",
        "tooltip",
        "required",
        "itemType",
        "collectionType",
        "string",
        "array",
        "map",
    ];
    for one in &list {
        assert!(
            one.as_object().unwrap().keys().all(|key| allowed.contains(&key.as_str())),
            "{one}"
        );
        let strings = |value: &Value| value.is_null() || value.is_string();
        assert!(strings(&one["string"]), "{one}");
        assert!(
            one.get("array").is_none_or(|items| items
                .as_array()
                .unwrap()
                .iter()
                .all(Value::is_string))
        );
        assert!(
            one.get("map").is_none_or(|map| map
                .as_object()
                .unwrap()
                .values()
                .all(Value::is_string))
        );
    }
}

#[test]
fn the_only_stack_needs_no_name() {
    let sandbox = Sandbox::demo();
    let list = parameters_of(&sandbox, &[]);
    assert!(list.len() > 40, "{}", list.len());
    assert_eq!(list, parameters_of(&sandbox, &["demo"]));
}

#[test]
fn several_stacks_have_no_parameters() {
    let output = Sandbox::two_stacks().ok(&["parameters"]);
    assert_eq!(output.stdout, "[]\n");
    assert_eq!(output.stderr, "no parameters: name one stack\n");
    let quiet = Sandbox::two_stacks().ok(&["--quiet", "parameters"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("[]\n", ""));
}

#[test]
fn overlays_and_assignments_change_the_announced_value() {
    let sandbox = Sandbox::repository();
    sandbox.write("overlay.yaml", "gate: {floor: 7Gi}\n");
    let args = ["tts", "-f", "overlay.yaml", "--set", "offPeak.suspend=true"];
    let list = parameters_of(&sandbox, &args);
    let value = |name: &str| {
        let found = list.iter().find(|one| one["name"] == name).expect(name);
        found["string"].clone()
    };
    assert_eq!((value("gate.floor"), value("offPeak.suspend")), (json!("7Gi"), json!("true")));
}

#[test]
fn an_unknown_stack_and_invalid_values_are_refused() {
    let sandbox = Sandbox::repository();
    let message = sandbox.refused(&["parameters", "ttz"]);
    assert!(message.contains("did you mean `tts`?"), "{message}");
    sandbox.replace("values/tts.yaml", "floor: 6Gi", "flor: 6Gi");
    let message = sandbox.refused(&["parameters"]);
    assert!(message.contains("values/tts.yaml:"), "{message}");
    let message = Sandbox::empty().refused(&["parameters"]);
    assert!(message.contains("there is no values file in `values/`"), "{message}");
}
