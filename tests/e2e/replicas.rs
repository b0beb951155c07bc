//! The owner of the replicas: the gate, whichever tool syncs, as docs/flux.md and docs/argocd.md say.
//!
//! The tests send the gate's request themselves: a merge patch of the scale, with the token of its service
//! account. tests/e2e/gate tests the binary.

use serde_json::{Value, json};

use crate::adoption::{by_argo, by_flux};
use crate::cluster::{Cluster, MERGE};
use crate::common::tool::{generate, objects, repository, run_in};
use crate::flux;

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/tts/deployments/chatterbox-tts";

/// Scales the server as the gate does.
pub fn scale(cluster: &Cluster, replicas: u32) {
    let gate = cluster.with_token(&cluster.token("tts", "chatterbox-offpeak", 600));
    let patch = json!({"spec": {"replicas": replicas}});
    let path = format!("{DEPLOYMENT}/scale");
    gate.patch(&path, MERGE, &patch, "fieldManager=vram-gate").object();
}

fn deployment(cluster: &Cluster) -> Value {
    cluster.admin().get(DEPLOYMENT).object()
}

pub fn replicas(cluster: &Cluster) -> i64 {
    deployment(cluster)["spec"]["replicas"].as_i64().unwrap()
}

/// The field managers of `spec.replicas`, each with its operation and subresource.
pub fn owners(cluster: &Cluster) -> Vec<String> {
    let deployment = deployment(cluster);
    let managers = deployment["metadata"]["managedFields"].as_array().unwrap();
    let mut owners: Vec<String> = managers
        .iter()
        .filter(|manager| !manager["fieldsV1"]["f:spec"]["f:replicas"].is_null())
        .map(|manager| {
            let text = |key: &str| manager[key].as_str().unwrap_or("whole");
            format!("{} {} {}", text("manager"), text("operation"), text("subresource"))
        })
        .collect();
    owners.sort();
    owners
}

/// The manifests of a later commit, in which the server has one more environment variable.
pub fn later_commit(value: &str) -> String {
    generate(&["tts", "--set", &format!("server.env.LATER={value}")])
}

/// The value of that variable in the Deployment.
pub fn variable(cluster: &Cluster) -> Value {
    let deployment = deployment(cluster);
    let variables = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
    let found = variables.as_array().unwrap().iter().find(|env| env["name"] == "LATER");
    found.map_or(Value::Null, |env| env["value"].clone())
}

/// Syncs with Flux, and returns its action on the Deployment.
fn sync_with_flux(cluster: &Cluster, manifests: &str) -> String {
    let changes = flux::apply(cluster, manifests);
    let prefix = "Deployment/tts/chatterbox-tts ";
    changes.iter().find_map(|change| change.strip_prefix(prefix)).unwrap().to_owned()
}

#[test]
#[ignore = "tests/e2e/run"]
fn flux_does_not_change_the_replicas() {
    let cluster = &by_flux().cluster;
    assert_eq!(owners(cluster), ["HashiCorp Update whole", "kustomize-controller Apply whole"]);
    scale(cluster, 1);
    assert_eq!(owners(cluster), ["vram-gate Update scale"]);

    // The next interval without a change writes nothing.
    let before = deployment(cluster)["metadata"]["resourceVersion"].clone();
    assert_eq!(sync_with_flux(cluster, &generate(&["tts"])), "unchanged");
    assert_eq!(deployment(cluster)["metadata"]["resourceVersion"], before);

    // A new commit in the middle of the window: the apply includes the live value.
    assert_eq!(sync_with_flux(cluster, &later_commit("one")), "configured");
    assert_eq!((variable(cluster), replicas(cluster)), (json!("one"), 1));
    assert_eq!(owners(cluster), ["kustomize-controller Apply whole", "vram-gate Update scale"]);
    scale(cluster, 0);
    assert_eq!(sync_with_flux(cluster, &later_commit("two")), "configured");
    assert_eq!((variable(cluster), replicas(cluster)), (json!("two"), 0));

    // A manual change keeps its value. One without the subresource loses its ownership.
    cluster.kubectl_ok(&["-n", "tts", "scale", "deployment/chatterbox-tts", "--replicas=1"], "");
    assert_eq!(sync_with_flux(cluster, &later_commit("two")), "unchanged");
    assert_eq!((replicas(cluster), owners(cluster)), (1, vec!["kubectl Update scale".to_owned()]));
    let patch = json!({"spec": {
        "replicas": 2,
        "template": {"spec": {"terminationGracePeriodSeconds": 5}},
    }});
    let patch = patch.to_string();
    let arguments =
        ["-n", "tts", "patch", "deployment/chatterbox-tts", "--type=merge", "-p", &patch];
    cluster.kubectl_ok(&arguments, "");
    assert_eq!(owners(cluster), ["kubectl-patch Update whole"]);
    assert_eq!(sync_with_flux(cluster, &later_commit("two")), "configured");
    assert_eq!(replicas(cluster), 2);
    assert_eq!(owners(cluster), ["kustomize-controller Apply whole"]);
    // Fields that are not ignored have their rendered values again.
    let pod = &deployment(cluster)["spec"]["template"]["spec"];
    assert_eq!(pod["terminationGracePeriodSeconds"], 30);

    // Before kustomize-controller 1.9, which added the rule, a sync stopped the tenant.
    let mut old = flux::kustomization();
    old["spec"].as_object_mut().unwrap().remove("ignore").unwrap();
    flux::apply_with(cluster, &later_commit("two"), &old);
    assert_eq!(replicas(cluster), 0);
}

