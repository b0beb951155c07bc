//! The gate: the source of its readings, the memory that it keeps free, and its Pods.

use std::collections::BTreeMap;
use std::time::Duration;

use indexmap::IndexMap;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vram_gate::decision::Action;
pub use vram_gate::decision::{Count, NoSeries, OnScrapeFailure};
pub use vram_gate::exposition::{MetricUnit, Series};
pub use vram_gate::settings::LogFormat;
use vram_gate::settings::{Pace, Sampling, Source};

use super::exporter::Exporter;
use super::scalars::*;
use super::server::Image;

/// The gate, the program that starts and stops the server, and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    /// The image that contains only `vram-gate`.
    pub image: Image,
    /// Names of the Secrets with the registry's credentials. Default: the server's.
    #[serde(default)]
    pub image_pull_secrets: Option<Vec<DnsSubdomain>>,
    /// The labels of the jobs that run the gate, besides `app`.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The annotations of the jobs that run the gate.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The labels of the gate's Pods, besides `app`.
    #[serde(default)]
    pub pod_labels: IndexMap<String, String>,
    /// The annotations of the gate's Pods.
    #[serde(default)]
    pub pod_annotations: IndexMap<String, String>,
    /// The priority class of the gate's Pods, which must exist. With a lower class than the server's, a
    /// full cluster keeps the guard waiting while the server runs. Default: no class.
    #[serde(default)]
    pub priority_class_name: Option<DnsSubdomain>,
    /// Makes the scheduler prefer the nodes of `server.nodeSelector` for the gate's Pods, with the
    /// server's tolerations: a node that runs the gate has its image. Another node is as good when they
    /// are full or away.
    #[serde(default)]
    pub prefer_tenant_node: bool,
    /// The URL that the exporter serves its metrics at. Not needed with `prometheus`.
    #[serde(default)]
    pub metrics_url: Option<HttpUrl>,
    /// A Prometheus server to read instead of the exporter. It takes the place of `metricsUrl`.
    #[serde(default)]
    pub prometheus: Option<Prometheus>,
    /// The exporter. It decides `metric`, `metricUnit` and the other settings of the reading; each of
    /// them that is written takes precedence. `custom` needs both of these two.
    #[serde(default)]
    pub exporter: Exporter,
    /// The metric of memory in use; `series` says what each of its series counts. Default: the
    /// exporter's.
    #[serde(default)]
    pub metric: Option<String>,
    /// The unit of the metrics. Default: the exporter's.
    #[serde(default)]
    pub metric_unit: Option<MetricUnit>,
    /// The labels that a series must have to be read, to choose one GPU; an empty value also matches a
    /// series without the label. Default: every series.
    #[serde(default)]
    pub select: IndexMap<String, String>,
    /// The amount that each series of the metric counts. With `devices` nothing tells the server's
    /// memory from that of others, and the guard needs `budget`. Default: the exporter's, or `pods`.
    #[serde(default)]
    pub series: Option<Series>,
    /// The label that names a series' device, such as `UUID`. Together with the label `GPU_I_ID`, which
    /// the parts of a GPU have, it distinguishes devices: series of two devices count as no reading.
    /// Default: the exporter's; without one, devices are not distinguished.
    #[serde(default)]
    pub device_label: Option<String>,
    /// The label of the namespace that uses a series' memory. Default: the exporter's, or `namespace`.
    #[serde(default)]
    pub namespace_label: Option<String>,
    /// The metric of the GPU's free memory, in the same unit. With it the gate measures the total.
    /// Default: the exporter's, or none.
    #[serde(default)]
    pub free_metric: Option<String>,
    /// The metric of the GPU's total memory, in the same unit. Default: none.
    #[serde(default)]
    pub total_metric: Option<String>,
    /// The memory that must be free for the server to start; the guard stops the server below it.
    pub floor: Bytes,
    /// The memory that must stay free whoever uses the rest; the guard stops the server below it.
    #[serde(default = "default_reserve")]
    pub reserve: Bytes,
    /// The most memory that the server may use; the guard stops the server above it. With
    /// `series: devices` the guard can't know what the server uses: it stops the server when less is
    /// free than the larger of `reserve` and `floor` − `budget`, below which others surely lack memory.
    /// Default: the server may use any amount.
    #[serde(default)]
    pub budget: Option<Bytes>,
    /// The memory that the guard compares with the floor. Default: `residents`.
    #[serde(default)]
    pub count: Option<Count>,
    /// The guard's behaviour without a reading.
    #[serde(default)]
    pub on_scrape_failure: OnScrapeFailure,
    /// The meaning of a scrape without a series of the metric.
    #[serde(default)]
    pub no_series: NoSeries,
    /// A metric that the exporter writes after every series that is read: proof that an answer was not cut
    /// off. Default: none, and each answer is read twice.
    #[serde(default)]
    pub sentinel: Option<String>,
    /// The most that the timestamp of a series may differ from the time of the reading, in seconds.
    #[serde(default = "default_max_age")]
    pub max_age_seconds: Whole<1, 3600>,
    /// The number of readings before the server is started; each must leave the floor free.
    #[serde(default = "default_samples")]
    pub samples: Whole<1, 10>,
    /// The pause between two readings, in seconds.
    #[serde(default = "default_sample_interval")]
    pub sample_interval_seconds: Whole<1, 100>,
    /// The guard's pause before a second reading, in seconds, if bytes that the exporter can't attribute
    /// yet decide alone; 0: no second reading.
    #[serde(default = "default_recheck_delay")]
    pub recheck_delay_seconds: Whole<0, 300>,
    /// A metric of the exporter that grows with each of its updates. A watch takes an exporter whose metric
    /// does not grow for one that can't be read. Default: none, and unchanged metrics count as current.
    #[serde(default)]
    pub freshness: Option<String>,
    /// The pace of a watch (`offPeak.mode: watch`).
    #[serde(default)]
    pub watch: Watch,
    /// Lets the gate only report what it would do.
    #[serde(default)]
    pub dry_run: bool,
    /// The format of the gate's report.
    #[serde(default)]
    pub log_format: LogFormat,
    /// The requests and limits of the gate's container, in Kubernetes' format.
    #[serde(default = "default_gate_resources")]
    pub resources: ResourceRequirements,
}

