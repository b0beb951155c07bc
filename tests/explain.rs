//! `explain`: from a field to its values, and from a value to its fields.

#![cfg(test)]

mod common;

use std::collections::BTreeSet;

use common::tool::{Sandbox, repository, run_in};
use tts_render::budget::Trials;
use tts_render::explain::{IDLE_VALUES, Influence, idle_reason};
use tts_render::project::Project;
use tts_render::project::load::{LoadedStack, Request};
use tts_render::values::Assignment;

#[test]
fn a_field_leads_to_its_template_line_and_its_values() {
    let sandbox = Sandbox::repository();
    let path = "spec.template.spec.containers[0].image";
    let out = sandbox.ok(&["explain", "deployment/chatterbox-tts", path]).stdout;
    let template = sandbox.read("templates/deployment.yaml.j2");
    let line = template
        .lines()
        .position(|line| line.contains("image: {{ server.image"))
        .expect("the line")
        + 1;
    assert!(out.contains(&format!("template  templates/deployment.yaml.j2:{line}:")), "{out}");
    let values = sandbox.read("values/tts.yaml");
    let line = values.lines().position(|line| line.trim() == "tag: latest").expect("the line") + 1;
    assert!(
        out.contains(&format!("server.image.tag = latest, values/tts.yaml:{line}:10")),
        "{out}"
    );
    assert!(out.contains("server.image.repository = "), "{out}");
    assert!(out.contains("server.image.digest, not set in values/tts.yaml"), "{out}");
    // Another target takes the Deployment away.
    for value in ["target.apiVersion", "target.kind", "target.name"] {
        let line = out.lines().find(|line| line.contains(value)).expect(value);
        assert!(line.ends_with(" (decides whether the field exists)"), "{line}");
    }
    assert_eq!(out.lines().count(), 8, "{out}");
    // Every name of the object gives the same answer.
    for name in [
        "Deployment tts/chatterbox-tts",
        "deploy/tts/chatterbox-tts",
        "deployments.apps/chatterbox-tts",
    ] {
        assert_eq!(sandbox.ok(&["explain", name, path]).stdout, out, "{name}");
    }
}

/// With much work left, all cores try the values, each with a part of it; with little, one does.
#[test]
fn the_answer_does_not_depend_on_the_number_of_cores() {
    let mut stacks =
        LoadedStack::load_all(&Project::new(repository()), &Request::default()).unwrap();
    let mut influences = |stacks_that_share| {
        stacks[0].trials = Trials::share_of(stacks_that_share);
        let found = stacks[0].subject().influences();
        assert!(!stacks[0].trials.are_spent());
        found
    };
    let (by_all, by_one) = (influences(1), influences(4));
    assert!(by_all.len() > 100, "{}", by_all.len());
    assert_eq!(by_all, by_one);
}

