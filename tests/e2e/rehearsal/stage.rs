//! A stack in a namespace of its own, with its own GPU, whose window opens at a real minute.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vram_gate::settings::{Invocation, Raw, check};

use super::gpu::Gpu;
use super::scripts::{Blind, Script};
use crate::cluster::MERGE;
use crate::common::output::CommandOutput;
use crate::common::tool::{repository, tts_render};
use crate::gate::deployed_stack::{DEPLOYMENT, DeployedStack};
use crate::jobs::on_time::sleep_until;
use crate::night::{Night, cron_job_name};

/// The length of the window in minutes.
pub const WINDOW: i64 = 7;

/// The value of `offPeak.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Jobs,
    Watch,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Jobs => "jobs",
            Mode::Watch => "watch",
        }
    }
}

/// A stack whose window a script plays.
pub struct Stage {
    pub night: &'static Night,
    pub stack: DeployedStack<'static>,
    pub gpu: Arc<Gpu>,
    pub mode: Mode,
    /// The start of the window.
    opens: Timestamp,
    settings: Vec<String>,
    /// The longest time for which residents may lack memory.
    pub bound: Duration,
}

impl Stage {
    /// Deploys the stack of a script.
    pub fn new(night: &'static Night, script: &Script, mode: Mode, opens: Timestamp) -> Self {
        let namespace = format!("{}-{}", script.name, mode.name());
        (script.prepare)(night, &namespace);
        let gpu = Arc::new(Gpu::start(&namespace));
        let guards = match mode {
            Mode::Jobs => script.guards,
            Mode::Watch => script.fallback_guards,
        };
        let mut settings = vec![
            "offPeak.timeZone=Etc/UTC".to_owned(),
            format!("offPeak.mode={}", mode.name()),
            format!("offPeak.up={}", schedule(opens, &[0])),
            format!("offPeak.guard={}", schedule(opens, guards)),
            format!("offPeak.down={}", schedule(opens, &[WINDOW])),
            "offPeak.activeDeadlineSeconds=70".to_owned(),
            format!("gate.metricsUrl={}", gpu.url()),
            "gate.sampleIntervalSeconds=1".to_owned(),
            "gate.recheckDelaySeconds=1".to_owned(),
            "gate.watch.intervalSeconds=2".to_owned(),
            "gate.watch.calmSeconds=20".to_owned(),
            "gate.watch.staleSeconds=25".to_owned(),
        ];
        settings.extend((script.settings)(&namespace));
        let own: Vec<&str> = settings.iter().map(String::as_str).collect();
        let stack = DeployedStack::with(night.cluster, &namespace, &own);
        settings.push(format!("namespace.name={namespace}"));
        settings.push(format!("storage.name={namespace}"));
        let bound = Duration::ZERO;
        let mut stage = Stage { night, stack, gpu, mode, opens, settings, bound };
        let (fault, blind) = (script.bound)(mode);
        stage.bound = Duration::from_secs(fault) + stage.blind_time(blind);
        stage
    }

    /// The time for which the mode may not see that residents need memory.
    fn blind_time(&self, blind: Blind) -> Duration {
        match blind {
            Blind::Never => Duration::ZERO,
            Blind::Guards(runs) => self.longest_unguarded() * runs + self.deadline(),
            Blind::Look => self.look().0,
            Blind::Stale => self.look().1,
            Blind::Window => Duration::from_mins(WINDOW.unsigned_abs()) + self.deadline(),
        }
    }

    /// The longest time in the window without a run of the guard, from `window next`.
    fn longest_unguarded(&self) -> Duration {
        let from = (self.opens - SignedDuration::from_mins(1)).to_string();
        let args = ["window", "next", "tts", "--from", &from, "--for", "1h", "--format", "json"];
        let output = self.tts_render(&args);
        let calendar: Value = serde_json::from_str(&output.stdout).expect(&output.stderr);
        let window = &calendar["windows"][0];
        assert_eq!(window["start"], self.opens.to_string(), "{calendar}");
        Duration::from_secs(window["longestUnguardedSeconds"].as_u64().unwrap())
    }

    /// The longest run of a guard's Job.
    fn deadline(&self) -> Duration {
        let job = &self.cron_job("guard")["spec"]["jobTemplate"]["spec"];
        Duration::from_secs(job["activeDeadlineSeconds"].as_u64().unwrap())
    }

