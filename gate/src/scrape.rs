//! The reading: up to three attempts, each read whole or not at all.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::Agent;
use vram_gate::exposition::{self, Checks, Freshness, Page, Usage};
use vram_gate::settings::{Key, Sampling, SettingError, Source};

use crate::http::{self, Answer};
use crate::prometheus::{self, Sample, Times};
use crate::stop::Stop;

/// The most bytes that are read of a scrape: a hundred times what an exporter of a hundred GPUs serves.
const MAX_SCRAPE: u64 = 8 << 20;

/// The pause before Prometheus is asked for a newer sample.
const NEWER_SAMPLE_PAUSE: Duration = Duration::from_secs(1);

/// The client of the exporter, or of Prometheus.
pub(crate) struct Exporter<'a> {
    sampling: &'a Sampling,
    agent: Agent,
    /// The time of the last reading's oldest sample.
    last_sample: Cell<Option<i64>>,
}

impl<'a> Exporter<'a> {
    /// # Errors
    /// An `https` URL whose CA certificates can't be read.
    pub(crate) fn new(sampling: &'a Sampling) -> Result<Self, SettingError> {
        let agent = agent_for(&sampling.url, &sampling.ca)?;
        Ok(Self { sampling, agent, last_sample: Cell::new(None) })
    }

    /// Reads the memory in use, with further attempts before `until`. Two readings of one sample are one: a
    /// later reading waits for a newer sample, unless SIGTERM arrives.
    ///
    /// # Errors
    /// The problem of the last attempt.
    pub(crate) fn read_usage(&self, until: Instant, stop: &Stop) -> Result<Usage, String> {
        let no_newer = "Prometheus has no newer sample than that of the last reading";
        let mut is_repeated = false;
        loop {
            let sample = match self.read_sample(until, stop) {
                Ok(sample) => sample,
                // The answer to the last request may be late; the problem is that the ones before were old.
                Err(_) if is_repeated && Instant::now() >= until => {
                    return Err(no_newer.to_owned());
                }
                Err(problem) => return Err(problem),
            };
            let is_newer = sample.time.is_none() || sample.time > self.last_sample.get();
            if is_newer || stop.is_requested() {
                self.last_sample.set(sample.time);
                return Ok(sample.usage);
            }
            if until.saturating_duration_since(Instant::now()) <= NEWER_SAMPLE_PAUSE {
                return Err(no_newer.to_owned());
            }
            is_repeated = true;
            stop.sleep(NEWER_SAMPLE_PAUSE);
        }
    }

    /// Takes a sample, with further attempts. An attempt that starts after SIGTERM is the last one, and
    /// starts without a pause.
    fn read_sample(&self, until: Instant, stop: &Stop) -> Result<Sample, String> {
        let mut problem = String::from("no time was left");
        for pause in [Duration::ZERO].iter().chain(&Sampling::RETRY_PAUSES) {
            let left = until.saturating_duration_since(Instant::now()).saturating_sub(*pause);
            if left.is_zero() {
                break;
            }
            stop.sleep(*pause);
            if stop.gives_up() {
                break;
            }
            let is_last = stop.is_requested();
            match self.attempt(until, None) {
                Ok(sample) => return Ok(sample),
                Err(latest) => problem = latest,
            }
            if is_last {
                break;
            }
        }
        Err(problem)
    }

    /// Takes a sample in one attempt, with the value of the metric of freshness. The next look of a watch is
    /// the next attempt.
    ///
    /// # Errors
    /// The problem.
    pub(crate) fn look(&self) -> Result<Sample, String> {
        let source = &self.sampling.source;
        let until = Instant::now() + self.sampling.timeout * source.requests();
        self.attempt(until, source.freshness())
    }

    /// Makes one attempt: every request of it must succeed.
    fn attempt(&self, until: Instant, clock: Option<&str>) -> Result<Sample, String> {
        match &self.sampling.source {
            Source::Exposition { sentinel, .. } => {
                // An exposition that is cut off between two lines is valid, and its length proves nothing:
                // the exporter or a proxy may have counted what was left of it.
                let mut page = self.scrape(sentinel.as_deref(), clock, until)?;
                for _ in 1..self.sampling.source.requests() {
                    let again = self.scrape(sentinel.as_deref(), clock, until)?;
                    page.usage = page.usage.larger(again.usage);
                }
                Ok(Sample { usage: page.usage, time: None, clock: page.clock })
            }
            Source::Prometheus { query, age_query } => {
                self.query_prometheus(query.as_deref(), age_query.as_deref(), until)
            }
        }
    }

    fn scrape(
        &self,
        sentinel: Option<&str>,
        clock: Option<&str>,
        until: Instant,
    ) -> Result<Page, String> {
        let answer = self.get(&self.sampling.url, "text/plain;version=0.0.4", until)?;
        if answer.status != 200 {
            return Err(format!("the exporter answered {}", answer.status));
        }
        let checks = Checks { sentinel, freshness: Some(self.freshness()?), clock };
        exposition::parse_page(&answer.body, &self.sampling.query, checks)
            .map_err(|error| error.to_string())
    }

    fn query_prometheus(
        &self,
        whole: Option<&str>,
        age_query: Option<&str>,
        until: Instant,
    ) -> Result<Sample, String> {
        let query = &self.sampling.query;
        let oldest = match age_query {
            Some(age_query) => Some(prometheus::read_oldest(&self.ask(age_query, until)?)?),
            None => None,
        };
        let times = if oldest.is_some() { Times::InAnother } else { Times::InTheAnswer };
        let body = self.ask(&prometheus::query_text(query, whole, times), until)?;
        prometheus::read_sample(&body, query, oldest, self.freshness()?)
    }

    /// Sends an instant query; returns the body of the answer.
    fn ask(&self, query: &str, until: Instant) -> Result<Vec<u8>, String> {
        let base = self.sampling.url.trim_end_matches('/');
        let url = format!("{base}/api/v1/query?query={}", percent_encode(query));
        let answer = self.get(&url, "application/json", until)?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let error = prometheus::find_error(&answer.body).unwrap_or_default();
        Err(format!("Prometheus answered {}: {error}", answer.status))
    }

    fn get(&self, url: &str, accept: &'static str, until: Instant) -> Result<Answer, String> {
        let request = http::get(url, accept)?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("no time was left".to_owned());
        }
        http::send(&self.agent, request, left.min(self.sampling.timeout), MAX_SCRAPE)
            .map_err(|error| error.to_string())
    }

    fn freshness(&self) -> Result<Freshness, String> {
        Ok(Freshness { now: now_ms()?, max_age: self.sampling.max_age })
    }
}

/// Returns a client for a URL.
///
/// # Errors
/// An `https` URL whose CA certificates can't be read.
pub(crate) fn agent_for(url: &str, ca: &Path) -> Result<Agent, SettingError> {
    let trusted = match url.starts_with("https:") {
        true => http::read_certificates(ca).map_err(|problem| SettingError {
            setting: Key::MetricsCa.row().env.to_owned(),
            problem,
        })?,
        false => Vec::new(),
    };
    Ok(http::new_agent(trusted))
}

/// Encodes a text for the query of a URL.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Returns the milliseconds since 1970.
///
/// # Errors
/// A clock before 1970.
pub(crate) fn now_ms() -> Result<i64, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .ok_or_else(|| "the clock of the node is not set".to_owned())
}
