//! `status`: what the gate did in the last windows, from recorded states of a cluster.

#![cfg(test)]

mod common;
#[path = "status/growth.rs"]
mod growth;
#[path = "status/states.rs"]
mod states;

use common::output::CommandOutput;
use common::schemas;
use common::tool::{Sandbox, generate, objects, repository, tts_render};
use jiff::civil::{DateTime, datetime};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The CronJob of each action.
const CRON_JOBS: [(&str, &str); 4] = [
    ("up", "chatterbox-window-up"),
    ("guard", "chatterbox-vram-guard"),
    ("down", "chatterbox-window-down"),
    ("demand", "chatterbox-tts-demand"),
];
const GI: u64 = 1 << 30;

/// A cluster's objects after a night, as `kubectl get -o json` prints them.
struct State {
    items: Vec<Value>,
}

/// A minute of the night of Thursday, 26 November 2026; London has UTC's clock.
fn minute(hour: i8, minute: i8) -> Timestamp {
    at(datetime(2026, 11, 26, hour, minute, 0, 0))
}

fn at(time: DateTime) -> Timestamp {
    time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
}

/// A report of the gate; `change` is the replicas before and after, of a decision that scales.
fn report(action: &str, decision: &str, reason: &str, change: (u32, u32)) -> Value {
    let outcome = match decision {
        "leave" => "left-alone",
        _ if change.0 == change.1 => "already-there",
        _ => "scaled",
    };
    let mut report = json!({
        "version": 1, "gate": "0.1.0", "level": "info", "outcome": outcome, "decision": decision,
        "message": format!("{outcome}: {reason}"), "exit": 0, "reason": reason, "action": action,
        "namespace": "tts", "kind": "Deployment", "name": "chatterbox-tts", "dryRun": false,
        "durationMs": 20,
    });
    let mut add = |more: Value| {
        report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    };
    if decision != "leave" {
        add(json!({"before": change.0, "after": change.1}));
    }
    // `down` reads nothing.
    if action != "down" {
        add(json!({"used": 8 * GI, "free": 8 * GI, "floor": 6 * GI, "total": 16 * GI,
            "reserve": GI / 2, "others": 8 * GI, "unknown": 0, "tenant": 0, "series": 2, "samples": 1}));
    }
    report
}

/// The report of a guard while the residents have more than the floor leaves them.
fn broken_floor(change: (u32, u32)) -> Value {
    let mut report = report("guard", "stop", "floor-broken", change);
    for (key, amount) in [("used", 11), ("free", 5), ("others", 11)] {
        report[key] = json!(amount * GI);
    }
    report
}

impl State {
    /// The rendered CronJobs and the Deployment, before any run.
    fn new() -> Self {
        State::with(&[])
    }

    /// The same, rendered with these arguments.
    fn with(args: &[&str]) -> Self {
        let wanted = ["CronJob", "Deployment", "Role", "RoleBinding"];
        let mut items: Vec<Value> = objects(&generate(&[&["tts"], args].concat()))
            .into_iter()
            .filter(|object| wanted.contains(&object["kind"].as_str().unwrap()))
            .filter(|object| object["metadata"]["namespace"] == "tts")
            .collect();
        for item in items.iter_mut().filter(|item| item["kind"] == "Deployment") {
            item["spec"]["replicas"] = json!(0);
            item["metadata"]["managedFields"] = json!([
                {"manager": "argocd-controller", "operation": "Apply", "time": "2026-11-01T10:00:00Z",
                 "fieldsV1": {"f:spec": {"f:template": {}}}},
            ]);
        }
        State { items }
    }

    /// A calm night: `up` starts the tenant, 48 guards leave it, and `down` stops it.
    fn calm_night() -> Self {
        let mut state = State::new();
        state.add("up", minute(2, 0), &report("up", "start", "floor-free", (0, 1)));
        for run in 0..48 {
            let time = minute(2, 0) + SignedDuration::from_mins(5 * run);
            state.add("guard", time, &report("guard", "leave", "floor-holds", (1, 1)));
        }
        state.add("down", minute(6, 0), &report("down", "stop", "window-end", (1, 0)));
        state
    }

    /// Adds a Job that ended well, and its Pod.
    fn add(&mut self, action: &str, time: Timestamp, report: &Value) {
        let job = self.add_job(
            action,
            time,
            &json!({"conditions": [
            {"type": "Complete", "status": "True"}]}),
        );
        let message = report.to_string();
        self.add_pod(
            &job,
            &json!({"phase": "Succeeded", "containerStatuses": [{"name": "vram-gate",
            "state": {"terminated": {"exitCode": 0, "reason": "Completed", "message": message,
                "finishedAt": (time + SignedDuration::from_secs(4)).to_string()}}}]}),
        );
    }

