//! The dashboard: its queries, run against a real Prometheus that is filled with the synthetic month; its form;
//! and docs/dashboard.md.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod month;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use common::prometheus::Prometheus;
use common::tool::{Sandbox, generate, objects, repository};
use common::{require, run};
use month::{FLOOR, Month, SETTINGS, TOTAL};

const OVERLAY: [&str; 2] = ["-f", "overlays/dashboard.yaml"];

/// The ConfigMap that values render.
fn config_map(arguments: &[&str]) -> Value {
    let all = objects(&generate(&[&OVERLAY, arguments].concat()));
    let found = all.into_iter().find(|one| one["metadata"]["name"] == "chatterbox-tts-dashboard");
    found.expect("a ConfigMap with the dashboard")
}

/// The dashboard that values render.
fn dashboard(arguments: &[&str]) -> Value {
    let object = config_map(arguments);
    let data = object["data"].as_object().unwrap();
    assert_eq!(data.keys().collect::<Vec<_>>(), ["tts-render-tts.json"]);
    serde_json::from_str(data["tts-render-tts.json"].as_str().unwrap()).unwrap()
}

/// The queries of a dashboard: of panels by title and legend, and of annotations by name.
fn queries(dashboard: &Value) -> BTreeMap<(String, String), String> {
    let mut all = BTreeMap::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let key = (text(&panel["title"]), text(&target["legendFormat"]));
            assert!(all.insert(key, text(&target["expr"])).is_none());
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        let key = ("annotation".to_owned(), text(&annotation["name"]));
        all.insert(key, text(&annotation["expr"]));
    }
    all
}

/// The number of a sample.
fn number(sample: &Value) -> f64 {
    sample[1].as_str().unwrap().parse().unwrap()
}

/// The samples of a series in a range query's result.
fn values(series: &Value) -> Vec<(i64, f64)> {
    let samples = series["values"].as_array().unwrap().iter();
    samples.map(|sample| (sample[0].as_i64().unwrap(), number(sample))).collect()
}

/// The month in Prometheus, with the dashboard's queries.
struct Recorded {
    month: Month,
    prometheus: Prometheus,
    queries: BTreeMap<(String, String), String>,
    _folder: Sandbox,
}

impl Recorded {
    fn start() -> Self {
        let month = Month::read();
        let folder = Sandbox::empty();
        let prometheus = Prometheus::start(&folder.path(""), &month.samples());
        let queries = queries(&dashboard(&SETTINGS));
        Recorded { month, prometheus, queries, _folder: folder }
    }

    /// Takes a query, with the month as the time range, as Grafana would fill it in.
    fn take(&mut self, panel: &str, legend: &str) -> String {
        let key = (panel.to_owned(), legend.to_owned());
        let expr = self.queries.remove(&key).unwrap_or_else(|| panic!("no query {key:?}"));
        expr.replace("$__range", &format!("{}s", self.month.end() - self.month.start()))
    }

    /// The one value of a query at the month's end.
    fn value(&mut self, panel: &str, legend: &str) -> f64 {
        let expr = self.take(panel, legend);
        let result = self.prometheus.query(&expr, self.month.end());
        assert_eq!(result.len(), 1, "{panel}, {legend}: {result:?}");
        number(&result[0]["value"])
    }

    /// The events of an annotation, as Grafana makes them: the first and the last minute of each run of values
    /// of at least 1.
    fn events(&mut self, name: &str) -> Vec<(i64, i64)> {
        let expr = self.take("annotation", name);
        // Grafana widens the step until a query has at most 11,000 points.
        let step = 300;
        let mut events = Vec::new();
        for series in self.prometheus.query_range(&expr, self.month.start(), self.month.end(), step)
        {
            let mut last: Option<(i64, i64)> = None;
            for (time, value) in values(&series) {
                assert!(value >= 1.0, "{name}: Grafana shows no event for {value}");
                match &mut last {
                    Some((_, end)) if *end + step >= time => *end = time,
                    _ => {
                        events.extend(last);
                        last = Some((time, time));
                    }
                }
            }
            events.extend(last);
        }
        events.sort_unstable();
        events
    }
}

/// Checks that events begin at most six minutes after some times: a step of five, and a scrape.
#[track_caller]
fn assert_at(events: &[(i64, i64)], times: &[i64]) {
    assert_eq!(events.len(), times.len(), "{events:?}\n{times:?}");
    for ((start, _), time) in events.iter().zip(times) {
        assert!((0..=360).contains(&(start - time)), "an event at {start}, not at {time}");
    }
}

