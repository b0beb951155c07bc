//! The table of settings: the one list behind flags, variables, help, the documentation and the
//! renderer's values.

use std::borrow::Cow;
use std::cmp::Ordering;

use kube_formats::quantity::parse_bytes;

use crate::duration;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The setting's key.
    pub key: Key,
    /// The name in the environment; the flag is the same in lower case, with dashes.
    /// [`Key::Action`] is an argument instead.
    pub env: &'static str,
    /// The name in a sentence: `sample interval`.
    pub label: &'static str,
    /// The form of the value.
    pub kind: Kind,
    /// The value when none is given.
    pub default: DefaultValue,
    /// The part of a run that the setting belongs to.
    pub role: Role,
    /// The effect of a larger value; of a choice, each word has its own.
    pub effect: Effect,
    /// The path in the renderer's values file that is rendered into this setting.
    pub value_path: Option<&'static str>,
    /// One line on what the setting decides.
    pub summary: &'static str,
}

/// The form of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An amount of memory: bytes or a Kubernetes quantity.
    Memory,
    /// A duration: `500ms`, `10s`, `2m` or plain seconds.
    Duration,
    /// A whole number in an inclusive range.
    Number(u64, u64),
    /// One of a few words.
    Choice(&'static [Choice]),
    /// Any other text, with the words that `--help` prints for its form.
    Text(&'static str),
}

/// A word that a setting of [`Kind::Choice`] accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The word.
    pub word: &'static str,
    /// The effect of choosing it over the other words.
    pub effect: Effect,
    /// The behaviour that it selects, as a clause.
    pub meaning: &'static str,
}

/// The effect of a setting on the residents, the other users of the GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// More of it leaves the residents more memory, or the tenant running less.
    Protects,
    /// More of it leaves the residents less memory, or the tenant running longer.
    Exposes,
    /// No direction: it selects what is read, or how the gate works.
    Neutral,
}

/// The part of a run that a setting belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Selects the action and the Deployment.
    Target,
    /// Selects the metric that is read.
    Reading,
    /// Turns readings into a decision; a replay of recorded memory follows it.
    Decision,
    /// Times, files and reports.
    Operation,
}

/// The value of a setting that is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// None: the setting is required.
    Required,
    /// None: the setting is required for `up` and `guard`; `down` ignores it.
    RequiredToSample,
    /// This value.
    Value(&'static str),
    /// A value that depends on where the gate runs, in words.
    Derived(&'static str),
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

    /// The effect of a change from one value to another; `None` if the two mean the same, or if one of
    /// them is not a value of this kind.
    #[must_use]
    pub fn effect_of_change(&self, before: &str, after: &str) -> Option<Effect> {
        let order = match self.kind {
            Kind::Memory => parse_bytes(after).ok()?.cmp(&parse_bytes(before).ok()?),
            Kind::Duration => duration::parse(after).ok()?.cmp(&duration::parse(before).ok()?),
            Kind::Number(..) => after.parse::<u64>().ok()?.cmp(&before.parse().ok()?),
            Kind::Choice(words) => {
                let chosen = words.iter().find(|choice| choice.word == after)?;
                return (before != after).then_some(chosen.effect);
            }
            Kind::Text(_) => return (before != after).then_some(self.effect),
        };
        match (order, self.effect) {
            (Ordering::Equal, _) => None,
            (Ordering::Less, Effect::Protects) => Some(Effect::Exposes),
            (Ordering::Less, Effect::Exposes) => Some(Effect::Protects),
            (_, effect) => Some(effect),
        }
    }
}

impl Kind {
    /// The form in words: `bytes or quantity`, `1 to 10`, `yield, keep`.
    #[must_use]
    pub fn form(&self) -> Cow<'static, str> {
        match self {
            Self::Memory => "bytes or quantity".into(),
            Self::Duration => "duration".into(),
            Self::Number(min, max) => format!("{min} to {max}").into(),
            Self::Choice(words) => {
                words.iter().map(|choice| choice.word).collect::<Vec<_>>().join(", ").into()
            }
            Self::Text(form) => (*form).into(),
        }
    }
}

