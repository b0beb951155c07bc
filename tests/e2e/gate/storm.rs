//! Many who write to the Deployment while the gate goes up and down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::exporter::roomy;
use super::stage::{DEPLOYMENT, Stage};
use crate::cluster::{Api, Cluster, MERGE};

const WRITERS: usize = 20;

/// How often the gate goes up and down in a storm.
const ROUNDS: usize = 4;

/// What became of the writes.
#[derive(Default)]
struct Counts {
    done: AtomicUsize,
    conflicts: AtomicUsize,
}

/// Runs `gate` while the writers write, and until each has written.
fn storm(stage: &Stage<'_>, write: impl Fn(usize, &Api, usize) -> u16 + Sync, gate: impl FnOnce()) {
    let (over, counts) = (AtomicBool::new(false), Counts::default());
    let token = writers_token(stage);
    std::thread::scope(|scope| {
        // Ends the writers, also when the gate's part fails.
        let _end = End(&over);
        for writer in 0..WRITERS {
            let (over, counts, write, token) = (&over, &counts, &write, &token);
            scope.spawn(move || {
                let api = stage.cluster.with_token(token);
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
    // It was one: the writers themselves were in each other's way.
    let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
    let (done, conflicts) = (count(&counts.done), count(&counts.conflicts));
    assert!(done >= WRITERS && conflicts >= WRITERS, "{done} done, {conflicts} conflicts");
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A token of somebody who may do everything in the namespace.
fn writers_token(stage: &Stage<'_>) -> String {
    let (admin, namespace) = (stage.cluster.admin(), &stage.namespace);
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
    let token = stage.cluster.token(namespace, "writer", 3600);
    let api = stage.cluster.with_token(&token);
    crate::cluster::until("the binding holds", || api.get(&stage.scale()).done().then_some(()));
    token
}

#[test]
#[ignore = "tests/e2e/run"]
fn whoever_writes_elsewhere_each_run_ends_as_it_says() {
    let stage = Stage::new(Cluster::shared(), "gate-storm");
    let deployment = stage.apps(&format!("deployments/{DEPLOYMENT}"));
    // Every other one patches, as a controller does that marks what it saw; the rest write back what
    // they read, replicas and all, and must not bring back old ones.
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
    storm(&stage, write, || {
        for _ in 0..ROUNDS {
            let up = stage.gate("up").page(roomy()).run();
            assert!(up.code == 0 && up.err.contains(" before=0 after=1"), "{}", up.err);
            assert_eq!(stage.replicas(), 1);
            let down = stage.gate("down").run();
            assert!(down.code == 0 && down.err.contains(" before=1 after=0"), "{}", down.err);
            assert_eq!(stage.replicas(), 0);
        }
    });
    assert_eq!(stage.replicas(), 0, "nobody brought them back");
}

#[test]
#[ignore = "tests/e2e/run"]
fn whoever_else_scales_the_last_word_is_the_gates() {
    let stage = Stage::new(Cluster::shared(), "gate-scalers");
    let path = stage.scale();
    let write = |writer: usize, api: &Api, count: usize| {
        let replicas = (writer + count) % 4;
        if writer.is_multiple_of(2) {
            return api.patch(&path, MERGE, &json!({"spec": {"replicas": replicas}}), "").status;
        }
        let mut scale = api.get(&path).object();
        scale["spec"]["replicas"] = json!(replicas);
        api.send("PUT", &path, "application/json", &scale.to_string()).unwrap().status
    };
    storm(&stage, write, || {
        for _ in 0..ROUNDS {
            for gate in [stage.gate("up").page(roomy()), stage.gate("down")] {
                let ran = gate.run();
                assert_eq!(ran.code, 0, "{}", ran.err);
            }
        }
    });
    for (gate, replicas) in [(stage.gate("up").page(roomy()), 1), (stage.gate("down"), 0)] {
        assert_eq!(gate.run().code, 0);
        assert_eq!(stage.replicas(), replicas);
    }
}
