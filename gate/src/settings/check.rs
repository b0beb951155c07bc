//! The check of the collected texts: settings that can be run, or every error.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube_formats::name::{is_dns_label, is_dns_subdomain, is_host, resource_of_kind};
use kube_formats::quantity::parse_bytes;

use super::{
    DefaultValue, DemandNumber, Demanding, Key, Kind, LogFormat, Output, Raw, Sampling,
    SettingError, Settings, Source, Target, Watching, names,
};
use crate::decision::{Action, Attribution, Count, NoSeries, OnScrapeFailure, Rules};
use crate::demand::DemandPlan;
use crate::duration::{self, MaxDuration};
use crate::exposition::{MetricUnit, Query, Selection, Series};
use crate::promql;
use crate::watch::Plan;

impl Raw {
    /// Returns the report's format and place, also if other settings are invalid.
    #[must_use]
    pub fn output(&self) -> Output {
        let json = self.get(Key::LogFormat) == Some("json");
        Output {
            format: if json { LogFormat::Json } else { LogFormat::Text },
            termination_log: self.get(Key::TerminationLog).unwrap_or_default().into(),
        }
    }
}

/// Checks the settings. `read` returns the text of a file of the service account; it is used for the
/// namespace when `NAMESPACE` is not set.
///
/// # Errors
/// Every setting that is missing, malformed or in conflict with another. `down` ignores settings that
/// it does not use, so that a typo elsewhere can't stop it from releasing the GPU.
pub fn check(
    raw: &Raw,
    read: impl Fn(&Path) -> Option<String>,
) -> Result<Settings, Vec<SettingError>> {
    match check_for_run(raw, Vec::new(), read) {
        Ok(Runnable { settings, errors }) if errors.is_empty() => Ok(settings),
        Ok(Runnable { errors, .. }) | Err(errors) => Err(errors),
    }
}

/// The settings of a run, with the errors in spite of which it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runnable {
    /// The settings; with errors, only the action and the target are valid, and the run may do nothing
    /// but release the GPU.
    pub settings: Settings,
    /// The errors; empty unless the action is `guard`, `watch` or `down`.
    pub errors: Vec<SettingError>,
}

/// The settings without which nothing can be scaled.
const RELEASE: [Key; 9] = [
    Key::Action,
    Key::Namespace,
    Key::Deployment,
    Key::TargetApiVersion,
    Key::TargetKind,
    Key::TargetResource,
    Key::ServiceAccountDir,
    Key::KubernetesServiceHost,
    Key::KubernetesServicePort,
];

/// Checks the settings of a run. A `guard`, a `watch` or a `down` with a valid target runs in spite of other
/// errors, those of the collection included: it then releases the GPU without a reading, since a tenant
/// without a guard keeps it.
///
/// # Errors
/// Every error of an `up`, or with an invalid target.
pub fn check_for_run(
    raw: &Raw,
    collected: Vec<SettingError>,
    read: impl Fn(&Path) -> Option<String>,
) -> Result<Runnable, Vec<SettingError>> {
    let mut checker = Checker { raw, errors: collected };
    let settings = checker.check_settings(read);
    let errors = checker.errors;
    let releases = matches!(settings.action, Action::Guard | Action::Watch | Action::Down)
        && !errors.iter().any(SettingError::is_of_target);
    if errors.is_empty() || releases { Ok(Runnable { settings, errors }) } else { Err(errors) }
}

/// The settings of `alive`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alive {
    /// The file that a `watch` writes at each look.
    pub heartbeat: PathBuf,
    /// The most that its time may differ from now.
    pub within: Duration,
}

/// Checks the settings of `alive`, which ignores all others: a probe runs in the environment of a `watch`.
///
/// # Errors
/// Both settings, if they are missing or malformed.
pub fn check_alive(raw: &Raw) -> Result<Alive, Vec<SettingError>> {
    let mut checker = Checker { raw, errors: Vec::new() };
    let heartbeat = checker.required_text(Key::Heartbeat).into();
    let within = checker.parse_nonzero_duration(Key::Within);
    let errors = checker.errors;
    if errors.is_empty() { Ok(Alive { heartbeat, within }) } else { Err(errors) }
}

