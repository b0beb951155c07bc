//! The synthetic month as Prometheus would have recorded it: the memory of tests/fixtures/window/month.json.gz, and
//! the metrics of kube-state-metrics after the decisions that `window simulate` makes in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;

use jiff::Timestamp;
use kube_validate::schedule::{Schedule, zone};
use serde_json::Value;

use crate::common::tool::{Sandbox, repository};

/// The file of the month.
const FILE: &str = "tests/fixtures/window/month.json.gz";
/// A smaller GPU and a larger floor than in values/tts.yaml: one night is not served, and several end in a yield.
pub const SETTINGS: [&str; 4] = ["--set", "gpu.total=15360Mi", "--set", "gate.floor=8Gi"];
pub const TOTAL: f64 = 15360.0 * 1048576.0;
pub const FLOOR: f64 = 8.0 * 1073741824.0;

/// The CronJobs of values/tts.yaml and their schedules.
const UP: &str = "chatterbox-window-up";
const GUARD: &str = "chatterbox-vram-guard";
const DOWN: &str = "chatterbox-window-down";
const SCHEDULES: [(&str, &str); 3] =
    [(UP, "0 2 * * *"), (GUARD, "*/5 2-5 * * *"), (DOWN, "0 6-22/2,0 * * *")];
/// The seconds for which a finished Job stays.
const KEPT: i64 = 26 * 3600;
/// The seconds from a full minute to the scrapes of kube-state-metrics.
const OFFSET: i64 = 5;

/// The value of a CronJob's metric by its runs and the time.
type CronJobValue = fn(&[i64], i64) -> f64;
/// The value of a Pod's metric by its run, the time, and the run's number.
type PodValue = fn(&Run, i64, usize) -> Option<i64>;

/// A time in which the server was up.
pub struct Run {
    pub start: i64,
    pub end: i64,
    pub is_yield: bool,
    /// The seconds from its Pod's creation until it is ready.
    pub ready_after: i64,
}

/// The month.
pub struct Month {
    /// The start and the end of each window.
    pub windows: Vec<(i64, i64)>,
    pub runs: Vec<Run>,
    /// The samples of each namespace: time and bytes.
    pub memory: BTreeMap<String, Vec<(i64, f64)>>,
    /// The Jobs that fail, by the CronJob's name and the second of their start.
    pub failed: Vec<(&'static str, i64)>,
    /// The figures of `window simulate`.
    pub simulated: Value,
}

fn seconds(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<Timestamp>().unwrap().as_second()
}

impl Month {
    pub fn read() -> Self {
        let file = repository().join(FILE);
        let mut text = String::new();
        let packed = std::fs::File::open(&file).unwrap();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let memory = answer["data"]["result"].as_array().unwrap().iter().map(|series| {
            let samples = series["values"].as_array().unwrap().iter().map(|sample| {
                (sample[0].as_i64().unwrap(), sample[1].as_str().unwrap().parse().unwrap())
            });
            (series["metric"]["namespace"].as_str().unwrap().to_owned(), samples.collect())
        });
        let args = ["window", "simulate", "tts", "--format", "json", "--history"];
        let args = [&args[..], &[file.to_str().unwrap()], &SETTINGS].concat();
        let report: Value = serde_json::from_str(&Sandbox::repository().ok(&args).stdout).unwrap();
        let simulated = report["settings"][0].clone();
        let nights = simulated["nightList"].as_array().unwrap();
        let windows: Vec<(i64, i64)> =
            nights.iter().map(|night| (seconds(&night["start"]), seconds(&night["end"]))).collect();
        let runs: Vec<Run> = nights
            .iter()
            .flat_map(|night| night["runs"].as_array().unwrap())
            .zip(40..)
            .map(|(run, ready_after)| Run {
                start: seconds(&run["start"]),
                end: seconds(&run["end"]),
                is_yield: !run["yielded"].is_null(),
                ready_after,
            })
            .collect();
        let idle = nights.iter().find(|night| night["runs"].as_array().unwrap().is_empty());
        let failed = vec![
            (GUARD, windows[2].0 + 900),
            (GUARD, windows[10].0 + 3600),
            (UP, seconds(&idle.expect("a night that is not served")["start"])),
        ];
        Month { memory: memory.collect(), windows, runs, failed, simulated }
    }

    /// An hour before the first window.
    pub fn start(&self) -> i64 {
        self.windows[0].0 - 3600
    }

    /// An hour after the last window.
    pub fn end(&self) -> i64 {
        self.windows[self.windows.len() - 1].1 + 3600
    }

    /// All samples in OpenMetrics' format.
    pub fn samples(&self) -> String {
        let mut text = String::new();
        family(&mut text, "gpu_pod_memory_used_bytes");
        for (namespace, samples) in &self.memory {
            for (time, bytes) in samples {
                let _ = writeln!(
                    text,
                    "gpu_pod_memory_used_bytes{{namespace=\"{namespace}\"}} {bytes} {time}"
                );
            }
        }
        self.add_cron_jobs(&mut text);
        family(&mut text, "kube_deployment_spec_replicas");
        let replicas =
            "kube_deployment_spec_replicas{namespace=\"tts\",deployment=\"chatterbox-tts\"}";
        self.add(&mut text, replicas, self.start(), self.end(), |time| {
            let is_up = self.runs.iter().any(|run| (run.start..run.end).contains(&time));
            Some(f64::from(u8::from(is_up)))
        });
        self.add_pods(&mut text);
        self.add_jobs(&mut text);
        text.push_str("# EOF\n");
        text
    }

