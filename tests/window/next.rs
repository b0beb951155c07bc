//! `window next`: the coming windows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::tool::{Sandbox, WORKER, repository, run_in};
use crate::common::{require, run};

/// Time zones of every kind: with clock changes of half an hour, one, two and at midnight; with rules that
/// changed in the two years; without changes.
const ZONES: [&str; 40] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Johannesburg",
    "America/Asuncion",
    "America/Chicago",
    "America/Chihuahua",
    "America/Denver",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Nuuk",
    "America/Ojinaga",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Damascus",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Easter",
];

/// Schedules of `up`, the guard and `down`: ordinary ones, and some near clock changes. None has more than
/// eight runs a day.
const SCHEDULES: [[&str; 3]; 5] = [
    ["0 2 * * *", "20 3 * * *", "0 6 * * *"],
    ["30 1 * * *", "30 0,2 * * *", "0 5,13 * * *"],
    ["*/40 0-3 * * *", "15 1-2 * * *", "30 2,6 * * *"],
    ["0 22 * * 5,6", "0 23 * * *", "0 1 * * 0,1"],
    ["10 0 1,15 * *", "5 0 * * *", "10 2 * * *"],
];

/// Two years on which the time zone databases of both programs agree.
const FROM: &str = "2022-01-01T00:00:00Z";
const FROM_SECONDS: i64 = 1_640_995_200;
const DAYS: i64 = 730;
const UNTIL_SECONDS: i64 = FROM_SECONDS + DAYS * 86_400;

/// A project with a stack a zone, and the schedules of each.
fn worldwide() -> (Sandbox, BTreeMap<String, (&'static str, [&'static str; 3])>) {
    let sandbox = Sandbox::empty();
    let mut stacks = BTreeMap::new();
    for (index, zone) in ZONES.into_iter().enumerate() {
        let schedules = SCHEDULES[index % SCHEDULES.len()];
        let [up, guard, down] = schedules;
        let name = format!("zone{index:02}");
        let off_peak = format!(
            "offPeak: {{timeZone: {zone}, up: \"{up}\", guard: \"{guard}\", down: \"{down}\"}}"
        );
        let old = WORKER.lines().find(|line| line.starts_with("offPeak: ")).unwrap();
        let (values, _) = WORKER.split_once("kyverno:").unwrap();
        let values = values
            .replace("name: whisper", &format!("name: {name}"))
            .replace("name: speech,", &format!("name: {name},"))
            .replace(old, &off_peak);
        sandbox.write(&format!("values/{name}.yaml"), values);
        stacks.insert(name, (zone, schedules));
    }
    (sandbox, stacks)
}

fn next_args<'a>(format: &'a str, days: &'a str) -> [&'a str; 8] {
    ["window", "next", "--from", FROM, "--for", days, "--format", format]
}

