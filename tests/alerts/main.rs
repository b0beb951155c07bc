//! The alerts, evaluated by promtool over the metrics that kube-state-metrics and the exporter would have in
//! nights that go well and badly; docs/alerts.md; and a mutation of each rule, which a scenario must notice.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod night;

use std::collections::BTreeSet;
use std::slice;

use serde_json::{Value, json};

use common::tool::{Sandbox, generate, objects, repository};
use common::{require, run};
use night::{DEMAND, DOWN, GUARD, Night, SERVER_POD, UP};

/// A scenario: its name, its night, and the alerts that fire at some minutes after its start. At every other
/// minute of the list's ranges nothing else fires.
struct Scenario {
    name: &'static str,
    night: Night,
    /// The minute, and all alerts that fire then.
    fires: Vec<(usize, &'static [&'static str])>,
}

/// 20:00 on an evening; 02:00 is minute 360, and 06:00 minute 600.
const EVENING: &str = "2026-11-25T20:00:00Z";
const OPENS: usize = 360;
const CLOSES: usize = 600;
const NOTHING: &[&str] = &[];
/// The interval at which the rules are evaluated. Each minute would take promtool five times as long.
const EVALUATED_EVERY: &str = "5m";

fn scenarios() -> Vec<Scenario> {
    let served = || Night::new(EVENING, 16).served(OPENS, CLOSES);
    let outside: &[&str] = &["TenantMemoryOutsideWindow", "TenantOutsideWindow"];
    vec![
        Scenario {
            name: "a calm night",
            night: served(),
            fires: vec![
                (60, NOTHING),
                (361, NOTHING),
                (400, NOTHING),
                (601, NOTHING),
                (900, NOTHING),
            ],
        },
        Scenario {
            // What lint's `guard-late` says.
            name: "the guard first runs an hour after the opening",
            night: served().without(GUARD, OPENS..420),
            fires: vec![(361, NOTHING), (370, &["GuardNotRunning"]), (425, NOTHING)],
        },
        Scenario {
            name: "a yield ends the night early",
            night: Night::new(EVENING, 16).served(OPENS, 461),
            fires: vec![(470, NOTHING), (700, NOTHING)],
        },
        Scenario {
            name: "`down` runs and does not stop the server",
            night: Night::new(EVENING, 16).served(OPENS, 720),
            fires: vec![
                (590, NOTHING),
                // The guard runs until 05:55 only.
                (615, outside),
                (640, &["GuardNotRunning", "TenantMemoryOutsideWindow", "TenantOutsideWindow"]),
                (725, NOTHING),
            ],
        },
        Scenario {
            name: "`down` at 06:00 is missed",
            night: served().without(DOWN, 600..720).served(OPENS, 720),
            fires: vec![
                (605, NOTHING),
                (630, &["GuardNotRunning", "TenantMemoryOutsideWindow", "TenantOutsideWindow"]),
                (725, NOTHING),
            ],
        },
        Scenario {
            name: "`down` is suspended in the window",
            night: served().suspended(DOWN, 400),
            fires: vec![(399, NOTHING), (412, outside), (620, NOTHING)],
        },
        Scenario {
            name: "`down` is deleted in the window",
            night: served().deleted(DOWN, 400),
            fires: vec![
                (399, NOTHING),
                (412, outside),
                // Nothing is left that could say when it runs next.
                (430, &["AlertInputMissing", "TenantMemoryOutsideWindow", "TenantOutsideWindow"]),
            ],
        },
        Scenario {
            name: "the controllers are away from 05:00 to 09:00",
            night: Night::new(EVENING, 16)
                .served(OPENS, 785)
                .without(DOWN, 540..780)
                .without(GUARD, 540..780),
            fires: vec![
                (550, NOTHING),
                (570, &["GuardNotRunning"]),
                (625, &["GuardNotRunning", "TenantMemoryOutsideWindow", "TenantOutsideWindow"]),
                (795, NOTHING),
            ],
        },
        Scenario {
            name: "somebody scales up at noon",
            night: Night::new(EVENING, 22).served(OPENS, CLOSES).served(960, 1100),
            fires: vec![
                (955, NOTHING),
                (975, &["GuardNotRunning", "TenantMemoryOutsideWindow", "TenantOutsideWindow"]),
                (1105, NOTHING),
            ],
        },
        Scenario {
            name: "a process stays on the GPU without a replica",
            night: served().memory(CLOSES, 700, 4),
            fires: vec![(590, NOTHING), (615, &["TenantMemoryOutsideWindow"]), (710, NOTHING)],
        },
        Scenario {
            name: "the clocks go forward in the window",
            night: Night::new("2027-03-27T20:00:00Z", 16).served(360, 540),
            fires: vec![(400, NOTHING), (530, NOTHING), (545, NOTHING), (700, NOTHING)],
        },
        Scenario {
            name: "the clocks go forward and the server stays",
            night: Night::new("2027-03-27T20:00:00Z", 16).served(360, 640),
            fires: vec![(530, NOTHING), (555, outside)],
        },
        Scenario {
            name: "the clocks go back before the window",
            night: Night::new("2026-10-24T20:00:00Z", 16).served(360, CLOSES),
            fires: vec![(400, NOTHING), (590, NOTHING), (615, NOTHING)],
        },
        Scenario {
            name: "the guard's image can't be pulled",
            night: served().failing(GUARD, 420..600),
            fires: vec![
                (425, &["GateFailed"]),
                (450, &["GateFailed", "GuardNotRunning"]),
                (601, &["GateFailed"]),
                (625, NOTHING),
            ],
        },
        Scenario {
            name: "one run fails and its Job is deleted soon",
            night: served().failing(UP, 360..361).kept(5),
            fires: vec![
                (359, NOTHING),
                (366, &["GateFailed"]),
                (370, &["GateFailed"]),
                (385, NOTHING),
            ],
        },
        Scenario {
            name: "one run fails and its Job is kept",
            night: served().failing(GUARD, 420..421),
            fires: vec![(426, &["GateFailed"]), (440, NOTHING), (900, NOTHING)],
        },
        Scenario {
            name: "the server's Pod stays pending",
            night: served().pending(OPENS, 420).memory(OPENS, 420, 0),
            fires: vec![(370, NOTHING), (378, &["TenantPending"]), (425, NOTHING)],
        },
        Scenario {
            name: "a run of the gate stays pending",
            night: served().pending_run(200, 300),
            fires: vec![(220, NOTHING), (290, NOTHING)],
        },
        Scenario {
            name: "the exporter is gone",
            night: Night::new(EVENING, 16).without_exporter(100..200),
            fires: vec![(105, NOTHING), (120, &["ScrapeMissing"]), (205, NOTHING)],
        },
        Scenario {
            name: "others fill the GPU",
            night: Night::new(EVENING, 16).others(100, 200, 15),
            fires: vec![(99, NOTHING), (115, &["GpuNearlyFull"]), (205, NOTHING)],
        },
        Scenario {
            name: "kube-state-metrics is gone",
            night: served().without_state_metrics(100..200),
            fires: vec![(110, NOTHING), (125, &["AlertInputMissing"]), (215, NOTHING)],
        },
        Scenario {
            name: "kube-state-metrics is older than 2.15",
            night: Night::new(EVENING, 2).without_time_zone(),
            fires: vec![(10, NOTHING), (30, &["AlertInputMissing"])],
        },
        Scenario {
            name: "kube-state-metrics does not watch Jobs",
            night: Night::new(EVENING, 3).without_jobs(),
            // `down` runs at 20:00 and 22:00.
            fires: vec![(30, &["AlertInputMissing"]), (80, NOTHING)],
        },
        Scenario {
            name: "a day without a start",
            night: Night::new(EVENING, 27),
            fires: vec![(23 * 60, NOTHING), (25 * 60, &["WindowSkipped"])],
        },
        Scenario {
            name: "a day without a start while `up` is suspended",
            night: Night::new(EVENING, 27).suspended(UP, 0),
            fires: vec![(25 * 60, NOTHING)],
        },
        Scenario {
            name: "a short start in a day",
            night: Night::new(EVENING, 27).served(OPENS, OPENS + 60),
            fires: vec![(25 * 60, NOTHING)],
        },
    ]
}

