//! Several stacks of one repository.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod common;

use common::tool::{Sandbox, objects};

/// A tenant that is no server: no port, no Service, no volume, no configuration, no client.
const WORKER: &str = "\
apiVersion: tts-render/v1
name: whisper
namespace: {name: speech, tier: 2-gpu}
server:
  name: transcriber
  image: {repository: registry.example.com/whisper, tag: 1.4.2}
  command: [python, -m, worker]
  args: [--queue, \"redis://queue.speech:6379\", --batch=8]
  env:
    TOKEN: {valueFrom: {secretKeyRef: {name: queue, key: token}}}
  resources:
    limits: {nvidia.com/gpu: \"1\", memory: 6Gi}
gpu: {total: 15360Mi}
offPeak: {timeZone: Europe/Berlin, up: 0 1 * * *, guard: \"*/10 1-4 * * *\", down: 0 5 * * *}
gate:
  image: {repository: registry.example.com/vram-gate, tag: 0.1.0}
  metricsUrl: http://dcgm-exporter.gpu.svc:9400/metrics
  metric: DCGM_FI_DEV_FB_USED
  metricUnit: MiB
  floor: 3Gi
kyverno:
  mode: edit
  policy: policies/inject-gpu-workload-priority.yaml
";

fn two_tenants() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.write("values/whisper.yaml", WORKER);
    sandbox
}

#[test]
fn a_second_tenant_is_a_second_values_file() {
    let sandbox = two_tenants();
    let out = sandbox.ok(&["generate", "whisper"]).out;
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
    let said = out.lines().filter(|line| !line.starts_with('#'));
    assert!(
        said.clone().all(|line| !line.contains("tts") && !line.contains("chatterbox")),
        "{out}"
    );
    assert!(out.contains("value: DCGM_FI_DEV_FB_USED"), "{out}");
}

#[test]
fn naming_a_stack_leaves_the_others_folders_alone() {
    let sandbox = two_tenants();
    let before = sandbox.read("rendered/tts/.provenance");
    sandbox.ok(&["render", "whisper"]);
    assert!(sandbox.path("rendered/whisper/deployment-transcriber.yaml").exists());
    assert_eq!(sandbox.read("rendered/tts/.provenance"), before);
    let policy = sandbox.read("rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml");
    assert!(!policy.contains("- speech"), "a shared folder takes every stack");
}

#[test]
fn two_stacks_that_edit_one_policy_give_one_file_with_both_namespaces() {
    let sandbox = two_tenants();
    sandbox.ok(&["render"]);
    let written = sandbox.read("rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml");
    assert!(written.contains("- tts\n") && written.contains("- speech\n"), "{written}");
    // Whichever stack is named, the shared folder is computed from all.
    for stack in ["tts", "whisper"] {
        let out = sandbox.ok(&["generate", stack, "--app", "kyverno"]).out;
        assert_eq!(out, format!("---\n{written}"));
    }
}

#[test]
fn two_stacks_that_claim_one_object_are_both_named() {
    let sandbox = two_tenants();
    sandbox.replace("values/whisper.yaml", "namespace: {name: speech", "namespace: {name: tts");
    let said = sandbox.refused(&["render"]);
    assert!(said.contains("Namespace tts is rendered twice"), "{said}");
    assert!(said.contains("values/tts.yaml") && said.contains("values/whisper.yaml"), "{said}");
}

#[test]
fn one_object_from_two_templates_is_refused() {
    let sandbox = Sandbox::demo();
    let text = std::fs::read_to_string("templates/role.yaml.j2").expect("a template");
    sandbox.write("templates/role-again.yaml.j2", &text);
    let said = sandbox.refused(&["render"]);
    assert!(said.contains("Role demo/demo-offpeak is rendered twice"), "{said}");
}

#[test]
fn a_stack_without_an_object_is_refused_whatever_the_policies_yield() {
    let sandbox = Sandbox::repository();
    for template in std::fs::read_dir(sandbox.path("templates")).expect("templates") {
        std::fs::write(template.expect("an entry").path(), "# nothing\n").expect("written");
    }
    for command in ["render", "generate"] {
        let said = sandbox.refused(&[command]);
        assert!(said.contains("no template renders an object for values/tts.yaml"), "{said}");
    }
}

#[test]
fn errors_of_all_stacks_are_told_in_one_run() {
    let sandbox = two_tenants();
    sandbox.replace("values/whisper.yaml", "floor: 3Gi", "flor: 3Gi");
    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 60Gi");
    let said = sandbox.refused(&["render"]);
    assert!(said.contains("values/tts.yaml:") && said.contains("values/whisper.yaml:"), "{said}");
}

#[test]
fn many_stacks_render_the_same_bytes_every_time() {
    let sandbox = Sandbox::empty();
    for number in 0..40 {
        let name = format!("tenant-{number}");
        let values = WORKER.replace("name: whisper", &format!("name: {name}"));
        let values = values.replace("speech", &name).replace("mode: edit", "mode: none");
        sandbox.write(&format!("values/{name}.yaml"), &values);
    }
    let first = sandbox.ok(&["generate"]).out;
    assert_eq!(objects(&first).len(), 40 * 8);
    for _ in 0..5 {
        assert!(sandbox.ok(&["generate"]).out == first);
    }
}

#[test]
fn a_first_values_file_renders_at_once_and_rests() {
    let sandbox = Sandbox::empty();
    sandbox.ok(&["init", "whisper"]);
    let before = sandbox.read("values/whisper.yaml");
    sandbox.ok(&["render", "whisper"]);
    let guard = sandbox.read("rendered/whisper/cronjob-whisper-vram-guard.yaml");
    assert!(guard.contains("suspend: true"), "{guard}");
    let said = sandbox.refused(&["init", "whisper"]);
    assert!(said.contains("init overwrites nothing"), "{said}");
    assert_eq!(sandbox.read("values/whisper.yaml"), before);
    let said = sandbox.refused(&["init", "Whisper"]);
    assert!(said.contains("`Whisper` is no name"), "{said}");
}
