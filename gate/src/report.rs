//! The report: one line about what was read, decided and done.
//!
//! It goes to stderr, and as JSON into the termination message, which stays as long as the Pod and which
//! `tts-render status` reads. An `admit` also prints a line whenever the reason to wait changes.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use kube_formats::quantity::describe_bytes;
use serde_json::{Map, Value, json};
use vram_gate::decision::{Action, Decision, Rules, counted_bytes, free_bytes, total_bytes};
use vram_gate::exposition::Usage;
use vram_gate::settings::{LogFormat, Output, SettingError, Settings, describe_errors};

use crate::Exit;
use crate::watcher::Record;

/// The longest text from elsewhere in a line, in bytes. The whole line then stays under the 4096 bytes
/// that a termination message may have, also where JSON escapes it.
const MAX_FOREIGN_TEXT: usize = 250;

/// The version of the JSON: raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A PATCH was sent, and the server confirmed the replicas.
    Scaled,
    /// The tenant already had the right replicas.
    AlreadyThere,
    /// The decision was to leave the tenant alone.
    LeftAlone,
    /// SIGTERM cut a guard short, and what it had read gave no reason to yield; or a watch, which has
    /// stopped the tenant. The Job tries again.
    Interrupted,
    /// The Pod of an `admit` may go on.
    Admitted,
    /// It waits.
    Waiting,
    /// It may not go on: the deadline has passed, or SIGTERM arrived.
    NotAdmitted,
    /// A dry run that would have made it wait.
    WouldWait,
    /// A dry run that would have scaled.
    WouldScale,
    /// The tenant had to be scaled and could not be.
    Failed(String),
    /// Invalid configuration, with which nothing could be done.
    Misconfigured(String),
}

/// The samples that a decision was made from.
#[derive(Debug)]
pub(crate) struct Sampled {
    /// The last scrape, or the problem with it.
    pub(crate) scrape: Result<Usage, String>,
    /// The number of samples.
    pub(crate) samples: u32,
    /// The rules that were applied.
    pub(crate) rules: Rules,
    /// The action whose rules they are.
    pub(crate) action: Action,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Report {
    /// The settings, if the run had valid ones or could release the GPU without.
    pub(crate) settings: Option<Settings>,
    pub(crate) outcome: Outcome,
    pub(crate) decision: Option<Decision>,
    pub(crate) sampled: Option<Sampled>,
    /// The replicas before, if they were read.
    pub(crate) before: Option<i64>,
    /// The invalid settings in spite of which the GPU was released.
    pub(crate) setting_errors: Vec<SettingError>,
    /// The summary of a watch so far.
    pub(crate) record: Option<Record>,
}

impl Report {
    /// Returns a report of only the outcome.
    pub(crate) fn new(settings: Option<&Settings>, outcome: Outcome) -> Self {
        Self {
            settings: settings.cloned(),
            outcome,
            decision: None,
            sampled: None,
            before: None,
            setting_errors: Vec::new(),
            record: None,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Failed(_) | Outcome::Interrupted | Outcome::NotAdmitted => Exit::Failed,
            Outcome::Misconfigured(_) => Exit::Misconfigured,
            _ => Exit::Done,
        }
    }

    /// Writes the line, and the termination message, which is JSON in either format. An error is ignored:
    /// the run is over.
    pub(crate) fn write(&self, output: &Output, duration: Duration) {
        self.print(output.format, duration);
        self.write_message(output, duration);
    }

    /// Writes the termination message.
    pub(crate) fn write_message(&self, output: &Output, duration: Duration) {
        // Opening a FIFO would wait for its other end.
        let is_file = std::fs::metadata(&output.termination_log).is_ok_and(|log| log.is_file());
        let mut options = OpenOptions::new();
        options.write(true).truncate(true);
        if is_file && let Ok(mut message) = options.open(&output.termination_log) {
            let _ = writeln!(message, "{}", self.to_json(duration));
        }
    }

