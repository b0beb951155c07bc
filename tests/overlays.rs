//! The overlays that ship: each changes what it says, and nothing else.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod common;

use common::tool::generate;

/// The lines that an overlay takes away and brings.
fn changed(overlay: &str) -> (Vec<String>, Vec<String>) {
    let (before, after) = (generate(&[]), generate(&["-f", overlay]));
    let lines = |text: &str| text.lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(&before), lines(&after));
    let missing = |from: &[String], other: &[String]| {
        from.iter().filter(|line| !other.contains(line)).cloned().collect()
    };
    (missing(&before, &after), missing(&after, &before))
}

#[test]
fn english_runs_the_lighter_model_and_rolls_the_pods() {
    let (gone, come) = changed("overlays/english.yaml");
    assert_eq!(gone[0], "repo_id: chatterbox-multilingual");
    assert_eq!(come[0], "repo_id: chatterbox");
    assert!(gone[1].starts_with("checksum/config: ") && come[1].starts_with("checksum/config: "));
    assert_eq!((gone.len(), come.len()), (2, 2));
}

#[test]
fn tcp_probes_ask_the_port_alone() {
    let (gone, come) = changed("overlays/tcp-probes.yaml");
    assert_eq!(gone, ["httpGet:", "path: /v1/audio/voices", "httpGet:", "path: /v1/audio/voices"]);
    assert_eq!(come, ["tcpSocket:", "tcpSocket:"]);
}
