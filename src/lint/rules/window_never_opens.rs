//! A window that is none.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::lint::window::Schedules;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "window-never-opens",
    severity: Severity::Warning,
    what: "No window opens, or one is shorter than a quarter of an hour",
    why: "The server is stopped before it has loaded its model, or it never starts.",
    mend: "Let `offPeak.down` run some hours after `offPeak.up`.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax",
    look: Look::Stack(look),
};

/// Less than this is no window, in minutes: a model takes minutes to load.
const SHORTEST: i64 = 15;

fn look(case: &Case<'_>) -> Vec<Site> {
    let Some(schedules) = Schedules::of(&case.values.off_peak) else { return Vec::new() };
    // One that never closes does open, and is worse: `guard-suspended` says so.
    if !schedules.down.can_run() {
        return Vec::new();
    }
    let windows = schedules.windows();
    let words = match windows.iter().map(|w| w.closes.duration_since(w.opens).as_mins()).min() {
        None => Message::of(
            "No window opens: the schedule never runs, or the window closes as it opens",
        ),
        Some(minutes) if minutes < SHORTEST => {
            Message::of(format!("A window is open for {minutes} min"))
        }
        Some(_) => return Vec::new(),
    };
    vec![Site::value(["offPeak", "up"], words)]
}
