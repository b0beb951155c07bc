//! Changed settings of the gate, by the gate's own table of settings.

use kube_formats::quantity::{describe_bytes, parse_bytes};
use vram_gate::duration::{MaxDuration, parse_up_to};
use vram_gate::settings::{Effect, Key, Kind, Role, Row, TABLE};

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::gate_jobs::GateJob;

pub(super) const BLIND: Rule = Rule {
    id: "gate-blind",
    severity: Severity::Critical,
    topic: Topic::Gpu,
    summary: "A missing reading no longer stops the tenant or keeps it from starting: when the exporter fails, nothing protects the other users of the GPU",
    source: "docs/server.md; a failed probe means no action, and an exporter whose nvidia-smi failed serves the metrics of an idle GPU",
};

pub(super) const CHANGED: Rule = Rule {
    id: "gate-settings",
    severity: Severity::Warning,
    topic: Topic::Gpu,
    summary: "The gate decides by other settings: the tenant starts, or is stopped, at other readings",
    source: "gate/src/decision.rs: `free = total − used`; up if `free ≥ floor`, yield if not, if less than the reserve is left, or if the tenant uses more than its budget",
};

/// The settings that decide up to which memory in use the tenant starts.
const START_LIMIT: [Key; 2] = [Key::Floor, Key::GpuTotal];
/// The settings that decide what a missing reading means.
const WITHOUT_READING: [Key; 2] = [Key::OnScrapeFailure, Key::NoSeries];

pub(super) fn changed_settings(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (old, new) in changed_jobs(context) {
        let changes: Vec<SettingChange<'_>> =
            TABLE.iter().filter_map(|row| SettingChange::find(row, old, new)).collect();
        let (blind, others): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(SettingChange::is_blind);
        findings.extend(
            blind.iter().map(|change| Finding::new(&BLIND, &new.id, change.blind_message())),
        );
        let limit = start_limit(old, new);
        let messages = others.iter().map(|change| match &limit {
            // The limit says what the change does.
            Some(_) if START_LIMIT.contains(&change.row.key) => change.values(),
            _ => change.message(),
        });
        let messages = messages.chain(limit.clone());
        if let Some(message) = messages.reduce(|one, other| one.and("; ").then(other))
            && !others.is_empty()
        {
            findings.push(Finding::new(&CHANGED, &new.id, message));
        }
    }
    findings
}

/// Each gate job that differs and is in both snapshots.
fn changed_jobs<'a>(
    context: &'a RuleContext<'_>,
) -> impl Iterator<Item = (&'a GateJob, &'a GateJob)> {
    context.gates_after.iter().flat_map(move |(target, gate)| {
        let before = context.gates_before.get(target);
        gate.jobs
            .iter()
            .filter(|job| context.changes.iter().any(|change| change.id == job.id))
            .filter_map(move |job| {
                before?.jobs.iter().find(|old| old.id == job.id).map(|old| (old, job))
            })
    })
}

/// A change of one setting that affects the gate's decisions.
struct SettingChange<'a> {
    row: &'static Row,
    old: Option<&'a str>,
    new: Option<&'a str>,
    /// `None` if it has no direction, or if one of the values is malformed.
    effect: Option<Effect>,
}

impl<'a> SettingChange<'a> {
    /// Compares one setting of two jobs; `None` if it means the same, or only affects how the gate works.
    fn find(row: &'static Row, old: &'a GateJob, new: &'a GateJob) -> Option<Self> {
        let (old, new) = (old.raw.get(row.key), new.raw.get(row.key));
        if old.map(|text| format_setting(row, text)) == new.map(|text| format_setting(row, text)) {
            return None;
        }
        let effect = row.effect_of_change(old, new);
        let decides = matches!(row.role(), Role::Reading | Role::Decision);
        let has_direction = matches!(effect, Some(Effect::Protects | Effect::Exposes));
        (decides || has_direction).then_some(SettingChange { row, old, new, effect })
    }

    fn is_blind(&self) -> bool {
        WITHOUT_READING.contains(&self.row.key) && self.effect == Some(Effect::Exposes)
    }

    fn blind_message(&self) -> Message {
        let value = self.new.unwrap_or_default();
        let message = Message::default().code(self.row.env).and(" is now ").code(value);
        match self.meaning() {
            Some(meaning) => message.and(format!(": {meaning}")),
            None => message,
        }
    }

    fn message(&self) -> Message {
        let effect = match (self.meaning(), self.effect) {
            (Some(meaning), _) => meaning,
            (None, Some(Effect::Protects)) => "the other users of the GPU are protected more",
            (None, Some(Effect::Exposes)) => "the other users of the GPU are protected less",
            (None, _) if self.row.role() == Role::Reading => "the gate reads something else",
            (None, _) => "the gate decides otherwise",
        };
        self.values().and(format!(", {effect}"))
    }

    /// The setting with its values before and after.
    fn values(&self) -> Message {
        let message = Message::of(format!("{} ", self.row.label()));
        let message = setting_code(message, self.row, self.old).and(" → ");
        setting_code(message, self.row, self.new)
    }

