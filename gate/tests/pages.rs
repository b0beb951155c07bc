//! Pages, read by us, by Prometheus' scraper and by promtool.
//!
//! `TABLE` is the one list of differences: where the three do not agree, its
//! last column says why we do as we do. The promise it holds us to: we refuse
//! every page that the scraper refuses.

// A test fails by panicking; clippy knows that of `#[test]` functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use support::plain::{Step, page, serve_with};
use vram_gate::page::{PageError, PageFault, Query, Unit, Usage, parse};

use PageFault::*;

const METRIC: &str = "gpu_pod_memory_used_bytes";
const TAKES: bool = true;
const REFUSES: bool = false;
/// No difference that needs a reason.
const SAME: &str = "";

struct Row {
    page: &'static str,
    ours: Result<Usage, PageError>,
    scraper: bool,
    promtool: bool,
    why: &'static str,
}

const fn row(
    page: &'static str,
    ours: Result<Usage, PageError>,
    scraper: bool,
    promtool: bool,
    why: &'static str,
) -> Row {
    Row { page, ours, scraper, promtool, why }
}

const fn used(others: u64, tenant: u64, unknown: u64, series: usize) -> Result<Usage, PageError> {
    Ok(Usage { tenant, unknown, others, series })
}

const fn not(line: usize, fault: PageFault) -> Result<Usage, PageError> {
    Err(PageError { line, fault })
}

