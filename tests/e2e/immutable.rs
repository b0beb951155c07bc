//! Compares what `diff` predicts of a change with what the API server does: whether it refuses the change, and
//! whether it holds a Pod template for changed (`metadata.generation`), so that a controller rolls.

use serde_json::{Value, json};

use crate::cluster::{Api, Cluster, MERGE, until};
use crate::common::tool::{Sandbox, objects};

/// The consequences that predict a refusal by the API server.
const REFUSALS: [&str; 4] =
    ["api-refuses", "object-invalid", "storage-shrinks", "strategy-refused"];
/// The consequences that say that the API server refuses under a condition.
const CONDITIONAL: [&str; 2] = ["storage-grows", "claim-class-changes"];
/// The consequences of a changed Pod template.
const RESTARTS: [&str; 4] =
    ["pods-restart", "pods-restart-in-window", "pods-restart-at-window", "pods-restart-held"];
/// The kinds whose controllers replace Pods.
const ROLLING: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

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

/// The server's verdict on a change: the generation of the object that it accepts, or the reason why not.
fn server_verdict(api: &Api, object: &Value) -> Result<i64, String> {
    let answer = api.apply(object, "fieldManager=e2e&force=true&dryRun=All");
    if answer.done() {
        // A kind without a generation has none.
        Ok(answer.body["metadata"]["generation"].as_i64().unwrap_or_default())
    } else {
        Err(answer.message().to_owned())
    }
}

/// The consequences that `diff` reports: their ids and texts.
fn diff_consequences(base: &Value, head: &Value) -> Vec<(String, String)> {
    let folders = Sandbox::empty();
    folders.write("base/app/object.yaml", base.to_string());
    folders.write("head/app/object.yaml", head.to_string());
    let output = folders.run(&["diff", "--base-dir", "base", "--head", "head", "--format", "json"]);
    assert!([0, 1].contains(&output.code), "{}", output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let found = report["consequences"].as_array().unwrap().iter();
    let text = |found: &Value, key: &str| found[key].as_str().unwrap().to_owned();
    found.map(|found| (text(found, "id"), text(found, "text"))).collect()
}

/// The texts of the consequences with one of some ids.
fn texts_of(consequences: &[(String, String)], ids: &[&str]) -> Vec<String> {
    let found = consequences.iter().filter(|(id, _)| ids.contains(&id.as_str()));
    found.map(|(_, text)| text.clone()).collect()
}

/// The changes of the table: those of one object, and those of a Pod template, in each kind that rolls.
fn changes_of(table: &Value) -> Vec<Value> {
    let mut changes = table["changes"].as_array().unwrap().clone();
    for change in table["templates"].as_array().unwrap() {
        for kind in ROLLING {
            let mut change = change.clone();
            let at = format!("/spec/template{}", change["at"].as_str().unwrap());
            change["at"] = at.into();
            change["of"] = format!("rich{}", kind.to_lowercase()).into();
            changes.push(change);
        }
    }
    changes
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_server_treats_changes_as_diff_predicts() {
    let api = Cluster::shared().admin();
    api.namespace("changes");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "tenant", "namespace": "changes"}});
    api.create(&account, "").object();
    let [table] = &objects(include_str!("fixtures/changes.yaml"))[..] else { panic!("one table") };
    let mut generations = std::collections::BTreeMap::new();
    for (name, base) in table["bases"].as_object().unwrap() {
        let live = api.apply(base, "fieldManager=e2e").object();
        generations.insert(name, live["metadata"]["generation"].as_i64().unwrap_or_default());
    }
    let (mut refused, mut moved, mut kept, mut wrong) = (0, 0, 0, String::new());
    let changes = changes_of(table);
    for change in &changes {
        let name = change["of"].as_str().unwrap().to_owned();
        let base = &table["bases"][&name];
        let head = with_change(base, change);
        let server = server_verdict(api, &head);
        let consequences = diff_consequences(base, &head);
        let refusals = texts_of(&consequences, &REFUSALS);
        let restarts = texts_of(&consequences, &RESTARTS);
        let is_conditional = !texts_of(&consequences, &CONDITIONAL).is_empty();
        refused += usize::from(server.is_err());
        let mut differ = server.is_err() == refusals.is_empty() && !is_conditional;
        if let Ok(generation) = server {
            let in_template = ROLLING.iter().any(|kind| base["kind"] == *kind)
                && change["at"].as_str().unwrap().starts_with("/spec/template");
            let moves = in_template && generation > generations[&name];
            moved += usize::from(moves);
            kept += usize::from(in_template && !moves);
            differ |= moves == restarts.is_empty();
        }
        if differ != change.get("differs").is_some() {
            wrong +=
                &format!("{change}\n  server: {server:?}\n  diff:   {refusals:?} {restarts:?}\n");
        }
    }
    let summary = format!(
        "{} changes: {refused} refused, {moved} that move the template, {kept} that do not",
        changes.len()
    );
    println!("{summary}");
    assert!(wrong.is_empty(), "{summary}\n{wrong}");
    assert!(refused > 60 && moved > 60 && kept > 60, "{summary}");
}

