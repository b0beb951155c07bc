//! `status --prometheus`: whose memory grew before the guard stopped the server.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::common::http::{Response, serve};
use super::common::output::CommandOutput;
use super::common::prometheus::Prometheus;
use super::common::schemas;
use super::common::tool::{Sandbox, repository};
use super::minute;

/// Runs `status` on a recorded state of the night of 26 November 2026.
fn status(state: &str, args: &[&str]) -> CommandOutput {
    let file = repository().join(format!("tests/fixtures/status/{state}.json"));
    let fixed =
        ["status", "tts", "--from", file.to_str().unwrap(), "--now", "2026-11-26T09:00:00Z"];
    let half_hourly = ["--set", "offPeak.guard=*/30 2-5 * * *"];
    Sandbox::repository().run(&[&fixed[..], &half_hourly, args].concat())
}

/// The memory of the night, every 15 seconds: llama-swap loads a model at 03:20, and the camera's detector grows a
/// little. The guard ran at 03:00, and stopped the server at 03:30.
fn samples() -> String {
    let mut text = "# TYPE gpu_pod_memory_used_bytes gauge\n".to_owned();
    let (start, end) = (minute(1, 55).as_second(), minute(6, 5).as_second());
    let loaded = minute(3, 20).as_second();
    let amounts: [(&str, [u64; 2]); 4] = [
        ("immich", [2050, 2050]),
        ("llama", [700, 4438]),
        ("frigate", [1880, 1882]),
        ("tts", [4000, 5000]),
    ];
    for (namespace, [before, after]) in amounts {
        for time in (start..end).step_by(15) {
            let mib = if time < loaded { before } else { after };
            let _ = writeln!(
                text,
                "gpu_pod_memory_used_bytes{{namespace=\"{namespace}\"}} {} {time}",
                mib << 20
            );
        }
    }
    text + "# EOF\n"
}

const GROWN: &str = "grown since the run before: llama +3738Mi, frigate +2Mi";

#[test]
fn the_residents_that_grew_before_a_yield_are_named() {
    if !Prometheus::is_available() {
        return;
    }
    let folder = Sandbox::empty();
    let prometheus = Prometheus::start(&folder.path(""), &samples());
    let url = prometheus.url();
    let ask = |args: &[&str]| status("yield", &[&["--prometheus", &url], args].concat());
    let text = ask(&[]);
    assert_eq!((text.code, text.stderr.as_str()), (0, ""));
    let line = text.stdout.lines().find(|line| line.contains(GROWN));
    let line = line.unwrap_or_else(|| panic!("{}", text.stdout));
    let guide = std::fs::read_to_string(repository().join("docs/status.md")).unwrap();
    assert!(guide.lines().any(|documented| documented == line), "docs/status.md has not\n{line}");
    // The later runs of the guard found the server stopped.
    assert_eq!(text.stdout.matches("grown since").count(), 1);

    let json = ask(&["--format", "json"]).stdout;
    assert_eq!(schemas::errors(&schemas::own("status.json"), &json), [""; 0]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let decisions = json["windows"][0]["decisions"].as_array().unwrap();
    let known: Vec<&Value> = decisions.iter().filter(|one| one.get("grown").is_some()).collect();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0]["time"], "2026-11-26T03:30:00Z");
    assert_eq!(
        known[0]["grown"],
        json!([{"user": "llama", "bytes": 3738_u64 << 20}, {"user": "frigate", "bytes": 2_u64 << 20}])
    );
    for format in ["markdown", "html"] {
        let report = ask(&["--format", format]).stdout;
        assert!(report.contains("llama +3738Mi"), "{format}: {report}");
    }
}

/// The rest of the status does not depend on Prometheus.
#[test]
fn a_prometheus_that_does_not_know_is_listed_as_not_seen() {
    let without = status("yield", &[]);
    let empty = serve(|_| {
        Response::new(
            200,
            r#"{"status": "success", "data": {"resultType": "matrix", "result": []}}"#,
        )
    });
    let broken = serve(|_| Response::new(503, "down"));
    let url = |address: &str| format!("http://{address}");
    for (url, reason) in [
        (url(&empty.address), "Prometheus has no sample of `gpu_pod_memory_used_bytes`"),
        (url(&broken.address), "Prometheus answers with status 503: down"),
        (url("127.0.0.1:1"), "`http://127.0.0.1:1` can't be read"),
    ] {
        let output = status("yield", &["--prometheus", &url]);
        assert_eq!(output.code, without.code, "{}", output.stderr);
        let (rest, last) = output.stdout.trim_end().rsplit_once('\n').unwrap();
        assert!(last.starts_with(&format!("not seen: growth of memory: {reason}")), "{last}");
        assert_eq!(rest, without.stdout.trim_end());
    }
}

#[test]
fn nothing_is_asked_if_the_guard_stopped_nothing() {
    let server = serve(|_| Response::new(503, "down"));
    let url = format!("http://{}", server.address);
    let output = status("calm-night", &["--prometheus", &url]);
    assert_eq!(output.stdout, status("calm-night", &[]).stdout);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_server_that_is_given_wrong_is_refused() {
    let sandbox = Sandbox::empty();
    let token = sandbox.write("token", "secret\n");
    let token = token.to_str().unwrap();
    for (args, message) in [
        (&["--prometheus", "ftp://x"][..], "invalid URL `ftp://x`"),
        (
            &["--prometheus", "http://example.org", "--token-file", token],
            "a token is sent by HTTPS only",
        ),
        (&["--token-file", token], "--prometheus"),
    ] {
        let output = status("yield", args);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{args:?}");
        assert!(output.stderr.contains(message), "{}", output.stderr);
    }
}
