//! The project: found upwards from any folder of it, as Git and Cargo do, and files whose names are
//! mistaken.

#![cfg(test)]

mod common;

use std::fs;

use common::git::git;
use common::tool::{Sandbox, repository, run_in};

/// A project in a Git work tree, with the folders that people work in.
fn project() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.ok(&["render"]);
    sandbox.write("docs/notes.md", "notes\n");
    git(&sandbox.path(""), &["init", "--quiet"]);
    sandbox
}

const FOLDERS: [&str; 5] = ["values", "rendered", "rendered/tts", "docs", "templates"];

#[test]
fn every_command_finds_the_project_upwards() {
    let sandbox = project();
    for args in [
        &["render", "--check"][..],
        &["generate", "tts"],
        &["parameters", "tts"],
        &["lint"],
        &["lint", "-o", "sarif"],
        &["lint", "-o", "github", "--set", "gate.noSeries=idle"],
        &["doctor"],
        &["explain", "--value", "gate.floor"],
        &["gitops", "client", "tripit"],
    ] {
        let expected = sandbox.run(args);
        assert!(expected.code < 2, "{args:?}: {}", expected.stderr);
        for folder in FOLDERS {
            let found = run_in(&sandbox.path(folder), args);
            assert_eq!(found.stdout, expected.stdout, "{args:?} in {folder}: {}", found.stderr);
            assert_eq!(found.code, expected.code, "{args:?} in {folder}");
        }
    }
}

#[test]
fn rendered_is_written_in_the_project_and_a_named_folder_here() {
    let sandbox = project();
    let docs = sandbox.path("docs");
    fs::remove_dir_all(sandbox.path("rendered/tts")).unwrap();
    assert_eq!(run_in(&docs, &["render"]).code, 0);
    assert_eq!(sandbox.run(&["render", "--check"]).code, 0);
    assert!(!docs.join("rendered").exists());
    assert_eq!(run_in(&docs, &["render", "--out", "try"]).code, 0);
    assert!(docs.join("try/tts").exists());
}

#[test]
fn paths_are_relative_to_the_working_directory() {
    let sandbox = project();
    let docs = sandbox.path("docs");
    let overlay = run_in(&docs, &["generate", "-f", "../overlays/english.yaml"]);
    let expected = sandbox.ok(&["generate", "-f", "overlays/english.yaml"]);
    assert_eq!(overlay.stdout, expected.stdout, "{}", overlay.stderr);
    let from_root = run_in(&docs, &["generate", "-f", "overlays/english.yaml"]);
    assert!(from_root.refusal().contains("can't read `overlays/english.yaml`"));
    assert_eq!(run_in(&docs, &["validate", "../rendered"]).code, 0);
    // `-C` changes the folder that paths are relative to, as for Git.
    let changed = sandbox.ok(&["-C", "docs", "generate", "-f", "../overlays/english.yaml"]);
    assert_eq!(changed.stdout, expected.stdout);
}

#[test]
fn the_search_never_leaves_the_work_tree() {
    let sandbox = project();
    sandbox.write("clone/README.md", "");
    git(&sandbox.path("clone"), &["init", "--quiet"]);
    for args in [&["render"][..], &["generate"], &["lint"], &["list"]] {
        let errors = run_in(&sandbox.path("clone"), args);
        let errors = errors.refusal();
        assert!(errors.contains("there is no values file in `values/`, here or in"), "{errors}");
    }
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let sandbox = Sandbox::demo();
    for args in [&["-C", "missing", "render"][..], &["validate", "-C", "missing", "x.yaml"]] {
        let errors = sandbox.refused(args);
        assert!(errors.contains("can't change to the folder `missing` of `-C`"), "{errors}");
        assert!(!errors.contains("values file"), "{errors}");
    }
    sandbox.write("file", "");
    let errors = sandbox.refused(&["-C", "file", "render"]);
    assert!(errors.contains("Not a directory"), "{errors}");
}

