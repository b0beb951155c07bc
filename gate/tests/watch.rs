//! `vram-gate watch`: a window in one run, against a loopback exporter and API server.

#![cfg(test)]
#![cfg(unix)]

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::api_server::{ApiServer, Reply, Request};
use support::http_server::{Step, ok};
use support::test_env::{
    CommandOutput, GI, Running, TestEnv, exposition_of, full_gpu, gate_binary, job_name, kill,
    roomy_gpu, seconds_since_1970,
};
use support::wait_for;

/// Returns a watch over these looks; the last one is repeated.
fn watch(looks: &[String]) -> TestEnv {
    let mut env = TestEnv::new("watch");
    // Each answer is read twice.
    env.exporter = looks.iter().flat_map(|text| [ok(text), ok(text)]).collect();
    env
}

/// Lets the watch find the tenant running.
fn watch_running(looks: &[String]) -> TestEnv {
    let mut env = watch(looks);
    env.api.replicas = 1;
    env
}

/// Lets the window end after so many seconds. It has no last part in which nothing starts but the two minutes.
fn end_in(env: &mut TestEnv, seconds: u64) {
    let into_minute = seconds_since_1970() % 60;
    env.set("JOB_NAME", job_name(3));
    env.set("WINDOW", format!("{}s", 180 + into_minute + seconds));
    env.set("CALM", "0");
}

/// No change of the scale.
const NOTHING: [u32; 0] = [];

/// Returns the replicas that were asked for, one after the other.
fn asked_for(api: &ApiServer) -> Vec<u32> {
    let requests = api.requests();
    let asked = |request: &Request| [0, 1].into_iter().find(|&to| request.scales_to(to));
    requests.iter().filter_map(asked).collect()
}

fn terminate(running: &Running<'_>) {
    kill(running.process, "-TERM");
}

#[track_caller]
fn assert_ended(output: &CommandOutput, code: i32, line_part: &str) {
    let line = output.stderr.lines().last().unwrap_or_default();
    assert_eq!(output.code, code, "{}", output.stderr);
    assert!(line.contains(line_part), "{}", output.stderr);
    assert!(output.messages_agree(), "{:?}", output.message);
    assert!(output.message.as_ref().is_some_and(|message| message.len() <= 4096));
}

#[test]
fn it_starts_the_tenant_and_stops_it_at_sigterm() {
    let output = watch(&[roomy_gpu()]).run_by(&[], |running| {
        wait_for("a start", || running.api.replicas() == 1);
        sleep(Duration::from_millis(1200));
        terminate(running);
    });
    assert_ended(&output, 1, "stopped by SIGTERM, left tts/chatterbox-tts at 0 to the Job's next");
    assert_eq!(asked_for(&output.api), [1, 0]);
    let report = output.report();
    assert_eq!(report["reason"], "terminated");
    assert_eq!(report["outcome"], "interrupted");
    assert_eq!((&report["starts"], &report["yieldCount"]), (&1.into(), &0.into()));
    assert_eq!(report["servedSeconds"], 1);
    assert_eq!(report["leastFree"], 8 * GI);
    assert_eq!(report["failedLooks"], 0);
    assert!(report["looks"].as_u64() >= Some(3), "{report}");
    let opened = report["opened"][0].as_u64().unwrap();
    assert!(seconds_since_1970() - opened < 60, "{opened}");
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "a line a change: {}", output.stderr);
    assert!(lines[0].contains("scaled tts/chatterbox-tts to 1: the floor is free"), "{}", lines[0]);
}

#[test]
fn at_the_windows_end_it_stops_the_tenant() {
    let mut env = watch_running(&[roomy_gpu()]);
    end_in(&mut env, 3);
    let output = env.run();
    assert_ended(&output, 0, "scaled tts/chatterbox-tts to 0: the window ends");
    assert_eq!(asked_for(&output.api), [0]);
    let report = output.report();
    assert_eq!((&report["starts"], &report["yieldCount"]), (&0.into(), &0.into()));
    assert!(report["servedSeconds"].as_u64() >= Some(1), "{report}");
    assert!(seconds_since_1970() >= report["windowEnd"].as_u64().unwrap());
}

