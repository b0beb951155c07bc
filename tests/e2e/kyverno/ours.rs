//! What this repository renders: the tenant's own Pod, as the Deployment's template makes it, under the
//! very files of `rendered/kyverno/`.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::oracle::{CHANGED, EXCLUDED, NAMESPACES, Question, answers, ask, labels, reasons};
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

/// The Pod that the rendered Deployment makes, in any namespace.
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

/// The reasons for a policy with and without what is rendered, by namespace.
fn asked<const N: usize>(questions: [(&str, Question<'_>); N]) -> [Vec<String>; N] {
    let folder = tempfile::tempdir().unwrap();
    for (name, question) in &questions {
        ask(&folder.path().join(name), question, text_of);
    }
    let answers = answers(folder.path());
    questions.map(|(name, _)| reasons(&answers, name).into_iter().map(str::to_owned).collect())
}

/// Of [`NAMESPACES`]: the tenant's first, then some that the policy does not name and some that it does.
#[track_caller]
fn only_the_tenant_is_let_go(before: &[String], after: &[String]) {
    assert_eq!(before, [CHANGED, CHANGED, CHANGED, EXCLUDED, EXCLUDED, CHANGED, CHANGED, CHANGED]);
    assert_eq!((NAMESPACES[0], after[0].as_str()), ("tts", EXCLUDED));
    assert_eq!(after[1..], before[1..]);
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_rendered_policy_lets_the_rendered_pod_keep_its_class() {
    let [before, after] = policies();
    let question = |text| Question { text, name: POLICY, rule: Some(RULE), exception: None };
    let [before, after] = asked([("before", question(&before)), ("after", question(&after))]);
    only_the_tenant_is_let_go(&before, &after);
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
        asked([("without", question(None)), ("with", question(Some(exception.to_string())))]);
    only_the_tenant_is_let_go(&without, &with);
}

/// The day that the owner has moved on to Kyverno's new kind of policy.
#[test]
#[ignore = "tests/e2e/run"]
fn a_mutating_policy_is_rendered_to_the_same_effect() {
    let project = Sandbox::repository();
    let owners = read("tests/fixtures/policy/mutating-cel/input.yaml");
    project.write("policies/inject-gpu-workload-priority.yaml", &owners);
    project.replace("values/tts.yaml", &format!("  rule: {RULE}\n"), "");
    project.ok(&["render"]);
    let edited = project.read("rendered/kyverno/mutatingpolicy-inject.yaml");
    let made = project.ok(&["generate", "tts", "--set", "kyverno.mode=exception"]).out;
    let exception =
        objects(&made).into_iter().find(|object| object["kind"] == "PolicyException").unwrap();
    let question = |text, exception| Question { text, name: "inject", rule: None, exception };
    let [before, after, excepted] = asked([
        ("before", question(&owners, None)),
        ("after", question(&edited, None)),
        ("excepted", question(&owners, Some(exception.to_string()))),
    ]);
    only_the_tenant_is_let_go(&before, &after);
    only_the_tenant_is_let_go(&before, &excepted);
}

/// What a resource becomes, or makes be, under the cluster's policies in their order, with this one for
/// the GPU; its namespace has a tier's label.
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
    // After each policy that changes it, the resource as it is then.
    objects(&out).into_iter().rfind(|object| !object.is_null()).unwrap_or_else(|| panic!("{said}"))
}

fn with_ndots(mut pod: Value) -> Value {
    pod["spec"]["dnsConfig"] = json!({"options": [{"name": "ndots", "value": "2"}]});
    pod
}

/// As the GPU's policy raises a Pod.
fn raised(mut pod: Value) -> Value {
    pod["spec"]["priorityClassName"] = json!("gpu-workload");
    pod["spec"]["priority"] = json!(1_200_000);
    pod["spec"]["preemptionPolicy"] = json!("PreemptLowerPriority");
    pod
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_sibling_policies_still_reach_the_tenant() {
    let [before, after] = policies();
    let (tenant, resident) = (pod("tts"), pod("immich"));
    // Before, the tenant was raised; after, it has from the others what it had, and its own class.
    assert_eq!(applied(&before, &tenant, "2-gpu"), with_ndots(raised(tenant.clone())));
    assert_eq!(applied(&after, &tenant, "2-gpu"), with_ndots(tenant.clone()));
    // A resident is raised as before.
    for policy in [&before, &after] {
        assert_eq!(applied(policy, &resident, "2-gpu"), with_ndots(raised(resident.clone())));
    }
    // A Pod of the tenant's without a class has its tier's from the sibling.
    let mut plain = tenant.clone();
    plain["spec"].as_object_mut().unwrap().remove("priorityClassName");
    assert_eq!(applied(&after, &plain, "2-gpu"), with_ndots(tenant));
    // And its namespace has its tier's LimitRange.
    let namespace = objects(&read("rendered/tts/namespace-tts.yaml")).remove(0);
    let limits = [&before, &after].map(|policy| applied(policy, &namespace, "2-gpu"));
    assert_eq!(
        (&limits[0]["kind"], &limits[0]["metadata"]["namespace"]),
        (&json!("LimitRange"), &json!("tts"))
    );
    assert_eq!(limits[0]["spec"]["limits"][0]["max"], json!({"memory": "16Gi"}));
    assert_eq!(limits[0], limits[1]);
}
