//! A scrape of what is no page of metrics.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "scrape-page",
    severity: Severity::Info,
    what: "Prometheus is told to scrape a page that does not look like one of metrics",
    why: "An answer that is not in Prometheus' format fails the scrape: the target is down although the server answers.",
    mend: "The path of a page of metrics, `/metrics` by custom; a blackbox probe for whether the server answers.",
    source: "https://prometheus.io/docs/instrumenting/exposition_formats/",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let Some(service) = &case.values.service else { return Vec::new() };
    let annotation = |key: &str| service.annotations.get(key).map(String::as_str);
    let (Some("true"), Some(page)) =
        (annotation("prometheus.io/scrape"), annotation("prometheus.io/path"))
    else {
        return Vec::new();
    };
    let probes = [&case.values.server.readiness_probe, &case.values.server.liveness_probe];
    let probed = |page: &str| {
        let get = |probe: &k8s_openapi::api::core::v1::Probe| probe.http_get.as_ref()?.path.clone();
        probes.iter().filter_map(|probe| get(probe.as_ref()?)).any(|path| path == page)
    };
    let words = match (page.contains("metric"), probed(page)) {
        (true, _) => return Vec::new(),
        (false, true) => Message::of("The page ")
            .code(page)
            .and(" is what the probes ask for, and no page of metrics"),
        (false, false) => {
            Message::of("The page ").code(page).and(" does not look like one of metrics")
        }
    };
    vec![Site::value(["service", "annotations", "prometheus.io/path"], words)]
}