/// The rules of the overlay, as a file for promtool; a day without a start counts, so that no scenario takes
/// longer.
fn rules() -> Value {
    let set = "alerts.skippedFor=1d";
    let all = objects(&generate(&["tts", "-f", "overlays/alerts.yaml", "--set", set]));
    let rule = all.into_iter().find(|object| object["kind"] == "PrometheusRule");
    rule.expect("a PrometheusRule")["spec"].clone()
}

/// The rules of a stack that also runs by demand.
fn rules_with_demand() -> Value {
    let overlays = ["tts", "-f", "overlays/alerts.yaml", "-f", "overlays/demand.yaml"];
    let all = objects(&generate(&overlays));
    let rule = all.into_iter().find(|object| object["kind"] == "PrometheusRule");
    rule.expect("a PrometheusRule")["spec"].clone()
}

/// 08:00 is minute 720, and 22:00 minute 1560.
fn scenarios_with_demand() -> Vec<Scenario> {
    let day = || Night::new(EVENING, 30).by_demand();
    let outside: &[&str] = &["TenantMemoryOutsideWindow", "TenantOutsideWindow"];
    vec![
        Scenario {
            name: "the server runs by demand at noon",
            night: day()
                .served(OPENS, CLOSES)
                .watched(UP, OPENS, CLOSES)
                .served(730, 1000)
                .served(1200, 1560)
                .watched(DEMAND, 720, 1560),
            fires: vec![
                (370, NOTHING),
                (745, NOTHING),
                (960, NOTHING),
                (1400, NOTHING),
                (1580, NOTHING),
            ],
        },
        Scenario {
            name: "somebody scales up before the hours of demand",
            night: day().served(660, 720),
            // The guard last ran at 05:30.
            fires: vec![
                (659, NOTHING),
                (675, &["GuardNotRunning", "TenantMemoryOutsideWindow", "TenantOutsideWindow"]),
                (735, NOTHING),
            ],
        },
        Scenario {
            name: "the server stays after the hours of demand",
            night: day().served(800, 1600).watched(DEMAND, 720, 1560),
            fires: vec![(1550, NOTHING), (1575, outside)],
        },
        Scenario {
            name: "the job of demand is not run that day",
            night: day().without(DEMAND, 700..1560).served(800, 900),
            fires: vec![(790, NOTHING), (815, outside)],
        },
        Scenario {
            name: "the job of demand fails",
            night: day().failing(DEMAND, 720..721),
            fires: vec![(719, NOTHING), (726, &["GateFailed"])],
        },
        Scenario {
            name: "the watch's Pod does not start again",
            night: day().served(OPENS, CLOSES).watched(UP, OPENS, 450),
            fires: vec![(445, NOTHING), (460, &["WatchNotRunning"]), (605, NOTHING)],
        },
        Scenario {
            name: "the watch's Pod starts again on another node",
            night: day().served(OPENS, CLOSES).watched(UP, OPENS, 450).watched(UP, 454, CLOSES),
            fires: vec![(450, NOTHING), (455, NOTHING), (470, NOTHING)],
        },
    ]
}