    /// Sets the end of the Pod that was added last.
    fn end_last_pod(&mut self, time: Timestamp) {
        let terminated = &mut self.items.last_mut().unwrap()["status"]["containerStatuses"][0]["state"]
            ["terminated"];
        terminated["finishedAt"] = json!(time.to_string());
    }

    /// Adds a Job; returns its name.
    fn add_job(&mut self, action: &str, time: Timestamp, status: &Value) -> String {
        let (_, cron_job) = CRON_JOBS.iter().find(|(known, _)| *known == action).unwrap();
        let name = format!("{cron_job}-{}", time.as_second() / 60);
        self.items.push(json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {
                "name": name, "namespace": "tts", "creationTimestamp": "2026-11-26T20:00:00Z",
                "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": time.to_string()},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job}],
            },
            "status": status,
        }));
        name
    }

    fn add_pod(&mut self, job: &str, status: &Value) {
        self.items.push(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": format!("{job}-x{}", self.items.len()), "namespace": "tts",
                "labels": {"batch.kubernetes.io/job-name": job},
                "creationTimestamp": "2026-11-26T20:00:00Z",
            },
            "spec": {"containers": [{"name": "vram-gate"}]},
            "status": status,
        }));
    }

    fn add_event(&mut self, kind: &str, name: &str, reason: &str, message: &str) {
        self.items.push(json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": format!("{name}.{}", self.items.len()), "namespace": "tts"},
            "involvedObject": {"kind": kind, "name": name}, "reason": reason, "message": message,
        }));
    }

    /// Removes the Job of a minute and its Pods.
    fn remove(&mut self, action: &str, time: Timestamp) {
        let (_, cron_job) = CRON_JOBS.iter().find(|(known, _)| *known == action).unwrap();
        let name = format!("{cron_job}-{}", time.as_second() / 60);
        self.items.retain(|item| {
            item["metadata"]["name"] != *name
                && item["metadata"]["labels"]["batch.kubernetes.io/job-name"] != *name
        });
    }

    /// The first object of a kind whose name contains a text.
    fn object(&mut self, kind: &str, name: &str) -> &mut Value {
        let is_wanted = |item: &&mut Value| {
            item["kind"] == kind && item["metadata"]["name"].as_str().unwrap().contains(name)
        };
        self.items.iter_mut().find(is_wanted).unwrap()
    }

    /// Runs `status` on the state.
    fn status(&self, args: &[&str]) -> CommandOutput {
        let sandbox = Sandbox::repository();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": self.items});
        sandbox.write("state.json", list.to_string());
        let from = ["status", "tts", "--from", "state.json"];
        sandbox.run(&[&from, args].concat())
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let output = self.status(&[args, &["--format", "json"]].concat());
        let status = serde_json::from_str(&output.stdout).expect(&output.stderr);
        assert_eq!(schemas::errors(&schemas::own("status.json"), &output.stdout), [""; 0]);
        status
    }
}

const MORNING: [&str; 2] = ["--now", "2026-11-26T09:00:00Z"];

/// The cause, the action and the minute of each failure of the last window.
fn failures(status: &Value) -> Vec<String> {
    let failures = status["windows"][0]["failures"].as_array().unwrap();
    let texts = failures.iter().map(|failure| {
        let [cause, action, time] =
            ["cause", "action", "time"].map(|key| failure[key].as_str().unwrap());
        format!("{cause} {action} {}", &time[11..16])
    });
    texts.collect()
}

#[test]
fn a_calm_night_is_as_planned() {
    let output = State::calm_night().status(&MORNING);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    insta::assert_snapshot!(output.stdout);
    let status = State::calm_night().json(&MORNING);
    let window = &status["windows"][0];
    assert_eq!(window["start"], "2026-11-26T02:00:00Z");
    assert_eq!(window["end"], "2026-11-26T06:00:00Z");
    assert_eq!(window["guardRuns"], json!({"due": 48, "seen": 48}));
    assert_eq!((&window["served"], &window["servedSeconds"]), (&json!(true), &json!(4 * 3600)));
    assert_eq!(window["decisions"].as_array().unwrap().len(), 50);
    let scaled = json!({"manager": "vram-gate", "time": "2026-11-26T06:00:04Z"});
    assert_eq!(status["scaledBy"], scaled);
    let next = json!({"start": "2026-11-27T02:00:00Z", "end": "2026-11-27T06:00:00Z"});
    assert_eq!(status["next"], next);
}

