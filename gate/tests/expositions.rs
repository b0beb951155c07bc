//! Expositions, parsed by the gate, by Prometheus' scraper and by promtool.
//!
//! `TABLE` lists the verdict of each. Where they differ, its last column has the reason. Invariant: the
//! gate refuses every exposition that the scraper refuses.

#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::http_server::{Step, ok, serve_with};
use vram_gate::exposition::{ExpositionError, ExpositionFault, MetricUnit, Query, Usage, parse};

use ExpositionFault::*;

const METRIC: &str = "gpu_pod_memory_used_bytes";
const TAKES: bool = true;
const REFUSES: bool = false;
/// All three agree, so no reason is needed.
const SAME: &str = "";

struct Row {
    fixture: &'static str,
    expected: Result<Usage, ExpositionError>,
    scraper: bool,
    promtool: bool,
    reason: &'static str,
}

const fn row(
    fixture: &'static str,
    expected: Result<Usage, ExpositionError>,
    scraper: bool,
    promtool: bool,
    reason: &'static str,
) -> Row {
    Row { fixture, expected, scraper, promtool, reason }
}

const fn used(
    others: u64,
    tenant: u64,
    unknown: u64,
    series: usize,
) -> Result<Usage, ExpositionError> {
    Ok(Usage { tenant, unknown, others, series, total: None })
}

const fn fails(line: usize, fault: ExpositionFault) -> Result<Usage, ExpositionError> {
    Err(ExpositionError { line, fault })
}

