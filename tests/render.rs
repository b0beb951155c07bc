//! `render`: one stack and several, conflicts with existing files, settings that the gate refuses, and the
//! admission.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;

use common::tool::{Sandbox, generate, objects};
use serde_json::{Value, json};
use vram_gate::settings::TABLE;

#[test]
fn naming_a_stack_leaves_the_others_folders_alone() {
    let sandbox = Sandbox::two_stacks();
    let before = sandbox.read("rendered/tts/.provenance");
    sandbox.ok(&["render", "whisper"]);
    assert!(sandbox.path("rendered/whisper/deployment-transcriber.yaml").exists());
    assert_eq!(sandbox.read("rendered/tts/.provenance"), before);
    let policy = sandbox.read("rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml");
    assert!(!policy.contains("- speech"), "a shared folder is rendered from all stacks");
}

#[test]
fn two_stacks_that_edit_one_policy_give_one_file_with_both_namespaces() {
    let sandbox = Sandbox::two_stacks();
    sandbox.ok(&["render"]);
    let written = sandbox.read("rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml");
    assert!(written.contains("- tts\n") && written.contains("- speech\n"), "{written}");
    // Whichever stack is named, the shared folder is rendered from all.
    for stack in ["tts", "whisper"] {
        let out = sandbox.ok(&["generate", stack, "--app", "kyverno"]).stdout;
        assert_eq!(out, format!("---\n{written}"));
    }
}

#[test]
fn two_stacks_that_render_one_object_are_both_named() {
    let sandbox = Sandbox::two_stacks();
    sandbox.replace("values/whisper.yaml", "namespace: {name: speech", "namespace: {name: tts");
    let errors = sandbox.refused(&["render"]);
    let both = "`values/tts.yaml` and `values/whisper.yaml` both render `Namespace tts`";
    assert!(errors.contains(both), "{errors}");
    assert!(errors.contains("give `values/whisper.yaml` its own `namespace.name`\n"), "{errors}");
}

/// The errors of a command, a line each.
fn first_lines(errors: &str) -> Vec<&str> {
    errors.lines().filter(|line| line.starts_with("error")).collect()
}

#[test]
fn a_copied_stack_is_one_error_with_the_values_to_change() {
    let sandbox = Sandbox::repository();
    let text = sandbox.read("values/tts.yaml");
    let copy = text.replace("\nname: tts\n", "\nname: tts2\n");
    sandbox.write("values/tts2.yaml", &copy);
    let errors = sandbox.refused(&["render"]);
    let lines = first_lines(&errors);
    let same = "error: `values/tts.yaml` and `values/tts2.yaml` render the same 12 objects: `";
    assert!(lines.len() == 1 && lines[0].starts_with(same), "{errors}");
    let fix = "give `values/tts2.yaml` its own `namespace.name` and `storage.name`\n";
    assert!(errors.contains(fix), "{errors}");
    // The fix is enough.
    let fixed = copy
        .replace("\n  name: tts\n", "\n  name: tts2\n")
        .replace("name: chatterbox-models", "name: tts2-models");
    sandbox.write("values/tts2.yaml", &fixed);
    sandbox.ok(&["render"]);
    // A further copy is a further error.
    sandbox.write("values/tts3.yaml", copy.replace("\nname: tts2\n", "\nname: tts3\n"));
    let errors = sandbox.refused(&["render"]);
    assert_eq!(first_lines(&errors).len(), 1, "{errors}");
}

#[test]
fn an_error_that_all_stacks_share_is_reported_once() {
    let sandbox = Sandbox::two_stacks();
    sandbox.write("overlay.yaml", "gate: {flor: 6Gi}\n");
    for args in [&["-f", "overlay.yaml"][..], &["--set", "gate.flor=6Gi"]] {
        let errors = sandbox.refused(&[&["render", "--check"], args].concat());
        assert_eq!(first_lines(&errors).len(), 1, "{args:?}: {errors}");
    }
}

