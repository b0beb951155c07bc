//! Gate jobs that are suspended, removed or refused while the server may run.

use jiff::SignedDuration;
use vram_gate::decision::Action;
use vram_gate::settings::Key;

use super::gate_settings::format_setting;
use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::gate_jobs::{Gate, InactiveReason, STOPPING};
use crate::model::window::WindowSchedule;
use crate::report::format_span;
use kube_validate::ObjectId;

pub(super) const UNGUARDED: Rule = Rule {
    id: "gpu-unguarded",
    severity: Severity::Critical,
    topic: Topic::Gate,
    summary: "The gate still starts the server, but its `guard` or `down` job is suspended or missing: the server keeps the GPU",
    source: "docs/gate.md: suspend `up` alone, or all jobs; a suspended guard leaves the GPU unguarded while the window opens",
};

pub(super) const LEFT_UP: Rule = Rule {
    id: "server-left-up",
    severity: Severity::Critical,
    topic: Topic::Gate,
    summary: "All jobs of the gate stop while its window is open: a running server is never scaled down",
    source: "gate/src/decision.rs: only `guard` and `down` scale to 0; https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
};

pub(super) const SUSPENDED: Rule = Rule {
    id: "gate-suspended",
    severity: Severity::Warning,
    topic: Topic::Gate,
    summary: "The gate no longer starts the server",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
};

pub(super) const MODE: Rule = Rule {
    id: "gate-mode-changes",
    severity: Severity::Warning,
    topic: Topic::Gate,
    summary: "One Pod watches a window instead of one for each run of the guard, or the other way round; it takes effect with the next window",
    source: "docs/watch.md; https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/: a change of a CronJob does not change its Jobs",
};

pub(super) const DEMAND: Rule = Rule {
    id: "gate-demand",
    severity: Severity::Warning,
    topic: Topic::Gate,
    summary: "The server starts or no longer starts by demand, or may do so for other hours of the day",
    source: "docs/demand.md; gate/src/demand.rs",
};

pub(super) const REFUSES: Rule = Rule {
    id: "gate-refuses",
    severity: Severity::Critical,
    topic: Topic::Gate,
    summary: "A setting of the gate is invalid: `up` starts nothing, and the guard stops the server at every run, or can't reach it",
    source: "gate/src/settings/check.rs: check_for_run",
};

pub(super) fn inactive_jobs(context: &RuleContext<'_>) -> Vec<Finding> {
    let absent = Gate::default();
    let mut findings = Vec::new();
    for (id, before) in &context.gates_before {
        if context.head.get(id).is_none() {
            continue;
        }
        let after = context.gates_after.get(id).unwrap_or(&absent);
        let transition = Transition { before, after };
        let messages = transition.unguarded_messages();
        findings.extend(messages.into_iter().map(|message| Finding::new(&UNGUARDED, id, message)));
        findings.extend(transition.start_findings(id, context));
    }
    findings
}

pub(super) fn changed_mode(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, before) in &context.gates_before {
        let Some(after) = context.gates_after.get(id) else { continue };
        let is_open = before.may_be_up(context.now);
        let text = match (before.watches(), after.watches(), is_open) {
            (false, true, false) => {
                "From the next window on, one Pod watches it; the window is closed now"
            }
            (false, true, true) => {
                "From the next window on, one Pod watches it. The window is open now: until it ends, the server yields only when `guard` runs, by its new schedule"
            }
            (true, false, false) => {
                "From the next window on, `up` and each `guard` are Pods of their own; the window is closed now"
            }
            (true, false, true) => {
                "From the next window on, `up` and each `guard` are Pods of their own. The window is open now: the watch that runs goes on until it ends, beside `guard`"
            }
            _ => continue,
        };
        findings.push(Finding::new(&MODE, id, Message::from(text)));
    }
    findings
}

/// Hours of demand that are new, removed, longer or shorter. Their settings have the rule of all settings.
pub(super) fn changed_demand(context: &RuleContext<'_>) -> Vec<Finding> {
    let absent = Gate::default();
    let mut findings = Vec::new();
    for (id, after) in &context.gates_after {
        let before = context.gates_before.get(id).unwrap_or(&absent);
        // A gate that is new as a whole is reported as such.
        if before.jobs.is_empty() {
            continue;
        }
        let message = match (before.demand_job(), after.demand_job()) {
            (None, Some(job)) => {
                let url = job.raw.get(Key::DemandUrl).unwrap_or_default();
                let at_most = job.raw.get(Key::AtMost).unwrap_or_default();
                Message::of("The server also starts by day, if there is room, while ")
                    .code(url)
                    .and(format!(" has work for it{}, at most ", hours_text(after)))
                    .code(format_setting(Key::AtMost.row(), at_most))
                    .and(" a day")
            }
            (Some(_), None) => {
                let is_open = before.may_be_up(context.now);
                let now = match is_open {
                    true => "; a watch that runs now stops the server when its Job is deleted",
                    false => "",
                };
                Message::of(format!("The server no longer starts by demand{now}"))
            }
            (Some(_), Some(_)) => {
                let (was, is) = (demand_hours(before), demand_hours(after));
                match (was, is) {
                    (Some(was), Some(is)) if was != is => {
                        let more = if is > was { "longer" } else { "shorter" };
                        Message::of(format!(
                            "The hours of demand are {more}: {}, before {}",
                            format_span(is),
                            format_span(was)
                        ))
                    }
                    _ => continue,
                }
            }
            (None, None) => continue,
        };
        findings.push(Finding::new(&DEMAND, id, message));
    }
    findings
}

