//! Faults of Prometheus as the source of the readings.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::http_server::{Step, ok, serve, serve_with};
use crate::support::test_env::{GI, METRIC, TestEnv, full_gpu};
use crate::{Case, Fault, NO_READING, To, Untouched, case, fault};

const WORKS: &[Case] = &[case("up", 0, To(1)), case("guard", 0, Untouched)];
const FULL: &[Case] = &[case("up", 0, Untouched), case("guard", 0, To(0))];
const UP_STARTS: &[Case] = &[case("up", 0, To(1))];
const UP_WAITS: &[Case] = &[case("up", 0, Untouched)];

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Returns the series of a namespace that uses so many bytes: its value, and the time of its sample.
fn series(namespace: &str, bytes: u64, seconds_ago: f64) -> [Value; 2] {
    series_of(namespace, bytes, now() - seconds_ago)
}

/// Returns the same of a sample of this time.
fn series_of(namespace: &str, bytes: u64, sampled: f64) -> [Value; 2] {
    let one = |mark: &str, value: String| {
        json!({
            "metric": {mark: METRIC, "namespace": namespace, "instance": "gpu-1:9835"},
            "value": [now(), value],
        })
    };
    [one("vram_gate_value", bytes.to_string()), one("vram_gate_time", sampled.to_string())]
}

fn vector(result: &[Value]) -> Value {
    json!({"status": "success", "data": {"resultType": "vector", "result": result}})
}

/// Returns the answer for a GPU with 8 of 16 GiB in use, sampled five seconds ago.
fn roomy() -> Value {
    vector(&[series("immich", 4 * GI, 5.0), series("frigate", 4 * GI, 5.0)].concat())
}

fn reply(status: &str, body: &str) -> Step {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
    Step::Send((head + body).into_bytes())
}

/// Lets Prometheus give this answer.
fn answer(env: &mut TestEnv, answer: &Value) {
    answer_with(env, reply("200 OK", &answer.to_string()));
}

fn answer_with(env: &mut TestEnv, step: Step) {
    use_server(env, serve(vec![step]).address.port());
}

fn use_server(env: &mut TestEnv, port: u16) {
    env.set("PROMETHEUS_URL", format!("http://127.0.0.1:{port}"));
    // The exporter is not asked.
    env.exporter = vec![ok(full_gpu())];
}

/// Lets Prometheus give an answer with another field.
fn answer_with_field(env: &mut TestEnv, name: &str, value: Value) {
    let mut with = roomy();
    with[name] = value;
    answer(env, &with);
}

/// Lets Prometheus give an answer in which a series' value is another.
fn answer_with_value(env: &mut TestEnv, value: &str) {
    let mut with = roomy();
    with["data"]["result"][0]["value"][1] = value.into();
    answer(env, &with);
}

/// Starts a Prometheus whose sample gets newer at each `step`-th request.
fn answer_with_new_samples(env: &mut TestEnv, step: usize) {
    let first = now() - 20.0;
    answer_with_samples(env, move |request| first + (request / step) as f64);
}

/// Starts a Prometheus whose sample is of a time that depends on the request, counted from 0.
fn answer_with_samples(env: &mut TestEnv, time: impl Fn(usize) -> f64 + Send + Sync + 'static) {
    answer_by_request(env, move |request| {
        reply("200 OK", &vector(&series_of("immich", GI, time(request))).to_string())
    });
}

/// Starts a Prometheus that repeats one sample, and then does not answer any more.
fn answer_late_after_an_old_sample(env: &mut TestEnv) {
    let sampled = now() - 20.0;
    answer_by_request(env, move |request| match request {
        0..3 => reply("200 OK", &vector(&series_of("immich", GI, sampled)).to_string()),
        _ => Step::SendAndHang(Vec::new()),
    });
}

fn answer_by_request(env: &mut TestEnv, answer: impl Fn(usize) -> Step + Send + Sync + 'static) {
    let requests = AtomicUsize::new(0);
    let server =
        serve_with("127.0.0.1:0", move |_, _| answer(requests.fetch_add(1, Ordering::SeqCst)));
    use_server(env, server.address.port());
    env.set("SAMPLES", "2");
    env.set("SAMPLE_INTERVAL", "0");
    env.set("DEADLINE", "9s");
}

/// Lets Prometheus answer two queries: of the memory by namespace, and of the times.
fn answer_two_queries(env: &mut TestEnv, times: Value) {
    let mut values = vector(&[series("immich", GI, 0.0)[0].clone()]);
    values["data"]["result"][0]["metric"]["instance"].take();
    values["data"]["result"][0]["metric"] =
        json!({"vram_gate_value": METRIC, "namespace": "immich"});
    let server = serve_with("127.0.0.1:0", move |path, _| {
        let body = if path.contains("age_of") { &times } else { &values };
        reply("200 OK", &body.to_string())
    });
    use_server(env, server.address.port());
    env.set("PROMETHEUS_QUERY", "sum by (namespace) (used)");
    env.set("PROMETHEUS_AGE_QUERY", "age_of");
}

fn scalar(seconds: f64) -> Value {
    let result = json!([now(), seconds.to_string()]);
    json!({"status": "success", "data": {"resultType": "scalar", "result": result}})
}

