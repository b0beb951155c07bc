//! The gate without faults: its requests and its report.

#![cfg(test)]

mod support;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::api_server::Reply;
use support::http_server::ok;
use support::test_env::{
    GI, TOKEN, TestEnv, exposition_of, full_gpu, gate_binary, roomy_gpu, without_duration,
};
use vram_gate::settings::{Key, TABLE};

#[test]
fn up_starts_the_tenant_if_the_floor_is_free() {
    let output = TestEnv::new("up").run();
    assert_eq!((output.code, output.api.replicas()), (0, 1), "{}", output.stderr);
    assert_eq!(
        output.stderr,
        "vram-gate up: scaled tts/chatterbox-tts to 1: the floor is free used=8Gi free=8Gi \
         floor=6Gi total=16Gi reserve=512Mi others=8Gi unknown=0 tenant=0 series=2 \
         samples=1 before=0 after=1\n"
    );
    assert!(output.messages_agree(), "{:?}", output.message);
    assert_eq!(output.stdout, "");
}

#[test]
fn the_api_server_gets_one_get_and_one_patch_of_only_the_replicas() {
    let output = TestEnv::new("guard").run();
    let requests = output.api.requests();
    let methods: Vec<&str> = requests.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["GET", "PATCH"]);
    assert_eq!(requests[1].body, r#"{"spec":{"replicas":0}}"#);
    assert_eq!(output.api.replicas(), 0);
}

#[test]
fn up_looks_at_the_replicas_before_it_samples_and_again_before_its_patch() {
    let output = TestEnv::new("up").run();
    let requests = output.api.requests();
    let methods: Vec<&str> = requests.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["GET", "GET", "PATCH"]);
}

#[test]
fn up_leaves_a_tenant_with_a_replica_alone_without_a_scrape() {
    for (replicas, exposition) in [(1, roomy_gpu()), (1, full_gpu()), (3, roomy_gpu())] {
        for args in [&["up"][..], &["up", "--dry-run"]] {
            let mut env = TestEnv::new("up");
            env.env.retain(|(name, _)| *name != "ACTION");
            env.args = args.iter().map(Into::into).collect();
            env.exporter = vec![ok(exposition.clone())];
            env.api.replicas = replicas;
            let output = env.run();
            let scrapes = output.exporter.heads.lock().unwrap().len();
            let requests = output.api.requests().len();
            assert_eq!((output.code, scrapes, requests), (0, 0, 1), "{}", output.stderr);
            assert_eq!(
                output.stderr,
                format!(
                    "vram-gate up: left tts/chatterbox-tts alone: it already has a replica \
                     before={replicas}\n"
                )
            );
        }
    }
}

#[test]
fn up_goes_on_without_an_answer_about_the_replicas() {
    let mut env = TestEnv::new("up");
    env.set("LOG_FORMAT", "json");
    env.api.get = vec![Reply::Status(403, "no"), Reply::Work];
    let output = env.run();
    let line: Value = serde_json::from_str(&output.stderr).unwrap();
    assert_eq!((output.code, output.api.replicas()), (0, 1), "{line}");
    // A server that does not answer is not waited for: the readings come first.
    let mut env = TestEnv::new("up");
    env.api.get = vec![Reply::Hang, Reply::Work];
    let output = env.run();
    assert_eq!((output.code, output.api.replicas()), (0, 1), "{}", output.stderr);
}

#[test]
fn already_up_is_a_reason_of_the_json_report() {
    let mut env = TestEnv::new("up");
    env.set("LOG_FORMAT", "json");
    env.api.replicas = 1;
    let line = without_duration(&env.run().stderr);
    let expected = json!({
        "version": 1, "gate": env!("CARGO_PKG_VERSION"),
        "level": "info", "action": "up", "outcome": "left-alone", "decision": "leave", "reason": "already-up",
        "message": "left tts/chatterbox-tts alone: it already has a replica",
        "namespace": "tts", "kind": "Deployment", "name": "chatterbox-tts", "dryRun": false, "exit": 0,
        "before": 1,
    });
    assert_eq!(line, expected);
}

#[test]
fn the_scrape_sends_no_credentials_and_accepts_no_compression() {
    let output = TestEnv::new("up").run();
    let heads = output.exporter.heads.lock().unwrap();
    let head = heads[0].to_ascii_lowercase();
    assert!(head.starts_with("get /metrics http/1.1\r\n"), "{head}");
    assert!(head.contains("accept: text/plain;version=0.0.4\r\n"), "{head}");
    for absent in ["accept-encoding", "authorization", "cookie", &TOKEN.to_ascii_lowercase()] {
        assert!(!head.contains(absent), "{head}");
    }
}

