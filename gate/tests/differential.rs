//! The gate's arithmetic, tested against the shell script that it replaced.
//!
//! `fixtures/vram_gate_script.sh` is the script as it ran, byte for byte. It runs under bash with gawk as
//! `awk` and with stubs for `curl`, which prints an exposition, and `kubectl`, which records its arguments.
//! The expositions exclude what the script misreads, which is why it was replaced: a timestamp (read as
//! the value), a series without braces (not counted), a fraction of a byte (cut off), and every
//! exposition that Prometheus would refuse. They also exclude an `up` of a tenant with a replica, which the
//! gate leaves alone without a decision; the script scaled it to 1.

#![cfg(test)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use support::random::Random;
use vram_gate::decision::{Action, Count, NoSeries, OnScrapeFailure, Reading, Rules, decide};
use vram_gate::exposition::{MetricUnit, Query, parse};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vram_gate_script.sh");
const CASES: usize = 1_200;
const GI: u64 = 1 << 30;

/// Runs the script once for each line of standard input, each in its own subshell.
const DRIVER: &str = r#"
while read -r number ACTION FLOOR GPU_TOTAL; do
  export ACTION FLOOR GPU_TOTAL EXPOSITION="expositions/$number" CALLS="calls/$number"
  ( . "$SCRIPT" ) > "output/$number" 2>&1 || echo "exit $?" >> "output/$number"
done
"#;

