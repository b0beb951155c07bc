//! A metric of whole GPUs whose series are read as Pods' memory.

use vram_gate::promql::selected_metric;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::{Count, PRESETS, Series};

pub(super) const RULE: Rule = Rule {
    id: "device-metric-as-pods",
    severity: Severity::Critical,
    summary: "A metric that counts a whole GPU is read as the memory of the Pod in its labels",
    rationale: "The exporter writes the labels of a Pod that holds the GPU on the GPU's own figure. If that Pod is the tenant's, everyone's memory counts as the tenant's own and the guard never yields; otherwise the tenant counts as a resident and the guard yields night after night.",
    fix: "Set `gate.exporter` to the exporter's preset, which reads the figure as the GPU's; where no Pod's memory is known, also set `gate.budget`.",
    source: "docs/exporters.md; NVIDIA/dcgm-exporter internal/pkg/transformation/kubernetes.go",
    check: Check::Stack(device_metric_as_pods),
};

fn device_metric_as_pods(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    let query = gate.prometheus.as_ref().and_then(|prometheus| prometheus.query.as_deref());
    let metric = query.and_then(selected_metric).unwrap_or_else(|| gate.metric_name());
    let preset = PRESETS.iter().find(|preset| {
        preset.series.is_some_and(|series| series != Series::Pods)
            && preset.metric.is_some_and(|known| metric.ends_with(known))
    });
    let is_read_as_pods = gate.series.unwrap_or_default() == Series::Pods;
    match preset {
        Some(preset) if is_read_as_pods && gate.count != Some(Count::Everyone) => {
            let message = Message::of("")
                .code(metric)
                .and(" counts a whole GPU: read it with ")
                .code(format!("gate.exporter: {}", preset.name));
            // An exporter that reads the metric rightly has had its `series` overridden.
            let path = match context.is_written(value_paths::GATE_SERIES) {
                true => value_paths::GATE_SERIES,
                false if query.is_some() => value_paths::PROMETHEUS_QUERY,
                false => value_paths::GATE_METRIC,
            };
            vec![Violation::at_value(path, message)]
        }
        _ => Vec::new(),
    }
}
