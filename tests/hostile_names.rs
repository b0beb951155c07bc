//! Hostile names and values: whatever a pull request calls its files, and whatever its values hold, no
//! command prints a control character or a workflow command.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test reports the reason"
)]
#![cfg(unix)]

mod common;

use common::tool::{CommandOutput, Sandbox};

/// A part of a name, each with something that a terminal, a CI system or a reader would be misled by.
const PAYLOADS: [&str; 4] = [
    "\u{1b}]0;pwn\u{7}\u{9b}31m\u{85}\u{7f}\u{8}\u{b}\t",
    "\n::warning title=pwn::LGTM\n  ::add-mask::LGTM",
    "\r::error::LGTM##[warning]LGTM",
    "\u{202e}\u{2066}lmay\u{2028}::notice::LGTM\u{2029}\u{200b}\u{feff}",
];

/// Asserts that an output holds nothing that could be executed or believed.
#[track_caller]
fn assert_harmless(ran: &CommandOutput, context: &str) {
    for text in [&ran.stdout, &ran.stderr] {
        for line in text.split('\n') {
            let hidden = |c: char| {
                c.is_control()
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            };
            assert!(!line.contains(hidden), "{context}: {line:?}");
            assert!(!line.trim_start().starts_with("::"), "{context}: {line:?}");
            assert!(!line.contains("##["), "{context}: {line:?}");
        }
    }
}

/// The commands that read a project.
const COMMANDS: &[&[&str]] = &[
    &["render"],
    &["render", "--check"],
    &["render", "--check", "-o", "json"],
    &["render", "--dry-run"],
    &["generate"],
    &["list"],
    &["list", "apps"],
    &["list", "objects", "-o", "json"],
    &["parameters", "demo"],
    &["validate", "rendered"],
    &["validate", "rendered", "-o", "json"],
    &["validate", "rendered", "-o", "sarif"],
    &["diff", "--base", "./old", "--head", "rendered"],
    &["diff", "--base", "./old"],
    &["diff", "--base", "./old", "--head", "rendered", "--format", "json"],
    &["diff", "--base", "./old", "--head", "rendered", "--format", "markdown"],
    &["diff", "--base", "./old", "--head", "rendered", "--format", "html"],
    &["lint"],
    &["lint", "--format", "json"],
    &["lint", "--format", "sarif"],
    &["doctor"],
    &["doctor", "--format", "json"],
    &["explain", "deployment/demo"],
    &["explain", "--value", "server"],
    &["explain", "--value", "server", "-o", "json"],
    &["gitops", "argocd"],
    &["commit"],
];

fn run_all(sandbox: &Sandbox, context: &str) {
    for command in COMMANDS {
        let ran = sandbox.run(command);
        // `generate`'s manifests are data, but a message is not.
        assert_harmless(&ran, &format!("{context}: {command:?}"));
    }
}

/// A project that is rendered, with the manifests of before in `old/`.
fn rendered() -> Sandbox {
    let sandbox = Sandbox::demo();
    sandbox.ok(&["render", "--out", "old"]);
    sandbox.ok(&["render"]);
    sandbox
}

#[test]
fn names_of_files_are_printed_with_hidden_characters_written_out() {
    for payload in PAYLOADS {
        for name in [
            format!("values/x{payload}.yaml"),
            format!("templates/x{payload}.yaml.j2"),
            format!("policies/x{payload}.yaml"),
            format!("rendered/demo/x{payload}.yaml"),
            format!("rendered/{payload}/x.yaml"),
        ] {
            let sandbox = rendered();
            sandbox.write(&name, "kind: [\n");
            run_all(&sandbox, &format!("{name:?}"));
        }
    }
}

#[test]
fn names_that_begin_a_line_start_no_command() {
    let sandbox = rendered();
    sandbox.write("rendered/::warning::LGTM/x.yaml", "kind: [\n");
    sandbox.write("::warning::LGTM.yaml", "kind: [\n");
    run_all(&sandbox, "a folder");
    for command in [
        &["validate", "::warning::LGTM.yaml"][..],
        &["render", "-f", "::warning::LGTM.yaml"],
        &["render", "::warning::\u{9b}LGTM.yaml"],
        &["policy", "show", "::warning::LGTM.yaml"],
        &["-C", "::warning::\u{9b}LGTM", "render"],
        &["image", "inspect", "x\n::warning::LGTM"],
        &["x\n::warning::LGTM"],
        &["render", "--set", "x\n::warning::LGTM"],
    ] {
        assert_harmless(&sandbox.run(command), &format!("{command:?}"));
    }
}

#[test]
fn values_are_printed_with_hidden_characters_written_out() {
    let places = [
        ("kyverno:\n  mode: none\n", "kyverno:\n  mode: edit\n  policy: {}\n"),
        ("kyverno:\n  mode: none\n", "kyverno:\n  mode: none\n  rule: {}\n"),
        ("kyverno:\n  mode: none\n", "kyverno:\n  mode: none\n{}: 1\n"),
        ("kyverno:\n  mode: none\n", "kyverno:\n  mode: {}\n"),
        ("kyverno:\n  mode: none\n", "kyverno:\n  mode: none\nlabels: {a: {}}\n"),
        ("kyverno:\n  mode: none\n", "kyverno:\n  mode: none # {}\n  x: 1 ##[warning]LGTM\n"),
    ];
    for payload in PAYLOADS {
        let text = format!("policies/x{payload}");
        // As JSON, with every escape that a values file may use.
        let quoted: String = serde_json::to_string(&text)
            .unwrap()
            .chars()
            .map(|c| match c.is_control() || !c.is_ascii() {
                true => format!("\\u{:04x}", u32::from(c)),
                false => c.to_string(),
            })
            .collect();
        for (from, to) in places {
            let sandbox = rendered();
            sandbox.replace("values/demo.yaml", from, &to.replace("{}", &quoted));
            run_all(&sandbox, &format!("{quoted} in {to:?}"));
        }
    }
}

/// A raw C1 control is refused in values, and the excerpt in the error does not hold it.
#[test]
fn an_excerpt_shows_hidden_characters() {
    let sandbox = rendered();
    let text = sandbox.read("values/demo.yaml");
    sandbox.write("values/demo.yaml", format!("{text}x: \"\u{9b}31m\u{202e}\"\n"));
    let message = sandbox.refused(&["render"]);
    assert!(message.contains("\\u{9b}31m\\u{202e}"), "{message}");
    run_all(&sandbox, "an excerpt");
}
