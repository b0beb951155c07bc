//! The gate as the cluster runs it: a process with an environment, a mounted service account, an exporter
//! and an API server.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::api_server::{self, ApiServer, Certificate, Plan, Reply};
use super::http_server::{self, Server, Step};

/// The service account's token. It must never be printed.
pub(crate) const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0LXRva2Vu.c2lnbmF0dXJl";

pub(crate) const METRIC: &str = "gpu_pod_memory_used_bytes";

/// Returns an exposition in which these namespaces use these bytes.
pub(crate) fn exposition_of(usage: &[(&str, u64)]) -> String {
    let mut text = format!("# TYPE {METRIC} gauge\n");
    for (pid, (namespace, bytes)) in usage.iter().enumerate() {
        text += &format!("{METRIC}{{namespace=\"{namespace}\",pid=\"{pid}\"}} {bytes}\n");
    }
    text
}

pub(crate) const GI: u64 = 1 << 30;

/// Returns the exposition of a 16 GiB GPU with 8 free: `up` starts the tenant, `guard` leaves it.
pub(crate) fn roomy_gpu() -> String {
    exposition_of(&[("immich", 4 * GI), ("frigate", 4 * GI)])
}

/// Returns the exposition of a 16 GiB GPU with 4 free: `up` waits, `guard` yields.
pub(crate) fn full_gpu() -> String {
    exposition_of(&[("immich", 8 * GI), ("frigate", 4 * GI)])
}

/// The environment of one run.
pub(crate) struct TestEnv {
    /// The exporter's steps, connection by connection.
    pub(crate) exporter: Vec<Step>,
    /// The URL to scrape, if it is not the exporter's.
    pub(crate) url: Option<String>,
    pub(crate) api: Plan,
    pub(crate) env: Vec<(&'static str, OsString)>,
    pub(crate) args: Vec<OsString>,
    /// The mounted files, by name.
    pub(crate) mount: Vec<(&'static str, Vec<u8>)>,
    /// Create the termination message's file.
    pub(crate) termination_log: bool,
    /// Read stderr.
    pub(crate) stderr_read: bool,
}

/// The output of one run, and what the servers saw.
pub(crate) struct CommandOutput {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) message: Option<String>,
    pub(crate) api: ApiServer,
    pub(crate) exporter: Server,
}

impl CommandOutput {
    /// Returns the termination message without its duration, which differs from run to run.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        without_duration(self.message.as_deref().expect("a termination message"))
    }

    /// Returns true if the last line of stderr and the termination message say the same.
    pub(crate) fn messages_agree(&self) -> bool {
        let Some(message) = &self.message else { return false };
        let Ok(report) = serde_json::from_str::<Value>(message) else { return false };
        let line = self.stderr.lines().last().unwrap_or_default();
        report["message"].as_str().is_some_and(|text| !text.is_empty() && line.contains(text))
    }
}

/// Parses a JSON report, and removes its duration.
#[track_caller]
pub(crate) fn without_duration(line: &str) -> Value {
    let mut report: Value = serde_json::from_str(line).expect("a JSON report");
    let duration = report.as_object_mut().and_then(|report| report.remove("durationMs"));
    assert!(duration.is_some_and(|duration| duration.is_u64()), "{line}");
    report
}

/// A gate that runs, and its servers.
pub(crate) struct Running<'a> {
    /// The started process: the gate's, or that of the program that runs it.
    pub(crate) process: u32,
    pub(crate) api: &'a ApiServer,
    pub(crate) exporter: &'a Server,
}

impl TestEnv {
    /// Returns an environment without faults in which the action has something to do.
    pub(crate) fn new(action: &str) -> Self {
        let exposition = if action == "guard" { full_gpu() } else { roomy_gpu() };
        let mut env = Self {
            exporter: vec![http_server::ok(exposition)],
            url: None,
            api: Plan {
                get: Vec::<Reply>::new(),
                patch: Vec::new(),
                certificate: Certificate::Good,
                address: "127.0.0.1:0",
                replicas: i64::from(!["up", "watch"].contains(&action)),
                write_zero: false,
            },
            env: vec![
                ("ACTION", action.into()),
                ("FLOOR", "6442450944".into()),
                ("GPU_TOTAL", "17179869184".into()),
                ("DEPLOYMENT", "chatterbox-tts".into()),
                ("SAMPLES", "1".into()),
            ],
            args: Vec::new(),
            mount: vec![
                ("token", format!("{TOKEN}\n").into_bytes()),
                ("ca.crt", api_server::authority().pem.clone().into_bytes()),
                ("namespace", b"tts".to_vec()),
            ],
            termination_log: true,
            stderr_read: true,
        };
        if action == "watch" {
            env.set("JOB_NAME", job_name(0));
            env.set("WINDOW", "3600s");
            env.set("INTERVAL", "200ms");
        }
        env
    }