#[test]
fn a_check_says_what_to_do_about_each_kind_of_difference() {
    let sandbox = Sandbox::demo();
    sandbox.ok(&["render"]);
    assert_eq!(sandbox.ok(&["render", "--check"]).stderr, "");
    let file = "rendered/demo/namespace-demo.yaml";
    let text = sandbox.read(file);
    for (file, text, advice) in [
        (file, format!("{text}# mine\n"), "`tts-render render --force` overwrites it"),
        ("rendered/demo/own.yaml", "a: 1\n".to_owned(), "delete it, or move it out of the folder"),
        (
            "templates/role.yaml.j2",
            "# nothing\n".to_owned(),
            "run `tts-render render`, and commit the result",
        ),
    ] {
        sandbox.write(file, text);
        let output = sandbox.run(&["render", "--check"]);
        assert_eq!(output.code, 1, "{}", output.stderr);
        assert!(output.stderr.contains(advice), "{advice}: {}", output.stderr);
    }
    assert_eq!(sandbox.run(&["render", "--check", "-q"]).stderr, "");
}

#[test]
fn one_object_from_two_templates_is_refused() {
    let sandbox = Sandbox::demo();
    let text = std::fs::read_to_string("templates/role.yaml.j2").expect("a template");
    sandbox.write("templates/role-again.yaml.j2", &text);
    let errors = sandbox.refused(&["render"]);
    assert!(
        errors.contains("`values/demo.yaml` renders `Role demo/demo-offpeak` twice"),
        "{errors}"
    );
    let templates = "by `templates/role-again.yaml.j2` and `templates/role.yaml.j2`; ";
    assert!(errors.contains(templates), "{errors}");
}

#[test]
fn a_stack_without_an_object_is_refused_even_with_policies() {
    let sandbox = Sandbox::repository();
    for template in std::fs::read_dir(sandbox.path("templates")).expect("templates") {
        std::fs::write(template.expect("an entry").path(), "# nothing\n").expect("written");
    }
    for command in ["render", "generate"] {
        let errors = sandbox.refused(&[command]);
        assert!(
            errors.contains("no template produced an object for `values/tts.yaml`"),
            "{errors}"
        );
    }
}

#[test]
fn errors_of_all_stacks_are_reported_in_one_run() {
    let sandbox = Sandbox::two_stacks();
    sandbox.replace("values/whisper.yaml", "floor: 3Gi", "flor: 3Gi");
    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 60Gi");
    let errors = sandbox.refused(&["render"]);
    assert!(
        errors.contains("values/tts.yaml:") && errors.contains("values/whisper.yaml:"),
        "{errors}"
    );
}

#[test]
fn check_lists_differences_and_writes_nothing() {
    let sandbox = Sandbox::repository();
    assert_eq!(sandbox.ok(&["render", "--check"]).stdout, "");
    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 7Gi");
    sandbox.write("rendered/tts/foreign.yaml", "a: 1\n");
    let before = sandbox.read("rendered/tts/cronjob-chatterbox-window-up.yaml");
    let checked = sandbox.run(&["render", "--check"]);
    assert_eq!(checked.code, 1, "{}", checked.stderr);
    for line in ["tts/cronjob-chatterbox-window-up.yaml: stale", "tts/foreign.yaml: foreign"] {
        assert!(checked.stdout.contains(line), "{}", checked.stdout);
    }
    assert_eq!(sandbox.read("rendered/tts/cronjob-chatterbox-window-up.yaml"), before);
}

#[test]
fn the_last_line_counts_the_files() {
    let sandbox = Sandbox::repository();
    assert_eq!(sandbox.ok(&["render"]).stderr, "14 unchanged\n");
    let first = sandbox.ok(&["render", "--out", "elsewhere"]);
    assert_eq!((first.stdout.as_str(), first.stderr.as_str()), ("", "14 created\n"));
    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 7Gi");
    assert_eq!(sandbox.ok(&["render"]).stderr, "3 updated, 11 unchanged\n");
    assert_eq!(sandbox.ok(&["render", "--quiet"]).stderr, "");
}

