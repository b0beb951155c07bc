//! Faults and the gate's reaction to each: the tables of `docs/gate.md`.
//!
//! A row is one fault, injected on loopback, with each action it concerns: the exit code, the effect on
//! the Deployment's scale, and a part of the report line. The documentation's tables are generated from
//! these rows (`UPDATE_DOCS=1 cargo test -p vram-gate --test faults`).

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod configuration;
mod devices;
mod exposition;
mod network;
mod prometheus;
mod watch;

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use support::check_docs_table;
use support::test_env::{TOKEN, TestEnv};

/// The effect on the Deployment's scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    To(i64),
    Untouched,
}

pub(crate) use Effect::{To, Untouched};

/// The expected end of one action.
pub(crate) struct Case {
    pub(crate) action: &'static str,
    pub(crate) exit: i32,
    pub(crate) effect: Effect,
}

pub(crate) const fn case(action: &'static str, exit: i32, effect: Effect) -> Case {
    Case { action, exit, effect }
}

/// One fault.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) cases: &'static [Case],
    /// A part of the report line.
    pub(crate) line_part: &'static str,
    pub(crate) inject: fn(&mut TestEnv),
}

pub(crate) const fn fault(
    name: &'static str,
    cases: &'static [Case],
    line_part: &'static str,
    inject: fn(&mut TestEnv),
) -> Fault {
    Fault { name, cases, line_part, inject }
}

/// Without a reading nothing is started, and the GPU is released.
pub(crate) const NO_READING: &[Case] = &[case("up", 0, Untouched), case("guard", 0, To(0))];

const GROUPS: &[(&str, &[Fault])] = &[
    ("The exposition", exposition::FAULTS),
    ("The GPU that is read, its memory, and the budget", devices::FAULTS),
    ("The connection to the exporter", network::FAULTS),
    ("Prometheus", prometheus::FAULTS),
    ("The API server", api::FAULTS),
    ("The configuration", configuration::FAULTS),
];

fn run_case(fault: &Fault, case: &Case) -> Result<(), String> {
    let mut env = TestEnv::new(case.action);
    (fault.inject)(&mut env);
    let before = env.api.replicas;
    let stderr_read = env.stderr_read;
    let output = env.run();
    let message = output.message.clone().unwrap_or_default();
    let line = if stderr_read { output.stderr.clone() } else { message.clone() };
    let effect = match output.api.replicas() {
        replicas if replicas == before => Untouched,
        replicas => To(replicas),
    };
    let problem = if output.code != case.exit {
        format!("exit {}, not {}", output.code, case.exit)
    } else if effect != case.effect {
        format!("{effect:?}, not {:?}", case.effect)
    } else if !line.contains(fault.line_part) {
        format!("does not contain {:?}", fault.line_part)
    } else if [&line, &message].iter().any(|text| text.trim_end().lines().count() > 1) {
        "is not one line".to_owned()
    } else if message.len() > 4096 {
        "does not fit into a termination message".to_owned()
    } else if format!("{line}{}{:?}", output.stdout, output.message).contains(TOKEN) {
        "shows the token".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("{} ({}): {problem}\n    {line}", fault.name, case.action))
}

#[test]
fn each_fault_ends_as_its_row_expects() {
    run_all(run_case);
}

#[test]
fn each_fault_ends_in_the_same_way_through_a_watch() {
    run_all(watch::run);
}

/// Runs every case of every fault.
fn run_all(run: impl Fn(&Fault, &Case) -> Result<(), String> + Sync) {
    let jobs: Vec<(&Fault, &Case)> = GROUPS
        .iter()
        .flat_map(|(_, faults)| *faults)
        .flat_map(|fault| fault.cases.iter().map(move |case| (fault, case)))
        .collect();
    // The cases mostly wait, so many of them run at once.
    let next = AtomicUsize::new(0);
    let problems: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..40).map(|_| scope.spawn(|| run_next_cases(&jobs, &next, &run))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), jobs.len(), problems.join("\n"));
}

/// Runs cases until none is left; returns the problems.
fn run_next_cases(
    jobs: &[(&Fault, &Case)],
    next: &AtomicUsize,
    run: impl Fn(&Fault, &Case) -> Result<(), String>,
) -> Vec<String> {
    let mut problems = Vec::new();
    while let Some((fault, case)) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
        problems.extend(run(fault, case).err());
    }
    problems
}

#[test]
fn there_are_at_least_ninety_faults_without_duplicates() {
    let names: Vec<(&str, &str)> = GROUPS
        .iter()
        .flat_map(|(group, faults)| faults.iter().map(move |fault| (*group, fault.name)))
        .collect();
    assert!(names.len() >= 90, "{}", names.len());
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
}

fn table_cell(fault: &Fault, action: &str) -> String {
    match fault.cases.iter().find(|case| case.action == action) {
        None => String::new(),
        Some(case) => match case.effect {
            To(replicas) => format!("{}, to {replicas}", case.exit),
            Untouched => format!("{}, untouched", case.exit),
        },
    }
}

fn markdown() -> String {
    let mut text = String::new();
    for (group, faults) in GROUPS {
        let _ = write!(
            text,
            "### {group}\n\n| fault | up | guard | down | watch: stopped | watch: running |\n|---|---|---|---|---|---|\n"
        );
        for fault in *faults {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                fault.name,
                table_cell(fault, "up"),
                table_cell(fault, "guard"),
                table_cell(fault, "down"),
                watch::table_cell(fault, "up"),
                watch::table_cell(fault, "guard")
            );
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_documentations_tables_are_up_to_date() {
    check_docs_table("settings", &vram_gate::settings::markdown());
    check_docs_table("faults", &markdown());
}
