//! Rehearses a window with the real CronJob controller, in both modes, and writes the table of docs/rehearsal.md.
//!
//! All scripts are played at the same time, each in two namespaces, with a GPU of its own. A window takes seven
//! minutes; the cluster is that of `night`, whose kubelets are KWOK's and the test's.

mod gpu;
mod scripts;
mod stage;
mod writes;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::common::tool::repository;
use crate::jobs::on_time::sleep_until;
use crate::night::Night;
use gpu::{Gpu, Times};
use scripts::{OUTAGE, SCRIPTS, Script};
use stage::{Mode, Stage, WINDOW};
use writes::{Count, Writes};

/// The second after the window's start at which everything must be over.
const END: i64 = WINDOW * 60 + 25;

/// The time in which the stacks are deployed before their windows open.
const DEPLOYING: SignedDuration = SignedDuration::from_secs(55);

/// A window that was played.
struct Played {
    script: &'static Script,
    stage: Stage,
    times: Times,
    count: Count,
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_window_ends_as_it_must_in_both_modes() {
    let (night, other) = std::thread::scope(|scope| {
        let other = scope.spawn(Night::start);
        (Night::start(), other.join().unwrap())
    });
    let writes = [night, other].map(|night| Writes::count(night.cluster));
    let soon = Timestamp::now() + DEPLOYING;
    let opens = Timestamp::from_second(soon.as_second() / 60 * 60 + 60).unwrap();

    let plans: Vec<(&Script, Mode)> = SCRIPTS
        .iter()
        .flat_map(|script| [Mode::Jobs, Mode::Watch].map(|mode| (script, mode)))
        .collect();
    let stages: Vec<Stage> = in_parallel(3, &plans, |(script, mode)| {
        let night = if script.stops_server { other } else { night };
        Stage::new(night, script, *mode, opens)
    });
    assert!(Timestamp::now() < opens, "the machine is too slow for the minutes ahead");
    for night in [night, other] {
        let gpus = stages.iter().filter(|stage| std::ptr::eq(stage.night, night));
        let gpus = gpus.map(|stage| (stage.stack.namespace.clone(), stage.gpu.clone())).collect();
        std::thread::spawn(move || observe(night, gpus));
    }
    sleep_until(opens - SignedDuration::from_secs(2));
    writes.iter().for_each(Writes::reset);
    std::thread::spawn(move || {
        sleep_until(opens + SignedDuration::from_secs(OUTAGE[0]));
        other.cluster.stop_server();
        sleep_until(opens + SignedDuration::from_secs(OUTAGE[1]));
        other.cluster.start_server();
    });

    let failed = AtomicBool::new(false);
    let play = |(stage, script): &(&Stage, &Script)| {
        let played = catch_unwind(AssertUnwindSafe(|| {
            (script.play)(stage);
            stage.at(END);
            assert_eq!(stage.stack.replicas(), 0, "{}", stage.stack.namespace);
            assert!(!stage.gpu.is_tenant_up(), "{}", stage.stack.namespace);
        }));
        failed.fetch_or(played.is_err(), Ordering::SeqCst);
    };
    let pairs: Vec<(&Stage, &Script)> =
        stages.iter().zip(plans.iter().map(|(script, _)| *script)).collect();
    in_parallel(pairs.len(), &pairs, play);

    let results: Vec<Played> = stages
        .into_iter()
        .zip(&plans)
        .map(|(stage, (script, _))| {
            let writes = &writes[usize::from(script.stops_server)];
            let (times, count) = (stage.gpu.times(), writes.of(&stage.stack.namespace));
            Played { script, stage, times, count }
        })
        .collect();
    let table = table(&results);
    println!("{table}");
    let judged =
        in_parallel(2, &results, |played| catch_unwind(AssertUnwindSafe(|| judge(played))).is_ok());
    let is_failed = failed.into_inner() || judged.contains(&false);
    assert!(!is_failed, "see above\n{}", night.cluster.others_output());
    compare_with_the_docs(&table);
}

/// Calls a function for each item, with some workers; the results are in the items' order.
fn in_parallel<I: Sync, O: Send>(
    workers: usize,
    items: &[I],
    call: impl Fn(&I) -> O + Sync,
) -> Vec<O> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut results: Vec<(usize, O)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let Some(index) = Some(next.fetch_add(1, Ordering::SeqCst)) {
                let Some(item) = items.get(index) else { break };
                done.push((index, call(item)));
            }
            done
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Tells each GPU for how long its tenant runs. While the API server is away, nothing changes.
fn observe(night: &Night, gpus: Vec<(String, Arc<Gpu>)>) {
    let path = "/api/v1/pods?fieldSelector=status.phase=Running";
    loop {
        std::thread::sleep(Duration::from_millis(250));
        let Ok(answer) = night.cluster.admin().send("GET", path, "", "") else { continue };
        let Some(pods) = answer.body["items"].as_array() else { continue };
        let up: HashSet<&str> = pods
            .iter()
            .filter(|pod| Stage::is_tenant(pod))
            .filter_map(|pod| pod["metadata"]["namespace"].as_str())
            .collect();
        for (namespace, gpu) in &gpus {
            gpu.note_tenant(up.contains(namespace.as_str()));
        }
    }
}

/// Judges what `status` shows of a window.
fn judge(played: &Played) {
    let (stage, mode) = (&played.stage, played.stage.mode);
    let text = stage.status(&[]);
    println!("\n== {} exit {}\n{}{}", stage.stack.namespace, text.code, text.stdout, text.stderr);
    let output = stage.status(&["--format", "json"]);
    let status: Value = serde_json::from_str(&output.stdout).expect(&output.stderr);
    let (script, window) = (played.script, &status["windows"][0]);
    let mut failures: Vec<String> = window["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| {
            let text = |key: &str| failure[key].as_str().unwrap();
            let minute = stage.seconds(text("time")) / 60;
            format!("{} {} {minute}", text("cause"), text("action"))
        })
        .collect();
    failures.retain(|failure| !script.may_fail.contains(&failure.as_str()));
    let expected = (script.failures)(mode);
    assert_eq!(failures, expected, "{}: {status:#}", stage.stack.namespace);

