//! The loop of a watch: look, decide, scale, until the window ends.
//!
//! A second thread takes the looks, so that a server that does not answer delays neither SIGTERM nor the
//! window's end. The decisions are the library's ([`vram_gate::watch`]); every change of the scale is made
//! here, by one thread.

mod journal;
mod looker;
mod prober;
mod record;

pub(crate) use record::Record;

use std::time::{Duration, Instant};

use vram_gate::decision::{Action, Decision, Reading, Reason};
use vram_gate::demand::{DemandPlan, demand_of};
use vram_gate::exposition::Usage;
use vram_gate::settings::{Sampling, SettingError, Settings, Watching};
use vram_gate::watch::{Look, Moment, Step, Watch};

use crate::heartbeat::{Heartbeat, Used};
use crate::report::{Outcome, Report, Sampled};
use crate::scale::{ScaleClient, ScaleError};
use crate::scrape;
use crate::stop::Stop;

use journal::Journal;
use looker::{Event, Looker, Seen};
use prober::Prober;

/// The most time for one decision to start the tenant: what was read must not be old when it acts.
const MAX_START_TIME: Duration = Duration::from_secs(5);

/// The most time for one decision to stop it, within the liveness probe's 60 s; the next look tries again.
const MAX_STOP_TIME: Duration = Duration::from_secs(20);

/// Watches until the window ends, somebody else closes it, or SIGTERM arrives.
///
/// # Errors
/// The CA certificates, or the files of the service account, can't be read.
pub(crate) fn watch(
    settings: &Settings,
    sampling: &Sampling,
    watching: &Watching,
    start: Instant,
    stop: &Stop,
) -> Result<Report, SettingError> {
    let client = match ScaleClient::new(&settings.target) {
        Ok(client) => Some(client),
        // A dry run outside a cluster.
        Err(_) if settings.dry_run => None,
        Err(error) => return Err(error),
    };
    let looker = Looker::start(settings, sampling)?;
    let heartbeat = Heartbeat::new(watching.heartbeat.clone());
    let earlier = heartbeat.used_earlier();
    let mut watch = Watch::new(sampling.rules, watching.plan, earlier.starts);
    let mut prober = None;
    if let Some(demanding) = &watching.demand {
        prober = Some(Prober::start(demanding, sampling)?);
        watch = watch.with_demand(demanding.plan, earlier.time);
    }
    let record = Record::new(watch.end_ms());
    let mut watcher = Watcher {
        settings,
        sampling,
        stop,
        start,
        client,
        heartbeat,
        watch,
        record,
        journal: Journal::default(),
        prober,
        is_unknown_reported: false,
        scrape: Err("nothing was read".to_owned()),
    };
    watcher.beat();
    watcher.run(&looker, watching.interval)
}

struct Watcher<'a> {
    settings: &'a Settings,
    sampling: &'a Sampling,
    stop: &'a Stop,
    start: Instant,
    client: Option<ScaleClient<'a>>,
    heartbeat: Heartbeat,
    watch: Watch,
    record: Record,
    journal: Journal,
    /// The demand, if the tenant starts by demand alone.
    prober: Option<Prober>,
    /// It has been reported that the demand is unknown.
    is_unknown_reported: bool,
    /// The latest scrape, or the problem with it.
    scrape: Result<Usage, String>,
}

