//! The number that says whether there is work for the tenant, from a URL.
//!
//! In: an answer that may be anything. Out: a count, or the problem with the answer. One attempt each time: the
//! next one comes by itself.

use std::time::Duration;

use ureq::Agent;
use vram_gate::count::find_count;
use vram_gate::exposition::Freshness;
use vram_gate::settings::{DemandNumber, Demanding, Sampling, SettingError};

use crate::http;
use crate::scrape::{agent_for, now_ms};

/// The most bytes that are read of an answer.
const MAX_ANSWER: u64 = 1 << 20;

/// The client of the server that knows the demand.
pub(crate) struct Probe {
    demanding: Demanding,
    agent: Agent,
    timeout: Duration,
    max_age: Duration,
}

impl Probe {
    /// # Errors
    /// An `https` URL whose CA certificates can't be read.
    pub(crate) fn new(demanding: &Demanding, sampling: &Sampling) -> Result<Self, SettingError> {
        Ok(Self {
            agent: agent_for(&demanding.url, &sampling.ca)?,
            demanding: demanding.clone(),
            timeout: sampling.timeout,
            max_age: sampling.max_age,
        })
    }

    /// Asks once for the count.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(crate) fn read_count(&self) -> Result<f64, String> {
        let accept = match self.demanding.number {
            DemandNumber::Json(_) => "application/json",
            DemandNumber::Metric(_) => "text/plain;version=0.0.4",
        };
        let request = http::get(&self.demanding.url, accept)?;
        let answer = http::send(&self.agent, request, self.timeout, MAX_ANSWER)
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("the server answered {}", answer.status));
        }
        let freshness = Freshness { now: now_ms()?, max_age: self.max_age };
        find_count(&answer.body, &self.demanding.number, Some(freshness))
    }
}