    /// The behaviour that the new value of a choice selects.
    fn meaning(&self) -> Option<&'static str> {
        let mut choices = self.row.choices().iter();
        choices.find(|choice| Some(choice.word) == self.new).map(|choice| choice.meaning)
    }
}

/// Appends a value of a setting, or `unset`.
fn setting_code(message: Message, row: &Row, value: Option<&str>) -> Message {
    match value {
        Some(text) => message.code(format_setting(row, text)),
        None => message.and("unset"),
    }
}

/// The limit of memory in use up to which the tenant starts, if it changes.
fn start_limit(old: &GateJob, new: &GateJob) -> Option<Message> {
    let (before, after) = (max_used_at_start(old), max_used_at_start(new)?);
    if before == Some(after) {
        return None;
    }
    let message =
        Message::of("the tenant starts only while others use at most ").code(describe_bytes(after));
    Some(match before {
        Some(before) => message.and(" (was ").code(describe_bytes(before)).and(")"),
        None => message,
    })
}

fn max_used_at_start(job: &GateJob) -> Option<u64> {
    let total = parse_bytes(job.raw.get(Key::GpuTotal)?).ok()?;
    total.checked_sub(parse_bytes(job.raw.get(Key::Floor)?).ok()?)
}

/// A setting's value in units that people use; a malformed value as it is written.
pub(in crate::diff) fn format_setting(row: &Row, text: &str) -> String {
    match row.kind {
        Kind::Memory => parse_bytes(text).map_or_else(|_| text.to_owned(), describe_bytes),
        Kind::Duration | Kind::LongDuration => parse_up_to(text, MaxDuration::Month).map_or_else(
            |_| text.to_owned(),
            |duration| match duration.as_millis() {
                ms if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
                ms => format!("{ms}ms"),
            },
        ),
        Kind::Number(..) | Kind::Choice(_) | Kind::Text(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::testing::diff;

    /// The settings whose change has no consequence: what is scaled (another target has its own rules),
    /// and how the gate works.
    const NEUTRAL: [&str; 19] = [
        "ACTION",
        "NAMESPACE",
        "DEPLOYMENT",
        "TARGET_API_VERSION",
        "TARGET_KIND",
        "TARGET_RESOURCE",
        "METRICS_CA",
        "SCRAPE_TIMEOUT",
        "SCALE_BUDGET",
        "DEADLINE",
        "LOG_FORMAT",
        "JOB_NAME",
        "HEARTBEAT",
        "DEMAND_INTERVAL",
        "WITHIN",
        "TERMINATION_LOG",
        "SERVICE_ACCOUNT_DIR",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
    ];

    /// A guard with one setting beside those that every job has.
    fn guard(env: &str, value: &str) -> String {
        let target = [("ACTION", "guard"), ("NAMESPACE", "tts"), ("DEPLOYMENT", "server")];
        let variables: String = target
            .iter()
            .filter(|(name, _)| *name != env)
            .chain([&(env, value)])
            .map(|(name, value)| format!("{{name: {name}, value: '{value}'}}, "))
            .collect();
        format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: guard, namespace: tts}}\n\
             spec: {{schedule: '* * * * *', jobTemplate: {{spec: {{template: {{spec: {{containers: [\
             {{name: gate, env: [{variables}]}}]}}}}}}}}}}\n"
        )
    }

    fn reports(row: &Row, old: &str, new: &str) -> bool {
        let diff = diff(&guard(row.env, old), &guard(row.env, new), "2026-11-24T12:00:00Z");
        assert!(!diff.is_empty(), "{}", row.env);
        diff.consequences.iter().any(|consequence| {
            let message = consequence.message.to_string();
            let names_it = message.starts_with(row.label()) || message.contains(row.env);
            [BLIND.id, CHANGED.id].contains(&consequence.rule.id) && names_it
        })
    }

    #[test]
    fn every_setting_of_the_gate_is_reported_or_neutral() {
        for row in TABLE {
            let (one, other) = match row.kind {
                Kind::Memory => ("1Gi".to_owned(), "2Gi".to_owned()),
                Kind::Duration | Kind::LongDuration => ("10s".to_owned(), "0".to_owned()),
                Kind::Number(min, max) => (min.to_string(), max.to_string()),
                Kind::Choice(words) => (words[0].to_owned(), words[1].to_owned()),
                Kind::Text(_) => ("http://a/".to_owned(), "http://b/".to_owned()),
            };
            for (old, new) in [(&one, &other), (&other, &one)] {
                let expected = !NEUTRAL.contains(&row.env);
                assert_eq!(reports(row, old, new), expected, "{} {old} {new}", row.env);
            }
        }
    }

    #[test]
    fn memory_and_durations_are_formatted_for_people() {
        for (key, text, formatted) in [
            (Key::Floor, "6442450944", "6Gi"),
            (Key::Floor, "1536Mi", "1.5Gi"),
            (Key::Reserve, "0", "0"),
            (Key::Reserve, "6GB", "6GB"),
            (Key::RecheckDelay, "75", "75s"),
            (Key::RecheckDelay, "500ms", "500ms"),
        ] {
            assert_eq!(format_setting(key.row(), text), formatted);
        }
    }
}
