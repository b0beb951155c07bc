//! `generate`: the manifests on standard output, of all stacks, of one stack or of one folder.

#![cfg(test)]

mod common;

use common::tool::{Sandbox, WORKER, objects};

#[test]
fn a_named_stack_is_printed_alone() {
    let sandbox = Sandbox::two_stacks();
    let out = sandbox.ok(&["generate", "whisper"]).stdout;
    let kinds: Vec<String> = objects(&out)
        .iter()
        .map(|object| format!("{} {}", object["kind"], object["metadata"]["name"]).replace('"', ""))
        .collect();
    assert_eq!(
        kinds,
        [
            "Namespace speech",
            "Role transcriber-offpeak",
            "RoleBinding transcriber-offpeak",
            "ServiceAccount transcriber-offpeak",
            "Deployment transcriber",
            "CronJob transcriber-vram-guard",
            "CronJob transcriber-window-down",
            "CronJob transcriber-window-up",
        ]
    );
    let mut lines = out.lines().filter(|line| !line.starts_with('#'));
    assert!(lines.all(|line| !line.contains("tts") && !line.contains("chatterbox")), "{out}");
    assert!(out.contains("value: DCGM_FI_DEV_FB_USED"), "{out}");
}

#[test]
fn many_stacks_give_the_same_bytes_every_time() {
    let sandbox = Sandbox::empty();
    for number in 0..40 {
        let name = format!("tenant-{number}");
        let values = WORKER.replace("name: whisper", &format!("name: {name}"));
        let values = values.replace("speech", &name).replace("mode: edit", "mode: none");
        sandbox.write(&format!("values/{name}.yaml"), &values);
    }
    let first = sandbox.ok(&["generate"]).stdout;
    assert_eq!(objects(&first).len(), 40 * 8);
    for _ in 0..5 {
        assert!(sandbox.ok(&["generate"]).stdout == first);
    }
}

#[test]
fn each_file_of_rendered_is_one_document() {
    let sandbox = Sandbox::repository();
    let output = sandbox.ok(&["generate"]);
    assert_eq!(output.stderr, "");
    let mut files = Vec::new();
    for folder in ["tts", "tripit", "kyverno"] {
        for entry in std::fs::read_dir(sandbox.path("rendered").join(folder)).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(std::fs::read_to_string(path).expect("a manifest"));
            }
        }
    }
    assert!(files.len() >= 10);
    let printed: usize = files.iter().map(|file| 4 + file.len()).sum();
    assert_eq!(output.stdout.len(), printed, "nothing else is printed");
    for file in files {
        assert!(output.stdout.contains(&format!("---\n{file}")), "{file}");
    }
}

#[test]
fn objects_are_printed_in_the_order_to_apply() {
    let out = Sandbox::repository().ok(&["generate", "tts"]).stdout;
    let kinds: Vec<String> = objects(&out)
        .iter()
        .map(|object| object["kind"].as_str().expect("a kind").to_owned())
        .collect();
    let index = |kind: &str| kinds.iter().position(|one| one == kind).expect(kind);
    assert_eq!(index("Namespace"), 0, "{kinds:?}");
    assert!(index("Role") < index("RoleBinding"), "{kinds:?}");
    for kind in ["PersistentVolumeClaim", "ConfigMap", "ServiceAccount"] {
        assert!(index(kind) < index("Deployment"), "{kind}: {kinds:?}");
    }
    assert!(index("Deployment") < index("CronJob"), "{kinds:?}");
}

#[test]
fn app_prints_one_folder_of_rendered() {
    let sandbox = Sandbox::two_stacks();
    let client = sandbox.ok(&["generate", "--app", "tripit"]).stdout;
    let kinds: Vec<_> = objects(&client)
        .iter()
        .map(|object| (object["kind"].clone(), object["metadata"]["namespace"].clone()))
        .collect();
    assert_eq!(kinds, [("ConfigMap".into(), "tripit".into())]);
    // A stack's own folder has the stack's objects alone.
    let stack = sandbox.ok(&["generate", "--app", "whisper"]).stdout;
    assert_eq!(stack, sandbox.ok(&["generate", "whisper"]).stdout);
    // A folder that both stacks fill has both parts.
    let shared = sandbox.ok(&["generate", "--app", "kyverno"]).stdout;
    assert!(shared.contains("- tts\n") && shared.contains("- speech\n"), "{shared}");
}

#[test]
fn an_empty_output_is_refused() {
    let sandbox = Sandbox::repository();
    let message = sandbox.refused(&["generate", "--app", "nowhere"]);
    assert!(message.contains("there are no objects in `nowhere`"), "{message}");
    assert!(message.contains("for the deletion of all objects"), "{message}");
    let message = Sandbox::empty().refused(&["generate"]);
    assert!(message.contains("there is no values file in `values/`"), "{message}");
}

#[test]
fn an_unknown_stack_is_refused_with_a_suggestion() {
    let message = Sandbox::repository().refused(&["generate", "ttz"]);
    assert!(message.contains("there is no stack `ttz`"), "{message}");
    assert!(message.contains("did you mean `tts`?"), "{message}");
}

#[test]
fn one_invalid_stack_stops_the_output_of_all() {
    let sandbox = Sandbox::two_stacks();
    sandbox.replace("values/whisper.yaml", "floor: 3Gi", "flor: 3Gi");
    let message = sandbox.refused(&["generate"]);
    assert!(message.contains("values/whisper.yaml:"), "{message}");
    // The other stack alone does not depend on it.
    assert!(sandbox.ok(&["generate", "tts"]).stdout.contains("kind: Deployment"));
}

#[test]
fn nothing_is_written() {
    let sandbox = Sandbox::demo();
    sandbox.ok(&["generate"]);
    assert!(!sandbox.path("rendered").exists());
}

#[test]
fn an_unknown_flag_is_a_usage_error() {
    let message = Sandbox::demo().refused(&["generate", "--folder", "demo"]);
    assert!(message.contains("unexpected argument '--folder'"), "{message}");
}

#[test]
fn a_folder_is_named_and_not_a_path() {
    let sandbox = Sandbox::repository();
    for name in ["rendered/tripit", "rendered/tripit/", "tripti"] {
        let message = sandbox.refused(&["generate", "--app", name]);
        assert!(message.contains("did you mean `--app tripit`?"), "{message}");
    }
}

#[test]
fn standard_input_is_not_an_overlay() {
    let sandbox = Sandbox::repository();
    for command in ["generate", "render", "lint", "doctor", "list", "diff"] {
        let message = sandbox.refused(&[command, "-f", "-"]);
        assert!(message.contains("`-f -` is not supported: expected a file"), "{message}");
    }
    for command in [&["diff"][..], &["window", "simulate"], &["window", "calibrate"]] {
        let message = sandbox.refused(&[command, &["--history", "-"]].concat());
        assert!(message.contains("`--history -` is not supported"), "{message}");
    }
}
