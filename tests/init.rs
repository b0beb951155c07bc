//! `init`: a first values file.

#![cfg(test)]

mod common;

use common::tool::{Sandbox, objects};
use serde_json::Value;
use tts_render::tenants;

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
    for file in ["values/whisper.yaml", "values/schema.json", ".gitattributes"] {
        assert!(first.stderr.contains(&format!("wrote `{file}`\n")), "{}", first.stderr);
    }
    assert!(sandbox.read(".gitattributes").contains("\nrendered/** text eol=lf\n"));
    let before = sandbox.read("values/whisper.yaml");
    let errors = sandbox.refused(&["init", "whisper"]);
    let exists = "`values/whisper.yaml` exists already: `init` overwrites nothing";
    assert!(errors.contains(exists), "{errors}");
    assert_eq!(sandbox.read("values/whisper.yaml"), before);
    // A second stack keeps the schema that is there.
    sandbox.write("values/schema.json", "{}\n");
    sandbox.write(".gitattributes", "*.png binary\n");
    let second = sandbox.ok(&["init", "second"]).stderr;
    assert!(second.contains("add `rendered/** text eol=lf` to `.gitattributes`"), "{second}");
    assert_eq!(sandbox.read("values/schema.json"), "{}\n");
    assert_eq!(sandbox.read(".gitattributes"), "*.png binary\n");
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

