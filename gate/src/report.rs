//! The line that is left behind: what was seen, decided and done.
//!
//! On stderr, and in the termination message, where `kubectl describe pod`
//! shows it after the log is gone.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::{Map, Value, json};
use vram_gate::decision::{Decision, Rules, counted, free};
use vram_gate::page::Usage;
use vram_gate::settings::{LogFormat, Settings, Voice};

use crate::Exit;

/// The longest foreign text in a line, in characters: with all the rest, the
/// line stays under the 4096 bytes a termination message may have.
const FOREIGN_TEXT: usize = 300;

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A PATCH was sent, and the server did as it said.
    Scaled,
    /// The scale was what it should be.
    AlreadyThere,
    /// It was decided to do nothing.
    LeftAlone,
    /// A dry run: it would have been scaled.
    WouldScale,
    /// It had to scale and could not.
    Failed(String),
    /// It is set up wrongly.
    Misconfigured(String),
}

/// What was seen of the card.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The last page, or why there is none.
    pub(crate) page: Result<Usage, String>,
    /// How often it was looked.
    pub(crate) looks: u32,
    /// What it was held against.
    pub(crate) rules: Rules,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Report {
    /// What it was to do, where that could be known.
    pub(crate) settings: Option<Settings>,
    pub(crate) outcome: Outcome,
    pub(crate) decision: Option<Decision>,
    pub(crate) seen: Option<Seen>,
    /// The replicas before, where they were read.
    pub(crate) before: Option<i64>,
}

impl Report {
    /// A report of nothing but how it went.
    pub(crate) fn new(settings: Option<&Settings>, outcome: Outcome) -> Self {
        Self { settings: settings.cloned(), outcome, decision: None, seen: None, before: None }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Failed(_) => Exit::Failed,
            Outcome::Misconfigured(_) => Exit::Misconfigured,
            _ => Exit::Done,
        }
    }

    /// Writes the line. That it can't be written changes nothing that was done.
    pub(crate) fn say(&self, voice: &Voice) {
        let line = match voice.format {
            LogFormat::Text => self.text(),
            LogFormat::Json => self.json().to_string(),
        };
        let _ = writeln!(std::io::stderr(), "{line}");
        let message = OpenOptions::new().write(true).truncate(true).open(&voice.termination_log);
        if let Ok(mut message) = message {
            let _ = writeln!(message, "{line}");
        }
    }

    /// The sentence: what was done, and why.
    fn sentence(&self) -> String {
        let target = self.settings.as_ref().map(|settings| &settings.target);
        let name = target.map(|target| format!("{}/{}", target.namespace, target.deployment));
        let name = name.unwrap_or_default();
        let replicas = self.decision.and_then(|decision| decision.scale_to).unwrap_or_default();
        let done = match &self.outcome {
            Outcome::Scaled => format!("scaled {name} to {replicas}"),
            Outcome::AlreadyThere => format!("left {name} at {replicas}"),
            Outcome::LeftAlone => format!("left {name} alone"),
            Outcome::WouldScale => format!("would scale {name} to {replicas}"),
            Outcome::Failed(_) => format!("could not scale {name} to {replicas}"),
            Outcome::Misconfigured(problem) => {
                return format!("set up wrongly: {}", plain(problem));
            }
        };
        let reason = self.decision.map_or("", |decision| decision.reason.text());
        match &self.outcome {
            Outcome::Failed(problem) => format!("{done}: {reason}; {}", plain(problem)),
            _ => format!("{done}: {reason}"),
        }
    }

    fn text(&self) -> String {
        let mut line = "vram-gate".to_owned();
        if let Some(settings) = &self.settings {
            let _ = write!(line, " {}", settings.action.name());
        }
        let _ = write!(line, ": {}", self.sentence());
        for (name, value) in self.fields() {
            let _ = match value {
                Value::String(text) => write!(line, " {name}={text:?}"),
                value => write!(line, " {name}={value}"),
            };
        }
        line
    }

    fn json(&self) -> Value {
        let (outcome, level) = match self.outcome {
            Outcome::Scaled => ("scaled", "info"),
            Outcome::AlreadyThere => ("already-there", "info"),
            Outcome::LeftAlone => ("left-alone", "info"),
            Outcome::WouldScale => ("would-scale", "info"),
            Outcome::Failed(_) => ("failed", "error"),
            Outcome::Misconfigured(_) => ("misconfigured", "error"),
        };
        let mut object = Map::new();
        object.insert("level".into(), level.into());
        object.insert("outcome".into(), outcome.into());
        object.insert("message".into(), self.sentence().into());
        object.insert("exit".into(), (self.exit() as u8).into());
        if let Some(decision) = self.decision {
            object.insert("reason".into(), decision.reason.name().into());
        }
        if let Some(settings) = &self.settings {
            object.insert("action".into(), settings.action.name().into());
            object.insert("namespace".into(), settings.target.namespace.clone().into());
            object.insert("deployment".into(), settings.target.deployment.clone().into());
            object.insert("dryRun".into(), settings.dry_run.into());
        }
        object.extend(self.fields().into_iter().map(|(name, value)| (name.to_owned(), value)));
        Value::Object(object)
    }

    /// The numbers, all in bytes but `series`, `looks` and the replicas. `used`
    /// is what was counted against the floor; `free` is what that leaves.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = Vec::new();
        if let (Some(seen), Some(settings)) = (&self.seen, &self.settings) {
            let rules = &seen.rules;
            match &seen.page {
                Ok(usage) => {
                    let used = counted(settings.action, usage, rules);
                    // At most 2⁶³ either way, as settings and page are bounded.
                    let left = i64::try_from(free(rules, used)).unwrap_or(i64::MIN);
                    fields.extend([
                        ("used", json!(used)),
                        ("free", json!(left)),
                        ("floor", json!(rules.floor)),
                        ("total", json!(rules.total)),
                        ("reserve", json!(rules.reserve)),
                        ("others", json!(usage.others)),
                        ("unknown", json!(usage.unknown)),
                        ("tenant", json!(usage.tenant)),
                        ("series", json!(usage.series)),
                    ]);
                }
                Err(problem) => fields.extend([
                    ("page", json!(plain(problem))),
                    ("floor", json!(rules.floor)),
                    ("total", json!(rules.total)),
                ]),
            }
            fields.push(("looks", json!(seen.looks)));
        }
        if let Some(before) = self.before {
            fields.push(("before", json!(before)));
        }
        if let (Outcome::Scaled | Outcome::AlreadyThere, Some(decision)) =
            (&self.outcome, self.decision)
        {
            fields.push(("after", json!(decision.scale_to)));
        }
        fields
    }
}

/// Foreign text in one line, and not too long.
fn plain(text: &str) -> String {
    let mut chars = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    let mut plain: String = chars.by_ref().take(FOREIGN_TEXT).collect();
    if chars.next().is_some() {
        plain.push('…');
    }
    plain
}
