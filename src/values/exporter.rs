//! The presets of `gate.exporter`: what the gate reads from the pages of known exporters.
//!
//! A preset fills in the settings of [`Gate`] that the values do not write. Each row was read in the
//! exporter's code; `tests/exporters.rs` checks it against pages written after that code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::{Count, Gate, MetricUnit, Series};
use super::scalars::Bytes;

/// The exporter that the gate reads. It decides the other settings of the reading that are not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exporter {
    /// gpu-pod-exporter: the memory of each process, with its Pod.
    #[default]
    GpuPodExporter,
    /// NVIDIA's dcgm-exporter: the memory of each GPU. Nothing tells the tenant's memory from others'.
    Dcgm,
    /// NVIDIA's dcgm-exporter with `--kubernetes-virtual-gpus` and `hostPID`: the memory of each GPU, and
    /// of each Pod on it.
    DcgmPods,
    /// nvidia_gpu_exporter: the memory of each GPU. Nothing tells the tenant's memory from others'.
    NvidiaGpuExporter,
    /// AMD's device-metrics-exporter: the memory of each GPU. Nothing tells the tenant's memory from
    /// others'.
    Amd,
    /// Another exporter: `metric` and `metricUnit` must be written.
    Custom,
}

/// The settings for one exporter's scrapes.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The exporter.
    pub exporter: Exporter,
    /// The exporter's name in the values.
    pub name: &'static str,
    /// The metric of memory in use; `None` if it must be written.
    pub metric: Option<&'static str>,
    /// The unit of the metrics; `None` if it must be written.
    pub metric_unit: Option<MetricUnit>,
    /// The amount that each series counts; `None`: the gate's default.
    pub series: Option<Series>,
    /// The label whose value names a series' GPU; `None`: nothing tells GPUs apart.
    pub device_label: Option<&'static str>,
    /// The metric of the GPU's free memory, by which its total is measured.
    pub free_metric: Option<&'static str>,
    /// The labels that name one GPU or one node of the whole cluster.
    pub unique_labels: &'static [&'static str],
    /// The exporter is installed as a DaemonSet behind one Service.
    pub in_every_node: bool,
    /// The memory that is not counted, or not attributed, in one sentence.
    pub limitation: &'static str,
    /// The code that the row was read from.
    pub source: &'static str,
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset {
        exporter: Exporter::GpuPodExporter,
        name: "gpu-pod-exporter",
        metric: Some("gpu_pod_memory_used_bytes"),
        metric_unit: Some(MetricUnit::Bytes),
        series: None,
        device_label: None,
        free_metric: None,
        unique_labels: &[],
        in_every_node: false,
        limitation: "it lists compute processes only, so the memory of graphics processes and of the driver is not counted, and two GPUs of a node are added up",
        source: "ViktorBarzin/infra 3051e8f, stacks/nvidia/modules/nvidia/main.tf",
    },
    Preset {
        exporter: Exporter::Dcgm,
        name: "dcgm",
        metric: Some("DCGM_FI_DEV_FB_USED"),
        metric_unit: Some(MetricUnit::MiB),
        series: Some(Series::Devices),
        device_label: Some("UUID"),
        free_metric: Some("DCGM_FI_DEV_FB_FREE"),
        unique_labels: &["UUID", "Hostname", "hostname"],
        in_every_node: true,
        limitation: "nothing attributes memory: the labels of a Pod on a series say who holds the device, not who uses the memory",
        source: "NVIDIA/dcgm-exporter d5e5f51, internal/pkg/rendermetrics and internal/pkg/transformation",
    },
    Preset {
        exporter: Exporter::DcgmPods,
        name: "dcgm-pods",
        metric: Some("DCGM_FI_DEV_FB_USED"),
        metric_unit: Some(MetricUnit::MiB),
        series: Some(Series::DevicesAndPods),
        device_label: Some("UUID"),
        free_metric: Some("DCGM_FI_DEV_FB_FREE"),
        unique_labels: &["UUID", "Hostname", "hostname"],
        in_every_node: true,
        limitation: "without `hostPID: true` every Pod has 0, and a Pod with two slices or two GPU containers is counted twice",
        source: "NVIDIA/dcgm-exporter d5e5f51, internal/pkg/transformation/process_metrics.go",
    },
    Preset {
        exporter: Exporter::NvidiaGpuExporter,
        name: "nvidia-gpu-exporter",
        metric: Some("nvidia_smi_memory_used_bytes"),
        metric_unit: Some(MetricUnit::Bytes),
        series: Some(Series::Devices),
        device_label: Some("uuid"),
        free_metric: Some("nvidia_smi_memory_free_bytes"),
        unique_labels: &["uuid"],
        in_every_node: true,
        limitation: "nothing attributes memory, and MIG instances are one GPU",
        source: "utkuozdemir/nvidia_gpu_exporter e656cd8, internal/integration/testdata",
    },
    Preset {
        exporter: Exporter::Amd,
        name: "amd",
        metric: Some("gpu_used_vram"),
        metric_unit: Some(MetricUnit::MiB),
        series: Some(Series::Devices),
        device_label: Some("gpu_id"),
        free_metric: Some("gpu_free_vram"),
        unique_labels: &["gpu_uuid", "serial_number", "hostname"],
        in_every_node: true,
        limitation: "nothing attributes memory, and its Service answers only Pods on a node that runs the exporter",
        source: "ROCm/device-metrics-exporter afd0fe8, pkg/amdgpu/gpuagent/gpuagent_gpu_metrics.go; the unit: ROCm/gpu-agent 52879d9, smi_fill_vram_usage_",
    },
    Preset {
        exporter: Exporter::Custom,
        name: "custom",
        metric: None,
        metric_unit: None,
        series: None,
        device_label: None,
        free_metric: None,
        unique_labels: &[],
        in_every_node: false,
        limitation: "nothing is known about it",
        source: "the values",
    },
];

