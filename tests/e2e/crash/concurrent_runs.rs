//! Concurrent runs in one tree.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::fleet::{Fleet, assert_same};
use super::kills::Random;
use super::tree::{Files, all_files};
use crate::common::git::git;
use crate::common::tool::CommandOutput;

const STACKS: usize = 17;
const ROUNDS: usize = 24;
const SEED: u64 = 20_261_125;

fn start(fleet: &Fleet, args: &[&str]) -> Child {
    let mut command = fleet.command(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn end(child: Child) -> CommandOutput {
    CommandOutput::from(child.wait_with_output().unwrap())
}

/// Starts commands, each up to `up_to` milliseconds after the one before, and waits for all.
fn run_concurrently(
    fleet: &Fleet,
    random: &mut Random,
    up_to: usize,
    commands: &[&[&str]],
) -> Vec<CommandOutput> {
    let children: Vec<Child> = commands
        .iter()
        .map(|args| {
            thread::sleep(Duration::from_millis(random.below(up_to) as u64));
            start(fleet, args)
        })
        .collect();
    children.into_iter().map(end).collect()
}

#[test]
#[ignore = "tests/e2e/run"]
fn runs_with_different_values_never_mix() {
    let fleet = Fleet::new(STACKS);
    let floors = ["--set=gate.floor=5Gi", "--set=gate.floor=6Gi", "--set=gate.floor=7Gi"];
    let ends: Vec<Files> = floors
        .iter()
        .map(|floor| {
            fleet.ok(&["render", "--quiet", floor, "--out=rendered"]);
            all_files(&fleet.tree())
        })
        .collect();
    let mut random = Random(SEED);
    let mut won = BTreeSet::new();
    for _ in 0..ROUNDS {
        let mut order = floors;
        order.rotate_left(random.below(floors.len()));
        let commands = order.map(|floor| ["render", "--quiet", floor, "--out=rendered"]);
        let check = ["render", "--check", floors[0]];
        let outputs = run_concurrently(
            &fleet,
            &mut random,
            40,
            &[&commands[0], &check, &commands[1], &commands[2], &check],
        );
        for at in [0, 2, 3] {
            assert_eq!(outputs[at].code, 0, "{}", outputs[at].stderr);
        }
        // `--check` sees the tree before or after a run, never during one.
        for checked in [&outputs[1], &outputs[4]] {
            let lines: Vec<_> = checked.stdout.lines().collect();
            assert!(checked.code < 2, "{}", checked.stderr);
            assert!(lines.iter().all(|line| line.ends_with(": stale")), "{lines:?}");
            // Three CronJobs and `.provenance` of each stack, or nothing.
            assert!([0, 4 * STACKS].contains(&lines.len()), "{lines:?}");
        }
        let found = all_files(&fleet.tree());
        let winner = ends.iter().position(|end| *end == found);
        won.insert(winner.expect("the tree is one run's as a whole"));
    }
    assert!(won.len() > 1, "always the same run came last");
    fleet.ok(&["render", "--quiet"]);
    fleet.assert_right();
}

#[test]
#[ignore = "tests/e2e/run"]
fn runs_over_parts_of_one_tree_complete_it_together() {
    let fleet = Fleet::new(STACKS);
    fleet.ok(&["render", "--quiet"]);
    let mut random = Random(SEED);
    for round in 0..ROUNDS {
        (0..STACKS).for_each(|stack| fleet.set(stack, (round + 1) % 3));
        let names: Vec<&str> = fleet.stacks().iter().map(String::as_str).collect();
        let some: Vec<&str> = [&["render", "-q"], &names[..STACKS / 2]].concat();
        let others: Vec<&str> = [&["render", "-q"], &names[STACKS / 3..]].concat();
        let outputs =
            run_concurrently(&fleet, &mut random, 40, &[&some, &others, &["render", "-q"], &some]);
        assert!(outputs.iter().all(|output| output.code == 0), "{outputs:?}");
        assert_same(&all_files(&fleet.tree()), &fleet.fresh());
    }
    fleet.assert_right();
}

/// Creates a repository with the fleet's values committed and nothing rendered.
fn init_repository(fleet: &Fleet) {
    let root = fleet.root();
    git(root, &["init", "-q"]);
    // `tts-render commit` reads only the repository's own configuration.
    git(root, &["config", "user.name", "Ann"]);
    git(root, &["config", "user.email", "ann@example.org"]);
    git(root, &["add", "values", "policies"]);
    git(root, &["commit", "-q", "-m", "Start"]);
}

/// The files of `rendered/` in HEAD.
fn committed(root: &Path) -> Files {
    let out = TempDir::new().unwrap();
    let tar = out.path().join("rendered.tar");
    git(root, &["archive", "--output", tar.to_str().unwrap(), "HEAD", "rendered"]);
    let unpacked = Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(out.path()).status();
    assert!(unpacked.unwrap().success());
    all_files(&out.path().join("rendered"))
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_render_beside_a_commit_does_not_change_what_is_committed() {
    let fleet = Fleet::new(STACKS);
    let root = fleet.root();
    init_repository(&fleet);
    let mut random = Random(SEED);
    let (mut commits, mut refusals) = (0, 0);
    for round in 0..ROUNDS {
        (0..STACKS).for_each(|stack| fleet.set(stack, (round + 1) % 3));
        git(root, &["commit", "-q", "-m", "Change", "--", "values"]);
        let fresh = fleet.fresh();
        let head = git(root, &["rev-parse", "HEAD"]);
        // In every other round, the concurrent run has other values and starts at a random moment.
        let outputs = match round % 2 {
            0 => {
                let commands: [&[&str]; 3] =
                    [&["commit", "-q"], &["render", "-q"], &["render", "-q"]];
                run_concurrently(&fleet, &mut random, 100, &commands)
            }
            _ => {
                let other = ["render", "-q", "--set=gate.floor=4Gi", "--out=rendered"];
                run_concurrently(&fleet, &mut random, 700, &[&["commit", "-q"], &other])
            }
        };
        assert!(outputs[1..].iter().all(|output| output.code == 0), "{outputs:?}");
        let is_new = git(root, &["rev-parse", "HEAD"]) != head;
        assert_eq!(
            (outputs[0].code == 0, !outputs[0].stdout.is_empty()),
            (is_new, is_new),
            "{outputs:?}"
        );
        match outputs[0].code {
            0 => {
                commits += 1;
                assert_same(&committed(root), &fresh);
            }
            // The other run had replaced the tree.
            _ => {
                refusals += 1;
                assert!(round % 2 == 1, "{}", outputs[0].stderr);
                assert!(
                    outputs[0].stderr.contains("local changes in `rendered/` would be lost"),
                    "{}",
                    outputs[0].stderr
                );
            }
        }
        // Alone, it commits the values' manifests.
        fleet.ok(&["render", "-q"]);
        fleet.ok(&["commit", "-q"]);
        assert_same(&committed(root), &fresh);
        assert_eq!(git(root, &["status", "--porcelain"]), "");
    }
    println!("{commits} committed, {refusals} refused");
    assert!(commits > ROUNDS / 2, "{commits} committed, {refusals} refused");
}