/// The longest hours of demand in two years.
fn demand_hours(gate: &Gate) -> Option<SignedDuration> {
    let up = gate.demand_job()?.times.as_ref()?;
    let down = gate.active_job(Action::Down)?.times.as_ref()?;
    Some(WindowSchedule { up, down }.window_lengths()?.1)
}

fn hours_text(gate: &Gate) -> String {
    let hours =
        demand_hours(gate).map(|hours| format!(" in hours of up to {}", format_span(hours)));
    hours.unwrap_or_default()
}

/// The gate of one object in both snapshots.
struct Transition<'a> {
    before: &'a Gate,
    after: &'a Gate,
}

impl Transition<'_> {
    fn was_active(&self, action: Action) -> bool {
        self.before.active_job(action).is_some()
    }

    fn is_active(&self, action: Action) -> bool {
        self.after.active_job(action).is_some()
    }

    /// A message for each stopping job that is missing while the server is still started.
    fn unguarded_messages(&self) -> Vec<Message> {
        if !self.is_active(Action::Up) {
            return Vec::new();
        }
        // A gate that was unguarded before is reported again when it starts the server again.
        let is_resumed = !self.was_active(Action::Up);
        STOPPING
            .iter()
            .filter(|(action, _)| !self.is_active(*action))
            .filter(|(action, _)| is_resumed || self.was_active(*action))
            .map(|(action, name)| {
                let reason = self.after.job(*action).and_then(|job| job.inactive);
                let effect = match action {
                    Action::Guard => "the server keeps the GPU while others need it",
                    _ => "nothing stops the server when the window ends",
                };
                let reason = reason.map_or("is missing", InactiveReason::text);
                Message::of("The window still opens, but ")
                    .code(*name)
                    .and(format!(" {reason}: {effect}"))
            })
            .collect()
    }

    /// The findings about a gate that no longer starts the server, or stops no server any more.
    fn start_findings(&self, id: &ObjectId, context: &RuleContext<'_>) -> Vec<Finding> {
        if self.is_active(Action::Up) {
            return Vec::new();
        }
        let is_open = self.before.may_still_be_up(context.now);
        let mut findings = Vec::new();
        let stops = STOPPING.iter().any(|(action, _)| self.is_active(*action));
        let stopped = STOPPING.iter().any(|(action, _)| self.was_active(*action));
        if !stops && stopped && is_open {
            let message = "The window is open and none of its jobs stays active: if the server runs now, nothing scales it to 0";
            findings.push(Finding::new(&LEFT_UP, id, Message::of(message)));
        }
        if self.was_active(Action::Up) {
            let message = match is_open {
                true if self.is_active(Action::Down) => {
                    "The window no longer opens; it is open now, and `down` stops a server that runs when it ends"
                }
                true => {
                    "The window no longer opens; it is open now, so check whether a replica runs"
                }
                false => "The window no longer opens; it is closed now, so no replica should run",
            };
            findings.push(Finding::new(&SUSPENDED, id, Message::from(message)));
        }
        findings
    }
}

pub(super) fn refused_settings(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (target, gate) in &context.gates_after {
        for job in &gate.jobs {
            let Err(error) = &job.settings else { continue };
            let before = context.gates_before.get(target);
            let old = before.and_then(|gate| gate.jobs.iter().find(|old| old.id == job.id));
            if old.is_none_or(|old| old.settings.is_ok()) {
                let effect = match job.action {
                    _ if error.is_of_target() => "The gate will refuse to run: ",
                    Action::Up | Action::Admit => "The gate will refuse to start the server: ",
                    Action::Guard | Action::Watch => "The gate will stop the server at every run: ",
                    Action::Down => {
                        "The gate will stop the server in spite of an invalid setting: "
                    }
                };
                let message = Message::of(effect).code(error.to_string());
                findings.push(Finding::new(&REFUSES, &job.id, message));
            }
        }
    }
    findings
}
