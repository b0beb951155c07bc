//! One run: sample, decide, scale.

use std::time::{Duration, Instant};

use vram_gate::decision::{Action, Decision, Reading, decide};
use vram_gate::settings::{Sampling, SettingError, Settings};

use crate::admit;
use crate::report::{Outcome, Report, Sampled};
use crate::scale::{ScaleClient, ScaleError};
use crate::scrape::Exporter;
use crate::stop::Stop;
use crate::watcher;

/// The most time that `up` takes to find out whether the tenant has a replica, before it samples.
const MAX_LOOK: Duration = Duration::from_secs(3);

/// Runs once with checked settings, and the errors in spite of which it runs.
pub(crate) fn run(settings: &Settings, mut errors: Vec<SettingError>, start: Instant) -> Report {
    let stop = Stop::of(settings.action);
    if let (Action::Admit, Some(sampling)) = (settings.action, &settings.sampling) {
        return match admit::wait_for_room(settings, sampling, start, &stop) {
            Ok(report) => report,
            Err(error) => Report::new(Some(settings), misconfigured(&error)),
        };
    }
    if let (Some(sampling), Some(watching), true) =
        (&settings.sampling, &settings.watching, errors.is_empty())
    {
        match watcher::watch(settings, sampling, watching, start, &stop) {
            Ok(report) => return report,
            Err(error) => errors.push(error),
        }
    }
    let mut client = ScaleClient::new(&settings.target);
    if let (Action::Up, Ok(client)) = (settings.action, &mut client) {
        let until = start + MAX_LOOK.min(settings.deadline / 10);
        // Without an answer the tenant is taken to be stopped: scaling reads its replicas again.
        let before = client.read_replicas(until, &stop).ok().filter(|replicas| *replicas > 0);
        if before.is_some() {
            let decision = Some(Decision::ALREADY_UP);
            return Report { decision, before, ..Report::new(Some(settings), Outcome::LeftAlone) };
        }
    }
    let decided = match &settings.sampling {
        None => Ok((Decision::WINDOW_END, None)),
        Some(_) if !errors.is_empty() => Ok((Decision::MISCONFIGURED, None)),
        Some(sampling) => sample_and_decide(sampling, start, settings, &stop),
    };
    let (decision, sampled) = match decided {
        Ok(decided) => decided,
        Err(error) if settings.action == Action::Guard => {
            errors.push(error);
            (Decision::MISCONFIGURED, None)
        }
        Err(error) => return Report::new(Some(settings), misconfigured(&error)),
    };
    let until = (Instant::now() + settings.target.budget).min(start + settings.deadline);
    let (outcome, before) = apply(settings, &decision, client, until, &stop);
    let (decision, outcome) = match outcome {
        // The signal arrived after the decision to start the tenant.
        Outcome::LeftAlone if decision.scale_to.is_some() => (Decision::STOPPED, outcome),
        // It arrived before a guard that was left in peace would have decided.
        Outcome::LeftAlone if stop.is_requested() && settings.action == Action::Guard => {
            (decision, Outcome::Interrupted)
        }
        _ => (decision, outcome),
    };
    Report {
        decision: Some(decision),
        sampled,
        before,
        setting_errors: errors,
        ..Report::new(Some(settings), outcome)
    }
}

fn misconfigured(error: &SettingError) -> Outcome {
    Outcome::Misconfigured(error.to_string())
}

/// Takes as many samples as the decision needs.
fn sample_and_decide(
    sampling: &Sampling,
    start: Instant,
    settings: &Settings,
    stop: &Stop,
) -> Result<(Decision, Option<Sampled>), SettingError> {
    let action = settings.action;
    let exporter = Exporter::new(sampling)?;
    let until = start + settings.sampling_time();
    let mut samples = 0;
    loop {
        let scrape = exporter.read_usage(until, stop);
        samples += 1;
        let reading = scrape.as_ref().map_or(Reading::Failed, |usage| Reading::Scraped(*usage));
        let decision = match stop.gives_up() {
            true => Decision::STOPPED,
            false => decide(action, &reading, &sampling.rules),
        };
        // `up` needs several readings that pass. The guard decides at once, except over bytes that
        // may be the tenant's own.
        let pause = match action {
            Action::Up if decision.scale_to.is_some() && samples < sampling.samples => {
                sampling.sample_interval
            }
            Action::Guard
                if decision.recheck
                    && samples < 2
                    && !sampling.recheck_delay.is_zero()
                    && !stop.is_requested() =>
            {
                sampling.recheck_delay
            }
            _ => {
                return Ok((
                    decision,
                    Some(Sampled { scrape, samples, rules: sampling.rules, action }),
                ));
            }
        };
        // Without time for another sample, `up` fails the next reading, and the guard counts the
        // bytes as a resident's.
        let left = until.saturating_duration_since(Instant::now());
        if pause + sampling.timeout.min(left) > left && action == Action::Guard {
            return Ok((
                decision,
                Some(Sampled { scrape, samples, rules: sampling.rules, action }),
            ));
        }
        stop.sleep(pause.min(left));
        if stop.gives_up() {
            let sampled = Sampled { scrape, samples, rules: sampling.rules, action };
            return Ok((Decision::STOPPED, Some(sampled)));
        }
    }
}

/// Applies the decision; returns the outcome and the replicas before, if they were read.
fn apply(
    settings: &Settings,
    decision: &Decision,
    client: Result<ScaleClient<'_>, SettingError>,
    until: Instant,
    stop: &Stop,
) -> (Outcome, Option<i64>) {
    let Some(replicas) = decision.scale_to else {
        return (Outcome::LeftAlone, None);
    };
    if settings.dry_run {
        let replicas = client.ok().map(|mut client| client.read_replicas(until, &Stop::default()));
        let before = replicas.and_then(Result::ok);
        return (Outcome::WouldScale, before);
    }
    let mut client = match client {
        Ok(client) => client,
        Err(error) => return (misconfigured(&error), None),
    };
    // A decision to release the GPU is carried out, with all its attempts.
    let release = Stop::default();
    let stop = if replicas == 0 { &release } else { stop };
    match client.ensure_replicas(replicas, until, stop) {
        Ok(scaled) if scaled.patched => (Outcome::Scaled, scaled.before),
        Ok(scaled) => (Outcome::AlreadyThere, scaled.before),
        Err(ScaleError::Stopped) => (Outcome::LeftAlone, None),
        Err(ScaleError::Setting(error)) => (misconfigured(&error), None),
        Err(ScaleError::Failed(problem)) => (Outcome::Failed(problem), None),
    }
}
