//! The scrape: up to three attempts, each read whole or not at all.

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::Agent;
use ureq::http::Request;
use vram_gate::exposition::{self, Checks, Freshness, Usage};
use vram_gate::settings::{Key, Sampling, SettingError, Source};

use crate::http;

/// The most bytes that are read of a scrape: a hundred times what an exporter of a hundred GPUs serves.
const MAX_SCRAPE: u64 = 8 << 20;

/// The client of the exporter.
pub(crate) struct Exporter<'a> {
    sampling: &'a Sampling,
    agent: Agent,
}

impl<'a> Exporter<'a> {
    /// # Errors
    /// An `https` URL whose CA certificates can't be read.
    pub(crate) fn new(sampling: &'a Sampling) -> Result<Self, SettingError> {
        let trusted = if sampling.url.starts_with("https:") {
            http::read_certificates(&sampling.ca).map_err(|problem| SettingError {
                setting: Key::MetricsCa.row().env.to_owned(),
                problem,
            })?
        } else {
            Vec::new()
        };
        Ok(Self { sampling, agent: http::new_agent(trusted) })
    }

    /// Reads the memory in use, with further attempts before `until`.
    ///
    /// # Errors
    /// The problem of the last attempt.
    pub(crate) fn read_usage(&self, until: Instant) -> Result<Usage, String> {
        let mut problem = String::from("no time was left");
        for pause in [Duration::ZERO].iter().chain(&Sampling::RETRY_PAUSES) {
            let left = until.saturating_duration_since(Instant::now()).saturating_sub(*pause);
            if left.is_zero() {
                break;
            }
            sleep(*pause);
            match self.attempt(until) {
                Ok(usage) => return Ok(usage),
                Err(latest) => problem = latest,
            }
        }
        Err(problem)
    }

    /// Makes one attempt: every request of it must succeed, and the largest reading counts.
    ///
    /// An exposition that is cut off between two lines is valid, and its length proves nothing: the
    /// exporter or a proxy may have counted what was left of it.
    fn attempt(&self, until: Instant) -> Result<Usage, String> {
        let mut usage = self.scrape(until)?;
        for _ in 1..self.sampling.source.requests() {
            usage = usage.larger(self.scrape(until)?);
        }
        Ok(usage)
    }

    fn scrape(&self, until: Instant) -> Result<Usage, String> {
        let request = Request::get(&self.sampling.url)
            .header("accept", "text/plain;version=0.0.4")
            .body(None)
            .map_err(|error| error.to_string())?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("no time was left".to_owned());
        }
        let answer = http::send(&self.agent, request, left.min(self.sampling.timeout), MAX_SCRAPE)
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("the exporter answered {}", answer.status));
        }
        let Source::Exposition { sentinel } = &self.sampling.source;
        let checks = Checks {
            sentinel: sentinel.as_deref(),
            freshness: Some(Freshness { now: now_ms()?, max_age: self.sampling.max_age }),
        };
        exposition::parse_with(&answer.body, &self.sampling.query, checks)
            .map_err(|error| error.to_string())
    }
}

/// Returns the milliseconds since 1970.
///
/// # Errors
/// A clock before 1970.
fn now_ms() -> Result<i64, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .ok_or_else(|| "the clock of the node is not set".to_owned())
}
