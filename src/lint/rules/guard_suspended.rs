//! A gate that opens the window and does not watch or close it.

use vram_gate::decision::Action;

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path};
use crate::model::gate_jobs::Rest;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "guard-suspended",
    severity: Severity::Critical,
    what: "The job that starts the server runs, and the one that yields or the one that stops it is suspended, never due, or missing",
    why: "The server then runs unguarded, or for ever: all jobs rest, or none.",
    mend: "Suspend all three jobs or none: `offPeak.suspend` does. Look at the template if it is not that value.",
    source: "docs/server.md; https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut found = Vec::new();
    for gate in case.gates.values() {
        let Some(up) = gate.awake(Action::Up) else { continue };
        for (action, name) in [(Action::Guard, "guard"), (Action::Down, "down")] {
            if gate.awake(action).is_some() {
                continue;
            }
            let (id, field, why) = match gate.job(action).map(|job| (job, job.rest)) {
                Some((job, Some(rest))) => {
                    let field = match rest {
                        Rest::Suspended => "suspend",
                        Rest::NeverRuns => "schedule",
                        Rest::DryRun => "jobTemplate",
                    };
                    (&job.id, path(&["spec", field]), rest.words())
                }
                _ => (&up.id, path(&["metadata", "name"]), "is missing"),
            };
            let Some(object) = case.objects.get(id) else { continue };
            let words = Message::of("The job for ")
                .code(name)
                .and(format!(" {why}, and the one that starts the server does not rest"));
            found.push(Site::field(object, field, words));
        }
    }
    found
}
