//! The query: the series of an exposition that are read, and their meaning.

use super::{MetricUnit, Selection};

/// The label of the namespace whose memory a series counts, unless the query names another.
pub const NAMESPACE_LABEL: &str = "namespace";

/// The namespace that the exporter writes for a process whose container it does not know.
pub const UNKNOWN: &str = "unknown";

/// The series to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The name of the metric of memory in use.
    pub metric: String,
    /// The unit of every metric that is read.
    pub unit: MetricUnit,
    /// The tenant's namespace, as in the label [`namespace_label`](Self::namespace_label).
    pub namespace: String,
    /// The labels that a series must have to be read.
    pub select: Selection,
    /// The amount that each series of the metric counts.
    pub series: Series,
    /// The label whose value names a series' device; `None`: devices are not distinguished.
    pub device_label: Option<String>,
    /// The label of the namespace whose memory a series counts.
    pub namespace_label: String,
    /// The metric of the device's free memory.
    pub free_metric: Option<String>,
    /// The metric of the device's whole memory.
    pub total_metric: Option<String>,
}

impl Query {
    /// Every metric that is read.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        let others = [&self.free_metric, &self.total_metric].into_iter().flatten();
        std::iter::once(self.metric.as_str()).chain(others.map(String::as_str))
    }
}

impl Default for Query {
    /// A query without a metric: it reads no series.
    fn default() -> Self {
        Self {
            metric: String::new(),
            unit: MetricUnit::default(),
            namespace: String::new(),
            select: Selection::default(),
            series: Series::default(),
            device_label: None,
            namespace_label: NAMESPACE_LABEL.to_owned(),
            free_metric: None,
            total_metric: None,
        }
    }
}

/// The amount that each series of the metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Series {
    /// A part of the memory in use, such as a process' or a Pod's. All parts are added up.
    #[default]
    Pods,
    /// All memory in use on the device, whoever uses it. Labels of Pods attribute nothing.
    Devices,
    /// With a namespace a Pod's part, without one all memory in use on the device.
    DevicesAndPods,
}

impl Series {
    /// Every choice with its name in settings.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("pods", Self::Pods),
        ("devices", Self::Devices),
        ("devices-and-pods", Self::DevicesAndPods),
    ];
}
