//! docs/runbook.md: an entry for each alert, each reason of the gate and each cause of `status`, and none for what
//! no longer exists.

#![cfg(test)]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::tool::{generate, objects, repository};

fn runbook() -> String {
    fs::read_to_string(repository().join("docs/runbook.md")).unwrap()
}

/// The section of a heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n{heading}\n")).unwrap();
    let level = heading.split(' ').next().unwrap();
    rest.split(&format!("\n{level} ")).next().unwrap()
}

/// The names in the first column of a section's table.
fn rows(section: &str) -> BTreeSet<String> {
    let named = section.lines().filter_map(|line| line.strip_prefix("| `"));
    named.map(|line| line.split('`').next().unwrap().to_owned()).collect()
}

#[test]
fn every_alert_has_a_section_and_every_section_an_alert() {
    let all =
        objects(&generate(&["tts", "-f", "overlays/alerts.yaml", "-f", "overlays/watch.yaml"]));
    let rule = all.iter().find(|object| object["kind"] == "PrometheusRule").unwrap();
    let rules = rule["spec"]["groups"][0]["rules"].as_array().unwrap();
    let alerts: BTreeSet<&str> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    let text = runbook();
    let sections: BTreeSet<&str> =
        section(&text, "## Alerts").lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(sections, alerts);
}

/// The names are those that the gate's source gives its reasons.
#[test]
fn every_reason_of_the_gate_has_a_row() {
    let source = fs::read_to_string(repository().join("gate/src/decision.rs")).unwrap();
    let (_, reason) = source.split_once("impl Reason {").unwrap();
    let (_, names) = reason.split_once("pub fn name(self) -> &'static str {").unwrap();
    let names = names.split("\n    }\n").next().unwrap();
    let reasons: BTreeSet<String> =
        names.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(reasons.contains("floor-broken"));
    assert_eq!(rows(section(&runbook(), "## Reasons")), reasons);
}

/// The causes are those that docs/status.md lists, which its schema has too.
#[test]
fn every_cause_of_a_failed_run_has_a_row() {
    let schema = fs::read_to_string(repository().join("docs/schemas/status.json")).unwrap();
    let causes = rows(section(&runbook(), "## Causes"));
    assert!(causes.len() >= 12);
    let status = fs::read_to_string(repository().join("docs/status.md")).unwrap();
    let (_, listed) = status.split_once("The causes are ").unwrap();
    let listed = listed.split_once(". ").unwrap().0;
    let listed: BTreeSet<String> =
        listed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(causes, listed);
    assert!(causes.iter().all(|cause| schema.contains(&format!("\"{cause}\""))), "{causes:?}");
}
