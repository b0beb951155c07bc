//! Output for people: `--quiet`, and colours.

#![cfg(test)]

mod common;

use common::tool::{CommandOutput, Sandbox, tts_render};

/// A project in which every report has something to say.
fn project() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.ok(&["render"]);
    sandbox.ok(&["render", "--out", "old", "--set", "gate.floor=5Gi"]);
    sandbox.write("state.json", "{\"kind\": \"List\", \"items\": []}");
    sandbox.write("bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndate: {}\n");
    sandbox
}

const REPORTS: [&[&str]; 9] = [
    &["diff", "--base-dir", "old"],
    &["diff", "--base-dir", "rendered"],
    &["lint", "--set", "gate.noSeries=idle"],
    &["lint", "-o", "json"],
    &["doctor"],
    &["validate", "bad.yaml"],
    &["render", "--check", "--set", "gate.floor=5Gi"],
    &["status", "tts", "--from", "state.json", "--now", "2026-11-26T07:00:00Z"],
    &["window", "next", "--from", "2026-11-24T12:00:00Z", "--for", "2d", "--check"],
];

#[test]
fn a_quiet_report_is_its_exit_code() {
    let sandbox = project();
    for report in REPORTS {
        let loud = sandbox.run(report);
        assert!(loud.code < 2 && !(loud.stdout + &loud.stderr).is_empty(), "{report:?}");
        for quiet in [[&["-q"], report].concat(), [report, &["--quiet"]].concat()] {
            let ran = sandbox.run(&quiet);
            assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "{quiet:?}");
            assert_eq!(ran.code, loud.code, "{quiet:?}");
        }
    }
}

/// A calendar, which is data without `--check`.
const NEXT: &[&str] = &["window", "next", "--from", "2026-11-24T12:00:00Z", "--for", "2d"];

#[test]
fn a_quiet_command_prints_errors_and_the_data_that_is_its_purpose() {
    let sandbox = project();
    let errors = sandbox.refused(&["lint", "-q", "--set", "gate.flor=1Gi"]);
    assert!(errors.contains("did you mean `floor`?"), "{errors}");
    for data in
        [&["generate"][..], &["list"], &["explain", "--value", "gate.floor"], &["schema"], NEXT]
    {
        let quiet = sandbox.ok(&[data, &["-q"]].concat());
        assert_eq!(quiet.stdout, sandbox.ok(data).stdout, "{data:?}");
        assert_eq!(quiet.stderr, "", "{data:?}");
    }
}

#[test]
fn colours_are_forced_and_refused_by_the_environment() {
    let sandbox = project();
    let run = |variables: &[(&str, &str)]| {
        let mut command = tts_render(&sandbox.path(""));
        command.env_remove("NO_COLOR").args(["lint", "--set", "gate.noSeries=idle"]);
        command.envs(variables.iter().copied());
        CommandOutput::run(&mut command).stdout.contains('\u{1b}')
    };
    assert!(!run(&[]), "not a terminal");
    assert!(run(&[("CLICOLOR_FORCE", "1")]));
    assert!(!run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}
