//! The table of settings: the one list behind flags, variables, help, the documentation and the
//! renderer's values.

use std::borrow::Cow;
use std::cmp::Ordering;

use kube_formats::quantity::parse_bytes;

use crate::duration::{self, MaxDuration};

/// One setting.
///
/// The fields are what the gate itself uses. The methods return the facts that the renderer's values, diff
/// and lint use; they are in a table of their own, so that they are not in the gate's binary.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The setting's key.
    pub key: Key,
    /// The name in the environment; the flag is the same in lower case, with dashes.
    /// [`Key::Action`] is an argument instead.
    pub env: &'static str,
    /// The form of the value.
    pub kind: Kind,
    /// The value when none is given.
    pub default: DefaultValue,
    /// One line on what the setting decides.
    pub summary: &'static str,
}

/// The facts behind [`Row`]'s methods.
struct Facts {
    label: &'static str,
    role: Role,
    effect: Effect,
    choices: &'static [Choice],
    value_path: Option<&'static str>,
}

/// The form of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An amount of memory: bytes or a Kubernetes quantity.
    Memory,
    /// A duration of at most an hour: `500ms`, `10s`, `2m` or plain seconds.
    Duration,
    /// A duration of at most a month, in the same form.
    LongDuration,
    /// A whole number in an inclusive range.
    Number(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
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
    /// Selects the action and the object to scale.
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
    /// None: the setting is required, except for `down`, which ignores it.
    RequiredToSample,
    /// None: the setting is required for `watch`; the other actions ignore it.
    RequiredToWatch,
    /// This value.
    Value(&'static str),
    /// None, or a value that depends on where the gate runs; in words.
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

    /// The name in a sentence: `sample interval`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.facts().label
    }

    /// The part of a run that the setting belongs to.
    #[must_use]
    pub fn role(&self) -> Role {
        self.facts().role
    }

    /// The effect of a larger value. Of a [`Kind::Choice`] it is neutral; see [`Row::choices`].
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.facts().effect
    }

    /// The words of a [`Kind::Choice`] with their effects; empty for the other kinds.
    #[must_use]
    pub fn choices(&self) -> &'static [Choice] {
        self.facts().choices
    }

    /// The path in the renderer's values file that is rendered into this setting.
    #[must_use]
    pub fn value_path(&self) -> Option<&'static str> {
        self.facts().value_path
    }

    /// The effect of a change from one value to another, where `None` is a setting that is not set and
    /// has no default; `None` if the two mean the same, or if one of them is not a value of this kind.
    #[must_use]
    pub fn effect_of_change(&self, before: Option<&str>, after: Option<&str>) -> Option<Effect> {
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (before, after),
            // Such an amount is an upper bound, so without it there is none.
            (Some(_), None) if self.is_upper_bound() => return Some(Effect::Exposes),
            (None, Some(_)) if self.is_upper_bound() => return Some(Effect::Protects),
            _ => return None,
        };
        let order = match self.kind {
            Kind::Memory => parse_bytes(after).ok()?.cmp(&parse_bytes(before).ok()?),
            Kind::Duration | Kind::LongDuration => {
                let parse = |text| duration::parse_up_to(text, MaxDuration::Month);
                parse(after).ok()?.cmp(&parse(before).ok()?)
            }
            Kind::Number(..) => after.parse::<u64>().ok()?.cmp(&before.parse().ok()?),
            Kind::Choice(_) => {
                let chosen = self.choices().iter().find(|choice| choice.word == after)?;
                return (before != after).then_some(chosen.effect);
            }
            Kind::Text(_) => return (before != after).then_some(self.effect()),
        };
        match (order, self.effect()) {
            (Ordering::Equal, _) => None,
            (Ordering::Less, Effect::Protects) => Some(Effect::Exposes),
            (Ordering::Less, Effect::Exposes) => Some(Effect::Protects),
            (_, effect) => Some(effect),
        }
    }
}

impl Row {
    fn is_upper_bound(&self) -> bool {
        self.kind == Kind::Memory && self.effect() == Effect::Exposes
    }
}

