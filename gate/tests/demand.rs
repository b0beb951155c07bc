//! `vram-gate watch` by demand: against a loopback server of the demand, an exporter and an API server.

#![cfg(test)]
#![cfg(unix)]

mod support;

use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use support::http_server::{Server, Step, ok, serve, serve_with};
use support::test_env::{
    CommandOutput, GI, Running, TestEnv, exposition_of, full_gpu, kill, roomy_gpu,
};
use support::wait_for;
use vram_gate::decision::{Action, Reading, Reason, Rules, decide};
use vram_gate::demand::{Demand, DemandPlan};
use vram_gate::exposition::Usage;
use vram_gate::watch::{Look, Moment, Plan, Watch};

/// Returns a watch by the demand of a server.
fn by_demand(server: &Server, exposition: &str) -> TestEnv {
    let mut env = TestEnv::new("watch");
    env.exporter = vec![ok(exposition)];
    env.set("DEMAND_URL", format!("http://{}/queue", server.address));
    env.set("DEMAND_NUMBER", "/queued");
    env.set("DEMAND_INTERVAL", "100ms");
    env.set("CALM", "0");
    env
}

fn json(body: &str) -> Step {
    with_head("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", body)
}

fn with_head(head: &str, body: &str) -> Step {
    let length = body.len();
    Step::Send(format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes())
}

/// Runs until the server of the demand has answered so often, and the GPU was looked at as often.
fn run_until(env: TestEnv, server: &Server, answers: usize) -> CommandOutput {
    env.run_by(&[], |running| {
        wait_for("answers", || server.requests.load(Ordering::SeqCst) >= answers);
        let before = running.api.gets();
        wait_for("looks", || running.api.gets() >= before + 3);
        kill(running.process, "-TERM");
    })
}

fn starts(running: &Running<'_>) -> usize {
    running.api.requests().iter().filter(|request| request.scales_to(1)).count()
}

#[test]
fn it_starts_when_there_is_work_and_stops_after_explicit_nones() {
    let server = serve_with("127.0.0.1:0", |_, index| match index {
        0..5 => json("{\"queued\":0}"),
        5..30 => json("{\"queued\":2}"),
        _ => json("{\"queued\":0}"),
    });
    let mut env = by_demand(&server, &roomy_gpu());
    env.set("IDLE_FOR", "1s");
    let output = env.run_by(&[], |running| {
        wait_for("a start", || running.api.replicas() == 1);
        assert!(server.requests.load(Ordering::SeqCst) > 5);
        wait_for("a stop", || running.api.replicas() == 0);
        assert!(server.requests.load(Ordering::SeqCst) >= 35);
        kill(running.process, "-TERM");
    });
    assert_eq!(output.code, 1, "{}", output.stderr);
    let report = output.report();
    assert_eq!((&report["starts"], &report["idleStops"]), (&1.into(), &1.into()));
    assert_eq!((&report["yieldCount"], &report["demand"]), (&0.into(), &"absent".into()));
    assert!(report["demandError"].is_null(), "{report}");
    let stop = "scaled tts/chatterbox-tts to 0: there was no demand for as long as it waits";
    assert!(output.stderr.contains(stop), "{}", output.stderr);
    let head = server.heads.lock().unwrap()[0].to_ascii_lowercase();
    assert!(head.starts_with("get /queue http/1.1\r\n"), "{head}");
    assert!(!head.contains("authorization"), "{head}");
}

#[test]
fn a_metric_is_as_good_as_json() {
    let page =
        "# TYPE queue_length gauge\nqueue_length{queue=\"ocr\"} 0\nqueue_length{queue=\"tts\"} 3\n";
    let server = serve(vec![ok(page)]);
    let mut env = by_demand(&server, &roomy_gpu());
    env.set("DEMAND_NUMBER", "queue_length{queue=\"tts\"}");
    let output = env.run_by(&[], |running| {
        wait_for("a start", || running.api.replicas() == 1);
        kill(running.process, "-TERM");
    });
    assert_eq!(output.report()["demand"], "present");
}

