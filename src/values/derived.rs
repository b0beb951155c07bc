//! The defaults that follow from other values.

use std::sync::OnceLock;

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
    // A part of these two that is written replaces the whole default.
    ("gate.imagePullSecrets", &["gate.imagePullSecrets", "server.imagePullSecrets"]),
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

/// The paths that can change with another value at a path: the path, and the defaults that follow from it,
/// directly or through other defaults.
pub(crate) fn changed_with(path: &Path) -> Vec<Path> {
    static ROWS: OnceLock<Vec<(Path, Vec<Path>)>> = OnceLock::new();
    let mut rows: Vec<&(Path, Vec<Path>)> = ROWS.get_or_init(parse_rows).iter().collect();
    let mut changed = vec![path.clone()];
    // A default can change another one.
    while let Some(at) = rows
        .iter()
        .position(|(_, sources)| sources.iter().any(|source| meets_any(source, &changed)))
    {
        changed.push(rows.swap_remove(at).0.clone());
    }
    changed
}

fn parse_rows() -> Vec<(Path, Vec<Path>)> {
    let parse_all = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
    let rows = DERIVED_DEFAULTS.iter();
    rows.filter_map(|(default, sources)| Some((default.parse().ok()?, parse_all(sources))))
        .collect()
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
    fn a_value_changes_defaults_also_through_other_defaults() {
        for (path, expected) in [
            ("server.port", vec!["server.port"]),
            ("namespace", vec!["namespace", "dashboard.namespace", "kyverno.exceptionNamespace"]),
            (
                "gate.sentinel",
                vec![
                    "alerts.guardSilence",
                    "gate.sentinel",
                    "offPeak.activeDeadlineSeconds",
                    "offPeak.downStartingDeadlineSeconds",
                ],
            ),
        ] {
            let mut changed = changed_with(&path.parse().unwrap());
            changed.sort();
            let mut expected = paths(&expected);
            expected.sort();
            assert_eq!(changed, expected, "{path}");
        }
    }
}