#[test]
fn every_query_has_the_figures_of_the_month() {
    if !Prometheus::is_available() {
        return;
    }
    let mut recorded = Recorded::start();

    // Every sample of every owner in every window, the total and the limit.
    let memory = recorded.take("GPU memory by owner", "{{namespace}}");
    let mut found: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    for (start, end) in &recorded.month.windows {
        for series in recorded.prometheus.query_range(&memory, *start, *end, 60) {
            let namespace = series["metric"]["namespace"].as_str().unwrap().to_owned();
            found.entry(namespace).or_default().extend(values(&series));
        }
    }
    for (namespace, samples) in &recorded.month.memory {
        let found: BTreeMap<i64, u64> =
            found[namespace].iter().map(|(time, bytes)| (*time, *bytes as u64)).collect();
        for (time, bytes) in samples {
            assert_eq!(found.get(time), Some(&(*bytes as u64)), "{namespace} at {time}");
        }
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), ["frigate", "immich", "llama", "tts"]);
    assert_eq!(recorded.value("GPU memory by owner", "total"), TOTAL);
    let limit = recorded.value("GPU memory by owner", "total less the floor of 8Gi");
    assert_eq!(limit, TOTAL - FLOOR);

    // The figures of the replay, which made the replicas.
    let simulated = recorded.month.simulated.clone();
    let figure = |name: &str| simulated[name].as_f64().unwrap();
    assert_eq!((figure("nights"), figure("nightsServed")), (30.0, 29.0), "the month has changed");
    assert_eq!(recorded.value("Nights served", "nights served"), figure("nightsServed"));
    assert_eq!(recorded.value("Nights served", "windows"), figure("nights"));
    let hours = recorded.value("Nights served", "hours up");
    // A minute of each start may be missed.
    assert!((hours - figure("hours")).abs() <= figure("starts") / 60.0, "{hours}");

    let failed = "Failed runs of the gate";
    let counts = ["chatterbox-window-up", "chatterbox-vram-guard", "chatterbox-window-down"]
        .map(|name| recorded.value(failed, name));
    assert_eq!(counts, [1.0, 2.0, 0.0]);

    // Each Pod has one time, in its whole life.
    let ready = recorded.take("Time to ready", "time to ready");
    for run in &recorded.month.runs {
        let (start, end) = (run.start + 180, run.end - 60);
        let result = recorded.prometheus.query_range(&ready, start, end, 60);
        let times: Vec<f64> = result.iter().flat_map(values).map(|(_, value)| value).collect();
        assert_eq!(times.len() as i64, (end - start) / 60 + 1);
        assert!(times.iter().all(|time| *time == run.ready_after as f64), "{times:?}");
    }

    let windows = recorded.events("Window");
    assert_at(&windows, &recorded.month.windows.iter().map(|window| window.0).collect::<Vec<_>>());
    for ((_, end), (_, closes)) in windows.iter().zip(&recorded.month.windows) {
        assert!((0..=360).contains(&(closes - end).abs()), "a window ends at {end}, not {closes}");
    }
    let started: Vec<i64> = recorded.month.runs.iter().map(|run| run.start).collect();
    assert_at(&recorded.events("Started"), &started);
    let yields = recorded.month.runs.iter().filter(|run| run.is_yield);
    let yields: Vec<i64> = yields.map(|run| run.end).collect();
    assert_eq!(yields.len() as f64, figure("yields"));
    assert_at(&recorded.events("Yielded"), &yields);
    let served = |start: i64| started.iter().any(|run| (start..start + 300).contains(run));
    let starts = recorded.month.windows.iter().map(|window| window.0);
    let idle: Vec<i64> = starts.filter(|start| !served(*start)).map(|start| start + 300).collect();
    assert_eq!(idle.len(), 1);
    assert_at(&recorded.events("Not started"), &idle);
    let mut failed: Vec<i64> = recorded.month.failed.iter().map(|(_, start)| start + 90).collect();
    failed.sort_unstable();
    assert_at(&recorded.events("Failed run"), &failed);

    assert_eq!(recorded.queries, BTreeMap::new(), "queries that nothing checks");
}

