//! The recorded states of `fixtures/status`: what is asserted of each, and how its file is made.
//!
//! The guard runs every half hour in them, so that a file can be read. `UPDATE=1` writes the files
//! again; update the snapshot in a second run, as the tests run at the same time.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::common::output::CommandOutput;
use super::common::schemas;
use super::common::tool::{Sandbox, repository};
use super::{State, broken_floor, failures, minute, report};

const GUARD: &str = "chatterbox-vram-guard";
const HALF_HOURLY: &str = "offPeak.guard=*/30 2-5 * * *";
const NINE: &str = "2026-11-26T09:00:00Z";

/// One Pod a window.
const WATCH: &str = "offPeak.mode=watch";
/// Hours of demand from 08:00 to 22:00.
const BY_DEMAND: &[&str] = &[
    WATCH,
    "offPeak.demand={opens: 0 8 * * *, url: http://tripit.tripit.svc:8080/queue, number: /queued, idleFor: 15m}",
    "offPeak.down=0 0,6,7,22,23 * * *",
];

/// A recorded state and what `status` says about it.
struct Case {
    name: &'static str,
    state: fn() -> State,
    now: &'static str,
    settings: &'static [&'static str],
    exit: i32,
    /// The minutes for which the tenant was up; `None` if no report is left.
    served: Option<i64>,
    decisions: usize,
    failures: &'static [&'static str],
}

const CALM: Case = Case {
    name: "calm-night",
    state: calm,
    now: NINE,
    settings: &[],
    exit: 0,
    served: Some(240),
    decisions: 10,
    failures: &[],
};

/// A night in which one guard did not end well.
const LOOK: Case = Case { exit: 1, decisions: 9, ..CALM };

