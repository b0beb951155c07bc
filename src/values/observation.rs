//! Alerts and the dashboard.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalars::*;

/// Alerts, as rules for Prometheus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alerts {
    /// The object that holds the rules: `rule`, a PrometheusRule of the Prometheus operator; `file`, a
    /// ConfigMap with a file of rules, for a Prometheus that mounts it.
    pub prometheus: AlertForm,
    /// The object's labels, besides `app`: by them the operator's Prometheus selects its rules.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The URL of docs/runbook.md, as your people reach it. Each alert's `runbook_url` is its section there.
    /// Default: no alert has the annotation.
    #[serde(default)]
    pub runbook_url: Option<HttpUrl>,
    /// The time without a start of the server after which windows count as skipped.
    #[serde(default = "default_skipped_for")]
    pub skipped_for: TimeSpan,
    /// The time without a successful run of the guard after which a server that runs counts as unguarded.
    /// Default: twice the guard's longest interval in a window and the time of a run, at least 15 minutes.
    #[serde(default)]
    pub guard_silence: Option<TimeSpan>,
    /// The label of the namespace that uses memory, as Prometheus stores it: without `honor_labels` it renames
    /// the exporter's own label `namespace` to `exported_namespace`. Default: `gate.namespaceLabel`.
    #[serde(default)]
    pub namespace_label: Option<String>,
}

fn default_skipped_for() -> TimeSpan {
    TimeSpan::from_hours(72)
}

/// The object that holds alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertForm {
    /// A PrometheusRule.
    Rule,
    /// A ConfigMap with a file of rules.
    File,
}

/// A Grafana dashboard, in a ConfigMap from which Grafana's sidecar loads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dashboard {
    /// The ConfigMap's labels, besides `app`: by them the sidecar finds it. Default: `grafana_dashboard: "1"`,
    /// as in Grafana's Helm charts.
    #[serde(default = "default_dashboard_labels")]
    pub labels: IndexMap<String, String>,
    /// The ConfigMap's annotations, such as `grafana_folder`: the folder for a sidecar that reads that one.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The ConfigMap's namespace, for a sidecar that looks in one namespace only. Default: the stack's own.
    #[serde(default)]
    pub namespace: Option<DnsLabel>,
    /// The identifier (uid) of the Prometheus data source in Grafana. Default: it is chosen in the dashboard.
    #[serde(default)]
    pub data_source: Option<String>,
    /// The label of the namespace that uses memory, as Prometheus stores it. Default:
    /// `alerts.namespaceLabel`, or `gate.namespaceLabel`.
    #[serde(default)]
    pub namespace_label: Option<String>,
}

fn default_dashboard_labels() -> IndexMap<String, String> {
    IndexMap::from([("grafana_dashboard".to_owned(), "1".to_owned())])
}
