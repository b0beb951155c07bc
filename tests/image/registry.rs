//! A real registry (Debian's docker-registry) on loopback. It ends with the test, even if that is killed.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::{self, require};

pub const USER: &str = "ann";
pub const PASSWORD: &str = "correct-horse-s3cret";

/// The setup of a registry.
#[derive(Default)]
pub struct Options {
    /// Require [`USER`] and [`PASSWORD`].
    pub password: bool,
    /// Use a certificate for `127.0.0.1` that no system trusts.
    pub tls: bool,
    /// Store on a disk of 1 MiB.
    pub small_disk: bool,
}

pub struct RealRegistry {
    /// `127.0.0.1:5000`.
    pub address: String,
    /// Its certificate, with TLS.
    pub certificate: PathBuf,
    child: Child,
    folder: TempDir,
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RealRegistry {
    /// Starts it; none if its programs are missing, which in CI is a failure.
    pub fn start(options: &Options) -> Option<Self> {
        let needed: [(bool, &[&str]); 4] = [
            (true, &["docker-registry", "--version"]),
            (true, &["setpriv", "--version"]),
            (options.password, &["sh", "-c", "command -v htpasswd"]),
            (options.small_disk, &["unshare", "-m", "sh", "-c", "mount -t tmpfs none /tmp"]),
        ];
        if !needed.iter().filter(|(is_needed, _)| *is_needed).all(|(_, tool)| require(tool)) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // Another process may take the port before the registry starts.
        let started = (0..5).find_map(|_| start(&folder, options));
        let (child, address) = started.expect("docker-registry does not start");
        let certificate = folder.path().join("cert.pem");
        Some(RealRegistry { address, certificate, child, folder })
    }

    /// Returns true if the registry stores a file of this path.
    pub fn has(&self, path: &str) -> bool {
        self.folder.path().join("data/docker/registry/v2").join(path).exists()
    }
}

fn start(folder: &TempDir, options: &Options) -> Option<(Child, String)> {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir_all(path("data")).unwrap();
    let mut config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n",
        path("data")
    );
    if options.password {
        let hash = common::run(&["htpasswd", "-nbB", USER, PASSWORD], "");
        fs::write(path("htpasswd"), hash).unwrap();
        config += &format!("auth:\n  htpasswd: {{realm: test, path: {}}}\n", path("htpasswd"));
    }
    config += &format!("http:\n  addr: {address}\n");
    if options.tls {
        let (key, certificate) = (path("key.pem"), path("cert.pem"));
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        fs::write(&certificate, made.cert.pem()).unwrap();
        config += &format!("  tls: {{certificate: {certificate}, key: {key}}}\n");
    }
    fs::write(path("config.yml"), config).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if options.small_disk {
        let script = "mount -t tmpfs -o size=1m none \"$0\" && exec docker-registry serve \"$1\"";
        command.args(["unshare", "-m", "sh", "-c", script, &path("data"), &path("config.yml")]);
    } else {
        command.args(["docker-registry", "serve", &path("config.yml")]);
    }
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().unwrap();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect(&address).is_ok() {
            return Some((child, address));
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