#[test]
fn init_adds_to_the_project_around_it_and_says_so() {
    let sandbox = Sandbox::demo();
    fs::create_dir(sandbox.path("sub")).unwrap();
    let added = run_in(&sandbox.path("sub"), &["init", "other"]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    assert!(
        added.stderr.starts_with("adding `other` to the project in `..`\n"),
        "{}",
        added.stderr
    );
    assert!(sandbox.path("values/other.yaml").exists());
    assert!(!sandbox.path("sub/values").exists());
}

#[test]
fn files_with_another_ending_are_named() {
    for (file, expected) in [
        ("values/foo.yml", "`.yaml`"),
        ("values/foo.YAML", "`.yaml`"),
        ("values/foo.json", "`.yaml`"),
        ("templates/sm.yaml", "`.yaml.j2`, even without a placeholder in it"),
        ("templates/sm.yml.j2", "`.yaml.j2`"),
        ("templates/_helpers.tpl", "`.yaml.j2`"),
    ] {
        let sandbox = Sandbox::demo();
        sandbox.write(file, "a: 1\n");
        for args in [&["render"][..], &["generate", "demo"], &["lint"], &["render", "--check"]] {
            let errors = sandbox.refused(args);
            let message =
                format!("`{file}` would be ignored: expected a name that ends in {expected}");
            assert!(errors.contains(&message), "{errors}");
        }
    }
    let sandbox = Sandbox::demo();
    for file in ["README.md", "notes.txt", ".hidden.yml", "old.yaml.orig", "old.yaml~"] {
        sandbox.write(&format!("values/{file}"), "text\n");
        sandbox.write(&format!("templates/{file}"), "text\n");
    }
    sandbox.ok(&["render"]);
}

#[test]
fn a_project_of_wrong_endings_is_found_and_its_files_are_named() {
    let sandbox = Sandbox::demo();
    fs::rename(sandbox.path("values/demo.yaml"), sandbox.path("values/demo.yml")).unwrap();
    let errors = sandbox.refused(&["render"]);
    assert!(errors.contains("`values/demo.yml` would be ignored"), "{errors}");
}

#[test]
fn this_repository_is_found_from_its_sources() {
    // `src/values` holds modules, and no values.
    let listed = run_in(&repository().join("src/values"), &["render", "--check"]);
    assert_eq!(listed.code, 0, "{}{}", listed.stdout, listed.stderr);
}

#[test]
fn a_file_that_does_not_exist_leads_to_a_similar_one() {
    let sandbox = Sandbox::repository();
    sandbox.ok(&["render"]);
    for (folder, args, near) in [
        (".", &["render", "--dry-run", "-f", "overlays/englsh.yaml"][..], "overlays/english.yaml"),
        (".", &["render", "values/ttss.yaml"], "values/tts.yaml"),
        (
            "rendered/tts",
            &["render", "--dry-run", "-f", "overlays/english.yaml"],
            "../../overlays/english.yaml",
        ),
        (".", &["validate", "rendered/tts/namespace-ts.yaml"], "rendered/tts/namespace-tts.yaml"),
        (
            ".",
            &["policy", "show", "policies/inject-gpu-workload-priorty.yaml"],
            "policies/inject-gpu-workload-priority.yaml",
        ),
        (
            ".",
            &["explain", "rendered/tts/deployment-chatterbox.yaml:9"],
            "rendered/tts/deployment-chatterbox-tts.yaml",
        ),
        (".", &["status", "--from", "values/ttss.yaml"], "values/tts.yaml"),
    ] {
        let folder = sandbox.path(folder);
        let output = run_in(&folder, args);
        assert_eq!(output.code, 2, "{args:?}: {}", output.stderr);
        let hint = format!("did you mean `{near}`?");
        assert!(output.stderr.contains(&hint), "{args:?}: {}", output.stderr);
        assert!(!output.stderr.contains("0 objects checked"), "{}", output.stderr);
    }
    let errors = sandbox.refused(&["render", "--dry-run", "-f", "overlays/nothing-alike.yaml"]);
    assert!(!errors.contains("did you mean"), "{errors}");
}

#[cfg(unix)]
#[test]
fn a_similar_file_is_not_looked_for_through_a_link_out_of_the_project() {
    let outside = Sandbox::empty();
    outside.write("english.yaml", "");
    let sandbox = Sandbox::demo();
    std::os::unix::fs::symlink(outside.path("."), sandbox.path("overlays")).unwrap();
    let errors = sandbox.refused(&["render", "--dry-run", "-f", "overlays/englsh.yaml"]);
    assert!(!errors.contains("did you mean"), "{errors}");
}

#[cfg(unix)]
#[test]
fn a_working_directory_that_was_deleted_is_named() {
    let sandbox = Sandbox::demo();
    let program = env!("CARGO_BIN_EXE_tts-render");
    let script = "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" render";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, program]).current_dir(sandbox.path("."));
    let output = command.output().expect("sh");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("the working directory was deleted"), "{errors}");
}