/// A night in which the residents took the GPU back at 03:40.
fn night_with_a_yield() -> State {
    let mut state = State::calm_night();
    for run in 20..48 {
        let time = minute(2, 0) + SignedDuration::from_mins(5 * run);
        state.remove("guard", time);
        state.add("guard", time, &broken_floor(if run == 20 { (1, 0) } else { (0, 0) }));
    }
    state.remove("down", minute(6, 0));
    state.add("down", minute(6, 0), &report("down", "stop", "window-end", (0, 0)));
    state
}

#[test]
fn a_yield_ends_the_time_that_is_served_and_is_as_planned() {
    let output = night_with_a_yield().status(&MORNING);
    assert_eq!(output.code, 0, "{}", output.stdout);
    assert!(output.stdout.contains("48 of 48 guard runs, served 1 h 40 min"), "{}", output.stdout);
}

#[test]
fn the_example_of_the_documentation_is_a_night_with_a_yield_and_a_missed_guard() {
    let mut state = night_with_a_yield();
    state.remove("guard", minute(2, 30));
    let output = state.status(&MORNING);
    assert_eq!(output.code, 1);
    let documentation = std::fs::read_to_string(repository().join("docs/status.md")).unwrap();
    let example = documentation.split("```").nth(1).unwrap();
    assert_eq!(example, format!("\n{}", output.stdout));
}