#[test]
fn conflicts_are_reported_with_their_remedy_and_nothing_is_written() {
    let sandbox = Sandbox::repository();
    let edited = "rendered/tts/service-chatterbox-tts.yaml";
    sandbox.replace(edited, "port: ", "port:  ");
    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 7Gi");
    let errors = sandbox.refused(&["render"]);
    assert!(errors.contains("was edited since it was rendered"), "{errors}");
    assert!(errors.contains("or drop it with `--force`"), "{errors}");
    assert_eq!(sandbox.run(&["render", "--check"]).code, 1);
    sandbox.ok(&["render", "--force"]);
    assert_eq!(sandbox.run(&["render", "--check"]).code, 0);
}

#[test]
fn an_edited_file_that_is_no_longer_rendered_stays_and_is_reported() {
    let sandbox = Sandbox::repository();
    sandbox.replace("rendered/tts/service-chatterbox-tts.yaml", "port: ", "port:  ");
    let rendered = sandbox.ok(&["render", "--set", "service=null", "--out", "rendered"]);
    let message =
        "`tts/service-chatterbox-tts.yaml` is no longer rendered; kept, since it was edited";
    assert!(rendered.stderr.contains(message), "{}", rendered.stderr);
    assert!(sandbox.path("rendered/tts/service-chatterbox-tts.yaml").exists());
}

/// Objects in `values/` or `templates/` could be taken for inputs.
#[test]
fn nothing_is_written_among_the_inputs() {
    let sandbox = Sandbox::repository();
    for (command, out, folder) in [
        (&["render"][..], "values", "values"),
        (&["render", "--dry-run"], "./templates/tts", "templates"),
        (&["gitops", "flux"], "elsewhere/../policies", "policies"),
        (&["image", "build", "--binary", "missing"], "values/image", "values"),
    ] {
        assert_eq!(
            sandbox.refused(&[command, &["--out", out]].concat()),
            format!(
                "error: `{out}` is in `{folder}/`, which rendering reads: choose another folder to write to\n"
            )
        );
        assert!(!sandbox.path(folder).join("tts").exists());
    }
}

#[test]
fn usage_errors_end_with_2() {
    let sandbox = Sandbox::repository();
    for args in [&["render", "--check", "--force"][..], &["render", "--chek"], &["rendr"]] {
        assert!(!sandbox.refused(args).is_empty());
    }
    let errors = sandbox.refused(&["render", "-f", "missing.yaml"]);
    assert!(errors.contains("can't read `missing.yaml`"), "{errors}");
    let errors = Sandbox::empty().refused(&["render"]);
    assert!(errors.contains("`tts-render init NAME` writes a first one"), "{errors}");
}

/// An assignment that the gate would refuse, the reported setting and the value that is blamed.
const REFUSED_BY_THE_GATE: [(&str, &str, &str); 4] = [
    ("gate.metric=gpu-memory", "METRIC", "gate.metric"),
    ("gate.metricsUrl=http://x/metrics#gpu", "METRICS_URL", "gate.metricsUrl"),
    ("offPeak.activeDeadlineSeconds=20", "SAMPLE_INTERVAL", "offPeak.activeDeadlineSeconds"),
    ("gate.floor=17Gi", "FLOOR", "gate.floor"),
];

#[test]
fn a_setting_that_the_gate_refuses_is_reported_at_its_value() {
    let sandbox = Sandbox::repository();
    for (set, setting, path) in REFUSED_BY_THE_GATE {
        let errors = sandbox.refused(&["render", "--set", set]);
        let message = format!("`vram-gate` would refuse `{setting}` at every run: ");
        assert_eq!(errors.matches(&message).count(), 1, "{set}: {errors}");
        let place = format!("--set:1:{}", path.len() + 2);
        assert!(errors.contains(&place) && errors.contains(path), "{set}: {errors}");
    }
    for command in ["lint", "generate", "diff"] {
        let errors = sandbox.refused(&[command, "--set", "gate.metric=gpu-memory"]);
        assert!(errors.contains("`vram-gate` would refuse `METRIC`"), "{command}: {errors}");
    }
    let errors = sandbox.refused(&["render", "--set", "gate.metricsUrl=http://a..svc/metrics"]);
    assert!(errors.contains("expected a host name or IP address"), "{errors}");
}