/// The findings of `lint`, each as its rule, the line's text and the severity.
fn findings(sandbox: &Sandbox, stack: &str) -> Vec<(String, String, String)> {
    let output = sandbox.run(&["lint", stack, "--format", "json"]);
    assert!(output.code < 2, "{}", output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let text_of = |place: &Value| {
        let (Some(file), Some(line)) = (place["file"].as_str(), place["line"].as_u64()) else {
            return String::new();
        };
        let text = std::fs::read_to_string(sandbox.path(file)).unwrap_or_default();
        text.lines().nth(line as usize - 1).unwrap_or_default().to_owned()
    };
    let found = report["findings"].as_array().expect("findings").iter();
    let field = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    found.map(|one| (field(one, "rule"), text_of(&one["place"]), field(one, "severity"))).collect()
}

/// Each kind of tenant renders, is valid and has no findings but those at a marked line.
#[test]
fn every_kind_of_tenant_renders_lints_and_validates() {
    for kind in tenants::kinds() {
        let sandbox = Sandbox::empty();
        let output = sandbox.ok(&["init", "night", "--like", kind]);
        let text = sandbox.read("values/night.yaml");
        let marks = text.lines().filter(|line| line.ends_with("# <-")).count();
        assert!(marks >= 8, "{kind}: {marks}");
        let next =
            format!("next: edit the {marks} lines marked `<-`, then `tts-render lint night`");
        assert!(output.stderr.contains(&next), "{kind}: {}", output.stderr);
        assert!(text.contains("# Source"), "{kind} names its sources");
        assert!(!text.contains("NAME"), "{kind}");
        sandbox.ok(&["render"]);
        sandbox.ok(&["validate", "rendered"]);
        let surprising: Vec<_> = findings(&sandbox, "night")
            .into_iter()
            .filter(|(_, line, _)| !line.ends_with("# <-"))
            .collect();
        assert!(surprising.is_empty(), "{kind}: {surprising:?}");
    }
}

/// The facts of a tenant, read from its objects.
#[test]
fn a_kind_of_tenant_has_its_ports_volumes_and_environment() {
    let sandbox = Sandbox::empty();
    for (kind, port, mount) in [
        ("tts", 8004, "/data"),
        ("comfyui", 8188, "/data"),
        ("whisper", 8000, "/home/ubuntu/.cache/huggingface/hub"),
        ("ollama", 11434, "/root/.ollama"),
        ("vllm", 8000, "/cache"),
    ] {
        sandbox.ok(&["init", kind, "--like", kind]);
        let rendered = objects(&sandbox.ok(&["generate", kind]).stdout);
        let of_kind = |kind: &str| rendered.iter().find(|one| one["kind"] == kind).unwrap();
        let container = &of_kind("Deployment")["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["ports"][0]["containerPort"], port, "{kind}");
        assert_eq!(of_kind("Service")["spec"]["ports"][0]["targetPort"], port, "{kind}");
        let mounts = container["volumeMounts"].as_array().unwrap();
        assert!(mounts.iter().any(|one| one["mountPath"] == mount), "{kind}: {mounts:?}");
        // What probes look at is open.
        for probe in ["readinessProbe", "livenessProbe"] {
            let (http, tcp) = (&container[probe]["httpGet"], &container[probe]["tcpSocket"]);
            assert!([http, tcp].iter().any(|one| one["port"] == port), "{kind}: {probe}");
        }
        assert_eq!(container["livenessProbe"]["httpGet"], Value::Null, "{kind}");
    }
    sandbox.ok(&["init", "batch", "--like", "batch"]);
    let rendered = objects(&sandbox.ok(&["generate", "batch"]).stdout);
    assert!(rendered.iter().all(|one| one["kind"] != "Service"));
}

#[test]
fn an_unknown_kind_of_tenant_is_a_usage_error_with_a_suggestion() {
    let sandbox = Sandbox::empty();
    let errors = sandbox.refused(&["init", "a", "--like", "olama"]);
    assert!(errors.contains("ollama") && errors.contains("comfyui"), "{errors}");
    assert!(!sandbox.path("values").exists());
}

/// In a project, the other stacks' policy, exporter and window decide.
#[test]
fn a_new_stack_starts_with_what_the_others_share() {
    let sandbox = Sandbox::repository();
    let output = sandbox.ok(&["init", "whisper"]);
    for copied in ["gate.image", "gate.metricsUrl", "kyverno"] {
        assert!(output.stderr.contains(copied), "{copied}: {}", output.stderr);
    }
    assert!(output.stderr.contains("window: 22:00 to 02:00"), "{}", output.stderr);
    let read = |file: &str| -> Value { serde_yaml::from_str(&sandbox.read(file)).unwrap() };
    let (created, shared) = (read("values/whisper.yaml"), read("values/tts.yaml"));
    for pointer in [
        "/namespace/tier",
        "/server/imagePullSecrets",
        "/server/priorityClassName",
        "/server/nodeSelector",
        "/server/tolerations",
        "/gpu/total",
        "/offPeak/timeZone",
        "/gate/image",
        "/gate/priorityClassName",
        "/gate/preferTenantNode",
        "/gate/metricsUrl",
        "/gate/exporter",
        "/kyverno",
    ] {
        assert!(created.pointer(pointer).is_some(), "{pointer}");
        assert_eq!(created.pointer(pointer), shared.pointer(pointer), "{pointer}");
    }
    assert_eq!(created["offPeak"]["up"], "0 22 * * *");
    // Nothing that the other stack alone has.
    assert_eq!((&created["clients"], &created["server"]["config"]), (&Value::Null, &Value::Null));
    let critical: Vec<_> = findings(&sandbox, "whisper")
        .into_iter()
        .filter(|(_, line, severity)| severity == "critical" && !line.ends_with("# <-"))
        .collect();
    assert!(critical.is_empty(), "{critical:?}");
    sandbox.ok(&["render"]);
    // The same files give the same text.
    let text = sandbox.read("values/whisper.yaml");
    std::fs::remove_file(sandbox.path("values/whisper.yaml")).unwrap();
    sandbox.ok(&["init", "whisper"]);
    assert_eq!(sandbox.read("values/whisper.yaml"), text);
}

/// Beside this repository's stack, every kind renders, and nothing is critical but what is marked.
#[test]
fn every_kind_of_tenant_fits_beside_another_stack() {
    for kind in tenants::kinds() {
        let sandbox = Sandbox::repository();
        sandbox.ok(&["init", "night", "--like", kind]);
        let text = sandbox.read("values/night.yaml");
        assert!(text.contains("\n  up: 0 22 * * *\n"), "{kind}: {text}");
        let critical: Vec<_> = findings(&sandbox, "night")
            .into_iter()
            .filter(|(_, line, severity)| severity == "critical" && !line.ends_with("# <-"))
            .collect();
        assert!(critical.is_empty(), "{kind}: {critical:?}");
        sandbox.ok(&["render"]);
        sandbox.ok(&["validate", "rendered"]);
    }
}

/// A placeholder stays one.
#[test]
fn a_copied_value_keeps_its_mark() {
    let sandbox = Sandbox::demo();
    sandbox.replace("values/demo.yaml", "timeZone: Etc/UTC # <-", "timeZone: Europe/Paris");
    // `lint` takes a mark with a remark for one, too.
    let exporter = "exporter: gpu-pod-exporter # <-";
    sandbox.replace("values/demo.yaml", exporter, &format!("{exporter} its DaemonSet"));
    sandbox.ok(&["init", "second", "--like", "ollama"]);
    let text = sandbox.read("values/second.yaml");
    assert!(text.contains("  timeZone: Europe/Paris\n"), "{text}");
    assert!(text.contains("    repository: registry.example.com/vram-gate # <-\n"), "{text}");
    assert!(text.contains("  exporter: gpu-pod-exporter # <-\n"), "{text}");
}

#[test]
fn what_only_some_stacks_have_is_not_copied() {
    let sandbox = Sandbox::two_stacks();
    sandbox.ok(&["init", "third"]);
    let values: Value = serde_yaml::from_str(&sandbox.read("values/third.yaml")).unwrap();
    assert_eq!(values["namespace"]["tier"], "2-gpu", "both have it");
    assert_eq!(values["offPeak"]["timeZone"], "Etc/UTC", "two time zones");
    assert_eq!(values["gate"]["image"]["repository"], "registry.example.com/vram-gate");
    // A file with errors shares nothing, and hinders nothing.
    sandbox.write("values/whisper.yaml", "apiVersion: [\n");
    let output = sandbox.ok(&["init", "fourth"]);
    assert!(output.stderr.contains("copied nothing from the stack `whisper`"), "{}", output.stderr);
}

/// Windows do not overlap, in any time zone, until no hour is left.
#[test]
fn each_new_stack_gets_a_window_of_its_own() {
    let sandbox = Sandbox::empty();
    let mut windows = Vec::new();
    for index in 0..6 {
        let name = format!("stack{index}");
        sandbox.ok(&["init", &name]);
        sandbox.replace(&format!("values/{name}.yaml"), "suspend: true", "suspend: false");
        let values: Value =
            serde_yaml::from_str(&sandbox.read(&format!("values/{name}.yaml"))).unwrap();
        windows.push(values["offPeak"]["up"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        windows,
        ["0 2 * * *", "0 22 * * *", "0 6 * * *", "0 18 * * *", "0 10 * * *", "0 14 * * *"]
    );
    let output = sandbox.run(&["lint", "--format", "json"]);
    for rule in ["windows-overlap", "guard-misses-window", "guard-idles", "window-ends-once"] {
        assert!(!output.stdout.contains(rule), "{rule}: {}", output.stdout);
    }
    let last = sandbox.ok(&["init", "last"]).stderr;
    assert!(last.contains("leave no hour free"), "{last}");
}

#[test]
fn a_name_that_yaml_reads_as_another_type_is_quoted() {
    let sandbox = Sandbox::empty();
    for name in ["123", "true", "null", "1e3", "no"] {
        for kind in ["batch", "tts"] {
            let stack = if kind == "batch" { name.to_owned() } else { format!("0{name}") };
            sandbox.ok(&["init", &stack, "--like", kind]);
            sandbox.ok(&["generate", &stack]);
        }
    }
}
