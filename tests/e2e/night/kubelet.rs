//! Runs the gate in each of its Pods that KWOK reports as running, and the admission in the server's Pods.
//!
//! The gate has its Pod's environment, its ServiceAccount's token, and SIGTERM when its Pod is deleted. Its end
//! is reported in the Pod's status, as a kubelet does.

use std::collections::{HashMap, HashSet};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, MERGE};
use crate::gate::deployed_stack::binary;
use crate::jobs::{end, name};

/// The container that runs the gate.
const CONTAINER: &str = "vram-gate";

/// The init container that runs it in the server's Pod.
const ADMISSION: &str = "vram-gate-admit";

/// Runs the gates of one cluster.
pub struct Kubelet {
    cluster: &'static Cluster,
    /// Variables that the network or the test decides, by namespace.
    environments: Mutex<HashMap<String, Vec<(&'static str, String)>>>,
    /// The process of each running gate, by its Pod's UID.
    processes: Mutex<HashMap<String, u32>>,
}

impl Kubelet {
    /// Starts it, for as long as the process lives.
    pub fn start(cluster: &'static Cluster) -> &'static Self {
        let (environments, processes) = (Mutex::default(), Mutex::default());
        let kubelet: &Kubelet = Box::leak(Box::new(Kubelet { cluster, environments, processes }));
        binary();
        std::thread::spawn(|| kubelet.watch());
        kubelet
    }

    /// Sets variables for the gates of a namespace that start from now on.
    pub fn set(&self, namespace: &str, variables: &[(&'static str, String)]) {
        self.environments.lock().unwrap().insert(namespace.to_owned(), variables.to_owned());
    }

    fn watch(&'static self) {
        let (mut started, mut signaled) = (HashSet::new(), HashSet::new());
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let Ok(answer) = self.cluster.admin().send("GET", "/api/v1/pods", "", "") else {
                continue;
            };
            let Some(pods) = answer.body["items"].as_array() else { continue };
            let mut kept = HashSet::new();
            for pod in pods {
                if pod["metadata"]["deletionTimestamp"].is_string() {
                    continue;
                }
                let uid = pod["metadata"]["uid"].as_str().unwrap().to_owned();
                kept.insert(uid.clone());
                let (spec, status) = (&pod["spec"], &pod["status"]);
                let admits =
                    spec["initContainers"][0]["name"] == ADMISSION && status["phase"] == "Pending";
                let runs = spec["containers"][0]["name"] == CONTAINER
                    && status["phase"] == "Running"
                    && status["containerStatuses"][0]["state"]["running"].is_object();
                let node = spec["nodeName"].as_str().unwrap_or(super::LOST);
                if (admits || runs) && !node.starts_with(super::LOST) && started.insert(uid) {
                    let pod = pod.clone();
                    std::thread::spawn(
                        move || if admits { self.admit(&pod) } else { self.run(&pod) },
                    );
                }
            }
            for (uid, process) in self.processes.lock().unwrap().iter() {
                if !kept.contains(uid) && signaled.insert(uid.clone()) {
                    let _ = Command::new("kill").arg(process.to_string()).status();
                }
            }
        }
    }

    /// Runs a Pod's gate to its end.
    fn run(&self, pod: &Value) {
        let (output, message) = self.output(pod, &pod["spec"]["containers"][0]);
        // 128 and the number of SIGTERM, as a container runtime reports it.
        let answer = end(self.cluster, pod, output.status.code().unwrap_or(143), &message);
        // A Pod that was deleted by force has no status.
        assert!(answer.done() || answer.status == 404, "{answer:?}");
    }

    /// Runs the admission of a Pod of the server. It does not reach its deadline in a test, so it ends without
    /// success only if its Pod is deleted.
    fn admit(&self, pod: &Value) {
        let container = &pod["spec"]["initContainers"][0];
        if !self.output(pod, container).0.status.success() {
            return;
        }
        let (metadata, now) =
            (&pod["metadata"], jiff::Timestamp::now().strftime("%FT%TZ").to_string());
        let status = json!({"status": {"initContainerStatuses": [{
            "name": container["name"], "image": container["image"], "imageID": "",
            "ready": true, "restartCount": 0, "state": {"terminated": {
                "exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now,
            }},
        }]}});
        let namespace = metadata["namespace"].as_str().unwrap();
        let path = format!("/api/v1/namespaces/{namespace}/pods/{}/status", name(pod));
        let answer = self.cluster.admin().patch(&path, MERGE, &status, "");
        assert!(answer.done() || answer.status == 404, "{answer:?}");
    }

    /// Runs a container of a Pod to its end, with what a kubelet gives it: the environment, a file for the
    /// termination message, which is returned too, and a token where its Pod has an account of its own.
    fn output(&self, pod: &Value, container: &Value) -> (Output, String) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (metadata, spec) = (&pod["metadata"], &pod["spec"]);
        let (namespace, uid) = (text(&metadata["namespace"]), text(&metadata["uid"]));
        let mount = tempfile::tempdir().unwrap();
        let message = mount.path().join("termination-log");
        std::fs::write(&message, "").unwrap();
        if spec["automountServiceAccountToken"] != false {
            let account = text(&spec["serviceAccountName"]);
            let token = self.cluster.token(&namespace, &account, 600);
            std::fs::write(mount.path().join("token"), token).unwrap();
            std::fs::write(mount.path().join("namespace"), &namespace).unwrap();
            std::fs::copy(self.cluster.ca(), mount.path().join("ca.crt")).unwrap();
        }

        let mut words = container["command"].as_array().unwrap().iter();
        assert_eq!(words.next().unwrap(), "/vram-gate");
        let mut command = Command::new(binary());
        command.env_clear().args(words.map(text));
        for variable in container["env"].as_array().unwrap() {
            command.env(text(&variable["name"]), text(&variable["value"]));
        }
        command
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", self.cluster.port().to_string())
            .env("SERVICE_ACCOUNT_DIR", mount.path())
            .env("TERMINATION_LOG", &message)
            .envs(self.environments.lock().unwrap().get(&namespace).cloned().unwrap_or_default());
        let (input, output) = (Stdio::null(), Stdio::piped());
        let child = command.stdin(input).stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        self.processes.lock().unwrap().insert(uid.clone(), child.id());
        let output = child.wait_with_output().unwrap();
        self.processes.lock().unwrap().remove(&uid);
        (output, std::fs::read_to_string(message).unwrap())
    }
}