const fn choice(word: &'static str, effect: Effect, meaning: &'static str) -> Choice {
    Choice { word, effect, meaning }
}

/// Declares [`Key`] and [`TABLE`] from one list, so that a key always finds its own row.
macro_rules! settings {
    ($($key:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        /// A setting's place in [`TABLE`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is described by its row")]
        pub enum Key { $($key),* }

        /// Every setting.
        pub const TABLE: &[Row] = &[$(Row { key: Key::$key, $($field: $value),* }),*];

        impl Key {
            /// The setting's row.
            #[must_use]
            pub fn row(self) -> &'static Row {
                &TABLE[self as usize]
            }
        }
    };
}

settings! {
    Action {
        env: "ACTION",
        label: "action",
        kind: Kind::Choice(&[
            choice("up", Effect::Neutral, "starts the tenant if the floor is free"),
            choice("guard", Effect::Neutral, "stops the tenant if others need the GPU"),
            choice("down", Effect::Neutral, "stops the tenant"),
        ]),
        default: DefaultValue::Required,
        role: Role::Target,
        effect: Effect::Neutral,
        value_path: None,
        summary: "the decision to make",
    }
    Floor {
        env: "FLOOR",
        label: "floor",
        kind: Kind::Memory,
        default: DefaultValue::RequiredToSample,
        role: Role::Decision,
        effect: Effect::Protects,
        value_path: Some("gate.floor"),
        summary: "memory that must be free for the tenant to start and to keep running",
    }
    GpuTotal {
        env: "GPU_TOTAL",
        label: "total",
        kind: Kind::Memory,
        default: DefaultValue::RequiredToSample,
        role: Role::Decision,
        effect: Effect::Exposes,
        value_path: Some("gpu.total"),
        summary: "the GPU's memory",
    }
    MetricsUrl {
        env: "METRICS_URL",
        label: "metrics URL",
        kind: Kind::Text("http or https URL"),
        default: DefaultValue::RequiredToSample,
        role: Role::Reading,
        effect: Effect::Neutral,
        value_path: Some("gate.metricsUrl"),
        summary: "the URL that the exporter serves its metrics at",
    }
    MetricsCa {
        env: "METRICS_CA",
        label: "metrics CA",
        kind: Kind::Text("file"),
        default: DefaultValue::Derived("ca.crt of SERVICE_ACCOUNT_DIR"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: None,
        summary: "PEM file of the CA certificates to trust for an https METRICS_URL",
    }
    Metric {
        env: "METRIC",
        label: "metric",
        kind: Kind::Text("metric name"),
        default: DefaultValue::Value("gpu_pod_memory_used_bytes"),
        role: Role::Reading,
        effect: Effect::Neutral,
        value_path: Some("gate.metric"),
        summary: "the metric of memory in use; its series are added up",
    }
    MetricUnit {
        env: "METRIC_UNIT",
        label: "metric unit",
        kind: Kind::Choice(&[
            choice("bytes", Effect::Neutral, "the metric counts bytes"),
            choice("MiB", Effect::Neutral, "the metric counts mebibytes"),
        ]),
        default: DefaultValue::Value("bytes"),
        role: Role::Reading,
        effect: Effect::Neutral,
        value_path: Some("gate.metricUnit"),
        summary: "the unit of the metric",
    }
    Namespace {
        env: "NAMESPACE",
        label: "namespace",
        kind: Kind::Text("name"),
        default: DefaultValue::Derived("namespace of SERVICE_ACCOUNT_DIR"),
        role: Role::Target,
        effect: Effect::Neutral,
        value_path: Some("namespace.name"),
        summary: "the tenant's namespace",
    }
    Deployment {
        env: "DEPLOYMENT",
        label: "deployment",
        kind: Kind::Text("name"),
        default: DefaultValue::Required,
        role: Role::Target,
        effect: Effect::Neutral,
        value_path: Some("server.name"),
        summary: "the tenant's Deployment",
    }
    Reserve {
        env: "RESERVE",
        label: "reserve",
        kind: Kind::Memory,
        default: DefaultValue::Value("512Mi"),
        role: Role::Decision,
        effect: Effect::Protects,
        value_path: Some("gate.reserve"),
        summary: "guard: memory that must stay free whoever uses the rest",
    }
    Count {
        env: "COUNT",
        label: "count",
        kind: Kind::Choice(&[
            choice("residents", Effect::Exposes, "the tenant's own memory does not count against the floor"),
            choice("everyone", Effect::Protects, "the tenant's own memory counts against the floor"),
        ]),
        default: DefaultValue::Value("residents"),
        role: Role::Decision,
        effect: Effect::Neutral,
        value_path: Some("gate.count"),
        summary: "guard: whose memory counts against the floor",
    }
    OnScrapeFailure {
        env: "ON_SCRAPE_FAILURE",
        label: "on scrape failure",
        kind: Kind::Choice(&[
            choice("yield", Effect::Protects, "the guard stops the tenant when there is no reading"),
            choice("keep", Effect::Exposes, "the guard leaves the tenant running when there is no reading"),
        ]),
        default: DefaultValue::Value("yield"),
        role: Role::Decision,
        effect: Effect::Neutral,
        value_path: Some("gate.onScrapeFailure"),
        summary: "guard: the behaviour without a reading",
    }
    NoSeries {
        env: "NO_SERIES",
        label: "no series",
        kind: Kind::Choice(&[
            choice("unknown", Effect::Protects, "a scrape without a series of the metric counts as a failed one"),
            choice(
                "idle",
                Effect::Exposes,
                "a scrape without a series of the metric means an idle GPU, though an exporter whose nvidia-smi failed serves the same",
            ),
        ]),
        default: DefaultValue::Value("unknown"),
        role: Role::Decision,
        effect: Effect::Neutral,
        value_path: Some("gate.noSeries"),
        summary: "the meaning of a scrape without a series of the metric",
    }
    Samples {
        env: "SAMPLES",
        label: "samples",
        kind: Kind::Number(1, 10),
        default: DefaultValue::Value("2"),
        role: Role::Decision,
        effect: Effect::Protects,
        value_path: Some("gate.samples"),
        summary: "up: the number of readings that must all leave the floor free",
    }
    SampleInterval {
        env: "SAMPLE_INTERVAL",
        label: "sample interval",
        kind: Kind::Duration,
        default: DefaultValue::Value("20s"),
        role: Role::Decision,
        effect: Effect::Protects,
        value_path: Some("gate.sampleIntervalSeconds"),
        summary: "up: the pause between readings; the exporter updates its metrics every 15 s",
    }
    RecheckDelay {
        env: "RECHECK_DELAY",
        label: "recheck delay",
        kind: Kind::Duration,
        default: DefaultValue::Value("75s"),
        role: Role::Decision,
        effect: Effect::Exposes,
        value_path: Some("gate.recheckDelaySeconds"),
        summary: "guard: the pause before a second reading where bytes labelled unknown alone break the floor; 0: no second reading",
    }
    ScrapeTimeout {
        env: "SCRAPE_TIMEOUT",
        label: "scrape timeout",
        kind: Kind::Duration,
        default: DefaultValue::Value("10s"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: None,
        summary: "the limit of one attempt to scrape, from name resolution to the last byte; there are 3 attempts",
    }
    ScaleBudget {
        env: "SCALE_BUDGET",
        label: "scale budget",
        kind: Kind::Duration,
        default: DefaultValue::Value("60s"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: None,
        summary: "the limit for scaling, with all attempts and pauses",
    }
    Deadline {
        env: "DEADLINE",
        label: "deadline",
        kind: Kind::Duration,
        default: DefaultValue::Value("110s"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: Some("offPeak.activeDeadlineSeconds"),
        summary: "the limit of the whole run; keep it 10 s below the Job's activeDeadlineSeconds",
    }
    LogFormat {
        env: "LOG_FORMAT",
        label: "log format",
        kind: Kind::Choice(&[
            choice("text", Effect::Neutral, "the report is a sentence with its numbers"),
            choice("json", Effect::Neutral, "the report is one JSON object"),
        ]),
        default: DefaultValue::Value("text"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: Some("gate.logFormat"),
        summary: "the format of the report line",
    }
    DryRun {
        env: "DRY_RUN",
        label: "dry run",
        kind: Kind::Choice(&[
            choice("true", Effect::Exposes, "the gate reports what it would do and scales nothing"),
            choice("false", Effect::Protects, "the gate scales the Deployment"),
        ]),
        default: DefaultValue::Value("false"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: Some("gate.dryRun"),
        summary: "report what would be done, without scaling",
    }
    TerminationLog {
        env: "TERMINATION_LOG",
        label: "termination log",
        kind: Kind::Text("file"),
        default: DefaultValue::Value("/dev/termination-log"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: None,
        summary: "a second place for the report line, written only if the file exists",
    }
    ServiceAccountDir {
        env: "SERVICE_ACCOUNT_DIR",
        label: "service account directory",
        kind: Kind::Text("folder"),
        default: DefaultValue::Value("/var/run/secrets/kubernetes.io/serviceaccount"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: None,
        summary: "the mount of token, ca.crt and namespace",
    }
    KubernetesServiceHost {
        env: "KUBERNETES_SERVICE_HOST",
        label: "API server host",
        kind: Kind::Text("IP address or name"),
        default: DefaultValue::Derived("set by the cluster"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: None,
        summary: "the API server's host",
    }
    KubernetesServicePort {
        env: "KUBERNETES_SERVICE_PORT",
        label: "API server port",
        kind: Kind::Number(1, 65535),
        default: DefaultValue::Value("443"),
        role: Role::Operation,
        effect: Effect::Neutral,
        value_path: None,
        summary: "the API server's port",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Action, Count, NoSeries, OnScrapeFailure};
    use crate::exposition::MetricUnit;
    use crate::settings::LogFormat;

    #[test]
    fn flags_are_the_variables_names() {
        assert_eq!(Key::GpuTotal.row().flag(), "--gpu-total");
        assert_eq!(Key::Action.row().flag(), "ACTION");
    }

    #[test]
    fn choices_are_the_words_of_their_types() {
        fn words<T>(names: &[(&'static str, T)]) -> String {
            names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        }
        for (key, words) in [
            (Key::Action, words(Action::NAMES)),
            (Key::MetricUnit, words(MetricUnit::NAMES)),
            (Key::Count, words(Count::NAMES)),
            (Key::OnScrapeFailure, words(OnScrapeFailure::NAMES)),
            (Key::NoSeries, words(NoSeries::NAMES)),
            (Key::LogFormat, words(LogFormat::NAMES)),
        ] {
            assert_eq!(key.row().kind.form(), words);
        }
    }

    #[test]
    fn names_and_value_paths_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            for other in &TABLE[index + 1..] {
                assert_ne!(row.env, other.env);
                assert_ne!(row.label, other.label);
                assert!(row.value_path.is_none() || row.value_path != other.value_path);
            }
        }
    }

    #[test]
    fn a_change_protects_or_exposes_the_residents() {
        for (key, before, after, effect) in [
            (Key::Floor, "6Gi", "7Gi", Some(Effect::Protects)),
            (Key::Floor, "6Gi", "5Gi", Some(Effect::Exposes)),
            (Key::Floor, "6Gi", "6144Mi", None),
            (Key::Floor, "6Gi", "6GB", None),
            (Key::GpuTotal, "16Gi", "24Gi", Some(Effect::Exposes)),
            (Key::Samples, "2", "1", Some(Effect::Exposes)),
            (Key::RecheckDelay, "75s", "0", Some(Effect::Protects)),
            (Key::RecheckDelay, "60s", "1m", None),
            (Key::OnScrapeFailure, "yield", "keep", Some(Effect::Exposes)),
            (Key::NoSeries, "idle", "unknown", Some(Effect::Protects)),
            (Key::MetricUnit, "bytes", "MiB", Some(Effect::Neutral)),
            (Key::MetricsUrl, "http://a/", "http://b/", Some(Effect::Neutral)),
            (Key::MetricsUrl, "http://a/", "http://a/", None),
        ] {
            assert_eq!(
                key.row().effect_of_change(before, after),
                effect,
                "{key:?} {before} {after}"
            );
        }
    }
}
