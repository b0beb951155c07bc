//! The objects that Terraform applied before this project rendered them: the seed of the stack.

use serde_json::{Value, json};

use super::tool::{objects, repository};

const STACK: &str = include_str!("../fixtures/terraform/stack.yaml");
const ELSEWHERE: &str = include_str!("../fixtures/terraform/elsewhere.yaml");

/// The three CronJobs: name, schedule and action.
const CRON_JOBS: [(&str, &str, &str); 3] = [
    ("chatterbox-window-up", "0 2 * * *", "up"),
    ("chatterbox-window-down", "0 6 * * *", "down"),
    ("chatterbox-vram-guard", "*/5 2-5 * * *", "guard"),
];

/// The stack's objects as the cluster holds them, with what other programs wrote since.
pub fn live_stack() -> Vec<Value> {
    with_cron_jobs(STACK, &script())
}

/// The objects that Terraform declares, in its own stack and in those of other owners. The text of the
/// shell script stays `SCRIPT`.
pub fn declared_objects() -> Vec<Value> {
    let written_by_terraform = |line: &&str| line.starts_with('#') || !line.contains(" # ");
    let stack: Vec<&str> = STACK.lines().filter(written_by_terraform).collect();
    let mut declared = with_cron_jobs(&stack.join("\n"), "SCRIPT");
    declared.extend(objects(ELSEWHERE));
    declared
}

/// The text of the shell script that `vram-gate` replaces.
pub fn script() -> String {
    let path = repository().join("gate/tests/fixtures/vram_gate_script.sh");
    std::fs::read_to_string(path).unwrap()
}

/// The objects of a stack, the last of which is a CronJob that is made three.
fn with_cron_jobs(stack: &str, script: &str) -> Vec<Value> {
    let mut found = objects(stack);
    let job = found.pop().unwrap();
    for (name, schedule, action) in CRON_JOBS {
        let mut job = job.clone();
        job["metadata"]["name"] = json!(name);
        job["spec"]["schedule"] = json!(schedule);
        let pod = &mut job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let container = &mut pod["containers"][0];
        container["command"][2] = json!(script);
        container["env"][0]["value"] = json!(action);
        found.push(job);
    }
    found
}