impl Key {
    /// The other settings that a check compares this one with.
    #[must_use]
    pub fn compared_with(self) -> &'static [Key] {
        match self {
            Self::Floor | Self::Reserve => &[Self::GpuTotal],
            Self::GpuTotal => &[Self::FreeMetric, Self::TotalMetric],
            Self::Budget => &[Self::Series, Self::Count],
            Self::NoSeries => &[Self::Series],
            Self::FreeMetric | Self::TotalMetric => &[Self::Metric],
            Self::SampleInterval => &[Self::Samples, Self::Deadline],
            Self::Sentinel => &[Self::Metric],
            Self::PrometheusQuery => &[Self::PrometheusAgeQuery, Self::PrometheusUrl],
            Self::PrometheusAgeQuery => &[Self::PrometheusUrl],
            Self::Freshness => &[Self::Metric, Self::PrometheusUrl],
            Self::Hysteresis => &[Self::Floor, Self::GpuTotal],
            Self::Calm => &[Self::Window],
            Self::Stale => &[Self::Interval],
            Self::DemandNumber => &[Self::DemandUrl],
            Self::IdleFor => &[Self::DemandInterval],
            _ => &[],
        }
    }
}

impl Kind {
    /// The form in words: `bytes or quantity`, `1 to 10`, `yield, keep`.
    #[must_use]
    pub fn form(&self) -> Cow<'static, str> {
        match self {
            Self::Memory => "bytes or quantity".into(),
            Self::Duration | Self::LongDuration => "duration".into(),
            Self::Number(min, max) => format!("{min} to {max}").into(),
            Self::Choice(words) => words.join(", ").into(),
            Self::Text(form) => (*form).into(),
        }
    }
}

const fn choice(word: &'static str, effect: Effect, meaning: &'static str) -> Choice {
    Choice { word, effect, meaning }
}

/// Declares [`Key`], [`TABLE`] and [`FACTS`] from one list, so that a key always finds its own row.
macro_rules! settings {
    ($($key:ident {
        env: $env:expr,
        kind: $kind:expr,
        default: $default:expr,
        summary: $summary:expr,
        $($fact:ident: $value:expr),* $(,)?
    })*) => {
        /// A setting's place in [`TABLE`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is described by its row")]
        pub enum Key { $($key),* }

        /// Every setting.
        pub const TABLE: &[Row] = &[$(Row {
            key: Key::$key,
            env: $env,
            kind: $kind,
            default: $default,
            summary: $summary,
        }),*];

        const FACTS: &[Facts] = &[$(Facts { $($fact: $value),* }),*];

        impl Key {
            /// The setting's row.
            #[must_use]
            pub fn row(self) -> &'static Row {
                &TABLE[self as usize]
            }
        }

        impl Row {
            fn facts(&self) -> &'static Facts {
                &FACTS[self.key as usize]
            }
        }
    };
}

