//! Plays what can go wrong during a night, and writes the table of docs/gate.md.
//!
//! Kubernetes' own API server, controllers and scheduler run the rendered stack, and the real gate runs in its
//! Pods. KWOK takes the place of the kubelets, so no container runs on a node; a row that needs a real kubelet,
//! network or clock sets the state that they would report. Time is not waited for: the controller starts what a
//! row makes due, and the bounds are those of the rendered schedules.

pub mod exporter;
pub mod kubelet;
mod outcome;
mod rows;
mod scene;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::cluster::{Cluster, MERGE};
use crate::common::tool::{generate, objects, repository};
use kubelet::Kubelet;
use outcome::{Outcome, Plan};
pub use scene::cron_job_name;

/// The controllers that the night needs.
const CONTROLLERS: [&str; 9] = [
    "cronjob-controller",
    "job-controller",
    "ttl-after-finished-controller",
    "garbage-collector-controller",
    "resourcequota-controller",
    "deployment-controller",
    "replicaset-controller",
    "serviceaccount-controller",
    "persistentvolume-binder-controller",
];

/// Nodes whose name starts so have no kubelet.
const LOST: &str = "lost-";

/// Nodes whose name starts so are the test's: its kubelet runs gates there, and can be lost.
pub const OWN: &str = "own-";

/// Rows that run at the same time.
const WORKERS: usize = 5;

/// The cluster of all rows.
pub struct Night {
    pub cluster: &'static Cluster,
    pub kubelet: &'static Kubelet,
}

impl Night {
    /// Starts a cluster with the tenant's node, which the gate's Pods do not tolerate, and another.
    pub fn start() -> &'static Self {
        let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start()));
        cluster.start_controllers(&CONTROLLERS);
        cluster.start_scheduler();
        cluster.start_kwok(&repository().join("tests/e2e/night/stages.yaml"));
        let kubelet = Kubelet::start(cluster);
        let night: &Night = Box::leak(Box::new(Night { cluster, kubelet }));
        night.add_node("gpu", &json!([gpu_taint()]));
        night.add_node("other", &json!([]));
        night
    }

    /// Registers a node, as its kubelet does.
    pub fn add_node(&self, name: &str, taints: &Value) {
        self.add_node_with(name, taints, &(name == "gpu").to_string(), 100);
    }

    /// Registers a node with this value of the label by which the tenant finds its node, and so many parts of GPUs.
    pub fn add_node_with(&self, name: &str, taints: &Value, label: &str, parts: u32) {
        let mut annotations = json!({});
        if !name.starts_with(LOST) && !name.starts_with(OWN) {
            annotations["kwok.x-k8s.io/node"] = json!("fake");
        }
        let room = json!({"cpu": "8", "memory": "64Gi", "pods": "110",
            "nvidia.com/gpu": parts.to_string()});
        let now = Timestamp::now().strftime("%FT%TZ").to_string();
        let node = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "annotations": annotations,
                "labels": {"nvidia.com/gpu.present": label},
            },
            "spec": {"taints": taints},
            "status": {"capacity": room, "allocatable": room, "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready",
                "lastHeartbeatTime": now, "lastTransitionTime": now,
            }]},
        });
        self.cluster.admin().create(&node, "").object();
        // The server taints a new node until a controller finds it ready.
        let ready = json!({"spec": {"taints": taints}});
        self.cluster.admin().patch(&format!("/api/v1/nodes/{name}"), MERGE, &ready, "").object();
    }

    /// Registers a node that has no kubelet any more once a Pod runs there.
    pub fn add_lost_node(&self, row: &str) -> String {
        let name = format!("{LOST}{row}");
        self.add_node(&name, &json!([{"key": "lost", "effect": "NoSchedule"}]));
        name
    }

    /// Reports that a node does not answer, as the node controller does after its grace period.
    pub fn lose(&self, node: &str) {
        let now = Timestamp::now().strftime("%FT%TZ").to_string();
        let status = json!({"status": {"conditions": [{
            "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }]}});
        let path = format!("/api/v1/nodes/{node}/status");
        self.cluster.admin().patch(&path, MERGE, &status, "").object();
    }
}

/// The taint of nodes with a GPU.
pub fn gpu_taint() -> Value {
    json!({"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"})
}

/// A time zone of whole hours in which it is now this hour.
pub fn zone_with_hour(hour: i8) -> String {
    let ahead = hour - Timestamp::now().to_zoned(TimeZone::UTC).hour();
    let ahead = if ahead < -12 {
        ahead + 24
    } else if ahead > 14 {
        ahead - 24
    } else {
        ahead
    };
    // In these names the sign is the other way round.
    match ahead {
        0 => "Etc/UTC".to_owned(),
        1.. => format!("Etc/GMT-{ahead}"),
        _ => format!("Etc/GMT+{}", -ahead),
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_sequences_end_as_documented() {
    let night = Night::start();
    let (alone, together): (Vec<usize>, Vec<usize>) =
        (0..rows::ROWS.len()).partition(|&index| rows::ROWS[index].alone);
    let mut results = play(night, &alone, 1);
    results.extend(play(night, &together, WORKERS));
    results.sort_by_key(|(index, _)| *index);
    let results: Vec<Option<Outcome>> = results.into_iter().map(|(_, result)| result).collect();
    let failed: Vec<&str> = rows::ROWS
        .iter()
        .zip(&results)
        .filter_map(|(row, result)| result.is_none().then_some(row.name))
        .collect();
    assert!(failed.is_empty(), "rows {failed:?}: see above\n{}", night.cluster.others_output());
    let outcomes: Vec<Outcome> = results.into_iter().flatten().collect();
    compare_with_the_docs(&table(&outcomes));
}

/// Plays rows with some workers; a row that failed has no outcome.
fn play(night: &'static Night, rows: &[usize], workers: usize) -> Vec<(usize, Option<Outcome>)> {
    let (next, results) = (Mutex::new(rows.iter()), Mutex::default());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(&index) = next.lock().unwrap().next() else { break };
                    let (row, started) = (&rows::ROWS[index], Timestamp::now());
                    let played = catch_unwind(AssertUnwindSafe(|| (row.play)(night)));
                    let outcome = played.ok();
                    let seconds = Timestamp::now().duration_since(started).as_secs();
                    eprintln!("row {} ({seconds} s): {outcome:?}", row.name);
                    let results: &Mutex<Vec<_>> = &results;
                    results.lock().unwrap().push((index, outcome));
                }
            });
        }
    });
    results.into_inner().unwrap()
}