#[test]
fn every_key_of_the_json_is_documented() {
    let documentation = std::fs::read_to_string(repository().join("docs/status.md")).unwrap();
    let schema = std::fs::read_to_string(repository().join("docs/schemas/status.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut keys = Vec::new();
    add_keys(&schema, &mut keys);
    assert!(keys.contains(&"servedSeconds".to_owned()), "{keys:?}");
    let missing: Vec<&String> = keys
        .iter()
        .filter(|key| {
            ![format!("`{key}`"), format!(".{key}`"), format!("{key}[]")]
                .iter()
                .any(|text| documentation.contains(text))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Adds the names of all properties of a schema.
fn add_keys(schema: &Value, keys: &mut Vec<String>) {
    match schema {
        Value::Object(entries) => {
            if let Some(properties) = entries.get("properties").and_then(Value::as_object) {
                keys.extend(properties.keys().cloned());
            }
            entries.values().for_each(|value| add_keys(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|item| add_keys(item, keys)),
        _ => {}
    }
}

/// `--last` counts nights: by day, the hours of demand do not hide the last one.
#[test]
fn hours_of_demand_are_shown_after_the_last_night() {
    let sandbox = Sandbox::repository();
    let state = repository().join("tests/fixtures/status/calm-night.json");
    let args = ["status", "tts", "-f", "overlays/demand.yaml", "--from", state.to_str().unwrap()];
    let shown = |now: &str| -> Vec<(String, bool)> {
        let output = sandbox.run(&[&args[..], &["--format", "json", "--now", now]].concat());
        let status: Value = serde_json::from_str(&output.stdout).expect(&output.stderr);
        let windows = status["windows"].as_array().unwrap().iter();
        windows
            .map(|window| {
                let start = window["start"].as_str().unwrap().to_owned();
                (start, window["byDemand"] == Value::Bool(true))
            })
            .collect()
    };
    let night = ("2026-11-26T02:00:00Z".to_owned(), false);
    assert_eq!(shown("2026-11-26T07:00:00Z"), std::slice::from_ref(&night));
    let hours = ("2026-11-26T08:00:00Z".to_owned(), true);
    assert_eq!(shown("2026-11-26T12:00:00Z"), [night, hours]);
}

#[test]
fn runs_that_the_history_limit_deleted_are_not_missed() {
    let mut state = State::calm_night();
    state.object("CronJob", "vram-guard")["spec"]["successfulJobsHistoryLimit"] = json!(3);
    for run in 0..45 {
        state.remove("guard", minute(2, 0) + SignedDuration::from_mins(5 * run));
    }
    let status = state.json(&MORNING);
    assert_eq!(failures(&status), Vec::<String>::new());
    assert_eq!(status["windows"][0]["guardRuns"], json!({"due": 3, "seen": 3}));
    assert!(status["unseen"].to_string().contains("runs before Thu 26 Nov 05:44"), "{status}");
}

#[test]
fn several_windows_and_stacks_have_one_report_each() {
    let sandbox = Sandbox::two_stacks();
    sandbox.write("state.json", r#"{"kind": "List", "items": []}"#);
    let args = ["status", "--from", "state.json", "--last", "3", "--now", "2026-11-26T09:00:00Z"];
    let json = sandbox.run(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(schemas::errors(&schemas::own("status.json"), &json.stdout), [""; 0]);
    let status: Value = serde_json::from_str(&json.stdout).unwrap();
    let windows = status["stacks"].as_array().unwrap().iter();
    assert_eq!(windows.map(|stack| stack["windows"].as_array().unwrap().len()).sum::<usize>(), 6);
    let text = sandbox.run(&args).stdout;
    assert_eq!(text.matches("next window").count(), 2, "{text}");
}

#[test]
fn each_thing_that_went_wrong_is_named_with_its_cause() {
    let mut state = State::calm_night();
    let guard = "chatterbox-vram-guard";
    // A missed run, and one that the next replaced.
    state.remove("guard", minute(2, 30));
    state.remove("guard", minute(3, 0));
    let replaced = format!("Deleted job {guard}-{}", minute(3, 0).as_second() / 60);
    state.add_event("CronJob", guard, "SuccessfulDelete", &replaced);
    // A pull that failed until the Job's deadline.
    state.remove("guard", minute(3, 30));
    let job = state.add_job("guard", minute(3, 30), &json!({}));
    state.add_pod(&job, &json!({"phase": "Pending", "containerStatuses": [{"name": "vram-gate",
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "back-off pulling image"}}}]}));
    // A Role that was removed: the gate fails, twice.
    state.remove("guard", minute(4, 0));
    let job = state.add_job("guard", minute(4, 0), &json!({"conditions": [
        {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "limit"}]}));
    let mut refused = report("guard", "stop", "floor-broken", (1, 1));
    refused["message"] = json!("could not scale tts/chatterbox-tts to 0: 403 Forbidden");
    for _ in 0..2 {
        state.add_pod(
            &job,
            &json!({"phase": "Failed", "containerStatuses": [{"name": "vram-gate",
            "state": {"terminated": {"exitCode": 1, "message": refused.to_string()}}}]}),
        );
    }
    // A quota, an invalid setting, and a node that is full.
    state.remove("guard", minute(4, 30));
    let job = state.add_job("guard", minute(4, 30), &json!({}));
    let quota = "pods \"x\" is forbidden: exceeded quota: stop, requested: pods=1";
    state.add_event("Job", &job, "FailedCreate", quota);
    state.remove("guard", minute(5, 0));
    let job = state.add_job("guard", minute(5, 0), &json!({}));
    state.add_pod(
        &job,
        &json!({"phase": "Failed", "containerStatuses": [{"name": "vram-gate",
        "state": {"terminated": {"exitCode": 2, "message": "not JSON"}}}]}),
    );
    state.remove("guard", minute(5, 30));
    let job = state.add_job("guard", minute(5, 30), &json!({}));
    state.add_pod(
        &job,
        &json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}]}),
    );
    let expected = [
        "missed guard 02:30",
        "replaced guard 03:00",
        "image-pull guard 03:30",
        "exit-1 guard 04:00",
        "exit-1 guard 04:00",
        "quota guard 04:30",
        "exit-2 guard 05:00",
        "unschedulable guard 05:30",
    ];
    let status = state.json(&MORNING);
    assert_eq!(failures(&status), expected);
    assert_eq!(status["windows"][0]["guardRuns"], json!({"due": 48, "seen": 46}));
    let output = state.status(&MORNING);
    assert_eq!(output.code, 1);
    assert!(output.stdout.contains("46 of 48 guard runs"), "{}", output.stdout);
    assert!(output.stdout.contains("403 Forbidden"), "{}", output.stdout);
}

/// The state of a night with one Pod a window, whose watch reports this at its end, after a restart of its container
/// if `last` is its last state.
fn watched_night(report: &Value, last: &Value) -> State {
    let mut state = State::with(&["-f", "overlays/watch.yaml"]);
    for hour in [2, 4] {
        state.add("guard", minute(hour, 0), &self::report("guard", "leave", "floor-holds", (1, 1)));
    }
    let done = json!({"conditions": [{"type": "Complete", "status": "True"}]});
    let job = state.add_job("up", minute(2, 0), &done);
    state.add_pod(
        &job,
        &json!({"phase": "Succeeded", "containerStatuses": [{"name": "vram-gate",
        "lastState": last, "state": {"terminated": {"exitCode": 0, "reason": "Completed",
            "message": report.to_string(), "finishedAt": "2026-11-26T06:00:01Z"}}}]}),
    );
    state.add("down", minute(6, 0), &self::report("down", "stop", "window-end", (0, 0)));
    state
}

/// The report of a watch at its end, with its starts and yields.
fn watch_report(opened: &[Timestamp], yields: &[Timestamp], served: u32) -> Value {
    let mut report = report("watch", "stop", "window-end", (1, 0));
    report["servedSeconds"] = json!(served);
    report["opened"] = opened.iter().map(|at| at.as_second()).collect();
    let yields = yields.iter().map(|at| {
        json!({"at": at.as_second(), "reason": "floor-broken", "free": GI, "others": 11 * GI,
            "tenant": 4 * GI})
    });
    report["yields"] = yields.collect();
    report
}

const WATCHED: [&str; 4] = ["-f", "overlays/watch.yaml", "--now", "2026-11-26T09:00:00Z"];

#[test]
fn the_starts_and_yields_inside_a_watch_are_shown_in_order() {
    let opened = [minute(2, 0), minute(3, 45)];
    let state = watched_night(&watch_report(&opened, &[minute(3, 10)], 12_300), &Value::Null);
    let status = state.json(&WATCHED);
    let decisions = status["windows"][0]["decisions"].as_array().unwrap();
    let changes: Vec<String> = decisions
        .iter()
        .filter(|decision| decision["action"] == "watch")
        .map(|decision| {
            let time = &decision["time"].as_str().unwrap()[11..16];
            format!("{time} {} {}", decision["decision"], decision["reason"])
        })
        .collect();
    let expected = [
        r#"02:00 "start" null"#,
        r#"03:10 "stop" "floor-broken""#,
        r#"03:45 "start" null"#,
        r#"02:00 "stop" "window-end""#,
    ];
    assert_eq!(changes, expected);
    assert_eq!((&decisions[0]["inWatch"], &decisions[0]["after"]), (&json!(true), &json!(1)));
    assert_eq!(status["windows"][0]["servedSeconds"], 12_300);
    let output = state.status(&WATCHED);
    assert_eq!(output.code, 0, "{}", output.stdout);
    insta::assert_snapshot!(output.stdout);
}

#[test]
fn a_stop_inside_a_watch_is_the_last_change_of_the_scale() {
    let mut report = watch_report(&[minute(2, 0)], &[minute(3, 10)], 4_200);
    (report["outcome"], report["before"]) = (json!("already-there"), json!(0));
    let status = watched_night(&report, &Value::Null).json(&WATCHED);
    let scaled = json!({"manager": "vram-gate", "time": "2026-11-26T03:10:00Z"});
    assert_eq!(status["scaledBy"], scaled);
}

#[test]
fn a_watch_that_was_killed_and_started_again_is_named() {
    let mut first = watch_report(&[minute(2, 0)], &[], 0);
    (first["decision"], first["reason"]) = (json!("leave"), json!("floor-holds"));
    (first["outcome"], first["before"], first["after"]) =
        (json!("left-alone"), Value::Null, Value::Null);
    let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled",
        "message": first.to_string(), "finishedAt": "2026-11-26T03:00:00Z"}});
    let mut report = watch_report(&[], &[minute(3, 10)], 600);
    (report["outcome"], report["before"]) = (json!("already-there"), json!(0));
    let status = watched_night(&report, &killed).json(&WATCHED);
    assert_eq!(failures(&status), ["killed watch 02:00"]);
    let message = &status["windows"][0]["failures"][0]["message"];
    assert_eq!(message, "exit code 137, OOMKilled", "and not what it reported before");
    // The first one did not count to its end.
    assert_eq!(status["windows"][0]["servedSeconds"], 70 * 60);
}

