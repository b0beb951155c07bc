//! Faults, and what the gate does at each: the table of `docs/gate.md`.
//!
//! Every row is one fault made on loopback, run with each action it concerns:
//! the exit code, what became of the Deployment's scale, and a part of the
//! line that is left behind. The document's table is written from the same
//! rows (`UPDATE_DOCS=1 cargo test -p vram-gate --test faults`).

// A test fails by panicking; clippy knows that of `#[test]` functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod network;
mod page;
mod setup;

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use support::gate::{TOKEN, World};

/// What became of the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    To(i64),
    Untouched,
}

pub(crate) use Effect::{To, Untouched};

/// One action's end.
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
    pub(crate) what: &'static str,
    pub(crate) cases: &'static [Case],
    /// A part of the line.
    pub(crate) says: &'static str,
    pub(crate) make: fn(&mut World),
}

pub(crate) const fn fault(
    what: &'static str,
    cases: &'static [Case],
    says: &'static str,
    make: fn(&mut World),
) -> Fault {
    Fault { what, cases, says, make }
}

/// Without a reading: nothing is started, and the card is given back.
pub(crate) const NO_READING: &[Case] = &[case("up", 0, Untouched), case("guard", 0, To(0))];

const GROUPS: &[(&str, &[Fault])] = &[
    ("The page", page::FAULTS),
    ("The way to the page", network::FAULTS),
    ("The API server", api::FAULTS),
    ("The set-up", setup::FAULTS),
];

fn run(fault: &Fault, case: &Case) -> Result<(), String> {
    let mut world = World::new(case.action);
    (fault.make)(&mut world);
    let before = world.api.replicas;
    let stderr_read = world.stderr_read;
    let ran = world.run();
    let told = if stderr_read { ran.line.clone() } else { ran.message.clone().unwrap_or_default() };
    let effect = match ran.api.replicas() {
        replicas if replicas == before => Untouched,
        replicas => To(replicas),
    };
    let problem = if ran.code != Some(case.exit) {
        format!("exit {:?}, not {}", ran.code, case.exit)
    } else if effect != case.effect {
        format!("{effect:?}, not {:?}", case.effect)
    } else if !told.contains(fault.says) {
        format!("does not say {:?}", fault.says)
    } else if told.trim_end().lines().count() != 1 || told.len() > 4096 {
        "is not one line that fits a termination message".to_owned()
    } else if format!("{told}{}{:?}", ran.stdout, ran.message).contains(TOKEN) {
        "shows the token".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("{} ({}): {problem}\n    {told}", fault.what, case.action))
}

#[test]
fn each_fault_ends_as_its_row_says() {
    let jobs: Vec<(&Fault, &Case)> = GROUPS
        .iter()
        .flat_map(|(_, faults)| *faults)
        .flat_map(|fault| fault.cases.iter().map(move |case| (fault, case)))
        .collect();
    // Most of the time is waiting, which many can do at once.
    let next = AtomicUsize::new(0);
    let work = || {
        let mut problems = Vec::new();
        while let Some((fault, case)) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
            problems.extend(run(fault, case).err());
        }
        problems
    };
    let problems: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..40).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), jobs.len(), problems.join("\n"));
}

#[test]
fn there_are_sixty_faults_and_no_two_the_same() {
    let names: Vec<(&str, &str)> = GROUPS
        .iter()
        .flat_map(|(group, faults)| faults.iter().map(move |fault| (*group, fault.what)))
        .collect();
    assert!(names.len() >= 60, "{}", names.len());
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
}

fn markdown() -> String {
    let mut text = String::new();
    for (group, faults) in GROUPS {
        let _ = write!(text, "### {group}\n\n| fault | up | guard | down |\n|---|---|---|---|\n");
        for fault in *faults {
            let cell = |action: &str| match fault.cases.iter().find(|case| case.action == action) {
                None => String::new(),
                Some(case) => match case.effect {
                    To(replicas) => format!("{}, to {replicas}", case.exit),
                    Untouched => format!("{}, untouched", case.exit),
                },
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                fault.what,
                cell("up"),
                cell("guard"),
                cell("down")
            );
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_documents_tables_are_the_tests_tables() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gate.md");
    let mut document = std::fs::read_to_string(&file).unwrap();
    for (name, table) in [("settings", vram_gate::settings::markdown()), ("faults", markdown())] {
        let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        let (before, rest) = document.split_once(&start).expect(&start);
        let (found, after) = rest.split_once(&end).expect(&end);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            document = format!("{before}{start}\n{}\n{end}{after}", table.trim());
        } else {
            assert_eq!(found.trim(), table.trim(), "the table `{name}` of docs/gate.md");
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, document).unwrap();
    }
}
