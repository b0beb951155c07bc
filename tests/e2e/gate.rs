//! The gate, with its own service account, Role and token, at a real API server.
//!
//! It is run with the environment that its CronJobs are rendered with; only the addresses and the
//! pause between two readings are others.

pub mod exporter;
mod outage;
mod refused;
mod rights;
pub mod stage;
mod storm;
mod token;

use serde_json::{Value, json};

use crate::cluster::{Cluster, MERGE};
use crate::compare::differences;
use exporter::{full, roomy};
use stage::{DEPLOYMENT, Stage};

/// What the line says of the card, where `up` read [`roomy`] twice.
const ROOMY: &str = "used=8589934592 free=8589934592 floor=6442450944 total=17179869184 \
     reserve=536870912 others=8589934592 unknown=0 tenant=0 series=2 samples=2";

/// And of [`full`]; the guard reads once, `up` stops after the first reading.
const FULL: &str = "used=12884901888 free=4294967296 floor=6442450944 total=17179869184 \
     reserve=536870912 others=12884901888 unknown=0 tenant=0 series=2 samples=1";

/// A line that the gate says.
fn line(stage: &Stage<'_>, action: &str, done: &str, rest: &str) -> String {
    let name = format!("{}/{DEPLOYMENT}", stage.namespace);
    format!("vram-gate {action}: {}: {rest}\n", done.replace("IT", &name))
}

/// In what a Deployment changed, less who changed it.
fn changed(before: &Value, after: &Value) -> Vec<String> {
    let mut changed = differences(before, after);
    changed.retain(|change| !change.starts_with("metadata.managedFields"));
    changed
}

#[test]
#[ignore = "tests/e2e/run"]
fn it_goes_up_yields_and_goes_down() {
    let stage = Stage::new(Cluster::shared(), "gate-window");
    assert_eq!(stage.replicas(), 0, "as it is rendered");

    let up = stage.gate("up").page(roomy()).run();
    let said = format!("the floor is free {ROOMY} before=0 after=1");
    assert_eq!((up.code, up.err), (0, line(&stage, "up", "scaled IT to 1", &said)));
    assert_eq!(stage.replicas(), 1);

    let guard = stage.gate("guard").page(full()).run();
    let said = format!("others leave less than the floor {FULL} before=1 after=0");
    assert_eq!((guard.code, guard.err), (0, line(&stage, "guard", "scaled IT to 0", &said)));
    assert_eq!(stage.replicas(), 0);

    assert_eq!(stage.gate("up").page(roomy()).run().code, 0);
    assert_eq!(stage.replicas(), 1);
    // No page is there: `down` does not ask for one.
    let down = stage.gate("down").run();
    let said = "the window ends before=1 after=0";
    assert_eq!((down.code, down.err), (0, line(&stage, "down", "scaled IT to 0", said)));
    assert_eq!(stage.replicas(), 0);
}

