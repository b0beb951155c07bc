//! The gate at rest while the server may run.

use vram_gate::decision::Action;

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::gate_jobs::{Gate, InactiveReason};
use kube_validate::ObjectId;

pub(super) const UNGUARDED: Rule = Rule {
    id: "card-unguarded",
    severity: Severity::Critical,
    topic: Topic::Gate,
    what: "The gate still starts the server, and its guard or its end of the window is at rest or gone",
    source: "docs/server.md: all jobs rest or none; a guard at rest while the window opens leaves the card unguarded",
    detect: unguarded,
};

pub(super) const LEFT_UP: Rule = Rule {
    id: "server-left-up",
    severity: Severity::Critical,
    topic: Topic::Gate,
    what: "The gate comes to rest while its window is open: a server that runs is never scaled down",
    source: "gate/src/decision.rs: only `guard` and `down` scale to 0; https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
    detect: left_up,
};

pub(super) const AT_REST: Rule = Rule {
    id: "gate-at-rest",
    severity: Severity::Warning,
    topic: Topic::Gate,
    what: "The gate no longer starts the server",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
    detect: at_rest,
};

pub(super) const REFUSES: Rule = Rule {
    id: "gate-refuses",
    severity: Severity::Critical,
    topic: Topic::Gate,
    what: "The gate will refuse its settings: its Job fails, and nothing is started, yielded or stopped",
    source: "gate/src/settings/check.rs: exit 2",
    detect: refuses,
};

/// Each Deployment that a gate scaled and that is still there, with its gate on both sides.
fn gated<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (&'a ObjectId, &'a Gate, Gate)> {
    let there = |id: &&ObjectId| case.head.get(id).is_some();
    case.gates_before
        .iter()
        .filter(move |(id, _)| there(id))
        .map(|(id, before)| (id, before, case.gates_after.get(id).cloned().unwrap_or_default()))
}

/// The jobs whose rest leaves the card unguarded.
const TAKES_DOWN: [(Action, &str); 2] = [(Action::Guard, "guard"), (Action::Down, "down")];

fn unguarded(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, before, after) in gated(case) {
        if after.active_job(Action::Up).is_none() {
            continue;
        }
        let lost =
            |action| before.active_job(action).is_some() && after.active_job(action).is_none();
        // A gate that was unguarded already, and now starts the server again, is no better.
        let woken = before.active_job(Action::Up).is_none();
        for (action, name) in TAKES_DOWN {
            if lost(action) || (woken && after.active_job(action).is_none()) {
                let rest = after.job(action).and_then(|job| job.inactive);
                let words = Message::of(format!(
                    "The window still opens, and {name} {}: {}",
                    rest.map_or("is gone", InactiveReason::text),
                    match action {
                        Action::Guard => "nothing yields the card while the others need it",
                        _ => "nothing stops the server when the window ends",
                    }
                ));
                findings.push(Finding::new(id, words));
            }
        }
    }
    findings
}

fn left_up(case: &Case<'_>) -> Vec<Finding> {
    gated(case)
        .filter(|(_, before, after)| {
            let none_takes_down =
                TAKES_DOWN.iter().all(|(action, _)| after.active_job(*action).is_none());
            after.active_job(Action::Up).is_none()
                && none_takes_down
                && TAKES_DOWN.iter().any(|(action, _)| before.active_job(*action).is_some())
                && before.may_be_up(case.now)
        })
        .map(|(id, ..)| {
            let words = Message::of(
                "The window is open and all of its jobs come to rest: if the server runs now, nothing scales it to 0 any more",
            );
            Finding::new(id, words)
        })
        .collect()
}

fn at_rest(case: &Case<'_>) -> Vec<Finding> {
    gated(case)
        .filter(|(_, before, after)| {
            before.active_job(Action::Up).is_some() && after.active_job(Action::Up).is_none()
        })
        .map(|(id, before, _)| {
            let open = before.may_be_up(case.now);
            let words = match open {
                true => {
                    "The window no longer opens; it is open now, so look whether a replica runs"
                }
                false => "The window no longer opens; it is closed now, so no replica should run",
            };
            Finding::new(id, Message::of(words))
        })
        .collect()
}

fn refuses(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (target, gate) in &case.gates_after {
        for job in &gate.jobs {
            let Err(error) = &job.settings else { continue };
            let before = case.gates_before.get(target);
            let was = before.and_then(|gate| gate.jobs.iter().find(|old| old.id == job.id));
            if was.is_none_or(|was| was.settings.is_ok()) {
                let words = Message::of("The gate will refuse to run: ").code(error.to_string());
                findings.push(Finding::new(&job.id, words));
            }
        }
    }
    findings
}
