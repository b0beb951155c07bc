//! `window fetch`: the recorded memory of past windows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tts_render::window::history::History;

use crate::common::http::{Request, Response, Server, serve, serve_tls};
use crate::common::output::CommandOutput;
use crate::common::prometheus::Prometheus;
use crate::common::tool::{Sandbox, repository, tts_render};
use crate::common::{require, write_program};

const METRIC: &str = "gpu_pod_memory_used_bytes";

/// The seconds between a scrape and the next instant that is asked for: no sample is as old as Prometheus'
/// limit, of which versions differ in whether it counts.
const OFFSET: i64 = 5;

/// The users of memory in the recorded nights.
const USERS: [&str; 3] = ["immich", "tts", "unknown"];

/// The bytes of a user at an instant.
fn bytes(user: usize, time: i64) -> i64 {
    (user as i64 + 1) * (1 << 30) + time / 15 % 100 * (1 << 20)
}

/// A night without samples, ten days ago, and ten minutes without, five days ago.
fn is_missing(time: i64, today: i64) -> bool {
    let (day, second) = (time.div_euclid(86_400), time.rem_euclid(86_400));
    day == today - 10 || (day == today - 5 && (4 * 3600..4 * 3600 + 600).contains(&second))
}

/// Writes the nights of 32 days as OpenMetrics, and serves them.
fn serve_nights(folder: &Path, now: Timestamp) -> Prometheus {
    let today = now.as_second().div_euclid(86_400);
    let mut text = format!("# TYPE {METRIC} gauge\n");
    for day in today - 32..=today {
        for second in (0..7 * 3600).step_by(15) {
            let time = day * 86_400 + second + OFFSET;
            if time > now.as_second() || is_missing(time, today) {
                continue;
            }
            for (user, namespace) in USERS.iter().enumerate() {
                let bytes = bytes(user, time);
                let _ = writeln!(text, "{METRIC}{{namespace=\"{namespace}\"}} {bytes} {time}");
            }
        }
    }
    text.push_str("# EOF\n");
    Prometheus::start(folder, &text)
}

/// The commands of a document's listings that contain a text.
fn documented_commands(document: &str, part: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join(document)).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
    lines.filter(|line| line.contains(part)).map(str::to_owned).collect()
}

/// Runs a documented command as a user's shell would.
#[track_caller]
fn run_documented(sandbox: &Sandbox, command: &str, prometheus: &str) -> CommandOutput {
    let program = tts_render(&sandbox.path("."));
    let folder = Path::new(program.get_program()).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        std::iter::once(folder).chain(std::env::split_paths(&path).collect::<Vec<PathBuf>>()),
    );
    let output = CommandOutput::run(
        Command::new("sh")
            .args(["-ec", command])
            .current_dir(sandbox.path("."))
            .env("PATH", path.unwrap())
            .env("PROMETHEUS", prometheus),
    );
    assert_eq!(output.code, 0, "{command}: {}", output.stderr);
    output
}

