//! The gate as the cluster runs it: a process with an environment, a mounted
//! service account, an exporter and an API server.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::api::{self, Api, Certificate, Plan, Reply};
use super::plain::{self, Server, Step};

/// What a service account's token looks like, and must never be printed.
pub(crate) const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0LXRva2Vu.c2lnbmF0dXJl";

pub(crate) const METRIC: &str = "gpu_pod_memory_used_bytes";

/// A page on which these namespaces use so many bytes.
pub(crate) fn page_of(usage: &[(&str, u64)]) -> String {
    let series = |(pid, (namespace, bytes)): (usize, &(&str, u64))| {
        format!("{METRIC}{{namespace=\"{namespace}\",pid=\"{pid}\"}} {bytes}\n")
    };
    let lines: String = usage.iter().enumerate().map(series).collect();
    format!("# TYPE {METRIC} gauge\n{lines}")
}

pub(crate) const GI: u64 = 1 << 30;

/// A card of 16 GiB with 8 free: `up` may start, `guard` may stay.
pub(crate) fn roomy() -> String {
    page_of(&[("immich", 4 * GI), ("frigate", 4 * GI)])
}

/// A card of 16 GiB with 4 free: `up` may not start, `guard` must yield.
pub(crate) fn full() -> String {
    page_of(&[("immich", 8 * GI), ("frigate", 4 * GI)])
}

/// Everything around one run.
pub(crate) struct World {
    /// What the exporter does, connection by connection.
    pub(crate) exporter: Vec<Step>,
    /// Where the gate looks for it, when it is not there.
    pub(crate) url: Option<String>,
    pub(crate) api: Plan,
    pub(crate) env: Vec<(&'static str, OsString)>,
    pub(crate) args: Vec<OsString>,
    /// The mounted files, by name.
    pub(crate) mount: Vec<(&'static str, Vec<u8>)>,
    /// Whether the termination message's file is there.
    pub(crate) termination_log: bool,
    /// Whether anybody reads stderr.
    pub(crate) stderr_read: bool,
}

/// What came of it.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) line: String,
    pub(crate) stdout: String,
    pub(crate) message: Option<String>,
    pub(crate) api: Api,
    pub(crate) exporter: Server,
}

impl World {
    /// A world in which all is well, and the action has something to do.
    pub(crate) fn new(action: &str) -> Self {
        let exporter = if action == "guard" { full() } else { roomy() };
        let env = |name, value: &str| (name, OsString::from(value));
        Self {
            exporter: vec![plain::page(exporter)],
            url: None,
            api: Plan {
                get: Vec::<Reply>::new(),
                patch: Vec::new(),
                certificate: Certificate::Good,
                address: "127.0.0.1:0",
                replicas: i64::from(action != "up"),
                write_zero: false,
            },
            env: vec![
                env("ACTION", action),
                env("FLOOR", "6442450944"),
                env("GPU_TOTAL", "17179869184"),
                env("DEPLOYMENT", "chatterbox-tts"),
                env("SAMPLES", "1"),
            ],
            args: Vec::new(),
            mount: vec![
                ("token", format!("{TOKEN}\n").into_bytes()),
                ("ca.crt", api::authority().pem.clone().into_bytes()),
                ("namespace", b"tts".to_vec()),
            ],
            termination_log: true,
            stderr_read: true,
        }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.env.push((name, value.into()));
    }

    /// Runs the gate once.
    pub(crate) fn run(self) -> Ran {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().join("mount");
        fs::create_dir(&mount).unwrap();
        for (name, bytes) in &self.mount {
            fs::write(mount.join(name), bytes).unwrap();
        }
        let log = folder.path().join("termination-log");
        if self.termination_log {
            fs::write(&log, "").unwrap();
        }
        let exporter = plain::serve(self.exporter.clone());
        let api = api::start(self.api.clone(), TOKEN);
        let output = self.command(&mount, &log, &exporter, &api).output().unwrap();
        let message = fs::read_to_string(&log).ok();
        Ran {
            code: output.status.code(),
            line: String::from_utf8(output.stderr).unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            message,
            api,
            exporter,
        }
    }

    fn command(&self, mount: &Path, log: &Path, exporter: &Server, api: &Api) -> Command {
        let mut command = Command::new(gate());
        command
            .env_clear()
            .args(&self.args)
            .env("METRICS_URL", format!("http://{}/metrics", exporter.address))
            .env("KUBERNETES_SERVICE_HOST", api.address.ip().to_string())
            .env("KUBERNETES_SERVICE_PORT", api.address.port().to_string())
            .env("SERVICE_ACCOUNT_DIR", mount)
            .env("TERMINATION_LOG", log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(url) = &self.url {
            command.env("METRICS_URL", url.replace("{port}", &exporter.address.port().to_string()));
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command.stderr(if self.stderr_read { Stdio::piped() } else { Stdio::null() });
        command
    }
}

/// The binary under test.
pub(crate) fn gate() -> PathBuf {
    env!("CARGO_BIN_EXE_vram-gate").into()
}
