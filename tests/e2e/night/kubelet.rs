//! Runs the gate in each of its Pods that KWOK reports as running, and the admission in the server's Pods.
//!
//! The gate has its Pod's environment, its ServiceAccount's token, and SIGTERM when its Pod is deleted. Its end
//! is reported in the Pod's status, and it is started again if its Pod says so, as a kubelet does.

use std::collections::{HashMap, HashSet};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, MERGE, until};
use crate::gate::deployed_stack::binary;
use crate::jobs::name;

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
    processes: Mutex<HashMap<String, Process>>,
    /// Namespaces whose next gate is stopped before it does anything.
    freezing: Mutex<HashSet<String>>,
    /// Nodes from which nothing is heard any more.
    lost: Mutex<HashSet<String>>,
}

/// A running gate.
struct Process {
    id: u32,
    namespace: String,
    node: String,
    action: String,
}

/// The active Pods: those that ended run no gate.
const ACTIVE: &str = "/api/v1/pods?fieldSelector=status.phase!=Succeeded,status.phase!=Failed";

impl Kubelet {
    /// Starts it, for as long as the process lives.
    pub fn start(cluster: &'static Cluster) -> &'static Self {
        let kubelet: &Kubelet = Box::leak(Box::new(Kubelet {
            cluster,
            environments: Mutex::default(),
            processes: Mutex::default(),
            freezing: Mutex::default(),
            lost: Mutex::default(),
        }));
        binary();
        std::thread::spawn(|| kubelet.watch());
        kubelet
    }

    /// Sets variables for the gates of a namespace that start from now on.
    pub fn set(&self, namespace: &str, variables: &[(&'static str, String)]) {
        self.environments.lock().unwrap().insert(namespace.to_owned(), variables.to_owned());
    }

    /// Stops the next gate of a namespace before it does anything, as on a node without time for it.
    pub fn freeze_next(&self, namespace: &str) {
        self.freezing.lock().unwrap().insert(namespace.to_owned());
    }

    /// Kills the gates of a namespace that run an action, and returns their number.
    pub fn kill(&self, namespace: &str, action: &str) -> usize {
        self.kill_those(|process| process.namespace == namespace && process.action == action)
    }

    /// Loses a node whose name starts with [`OWN`](super::OWN): its gates die, and nobody says so.
    pub fn lose(&self, node: &str) {
        self.lost.lock().unwrap().insert(node.to_owned());
        self.kill_those(|process| process.node == node);
    }

    fn kill_those(&self, which: impl Fn(&Process) -> bool) -> usize {
        let processes = self.processes.lock().unwrap();
        let killed: Vec<&Process> = processes.values().filter(|process| which(process)).collect();
        for process in &killed {
            let _ = Command::new("kill").args(["-KILL", &process.id.to_string()]).status();
        }
        killed.len()
    }

    fn is_lost(&self, node: &str) -> bool {
        node.starts_with(super::LOST) || self.lost.lock().unwrap().contains(node)
    }

    fn watch(&'static self) {
        let (mut started, mut signaled) = (HashSet::new(), HashSet::new());
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let Ok(answer) = self.cluster.admin().send("GET", ACTIVE, "", "") else { continue };
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
                let node = spec["nodeName"].as_str().unwrap_or(super::LOST);
                // On these nodes nobody else reports that it runs.
                let is_running = status["phase"] == "Running"
                    && status["containerStatuses"][0]["state"]["running"].is_object();
                let runs = spec["containers"][0]["name"] == CONTAINER
                    && (is_running || node.starts_with(super::OWN));
                if (admits || runs) && !self.is_lost(node) && started.insert(uid) {
                    let pod = pod.clone();
                    std::thread::spawn(
                        move || if admits { self.admit(&pod) } else { self.run(&pod) },
                    );
                }
            }
            for (uid, process) in self.processes.lock().unwrap().iter() {
                if !kept.contains(uid) && signaled.insert(uid.clone()) {
                    let _ = Command::new("kill").arg(process.id.to_string()).status();
                }
            }
        }
    }

    /// Runs a Pod's gate to its end.
    fn run(&self, pod: &Value) {
        let container = &pod["spec"]["containers"][0];
        let node = pod["spec"]["nodeName"].as_str().unwrap();
        let mount = tempfile::tempdir().unwrap();
        let mut last = Value::Null;
        for restarts in 0.. {
            if restarts > 0 || node.starts_with(super::OWN) {
                let running = json!({"running": {"startedAt": now()}});
                self.report(
                    pod,
                    "Running",
                    &json!({"restartCount": restarts, "ready": true,
                    "state": running, "lastState": last}),
                );
            }
            let (output, message) = self.output(pod, container, mount.path());
            if self.is_lost(node) {
                return;
            }
            let code = exit_code(output.status);
            let terminated = json!({"terminated": {
                "exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" },
                "startedAt": now(), "finishedAt": now(), "message": message,
            }});
            if code == 0 || pod["spec"]["restartPolicy"] != "OnFailure" || self.is_deleted(pod) {
                let phase = if code == 0 { "Succeeded" } else { "Failed" };
                return self.report(
                    pod,
                    phase,
                    &json!({"restartCount": restarts, "ready": false,
                    "state": terminated, "lastState": last}),
                );
            }
            last = terminated;
            // A kubelet starts it again at once, and waits before the next time.
            std::thread::sleep(Duration::from_secs(if restarts == 0 { 0 } else { 10 }));
        }
    }

