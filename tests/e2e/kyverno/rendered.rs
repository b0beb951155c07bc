//! Evaluates the tenant's Pod, from the rendered Deployment's template, under the files of `rendered/kyverno/`.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::cli::{
    CHANGED, EXCLUDED, NAMESPACES, Question, answers, labels, reasons, write_question,
};
use crate::common::tool::{Sandbox, generate, objects, repository};
use crate::programs::program;

const POLICY: &str = "inject-gpu-workload-priority";
const RULE: &str = "gpu-priority-override";

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The owner's policy, and the one that is rendered from it.
fn policies() -> [String; 2] {
    [
        "policies/inject-gpu-workload-priority.yaml",
        "rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml",
    ]
    .map(read)
}

/// The Pod of the rendered Deployment, in any namespace.
fn pod(namespace: &str) -> Value {
    let deployment = objects(&read("rendered/tts/deployment-chatterbox-tts.yaml")).remove(0);
    let template = &deployment["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    metadata["name"] = json!("pod");
    metadata["namespace"] = json!(namespace);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

fn text_of(namespace: &str) -> String {
    pod(namespace).to_string()
}

/// The results for some questions, each in the order of [`NAMESPACES`].
fn evaluate<const N: usize>(questions: [(&str, Question<'_>); N]) -> [Vec<String>; N] {
    let folder = tempfile::tempdir().unwrap();
    for (name, question) in &questions {
        write_question(&folder.path().join(name), question, text_of);
    }
    let answers = answers(folder.path());
    questions.map(|(name, _)| reasons(&answers, name).into_iter().map(str::to_owned).collect())
}

/// Asserts that the change excludes the tenant, the first of [`NAMESPACES`], and no other namespace.
#[track_caller]
fn assert_only_the_tenant_is_excluded(before: &[String], after: &[String]) {
    assert_eq!(before, [CHANGED, CHANGED, CHANGED, EXCLUDED, EXCLUDED, CHANGED, CHANGED, CHANGED]);
    assert_eq!((NAMESPACES[0], after[0].as_str()), ("tts", EXCLUDED));
    assert_eq!(after[1..], before[1..]);
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_rendered_policy_lets_the_rendered_pod_keep_its_class() {
    let [before, after] = policies();
    let question = |text| Question { text, name: POLICY, rule: Some(RULE), exception: None };
    let [before, after] = evaluate([("before", question(&before)), ("after", question(&after))]);
    assert_only_the_tenant_is_excluded(&before, &after);
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_rendered_exception_does_the_same() {
    let [before, _] = policies();
    let exception = objects(&generate(&["tts", "--set", "kyverno.mode=exception"]))
        .into_iter()
        .find(|object| object["kind"] == "PolicyException")
        .unwrap();
    let question =
        |exception| Question { text: &before, name: POLICY, rule: Some(RULE), exception };
    let [without, with] =
        evaluate([("without", question(None)), ("with", question(Some(exception.to_string())))]);
    assert_only_the_tenant_is_excluded(&without, &with);
}

/// The owner has moved to a MutatingPolicy.
#[test]
#[ignore = "tests/e2e/run"]
fn a_mutating_policy_has_the_same_effect() {
    let project = Sandbox::repository();
    let owners = read("tests/fixtures/policy/mutating-cel/input.yaml");
    project.write("policies/inject-gpu-workload-priority.yaml", &owners);
    project.replace("values/tts.yaml", &format!("  rule: {RULE}\n"), "");
    project.ok(&["render"]);
    let edited = project.read("rendered/kyverno/mutatingpolicy-inject.yaml");
    let made = project.ok(&["generate", "tts", "--set", "kyverno.mode=exception"]).stdout;
    let exception =
        objects(&made).into_iter().find(|object| object["kind"] == "PolicyException").unwrap();
    let question = |text, exception| Question { text, name: "inject", rule: None, exception };
    let [before, after, excepted] = evaluate([
        ("before", question(&owners, None)),
        ("after", question(&edited, None)),
        ("excepted", question(&owners, Some(exception.to_string()))),
    ]);
    assert_only_the_tenant_is_excluded(&before, &after);
    assert_only_the_tenant_is_excluded(&before, &excepted);
}

/// The resource that results, or is generated, when the cluster's policies and this GPU policy are applied in
/// their order. The resource's namespace has a tier's label.
fn applied(gpu: &str, resource: &Value, tier: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("kubectl-kyverno"));
    command.arg("apply").current_dir(folder.path());
    let sibling = |name: &str| read(&format!("tests/fixtures/siblings/{name}.yaml"));
    for (number, text) in [
        sibling("generate-limitrange-by-tier"),
        sibling("inject-priority-by-tier"),
        gpu.to_owned(),
        sibling("inject-ndots"),
    ]
    .iter()
    .enumerate()
    {
        let file = format!("{number}.yaml");
        fs::write(folder.path().join(&file), text).unwrap();
        command.arg(file);
    }
    fs::write(folder.path().join("resource.yaml"), resource.to_string()).unwrap();
    let labelled = labels().replace("labels: {", &format!("labels: {{tier: {tier}, "));
    fs::write(folder.path().join("values.yaml"), labelled).unwrap();
    let output = command
        .args(["--resource", "resource.yaml", "--values-file", "values.yaml", "-o", "out.yaml"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let out = fs::read_to_string(folder.path().join("out.yaml"))
        .unwrap_or_else(|error| panic!("{error}: {said}"));
    // The file has the resource after each policy that changes it; the last one counts.
    objects(&out).into_iter().rfind(|object| !object.is_null()).unwrap_or_else(|| panic!("{said}"))
}

fn with_ndots(mut pod: Value) -> Value {
    pod["spec"]["dnsConfig"] = json!({"options": [{"name": "ndots", "value": "2"}]});
    pod
}

/// The Pod after the GPU policy raised its priority.
fn raised(mut pod: Value) -> Value {
    pod["spec"]["priorityClassName"] = json!("gpu-workload");
    pod["spec"]["priority"] = json!(1_200_000);
    pod["spec"]["preemptionPolicy"] = json!("PreemptLowerPriority");
    pod
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_sibling_policies_still_apply_to_the_tenant() {
    let [before, after] = policies();
    let (tenant, resident) = (pod("tts"), pod("immich"));
    // Before, the tenant's priority was raised. After, it keeps its class, and the other policies still apply.
    assert_eq!(applied(&before, &tenant, "2-gpu"), with_ndots(raised(tenant.clone())));
    assert_eq!(applied(&after, &tenant, "2-gpu"), with_ndots(tenant.clone()));
    // A resident's priority is raised as before.
    for policy in [&before, &after] {
        assert_eq!(applied(policy, &resident, "2-gpu"), with_ndots(raised(resident.clone())));
    }
    // A Pod of the tenant without a class gets its tier's class from the sibling policy.
    let mut plain = tenant.clone();
    plain["spec"].as_object_mut().unwrap().remove("priorityClassName");
    assert_eq!(applied(&after, &plain, "2-gpu"), with_ndots(tenant));
    // Its namespace gets its tier's LimitRange.
    let namespace = objects(&read("rendered/tts/namespace-tts.yaml")).remove(0);
    let limits = [&before, &after].map(|policy| applied(policy, &namespace, "2-gpu"));
    assert_eq!(
        (&limits[0]["kind"], &limits[0]["metadata"]["namespace"]),
        (&json!("LimitRange"), &json!("tts"))
    );
    assert_eq!(limits[0]["spec"]["limits"][0]["max"], json!({"memory": "16Gi"}));
    assert_eq!(limits[0], limits[1]);
}
