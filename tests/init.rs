//! `init`: a first values file.

#![cfg(test)]

mod common;

use common::tool::{Sandbox, objects};

#[test]
fn a_first_values_file_renders_immediately_with_suspended_jobs() {
    let sandbox = Sandbox::empty();
    sandbox.ok(&["init", "whisper"]);
    sandbox.ok(&["render", "whisper"]);
    for job in ["window-up", "vram-guard", "window-down"] {
        let text = sandbox.read(&format!("rendered/whisper/cronjob-whisper-{job}.yaml"));
        assert_eq!(objects(&text)[0]["spec"]["suspend"], true, "{text}");
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