#[test]
fn a_refused_setting_is_reported_at_the_line_of_the_values_file() {
    let sandbox = Sandbox::repository();
    sandbox.replace("values/tts.yaml", "exporter: gpu-pod-exporter", "metric: gpu-memory");
    let text = sandbox.read("values/tts.yaml");
    let line = 1 + text.lines().position(|line| line.contains("metric: gpu-memory")).expect("set");
    let errors = sandbox.refused(&["render"]);
    assert!(errors.contains(&format!("values/tts.yaml:{line}:11")), "{errors}");
}

/// One refused text for each kind of setting, as a template may write it.
#[test]
fn a_refused_setting_of_a_template_is_reported_at_its_line() {
    for (from, to, setting) in [
        ("{{ gate.floor }}", "6gb", "FLOOR"),
        ("{{ gate.sampleIntervalSeconds ~ 's' }}", "20 seconds", "SAMPLE_INTERVAL"),
        ("{{ gate.samples | string }}", "\"11\"", "SAMPLES"),
        ("{{ gate.count }}", "others", "COUNT"),
        ("{{ gate.metric }}", "gpu-memory", "METRIC"),
    ] {
        let sandbox = Sandbox::repository();
        let template = "templates/cronjob.yaml.j2";
        sandbox.replace(template, &format!("value: {from}"), &format!("value: {to}"));
        let text = sandbox.read(template);
        let line = 1 + text.lines().position(|line| line.contains(to)).expect("replaced");
        let errors = sandbox.refused(&["render"]);
        assert!(errors.contains(&format!("would refuse `{setting}`")), "{setting}: {errors}");
        assert!(errors.contains(&format!("{template}:{line}:")), "{setting}: {errors}");
    }
}

#[test]
fn settings_that_the_cluster_decides_are_not_refused() {
    let reference = "value: $(OTHER)\n";
    let secret = "valueFrom: {secretKeyRef: {name: a, key: b}}\n";
    for written in [reference, secret] {
        let sandbox = Sandbox::repository();
        let value = "value: {{ gate.metricsUrl }}\n";
        sandbox.replace("templates/cronjob.yaml.j2", value, written);
        sandbox.ok(&["render", "--out", "elsewhere"]);
    }
    // A script that reads the same variables is not the gate.
    let sandbox = Sandbox::repository();
    let (gate, script) =
        ("- /vram-gate\n                - {{ action }}", "- /bin/sh\n                - -c");
    sandbox.replace("templates/cronjob.yaml.j2", gate, script);
    sandbox.ok(&["render", "--out", "elsewhere", "--set", "gate.metric=gpu-memory"]);
}

/// The admission's container, and its Deployment, rendered with these settings.
fn admission(settings: &[&str]) -> (Value, Value) {
    let settings = ["server.admission=true"].into_iter().chain(settings.iter().copied());
    let settings: Vec<&str> = settings.flat_map(|setting| ["--set", setting]).collect();
    let objects = objects(&generate(&[&["--app", "tts"], &settings[..]].concat()));
    let mut objects = objects.into_iter();
    let deployment = objects.find(|object| object["kind"] == "Deployment").unwrap();
    let containers = deployment["spec"]["template"]["spec"]["initContainers"].as_array().unwrap();
    let container = containers.last().unwrap().clone();
    assert_eq!(container["command"], json!(["/vram-gate", "admit"]));
    (container, deployment)
}

