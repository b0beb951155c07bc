//! Names of metrics and labels, and the URL of the exporter.

use kube_formats::url::HttpUrl;

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
