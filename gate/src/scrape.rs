//! The page: three tries, each a GET that is read whole or not at all.

use std::thread::sleep;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::Request;
use vram_gate::page::{self, Usage};
use vram_gate::settings::{Key, Look, SettingError};

use crate::http;

/// The most that is read of a page, in bytes. A hundred times a page of a
/// hundred GPUs; more is not this exporter.
const PAGE_LIMIT: u64 = 8 << 20;

/// What reads the card.
pub(crate) struct Exporter<'a> {
    look: &'a Look,
    agent: Agent,
}

impl<'a> Exporter<'a> {
    /// # Errors
    /// An `https` page whose certificates can't be read.
    pub(crate) fn new(look: &'a Look) -> Result<Self, SettingError> {
        let trusted = if look.url.starts_with("https:") {
            http::certificates(&look.ca).map_err(|problem| setting(Key::MetricsCa, problem))?
        } else {
            Vec::new()
        };
        Ok(Self { look, agent: http::agent(trusted) })
    }

    /// Reads the page, trying again until `until`.
    ///
    /// # Errors
    /// What went wrong the last time, as a sentence.
    pub(crate) fn read(&self, until: Instant) -> Result<Usage, String> {
        let mut problem = String::from("no time was left");
        for pause in [Duration::ZERO].iter().chain(&Look::PAUSES) {
            let left = until.saturating_duration_since(Instant::now()).saturating_sub(*pause);
            if left.is_zero() {
                break;
            }
            sleep(*pause);
            match self.once(left.min(self.look.timeout)) {
                Ok(usage) => return Ok(usage),
                Err(again) => problem = again,
            }
        }
        Err(problem)
    }

    fn once(&self, time: Duration) -> Result<Usage, String> {
        let request = Request::get(&self.look.url)
            .header("accept", "text/plain;version=0.0.4")
            .body(None)
            .map_err(|error| error.to_string())?;
        let answer = http::send(&self.agent, request, time, PAGE_LIMIT)
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("the exporter answered {}", answer.status));
        }
        page::parse(&answer.body, &self.look.query).map_err(|error| error.to_string())
    }
}

fn setting(key: Key, problem: String) -> SettingError {
    SettingError { setting: key.row().env.to_owned(), problem }
}