/// The variables of a container.
fn variables(container: &Value) -> BTreeMap<String, String> {
    let text = |variable: &Value, key: &str| variable[key].as_str().unwrap().to_owned();
    let variables = container["env"].as_array().unwrap().iter();
    variables.map(|variable| (text(variable, "name"), text(variable, "value"))).collect()
}

/// A setting of the gate that a CronJob has and the admission lacks would make the two judge the same GPU
/// by different rules.
#[test]
fn the_admission_has_every_setting_of_up() {
    let (admission, _) = admission(&[]);
    let objects = objects(&generate(&["--app", "tts"]));
    let jobs = objects.iter().filter(|object| object["kind"] == "CronJob");
    let mut containers =
        jobs.map(|job| &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]);
    let up = containers.find(|container| container["command"][1] == "up").unwrap();
    let mut expected = variables(up);
    for row in TABLE.iter().filter(|row| row.summary.starts_with("guard: ")) {
        // In the Pod template, it would restart a running server.
        expected.remove(row.env);
    }
    expected.insert("ACTION".to_owned(), "admit".to_owned());
    expected.insert("DEADLINE".to_owned(), "1200s".to_owned());
    assert_eq!(variables(&admission), expected);
    for field in ["image", "imagePullPolicy", "resources"] {
        assert_eq!(admission[field], up[field], "{field}");
    }
}

#[test]
fn an_admission_needs_no_token_and_may_wait() {
    let own = "server.initContainers=[{name: voices, image: \"busybox:1.36\"}]";
    let secrets = "gate.imagePullSecrets=[registry-credentials, gate-credentials]";
    let (container, deployment) = admission(&[own, secrets]);
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"][0]["name"], "voices", "the admission is last");
    assert_eq!(
        pod["imagePullSecrets"],
        json!([{"name": "registry-credentials"}, {"name": "gate-credentials"}])
    );
    assert!(container["volumeMounts"].is_null() && pod["serviceAccountName"].is_null());
    assert_eq!(container["securityContext"]["runAsNonRoot"], true);
    let deadline = variables(&container)["DEADLINE"].trim_end_matches('s').parse::<u64>().unwrap();
    assert!(deployment["spec"]["progressDeadlineSeconds"].as_u64().unwrap() > deadline);
    // The longest pauses that the values allow.
    admission(&[
        "gate.samples=10",
        "gate.sampleIntervalSeconds=100",
        "offPeak.activeDeadlineSeconds=1500",
    ]);
}

#[test]
fn the_admissions_settings_are_checked_by_the_gates_rules() {
    let sandbox = Sandbox::repository();
    let template = "templates/deployment.yaml.j2";
    sandbox.replace(template, "value: {{ gate.floor }}", "value: 6gb");
    sandbox.ok(&["render", "--out", "elsewhere"]);
    let errors = sandbox.refused(&["render", "--set", "server.admission=true"]);
    assert!(errors.contains("would refuse `FLOOR`"), "{errors}");
    assert!(errors.contains(&format!("{template}:")), "{errors}");
    let https = "gate.metricsUrl=https://exporter/metrics";
    let errors = sandbox.refused(&["render", "--set", "server.admission=true", "--set", https]);
    assert!(errors.contains("`server.admission` needs an http URL to read"), "{errors}");
}

