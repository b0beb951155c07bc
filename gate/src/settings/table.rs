//! The one list of settings.

/// A setting's place in [`TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Each is described by its row.
pub enum Key {
    Action,
    Floor,
    GpuTotal,
    MetricsUrl,
    MetricsCa,
    Metric,
    MetricUnit,
    Namespace,
    Deployment,
    Reserve,
    Count,
    OnScrapeFailure,
    NoSeries,
    Samples,
    SampleInterval,
    LookAgain,
    ScrapeTimeout,
    ScaleBudget,
    Deadline,
    LogFormat,
    DryRun,
    TerminationLog,
    ServiceAccountDir,
    KubernetesServiceHost,
    KubernetesServicePort,
}

impl Key {
    /// The setting's row.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Which.
    pub key: Key,
    /// Its name in the environment; the flag is the same in lower case, with
    /// dashes. [`Key::Action`] is an argument instead.
    pub env: &'static str,
    /// The form of its value.
    pub form: &'static str,
    /// What it is when not given.
    pub default: Default,
    /// What it decides.
    pub help: &'static str,
}

impl Row {
    /// The flag, `--floor` for `FLOOR`; the word `ACTION` for the action.
    #[must_use]
    pub fn flag(&self) -> String {
        match self.key {
            Key::Action => self.env.to_owned(),
            _ => format!("--{}", self.env.to_ascii_lowercase().replace('_', "-")),
        }
    }
}

/// What a setting is when it is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// It must be given.
    Required,
    /// It must be given for `up` and `guard`; `down` does not look at it.
    RequiredToLook,
    /// This.
    Value(&'static str),
    /// Something that depends on where it runs, in words.
    Derived(&'static str),
}

const fn row(
    key: Key,
    env: &'static str,
    form: &'static str,
    default: Default,
    help: &'static str,
) -> Row {
    Row { key, env, form, default, help }
}

const AMOUNT: &str = "bytes or quantity";
const TIME: &str = "time";

/// Every setting there is.
pub const TABLE: &[Row] = &[
    row(Key::Action, "ACTION", "up, guard, down", Default::Required, "what to decide"),
    row(
        Key::Floor,
        "FLOOR",
        AMOUNT,
        Default::RequiredToLook,
        "memory that must be free for the tenant to start and to stay",
    ),
    row(Key::GpuTotal, "GPU_TOTAL", AMOUNT, Default::RequiredToLook, "the card's memory"),
    row(
        Key::MetricsUrl,
        "METRICS_URL",
        "http or https URL",
        Default::RequiredToLook,
        "the exporter's page",
    ),
    row(
        Key::MetricsCa,
        "METRICS_CA",
        "file",
        Default::Derived("ca.crt of SERVICE_ACCOUNT_DIR"),
        "certificates an https page is held against",
    ),
    row(
        Key::Metric,
        "METRIC",
        "metric name",
        Default::Value("gpu_pod_memory_used_bytes"),
        "the metric that counts memory in use",
    ),
    row(
        Key::MetricUnit,
        "METRIC_UNIT",
        "bytes, MiB",
        Default::Value("bytes"),
        "what the metric counts in",
    ),
    row(
        Key::Namespace,
        "NAMESPACE",
        "name",
        Default::Derived("namespace of SERVICE_ACCOUNT_DIR"),
        "the tenant's namespace",
    ),
    row(Key::Deployment, "DEPLOYMENT", "name", Default::Required, "the tenant's Deployment"),
    row(
        Key::Reserve,
        "RESERVE",
        AMOUNT,
        Default::Value("512Mi"),
        "guard: memory that must stay free whoever uses the rest",
    ),
    row(
        Key::Count,
        "COUNT",
        "residents, everyone",
        Default::Value("residents"),
        "guard: whose memory counts against the floor",
    ),
    row(
        Key::OnScrapeFailure,
        "ON_SCRAPE_FAILURE",
        "yield, keep",
        Default::Value("yield"),
        "guard: what to do without a reading",
    ),
    row(
        Key::NoSeries,
        "NO_SERIES",
        "unknown, idle",
        Default::Value("unknown"),
        "what a page without a series of the metric means",
    ),
    row(Key::Samples, "SAMPLES", "1 to 10", Default::Value("2"), "up: how many readings must pass"),
    row(
        Key::SampleInterval,
        "SAMPLE_INTERVAL",
        TIME,
        Default::Value("20s"),
        "up: the pause between readings; the exporter renews its page every 15 s",
    ),
    row(
        Key::LookAgain,
        "LOOK_AGAIN",
        TIME,
        Default::Value("75s"),
        "guard: the time until the second look, where bytes labelled unknown alone break the floor; 0: none",
    ),
    row(
        Key::ScrapeTimeout,
        "SCRAPE_TIMEOUT",
        TIME,
        Default::Value("10s"),
        "one try for the page, from the name's resolution to the last byte; there are 3",
    ),
    row(
        Key::ScaleBudget,
        "SCALE_BUDGET",
        TIME,
        Default::Value("60s"),
        "scaling, all tries and pauses together",
    ),
    row(
        Key::Deadline,
        "DEADLINE",
        TIME,
        Default::Value("110s"),
        "the whole run; keep it 10 s below the Job's activeDeadlineSeconds",
    ),
    row(
        Key::LogFormat,
        "LOG_FORMAT",
        "text, json",
        Default::Value("text"),
        "the form of the report line",
    ),
    row(
        Key::DryRun,
        "DRY_RUN",
        "true, false",
        Default::Value("false"),
        "say what would be done, and do not scale",
    ),
    row(
        Key::TerminationLog,
        "TERMINATION_LOG",
        "file",
        Default::Value("/dev/termination-log"),
        "where the line goes too, if the file is there",
    ),
    row(
        Key::ServiceAccountDir,
        "SERVICE_ACCOUNT_DIR",
        "folder",
        Default::Value("/var/run/secrets/kubernetes.io/serviceaccount"),
        "where token, ca.crt and namespace are mounted",
    ),
    row(
        Key::KubernetesServiceHost,
        "KUBERNETES_SERVICE_HOST",
        "IP address or name",
        Default::Derived("set by the cluster"),
        "the API server",
    ),
    row(
        Key::KubernetesServicePort,
        "KUBERNETES_SERVICE_PORT",
        "port",
        Default::Value("443"),
        "the API server's port",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_finds_its_own_row() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.key as usize, index, "{}", row.env);
        }
    }

    #[test]
    fn flags_are_the_variables_names() {
        assert_eq!(Key::GpuTotal.row().flag(), "--gpu-total");
        assert_eq!(Key::Action.row().flag(), "ACTION");
    }
}
