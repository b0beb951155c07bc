//! A scrape that no container answers.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "scrape-port",
    severity: Severity::Warning,
    what: "Prometheus is told to scrape a port that no container opens",
    why: "The usual scrape of a Service's endpoints puts the annotated port behind the Pod's address: it is the container's port that counts, not the Service's. The target is down for ever.",
    mend: "`prometheus.io/port` is `server.port`; or leave the annotations out.",
    source: "https://github.com/prometheus/prometheus/blob/main/documentation/examples/prometheus-kubernetes.yml: kubernetes-service-endpoints",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let Some(service) = &case.values.service else { return Vec::new() };
    let annotation = |key: &str| service.annotations.get(key).map(String::as_str);
    let (Some("true"), Some(port), Some(opens)) = (
        annotation("prometheus.io/scrape"),
        annotation("prometheus.io/port"),
        case.values.server.port,
    ) else {
        return Vec::new();
    };
    if port == opens.get().to_string() {
        return Vec::new();
    }
    let words = Message::of("No container opens port ")
        .code(port)
        .and(": the server's is ")
        .code(opens.get().to_string());
    vec![Site::value(["service", "annotations", "prometheus.io/port"], words)]
}
