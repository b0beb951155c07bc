//! A Job that ends before the gate has tried.

use std::time::Duration;

use vram_gate::decision::Action;
use vram_gate::settings::Sampling;

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "deadline-too-short",
    severity: Severity::Warning,
    what: "The Jobs' deadline leaves the gate less time than its tries to read the page take",
    why: "The gate gives up early: `up` then starts nothing on a slow exporter, and the guard yields on bytes that it could have looked at again.",
    mend: "Raise `offPeak.activeDeadlineSeconds`, or lower `gate.samples`, `gate.sampleIntervalSeconds` or `gate.recheckDelaySeconds`.",
    source: "gate/src/settings: the time to look is the deadline less 15 s; gate/src/scrape.rs: three tries",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut worst: Option<(Duration, Duration, Action)> = None;
    for job in case.gates.values().flat_map(|gate| &gate.jobs) {
        let Ok(settings) = &job.settings else { continue };
        let Some(sampling) = &settings.sampling else { continue };
        let (needed, left) = (needed(job.action, sampling), settings.sampling_time());
        if needed > left && worst.is_none_or(|(most, ..)| needed > most) {
            worst = Some((needed, left, job.action));
        }
    }
    let Some((needed, left, action)) = worst else { return Vec::new() };
    let name =
        Action::NAMES.iter().find(|(_, known)| *known == action).map_or("", |(name, _)| name);
    let words = Message::of("The tries and pauses of ").code(name).and(format!(
        " take up to {} s, and it has {} s for them",
        needed.as_secs_f32().ceil(),
        left.as_secs()
    ));
    vec![Site::value(["offPeak", "activeDeadlineSeconds"], words)]
}

/// All tries of the first reading, and one try of each that follows it.
fn needed(action: Action, sampling: &Sampling) -> Duration {
    let again = match action {
        Action::Up => {
            (sampling.sample_interval + sampling.timeout) * sampling.samples.saturating_sub(1)
        }
        _ if sampling.recheck_delay.is_zero() => Duration::ZERO,
        _ => sampling.recheck_delay + sampling.timeout,
    };
    // The pause before a second look follows a page that was read: at the first try, as a rule.
    sampling.max_reading_time().max(sampling.timeout + again)
}