/// Parses an RFC 3339 instant in UTC.
fn seconds(time: &Value) -> i64 {
    let time = time.as_str().unwrap();
    assert!(time.ends_with('Z'), "{time}");
    time.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// The runs of each zone and schedule in the two years and ten days before, by robfig/cron, the library that
/// Kubernetes uses.
fn library_runs(questions: &[(&str, &str)]) -> Option<Vec<Vec<i64>>> {
    if !require(&["go", "version"]) {
        return None;
    }
    let tool = Path::new(env!("CARGO_TARGET_TMPDIR")).join("window-robfig-cron");
    let mut build = Command::new("go");
    build.current_dir(repository().join("tests/tools/cron"));
    let built = build.args(["build", "-mod=readonly", "-o"]).arg(&tool).arg(".").output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let start = FROM_SECONDS - 10 * 86_400 - 1;
    let input: String = questions
        .iter()
        .map(|(zone, schedule)| {
            // A schedule without lists, ranges and steps runs once a day at most.
            let many = schedule.split(' ').take(2).any(|field| field.contains([',', '-', '/']));
            let count = if many { 8 * 800 } else { 800 };
            format!("{zone}\t{start}\t{count}\t{schedule}\n")
        })
        .collect();
    let output = run(&[tool.to_str().unwrap()], &input);
    let runs = |line: &str| {
        let runs: Vec<i64> = line.split(' ').map(|run| run.parse().unwrap()).collect();
        assert!(*runs.last().unwrap() > UNTIL_SECONDS + 10 * 86_400);
        runs
    };
    Some(output.lines().map(runs).collect())
}

/// The windows that open in the two years: each from a run of `up` while none is open to the next of `down`,
/// which wins if both are due at once.
fn replay(up: &[i64], down: &[i64]) -> Vec<(i64, i64)> {
    let mut events: Vec<(i64, bool)> = up.iter().map(|run| (*run, true)).collect();
    events.extend(down.iter().map(|run| (*run, false)));
    // `false` comes last, and undoes a run of `up` at the same instant.
    events.sort_by_key(|(time, opens)| (*time, !*opens));
    let mut windows = Vec::new();
    let mut open: Option<i64> = None;
    for (time, opens) in events {
        match (opens, open) {
            (true, None) => open = Some(time),
            (false, Some(start)) => {
                if time > start {
                    windows.push((start, time));
                }
                open = None;
            }
            _ => {}
        }
    }
    windows.retain(|(start, _)| (FROM_SECONDS..UNTIL_SECONDS).contains(start));
    windows
}

#[test]
fn windows_and_runs_are_those_of_robfig_cron_in_40_zones() {
    let (sandbox, stacks) = worldwide();
    let questions: Vec<(&str, &str)> = stacks
        .values()
        .flat_map(|(zone, schedules)| schedules.iter().map(move |schedule| (*zone, *schedule)))
        .collect();
    let Some(runs) = library_runs(&questions) else { return };
    let report: Value =
        serde_json::from_str(&sandbox.ok(&next_args("json", "730d")).stdout).unwrap();
    assert_eq!(report["version"], 1);
    let mut windows: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    for window in report["windows"].as_array().unwrap() {
        let span = (seconds(&window["start"]), seconds(&window["end"]));
        windows.entry(window["stack"].as_str().unwrap()).or_default().push(span);
    }
    let mut listed: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
    for run in report["runs"].as_array().unwrap() {
        let key = (run["stack"].as_str().unwrap(), run["action"].as_str().unwrap());
        listed.entry(key).or_default().push(seconds(&run["time"]));
    }
    let mut compared = 0;
    for ((stack, _), runs) in stacks.iter().zip(runs.chunks(3)) {
        let [up, guard, down] = runs else { panic!("{stack}") };
        assert_eq!(windows[stack.as_str()], replay(up, down), "{stack}");
        compared += windows[stack.as_str()].len();
        for (action, runs) in [("up", up), ("guard", guard), ("down", down)] {
            let span = FROM_SECONDS..UNTIL_SECONDS;
            let expected: Vec<i64> =
                runs.iter().copied().filter(|run| span.contains(run)).collect();
            let found = &listed[&(stack.as_str(), action)];
            let difference = found.iter().zip(&expected).find(|(one, other)| one != other);
            assert_eq!(difference, None, "{stack} {action}");
            assert_eq!(found.len(), expected.len(), "{stack} {action}");
        }
    }
    assert!(compared > 15_000, "{compared}");
}

/// Prints each event's identity, start and end, in seconds.
const READ_EVENTS: &str = r#"
import sys, icalendar, vobject
text = open(sys.argv[1], newline="").read()
def stamp(time):
    assert time.utcoffset().total_seconds() == 0, time
    return str(int(time.timestamp()))
if sys.argv[2] == "icalendar":
    for event in icalendar.Calendar.from_ical(text).walk("VEVENT"):
        print(event["UID"], stamp(event["DTSTART"].dt), stamp(event["DTEND"].dt), event["SUMMARY"])
else:
    calendar = vobject.readOne(text)
    for event in calendar.vevent_list:
        print(event.uid.value, stamp(event.dtstart.value), stamp(event.dtend.value), event.summary.value)
"#;

#[test]
fn two_readers_of_icalendar_read_every_window() {
    if !require(&["python3", "-c", "import icalendar, vobject"]) {
        return;
    }
    let (sandbox, _) = worldwide();
    let ics = sandbox.ok(&next_args("ics", "730d")).stdout;
    assert!(ics.ends_with("END:VCALENDAR\r\n"));
    assert!(ics.split("\r\n").all(|line| line.len() <= 75 && !line.contains(['\r', '\n'])));
    let report: Value =
        serde_json::from_str(&sandbox.ok(&next_args("json", "730d")).stdout).unwrap();
    let expected: Vec<(String, String)> = report["windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|window| {
            let (start, end) = (seconds(&window["start"]), seconds(&window["end"]));
            let stack = window["stack"].as_str().unwrap();
            (format!("-{stack}-"), format!("{start} {end} {stack}: window"))
        })
        .collect();
    let file = sandbox.write("windows.ics", &ics);
    for reader in ["icalendar", "vobject"] {
        let read = run(&["python3", "-c", READ_EVENTS, file.to_str().unwrap(), reader], "");
        let events: Vec<(&str, &str)> =
            read.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(events.len(), expected.len(), "{reader}");
        for ((uid, event), (stack, window)) in events.iter().zip(&expected) {
            assert!(uid.contains(stack.as_str()) && event == window, "{uid} {event}: {window}");
        }
        let identities: BTreeSet<&str> = events.iter().map(|(uid, _)| *uid).collect();
        assert_eq!(identities.len(), events.len(), "{reader}");
    }
}

