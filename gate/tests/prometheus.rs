//! The gate with a real Prometheus that scrapes an exporter on loopback: working, with a Pod that ended,
//! with old samples, with a dead exporter, overloaded, killed.

#![cfg(test)]

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::has_program;
use support::http_server::{Server, Step, ok, serve_with};
use support::test_env::{GI, METRIC, TestEnv, exposition_of, full_gpu, roomy_gpu};

/// Prometheus, which is killed with the test.
struct Prometheus {
    child: Child,
    port: u16,
    page: Arc<Mutex<String>>,
    _exporter: Server,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Starts Prometheus with an exporter that serves a page; an empty page is an error of the exporter.
    fn start(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let page = Arc::new(Mutex::new(page.to_owned()));
        let served = Arc::clone(&page);
        let exporter =
            serve_with("127.0.0.1:0", move |_, _| match served.lock().unwrap().as_str() {
                "" => Step::Close,
                page => ok(page),
            });
        let config = format!(
            // On a machine under load a shorter limit fails every scrape, and there is no series.
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs:\n\
             - job_name: gpu\n  honor_labels: true\n  static_configs: [{{targets: ['{}']}}]\n",
            exporter.address
        );
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(folder.path(), port);
        Self { child, port, page, _exporter: exporter, _folder: folder }
    }

    fn serve(&self, page: &str) {
        page.clone_into(&mut self.page.lock().unwrap());
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Runs the gate until its line contains a text; returns the replicas after that run.
    fn run_until(&self, action: &str, line_part: &str, settings: &[(&'static str, &str)]) -> i64 {
        let start = Instant::now();
        loop {
            let mut env = TestEnv::new(action);
            env.exporter = vec![ok(full_gpu())];
            env.set("PROMETHEUS_URL", format!("http://127.0.0.1:{}/", self.port));
            env.set("SCRAPE_TIMEOUT", "3s");
            for (name, value) in settings {
                env.set(name, *value);
            }
            let output = env.run();
            assert_eq!(output.code, 0, "{}", output.stderr);
            if output.stderr.contains(line_part) {
                return output.api.replicas();
            }
            let waited = start.elapsed();
            assert!(waited < Duration::from_secs(60), "{line_part}: {}", output.stderr);
            sleep(Duration::from_millis(300));
        }
    }
}

fn spawn(folder: &Path, port: u16) -> Child {
    Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

#[test]
fn the_gate_reads_prometheus() {
    if !has_program("prometheus") {
        return;
    }
    let prometheus = Prometheus::start(&roomy_gpu());
    let run = |action: &str, line_part: &str, settings: &[(&'static str, &str)]| {
        prometheus.run_until(action, line_part, settings)
    };

    // Two samples of different times.
    let two = &[("SAMPLES", "2"), ("SAMPLE_INTERVAL", "0")];
    assert_eq!(run("up", "used=8Gi", two), 1);
    assert_eq!(run("guard", "the floor and the reserve are free", &[]), 1);
    assert_eq!(run("guard", "series=1", &[("SELECT", "namespace=\"immich\"")]), 1);
    let whole = ("PROMETHEUS_QUERY", "sum by (namespace) (gpu_pod_memory_used_bytes)");
    let age = ("PROMETHEUS_AGE_QUERY", "min(timestamp(gpu_pod_memory_used_bytes))");
    assert_eq!(run("up", "used=8Gi", &[whole, age]), 1);
    assert_eq!(run("up", "used=4Gi", &[("PROMETHEUS_QUERY", "{pid=\"0\"}")]), 1);
    assert_eq!(run("guard", "answered 400", &[whole, ("PROMETHEUS_AGE_QUERY", "min(")]), 0);
    let scalar = ("PROMETHEUS_QUERY", "scalar(gpu_pod_memory_used_bytes)");
    assert_eq!(run("guard", "answered 4", &[scalar, age]), 0);

    // The GPU fills up.
    prometheus.serve(&full_gpu());
    assert_eq!(run("guard", "used=12Gi", &[]), 0);
    assert_eq!(run("up", "used=12Gi", &[]), 0);

    // A Pod ended: its series is not counted, and its last sample's age does not matter.
    prometheus.serve(&exposition_of(&[("immich", GI)]));
    assert_eq!(run("up", "series=1", &[]), 1);

    // Another metric.
    let idle = &[("METRIC", "other_metric"), ("NO_SERIES", "idle")];
    assert_eq!(run("guard", "has no series", idle), 0);

    // An exporter with timestamps of two minutes ago: Prometheus still answers with its samples.
    let labels = "namespace=\"old\",pid=\"7\"";
    prometheus.serve(&format!("{METRIC}{{{labels}}} 1 {}\n", now_ms() - 120_000));
    assert_eq!(run("guard", "is stale", &[]), 0);
    let patient = &[("MAX_AGE", "10m"), ("SELECT", "namespace=\"old\"")];
    assert_eq!(run("guard", "series=1", patient), 1);

    // The exporter is gone: its series end, save the one with its own timestamp.
    prometheus.serve("");
    assert_eq!(run("guard", "has no series", &[("SELECT", "namespace=\"immich\"")]), 0);

    // Overloaded: the kernel accepts the connection, and nobody answers.
    prometheus.signal("-STOP");
    assert_eq!(run("guard", "timeout", &[("SCRAPE_TIMEOUT", "300ms")]), 0);
    assert_eq!(run("up", "timeout", &[("SCRAPE_TIMEOUT", "300ms")]), 0);
    prometheus.signal("-CONT");

    // Killed.
    prometheus.signal("-KILL");
    assert_eq!(run("guard", "Connection refused", &[]), 0);
    assert_eq!(run("up", "Connection refused", &[]), 0);
}
