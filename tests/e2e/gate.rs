//! Runs the gate with its own service account, Role and token against a real API server.
//!
//! It has the environment of its rendered CronJobs, except for the addresses and the pause between two
//! samples.

mod concurrent_writers;
pub mod deployed_stack;
pub mod exporter;
mod outage;
mod refused;
mod rights;
pub mod stop_everything;
mod targets;
mod token;
mod watch;

use serde_json::{Value, json};

use crate::cluster::{Cluster, MERGE};
use crate::compare::differences;
use deployed_stack::{DEPLOYMENT, DeployedStack};
use exporter::{full, roomy};

/// The log line's readings after `up` scraped [`roomy`] twice.
const ROOMY: &str = "used=8Gi free=7Gi floor=6Gi total=15Gi \
     reserve=512Mi others=8Gi unknown=0 tenant=0 series=2 budget=5.5Gi samples=2";

/// The same for [`full`], scraped once: the guard scrapes once, and `up` stops after the first sample.
const FULL: &str = "used=12Gi free=3Gi floor=6Gi total=15Gi \
     reserve=512Mi others=12Gi unknown=0 tenant=0 series=2 budget=5.5Gi samples=1";

/// The gate's log line.
fn line(stack: &DeployedStack<'_>, action: &str, done: &str, rest: &str) -> String {
    let name = format!("{}/{DEPLOYMENT}", stack.namespace);
    format!("vram-gate {action}: {}: {rest}\n", done.replace("IT", &name))
}

/// The changes of a Deployment, without those of its field managers.
fn changed(before: &Value, after: &Value) -> Vec<String> {
    let mut changed = differences(before, after);
    changed.retain(|change| !change.starts_with("metadata.managedFields"));
    changed
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_gate_scales_up_yields_and_scales_down() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-window");
    assert_eq!(stack.replicas(), 0, "as it is rendered");

    let up = stack.gate("up").page(roomy()).run();
    let said = format!("the floor is free {ROOMY} before=0 after=1");
    assert_eq!((up.code, up.stderr), (0, line(&stack, "up", "scaled IT to 1", &said)));
    assert_eq!(stack.replicas(), 1);

    let guard = stack.gate("guard").page(full()).run();
    let said = format!("others leave less than the floor {FULL} before=1 after=0");
    assert_eq!((guard.code, guard.stderr), (0, line(&stack, "guard", "scaled IT to 0", &said)));
    assert_eq!(stack.replicas(), 0);

    assert_eq!(stack.gate("up").page(roomy()).run().code, 0);
    assert_eq!(stack.replicas(), 1);
    // Without an exporter: `down` does not scrape.
    let down = stack.gate("down").run();
    let said = "the window ends before=1 after=0";
    assert_eq!((down.code, down.stderr), (0, line(&stack, "down", "scaled IT to 0", said)));
    assert_eq!(stack.replicas(), 0);
}

