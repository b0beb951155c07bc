//! A scrape of a port that no container opens.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "scrape-port",
    severity: Severity::Warning,
    summary: "Prometheus is configured to scrape a port that no container opens",
    rationale: "The usual scrape configuration for a Service's endpoints combines the annotated port with the Pod's address, so it must be the container's port, not the Service's. The target is always reported as down.",
    fix: "Set `prometheus.io/port` to `server.port`, or remove the annotations.",
    source: "https://github.com/prometheus/prometheus/blob/main/documentation/examples/prometheus-kubernetes.yml: kubernetes-service-endpoints",
    check: Check::Stack(scrape_port),
};

/// The annotation with the port to scrape.
const PORT: &str = "prometheus.io/port";

fn scrape_port(context: &RuleContext<'_>) -> Vec<Violation> {
    let Some(service) = &context.values.service else { return Vec::new() };
    let annotations = &service.annotations;
    let is_scraped = annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true");
    let Some(port) = annotations.get(PORT).filter(|_| is_scraped) else { return Vec::new() };
    let opened = context.values.server.port.map(|opened| opened.get().to_string());
    if Some(port) == opened.as_ref() {
        return Vec::new();
    }
    let message = Message::of("No container opens port ").code(port);
    let message = match opened {
        Some(opened) => message.and(": the server's port is ").code(opened),
        None => message,
    };
    vec![Violation::at_value(value_paths::SERVICE_ANNOTATIONS.key(PORT), message)]
}