impl SettingError {
    /// Returns true if nothing can be scaled with it: the error is in the action, the target or the
    /// connection to the API server.
    #[must_use]
    pub fn is_of_target(&self) -> bool {
        RELEASE.iter().any(|key| self.setting == key.row().env || self.setting == key.row().flag())
    }
}

/// Collects errors. An invalid setting gets its default, or a placeholder that is never used: with an
/// error, a run may only release the GPU.
struct Checker<'a> {
    raw: &'a Raw,
    errors: Vec<SettingError>,
}

impl Checker<'_> {
    fn check_settings(&mut self, read: impl Fn(&Path) -> Option<String>) -> Settings {
        let action = self.parse_choice(Key::Action, Action::NAMES);
        let dry_run = self.parse_choice(
            Key::DryRun,
            &[("true", true), ("false", false), ("1", true), ("0", false)],
        );
        let format = self.parse_choice(Key::LogFormat, LogFormat::NAMES);
        let service_account: PathBuf = self.required_text(Key::ServiceAccountDir).into();
        let namespace = match self.raw.get(Key::Namespace) {
            Some(name) => name.to_owned(),
            None => read(&service_account.join("namespace")).unwrap_or_default().trim().to_owned(),
        };
        if namespace.is_empty() {
            self.add_error(Key::Namespace, "not set, and not in `SERVICE_ACCOUNT_DIR` either");
        } else if !is_dns_label(&namespace) {
            self.add_invalid(Key::Namespace, &namespace, "expected the name of a namespace");
        }
        let deadline = self.parse_limit(Key::Deadline);
        let calls_api = dry_run != Some(true) && action != Some(Action::Admit);
        let target = self.check_target(namespace.clone(), service_account.clone(), calls_api);
        let sampling = match action {
            Some(Action::Up | Action::Guard | Action::Admit | Action::Watch) => {
                Some(self.check_sampling(namespace, &service_account))
            }
            Some(Action::Down) | None => None,
        };
        if let (Some(Action::Guard | Action::Watch), Some(sampling)) = (action, &sampling) {
            self.check_headroom(&sampling.rules);
        }
        let watching = match (action, &sampling) {
            (Some(Action::Watch), Some(sampling)) => Some(self.check_watching(sampling)),
            _ => None,
        };
        if let (Some(action @ (Action::Up | Action::Admit)), Some(sampling)) = (action, &sampling) {
            let pauses =
                sampling.sample_interval.saturating_mul(sampling.samples.saturating_sub(1));
            if !deadline.is_zero() && pauses >= super::sampling_time(action, deadline) {
                let problem = "too long: with `SAMPLES` it leaves no time before the `DEADLINE`";
                self.add_error(Key::SampleInterval, problem);
            }
        }
        Settings {
            action: action.unwrap_or(Action::Down),
            sampling,
            watching,
            target,
            // In doubt the GPU is released.
            dry_run: dry_run.unwrap_or(false),
            deadline,
            output: Output { format: format.unwrap_or_default(), ..self.raw.output() },
        }
    }

    fn check_target(
        &mut self,
        namespace: String,
        service_account: PathBuf,
        calls_api: bool,
    ) -> Target {
        let name = self.required_text(Key::Deployment);
        if !name.is_empty() && !is_dns_subdomain(&name) {
            self.add_invalid(Key::Deployment, &name, "expected the name of an object");
        }
        // The checks also keep other paths than that of a scale out of the URL.
        let api_version = self.required_text(Key::TargetApiVersion);
        if !api_version.is_empty() && !names::is_api_version(&api_version) {
            let expected = "expected an API version, such as `apps/v1`";
            self.add_invalid(Key::TargetApiVersion, &api_version, expected);
        }
        let kind = self.required_text(Key::TargetKind);
        if !kind.is_empty() && !names::is_kind(&kind) {
            let expected = "expected a kind, such as `StatefulSet`";
            self.add_invalid(Key::TargetKind, &kind, expected);
        }
        let resource = match self.raw.get(Key::TargetResource) {
            Some(resource) if !is_dns_label(resource) => {
                let expected = "expected the plural name of a kind, such as `statefulsets`";
                self.add_invalid(Key::TargetResource, resource, expected);
                String::new()
            }
            Some(resource) => resource.to_owned(),
            None => resource_of_kind(&kind),
        };
        let host = self.raw.get(Key::KubernetesServiceHost).map(str::to_owned);
        match &host {
            Some(host) if !is_host(host) => {
                let expected = "expected an IP address or a host name";
                self.add_invalid(Key::KubernetesServiceHost, host, expected);
            }
            None if calls_api => {
                self.add_error(Key::KubernetesServiceHost, "not set, so this is not a Pod")
            }
            _ => {}
        }
        let port = self.parse_number(Key::KubernetesServicePort);
        Target {
            api_version,
            kind,
            resource,
            namespace,
            name,
            host,
            port: u16::try_from(port).unwrap_or_default(),
            service_account,
            budget: self.parse_limit(Key::ScaleBudget),
        }
    }

    fn check_watching(&mut self, sampling: &Sampling) -> Watching {
        let interval = self.parse_nonzero_duration(Key::Interval);
        let plan = Plan {
            samples: sampling.samples,
            sample_interval: sampling.sample_interval,
            recheck_delay: sampling.recheck_delay,
            calm: self.parse_duration(Key::Calm),
            hysteresis: self.parse_memory(Key::Hysteresis).unwrap_or_default(),
            starts: u32::try_from(self.parse_number(Key::Starts)).unwrap_or(1),
            stale: self.parse_nonzero_duration(Key::Stale),
            must_advance: sampling.source.freshness().is_some(),
            scheduled_minute: self.parse_scheduled_minute(),
            window: self.parse_long_duration(Key::Window),
        };
        let Rules { floor, total, .. } = sampling.rules;
        let needed = floor.saturating_add(plan.hysteresis);
        if total.is_some_and(|total| floor <= total && needed > total) {
            let problem =
                "with `FLOOR` more than `GPU_TOTAL`, so the tenant could never start again";
            self.add_error(Key::Hysteresis, problem);
        }
        if !plan.stale.is_zero() && plan.stale <= interval {
            self.add_error(Key::Stale, "not longer than `INTERVAL`, so the tenant could never run");
        }
        if !plan.window.is_zero() && plan.window <= plan.no_start_before_end() {
            let problem = "leaves no time to start: the tenant starts until 2 minutes and `CALM` before the end of `WINDOW`";
            self.add_error(Key::Calm, problem);
        }
        let heartbeat = self.raw.get(Key::Heartbeat).map(PathBuf::from);
        let demand = self.optional(Key::DemandUrl, Self::check_demand);
        if demand.is_none() && self.raw.get(Key::DemandUrl).is_none() {
            self.optional(Key::DemandNumber, |checker| {
                checker.add_error(Key::DemandNumber, "set without `DEMAND_URL`");
                None::<()>
            });
        }
        Watching { interval, plan, heartbeat, demand }
    }

    fn check_demand(&mut self) -> Option<Demanding> {
        let url = self.required_text(Key::DemandUrl);
        if let Err(problem) = names::check_scrape_url(&url) {
            // Without the URL, which may contain a password.
            self.add_error(Key::DemandUrl, format!("invalid value: {problem}"));
        }
        let number = self.parse_with(Key::DemandNumber, DemandNumber::parse);
        let interval = self.parse_nonzero_duration(Key::DemandInterval);
        let plan = DemandPlan {
            idle_for: self.parse_long_duration(Key::IdleFor),
            at_most: self.parse_long_duration(Key::AtMost),
        };
        if plan.at_most.is_zero() {
            self.add_error(Key::AtMost, "invalid value `0`: expected more than 0");
        }
        if plan.idle_for < interval {
            let problem =
                "shorter than `DEMAND_INTERVAL`, so one answer of none would stop the tenant";
            self.add_error(Key::IdleFor, problem);
        }
        Some(Demanding { url, number: number?, interval, plan })
    }

    /// Parses the minute at the end of a Job's name. The CronJob's controller writes it there, in minutes
    /// since 1970 (`getJobName` in kubernetes, `pkg/controller/cronjob/utils.go`).
    fn parse_scheduled_minute(&mut self) -> i64 {
        let minute = self.parse_with(Key::JobName, |name| {
            let (_, digits) = name.rsplit_once('-').unwrap_or_default();
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let minute = digits.parse::<u32>().ok().filter(|_| is_number);
            minute.ok_or_else(|| {
                "expected the name of a CronJob's own Job, which ends with `-` and its minute"
                    .to_owned()
            })
        });
        minute.map_or(0, i64::from)
    }

    fn check_sampling(&mut self, namespace: String, service_account: &Path) -> Sampling {
        let url = self.check_url();
        let query = self.check_query(namespace);
        let source = self.check_source(&query);
        Sampling {
            url,
            ca: match self.raw.get(Key::MetricsCa) {
                Some(file) => file.into(),
                None => service_account.join("ca.crt"),
            },
            source,
            max_age: self.parse_nonzero_duration(Key::MaxAge),
            rules: self.check_rules(&query),
            query,
            timeout: self.parse_nonzero_duration(Key::ScrapeTimeout),
            samples: u32::try_from(self.parse_number(Key::Samples)).unwrap_or(1),
            sample_interval: self.parse_duration(Key::SampleInterval),
            recheck_delay: self.parse_duration(Key::RecheckDelay),
        }
    }

    /// Returns the URL of Prometheus or, without one, of the exporter.
    fn check_url(&mut self) -> String {
        let is_prometheus = self.raw.get(Key::PrometheusUrl).is_some();
        let key = if is_prometheus { Key::PrometheusUrl } else { Key::MetricsUrl };
        let url = self.required_text(key);
        let problem = match names::check_scrape_url(&url) {
            Ok(()) if is_prometheus && url.contains('?') => "expected no query (`?`)".to_owned(),
            Err(problem) if !url.is_empty() => problem,
            _ => return url,
        };
        // Without the URL, which may contain a password.
        self.add_error(key, format!("invalid value: {problem}"));
        url
    }

    fn check_source(&mut self, query: &Query) -> Source {
        let [whole, age_query] = [Key::PrometheusQuery, Key::PrometheusAgeQuery].map(|key| {
            let text = self.raw.get(key).map(str::to_owned);
            if text.is_some() && self.raw.get(Key::PrometheusUrl).is_none() {
                self.add_error(key, "set without `PROMETHEUS_URL`");
            }
            text
        });
        if let (Some(whole), None) = (&whole, &age_query)
            && !promql::is_selector(whole)
        {
            let expected = "expected a selector such as `metric{label=\"value\"}`, or `PROMETHEUS_AGE_QUERY` too";
            self.add_invalid(Key::PrometheusQuery, whole, expected);
        }
        let sentinel = self.optional(Key::Sentinel, |checker| checker.metric_name(Key::Sentinel));
        if sentinel.as_ref().is_some_and(|sentinel| query.metrics().any(|read| read == sentinel)) {
            let problem = "the same as a metric that is read, which it must follow";
            self.add_error(Key::Sentinel, problem);
        }
        let freshness =
            self.optional(Key::Freshness, |checker| checker.metric_name(Key::Freshness));
        if freshness.as_ref().is_some_and(|freshness| query.metrics().any(|read| read == freshness))
        {
            let problem = "the same as a metric of memory, which may stay equal for hours";
            self.add_error(Key::Freshness, problem);
        }
        let is_prometheus = self.raw.get(Key::PrometheusUrl).is_some();
        if is_prometheus && freshness.is_some() {
            let problem = "set with `PROMETHEUS_URL`, whose samples have a time of their own";
            self.add_error(Key::Freshness, problem);
        }
        match is_prometheus {
            true => Source::Prometheus { query: whole, age_query },
            false => Source::Exposition { sentinel, freshness },
        }
    }

    fn check_query(&mut self, namespace: String) -> Query {
        let metric = self.metric_name(Key::Metric).unwrap_or_default();
        let unit = self.parse_choice(Key::MetricUnit, MetricUnit::NAMES);
        let free_metric = self.other_metric(Key::FreeMetric, &[&metric]);
        let others = [metric.as_str(), free_metric.as_deref().unwrap_or_default()];
        let total_metric = self.other_metric(Key::TotalMetric, &others);
        let select =
            self.optional(Key::Select, |checker| checker.parse_with(Key::Select, Selection::parse));
        let series = self.parse_choice(Key::Series, Series::NAMES);
        Query {
            unit: unit.unwrap_or_default(),
            namespace,
            select: select.unwrap_or_default(),
            series: series.unwrap_or_default(),
            device_label: self
                .optional(Key::DeviceLabel, |checker| checker.label_name(Key::DeviceLabel)),
            namespace_label: self.label_name(Key::NamespaceLabel).unwrap_or_default(),
            free_metric,
            total_metric,
            metric,
        }
    }

    /// Parses the name of a metric that must differ from others.
    fn other_metric(&mut self, key: Key, others: &[&str]) -> Option<String> {
        let metric = self.optional(key, |checker| checker.metric_name(key))?;
        if others.contains(&metric.as_str()) {
            self.add_invalid(key, &metric, "expected another metric than those before it");
        }
        Some(metric)
    }

    /// Without attribution the guard knows the residents' memory only by the tenant's budget.
    fn check_headroom(&mut self, rules: &Rules) {
        let is_known = rules.budget.is_some() || self.raw.get(Key::Budget).is_some();
        if rules.attribution == Attribution::None && rules.count == Count::Residents && !is_known {
            let problem = "not set: with `SERIES=devices` nothing tells the residents' memory from the tenant's";
            self.add_error(Key::Budget, problem);
        }
    }

    fn check_rules(&mut self, query: &Query) -> Rules {
        let floor = self.parse_memory(Key::Floor);
        let is_measured = query.free_metric.is_some() || query.total_metric.is_some();
        let total = if is_measured {
            self.optional(Key::GpuTotal, |checker| checker.parse_memory(Key::GpuTotal))
        } else {
            self.parse_memory(Key::GpuTotal)
        };
        let budget = self.optional(Key::Budget, |checker| checker.parse_memory(Key::Budget));
        if budget == Some(0) {
            self.add_error(Key::Budget, "invalid value `0`: expected more than 0");
        }
        let reserve = self.parse_memory(Key::Reserve);
        if let Some(total) = total {
            if total == 0 {
                self.add_error(Key::GpuTotal, "invalid value `0`: expected more than 0");
            }
            for (key, amount) in [(Key::Floor, floor), (Key::Reserve, reserve)] {
                if amount.is_some_and(|amount| amount > total) {
                    self.add_error(key, "more than `GPU_TOTAL`, so it can never be free");
                }
            }
        }
        let count = self.parse_choice(Key::Count, Count::NAMES);
        let failure = self.parse_choice(Key::OnScrapeFailure, OnScrapeFailure::NAMES);
        let no_series = self.parse_choice(Key::NoSeries, NoSeries::NAMES);
        if no_series == Some(NoSeries::Idle) && query.series != Series::Pods {
            let problem =
                "invalid value `idle`: expected `unknown`, since an idle device has a series too";
            self.add_error(Key::NoSeries, problem);
        }
        Rules {
            total,
            floor: floor.unwrap_or_default(),
            reserve: reserve.unwrap_or_default(),
            budget,
            count: count.unwrap_or_default(),
            attribution: query.series.into(),
            on_scrape_failure: failure.unwrap_or_default(),
            no_series: no_series.unwrap_or_default(),
        }
    }

    fn add_error(&mut self, key: Key, problem: impl Into<String>) {
        self.errors.push(SettingError::new(key, problem));
    }

    fn add_invalid(&mut self, key: Key, value: &str, expected: &str) {
        self.add_error(key, format!("invalid value `{value}`: {expected}"));
    }

    /// Returns the text, or an empty one and adds an error.
    fn required_text(&mut self, key: Key) -> String {
        match self.raw.get(key) {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => {
                self.add_error(key, "not set");
                String::new()
            }
        }
    }

    /// Parses a required setting. The error of `parse` is the expected form.
    fn parse_with<T>(&mut self, key: Key, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.required_text(key);
        if text.is_empty() {
            return None;
        }
        parse(&text).map_err(|expected| self.add_invalid(key, &text, &expected)).ok()
    }

    /// Checks a setting only if it is given.
    fn optional<T>(&mut self, key: Key, check: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.raw.get(key).filter(|text| !text.is_empty())?;
        check(self)
    }

    fn metric_name(&mut self, key: Key) -> Option<String> {
        self.parse_with(key, |text| match names::is_metric_name(text) {
            true => Ok(text.to_owned()),
            false => Err("expected the name of a metric".to_owned()),
        })
    }

    fn label_name(&mut self, key: Key) -> Option<String> {
        self.parse_with(key, |text| match names::is_label_name(text) {
            true => Ok(text.to_owned()),
            false => Err("expected the name of a label".to_owned()),
        })
    }

    fn parse_choice<T: Copy>(&mut self, key: Key, names: &[(&str, T)]) -> Option<T> {
        self.parse_with(key, |text| {
            let found = names.iter().find(|(name, _)| *name == text);
            found
                .map(|(_, value)| *value)
                .ok_or_else(|| format!("expected one of {}", key.row().kind.form()))
        })
    }

    fn parse_memory(&mut self, key: Key) -> Option<u64> {
        self.parse_with(key, |text| parse_bytes(text).map_err(|error| error.to_string()))
    }

    fn parse_duration(&mut self, key: Key) -> Duration {
        self.parse_with(key, |text| duration::parse(text).map_err(|error| error.to_string()))
            .unwrap_or_default()
    }

    /// Parses a duration of at most a month.
    fn parse_long_duration(&mut self, key: Key) -> Duration {
        let parse = |text: &str| duration::parse_up_to(text, MaxDuration::Month);
        self.parse_with(key, |text| parse(text).map_err(|error| error.to_string()))
            .unwrap_or_default()
    }

    /// Parses a limit, which would never be met if it were zero.
    fn parse_nonzero_duration(&mut self, key: Key) -> Duration {
        let time = self.parse_duration(key);
        if time.is_zero() && !self.errors.iter().any(|error| error.setting == key.row().env) {
            self.add_error(key, "invalid value `0`: expected more than 0");
        }
        time
    }

    /// Parses the limit of a run; an invalid one is replaced by the default.
    fn parse_limit(&mut self, key: Key) -> Duration {
        let limit = self.parse_nonzero_duration(key);
        match key.row().default {
            DefaultValue::Value(text) if limit.is_zero() => {
                duration::parse(text).unwrap_or_default()
            }
            _ => limit,
        }
    }

    /// Parses a number within the range of its row.
    fn parse_number(&mut self, key: Key) -> u64 {
        let Kind::Number(min, max) = key.row().kind else { return 0 };
        let number = self.parse_with(key, |text| match text.parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) && !text.starts_with('+') => Ok(number),
            _ => Err(format!("expected a number from {min} to {max}")),
        });
        number.unwrap_or(min)
    }
}

#[cfg(test)]
mod tests;
