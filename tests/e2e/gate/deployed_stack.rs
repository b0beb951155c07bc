//! A stack in a namespace of its own, and the real gate, run as its CronJobs run it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::exporter::Exporter;
use crate::cluster::Cluster;
use crate::common::tool::{CommandOutput, generate, objects, repository};

/// The names in the values.
pub const DEPLOYMENT: &str = "chatterbox-tts";
pub const ACCOUNT: &str = "chatterbox-offpeak";

/// The value of the priority classes.
pub const PRIORITY: u32 = 600_000;

/// A rendered stack, applied to a namespace of its own.
pub struct DeployedStack<'a> {
    pub cluster: &'a Cluster,
    pub namespace: String,
    /// The applied objects.
    pub objects: Vec<Value>,
}

impl<'a> DeployedStack<'a> {
    /// Renders this repository's stack into a namespace and applies it as Flux does.
    #[track_caller]
    pub fn new(cluster: &'a Cluster, namespace: &str) -> Self {
        Self::with(cluster, namespace, &[])
    }

    /// The same with more settings, each `PATH=VALUE`.
    #[track_caller]
    pub fn with(cluster: &'a Cluster, namespace: &str, settings: &[&str]) -> Self {
        let own = [format!("namespace.name={namespace}"), format!("storage.name={namespace}")];
        let settings = own.iter().map(String::as_str).chain(settings.iter().copied());
        let settings: Vec<&str> = settings.flat_map(|setting| ["--set", setting]).collect();
        let objects = objects(&generate(&[&["--app", "tts"], &settings[..]].concat()));
        Self::of(cluster, namespace, objects)
    }

    /// Applies a stack's objects as Flux does.
    #[track_caller]
    pub fn of(cluster: &'a Cluster, namespace: &str, objects: Vec<Value>) -> Self {
        let stack = DeployedStack { cluster, namespace: namespace.to_owned(), objects };
        stack.apply_priority_classes();
        for object in &stack.objects {
            stack.apply(object);
        }
        stack
    }

    /// Creates the priority classes that the stack's Pods name: a Pod with an unknown class is refused.
    #[track_caller]
    fn apply_priority_classes(&self) {
        for pod in ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
            let pods = self.objects.iter().filter_map(|object| object.pointer(pod));
            for class in pods.filter_map(|pod| pod["priorityClassName"].as_str()) {
                self.apply(&json!({
                    "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
                    "metadata": {"name": class}, "value": PRIORITY,
                }));
            }
        }
    }

    /// Applies an object as Flux does.
    #[track_caller]
    pub fn apply(&self, object: &Value) {
        let applied =
            self.cluster.admin().apply(object, "fieldManager=kustomize-controller&force=true");
        assert_eq!(applied.warnings, [""; 0]);
        applied.object();
    }

    /// The rendered object with this kind and name.
    #[track_caller]
    pub fn rendered(&self, kind: &str, name: &str) -> &Value {
        let found = self
            .objects
            .iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {kind} {name} is rendered"))
    }

    /// A path of a resource of the group `apps` in this namespace.
    pub fn apps(&self, path: &str) -> String {
        format!("/apis/apps/v1/namespaces/{}/{path}", self.namespace)
    }

    /// The path of the only resource that the gate may change.
    pub fn scale(&self) -> String {
        self.apps(&format!("deployments/{DEPLOYMENT}/scale"))
    }

    /// The Deployment that the server holds.
    #[track_caller]
    pub fn deployment(&self) -> Value {
        self.cluster.admin().live(self.rendered("Deployment", DEPLOYMENT))
    }

    /// The replicas that the Deployment has.
    #[track_caller]
    pub fn replicas(&self) -> i64 {
        self.deployment()["spec"]["replicas"].as_i64().unwrap()
    }

    /// Scales as a person does.
    #[track_caller]
    pub fn scale_to(&self, replicas: u32) {
        let (deployment, replicas) =
            (format!("deployment/{DEPLOYMENT}"), format!("--replicas={replicas}"));
        self.cluster.kubectl_ok(&["-n", &self.namespace, "scale", &deployment, &replicas], "");
    }

    /// A token of the gate's service account, as the kubelet asks for it; ten minutes is the shortest.
    #[track_caller]
    pub fn token(&self) -> String {
        self.cluster.token(&self.namespace, ACCOUNT, 600)
    }

    /// The gate, ready to run, with the mount of a Pod and the rendered environment.
    #[track_caller]
    pub fn gate(&self, action: &str) -> Gate {
        self.gate_in_job(action, action)
    }

    /// A watch in a window that has just begun, with the rendered environment of the guard.
    #[track_caller]
    pub fn watch(&self) -> Gate {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.gate_in_job("guard", "watch")
            .set("ACTION", "watch")
            .set("JOB_NAME", &format!("{DEPLOYMENT}-window-{}", now / 60))
            .set("WINDOW", "3600s")
            .set("INTERVAL", "250ms")
    }

    /// The gate with an action, in the environment of the job of another.
    #[track_caller]
    fn gate_in_job(&self, job: &str, action: &str) -> Gate {
        let jobs = self.objects.iter().filter(|object| object["kind"] == "CronJob");
        let mut containers = jobs
            .map(|job| &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]);
        let container = containers.find(|container| container["command"][1] == job).unwrap();
        assert_eq!(container["command"][0], "/vram-gate");

        let mount = tempfile::tempdir().unwrap();
        std::fs::write(mount.path().join("namespace"), &self.namespace).unwrap();
        std::fs::copy(self.cluster.ca(), mount.path().join("ca.crt")).unwrap();
        let mut command = Command::new(binary());
        command.env_clear().arg(action);
        for variable in container["env"].as_array().unwrap() {
            let text = |key: &str| variable[key].as_str().unwrap();
            command.env(text("name"), text("value"));
        }
        command
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", self.cluster.port().to_string())
            .env("SERVICE_ACCOUNT_DIR", mount.path())
            .env("TERMINATION_LOG", mount.path().join("termination-log"))
            // Nothing listens there: a test that needs an exporter starts one.
            .env("METRICS_URL", "http://127.0.0.1:1/metrics")
            .env("SAMPLE_INTERVAL", "100ms");
        std::fs::write(mount.path().join("termination-log"), "").unwrap();
        Gate { command, mount, exporter: None }.token(&self.token())
    }
}