#[test]
fn in_the_last_part_of_the_window_and_after_it_nothing_starts() {
    for seconds in [3, 0] {
        let mut env = watch(&[roomy_gpu()]);
        end_in(&mut env, seconds);
        let output = env.run();
        assert_ended(&output, 0, "left tts/chatterbox-tts at 0: the window ends");
        assert_eq!(asked_for(&output.api), NOTHING);
    }
}

#[test]
fn it_yields_at_once_and_starts_again_after_calm() {
    let looks = [roomy_gpu(), roomy_gpu(), full_gpu(), roomy_gpu()];
    let mut env = watch(&looks);
    env.set("CALM", "2s");
    let output = env.run_by(&[], |running| {
        wait_for("two starts", || asked_for(running.api) == [1, 0, 1]);
        terminate(running);
    });
    assert_eq!(asked_for(&output.api), [1, 0, 1, 0]);
    let patches: Vec<Instant> = output
        .api
        .requests()
        .iter()
        .filter(|request| request.method == "PATCH")
        .map(|request| request.at)
        .collect();
    assert!(patches[2] - patches[1] >= Duration::from_secs(2), "{patches:?}");
    let report = output.report();
    assert_eq!((&report["starts"], &report["yieldCount"]), (&2.into(), &1.into()));
    let yielded = &report["yields"][0];
    assert_eq!(yielded["reason"], "floor-broken");
    assert_eq!((&yielded["free"], &yielded["others"]), (&(4 * GI).into(), &(12 * GI).into()));
    assert_eq!(report["leastFree"], 4 * GI);
    for part in ["scaled tts/chatterbox-tts to 0: others leave less than the floor", "stayed free"]
    {
        assert!(output.stderr.contains(part), "{}", output.stderr);
    }
}

#[test]
fn it_starts_at_most_as_often_as_it_may() {
    let looks = [roomy_gpu(), full_gpu(), roomy_gpu(), full_gpu(), roomy_gpu()];
    let mut env = watch(&looks);
    env.set("CALM", "0");
    env.set("STARTS", "2");
    let output = env.run_by(&[], |running| {
        wait_for("the last yield", || asked_for(running.api) == [1, 0, 1, 0]);
        sleep(Duration::from_secs(1));
        terminate(running);
    });
    assert_eq!(asked_for(&output.api), [1, 0, 1, 0]);
}

#[test]
fn a_tenant_that_runs_is_guarded_at_once() {
    let start = Instant::now();
    let output = watch_running(&[full_gpu()]).run_by(&[], |running| {
        wait_for("a yield", || running.api.replicas() == 0);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        terminate(running);
    });
    assert_ended(&output, 1, "at 0 to the Job's next attempt");
    assert_eq!(output.report()["yieldCount"], 1);
}

#[test]
fn once_somebody_else_has_closed_it_ends() {
    let output = watch(&[roomy_gpu()]).run_by(&[], |running| {
        wait_for("a start", || running.api.replicas() == 1);
        sleep(Duration::from_millis(500));
        running.api.scale(0);
    });
    assert_ended(&output, 0, "left tts/chatterbox-tts alone: somebody else scaled it to 0");
    assert_eq!(asked_for(&output.api), [1]);
    assert_eq!(output.report()["reason"], "closed-by-another");
}

#[test]
fn without_a_reading_it_yields_after_a_while() {
    for (broken, reason) in [
        (Step::Close, "no-reading"),
        (Step::SendAndHang(Vec::new()), "no-reading"),
        (ok("# nothing\n"), "no-series"),
    ] {
        let mut env = watch_running(&[roomy_gpu()]);
        env.exporter.push(broken);
        env.set("STALE", "3s");
        let output = env.run_by(&[], |running| {
            wait_for("a yield", || running.api.replicas() == 0);
            terminate(running);
        });
        assert_ended(&output, 1, "at 0 to the Job's next attempt");
        let report = output.report();
        assert_eq!(report["yields"][0]["reason"], reason, "{report}");
        assert!(report["yields"][0]["free"].is_null(), "{report}");
    }
}

