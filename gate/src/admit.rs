//! Admission: an init container of the tenant's Pod waits until the GPU has room.
//!
//! It needs no token and calls no API server. Whatever created the Pod (a rollout, an eviction, a node that
//! rebooted), the server behind it does not load its model onto a full GPU.

use std::time::{Duration, Instant};

use vram_gate::decision::{Decision, Reading, Reason, decide};
use vram_gate::settings::{Sampling, SettingError, Settings};

use crate::report::{Outcome, Report, Sampled};
use crate::scrape::Exporter;
use crate::stop::Stop;

/// The shortest pause between two readings, whatever `SAMPLE_INTERVAL` is.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// Waits until as many readings in a row as `SAMPLES` leave the floor free, or until the deadline. A dry
/// run takes one reading and never waits.
///
/// # Errors
/// The exporter's CA certificates can't be read.
pub(crate) fn wait_for_room(
    settings: &Settings,
    sampling: &Sampling,
    start: Instant,
    stop: &Stop,
) -> Result<Report, SettingError> {
    let exporter = Exporter::new(sampling)?;
    let until = start + settings.sampling_time();
    let pause = sampling.sample_interval.max(MIN_PAUSE);
    let mut passed = 0;
    let mut samples = 0;
    let mut printed: Option<Reason> = None;
    loop {
        let scrape = exporter.read_usage(until, stop);
        samples += 1;
        let reading = scrape.as_ref().map_or(Reading::Failed, |usage| Reading::Scraped(*usage));
        let decision = decide(settings.action, &reading, &sampling.rules);
        passed = if decision.reason == Reason::FloorFree { passed + 1 } else { 0 };
        let is_over = pause >= until.saturating_duration_since(Instant::now());
        let outcome = match passed {
            _ if stop.gives_up() => Outcome::NotAdmitted,
            1.. if settings.dry_run || passed >= sampling.samples => Outcome::Admitted,
            _ if settings.dry_run => Outcome::WouldWait,
            _ if is_over => Outcome::NotAdmitted,
            _ => Outcome::Waiting,
        };
        let report = Report {
            decision: Some(if stop.gives_up() { Decision::STOPPED } else { decision }),
            sampled: Some(Sampled {
                scrape,
                samples,
                rules: sampling.rules,
                action: settings.action,
            }),
            ..Report::new(Some(settings), outcome)
        };
        if report.outcome != Outcome::Waiting {
            return Ok(report);
        }
        if passed == 0 && printed != Some(decision.reason) {
            report.print(settings.output.format, start.elapsed());
            printed = Some(decision.reason);
        }
        stop.sleep(pause);
        if stop.gives_up() {
            let decision = Some(Decision::STOPPED);
            return Ok(Report { outcome: Outcome::NotAdmitted, decision, ..report });
        }
    }
}
