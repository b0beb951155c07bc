//! Targets other than a Deployment: a StatefulSet, and custom resources by their projects' own definitions.

use std::fs;

use serde_json::{Value, json};

use super::deployed_stack::{DEPLOYMENT, DeployedStack};
use super::exporter::{full, roomy};
use crate::cluster::{Cluster, MERGE, SCALABLE};
use crate::common::tool::{Sandbox, objects, repository};

/// A target: its stack in a namespace, and its path below that.
struct ScaledStack<'a> {
    stack: DeployedStack<'a>,
    group_version: &'static str,
    resource: &'static str,
    name: &'static str,
}

impl<'a> ScaledStack<'a> {
    /// A stack whose target is rendered by a template of the fixtures.
    #[track_caller]
    fn custom(
        cluster: &'a Cluster,
        fixture: &str,
        namespace: &str,
        [group_version, resource, name]: [&'static str; 3],
    ) -> Self {
        cluster.define(SCALABLE);
        let sandbox = Sandbox::repository();
        let read = |extension: &str| {
            let file = format!("tests/fixtures/targets/{fixture}.{extension}");
            fs::read_to_string(repository().join(file)).unwrap()
        };
        sandbox.write(&format!("templates/{fixture}.yaml.j2"), read("yaml.j2"));
        sandbox.write("target.yaml", read("yaml"));
        let own = [format!("namespace.name={namespace}"), format!("storage.name={namespace}")];
        let args =
            ["generate", "--app", "tts", "-f", "target.yaml", "--set", &own[0], "--set", &own[1]];
        let stack = DeployedStack::of(cluster, namespace, objects(&sandbox.ok(&args).stdout));
        ScaledStack { stack, group_version, resource, name }
    }

    /// The path of an object on the API server.
    fn path(&self, namespace: &str, resource: &str, name: &str) -> String {
        format!("/apis/{}/namespaces/{namespace}/{resource}/{name}", self.group_version)
    }

    /// The target that the server holds.
    #[track_caller]
    fn live(&self) -> Value {
        let path = self.path(&self.stack.namespace, self.resource, self.name);
        self.stack.cluster.admin().get(&path).object()
    }

    #[track_caller]
    fn replicas(&self) -> i64 {
        self.live()["spec"]["replicas"].as_i64().unwrap()
    }

    /// Scales the target up and down by the real gate with the rendered Role.
    #[track_caller]
    fn check_scaling(&self) {
        let stack = &self.stack;
        assert_eq!(self.replicas(), 0, "as it is rendered");
        let name = format!("{}/{}", stack.namespace, self.name);
        let up = stack.gate("up").page(roomy()).run();
        assert_eq!(up.code, 0, "{}", up.stderr);
        assert!(up.stderr.contains(&format!("scaled {name} to 1")), "{}", up.stderr);
        assert_eq!(self.replicas(), 1);

        let before = self.live();
        let again = stack.gate("up").page(roomy()).run();
        assert_eq!((again.code, self.live()), (0, before), "resourceVersion and all");

        let guard = stack.gate("guard").page(full()).run();
        assert_eq!(guard.code, 0, "{}", guard.stderr);
        assert!(guard.stderr.contains(&format!("scaled {name} to 0")), "{}", guard.stderr);
        assert_eq!(self.replicas(), 0);

        assert_eq!(stack.gate("up").page(roomy()).run().code, 0);
        assert_eq!(self.replicas(), 1);
        let down = stack.gate("down").run();
        assert_eq!((down.code, self.replicas()), (0, 0), "{}", down.stderr);
    }

    /// Checks that the gate's token can read and change this scale, and no other.
    #[track_caller]
    fn check_rights(&self) {
        let stack = &self.stack;
        let gate = stack.cluster.with_token(&stack.token());
        let patch = json!({"spec": {"replicas": 0}});
        let own = self.path(&stack.namespace, self.resource, self.name);
        let scale = format!("{own}/scale");
        assert!(gate.get(&scale).done());
        assert!(gate.patch(&scale, MERGE, &patch, "").done());
        let others = [
            own,
            self.path(&stack.namespace, self.resource, "another/scale"),
            self.path("default", self.resource, &format!("{}/scale", self.name)),
            stack.scale(),
        ];
        for path in others {
            let answers = [gate.get(&path), gate.patch(&path, MERGE, &patch, "")];
            assert_eq!(answers.map(|answer| answer.status), [403, 403], "{path}");
        }
        // The gate itself says so.
        let output = stack.gate("down").set("DEPLOYMENT", "another").run();
        assert_eq!(output.code, 1, "{}", output.stderr);
        assert!(output.stderr.contains("answered 403"), "{}", output.stderr);
        let output = stack.gate("down").set("TARGET_RESOURCE", "daemonsets").run();
        assert_eq!(output.code, 1, "{}", output.stderr);
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_gate_scales_a_stateful_set_and_no_other() {
    let settings = ["target.kind=StatefulSet"];
    let scaled = ScaledStack {
        stack: DeployedStack::with(Cluster::shared(), "gate-stateful", &settings),
        group_version: "apps/v1",
        resource: "statefulsets",
        name: DEPLOYMENT,
    };
    scaled.check_scaling();
    scaled.check_rights();
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_gate_scales_a_rollout_and_no_other() {
    let names = ["argoproj.io/v1alpha1", "rollouts", DEPLOYMENT];
    let scaled = ScaledStack::custom(Cluster::shared(), "rollout", "gate-rollout", names);
    scaled.check_scaling();
    scaled.check_rights();
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_gate_scales_a_leader_worker_set_and_no_other() {
    let names = ["leaderworkerset.x-k8s.io/v1", "leaderworkersets", "model"];
    let scaled = ScaledStack::custom(Cluster::shared(), "leaderworkerset", "gate-leader", names);
    scaled.check_scaling();
    scaled.check_rights();
}