    /// Sets an environment variable.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.env.push((name, value.into()));
    }

    /// Runs the gate once.
    pub(crate) fn run(self) -> CommandOutput {
        self.run_by(&[], |_| {})
    }

    /// Runs the gate once by another program, if one is given, with an action while it runs.
    pub(crate) fn run_by(
        self,
        program: &[&str],
        during: impl FnOnce(&Running<'_>),
    ) -> CommandOutput {
        let pod = self.start();
        let child = pod.spawn(program);
        during(&Running { process: child.id(), api: &pod.api, exporter: &pod.exporter });
        let output = child.wait_with_output().unwrap();
        CommandOutput {
            code: output.status.code().expect("an exit code, not a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            message: pod.message(),
            api: pod.api,
            exporter: pod.exporter,
        }
    }

    /// Starts the servers, and mounts the files.
    pub(crate) fn start(self) -> Pod {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().join("mount");
        fs::create_dir(&mount).unwrap();
        for (name, bytes) in &self.mount {
            fs::write(mount.join(name), bytes).unwrap();
        }
        if self.termination_log {
            fs::write(folder.path().join("termination-log"), "").unwrap();
        }
        let exporter = http_server::serve(self.exporter.clone());
        let api = api_server::start(self.api.clone(), TOKEN);
        Pod { env: self, folder, api, exporter }
    }
}

/// A Pod whose container may be started several times.
pub(crate) struct Pod {
    env: TestEnv,
    folder: tempfile::TempDir,
    pub(crate) api: ApiServer,
    pub(crate) exporter: Server,
}

impl Pod {
    /// Returns the termination message.
    pub(crate) fn message(&self) -> Option<String> {
        fs::read_to_string(self.folder.path().join("termination-log")).ok()
    }

    /// Starts the gate, by another program if one is given.
    pub(crate) fn spawn(&self, program: &[&str]) -> Child {
        self.command(program).spawn().unwrap()
    }

    fn command(&self, program: &[&str]) -> Command {
        let mut command = match program {
            [] => Command::new(gate_binary()),
            [program, args @ ..] => {
                let mut command = Command::new(program);
                command.args(args).arg(gate_binary());
                command
            }
        };
        command
            .env_clear()
            .args(&self.env.args)
            .env("METRICS_URL", format!("http://{}/metrics", self.exporter.address))
            .env("KUBERNETES_SERVICE_HOST", self.api.address.ip().to_string())
            .env("KUBERNETES_SERVICE_PORT", self.api.address.port().to_string())
            .env("SERVICE_ACCOUNT_DIR", self.folder.path().join("mount"))
            .env("TERMINATION_LOG", self.folder.path().join("termination-log"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(url) = &self.env.url {
            let port = self.exporter.address.port().to_string();
            command.env("METRICS_URL", url.replace("{port}", &port));
        }
        for (name, value) in &self.env.env {
            command.env(name, value);
        }
        command.stderr(if self.env.stderr_read { Stdio::piped() } else { Stdio::null() });
        command
    }
}

/// Returns the name of a Job that was scheduled so many minutes ago.
pub(crate) fn job_name(minutes_ago: u64) -> String {
    format!("chatterbox-tts-window-{}", seconds_since_1970() / 60 - minutes_ago)
}

/// Returns the seconds since 1970.
pub(crate) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Sends a signal to a process.
pub(crate) fn kill(process: u32, signal: &str) {
    let process = process.to_string();
    assert!(Command::new("/bin/kill").args([signal, &process]).status().unwrap().success());
}

/// Returns the path of the binary under test.
pub(crate) fn gate_binary() -> PathBuf {
    env!("CARGO_BIN_EXE_vram-gate").into()
}