#[test]
fn an_exporter_that_is_stuck_does_not_count() {
    let page = |probes: u32| roomy_gpu() + &format!("gpu_exporter_probes_total {probes}\n");
    let alive: Vec<String> = (0..2000).map(page).collect();
    for (looks, expected) in [(&alive[..], vec![1]), (&alive[..1], vec![])] {
        let mut env = watch(looks);
        env.set("FRESHNESS", "gpu_exporter_probes_total");
        let output = env.run_by(&[], |running| {
            wait_for("ten looks", || running.api.gets() > 10);
            assert_eq!(asked_for(running.api), expected);
            terminate(running);
        });
        assert_eq!(output.code, 1, "{}", output.stderr);
    }
    // It is stuck while the tenant runs.
    let mut env = watch_running(&[page(1), page(2)]);
    env.set("FRESHNESS", "gpu_exporter_probes_total");
    env.set("STALE", "2s");
    let output = env.run_by(&[], |running| {
        wait_for("a yield", || running.api.replicas() == 0);
        terminate(running);
    });
    assert_eq!(output.report()["yields"][0]["reason"], "stale-reading");
    // The metric is missing.
    let mut env = watch_running(&[roomy_gpu()]);
    env.set("FRESHNESS", "gpu_exporter_probes_total");
    env.set("STALE", "1s");
    let output = env.run_by(&[], |running| {
        wait_for("a yield", || running.api.replicas() == 0);
        terminate(running);
    });
    assert!(output.stderr.contains("no finite value of `FRESHNESS`"), "{}", output.stderr);
}

/// An exporter that never answers delays neither SIGTERM nor the window's end.
#[test]
fn a_hanging_exporter_delays_no_end() {
    let hanging = || {
        let mut env = watch_running(&[]);
        env.exporter = vec![Step::SendAndHang(Vec::new())];
        env
    };
    let output = hanging().run_by(&[], |running| {
        wait_for("a look", || running.exporter.requests.load(Ordering::SeqCst) > 0);
        let signal = Instant::now();
        terminate(running);
        wait_for("a stop", || running.api.replicas() == 0);
        assert!(signal.elapsed() < Duration::from_secs(2), "{:?}", signal.elapsed());
    });
    assert_ended(&output, 1, "at 0 to the Job's next attempt");
    let mut env = hanging();
    end_in(&mut env, 3);
    let start = Instant::now();
    let output = env.run();
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    assert_ended(&output, 0, "scaled tts/chatterbox-tts to 0: the window ends");
}

#[test]
fn a_stop_that_fails_is_tried_again_at_the_next_look() {
    let mut env = watch_running(&[full_gpu()]);
    env.api.patch = vec![Reply::Status(403, "forbidden"); 2];
    env.api.patch.push(Reply::Work);
    let output = env.run_by(&[], |running| {
        wait_for("a yield", || running.api.replicas() == 0);
        terminate(running);
    });
    assert!(output.stderr.contains("could not scale tts/chatterbox-tts to 0"), "{}", output.stderr);
    assert_eq!(asked_for(&output.api), [0, 0, 0]);
    // At the end and at SIGTERM a failed stop is a failed run.
    for at_end in [true, false] {
        let mut env = watch_running(&[roomy_gpu()]);
        env.api.patch = vec![Reply::Status(403, "forbidden")];
        end_in(&mut env, if at_end { 2 } else { 60 });
        let output = env.run_by(&[], |running| {
            wait_for("a look", || running.exporter.requests.load(Ordering::SeqCst) >= 2);
            if !at_end {
                terminate(running);
            }
        });
        assert_ended(&output, 1, "could not scale tts/chatterbox-tts to 0");
    }
}