/// Who has the replicas, by the server's managed fields.
fn owners(deployment: &Value) -> Vec<Value> {
    let entries = deployment["metadata"]["managedFields"].as_array().unwrap().iter();
    let replicas = |entry: &&Value| entry["fieldsV1"]["f:spec"]["f:replicas"].is_object();
    entries.filter(replicas).cloned().collect()
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_replicas_are_its_own_while_the_tenant_runs() {
    let stage = Stage::new(Cluster::shared(), "gate-owner");
    let rendered = stage.deployment();
    let first: Vec<Value> =
        owners(&rendered).iter().map(|entry| entry["manager"].clone()).collect();
    assert_eq!(first, ["kustomize-controller"]);

    assert_eq!(stage.gate("up").page(roomy()).run().code, 0);
    let up = stage.deployment();
    // The server gives an update of a scale no time.
    let own = json!({
        "manager": "vram-gate", "operation": "Update", "apiVersion": "apps/v1",
        "subresource": "scale", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    });
    assert_eq!(owners(&up), [own]);
    assert_eq!(changed(&rendered, &up), ["spec.replicas: 0 -> 1"]);

    // A Scale of 0 has no `replicas` (`omitempty`): the server takes that for a field given up, and
    // nobody has it. So an apply of Git's 0 meets no owner, and changes nothing either.
    assert_eq!(stage.gate("guard").page(full()).run().code, 0);
    let down = stage.deployment();
    assert_eq!(owners(&down), [Value::Null; 0]);
    assert_eq!(changed(&up, &down), ["spec.replicas: 1 -> 0"]);
}

#[test]
#[ignore = "tests/e2e/run"]
fn nothing_is_written_where_nothing_is_to_be_done() {
    let stage = Stage::new(Cluster::shared(), "gate-still");
    let card = |text: &str, looks: u32| {
        text.rsplit_once('=').map(|(start, _)| format!("{start}={looks}")).unwrap()
    };
    // By how many replicas there are, the action and the page: what is done and said.
    let table = [
        (0, "up", Some(full()), "left IT alone", format!("less than the floor is free {FULL}")),
        (
            0,
            "up",
            None,
            "left IT alone",
            "the GPU's memory could not be read scrapeError=".to_owned(),
        ),
        (
            0,
            "guard",
            Some(full()),
            "left IT at 0",
            format!("others leave less than the floor {FULL} before=0 after=0"),
        ),
        (
            0,
            "guard",
            None,
            "left IT at 0",
            "the GPU's memory could not be read scrapeError=".to_owned(),
        ),
        (0, "down", None, "left IT at 0", "the window ends before=0 after=0".to_owned()),
        (
            1,
            "up",
            Some(roomy()),
            "left IT at 1",
            format!("the floor is free {ROOMY} before=1 after=1"),
        ),
        (
            1,
            "guard",
            Some(roomy()),
            "left IT alone",
            format!("the floor and the reserve are free {}", card(ROOMY, 1)),
        ),
    ];
    for (replicas, action, page, done, said) in table {
        stage.scale_to(replicas);
        let before = stage.deployment();
        let gate = stage.gate(action).set("SCRAPE_TIMEOUT", "1s");
        let ran = if let Some(page) = page { gate.page(page) } else { gate }.run();
        assert_eq!(ran.code, 0, "{action} at {replicas}: {}", ran.err);
        let expected = line(&stage, action, done, &said);
        match expected.strip_suffix("scrapeError=\n") {
            Some(start) => assert!(ran.err.starts_with(start), "{} for {expected}", ran.err),
            None => assert_eq!(ran.err, expected),
        }
        assert_eq!(stage.deployment(), before, "{action}: resourceVersion and all");
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_dry_run_reads_and_does_not_write() {
    let stage = Stage::new(Cluster::shared(), "gate-dry");
    let before = stage.deployment();
    let ran = stage.gate("up").page(roomy()).set("DRY_RUN", "true").run();
    let said = format!("the floor is free {ROOMY} before=0");
    assert_eq!((ran.code, ran.err), (0, line(&stage, "up", "would scale IT to 1", &said)));
    assert_eq!(stage.deployment(), before, "resourceVersion and all");
}

#[test]
#[ignore = "tests/e2e/run"]
fn its_line_is_json_where_that_is_asked_for() {
    let stage = Stage::new(Cluster::shared(), "gate-json");
    let run = |gate: stage::Gate| {
        let ran = gate.page(roomy()).set("LOG_FORMAT", "json").run();
        let line: Value = serde_json::from_str(&ran.err).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        assert_eq!(line["exit"], ran.code);
        (ran.code, text("outcome"), text("level"), text("message"))
    };
    let name = format!("gate-json/{DEPLOYMENT}");
    let (code, outcome, level, message) = run(stage.gate("up"));
    assert_eq!((code, outcome.as_str(), level.as_str()), (0, "scaled", "info"));
    assert_eq!(message, format!("scaled {name} to 1: the floor is free"));

    let (code, outcome, level, message) = run(stage.gate("down").token("nobodys"));
    assert_eq!((code, outcome.as_str(), level.as_str()), (1, "failed", "error"));
    let said = "the window ends; PATCH scale: answered 401: Unauthorized";
    assert_eq!(message, format!("could not scale {name} to 0: {said}"));

    let (code, outcome, level, message) = run(stage.gate("up").set("FLOOR", "17Gi"));
    assert_eq!((code, outcome.as_str(), level.as_str()), (2, "misconfigured", "error"));
    assert_eq!(
        message,
        "invalid configuration: FLOOR: more than `GPU_TOTAL`, so it can never be free"
    );
    assert_eq!(stage.replicas(), 1, "as the first run left it");
}

#[test]
#[ignore = "tests/e2e/run"]
fn replicas_are_all_that_its_patch_can_change() {
    let stage = Stage::new(Cluster::shared(), "gate-patch");
    let gate = stage.cluster.with_token(&stage.token());
    let before = stage.deployment();
    let patch = json!({
        "metadata": {"labels": {"stolen": "true"}, "annotations": {"stolen": "true"}},
        "spec": {"replicas": 1, "template": {"spec": {"priorityClassName": "gpu-workload"}}},
        "status": {"replicas": 5},
    });
    gate.patch(&stage.scale(), MERGE, &patch, "").object();
    assert_eq!(changed(&before, &stage.deployment()), ["spec.replicas: 0 -> 1"]);
}