impl Preset {
    /// The metrics that it reads.
    pub fn metrics(&self) -> impl Iterator<Item = &'static str> {
        [self.metric, self.free_metric].into_iter().flatten()
    }
}

impl Exporter {
    /// The exporter's preset.
    #[must_use]
    pub fn preset(self) -> &'static Preset {
        &PRESETS[self as usize]
    }
}

impl Gate {
    /// Fills in the settings of the reading that the values do not write.
    pub(super) fn set_preset(&mut self) {
        let preset = self.exporter.preset();
        self.metric_unit = self.metric_unit.or(preset.metric_unit);
        self.count = self.count.or(Some(Count::default()));
        self.series = self.series.or(preset.series);
        for (setting, known) in [
            (&mut self.metric, preset.metric),
            (&mut self.device_label, preset.device_label),
            (&mut self.free_metric, preset.free_metric),
        ] {
            *setting = setting.take().or_else(|| known.map(str::to_owned));
        }
    }

    /// The keys of the settings that a preset fills in.
    pub const PRESET_KEYS: &'static [&'static str] =
        &["metric", "metricUnit", "series", "deviceLabel", "freeMetric"];

    /// The metrics that the gate reads: of memory in use, and those by which the total is measured.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        [&self.metric, &self.free_metric, &self.total_metric]
            .into_iter()
            .filter_map(|metric| metric.as_deref())
    }

    /// The scrape that the gate reads, and the metric: one scrape is one node's GPUs.
    #[must_use]
    pub fn gpu_source(&self) -> (String, &str) {
        (without_default_port(self.source_url()), self.metric_name())
    }

    /// Returns true unless `select` chooses another GPU of the same [source](Self::gpu_source) than that
    /// of another gate: both write a label, with different values.
    #[must_use]
    pub fn may_share_gpu(&self, other: &Gate) -> bool {
        self.select
            .iter()
            .all(|(label, value)| other.select.get(label).is_none_or(|other| other == value))
    }

    /// The free memory below which the guard yields, if nothing tells the server's memory from that of
    /// others; `None` if something does.
    #[must_use]
    pub fn unattributed_headroom(&self) -> Option<Bytes> {
        if self.series != Some(Series::Devices) || self.count != Some(Count::Residents) {
            return None;
        }
        let budget = self.budget.map_or(0, Bytes::get);
        Some(Bytes::new(self.floor.get().saturating_sub(budget).max(self.reserve.get())))
    }

    /// The metric of memory in use. It is empty only where rendering refuses the values.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.metric.as_deref().unwrap_or_default()
    }
}

/// A URL without the port that its scheme implies.
fn without_default_port(url: &str) -> String {
    [("http://", ":80/"), ("https://", ":443/")]
        .iter()
        .find(|(scheme, port)| url.starts_with(scheme) && url.contains(port))
        .map_or_else(|| url.to_owned(), |(_, port)| url.replacen(port, "/", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_in_the_order_of_the_exporters() {
        for (index, preset) in PRESETS.iter().enumerate() {
            assert_eq!(preset.exporter as usize, index, "{}", preset.name);
            assert_eq!(serde_json::to_value(preset.exporter).unwrap(), preset.name);
        }
        assert_eq!(Exporter::default().preset().name, "gpu-pod-exporter");
        // The last one of the enum.
        assert_eq!(Exporter::Custom as usize + 1, PRESETS.len());
    }
}