#[test]
fn an_event_has_the_same_bytes_in_every_span() {
    let events = |from: &str| -> BTreeSet<String> {
        let args = ["window", "next", "--from", from, "--for", "7d", "--format", "ics"];
        let ics = run_in(repository(), &args).result().to_owned();
        assert_eq!(run_in(repository(), &args).result(), ics);
        ics.split("BEGIN:VEVENT")
            .skip(1)
            .filter(|event| event.contains("20270328T"))
            .map(str::to_owned)
            .collect()
    };
    let events = [events("2027-03-27T12:00:00Z"), events("2027-03-25T03:00:00Z")];
    assert_eq!((events[0].len(), &events[0]), (1, &events[1]));
}

#[test]
fn a_calendar_without_a_window_is_valid() {
    let args = ["--set", "offPeak.suspend=true", "--format", "ics", "--from", FROM];
    let output = run_in(repository(), &[&["window", "next"][..], &args].concat());
    let ics = output.result();
    assert!(ics.contains("BEGIN:VTIMEZONE") && !ics.contains("VEVENT"), "{ics}");
}

#[test]
fn pictures_are_well_formed_and_have_no_script() {
    if !require(&["xmllint", "--version"]) {
        return;
    }
    let sandbox = Sandbox::two_stacks();
    for format in ["svg", "html"] {
        for set in [
            "offPeak.up=0 2 * * *",
            "offPeak.up=30 1 * * *",
            "offPeak.suspendAll=true",
            "offPeak.down=@every 2h",
        ] {
            let args = [
                "window",
                "next",
                "--from",
                "2027-03-20T12:00:00Z",
                "--format",
                format,
                "--set",
                set,
            ];
            let picture = sandbox.ok(&args).stdout;
            assert_eq!(sandbox.ok(&args).stdout, picture);
            run(&["xmllint", "--noout", "-"], &picture);
            assert!(!picture.contains("<script") && !picture.contains("@font-face"));
            assert!(picture.contains("prefers-color-scheme: dark"));
        }
    }
}

#[test]
fn the_text_names_what_clocks_do() {
    let args = ["window", "next", "--from", "2027-03-27T00:00:00Z", "--for", "2d"];
    let text = run_in(repository(), &args).result().to_owned();
    assert_eq!(
        text,
        "tts: Deployment tts/chatterbox-tts, Europe/London\n  \
         Sat 27 Mar 2027 02:00 → 06:00  4 h  guard 48 ×\n  \
         Sun 28 Mar 2027 02:00 → 06:00  4 h  guard 48 ×\n      \
         clocks go forward by 1 h at 01:00: no run is skipped"
    );
    let args = [&args[..], &["--set", "offPeak.up=30 1 * * *"]].concat();
    let text = run_in(repository(), &args).result().to_owned();
    assert!(
        text.contains("  Sun 28 Mar 2027  no window\n      clocks go forward by 1 h at 01:00: `up` at 01:30 is skipped"),
        "{text}"
    );
}

#[test]
fn check_fails_for_a_night_without_a_window_or_an_end() {
    for (set, exit) in [
        ("offPeak.up=0 2 * * *", 0),
        // The two ends of one instant; one that clocks skip; none at weekends.
        ("offPeak.down=0 2 * * *", 1),
        ("offPeak.up=30 1 * * *", 1),
        ("offPeak.up=0 2 * * 1-5", 1),
        // No end, one on Sundays, and one that clocks skip.
        ("offPeak.down=0 0 30 2 *", 1),
        ("offPeak.down=0 6 * * 0", 1),
        ("offPeak.down=30 1 * * *", 1),
        // `down` before `up` in the day, and more than one `up` in a window.
        ("offPeak.down=0 1 * * *", 1),
        ("offPeak.down=0 0 * * *", 0),
        ("offPeak.up=*/30 2-5 * * *", 0),
        // Times that only the cluster knows, or never.
        ("offPeak.up=@every 24h", 1),
        ("offPeak.down=@every 4h", 1),
        ("offPeak.up=0 0 30 2 *", 1),
        ("offPeak.suspend=true", 1),
        ("offPeak.suspendAll=true", 1),
    ] {
        let args = ["window", "next", "--from", "2027-03-22T09:00:00Z", "--check", "--set", set];
        let output = run_in(repository(), &args);
        assert_eq!((output.code, &*output.stderr), (exit, ""), "{set}: {}", output.stdout);
    }
}