/// The field managers of the replicas.
fn owners(deployment: &Value) -> Vec<Value> {
    let entries = deployment["metadata"]["managedFields"].as_array().unwrap().iter();
    let replicas = |entry: &&Value| entry["fieldsV1"]["f:spec"]["f:replicas"].is_object();
    entries.filter(replicas).cloned().collect()
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_gate_owns_the_replicas_while_the_tenant_runs() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-owner");
    let rendered = stack.deployment();
    let first: Vec<Value> =
        owners(&rendered).iter().map(|entry| entry["manager"].clone()).collect();
    assert_eq!(first, ["kustomize-controller"]);

    assert_eq!(stack.gate("up").page(roomy()).run().code, 0);
    let up = stack.deployment();
    // The server records no time for an update of a scale.
    let own = json!({
        "manager": "vram-gate", "operation": "Update", "apiVersion": "apps/v1",
        "subresource": "scale", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    });
    assert_eq!(owners(&up), [own]);
    assert_eq!(changed(&rendered, &up), ["spec.replicas: 0 -> 1"]);

    // A Scale of 0 has no `replicas` (`omitempty`), which the server takes as a field that its owner gave
    // up. So an apply of Git's 0 has no conflict, and changes nothing.
    assert_eq!(stack.gate("guard").page(full()).run().code, 0);
    let down = stack.deployment();
    assert_eq!(owners(&down), [Value::Null; 0]);
    assert_eq!(changed(&up, &down), ["spec.replicas: 1 -> 0"]);
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_run_without_a_change_writes_nothing() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-still");
    let card = |text: &str, looks: u32| {
        text.rsplit_once('=').map(|(start, _)| format!("{start}={looks}")).unwrap()
    };
    // The replicas, the action and the exposition, with the expected outcome and message.
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
        (1, "up", Some(roomy()), "left IT alone", "it already has a replica before=1".to_owned()),
        (1, "up", Some(full()), "left IT alone", "it already has a replica before=1".to_owned()),
        (
            1,
            "guard",
            Some(roomy()),
            "left IT alone",
            format!("the floor and the reserve are free {}", card(ROOMY, 1)),
        ),
    ];
    for (replicas, action, page, done, said) in table {
        stack.scale_to(replicas);
        let before = stack.deployment();
        let gate = stack.gate(action).set("SCRAPE_TIMEOUT", "1s");
        let output = if let Some(page) = page { gate.page(page) } else { gate }.run();
        assert_eq!(output.code, 0, "{action} at {replicas}: {}", output.stderr);
        let expected = line(&stack, action, done, &said);
        match expected.strip_suffix("scrapeError=\n") {
            Some(start) => {
                assert!(output.stderr.starts_with(start), "{} for {expected}", output.stderr)
            }
            None => assert_eq!(output.stderr, expected),
        }
        assert_eq!(stack.deployment(), before, "{action}: resourceVersion and all");
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_dry_run_reads_and_does_not_write() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-dry");
    let before = stack.deployment();
    let output = stack.gate("up").page(roomy()).set("DRY_RUN", "true").run();
    let said = format!("the floor is free {ROOMY} before=0");
    assert_eq!((output.code, output.stderr), (0, line(&stack, "up", "would scale IT to 1", &said)));
    assert_eq!(stack.deployment(), before, "resourceVersion and all");
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_log_line_is_json_on_request() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-json");
    let run = |gate: deployed_stack::Gate| {
        let output = gate.page(roomy()).set("LOG_FORMAT", "json").run();
        let line: Value = serde_json::from_str(&output.stderr).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        assert_eq!(line["exit"], output.code);
        (output.code, text("outcome"), text("level"), text("message"))
    };
    let name = format!("gate-json/{DEPLOYMENT}");
    let (code, outcome, level, message) = run(stack.gate("up"));
    assert_eq!((code, outcome.as_str(), level.as_str()), (0, "scaled", "info"));
    assert_eq!(message, format!("scaled {name} to 1: the floor is free"));

    let (code, outcome, level, message) = run(stack.gate("down").token("nobodys"));
    assert_eq!((code, outcome.as_str(), level.as_str()), (1, "failed", "error"));
    let said = "the window ends; PATCH scale: answered 401: Unauthorized";
    assert_eq!(message, format!("could not scale {name} to 0: {said}"));

    let (code, outcome, level, message) = run(stack.gate("up").set("FLOOR", "17Gi"));
    assert_eq!((code, outcome.as_str(), level.as_str()), (2, "misconfigured", "error"));
    assert_eq!(
        message,
        "invalid configuration: FLOOR: more than `GPU_TOTAL`, so it can never be free"
    );
    assert_eq!(stack.replicas(), 1, "as the first run left it");
}

#[test]
#[ignore = "tests/e2e/run"]
fn its_patch_can_change_only_the_replicas() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-patch");
    let gate = stack.cluster.with_token(&stack.token());
    let before = stack.deployment();
    let patch = json!({
        "metadata": {"labels": {"stolen": "true"}, "annotations": {"stolen": "true"}},
        "spec": {"replicas": 1, "template": {"spec": {"priorityClassName": "gpu-workload"}}},
        "status": {"replicas": 5},
    });
    gate.patch(&stack.scale(), MERGE, &patch, "").object();
    assert_eq!(changed(&before, &stack.deployment()), ["spec.replicas: 0 -> 1"]);
}