#[rustfmt::skip] // One fixture per line.
const TABLE: &[Row] = &[
    row("above-two-to-the-53", used(9007199254740993, 0, 0, 1), TAKES, TAKES, SAME),
    row("all-kinds-of-comments", used(5, 0, 0, 1), TAKES, REFUSES, "`#TYPE` without a space is a comment to the scraper and metadata to promtool's parser."),
    row("backslash-at-end-of-label", fails(1, LabelValue), REFUSES, REFUSES, SAME),
    row("brace-and-hash-in-label", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("byte-order-mark", fails(1, Start), REFUSES, REFUSES, SAME),
    row("colon-in-label-name", fails(1, LabelEquals), REFUSES, REFUSES, SAME),
    row("comma-first", fails(1, LabelName), REFUSES, REFUSES, SAME),
    row("cut-inside-labels", fails(2, NoLastNewline), REFUSES, REFUSES, SAME),
    row("dash-in-metric-name", fails(1, Number), REFUSES, REFUSES, SAME),
    row("digit-first-in-label-name", fails(1, LabelName), REFUSES, REFUSES, SAME),
    row("digit-first-in-metric-name", fails(1, Start), REFUSES, REFUSES, SAME),
    row("duplicate-help-and-type", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper accepts a second HELP or TYPE; promtool's parser does not."),
    row("duplicate-label", fails(1, LabelTwice), REFUSES, REFUSES, SAME),
    row("duplicate-label-in-another-metric", fails(1, LabelTwice), REFUSES, REFUSES, SAME),
    row("duplicate-series", fails(2, SeriesTwice), TAKES, TAKES, "Prometheus keeps one of the two, and nothing tells which one is right."),
    row("duplicate-series-of-another-metric", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("duplicate-series-with-an-empty-label", fails(2, SeriesTwice), TAKES, TAKES, "A label with an empty value does not count, so the two are one series."),
    row("duplicate-series-with-other-timestamps", fails(2, SeriesTwice), TAKES, TAKES, "Two points in time of one series must not be added up."),
    row("empty-braces", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("empty-namespace-label", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("escaped-newline-in-label", fails(1, LabelValue), REFUSES, REFUSES, SAME),
    row("escapes-in-labels", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("exemplar", fails(1, Timestamp), REFUSES, REFUSES, SAME),
    row("fractions-of-a-byte", used(3, 0, 0, 2), TAKES, TAKES, SAME),
    row("gpu-pod-exporter", used(4026531840, 4294967296, 104857600, 4), TAKES, TAKES, SAME),
    row("help-for-an-invalid-name", fails(1, MetadataName), REFUSES, REFUSES, SAME),
    row("help-that-is-not-utf8", fails(1, HelpText), REFUSES, TAKES, "The scraper requires UTF-8 in HELP."),
    row("help-with-many-blanks", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("help-without-name", fails(1, MetadataName), REFUSES, TAKES, "The scraper requires a name after HELP and a blank."),
    row("help-without-text", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("hexadecimal-number", fails(1, Number), REFUSES, REFUSES, SAME),
    row("html", fails(1, Start), REFUSES, REFUSES, SAME),
    row("indented-comment", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("indented-series", fails(1, Indented), REFUSES, TAKES, "The scraper reads the blanks as part of the name, and refuses that name."),
    row("infinite", fails(1, TooLarge), TAKES, TAKES, "No GPU has infinite memory; the sum would be meaningless."),
    row("invalid-utf8-in-label", fails(1, LabelText), REFUSES, REFUSES, SAME),
    row("json", fails(1, Start), REFUSES, REFUSES, SAME),
    row("labels-in-another-order", used(7, 5, 0, 2), TAKES, TAKES, SAME),
    row("labels-without-end", fails(1, LabelName), REFUSES, REFUSES, SAME),
    row("metric-name-with-the-same-prefix", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("name-as-a-label", fails(1, LabelTwice), REFUSES, REFUSES, SAME),
    row("nan", fails(1, NotANumber), TAKES, TAKES, "Every comparison with NaN is false, so the floor would always seem broken, or always free."),
    row("negative", fails(1, Negative), TAKES, TAKES, "A negative value would hide memory that others use."),
    row("negative-after-a-large-value", fails(2, Negative), TAKES, TAKES, "The negative value would hide 16 GiB."),
    row("negative-timestamp", fails(1, Timestamp), REFUSES, TAKES, "The scraper accepts no sign in a timestamp."),
    row("newline-in-label", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper's lexer accepts a raw newline inside quotes."),
    row("no-bytes", fails(1, Empty), TAKES, TAKES, "The exporter ends its answer with a newline, so an empty one was cut off."),
    row("no-comma-between-labels", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper requires no comma between labels."),
    row("no-labels", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("no-last-newline", fails(2, NoLastNewline), TAKES, REFUSES, "The exposition was cut off; the last number may be a hundredth of the real one."),
    row("no-namespace-label", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("no-series", used(0, 0, 0, 0), TAKES, TAKES, SAME),
    row("no-space-before-value", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("no-value", fails(1, NoValue), REFUSES, REFUSES, SAME),
    row("number-is-a-word", fails(1, Number), REFUSES, REFUSES, SAME),
    row("number-too-large-for-a-float", fails(1, Number), REFUSES, REFUSES, SAME),
    row("only-newlines", used(0, 0, 0, 0), TAKES, TAKES, SAME),
    row("openmetrics-unit-and-eof", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("other-metrics-may-be-nan-or-infinite", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("quoted-metric-name", fails(1, Start), REFUSES, REFUSES, SAME),
    row("scientific-and-signed-numbers", used(2034000017, 0, 0, 4), TAKES, TAKES, SAME),
    row("several-processes-of-a-pod", used(300, 0, 0, 2), TAKES, TAKES, SAME),
    row("signed-nan-of-another-metric", fails(1, Number), REFUSES, REFUSES, SAME),
    row("single-quotes", fails(1, LabelValue), REFUSES, REFUSES, SAME),
    row("space-after-type", fails(1, Type), REFUSES, REFUSES, SAME),
    row("spaces-and-tabs", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper accepts blanks between any two tokens; promtool's parser refuses them after the last one."),
    row("sum-above-two-to-the-63", fails(2, TooLarge), TAKES, TAKES, "No GPU has more than 2^63 - 1 bytes; this is an error of the exporter."),
    row("timestamp-is-a-word", fails(1, Timestamp), REFUSES, REFUSES, SAME),
    row("timestamp-too-large", fails(1, Timestamp), REFUSES, REFUSES, SAME),
    row("timestamps", used(11, 0, 0, 2), TAKES, REFUSES, "The scraper accepts a blank after a timestamp; promtool's parser does not."),
    row("trailing-comma-in-labels", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("two-label-sets", fails(1, NoValue), REFUSES, REFUSES, SAME),
    row("two-timestamps", fails(1, Trailing), REFUSES, REFUSES, SAME),
    row("type-after-samples", used(11, 0, 0, 2), TAKES, REFUSES, "The scraper accepts any order; promtool's parser requires the type first."),
    row("type-after-two-blanks", fails(1, Type), REFUSES, TAKES, "The scraper accepts exactly one blank between name and type."),
    row("type-in-capitals", fails(1, Type), REFUSES, TAKES, "The scraper accepts types only in lower case."),
    row("type-without-type", fails(1, Type), REFUSES, TAKES, "The scraper requires a type after TYPE."),
    row("underscore-in-number", fails(1, Number), REFUSES, REFUSES, SAME),
    row("unescaped-quote-in-label", fails(1, LabelEquals), REFUSES, REFUSES, SAME),
    row("unit-after-number", fails(1, Number), REFUSES, REFUSES, SAME),
    row("unknown-escape-in-label", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper keeps an unknown escape unchanged."),
    row("unknown-type", fails(1, Type), REFUSES, REFUSES, SAME),
    row("unquoted-label-value", fails(1, LabelValue), REFUSES, REFUSES, SAME),
    row("utf8-in-label", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("value-on-the-next-line", fails(1, NoValue), REFUSES, REFUSES, SAME),
    row("windows-line-ends", fails(1, Number), REFUSES, REFUSES, SAME),
    row("with-histogram-and-summary", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("zero-byte-between-lines", fails(2, ZeroByte), TAKES, REFUSES, "The scraper reads a zero byte as the end, and drops the rest."),
    row("zero-byte-in-label", fails(1, ZeroByte), TAKES, TAKES, "Every zero byte is refused; no exporter prints one."),
];

fn fixture_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/expositions")
}

fn read_fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixture_folder().join(format!("{name}.prom"))).unwrap()
}

fn query() -> Query {
    Query { metric: METRIC.into(), namespace: "tts".into(), ..Query::default() }
}

#[test]
fn every_fixture_has_a_row() {
    let files: BTreeSet<String> = std::fs::read_dir(fixture_folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let rows: BTreeSet<String> = TABLE.iter().map(|row| row.fixture.to_owned()).collect();
    assert_eq!(files, rows);
    assert_eq!(rows.len(), TABLE.len());
    assert!(rows.len() >= 40);
}

#[test]
fn every_fixture_is_parsed_as_its_row_says() {
    for row in TABLE {
        assert_eq!(parse(&read_fixture(row.fixture), &query()), row.expected, "{}", row.fixture);
    }
}

#[test]
fn every_difference_has_a_reason_and_is_on_the_safe_side() {
    for row in TABLE {
        let differs = row.expected.is_ok() != row.scraper || row.expected.is_ok() != row.promtool;
        assert_eq!(differs, !row.reason.is_empty(), "{}", row.fixture);
        assert!(
            row.expected.is_err() || row.scraper,
            "{}: accepted, though the scraper refuses it",
            row.fixture
        );
    }
}

#[test]
fn dcgm_metrics_count_mebibytes() {
    let query = Query { metric: "DCGM_FI_DEV_FB_USED".into(), unit: MetricUnit::MiB, ..query() };
    let text = b"DCGM_FI_DEV_FB_USED{gpu=\"0\",UUID=\"GPU-1\"} 9012\nDCGM_FI_DEV_FB_FREE{gpu=\"0\"} 6000\n";
    let usage = Usage { others: 9012 << 20, series: 1, ..Usage::default() };
    assert_eq!(parse(text, &query), Ok(usage));
}

#[test]
fn promtool_agrees_with_the_table() {
    if !support::has_program("promtool") {
        return;
    }
    for row in TABLE {
        let file =
            std::fs::File::open(fixture_folder().join(format!("{}.prom", row.fixture))).unwrap();
        let status = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        // 1: not parsed. 0: parsed. 3: parsed, with remarks on style.
        let takes = match status.code() {
            Some(0 | 3) => TAKES,
            Some(1) => REFUSES,
            other => panic!("{}: promtool ended with {other:?}", row.fixture),
        };
        assert_eq!(takes, row.promtool, "{}", row.fixture);
    }
}

/// Lets Prometheus scrape each fixture once.
#[test]
fn the_scraper_agrees_with_the_table() {
    if !support::has_program("prometheus") {
        return;
    }
    let exporter = serve_with("127.0.0.1:0", |path, _| {
        match TABLE.iter().find(|row| path == format!("/{}", row.fixture)) {
            Some(row) => ok(read_fixture(row.fixture)),
            None => Step::Close,
        }
    });
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let jobs: Vec<Value> = TABLE
        .iter()
        .map(|row| {
            serde_json::json!({
                "job_name": row.fixture, "metrics_path": format!("/{}", row.fixture), "honor_timestamps": false,
                "static_configs": [{"targets": [exporter.address.to_string()]}],
            })
        })
        .collect();
    let config = serde_json::json!({
        "global": {"scrape_interval": "5s", "scrape_timeout": "5s"}, "scrape_configs": jobs,
    });
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, config.to_string()).unwrap();
    let prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut prometheus = KillOnDrop(prometheus);

    let started = Instant::now();
    let targets = loop {
        assert!(started.elapsed() < Duration::from_secs(120), "not all fixtures were scraped");
        assert!(prometheus.0.try_wait().unwrap().is_none(), "prometheus has ended");
        sleep(Duration::from_millis(300));
        let Some(answer) = get_json(port, "/api/v1/targets?state=active") else {
            continue;
        };
        let targets = answer["data"]["activeTargets"].as_array().unwrap().clone();
        if targets.len() == TABLE.len() && targets.iter().all(was_scraped) {
            break targets;
        }
    };
    let sums =
        get_json(port, &format!("/api/v1/query?query=sum%20by%20(job)%20({METRIC})")).unwrap();
    for row in TABLE {
        let target = targets.iter().find(|target| target["labels"]["job"] == row.fixture).unwrap();
        assert_eq!(
            target["health"] == "up",
            row.scraper,
            "{}: {}",
            row.fixture,
            target["lastError"]
        );
        let results = sums["data"]["result"].as_array().unwrap();
        let result = results.iter().find(|result| result["metric"]["job"] == row.fixture);
        let sum = result.map(|result| result["value"][1].as_str().unwrap().parse::<f64>().unwrap());
        if let Ok(usage) = row.expected {
            // Never below Prometheus' sum, and above it only by rounding up less than a byte a series.
            let difference = usage.everyone() as f64 - sum.unwrap_or_default();
            assert!(
                (0.0..usage.series as f64 + 1.0).contains(&difference),
                "{}: {sum:?}",
                row.fixture
            );
        }
    }
}

/// Returns true if a target has a verdict. On a busy machine a scrape may time out; the next one counts.
fn was_scraped(target: &Value) -> bool {
    let error = target["lastError"].as_str().unwrap_or_default();
    target["health"] != "unknown" && !error.contains("deadline exceeded")
}

/// Kills the process when the test ends, passed or failed.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a GET on loopback; returns `None` while nothing answers.
fn get_json(port: u16, path: &str) -> Option<Value> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    std::io::Write::write_all(&mut stream, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}