#[test]
fn a_watch_that_was_killed_after_it_stopped_the_server_has_stopped_it_once() {
    let first = watch_report(&[minute(2, 0)], &[minute(2, 30)], 1_800);
    let killed = json!({"terminated": {"exitCode": 137, "reason": "Error",
        "message": first.to_string(), "finishedAt": "2026-11-26T03:00:00Z"}});
    let mut report = watch_report(&[], &[], 0);
    (report["outcome"], report["before"]) = (json!("already-there"), json!(0));
    let status = watched_night(&report, &killed).json(&WATCHED);
    assert_eq!(status["attention"], json!([]));
    assert_eq!(status["windows"][0]["servedSeconds"], 1_800);
    assert_eq!(status["scaledBy"]["time"], "2026-11-26T02:30:00Z");
}

#[test]
fn a_watch_whose_node_was_lost_is_named() {
    let mut state = watched_night(&watch_report(&[], &[], 0), &Value::Null);
    let evicted = json!({"type": "DisruptionTarget", "status": "True",
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint"});
    let job = format!("chatterbox-window-up-{}", minute(2, 0).as_second() / 60);
    state.add_pod(
        &job,
        &json!({"phase": "Running", "conditions": [evicted],
        "containerStatuses": [{"name": "vram-gate", "state": {"running": {}}}]}),
    );
    let status = state.json(&WATCHED);
    assert_eq!(failures(&status), ["killed watch 02:00"]);
    let message = &status["windows"][0]["failures"][0]["message"];
    assert!(message.as_str().unwrap().contains("due to NoExecute taint"), "{message}");
    assert!(status["unseen"].to_string().contains("how long the server was up"), "{status}");
    assert_eq!(status["windows"][0]["served"], Value::Null);
    assert_eq!(status["windows"][0]["running"], Value::Null);
}

#[test]
fn a_pull_that_failed_until_the_deadline_is_named_by_the_events_of_its_pod() {
    let mut state = State::calm_night();
    state.remove("guard", minute(3, 30));
    let job = state.add_job(
        "guard",
        minute(3, 30),
        &json!({"conditions": [{"type": "Failed",
        "status": "True", "reason": "DeadlineExceeded",
        "message": "Job was active longer than specified deadline"}]}),
    );
    // Of another Job, whose name is longer.
    state.add_event("Pod", &format!("{job}0-abcde"), "FailedScheduling", "0/2 nodes");
    state.add_event("Pod", &format!("{job}-abcde"), "Failed", "Failed to pull image \"x\": 404");
    let status = state.json(&MORNING);
    assert_eq!(failures(&status), ["image-pull guard 03:30"]);
    let message = "Failed to pull image \"x\": 404; Job was active longer than specified deadline";
    assert_eq!(status["windows"][0]["failures"][0]["message"], message);
}

#[test]
fn a_run_that_was_replaced_because_its_pod_was_refused_is_refused() {
    let mut state = State::calm_night();
    state.remove("guard", minute(3, 30));
    let job = format!("chatterbox-vram-guard-{}", minute(3, 30).as_second() / 60);
    state.add_event("Job", &job, "FailedCreate", "Error creating: denied by policy");
    let deleted = format!("Deleted job {job}");
    state.add_event("CronJob", "chatterbox-vram-guard", "SuccessfulDelete", &deleted);
    let status = state.json(&MORNING);
    assert_eq!(failures(&status), ["refused guard 03:30"]);
    let message = format!("Error creating: denied by policy; {deleted}");
    assert_eq!(status["windows"][0]["failures"][0]["message"], message);
}

/// At 0 replicas the API server keeps no manager, so only the reports say that somebody scaled up between them.
#[test]
fn a_scale_by_hand_that_the_gate_ended_deserves_a_look() {
    let mut state = night_with_a_yield();
    let time = minute(5, 0);
    state.remove("guard", time);
    state.add("guard", time, &broken_floor((1, 0)));
    let output = state.status(&MORNING);
    assert_eq!(output.code, 1, "{}", output.stdout);
    let text = "look at: `Deployment/chatterbox-tts` was scaled up between 04:55 and 05:00, and not \
                by the gate";
    assert!(output.stdout.contains(text), "{}", output.stdout);
}

#[test]
fn a_job_that_ran_out_of_time_is_a_failure_of_its_deadline() {
    let mut state = State::calm_night();
    state.remove("guard", minute(3, 30));
    state.add_job("guard", minute(3, 30), &json!({"conditions": [{"type": "Failed", "status": "True",
        "reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}]}));
    assert_eq!(failures(&state.json(&MORNING)), ["deadline guard 03:30"]);
}

#[test]
fn a_scale_by_hand_deserves_a_look() {
    let mut state = State::calm_night();
    let fields = &mut state.object("Deployment", "chatterbox-tts")["metadata"]["managedFields"];
    fields.as_array_mut().unwrap().push(json!({
        "manager": "kubectl", "operation": "Update", "subresource": "scale",
        "time": "2026-11-26T07:12:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}}));
    state.object("Deployment", "chatterbox-tts")["spec"]["replicas"] = json!(1);
    let output = state.status(&MORNING);
    assert_eq!(output.code, 1);
    for part in [
        "scaled last by kubectl at Thu 26 Nov 07:12:00",
        "was scaled by `kubectl`, which is not the gate",
        "has replicas outside its window",
    ] {
        assert!(output.stdout.contains(part), "{part}: {}", output.stdout);
    }
}

#[test]
fn a_stop_that_no_report_has_is_nobodys() {
    // A scale to 0 leaves no managed field.
    let mut state = State::calm_night();
    state.remove("down", minute(6, 0));
    let status = state.json(&MORNING);
    assert_eq!(status["scaledBy"], json!(null));
    assert!(status["unseen"].to_string().contains("no managed field has its replicas"), "{status}");
}

#[test]
fn a_live_object_that_differs_from_the_rendered_one_is_named() {
    let mut state = State::calm_night();
    state.object("CronJob", "vram-guard")["spec"]["suspend"] = json!(true);
    state.items.retain(|item| item["kind"] != "Role");
    let status = state.json(&MORNING);
    let drift = &status["drift"];
    assert_eq!(drift[0]["path"], "spec.suspend");
    assert_eq!((&drift[0]["live"], &drift[0]["rendered"]), (&json!("true"), &json!("false")));
    assert_eq!(drift.as_array().unwrap().len(), 1, "no Role was read, so none is missed: {drift}");
}

#[test]
fn amounts_in_other_units_and_fields_of_the_server_are_not_drift() {
    let mut state = State::calm_night();
    let job = state.object("CronJob", "vram-guard");
    job["status"] = json!({"lastScheduleTime": "2026-11-26T05:55:00Z"});
    let container = &mut job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    container["terminationMessagePath"] = json!("/dev/termination-log");
    container["resources"]["limits"]["memory"] = json!("0.125Gi");
    assert_eq!(state.json(&MORNING)["drift"], json!([]));
}

#[test]
fn nobody_opened_a_window_yet() {
    let status = State::new().json(&["--now", "2026-11-26T01:30:00Z"]);
    let window = &status["windows"][0];
    assert_eq!(window["start"], "2026-11-25T02:00:00Z");
    assert_eq!((&window["served"], &window["decisions"]), (&json!(false), &json!([])));
}

#[test]
fn an_open_window_is_judged_up_to_now() {
    let mut state = State::new();
    state.add("up", minute(2, 0), &report("up", "start", "floor-free", (0, 1)));
    for run in 0..3 {
        let time = minute(2, 0) + SignedDuration::from_mins(5 * run);
        state.add("guard", time, &report("guard", "leave", "floor-holds", (1, 1)));
    }
    state.object("Deployment", "chatterbox-tts")["spec"]["replicas"] = json!(1);
    let status = state.json(&["--now", "2026-11-26T02:12:00Z"]);
    let window = &status["windows"][0];
    assert_eq!(window["guardRuns"], json!({"due": 3, "seen": 3}));
    assert_eq!((&window["open"], &window["servedSeconds"]), (&json!(true), &json!(720)));
    assert_eq!(status["asPlanned"], true, "{status}");
}

#[test]
fn records_that_are_deleted_by_now_are_reported_and_not_missed() {
    let mut state = State::new();
    for name in ["window-up", "vram-guard", "window-down"] {
        state.object("CronJob", name)["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] =
            json!(300);
    }
    let status = state.json(&MORNING);
    assert_eq!(failures(&status), Vec::<String>::new());
    assert_eq!(status["windows"][0]["guardRuns"], json!({"due": 0, "seen": 0}));
    let unseen = status["unseen"].to_string();
    assert!(unseen.contains("their Jobs are deleted by now"), "{unseen}");
}

#[test]
fn pods_that_are_gone_leave_the_jobs_to_count() {
    let mut state = State::calm_night();
    state.items.retain(|item| item["kind"] != "Pod");
    let status = state.json(&MORNING);
    let window = &status["windows"][0];
    assert_eq!(window["guardRuns"], json!({"due": 48, "seen": 48}));
    assert_eq!(window["decisions"][0]["decision"], json!(null));
    assert_eq!(window["decisions"][0]["exit"], 0);
    assert!(status["unseen"].to_string().contains("what 50 runs decided"), "{status}");
}

#[test]
fn without_managed_fields_the_scale_has_no_owner_and_the_text_says_why() {
    let mut state = State::calm_night();
    let deployment = state.object("Deployment", "chatterbox-tts");
    deployment["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(state.json(&MORNING)["scaledBy"], json!(null));
    let text = state.status(&MORNING).stdout;
    assert!(text.contains("read without managed fields (`--show-managed-fields`)"), "{text}");
}

#[test]
fn markdown_and_html_show_the_night() {
    let state = State::calm_night();
    insta::assert_snapshot!(
        state.status(&[&MORNING[..], &["--format", "markdown"]].concat()).stdout
    );
    let html = state.status(&[&MORNING[..], &["--format", "html"]].concat()).stdout;
    assert!(html.contains("48 of 48 guard runs") && !html.contains("<script"), "{html}");
}

#[test]
fn hostile_texts_of_the_cluster_steer_nothing() {
    let mut state = State::calm_night();
    state.remove("guard", minute(3, 30));
    let job = state.add_job("guard", minute(3, 30), &json!({}));
    let message = "\u{1b}]0;x\u{7}|<script>\n::warning::x";
    state.add_pod(
        &job,
        &json!({"phase": "Failed", "containerStatuses": [{"name": "vram-gate",
        "state": {"waiting": {"reason": "ErrImagePull", "message": message}}}]}),
    );
    for format in ["text", "markdown", "html", "json"] {
        let output = state.status(&[&MORNING[..], &["--format", format]].concat());
        assert_eq!(output.code, 1);
        assert!(!output.stdout.contains('\u{1b}'), "{format}: {}", output.stdout);
        assert!(
            format == "text" || format == "json" || !output.stdout.contains("<script"),
            "{format}"
        );
        assert!(!output.stdout.lines().any(|line| line.starts_with("::")), "{format}");
    }
}

#[test]
fn a_file_without_a_list_of_objects_is_refused() {
    let sandbox = Sandbox::repository();
    for (text, part) in
        [("{", "invalid JSON in `state.json`"), ("{}", "expected a list of objects")]
    {
        sandbox.write("state.json", text);
        let output = sandbox.run(&["status", "--from", "state.json"]);
        assert_eq!(output.code, 2);
        assert!(output.stderr.contains(part), "{}", output.stderr);
    }
}

#[test]
fn kubectl_is_asked_for_each_resource_and_what_it_refuses_is_reported() {
    let sandbox = Sandbox::repository();
    let state = json!({"apiVersion": "v1", "kind": "List", "items": State::calm_night().items});
    sandbox.write("state.json", state.to_string());
    common::write_program(
        &sandbox.path("bin/kubectl"),
        "#!/bin/sh\ncat >/dev/null\ncase \"$*\" in\n\
         *events*) echo 'Error from server (Forbidden): events is forbidden' >&2; exit 1;;\n\
         *cronjobs*) cat state.json;;\n*) echo '{\"kind\": \"List\", \"items\": []}';;\nesac\n",
    );
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = tts_render(&sandbox.path(""));
    let output = CommandOutput::run(command.args(["status", "tts"]).env("PATH", path));
    assert!(
        output.stdout.contains("not seen: events: Error from server (Forbidden)"),
        "{output:?}"
    );
}

/// Runs `status` with a `kubectl` that always fails with a message.
fn status_without_cluster(command: &str) -> String {
    let sandbox = Sandbox::repository();
    let program = format!("#!/bin/sh\n{command} >&2\nexit 1\n");
    common::write_program(&sandbox.path("bin/kubectl"), &program);
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = tts_render(&sandbox.path(""));
    let output = CommandOutput::run(command.args(["status", "tts"]).env("PATH", path));
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{}", output.stderr);
    output.stderr
}

#[test]
fn a_cluster_that_does_not_answer_is_one_error() {
    let refused = "The connection to the server localhost:8080 was refused";
    let errors = status_without_cluster(&format!("echo '{refused}'"));
    assert_eq!(errors.matches(refused).count(), 1, "{errors}");
    for part in [
        "`kubectl` can't reach the cluster: The connection",
        "`kubectl config current-context` names the cluster that is asked",
    ] {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    // Several reasons are a note each.
    let errors = status_without_cluster("echo \"no right to read $3\"");
    for resource in ["cronjobs.batch", "jobs.batch", "pods", "events"] {
        let note = format!("{resource}: no right to read {resource}");
        assert_eq!(errors.matches(&note).count(), 1, "{note}: {errors}");
    }
    assert!(errors.contains("`kubectl` can't read the objects of the namespace `tts`"), "{errors}");
}