const OLD: &str = "registry.example/a:1";
const NEW: &str = "registry.example/a:2";

/// A workload of a kind, with the rest of its specification, and the number of its Pods that a controller
/// replaces after a change.
const ROLLOUTS: &[(&str, &str, &str, usize)] = &[
    ("Deployment", "recreated", r#"{"replicas": 2, "strategy": {"type": "Recreate"}}"#, 2),
    ("Deployment", "paused", r#"{"replicas": 2, "paused": true}"#, 0),
    ("DaemonSet", "rolling", "{}", 1),
    ("DaemonSet", "deleted", r#"{"updateStrategy": {"type": "OnDelete"}}"#, 0),
    ("StatefulSet", "rolling", r#"{"replicas": 1}"#, 1),
    ("StatefulSet", "deleted", r#"{"replicas": 1, "updateStrategy": {"type": "OnDelete"}}"#, 0),
    (
        "StatefulSet",
        "partitioned",
        r#"{"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}}"#,
        1,
    ),
    (
        "StatefulSet",
        "held",
        r#"{"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 2}}}"#,
        0,
    ),
];

/// A workload of the table, with an image. A Deployment is paused only together with its change, since a paused
/// one never gets its first Pods.
fn workload((kind, name, spec, _): &(&str, &str, &str, usize), image: &str) -> Value {
    let label = format!("{}-{name}", kind.to_lowercase());
    let mut spec: Value = serde_json::from_str(spec).unwrap();
    spec["selector"] = json!({"matchLabels": {"app": label}});
    if image == OLD {
        spec.as_object_mut().unwrap().remove("paused");
    }
    if *kind == "StatefulSet" {
        spec["serviceName"] = json!("none");
        // The other policy waits for Pods to be ready, which none is without a kubelet.
        spec["podManagementPolicy"] = json!("Parallel");
    }
    spec["template"] = json!({"metadata": {"labels": {"app": label}},
        "spec": {"containers": [{"name": "main", "image": image}]}});
    json!({"apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": label, "namespace": "rollouts"}, "spec": spec})
}

/// The images of a workload's Pods that are not being deleted.
fn images(api: &Api, workload: &Value) -> Vec<String> {
    let label = workload["metadata"]["name"].as_str().unwrap();
    let path = format!("/api/v1/namespaces/rollouts/pods?labelSelector=app%3D{label}");
    let pods = api.get(&path).object()["items"].as_array().unwrap().clone();
    let running = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    running.map(|pod| pod["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()).collect()
}

/// The controllers replace the Pods that `diff` says they replace.
#[test]
#[ignore = "tests/e2e/run"]
fn the_controllers_roll_where_diff_says_so() {
    let cluster = Cluster::start();
    let api = cluster.admin();
    api.namespace("rollouts");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": "rollouts"}});
    api.create(&account, "").object();
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}});
    api.create(&node, "").object();
    // A node that no kubelet reports has a taint that Pods do not tolerate.
    let patch = json!({"spec": {"taints": null}});
    api.patch(&api.path(&node), MERGE, &patch, "fieldManager=e2e").object();
    cluster.start_controllers(&[
        "deployment-controller",
        "replicaset-controller",
        "daemonset-controller",
        "statefulset-controller",
    ]);
    let count = |object: &Value| object["spec"]["replicas"].as_u64().unwrap_or(1) as usize;
    for row in ROLLOUTS {
        api.apply(&workload(row, OLD), "fieldManager=e2e").object();
    }
    for row in ROLLOUTS {
        let base = workload(row, OLD);
        until(&format!("Pods of {base}"), || {
            (images(api, &base).len() == count(&base)).then_some(())
        });
    }
    // A default that is written out moves nothing.
    for row in ROLLOUTS {
        let mut same = workload(row, OLD);
        same["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
        let before = api.live(&same)["metadata"]["generation"].clone();
        api.apply(&same, "fieldManager=e2e").object();
        assert_eq!(api.live(&same)["metadata"]["generation"], before, "{same}");
        assert_eq!(texts_of(&diff_consequences(&workload(row, OLD), &same), &RESTARTS), [""; 0]);
    }
    for row in ROLLOUTS {
        api.apply(&workload(row, NEW), "fieldManager=e2e").object();
    }
    for row in ROLLOUTS {
        let head = workload(row, NEW);
        until(&format!("the rollout of {head}"), || {
            let live = api.live(&head);
            let is_seen = live["status"]["observedGeneration"] == live["metadata"]["generation"];
            let images = images(api, &head);
            let replaced = images.iter().filter(|image| *image == NEW).count();
            (is_seen && images.len() == count(&head) && replaced >= row.3).then_some(())
        });
    }
    for row in ROLLOUTS {
        let (base, head) = (workload(row, OLD), workload(row, NEW));
        let replaced = images(api, &head).iter().filter(|image| *image == NEW).count();
        assert_eq!(replaced, row.3, "{head}");
        let consequences = diff_consequences(&base, &head);
        let rolls = !texts_of(&consequences, &["pods-restart"]).is_empty();
        let is_held = !texts_of(&consequences, &["pods-restart-held"]).is_empty();
        assert_eq!((rolls, is_held), (row.3 > 0, row.3 == 0), "{head}: {consequences:?}");
    }
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
    let words = texts_of(&diff_consequences(&base, &head), &["strategy-refused"]).concat();
    let (_, patch) = words.split_once("-p '").unwrap();
    let (patch, _) = patch.split_once('\'').unwrap();
    let patch: Value = serde_json::from_str(patch).unwrap();
    api.patch(&api.path(&base), MERGE, &patch, "fieldManager=somebody").object();
    assert!(server_verdict(api, &head).is_ok());
}

/// A StatefulSet with a claim for each of its two Pods.
fn claiming_set(name: &str, retention: &Value, replicas: usize) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": "claims"},
        "spec": {"replicas": replicas, "serviceName": "none", "podManagementPolicy": "Parallel",
            "persistentVolumeClaimRetentionPolicy": retention,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": OLD}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}})
}

/// The number of a StatefulSet's claims that are not deleted; `pvc-protection` may keep a deleted one.
fn kept_claims(api: &Api, name: &str) -> usize {
    let path =
        format!("/api/v1/namespaces/claims/persistentvolumeclaims?labelSelector=app%3D{name}");
    let claims = api.get(&path).object()["items"].as_array().unwrap().clone();
    claims.iter().filter(|claim| claim["metadata"]["deletionTimestamp"].is_null()).count()
}

/// The controllers delete the claims that `diff` says they delete, when a set is scaled and when it is pruned.
#[test]
#[ignore = "tests/e2e/run"]
fn the_controllers_delete_claims_where_diff_says_so() {
    let cluster = Cluster::start();
    let api = cluster.admin();
    api.namespace("claims");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": "claims"}});
    api.create(&account, "").object();
    cluster.start_controllers(&["statefulset-controller", "garbage-collector-controller"]);
    let sets = ["kept", "deleted"].map(|name| {
        let policy = if name == "kept" { "Retain" } else { "Delete" };
        (name, json!({"whenScaled": policy, "whenDeleted": policy}))
    });
    for (name, retention) in &sets {
        api.apply(&claiming_set(name, retention, 2), "fieldManager=e2e").object();
    }
    for (name, _) in &sets {
        until(name, || (kept_claims(api, name) == 2).then_some(()));
    }
    for (name, retention) in &sets {
        let (base, head) = (claiming_set(name, retention, 2), claiming_set(name, retention, 1));
        let said = !texts_of(&diff_consequences(&base, &head), &["claims-deleted"]).is_empty();
        assert_eq!(said, *name == "deleted");
        api.apply(&head, "fieldManager=e2e").object();
    }
    until("the claim of a Pod that is scaled away", || {
        (kept_claims(api, "deleted") == 1).then_some(())
    });
    assert_eq!(kept_claims(api, "kept"), 2);
    for (name, retention) in &sets {
        let base = claiming_set(name, retention, 1);
        let said = !texts_of(&diff_consequences(&base, &json!({})), &["data-pruned"]).is_empty();
        assert_eq!(said, *name == "deleted");
        api.send("DELETE", &api.path(&base), "", "").unwrap();
    }
    until("the claims of a set that is deleted", || {
        (kept_claims(api, "deleted") == 0).then_some(())
    });
    assert_eq!(kept_claims(api, "kept"), 2);
}
