//! A unit that the exporter's metric does not have.

use vram_gate::promql::selected_metric;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::MetricUnit;

pub(super) const RULE: Rule = Rule {
    id: "metric-unit",
    severity: Severity::Critical,
    summary: "`gate.metricUnit` is not the unit of the metric",
    rationale: "Read in bytes, an amount in MiB is a millionth of what is in use: the GPU always seems empty, the server always starts and the guard never yields. Read in MiB, an amount in bytes seems more than any GPU has, and the server never runs.",
    fix: "Set `gate.exporter` to the exporter's preset and remove `gate.metricUnit`, or set `gate.metricUnit` to the unit that the exporter's HELP line names.",
    source: "NVIDIA/dcgm-exporter etc/default-counters.csv; ROCm/gpu-agent sw/nic/gpuagent/api/smi/amdsmi/smi_api.cc; https://prometheus.io/docs/practices/naming/#base-units",
    check: Check::Stack(metric_unit),
};

/// A part of a metric's name that decides its unit.
enum Part {
    Start(&'static str),
    End(&'static str),
}

/// The names that decide a unit, the strongest first. `None`: the metric is a ratio, not an amount.
const UNITS: &[(Part, Option<MetricUnit>)] = &[
    (Part::End("_PERCENT"), None),
    (Part::End("_percent"), None),
    (Part::End("_ratio"), None),
    (Part::Start("DCGM_FI_"), Some(MetricUnit::MiB)),
    // AMD's exporter can put a prefix before its names.
    (Part::End("gpu_used_vram"), Some(MetricUnit::MiB)),
    (Part::End("gpu_free_vram"), Some(MetricUnit::MiB)),
    (Part::End("gpu_total_vram"), Some(MetricUnit::MiB)),
    (Part::End("_bytes"), Some(MetricUnit::Bytes)),
];

fn metric_unit(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    let Some(unit) = gate.metric_unit else { return Vec::new() };
    // A query replaces the metric. The unit of one that is not a selector can't be known.
    let query = gate.prometheus.as_ref().and_then(|prometheus| prometheus.query.as_deref());
    let used = match query {
        Some(query) => (value_paths::PROMETHEUS_QUERY, selected_metric(query)),
        None => (value_paths::GATE_METRIC, gate.metric.as_deref()),
    };
    let metrics = [
        used,
        (value_paths::GATE_FREE_METRIC, gate.free_metric.as_deref()),
        (value_paths::GATE_TOTAL_METRIC, gate.total_metric.as_deref()),
    ];
    let violation = metrics.into_iter().find_map(|(path, metric)| {
        let metric = metric?;
        let message = match known_unit(metric)? {
            Some(known) if known == unit => return None,
            Some(known) => Message::of("").code(metric).and(format!(
                " counts {}, and the gate reads it in {}",
                name(known),
                name(unit)
            )),
            None => Message::of("").code(metric).and(" is a ratio, not an amount of memory"),
        };
        // With the exporter's own unit, the metric is what was written.
        let is_preset = gate.exporter.preset().metric_unit == Some(unit);
        Some(Violation::at_value(
            if is_preset { path } else { value_paths::GATE_METRIC_UNIT },
            message,
        ))
    });
    violation.into_iter().collect()
}

/// The unit that a metric's name decides: `None` if it decides none, `Some(None)` if it has none.
fn known_unit(metric: &str) -> Option<Option<MetricUnit>> {
    let (_, unit) = UNITS.iter().find(|(part, _)| match part {
        Part::Start(text) => metric.starts_with(text),
        Part::End(text) => metric.ends_with(text),
    })?;
    Some(*unit)
}

fn name(unit: MetricUnit) -> &'static str {
    MetricUnit::NAMES.iter().find(|(_, known)| *known == unit).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::PRESETS;

    #[test]
    fn every_preset_has_the_unit_of_its_metric() {
        for preset in PRESETS.iter().filter(|preset| preset.metric.is_some()) {
            for metric in preset.metrics() {
                assert_eq!(known_unit(metric), Some(preset.metric_unit), "{metric}");
            }
        }
    }

    #[test]
    fn a_name_without_a_unit_decides_none() {
        for (metric, expected) in [
            ("gpu_memory_used", None),
            ("vram_bytes_total", None),
            ("DCGM_FI_DEV_FB_USED_PERCENT", Some(None)),
            ("amd_gpu_used_vram", Some(Some(MetricUnit::MiB))),
            ("nvidia_smi_mig_memory_used_bytes", Some(Some(MetricUnit::Bytes))),
        ] {
            assert_eq!(known_unit(metric), expected, "{metric}");
        }
    }
}
