//! `completions`: a shell's completion script.

#![cfg(test)]

mod common;

use std::fs::OpenOptions;
use std::io::Read;
use std::process::{Command, Stdio};

use common::tool;

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

#[test]
fn every_shell_gets_a_script_that_names_the_commands() {
    for shell in SHELLS {
        let script = tool::run_in(tool::repository(), &["completions", shell]);
        assert_eq!(script.code, 0, "{shell}: {}", script.stderr);
        for command in ["render", "validate", "doctor", "policy"] {
            assert!(script.stdout.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn bash_reads_its_script() {
    if !common::require(&["bash", "--version"]) {
        return;
    }
    let script = tool::run_in(tool::repository(), &["completions", "bash"]).stdout;
    common::run(&["bash", "-n"], &script);
}

#[test]
fn an_unknown_shell_is_a_usage_error() {
    let output = tool::run_in(tool::repository(), &["completions", "powerfish"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("powerfish"), "{}", output.stderr);
}

/// A reader that closes early is an ordinary end for every command that prints a long text.
#[test]
fn a_closed_pipe_is_an_ordinary_end() {
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["man"], &["schema"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tts-render"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let status = child.wait().unwrap();
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_full_disk_is_a_failure_that_says_so() {
    for args in
        [&["completions", "bash"][..], &["man"], &["man", "render"], &["schema"], &["--help"]]
    {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_tts-render"))
            .args(args)
            .stdout(full)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains("No space left"), "{args:?}: {errors}");
    }
}
