use super::*;
use crate::budget::Budget;
use crate::diff::Diff;
use crate::diff::testing::{objects, snapshot, tenant};
use crate::window::simulate::TenantChoice;

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

/// The nights, those served, the yields, those without a reading, and the seconds that the tenant ran.
fn outcome(text: &str, history: &History) -> (usize, usize, usize, usize, i64) {
    let objects = objects(text);
    let gates = find_gates(&objects, &["tts"].into());
    let (target, gate) = gates.first_key_value().unwrap();
    let reaction = reaction_time(&objects, target);
    let stage = Stage::new(gate, reaction, history, &mut SegmentCache::default()).unwrap();
    let memory = TenantMemory::choose(TenantChoice::Peak, 0, &stage.recorded);
    let outcome = stage.replay(&memory);
    let yields = outcome.yields().values().sum();
    let seconds = outcome.nights.iter().map(|night| night.served() / 1000).sum();
    (outcome.nights.len(), outcome.nights_served(), yields, outcome.unread(), seconds)
}

fn messages(edit: impl Fn(&str) -> String, history: &History) -> Vec<String> {
    let base = tenant();
    let now = "2026-11-24T12:00:00Z".parse().unwrap();
    let diff = Diff::between(
        &snapshot(&base),
        &snapshot(&edit(&base)),
        now,
        Some(history),
        &Budget::default(),
    )
    .unwrap();
    diff.backtests.iter().map(|test| test.message.to_string()).collect()
}

/// The tenant starts with the second of two samples, 20 s after its window opened.
const NIGHT: i64 = 4 * 3600 - 20;

#[test]
fn a_night_follows_the_gates_own_rules() {
    // Up at 02:00 with 10 of 16 GiB in use: exactly the floor of 6 GiB is free.
    let quiet = History::parse(&answer(&[hours(&[10; 9])])).unwrap();
    assert_eq!(outcome(&tenant(), &quiet), (1, 1, 0, 0, NIGHT));
    // 11 GiB at 02:00: not admitted.
    let full = History::parse(&answer(&[hours(&[11; 9])])).unwrap();
    assert_eq!(outcome(&tenant(), &full), (1, 0, 0, 0, 0));
    // From 04:00 the others need the GPU; the guard's first run after that is at 04:00.
    let burst = History::parse(&answer(&[hours(&[9, 9, 9, 9, 12, 12, 12, 12, 12])])).unwrap();
    assert_eq!(outcome(&tenant(), &burst), (1, 1, 1, 0, 2 * 3600 - 20));
}

#[test]
fn nights_are_windows_and_not_runs() {
    let quiet = History::parse(&answer(&[hours(&[9, 9, 11, 9, 12, 9, 9, 9, 9])])).unwrap();
    let often = tenant().replace("schedule: 0 2 * * *", "schedule: \"*/30 2-5 * * *\"");
    // Full until 03:00, then again from 04:00 to 05:00: two starts in one night.
    assert_eq!(outcome(&often, &quiet), (1, 1, 1, 0, 2 * (3600 - 20)));
}

#[test]
fn the_tenants_own_memory_counts_only_if_the_guard_counts_everyone() {
    let text = answer(&[hours(&[9; 9]), series("tts", &[0, 0, 4, 4, 4, 4, 0, 0, 0])]);
    let history = History::parse(&text).unwrap();
    assert_eq!(outcome(&tenant(), &history).2, 0);
    let everyone = tenant().replace("value: residents", "value: everyone");
    // 16 − 9 − 4 is less than the floor, so the guard stops what `up` started.
    assert_eq!(outcome(&everyone, &history).2, 1);
    // 16 − 9 − 4 is less than a reserve of 4 GiB too.
    let reserve = tenant().replace("\"536870912\"", "4Gi");
    assert_eq!(outcome(&reserve, &history).2, 1);
}

#[test]
fn hours_without_a_sample_have_no_reading() {
    let mut cut = hours(&[1; 9]);
    // A sample counts for two steps: until 03:00.
    for hour in [2, 3, 4] {
        cut = cut.replace(&format!("[{},\"{GIB}\"],", 1_795_478_400 + hour * 3600), "");
    }
    let text = answer(&[cut]);
    let late = tenant().replace("schedule: 0 2 * * *", "schedule: 0 4 * * *");
    assert_eq!(outcome(&late, &History::parse(&text).unwrap()), (1, 0, 0, 1, 0));
    // The guard at 03:05 has no reading, and stops what started at 02:00.
    let seconds = 3600 + 5 * 60 - 20;
    assert_eq!(outcome(&tenant(), &History::parse(&text).unwrap()), (1, 1, 1, 0, seconds));
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
        [
            "floor `8Gi`: 21 of 30 nights served (25 before), 2 yields (2), 82 h up (98 h), nobody starved (2 nights before)"
        ]
    );
    assert_eq!(
        hour,
        [
            "up `0 4 * * *`: 25 of 30 nights served (25 before), 2 yields (2), 48 h up (98 h), somebody starved in 2 nights (2)"
        ]
    );
    assert_eq!(label, [""; 0]);
    assert_eq!(
        total,
        [
            "total `15Gi`: 24 of 30 nights served (25 before), 4 yields (2), 90 h up (98 h), somebody starved in 1 night (2)"
        ]
    );
    assert_eq!(
        reserve,
        [
            "reserve `4Gi`: 25 of 30 nights served (25 before), 6 yields (2), 83 h up (98 h), nobody starved (2 nights before)"
        ]
    );
}

#[test]
fn a_history_of_another_metric_is_refused() {
    let named = answer(&[hours(&[1; 9])
        .replace("{\"namespace\"", "{\"__name__\":\"DCGM_FI_DEV_FB_USED\",\"namespace\"")]);
    let named = History::parse(&named).unwrap();
    let metric = messages(|text| text.replace("\"6442450944\"", "8Gi"), &named);
    assert!(
        metric[0].contains(
            "the history has `DCGM_FI_DEV_FB_USED`, and the gate reads `gpu_pod_memory_used_bytes`"
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
