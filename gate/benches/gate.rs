//! The gate's size and speed. `gate.sh` builds the binary and passes its path.
//!
//! The gate runs against an exporter and an API server with TLS on loopback, `up` and `guard` in turn, so
//! that each run sends a PATCH.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, clippy::print_stderr)] // The program's purpose is to print a table.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::api_server::{self, Certificate, Plan};
use support::http_server::{ok, serve_with};
use support::test_env::{TOKEN, full_gpu, roomy_gpu};
use vram_gate::exposition::{MetricUnit, Query, parse};

const RUNS: u32 = 200;
/// The unit of times in `/proc/self/stat`: `getconf CLK_TCK` is 100 on every common Linux.
const TICK: Duration = Duration::from_millis(10);

fn main() {
    // `cargo bench` adds `--bench`.
    let Some(binary) = std::env::args().skip(1).find(|arg| !arg.starts_with("--")) else {
        println!("run by gate/benches/gate.sh");
        return;
    };
    let binary = Path::new(&binary);
    println!(
        "| what | wall (median; parsing: best) | CPU | max RSS | size |\n|---|---|---|---|---|"
    );
    measure_decision(binary);
    measure_script_programs();
    measure_parsing();
}

/// Measures one decision: a scrape, then GET and PATCH over TLS.
fn measure_decision(binary: &Path) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), TOKEN).unwrap();
    std::fs::write(folder.path().join("ca.crt"), &api_server::authority().pem).unwrap();
    let exporter = serve_with("127.0.0.1:0", |path, _| {
        ok(if path == "/up" { roomy_gpu() } else { full_gpu() })
    });
    let plan = Plan {
        get: Vec::new(),
        patch: Vec::new(),
        certificate: Certificate::Good,
        address: "127.0.0.1:0",
        // The first run is a guard's.
        replicas: 1,
        write_zero: false,
    };
    let server = api_server::start(plan, TOKEN);
    let mut runs = 0;
    let mut command = || {
        let action = if runs % 2 == 0 { "up" } else { "guard" };
        runs += 1;
        let mut args = vec![binary.display().to_string(), action.to_owned()];
        let address = server.address;
        for (flag, value) in [
            ("floor", "6Gi".to_owned()),
            ("gpu-total", "16Gi".to_owned()),
            ("samples", "1".to_owned()),
            ("namespace", "tts".to_owned()),
            ("deployment", "chatterbox-tts".to_owned()),
            ("metrics-url", format!("http://{}/{action}", exporter.address)),
            ("service-account-dir", folder.path().display().to_string()),
            ("kubernetes-service-host", address.ip().to_string()),
            ("kubernetes-service-port", address.port().to_string()),
        ] {
            args.push(format!("--{flag}={value}"));
        }
        args
    };
    let size = std::fs::metadata(binary).unwrap().len();
    measure_runs(
        "vram-gate: scrape, GET and PATCH over TLS",
        &format!("{size} bytes"),
        &mut command,
    );
    assert!(server.patches() >= RUNS as usize, "each run must send a PATCH");
    let help = || vec![binary.display().to_string(), "--version".to_owned()];
    measure_runs("vram-gate --version", "", help);
}

/// Measures the programs that the shell script started, each with its least work.
fn measure_script_programs() {
    let exporter = serve_with("127.0.0.1:0", |_, _| ok(roomy_gpu()));
    let words = |text: String| move || text.split('\t').map(str::to_owned).collect();
    let url = format!("http://{}/", exporter.address);
    measure_runs("curl: the scrape", "", words(format!("curl\t-sf\t-m\t10\t{url}")));
    let sum = "/^gpu_pod_memory_used_bytes\\{/ { s += $NF } END { printf \"%d\", s }";
    measure_runs("gawk: the sum of nothing", "", words(format!("gawk\t{sum}\t/dev/null")));
    measure_runs("kubectl version --client", "", words("kubectl\tversion\t--client".to_owned()));
}

fn measure_runs(what: &str, size: &str, mut command: impl FnMut() -> Vec<String>) {
    let first = command();
    if !first[0].starts_with('/') && !support::has_program(&first[0]) {
        return;
    }
    let mut walls = Vec::new();
    let before = cpu_of_children();
    for _ in 0..RUNS {
        let args = command();
        let mut child = Command::new(&args[0]);
        child.args(&args[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = child.status().unwrap();
        walls.push(start.elapsed());
        assert!(status.success(), "{args:?}: {status}");
    }
    let cpu = (cpu_of_children() - before) / RUNS;
    walls.sort_unstable();
    let wall = walls[walls.len() / 2];
    // Two runs, one per action, so that the actions stay in turn.
    let rss = max_rss(&command()).max(max_rss(&command()));
    let rss = rss.map_or("GNU time is missing".to_owned(), |kib| format!("{kib} KiB"));
    println!("| {what} | {wall:.2?} | {cpu:.2?} | {rss} | {size} |");
}

/// Returns the CPU time of all children that have ended.
fn cpu_of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 16 and 17 of proc(5); the first two come before the `)`.
    let ticks: u32 = fields[13].parse::<u32>().unwrap() + fields[14].parse::<u32>().unwrap();
    TICK * ticks
}

fn max_rss(args: &[String]) -> Option<u64> {
    let output = Command::new("/usr/bin/time").args(["-f", "%M"]).args(args).output().ok()?;
    String::from_utf8(output.stderr).ok()?.lines().last()?.parse().ok()
}

/// Measures the parser on ten mebibytes of series.
fn measure_parsing() {
    let mut text = String::new();
    let mut pid = 0;
    while text.len() < 10 << 20 {
        pid += 1;
        text.push_str(&format!(
            "gpu_pod_memory_used_bytes{{namespace=\"immich\",pod=\"immich-ml-5d9c7b6f4-x2x7p\",container=\"immich-ml\",\
             process_name=\"/usr/local/bin/python3\",pid=\"{pid}\"}} 2034237440\n"
        ));
    }
    let other = text.replace("gpu_pod_memory_used_bytes", "another_metric_of_the_page");
    let query = Query {
        metric: "gpu_pod_memory_used_bytes".into(),
        unit: MetricUnit::Bytes,
        namespace: "tts".into(),
        ..Query::default()
    };
    for (what, text) in [("of the metric", &text), ("of another metric", &other)] {
        let times = (0..15).map(|_| {
            let start = Instant::now();
            black_box(parse(black_box(text.as_bytes()), &query)).unwrap();
            start.elapsed()
        });
        // The best time, because the others also measure other load on the machine.
        let time = times.min().unwrap();
        let speed = text.len() as f64 / 1e6 / time.as_secs_f64();
        println!("| parsing 10 MiB of series {what} | {time:.1?} | {speed:.0} MB/s | | |");
    }
}
