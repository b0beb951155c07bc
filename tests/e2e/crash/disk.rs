//! A full disk, and a tree that cannot be written. The file systems are mounted in a mount namespace of the
//! test, which ends with it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::fleet::{Fleet, Legal, assert_same};
use super::tree::{Files, all_files, is_temporary};
use crate::common::tool::{CommandOutput, is_root};

/// The number of stacks at the start, and of those that are added.
const OLD: usize = 17;
const NEW: usize = 6;

/// Set in the process that may mount.
const INSIDE: &str = "TTS_RENDER_TEST_MAY_MOUNT";

/// Returns true if this process may mount. Otherwise, runs the test in a process that may, where it must pass,
/// and returns false: nothing is left to do here.
#[allow(clippy::print_stdout, reason = "shows the output of the inner test")]
fn may_mount(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let inside = |flags: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(flags).env(INSIDE, "yes");
        command
    };
    // Root may mount without a user namespace, which some systems refuse.
    let kinds: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let works = |flags: &&[&str]| {
        let mount = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"];
        inside(flags).args(mount).output().is_ok_and(|output| output.status.success())
    };
    let flags = kinds.into_iter().find(works);
    let flags = flags.expect("`unshare --mount` must be allowed, with --user or as root");
    let test = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let args = ["--exact", &test, "--ignored", "--nocapture"];
    let output = inside(flags).arg(std::env::current_exe().unwrap()).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{test} inside a namespace: {said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    print!("{said}");
    false
}

