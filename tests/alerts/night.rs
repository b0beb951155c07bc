//! The metrics of a night, as kube-state-metrics and the exporter would have them, minute by minute.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use kube_validate::schedule::{Schedule, zone};
use serde_json::{Value, json};

/// The CronJobs of values/tts.yaml.
pub const UP: &str = "chatterbox-window-up";
pub const GUARD: &str = "chatterbox-vram-guard";
pub const DOWN: &str = "chatterbox-window-down";
/// A Pod of the server.
pub const SERVER_POD: &str = "chatterbox-tts-7d9c5b-x2lqp";

/// The CronJob of overlays/demand.yaml.
pub const DEMAND: &str = "chatterbox-tts-demand";

const SCHEDULES: &[(&str, &str)] =
    &[(UP, "0 2 * * *"), (GUARD, "*/5 2-5 * * *"), (DOWN, "0 6-22/2,0 * * *")];
/// Those of overlays/demand.yaml.
const WITH_DEMAND: &[(&str, &str)] = &[
    (UP, "0 2 * * *"),
    (GUARD, "*/30 2-5,8-21 * * *"),
    (DOWN, "0 0,6,7,22,23 * * *"),
    (DEMAND, "0 8 * * *"),
];
const GIB: f64 = 1073741824.0;

/// A night. Minutes count from its start.
pub struct Night {
    start: Timestamp,
    minutes: usize,
    schedules: &'static [(&'static str, &'static str)],
    /// Minutes in which the server has a replica.
    served: Vec<Range<usize>>,
    /// Minutes in which the tenant's memory is some GiB, whatever its replicas.
    memory: Vec<(Range<usize>, u32)>,
    /// Minutes in which others use some GiB instead of 8.
    others: Vec<(Range<usize>, u32)>,
    /// Minutes in which a CronJob is not run.
    missed: Vec<(&'static str, Range<usize>)>,
    /// Minutes in which a CronJob's runs fail.
    failing: Vec<(&'static str, Range<usize>)>,
    suspended: Vec<(&'static str, usize)>,
    deleted: Vec<(&'static str, usize)>,
    pending: Range<usize>,
    pending_run: Range<usize>,
    /// Minutes in which a Pod of a CronJob runs a watch.
    watched: Vec<(&'static str, Range<usize>)>,
    no_exporter: Range<usize>,
    no_state_metrics: Range<usize>,
    has_time_zone: bool,
    has_jobs: bool,
    /// Minutes for which a finished Job stays.
    kept: usize,
}

impl Night {
    /// A night of some hours in which nothing happens but the schedules.
    pub fn new(start: &str, hours: usize) -> Self {
        Night {
            start: start.parse().unwrap(),
            minutes: hours * 60,
            schedules: SCHEDULES,
            served: Vec::new(),
            memory: Vec::new(),
            others: Vec::new(),
            missed: Vec::new(),
            failing: Vec::new(),
            suspended: Vec::new(),
            deleted: Vec::new(),
            pending: 0..0,
            pending_run: 0..0,
            watched: Vec::new(),
            no_exporter: 0..0,
            no_state_metrics: 0..0,
            has_time_zone: true,
            has_jobs: true,
            kept: 26 * 60,
        }
    }

    /// Runs the jobs of overlays/demand.yaml.
    pub fn by_demand(mut self) -> Self {
        self.schedules = WITH_DEMAND;
        self
    }

    pub fn served(mut self, from: usize, to: usize) -> Self {
        self.served.push(from..to);
        self
    }

    pub fn memory(mut self, from: usize, to: usize, gib: u32) -> Self {
        self.memory.push((from..to, gib));
        self
    }

    pub fn others(mut self, from: usize, to: usize, gib: u32) -> Self {
        self.others.push((from..to, gib));
        self
    }

    pub fn without(mut self, job: &'static str, minutes: Range<usize>) -> Self {
        self.missed.push((job, minutes));
        self
    }

    pub fn failing(mut self, job: &'static str, minutes: Range<usize>) -> Self {
        self.failing.push((job, minutes));
        self
    }

    pub fn suspended(mut self, job: &'static str, from: usize) -> Self {
        self.suspended.push((job, from));
        self
    }

    pub fn deleted(mut self, job: &'static str, from: usize) -> Self {
        self.deleted.push((job, from));
        self
    }

    pub fn pending(mut self, from: usize, to: usize) -> Self {
        self.pending = from..to;
        self
    }

    pub fn pending_run(mut self, from: usize, to: usize) -> Self {
        self.pending_run = from..to;
        self
    }

    pub fn watched(mut self, job: &'static str, from: usize, to: usize) -> Self {
        self.watched.push((job, from..to));
        self
    }

    pub fn without_exporter(mut self, minutes: Range<usize>) -> Self {
        self.no_exporter = minutes;
        self
    }

    pub fn without_state_metrics(mut self, minutes: Range<usize>) -> Self {
        self.no_state_metrics = minutes;
        self
    }

    pub fn without_time_zone(mut self) -> Self {
        self.has_time_zone = false;
        self
    }

    pub fn without_jobs(mut self) -> Self {
        self.has_jobs = false;
        self
    }

    pub fn kept(mut self, minutes: usize) -> Self {
        self.kept = minutes;
        self
    }

    /// Seconds from the start to an instant: promtool's clock starts at 0.
    fn seconds(&self, instant: Timestamp) -> f64 {
        instant.duration_since(self.start).as_secs() as f64
    }

    fn instant(&self, minute: usize) -> Timestamp {
        self.start.checked_add(SignedDuration::from_mins(minute as i64)).unwrap()
    }

    /// All series, in promtool's form.
    pub fn series(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for &(name, schedule) in self.schedules {
            self.add_cron_job(name, schedule, &mut all);
        }
        let replicas = |minute: usize| {
            f64::from(u8::from(self.served.iter().any(|served| served.contains(&minute))))
        };
        self.add(
            &mut all,
            r#"kube_deployment_spec_replicas{namespace="tts",deployment="chatterbox-tts"}"#,
            |minute| Some(replicas(minute)),
        );
        let phase = |pod: &str, phase: &str| {
            format!(r#"kube_pod_status_phase{{namespace="tts",pod="{pod}",phase="{phase}"}}"#)
        };
        for (index, (job, minutes)) in self.watched.iter().enumerate() {
            // kube-state-metrics has each phase of a Pod that is there.
            let pod = format!("{job}-2992764{index}-abcde");
            for name in ["Pending", "Running"] {
                let value = f64::from(u8::from(name == "Running"));
                self.add(&mut all, &phase(&pod, name), |minute| {
                    minutes.contains(&minute).then_some(value)
                });
            }
        }
        self.add(&mut all, &phase(SERVER_POD, "Pending"), |minute| {
            (replicas(minute) > 0.0).then(|| f64::from(u8::from(self.pending.contains(&minute))))
        });
        // A run of a CronJob whose name begins as the server's Pods do.
        let run = "chatterbox-tts-window-up-29927640-abcde";
        self.add(&mut all, &phase(run, "Pending"), |minute| {
            self.pending_run.contains(&minute).then_some(1.0)
        });
        self.add(
            &mut all,
            &format!(r#"kube_pod_owner{{namespace="tts",pod="{run}",owner_kind="Job"}}"#),
            |minute| self.pending_run.contains(&minute).then_some(1.0),
        );
        let at = |list: &[(Range<usize>, u32)], minute: usize| {
            let found = list.iter().rev().find(|(minutes, _)| minutes.contains(&minute));
            found.map(|(_, gib)| f64::from(*gib))
        };
        for (namespace, gib) in [("tts", 4.0), ("immich", 8.0)] {
            let name = format!(r#"gpu_pod_memory_used_bytes{{namespace="{namespace}"}}"#);
            self.add_exporter(&mut all, &name, |minute| match namespace {
                "tts" => {
                    let used = at(&self.memory, minute).unwrap_or(replicas(minute) * gib);
                    (used > 0.0).then_some(used * GIB)
                }
                // Just enough for the GPU to be nearly full.
                _ => Some(at(&self.others, minute).map_or(gib, |gib| gib + 0.75) * GIB),
            });
        }
        all
    }

    fn add_cron_job(&self, name: &'static str, schedule: &str, all: &mut Vec<Value>) {
        let schedule: Schedule = schedule.parse().unwrap();
        let zone = zone("Europe/London").unwrap();
        let has = |list: &[(&str, Range<usize>)], minute: usize| {
            list.iter().any(|(job, minutes)| *job == name && minutes.contains(&minute))
        };
        let is_gone =
            |minute: usize| self.deleted.iter().any(|(job, from)| *job == name && minute >= *from);
        let is_suspended = |minute: usize| {
            self.suspended.iter().any(|(job, from)| *job == name && minute >= *from)
        };
        // The last run before the start.
        let day_before = self.start.checked_sub(SignedDuration::from_hours(48)).unwrap();
        let mut last = schedule.runs(day_before, self.start, &zone).last().unwrap();
        let mut succeeded = last;
        let (mut lasts, mut nexts, mut successes) = (Vec::new(), Vec::new(), Vec::new());
        let mut runs: Vec<(usize, bool)> = Vec::new();
        for minute in 0..self.minutes {
            let now = self.instant(minute);
            // A run that was missed is made up for, as `down`'s long starting deadline allows.
            let due = schedule.next_after(last, &zone).filter(|due| *due <= now);
            let is_run = due.is_some() && !has(&self.missed, minute) && !is_suspended(minute);
            if is_run && !is_gone(minute) {
                let latest = schedule
                    .runs(last, now.checked_add(SignedDuration::from_secs(1)).unwrap(), &zone)
                    .last();
                last = latest.unwrap();
                let fails = has(&self.failing, minute);
                runs.push((minute, fails));
                if !fails {
                    succeeded = now;
                }
            }
            lasts.push(last);
            successes.push(succeeded);
            nexts.push(schedule.next_after(last, &zone).unwrap());
        }
        let job =
            |metric: &str| format!(r#"kube_cronjob_{metric}{{namespace="tts",cronjob="{name}"}}"#);
        let there = |minute: usize| (!is_gone(minute)).then_some(());
        self.add(all, &job("status_last_schedule_time"), |minute| {
            there(minute).map(|()| self.seconds(lasts[minute]))
        });
        self.add(all, &job("status_last_successful_time"), |minute| {
            there(minute).map(|()| self.seconds(successes[minute]))
        });
        self.add(all, &job("next_schedule_time"), |minute| {
            there(minute).filter(|()| !is_suspended(minute)).map(|()| self.seconds(nexts[minute]))
        });
        self.add(all, &job("spec_suspend"), |minute| {
            there(minute).map(|()| f64::from(u8::from(is_suspended(minute))))
        });
        self.add(all, &job("created"), |minute| Some(self.seconds(self.instant(minute)).min(0.0)));
        let zone_label = if self.has_time_zone { r#",timezone="Europe/London""# } else { "" };
        self.add(
            all,
            &format!(r#"kube_cronjob_info{{namespace="tts",cronjob="{name}"{zone_label}}}"#),
            |minute| there(minute).map(|()| 1.0),
        );
        for (started, fails) in runs.into_iter().filter(|_| self.has_jobs) {
            let run = format!("{name}-{}", self.instant(started).as_second() / 60);
            let lives = |minute: usize| (started..=started + self.kept).contains(&minute);
            self.add(
                all,
                &format!(r#"kube_job_owner{{namespace="tts",job_name="{run}",owner_kind="CronJob",owner_name="{name}"}}"#),
                |minute| lives(minute).then_some(1.0),
            );
            if fails {
                self.add(
                    all,
                    &format!(
                        r#"kube_job_failed{{namespace="tts",job_name="{run}",condition="true"}}"#
                    ),
                    |minute| (lives(minute) && minute > started).then_some(1.0),
                );
            }
        }
    }

    /// Adds a series of kube-state-metrics.
    fn add(&self, all: &mut Vec<Value>, name: &str, value: impl Fn(usize) -> Option<f64>) {
        let gone = &self.no_state_metrics;
        self.add_series(all, name, |minute| value(minute).filter(|_| !gone.contains(&minute)));
    }

    /// Adds a series of the exporter.
    fn add_exporter(&self, all: &mut Vec<Value>, name: &str, value: impl Fn(usize) -> Option<f64>) {
        let gone = &self.no_exporter;
        self.add_series(all, name, |minute| value(minute).filter(|_| !gone.contains(&minute)));
    }

    /// Adds a series with the samples of each minute, equal ones as one word. A series that ends is stale.
    fn add_series(&self, all: &mut Vec<Value>, name: &str, value: impl Fn(usize) -> Option<f64>) {
        let mut words: Vec<(String, usize)> = Vec::new();
        let mut was_there = false;
        for minute in 0..self.minutes {
            let word = match value(minute) {
                Some(value) => value.to_string(),
                None if was_there => "stale".to_owned(),
                None => "_".to_owned(),
            };
            was_there = value(minute).is_some();
            match words.last_mut() {
                Some((last, count)) if *last == word && word != "stale" => *count += 1,
                _ => words.push((word, 1)),
            }
        }
        let words: Vec<String> = words
            .into_iter()
            .map(|(word, count)| match (word.as_str(), count) {
                ("_", count) => format!("_x{count}"),
                (_, 1) => word,
                (_, count) => format!("{word}x{}", count - 1),
            })
            .collect();
        if words.iter().any(|word| !word.starts_with('_')) {
            all.push(json!({"series": name, "values": words.join(" ")}));
        }
    }
}