#[test]
fn a_reviewer_may_point_at_a_line() {
    let sandbox = Sandbox::repository();
    let object = ["explain", "deployment/chatterbox-tts"];
    let replicas = sandbox.ok(&[&object[..], &["spec.replicas"]].concat()).stdout;
    for words in [
        &["Deployment", "tts/chatterbox-tts", "spec.replicas"][..],
        &["deployment", "chatterbox-tts", ".spec.replicas"],
        &["deployment", ".spec.replicas"],
        &["deploy/chatterbox-tts", "{.spec.replicas}"],
    ] {
        assert_eq!(sandbox.ok(&[&["explain"], words].concat()).stdout, replicas, "{words:?}");
    }
    // A line of a rendered file is the field on it.
    let file = "rendered/tts/cronjob-chatterbox-vram-guard.yaml";
    let rendered = sandbox.read(file);
    let line = rendered.lines().position(|line| line.contains("value: 6Gi")).expect("FLOOR") + 1;
    let out = sandbox.ok(&["explain", &format!("{file}:{line}")]).stdout;
    assert!(out.contains("env[4].value = 6Gi\n"), "{out}");
    assert!(out.contains("value     gate.floor = 6Gi, values/tts.yaml:"), "{out}");
    assert!(!out.contains("note"), "{out}");
    // With the column that a message has; without a line it is the object.
    assert_eq!(sandbox.ok(&["explain", &format!("{file}:{line}:7")]).stdout, out);
    let whole = sandbox.ok(&["explain", file]).stdout;
    assert!(whole.starts_with("CronJob tts/chatterbox-vram-guard, the whole object\n"), "{whole}");
    assert_eq!(whole, sandbox.ok(&["explain", "cronjob/chatterbox-vram-guard"]).stdout);
    // From the project's folder, or from another.
    let root = sandbox.path("");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let output = run_in(
        elsewhere.path(),
        &["explain", &format!("{file}:{line}"), "-C", root.to_str().expect("UTF-8")],
    );
    assert!(output.stdout.contains("gate.floor = 6Gi"), "{}{}", output.stdout, output.stderr);
    // A file that is not what the values render.
    sandbox.write(file, rendered.replace("value: 6Gi", "value: 5Gi"));
    let stale = sandbox.ok(&["explain", &format!("{file}:{line}")]).stdout;
    assert!(
        stale.ends_with(&format!(
            "  note      {file} has another value: the values changed since it was rendered\n"
        )),
        "{stale}"
    );
    // A line of a values file is the value on it; a line of a policy, the owner's field.
    let values = sandbox.read("values/tts.yaml");
    let line = values.lines().position(|line| line == "  floor: 6Gi").expect("the floor") + 1;
    let out = sandbox.ok(&["explain", &format!("values/tts.yaml:{line}")]).stdout;
    assert_eq!(out, sandbox.ok(&["explain", "--value", "gate.floor"]).stdout);
    assert_eq!(out, sandbox.ok(&["explain", "--value", ".gate.floor"]).stdout);
    // A comment is about the value below it.
    let comment = sandbox.ok(&["explain", &format!("values/tts.yaml:{}", line - 1)]).stdout;
    assert_eq!(comment, out);
    // A line of a template is each field that it writes.
    let template = "templates/cronjob.yaml.j2";
    let line = sandbox.read(template).lines().position(|line| line.contains("{{ gate.floor }}"));
    let line = line.expect("it") + 1;
    let out = sandbox.ok(&["explain", &format!("./{template}:{line}")]).stdout;
    assert_eq!(out.matches("env[4].value = 6Gi\n").count(), 3, "{out}");
    assert!(out.starts_with("CronJob tts/chatterbox-window-up\nspec."), "{out}");
    assert_eq!(out.matches("gate.floor = 6Gi, values/tts.yaml:").count(), 3, "{out}");
    let policy = "policies/inject-gpu-workload-priority.yaml";
    let line = sandbox.read(policy).lines().position(|line| line.trim() == "- kube-system");
    let out = sandbox.ok(&["explain", &format!("{policy}:{}", line.expect("it") + 1)]).stdout;
    assert!(out.contains("exclude.any[0].resources.namespaces[0] = kube-system\n"), "{out}");
}

#[test]
fn a_line_that_leads_nowhere_is_refused_with_the_reason() {
    let sandbox = Sandbox::repository();
    sandbox.write("two.yaml", "a: 1\n---\nb: 2\n");
    for (words, expected) in [
        (&["deployment/chatterbox-tts", "spec", "more"][..], "unexpected argument `more`"),
        (&["cronjob"], "`cronjob` is ambiguous: it may be `CronJob tts/chatterbox-"),
        (&["zzzzzz"], "rendered objects: `"),
        (&["Deployment", "tts/chaterbox-tts"], "did you mean `Deployment tts/chatterbox-tts`?"),
        (&["rendered/tts/deployment-x.yaml:7"], "can't read `"),
        (
            &["rendered/tts/deployment-chatterbox-tts.yaml:9999"],
            "line 9999 is after its last object",
        ),
        (&["templates/cronjob.yaml.j2:1"], "no field of an object comes from line 1"),
        (&["templates/cronjob.yaml.j2"], "`templates/cronjob.yaml.j2`: add a line, `FILE:LINE`"),
        (&["values/tts.yaml:9999"], "`values/tts.yaml`: there is no value from line 9999 on"),
        (&["two.yaml"], "`two.yaml`: it has 2 objects: add a line, `FILE:LINE`"),
        (&["two.yaml:3"], "`two.yaml`: it has no object"),
    ] {
        let message = sandbox.refused(&[&["explain"], words].concat());
        assert!(message.contains(expected), "{words:?}: {message}");
    }
    // An object that is in a file and that no stack renders.
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: tts}\n";
    sandbox.write("other.yaml", manifest);
    let message = sandbox.refused(&["explain", "other.yaml:3"]);
    assert!(message.contains("no stack renders `Service tts/other`"), "{message}");
}