#[test]
fn with_a_watch_the_right_alerts_fire_by_night_and_by_demand() {
    if !require(&["promtool", "--version"]) {
        return;
    }
    let rules = rules_with_demand();
    if let Err(complaint) = evaluate(&rules, &scenarios_with_demand()) {
        panic!("{complaint}");
    }
    // Without the demand's job in an expression, its alert fires at noon, or never.
    let without_demand = ("|chatterbox-tts-demand", "");
    let mutations = [
        ("TenantOutsideWindow", without_demand),
        ("TenantMemoryOutsideWindow", without_demand),
        ("GateFailed", without_demand),
        ("WatchNotRunning", without_demand),
        ("WatchNotRunning", ("Running", "Pending")),
        ("WatchNotRunning", ("\"}) > 0\nunless", "\"}) >= 0\nunless")),
        ("WatchNotRunning", ("unless on () (\n", "unless on () vector(0) > 1 or (\n")),
    ];
    for (alert, (part, changed)) in mutations {
        assert_noticed(&rules, &scenarios_with_demand(), alert, part, changed);
    }
}

/// Runs promtool over scenarios; only the alerts of these rules count. Returns its complaint, if there is one.
fn evaluate(rules: &Value, scenarios: &[Scenario]) -> Result<(), String> {
    let known = alert_names(rules);
    let text = rules.to_string();
    // Series that no rule reads would only take time.
    let is_read = |series: &Value| {
        let name = series["series"].as_str().unwrap();
        text.contains(name.split('{').next().unwrap())
    };
    let folder = Sandbox::empty();
    folder.write("rules.yaml", rules.to_string());
    let tests: Vec<Value> = scenarios
        .iter()
        .map(|scenario| {
            let checks: Vec<Value> = scenario
                .fires
                .iter()
                .map(|(minute, alerts)| {
                    let samples: Vec<Value> = alerts
                        .iter()
                        .filter(|name| known.contains(**name))
                        .map(|name| {
                            json!({"labels": format!("{{alertname=\"{name}\"}}"), "value": 1})
                        })
                        .collect();
                    json!({
                        "expr": "group by (alertname) (ALERTS{alertstate=\"firing\"})",
                        "eval_time": format!("{minute}m"),
                        "exp_samples": samples,
                    })
                })
                .collect();
            json!({
                "name": scenario.name,
                "interval": "1m",
                "input_series": scenario.night.series().into_iter().filter(is_read).collect::<Vec<_>>(),
                "promql_expr_test": checks,
            })
        })
        .collect();
    let file = json!({
        "rule_files": ["rules.yaml"], "evaluation_interval": EVALUATED_EVERY, "tests": tests,
    });
    let tests = folder.write("tests.yaml", file.to_string());
    let output =
        std::process::Command::new("promtool").args(["test", "rules"]).arg(tests).output().unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn the_right_alerts_fire_in_every_scenario() {
    if !require(&["promtool", "--version"]) {
        return;
    }
    if let Err(complaint) = evaluate(&rules(), &scenarios()) {
        panic!("{complaint}");
    }
}

/// A change of a rule that makes it wrong: the alert, a part of its expression, and what takes its place.
const MUTATIONS: [(&str, &str, &str); 22] = [
    (
        "TenantOutsideWindow",
        "  max(kube_cronjob_status_last_schedule_time{namespace=\"tts\",cronjob=\"chatterbox-window-down\"}) >",
        "  0 >",
    ),
    ("TenantOutsideWindow", "> 600", "> 60000"),
    ("TenantOutsideWindow", "}) == 1", "}) == 2"),
    ("TenantOutsideWindow", "or absent(kube_cronjob_info", "or absent(kube_cronjob_created"),
    ("TenantOutsideWindow", "> 0", ">= 0"),
    ("TenantMemoryOutsideWindow", "> 0", "> 5000000000"),
    ("TenantMemoryOutsideWindow", "namespace=\"tts\"}) > 0", "namespace=\"immich\"}) > 0"),
    ("TenantMemoryOutsideWindow", "> 600", "> 60000"),
    ("GuardNotRunning", "> 960", "> 96000"),
    ("GuardNotRunning", "> 960", "> 60"),
    ("GuardNotRunning", "> 0", ">= 0"),
    (
        "GateFailed",
        "unless max by (job_name) (kube_job_failed{namespace=\"tts\",condition=\"true\"} offset 15m) == 1",
        "",
    ),
    (
        "GateFailed",
        "max_over_time(kube_job_failed{namespace=\"tts\",condition=\"true\"}[15m])",
        "kube_job_failed{namespace=\"tts\",condition=\"true\"}",
    ),
    ("GateFailed", "chatterbox-window-up|", ""),
    ("GateFailed", "|chatterbox-vram-guard", ""),
    ("WindowSkipped", "[1d]", "[6h]"),
    ("WindowSkipped", "offset 1d", "offset 6h"),
    ("WindowSkipped", "}) == 1", "}) == 2"),
    ("TenantPending", "Pending", "Running"),
    ("ScrapeMissing", "absent(gpu_pod_memory_used_bytes)", "absent(up) == 0"),
    ("GpuNearlyFull", "< 536870912", "< 5368709120"),
    ("AlertInputMissing", ",timezone=\"Europe/London\"", ""),
];

#[test]
fn a_change_of_any_rule_is_noticed() {
    if !require(&["promtool", "--version"]) {
        return;
    }
    let rules = rules();
    let scenarios = scenarios();
    let all: BTreeSet<&str> = MUTATIONS.iter().map(|(alert, ..)| *alert).collect();
    assert_eq!(all, alert_names(&rules).iter().map(String::as_str).collect());
    for (alert, part, changed) in MUTATIONS {
        assert_noticed(&rules, &scenarios, alert, part, changed);
    }
}

/// Changes a part of an alert's expression; the alert alone must then fail one of the scenarios.
fn assert_noticed(rules: &Value, scenarios: &[Scenario], alert: &str, part: &str, changed: &str) {
    let mut mutated = rules.clone();
    let list = mutated["groups"][0]["rules"].as_array_mut().unwrap();
    let rule = list.iter_mut().find(|rule| rule["alert"] == alert).unwrap();
    let text = rule["expr"].as_str().unwrap();
    assert!(text.contains(part), "{alert} has no `{part}`:\n{text}");
    rule["expr"] = Value::from(text.replacen(part, changed, 1));
    let alone = rule.clone();
    mutated["groups"][0]["rules"] = Value::from(vec![alone]);
    // Those that fire the alert first: most changes are noticed there.
    let fires = |scenario: &&Scenario| scenario.fires.iter().any(|(_, all)| all.contains(&alert));
    let (firing, quiet): (Vec<&Scenario>, Vec<&Scenario>) = scenarios.iter().partition(fires);
    let mut ordered = firing.into_iter().chain(quiet);
    let is_noticed = ordered.any(|scenario| evaluate(&mutated, slice::from_ref(scenario)).is_err());
    assert!(is_noticed, "{alert}: nothing notices `{changed}` for `{part}`");
}

fn alert_names(rules: &Value) -> BTreeSet<String> {
    let list = rules["groups"][0]["rules"].as_array().unwrap();
    list.iter().map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
}

/// Each row of docs/alerts.md names an alert, the time that it waits, its severity, and a scenario that fires it.
#[test]
fn the_guide_lists_every_alert_with_a_scenario_that_fires_it() {
    let guide = std::fs::read_to_string(repository().join("docs/alerts.md")).unwrap();
    let rules = rules_with_demand();
    let scenarios: Vec<Scenario> = scenarios().into_iter().chain(scenarios_with_demand()).collect();
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        let row = guide.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/alerts.md has no row for {name}"));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let wait = match rule["for"].as_str().unwrap() {
            "0s" => "at once",
            wait => wait,
        };
        assert_eq!(cells[2..4], [rule["labels"]["severity"].as_str().unwrap(), wait], "{name}");
        let scenario = scenarios.iter().find(|scenario| scenario.name == cells[5]);
        let scenario = scenario.unwrap_or_else(|| panic!("{name}: no scenario `{}`", cells[5]));
        assert!(scenario.fires.iter().any(|(_, alerts)| alerts.contains(&name)), "{name}");
    }
}

