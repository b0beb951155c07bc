//! An end of a window that can come in the next one.

use vram_gate::decision::Action;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "down-into-window",
    severity: Severity::Warning,
    summary: "A run of `down` that is made up for late can stop the server in the next window",
    rationale: "When the controllers come back shortly before the window, `down` still runs while `up` starts the server: the server stops right away, and the window is lost.",
    fix: "Leave `offPeak.downStartingDeadlineSeconds` out, or let the last `down` run longer before `up`.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#starting-deadline; src/model/window.rs: the shortest time in two years from `down` to `up`, less the Job's deadline and a Pod's start",
    check: Check::Stack(down_into_window),
};

fn down_into_window(context: &RuleContext<'_>) -> Vec<Violation> {
    let field = ["spec", "startingDeadlineSeconds"];
    let Some(longest) = context.values.off_peak.longest_down_delay() else { return Vec::new() };
    let jobs = context.gates.values().filter_map(|gate| gate.job(Action::Down));
    jobs.filter_map(|job| {
        let object = context.objects.get(&job.id)?;
        let deadline = object.whole_at(&field).unwrap_or(i64::MAX);
        if deadline <= longest {
            return None;
        }
        let late = match object.whole_at(&field) {
            Some(deadline) => format!("up to {deadline} s late"),
            None => "however late".to_owned(),
        };
        let limit = match longest {
            ..0 => "even a run in time can".to_owned(),
            _ => format!("at most {longest} s late it can't"),
        };
        let message = Message::of(format!(
            "It may start {late}, and then still run when the next window opens; {limit}"
        ));
        Some(Violation::at_field(object, Path::of_keys(field), message))
    })
    .collect()
}