    /// Writes the line to stderr alone.
    pub(crate) fn print(&self, format: LogFormat, duration: Duration) {
        let line = match format {
            LogFormat::Text => self.to_text(),
            LogFormat::Json => self.to_json(duration).to_string(),
        };
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Returns a sentence with the outcome and the reason.
    fn message(&self) -> String {
        let target = self.settings.as_ref().map(|settings| &settings.target);
        let name = target.map(|target| format!("{}/{}", target.namespace, target.name));
        let name = name.unwrap_or_default();
        let replicas = self.decision.and_then(|decision| decision.scale_to).unwrap_or_default();
        let done = match &self.outcome {
            Outcome::Scaled => format!("scaled {name} to {replicas}"),
            Outcome::AlreadyThere => format!("left {name} at {replicas}"),
            Outcome::LeftAlone => format!("left {name} alone"),
            Outcome::Interrupted if self.record.is_some() => {
                format!("stopped by SIGTERM, left {name} at 0 to the Job's next attempt")
            }
            Outcome::Interrupted => {
                format!("stopped by SIGTERM, left {name} to the Job's next attempt")
            }
            Outcome::Admitted => format!("admitted a Pod of {name}"),
            Outcome::Waiting => format!("a Pod of {name} waits"),
            Outcome::NotAdmitted => format!("kept a Pod of {name} from starting"),
            Outcome::WouldWait => format!("would keep a Pod of {name} waiting"),
            Outcome::WouldScale => format!("would scale {name} to {replicas}"),
            Outcome::Failed(_) => format!("could not scale {name} to {replicas}"),
            Outcome::Misconfigured(problem) => {
                return format!("invalid configuration: {}", one_line(problem));
            }
        };
        let reason = self.decision.map_or("", |decision| decision.reason.text());
        match &self.outcome {
            Outcome::Failed(problem) => format!("{done}: {reason}; {}", one_line(problem)),
            _ => format!("{done}: {reason}"),
        }
    }

    fn to_text(&self) -> String {
        let mut line = "vram-gate".to_owned();
        if let Some(settings) = &self.settings {
            let _ = write!(line, " {}", settings.action.name());
        }
        let _ = write!(line, ": {}", self.message());
        for (name, figure) in self.fields() {
            let _ = match figure {
                Figure::Memory(bytes) => {
                    let sign = if bytes < 0 { "-" } else { "" };
                    write!(line, " {name}={sign}{}", describe_bytes(bytes.unsigned_abs()))
                }
                Figure::Other(Value::String(text)) => write!(line, " {name}={text:?}"),
                Figure::Other(value) => write!(line, " {name}={value}"),
                Figure::Detail(_) => Ok(()),
            };
        }
        line
    }

    fn to_json(&self, duration: Duration) -> Value {
        let (outcome, level) = match self.outcome {
            Outcome::Scaled => ("scaled", "info"),
            Outcome::AlreadyThere => ("already-there", "info"),
            Outcome::LeftAlone => ("left-alone", "info"),
            Outcome::Interrupted => ("interrupted", "warning"),
            Outcome::Admitted => ("admitted", "info"),
            Outcome::Waiting => ("waiting", "info"),
            Outcome::NotAdmitted => ("not-admitted", "warning"),
            Outcome::WouldWait => ("would-wait", "info"),
            Outcome::WouldScale => ("would-scale", "info"),
            Outcome::Failed(_) => ("failed", "error"),
            Outcome::Misconfigured(_) => ("misconfigured", "error"),
        };
        let has_demand_problem = self.record.as_ref().is_some_and(Record::has_demand_problem);
        let level = match level {
            _ if !self.setting_errors.is_empty() => "error",
            "info" if has_demand_problem => "warning",
            level => level,
        };
        let mut object = Map::new();
        object.insert("version".into(), VERSION.into());
        object.insert("gate".into(), env!("CARGO_PKG_VERSION").into());
        object.insert("level".into(), level.into());
        object.insert("outcome".into(), outcome.into());
        object.insert("message".into(), self.message().into());
        object.insert("exit".into(), (self.exit() as u8).into());
        if let Some(decision) = self.decision {
            object.insert("decision".into(), decision_name(&decision).into());
            object.insert("reason".into(), decision.reason.name().into());
        }
        if let Some(settings) = &self.settings {
            object.insert("action".into(), settings.action.name().into());
            object.insert("namespace".into(), settings.target.namespace.clone().into());
            object.insert("kind".into(), settings.target.kind.clone().into());
            object.insert("name".into(), settings.target.name.clone().into());
            object.insert("dryRun".into(), settings.dry_run.into());
        }
        object.extend(self.fields().into_iter().map(|(name, figure)| {
            let value = match figure {
                Figure::Memory(bytes) => bytes.into(),
                Figure::Other(value) | Figure::Detail(value) => value,
            };
            (name.to_owned(), value)
        }));
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        object.insert("durationMs".into(), milliseconds.into());
        Value::Object(object)
    }

    /// Returns the figures. `used` is the memory counted against the floor; `free` is the rest.
    fn fields(&self) -> Vec<(&'static str, Figure)> {
        let mut fields = Vec::new();
        if !self.setting_errors.is_empty() {
            let errors = describe_errors(&self.setting_errors);
            fields.push(("settingError", Figure::text(&errors)));
        }
        if let (Some(sampled), Some(settings)) = (&self.sampled, &self.settings) {
            let rules = &sampled.rules;
            match &sampled.scrape {
                Ok(usage) => {
                    let used = counted_bytes(sampled.action, usage, rules);
                    fields.extend([
                        ("used", Figure::memory(used)),
                        ("free", Figure::memory(free_bytes(rules, usage, used))),
                        ("floor", Figure::memory(rules.floor)),
                        ("total", Figure::memory(total_bytes(rules, usage))),
                        ("reserve", Figure::memory(rules.reserve)),
                        ("others", Figure::memory(usage.others)),
                        ("unknown", Figure::memory(usage.unknown)),
                        ("tenant", Figure::memory(usage.tenant)),
                        ("series", Figure::Other(json!(usage.series))),
                    ]);
                    fields
                        .extend(usage.total.map(|total| ("measuredTotal", Figure::memory(total))));
                    let select = settings.sampling.iter().map(|sampling| &sampling.query.select);
                    let select = select.filter(|select| !select.is_empty());
                    fields
                        .extend(select.map(|select| ("select", Figure::text(&select.to_string()))));
                }
                Err(problem) => {
                    fields.extend([
                        ("scrapeError", Figure::text(problem)),
                        ("floor", Figure::memory(rules.floor)),
                    ]);
                    fields.extend(rules.total.map(|total| ("total", Figure::memory(total))));
                }
            }
            fields.extend(rules.budget.map(|budget| ("budget", Figure::memory(budget))));
            fields.push(("samples", Figure::Other(json!(sampled.samples))));
        }
        if let Some(before) = self.before {
            fields.push(("before", Figure::Other(json!(before))));
        }
        if let (Outcome::Scaled | Outcome::AlreadyThere, Some(decision)) =
            (&self.outcome, self.decision)
        {
            fields.push(("after", Figure::Other(json!(decision.scale_to))));
        }
        fields.extend(self.record.iter().flat_map(Record::fields));
        fields
    }
}

/// A figure of a report.
pub(crate) enum Figure {
    /// Bytes: as they are in JSON, in units in text.
    Memory(i64),
    /// A count of something else, or a text.
    Other(Value),
    /// A list, which is in JSON alone.
    Detail(Value),
}

impl Figure {
    /// An amount of memory: at most 2⁶³ either way, because settings and usage are bounded.
    pub(crate) fn memory(bytes: impl TryInto<i64>) -> Self {
        Figure::Memory(bytes.try_into().unwrap_or(i64::MIN))
    }

