//! A Job deadline that ends before the gate's attempts.

use std::time::Duration;

use vram_gate::decision::Action;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "deadline-too-short",
    severity: Severity::Warning,
    summary: "The Jobs' deadline leaves the gate less time than its attempts to sample the GPU take",
    rationale: "The gate gives up early: `up` does not start the server if the exporter is slow, and the guard yields without the second sample that could have avoided it.",
    fix: "Raise `offPeak.activeDeadlineSeconds`, or lower `gate.samples`, `gate.sampleIntervalSeconds` or `gate.recheckDelaySeconds`.",
    source: "gate/src/settings: sampling may take the deadline less 15 s; gate/src/scrape.rs: three attempts of two requests",
    check: Check::Stack(deadline_too_short),
};

fn deadline_too_short(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut worst: Option<(Duration, Duration, Action)> = None;
    for job in context.gates.values().flat_map(|gate| &gate.jobs) {
        // Other settings are the finding of `gate-settings-unchecked`.
        let Ok(settings) = &job.settings else { continue };
        // `down` takes no samples.
        let Some(sampling) = &settings.sampling else { continue };
        let needed = sampling.pace().max_sampling_time(settings.action);
        let available = settings.sampling_time();
        if needed > available && worst.is_none_or(|(most, ..)| needed > most) {
            worst = Some((needed, available, settings.action));
        }
    }
    let Some((needed, available, action)) = worst else { return Vec::new() };
    let message = Message::of("The attempts and pauses of ").code(action.name()).and(format!(
        " take up to {} s, and the deadline leaves {} s for them",
        needed.as_secs_f32().ceil(),
        available.as_secs()
    ));
    vec![Violation::at_value(value_paths::DEADLINE, message)]
}
