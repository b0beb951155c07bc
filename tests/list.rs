//! `list`: stacks, apps and objects, as text and as JSON.

#![cfg(test)]

mod common;

use common::tool::Sandbox;
use serde_json::{Value, json};

/// The columns of a table's rows, without the header.
fn rows(table: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let cells = line.split("  ").filter(|cell| !cell.is_empty());
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    table.lines().skip(1).map(cells).collect()
}

fn json_of(sandbox: &Sandbox, args: &[&str]) -> Value {
    let printed = sandbox.ok(&[&["list", "-o", "json"], args].concat()).stdout;
    serde_json::from_str(&printed).expect("JSON")
}

#[test]
fn stacks_have_their_namespaces_and_files() {
    let sandbox = Sandbox::two_stacks();
    let list = sandbox.ok(&["list"]).stdout;
    assert!(list.starts_with("STACK    NAMESPACE  OBJECTS  FILE\n"), "{list}");
    assert_eq!(
        rows(&list).iter().map(|row| [&*row[0], &*row[1], &*row[3]]).collect::<Vec<_>>(),
        [["tts", "tts", "values/tts.yaml"], ["whisper", "speech", "values/whisper.yaml"]]
    );
    assert_eq!(sandbox.ok(&["list", "stacks"]).stdout, list);
    let list = json_of(&sandbox, &["stacks"]);
    assert_eq!(list["stacks"][1]["namespace"], "speech");
    assert_eq!(list.as_object().expect("a map").len(), 2, "{list}");
}

#[test]
fn apps_are_the_folders_that_render_writes() {
    let sandbox = Sandbox::two_stacks();
    sandbox.ok(&["render"]);
    let mut folders: Vec<String> = std::fs::read_dir(sandbox.path("rendered"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    folders.sort();
    let listed: Vec<String> =
        rows(&sandbox.ok(&["list", "apps"]).stdout).into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(listed, folders);
    let kyverno = &json_of(&sandbox, &["apps"])["apps"][0];
    let sources = json!(["values/tts.yaml", "values/whisper.yaml"]);
    assert_eq!(*kyverno, json!({"name": "kyverno", "objects": 1, "sources": sources}));
}

#[test]
fn objects_are_named_as_explain_takes_them_and_have_files_that_exist() {
    let sandbox = Sandbox::repository();
    sandbox.ok(&["render"]);
    let objects = rows(&sandbox.ok(&["list", "objects"]).stdout);
    assert_eq!(objects.len(), 14);
    for row in &objects {
        sandbox.ok(&["explain", &row[0]]);
        assert!(sandbox.path(&row[2]).is_file(), "{row:?}");
    }
    let list = json_of(&sandbox, &["objects", "tts"]);
    let deployment = json!({
        "group": "apps", "kind": "Deployment", "namespace": "tts", "name": "chatterbox-tts", "app": "tts",
        "file": "rendered/tts/deployment-chatterbox-tts.yaml", "sources": ["values/tts.yaml"],
    });
    let listed = list["objects"].as_array().expect("a list");
    assert!(listed.contains(&deployment), "{list:#}");
}

#[test]
fn a_list_is_of_the_values_given() {
    let sandbox = Sandbox::repository();
    let list = sandbox.ok(&["list", "objects", "--set", "namespace.name=voice"]).stdout;
    assert!(list.contains("Deployment voice/chatterbox-tts"), "{list}");
    let errors = sandbox.refused(&["list", "objects", "--set", "gate.flor=1Gi"]);
    assert!(errors.contains("did you mean `floor`?"), "{errors}");
    assert!(sandbox.refused(&["list", "ojects"]).contains("'objects'"));
}
