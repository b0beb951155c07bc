//! `docs/stop.md`: its commands, in its order, while an `up` pauses between its samples.

use std::fs;

use super::deployed_stack::{DeployedStack, Running};
use super::exporter::roomy;
use crate::cluster::{Cluster, until};
use crate::common::guide;
use crate::common::tool::repository;

/// The kubectl commands of a section of the page, without their namespace.
pub fn commands(heading: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(repository().join("docs/stop.md")).unwrap();
    let (_, section) = page.split_once(heading).unwrap();
    let section = section.split("\n#").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    kubectl -n tts "));
    lines.map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

/// Runs one of them in a stack's namespace.
pub fn kubectl(stack: &DeployedStack<'_>, command: &[String]) {
    let arguments: Vec<&str> =
        ["-n", &stack.namespace].into_iter().chain(command.iter().map(String::as_str)).collect();
    stack.cluster.kubectl_ok(&arguments, "");
}

/// An `up` between its two samples.
fn pausing_up(stack: &DeployedStack<'_>) -> Running {
    let up = stack.gate("up").page(roomy()).set("SAMPLE_INTERVAL", "80s").start();
    until("the first sample", || (up.scrapes() >= 2).then_some(()));
    up
}

/// Stops everything while an `up` runs; the deletion of its Pod is what the kubelet makes of it.
fn stop_everything(stack: &DeployedStack<'_>, mut end_up: impl FnMut()) {
    let commands = commands("# Stop everything");
    let verbs: Vec<&str> = commands.iter().map(|command| command[0].as_str()).collect();
    assert_eq!(verbs, ["create", "delete", "scale", "get"]);
    for command in &commands {
        kubectl(stack, command);
        if command[0] == "delete" {
            end_up();
        }
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn nothing_comes_back_after_a_stop() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-stop");
    stack.scale_to(0);
    let mut up = Some(pausing_up(&stack));
    stop_everything(&stack, || {
        let up = up.take().unwrap();
        up.terminate();
        let output = up.end();
        assert!(output.stderr.contains("stopped by SIGTERM"), "{}", output.stderr);
    });
    assert_eq!(stack.replicas(), 0);
    for command in commands("## Start again") {
        kubectl(&stack, &command);
    }
    assert_eq!(stack.replicas(), 0, "nothing waited behind the quota");
}

/// The last moment: the PATCH is on its way when the Pod is deleted.
#[test]
#[ignore = "tests/e2e/run"]
fn an_up_that_wins_the_race_is_undone() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-stop-race");
    stop_everything(&stack, || {
        assert_eq!(stack.gate("up").page(roomy()).run().code, 0);
        assert_eq!(stack.replicas(), 1);
    });
    assert_eq!(stack.replicas(), 0);
}

/// docs/runbook.md: each `kubectl` command succeeds on a stack that is there.
#[test]
#[ignore = "tests/e2e/run"]
fn the_commands_of_the_runbook_succeed() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-runbook");
    let commands = guide::commands("docs/runbook.md");
    let kubectl: Vec<&str> =
        commands.iter().filter_map(|command| command.strip_prefix("kubectl ")).collect();
    assert!(kubectl.len() >= 8, "{commands:?}");
    for command in kubectl {
        let words: Vec<&str> = command
            .split(' ')
            .map(|word| if word == "tts" { stack.namespace.as_str() } else { word })
            .collect();
        // Without objects `get` says so on standard error.
        let output = stack.cluster.kubectl(&words, "");
        assert_eq!(output.code, 0, "kubectl {words:?}: {}", output.stderr);
    }
}
