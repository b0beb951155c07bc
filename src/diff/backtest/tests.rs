use super::*;
use crate::diff::Diff;
use crate::diff::testing::{objects, snapshot, tenant};

const GIB: u64 = 1 << 30;

fn month() -> History {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path.join("tests/fixtures/diff/history-synthesised.json"));
    History::parse(&text.unwrap()).unwrap()
}

/// A history of another tenant's memory by the hour, from midnight of 24 November 2026, in UTC.
fn hours(gibibytes: &[u64]) -> String {
    series("immich", gibibytes)
}

fn series(namespace: &str, gibibytes: &[u64]) -> String {
    let start = 1_795_478_400;
    let values: Vec<String> = gibibytes
        .iter()
        .enumerate()
        .map(|(hour, gib)| format!("[{},\"{}\"]", start + hour * 3600, gib * GIB))
        .collect();
    format!(r#"{{"metric":{{"namespace":"{namespace}"}},"values":[{}]}}"#, values.join(","))
}

fn answer(series: &[String]) -> String {
    let result = series.join(",");
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#)
}

fn outcome(text: &str, history: &History) -> Outcome {
    let gates = find_gates(&objects(text), &["tts"].into());
    let gate = gates.values().next().unwrap();
    replay::replay(gate, history).unwrap()
}

fn messages(edit: impl Fn(&str) -> String, history: &History) -> Vec<String> {
    let base = tenant();
    let now = "2026-11-24T12:00:00Z".parse().unwrap();
    let diff = Diff::between(&snapshot(&base), &snapshot(&edit(&base)), now, Some(history));
    diff.backtests.iter().map(|test| test.message.to_string()).collect()
}

#[test]
fn a_night_follows_the_gates_own_rules() {
    // Up at 02:00 with 10 of 16 GiB in use: exactly the floor of 6 GiB is free.
    let quiet = History::parse(&answer(&[hours(&[10; 9])])).unwrap();
    let all = Outcome { nights: 1, admitted: 1, yields: 0, unread: 0, seconds: 4 * 3600 };
    assert_eq!(outcome(&tenant(), &quiet), all);
    // 11 GiB at 02:00: not admitted.
    let full = History::parse(&answer(&[hours(&[11; 9])])).unwrap();
    assert_eq!(outcome(&tenant(), &full), Outcome { nights: 1, ..Outcome::default() });
    // From 04:00 the others need the GPU; the guard's first run after that is at 04:00.
    let burst = History::parse(&answer(&[hours(&[9, 9, 9, 9, 12, 12, 12, 12, 12])])).unwrap();
    let yielded = Outcome { yields: 1, seconds: 2 * 3600, ..all };
    assert_eq!(outcome(&tenant(), &burst), yielded);
}

#[test]
fn the_tenants_own_memory_counts_only_if_the_guard_counts_everyone() {
    let text = answer(&[hours(&[9; 9]), series("tts", &[0, 0, 4, 4, 4, 4, 0, 0, 0])]);
    let history = History::parse(&text).unwrap();
    assert_eq!(history.peak("tts"), 4 * GIB);
    assert_eq!(outcome(&tenant(), &history).yields, 0);
    let everyone = tenant().replace("value: residents", "value: everyone");
    // 16 − 9 − 4 is less than the floor, so the guard stops what `up` started.
    assert_eq!(outcome(&everyone, &history).yields, 1);
    // 16 − 9 − 4 is less than a reserve of 4 GiB too.
    let reserve = tenant().replace("\"536870912\"", "4Gi");
    assert_eq!(outcome(&reserve, &history).yields, 1);
}

#[test]
fn hours_without_a_sample_have_no_reading() {
    let mut cut = hours(&[1; 9]);
    for hour in [1, 2, 3, 4, 5] {
        cut = cut.replace(&format!("[{},\"{GIB}\"],", 1_795_478_400 + hour * 3600), "");
    }
    let cut = History::parse(&answer(&[cut])).unwrap();
    let unread = Outcome { nights: 1, unread: 1, ..Outcome::default() };
    assert_eq!(outcome(&tenant(), &cut), unread);
}

#[test]
fn a_month_is_replayed_under_changed_settings_and_schedules() {
    let month = month();
    assert!(month.remarks[0].starts_with("synthesised, not recorded"), "{:?}", month.remarks);
    let floor = messages(|text| text.replace("\"6442450944\"", "8Gi"), &month);
    let hour = messages(|text| text.replace("schedule: 0 2 * * *", "schedule: 0 4 * * *"), &month);
    let label = messages(|text| text.replace("tier: 2-gpu", "tier: 3-edge"), &month);
    let total = messages(|text| text.replace("\"17179869184\"", "15Gi"), &month);
    let reserve = messages(|text| text.replace("\"536870912\"", "4Gi"), &month);
    assert_eq!(
        floor,
        ["floor `8Gi`: 21 of 30 nights admitted (25 before), 2 yields (2), 82 h up (98 h)"]
    );
    assert_eq!(
        hour,
        ["up `0 4 * * *`: 25 of 30 nights admitted (25 before), 2 yields (2), 48 h up (98 h)"]
    );
    assert_eq!(label, [""; 0]);
    assert_eq!(
        total,
        ["total `15Gi`: 24 of 30 nights admitted (25 before), 4 yields (2), 90 h up (98 h)"]
    );
    assert_eq!(
        reserve,
        ["reserve `4Gi`: 25 of 30 nights admitted (25 before), 6 yields (2), 82 h up (98 h)"]
    );
}

#[test]
fn a_gate_that_reads_otherwise_than_the_replay_is_refused() {
    let history = History::parse(&answer(&[hours(&[1; 9])])).unwrap();
    let with_setting = |setting: &str| {
        let (name, value) = setting.split_once('=').unwrap();
        let variable = format!("- name: FLOOR\n{0}value: \"6442450944\"\n", " ".repeat(18));
        let added = format!("{0}- name: {name}\n{0}  value: {value}\n", " ".repeat(16));
        messages(
            |text| {
                text.replace(
                    &variable,
                    &format!("{}{added}", variable.replace("6442450944", "8Gi")),
                )
            },
            &history,
        )
    };
    for setting in [
        "SELECT='gpu=\"0\"'",
        "SERIES=devices-and-pods",
        "DEVICE_LABEL=UUID",
        "NAMESPACE_LABEL=exported_namespace",
        "FREE_METRIC=free",
        "TOTAL_METRIC=total",
        "PROMETHEUS_URL='http://prometheus.monitoring.svc'",
    ] {
        let [message] = &with_setting(setting)[..] else { panic!("{setting}") };
        let name = setting.split_once('=').unwrap().0;
        let expected = format!(
            "floor `8Gi`: the new gate can't be replayed: `the replay does not follow `{name}` of `up`"
        );
        assert!(message.starts_with(&expected), "{message}");
    }
    let unit = messages(
        |text| text.replace("value: bytes", "value: MiB").replace("\"6442450944\"", "8Gi"),
        &history,
    );
    assert!(unit[0].contains("`METRIC_UNIT`"), "{unit:?}");
    let named = answer(&[hours(&[1; 9])
        .replace("{\"namespace\"", "{\"__name__\":\"DCGM_FI_DEV_FB_USED\",\"namespace\"")]);
    let named = History::parse(&named).unwrap();
    let metric = messages(|text| text.replace("\"6442450944\"", "8Gi"), &named);
    assert!(
        metric[0].contains(
            "the history has `DCGM_FI_DEV_FB_USED`, and `up` reads `gpu_pod_memory_used_bytes`"
        ),
        "{metric:?}"
    );
}

#[test]
fn a_budget_is_a_changed_setting() {
    let history = History::parse(&answer(&[hours(&[1; 9])])).unwrap();
    let budget = messages(
        |text| {
            text.replace(
                "- name: RESERVE\n",
                "- name: BUDGET\n                  value: 5Gi\n                - name: RESERVE\n",
            )
        },
        &history,
    );
    assert!(budget[0].starts_with("budget `5Gi`: "), "{budget:?}");
}

#[test]
fn a_history_without_a_window_is_reported() {
    let noon = History::parse(&answer(&[hours(&[1])])).unwrap();
    let messages = messages(|text| text.replace("\"6442450944\"", "8Gi"), &noon);
    assert_eq!(messages, ["floor `8Gi`: the window does not open within the history"]);
}

#[test]
fn settings_that_the_gate_refuses_are_reported() {
    let messages = messages(|text| text.replace("\"6442450944\"", "17Gi"), &month());
    assert_eq!(
        messages,
        [
            "floor `17Gi`: the new gate can't be replayed: `invalid settings of `up`: FLOOR: more than `GPU_TOTAL`, so it can never be free`"
        ]
    );
}

#[test]
fn texts_that_are_not_a_history_are_errors() {
    let matrix = |result: &str| answer(&[result.to_owned()]);
    let sample = |sample: &str| matrix(&format!(r#"{{"metric":{{}},"values":[{sample}]}}"#));
    let named = |name: &str| format!(r#"{{"metric":{{"__name__":"{name}"}},"values":[[1,"1"]]}}"#);
    for (text, expected) in [
        ("{".to_owned(), "expected Prometheus' answer to a range query"),
        (
            r#"{"status":"error","error":"too many points"}"#.to_owned(),
            "the query failed: too many points",
        ),
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.to_owned(),
            "expected a `matrix`, the result of a range query: found `vector`",
        ),
        (answer(&[]), "it contains no samples"),
        (sample(r#"[1,"NaN"]"#), "invalid sample `NaN` at 1"),
        (sample(r#"[1,"-1"]"#), "invalid sample `-1` at 1"),
        (sample(r#"[1,"+Inf"]"#), "invalid sample `+Inf` at 1"),
        (sample(r#"[1,"x"]"#), "invalid sample `x` at 1"),
        (sample(r#"[1e300,"1"]"#), "invalid sample `1` at 1"),
        (
            sample(r#"[2,"1"],[1,"1"]"#),
            "the samples of a series are not in chronological order, at 1",
        ),
        (answer(&[named("a"), named("b")]), "it contains several metrics, `a` and `b`"),
        (answer(&[named("a"), named("a")]), "it contains the series {\"__name__\": \"a\"} twice"),
        (
            r#"{"data":{"resultType":"matrix","result":[]}}"#.to_owned(),
            "expected Prometheus' answer",
        ),
        (
            r#"{"status":"success"}"#.to_owned(),
            "expected Prometheus' answer to a range query: `data`",
        ),
        (matrix(r#"{"metric":{},"values":{}}"#), "expected Prometheus' answer"),
        (matrix(r#"{"metric":{},"values":[[1]]}"#), "expected Prometheus' answer"),
        (matrix(r#"{"metric":{},"values":[[1,2]]}"#), "expected Prometheus' answer"),
        (matrix(r#"{"metric":{},"histograms":[[1,{}]]}"#), "expected Prometheus' answer"),
        (matrix(r#"{"values":[[1,"1"]]}"#), "expected Prometheus' answer"),
        ("\u{feff}{}".to_owned(), "expected Prometheus' answer"),
    ] {
        let error = History::parse(&text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}
