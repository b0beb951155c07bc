//! Many clients write to the Deployment while the gate scales it up and down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::deployed_stack::{DEPLOYMENT, DeployedStack};
use super::exporter::roomy;
use crate::cluster::{Api, Cluster, MERGE};

const WRITERS: usize = 20;

/// The number of times that the gate scales up and down.
const ROUNDS: usize = 4;

/// The results of the writes.
#[derive(Default)]
struct Counts {
    done: AtomicUsize,
    conflicts: AtomicUsize,
}

/// Runs `gate` while the writers write. Each writes at least once.
fn with_concurrent_writers(
    stack: &DeployedStack<'_>,
    write: impl Fn(usize, &Api, usize) -> u16 + Sync,
    gate: impl FnOnce(),
) {
    let (over, counts) = (AtomicBool::new(false), Counts::default());
    let token = writers_token(stack);
    std::thread::scope(|scope| {
        // Ends the writers, also when the gate's part fails.
        let _end = End(&over);
        for writer in 0..WRITERS {
            let (over, counts, write, token) = (&over, &counts, &write, &token);
            scope.spawn(move || {
                let api = stack.cluster.with_token(token);
                let mut count = 0;
                while count == 0 || !over.load(Ordering::SeqCst) {
                    match write(writer, &api, count) {
                        200 => counts.done.fetch_add(1, Ordering::SeqCst),
                        409 => counts.conflicts.fetch_add(1, Ordering::SeqCst),
                        status => panic!("writer {writer}: {status}"),
                    };
                    count += 1;
                }
            });
        }
        gate();
    });
    // The writers must have been in each other's way.
    let [done, conflicts] =
        [&counts.done, &counts.conflicts].map(|count| count.load(Ordering::SeqCst));
    assert!(done >= WRITERS && conflicts >= WRITERS, "{done} done, {conflicts} conflicts");
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A token with all rights in the namespace.
fn writers_token(stack: &DeployedStack<'_>) -> String {
    let (admin, namespace) = (stack.cluster.admin(), &stack.namespace);
    let metadata = json!({"name": "writer", "namespace": namespace});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "writer", "namespace": namespace}],
    });
    for object in [account, binding] {
        admin.apply(&object, "fieldManager=tests").object();
    }
    let token = stack.cluster.token(namespace, "writer", 3600);
    let api = stack.cluster.with_token(&token);
    crate::cluster::until("the binding takes effect", || {
        api.get(&stack.scale()).done().then_some(())
    });
    token
}

#[test]
#[ignore = "tests/e2e/run"]
fn each_run_has_its_logged_result_despite_writes_to_other_fields() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-storm");
    let deployment = stack.apps(&format!("deployments/{DEPLOYMENT}"));
    // Every other writer patches an annotation, as a controller might. The others write back the object that
    // they read, with its replicas, and must not restore old ones.
    let write = |writer: usize, api: &Api, count: usize| {
        if writer.is_multiple_of(2) {
            let patch = json!({"metadata": {"annotations": {format!("writer-{writer}"): count.to_string()}}});
            return api.patch(&deployment, MERGE, &patch, "").status;
        }
        let mut object: Value = api.get(&deployment).object();
        object["metadata"]["labels"][format!("writer-{writer}")] = json!(count.to_string());
        object["apiVersion"] = json!("apps/v1");
        object["kind"] = json!("Deployment");
        api.replace(&object, "").status
    };
    with_concurrent_writers(&stack, write, || {
        for _ in 0..ROUNDS {
            let up = stack.gate("up").page(roomy()).run();
            assert!(up.code == 0 && up.stderr.contains(" before=0 after=1"), "{}", up.stderr);
            assert_eq!(stack.replicas(), 1);
            let down = stack.gate("down").run();
            assert!(down.code == 0 && down.stderr.contains(" before=1 after=0"), "{}", down.stderr);
            assert_eq!(stack.replicas(), 0);
        }
    });
    assert_eq!(stack.replicas(), 0, "no writer restored them");
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_gate_has_the_last_word_among_others_that_scale() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-scalers");
    let path = stack.scale();
    let write = |writer: usize, api: &Api, count: usize| {
        let replicas = (writer + count) % 4;
        if writer.is_multiple_of(2) {
            return api.patch(&path, MERGE, &json!({"spec": {"replicas": replicas}}), "").status;
        }
        let mut scale = api.get(&path).object();
        scale["spec"]["replicas"] = json!(replicas);
        api.send("PUT", &path, "application/json", &scale.to_string()).unwrap().status
    };
    with_concurrent_writers(&stack, write, || {
        for _ in 0..ROUNDS {
            for gate in [stack.gate("up").page(roomy()), stack.gate("down")] {
                let output = gate.run();
                assert_eq!(output.code, 0, "{}", output.stderr);
            }
        }
    });
    // `down` first: `up` leaves a tenant alone that others gave replicas.
    for (gate, replicas) in [(stack.gate("down"), 0), (stack.gate("up").page(roomy()), 1)] {
        assert_eq!(gate.run().code, 0);
        assert_eq!(stack.replicas(), replicas);
    }
}
