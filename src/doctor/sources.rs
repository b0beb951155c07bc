//! The sources of numbers that the gate reads: the exporter, or Prometheus, and the demand.

use super::check::{Check, Expected, NO_INPUT};
use super::{RenderedStack, Requirements};
use crate::model;
use crate::model::gate_jobs::GateJob;
use crate::shell::shell_command;
use crate::values::Prometheus;
use kube_formats::url::{HttpUrl, Scheme};
use vram_gate::exposition::Query;
use vram_gate::settings::DemandNumber;

impl RenderedStack<'_> {
    pub(super) fn require_exporter(&self, found: &mut Requirements<'_>) {
        if let Some(prometheus) = &self.values().gate.prometheus {
            return self.require_prometheus(prometheus, found);
        }
        let gate = &self.values().gate;
        let url = gate.source_url();
        let namespace = self.values().namespace.name.as_str();
        let path = service_proxy_path(url, namespace);
        let query = self.gate_query();
        for metric in gate.metrics() {
            let mut filters = vec![shell_command(&["grep", &format!("^{metric}{{")])];
            filters.extend(gate.select.iter().map(select_command));
            let check = match &path {
                Some(path) => Check::kubectl(
                    &["get", "--raw", path],
                    Expected::Exposition { query: query.clone().map(Box::new), filters },
                ),
                None => Check::Pod {
                    command: format!(
                        "{} {} | grep -m1 .",
                        curl_command("page-check", &["-sf", url]),
                        filters
                            .iter()
                            .map(|filter| format!("| {filter}"))
                            .collect::<Vec<_>>()
                            .join(" "),
                    ),
                },
            };
            found.add(
                format!("the metric {metric} at {url}"),
                "the gate decides by it: without it, the server never starts, and a running one is stopped",
                check,
            );
        }
    }

    pub(super) fn require_prometheus(&self, prometheus: &Prometheus, found: &mut Requirements<'_>) {
        let gate = &self.values().gate;
        let query = prometheus.query.clone().unwrap_or_else(|| gate.metric_name().to_owned());
        let base = prometheus.url.as_str().trim_end_matches('/');
        let (address, parameter) = (format!("{base}/api/v1/query"), format!("query={query}"));
        let call = curl_command("query-check", &["-sfG", &address, "--data-urlencode", &parameter]);
        found.add(
            format!("series of {query} in Prometheus at {base}"),
            "the gate decides by them: without them, the server never starts, and a running one is stopped",
            Check::Pod { command: format!("{call} | grep '\"value\"'") },
        );
    }

    pub(super) fn require_demand(&self, found: &mut Requirements<'_>) {
        let Some(demand) = &self.values().off_peak.demand else { return };
        let Ok(number) = DemandNumber::parse(&demand.number) else { return };
        let url = demand.url.as_str();
        let check = match service_proxy_path(url, self.values().namespace.name.as_str()) {
            Some(path) => {
                Check::kubectl(&["get", "--raw", &path], Expected::Count(Box::new(number)))
            }
            None => Check::Pod {
                command: format!("{} | grep -m1 .", curl_command("demand-check", &["-sf", url])),
            },
        };
        found.add(
            format!("the number {} at {url}", demand.number),
            "without it, demand is unknown: by day the server neither starts nor stops for want of work",
            check,
        );
    }

    /// The query of the gate's jobs; `None` if only the cluster knows their settings.
    fn gate_query(&self) -> Option<Query> {
        self.objects.iter().find_map(|object| {
            let object = model::Object {
                id: object.id(),
                node: object.node.clone().into(),
                file: String::new(),
            };
            Some(GateJob::read(&object)?.settings.ok()?.sampling?.query)
        })
    }
}

/// The path by which the API server passes a request on to the Service that a URL names; none for a
/// URL outside the cluster. A bare name is a Service of `namespace`.
fn service_proxy_path(url: &str, namespace: &str) -> Option<String> {
    let url = HttpUrl::parse(url).ok().filter(|url| url.scheme == Scheme::Http)?;
    let service = url.service()?;
    let namespace = service.namespace.as_deref().unwrap_or(namespace);
    let (name, port) = (&service.name, url.effective_port());
    let slash = if url.path.starts_with('/') { "" } else { "/" };
    let path = url.path;
    Some(format!("/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy{slash}{path}"))
}

/// A command that keeps the series of an exposition that have a label of `gate.select`. A label with an
/// empty value is the same as none.
fn select_command((name, value): (&String, &String)) -> String {
    if value.is_empty() {
        return shell_command(&["grep", "-v", &format!("[{{,]{name}=\"[^\"]")]);
    }
    let written = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let mut pattern = String::new();
    for character in written.chars() {
        if "\\.[]*^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    shell_command(&["grep", &format!("[{{,]{name}=\"{pattern}\"")])
}

/// A command that calls curl in a Pod. It is attached to without input, and its exit status is curl's.
fn curl_command(name: &str, words: &[&str]) -> String {
    format!(
        "kubectl -n default run {name} --rm --attach --quiet --restart=Never --image=curlimages/curl --command -- curl {}{NO_INPUT}",
        shell_command(words)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_read_off_its_url() {
        for (url, path) in [
            (
                "http://exporter.nvidia.svc.cluster.local:8080/metrics",
                Some("/api/v1/namespaces/nvidia/services/exporter:8080/proxy/metrics"),
            ),
            (
                "http://exporter.nvidia.svc",
                Some("/api/v1/namespaces/nvidia/services/exporter:80/proxy/"),
            ),
            (
                "http://exporter.nvidia",
                Some("/api/v1/namespaces/nvidia/services/exporter:80/proxy/"),
            ),
            (
                "http://exporter/metrics",
                Some("/api/v1/namespaces/tts/services/exporter:80/proxy/metrics"),
            ),
            ("http://exporter.example.org/metrics", None),
            ("https://exporter.nvidia.svc/metrics", None),
        ] {
            assert_eq!(service_proxy_path(url, "tts").as_deref(), path, "{url}");
        }
    }

    #[test]
    fn a_label_is_selected_as_the_exporter_writes_it() {
        let select =
            |name: &str, value: &str| select_command((&name.to_owned(), &value.to_owned()));
        assert_eq!(select("gpu", "0"), "grep '[{,]gpu=\"0\"'");
        assert_eq!(select("GPU_I_ID", ""), "grep -v '[{,]GPU_I_ID=\"[^\"]'");
        assert_eq!(select("a", "it's"), "grep '[{,]a=\"it'\\''s\"'");
        // A backslash is written twice, and each of the two is quoted for grep.
        assert_eq!(select("a", "b.\\"), "grep '[{,]a=\"b\\.\\\\\\\\\"'");
    }
}