/// The longest gaps in the schedules of values/tts.yaml, on days of 24 hours and on all days.
fn default_plans() -> [Plan; 2] {
    let objects = objects(&generate(&["--app", "tts"]));
    [Plan::of(&objects, Some("Etc/UTC")), Plan::of(&objects, None)]
}

/// The table of docs/gate.md.
fn table(outcomes: &[Outcome]) -> String {
    let [plan, with_clock_changes] = default_plans();
    let mut table = "| # | sequence | how it ends | unguarded at most | ended by | |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    let mut by_hand = Vec::new();
    for (row, outcome) in rows::ROWS.iter().zip(outcomes) {
        let (mut bound, longest) =
            (plan.unguarded(outcome.ended), with_clock_changes.unguarded(outcome.ended));
        if longest != bound {
            bound = format!("{bound} ({longest} when the clocks change)");
        }
        let cells = [
            row.name,
            row.sequence,
            &outcome.steps.join("; "),
            &bound,
            outcome.ended.by(),
            row.mark,
        ];
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
        if outcome.ended == outcome::Ended::Person {
            by_hand.push(row.name);
        }
    }
    let rows = by_hand.join(", ");
    format!("{table}\nOnly an alert or a person ends {rows}.\n")
}

/// Compares the table with docs/gate.md, or writes it there with `UPDATE_DOCS` set.
fn compare_with_the_docs(table: &str) {
    let file: &Path = &repository().join("docs/gate.md");
    let document = std::fs::read_to_string(file).unwrap();
    let (start, end) = ("<!-- sequences -->\n", "<!-- /sequences -->");
    let (before, rest) = document.split_once(start).expect(start);
    let (found, after) = rest.split_once(end).expect(end);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let document = format!("{before}{start}\n{}\n{end}{after}", table.trim());
        std::fs::write(file, document).unwrap();
    } else {
        assert_eq!(found.trim(), table.trim(), "docs/gate.md; UPDATE_DOCS=1 rewrites it:\n{table}");
    }
}