    /// Reports the state of a Pod's gate. A Pod that was deleted by force has no status.
    fn report(&self, pod: &Value, phase: &str, state: &Value) {
        let container = &pod["spec"]["containers"][0];
        let mut status = state.clone();
        for (key, value) in
            [("name", &container["name"]), ("image", &container["image"]), ("imageID", &json!(""))]
        {
            status[key] = value.clone();
        }
        let status =
            json!({"status": {"phase": phase, "startTime": now(), "containerStatuses": [status]}});
        self.patch_status(pod, &status);
    }

    /// Reports a Pod's status, as often as it takes.
    fn patch_status(&self, pod: &Value, status: &Value) {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap();
        let path = format!("/api/v1/namespaces/{namespace}/pods/{}/status", name(pod));
        let answer = until("the API server", || {
            let answer = self.cluster.admin().send("PATCH", &path, MERGE, &status.to_string()).ok();
            answer.filter(|answer| answer.status < 500)
        });
        assert!(answer.done() || answer.status == 404, "{answer:?}");
    }

    /// Returns true if a Pod is to go.
    fn is_deleted(&self, pod: &Value) -> bool {
        let live = until("the API server", || {
            let path = self.cluster.admin().path(&json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"namespace": pod["metadata"]["namespace"], "name": name(pod)}}));
            self.cluster.admin().send("GET", &path, "", "").ok()
        });
        live.status == 404 || live.body["metadata"]["deletionTimestamp"].is_string()
    }

    /// Runs the admission of a Pod of the server. It does not reach its deadline in a test, so it ends without
    /// success only if its Pod is deleted.
    fn admit(&self, pod: &Value) {
        let container = &pod["spec"]["initContainers"][0];
        let mount = tempfile::tempdir().unwrap();
        if !self.output(pod, container, mount.path()).0.status.success() {
            return;
        }
        let now = now();
        let status = json!({"status": {"initContainerStatuses": [{
            "name": container["name"], "image": container["image"], "imageID": "",
            "ready": true, "restartCount": 0, "state": {"terminated": {
                "exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now,
            }},
        }]}});
        self.patch_status(pod, &status);
    }

    /// Runs a container of a Pod to its end, with what a kubelet gives it: the environment, a file for the
    /// termination message, which is returned too, and a token where its Pod has an account of its own. The
    /// Pod's volumes are one folder.
    fn output(&self, pod: &Value, container: &Value, mount: &Path) -> (Output, String) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (metadata, spec) = (&pod["metadata"], &pod["spec"]);
        let (namespace, uid) = (text(&metadata["namespace"]), text(&metadata["uid"]));
        let message = mount.join("termination-log");
        std::fs::write(&message, "").unwrap();
        if spec["automountServiceAccountToken"] != false {
            let account = text(&spec["serviceAccountName"]);
            let token = self.cluster.token(&namespace, &account, 600);
            std::fs::write(mount.join("token"), token).unwrap();
            std::fs::write(mount.join("namespace"), &namespace).unwrap();
            std::fs::copy(self.cluster.ca(), mount.join("ca.crt")).unwrap();
        }

        let mut words = container["command"].as_array().unwrap().iter();
        assert_eq!(words.next().unwrap(), "/vram-gate");
        let is_frozen = self.freezing.lock().unwrap().remove(&namespace);
        let mut command = Command::new(if is_frozen { Path::new("/bin/sh") } else { binary() });
        command.env_clear();
        if is_frozen {
            command.args(["-c", "kill -STOP $$; exec \"$@\"", "frozen"]).arg(binary());
        }
        command.args(words.map(text));
        for variable in container["env"].as_array().unwrap() {
            let value = match text(&variable["name"]).as_str() {
                "JOB_NAME" => text(&metadata["labels"]["batch.kubernetes.io/job-name"]),
                "HEARTBEAT" => mount.join("heartbeat").display().to_string(),
                _ => text(&variable["value"]),
            };
            command.env(text(&variable["name"]), value);
        }
        command
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", self.cluster.port().to_string())
            .env("SERVICE_ACCOUNT_DIR", mount)
            .env("TERMINATION_LOG", &message)
            .envs(self.environments.lock().unwrap().get(&namespace).cloned().unwrap_or_default());
        let (input, output) = (Stdio::null(), Stdio::piped());
        let child = command.stdin(input).stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        let (node, action) = (text(&spec["nodeName"]), text(&container["command"][1]));
        self.processes
            .lock()
            .unwrap()
            .insert(uid.clone(), Process { id: child.id(), namespace, node, action });
        let output = child.wait_with_output().unwrap();
        self.processes.lock().unwrap().remove(&uid);
        (output, std::fs::read_to_string(message).unwrap())
    }
}

/// The exit code of a process as a container runtime reports it: 128 and the number of a signal that killed it.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(15))
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%FT%TZ").to_string()
}