#[test]
fn a_trial_needs_a_folder_or_a_dry_run() {
    let sandbox = Sandbox::demo();
    sandbox.ok(&["render"]);
    sandbox.write("overlay.yaml", "gate: {floor: 5Gi}\n");
    let before = sandbox.read("rendered/demo/.provenance");
    sandbox.write("own/extra.yaml.j2", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    for trial in [["--set", "gate.floor=5Gi"], ["-f", "overlay.yaml"], ["--templates", "own"]] {
        let errors = sandbox.refused(&[&["render"][..], &trial].concat());
        for part in [&format!("`{}`", trial[0]), "`--out DIR`", "`--dry-run`"] {
            assert!(errors.contains(part), "{part}: {errors}");
        }
        assert_eq!(sandbox.read("rendered/demo/.provenance"), before);
        sandbox.ok(&[&["render", "--out", "elsewhere"][..], &trial].concat());
        sandbox.ok(&[&["render", "--dry-run"][..], &trial].concat());
        assert_eq!(sandbox.run(&[&["render", "--check"][..], &trial].concat()).code, 1);
    }
    assert_ne!(sandbox.read("elsewhere/demo/.provenance"), before);
}

#[test]
fn a_dry_run_lists_every_file_that_changes_and_writes_nothing() {
    let sandbox = Sandbox::demo();
    let first = sandbox.ok(&["render", "--dry-run"]);
    assert!(!sandbox.path("rendered").exists());
    assert!(first.stdout.contains("demo/.provenance: created\n"), "{}", first.stdout);
    assert!(first.stderr.starts_with("nothing written; "), "{}", first.stderr);
    let written = sandbox.ok(&["render", "--verbose"]);
    assert_eq!(written.stdout, "");
    assert!(written.stderr.starts_with(&first.stdout), "{}", written.stderr);

    let floor = ["--set", "gate.floor=5Gi", "--set", "service=null"];
    let listed = sandbox.ok(&[&["render", "--dry-run"][..], &floor].concat()).stdout;
    let before = files(&sandbox);
    sandbox.ok(&[&["render", "--out", "rendered"][..], &floor].concat());
    let after = files(&sandbox);
    let mut changed: Vec<String> = Vec::new();
    for (path, text) in &before {
        match after.get(path) {
            None => changed.push(format!("{path}: pruned\n")),
            Some(new) if new != text => changed.push(format!("{path}: updated\n")),
            Some(_) => {}
        }
    }
    assert!(changed.len() > 3 && before.len() == after.len() + 1, "{changed:?}");
    assert_eq!(listed, changed.concat());
    let json = sandbox.ok(&["render", "--dry-run", "-o", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["dryRun"], true);
    assert_eq!(json["changes"].as_array().expect("a list").len(), changed.len());
    assert_eq!(sandbox.ok(&["render", "--dry-run", "--quiet"]).stdout, "");
}

/// The files of `rendered/`, by their path below it.
fn files(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![sandbox.path("rendered")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(sandbox.path("rendered")).expect("below").display();
            found.insert(name.to_string(), std::fs::read_to_string(&path).expect("text"));
        }
    }
    found
}

#[test]
fn a_dry_run_reports_the_conflicts_that_writing_would() {
    let sandbox = Sandbox::demo();
    sandbox.write("rendered/demo/namespace-demo.yaml", "mine\n");
    let errors = sandbox.refused(&["render", "--dry-run"]);
    assert_eq!(errors, sandbox.refused(&["render"]));
    let listed = sandbox.ok(&["render", "--dry-run", "--force"]).stdout;
    assert!(listed.contains("demo/namespace-demo.yaml: updated\n"), "{listed}");
    assert_eq!(sandbox.read("rendered/demo/namespace-demo.yaml"), "mine\n");
}

#[test]
fn differences_are_also_json() {
    let sandbox = Sandbox::demo();
    sandbox.ok(&["render"]);
    sandbox.write("rendered/demo/other.yaml", "mine\n");
    let checked = sandbox.run(&["render", "--check", "--output", "json"]);
    assert_eq!(checked.code, 1);
    let report: Value = serde_json::from_str(&checked.stdout).expect("JSON");
    let expected =
        json!({"version": 1, "differences": [{"path": "demo/other.yaml", "kind": "foreign"}]});
    assert_eq!(report, expected);
    let quiet = sandbox.run(&["--quiet", "render", "--check"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (1, "", ""));
}

#[test]
fn a_folder_is_not_a_format() {
    let errors = Sandbox::demo().refused(&["render", "--output", "/tmp/try"]);
    assert!(errors.contains("'/tmp/try'") && errors.contains("use '--out'"), "{errors}");
}
