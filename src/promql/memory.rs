//! The GPU's memory in PromQL, as the gate reads it.

use super::{StackMetrics, matchers_of};
use crate::values::{Gate, MetricUnit, Series};

/// The expressions of a stack's memory.
pub struct Memory<'a> {
    gate: &'a Gate,
    stack: &'a StackMetrics,
}

impl<'a> Memory<'a> {
    /// The expressions for a stack.
    pub fn new(stack: &'a StackMetrics) -> Self {
        Memory { gate: &stack.gate, stack }
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
        let own = self.stack.namespace_label.as_deref();
        own.or(self.gate.namespace_label.as_deref()).unwrap_or("namespace")
    }

    /// The selected series of a metric, with one more matcher.
    fn select(&self, metric: &str, more: Option<(&str, &str, &str)>) -> String {
        let selected =
            self.gate.select.iter().map(|(label, text)| (label.as_str(), "=", text.as_str()));
        let matchers: Vec<(&str, &str, String)> = selected
            .chain(more)
            .map(|(label, operator, text)| (label, operator, text.to_owned()))
            .collect();
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
        let namespace = self.stack.namespace.as_str();
        let own = self.select(self.metric(), Some((self.namespace_label(), "=", namespace)));
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
            Series::DevicesAndPods => ("max", Some((self.namespace_label(), "=", ""))),
        };
        format!("{function}({}){}", self.select(self.metric(), more), self.unit())
    }

    /// The bytes that are free; `None` if the total is unknown.
    pub fn free(&self) -> Option<String> {
        if let Some(free) = &self.gate.free_metric {
            return Some(format!("min({}){}", self.select(free, None), self.unit()));
        }
        let total = self.known_total()?;
        Some(format!("{total} - {}", self.used()))
    }

    /// The total as the values or a metric say it: a number or a vector.
    fn known_total(&self) -> Option<String> {
        match (self.stack.total, &self.gate.total_metric) {
            (Some(total), _) => Some(total.get().to_string()),
            (None, Some(metric)) => {
                Some(format!("max({}){}", self.select(metric, None), self.unit()))
            }
            (None, None) => None,
        }
    }

    /// The bytes of the GPU, as a vector; `None` if the total is unknown.
    pub fn total(&self) -> Option<String> {
        match (self.stack.total, self.known_total()) {
            (Some(_), Some(number)) => Some(format!("vector({number})")),
            (_, Some(measured)) => Some(measured),
            (_, None) => {
                let free = self.gate.free_metric.as_ref()?;
                let free = format!("min({}){}", self.select(free, None), self.unit());
                Some(format!("{} + {free}", self.used()))
            }
        }
    }

    /// The bytes in use, by owner as far as the exporter names owners: each expression with the legend of its
    /// series.
    pub fn by_owner(&self) -> Vec<(String, String)> {
        let label = self.namespace_label();
        let series = match self.query() {
            Some(_) => Series::Devices,
            None => self.series(),
        };
        let more = match series {
            Series::Devices => return vec![(self.used(), "in use".to_owned())],
            Series::Pods => None,
            Series::DevicesAndPods => Some((label, "!=", "")),
        };
        let (owned, unit) = (self.select(self.metric(), more), self.unit());
        let mut all =
            vec![(format!("sum by ({label}) ({owned}){unit}"), format!("{{{{{label}}}}}"))];
        if series == Series::DevicesAndPods {
            let rest = format!("{} - (sum({owned}){unit} or vector(0))", self.used());
            all.push((format!("clamp_min({rest}, 0)"), "outside Pods".to_owned()));
        }
        all
    }

    /// A result if the metric is missing.
    pub fn absent(&self) -> String {
        match self.query() {
            Some(query) => format!("absent({query})"),
            None => format!("absent({})", self.select(self.metric(), None)),
        }
    }
}
