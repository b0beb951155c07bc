//! A Job deadline that ends before the gate's attempts.

use std::time::Duration;

use vram_gate::decision::Action;
use vram_gate::settings;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::gate_jobs::admission;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "deadline-too-short",
    severity: Severity::Warning,
    summary: "The deadline leaves the gate less time than its attempts to sample the GPU take",
    rationale: "The gate gives up early: `up` does not start the server if the exporter is slow, and the guard yields without the second sample that could have avoided it, and an admission ends before it has let the Pod start.",
    fix: "Raise `offPeak.activeDeadlineSeconds`, or lower `gate.samples`, `gate.sampleIntervalSeconds` or `gate.recheckDelaySeconds`. With `gate.prometheus` a sample may also wait for `gate.maxAgeSeconds`.",
    source: "gate/src/settings: sampling may take the deadline less 15 s; gate/src/scrape.rs: three attempts of two requests",
    check: Check::Stack(deadline_too_short),
};

fn deadline_too_short(context: &RuleContext<'_>) -> Vec<Violation> {
    let jobs = context.gates.values().flat_map(|gate| &gate.jobs);
    // Other settings are the finding of `gate-settings-unchecked`.
    let of_jobs = jobs.filter_map(|job| job.settings.clone().ok());
    let admissions = context.gated_objects().filter_map(admission);
    let of_admissions = admissions.filter_map(|raw| settings::check(&raw, |_| None).ok());
    let mut worst: Option<(Duration, Duration, Action)> = None;
    for settings in of_jobs.chain(of_admissions) {
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
    // The deadline of an admission is the template's.
    let path =
        if action == Action::Admit { value_paths::GATE_SAMPLES } else { value_paths::DEADLINE };
    vec![Violation::at_value(path, message)]
}