    /// The time from one look of the watch to the end of the next, and the time without a reading after which it
    /// yields, with the time of its look.
    fn look(&self) -> (Duration, Duration) {
        let pod = &self.cron_job("up")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let variables = pod["containers"][0]["env"].as_array().unwrap();
        let raw = Raw::collect([OsString::from("watch")], |name| match name {
            "JOB_NAME" => Some("job-0".into()),
            "KUBERNETES_SERVICE_HOST" => Some("kubernetes".into()),
            _ => {
                let variable = variables.iter().find(|variable| variable["name"] == name)?;
                variable["value"].as_str().map(OsString::from)
            }
        });
        let Ok(Invocation::Run(raw)) = raw else { panic!("{raw:?}") };
        let settings = check(&raw, |_| None).unwrap();
        let (watching, sampling) = (settings.watching.unwrap(), settings.sampling.unwrap());
        let look = watching.interval + sampling.pace().attempt;
        (look, watching.plan.stale + look)
    }

    /// The rendered CronJob of an action.
    pub fn cron_job(&self, action: &str) -> &Value {
        self.stack.rendered("CronJob", cron_job_name(action))
    }

    /// Merges a patch into the CronJob of an action.
    pub fn patch(&self, action: &str, patch: &Value) {
        let admin = self.night.cluster.admin();
        admin.patch(&admin.path(self.cron_job(action)), MERGE, patch, "").object();
    }

    /// Lets the Pods of the guard's next runs have an image with this tag, or the rendered one.
    pub fn set_image(&self, tag: Option<&str>) {
        let pod = &self.cron_job("guard")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let mut containers = pod["containers"].clone();
        if let Some(tag) = tag {
            containers[0]["image"] = json!(format!("vram-gate:{tag}"));
        }
        let pod = json!({"template": {"spec": {"containers": containers}}});
        self.patch("guard", &json!({"spec": {"jobTemplate": {"spec": pod}}}));
    }

    /// Waits until so many seconds after the window's start. The GPU was not exceeded for longer than the mode
    /// may be blind.
    #[track_caller]
    pub fn at(&self, seconds: i64) {
        sleep_until(self.opens + SignedDuration::from_secs(seconds));
        let exceeded = self.gpu.times().exceeded;
        let (namespace, bound) = (&self.stack.namespace, self.bound);
        assert!(exceeded <= bound, "{namespace} at {seconds} s: {exceeded:?}, above {bound:?}");
    }

    /// The seconds from the window's start to an instant.
    pub fn seconds(&self, instant: &str) -> i64 {
        instant.parse::<Timestamp>().unwrap().duration_since(self.opens).as_secs()
    }

    /// The end of the name of a Job that is scheduled for a minute of the window.
    pub fn job_suffix(&self, minute: i64) -> String {
        format!("-{}", self.opens.as_second() / 60 + minute)
    }

    /// Runs `tts-render status` with the user's kubectl.
    pub fn status(&self, args: &[&str]) -> CommandOutput {
        self.tts_render(&[&["status", "tts"], args].concat())
    }

    fn tts_render(&self, args: &[&str]) -> CommandOutput {
        let cluster = self.night.cluster;
        let mut command = tts_render(repository());
        command.args(args).args(self.settings.iter().flat_map(|setting| ["--set", setting]));
        command
            .env("KUBECONFIG", cluster.kubeconfig())
            .env("KUBECACHEDIR", cluster.ca().with_file_name("status-cache"));
        CommandOutput::run(&mut command)
    }

    /// Scales the tenant as a person does, and returns at once.
    pub fn scale_by_hand(&self) {
        self.stack.scale_to(1);
    }

    /// Returns true if a Pod is the tenant's.
    pub fn is_tenant(pod: &Value) -> bool {
        pod["spec"]["containers"][0]["name"] == DEPLOYMENT
    }
}

/// A schedule for some minutes after an instant, in UTC.
fn schedule(from: Timestamp, minutes: &[i64]) -> String {
    let times = minutes
        .iter()
        .map(|minute| (from + SignedDuration::from_mins(*minute)).to_zoned(TimeZone::UTC));
    let (minutes, mut hours): (Vec<String>, Vec<String>) =
        times.map(|time| (time.minute().to_string(), time.hour().to_string())).unzip();
    hours.dedup();
    format!("{} {} * * *", minutes.join(","), hours.join(","))
}

#[test]
fn a_schedule_has_the_minutes_of_both_hours() {
    let at = "2026-11-26T23:58:00Z".parse().unwrap();
    assert_eq!(schedule(at, &[0, 1, 2, 4]), "58,59,0,2 23,0 * * *");
    assert_eq!(schedule(at, &[7]), "5 0 * * *");
}
