//! `vram-gate admit`: it waits for room, calls no API server and needs no token.

#![cfg(test)]
#![cfg(unix)]

mod support;

use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::http_server::{Step, ok};
use support::test_env::{CommandOutput, GI, Running, TestEnv, exposition_of, full_gpu, roomy_gpu};

/// Returns an `admit` in a Pod without a service account or an API server.
fn admission(exporter: Vec<Step>) -> TestEnv {
    let mut env = TestEnv::new("admit");
    env.mount = Vec::new();
    for (name, value) in [
        ("NAMESPACE", "tts"),
        ("KUBERNETES_SERVICE_HOST", ""),
        ("SAMPLES", "2"),
        ("SAMPLE_INTERVAL", "0"),
        ("DEADLINE", "60s"),
    ] {
        env.set(name, value);
    }
    // Each answer is read twice; an attempt that fails ends at once.
    let steps = exporter.into_iter().flat_map(|step| match step {
        Step::Close => vec![step],
        _ => vec![step.clone(), step],
    });
    env.exporter = steps.collect();
    env
}

#[track_caller]
fn assert_ended(output: &CommandOutput, code: i32, line_part: &str) {
    let line = output.stderr.lines().last().unwrap_or_default();
    assert_eq!((output.code, output.api.requests().len()), (code, 0), "{}", output.stderr);
    assert!(line.contains(line_part), "{}", output.stderr);
    assert!(output.messages_agree(), "{:?}", output.message);
}

#[test]
fn a_pod_is_admitted_if_every_sample_leaves_the_floor_free() {
    let output = admission(vec![ok(roomy_gpu())]).run();
    assert_ended(&output, 0, "admitted a Pod of tts/chatterbox-tts: the floor is free used=");
    assert_ended(&output, 0, " samples=2");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
}

#[test]
fn a_pod_waits_until_the_floor_is_free_in_samples_in_a_row() {
    let steps = [full_gpu(), roomy_gpu(), full_gpu(), full_gpu(), roomy_gpu(), roomy_gpu()];
    let output = admission(steps.map(ok).to_vec()).run();
    assert_ended(&output, 0, " samples=6");
    let waits: Vec<&str> = output.stderr.lines().filter(|line| line.contains(" waits: ")).collect();
    assert_eq!(waits.len(), 1, "one line a reason: {}", output.stderr);
    assert!(waits[0].contains("less than the floor is free"), "{}", output.stderr);
}

/// The old Pod of a rollout still holds its memory: everyone's counts.
#[test]
fn the_memory_of_the_tenants_other_pods_counts() {
    let with_old_pod = exposition_of(&[("immich", 8 * GI), ("tts", 4 * GI)]);
    let output = admission(vec![ok(with_old_pod), ok(roomy_gpu())]).run();
    assert_ended(&output, 0, " samples=3");
}

#[test]
fn a_pod_waits_without_a_reading() {
    let no_series = ok("# TYPE gpu_pod_memory_used_bytes gauge\n");
    let mut steps = vec![Step::Close; 3];
    steps.extend([no_series, ok(roomy_gpu())]);
    let output = admission(steps).run();
    assert_ended(&output, 0, " samples=4");
    for reason in ["could not be read", "has no series"] {
        assert!(output.stderr.contains(reason), "{}", output.stderr);
    }
}

#[test]
fn at_its_deadline_it_fails() {
    let mut env = admission(vec![ok(full_gpu())]);
    env.set("DEADLINE", "3s");
    let output = env.run();
    assert_ended(&output, 1, "kept a Pod of tts/chatterbox-tts from starting: less than the floor");
}

#[test]
fn a_dry_run_keeps_no_pod() {
    for (exposition, line_part) in [
        (full_gpu(), "would keep a Pod of tts/chatterbox-tts waiting: less than"),
        (roomy_gpu(), "admitted a Pod of tts/chatterbox-tts"),
    ] {
        let mut env = admission(vec![ok(exposition)]);
        env.set("DRY_RUN", "true");
        assert_ended(&env.run(), 0, line_part);
    }
}

#[test]
fn an_invalid_setting_admits_nothing() {
    let mut env = admission(vec![ok(roomy_gpu())]);
    env.set("FLOOR", "17Gi");
    assert_ended(&env.run(), 2, "FLOOR: more than `GPU_TOTAL`");
    let mut env = admission(vec![ok(roomy_gpu())]);
    env.url = Some("https://127.0.0.1:1/".into());
    assert_ended(&env.run(), 2, "METRICS_CA: ");
}

fn terminate_once_it_waits(running: &Running<'_>) {
    while running.exporter.requests.load(Ordering::SeqCst) == 0 {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(200));
    let process = running.process.to_string();
    assert!(Command::new("/bin/kill").args(["-TERM", &process]).status().unwrap().success());
}

#[test]
fn a_signal_ends_the_wait() {
    for exposition in [full_gpu(), roomy_gpu()] {
        let start = Instant::now();
        let mut env = admission(vec![ok(exposition)]);
        env.set("SAMPLE_INTERVAL", "50s");
        let output = env.run_by(&[], terminate_once_it_waits);
        assert_ended(&output, 1, "from starting: stopped by SIGTERM");
        assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    }
}
