//! A cluster for tests: etcd, the API server and, on request, the controllers, the scheduler and KWOK, on
//! loopback.
//!
//! [`Cluster::start`] returns a cluster that is ready. Dropping it, or the death of the test process, kills its
//! programs and removes its folder. [`Cluster::shared`] is for tests that use a namespace of their own, or dry
//! runs. etcd, kube-apiserver, kube-controller-manager and kubectl come from the PATH (`tests/tools/build etcd
//! kubernetes`), as do kube-scheduler and kwok (`tests/tools/build kwok`).

#![allow(dead_code, reason = "a harness, of which not every module uses all")]

mod api;
mod certificates;
mod definitions;
mod keeper;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

pub use api::{APPLY, Answer, Api, MERGE};
pub use definitions::{
    ALERTS, POLICIES, PROMETHEUS_OPERATOR, SCALABLE, WIRING, module_folder, of_argo_cd,
};
use keeper::Keeper;
use serde_json::json;

use crate::common::tool::CommandOutput;

/// The longest start of a program, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running cluster.
pub struct Cluster {
    // In the order in which they are killed. The folder is removed with etcd.
    others: Mutex<Vec<Keeper>>,
    controllers: Mutex<Option<Keeper>>,
    server: Mutex<Option<Keeper>>,
    _etcd: Keeper,
    folder: PathBuf,
    port: u16,
    etcd_port: u16,
    api: Api,
}

impl Cluster {
    /// Starts etcd and the API server, and waits until it serves.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("tts-render-e2e-").tempdir().unwrap().keep();
        certificates::write(&folder);
        let (etcd, etcd_port) = start_etcd(&folder);
        let mut tries = 1..=3;
        loop {
            // Another process may take the free port before the server listens on it.
            let (port, last) = (free_port(), tries.next() == Some(3));
            let url = format!("https://127.0.0.1:{port}");
            let mut server = start_server(&folder, port, etcd_port);
            let api = Api::with_certificate(&url, &folder, "admin");
            match wait_until_ready(&api, &mut server) {
                Ok(()) => {
                    for user in ["admin", "controllers", "scheduler"] {
                        certificates::write_kubeconfig(&folder, user, &url);
                    }
                    let server = Mutex::new(Some(server));
                    let controllers = Mutex::default();
                    return Cluster {
                        others: Mutex::default(),
                        controllers,
                        server,
                        _etcd: etcd,
                        folder,
                        port,
                        etcd_port,
                        api,
                    };
                }
                Err(output) => assert!(!last, "kube-apiserver does not start:\n{output}"),
            }
        }
    }

    /// One cluster for all tests of this process that do not affect each other.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Cluster::start)
    }

    /// A client as the administrator.
    pub fn admin(&self) -> &Api {
        &self.api
    }

    /// A client as the administrator, with another user agent.
    pub fn as_client(&self, client: &str) -> Api {
        Api::with_certificate(&self.url(), &self.folder, "admin").named(client)
    }

    /// A client with this token.
    pub fn with_token(&self, token: &str) -> Api {
        Api::with_token(&self.url(), &self.folder, token)
    }

    /// A token of a service account by TokenRequest, as a Pod gets it.
    #[track_caller]
    pub fn token(&self, namespace: &str, service_account: &str, seconds: u32) -> String {
        let path =
            format!("/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        });
        let request = request.to_string();
        let answer = self.api.send("POST", &path, "application/json", &request).unwrap().object();
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Runs kubectl as the administrator.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut command = Command::new("kubectl");
        command
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
            .env("KUBECACHEDIR", self.folder.join("kubectl-cache"));
        CommandOutput::with_input(&mut command, input)
    }

    /// Runs kubectl, which must succeed without standard error, and returns its output.
    #[track_caller]
    pub fn kubectl_ok(&self, arguments: &[&str], input: &str) -> String {
        let output = self.kubectl(arguments, input);
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (0, ""),
            "kubectl {arguments:?}: {}",
            output.stdout
        );
        output.stdout
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The API server's port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of etcd on loopback.
    pub fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd_port)
    }

    /// The file with the certificate that signs the server's.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// Kills the API server; its store stays.
    pub fn stop_server(&self) {
        *self.server.lock().unwrap() = None;
    }

    /// Starts the API server again, on the same port and store.
    pub fn start_server(&self) {
        let mut server = start_server(&self.folder, self.port, self.etcd_port);
        if let Err(output) = wait_until_ready(&self.api, &mut server) {
            panic!("kube-apiserver does not start again:\n{output}");
        }
        *self.server.lock().unwrap() = Some(server);
    }

    /// Starts the controller manager with these controllers, or all if none is named. Each has Kubernetes' own
    /// service account and role for it.
    pub fn start_controllers(&self, names: &[&str]) {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let names = if names.is_empty() { "*".to_owned() } else { names.join(",") };
        let arguments = [
            format!("--kubeconfig={}", file("controllers.kubeconfig")),
            format!("--root-ca-file={}", file("ca.crt")),
            format!("--service-account-private-key-file={}", file("service-account.key")),
            format!("--controllers={names}"),
            "--use-service-account-credentials=true".to_owned(),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        let keeper = Keeper::start("kube-controller-manager", &arguments, &self.folder, false);
        *self.controllers.lock().unwrap() = Some(keeper);
    }

    /// Starts the scheduler, with Kubernetes' own role for it.
    pub fn start_scheduler(&self) {
        let kubeconfig = self.folder.join("scheduler.kubeconfig");
        self.start_other(
            "kube-scheduler",
            &[
                format!("--kubeconfig={}", kubeconfig.display()),
                format!("--authentication-kubeconfig={}", kubeconfig.display()),
                format!("--authorization-kubeconfig={}", kubeconfig.display()),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
            ],
        );
    }

    /// Starts KWOK with these stages. It is the kubelet of each node with the annotation
    /// `kwok.x-k8s.io/node: fake`.
    pub fn start_kwok(&self, stages: &Path) {
        self.start_other(
            "kwok",
            &[
                format!("--kubeconfig={}", self.kubeconfig().display()),
                format!("--config={}", stages.display()),
                "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".to_owned(),
            ],
        );
    }

    fn start_other(&self, program: &str, arguments: &[String]) {
        let keeper = Keeper::start(program, arguments, &self.folder, false);
        self.others.lock().unwrap().push(keeper);
    }

    /// The end of the output of the scheduler and of KWOK.
    pub fn others_output(&self) -> String {
        self.others.lock().unwrap().iter().map(Keeper::output).collect::<Vec<_>>().join("\n\n")
    }

    /// The end of the controller manager's output.
    pub fn controllers_output(&self) -> String {
        self.controllers.lock().unwrap().as_ref().map(Keeper::output).unwrap_or_default()
    }

    /// Kills the controller manager.
    pub fn stop_controllers(&self) {
        *self.controllers.lock().unwrap() = None;
    }
}

