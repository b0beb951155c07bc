//! Compares the refusals that `diff` predicts with those of the API server.

use serde_json::{Value, json};

use crate::cluster::{Api, Cluster, MERGE};
use crate::common::tool::{Sandbox, objects};

/// The consequences that predict a refusal by the API server.
const REFUSALS: [&str; 3] = ["api-refuses", "storage-shrinks", "strategy-refused"];

/// Copies an object and sets the value at a JSON pointer, or deletes it if the value is null.
fn with_change(object: &Value, change: &Value) -> Value {
    let mut object = object.clone();
    let (parent, key) = change["at"].as_str().unwrap().rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{change}"));
    match (&change["to"], parent) {
        (Value::Null, Value::Object(map)) => drop(map.remove(key).unwrap()),
        (to, Value::Object(map)) => drop(map.insert(key.to_owned(), to.clone())),
        _ => panic!("{change}"),
    }
    match change.get("and") {
        Some(more) => with_change(&object, more),
        None => object,
    }
}

/// The server's verdict on a change: accepted, or the reason why not.
fn server_verdict(api: &Api, object: &Value) -> Result<(), String> {
    let answer = api.apply(object, "fieldManager=e2e&force=true&dryRun=All");
    if answer.done() { Ok(()) } else { Err(answer.message().to_owned()) }
}

/// The verdict that `diff` predicts: accepted, or its message.
fn diff_verdict(base: &Value, head: &Value) -> Result<(), String> {
    let folders = Sandbox::empty();
    folders.write("base/app/object.yaml", base.to_string());
    folders.write("head/app/object.yaml", head.to_string());
    let output = folders.run(&["diff", "--base-dir", "base", "--head", "head", "--format", "json"]);
    assert!([0, 1].contains(&output.code), "{}", output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let refusals = report["consequences"].as_array().unwrap().iter();
    let refusals = refusals.filter(|found| REFUSALS.iter().any(|id| found["id"] == *id));
    let words: Vec<String> = refusals.map(|found| found["text"].to_string()).collect();
    if words.is_empty() { Ok(()) } else { Err(words.join("\n")) }
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_server_refuses_the_changes_that_diff_predicts() {
    let api = Cluster::shared().admin();
    api.namespace("changes");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "tenant", "namespace": "changes"}});
    api.create(&account, "").object();
    let [table] = &objects(include_str!("fixtures/changes.yaml"))[..] else { panic!("one table") };
    for base in table["bases"].as_object().unwrap().values() {
        api.apply(base, "fieldManager=e2e").object();
    }
    let (mut refused, mut wrong) = (0, String::new());
    let changes = table["changes"].as_array().unwrap();
    for change in changes {
        let base = &table["bases"][change["of"].as_str().unwrap()];
        let head = with_change(base, change);
        let (server, diff) = (server_verdict(api, &head), diff_verdict(base, &head));
        refused += usize::from(server.is_err());
        let differ = server.is_ok() != diff.is_ok();
        if differ != change.get("differs").is_some() {
            wrong += &format!("{change}\n  server: {server:?}\n  diff:   {diff:?}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(refused > 30 && changes.len() - refused > 30, "{refused} of {}", changes.len());
}

/// After the patch that `strategy-refused` prints, the apply succeeds.
#[test]
#[ignore = "tests/e2e/run"]
fn the_patch_that_diff_prints_allows_another_strategy() {
    let api = Cluster::shared().admin();
    api.namespace("strategy");
    let base = json!({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "tenant", "namespace": "strategy"},
    "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "main", "image": "registry.example/a:1"}]},
    }}});
    let mut head = base.clone();
    head["spec"]["strategy"] = json!({"type": "Recreate"});
    api.apply(&base, "fieldManager=e2e").object();
    assert!(server_verdict(api, &head).is_err());
    let words = diff_verdict(&base, &head).unwrap_err().replace('\\', "");
    let (_, patch) = words.split_once("-p '").unwrap();
    let (patch, _) = patch.split_once('\'').unwrap();
    let patch: Value = serde_json::from_str(patch).unwrap();
    api.patch(&api.path(&base), MERGE, &patch, "fieldManager=somebody").object();
    assert_eq!(server_verdict(api, &head), Ok(()));
}
