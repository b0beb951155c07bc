//! The overlays of this repository: each changes what its comment says, and nothing else.
//! `overlays/seed-parity.yaml` is tested in `departures.rs`.

#![cfg(test)]

mod common;

use common::tool::generate;

/// The rendered lines that an overlay removes, and those that it adds.
fn changed_lines(overlay: &str) -> (Vec<String>, Vec<String>) {
    let [before, after] = [&[][..], &["-f", overlay]].map(trimmed_lines);
    (lines_only_in(&before, &after), lines_only_in(&after, &before))
}

fn trimmed_lines(arguments: &[&str]) -> Vec<String> {
    generate(arguments).lines().map(|line| line.trim().to_owned()).collect()
}

fn lines_only_in(lines: &[String], other: &[String]) -> Vec<String> {
    lines.iter().filter(|line| !other.contains(line)).cloned().collect()
}

#[test]
fn english_runs_the_lighter_model_and_rolls_the_pods() {
    let (removed, added) = changed_lines("overlays/english.yaml");
    assert_eq!(removed[0], "repo_id: chatterbox-multilingual");
    assert_eq!(added[0], "repo_id: chatterbox");
    assert!(
        removed[1].starts_with("checksum/config: ") && added[1].starts_with("checksum/config: ")
    );
    assert_eq!((removed.len(), added.len()), (2, 2));
}

#[test]
fn alerts_add_one_object() {
    let (removed, added) = changed_lines("overlays/alerts.yaml");
    assert_eq!(removed, Vec::<String>::new());
    assert!(added.contains(&"kind: PrometheusRule".to_owned()));
    assert_eq!(added.iter().filter(|line| line.starts_with("kind: ")).count(), 1);
}

#[test]
fn the_wiring_decides_nothing_that_is_rendered() {
    assert_eq!(changed_lines("overlays/gitops.yaml"), (Vec::new(), Vec::new()));
}

#[test]
fn tcp_probes_replace_the_http_probes() {
    let (removed, added) = changed_lines("overlays/tcp-probes.yaml");
    assert_eq!(
        removed,
        ["httpGet:", "path: /v1/audio/voices", "httpGet:", "path: /v1/audio/voices"]
    );
    assert_eq!(added, ["tcpSocket:", "tcpSocket:"]);
}