settings! {
    Action {
        env: "ACTION",
        kind: Kind::Choice(&["up", "guard", "down", "admit", "watch"]),
        default: DefaultValue::Required,
        summary: "the decision to make",
        label: "action",
        role: Role::Target,
        effect: Effect::Neutral,
        choices: &[
            choice("up", Effect::Neutral, "starts the tenant if the floor is free"),
            choice("guard", Effect::Neutral, "stops the tenant if others need the GPU"),
            choice("down", Effect::Neutral, "stops the tenant"),
            choice("admit", Effect::Neutral, "lets a Pod of the tenant start once the floor is free"),
            choice("watch", Effect::Neutral, "starts and stops the tenant, as the floor allows, until the window ends"),
        ],
        value_path: None,
    }
    Floor {
        env: "FLOOR",
        kind: Kind::Memory,
        default: DefaultValue::RequiredToSample,
        summary: "memory that must be free for the tenant to start and to keep running",
        label: "floor",
        role: Role::Decision,
        effect: Effect::Protects,
        choices: &[],
        value_path: Some("gate.floor"),
    }
    GpuTotal {
        env: "GPU_TOTAL",
        kind: Kind::Memory,
        default: DefaultValue::Derived("measured by FREE_METRIC or TOTAL_METRIC; required without them, except for `down`"),
        summary: "the GPU's memory; if it is measured too, the smaller amount counts",
        label: "total",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("gpu.total"),
    }
    MetricsUrl {
        env: "METRICS_URL",
        kind: Kind::Text("http or https URL"),
        default: DefaultValue::RequiredToSample,
        summary: "the URL that the exporter serves its metrics at; not needed with PROMETHEUS_URL",
        label: "metrics URL",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.metricsUrl"),
    }
    MetricsCa {
        env: "METRICS_CA",
        kind: Kind::Text("file"),
        default: DefaultValue::Derived("ca.crt of SERVICE_ACCOUNT_DIR"),
        summary: "PEM file of the CA certificates to trust for an https METRICS_URL or PROMETHEUS_URL",
        label: "metrics CA",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    Metric {
        env: "METRIC",
        kind: Kind::Text("metric name"),
        default: DefaultValue::Value("gpu_pod_memory_used_bytes"),
        summary: "the metric of memory in use; SERIES says what each of its series counts",
        label: "metric",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.metric"),
    }
    MetricUnit {
        env: "METRIC_UNIT",
        kind: Kind::Choice(&["bytes", "MiB"]),
        default: DefaultValue::Value("bytes"),
        summary: "the unit of the metrics",
        label: "metric unit",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[
            choice("bytes", Effect::Neutral, "the metric counts bytes"),
            choice("MiB", Effect::Neutral, "the metric counts mebibytes"),
        ],
        value_path: Some("gate.metricUnit"),
    }
    FreeMetric {
        env: "FREE_METRIC",
        kind: Kind::Text("metric name"),
        default: DefaultValue::Derived("none"),
        summary: "the metric of the device's free memory, from which its total is measured",
        label: "free metric",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.freeMetric"),
    }
    TotalMetric {
        env: "TOTAL_METRIC",
        kind: Kind::Text("metric name"),
        default: DefaultValue::Derived("none"),
        summary: "the metric of the device's total memory",
        label: "total metric",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.totalMetric"),
    }
    Select {
        env: "SELECT",
        kind: Kind::Text("label=\"value\",..."),
        default: DefaultValue::Derived("every series"),
        summary: "the labels that a series must have to be read; an empty value matches a missing label too",
        label: "selection",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.select"),
    }
    Series {
        env: "SERIES",
        kind: Kind::Choice(&["pods", "devices", "devices-and-pods"]),
        default: DefaultValue::Value("pods"),
        summary: "the amount that each series of the metric counts: a Pod's part, a device's whole, or by its namespace one of both",
        label: "series",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[
            choice("pods", Effect::Neutral, "each series counts a part of the memory in use, and all are added up"),
            choice(
                "devices",
                Effect::Neutral,
                "each series counts all memory in use on a device, so the tenant's can't be distinguished from the residents'",
            ),
            choice(
                "devices-and-pods",
                Effect::Neutral,
                "a series with a namespace counts a Pod's part, and one without all memory in use on the device",
            ),
        ],
        value_path: Some("gate.series"),
    }
    DeviceLabel {
        env: "DEVICE_LABEL",
        kind: Kind::Text("label name"),
        default: DefaultValue::Derived("none: devices are not distinguished"),
        summary: "the label that names a series' device, together with GPU_I_ID; series of two devices count as no reading",
        label: "device label",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.deviceLabel"),
    }
    NamespaceLabel {
        env: "NAMESPACE_LABEL",
        kind: Kind::Text("label name"),
        default: DefaultValue::Value("namespace"),
        summary: "the label of the namespace that uses a series' memory",
        label: "namespace label",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.namespaceLabel"),
    }
    Namespace {
        env: "NAMESPACE",
        kind: Kind::Text("name"),
        default: DefaultValue::Derived("namespace of SERVICE_ACCOUNT_DIR"),
        summary: "the tenant's namespace",
        label: "namespace",
        role: Role::Target,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("namespace.name"),
    }
    Deployment {
        env: "DEPLOYMENT",
        kind: Kind::Text("name"),
        default: DefaultValue::Required,
        summary: "the name of the tenant's Deployment, or of its object of TARGET_KIND",
        label: "deployment",
        role: Role::Target,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("target.name"),
    }
    TargetApiVersion {
        env: "TARGET_API_VERSION",
        kind: Kind::Text("group/version"),
        default: DefaultValue::Value("apps/v1"),
        summary: "the API group and version of the tenant's object",
        label: "target API version",
        role: Role::Target,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("target.apiVersion"),
    }
    TargetKind {
        env: "TARGET_KIND",
        kind: Kind::Text("kind"),
        default: DefaultValue::Value("Deployment"),
        summary: "the kind of the tenant's object, which must have a scale subresource",
        label: "target kind",
        role: Role::Target,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("target.kind"),
    }
    TargetResource {
        env: "TARGET_RESOURCE",
        kind: Kind::Text("plural name"),
        default: DefaultValue::Derived("the plural of TARGET_KIND"),
        summary: "the resource of that kind in the API's paths and in Roles",
        label: "target resource",
        role: Role::Target,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("target.resource"),
    }
    Reserve {
        env: "RESERVE",
        kind: Kind::Memory,
        default: DefaultValue::Value("512Mi"),
        summary: "guard: memory that must stay free whoever uses the rest",
        label: "reserve",
        role: Role::Decision,
        effect: Effect::Protects,
        choices: &[],
        value_path: Some("gate.reserve"),
    }
    Budget {
        env: "BUDGET",
        kind: Kind::Memory,
        default: DefaultValue::Derived("none: the tenant may use any amount"),
        summary: "guard: the most memory that the tenant may use; with SERIES=devices, FLOOR - BUDGET must stay free instead",
        label: "budget",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("gate.budget"),
    }
    Count {
        env: "COUNT",
        kind: Kind::Choice(&["residents", "everyone"]),
        default: DefaultValue::Value("residents"),
        summary: "guard: the users whose memory counts against the floor",
        label: "count",
        role: Role::Decision,
        effect: Effect::Neutral,
        choices: &[
            choice("residents", Effect::Exposes, "the tenant's own memory does not count against the floor"),
            choice("everyone", Effect::Protects, "the tenant's own memory counts against the floor"),
        ],
        value_path: Some("gate.count"),
    }
    OnScrapeFailure {
        env: "ON_SCRAPE_FAILURE",
        kind: Kind::Choice(&["yield", "keep"]),
        default: DefaultValue::Value("yield"),
        summary: "guard: the behaviour without a reading",
        label: "on scrape failure",
        role: Role::Decision,
        effect: Effect::Neutral,
        choices: &[
            choice("yield", Effect::Protects, "the guard stops the tenant when there is no reading"),
            choice("keep", Effect::Exposes, "the guard leaves the tenant running when there is no reading"),
        ],
        value_path: Some("gate.onScrapeFailure"),
    }
    NoSeries {
        env: "NO_SERIES",
        kind: Kind::Choice(&["unknown", "idle"]),
        default: DefaultValue::Value("unknown"),
        summary: "the meaning of a scrape without a series of the metric",
        label: "no series",
        role: Role::Decision,
        effect: Effect::Neutral,
        choices: &[
            choice("unknown", Effect::Protects, "a scrape without a series of the metric counts as a failed one"),
            choice(
                "idle",
                Effect::Exposes,
                "a scrape without a series of the metric means an idle GPU, and a broken exporter looks the same",
            ),
        ],
        value_path: Some("gate.noSeries"),
    }
    Sentinel {
        env: "SENTINEL",
        kind: Kind::Text("metric name"),
        default: DefaultValue::Derived("none: each answer is read twice"),
        summary: "a metric that the exporter writes after every series that is read: proof that a scrape is whole",
        label: "sentinel",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.sentinel"),
    }
    MaxAge {
        env: "MAX_AGE",
        kind: Kind::Duration,
        default: DefaultValue::Value("60s"),
        summary: "the most that a series' timestamp may differ from the time of the reading; beyond it there is no reading",
        label: "max age",
        role: Role::Reading,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("gate.maxAgeSeconds"),
    }
    PrometheusUrl {
        env: "PROMETHEUS_URL",
        kind: Kind::Text("http or https URL"),
        default: DefaultValue::Derived("none: METRICS_URL is scraped"),
        summary: "the URL of a Prometheus server to query; it takes the place of METRICS_URL",
        label: "Prometheus URL",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.prometheus.url"),
    }
    PrometheusQuery {
        env: "PROMETHEUS_QUERY",
        kind: Kind::Text("PromQL"),
        default: DefaultValue::Derived("METRIC with the labels of SELECT"),
        summary: "the query of the memory in use: a selector, or any vector with PROMETHEUS_AGE_QUERY",
        label: "Prometheus query",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.prometheus.query"),
    }
    PrometheusAgeQuery {
        env: "PROMETHEUS_AGE_QUERY",
        kind: Kind::Text("PromQL"),
        default: DefaultValue::Derived("none: the samples' own times"),
        summary: "a query of the times of the samples behind the query, in seconds since 1970: a scalar, or a vector whose oldest time counts",
        label: "Prometheus age query",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.prometheus.ageQuery"),
    }
    Samples {
        env: "SAMPLES",
        kind: Kind::Number(1, 10),
        default: DefaultValue::Value("2"),
        summary: "up, admit: the number of readings in a row that must all leave the floor free",
        label: "samples",
        role: Role::Decision,
        effect: Effect::Protects,
        choices: &[],
        value_path: Some("gate.samples"),
    }
    SampleInterval {
        env: "SAMPLE_INTERVAL",
        kind: Kind::Duration,
        default: DefaultValue::Value("20s"),
        summary: "up, admit: the pause between readings; the exporter updates its metrics every 15 s",
        label: "sample interval",
        role: Role::Decision,
        effect: Effect::Protects,
        choices: &[],
        value_path: Some("gate.sampleIntervalSeconds"),
    }
    RecheckDelay {
        env: "RECHECK_DELAY",
        kind: Kind::Duration,
        default: DefaultValue::Value("75s"),
        summary: "guard: the pause before a second reading where bytes labelled unknown alone break the floor; 0: no second reading",
        label: "recheck delay",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("gate.recheckDelaySeconds"),
    }
    Interval {
        env: "INTERVAL",
        kind: Kind::Duration,
        default: DefaultValue::Value("5s"),
        summary: "watch: the time from one look to the next",
        label: "interval",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("gate.watch.intervalSeconds"),
    }
    Calm {
        env: "CALM",
        kind: Kind::Duration,
        default: DefaultValue::Value("10m"),
        summary: "watch: the time for which FLOOR and HYSTERESIS together must have been free before the tenant starts again",
        label: "calm",
        role: Role::Decision,
        effect: Effect::Protects,
        choices: &[],
        value_path: Some("gate.watch.calmSeconds"),
    }
    Hysteresis {
        env: "HYSTERESIS",
        kind: Kind::Memory,
        default: DefaultValue::Value("512Mi"),
        summary: "watch: memory that must be free besides FLOOR before the tenant starts again",
        label: "hysteresis",
        role: Role::Decision,
        effect: Effect::Protects,
        choices: &[],
        value_path: Some("gate.watch.hysteresis"),
    }
    Starts {
        env: "STARTS",
        kind: Kind::Number(1, 20),
        default: DefaultValue::Value("3"),
        summary: "watch: the most starts of the tenant in one window",
        label: "starts",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("gate.watch.starts"),
    }
    Stale {
        env: "STALE",
        kind: Kind::Duration,
        default: DefaultValue::Value("30s"),
        summary: "watch: the time without a reading after which ON_SCRAPE_FAILURE decides; longer than INTERVAL",
        label: "stale",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("gate.watch.staleSeconds"),
    }
    Freshness {
        env: "FRESHNESS",
        kind: Kind::Text("metric name"),
        default: DefaultValue::Derived("none: an unchanged scrape counts as current"),
        summary: "watch: a metric of the exporter that grows with each of its updates; if it has not grown for STALE, there is no reading",
        label: "freshness",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("gate.freshness"),
    }
    Window {
        env: "WINDOW",
        kind: Kind::LongDuration,
        default: DefaultValue::RequiredToWatch,
        summary: "watch: the length of the window, from the scheduled minute in JOB_NAME; at its end the tenant is stopped",
        label: "window",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: None,
    }
    DemandUrl {
        env: "DEMAND_URL",
        kind: Kind::Text("http or https URL"),
        default: DefaultValue::Derived("none: the tenant starts whenever there is room"),
        summary: "watch: the URL of a number that says whether there is work; the tenant then runs by demand alone",
        label: "demand URL",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("offPeak.demand.url"),
    }
    DemandNumber {
        env: "DEMAND_NUMBER",
        kind: Kind::Text("JSON pointer, or metric"),
        default: DefaultValue::Derived("none: required with DEMAND_URL"),
        summary: "watch: the number in the answer of DEMAND_URL: `/queued` in JSON, or `metric{label=\"value\"}`; anything but a count of 0 or more changes nothing",
        label: "demand number",
        role: Role::Reading,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("offPeak.demand.number"),
    }
    DemandInterval {
        env: "DEMAND_INTERVAL",
        kind: Kind::Duration,
        default: DefaultValue::Value("15s"),
        summary: "watch: the time from one request for the demand to the next",
        label: "demand interval",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("offPeak.demand.intervalSeconds"),
    }
    IdleFor {
        env: "IDLE_FOR",
        kind: Kind::LongDuration,
        default: DefaultValue::Value("15m"),
        summary: "watch: the time for which the demand must be an explicit none before the tenant stops",
        label: "idle time",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("offPeak.demand.idleFor"),
    }
    AtMost {
        env: "AT_MOST",
        kind: Kind::LongDuration,
        default: DefaultValue::Value("360m"),
        summary: "watch: the most time for which the tenant runs by demand in one window; then it stays stopped",
        label: "time by demand",
        role: Role::Decision,
        effect: Effect::Exposes,
        choices: &[],
        value_path: Some("offPeak.demand.atMost"),
    }
    JobName {
        env: "JOB_NAME",
        kind: Kind::Text("name-minutes"),
        default: DefaultValue::RequiredToWatch,
        summary: "watch: the name of the CronJob's Job, which ends with the scheduled minute, in minutes since 1970",
        label: "job name",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    Heartbeat {
        env: "HEARTBEAT",
        kind: Kind::Text("file"),
        default: DefaultValue::Derived("none"),
        summary: "watch: a file that is written at each look, with the number of starts; `alive` reads it",
        label: "heartbeat",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    Within {
        env: "WITHIN",
        kind: Kind::Duration,
        default: DefaultValue::Value("60s"),
        summary: "alive: the most that the time of HEARTBEAT may differ from now",
        label: "within",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    ScrapeTimeout {
        env: "SCRAPE_TIMEOUT",
        kind: Kind::Duration,
        default: DefaultValue::Value("10s"),
        summary: "the limit of one request to the exporter, from name resolution to the last byte; a reading has up to 3 attempts of 2 requests",
        label: "scrape timeout",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    ScaleBudget {
        env: "SCALE_BUDGET",
        kind: Kind::Duration,
        default: DefaultValue::Value("60s"),
        summary: "the limit for scaling, with all attempts and pauses",
        label: "scale budget",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    Deadline {
        env: "DEADLINE",
        kind: Kind::Duration,
        default: DefaultValue::Value("110s"),
        summary: "the limit of the whole run; keep it 10 s below the Job's activeDeadlineSeconds",
        label: "deadline",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: Some("offPeak.activeDeadlineSeconds"),
    }
    LogFormat {
        env: "LOG_FORMAT",
        kind: Kind::Choice(&["text", "json"]),
        default: DefaultValue::Value("text"),
        summary: "the format of the report line",
        label: "log format",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[
            choice("text", Effect::Neutral, "the report is a sentence with its numbers"),
            choice("json", Effect::Neutral, "the report is one JSON object"),
        ],
        value_path: Some("gate.logFormat"),
    }
    DryRun {
        env: "DRY_RUN",
        kind: Kind::Choice(&["true", "false"]),
        default: DefaultValue::Value("false"),
        summary: "report what would be done, without scaling; the flag needs no value",
        label: "dry run",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[
            choice("true", Effect::Exposes, "the gate reports what it would do and scales nothing"),
            choice("false", Effect::Protects, "the gate scales the tenant"),
        ],
        value_path: Some("gate.dryRun"),
    }
    TerminationLog {
        env: "TERMINATION_LOG",
        kind: Kind::Text("file"),
        default: DefaultValue::Value("/dev/termination-log"),
        summary: "a second place for the report line, written only if the file exists",
        label: "termination log",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    ServiceAccountDir {
        env: "SERVICE_ACCOUNT_DIR",
        kind: Kind::Text("folder"),
        default: DefaultValue::Value("/var/run/secrets/kubernetes.io/serviceaccount"),
        summary: "the mount of token, ca.crt and namespace",
        label: "service account directory",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    KubernetesServiceHost {
        env: "KUBERNETES_SERVICE_HOST",
        kind: Kind::Text("IP address or name"),
        default: DefaultValue::Derived("set by the cluster"),
        summary: "the API server's host",
        label: "API server host",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
    KubernetesServicePort {
        env: "KUBERNETES_SERVICE_PORT",
        kind: Kind::Number(1, 65535),
        default: DefaultValue::Value("443"),
        summary: "the API server's port",
        label: "API server port",
        role: Role::Operation,
        effect: Effect::Neutral,
        choices: &[],
        value_path: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Action, Count, NoSeries, OnScrapeFailure};
    use crate::exposition::{MetricUnit, Series};
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
            (Key::Series, words(Series::NAMES)),
            (Key::Count, words(Count::NAMES)),
            (Key::OnScrapeFailure, words(OnScrapeFailure::NAMES)),
            (Key::NoSeries, words(NoSeries::NAMES)),
            (Key::LogFormat, words(LogFormat::NAMES)),
        ] {
            assert_eq!(key.row().kind.form(), words);
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn values_files_use_the_words_of_the_settings() {
        fn check<T>(names: &[(&str, T)])
        where
            T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
        {
            for (name, value) in names {
                assert_eq!(serde_json::to_value(value).unwrap(), *name);
                assert_eq!(&serde_json::from_value::<T>((*name).into()).unwrap(), value);
            }
        }
        check(MetricUnit::NAMES);
        check(Series::NAMES);
        check(Count::NAMES);
        check(OnScrapeFailure::NAMES);
        check(NoSeries::NAMES);
        check(LogFormat::NAMES);
    }

    #[test]
    fn every_word_of_a_choice_has_its_effect() {
        for row in TABLE {
            let with_effect: Vec<_> = row.choices().iter().map(|choice| choice.word).collect();
            match row.kind {
                Kind::Choice(words) => assert_eq!(words, with_effect),
                _ => assert!(with_effect.is_empty(), "{}", row.env),
            }
        }
    }

    #[test]
    fn names_and_value_paths_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            for other in &TABLE[index + 1..] {
                assert_ne!(row.env, other.env);
                assert_ne!(row.label(), other.label());
                assert!(row.value_path().is_none() || row.value_path() != other.value_path());
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
            (Key::Budget, "5Gi", "6Gi", Some(Effect::Exposes)),
            (Key::Select, "gpu=\"0\"", "gpu=\"1\"", Some(Effect::Neutral)),
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
                key.row().effect_of_change(Some(before), Some(after)),
                effect,
                "{key:?} {before} {after}"
            );
        }
        for (key, effect) in [
            (Key::Budget, Some(Effect::Protects)),
            (Key::GpuTotal, Some(Effect::Protects)),
            (Key::Floor, None),
            (Key::Select, None),
        ] {
            assert_eq!(key.row().effect_of_change(None, Some("6Gi")), effect, "{key:?}");
        }
        let removed = Key::Budget.row().effect_of_change(Some("6Gi"), None);
        assert_eq!(removed, Some(Effect::Exposes));
    }
}
