//! An exposition that is cut off on its way: the table of `docs/gate.md`.
//!
//! The page shows a full GPU, on which `up` must not start the tenant and the guard must stop it. It is cut
//! at every byte, in every framing, for one request or for every request. The table is computed with the
//! library; the binary is then run for some of the cuts, and must do the same.

#![cfg(test)]

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustls::{ServerConnection, StreamOwned};
use support::api_server::{Validity, authority};
use support::check_docs_table;
use support::http_server::{Step, read_head, serve_with};
use support::test_env::{METRIC, TestEnv};
use vram_gate::decision::{Action, Reading, Rules, decide};
use vram_gate::exposition::{Checks, Query, Usage, parse_with};
use vram_gate::settings::{Sampling, Source};

/// The metric that the page ends with.
const SENTINEL: &str = "gpu_exporter_up";

/// The page, and what the library reads of it.
#[derive(Debug)]
struct Page {
    bytes: Vec<u8>,
    /// The usage by the number of bytes that are left of the page, without a sentinel and with one.
    usages: [Vec<Option<Usage>>; 2],
}

impl Page {
    fn new() -> Self {
        let bytes = full_gpu();
        let query = Query { metric: METRIC.into(), namespace: "tts".into(), ..Query::default() };
        let usages = [None, Some(SENTINEL)].map(|sentinel| {
            let checks = Checks { sentinel, ..Checks::default() };
            let left = (0..=bytes.len()).map(|end| &bytes[..end]);
            left.map(|left| parse_with(left, &query, checks).ok()).collect()
        });
        Self { bytes, usages }
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Returns the metrics of a GPU of 16 GiB with 12 in use, by 24 processes of others.
fn full_gpu() -> Vec<u8> {
    let mut page = format!("# HELP {METRIC} GPU memory used by pod.\n# TYPE {METRIC} gauge\n");
    for pid in 0..24 {
        let namespace = ["immich", "frigate", "llama-swap"][pid % 3];
        let _ = writeln!(
            page,
            "{METRIC}{{namespace=\"{namespace}\",pod=\"{namespace}-7d4\",pid=\"{}\"}} {}",
            4000 + pid,
            512 << 20
        );
    }
    let _ = write!(page, "# TYPE {SENTINEL} gauge\n{SENTINEL} 1\n");
    page.into_bytes()
}

/// The way in which an answer says where it ends, and how its connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Closed,
    Reset,
    LengthOfThePage,
    LengthOfTheCut,
    ChunksEnded,
    ChunksNotEnded,
    TlsClosed,
    TlsWithoutCloseNotify,
}

use Framing::{
    ChunksEnded, ChunksNotEnded, Closed, LengthOfTheCut, LengthOfThePage, Reset, TlsClosed,
    TlsWithoutCloseNotify,
};

const FRAMINGS: &[(Framing, &str)] = &[
    (Closed, "no length, closed"),
    (Reset, "no length, reset"),
    (LengthOfThePage, "the length of the scrape, closed"),
    (LengthOfTheCut, "the length of the cut"),
    (ChunksEnded, "chunks, with the last one"),
    (ChunksNotEnded, "chunks, without the last one"),
    (TlsClosed, "TLS, no length, closed with close_notify"),
    (TlsWithoutCloseNotify, "TLS, no length, closed without close_notify"),
];

impl Framing {
    /// Returns true if a cut is taken as an answer.
    fn hides_a_cut(self) -> bool {
        matches!(self, Closed | LengthOfTheCut | ChunksEnded | TlsClosed)
    }

    fn is_tls(self) -> bool {
        matches!(self, TlsClosed | TlsWithoutCloseNotify)
    }