#[rustfmt::skip] // One page a line.
const TABLE: &[Row] = &[
    row("as-the-exporter-writes-it", used(4026531840, 4294967296, 104857600, 4), TAKES, TAKES, SAME),
    row("backslash-at-end-of-label", not(1, LabelValue), REFUSES, REFUSES, SAME),
    row("brace-and-hash-in-label", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("byte-order-mark", not(1, Start), REFUSES, REFUSES, SAME),
    row("colon-in-label-name", not(1, LabelEquals), REFUSES, REFUSES, SAME),
    row("comma-first", not(1, LabelName), REFUSES, REFUSES, SAME),
    row("comments-of-all-kinds", used(5, 0, 0, 1), TAKES, REFUSES, "A TYPE behind `#` without a space is a comment to the scraper, metadata to promtool's parser."),
    row("cut-inside-labels", not(2, NoLastNewline), REFUSES, REFUSES, SAME),
    row("dash-in-metric-name", not(1, Number), REFUSES, REFUSES, SAME),
    row("digit-first-in-label-name", not(1, LabelName), REFUSES, REFUSES, SAME),
    row("digit-first-in-metric-name", not(1, Start), REFUSES, REFUSES, SAME),
    row("empty-braces", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("empty-namespace-label", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("empty-page", not(1, Empty), TAKES, TAKES, "The exporter's page ends in a newline: not one byte is a page that was cut."),
    row("escaped-newline-in-label", not(1, LabelValue), REFUSES, REFUSES, SAME),
    row("escapes-in-labels", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("exemplar", not(1, Timestamp), REFUSES, REFUSES, SAME),
    row("fractions-of-a-byte", used(3, 0, 0, 2), TAKES, TAKES, SAME),
    row("help-of-a-wrong-name", not(1, MetadataName), REFUSES, REFUSES, SAME),
    row("help-of-many-blanks", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("help-that-is-not-utf8", not(1, HelpText), REFUSES, TAKES, "The scraper holds HELP to UTF-8."),
    row("help-twice-and-type-twice", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper doesn't mind a second HELP or TYPE; promtool's parser does."),
    row("help-without-name", not(1, MetadataName), REFUSES, TAKES, "The scraper wants a name after HELP and a blank."),
    row("help-without-text", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("hexadecimal-number", not(1, Number), REFUSES, REFUSES, SAME),
    row("histogram-and-summary-beside", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("html-of-a-proxy", not(1, Start), REFUSES, REFUSES, SAME),
    row("idle-card-or-failed-probe", used(0, 0, 0, 0), TAKES, TAKES, SAME),
    row("indented-comment", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("indented-series", not(1, Indented), REFUSES, TAKES, "The scraper takes the blanks into the name, and refuses that."),
    row("infinite", not(1, TooLarge), TAKES, TAKES, "No card holds an infinite amount: the sum would mean nothing."),
    row("invalid-utf8-in-label", not(1, LabelText), REFUSES, REFUSES, SAME),
    row("json", not(1, Start), REFUSES, REFUSES, SAME),
    row("labels-in-another-order", used(7, 5, 0, 2), TAKES, TAKES, SAME),
    row("labels-without-end", not(1, LabelName), REFUSES, REFUSES, SAME),
    row("name-as-a-label", not(1, LabelTwice), REFUSES, REFUSES, SAME),
    row("name-that-begins-like-ours", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("nan", not(1, NotANumber), TAKES, TAKES, "NaN compares with nothing: any floor would seem broken, or free."),
    row("negative", not(1, Negative), TAKES, TAKES, "It would hide memory that others use."),
    row("negative-timestamp", not(1, Timestamp), REFUSES, TAKES, "The scraper's timestamps have no sign."),
    row("newline-in-label", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper's lexer lets a raw newline stand inside quotes."),
    row("no-comma-between-labels", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper wants no comma between labels."),
    row("no-labels", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("no-last-newline", not(2, NoLastNewline), TAKES, REFUSES, "The page was cut: the last number may be a hundredth of the real one."),
    row("no-namespace-label", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("no-space-before-value", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("no-value", not(1, NoValue), REFUSES, REFUSES, SAME),
    row("number-too-large-for-a-float", not(1, Number), REFUSES, REFUSES, SAME),
    row("one-negative-beside-a-large-one", not(2, Negative), TAKES, TAKES, "It hides 16 GiB."),
    row("only-newlines", used(0, 0, 0, 0), TAKES, TAKES, SAME),
    row("openmetrics-unit-and-eof", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("other-metrics-may-be-nan-or-infinite", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("past-two-to-the-53", used(9007199254740993, 0, 0, 1), TAKES, TAKES, SAME),
    row("quoted-metric-name", not(1, Start), REFUSES, REFUSES, SAME),
    row("same-label-twice", not(1, LabelTwice), REFUSES, REFUSES, SAME),
    row("same-label-twice-in-another-metric", not(1, LabelTwice), REFUSES, REFUSES, SAME),
    row("same-series-of-another-metric-twice", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("same-series-twice", not(2, SeriesTwice), TAKES, TAKES, "Prometheus keeps one of the two; which is in use can not be told."),
    row("same-series-twice-by-an-empty-label", not(2, SeriesTwice), TAKES, TAKES, "A label without a value is no label: the same series."),
    row("same-series-twice-with-other-timestamps", not(2, SeriesTwice), TAKES, TAKES, "Two moments of one series must not add up."),
    row("scientific-and-signed-numbers", used(2034000017, 0, 0, 4), TAKES, TAKES, SAME),
    row("several-processes-of-a-pod", used(300, 0, 0, 2), TAKES, TAKES, SAME),
    row("signed-nan-of-another-metric", not(1, Number), REFUSES, REFUSES, SAME),
    row("single-quotes", not(1, LabelValue), REFUSES, REFUSES, SAME),
    row("spaces-and-tabs", used(5, 0, 0, 1), TAKES, REFUSES, "Blanks stand anywhere between tokens, to the scraper; not behind the last one, to promtool."),
    row("sum-past-every-card", not(2, TooLarge), TAKES, TAKES, "Past 2^63 - 1 bytes there is no card, only an error."),
    row("timestamp-too-large", not(1, Timestamp), REFUSES, REFUSES, SAME),
    row("timestamps", used(11, 0, 0, 2), TAKES, REFUSES, "A blank behind a timestamp is nothing to the scraper, too much for promtool's parser."),
    row("trailing-comma-in-labels", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("two-label-sets", not(1, NoValue), REFUSES, REFUSES, SAME),
    row("two-timestamps", not(1, Trailing), REFUSES, REFUSES, SAME),
    row("type-after-samples", used(11, 0, 0, 2), TAKES, REFUSES, "The scraper doesn't mind; promtool's parser wants the type first."),
    row("type-after-two-spaces", not(1, Type), REFUSES, TAKES, "To the scraper one blank parts name and type."),
    row("type-in-capitals", not(1, Type), REFUSES, TAKES, "The scraper knows types in lower case alone."),
    row("type-with-space-behind", not(1, Type), REFUSES, REFUSES, SAME),
    row("type-without-type", not(1, Type), REFUSES, TAKES, "The scraper wants a type after TYPE."),
    row("underscore-in-number", not(1, Number), REFUSES, REFUSES, SAME),
    row("unescaped-quote-in-label", not(1, LabelEquals), REFUSES, REFUSES, SAME),
    row("unit-after-number", not(1, Number), REFUSES, REFUSES, SAME),
    row("unknown-escape-in-label", used(5, 0, 0, 1), TAKES, REFUSES, "The scraper keeps an escape it doesn't know as it is."),
    row("unknown-type", not(1, Type), REFUSES, REFUSES, SAME),
    row("unquoted-label-value", not(1, LabelValue), REFUSES, REFUSES, SAME),
    row("utf8-in-label", used(5, 0, 0, 1), TAKES, TAKES, SAME),
    row("value-on-the-next-line", not(1, NoValue), REFUSES, REFUSES, SAME),
    row("windows-line-ends", not(1, Number), REFUSES, REFUSES, SAME),
    row("word-for-a-number", not(1, Number), REFUSES, REFUSES, SAME),
    row("word-for-a-timestamp", not(1, Timestamp), REFUSES, REFUSES, SAME),
    row("zero-byte-between-lines", not(2, ZeroByte), TAKES, REFUSES, "The scraper takes a zero byte for the end of the page, and leaves out the rest."),
    row("zero-byte-in-label", not(1, ZeroByte), TAKES, TAKES, "One rule for all zero bytes; nothing that is printed has one."),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pages")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.prom"))).unwrap()
}

fn query() -> Query {
    Query { metric: METRIC.into(), unit: Unit::Bytes, namespace: "tts".into() }
}

#[test]
fn every_page_has_a_row() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let rows: BTreeSet<String> = TABLE.iter().map(|row| row.page.to_owned()).collect();
    assert_eq!(files, rows);
    assert_eq!(rows.len(), TABLE.len());
    assert!(rows.len() >= 40);
}

#[test]
fn every_page_is_read_as_its_row_says() {
    for row in TABLE {
        assert_eq!(parse(&fixture(row.page), &query()), row.ours, "{}", row.page);
    }
}

#[test]
fn every_difference_has_its_reason_and_is_on_the_safe_side() {
    for row in TABLE {
        let differs = row.ours.is_ok() != row.scraper || row.ours.is_ok() != row.promtool;
        assert_eq!(differs, !row.why.is_empty(), "{}", row.page);
        assert!(
            row.ours.is_err() || row.scraper,
            "{}: taken, though the scraper refuses",
            row.page
        );
    }
}

#[test]
fn dcgm_counts_in_mebibytes() {
    let query = Query { metric: "DCGM_FI_DEV_FB_USED".into(), unit: Unit::MiB, ..query() };
    let text = b"DCGM_FI_DEV_FB_USED{gpu=\"0\",UUID=\"GPU-1\"} 9012\nDCGM_FI_DEV_FB_FREE{gpu=\"0\"} 6000\n";
    let usage = Usage { others: 9012 << 20, series: 1, ..Usage::default() };
    assert_eq!(parse(text, &query), Ok(usage));
}

#[test]
fn promtool_answers_as_the_table_says() {
    if !support::has("promtool") {
        return;
    }
    for row in TABLE {
        let file = std::fs::File::open(folder().join(format!("{}.prom", row.page))).unwrap();
        let status = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        // 1: not understood. 0 and 3: understood; 3 is its opinion on style.
        let takes = match status.code() {
            Some(0 | 3) => TAKES,
            Some(1) => REFUSES,
            other => panic!("{}: promtool ended with {other:?}", row.page),
        };
        assert_eq!(takes, row.promtool, "{}", row.page);
    }
}

/// Prometheus itself scrapes each page once.
#[test]
fn the_scraper_answers_as_the_table_says() {
    if !support::has("prometheus") {
        return;
    }
    let pages = serve_with("127.0.0.1:0", |path, _| {
        match TABLE.iter().find(|row| path == format!("/{}", row.page)) {
            Some(row) => page(fixture(row.page)),
            None => Step::Close,
        }
    });
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let jobs: Vec<Value> = TABLE
        .iter()
        .map(|row| {
            serde_json::json!({
                "job_name": row.page, "metrics_path": format!("/{}", row.page), "honor_timestamps": false,
                "static_configs": [{"targets": [pages.address.to_string()]}],
            })
        })
        .collect();
    let config = serde_json::json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs,
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
    let _ended = Ended(prometheus);

    let targets = loop {
        sleep(Duration::from_millis(300));
        let Some(answer) = ask(port, "/api/v1/targets?state=active") else {
            continue;
        };
        let targets = answer["data"]["activeTargets"].as_array().unwrap().clone();
        if targets.len() == TABLE.len()
            && targets.iter().all(|target| target["health"] != "unknown")
        {
            break targets;
        }
    };
    let sums = ask(port, &format!("/api/v1/query?query=sum%20by%20(job)%20({METRIC})")).unwrap();
    for row in TABLE {
        let target = targets.iter().find(|target| target["labels"]["job"] == row.page).unwrap();
        assert_eq!(target["health"] == "up", row.scraper, "{}: {}", row.page, target["lastError"]);
        let results = sums["data"]["result"].as_array().unwrap();
        let sum = results.iter().find(|result| result["metric"]["job"] == row.page);
        let sum = sum.map(|result| result["value"][1].as_str().unwrap().parse::<f64>().unwrap());
        if let Ok(usage) = row.ours {
            // Never below what Prometheus counts; above it by a rounding up
            // of less than a byte a series.
            let difference = usage.everyone() as f64 - sum.unwrap_or_default();
            assert!(
                (0.0..usage.series as f64 + 1.0).contains(&difference),
                "{}: {sum:?}",
                row.page
            );
        }
    }
}

/// Ends the server with the test, passed or failed.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A GET on loopback; `None` while nobody answers.
fn ask(port: u16, path: &str) -> Option<Value> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    std::io::Write::write_all(&mut stream, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}
