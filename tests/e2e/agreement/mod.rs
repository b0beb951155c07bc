//! `src/objects` and the API server, asked about the same manifests.
//!
//! Where they differ, `tests/e2e/fixtures/agreement.tsv` says so, and why. A difference that is not
//! there fails, and so does a line there that is no difference any more.

mod cases;
mod sides;

use std::collections::BTreeMap;

use cases::Case;
use sides::{Server, is_known, ours};

use crate::cluster::{Cluster, POLICIES, WIRING};

/// A cluster with the kinds of the fixtures, and what their objects refer to.
fn prepared() -> &'static Cluster {
    let cluster = Cluster::shared();
    cluster.define(POLICIES);
    cluster.define(WIRING);
    let sandbox = serde_json::json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
        "metadata": {"name": "gvisor"}, "handler": "runsc", "overhead": {"podFixed": {"cpu": "10m"}}});
    cluster.admin().apply(&sandbox, "fieldManager=agreement").object();
    cluster
}

/// The differences that are known in a set of cases: each case with what we say of it.
fn listed(set: &str) -> BTreeMap<String, String> {
    let rows = include_str!("../fixtures/agreement.tsv").lines();
    rows.filter(|row| !row.starts_with('#'))
        .map(|row| row.split('\t').collect::<Vec<_>>())
        .filter(|columns| columns[0] == set)
        .map(|columns| {
            let [_, verdict, case, reason] = columns[..] else { panic!("{columns:?}") };
            assert!(reason.len() > 10, "{case} has no reason");
            (case.to_owned(), verdict.to_owned())
        })
        .collect()
}

/// Asks both sides; fails on what is not listed and on what is listed for nothing. Gives how many
/// cases the server was asked about, and how many of them it took.
fn hold(set: &str, cases: Vec<Case>) -> (usize, usize) {
    let server = Server::new(prepared());
    let listed = listed(set);
    let (mut asked, mut taken, mut found) = (0, 0, BTreeMap::new());
    let mut said = String::new();
    for case in cases.into_iter().filter(|case| is_known(&case.text)) {
        let Some(theirs) = server.says(&case) else { continue };
        asked += 1;
        taken += usize::from(theirs.is_ok());
        let ours = ours(&case.text);
        if ours.is_ok() == theirs.is_ok() {
            continue;
        }
        let verdict = if ours.is_ok() { "taken" } else { "refused" };
        if listed.get(&case.name).is_none_or(|listed| listed != verdict) {
            said += &format!("{set}\t{verdict}\t{}\t{ours:?} {theirs:?}\n", case.name);
        }
        found.insert(case.name, verdict.to_owned());
    }
    for case in listed.keys().filter(|case| !found.contains_key(*case)) {
        said += &format!("{set}: no difference any more: {case}\n");
    }
    assert!(said.is_empty(), "\n{said}");
    (asked, taken)
}

#[test]
#[ignore = "tests/e2e/run"]
fn objects_as_real_projects_write_them_are_taken() {
    let (asked, taken) = hold("whole", cases::whole());
    assert_eq!(asked, taken);
    assert!(asked > 50, "{asked}");
}

#[test]
#[ignore = "tests/e2e/run"]
fn what_the_unit_tests_refuse_is_refused() {
    let (asked, taken) = hold("mutants", cases::mutants());
    assert_eq!(taken, listed("mutants").len());
    assert!(asked > 100, "{asked}");
}

#[test]
#[ignore = "tests/e2e/run"]
fn changes_to_what_we_render_are_judged_alike() {
    let (asked, taken) = hold("rendered", cases::rendered());
    assert!(asked > 130 && taken > 40, "{asked}, {taken}");
}

#[test]
#[ignore = "tests/e2e/run"]
fn each_field_of_what_we_render_is_judged_alike() {
    let (asked, taken) = hold("fields", cases::fields());
    assert!(asked > 3500 && taken > 800, "{asked}, {taken}");
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_recorded_verdicts_are_those_of_a_running_server() {
    let (asked, taken) = hold("changes", cases::changes());
    assert!(asked > 3000 && taken > 1000, "{asked}, {taken}");
}
