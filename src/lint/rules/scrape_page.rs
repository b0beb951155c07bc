//! A scrape of a path that does not look like metrics.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "scrape-page",
    severity: Severity::Info,
    summary: "Prometheus is configured to scrape a path that does not look like metrics",
    rationale: "An answer that is not in Prometheus' format fails the scrape: the target is reported as down although the server answers.",
    fix: "Set the path of the metrics, `/metrics` by convention. To check that the server answers, use a blackbox probe.",
    source: "https://prometheus.io/docs/instrumenting/exposition_formats/",
    check: Check::Stack(scrape_page),
};

/// The annotation with the path to scrape.
const PATH: &str = "prometheus.io/path";

fn scrape_page(context: &RuleContext<'_>) -> Vec<Violation> {
    let Some(service) = &context.values.service else { return Vec::new() };
    let annotations = &service.annotations;
    let is_scraped = annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true");
    let Some(path) = annotations.get(PATH).filter(|_| is_scraped) else { return Vec::new() };
    if path.contains("metric") {
        return Vec::new();
    }
    let server = &context.values.server;
    let is_probed = [&server.readiness_probe, &server.liveness_probe]
        .into_iter()
        .flatten()
        .filter_map(|probe| probe.http_get.as_ref()?.path.as_ref())
        .any(|probed| probed == path);
    let message = Message::of("The path ").code(path.as_str()).and(match is_probed {
        true => " is what the probes request, and does not serve metrics",
        false => " does not look like metrics",
    });
    vec![Violation::at_value(value_paths::SERVICE_ANNOTATIONS.key(PATH), message)]
}