#[test]
fn suspended_jobs_have_no_runs() {
    for (set, actions) in [
        ("offPeak.suspend=false", &["down", "guard", "up"][..]),
        ("offPeak.suspend=true", &["down", "guard"]),
        ("offPeak.suspendAll=true", &[]),
    ] {
        let args = ["window", "next", "--from", FROM, "--for", "1d", "--set", set];
        let json = run_in(repository(), &[&args[..], &["--format", "json"]].concat());
        let report: Value = serde_json::from_str(json.result()).unwrap();
        let found: BTreeSet<&str> = report["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["action"].as_str().unwrap())
            .collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), actions, "{set}");
        let text = run_in(repository(), &args).result().to_owned();
        assert_eq!(text.contains("`up` is suspended: no window opens"), set.ends_with("true"));
    }
}

#[test]
fn stacks_on_one_gpu_are_named_if_their_windows_overlap() {
    let sandbox = Sandbox::two_stacks();
    let overlaps = |from: &str, to: &str| -> Vec<Value> {
        sandbox.write("values/whisper.yaml", WORKER.replace(from, to));
        let args = ["window", "next", "--from", FROM, "--for", "2d", "--format", "json"];
        let report: Value = serde_json::from_str(&sandbox.ok(&args).stdout).unwrap();
        report["overlaps"].as_array().unwrap().clone()
    };
    // Another exporter, then the same one.
    assert_eq!(overlaps("tier: 2-gpu", "tier: 2-gpu").len(), 0);
    let (metric, unit) = ("metric: DCGM_FI_DEV_FB_USED\n  metricUnit: MiB\n", "");
    let (from, to) = (
        format!("metricsUrl: http://dcgm-exporter.gpu.svc:9400/metrics\n  {metric}"),
        format!("metricsUrl: http://gpu-pod-exporter.nvidia.svc.cluster.local/metrics\n{unit}"),
    );
    let found = overlaps(&from, &to);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["stacks"], serde_json::json!(["tts", "whisper"]));
    assert_eq!(found[0]["start"], "2022-01-01T02:00:00Z");
    assert_eq!(found[0]["end"], "2022-01-01T04:00:00Z");
    let text = sandbox.ok(&["window", "next", "--from", FROM, "--for", "2d"]).stdout;
    assert!(
        text.contains("the window of whisper on the same GPU is open, too, 2 times, first"),
        "{text}"
    );
    // Another GPU of the same exporter.
    sandbox.replace(
        "values/tts.yaml",
        "  exporter: gpu-pod-exporter\n",
        "  select: {gpu: \"0\"}\n",
    );
    let one = format!("{to}  select: {{gpu: \"1\"}}\n");
    assert_eq!(overlaps(&from, &one).len(), 0);
    let same = format!("{to}  select: {{gpu: \"0\"}}\n");
    assert_eq!(overlaps(&from, &same).len(), 2);
}

#[test]
fn a_schedule_that_a_template_decides_is_seen() {
    let sandbox = Sandbox::repository();
    let template = sandbox.read("templates/cronjob.yaml.j2");
    let line = template.lines().find(|line| line.trim_start().starts_with("schedule:")).unwrap();
    let own = line.replace(line.trim_start(), "schedule: \"0 3 * * *\"");
    sandbox.replace("templates/cronjob.yaml.j2", line, &own);
    let args = ["window", "next", "--from", FROM, "--for", "1d", "--format", "json"];
    let report: Value = serde_json::from_str(&sandbox.ok(&args).stdout).unwrap();
    let runs: Vec<&str> = report["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["time"].as_str().unwrap())
        .collect();
    assert_eq!(runs, ["2022-01-01T03:00:00Z"; 3]);
}

#[test]
fn a_span_is_bounded() {
    for length in [
        "100y",
        "0d",
        "d",
        "14",
        "-1d",
        "1.5d",
        "99999999999999999999d",
        "",
        "1→",
        "1828w",
        "2000d",
    ] {
        let flag = format!("--for={length}");
        let output = run_in(repository(), &["window", "next", &flag]);
        assert!(output.refusal().contains("expected"), "{length}: {}", output.stderr);
    }
    let every_minute = "offPeak.guard=* * * * *";
    let args =
        ["window", "next", "--for", "1800d", "--set", every_minute, "--runs", "--from", FROM];
    let output = run_in(repository(), &args);
    assert!(output.refusal().contains("more than 1000000 runs"), "{}", output.stderr);
    let output = run_in(repository(), &["window", "next", "--from", "9999-12-30T00:00:00Z"]);
    assert!(output.refusal().contains("9999"), "{}", output.stderr);
    let output =
        run_in(repository(), &["window", "next", "--at", "-009999-01-02T00:00:00Z", "--for", "1d"]);
    assert!([0, 2].contains(&output.code));
}