/// The JSON pointers that the Application of the stack's own folder ignores.
fn ignored_pointers() -> Vec<String> {
    let set = "gitops.repoURL=https://git.example/infra.git";
    let output = run_in(repository(), &["gitops", "argocd", "--set", set]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let wiring = objects(&output.stdout);
    let application = wiring
        .iter()
        .find(|object| object["kind"] == "Application" && object["metadata"]["name"] == "tts")
        .unwrap();
    let options = application["spec"]["syncPolicy"]["syncOptions"].as_array().unwrap();
    assert!(options.contains(&json!("RespectIgnoreDifferences=true")), "{options:?}");
    let rules = application["spec"]["ignoreDifferences"].as_array().unwrap();
    let rule = |rule: &&Value| {
        rule["group"] == "apps" && rule["kind"] == "Deployment" && rule["name"] == "chatterbox-tts"
    };
    let pointers = rules.iter().find(rule).unwrap()["jsonPointers"].as_array().unwrap();
    pointers.iter().map(|pointer| pointer.as_str().unwrap().to_owned()).collect()
}

/// Syncs as Argo CD does: a three-way apply by kubectl. With `RespectIgnoreDifferences`, the manifests have the
/// live values of the ignored fields.
fn sync_with_argo_cd(cluster: &Cluster, manifests: &str, respect: bool) {
    let live = deployment(cluster);
    let targets: Vec<String> = objects(manifests)
        .into_iter()
        .map(|mut target| {
            if respect && target["kind"] == "Deployment" {
                for pointer in ignored_pointers() {
                    *target.pointer_mut(&pointer).unwrap() =
                        live.pointer(&pointer).unwrap().clone();
                }
            }
            target.to_string()
        })
        .collect();
    let arguments = ["apply", "--field-manager=argocd-controller", "-f", "-"];
    cluster.kubectl_ok(&arguments, &targets.join("\n---\n"));
}

#[test]
#[ignore = "tests/e2e/run"]
fn argo_cd_does_not_change_the_replicas() {
    let cluster = &by_argo().cluster;
    assert_eq!(ignored_pointers(), ["/spec/replicas"]);
    scale(cluster, 1);
    // A sync at night, with another change.
    sync_with_argo_cd(cluster, &later_commit("one"), true);
    assert_eq!((variable(cluster), replicas(cluster)), (json!("one"), 1));
    scale(cluster, 0);
    sync_with_argo_cd(cluster, &later_commit("two"), true);
    assert_eq!((variable(cluster), replicas(cluster)), (json!("two"), 0));
    // And up again, although the last applied manifest has 0.
    scale(cluster, 1);
    sync_with_argo_cd(cluster, &later_commit("two"), true);
    assert_eq!(replicas(cluster), 1);
    // Without the option, as in a manual sync with other options, the rendered value is applied.
    sync_with_argo_cd(cluster, &later_commit("two"), false);
    assert_eq!(replicas(cluster), 0);
}
