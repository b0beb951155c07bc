//! The scrape: up to three attempts, each a GET that is read whole or not at all.

use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::Request;
use vram_gate::exposition::{self, Usage};
use vram_gate::settings::{Key, Sampling, SettingError};

use crate::http;
use crate::stop::Stop;

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

    /// Reads the memory in use, with further attempts before `until`. An attempt that starts after SIGTERM
    /// is the last one, and starts without a pause.
    ///
    /// # Errors
    /// The problem of the last attempt.
    pub(crate) fn read_usage(&self, until: Instant, stop: &Stop) -> Result<Usage, String> {
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
            match self.scrape_once(left.min(self.sampling.timeout)) {
                Ok(usage) => return Ok(usage),
                Err(latest) => problem = latest,
            }
            if is_last {
                break;
            }
        }
        Err(problem)
    }

    fn scrape_once(&self, time: Duration) -> Result<Usage, String> {
        let request = Request::get(&self.sampling.url)
            .header("accept", "text/plain;version=0.0.4")
            .body(None)
            .map_err(|error| error.to_string())?;
        let answer = http::send(&self.agent, request, time, MAX_SCRAPE)
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("the exporter answered {}", answer.status));
        }
        exposition::parse(&answer.body, &self.sampling.query).map_err(|error| error.to_string())
    }
}