/// One run of the gate.
pub struct Gate {
    command: Command,
    mount: TempDir,
    exporter: Option<Exporter>,
}

impl Gate {
    /// Gives it an exporter that serves this page.
    pub fn page(mut self, page: String) -> Self {
        let exporter = Exporter::serve(page);
        self.command.env("METRICS_URL", format!("http://{}/metrics", exporter.address));
        self.exporter = Some(exporter);
        self
    }

    /// Puts another token into its mount, as the kubelet does: by a rename.
    pub fn token(self, token: &str) -> Self {
        renew(self.mount.path(), token);
        self
    }

    /// Changes a setting.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end. The termination message says the same as the line.
    #[track_caller]
    pub fn run(self) -> CommandOutput {
        self.start().end()
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        let (input, output) = (Stdio::null(), Stdio::piped());
        let command = self.command.stdin(input).stdout(output).stderr(Stdio::piped());
        let child = Some(command.spawn().unwrap());
        Running { child, mount: self.mount, exporter: self.exporter }
    }
}

/// A running gate; dropping it kills it.
pub struct Running {
    child: Option<Child>,
    mount: TempDir,
    exporter: Option<Exporter>,
}

impl Running {
    /// The number of its scrapes so far.
    pub fn scrapes(&self) -> usize {
        self.exporter.as_ref().map_or(0, |exporter| exporter.requests.load(Ordering::SeqCst))
    }

    /// Returns true until it has ended.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Sends SIGTERM, as the kubelet does when the Pod is deleted.
    #[track_caller]
    pub fn terminate(&self) {
        let process = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("/bin/kill").args(["-TERM", &process]).status().unwrap().success());
    }

    /// Puts another token into its mount.
    pub fn renew(&self, token: &str) {
        renew(self.mount.path(), token);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(self) -> CommandOutput {
        self.end_with_message().0
    }

    /// Waits for its end; returns the termination message, too.
    #[track_caller]
    pub fn end_with_message(mut self) -> (CommandOutput, String) {
        let output = CommandOutput::from(self.child.take().unwrap().wait_with_output().unwrap());
        let message = std::fs::read_to_string(self.mount.path().join("termination-log")).unwrap();
        let report: Value = serde_json::from_str(&message).unwrap();
        let text = report["message"].as_str().unwrap();
        assert!(output.stderr.contains(text) && output.stdout.is_empty(), "{message}");
        (output, message)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Replaces the mount's token as the kubelet does: by a rename.
fn renew(mount: &Path, token: &str) {
    std::fs::write(mount.join("..token"), token).unwrap();
    std::fs::rename(mount.join("..token"), mount.join("token")).unwrap();
}

/// The gate's binary, as it is in this tree: built once for all tests.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "-p", "vram-gate", "--locked"])
            .arg("--message-format=json-render-diagnostics")
            .current_dir(repository());
        // Cargo sets variables about the test's package; a build script that reads them would run again.
        let variables = std::env::vars_os().map(|(name, _)| name);
        let package_prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        for name in variables {
            if package_prefixes.iter().any(|start| name.to_string_lossy().starts_with(start)) {
                cargo.env_remove(name);
            }
        }
        let built = CommandOutput::run(&mut cargo);
        assert_eq!(built.code, 0, "{}", built.stderr);
        let mut messages = built.stdout.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            (message["target"]["name"] == "vram-gate")
                .then(|| message["executable"].as_str().map(PathBuf::from))?
        });
        messages.next().expect("cargo names the binary")
    })
}
