//! `init`: a first values file.

#![cfg(test)]

mod common;

use common::tool::{Sandbox, objects};

#[test]
fn a_first_values_file_renders_immediately_with_a_closed_window() {
    let sandbox = Sandbox::empty();
    sandbox.ok(&["init", "whisper"]);
    sandbox.ok(&["render", "whisper"]);
    for (job, is_suspended) in [("window-up", true), ("vram-guard", false), ("window-down", false)]
    {
        let text = sandbox.read(&format!("rendered/whisper/cronjob-whisper-{job}.yaml"));
        assert_eq!(objects(&text)[0]["spec"]["suspend"], is_suspended, "{text}");
    }
}

#[test]
fn the_new_files_are_named_and_nothing_is_overwritten() {
    let sandbox = Sandbox::empty();
    let first = sandbox.ok(&["init", "whisper"]);
    assert_eq!(first.stdout, "");
    assert!(
        first.stderr.contains("values/whisper.yaml") && first.stderr.contains("values/schema.json")
    );
    let before = sandbox.read("values/whisper.yaml");
    let errors = sandbox.refused(&["init", "whisper"]);
    assert!(errors.contains("exists already: `init` overwrites nothing"), "{errors}");
    assert_eq!(sandbox.read("values/whisper.yaml"), before);
    // A second stack keeps the schema that is there.
    sandbox.write("values/schema.json", "{}\n");
    sandbox.ok(&["init", "second"]);
    assert_eq!(sandbox.read("values/schema.json"), "{}\n");
}

#[test]
fn a_name_must_be_a_label() {
    let sandbox = Sandbox::empty();
    for name in ["Whisper", "a_b", "-a", "a.b", ""] {
        let errors = sandbox.refused(&["init", "--", name]);
        assert!(errors.contains(&format!("invalid name `{name}`")), "{errors}");
    }
    assert!(!sandbox.path("values").exists());
}

#[test]
fn a_folder_that_can_not_be_created_is_an_ordinary_error() {
    let sandbox = Sandbox::empty();
    sandbox.write("values", "a file\n");
    let errors = sandbox.refused(&["init", "whisper"]);
    assert!(errors.contains("can't write"), "{errors}");
}

/// A full disk, as a limit on the size of files.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_file() {
    let sandbox = Sandbox::empty();
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" init demo";
    let output = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_tts-render")])
        .current_dir(sandbox.path("."))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let left: Vec<_> = std::fs::read_dir(sandbox.path("values")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    // The next run is not hindered.
    sandbox.ok(&["init", "demo"]);
    sandbox.ok(&["render"]);
}
