//! A plugin server of Argo CD in a temporary folder, with this project's plugin.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::tool::{Sandbox, objects, repository, run_in};
use crate::programs::program;

/// The limit for every step of a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// The objects that `gitops argocd --from plugin` prints for this repository, with more settings.
pub fn plugin_wiring(more: &[&str]) -> Vec<Value> {
    let set = [
        "gitops.repoURL=https://git.example/me/infra.git",
        "gitops.argocd.pluginImage.repository=git.example/me/tts-render",
        "gitops.argocd.pluginImage.tag=0.1.0",
        "gitops.policies=true",
    ];
    let arguments: Vec<&str> = set.iter().chain(more).flat_map(|one| ["--set", one]).collect();
    let made =
        run_in(repository(), &[&["gitops", "argocd", "--from", "plugin"], &arguments[..]].concat());
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    objects(&made.stdout)
}

/// A running server, killed on drop.
pub struct CmpServer {
    folder: TempDir,
    socket: PathBuf,
    process: Child,
}

impl CmpServer {
    /// Starts it with the `plugin.yaml` of the wiring's ConfigMap, and waits for its socket.
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["bin", "client", "config", "plugins", "tmp"] {
            fs::create_dir(path(name)).unwrap();
        }
        let wiring = plugin_wiring(&[]);
        let file = wiring.iter().find_map(|object| object["data"]["plugin.yaml"].as_str()).unwrap();
        fs::write(path("config/plugin.yaml"), file).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_tts-render"));
        if fs::hard_link(binary, path("bin/tts-render")).is_err() {
            fs::copy(binary, path("bin/tts-render")).unwrap();
        }
        let log = File::create(path("log")).unwrap();
        let process = Command::new(program("argocd-cmp-server"))
            .arg("--config-dir-path")
            .arg(path("config"))
            .env_clear()
            .env("PATH", path("bin"))
            .env("TMPDIR", path("tmp"))
            .env("ARGOCD_PLUGINSOCKFILEPATH", path("plugins"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = CmpServer { socket: PathBuf::new(), process, folder };
        server.waits_until("the socket is there", || server.listens().is_some());
        server.socket = server.listens().unwrap();
        server
    }

    /// The socket for calls.
    fn listens(&self) -> Option<PathBuf> {
        let sockets = fs::read_dir(self.folder.path().join("plugins")).unwrap();
        let mut sockets = sockets.map(|entry| entry.unwrap().path());
        sockets.find(|socket| UnixStream::connect(socket).is_ok())
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Calls it as the repo-server does.
    pub fn ask(&self, method: &str, about: &Asked<'_>) -> Result<Value, Refused> {
        let mut client = Command::new(program("cmp-client"));
        client
            // Argo CD's packing leaves an empty folder behind, until 3.5.
            .env("TMPDIR", self.folder.path().join("client"))
            .arg("-socket")
            .arg(&self.socket)
            .arg("-root")
            .arg(about.repository.path("").canonicalize().unwrap())
            .args(["-app", &about.path, "-deadline", &format!("{}ms", about.deadline.as_millis())]);
        for (name, text) in &about.environment {
            client.arg("-env").arg(format!("{name}={text}"));
        }
        let output = client.arg(method).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {said}\n{}", self.log()));
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        match output.status.code() {
            Some(0) => Ok(answer),
            Some(1) => Err(Refused { code: text("code"), error: text("error") }),
            other => panic!("{other:?}: {said}"),
        }
    }

    /// The running processes of the plugin.
    pub fn plugins(&self) -> Vec<String> {
        let marked = format!("TMPDIR={}", self.folder.path().join("tmp").display());
        let mut running = Vec::new();
        for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            // A process may end while it is inspected.
            let Ok(environment) = fs::read(process.path().join("environ")) else { continue };
            let Ok(name) = fs::read_to_string(process.path().join("comm")) else { continue };
            let ours = environment.split(|byte| *byte == 0).any(|one| one == marked.as_bytes());
            if ours && process.file_name() != *self.process.id().to_string() {
                running.push(format!("{} {}", process.file_name().display(), name.trim()));
            }
        }
        running
    }

    /// The present copies of repositories.
    pub fn work(&self) -> Vec<PathBuf> {
        let copies = fs::read_dir(self.folder.path().join("tmp/_cmp_server")).unwrap();
        copies.map(|entry| entry.unwrap().path()).collect()
    }

    /// Checks after an answer that no copy, process or other file is left.
    #[track_caller]
    pub fn holds_nothing(&self) {
        self.waits_until("the copies are gone", || self.work().is_empty());
        self.waits_until("no plugin runs", || self.plugins().is_empty());
        let left = fs::read_dir(self.folder.path().join("tmp")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [OsStr::new("_cmp_server")]);
    }

    /// Waits for a condition; fails with the server's log.
    #[track_caller]
    pub fn waits_until(&self, what: &str, holds: impl Fn() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < PATIENCE, "{what}: never\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for CmpServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A question about a repository.
pub struct Asked<'a> {
    repository: &'a Sandbox,
    path: String,
    environment: BTreeMap<String, String>,
    deadline: Duration,
}

impl<'a> Asked<'a> {
    /// About an Application at its root, with a cluster's usual environment.
    pub fn of(repository: &'a Sandbox) -> Self {
        let environment = [
            ("ARGOCD_APP_NAME", "tts"),
            ("ARGOCD_APP_NAMESPACE", "tts"),
            ("ARGOCD_APP_PROJECT_NAME", "tts-render"),
            ("ARGOCD_APP_REVISION", "8a1b2c3d4e5f60718293a4b5c6d7e8f901234567"),
            ("ARGOCD_APP_SOURCE_REPO_URL", "https://git.example/me/infra.git"),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", "main"),
            ("KUBE_VERSION", "1.37.2"),
            ("KUBE_API_VERSIONS", "v1,apps/v1,batch/v1"),
        ];
        let environment = environment.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let asked = Asked { repository, path: String::new(), environment, deadline: PATIENCE };
        asked.at(".")
    }

    /// At a path in it.
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self.with("ARGOCD_APP_SOURCE_PATH", path)
    }

    /// With one more variable.
    pub fn with(mut self, name: &str, text: &str) -> Self {
        self.environment.insert(name.to_owned(), text.to_owned());
        self
    }

    /// With a deadline.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// An answer that is an error.
#[derive(Debug, PartialEq)]
pub struct Refused {
    pub code: String,
    pub error: String,
}

impl Refused {
    pub fn says(&self, text: &str) -> bool {
        self.error.contains(text)
    }
}
