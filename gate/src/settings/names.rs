//! The forms of names: metrics and labels, the URL of the exporter, and the kind of the object to scale.

use kube_formats::name::{is_dns_label, is_dns_subdomain};
use kube_formats::url::HttpUrl;

/// Returns true for `group/version`, or a version alone for the core group.
#[must_use]
pub fn is_api_version(text: &str) -> bool {
    match text.split_once('/') {
        Some((group, version)) => is_dns_subdomain(group) && is_dns_label(version),
        None => is_dns_label(text),
    }
}

/// Returns true for the name of a kind: letters, digits and `-`, a DNS label once in lower case.
///
/// Source: `ValidateCustomResourceDefinitionNames` in apiextensions-apiserver.
#[must_use]
pub fn is_kind(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && is_dns_label(&text.to_ascii_lowercase())
}

/// Returns true for a metric name of the Prometheus text format.
pub(super) fn is_metric_name(name: &str) -> bool {
    name.bytes().next().is_some_and(starts_metric_name)
        && name.bytes().all(|byte| starts_metric_name(byte) || byte.is_ascii_digit())
}

/// Returns true for a label name of the Prometheus text format.
pub(super) fn is_label_name(name: &str) -> bool {
    is_metric_name(name) && !name.contains(':') && name != "__name__"
}

fn starts_metric_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b':'
}

/// Checks that a URL can be scraped, without credentials that would end up in a manifest.
pub(super) fn check_scrape_url(text: &str) -> Result<(), String> {
    let url = HttpUrl::parse(text).map_err(|error| error.to_string())?;
    if url.credentials.is_some() {
        return Err("expected no user or password".to_owned());
    }
    if url.fragment.is_some() {
        return Err("expected no fragment (`#`), which is never sent".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrape_urls() {
        for url in [
            "http://gpu-pod-exporter.nvidia.svc.cluster.local:80/metrics",
            "http://host?x",
            "https://[::1]",
        ] {
            assert_eq!(check_scrape_url(url), Ok(()), "{url}");
        }
        for url in ["metrics", "http://user:secret@host/", "http://host/#x", "http://a..b/metrics"]
        {
            assert!(check_scrape_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn the_kind_of_the_object_to_scale() {
        for text in ["apps/v1", "v1", "leaderworkerset.x-k8s.io/v1", "argoproj.io/v1alpha1"] {
            assert!(is_api_version(text), "{text}");
        }
        for text in ["", "apps/", "/v1", "apps/v1/x", "apps/../v1", "Apps/v1", "apps/v1?x"] {
            assert!(!is_api_version(text), "{text}");
        }
        for text in ["StatefulSet", "Rollout", "A2"] {
            assert!(is_kind(text), "{text}");
        }
        for text in ["", "2A", "Stateful Set", "Set/scale", "a.b", "A-"] {
            assert!(!is_kind(text), "{text}");
        }
    }

    #[test]
    fn metric_names() {
        for name in ["a:b_1", "_"] {
            assert!(is_metric_name(name), "{name}");
        }
        for name in ["1a", "", "a-b"] {
            assert!(!is_metric_name(name), "{name}");
            assert!(!is_label_name(name), "{name}");
        }
        assert!(is_label_name("UUID") && is_label_name("_a1"));
        assert!(!is_label_name("a:b") && !is_label_name("__name__"));
    }
}
