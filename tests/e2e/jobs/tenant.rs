//! What the gate's decisions come to: the tenant's Pod comes and goes.

use serde_json::{Value, json};

use super::{cluster, list};
use crate::cluster::until;
use crate::gate::exporter::{full, roomy};
use crate::gate::stage::{DEPLOYMENT, Stage};

fn tenants(stage: &Stage<'_>) -> Vec<Value> {
    list(stage, "api/v1", &format!("pods?labelSelector=app={DEPLOYMENT}"))
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_tenants_pod_comes_with_up_and_goes_with_guard_and_down() {
    let stage = Stage::new(cluster(), "jobs-tenant");
    // The cluster has it before the stack comes: a Pod of a class that is not there is refused.
    let class = &stage.rendered("Deployment", DEPLOYMENT)["spec"]["template"]["spec"];
    let class = class["priorityClassName"].as_str().unwrap();
    let object = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": {"name": class}, "value": 600_000});
    stage.cluster.admin().create(&object, "").object();

    for (action, page) in [("guard", Some(full())), ("down", None)] {
        let up = stage.gate("up").page(roomy()).run();
        assert_eq!(up.code, 0, "{}", up.err);
        let pod = until("the tenant's Pod", || tenants(&stage).pop());
        assert_eq!(
            (&pod["spec"]["priorityClassName"], &pod["spec"]["priority"]),
            (&json!(class), &json!(600_000))
        );
        assert_eq!(tenants(&stage).len(), 1);

        let gate = stage.gate(action);
        let ran = if let Some(page) = page { gate.page(page) } else { gate }.run();
        assert_eq!(ran.code, 0, "{}", ran.err);
        until("no Pod is left", || tenants(&stage).is_empty().then_some(()));
    }
}
