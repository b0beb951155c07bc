//! JSON for programs. `docs/status.md` describes it.

use serde::Serialize;

use crate::model::window::Window;
use crate::report::json::{ObjectReference, to_text};
use crate::status::{Report, Served, Status, WindowStatus};
use crate::window::simulate::Growth;

/// The version of the format: raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    stack: &'a str,
    time_zone: &'a str,
    target: ObjectReference<'a>,
    windows: Vec<WindowJson<'a>>,
    scaled_by: Option<ScaledByJson<'a>>,
    replicas: Option<i64>,
    next: Option<Span>,
    drift: Vec<DriftJson<'a>>,
    attention: &'a [String],
    unseen: &'a [String],
    as_planned: bool,
}

/// The JSON of several stacks.
#[derive(Serialize)]
struct Stacks<'a> {
    version: u32,
    stacks: Vec<Document<'a>>,
}

#[derive(Serialize)]
struct Span {
    start: String,
    end: String,
}

impl From<Window> for Span {
    fn from(window: Window) -> Self {
        Span { start: window.opens.to_string(), end: window.closes.to_string() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WindowJson<'a> {
    #[serde(flatten)]
    span: Span,
    open: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    by_demand: bool,
    served: Option<bool>,
    served_seconds: Option<i64>,
    decisions: Vec<DecisionJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    running: Vec<RunJson<'a>>,
    guard_runs: GuardRunsJson,
    failures: Vec<FailureJson<'a>>,
}

#[derive(Serialize)]
struct GuardRunsJson {
    due: usize,
    seen: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecisionJson<'a> {
    time: String,
    action: &'a str,
    decision: Option<&'a str>,
    reason: Option<&'a str>,
    exit: i64,
    by_hand: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    in_watch: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(flatten)]
    numbers: Option<Numbers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grown: Option<&'a [Growth]>,
}

/// Amounts in bytes, and replicas.
#[derive(Serialize)]
struct Numbers {
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<i64>,
}

/// A run that has not ended.
#[derive(Serialize)]
struct RunJson<'a> {
    time: String,
    action: &'a str,
}

impl From<&Report> for Numbers {
    fn from(report: &Report) -> Self {
        Numbers {
            used: report.used,
            free: report.free,
            floor: report.floor,
            others: report.others,
            tenant: report.tenant,
            before: report.before,
            after: report.after,
        }
    }
}

#[derive(Serialize)]
struct FailureJson<'a> {
    time: String,
    action: &'a str,
    cause: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct ScaledByJson<'a> {
    manager: &'a str,
    time: Option<String>,
}

#[derive(Serialize)]
struct DriftJson<'a> {
    object: ObjectReference<'a>,
    path: &'a str,
    rendered: &'a str,
    live: Option<&'a str>,
}

/// Formats statuses as JSON: one stack is an object, several are a list under `stacks`.
pub fn json(statuses: &[Status]) -> String {
    let mut documents: Vec<Document<'_>> = statuses.iter().map(document).collect();
    match documents.len() {
        1 => documents.pop().map(|document| to_text(&document)).unwrap_or_default(),
        _ => to_text(&Stacks { version: VERSION, stacks: documents }),
    }
}

fn document(status: &Status) -> Document<'_> {
    Document {
        version: VERSION,
        stack: &status.stack,
        time_zone: &status.zone_name,
        target: (&status.target).into(),
        windows: status.windows.iter().map(window).collect(),
        scaled_by: status.scaled_by.as_ref().map(|by| ScaledByJson {
            manager: &by.manager,
            time: by.time.map(|time| time.to_string()),
        }),
        replicas: status.replicas,
        next: status.next.map(Span::from),
        drift: status
            .drift
            .iter()
            .map(|drift| DriftJson {
                object: (&drift.object).into(),
                path: &drift.path,
                rendered: &drift.rendered,
                live: drift.live.as_deref(),
            })
            .collect(),
        attention: &status.attention,
        unseen: &status.unseen,
        as_planned: status.is_as_planned(),
    }
}

fn window(window: &WindowStatus) -> WindowJson<'_> {
    let (served, served_seconds) = match window.served {
        Served::For(span) => (Some(true), Some(span.as_secs())),
        Served::Never => (Some(false), Some(0)),
        Served::Unknown => (None, None),
    };
    WindowJson {
        span: window.window.into(),
        open: window.is_open,
        by_demand: window.by_demand,
        served,
        served_seconds,
        decisions: window
            .decisions
            .iter()
            .map(|record| {
                let report = record.report.as_ref();
                DecisionJson {
                    time: record.time.to_string(),
                    action: record.action.name(),
                    decision: report.and_then(|report| report.decision.as_deref()),
                    reason: report.and_then(|report| report.reason.as_deref()),
                    exit: record.exit,
                    by_hand: record.by_hand,
                    in_watch: record.in_watch,
                    outcome: report.map(|report| report.outcome.as_str()),
                    message: report.map(|report| report.message.as_str()),
                    numbers: report.map(Numbers::from),
                    grown: record.grown.as_deref(),
                }
            })
            .collect(),
        running: window
            .running
            .iter()
            .map(|(action, time)| RunJson { time: time.to_string(), action: action.name() })
            .collect(),
        guard_runs: GuardRunsJson { due: window.guard_runs.due, seen: window.guard_runs.seen },
        failures: window
            .failures
            .iter()
            .map(|failure| FailureJson {
                time: failure.time.to_string(),
                action: failure.action.name(),
                cause: failure.cause.name(),
                message: &failure.message,
            })
            .collect(),
    }
}