    /// Returns the bytes of the answer.
    fn frame(self, page: &[u8], cut: usize) -> Vec<u8> {
        let body = &page[..cut];
        let headers = match self {
            LengthOfThePage => format!("Content-Length: {}\r\n", page.len()),
            LengthOfTheCut => format!("Content-Length: {cut}\r\n"),
            ChunksEnded | ChunksNotEnded => "Transfer-Encoding: chunked\r\n".to_owned(),
            _ => String::new(),
        };
        let mut answer = format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes();
        if matches!(self, ChunksEnded | ChunksNotEnded) && !body.is_empty() {
            answer.extend_from_slice(format!("{cut:x}\r\n").as_bytes());
            answer.extend_from_slice(body);
            answer.extend_from_slice(b"\r\n");
        } else {
            answer.extend_from_slice(body);
        }
        if self == ChunksEnded || self == ChunksNotEnded && cut == page.len() {
            answer.extend_from_slice(b"0\r\n\r\n");
        }
        answer
    }
}

/// The requests whose answers are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    Always,
}

impl Times {
    fn is_cut(self, request: usize) -> bool {
        self == Self::Always || request == 0
    }
}

/// One way to cut the page.
#[derive(Debug, Clone, Copy)]
struct Cut<'a> {
    page: &'a Page,
    at: usize,
    framing: Framing,
    times: Times,
    sentinel: bool,
}

impl Cut<'_> {
    /// Returns the usage that the answer shows, if it is one.
    fn usage(&self, is_cut: bool) -> Option<Usage> {
        if is_cut && !self.framing.hides_a_cut() {
            return None;
        }
        let left = if is_cut { self.at } else { self.page.len() };
        self.page.usages[usize::from(self.sentinel)][left]
    }

    /// Returns the reading that the gate takes, and counts its requests in `answers`.
    fn take_reading(&self, answers: &mut usize) -> Reading {
        let sentinel = self.sentinel.then(|| SENTINEL.to_owned());
        let requests = Source::Exposition { sentinel, freshness: None }.requests();
        for _ in 0..=Sampling::RETRY_PAUSES.len() {
            let mut largest = None;
            let is_whole = (0..requests).all(|_| {
                let usage = self.usage(self.times.is_cut(*answers));
                *answers += 1;
                largest = usage.map(|usage| usage.larger(largest.unwrap_or_default()));
                usage.is_some()
            });
            if let (true, Some(usage)) = (is_whole, largest) {
                return Reading::Scraped(usage);
            }
        }
        Reading::Failed
    }

    /// Returns true if `up` starts the tenant, or the guard leaves it alone.
    fn harms(&self, action: Action) -> bool {
        let rules =
            Rules { total: Some(16 << 30), floor: 6 << 30, reserve: 512 << 20, ..Rules::default() };
        let mut answers = 0;
        let samples = if action == Action::Up { 2 } else { 1 };
        (0..samples).all(|_| {
            let decision = decide(action, &self.take_reading(&mut answers), &rules);
            decision.scale_to == (action == Action::Up).then_some(1)
        })
    }

    /// Runs the binary; returns the same.
    fn harms_in_a_run(&self, action: Action) -> bool {
        let mut env = TestEnv::new(action.name());
        env.set("SAMPLES", "2");
        env.set("SAMPLE_INTERVAL", "0");
        if self.sentinel {
            env.set("SENTINEL", SENTINEL);
        }
        let (framing, times) = (self.framing, self.times);
        let [cut, whole] = [self.at, self.page.len()].map(|at| framing.frame(&self.page.bytes, at));
        if framing.is_tls() {
            env.url = Some(serve_tls(framing, times, cut, whole));
        } else {
            let server = serve_with("127.0.0.1:0", move |_, request| match times.is_cut(request) {
                true if framing == Reset => Step::Reset(cut.clone()),
                true => Step::Send(cut.clone()),
                false => Step::Send(whole.clone()),
            });
            env.url = Some(format!("http://{}/metrics", server.address));
        }
        let output = env.run();
        assert_eq!(output.code, 0, "{}", output.stderr);
        output.api.replicas() == 1
    }
}