    fn add_cron_jobs(&self, text: &mut String) {
        let zone = zone("Europe/London").unwrap();
        let runs: Vec<(&str, Vec<i64>)> = SCHEDULES
            .into_iter()
            .map(|(name, schedule)| {
                let schedule: Schedule = schedule.parse().unwrap();
                let [from, to] = [self.start() - 2 * 86_400, self.end() + 2 * 86_400]
                    .map(|second| Timestamp::from_second(second).unwrap());
                (name, schedule.runs(from, to, &zone).map(|run| run.as_second()).collect())
            })
            .collect();
        let metrics: [(&str, CronJobValue); 4] = [
            ("status_last_schedule_time", |runs, time| {
                runs[runs.partition_point(|run| *run <= time) - 1] as f64
            }),
            ("next_schedule_time", |runs, time| {
                runs[runs.partition_point(|run| *run <= time)] as f64
            }),
            ("spec_suspend", |_, _| 0.0),
            ("info", |_, _| 1.0),
        ];
        for (metric, value) in metrics {
            let metric = format!("kube_cronjob_{metric}");
            family(text, &metric);
            for (name, runs) in &runs {
                let series = format!("{metric}{{namespace=\"tts\",cronjob=\"{name}\"}}");
                self.add(text, &series, self.start(), self.end(), |time| Some(value(runs, time)));
            }
        }
    }

    /// Adds the server's Pods, each ready some seconds after its creation. The first one is not ready for a
    /// minute in its second hour, and has a later time then.
    fn add_pods(&self, text: &mut String) {
        let metrics: [(&str, PodValue); 2] = [
            ("kube_pod_created", |run, _, _| Some(run.start)),
            ("kube_pod_status_ready_time", |run, time, number| {
                let (lost, again) = (run.start + 3600, run.start + 3660);
                match number {
                    0 if time >= again => Some(again),
                    0 if time >= lost => None,
                    _ => Some(run.start + run.ready_after).filter(|ready| *ready <= time),
                }
            }),
        ];
        for (metric, value) in metrics {
            family(text, metric);
            for (number, run) in self.runs.iter().enumerate() {
                let series = format!(
                    "{metric}{{namespace=\"tts\",pod=\"chatterbox-tts-7d9c5b-{number:05}\"}}"
                );
                self.add(text, &series, run.start, run.end, |time| {
                    value(run, time, number).map(|time| time as f64)
                });
            }
        }
        // A Job's Pod whose name begins as those of the server.
        family(text, "kube_pod_owner");
        let owner =
            "kube_pod_owner{namespace=\"tts\",pod=\"chatterbox-tts-load-1\",owner_kind=\"Job\"}";
        self.add(text, owner, self.start(), self.end(), |_| Some(1.0));
    }

    /// Adds the failed Jobs, and one that succeeds in each window.
    fn add_jobs(&self, text: &mut String) {
        let succeeded = self.windows.iter().map(|(start, _)| (DOWN, *start, false));
        let jobs: Vec<(&str, i64, bool)> = self
            .failed
            .iter()
            .map(|(name, start)| (*name, *start, true))
            .chain(succeeded)
            .collect();
        family(text, "kube_job_owner");
        for (name, start, _) in &jobs {
            let series = format!(
                "kube_job_owner{{namespace=\"tts\",job_name=\"{name}-{}\",owner_kind=\"CronJob\",owner_name=\"{name}\"}}",
                start / 60
            );
            self.add(text, &series, *start, start + KEPT, |_| Some(1.0));
        }
        family(text, "kube_job_failed");
        for (name, start, _) in jobs.iter().filter(|(.., is_failed)| *is_failed) {
            for (condition, value) in [("true", 1.0), ("false", 0.0), ("unknown", 0.0)] {
                let series = format!(
                    "kube_job_failed{{namespace=\"tts\",job_name=\"{name}-{}\",condition=\"{condition}\"}}",
                    start / 60
                );
                self.add(text, &series, start + 90, start + KEPT, |_| Some(value));
            }
        }
    }

    /// Adds a series with a sample a minute from a time to another.
    fn add(
        &self,
        text: &mut String,
        series: &str,
        from: i64,
        to: i64,
        value: impl Fn(i64) -> Option<f64>,
    ) {
        let to = to.min(self.end());
        let first = from.div_euclid(60) * 60 + OFFSET;
        for time in (first..to).step_by(60).filter(|time| *time >= from) {
            if let Some(value) = value(time) {
                let _ = writeln!(text, "{series} {value} {time}");
            }
        }
    }
}

fn family(text: &mut String, metric: &str) {
    let _ = writeln!(text, "# TYPE {metric} gauge");
}