    let reasons = window["decisions"].as_array().unwrap().iter().map(|decision| {
        let text = |key: &str| decision[key].as_str().unwrap_or_default();
        format!("{} {} {}", text("action"), text("decision"), text("reason"))
    });
    let mut wanted = (script.decisions)(mode).iter().peekable();
    for reason in reasons {
        wanted.next_if(|next| **next == reason);
    }
    assert_eq!(wanted.next(), None, "{}: {status:#}", stage.stack.namespace);

    let attention: Vec<&str> =
        status["attention"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let is_said = match script.attention {
        Some(part) => attention.len() == 1 && attention[0].contains(part),
        None => attention.is_empty(),
    };
    assert!(is_said, "{}: {attention:?}", stage.stack.namespace);
    assert_eq!(status["drift"], json!([]), "{}", stage.stack.namespace);
    let is_planned = window["failures"] == json!([]) && attention.is_empty();
    assert_eq!(text.code == 0, is_planned, "{}", text.stdout);
}

/// Compares the table with docs/rehearsal.md but for the figures, which differ from run to run, or writes it there
/// with `UPDATE_DOCS` set.
fn compare_with_the_docs(table: &str) {
    let file = repository().join("docs/rehearsal.md");
    let document = std::fs::read_to_string(&file).unwrap();
    let (start, end) = ("<!-- rehearsal -->\n", "<!-- /rehearsal -->");
    let (before, rest) = document.split_once(start).expect(start);
    let (found, after) = rest.split_once(end).expect(end);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let document = format!("{before}{start}\n{}\n{end}{after}", table.trim());
        std::fs::write(file, document).unwrap();
        return;
    }
    let masked = |table: &str| {
        let cells = |line: &str| -> Vec<String> { line.split('|').map(str::to_owned).collect() };
        let rows = table.trim().lines().map(|line| {
            let cells = cells(line);
            // Those that are measured.
            let fixed = cells.iter().enumerate().filter(|(at, _)| ![3, 5, 6, 7].contains(at));
            fixed.map(|(_, cell)| cell.trim().to_owned()).collect::<Vec<_>>()
        });
        rows.collect::<Vec<_>>()
    };
    let (found, expected) = (masked(found), masked(table));
    assert_eq!(found, expected, "docs/rehearsal.md; UPDATE_DOCS=1 rewrites it:\n{table}");
}

/// The table of docs/rehearsal.md.
fn table(results: &[Played]) -> String {
    let mut table = "| in the window | mode | too much in use, at most | allowed | etcd writes | Pods | served | |\n\
                     |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for Played { script, stage, times, count } in results {
        let cells = [
            script.text.to_owned(),
            stage.mode.name().to_owned(),
            format!("{:.1} s", times.exceeded.as_secs_f64()),
            format!("{} s", stage.bound.as_secs()),
            count.writes.to_string(),
            count.pods.len().to_string(),
            format!("{} s", times.served.as_secs()),
            script.mark.to_owned(),
        ];
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table
}