/// Creates a folder with the stubs and with this program as `awk`.
fn script_sandbox(awk: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["bin", "expositions", "calls", "output"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let stubs = [
        // As curl -f, which exits with 22 if the server answers with an error.
        ("curl", "#!/bin/sh\n[ -f \"$EXPOSITION\" ] || exit 22\nexec cat \"$EXPOSITION\"\n"),
        ("kubectl", "#!/bin/sh\nprintf '%s\\n' \"$*\" >> \"$CALLS\"\n"),
    ];
    for (name, text) in stubs {
        let file = folder.path().join("bin").join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let found = Command::new("sh").args(["-c", "command -v \"$0\"", awk]).output().unwrap();
    let program = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
    symlink(program, folder.path().join("bin/awk")).unwrap();
    folder
}

/// Runs the script on each case: a line of number, action, floor and total.
fn run_script(folder: &Path, cases: &str) {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash")
        .args(["-c", DRIVER])
        .current_dir(folder)
        .env("PATH", path)
        .env("SCRIPT", SCRIPT)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), cases.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}

/// Returns the replicas that the script scaled to, and its output.
fn script_result(folder: &Path, number: usize) -> (Option<u32>, String) {
    let printed = fs::read_to_string(folder.join(format!("output/{number}"))).unwrap();
    let calls = fs::read_to_string(folder.join(format!("calls/{number}"))).unwrap_or_default();
    let scale_to = match calls.as_str() {
        "" => None,
        "-n tts scale deploy/chatterbox-tts --replicas=0\n" => Some(0),
        "-n tts scale deploy/chatterbox-tts --replicas=1\n" => Some(1),
        other => panic!("kubectl was called with {other:?}"),
    };
    (scale_to, printed)
}

/// Returns an exposition as exporters write it, within what the script can read.
fn random_exposition(random: &mut Random) -> String {
    let mut text = String::new();
    if random.below(10) > 0 {
        text.push_str("# HELP gpu_pod_memory_used_bytes GPU memory used by pod\n");
        text.push_str("# TYPE gpu_pod_memory_used_bytes gauge\n");
    }
    for pid in 0..random.below(12) {
        let bytes = match random.below(4) {
            0 => random.below(4096),
            1 => random.below(4 * GI),
            2 => random.below(3 * GI),
            _ => random.below(16) * (GI / 4),
        };
        let value = match random.below(6) {
            0 => format!("{}e+06", bytes / 1_000_000),
            1 => format!("{:e}", bytes as f64),
            2 => format!("{bytes}.0"),
            _ => bytes.to_string(),
        };
        let namespace = random.one_of(&["immich", "frigate", "tts", "unknown", "llama-swap", ""]);
        let process = random.one_of(&["/usr/bin/python3", "a b", "x} 7", "größe", "#", ""]);
        let blanks = random.one_of(&[" ", "  ", "\t"]);
        let _ = writeln!(
            text,
            "gpu_pod_memory_used_bytes{{namespace=\"{namespace}\",process_name=\"{process}\",pid=\"{pid}\"}}{blanks}{value}"
        );
        match random.below(8) {
            0 => text.push_str("gpu_other{namespace=\"immich\"} 99999999999\n"),
            1 => text.push_str("gpu_pod_memory_used_bytes_total{a=\"b\"} 99999999999\n"),
            2 => text.push_str("# gpu_pod_memory_used_bytes{a=\"b\"} 99999999999\n\n"),
            _ => {}
        }
    }
    if text.is_empty() { "\n".to_owned() } else { text }
}

#[test]
fn the_gate_decides_as_the_script() {
    if !support::has_program("gawk") || !support::has_program("bash") {
        return;
    }
    let seed = std::env::var("DIFFERENTIAL_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut random = Random(seed);
    let folder = script_sandbox("gawk");
    let query = Query {
        metric: "gpu_pod_memory_used_bytes".into(),
        unit: MetricUnit::Bytes,
        namespace: "tts".into(),
        ..Query::default()
    };
    let mut expected = Vec::new();
    let mut cases = [String::new(), String::new()];
    for number in 0..CASES {
        let exposition = random_exposition(&mut random);
        let scraped = random.below(20) > 0;
        let reading = if scraped {
            fs::write(folder.path().join(format!("expositions/{number}")), &exposition).unwrap();
            let usage = parse(exposition.as_bytes(), &query);
            Reading::Scraped(usage.unwrap_or_else(|error| panic!("{error}:\n{exposition}")))
        } else {
            Reading::Failed
        };
        let used = match &reading {
            Reading::Scraped(usage) => usage.everyone(),
            Reading::Failed => 0,
        };
        let total = *random.one_of(&[16 * GI, 16_106_127_360, 24 * GI]);
        // Often at the very edge, where one byte makes a difference.
        let edge = total.saturating_sub(used);
        let floor = *random.one_of(&[6 * GI, edge, edge + 1, edge.saturating_sub(1), 0]);
        let rules = Rules {
            total: Some(total),
            floor: floor.min(total),
            reserve: 0,
            count: Count::Everyone,
            on_scrape_failure: OnScrapeFailure::Keep,
            no_series: NoSeries::Idle,
            ..Rules::default()
        };
        let (name, action) = *random.one_of(&[
            ("up", Action::Up),
            ("up", Action::Up),
            ("guard", Action::Guard),
            ("guard", Action::Guard),
            ("down", Action::Down),
        ]);
        let _ = writeln!(cases[number % 2], "{number} {name} {} {total}", rules.floor);
        expected.push((action, decide(action, &reading, &rules), used, scraped, exposition));
    }
    // In two threads: the time goes into starting 6,000 small programs.
    thread::scope(|scope| {
        for cases in &cases {
            scope.spawn(|| run_script(folder.path(), cases));
        }
    });
    let mut scaled = [0, 0];
    for (number, (action, decision, used, scraped, exposition)) in expected.iter().enumerate() {
        let (scale_to, printed) = script_result(folder.path(), number);
        assert_eq!(decision.scale_to, scale_to, "{action:?} {decision:?}\n{printed}\n{exposition}");
        assert!(!decision.recheck);
        if *scraped || *action != Action::Up {
            let expected = format!("used={used} ");
            assert!(printed.contains(&expected), "{expected}\n{printed}\n{exposition}");
        }
        assert!(!printed.contains("exit "), "{printed}");
        if let Some(replicas) = scale_to {
            scaled[replicas as usize] += 1;
        }
    }
    // Both results must be frequent, or agreement would mean little.
    assert!(scaled[0] > CASES / 5 && scaled[1] > CASES / 10, "{scaled:?}");
}

/// The script miscounts with mawk, so the comparison needs gawk.
#[test]
fn with_mawk_the_script_starts_the_tenant_on_a_full_gpu() {
    if !support::has_program("mawk") || !support::has_program("bash") {
        return;
    }
    let folder = script_sandbox("mawk");
    let exposition = "gpu_pod_memory_used_bytes{namespace=\"immich\",pid=\"1\"} 11811160064\n";
    fs::write(folder.path().join("expositions/0"), exposition).unwrap();
    run_script(folder.path(), "0 up 6442450944 17179869184\n");
    let (scale_to, printed) = script_result(folder.path(), 0);
    assert!(printed.contains("used=2147483647 "), "{printed}");
    assert_eq!(
        scale_to,
        Some(1),
        "the script starts the tenant with 5 GiB free and a floor of 6 GiB"
    );

    let query = Query {
        metric: "gpu_pod_memory_used_bytes".into(),
        unit: MetricUnit::Bytes,
        namespace: "tts".into(),
        ..Query::default()
    };
    let usage = parse(exposition.as_bytes(), &query).unwrap();
    let rules = Rules { total: Some(16 * GI), floor: 6 * GI, ..Rules::default() };
    assert_eq!(decide(Action::Up, &usage.into(), &rules).scale_to, None);
}