#[test]
fn json_reports_are_one_object_with_the_numbers() {
    let mut env = TestEnv::new("guard");
    env.set("LOG_FORMAT", "json");
    let output = env.run();
    let line = without_duration(&output.stderr);
    let expected = json!({
        "version": 1, "gate": env!("CARGO_PKG_VERSION"),
        "level": "info", "action": "guard", "outcome": "scaled", "decision": "stop", "reason": "floor-broken",
        "message": "scaled tts/chatterbox-tts to 0: others leave less than the floor",
        "namespace": "tts", "kind": "Deployment", "name": "chatterbox-tts", "dryRun": false, "exit": 0,
        "used": 12 * GI, "free": 4 * GI, "floor": 6 * GI, "total": 16 * GI, "reserve": GI / 2,
        "others": 12 * GI, "unknown": 0, "tenant": 0, "series": 2, "samples": 1, "before": 1, "after": 0,
    });
    assert_eq!(line, expected);
    assert_eq!(output.message.as_deref(), Some(output.stderr.as_str()));
}

#[test]
fn the_termination_message_is_json_in_either_format() {
    for format in ["text", "json"] {
        let mut env = TestEnv::new("up");
        env.set("LOG_FORMAT", format);
        let report = env.run().report();
        let facts =
            ["action", "decision", "reason", "before", "after", "samples"].map(|key| &report[key]);
        let expected = json!(["up", "start", "floor-free", 0, 1, 1]);
        assert_eq!(json!(facts), expected, "{format}: {report}");
    }
}

#[test]
fn a_termination_message_never_exceeds_what_kubernetes_keeps() {
    // Both are texts from elsewhere that JSON escapes: an error of a setting, and a selection.
    let quotes = "\"".repeat(5_000);
    let mut env = TestEnv::new("down");
    env.set("METRICS_URL", quotes.clone());
    env.set("DEADLINE", quotes.clone());
    env.set("FLOOR", quotes);
    let message = env.run().message.unwrap();
    assert!(message.len() <= 4096, "{} bytes: {message}", message.len());
    assert_eq!(without_duration(&message)["reason"], "window-end");
}

#[test]
fn json_reports_stay_json_with_an_invalid_configuration() {
    let mut env = TestEnv::new("up");
    env.set("LOG_FORMAT", "json");
    env.set("FLOOR", "\"\u{1}");
    let output = env.run();
    let line: Value = serde_json::from_str(&output.stderr).unwrap();
    assert_eq!((line["outcome"].as_str(), line["exit"].as_u64()), (Some("misconfigured"), Some(2)));
    assert!(line["message"].as_str().unwrap().contains("FLOOR"));
}

#[test]
fn more_in_use_than_the_gpu_has_is_reported_as_negative_free_memory() {
    let mut env = TestEnv::new("guard");
    env.exporter = vec![ok(exposition_of(&[("immich", 20 * GI)]))];
    let output = env.run();
    assert!(output.stderr.contains(" free=-4Gi "), "{}", output.stderr);
    assert_eq!(output.api.replicas(), 0);
}

#[test]
fn guard_does_not_count_the_tenants_own_model() {
    let mut env = TestEnv::new("guard");
    env.exporter = vec![ok(exposition_of(&[("immich", 8 * GI), ("tts", 4 * GI)]))];
    let output = env.run();
    assert_eq!((output.code, output.api.replicas(), output.api.requests().len()), (0, 1, 0));
    assert!(
        output.stderr.contains("left tts/chatterbox-tts alone: the floor and the reserve are free"),
        "{}",
        output.stderr
    );
}

#[test]
fn down_never_scrapes() {
    let mut env = TestEnv::new("down");
    env.exporter = vec![ok(roomy_gpu())];
    let output = env.run();
    assert_eq!((output.code, output.api.replicas()), (0, 0));
    assert_eq!(output.exporter.heads.lock().unwrap().len(), 0);
    assert_eq!(
        output.stderr,
        "vram-gate down: scaled tts/chatterbox-tts to 0: the window ends before=1 after=0\n"
    );
}

#[test]
fn flags_are_equivalent_to_variables() {
    let mut env = TestEnv::new("up");
    env.env.clear();
    let args = "up --floor 6Gi --gpu-total=16Gi --deployment chatterbox-tts --samples 2 --sample-interval=0";
    env.args = args.split(' ').map(Into::into).collect();
    let output = env.run();
    assert_eq!((output.code, output.api.replicas()), (0, 1), "{}", output.stderr);
    assert!(output.stderr.contains(" samples=2 "), "{}", output.stderr);
}