/// An exporter of the device's memory and of that of Pods has a rest, which is shown too.
#[test]
fn memory_outside_pods_is_shown_beside_that_of_pods() {
    if !require(&["promtool", "--version"]) {
        return;
    }
    let sets = ["--set", "gate.exporter=dcgm-pods", "--set", "gate.select={\"gpu\": \"0\"}"];
    let queries = queries(&dashboard(&sets));
    let expr = |legend: &str| &queries[&("GPU memory by owner".to_owned(), legend.to_owned())];
    let series = |labels: &str, mib: u32| json!({"series": format!("DCGM_FI_DEV_FB_USED{{gpu=\"0\"{labels}}}"), "values": mib.to_string()});
    let mib = |mib: u32| u64::from(mib) << 20;
    let check = |legend: &str, samples: Value| json!({"expr": expr(legend), "eval_time": "0m", "exp_samples": samples});
    let label = queries.keys().find(|(_, legend)| legend.starts_with("{{")).unwrap().1.clone();
    let namespace = label.trim_matches(['{', '}']).to_owned();
    let tests = json!({"rule_files": [], "tests": [{
        "interval": "1m",
        "input_series": [
            series("", 5000),
            series(&format!(",{namespace}=\"tts\",pod=\"a\""), 3000),
            series(&format!(",{namespace}=\"tts\",pod=\"b\""), 500),
            series(&format!(",{namespace}=\"immich\",pod=\"c\""), 1000),
        ],
        "promql_expr_test": [
            check(&label, json!([
                {"labels": format!("{{{namespace}=\"immich\"}}"), "value": mib(1000)},
                {"labels": format!("{{{namespace}=\"tts\"}}"), "value": mib(3500)},
            ])),
            check("outside Pods", json!([{"labels": "{}", "value": mib(500)}])),
        ],
    }]});
    let folder = Sandbox::empty();
    let file = folder.write("tests.yaml", tests.to_string());
    run(&["promtool", "test", "rules", file.to_str().unwrap()], "");
}

/// A zero says that something was measured: without kube-state-metrics, its panels have no data.
#[test]
fn a_count_is_zero_only_if_the_jobs_are_known() {
    if !require(&["promtool", "--version"]) {
        return;
    }
    let queries = queries(&dashboard(&[]));
    let counts: Vec<&String> = queries
        .iter()
        .filter(|((panel, _), _)| ["Nights served", "Failed runs of the gate"].contains(&&**panel))
        .map(|(_, expr)| expr)
        .collect();
    assert_eq!(counts.len(), 6);
    let case = |series: Value, samples: Value| {
        let check = |expr: &&String| json!({"expr": expr.replace("$__range", "1h"), "eval_time": "5m", "exp_samples": samples});
        json!({
            "interval": "1m",
            "input_series": series,
            "promql_expr_test": counts.iter().map(check).collect::<Vec<_>>(),
        })
    };
    let jobs = ["chatterbox-window-up", "chatterbox-vram-guard", "chatterbox-window-down"];
    let infos: Vec<Value> = jobs
        .iter()
        .map(|name| format!("kube_cronjob_info{{namespace=\"tts\",cronjob=\"{name}\"}}"))
        .map(|series| json!({"series": series, "values": "1+0x5"}))
        .collect();
    let tests = json!({"rule_files": [], "tests": [
        case(json!([]), json!([])),
        case(json!(infos), json!([{"labels": "{}", "value": 0}])),
    ]});
    let folder = Sandbox::empty();
    let file = folder.write("tests.yaml", tests.to_string());
    run(&["promtool", "test", "rules", file.to_str().unwrap()], "");
}

/// The values of several exporters and targets, and the legends of their memory.
const VARIANTS: &[(&[&str], &[&str])] = &[
    (&["gate.exporter=dcgm"], &["in use", "total", "total less the floor of 6Gi"]),
    (&["gate.exporter=nvidia-gpu-exporter"], &["in use", "total", "total less the floor of 6Gi"]),
    (&["gate.exporter=amd"], &["in use", "total", "total less the floor of 6Gi"]),
    (
        &[
            "gate.exporter=custom",
            "gate.metric=x",
            "gate.metricUnit=MiB",
            "gate.freeMetric=y",
            "gpu.total=null",
        ],
        &["total", "total less the floor of 6Gi", "{{namespace}}"],
    ),
    (
        &["gate.prometheus.url=http://p.m.svc", "gate.prometheus.query=used_bytes"],
        &["in use", "total", "total less the floor of 6Gi"],
    ),
    (
        &["target.kind=StatefulSet", "target.name=db"],
        &["total", "total less the floor of 6Gi", "{{namespace}}"],
    ),
    (
        &["target.kind=Rollout", "target.apiVersion=argoproj.io/v1alpha1", "target.name=a.b"],
        &["total", "total less the floor of 6Gi", "{{namespace}}"],
    ),
    (
        &["dashboard.namespaceLabel=exported_namespace"],
        &["total", "total less the floor of 6Gi", "{{exported_namespace}}"],
    ),
];

/// Queries for every exporter and every kind of target are valid to promtool.
#[test]
fn queries_are_valid_for_every_preset_and_target() {
    if !require(&["promtool", "--version"]) {
        return;
    }
    for (sets, legends) in VARIANTS {
        let arguments: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let queries = queries(&dashboard(&arguments));
        let memory = queries.keys().filter(|(panel, _)| panel.starts_with("GPU memory"));
        assert_eq!(memory.map(|(_, legend)| legend).collect::<Vec<_>>(), *legends, "{sets:?}");
        let rules: Vec<Value> = queries
            .values()
            .map(|expr| json!({"record": "one", "expr": expr.replace("$__range", "7d")}))
            .collect();
        let file = json!({"groups": [{"name": "all", "rules": rules}]});
        run(&["promtool", "check", "rules", "--lint=none", "/dev/stdin"], &file.to_string());
    }
}

