//! Checking: from texts to settings that can be run, or every error there is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube_formats::name::{is_dns_label, is_dns_subdomain, is_host};
use kube_formats::quantity::parse_bytes;

use super::{Key, LogFormat, Look, Raw, SettingError, Settings, Target, Voice, names};
use crate::decision::{Action, Count, NoSeries, OnScrapeFailure, Rules};
use crate::duration;
use crate::page::{Query, Unit};

impl Raw {
    /// How to report, as far as it can be known: also when all else is wrong.
    #[must_use]
    pub fn voice(&self) -> Voice {
        let json = self.get(Key::LogFormat) == Some("json");
        Voice {
            format: if json { LogFormat::Json } else { LogFormat::Text },
            termination_log: self.get(Key::TerminationLog).unwrap_or_default().into(),
        }
    }
}

/// Checks the settings. `read` gives the text of a file of the service
/// account, for the namespace when it is not set.
///
/// # Errors
/// Every setting that is missing, malformed or at odds with another. `down`
/// holds no setting against the caller that it has no use for: the card is
/// given back whatever the floor is called.
pub fn check(
    raw: &Raw,
    read: impl Fn(&Path) -> Option<String>,
) -> Result<Settings, Vec<SettingError>> {
    let mut checker = Checker { raw, errors: Vec::new() };
    let settings = checker.settings(read);
    if checker.errors.is_empty() { Ok(settings) } else { Err(checker.errors) }
}

/// Collects errors; what is wrong is put off with a stand-in, never run.
struct Checker<'a> {
    raw: &'a Raw,
    errors: Vec<SettingError>,
}

