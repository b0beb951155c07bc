//! The values that rules point at. A test checks each against the schema of the values.

use yaml_spans::Path;

/// The path of a value, such as `gate.floor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ValuePath(&'static str);

impl From<ValuePath> for Path {
    fn from(ValuePath(text): ValuePath) -> Path {
        Path::of_keys(text.split('.'))
    }
}

impl ValuePath {
    /// The path of a key below.
    pub fn key(self, key: &str) -> Path {
        Path::from(self).key(key)
    }

    /// The path of an item below.
    pub fn index(self, index: usize) -> Path {
        Path::from(self).index(index)
    }
}

macro_rules! value_paths {
    ($($name:ident = $text:literal;)*) => {
        $(pub(super) const $name: ValuePath = ValuePath($text);)*
        #[cfg(test)]
        const ALL: &[ValuePath] = &[$($name),*];
    };
}

value_paths! {
    CLIENTS = "clients";
    DEADLINE = "offPeak.activeDeadlineSeconds";
    DEMAND_AT_MOST = "offPeak.demand.atMost";
    DEMAND_URL = "offPeak.demand.url";
    DOWN_SCHEDULE = "offPeak.down";
    GATE_BUDGET = "gate.budget";
    GATE_COUNT = "gate.count";
    GATE_DRY_RUN = "gate.dryRun";
    GATE_EXPORTER = "gate.exporter";
    GATE_FLOOR = "gate.floor";
    GATE_FREE_METRIC = "gate.freeMetric";
    GATE_IMAGE = "gate.image";
    GATE_MAX_AGE = "gate.maxAgeSeconds";
    GATE_METRIC = "gate.metric";
    GATE_METRICS_URL = "gate.metricsUrl";
    GATE_METRIC_UNIT = "gate.metricUnit";
    GATE_NO_SERIES = "gate.noSeries";
    GATE_ON_SCRAPE_FAILURE = "gate.onScrapeFailure";
    GATE_PREFER_TENANT_NODE = "gate.preferTenantNode";
    GATE_PRIORITY_CLASS_NAME = "gate.priorityClassName";
    GATE_SAMPLES = "gate.samples";
    GATE_SERIES = "gate.series";
    GATE_TOTAL_METRIC = "gate.totalMetric";
    GPU_TOTAL = "gpu.total";
    GUARD_SCHEDULE = "offPeak.guard";
    KYVERNO_POLICY = "kyverno.policy";
    LIVENESS_HTTP_GET = "server.livenessProbe.httpGet";
    NAMESPACE_NAME = "namespace.name";
    PRIORITY_CLASS_NAME = "server.priorityClassName";
    PROMETHEUS_QUERY = "gate.prometheus.query";
    READINESS_PROBE = "server.readinessProbe";
    RECLAIM_POLICY = "storage.reclaimPolicy";
    SERVER_IMAGE = "server.image";
    SERVER_RESOURCES = "server.resources";
    SERVICE_ANNOTATIONS = "service.annotations";
    TARGET = "target";
    TERMINATION_GRACE_PERIOD = "server.terminationGracePeriodSeconds";
    UP_SCHEDULE = "offPeak.up";
    WATCH_STALE = "gate.watch.staleSeconds";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Shape;

    #[test]
    fn every_path_is_in_the_schema_of_the_values() {
        for path in ALL {
            assert!(Shape::of_values().at(&Path::from(*path)).is_some(), "{}", path.0);
        }
        for path in
            [SERVER_IMAGE.key("tag"), SERVER_IMAGE.key("digest"), CLIENTS.index(0).key("env")]
        {
            assert!(Shape::of_values().at(&path).is_some(), "{path}");
        }
        assert!(Shape::of_values().at(&GATE_FLOOR.key("typo")).is_none());
        assert!(Shape::of_values().at(&Path::root().key("gate").key("flor")).is_none());
    }
}