    pub(crate) fn text(text: &str) -> Self {
        Figure::Other(one_line(text).into())
    }
}

/// Returns what was decided about the tenant, whether or not it could be done.
fn decision_name(decision: &Decision) -> &'static str {
    match decision.scale_to {
        None => "leave",
        Some(0) => "stop",
        Some(_) => "start",
    }
}

/// Returns a text without control characters, cut to [`MAX_FOREIGN_TEXT`].
fn one_line(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_FOREIGN_TEXT);
    let mut line = text[..end].replace(char::is_control, " ");
    if end < text.len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use vram_gate::decision::Reason;
    use vram_gate::demand::Demand;
    use vram_gate::settings::{Invocation, Raw, check};
    use vram_gate::watch::Moment;

    fn watch_settings() -> Settings {
        let select = (0..60).map(|label| format!("l{label}=\"\\\"\""));
        let select = select.collect::<Vec<_>>().join(",");
        let raw = Raw::collect([], |name| {
            let value = match name {
                "ACTION" => "watch",
                "NAMESPACE" | "DEPLOYMENT" => {
                    "a-name-of-sixty-three-bytes-which-is-as-long-as-they-may-be-012"
                }
                "FLOOR" => "6Gi",
                "GPU_TOTAL" => "16Gi",
                "BUDGET" => "5Gi",
                "METRICS_URL" => "http://exporter/metrics",
                "KUBERNETES_SERVICE_HOST" => "10.96.0.1",
                "JOB_NAME" => "window-29453880",
                "WINDOW" => "14400s",
                "SELECT" => &select,
                _ => return None,
            };
            Some(value.into())
        });
        let Ok(Invocation::Run(raw)) = raw else { panic!("{raw:?}") };
        check(&raw, |_| None).unwrap()
    }

    #[test]
    fn the_longest_report_of_a_watch_fits_the_termination_message() {
        let settings = watch_settings();
        let rules = settings.sampling.as_ref().unwrap().rules;
        let usage = Usage {
            others: 1 << 62,
            unknown: 1 << 61,
            tenant: 1 << 60,
            series: 1000,
            total: Some(1 << 62),
        };
        let mut record = Record::new(1_767_247_200_000);
        for second in 0..100 {
            let moment = Moment { elapsed: Duration::from_secs(second), now_ms: 1_767_247_200_000 };
            record.note_look(moment, Some(1), Some(&usage), &rules);
            record.note_scaled(1, Reason::Calm, moment, Some(&usage), &rules);
            record.note_scaled(0, Reason::ClosedByAnother, moment, Some(&usage), &rules);
            let long = Duration::from_secs(86_400);
            record.note_demand(Demand::Unknown, long, Some("\"".repeat(1000)));
        }
        for scrape in [Ok(usage), Err("\"".repeat(1000))] {
            let sampled = Sampled { scrape, samples: 1, rules, action: Action::Guard };
            let report = Report {
                decision: Some(Decision::TERMINATED),
                sampled: Some(sampled),
                before: Some(1),
                record: Some(record.clone()),
                ..Report::new(Some(&settings), Outcome::Failed("\"".repeat(1000)))
            };
            let json = report.to_json(Duration::from_secs(14_400));
            let length = json.to_string().len();
            assert!(length < 4096, "{length}");
            assert!(length > 2500, "{length}");
            assert_eq!(json["yieldCount"], 100);
            assert!(json["demandError"].as_str().is_some_and(|text| text.ends_with('…')));
        }
    }
}
