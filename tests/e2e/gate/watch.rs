//! A watch with the Role of the rendered jobs: its writes, the end by a person, and an API server that is away.

use serde_json::Value;

use super::deployed_stack::{DEPLOYMENT, DeployedStack, Running};
use super::exporter::{full, roomy};
use crate::cluster::{Cluster, until};

/// Waits for so many more looks; each reads the page twice.
fn wait_for_looks(watch: &Running, looks: usize) {
    let wanted = watch.scrapes() + 2 * looks;
    until("looks", || (watch.scrapes() >= wanted).then_some(()));
}

fn report(message: &str) -> Value {
    serde_json::from_str(message).unwrap()
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_watch_writes_only_when_it_scales() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-watch");
    let watch = stack.watch().page(roomy()).start();
    until("a start", || (stack.replicas() == 1).then_some(()));
    let started = stack.deployment();
    wait_for_looks(&watch, 10);
    assert_eq!(stack.deployment(), started, "resourceVersion and all");
    watch.terminate();
    let (output, message) = watch.end_with_message();
    assert_eq!((output.code, stack.replicas()), (1, 0), "{}", output.stderr);
    assert_eq!(report(&message)["starts"], 1);
    // The Job's next attempt finds a full GPU.
    let watch = stack.watch().page(full()).start();
    wait_for_looks(&watch, 5);
    assert_eq!(stack.replicas(), 0);
    stack.scale_to(1);
    until("a yield", || (stack.replicas() == 0).then_some(()));
    watch.terminate();
    let (_, message) = watch.end_with_message();
    assert_eq!(report(&message)["yields"][0]["reason"], "floor-broken");
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_person_who_scales_to_0_ends_the_watch() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-watch-closed");
    let watch = stack.watch().page(roomy()).start();
    until("a start", || (stack.replicas() == 1).then_some(()));
    wait_for_looks(&watch, 2);
    stack.scale_to(0);
    let (output, message) = watch.end_with_message();
    assert_eq!((output.code, stack.replicas()), (0, 0), "{}", output.stderr);
    assert_eq!(report(&message)["reason"], "closed-by-another");
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_watch_outlives_the_api_server() {
    let cluster = Cluster::start();
    let stack = DeployedStack::new(&cluster, "tts");
    let mut watch = stack.watch().page(roomy()).set("SAMPLES", "1").start();
    until("a start", || (stack.replicas() == 1).then_some(()));
    wait_for_looks(&watch, 2);
    cluster.stop_server();
    wait_for_looks(&watch, 3);
    assert!(watch.is_running(), "it goes on");
    cluster.start_server();
    wait_for_looks(&watch, 3);
    assert_eq!(stack.replicas(), 1, "it left the tenant alone");
    watch.terminate();
    let (output, message) = watch.end_with_message();
    assert_eq!((output.code, stack.replicas()), (1, 0), "{}", output.stderr);
    let report = report(&message);
    assert_eq!((&report["starts"], &report["yieldCount"]), (&1.into(), &0.into()));
    assert_eq!(report["name"], DEPLOYMENT);
}
