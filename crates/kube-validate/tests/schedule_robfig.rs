//! Compares `schedule` with the library that Kubernetes itself uses: robfig/cron v3.
//!
//! Needs `go`. Without it, the test prints a note and passes, except in CI.

#![cfg(test)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use kube_validate::schedule::{Schedule, zone};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const CASES: usize = 6_000;
const RUNS: usize = 12;

/// Time zones of every kind: without clock changes; with changes of one hour, of half an hour, of two
/// hours and at midnight; with a skipped day; with offsets of half and quarter hours.
const ZONES: [&str; 18] = [
    "UTC",
    "Europe/London",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Asuncion",
    "America/Havana",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Apia",
];

#[derive(Debug)]
struct Case {
    zone: &'static str,
    start: i64,
    schedule: String,
}

fn number(max: u8) -> impl Strategy<Value = String> {
    prop_oneof![
        12 => (0..=max).prop_map(|n| n.to_string()),
        1 => (0..=max).prop_map(|n| format!("+0{n}")),
        1 => Just((max + 1).to_string()),
    ]
}

/// A field, mostly valid, sometimes refused by Kubernetes.
fn field(max: u8, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let name = prop::sample::select(names);
    let bound = prop_oneof![3 => number(max), 1 => name.prop_map(str::to_owned)];
    let step = prop_oneof![20 => 1..=max + 2, 1 => Just(0)];
    let item = prop_oneof![
        4 => bound.clone(),
        3 => (number(max), number(max)).prop_map(|(a, b)| format!("{a}-{b}")),
        2 => (bound.clone(), bound, step.clone()).prop_map(|(a, b, s)| format!("{a}-{b}/{s}")),
        2 => (number(max), step.clone()).prop_map(|(a, s)| format!("{a}/{s}")),
        2 => step.prop_map(|s| format!("*/{s}")),
        1 => prop::sample::select(&["*", "?", "", "*-5", "?-1/2", "*/1", "-1", "1/", "L", "1#2"][..])
            .prop_map(str::to_owned),
    ];
    let list = prop::collection::vec(item, 1..4).prop_map(|items| items.join(","));
    let few = number(max);
    prop_oneof![4 => Just("*".to_owned()), 4 => few, 3 => list]
}

fn schedules() -> impl Strategy<Value = String> {
    const MONTHS: &[&str] = &["jan", "Feb", "MAR", "oct", "monday"];
    const DAYS: &[&str] = &["sun", "Mon", "FRI", "sat", "may"];
    let five = (
        field(59, &["0", "30", "59", "60"]),
        field(23, &["0", "1", "2", "23", "24"]),
        field(31, &["1", "29", "31", "32"]),
        prop_oneof![3 => Just("*".to_owned()), 1 => field(12, MONTHS)],
        field(6, DAYS),
    )
        .prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"));
    let names = prop::sample::select(
        &[
            "@yearly",
            "@monthly",
            "@weekly",
            "@daily",
            "@hourly",
            "@annually",
            "@never",
            " @daily",
            "0 0 30 2 *",
            "0 2 29 feb *",
            ", * * * *",
            "0 0 31 4,6 *",
        ][..],
    );
    let number = prop_oneof![
        (0..400u32).prop_map(|n| n.to_string()),
        Just("1.5".into()),
        Just(".25".into()),
        Just(".".into())
    ];
    let unit = prop::sample::select(&["s", "m", "h", "ms", "us", "\u{b5}s", "ns", "d", ""][..]);
    let sign = prop::sample::select(&["", "", "", "-", "+"][..]);
    let part = (number, unit).prop_map(|(n, u)| format!("{n}{u}"));
    let every = (sign, prop::collection::vec(part, 0..4))
        .prop_map(|(sign, parts)| format!("@every {sign}{}", parts.concat()));
    prop_oneof![20 => five, 1 => names.prop_map(str::to_owned), 2 => every]
}

/// Instants from 2000 to 2024, on which all time zone databases agree; half of them near a clock change
/// of the zone.
fn cases() -> Vec<Case> {
    let strategy = (schedules(), 0..ZONES.len(), 946_684_800..1_704_067_200i64, 0..4u8);
    let mut runner = TestRunner::deterministic();
    let draw = |_| {
        let (schedule, at, start, near) = strategy.new_tree(&mut runner).unwrap().current();
        let name = ZONES[at];
        let instant = Timestamp::from_second(start).unwrap();
        let clocks = zone(name).unwrap();
        let change = clocks.preceding(instant).next();
        let start = match (near, change) {
            (0 | 1, Some(change)) => change.timestamp().as_second() - start % 100_000,
            (2, _) => start - start % 60,
            _ => start,
        };
        Case { zone: name, start, schedule }
    };
    (0..CASES).map(draw).collect()
}

fn our_answer(case: &Case) -> String {
    let Ok(schedule) = case.schedule.parse::<Schedule>() else {
        return "refused".to_owned();
    };
    let zone = zone(case.zone).unwrap();
    let mut runs = Vec::new();
    let mut at = Timestamp::from_second(case.start).unwrap();
    for _ in 0..RUNS {
        let Some(next) = schedule.next_after(at, &zone) else {
            runs.push("-".to_owned());
            break;
        };
        runs.push(next.as_second().to_string());
        at = next;
    }
    runs.join(" ")
}

/// The library's answers, one line for each case; none without `go`.
fn library_answers(cases: &[Case]) -> Option<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tools/cron");
    let tool = Path::new(env!("CARGO_TARGET_TMPDIR")).join("robfig-cron");
    let mut build = Command::new("go");
    build.current_dir(source).args(["build", "-mod=readonly", "-o"]).arg(&tool).arg(".");
    match build.output() {
        Err(_) => return None,
        Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
    }
    let mut child =
        Command::new(tool).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> = cases
        .iter()
        .map(|case| format!("{}\t{}\t{RUNS}\t{}\n", case.zone, case.start, case.schedule))
        .collect();
    let mut stdin = child.stdin.take().unwrap();
    let write = std::thread::spawn(move || stdin.write_all(lines.concat().as_bytes()));
    let output = child.wait_with_output().unwrap();
    write.join().unwrap().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn schedules_run_as_robfig_cron_runs_them() {
    let cases = cases();
    let Some(output) = library_answers(&cases) else {
        assert!(std::env::var_os("CI").is_none(), "CI needs `go` for this test");
        eprintln!("not run: `go` is not installed");
        return;
    };
    let answers: Vec<&str> = output.lines().collect();
    assert_eq!(answers.len(), cases.len());
    let differ: Vec<String> = cases
        .iter()
        .zip(&answers)
        .map(|(case, library)| (case, our_answer(case), library))
        .filter(|(_, answer, library)| answer != *library)
        .map(|(case, answer, library)| {
            format!("{case:?}\n  schedule    {answer}\n  robfig/cron {library}")
        })
        .collect();
    let shown = differ.iter().take(10).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(differ.is_empty(), "{} of {CASES} differ:\n{shown}", differ.len());

    // The comparison is useful only if every kind of answer occurs.
    let refused = answers.iter().filter(|answer| **answer == "refused").count();
    let ended = answers.iter().filter(|answer| answer.ends_with('-')).count();
    assert!(refused > CASES / 20);
    assert!(CASES - refused > CASES / 3);
    assert!(ended > 10);
}