#[test]
fn the_layer_that_set_a_value_is_named_or_the_default() {
    let sandbox = Sandbox::repository();
    let path = "spec.template.metadata.annotations[\"checksum/config\"]";
    let args = ["explain", "deployment/chatterbox-tts", path, "-f", "overlays/english.yaml"];
    let out = sandbox.ok(&args).stdout;
    assert!(out.contains("server.config.data.model.repo_id = "), "{out}");
    assert!(out.contains(", overlays/english.yaml:6:18"), "{out}");
    let job = ["explain", "cronjob/chatterbox-window-up", "spec.startingDeadlineSeconds"];
    let out = sandbox.ok(&job).stdout;
    let default =
        "value     offPeak.startingDeadlineSeconds = 120, the default, not set in values/tts.yaml";
    assert!(out.contains(default), "{out}");
    let set = ["--set", "offPeak.startingDeadlineSeconds=60"];
    let out = sandbox.ok(&[&job[..], &set].concat()).stdout;
    assert!(out.contains("spec.startingDeadlineSeconds = 60\n"), "{out}");
    assert!(out.contains("offPeak.startingDeadlineSeconds = 60, --set:1:"), "{out}");
}

#[test]
fn a_setting_of_a_preset_is_explained_by_the_exporter() {
    let sandbox = Sandbox::repository();
    let rendered = sandbox.read("rendered/tts/cronjob-chatterbox-window-up.yaml");
    let names = rendered.lines().filter_map(|line| line.trim().strip_prefix("- name: "));
    let env: Vec<&str> = names.skip_while(|name| *name != "ACTION").collect();
    let index = env.iter().position(|name| *name == "METRIC").expect("METRIC");
    let path = format!("spec.jobTemplate.spec.template.spec.containers[0].env[{index}].value");
    let job = ["explain", "cronjob/chatterbox-window-up", &path];
    let out = sandbox.ok(&job).stdout;
    assert!(out.contains("value     gate.exporter = gpu-pod-exporter, values/tts.yaml:"), "{out}");
    let preset = "gate.metric = gpu_pod_memory_used_bytes, decided by gate.exporter, not set in values/tts.yaml";
    assert!(out.contains(preset), "{out}");
    // A written metric hides the exporter's.
    let out = sandbox.ok(&[&job[..], &["--set", "gate.metric=gpu_bytes"]].concat()).stdout;
    assert!(out.contains("gate.metric = gpu_bytes, --set:1:"), "{out}");
    assert!(!out.contains("value     gate.exporter = "), "{out}");
    // No exporter decides who is counted.
    let out = sandbox.ok(&["explain", "--value", "gate.count"]).stdout;
    assert!(out.starts_with("gate.count = residents, the default, not set in "), "{out}");
}

#[test]
fn the_guards_formula_is_shown_where_nothing_attributes_memory() {
    let sandbox = Sandbox::repository();
    let dcgm = ["--set", "gate.exporter=dcgm", "--set", "gate.budget=5Gi"];
    let formula = "the guard yields when less than 1Gi is free, the larger of gate.reserve (512Mi) and gate.floor - gate.budget (6Gi - 5Gi)";
    for value in ["gate.floor", "gate.budget", "gate.reserve", "gate.exporter"] {
        let args = ["explain", "--value", value];
        let out = sandbox.ok(&[&args[..], &dcgm].concat()).stdout;
        assert_eq!(out.matches(formula).count(), 1, "{value}: {out}");
        let out = sandbox.ok(&[&args[..], &dcgm, &["-o", "json"]].concat()).stdout;
        assert_eq!(out.matches(formula).count(), 1, "{value}: {out}");
        let out = sandbox.ok(&args).stdout;
        assert!(!out.contains("the guard yields"), "{value}: {out}");
    }
    let path = "spec.jobTemplate.spec.template.spec.containers[0].env[4].value";
    let field = ["explain", "cronjob/chatterbox-vram-guard", path];
    let out = sandbox.ok(&[&field[..], &dcgm].concat()).stdout;
    assert_eq!(out.matches(formula).count(), 1, "{out}");
    let out = sandbox.ok(&[&field[..], &dcgm, &["-o", "json"]].concat()).stdout;
    assert_eq!(out.matches(formula).count(), 1, "{out}");
}

/// The answer says what was tried, not that no value changes the field.
#[test]
fn a_condition_that_only_a_distant_value_meets_is_not_seen() {
    let sandbox = Sandbox::repository();
    let line = "  sessionAffinity: {{ 'ClientIP' if server.port > 9000 else 'None' }}\n";
    sandbox.replace("templates/service.yaml.j2", "spec:\n", &format!("spec:\n{line}"));
    let field = ["explain", "service/chatterbox-tts", "spec.sessionAffinity"];
    let out = sandbox.ok(&field).stdout;
    assert!(out.contains("none found: another value of each in values/tts.yaml"), "{out}");
    let out = sandbox.ok(&[&field[..], &["--set", "server.port=9000"]].concat()).stdout;
    assert!(out.contains("value     server.port = 9000"), "{out}");
}