#[test]
fn the_texts_have_numbers_and_a_section_of_the_runbook() {
    let with_watch = rules_with_demand();
    for rule in with_watch["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        let url = rule["annotations"]["runbook_url"].as_str().unwrap();
        assert!(url.ends_with(&format!("/docs/runbook.md#{}", name.to_lowercase())), "{url}");
    }
    if !require(&["promtool", "--version"]) {
        return;
    }
    // The one text with a condition in it, as Prometheus fills it in.
    let rules = rules();
    let folder = Sandbox::empty();
    folder.write("rules.yaml", rules.to_string());
    let night = Night::new(EVENING, 16).served(OPENS, CLOSES).failing(GUARD, 420..600);
    let test = json!({
        "rule_files": ["rules.yaml"], "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m", "input_series": night.series(),
            "alert_rule_test": [{
                "eval_time": "450m", "alertname": "GuardNotRunning",
                "exp_alerts": [{
                    "exp_labels": {"severity": "critical", "stack": "tts", "namespace": "tts"},
                    "exp_annotations": {
                        "summary": "Nothing guards tts/chatterbox-tts",
                        "description": "The server runs, and `chatterbox-vram-guard` last succeeded 35m 0s ago. If others need the GPU, it does not yield.",
                        "runbook_url": "https://git.example.org/infra/tts-render/src/docs/runbook.md#guardnotrunning",
                    },
                }],
            }],
        }],
    });
    let test = folder.write("tests.yaml", test.to_string());
    run(&["promtool", "test", "rules", test.to_str().unwrap()], "");
}

