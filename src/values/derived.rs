//! The defaults that follow from other values.

use yaml_spans::Path;

/// The paths that [`set_defaults`](super::Values::set_defaults) fills in, each with the paths that the
/// default follows from. A path is also everything below it. A test tries every leaf of many values and
/// fails if another path changes with it (`src/explain/tests.rs`).
pub(crate) const DERIVED_DEFAULTS: &[(&str, &[&str])] = &[
    ("offPeak.names", &["server.name", "offPeak.demand"]),
    (
        "offPeak.activeDeadlineSeconds",
        &[
            "gate.prometheus",
            "gate.sentinel",
            "gate.samples",
            "gate.sampleIntervalSeconds",
            "gate.maxAgeSeconds",
            "gate.recheckDelaySeconds",
        ],
    ),
    (
        "offPeak.downStartingDeadlineSeconds",
        &[
            "offPeak.timeZone",
            "offPeak.up",
            "offPeak.down",
            "offPeak.demand",
            "offPeak.startingDeadlineSeconds",
            "offPeak.activeDeadlineSeconds",
        ],
    ),
    (
        "offPeak.historyLimits",
        &["offPeak.keep", "offPeak.up", "offPeak.guard", "offPeak.down", "offPeak.demand"],
    ),
    ("target.name", &["server.name"]),
    ("target.resource", &["target.kind"]),
    ("gate.imagePullSecrets", &["server.imagePullSecrets"]),
    // A part of it that is written replaces the whole default.
    ("gate.resources", &["gate.resources"]),
    ("gate.image.pullPolicy", &["gate.image.digest"]),
    ("gate.metric", &["gate.exporter"]),
    ("gate.metricUnit", &["gate.exporter"]),
    ("gate.series", &["gate.exporter"]),
    ("gate.deviceLabel", &["gate.exporter"]),
    ("gate.freeMetric", &["gate.exporter"]),
    ("server.image.pullPolicy", &["server.image.digest"]),
    ("service.name", &["server.name"]),
    ("storage.name", &["server.name", "storage.existingClaim"]),
    (
        "alerts.guardSilence",
        &[
            "offPeak.timeZone",
            "offPeak.up",
            "offPeak.guard",
            "offPeak.down",
            "offPeak.demand",
            "offPeak.activeDeadlineSeconds",
        ],
    ),
    ("dashboard.namespace", &["namespace.name"]),
    ("dashboard.namespaceLabel", &["alerts.namespaceLabel"]),
    ("kyverno.exceptionNamespace", &["namespace.name"]),
    ("clients", &["name"]),
];

/// Some paths of the values, and those that their defaults follow from, directly or through other
/// defaults. With another value at any other path, these stay the same.
pub(crate) fn with_sources(mut paths: Vec<Path>) -> Vec<Path> {
    let mut rows: Vec<(Path, &[&str])> = DERIVED_DEFAULTS
        .iter()
        .filter_map(|(default, sources)| Some((default.parse().ok()?, *sources)))
        .collect();
    // A row that adds paths can make another row matter.
    while let Some(at) = rows.iter().position(|(default, _)| meets_any(default, &paths)) {
        let (_, sources) = rows.swap_remove(at);
        paths.extend(sources.iter().filter_map(|source| source.parse().ok()));
    }
    paths
}

/// Returns true if a path is one of some paths, or is above or below one.
pub(crate) fn meets_any(path: &Path, paths: &[Path]) -> bool {
    paths.iter().any(|other| path.starts_with(other) || other.starts_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(texts: &[&str]) -> Vec<Path> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn every_path_of_the_table_is_a_value() {
        let shape = super::super::Shape::of_values();
        for (default, sources) in DERIVED_DEFAULTS {
            for path in paths(&[&[*default][..], sources].concat()) {
                assert!(shape.at(&path).is_some(), "{path}");
            }
        }
    }

    #[test]
    fn a_default_leads_to_what_it_follows_from_through_other_defaults() {
        let sources = with_sources(paths(&["alerts.guardSilence"]));
        for (path, is_source) in [
            ("alerts.guardSilence", true),
            ("alerts", true),
            ("alerts.labels", false),
            ("offPeak.guard", true),
            ("offPeak.demand.opens", true),
            // The silence follows from the deadline, and that from the readings.
            ("gate.sentinel", true),
            ("gate.floor", false),
            ("server.name", false),
        ] {
            assert_eq!(meets_any(&path.parse().unwrap(), &sources), is_source, "{path}");
        }
        assert_eq!(with_sources(paths(&["server.port"])), paths(&["server.port"]));
    }
}