/// The pace of a watch: one Pod that opens, guards and closes a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Watch {
    /// The time from one look at the GPU to the next, in seconds.
    pub interval_seconds: Whole<1, 60>,
    /// The time for which `floor` and `hysteresis` must have been free before the server starts again, in
    /// seconds. In the last part of a window, this long and two minutes, the server does not start.
    pub calm_seconds: Whole<0, 3600>,
    /// The memory that must be free besides `floor` before the server starts again.
    pub hysteresis: Bytes,
    /// The most starts of the server in one window.
    pub starts: Whole<1, 20>,
    /// The time without a reading after which `onScrapeFailure` decides, in seconds: longer than
    /// `intervalSeconds`.
    pub stale_seconds: Whole<2, 3600>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            interval_seconds: Whole::new(5),
            calm_seconds: Whole::new(600),
            hysteresis: Bytes::new(512 << 20),
            starts: Whole::new(3),
            stale_seconds: Whole::new(30),
        }
    }
}

/// A Prometheus server as the source of the readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prometheus {
    /// The server's URL, without `/api/v1`.
    pub url: HttpUrl,
    /// The query of the memory in use: a selector of series, or any vector together with `ageQuery`.
    /// Default: `metric` with the labels of `select`.
    #[serde(default)]
    pub query: Option<String>,
    /// A query of the times of the samples behind `query`, in seconds since 1970: a scalar, or a vector whose
    /// oldest time counts. Default: the samples' own times.
    #[serde(default)]
    pub age_query: Option<String>,
}

fn default_reserve() -> Bytes {
    Bytes::new(512 << 20)
}

fn default_max_age() -> Whole<1, 3600> {
    Whole::new(60)
}

fn default_samples() -> Whole<1, 10> {
    Whole::new(2)
}

fn default_sample_interval() -> Whole<1, 100> {
    Whole::new(20)
}

fn default_recheck_delay() -> Whole<0, 300> {
    Whole::new(75)
}

fn default_gate_resources() -> ResourceRequirements {
    ResourceRequirements {
        requests: Some(quantities(&[("cpu", "20m"), ("memory", "64Mi")])),
        limits: Some(quantities(&[("memory", "128Mi")])),
        ..Default::default()
    }
}

fn quantities(pairs: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    pairs.iter().map(|&(name, text)| (name.to_owned(), Quantity(text.to_owned()))).collect()
}

/// The time that a Pod may take to start: its Job's deadline exceeds the gate's by it.
const POD_START: Duration = Duration::from_secs(10);

/// The Jobs' deadline, unless the gate's readings need a longer one, in seconds.
pub(super) const MIN_ACTIVE_DEADLINE: i64 = 120;

impl Gate {
    /// The URL that is read: Prometheus', or the exporter's. Empty only in values that were not checked.
    pub fn source_url(&self) -> &str {
        let prometheus = self.prometheus.as_ref().map(|prometheus| &prometheus.url);
        prometheus.or(self.metrics_url.as_ref()).map_or("", HttpUrl::as_str)
    }

    /// Returns the shortest deadline of a Job in which every attempt of the gate's readings fits, rounded
    /// up to 10 s, but at least [`MIN_ACTIVE_DEADLINE`].
    pub(super) fn min_job_deadline(&self) -> Whole<20, 86_400> {
        let source = match &self.prometheus {
            Some(Prometheus { query, age_query, .. }) => {
                Source::Prometheus { query: query.clone(), age_query: age_query.clone() }
            }
            None => Source::Exposition { sentinel: self.sentinel.clone(), freshness: None },
        };
        let pace = Pace {
            attempt: Sampling::DEFAULT_TIMEOUT * source.requests(),
            samples: u32::try_from(self.samples.get()).unwrap_or(u32::MAX),
            sample_interval: source.longest_pause(
                self.sample_interval_seconds.to_duration(),
                self.max_age_seconds.to_duration(),
            ),
            recheck_delay: self.recheck_delay_seconds.to_duration(),
        };
        let needed = pace.min_deadline(Action::Up).max(pace.min_deadline(Action::Guard));
        let tens = (needed + POD_START).as_millis().div_ceil(10_000);
        Whole::new(i64::try_from(tens * 10).unwrap_or(i64::MAX).max(MIN_ACTIVE_DEADLINE))
    }
}