/// Starts an https exporter; returns its URL. An answer that is not cut ends with a close_notify.
fn serve_tls(framing: Framing, times: Times, cut: Vec<u8>, whole: Vec<u8>) -> String {
    let config = authority().server_config(&["127.0.0.1"], Validity::Current);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/metrics", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (request, tcp) in listener.incoming().flatten().enumerate() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, tcp);
            read_head(&mut stream);
            let is_cut = times.is_cut(request);
            let _ = stream.write_all(if is_cut { &cut } else { &whole });
            if !is_cut || framing == TlsClosed {
                stream.conn.send_close_notify();
            }
            let _ = stream.flush();
        }
    });
    url
}

const ACTIONS: [Action; 2] = [Action::Up, Action::Guard];

#[test]
fn a_cut_starts_or_keeps_the_tenant_only_as_the_documentation_says() {
    let page = Page::new();
    let mut table = format!(
        "Of {} cuts, those that are taken as a whole scrape, and those with which `up` starts the \
         tenant or the guard leaves it alone:\n\n\
         | end of the answer | taken as whole | one cut | every answer cut | with `SENTINEL`, one or \
         every |\n|---|---|---|---|---|\n",
        page.len()
    );
    for (framing, name) in FRAMINGS {
        let cuts = |times, sentinel| {
            let page = &page;
            (0..page.len()).map(move |at| Cut { page, at, framing: *framing, times, sentinel })
        };
        let harmful = |times, sentinel| {
            cuts(times, sentinel)
                .filter(|cut| ACTIONS.iter().any(|action| cut.harms(*action)))
                .count()
        };
        let whole = cuts(Times::Once, false).filter(|cut| cut.usage(true).is_some()).count();
        let [once, always] = [Times::Once, Times::Always].map(|times| harmful(times, false));
        let with_sentinel = harmful(Times::Once, true) + harmful(Times::Always, true);
        assert_eq!((once, with_sentinel), (0, 0), "{name}");
        assert_eq!(always > 0, framing.hides_a_cut(), "{name}: {always}");
        let _ = writeln!(table, "| {name} | {whole} | {once} | {always} | {with_sentinel} |");
    }
    check_docs_table("cuts", &table);
}

/// Returns some offsets: around line ends and inside lines.
fn offsets(page: &[u8], framing: Framing) -> Vec<usize> {
    let ends = page.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let step = if framing.hides_a_cut() { 9 } else { 27 };
    let mut offsets: Vec<usize> =
        ends.step_by(step).flat_map(|end| [end - 1, end, end + 1]).collect();
    offsets.extend([0, page.len() / 2, page.len() - 1]);
    offsets.retain(|at| *at < page.len());
    offsets
}

#[test]
fn the_binary_does_what_the_library_says_about_a_cut() {
    let page = Page::new();
    let mut jobs = Vec::new();
    for (framing, _) in FRAMINGS {
        for at in offsets(&page.bytes, *framing) {
            for (times, sentinel) in
                [(Times::Once, false), (Times::Always, false), (Times::Always, true)]
            {
                let cut = Cut { page: &page, at, framing: *framing, times, sentinel };
                jobs.extend(ACTIONS.map(|action| (cut, action)));
            }
        }
    }
    let next = AtomicUsize::new(0);
    let run_jobs = || {
        let mut wrong = Vec::new();
        while let Some((cut, action)) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
            let [found, expected] = [cut.harms_in_a_run(*action), cut.harms(*action)];
            if found != expected {
                let Cut { at, framing, times, sentinel, .. } = cut;
                wrong.push(format!(
                    "{action:?} {framing:?} at {at}, {times:?}, sentinel {sentinel}: {found}"
                ));
            }
        }
        wrong
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..40).map(|_| scope.spawn(run_jobs)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(jobs.len() > 300, "{}", jobs.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), jobs.len(), wrong.join("\n"));
}
