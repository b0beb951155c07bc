//! An exporter of which one Pod in each node answers behind one Service.

use kube_formats::url::HttpUrl;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "exporter-on-every-node",
    severity: Severity::Info,
    summary: "The exporter runs on every GPU node, and a Service picks the node whose GPU is read",
    rationale: "With one GPU node nothing is wrong. With several, each reading is of any node's GPU: the server is started on a GPU that is full, because another one is empty.",
    fix: "Name the GPU or its node in `gate.select` by a label that is unique in the cluster (`UUID`, `hostname`), so that another node's page gives no reading, or read all nodes' GPUs from Prometheus (docs/exporters.md). With one GPU node, allow this finding.",
    source: "the charts of NVIDIA/dcgm-exporter, utkuozdemir/nvidia_gpu_exporter and ROCm/device-metrics-exporter: a DaemonSet behind a Service",
    check: Check::Stack(exporter_on_every_node),
};

fn exporter_on_every_node(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    let preset = gate.exporter.preset();
    let names_a_gpu =
        gate.select.keys().any(|label| preset.unique_labels.contains(&label.as_str()));
    let url = gate.metrics_url.as_ref().and_then(|url| HttpUrl::parse(url.as_str()).ok());
    let Some(service) = url.and_then(|url| url.service()) else { return Vec::new() };
    if !preset.in_every_node || names_a_gpu || gate.prometheus.is_some() {
        return Vec::new();
    }
    let message = Message::of("The Service ")
        .code(service.name)
        .and(" leads to any node that runs the exporter, and its page is read as this GPU's");
    vec![Violation::at_value(value_paths::GATE_METRICS_URL, message)]
}