#[test]
fn a_field_fixed_in_the_template_has_no_value() {
    let out = Sandbox::repository()
        .ok(&["explain", "role/chatterbox-offpeak", "rules[0].verbs[0]"])
        .stdout;
    assert!(
        out.contains(
            "value     none found: another value of each in values/tts.yaml gives the same"
        ),
        "{out}"
    );
}

#[test]
fn a_value_leads_to_every_field_that_it_decides() {
    let sandbox = Sandbox::repository();
    let out = sandbox.ok(&["explain", "--value", "gate.floor"]).stdout;
    assert!(out.starts_with("gate.floor = 6Gi, values/tts.yaml:"), "{out}");
    let jobs = ["window-up", "vram-guard", "window-down"];
    let line = |job: &str| {
        format!(
            "  CronJob tts/chatterbox-{job} spec.jobTemplate.spec.template.spec.containers[0].env[4].value  (vram-gate › FLOOR)\n"
        )
    };
    assert_eq!(out.lines().count(), 4, "{out}");
    assert!(jobs.iter().all(|job| out.contains(&line(job))), "{out}");
    let out =
        sandbox.ok(&["explain", "--value", "gate.reserve", "--set", "gate.reserve=1Gi"]).stdout;
    assert!(out.starts_with("gate.reserve = 1Gi, --set:1:14"), "{out}");
    // For a map, each value in it. For a value that is not set, the fields that it would decide.
    let out = sandbox.ok(&["explain", "--value", "offPeak"]).stdout;
    for value in ["offPeak.timeZone = ", "offPeak.up = ", "offPeak.names.guard = "] {
        assert!(out.contains(&format!("\n{value}")) || out.starts_with(value), "{value}: {out}");
    }
    let out = sandbox.ok(&["explain", "--value", "server.env.NEW"]).stdout;
    assert!(
        out.starts_with("server.env.NEW, not set in values/tts.yaml\n  Deployment tts/"),
        "{out}"
    );
}

#[test]
fn policies_exceptions_and_client_settings_are_explained_too() {
    let sandbox = Sandbox::repository();
    let policy = "clusterpolicy/inject-gpu-workload-priority";
    let list = "spec.rules[0].exclude.any[0].resources.namespaces";
    let added = sandbox.ok(&["explain", policy, &format!("{list}[5]")]).stdout;
    assert!(
        added.starts_with(&format!("{list}[5] = tts\n  policy    added by the edit\n")),
        "{added}"
    );
    assert!(added.contains("  value     namespace.name = tts, values/tts.yaml:9:9\n"), "{added}");
    for value in ["kyverno.mode = edit", "kyverno.policy = ", "kyverno.rule = "] {
        let line = added.lines().find(|line| line.contains(value)).expect(value);
        assert!(line.ends_with(" (decides whether the field exists)"), "{line}");
    }
    // The owner's entries have their place in the owner's file.
    let owned = sandbox.ok(&["explain", policy, &format!("{list}[0]")]).stdout;
    let file = sandbox.read("policies/inject-gpu-workload-priority.yaml");
    let line = file.lines().position(|line| line.trim() == "- kube-system").expect("it") + 1;
    let expected = format!("policy    policies/inject-gpu-workload-priority.yaml:{line}:");
    assert!(owned.contains(&expected), "{owned}");
    assert!(!owned.contains("namespace.name"), "{owned}");

    let exception =
        ["--set", "kyverno.mode=exception", "--set", "kyverno.exceptionNamespace=kyverno"];
    let args =
        ["explain", "policyexception/tts-inject-gpu-workload-priority", "metadata.namespace"];
    let out = sandbox.ok(&[&args[..], &exception].concat()).stdout;
    assert!(out.contains("metadata.namespace = kyverno\n  template  none"), "{out}");
    assert!(out.contains("kyverno.exceptionNamespace = kyverno, --set:1:"), "{out}");

    let out = sandbox.ok(&["explain", "ConfigMap tripit/tts-client", "data.TTS_MODEL"]).stdout;
    assert!(out.contains("template  templates/client-configmap.yaml.j2:"), "{out}");
    assert!(out.contains("clients[0].env.TTS_MODEL = chatterbox, values/tts.yaml:"), "{out}");
    let out = sandbox.ok(&["explain", "--value", "namespace.name"]).stdout;
    assert!(
        out.contains(&format!("ClusterPolicy inject-gpu-workload-priority {list}[5]")),
        "{out}"
    );
}

