//! Runs that may open only a few files, or start no thread.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::fleet::{Fleet, Legal, assert_same};
use super::tree::{all_files, is_temporary};
use crate::common::tool::{CommandOutput, is_root};

/// More than fifteen folders, so that they are written in parallel.
const STACKS: usize = 17;

/// Runs `tts-render` with a limit of open files, which includes the inherited ones.
fn run_with_file_limit(fleet: &Fleet, files: usize, args: &[&str]) -> CommandOutput {
    let render = fleet.command(args);
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={files}"));
    command.arg(render.get_program()).args(render.get_args());
    CommandOutput::run(command.current_dir(fleet.root()).env("NO_COLOR", "1"))
}

#[test]
#[ignore = "tests/e2e/run"]
fn too_few_open_files_are_an_error_or_give_the_right_result() {
    let fleet = Fleet::new(STACKS);
    let tree = fleet.tree();
    let variants = [0, 2].map(|variant| {
        (0..STACKS).for_each(|stack| fleet.set(stack, variant));
        fleet.fresh()
    });
    let legal = Legal::of(&variants);
    fleet.ok(&["render", "--quiet"]);
    let mut now = 1;

    // With fewer, the program cannot be loaded.
    let least = (3..10).find(|&files| run_with_file_limit(&fleet, files, &["--version"]).code == 0);
    let least = least.expect("some number of files is enough to start");
    let (mut refused, mut done) = (0, 0);
    for files in least..least + 12 {
        let (old, new) = (&variants[now], &variants[1 - now]);
        (0..STACKS).for_each(|stack| fleet.set(stack, [0, 2][1 - now]));
        let output = run_with_file_limit(&fleet, files, &["render", "--quiet"]);
        let found = all_files(&tree);
        legal.assert_whole(&found, |_| false);
        assert!(!found.keys().any(|path| is_temporary(path)), "{files}: a temporary file is left");
        match output.code {
            0 => {
                done += 1;
                assert_same(&found, new);
            }
            _ => {
                refused += 1;
                assert_eq!(
                    (output.code, output.stdout.as_str()),
                    (2, ""),
                    "{files}: {}",
                    output.stderr
                );
                let errors = output.stderr.lines().filter(|line| line.starts_with("error")).count();
                assert!(
                    errors >= 1 && !output.stderr.contains("panicked"),
                    "{files}: {}",
                    output.stderr
                );
                assert!(
                    output.stderr.contains("Too many open files"),
                    "{files}: {}",
                    output.stderr
                );
                let gone = old.keys().filter(|path| !found.contains_key(*path));
                assert!(gone.clone().all(|path| !new.contains_key(path)), "{:?}", gone.count());
            }
        }
        // `--check` also reports the right result or its error.
        let checked = run_with_file_limit(&fleet, files, &["render", "--check"]);
        match checked.code {
            0 | 1 => assert_eq!(checked.code == 0, found == *new, "{files}: {}", checked.stdout),
            _ => assert!(checked.stderr.contains("Too many open files"), "{}", checked.stderr),
        }
        fleet.ok(&["render", "--quiet"]);
        assert_same(&all_files(&tree), new);
        now = 1 - now;
    }
    fleet.assert_right();
    println!("from {least} files on: {refused} runs refused, {done} done");
    assert!(refused > 1 && done > 1, "{refused} refused, {done} done");
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_run_without_more_threads_succeeds() {
    let fleet = Fleet::new(STACKS);
    let render = fleet.command(&["render", "--quiet"]);
    let mut command = Command::new("prlimit");
    let mut program = Path::new(render.get_program()).to_owned();
    if is_root() {
        // The limit counts the user's processes and does not apply to root, so another user runs it.
        let copy = fleet.path("tts-render");
        fs::copy(&program, &copy).unwrap();
        program = copy;
        let given = Command::new("chown").args(["-R", "54321"]).arg(fleet.root()).status();
        assert!(given.unwrap().success());
        command = Command::new("setpriv");
        command.args(["--reuid=54321", "--clear-groups", "prlimit"]);
    }
    command.arg("--nproc=1").arg(program).args(render.get_args());
    let output = CommandOutput::from(
        command.current_dir(fleet.root()).env("NO_COLOR", "1").output().unwrap(),
    );
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    fleet.assert_right();
}
