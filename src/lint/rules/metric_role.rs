//! A metric of free or of all memory that is read as memory in use, or the other way round.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "metric-role",
    severity: Severity::Critical,
    summary: "A metric of free or of all memory is read as memory in use, or the other way round",
    rationale: "Read as memory in use, free memory makes an empty GPU seem full and a full one empty: the server starts when there is no room, and the guard yields when there is.",
    fix: "Write the metric of memory in use in `gate.metric`, that of free memory in `gate.freeMetric`, and that of all memory in `gate.totalMetric`.",
    source: "NVIDIA/dcgm-exporter etc/default-counters.csv; utkuozdemir/nvidia_gpu_exporter METRICS.md; ROCm/device-metrics-exporter docs/configuration/metricslist.md",
    check: Check::Stack(metric_role),
};

/// The ends of known metrics' names, with what they count.
const ROLES: &[(&str, &str)] = &[
    ("FB_USED", USED),
    ("memory_used_bytes", USED),
    ("gpu_used_vram", USED),
    ("FB_FREE", FREE),
    ("memory_free_bytes", FREE),
    ("gpu_free_vram", FREE),
    ("FB_TOTAL", ALL),
    ("memory_total_bytes", ALL),
    ("gpu_total_vram", ALL),
    ("FB_RESERVED", RESERVED),
    ("memory_reserved_bytes", RESERVED),
];

const USED: &str = "memory in use";
const FREE: &str = "free memory";
const ALL: &str = "all memory";
const RESERVED: &str = "reserved memory";

fn metric_role(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    let metrics = [
        (value_paths::GATE_METRIC, &gate.metric, USED),
        (value_paths::GATE_FREE_METRIC, &gate.free_metric, FREE),
        (value_paths::GATE_TOTAL_METRIC, &gate.total_metric, ALL),
    ];
    let violations = metrics.into_iter().filter_map(|(path, metric, expected)| {
        let metric = metric.as_deref()?;
        let (_, counted) = ROLES.iter().find(|(end, _)| metric.ends_with(end))?;
        let message = Message::of("")
            .code(metric)
            .and(format!(" counts {counted}, and the gate reads it as {expected}"));
        (*counted != expected).then(|| Violation::at_value(path, message))
    });
    violations.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::PRESETS;

    #[test]
    fn every_metric_of_a_preset_has_its_role() {
        let role = |metric: &str| ROLES.iter().find(|(end, _)| metric.ends_with(end)).unwrap().1;
        for preset in PRESETS {
            assert!(preset.metric.is_none_or(|metric| role(metric) == USED), "{}", preset.name);
            assert!(
                preset.free_metric.is_none_or(|metric| role(metric) == FREE),
                "{}",
                preset.name
            );
        }
    }
}