pub(crate) const FAULTS: &[Fault] = &[
    fault("none: a current sample of a GPU with room", WORKS, "series=2", |env| {
        answer(env, &roomy());
    }),
    fault("none: a full GPU", FULL, "used=12Gi", |env| {
        answer(env, &vector(&series("immich", 12 * GI, 5.0)));
    }),
    fault("connection refused", NO_READING, "Connection refused", |env| use_server(env, 1)),
    fault("overloaded: no answer", NO_READING, "timeout", |env| {
        answer_with(env, Step::SendAndHang(Vec::new()));
        env.set("SCRAPE_TIMEOUT", "300ms");
    }),
    fault("an empty result", NO_READING, "has no series", |env| answer(env, &vector(&[]))),
    fault("an empty result, with NO_SERIES=idle", NO_READING, "has no series", |env| {
        answer(env, &vector(&[]));
        env.set("NO_SERIES", "idle");
    }),
    fault("one series is stale", NO_READING, "is stale", |env| {
        let all = [series("immich", GI, 5.0), series("frigate", GI, 90.0)].concat();
        answer(env, &vector(&all));
    }),
    fault("a sample from the future", NO_READING, "in the future", |env| {
        answer(env, &vector(&series("immich", GI, -90.0)));
    }),
    fault("a series without the time of its sample", NO_READING, "without a time", |env| {
        let all = [series("immich", GI, 5.0), series("frigate", GI, 5.0)].concat();
        answer(env, &vector(&all[..3]));
    }),
    fault("warnings, as for a partial answer", NO_READING, "has warnings", |env| {
        answer_with_field(env, "warnings", json!(["a store did not answer"]));
    }),
    fault("infos", NO_READING, "has infos", |env| {
        answer_with_field(env, "infos", json!(["metric might not be a gauge"]));
    }),
    fault("status 200 with an error", NO_READING, "reports: query timed out", |env| {
        answer(env, &json!({"status": "error", "error": "query timed out"}));
    }),
    fault("status 200 with an error and data", NO_READING, "reports", |env| {
        answer_with_field(env, "status", "error".into());
    }),
    fault("status 400 with Prometheus' message", NO_READING, "answered 400: parse error", |env| {
        answer_with(
            env,
            reply("400 Bad Request", "{\"status\":\"error\",\"error\":\"parse error\"}"),
        );
    }),
    fault("status 503", NO_READING, "answered 503", |env| {
        answer_with(env, reply("503 Service Unavailable", "Service Unavailable"));
    }),
    fault("a matrix", NO_READING, "is not a vector", |env| {
        answer_with_field(env, "data", json!({"resultType": "matrix", "result": []}));
    }),
    fault("a scalar", NO_READING, "is not a vector", |env| answer(env, &scalar(1.0))),
    fault("not JSON", NO_READING, "not valid JSON", |env| {
        answer_with(env, reply("200 OK", "<html>\n"));
    }),
    fault("JSON that is cut off", NO_READING, "not valid JSON", |env| {
        let text = roomy().to_string();
        answer_with(env, reply("200 OK", &text[..text.len() - 1]));
    }),
    fault(
        "a connection that is reset inside the answer",
        NO_READING,
        "connection was lost",
        |env| {
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{}", roomy());
            answer_with(env, Step::Reset(text.into_bytes()));
        },
    ),
    fault("NaN", NO_READING, "is NaN", |env| answer_with_value(env, "NaN")),
    fault("infinite", NO_READING, "more memory", |env| answer_with_value(env, "+Inf")),
    fault("negative", NO_READING, "negative", |env| answer_with_value(env, "-1")),
    fault("a value with a line end", NO_READING, "not a number", |env| {
        answer_with_value(env, "1\nused 1");
    }),
    fault("series that were not asked for", NO_READING, "not asked for", |env| {
        answer(env, &vector(&[json!({"metric": {"__name__": METRIC}, "value": [1, "1"]})]));
    }),
    fault("METRICS_URL is invalid beside PROMETHEUS_URL", UP_STARTS, "the floor is free", |env| {
        answer(env, &roomy());
        env.url = Some("nowhere".into());
    }),
    fault("the second sample is newer after three requests", UP_STARTS, "samples=2", |env| {
        answer_with_new_samples(env, 3);
    }),
    fault("the second sample never gets newer", UP_WAITS, "no newer sample", |env| {
        answer_with_new_samples(env, 1000);
    }),
    fault(
        "the second sample never gets newer, and the last answer is late",
        UP_WAITS,
        "no newer sample",
        |env| {
            answer_late_after_an_old_sample(env);
        },
    ),
    fault("Prometheus' clock jumps back between two samples", UP_WAITS, "no newer sample", |env| {
        answer_with_samples(env, |request| now() - 5.0 - 20.0 * (request.min(1) as f64));
    }),
    fault("a query with an age query: current", WORKS, "series=1", |env| {
        answer_two_queries(env, scalar(now() - 5.0));
    }),
    fault("a query with an age query: one time is old", NO_READING, "is stale", |env| {
        let times = [now(), now() - 90.0]
            .map(|time| json!({"metric": {}, "value": [now(), time.to_string()]}));
        answer_two_queries(env, vector(&times));
    }),
    fault("a query with an age query: no time", NO_READING, "has no time", |env| {
        answer_two_queries(env, vector(&[]));
    }),
    fault("a query with an age query: not a time", NO_READING, "invalid time", |env| {
        answer_two_queries(env, scalar(f64::NAN));
    }),
];
