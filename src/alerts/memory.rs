//! The GPU's memory in PromQL, as the gate reads it.

use super::{Input, matchers_of};
use crate::values::{Alerts, Gate, MetricUnit, Series};

/// The expressions of a stack's memory.
pub(super) struct Memory<'a> {
    gate: &'a Gate,
    alerts: &'a Alerts,
    namespace: &'a str,
    total: Option<u64>,
}

impl<'a> Memory<'a> {
    pub fn new(input: &'a Input) -> Self {
        Memory {
            gate: &input.gate,
            alerts: &input.alerts,
            namespace: &input.namespace,
            total: input.total.map(|total| total.get()),
        }
    }

    fn series(&self) -> Series {
        self.gate.series.unwrap_or_default()
    }

    /// A query that takes the place of the metric.
    fn query(&self) -> Option<&str> {
        self.gate.prometheus.as_ref()?.query.as_deref()
    }

    /// The label of the namespace that uses a series' memory.
    fn namespace_label(&self) -> &str {
        let own = self.alerts.namespace_label.as_deref();
        own.or(self.gate.namespace_label.as_deref()).unwrap_or("namespace")
    }

    /// The selected series of a metric, with one more matcher.
    fn select(&self, metric: &str, more: Option<(&str, &str)>) -> String {
        let selected = self.gate.select.iter().map(|(label, text)| (label.as_str(), text.as_str()));
        let matchers: Vec<(&str, &str, String)> =
            selected.chain(more).map(|(label, text)| (label, "=", text.to_owned())).collect();
        matchers_of(metric, &matchers)
    }

    fn metric(&self) -> &str {
        self.gate.metric.as_deref().unwrap_or_default()
    }

    /// The factor to bytes, as the end of an expression.
    fn unit(&self) -> &'static str {
        match self.gate.metric_unit {
            Some(MetricUnit::MiB) => " * 1048576",
            _ => "",
        }
    }

    /// The bytes that the tenant uses; `None` if nothing attributes memory to it.
    pub fn tenant(&self) -> Option<String> {
        if self.series() == Series::Devices || self.query().is_some() {
            return None;
        }
        let own = self.select(self.metric(), Some((self.namespace_label(), self.namespace)));
        Some(format!("sum({own}){}", self.unit()))
    }

    /// The bytes that all use.
    fn used(&self) -> String {
        if let Some(query) = self.query() {
            return format!("sum({query}){}", self.unit());
        }
        let (function, more) = match self.series() {
            Series::Pods => ("sum", None),
            Series::Devices => ("max", None),
            Series::DevicesAndPods => ("max", Some((self.namespace_label(), ""))),
        };
        format!("{function}({}){}", self.select(self.metric(), more), self.unit())
    }

    /// The bytes that are free; `None` if the total is unknown.
    pub fn free(&self) -> Option<String> {
        if let Some(free) = &self.gate.free_metric {
            return Some(format!("min({}){}", self.select(free, None), self.unit()));
        }
        let total = match (self.total, &self.gate.total_metric) {
            (Some(total), _) => total.to_string(),
            (None, Some(metric)) => format!("max({}){}", self.select(metric, None), self.unit()),
            (None, None) => return None,
        };
        Some(format!("{total} - {}", self.used()))
    }

    /// A result if the metric is missing.
    pub fn absent(&self) -> String {
        match self.query() {
            Some(query) => format!("absent({query})"),
            None => format!("absent({})", self.select(self.metric(), None)),
        }
    }
}
