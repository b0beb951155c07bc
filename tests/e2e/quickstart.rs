//! docs/quickstart.md with an API server: kubectl's commands, too. Argo CD's part is one apply of what the
//! repository has, and a Job's completion is written by hand, since there are no kubelets.

use serde_json::json;

use crate::cluster::{Cluster, WIRING};
use crate::common::guide::{assert_success, find};
use crate::scenario::Scenario;

/// A kubectl that completes the Job before it waits for it. `logs` needs a kubelet: its request is checked as
/// far as the Job's name.
const KUBECTL: &str = r#"#!/bin/sh
case " $* " in
*' wait '*)
  KUBECTL -n whisper patch job try-gate --subresource=status --type=merge -p "STATUS" >/dev/null || exit
  ;;
*' logs '*) exec KUBECTL -n whisper get job/try-gate ;;
esac
exec KUBECTL "$@"
"#;

/// The status of a Job that is complete.
fn status() -> String {
    let time = "2026-11-24T12:00:00Z";
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": time});
    let status = json!({
        "startTime": time,
        "completionTime": time,
        "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
    });
    json!({ "status": status }).to_string().replace('"', "\\\"")
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_command_works_with_an_api_server() {
    let scenario = Scenario::prepare().expect("a registry");
    let cluster = Cluster::start();
    cluster.define(WIRING);
    cluster.admin().namespace("argocd");
    let which = crate::common::run(&["sh", "-c", "command -v kubectl"], "");
    let script = KUBECTL.replace("KUBECTL", which.trim()).replace("STATUS", &status());
    scenario.add_program("kubectl", &script);

    let mut commands = scenario.commands();
    let wired = commands.iter().position(|command| command.contains("gitops argocd")).unwrap();
    let sync = "tts-render generate whisper | kubectl apply --server-side -f -";
    commands.insert(wired + 1, sync.to_owned());
    let kubeconfig = cluster.kubeconfig();
    let ran = scenario.run(&commands, &[("KUBECONFIG", kubeconfig.to_str().unwrap())]);
    assert_success(&ran);

    let secret = "/api/v1/namespaces/whisper/secrets/registry";
    let secret = cluster.admin().get(secret).object();
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    let shown = &find(&ran, "get application whisper").output.stdout;
    assert!(shown.contains("whisper"), "{shown}");
    let shown = &find(&ran, "get deployment,cronjob").output.stdout;
    for name in ["deployment.apps/whisper", "cronjob.batch/whisper-window-up"] {
        assert!(shown.contains(name), "{shown}");
    }
    let waited = &find(&ran, "wait --for=condition=complete").output.stdout;
    assert_eq!(waited, "job.batch/try-gate condition met\n");
    // What runs at night is what was pinned.
    let jobs = cluster.admin().get("/apis/batch/v1/namespaces/whisper/cronjobs").object();
    for job in jobs["items"].as_array().unwrap() {
        let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        assert!(pod["containers"][0]["image"].as_str().unwrap().contains("@sha256:"), "{pod}");
    }
}