fn decompress(file: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

/// The samples of each namespace in a file.
fn samples(text: &str) -> BTreeMap<String, Vec<(i64, i64)>> {
    let answer: Value = serde_json::from_str(text).unwrap();
    assert_eq!(answer["status"], "success");
    let series = answer["data"]["result"].as_array().unwrap();
    series
        .iter()
        .map(|series| {
            let values = series["values"].as_array().unwrap().iter().map(|sample| {
                (sample[0].as_i64().unwrap(), sample[1].as_str().unwrap().parse().unwrap())
            });
            (series["metric"]["namespace"].as_str().unwrap().to_owned(), values.collect())
        })
        .collect()
}

/// The windows of the 30 days before an instant that are closed then.
fn closed_windows(sandbox: &Sandbox, now: Timestamp) -> Vec<(i64, i64)> {
    let from = (now - SignedDuration::from_hours(30 * 24)).to_string();
    let args = ["window", "next", "tts", "--from", &from, "--for", "30d", "--format", "json"];
    let report: Value = serde_json::from_str(&sandbox.ok(&args).stdout).unwrap();
    let second = |time: &Value| time.as_str().unwrap().parse::<Timestamp>().unwrap().as_second();
    let windows = report["windows"].as_array().unwrap().iter();
    let windows = windows.map(|window| (second(&window["start"]), second(&window["end"])));
    windows.filter(|(_, end)| *end <= now.as_second()).collect()
}

#[test]
fn the_documented_commands_fetch_30_nights_from_a_real_prometheus() {
    if !Prometheus::is_available() {
        return;
    }
    let sandbox = Sandbox::repository();
    let now = Timestamp::now();
    let today = now.as_second().div_euclid(86_400);
    let prometheus = serve_nights(&sandbox.path("."), now);
    let url = prometheus.url();
    let windows = closed_windows(&sandbox, now);
    assert!((29..=30).contains(&windows.len()), "{windows:?}");
    let mut expected: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for (start, end) in &windows {
        for time in (*start..=*end).step_by(15) {
            // Prometheus answers with the latest sample of five minutes.
            let latest = time - (15 - OFFSET);
            let sampled = (0..20).map(|back| latest - 15 * back).find(|at| !is_missing(*at, today));
            for (user, namespace) in USERS.iter().enumerate() {
                let series = expected.entry((*namespace).to_owned()).or_default();
                series.extend(sampled.map(|at| (time, bytes(user, at))));
            }
        }
    }

    let direct = documented_commands("docs/window.md", "window fetch tts --prometheus");
    assert_eq!(direct.len(), 1, "{direct:?}");
    let output = run_documented(&sandbox, &direct[0], &url);
    let file = std::fs::read(sandbox.path("nights.json.gz")).unwrap();
    let text = decompress(&file);
    assert_eq!(samples(&text), expected);
    let header = &serde_json::from_str::<Value>(&text).unwrap()["history"];
    assert_eq!(header["metric"], METRIC);
    assert_eq!((&header["unit"], &header["step"]), (&"bytes".into(), &15.into()));
    assert_eq!(header["source"], url);
    assert_eq!(header["windows"].as_array().unwrap().len(), windows.len());
    let shown = format!("{} of {} windows", windows.len() - 1, windows.len());
    assert!(output.stderr.contains(&shown), "{}", output.stderr);
    assert!(output.stderr.contains("no sample in the window from"), "{}", output.stderr);
    assert!(
        !output.stderr.contains("query 1 of"),
        "progress without a terminal: {}",
        output.stderr
    );
    assert!(file.len() * 8 < text.len(), "{} of {} bytes", file.len(), text.len());

    // On a terminal, which `script` of util-linux makes, each query is announced.
    if require(&["script", "--version"]) {
        let direct = direct[0].replace("nights.json.gz", "watched.json.gz");
        let watched = run_documented(&sandbox, &format!("script -qec '{direct}' /dev/null"), &url);
        let queries = windows.len();
        for part in [format!("query 1 of {queries}"), format!("query {queries} of {queries}")] {
            assert!(watched.stdout.contains(&part), "{part}: {}", watched.stdout);
        }
    }
    assert_eq!(History::read(file).unwrap().len(), expected.values().map(Vec::len).sum::<usize>());

    // The commands for a machine that reaches Prometheus: a file a window, which join.
    for command in documented_commands("docs/window.md", "fetch.sh") {
        run_documented(&sandbox, &command, &url);
    }
    let mut files = Vec::new();
    let mut joined: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for entry in std::fs::read_dir(sandbox.path("nights")).unwrap() {
        let path = entry.unwrap().path();
        let file = std::fs::read(&path).unwrap();
        for (namespace, samples) in samples(&decompress(&file)) {
            joined.entry(namespace).or_default().extend(samples);
        }
        match History::read(file) {
            Ok(history) => {
                assert_eq!(history.header().unwrap().metric, METRIC);
                files.push((path.display().to_string(), history));
            }
            Err(error) => assert_eq!(error.to_string(), "it contains no samples"),
        }
    }
    joined.values_mut().for_each(|samples| samples.sort_unstable());
    assert_eq!(joined, expected);
    assert_eq!(files.len(), windows.len() - 1);
    let history = History::join(files).unwrap();
    assert!(history.notes[0].contains("gaps"), "{:?}", history.notes);
}

/// The parameters of a range query.
fn parameters(request: &Request) -> BTreeMap<&str, &str> {
    let (path, query) = request.target.split_once('?').unwrap();
    assert_eq!(path, "/api/v1/query_range");
    query.split('&').map(|pair| pair.split_once('=').unwrap()).collect()
}

/// An answer with one series that has a sample at the start of the query.
fn one_sample(request: &Request, labels: &str) -> Response {
    let start: Timestamp = parameters(request)["start"].parse().unwrap();
    let text = format!(
        "{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[\
         {{\"metric\":{{\"__name__\":\"{METRIC}\",{labels}}},\"values\":[[{},\"5\"]]}}]}}}}",
        start.as_second()
    );
    Response::new(200, text)
}

const UNTIL: &str = "2026-11-24T12:00:00Z";

/// `window fetch` of two nights from a server, with further arguments.
fn fetch(sandbox: &Sandbox, url: &str, args: &[&str]) -> CommandOutput {
    let fixed = [
        "window",
        "fetch",
        "tts",
        "--nights",
        "2",
        "--until",
        UNTIL,
        "--out",
        "x.json.gz",
        "--prometheus",
        url,
    ];
    let mut command = tts_render(&sandbox.path("."));
    for proxy in
        ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        command.env_remove(proxy);
    }
    CommandOutput::run(command.args(fixed).args(args))
}