#[test]
fn a_policy_shared_by_two_stacks_is_explained_for_both() {
    let sandbox = Sandbox::repository();
    let other = sandbox
        .read("values/tts.yaml")
        .replace("\nname: tts\n", "\nname: asr\n")
        .replace("\n  name: tts\n", "\n  name: asr\n")
        .replace("name: chatterbox-models", "name: asr-models")
        .replace("namespace: tripit", "namespace: other");
    sandbox.write("values/asr.yaml", &other);
    sandbox.ok(&["render"]);
    let rendered = sandbox.read("rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml");
    assert!(rendered.contains("- asr\n                - tts\n"), "{rendered}");
    let field = "spec.rules[0].exclude.any[0].resources.namespaces[6]";
    let out = sandbox.ok(&["explain", "clusterpolicy/inject-gpu-workload-priority", field]).stdout;
    assert!(out.contains("[6] = tts\n"), "{out}");
    assert!(out.contains("namespace.name = tts, values/tts.yaml:9:9\n"), "{out}");
    // Two Deployments of one name are both suggested, and each is found by its namespace.
    let message = sandbox.refused(&["explain", "deployment/chatterbox-tts", "spec"]);
    let both = "`deployment/chatterbox-tts` is ambiguous: it may be `Deployment asr/chatterbox-tts`, `Deployment tts/chatterbox-tts`";
    assert!(message.contains(both), "{message}");
    let out =
        sandbox.ok(&["explain", "Deployment asr/chatterbox-tts", "metadata.namespace"]).stdout;
    assert!(out.contains("namespace.name = asr, values/asr.yaml:"), "{out}");
    let one = ["explain", "deployment/chatterbox-tts", "metadata.namespace", "--stack", "tts"];
    assert!(sandbox.ok(&one).stdout.contains("values/tts.yaml:9:9"));
    // With `--stack`, the policy still contains the namespaces of both.
    let policy = ["explain", "clusterpolicy/inject-gpu-workload-priority", field];
    let out = sandbox.ok(&[&policy[..], &["--stack", "tts"]].concat()).stdout;
    assert!(out.contains("[6] = tts\n") && out.contains("values/tts.yaml:9:9\n"), "{out}");
    // Of many stacks, the one whose namespace it is comes first.
    for number in 0..5 {
        let name = format!("more-{number}");
        let copy = other.replace("name: asr\n", &format!("name: {name}\n"));
        let copy = copy
            .replace("asr-models", &name)
            .replace("namespace: other", &format!("namespace: {name}-c"));
        sandbox.write(&format!("values/{name}.yaml"), &copy);
    }
    let field = "spec.rules[0].exclude.any[0].resources.namespaces[11]";
    let out = sandbox.ok(&["explain", "clusterpolicy/inject-gpu-workload-priority", field]).stdout;
    assert!(out.contains("[11] = tts\n") && out.contains("namespace.name = tts"), "{out}");
    assert!(out.ends_with("  4 more stacks contribute: show one with `--stack NAME`\n"), "{out}");
    // A value that all of them have.
    let out = sandbox.ok(&["explain", "--value", "gate.floor"]).stdout;
    assert_eq!(out.matches("gate.floor = 6Gi, values/").count(), 7, "{out}");
}

#[test]
fn a_similar_name_is_suggested() {
    let sandbox = Sandbox::repository();
    for (args, expected) in [
        (
            &["deployment/chaterbox-tts", "spec"][..],
            "did you mean `Deployment tts/chatterbox-tts`?",
        ),
        (&["Deployment default/chatterbox-tts"], "did you mean `Deployment tts/chatterbox-tts`?"),
        (
            &["chatterbox-tts"],
            "ambiguous: it may be `Service tts/chatterbox-tts`, `Deployment tts/chatterbox-tts`",
        ),
        (&["deploy/chatterbox-tts", "spec.replica"], "did you mean `replicas`?"),
        (&["deploy/chatterbox-tts", "spec.qqqqqqqq"], "keys in `spec`: `replicas`, "),
        (&["deploy/chatterbox-tts", "spec.template.spec.containers[4]"], "is a list of 1 item"),
        (&["deploy/chatterbox-tts", "spec.replicas.x"], "`spec.replicas` is a whole number"),
        (&["--value", "gate.flor"], "did you mean `floor`?"),
        (&["--value", "gaet.floor"], "in these values it is `gate.floor`"),
        (&["--value", "clients[7].name"], "`clients` is a list of 1 item"),
        (&["deploy/chatterbox-tts", "a..b"], "invalid path `a..b`: a key is missing"),
        (&["--value", "gate.floor", "--stack", "ttts"], "did you mean `tts`?"),
    ] {
        let message = sandbox.refused(&[&["explain"], args].concat());
        assert!(message.contains(expected), "{args:?}: {message}");
    }
}