impl Watcher<'_> {
    fn run(&mut self, looker: &Looker, interval: Duration) -> Result<Report, SettingError> {
        let mut next_look = self.start;
        let mut is_looking = false;
        // The replicas of a look that began before the last change of the scale are old.
        let mut is_scale_changed = false;
        loop {
            if self.stop.is_requested() {
                return Ok(self.end_early());
            }
            let now = Instant::now();
            if !is_looking && now >= next_look {
                next_look = now + interval;
                is_looking = looker.ask();
                is_scale_changed = false;
            }
            self.note_demand();
            let until = if is_looking { None } else { Some(next_look) };
            let step = match looker.wait(until) {
                Event::Seen(seen) => {
                    is_looking = false;
                    Some(self.note_look(seen, is_scale_changed)?)
                }
                // Another attempt to scale waits for the next look; the end does not.
                Event::Nothing => {
                    self.wait().filter(|step| matches!(step, Step::End(_)) || !is_scale_changed)
                }
                Event::Lost => return Ok(self.end_without_looks()),
            };
            match step {
                None => {}
                Some(Step::Continue(decision)) => {
                    is_scale_changed |= decision.scale_to.is_some();
                    self.continue_with(&decision);
                }
                Some(Step::End(decision)) => return Ok(self.end(decision)),
            }
        }
    }

    fn moment(&self) -> Moment {
        // A clock before 1970 is before every window.
        Moment { elapsed: self.start.elapsed(), now_ms: scrape::now_ms().unwrap_or(0) }
    }

    /// Writes the heartbeat.
    fn beat(&self) {
        let used = Used { starts: self.watch.starts(), time: self.watch.time_used() };
        self.heartbeat.beat(used);
    }

    /// Takes a new answer about demand, and reports once that there has been no count for long.
    fn note_demand(&mut self) {
        let Some(answer) = self.prober.as_ref().and_then(Prober::take) else { return };
        let moment = self.moment();
        let demand = demand_of(answer.as_ref().ok().copied());
        self.watch.note_demand(moment, demand);
        let unknown_for = self.watch.demand_unknown_for(moment);
        self.record.note_demand(demand, unknown_for, answer.err());
        let is_long = unknown_for >= DemandPlan::REPORT_AFTER;
        if is_long && !self.is_unknown_reported {
            let decision = Some(Decision::DEMAND_UNKNOWN);
            let report = self.report(Outcome::LeftAlone, decision, self.watch.replicas());
            report.write(&self.settings.output, self.start.elapsed());
        }
        self.is_unknown_reported = is_long;
    }

    /// Decides after a look.
    fn note_look(&mut self, seen: Seen, is_scale_changed: bool) -> Result<Step, SettingError> {
        let moment = self.moment();
        let is_first = self.record.looks == 0;
        let replicas = match seen.replicas {
            // In a dry run the scale is what it would be.
            _ if self.settings.dry_run && !is_first => None,
            Ok(replicas) => Some(replicas),
            Err(_) if self.settings.dry_run => Some(0),
            Err(ScaleError::Setting(error)) if is_first => return Err(error),
            Err(_) => None,
        };
        let replicas = match is_scale_changed {
            true => None,
            false if self.settings.dry_run => replicas.or(self.watch.replicas()),
            false => replicas,
        };
        let reading =
            seen.sample.as_ref().map_or(Reading::Failed, |sample| Reading::Scraped(sample.usage));
        let number = seen.sample.as_ref().ok().and_then(|sample| sample.number());
        self.scrape = seen.sample.map(|sample| sample.usage);
        let step = self.watch.look(moment, &Look { replicas, reading, number });
        let usage = self.scrape.as_ref().ok();
        self.record.note_look(moment, self.watch.replicas(), usage, &self.sampling.rules);
        self.beat();
        Ok(step)
    }

    /// Decides while a look takes long.
    fn wait(&mut self) -> Option<Step> {
        let moment = self.moment();
        let step = self.watch.wait(moment)?;
        if matches!(step, Step::Continue(decision) if decision.reason == Reason::NoReading)
            && self.scrape.is_ok()
        {
            self.scrape = Err("no answer for as long as STALE".to_owned());
        }
        Some(step)
    }

    /// Carries a decision out, and reports it if it is news.
    fn continue_with(&mut self, decision: &Decision) {
        let (outcome, before) = match decision.scale_to {
            Some(replicas) => {
                let most = if replicas == 0 { MAX_STOP_TIME } else { MAX_START_TIME };
                self.scale(replicas, decision.reason, most)
            }
            None => (Outcome::LeftAlone, None),
        };
        if self.journal.is_news(&outcome, decision, self.start.elapsed()) {
            let report = self.report(outcome, Some(*decision), before);
            report.write(&self.settings.output, self.start.elapsed());
        }
    }

    /// Scales the tenant; returns the outcome, and the replicas before.
    fn scale(&mut self, replicas: u32, reason: Reason, most: Duration) -> (Outcome, Option<i64>) {
        self.watch.note_asked(replicas);
        let result = match &mut self.client {
            _ if self.settings.dry_run => Ok(None),
            None => Err(ScaleError::Failed("there is no API server".to_owned())),
            Some(client) => {
                let until = Instant::now() + most.min(self.settings.target.budget);
                // SIGTERM interrupts a start alone.
                let never = Stop::default();
                let stop = if replicas == 0 { &never } else { self.stop };
                client.ensure_replicas(replicas, until, stop).map(Some)
            }
        };
        let moment = self.moment();
        let outcome = match &result {
            Ok(None) => Outcome::WouldScale,
            Ok(Some(scaled)) if scaled.patched => Outcome::Scaled,
            Ok(Some(_)) => Outcome::AlreadyThere,
            Err(ScaleError::Stopped) => Outcome::LeftAlone,
            Err(ScaleError::Setting(error)) => Outcome::Failed(error.to_string()),
            Err(ScaleError::Failed(problem)) => Outcome::Failed(problem.clone()),
        };
        if result.is_ok() {
            self.watch.note_scaled(replicas);
            let usage = self.scrape.as_ref().ok();
            self.record.note_scaled(replicas, reason, moment, usage, &self.sampling.rules);
        }
        self.beat();
        let before = result.ok().flatten().and_then(|scaled| scaled.before);
        (outcome, before)
    }

    /// Ends at the window's end, or because somebody else has closed it.
    fn end(&mut self, decision: Decision) -> Report {
        let (outcome, before) = match decision.scale_to {
            Some(replicas) => {
                let budget = self.settings.target.budget;
                self.scale(replicas, decision.reason, budget)
            }
            None => (Outcome::LeftAlone, self.watch.replicas()),
        };
        self.report(outcome, Some(decision), before)
    }

    /// Ends because of SIGTERM: nothing guards the tenant until the Job goes on in another Pod.
    fn end_early(&mut self) -> Report {
        let decision = Decision::TERMINATED;
        let (outcome, before) = self.scale(0, decision.reason, MAX_STOP_TIME);
        let outcome = match outcome {
            Outcome::Failed(_) => outcome,
            _ => Outcome::Interrupted,
        };
        self.report(outcome, Some(decision), before)
    }

    /// Ends because the thread of the looks has ended, which only a fault of this program can cause.
    fn end_without_looks(&mut self) -> Report {
        let decision = Decision::TERMINATED;
        let (_, before) = self.scale(0, decision.reason, MAX_STOP_TIME);
        let outcome = Outcome::Failed("the thread that reads the GPU has ended".to_owned());
        self.report(outcome, Some(decision), before)
    }

    fn report(&self, outcome: Outcome, decision: Option<Decision>, before: Option<i64>) -> Report {
        let is_stopped = self.watch.replicas() == Some(0);
        let sampled = Sampled {
            scrape: self.scrape.clone(),
            samples: 1,
            rules: self.sampling.rules,
            action: if is_stopped { Action::Up } else { Action::Guard },
        };
        Report {
            decision,
            sampled: Some(sampled),
            before,
            record: Some(self.record.until(self.moment())),
            ..Report::new(Some(self.settings), outcome)
        }
    }
}
