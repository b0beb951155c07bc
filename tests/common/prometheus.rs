//! A real Prometheus on loopback, filled with recorded samples.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{require, run};

/// A Prometheus that ends with the test.
pub struct Prometheus {
    process: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    /// Returns true if the programs that it needs work; see [`require`].
    pub fn is_available() -> bool {
        ["prometheus", "promtool", "curl"].iter().all(|program| require(&[program, "--version"]))
    }

    /// Makes Prometheus' blocks of samples in OpenMetrics' format, in a folder, and serves them.
    pub fn start(folder: &Path, samples: &str) -> Self {
        let file = folder.join("samples.om");
        std::fs::write(&file, samples).unwrap();
        let data = folder.join("data");
        let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
        let longest = "--max-block-duration=744h";
        run(&["promtool", "tsdb", "create-blocks-from", "openmetrics", longest, file, data], "");
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={data}"))
            .arg("--storage.tsdb.retention.time=90d")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Prometheus { process, port };
        let start = Instant::now();
        let ready = format!("{}/-/ready", server.url());
        let is_ready = || {
            let status = Command::new("curl").args(["-sf", "-o", "/dev/null", &ready]).status();
            status.unwrap().success()
        };
        while !is_ready() {
            assert!(start.elapsed() < Duration::from_secs(120), "Prometheus is not ready");
            assert!(server.process.try_wait().unwrap().is_none(), "Prometheus has ended");
            std::thread::sleep(Duration::from_millis(200));
        }
        server
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The result of an instant query.
    #[track_caller]
    pub fn query(&self, expr: &str, time: i64) -> Vec<Value> {
        self.ask("query", expr, &[("time", time)])
    }

    /// The result of a range query.
    #[track_caller]
    pub fn query_range(&self, expr: &str, start: i64, end: i64, step: i64) -> Vec<Value> {
        self.ask("query_range", expr, &[("start", start), ("end", end), ("step", step)])
    }

    #[track_caller]
    fn ask(&self, path: &str, expr: &str, numbers: &[(&str, i64)]) -> Vec<Value> {
        let url = format!("{}/api/v1/{path}", self.url());
        let query = format!("query={expr}");
        let mut command = vec!["curl", "-s", &url, "--data-urlencode", &query];
        let numbers: Vec<String> =
            numbers.iter().map(|(name, number)| format!("{name}={number}")).collect();
        numbers.iter().for_each(|number| command.extend(["--data-urlencode", number]));
        let answer: Value = serde_json::from_str(&run(&command, "")).unwrap();
        assert_eq!(answer["status"], "success", "{expr}\n{answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }
}