#[test]
fn the_job_of_demand_is_counted_like_the_others() {
    let name = "chatterbox-tts-demand";
    let failed = ("Failed runs of the gate".to_owned(), name.to_owned());
    let events = ["Failed run", "Yielded"].map(|event| ("annotation".to_owned(), event.to_owned()));
    let with_demand = queries(&dashboard(&["-f", "overlays/demand.yaml"]));
    assert!(with_demand[&failed].contains(name), "{}", with_demand[&failed]);
    for event in &events {
        assert!(with_demand[event].contains(name), "{event:?}: {}", with_demand[event]);
    }
    assert!(queries(&dashboard(&[])).values().all(|query| !query.contains(name)));
}

#[test]
fn the_config_map_is_one_that_the_sidecar_finds() {
    let object = config_map(&[]);
    assert_eq!(object["kind"], "ConfigMap");
    assert_eq!(object["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(object["metadata"]["annotations"]["grafana_folder"], "GPU");
    assert_eq!(object["metadata"]["namespace"], "tts");
    // Without any setting, the label is that of Grafana's Helm charts.
    let sandbox = Sandbox::repository();
    sandbox.write("least.yaml", "dashboard: {}\n");
    let least = objects(&sandbox.ok(&["generate", "tts", "-f", "least.yaml"]).stdout);
    let least = least.iter().find(|one| one["metadata"]["name"] == "chatterbox-tts-dashboard");
    assert_eq!(least.unwrap()["metadata"]["labels"]["grafana_dashboard"], "1");

    let other = config_map(&["--set", "dashboard.namespace=monitoring"]);
    assert_eq!(other["metadata"]["namespace"], "monitoring");
    let all = objects(&generate(&["tts"]));
    assert!(!all.iter().any(|one| one["metadata"]["name"] == "chatterbox-tts-dashboard"));
}

/// The text in the YAML is a block with a line for each field, so that a reviewer sees what changes.
#[test]
fn a_change_of_a_value_is_a_change_of_a_few_lines() {
    let lines = |sets: &[&str]| -> Vec<String> {
        generate(&[&OVERLAY, sets].concat()).lines().map(str::to_owned).collect()
    };
    let before = lines(&[]);
    assert!(before.contains(&"  tts-render-tts.json: |".to_owned()));
    assert!(before.contains(&"      \"uid\": \"tts-render-tts\"".to_owned()));
    assert_eq!(before, lines(&[]));
    let after = lines(&["--set", "offPeak.timeZone=Europe/Berlin"]);
    assert_eq!(before.len(), after.len());
    let changed: Vec<&String> =
        before.iter().zip(&after).filter(|(a, b)| a != b).map(|(_, after)| after).collect();
    // The others are those of the CronJobs.
    let fields: Vec<&&String> =
        changed.iter().filter(|line| line.starts_with("      \"")).collect();
    assert_eq!(fields, [&"      \"timezone\": \"Europe/Berlin\","]);
}

#[test]
fn the_data_source_is_chosen_in_the_dashboard_unless_a_value_names_it() {
    let sources = |dashboard: &Value| -> Vec<Value> {
        let panels = dashboard["panels"].as_array().unwrap().iter();
        let annotations = dashboard["annotations"]["list"].as_array().unwrap();
        let targets = panels.clone().flat_map(|panel| panel["targets"].as_array().unwrap());
        let all = targets.chain(panels).chain(annotations);
        let mut all: Vec<Value> = all.map(|one| one["datasource"]["uid"].clone()).collect();
        all.dedup();
        all
    };
    let chosen = dashboard(&[]);
    assert_eq!(sources(&chosen), ["${datasource}"]);
    assert_eq!(chosen["templating"]["list"][0]["name"], "datasource");
    let named = dashboard(&["--set", "dashboard.dataSource=P1"]);
    assert_eq!(sources(&named), ["P1"]);
    assert_eq!(named["templating"]["list"], json!([]));
}

/// docs/dashboard.md has a row for each panel and each annotation.
#[test]
fn the_guide_has_a_row_for_each_panel_and_each_annotation() {
    let guide = std::fs::read_to_string(repository().join("docs/dashboard.md")).unwrap();
    let dashboard = dashboard(&[]);
    let panels = dashboard["panels"].as_array().unwrap().iter().map(|panel| &panel["title"]);
    let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let names = panels.chain(annotations.map(|one| &one["name"]));
    for name in names.map(|name| name.as_str().unwrap()) {
        let row = format!("| {name} |");
        assert!(guide.lines().any(|line| line.starts_with(&row)), "docs/dashboard.md: no `{row}`");
    }
}