#[test]
fn with_an_invalid_setting_it_releases_the_gpu() {
    for (name, value) in [
        ("FLOOR", "6GB"),
        ("INTERVAL", "0"),
        ("STALE", "100ms"),
        ("WINDOW", ""),
        ("WINDOW", "60s"),
        ("HYSTERESIS", "11Gi"),
        ("STARTS", "0"),
        ("FRESHNESS", "gpu_pod_memory_used_bytes"),
        // Without its minute a watch would have no end.
        ("JOB_NAME", ""),
        ("JOB_NAME", "by-hand"),
        ("JOB_NAME", "29928710"),
        ("JOB_NAME", "window-+29928710"),
        ("JOB_NAME", "window-99999999999"),
    ] {
        let mut env = watch_running(&[roomy_gpu()]);
        env.set(name, value);
        let output = env.run();
        assert_ended(&output, 0, "scaled tts/chatterbox-tts to 0: the configuration is invalid");
        let named = output.report()["settingError"].as_str().unwrap().to_owned();
        let named_as = if value == "60s" { "CALM" } else { name };
        assert!(named.contains(named_as), "{name}={value}: {named}");
    }
}

#[test]
fn a_dry_run_scales_nothing() {
    let looks = [roomy_gpu(), roomy_gpu(), full_gpu()];
    let mut env = watch(&looks);
    env.set("DRY_RUN", "true");
    let output = env.run_by(&[], |running| {
        wait_for("looks", || running.exporter.requests.load(Ordering::SeqCst) >= 10);
        terminate(running);
    });
    assert_eq!((output.code, output.api.patches()), (1, 0), "{}", output.stderr);
    for part in ["would scale tts/chatterbox-tts to 1", "would scale tts/chatterbox-tts to 0"] {
        assert_eq!(output.stderr.matches(part).count(), 1, "{}", output.stderr);
    }
}

/// Runs `vram-gate alive` in the environment of a watch.
fn alive(heartbeat: Option<&PathBuf>, within: &str) -> Output {
    let mut command = Command::new(gate_binary());
    command.env_clear().env("ACTION", "watch").args(["alive", "--within", within]);
    if let Some(file) = heartbeat {
        command.env("HEARTBEAT", file);
    }
    command.output().unwrap()
}

#[test]
fn the_heartbeat_shows_that_it_is_alive_and_keeps_its_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heartbeat");
    assert_eq!(alive(Some(&file), "60s").status.code(), Some(1), "there is none yet");
    assert_eq!(alive(None, "60s").status.code(), Some(2));
    let with_heartbeat = |starts: &'static str| {
        let mut env = watch(&[roomy_gpu()]);
        env.set("HEARTBEAT", file.as_os_str());
        env.set("STARTS", starts);
        env
    };
    let output = with_heartbeat("2").run_by(&[], |running| {
        wait_for("a start", || running.api.replicas() == 1);
        wait_for("a heartbeat", || alive(Some(&file), "3s").status.success());
        terminate(running);
    });
    assert_eq!(output.code, 1, "{}", output.stderr);
    sleep(Duration::from_millis(1500));
    let output = alive(Some(&file), "1s");
    assert_eq!(output.status.code(), Some(1));
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(
        line.starts_with("vram-gate alive: `") && line.ends_with("written 1 s ago\n"),
        "{line}"
    );
    // Another container of the Pod: it has used its one start, and with more it waits for calm.
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "001 0000000\n");
    for starts in ["1", "2"] {
        let output = with_heartbeat(starts).run_by(&[], |running| {
            wait_for("looks", || running.api.gets() > 5);
            terminate(running);
        });
        assert_eq!(asked_for(&output.api), NOTHING, "{starts}");
    }
}

/// Bytes labelled `unknown` are the tenant's own in its first minute.
#[test]
fn a_young_tenant_is_not_stopped_by_its_own_bytes() {
    let young = exposition_of(&[("immich", 8 * GI), ("unknown", 4 * GI)]);
    let known = exposition_of(&[("immich", 8 * GI), ("tts", 4 * GI)]);
    let output = watch_running(&[young.clone(), young.clone(), known]).run_by(&[], |running| {
        wait_for("looks", || running.api.gets() > 6);
        assert_eq!(asked_for(running.api), NOTHING);
        terminate(running);
    });
    assert_eq!(output.report()["yieldCount"], 0);
    let mut env = watch_running(&[young]);
    env.set("RECHECK_DELAY", "1s");
    let output = env.run_by(&[], |running| {
        wait_for("a yield", || running.api.replicas() == 0);
        terminate(running);
    });
    assert_eq!(output.report()["yields"][0]["reason"], "floor-broken");
}