/// The leaves of a project's one stack that decide no field.
fn idle_leaves(sandbox: &Sandbox, assignments: &[&str]) -> Vec<Influence> {
    let assignments =
        assignments.iter().map(|text| Assignment::parse(text).expect("an assignment")).collect();
    let request = Request { assignments, ..Request::default() };
    let opened =
        LoadedStack::load_all(&Project::new(sandbox.path("")), &request).expect("it loads");
    let influences: Vec<Influence> = opened[0].subject().influences();
    assert!(influences.len() > 90, "{}", influences.len());
    influences.into_iter().filter(|influence| influence.fields.is_empty()).collect()
}

#[test]
fn every_leaf_of_the_values_decides_a_field_or_is_listed() {
    let sandbox = Sandbox::repository();
    let gitops = [
        "gitops.repoURL=https://example.org/a.git",
        "gitops.path=a",
        "gitops.flux.secret=s",
        "gitops.flux.serviceAccount=s",
        "gitops.flux.artifact=oci://example.org/a",
        "gitops.ci.action=a/b@0123456789012345678901234567890123456789",
    ];
    let exception = ["kyverno.mode=exception", "kyverno.exceptionNamespace=kyverno"];
    let mut needed = BTreeSet::new();
    for assignments in [&[][..], &gitops, &exception, &["kyverno.mode=none"]] {
        let idle = idle_leaves(&sandbox, assignments);
        let surprising: Vec<String> = idle
            .iter()
            .filter(|influence| idle_reason(&influence.value).is_none())
            .map(|influence| influence.value.to_string())
            .collect();
        assert!(surprising.is_empty(), "{assignments:?}: {surprising:?}");
        needed.extend(idle.iter().filter_map(|influence| idle_reason(&influence.value)));
        // A value that is idle in other modes decides a field in its own mode.
        let decides =
            |path: &str| !idle.iter().any(|influence| influence.value.to_string() == path);
        let mode = assignments.first().copied().unwrap_or_default();
        assert_eq!(decides("kyverno.rule"), mode != "kyverno.mode=none", "{assignments:?}");
        assert_eq!(decides("kyverno.exceptionNamespace"), mode == exception[0], "{assignments:?}");
    }
    let stale: Vec<_> = IDLE_VALUES.iter().filter(|(_, reason)| !needed.contains(reason)).collect();
    assert!(stale.is_empty(), "{stale:?}");
    // The command prints the reason.
    let out = sandbox.ok(&["explain", "--value", "clients[0].name"]).stdout;
    assert!(out.contains("  decides no field: it names the client's own Deployment"), "{out}");
}

#[test]
fn the_documented_output_is_current() {
    let docs = std::fs::read_to_string(repository().join("docs/diff.md")).expect("docs");
    let (_, section) = docs.split_once("\n## Which value decides a field\n").expect("the section");
    let (_, block) = section.split_once("```console\n").expect("the block");
    let (block, _) = block.split_once("```").expect("its end");
    let shown: Vec<(&str, &str)> = block
        .split("$ tts-render ")
        .skip(1)
        .map(|part| part.split_once('\n').expect("a command and what it prints"))
        .collect();
    assert_eq!(shown.len(), 2);
    for (command, printed) in shown {
        let args: Vec<&str> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
        let out = Sandbox::repository().ok(&args).stdout;
        assert_eq!(out, printed, "{command}");
    }
}

#[test]
fn a_value_of_another_part_is_suggested() {
    for (value, hint) in [
        ("floor", "in these values it is `gate.floor`"),
        ("server.suspend", "in these values it is `offPeak.suspend`"),
        ("gate.flor", "did you mean `floor`?"),
    ] {
        let output = run_in(repository(), &["explain", "--value", value]);
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert!(output.stderr.contains(hint), "{value}: {}", output.stderr);
    }
}
