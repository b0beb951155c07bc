//! The order of things: look, decide, scale, tell.

use std::thread::sleep;
use std::time::Instant;

use vram_gate::decision::{Action, Decision, Reading, decide};
use vram_gate::settings::{Look, SettingError, Settings};

use crate::report::{Outcome, Report, Seen};
use crate::scale::{Scale, ScaleError};
use crate::scrape::Exporter;

/// Runs once, by settings that were checked.
pub(crate) fn run(settings: &Settings, start: Instant) -> Report {
    let looked = match &settings.look {
        Some(look) => look_at(settings.action, look, start, settings),
        None => Ok((Decision::WINDOW_END, None)),
    };
    let (decision, seen) = match looked {
        Ok(looked) => looked,
        Err(error) => return Report::new(Some(settings), misconfigured(&error)),
    };
    let until = (Instant::now() + settings.target.budget).min(start + settings.deadline);
    let (outcome, before) = act(settings, &decision, until);
    Report { decision: Some(decision), seen, before, ..Report::new(Some(settings), outcome) }
}

fn misconfigured(error: &SettingError) -> Outcome {
    Outcome::Misconfigured(error.to_string())
}

/// Looks as often as it takes to be sure.
fn look_at(
    action: Action,
    look: &Look,
    start: Instant,
    settings: &Settings,
) -> Result<(Decision, Option<Seen>), SettingError> {
    let exporter = Exporter::new(look)?;
    let until = start + settings.time_to_look();
    let mut looks = 0;
    loop {
        let page = exporter.read(until);
        looks += 1;
        let reading = page.as_ref().map_or(Reading::Failed, |usage| Reading::Page(*usage));
        let decision = decide(action, &reading, &look.rules);
        // `up` is sure after so many readings that pass; the guard at once,
        // save for bytes that may be the tenant's own.
        let pause = match action {
            Action::Up if decision.scale_to.is_some() && looks < look.samples => {
                look.sample_interval
            }
            Action::Guard if decision.look_again && looks < 2 && !look.look_again.is_zero() => {
                look.look_again
            }
            _ => {
                return Ok((decision, Some(Seen { page, looks, rules: look.rules })));
            }
        };
        // Without time for another look, `up` is not sure, and the guard
        // takes the bytes for somebody else's.
        let left = until.saturating_duration_since(Instant::now());
        if pause + look.timeout.min(left) > left && action == Action::Guard {
            return Ok((decision, Some(Seen { page, looks, rules: look.rules })));
        }
        sleep(pause.min(left));
    }
}

/// Does what was decided, and says how it went and what replicas there were.
fn act(settings: &Settings, decision: &Decision, until: Instant) -> (Outcome, Option<i64>) {
    let Some(replicas) = decision.scale_to else {
        return (Outcome::LeftAlone, None);
    };
    if settings.dry_run {
        let scale = Scale::new(&settings.target).ok();
        return (Outcome::WouldScale, scale.and_then(|mut scale| scale.get(until).ok()));
    }
    let mut scale = match Scale::new(&settings.target) {
        Ok(scale) => scale,
        Err(error) => return (misconfigured(&error), None),
    };
    match scale.set(replicas, until) {
        Ok(scaled) if scaled.patched => (Outcome::Scaled, scaled.before),
        Ok(scaled) => (Outcome::AlreadyThere, scaled.before),
        Err(ScaleError::Setting(error)) => (misconfigured(&error), None),
        Err(ScaleError::Failed(problem)) => (Outcome::Failed(problem), None),
    }
}