/// The URL of a server.
fn http(server: &Server) -> String {
    format!("http://{}", server.address)
}

#[test]
fn queries_are_those_of_the_stacks_windows_and_selection() {
    let sandbox = Sandbox::repository();
    let server = serve(|request| one_sample(request, "\"namespace\":\"tts\""));
    let set = ["--set", "gate.select.gpu=0\"\\é", "--set", "gate.freeMetric=free", "--step", "1m"];
    let output = fetch(&sandbox, &format!("{}/", http(&server)), &set);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let requests = server.requests();
    let spans: Vec<(String, String)> = requests
        .iter()
        .map(|request| {
            let given = parameters(request);
            assert_eq!(given["step"], "60");
            assert_eq!(
                given["query"],
                "%7B__name__%3D~%22gpu_pod_memory_used_bytes%7Cfree%22%2Cgpu%3D%220%5C%22%5C%5C%C3%A9%22%7D"
            );
            (given["start"].to_owned(), given["end"].to_owned())
        })
        .collect();
    let night = |date: &str| (format!("{date}T02:00:00Z"), format!("{date}T06:00:00Z"));
    assert_eq!(spans, [night("2026-11-23"), night("2026-11-24")]);
    // Nothing else is overwritten, and nothing is asked for in vain.
    let again = fetch(&sandbox, &http(&server), &[]);
    assert!(again.refusal().contains("`x.json.gz` exists"), "{}", again.stderr);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_long_window_needs_several_queries_of_at_most_11000_points() {
    let sandbox = Sandbox::repository();
    let server = serve(|_| {
        Response::new(200, r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#)
    });
    let weekly =
        ["--set", "offPeak.up=0 20 * * 5", "--set", "offPeak.down=0 20 * * 3", "--nights", "9"];
    let args = [&weekly[..], &["--until", "2026-11-26T12:00:00Z"]].concat();
    let mut command = tts_render(&sandbox.path("."));
    command.args(["window", "fetch", "--out", "x.json.gz", "--prometheus", &http(&server)]);
    let output = CommandOutput::run(command.args(&args));
    assert!(
        output.refusal().contains("no sample of `gpu_pod_memory_used_bytes` in 1 windows"),
        "{}",
        output.stderr
    );
    let mut points = 0;
    for request in server.requests() {
        let given = parameters(&request);
        let time = |name: &str| given[name].parse::<Timestamp>().unwrap().as_second();
        let count = (time("end") - time("start")) / 15 + 1;
        assert!(count <= 11_000, "{count}");
        points += count;
    }
    assert_eq!(points, 5 * 86_400 / 15 + 1);
}

#[test]
fn what_prometheus_refuses_is_shown_without_hidden_characters() {
    let sandbox = Sandbox::repository();
    for (status, body, shown) in [
        (
            400,
            r#"{"status":"error","error":"exceeded \u001b[31m11,000 points"}"#,
            "status 400: exceeded \\u{1b}[31m11,000 points",
        ),
        (401, "no\u{1b}[31m\nentry", "status 401: no\\u{1b}[31m"),
        (502, "<html>", "status 502: <html>"),
        (200, r#"{"status":"error","error":"x\u202e"}"#, "the query failed: x\\u{202e}"),
        (200, "<html>", "expected Prometheus' answer to a range query"),
        (
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            "found `vector`",
        ),
        (
            200,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"-5"]]}]}}"#,
            "invalid sample `-5`",
        ),
    ] {
        let server = serve(move |_| Response::new(status, body));
        let output = fetch(&sandbox, &http(&server), &[]);
        let message = output.refusal();
        assert!(message.contains(shown) && !message.contains('\u{1b}'), "{message}");
        assert!(!sandbox.path("x.json.gz").exists());
        assert_eq!(message.contains("--token-file"), status == 401, "{message}");
    }
}