#[test]
fn a_dry_run_reports_what_it_would_do() {
    let mut env = TestEnv::new("guard");
    env.args = vec!["--dry-run".into()];
    let output = env.run();
    assert_eq!((output.code, output.api.replicas(), output.api.patches()), (0, 1, 0));
    assert!(output.stderr.contains("would scale tts/chatterbox-tts to 0"), "{}", output.stderr);
    assert!(output.stderr.contains(" before=1"), "{}", output.stderr);
}

#[test]
fn help_and_version() {
    let help = run_with_argument("--help");
    assert!(help.status.success() && help.stderr.is_empty());
    assert_eq!(String::from_utf8(help.stdout).unwrap(), vram_gate::settings::help());
    let version = run_with_argument("--version");
    assert_eq!(version.stdout, concat!("vram-gate ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
}

fn run_with_argument(arg: &str) -> Output {
    Command::new(gate_binary()).env_clear().arg(arg).output().unwrap()
}

/// The limit of 35 packages, the build's included, keeps the binary auditable in one sitting.
#[test]
fn the_binary_has_few_dependencies() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "-p",
            "vram-gate",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "--no-dedupe",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let packages: std::collections::BTreeSet<&str> = text.lines().collect();
    assert!((10..35).contains(&packages.len()), "{packages:#?}");
}

#[test]
fn the_termination_messages_file_is_never_created() {
    let mut env = TestEnv::new("up");
    env.termination_log = false;
    assert_eq!(env.run().message, None);
}

#[test]
fn a_retry_after_beyond_the_budget_ends_the_run_at_once() {
    let mut env = TestEnv::new("up");
    env.api.get = vec![Reply::Answer(429, "Retry-After: 3600\r\n", "{}".into())];
    let output = env.run();
    // One GET before the sampling, and one after it.
    assert_eq!((output.code, output.api.requests().len()), (1, 2), "{}", output.stderr);
}

/// Returns the environment variables of the container in the CronJobs' template, with their values.
fn template_variables() -> Vec<(String, String)> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/cronjob.yaml.j2");
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let name = pair[0].strip_prefix("- name: ")?;
        let value = pair[1].strip_prefix("value: ")?;
        Some((name.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

#[test]
fn value_paths_are_those_of_the_template() {
    let variables = template_variables();
    assert!(variables.len() > 15, "{variables:?}");
    for row in TABLE.iter().filter(|row| row.key != Key::Action) {
        let rendered = variables.iter().find(|(name, _)| name == row.env).map(|(_, value)| value);
        match (row.value_path(), rendered) {
            (None, None) => {}
            (Some(path), Some(value)) => assert!(value.contains(path), "{}: {value}", row.env),
            // Computed from the schedules, made by the cluster, and a place in the Pod.
            (None, Some(_)) if [Key::Window, Key::JobName, Key::Heartbeat].contains(&row.key) => {}
            (path, value) => panic!("{}: the table has {path:?}, the template {value:?}", row.env),
        }
    }
}

/// Returns a mount in which one file is made by a function.
fn mount_with(name: &str, make: impl FnOnce(&std::path::Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes) in &TestEnv::new("up").mount {
        if *file != name {
            std::fs::write(folder.path().join(file), bytes).unwrap();
        }
    }
    make(&folder.path().join(name));
    folder
}

fn make_fifo(path: &std::path::Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_mounted_file_that_is_a_fifo_or_huge_is_refused() {
    for action in ["up", "down"] {
        for name in ["token", "ca.crt"] {
            let fifo = mount_with(name, make_fifo);
            let huge = mount_with(name, |path| {
                std::fs::File::create(path).unwrap().set_len(300 << 20).unwrap();
            });
            for (folder, expected) in
                [(&fifo, "is not a regular file"), (&huge, "is larger than 1 MiB")]
            {
                let start = Instant::now();
                let mut env = TestEnv::new(action);
                env.set("SERVICE_ACCOUNT_DIR", folder.path());
                let output = env.run();
                assert_eq!(output.code, 2, "{action} {name}: {}", output.stderr);
                assert!(output.stderr.contains(expected), "{action} {name}: {}", output.stderr);
                assert!(start.elapsed() < Duration::from_secs(20));
            }
        }
    }
}

#[test]
fn a_termination_log_that_is_a_fifo_is_not_opened() {
    let folder = mount_with("log", make_fifo);
    let mut env = TestEnv::new("down");
    env.set("TERMINATION_LOG", folder.path().join("log"));
    let output = env.run();
    assert_eq!((output.code, output.api.replicas()), (0, 0), "{}", output.stderr);
}