const CASES: &[Case] = &[
    CALM,
    Case {
        name: "missed-guard",
        state: || without_guard(|_| {}),
        failures: &["missed guard 03:00"],
        ..LOOK
    },
    Case {
        name: "replaced-guard",
        state: || {
            without_guard(|state| {
                let job = minute(3, 0).as_second() / 60;
                let message = format!("Deleted job {GUARD}-{job}");
                state.add_event("CronJob", GUARD, "SuccessfulDelete", &message);
            })
        },
        failures: &["replaced guard 03:00"],
        ..LOOK
    },
    Case { name: "yield", state: yields, served: Some(90), ..CALM },
    Case {
        name: "two-yields",
        state: two_yields,
        settings: &["offPeak.up=0 2-4/2 * * *"],
        served: Some(120),
        decisions: 11,
        ..CALM
    },
    Case {
        name: "failed-image-pull",
        state: || {
            without_guard(|state| {
                let job = state.add_job("guard", minute(3, 0), &json!({"active": 1}));
                let waiting = json!({"reason": "ImagePullBackOff",
                "message": "Back-off pulling image \"example.org/vram-gate:0.1.0\""});
                state.add_pod(
                    &job,
                    &json!({"phase": "Pending",
                "containerStatuses": [{"name": "vram-gate", "state": {"waiting": waiting}}]}),
                );
            })
        },
        failures: &["image-pull guard 03:00"],
        ..LOOK
    },
    Case { name: "scale-by-hand", state: scaled_by_hand, exit: 1, ..CALM },
    Case {
        name: "role-removed",
        state: role_removed,
        decisions: 11,
        failures: &["exit-1 guard 03:00", "exit-1 guard 03:00"],
        ..LOOK
    },
    Case {
        name: "missed-up",
        state: || {
            let mut state = calm();
            state.remove("up", minute(2, 0));
            state.remove("down", minute(6, 0));
            state.add("down", minute(6, 0), &report("down", "stop", "window-end", (0, 0)));
            state
        },
        served: Some(0),
        failures: &["missed up 02:00"],
        ..LOOK
    },
    Case {
        name: "missed-down",
        state: || {
            let mut state = calm();
            state.remove("down", minute(6, 0));
            set_replicas(&mut state, 1);
            state
        },
        failures: &["missed down 06:00", "missed down 08:00"],
        ..LOOK
    },
    Case {
        name: "down-acts-late",
        state: || {
            let mut state = calm();
            state.remove("down", minute(6, 0));
            state.add("down", minute(8, 0), &report("down", "stop", "window-end", (1, 0)));
            state
        },
        decisions: 10,
        failures: &["missed down 06:00"],
        ..LOOK
    },
    Case {
        name: "controllers-away",
        state: || {
            let mut state = calm();
            for run in 4..8 {
                state.remove("guard", half_hour(run));
            }
            state
        },
        decisions: 6,
        failures: &[
            "missed guard 04:00",
            "missed guard 04:30",
            "missed guard 05:00",
            "missed guard 05:30",
        ],
        ..LOOK
    },
    Case {
        name: "quota",
        state: || {
            without_guard(|state| {
                let job = state.add_job("guard", minute(3, 0), &json!({}));
                let message = "Error creating: pods \"guard\" is forbidden: exceeded quota: pods, \
                           requested: pods=1, used: pods=9, limited: pods=9";
                state.add_event("Job", &job, "FailedCreate", message);
            })
        },
        failures: &["quota guard 03:00"],
        ..LOOK
    },
    Case {
        name: "deadline-exceeded",
        state: || {
            without_guard(|state| {
                state.add_job(
                    "guard",
                    minute(3, 0),
                    &json!({"conditions": [{
                "type": "Failed", "status": "True", "reason": "DeadlineExceeded",
                "message": "Job was active longer than specified deadline"}]}),
                );
            })
        },
        failures: &["deadline guard 03:00"],
        ..LOOK
    },
    Case {
        name: "evicted-pod",
        state: || {
            let mut state = calm();
            let job = format!("{GUARD}-{}", minute(3, 0).as_second() / 60);
            state.add_pod(
                &job,
                &json!({"phase": "Failed", "reason": "Evicted",
                "message": "The node was low on resource: memory."}),
            );
            state
        },
        decisions: 10,
        failures: &["killed guard 03:00"],
        ..LOOK
    },
    Case {
        name: "exit-2",
        state: || {
            without_guard(|state| {
                let job = state.add_job(
                    "guard",
                    minute(3, 0),
                    &json!({"conditions": [{
                "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit"}]}),
                );
                state.add_pod(&job, &json!({"phase": "Failed", "containerStatuses": [{
                "name": "vram-gate", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}]}));
            })
        },
        decisions: 10,
        failures: &["exit-2 guard 03:00"],
        ..LOOK
    },
    Case {
        name: "pods-gone",
        state: || {
            let mut state = calm();
            state.items.retain(|item| item["kind"] != "Pod");
            state
        },
        served: None,
        ..CALM
    },
    Case {
        name: "no-managed-fields",
        state: || {
            let mut state = calm();
            let deployment = state.object("Deployment", "chatterbox-tts");
            deployment["metadata"].as_object_mut().unwrap().remove("managedFields");
            state
        },
        ..CALM
    },
    Case {
        name: "suspended-by-hand",
        state: || {
            let mut state = base(&[]);
            for (_, cron_job) in &super::CRON_JOBS[..3] {
                state.object("CronJob", cron_job)["spec"]["suspend"] = json!(true);
            }
            state
        },
        exit: 1,
        served: Some(0),
        decisions: 0,
        ..CALM
    },
    Case {
        name: "up-suspended",
        state: || {
            let mut state = base(&["offPeak.suspend=true"]);
            for run in 0..8 {
                state.add(
                    "guard",
                    half_hour(run),
                    &report("guard", "leave", "floor-holds", (0, 0)),
                );
            }
            state.add("down", minute(6, 0), &report("down", "stop", "window-end", (0, 0)));
            state
        },
        settings: &["offPeak.suspend=true"],
        served: Some(0),
        decisions: 9,
        ..CALM
    },
    Case {
        name: "clocks-go-back",
        state: clocks_go_back,
        now: "2026-10-25T09:00:00Z",
        settings: &["offPeak.timeZone=Europe/Berlin"],
        served: Some(300),
        decisions: 13,
        ..CALM
    },
    Case {
        name: "watched-night",
        state: || watched_night(&[WATCH], &json!({})),
        settings: &[WATCH],
        served: Some(212),
        decisions: 13,
        ..CALM
    },
    Case {
        name: "watch-with-more-than-it-lists",
        state: || watched_night(&[WATCH], &json!({"starts": 31, "yieldCount": 30})),
        settings: &[WATCH],
        served: Some(212),
        decisions: 13,
        ..CALM
    },
    Case {
        name: "watch-still-runs",
        state: || {
            let mut state = watched_night(&[WATCH], &json!({}));
            state.remove("up", minute(2, 0));
            state.remove("down", minute(6, 0));
            for run in 5..8 {
                state.remove("guard", half_hour(run));
            }
            let job = state.add_job("up", minute(2, 0), &json!({"active": 1}));
            state.add_pod(
                &job,
                &json!({"phase": "Running", "containerStatuses": [
                {"name": "vram-gate", "state": {"running": {}}}]}),
            );
            set_replicas(&mut state, 1);
            state
        },
        now: "2026-11-26T04:10:00Z",
        settings: &[WATCH],
        served: None,
        decisions: 5,
        ..CALM
    },
    Case {
        name: "demand-unknown",
        state: || {
            let mut state = watched_night(BY_DEMAND, &json!({}));
            let unread = json!({"starts": 0, "opened": [], "yieldCount": 0, "yields": [], "before": 0,
                "servedSeconds": 0, "demand": "unknown", "demandError": "503 Service Unavailable"});
            state.add("demand", minute(8, 0), &watched(&unread));
            state.end_last_pod(minute(22, 0));
            state.add("down", minute(22, 0), &report("down", "stop", "window-end", (0, 0)));
            state
        },
        now: "2026-11-26T22:30:00Z",
        settings: BY_DEMAND,
        exit: 1,
        served: Some(212),
        decisions: 13,
        ..CALM
    },
    Case {
        name: "window-still-open",
        state: || {
            let mut state = calm();
            state.remove("down", minute(6, 0));
            for run in 5..8 {
                state.remove("guard", half_hour(run));
            }
            set_replicas(&mut state, 1);
            state
        },
        now: "2026-11-26T04:10:00Z",
        served: Some(130),
        decisions: 6,
        ..CALM
    },
];