#[test]
fn an_answer_without_an_end_is_cut_off() {
    let sandbox = Sandbox::repository();
    let server = serve(|_| Response::new(200, vec![b' '; (64 << 20) + 1]));
    let output = fetch(&sandbox, &http(&server), &[]);
    assert!(output.refusal().contains("exceeds 64 MiB"), "{}", output.stderr);
}

#[test]
fn a_token_is_sent_by_https_to_its_own_host_alone() {
    let sandbox = Sandbox::repository();
    let token = sandbox.write("token", "secret-1\n");
    let (server, certificate) = serve_tls(|request| one_sample(request, "\"namespace\":\"a\""));
    let ca = sandbox.write("ca.pem", certificate);
    let flags = ["--token-file", token.to_str().unwrap(), "--ca", ca.to_str().unwrap()];
    let url = format!("https://{}", server.address);
    let output = fetch(&sandbox, &url, &flags);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer secret-1");
    assert!(!decompress(&std::fs::read(sandbox.path("x.json.gz")).unwrap()).contains("secret"));
    // Without its certificate the server is not trusted.
    std::fs::remove_file(sandbox.path("x.json.gz")).unwrap();
    assert!(fetch(&sandbox, &url, &flags[..2]).refusal().contains("certificate"));
    assert_eq!(server.requests().len(), 2);

    // In the clear only to this machine.
    let plain = fetch(&sandbox, "http://prometheus.example", &flags[..2]);
    assert!(plain.refusal().contains("by HTTPS only"), "{}", plain.stderr);
    // Another host that this one names gets none.
    let other = serve(|request| one_sample(request, "\"namespace\":\"a\""));
    let location = format!("Location: {}/api/v1/query_range?", http(&other));
    let first = serve(move |request| {
        let (_, query) = request.target.split_once('?').unwrap();
        Response::new(302, "").with_header(format!("{location}{query}"))
    });
    assert_eq!(fetch(&sandbox, &http(&first), &flags[..2]).code, 0);
    assert!(first.requests()[0].headers.contains_key("authorization"));
    assert!(!other.requests()[0].headers.contains_key("authorization"));
    // Two lines are not a token: the second would be a header.
    std::fs::remove_file(sandbox.path("x.json.gz")).unwrap();
    sandbox.write("token", "a\r\nX: y");
    assert!(fetch(&sandbox, &http(&first), &flags[..2]).refusal().contains("invalid token"));
}

#[test]
fn a_redirect_from_https_to_http_is_refused() {
    let sandbox = Sandbox::repository();
    let plain = serve(|request| one_sample(request, "\"namespace\":\"a\""));
    let location = format!("Location: {}/api/v1/query_range", http(&plain));
    let (server, certificate) =
        serve_tls(move |_| Response::new(302, "").with_header(location.clone()));
    let ca = sandbox.write("ca.pem", certificate);
    let url = format!("https://{}", server.address);
    let output = fetch(&sandbox, &url, &["--ca", ca.to_str().unwrap()]);
    assert!(output.refusal().contains("leads from HTTPS to HTTP"), "{}", output.stderr);
    assert!(plain.requests().is_empty());
    sandbox.write("ca.pem", "no certificate");
    let output = fetch(&sandbox, &url, &["--ca", ca.to_str().unwrap()]);
    assert!(output.refusal().contains("no certificate in PEM"), "{}", output.stderr);
}

