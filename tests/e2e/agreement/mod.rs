//! Compares the verdicts of `kube-validate` and of the API server on the same manifests.
//!
//! `tests/e2e/fixtures/agreement.tsv` lists the known differences with their reasons. A difference that is
//! not listed fails the test, and so does a listed one that does not occur.

mod cases;
mod everyday;
mod verdicts;

use std::collections::BTreeMap;

use cases::Case;
use verdicts::{Server, is_known, rules_verdict};

use crate::cluster::{Cluster, POLICIES, WIRING};

/// A cluster with the kinds of the fixtures, and the objects that they refer to.
fn prepared_cluster() -> &'static Cluster {
    let cluster = Cluster::shared();
    cluster.define(POLICIES);
    cluster.define(WIRING);
    let sandbox = serde_json::json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
        "metadata": {"name": "gvisor"}, "handler": "runsc", "overhead": {"podFixed": {"cpu": "10m"}}});
    cluster.admin().apply(&sandbox, "fieldManager=agreement").object();
    cluster
}

/// The known differences in a set of cases: each case with the verdict of `kube-validate`.
fn known_differences(set: &str) -> BTreeMap<String, String> {
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

/// Compares the verdicts, and fails on differences that are not listed or do not occur. Returns the number
/// of cases that the server was asked about, and the number that it accepted.
fn compare_verdicts(set: &str, cases: Vec<Case>) -> (usize, usize) {
    let server = Server::new(prepared_cluster());
    let listed = known_differences(set);
    let (mut asked, mut accepted, mut found) = (0, 0, BTreeMap::new());
    let mut unexpected = String::new();
    for case in cases.into_iter().filter(|case| is_known(&case.text)) {
        let Some(server) = server.verdict(&case) else { continue };
        asked += 1;
        accepted += usize::from(server.is_ok());
        let rules = rules_verdict(&case.text);
        if rules.is_ok() == server.is_ok() {
            continue;
        }
        let verdict = if rules.is_ok() { "accepted" } else { "refused" };
        if listed.get(&case.name).is_none_or(|listed| listed != verdict) {
            unexpected += &format!("{set}\t{verdict}\t{}\t{rules:?} {server:?}\n", case.name);
        }
        found.insert(case.name, verdict.to_owned());
    }
    for case in listed.keys().filter(|case| !found.contains_key(*case)) {
        unexpected += &format!("{set}: listed, but not a difference: {case}\n");
    }
    assert!(unexpected.is_empty(), "\n{unexpected}");
    (asked, accepted)
}

#[test]
#[ignore = "tests/e2e/run"]
fn objects_in_the_shapes_of_real_projects_are_accepted() {
    let (asked, accepted) = compare_verdicts("whole", cases::whole());
    assert_eq!(asked, accepted);
    assert!(asked > 50, "{asked}");
}

#[test]
#[ignore = "tests/e2e/run"]
fn mutants_of_the_unit_tests_are_refused() {
    let (asked, accepted) = compare_verdicts("mutants", cases::mutants());
    assert_eq!(accepted, known_differences("mutants").len());
    assert!(asked > 100, "{asked}");
}

#[test]
#[ignore = "tests/e2e/run"]
fn changes_to_rendered_manifests_have_the_same_verdict() {
    let (asked, accepted) = compare_verdicts("rendered", cases::rendered());
    assert!(asked > 130 && accepted > 40, "{asked}, {accepted}");
}

#[test]
#[ignore = "tests/e2e/run"]
fn changes_to_each_rendered_field_have_the_same_verdict() {
    let (asked, accepted) = compare_verdicts("fields", cases::fields());
    assert!(asked > 3500 && accepted > 800, "{asked}, {accepted}");
}

#[test]
#[ignore = "tests/e2e/run"]
fn recorded_verdicts_are_those_of_a_running_server() {
    let (asked, accepted) = compare_verdicts("changes", cases::changes());
    assert!(asked > 3000 && accepted > 1000, "{asked}, {accepted}");
}