impl Checker<'_> {
    fn settings(&mut self, read: impl Fn(&Path) -> Option<String>) -> Settings {
        let action = self.one_of(Key::Action, Action::NAMES);
        let dry_run = self
            .one_of(Key::DryRun, &[("true", true), ("false", false), ("1", true), ("0", false)]);
        let format =
            self.one_of(Key::LogFormat, &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
        let service_account: PathBuf = self.text(Key::ServiceAccountDir).into();
        let namespace = match self.raw.get(Key::Namespace) {
            Some(name) => name.to_owned(),
            None => read(&service_account.join("namespace")).unwrap_or_default().trim().to_owned(),
        };
        if namespace.is_empty() {
            self.wrong(Key::Namespace, "is not set, nor in SERVICE_ACCOUNT_DIR");
        } else if !is_dns_label(&namespace) {
            self.wrong(Key::Namespace, "is not a namespace's name");
        }
        let deadline = self.time_above_zero(Key::Deadline);
        let target = self.target(namespace.clone(), service_account.clone(), dry_run == Some(true));
        let look = match action {
            Some(Action::Up | Action::Guard) => Some(self.look(namespace, &service_account)),
            Some(Action::Down) | None => None,
        };
        if let (Some(Action::Up), Some(look)) = (action, &look) {
            let pauses = look.sample_interval.saturating_mul(look.samples.saturating_sub(1));
            if !deadline.is_zero() && pauses >= super::time_to_look(deadline) {
                let text = "with SAMPLES, leaves no time before the DEADLINE";
                self.wrong(Key::SampleInterval, text);
            }
        }
        Settings {
            action: action.unwrap_or(Action::Down),
            look,
            target,
            dry_run: dry_run.unwrap_or(true),
            deadline,
            voice: Voice { format: format.unwrap_or_default(), ..self.raw.voice() },
        }
    }

    fn target(&mut self, namespace: String, service_account: PathBuf, dry_run: bool) -> Target {
        let deployment = self.text(Key::Deployment);
        if !deployment.is_empty() && !is_dns_subdomain(&deployment) {
            self.wrong(Key::Deployment, "is not a Deployment's name");
        }
        let host = self.raw.get(Key::KubernetesServiceHost).map(str::to_owned);
        match &host {
            Some(host) if !is_host(host) => self.wrong(Key::KubernetesServiceHost, "is not a host"),
            None if !dry_run => {
                self.wrong(Key::KubernetesServiceHost, "is not set: is this a Pod?")
            }
            _ => {}
        }
        let port = self.number(Key::KubernetesServicePort, 1, u16::MAX.into());
        Target {
            namespace,
            deployment,
            host,
            port: u16::try_from(port).unwrap_or_default(),
            service_account,
            budget: self.time_above_zero(Key::ScaleBudget),
        }
    }

    fn look(&mut self, namespace: String, service_account: &Path) -> Look {
        let url = self.text(Key::MetricsUrl);
        if let (false, Err(problem)) = (url.is_empty(), names::check_scrape_url(&url)) {
            self.wrong(Key::MetricsUrl, problem);
        }
        let metric = self.text(Key::Metric);
        if !names::is_metric_name(&metric) {
            self.wrong(Key::Metric, "is not a metric's name");
        }
        let unit = self.one_of(Key::MetricUnit, &[("bytes", Unit::Bytes), ("MiB", Unit::MiB)]);
        Look {
            url,
            ca: match self.raw.get(Key::MetricsCa) {
                Some(file) => file.into(),
                None => service_account.join("ca.crt"),
            },
            query: Query { metric, unit: unit.unwrap_or_default(), namespace },
            rules: self.rules(),
            timeout: self.time_above_zero(Key::ScrapeTimeout),
            samples: u32::try_from(self.number(Key::Samples, 1, 10)).unwrap_or(1),
            sample_interval: self.time(Key::SampleInterval),
            look_again: self.time(Key::LookAgain),
        }
    }

    fn rules(&mut self) -> Rules {
        let floor = self.amount(Key::Floor);
        let total = self.amount(Key::GpuTotal);
        let reserve = self.amount(Key::Reserve);
        if let Some(total) = total {
            if total == 0 {
                self.wrong(Key::GpuTotal, "is 0: a card has memory");
            }
            for (key, amount) in [(Key::Floor, floor), (Key::Reserve, reserve)] {
                if amount.is_some_and(|amount| amount > total) {
                    self.wrong(key, "is more than GPU_TOTAL: it could never be free");
                }
            }
        }
        let count = self
            .one_of(Key::Count, &[("residents", Count::Residents), ("everyone", Count::Everyone)]);
        let failure = self.one_of(
            Key::OnScrapeFailure,
            &[("yield", OnScrapeFailure::Yield), ("keep", OnScrapeFailure::Keep)],
        );
        let no_series =
            self.one_of(Key::NoSeries, &[("unknown", NoSeries::Unknown), ("idle", NoSeries::Idle)]);
        Rules {
            total: total.unwrap_or_default(),
            floor: floor.unwrap_or_default(),
            reserve: reserve.unwrap_or_default(),
            count: count.unwrap_or_default(),
            on_scrape_failure: failure.unwrap_or_default(),
            no_series: no_series.unwrap_or_default(),
        }
    }

    fn wrong(&mut self, key: Key, problem: impl Into<String>) {
        self.errors.push(SettingError::new(key, problem));
    }

    /// The text, or an empty one and an error.
    fn text(&mut self, key: Key) -> String {
        match self.raw.get(key) {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => {
                self.wrong(key, "is not set");
                String::new()
            }
        }
    }

    fn read<T>(&mut self, key: Key, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(key);
        if text.is_empty() {
            return None;
        }
        read(&text).map_err(|problem| self.wrong(key, format!("`{text}`: {problem}"))).ok()
    }

    fn one_of<T: Copy>(&mut self, key: Key, choices: &[(&str, T)]) -> Option<T> {
        self.read(key, |text| {
            let found = choices.iter().find(|(name, _)| *name == text);
            found
                .map(|(_, value)| *value)
                .ok_or_else(|| format!("expected one of {}", key.row().form))
        })
    }

    fn amount(&mut self, key: Key) -> Option<u64> {
        self.read(key, |text| parse_bytes(text).map_err(|error| error.to_string()))
    }

    fn time(&mut self, key: Key) -> Duration {
        self.read(key, |text| duration::parse(text).map_err(|error| error.to_string()))
            .unwrap_or_default()
    }

    /// For times that mean "never" when they are zero.
    fn time_above_zero(&mut self, key: Key) -> Duration {
        let time = self.time(key);
        if time.is_zero() && !self.errors.iter().any(|error| error.setting == key.row().env) {
            self.wrong(key, "leaves no time at all");
        }
        time
    }

    fn number(&mut self, key: Key, least: u64, most: u64) -> u64 {
        let read = self.read(key, |text| match text.parse::<u64>() {
            Ok(number) if (least..=most).contains(&number) && !text.starts_with('+') => Ok(number),
            _ => Err(format!("expected a number from {least} to {most}")),
        });
        read.unwrap_or(least)
    }
}

#[cfg(test)]
mod tests;
