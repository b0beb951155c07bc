//! The cost of a watch: memory and processor time over 100,000 looks, and at its usual pace.
//! `gate.sh watch` builds the binary and passes its path.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, clippy::print_stderr)] // The program's purpose is to print a table.

#[path = "../tests/support/mod.rs"]
mod support;

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::api_server::{self, ApiServer, Certificate, Plan};
use support::http_server::{ok, serve_with};
use support::test_env::{GI, TOKEN, exposition_of, job_name};

/// The looks after which the memory is read.
const STAGES: [usize; 5] = [1_000, 10_000, 25_000, 50_000, 100_000];

/// The looks at the usual pace.
const SLOW_LOOKS: usize = 20;

/// The unit of times in `/proc/PID/stat`: `getconf CLK_TCK` is 100 on every common Linux.
const TICK: Duration = Duration::from_millis(10);

fn main() {
    // `cargo bench` adds `--bench`.
    let Some(binary) = std::env::args().skip(1).find(|arg| !arg.starts_with("--")) else {
        println!("run by gate/benches/gate.sh watch");
        return;
    };
    println!("| looks | RSS | CPU a look | wall |\n|---|---|---|---|");
    let fast = Watch::start(&binary, "1ms");
    for looks in STAGES {
        fast.report(looks, "");
    }
    drop(fast);
    Watch::start(&binary, "5s").report(SLOW_LOOKS, ", every 5 s");
    println!("\n{} bytes", std::fs::metadata(&binary).unwrap().len());
}

/// A watch over a GPU with 24 processes, whose tenant runs.
struct Watch {
    child: Child,
    api: ApiServer,
    start: Instant,
    _folder: tempfile::TempDir,
}

impl Watch {
    fn start(binary: &str, interval: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        std::fs::write(folder.path().join("ca.crt"), &api_server::authority().pem).unwrap();
        let usage: Vec<(&str, u64)> = (0..24).map(|_| ("immich", GI / 4)).collect();
        let page = exposition_of(&usage);
        let exporter = serve_with("127.0.0.1:0", move |_, _| ok(&page));
        let plan = Plan {
            get: Vec::new(),
            patch: Vec::new(),
            certificate: Certificate::Good,
            address: "127.0.0.1:0",
            replicas: 1,
            write_zero: false,
        };
        let api = api_server::start(plan, TOKEN);
        let mut command = Command::new(binary);
        command.arg("watch").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for (flag, value) in [
            ("floor", "6Gi".to_owned()),
            ("gpu-total", "16Gi".to_owned()),
            ("interval", interval.to_owned()),
            ("window", "14400s".to_owned()),
            ("job-name", job_name(0)),
            ("heartbeat", folder.path().join("heartbeat").display().to_string()),
            ("namespace", "tts".to_owned()),
            ("deployment", "chatterbox-tts".to_owned()),
            ("metrics-url", format!("http://{}/metrics", exporter.address)),
            ("service-account-dir", folder.path().display().to_string()),
            ("kubernetes-service-host", api.address.ip().to_string()),
            ("kubernetes-service-port", api.address.port().to_string()),
        ] {
            command.arg(format!("--{flag}={value}"));
        }
        let child = command.spawn().unwrap();
        Self { child, api, start: Instant::now(), _folder: folder }
    }

    /// Waits for so many looks, and prints a row.
    fn report(&self, looks: usize, suffix: &str) {
        while self.api.gets() < looks {
            assert_eq!(self.api.patches(), 0, "it must leave the tenant alone");
            sleep(Duration::from_millis(20));
        }
        let (cpu, wall) = (self.cpu() / u32::try_from(looks).unwrap(), self.start.elapsed());
        let rss = self.rss();
        println!("| {looks}{suffix} | {rss} KiB | {cpu:.2?} | {wall:.1?} |");
    }

    fn rss(&self) -> u64 {
        let file = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(file).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // Fields 14 and 15 of proc(5); the first two come before the `)`.
        TICK * (fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
