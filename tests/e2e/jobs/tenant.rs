//! The effect of the gate's decisions: the tenant's Pod is created and deleted.

use serde_json::{Value, json};

use super::{cluster, list};
use crate::cluster::until;
use crate::gate::deployed_stack::{DEPLOYMENT, DeployedStack, PRIORITY};
use crate::gate::exporter::{full, roomy};

fn tenants(stack: &DeployedStack<'_>) -> Vec<Value> {
    list(stack, "api/v1", &format!("pods?labelSelector=app={DEPLOYMENT}"))
}

#[test]
#[ignore = "tests/e2e/run"]
fn up_creates_the_tenants_pod_and_guard_and_down_delete_it() {
    let stack = DeployedStack::new(cluster(), "jobs-tenant");
    let class = &stack.rendered("Deployment", DEPLOYMENT)["spec"]["template"]["spec"];
    let class = class["priorityClassName"].as_str().unwrap();

    for (action, page) in [("guard", Some(full())), ("down", None)] {
        let up = stack.gate("up").page(roomy()).run();
        assert_eq!(up.code, 0, "{}", up.stderr);
        let pod = until("the tenant's Pod", || tenants(&stack).pop());
        assert_eq!(
            (&pod["spec"]["priorityClassName"], &pod["spec"]["priority"]),
            (&json!(class), &json!(PRIORITY))
        );
        assert_eq!(tenants(&stack).len(), 1);

        let gate = stack.gate(action);
        let output = if let Some(page) = page { gate.page(page) } else { gate }.run();
        assert_eq!(output.code, 0, "{}", output.stderr);
        until("no Pod is left", || tenants(&stack).is_empty().then_some(()));
    }
}