/// The answers that are hostile in their transport; those in a whole 200 are in `gate/src/count.rs`.
fn hostile_transport() -> Vec<(&'static str, Step)> {
    let (three, zero) = ("{\"queued\":3}", "{\"queued\":0}");
    let head = |head: &str| with_head(head, three);
    let raw = |text: String| Step::Send(text.into_bytes());
    let mut all = vec![
        ("closed", Step::Close),
        ("reset", Step::Reset(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"que".to_vec())),
        ("not HTTP", raw("220 smtp.example ESMTP\r\n".to_owned())),
        ("empty 200", head("HTTP/1.1 204 No Content\r\n")),
        ("moved", head("HTTP/1.1 302 Found\r\nLocation: /other\r\n")),
        ("moved for good", head("HTTP/1.1 301 Moved Permanently\r\nLocation: /other\r\n")),
        ("not modified", head("HTTP/1.1 304 Not Modified\r\n")),
        ("unauthorized", head("HTTP/1.1 401 Unauthorized\r\n")),
        ("forbidden", head("HTTP/1.1 403 Forbidden\r\n")),
        ("not found", head("HTTP/1.1 404 Not Found\r\n")),
        ("not found, as none", with_head("HTTP/1.1 404 Not Found\r\n", zero)),
        ("too many requests", head("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n")),
        ("server error", head("HTTP/1.1 500 Internal Server Error\r\n")),
        ("bad gateway", head("HTTP/1.1 502 Bad Gateway\r\n")),
        ("created", head("HTTP/1.1 201 Created\r\n")),
        ("partial", head("HTTP/1.1 206 Partial Content\r\n")),
        ("compressed", head("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n")),
        ("two lengths", head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n")),
        ("cut", raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{three}"))),
        (
            "cut in a chunk",
            raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{three}")),
        ),
        (
            "a page to sign in",
            with_head("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "<html></html>"),
        ),
        ("too large", json(&format!("{{\"queued\":3,\"x\":\"{}\"}}", "x".repeat(1 << 20)))),
    ];
    all.extend([
        ("hangs", Step::SendAndHang(Vec::new())),
        (
            "hangs in the body",
            Step::SendAndHang(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{".to_vec()),
        ),
        ("drips", Step::Drip(b"HTTP/1.1 200 OK\r\nX: y".to_vec())),
    ]);
    all
}

#[test]
fn a_hostile_answer_starts_nothing() {
    let answers = hostile_transport();
    assert!(answers.len() >= 25);
    let steps: Vec<Step> = answers.iter().map(|(_, step)| step.clone()).collect();
    let count = steps.len();
    let server = serve(steps);
    let mut env = by_demand(&server, &roomy_gpu());
    env.set("SCRAPE_TIMEOUT", "1s");
    let output = run_until(env, &server, count + 2);
    assert_eq!(output.api.patches(), 0, "{}", output.stderr);
    assert_eq!(output.report()["demand"], "unknown");
    let line = "the demand could not be read";
    assert!(output.stderr.contains(line), "{}", output.stderr);
}

#[test]
fn a_hostile_answer_stops_nothing() {
    // Each comes twice between two that are none: neither is enough for the idle time.
    let mut steps = vec![json("{\"queued\":1}"); 3];
    for (_, step) in hostile_transport() {
        steps.extend([json("{\"queued\":0}"), step.clone(), step]);
    }
    let count = steps.len();
    let server = serve(steps);
    let mut env = by_demand(&server, &roomy_gpu());
    env.set("SCRAPE_TIMEOUT", "1s");
    env.set("IDLE_FOR", "1s");
    let output = env.run_by(&[], |running| {
        wait_for("a start", || running.api.replicas() == 1);
        let start = Instant::now();
        while server.requests.load(Ordering::SeqCst) < count - 1 {
            assert!(start.elapsed() < Duration::from_secs(90), "the probe hangs");
            assert_eq!(running.api.replicas(), 1);
            sleep(Duration::from_millis(20));
        }
        assert_eq!(starts(running), 1);
        kill(running.process, "-TERM");
    });
    let report = output.report();
    assert_eq!((&report["idleStops"], &report["starts"]), (&0.into(), &1.into()), "{report}");
}

/// Others need the GPU while the server of the demand does not answer.
#[test]
fn a_hanging_server_of_the_demand_delays_no_yield_and_no_end() {
    let server = serve_with("127.0.0.1:0", |_, index| match index {
        0 => json("{\"queued\":9}"),
        _ => Step::SendAndHang(Vec::new()),
    });
    let mut env = by_demand(&server, "");
    env.exporter = vec![ok(roomy_gpu()); 60];
    env.exporter.push(ok(full_gpu()));
    let output = env.run_by(&[], |running| {
        wait_for("a start", || running.api.replicas() == 1);
        wait_for("a full GPU", || running.exporter.requests.load(Ordering::SeqCst) > 60);
        let full = Instant::now();
        wait_for("a yield", || running.api.replicas() == 0);
        assert!(full.elapsed() < Duration::from_secs(2), "{:?}", full.elapsed());
        let signal = Instant::now();
        kill(running.process, "-TERM");
        wait_for("an end", || {
            running.api.gets() > 0 && signal.elapsed() > Duration::from_millis(1)
        });
    });
    assert_eq!(output.report()["yieldCount"], 1, "{}", output.stderr);
}

#[test]
fn it_stops_once_its_time_is_used() {
    let server = serve(vec![json("{\"queued\":1}")]);
    let mut env = by_demand(&server, &roomy_gpu());
    env.set("AT_MOST", "2s");
    let output = env.run_by(&[], |running| {
        wait_for("a start", || running.api.replicas() == 1);
        wait_for("a stop", || running.api.replicas() == 0);
        let before = running.api.gets();
        wait_for("looks", || running.api.gets() > before + 5);
        assert_eq!(starts(running), 1);
        kill(running.process, "-TERM");
    });
    assert!(
        output.stderr.contains("it ran for as long as it may in one window"),
        "{}",
        output.stderr
    );
    assert_eq!(output.report()["yieldCount"], 0);
}

#[test]
fn with_an_invalid_demand_the_gpu_is_released() {
    for (name, value) in [
        ("DEMAND_URL", "queue"),
        ("DEMAND_URL", "http://user:secret@host/"),
        ("DEMAND_URL", "file:///etc/passwd"),
        ("DEMAND_NUMBER", ""),
        ("DEMAND_NUMBER", "queued/now"),
        ("DEMAND_NUMBER", "m{a}"),
        ("DEMAND_INTERVAL", "0"),
        ("IDLE_FOR", "50ms"),
        ("AT_MOST", "0"),
        ("AT_MOST", "6 hours"),
    ] {
        let server = serve(vec![json("{\"queued\":1}")]);
        let mut env = by_demand(&server, &roomy_gpu());
        env.api.replicas = 1;
        env.set(name, value);
        let output = env.run();
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert_eq!(output.api.replicas(), 0);
        let error = output.report()["settingError"].as_str().unwrap().to_owned();
        assert!(error.contains(name) && !error.contains("secret"), "{name}={value}: {error}");
    }
}

fn reading(others: u64) -> Reading {
    let usage = Usage { others, series: 1, ..Usage::default() };
    Reading::Scraped(usage)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Demand decides only what the GPU leaves open: it starts nothing where a reading would stop it, and a
    /// reading that stops the tenant does so whatever the demand is.
    #[test]
    fn demand_never_overrules_the_gpu(
        looks in prop::collection::vec((0..16_u64, 0..3_u8, prop::bool::ANY), 1..120),
    ) {
        let rules = Rules { total: Some(16 * GI), floor: 6 * GI, ..Rules::default() };
        let plan = Plan { scheduled_minute: 0, calm: Duration::from_secs(60), ..Plan::default() };
        let times = DemandPlan {
            idle_for: Duration::from_secs(60),
            at_most: Duration::from_secs(400),
        };
        let mut watch = Watch::new(rules, plan, 0).with_demand(times, Duration::ZERO);
        let (mut replicas, mut latest) = (0, Demand::Unknown);
        for (index, (others, answer, is_new)) in looks.into_iter().enumerate() {
            let elapsed = Duration::from_secs(10 * index as u64);
            let moment = Moment { elapsed, now_ms: elapsed.as_millis() as i64 };
            if is_new {
                latest = [Demand::Unknown, Demand::Absent, Demand::Present][usize::from(answer)];
                watch.note_demand(moment, latest);
            }
            let reading = reading(others * GI);
            let look = Look { replicas: Some(replicas), reading, number: None };
            let vram_gate::watch::Step::Continue(decision) = watch.look(moment, &look) else {
                panic!("it ended");
            };
            let guard = decide(Action::Guard, &reading, &rules);
            match decision.scale_to {
                Some(1) => {
                    prop_assert_eq!((latest, guard.scale_to), (Demand::Present, None));
                }
                Some(_) if decision.reason == Reason::Idle => {
                    prop_assert_eq!(latest, Demand::Absent);
                }
                _ => {}
            }
            if replicas == 1 && guard.scale_to == Some(0) {
                prop_assert_eq!(decision.scale_to, Some(0));
            }
            if let Some(wanted) = decision.scale_to {
                watch.note_scaled(wanted);
                replicas = wanted.into();
            }
        }
    }
}

/// The exposition that fits no tenant starts nothing, whatever the demand.
#[test]
fn demand_without_room_starts_nothing() {
    let server = serve(vec![json("{\"queued\":100}")]);
    let full = exposition_of(&[("immich", 11 * GI)]);
    let output = run_until(by_demand(&server, &full), &server, 10);
    assert_eq!(output.api.patches(), 0, "{}", output.stderr);
    assert_eq!(output.report()["demand"], "present");
}