#[track_caller]
fn mount(args: &[&str]) {
    let output = Command::new("mount").args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A limit of the file system, as a mount option, and its unit.
struct Limit {
    option: &'static str,
    unit: u64,
}

const LIMITS: [Limit; 2] =
    [Limit { option: "size", unit: 4096 }, Limit { option: "nr_inodes", unit: 1 }];

/// The amount of a limit that is in use.
fn used(limit: &Limit, tree: &Path) -> u64 {
    let format = if limit.option == "size" { "%b %f" } else { "%c %d" };
    let output = Command::new("stat").args(["-f", "-c", format]).arg(tree).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (all, free) = text.trim().split_once(' ').expect("two numbers");
    all.parse::<u64>().unwrap() - free.parse::<u64>().unwrap()
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_full_disk_stops_a_run_and_loses_nothing() {
    if !may_mount("a_full_disk_stops_a_run_and_loses_nothing") {
        return;
    }
    let fleet = Fleet::new(OLD + NEW);
    let tree = fleet.tree();
    let tree_text = tree.to_str().unwrap().to_owned();
    fs::create_dir(&tree).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=64m,nr_inodes=100000", "tmpfs", &tree_text]);
    let remount = |option: &str, value: u64| {
        mount(&["-o", &format!("remount,{option}={value}"), &tree_text]);
    };
    let large = fleet.fresh();
    (OLD..OLD + NEW).for_each(|stack| fleet.unset(stack));
    let small = fleet.fresh();
    (0..OLD).for_each(|stack| fleet.set(stack, 2));
    let changed = fleet.fresh();
    (OLD..OLD + NEW).for_each(|stack| fleet.set(stack, 0));
    let goal = fleet.fresh();
    let legal = Legal::of(&[large, changed, goal.clone()]);

    for limit in LIMITS {
        let (mut nothing, mut part, mut all) = (0, 0, 0);
        for spare in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 2000] {
            (0..OLD).for_each(|stack| fleet.set(stack, 0));
            (OLD..OLD + NEW).for_each(|stack| fleet.unset(stack));
            fleet.ok(&["render", "--quiet"]);
            assert_same(&all_files(&tree), &small);
            (0..OLD).for_each(|stack| fleet.set(stack, 2));
            (OLD..OLD + NEW).for_each(|stack| fleet.set(stack, 0));
            remount(limit.option, (used(&limit, &tree) + spare) * limit.unit);
            let output = fleet.run(&["render", "--quiet"]);
            let found = all_files(&tree);
            let what = format!("{} with {spare} to spare", limit.option);
            if output.code == 0 {
                all += 1;
                assert_same(&found, &goal);
            } else {
                assert_one_error(&output, "No space left on device", &what);
                assert_intact(&legal, &small, &found, &goal);
                if found == small { nothing += 1 } else { part += 1 }
            }
            // Once there is space again, the next run succeeds.
            remount("size", 64 << 20);
            remount("nr_inodes", 100_000);
            fleet.ok(&["render", "--quiet"]);
            assert_same(&all_files(&tree), &goal);
            fleet.assert_right();
        }
        println!("{}: {nothing} left all as it was, {part} did a part, {all} all", limit.option);
        assert!(nothing > 0 && part > 3 && all > 0, "the tried sizes show too little");
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_full_or_read_only_disk_leaves_a_policy_whole() {
    if !may_mount("a_full_or_read_only_disk_leaves_a_policy_whole") {
        return;
    }
    let fleet = Fleet::new(1);
    let folder = fleet.path("full");
    fs::create_dir(&folder).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=16k", "tmpfs", folder.to_str().unwrap()]);
    let policy = "inject-gpu-workload-priority.yaml";
    fs::copy(fleet.path("policies").join(policy), folder.join(policy)).unwrap();
    fs::write(folder.join("filler"), vec![b'x'; 12 << 10]).unwrap();
    let before = all_files(&folder);
    let file = format!("full/{policy}");
    let edit = ["policy", "edit", &file, "--exclude", "speech"];
    assert_one_error(&fleet.run(&edit), "No space left on device", "policy edit");
    assert_same(&all_files(&folder), &before);
    mount(&["-o", "remount,ro", folder.to_str().unwrap()]);
    assert_one_error(&fleet.run(&edit), "Read-only file system", "policy edit");
    mount(&["-o", "remount,rw", folder.to_str().unwrap()]);
    fs::remove_file(folder.join("filler")).unwrap();
    fleet.ok(&edit);
    let text = fs::read_to_string(folder.join(policy)).unwrap();
    assert!(text.contains("- speech\n"), "{text}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_read_only_tree_stops_a_run_and_loses_nothing() {
    if !may_mount("a_read_only_tree_stops_a_run_and_loses_nothing") {
        return;
    }
    let fleet = Fleet::new(OLD);
    let tree = fleet.tree();
    let old = fleet.fresh();
    (0..OLD).for_each(|stack| fleet.set(stack, 2));
    let new = fleet.fresh();
    let legal = Legal::of(&[old.clone(), new.clone()]);
    // The whole project, the tree, and its last folder: the deeper, the more is written before the error.
    let last = tree.join(fleet.stacks().last().unwrap());
    let mut parts = 0;
    for place in [fleet.root().to_owned(), tree.clone(), last] {
        let place_text = place.to_str().unwrap();
        (0..OLD).for_each(|stack| fleet.set(stack, 0));
        fleet.ok(&["render", "--quiet"]);
        (0..OLD).for_each(|stack| fleet.set(stack, 2));
        mount(&["--bind", place_text, place_text]);
        mount(&["-o", "remount,bind,ro", place_text]);
        assert!(fs::write(place.join("try"), "").is_err(), "{place_text} is not read-only");
        let output = fleet.run(&["render", "--quiet"]);
        let found = all_files(&tree);
        assert_one_error(&output, "Read-only file system", place_text);
        assert_intact(&legal, &old, &found, &new);
        parts += usize::from(found != old);
        // A command that only reads works.
        assert_eq!(fleet.run(&["render", "--check"]).code, 1);
        mount(&["-o", "remount,bind,rw", place_text]);
        fleet.ok(&["render", "--quiet"]);
        assert_same(&all_files(&tree), &new);
        fleet.assert_right();
        // A run without changes writes nothing.
        mount(&["-o", "remount,bind,ro", place_text]);
        fleet.ok(&["render", "--quiet"]);
        mount(&["-o", "remount,bind,rw", place_text]);
    }
    assert_eq!(parts, 1, "only the last stops a run that has begun to write");

    // A new tree, in a folder that cannot be written.
    let root = fleet.root().to_str().unwrap();
    let render = ["render", "--quiet", "--out", "another"];
    mount(&["-o", "remount,bind,ro", root]);
    assert_one_error(&fleet.run(&render), "Read-only file system", "no tree");
    mount(&["-o", "remount,bind,rw", root]);
    fleet.ok(&render);
    assert_same(&all_files(&fleet.path("another")), &new);
}

#[test]
#[ignore = "tests/e2e/run"]
fn an_inaccessible_folder_stops_a_run_and_loses_nothing() {
    use std::os::unix::fs::PermissionsExt;

    let fleet = Fleet::new(OLD);
    let tree = fleet.tree();
    fleet.ok(&["render", "--quiet"]);
    let old = all_files(&tree);
    (0..OLD).for_each(|stack| fleet.set(stack, 2));
    let new = fleet.fresh();
    let legal = Legal::of(&[old.clone(), new.clone()]);
    // Root ignores modes, unless it gives up the capabilities for that.
    let run = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        if is_root() {
            command.arg("--bounding-set=-dac_override,-dac_read_search,-fowner");
        }
        let render = fleet.command(args);
        command.arg(render.get_program()).args(render.get_args()).current_dir(fleet.root());
        CommandOutput::run(command.env("NO_COLOR", "1"))
    };
    let folder = tree.join(&fleet.stacks()[OLD / 2]);
    let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();

    mode(0o555);
    let written = run(&["render", "--quiet"]);
    let found = all_files(&tree);
    assert_one_error(&written, "Permission denied", "a folder that can't be written");
    assert_intact(&legal, &old, &found, &new);
    assert_ne!(found, old, "the other folders come first");
    // A folder that cannot be read is found before anything is written.
    mode(0o000);
    let listed = run(&["render", "--quiet"]);
    mode(0o755);
    assert_one_error(&listed, "Permission denied", "a folder that can't be read");
    assert_same(&all_files(&tree), &found);
    assert_eq!(run(&["render", "--quiet"]).code, 0);
    fleet.assert_right();
}

/// Asserts that there is one error with the system's reason, and no output.
#[track_caller]
fn assert_one_error(output: &CommandOutput, said: &str, what: &str) {
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{what}: {}", output.stderr);
    let errors: Vec<_> = output.stderr.lines().collect();
    assert!(errors.len() == 1 && errors[0].starts_with("error: "), "{what}: {}", output.stderr);
    let has_temporary = errors[0].contains(".tts-render-");
    assert!(errors[0].contains(said) && !has_temporary, "{what}: {}", output.stderr);
}

/// Asserts that each file is old or new, that none is missing, and that no temporary file is left.
#[track_caller]
fn assert_intact(legal: &Legal, old: &Files, found: &Files, new: &Files) {
    legal.assert_whole(found, |_| false);
    assert!(!found.keys().any(|path| is_temporary(path)), "a temporary file is left");
    let gone: Vec<_> = old.keys().filter(|path| !found.contains_key(*path)).collect();
    assert!(gone.iter().all(|path| !new.contains_key(*path)), "{gone:?}");
}