/// The report of a watch that ended with its window.
fn watched(more: &Value) -> Value {
    let mut found = report("watch", "stop", "window-end", (1, 0));
    let second = |hour, minutes| minute(hour, minutes).as_second() + 12;
    let summary = json!({
        "windowEnd": minute(6, 0).as_second(), "starts": 2, "opened": [second(2, 0), second(3, 40)],
        "yieldCount": 1, "servedSeconds": 212 * 60, "looks": 2880, "failedLooks": 0,
        "yields": [{"at": second(3, 12), "reason": "floor-broken", "free": 5 * super::GI,
            "others": 11 * super::GI, "tenant": 0}],
    });
    for more in [&summary, more] {
        found.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    found
}

/// A night with a watch; `more` is what its report says besides.
fn watched_night(settings: &[&str], more: &Value) -> State {
    let mut state = base(settings);
    state.add("up", minute(2, 0), &watched(more));
    state.end_last_pod(minute(6, 0));
    for run in 0..8 {
        state.add("guard", half_hour(run), &report("guard", "leave", "floor-holds", (1, 1)));
    }
    state.add("down", minute(6, 0), &report("down", "stop", "window-end", (0, 0)));
    state
}

fn half_hour(run: i64) -> Timestamp {
    minute(2, 0) + SignedDuration::from_mins(30 * run)
}

/// The rendered objects before any run.
fn base(settings: &[&str]) -> State {
    let settings = [&[HALF_HOURLY], settings].concat();
    State::with(&settings.iter().flat_map(|setting| ["--set", setting]).collect::<Vec<_>>())
}

fn calm() -> State {
    let mut state = base(&[]);
    state.add("up", minute(2, 0), &report("up", "start", "floor-free", (0, 1)));
    for run in 0..8 {
        state.add("guard", half_hour(run), &report("guard", "leave", "floor-holds", (1, 1)));
    }
    state.add("down", minute(6, 0), &report("down", "stop", "window-end", (1, 0)));
    state
}

/// A calm night with something else in the place of the guard of 03:00.
fn without_guard(change: impl FnOnce(&mut State)) -> State {
    let mut state = calm();
    state.remove("guard", minute(3, 0));
    change(&mut state);
    state
}

fn set_replicas(state: &mut State, replicas: u32) {
    let deployment = state.object("Deployment", "chatterbox-tts");
    deployment["spec"]["replicas"] = json!(replicas);
    let by_gate = json!({"manager": "vram-gate", "operation": "Update", "subresource": "scale",
        "time": "2026-11-26T02:00:04Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}});
    deployment["metadata"]["managedFields"].as_array_mut().unwrap().push(by_gate);
}

/// The residents take the GPU back at 03:30.
fn yields() -> State {
    let mut state = calm();
    for run in 3..8 {
        state.remove("guard", half_hour(run));
        let change = if run == 3 { (1, 0) } else { (0, 0) };
        state.add("guard", half_hour(run), &broken_floor(change));
    }
    state.remove("down", minute(6, 0));
    state.add("down", minute(6, 0), &report("down", "stop", "window-end", (0, 0)));
    state
}

/// The residents take the GPU back at 03:00, leave it, and take it again at 05:00.
fn two_yields() -> State {
    let mut state = base(&["offPeak.up=0 2-4/2 * * *"]);
    for hour in [2, 4] {
        state.add("up", minute(hour, 0), &report("up", "start", "floor-free", (0, 1)));
    }
    for run in 0..8 {
        let change = if run % 4 == 2 { (1, 0) } else { (0, 0) };
        let found = match run % 4 {
            0 | 1 => report("guard", "leave", "floor-holds", (1, 1)),
            _ => broken_floor(change),
        };
        state.add("guard", half_hour(run), &found);
    }
    state.add("down", minute(6, 0), &report("down", "stop", "window-end", (0, 0)));
    state
}

fn scaled_by_hand() -> State {
    let mut state = calm();
    let deployment = state.object("Deployment", "chatterbox-tts");
    deployment["spec"]["replicas"] = json!(1);
    deployment["metadata"]["managedFields"].as_array_mut().unwrap().push(json!({
        "manager": "kubectl", "operation": "Update", "subresource": "scale",
        "time": "2026-11-26T07:12:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}}));
    state
}

/// The guard of 03:00 finds the floor broken and may not scale.
fn role_removed() -> State {
    let mut state = without_guard(|_| {});
    state.items.retain(|item| item["kind"] != "Role");
    let job = state.add_job(
        "guard",
        minute(3, 0),
        &json!({"conditions": [{
        "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit"}]}),
    );
    let mut refused = broken_floor((1, 1));
    refused["exit"] = json!(1);
    refused["outcome"] = json!("failed");
    refused["message"] = json!("could not scale tts/chatterbox-tts to 0: 403 Forbidden");
    for _ in 0..2 {
        state.add_pod(
            &job,
            &json!({"phase": "Failed", "containerStatuses": [{"name": "vram-gate",
            "state": {"terminated": {"exitCode": 1, "reason": "Error",
                "message": refused.to_string()}}}]}),
        );
    }
    state
}

/// In Berlin the hour from two to three comes twice.
fn clocks_go_back() -> State {
    let mut state = base(&["offPeak.timeZone=Europe/Berlin"]);
    let start: Timestamp = "2026-10-25T00:00:00Z".parse().unwrap();
    state.add("up", start, &report("up", "start", "floor-free", (0, 1)));
    // The controller runs both.
    let again = start + SignedDuration::from_hours(1);
    state.add("up", again, &report("up", "start", "floor-free", (1, 1)));
    for run in 0..10 {
        let time = start + SignedDuration::from_mins(30 * run);
        state.add("guard", time, &report("guard", "leave", "floor-holds", (1, 1)));
    }
    let end = start + SignedDuration::from_hours(5);
    state.add("down", end, &report("down", "stop", "window-end", (1, 0)));
    state
}

/// A list as `kubectl get -o json` gives it, one object a line.
fn file_of(state: &State) -> String {
    let items: Vec<String> = state.items.iter().map(Value::to_string).collect();
    let items = items.join(",\n");
    format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{items}\n]}}\n")
}

fn status(sandbox: &Sandbox, case: &Case, format: &str) -> CommandOutput {
    let file = repository().join(format!("tests/fixtures/status/{}.json", case.name));
    let file = file.to_str().unwrap();
    let mut args = vec!["status", "tts", "--from", file, "--now", case.now, "--format", format];
    for setting in [&[HALF_HOURLY], case.settings].concat() {
        args.extend(["--set", setting]);
    }
    sandbox.run(&args)
}

#[test]
fn the_recorded_states_are_those_that_the_builders_make() {
    let folder = repository().join("tests/fixtures/status");
    for case in CASES {
        let (file, text) = (folder.join(format!("{}.json", case.name)), file_of(&(case.state)()));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(found == text, "{}: UPDATE=1 cargo test --test status writes it", case.name);
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), CASES.len(), "a file without a case");
}

#[test]
fn each_recorded_state_is_shown_as_it_went() {
    let sandbox = Sandbox::repository();
    let mut problems = Vec::new();
    let mut texts = String::new();
    for case in CASES {
        let text = status(&sandbox, case, "text");
        texts.push_str(&format!(
            "== {}: exit {}\n{}{}\n",
            case.name, text.code, text.stdout, text.stderr
        ));
        let output = status(&sandbox, case, "json");
        assert_eq!(schemas::errors(&schemas::own("status.json"), &output.stdout), [""; 0]);
        let found: Value = serde_json::from_str(&output.stdout).expect(&output.stderr);
        let window = &found["windows"][0];
        let minutes = window["servedSeconds"].as_i64().map(|seconds| seconds / 60);
        assert_eq!(window["served"].as_bool(), minutes.map(|minutes| minutes > 0), "{}", case.name);
        let facts =
            (output.code, minutes, window["decisions"].as_array().unwrap().len(), failures(&found));
        let expected = (
            case.exit,
            case.served,
            case.decisions,
            case.failures.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(),
        );
        if facts != expected {
            problems.push(format!("{}: {facts:?}, expected {expected:?}", case.name));
        }
    }
    insta::assert_snapshot!(texts);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