/// Rules for every exporter, every kind of target and both forms are valid to promtool.
#[test]
fn rules_are_valid_for_every_preset_and_target() {
    if !require(&["promtool", "--version"]) {
        return;
    }
    let custom = ["gate.exporter=custom", "gate.metric=x", "gate.metricUnit=MiB"];
    let query = ["gate.prometheus.url=http://p.m.svc", "gate.prometheus.query=used_bytes"];
    let rows: [(&[&str], &[&str]); 8] = [
        (&["gate.exporter=dcgm"], &["TenantMemoryOutsideWindow"]),
        (&["gate.exporter=dcgm-pods"], &[]),
        (&["gate.exporter=nvidia-gpu-exporter"], &["TenantMemoryOutsideWindow"]),
        (&["gate.exporter=amd"], &["TenantMemoryOutsideWindow"]),
        (&custom, &[]),
        (&query, &["TenantMemoryOutsideWindow"]),
        (&["target.kind=StatefulSet", "target.name=db"], &[]),
        (
            &["target.kind=Rollout", "target.apiVersion=argoproj.io/v1alpha1", "target.name=a.b"],
            &[],
        ),
    ];
    let full = alert_names(&rules());
    for (sets, missing) in rows {
        for form in ["rule", "file"] {
            let form = format!("alerts.prometheus={form}");
            let mut arguments = vec!["tts", "-f", "overlays/alerts.yaml", "--set", &form];
            sets.iter().for_each(|set| arguments.extend(["--set", set]));
            let all = objects(&generate(&arguments));
            let object = all
                .into_iter()
                .find(|object| object["metadata"]["name"] == "chatterbox-tts-alerts")
                .unwrap();
            let text = match object["kind"].as_str().unwrap() {
                "PrometheusRule" => object["spec"].to_string(),
                _ => object["data"]["rules.yaml"].as_str().unwrap().to_owned(),
            };
            run(&["promtool", "check", "rules", "/dev/stdin"], &text);
            if let Ok(spec) = serde_json::from_str::<Value>(&text) {
                let left: BTreeSet<String> = &full - &alert_names(&spec);
                assert_eq!(left.iter().collect::<Vec<_>>(), missing, "{sets:?}");
            }
        }
    }
}

#[test]
fn nothing_is_rendered_without_the_value() {
    let all = objects(&generate(&["tts"]));
    assert!(!all.iter().any(|object| object["metadata"]["name"] == "chatterbox-tts-alerts"));
    // The Pod's name in scenarios is one that the rules look for.
    assert!(SERVER_POD.starts_with("chatterbox-tts-"));
}