/// Calls a function until it returns something; fails the test after [`PATIENCE`].
#[track_caller]
pub fn until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not in {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A free port on loopback.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn start_etcd(folder: &Path) -> (Keeper, u16) {
    for last in [false, false, true] {
        let (port, peer_port) = (free_port(), free_port());
        let (client, peer) =
            (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
        let arguments = [
            format!("--data-dir={}", folder.join(format!("etcd-{port}")).display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        let mut etcd = Keeper::start("etcd", &arguments, folder, true);
        let health = format!("{client}/health");
        let ended = until("etcd", || match etcd.ended() {
            Some(output) => Some(Some(output)),
            None => ureq::get(&health).call().is_ok().then_some(None),
        });
        match ended {
            None => return (etcd, port),
            Some(output) if last => {
                let _ = fs::remove_dir_all(folder);
                panic!("etcd does not start:\n{output}");
            }
            Some(_) => {}
        }
    }
    unreachable!()
}

/// Starts the API server as kubeadm does, without the parts that need a network or a node.
fn start_server(folder: &Path, port: u16, etcd_port: u16) -> Keeper {
    let file = |name: &str| folder.join(name).display().to_string();
    let arguments = [
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        format!("--service-account-signing-key-file={}", file("service-account.key")),
        format!("--service-account-key-file={}", file("service-account.pub")),
    ];
    Keeper::start("kube-apiserver", &arguments, folder, false)
}

/// Waits until the server is ready and its own namespaces exist.
///
/// # Errors
/// The end of the server's output, if it ended or is not ready in time.
fn wait_until_ready(api: &Api, server: &mut Keeper) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let answers = |path| api.send("GET", path, "", "").is_ok_and(|answer| answer.done());
        if answers("/readyz") && answers("/api/v1/namespaces/default") {
            return Ok(());
        }
        if let Some(output) = server.ended() {
            return Err(output);
        }
        if Instant::now() > end {
            return Err(format!("not ready in {} s:\n{}", PATIENCE.as_secs(), server.output()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