#[test]
fn the_exporters_own_labels_are_restored() {
    let sandbox = Sandbox::repository();
    let labels =
        "\"namespace\":\"nvidia\",\"exported_namespace\":\"immich\",\"exported_pod\":\"a\"";
    let server = serve(move |request| one_sample(request, labels));
    assert_eq!(fetch(&sandbox, &http(&server), &[]).code, 0);
    let text = decompress(&std::fs::read(sandbox.path("x.json.gz")).unwrap());
    assert!(text.contains("\"namespace\":\"immich\"") && !text.contains("nvidia"), "{text}");
    assert!(text.contains("\"pod\":\"a\"") && !text.contains("exported_"), "{text}");
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_sent() {
    let sandbox = Sandbox::two_stacks();
    for (args, part) in [
        (&["window", "fetch"][..], "name one of the stacks `tts`, `whisper`"),
        (&["window", "fetch", "tts", "--nights", "0"], "expected a whole number from 1 to 400"),
        (&["window", "fetch", "tts", "--step", "0s"], "from `1s` to `1h`"),
        (&["window", "fetch", "tts", "--step", "1500ms"], "from `1s` to `1h`"),
        (&["window", "fetch", "tts", "--ca", "x"], "--prometheus"),
        (&["window", "fetch", "tts", "--prometheus", "ftp://x"], "invalid URL `ftp://x`"),
        (&["window", "fetch", "tts", "--prometheus", "http://u:p@x"], "invalid URL"),
        (&["window", "fetch", "tts", "--prometheus", "http://x/?a=b"], "invalid URL"),
        (
            &["window", "fetch", "tts", "--set", "offPeak.up=@every 4h"],
            "the past runs of `up` of `tts` are not known",
        ),
        (
            &["window", "fetch", "tts", "--set", "offPeak.up=0 0 30 2 *"],
            "no window of `tts` closed",
        ),
        (
            &[
                "window",
                "fetch",
                "tts",
                "--nights=400",
                "--set",
                "offPeak.up=*/10 * * * *",
                "--set",
                "offPeak.down=5/10 * * * *",
            ],
            "more than 2000 queries",
        ),
    ] {
        let message = sandbox.refused(args);
        assert!(message.contains(part), "{args:?}: {message}");
    }
}

#[test]
fn a_suspended_stack_has_past_windows() {
    let sandbox = Sandbox::demo();
    let script = sandbox.ok(&["window", "fetch", "--until", UNTIL, "--nights", "3"]).stdout;
    assert_eq!(script.lines().filter(|line| line.starts_with("fetch 2026")).count(), 3, "{script}");
}

#[test]
fn the_script_quotes_what_the_values_say() {
    let sandbox = Sandbox::repository();
    let select = "gate.select.gpu=0'; touch pwned; '$(touch pwned)`touch pwned`";
    let args = ["window", "fetch", "tts", "--nights", "1", "--until", UNTIL, "--set", select];
    let script = sandbox.ok(&[&args[..], &["--out", "it's $(touch pwned)"]].concat()).stdout;
    sandbox.write("fetch.sh", &script);
    let curl = sandbox.path("curl");
    let answer = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    let program = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >>arguments\nwhile [ \"$1\" != --output ]; do shift; done\nprintf '%s' '{answer}' >\"$2\"\n"
    );
    write_program(&curl, &program);
    let output = CommandOutput::run(
        Command::new("sh")
            .arg("fetch.sh")
            .current_dir(sandbox.path("."))
            .env("CURL", curl.to_str().unwrap())
            .env("PROMETHEUS", "http://localhost:9090/"),
    );
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(!sandbox.path("pwned").exists());
    let arguments = sandbox.read("arguments");
    assert!(
        arguments.contains(
            "query=gpu_pod_memory_used_bytes{gpu=\"0'; touch pwned; '$(touch pwned)`touch pwned`\"}"
        ),
        "{arguments}"
    );
    assert!(arguments.ends_with("http://localhost:9090/api/v1/query_range\n"), "{arguments}");
    let files: Vec<_> = std::fs::read_dir(sandbox.path("it's $(touch pwned)")).unwrap().collect();
    assert_eq!(files.len(), 1);
}
