//! A stack in a namespace of its own whose night is played by a row.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::exporter::{Exporter, Page};
use super::outcome::{Outcome, Run};
use super::{Night, zone_with_hour};
use crate::cluster::{MERGE, until};
use crate::common::tool::{generate, objects};
use crate::gate::deployed_stack::{DEPLOYMENT, DeployedStack};
use crate::gate::exporter::{full, roomy};
use crate::jobs::{condition, jobs, list, name, pods};

/// The CronJob of each action.
pub const CRON_JOBS: [(&str, &str); 3] = [
    ("up", "chatterbox-window-up"),
    ("guard", "chatterbox-vram-guard"),
    ("down", "chatterbox-window-down"),
];

/// A CronJob that shows that the controller works.
const CANARY: &str = "canary";

/// A stack, its exporter and what was run so far.
pub struct Scene {
    pub night: &'static Night,
    pub stack: DeployedStack<'static>,
    pub exporter: Exporter,
    settings: Vec<String>,
}

impl Scene {
    /// Deploys a stack whose clock says noon, when none of its runs is due within the hour. Others leave room on
    /// the GPU.
    pub fn new(night: &'static Night, row: &str, settings: &[&str]) -> Self {
        Scene::at(night, row, 12, settings)
    }

    /// The same at another hour of the day.
    pub fn at(night: &'static Night, row: &str, hour: i8, settings: &[&str]) -> Self {
        let exporter = Exporter::start(Page::Whole(roomy()));
        let mut all = vec![
            format!("offPeak.timeZone={}", zone_with_hour(hour)),
            format!("gate.metricsUrl={}", exporter.url()),
            "gate.sampleIntervalSeconds=1".to_owned(),
            "gate.recheckDelaySeconds=1".to_owned(),
        ];
        all.extend(settings.iter().map(|&setting| setting.to_owned()));
        let settings: Vec<&str> = all.iter().map(String::as_str).collect();
        let stack = DeployedStack::with(night.cluster, &format!("night-{row}"), &settings);
        Scene { night, stack, exporter, settings: all }
    }

    /// Renders the stack again with another setting, and applies its CronJobs, as a sync does.
    #[track_caller]
    pub fn sync(&self, setting: &str) {
        let mut arguments = vec!["--app", "tts"];
        let namespace = format!("namespace.name={}", self.stack.namespace);
        let own = [&self.settings[..], &[namespace, setting.to_owned()]].concat();
        arguments.extend(own.iter().flat_map(|setting| ["--set", setting]));
        for object in objects(&generate(&arguments)) {
            if object["kind"] == "CronJob" {
                self.stack.apply(&object);
            }
        }
    }

    /// Runs `up`, which must start the tenant; then others fill the GPU.
    #[track_caller]
    pub fn start_tenant(&self) {
        let run = self.run("up");
        assert_eq!((run.code(), self.stack.replicas()), (Some(0), 1), "{run:?}");
        until("the tenant runs", || {
            self.tenants().iter().any(|pod| pod["status"]["phase"] == "Running").then_some(())
        });
        self.exporter.serve(Page::Whole(full()));
    }

    /// The tenant's Pods.
    #[track_caller]
    pub fn tenants(&self) -> Vec<Value> {
        let mut pods = list(&self.stack, "api/v1", "pods");
        pods.retain(|pod| pod["spec"]["containers"][0]["name"] == DEPLOYMENT);
        pods
    }

    /// The rendered CronJob of an action.
    pub fn cron_job(&self, action: &str) -> &Value {
        self.stack.rendered("CronJob", cron_job_name(action))
    }

    /// Merges a patch into the Pod template's `spec` of a CronJob on the server.
    #[track_caller]
    pub fn patch_pods(&self, action: &str, spec: &Value) {
        let patch = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}});
        self.patch(action, "", &patch);
    }

    /// Merges a patch into a CronJob.
    #[track_caller]
    pub fn patch(&self, action: &str, subresource: &str, patch: &Value) {
        let admin = self.stack.cluster.admin();
        let path = format!("{}{subresource}", admin.path(self.cron_job(action)));
        admin.patch(&path, MERGE, patch, "").object();
    }

    /// Changes a variable of the gate in a CronJob on the server.
    #[track_caller]
    pub fn set_variable(&self, action: &str, variable: &str, value: &str) {
        let template = &self.cron_job(action)["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let mut containers = template["containers"].clone();
        let environment = containers[0]["env"].as_array_mut().unwrap();
        environment.iter_mut().find(|found| found["name"] == variable).unwrap()["value"] =
            json!(value);
        self.patch_pods(action, &json!({"containers": containers}));
    }

    /// Adds a CronJob that is long due and changes nothing. Once its Job has ended, the controller has looked at
    /// the others.
    #[track_caller]
    pub fn add_canary(&self) {
        let mut canary = self.cron_job("down").clone();
        canary["metadata"]["name"] = json!(CANARY);
        let spec = &mut canary["spec"];
        (spec["schedule"], spec["startingDeadlineSeconds"]) = (json!("0 * * * *"), json!(7200));
        let container = &mut spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
        let dry_run = json!({"name": "DRY_RUN", "value": "true"});
        let environment = container["env"].as_array_mut().unwrap();
        environment.retain(|variable| variable["name"] != "DRY_RUN");
        environment.push(dry_run);
        let admin = self.stack.cluster.admin();
        admin.create(&canary, "").object();
        let at = (Timestamp::now() - SignedDuration::from_hours(2)).strftime("%FT%TZ").to_string();
        let status = json!({"status": {"lastScheduleTime": at}});
        admin.patch(&format!("{}/status", admin.path(&canary)), MERGE, &status, "").object();
    }

    /// Waits for the canary's end.
    #[track_caller]
    pub fn await_canary(&self) {
        until("the canary ends", || {
            let jobs = jobs(&self.stack, CANARY);
            jobs.iter().any(|job| condition(job, "Complete").is_some()).then_some(())
        });
    }

    /// Creates a Job from a CronJob, as `kubectl create job --from` does, and waits for its end.
    #[track_caller]
    pub fn run(&self, action: &str) -> Run {
        let job = self.create_job(action);
        self.end_of(&job)
    }

    /// Creates a Job from a CronJob on the server.
    #[track_caller]
    pub fn create_job(&self, action: &str) -> String {
        let admin = self.stack.cluster.admin();
        let cron_job = admin.live(self.cron_job(action));
        let job = format!("{action}-{}", jobs(&self.stack, cron_job_name(action)).len());
        let template = &cron_job["spec"]["jobTemplate"];
        let object = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": job,
                "namespace": self.stack.namespace,
                "labels": template["metadata"]["labels"],
                "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
                "ownerReferences": [{
                    "apiVersion": "batch/v1", "kind": "CronJob", "controller": true,
                    "name": name(&cron_job), "uid": cron_job["metadata"]["uid"],
                }],
            },
            "spec": template["spec"],
        });
        admin.create(&object, "").object();
        job
    }

    /// Makes a run due that many minutes ago, however long it may start late.
    #[track_caller]
    pub fn make_due(&self, action: &str, minutes: i64) {
        self.patch(action, "", &json!({"spec": {"startingDeadlineSeconds": 3600}}));
        self.make_just_due(action, minutes);
    }

    /// Makes a run due that many minutes ago. It starts if its `startingDeadlineSeconds` allow.
    #[track_caller]
    pub fn make_just_due(&self, action: &str, minutes: i64) {
        let due = Timestamp::now().as_second() / 60 - minutes;
        let clock = Timestamp::from_second(due * 60).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        let schedule = format!("{} {} * * *", clock.minute(), clock.hour());
        self.patch(action, "", &json!({"spec": {"schedule": schedule, "timeZone": "Etc/UTC"}}));
        // After another schedule alone, the controller waits for its next instant.
        self.last_ran(action, minutes + 60);
    }

    /// Sets the instant at which the controller started a run last.
    #[track_caller]
    pub fn last_ran(&self, action: &str, minutes_ago: i64) {
        let at = Timestamp::from_second((Timestamp::now().as_second() / 60 - minutes_ago) * 60);
        let at = at.unwrap().strftime("%FT%TZ").to_string();
        self.patch(action, "/status", &json!({"status": {"lastScheduleTime": at}}));
    }

    /// Waits for the first Job that the controller creates of a CronJob besides these.
    #[track_caller]
    pub fn next_job(&self, action: &str, besides: &BTreeSet<String>) -> String {
        until("a scheduled Job", || self.jobs(action).difference(besides).next().cloned())
    }

    /// The Jobs of an action.
    #[track_caller]
    pub fn jobs(&self, action: &str) -> BTreeSet<String> {
        jobs(&self.stack, cron_job_name(action)).iter().map(|job| name(job).to_owned()).collect()
    }

    /// Returns true if something was reported of a Job or of a CronJob.
    pub fn has_event(&self, object: &str, reason: &str) -> bool {
        !self.events(object, reason).is_empty()
    }

    fn events(&self, object: &str, reason: &str) -> Vec<Value> {
        let mut events = list(&self.stack, "api/v1", "events");
        events
            .retain(|event| event["involvedObject"]["name"] == object && event["reason"] == reason);
        events
    }

    /// Waits for a Job's end. Where its Pod cannot start, its deadline passes at once.
    #[track_caller]
    pub fn end_of(&self, job: &str) -> Run {
        let path = format!("/apis/batch/v1/namespaces/{}/jobs/{job}", self.stack.namespace);
        let admin = self.stack.cluster.admin();
        let mut blocked = None;
        let mut last = Vec::new();
        until(&format!("the end of {} {job}", self.stack.namespace), || {
            let object = admin.get(&path).object();
            let pods = pods(&self.stack, job);
            let ended = ["Complete", "Failed", "FailureTarget"];
            let ended = ended.iter().any(|kind| condition(&object, kind).is_some());
            if !ended && blocked.is_none() {
                blocked = self.blocked(job, &pods);
                if blocked.is_some() {
                    let patch = json!({"spec": {"activeDeadlineSeconds": 1}});
                    admin.patch(&path, MERGE, &patch, "").object();
                }
            }
            if !pods.is_empty() {
                last = pods;
            }
            ended.then_some(())
        });
        blocked.unwrap_or_else(|| Run::ended(&last))
    }

    /// The reason why a Job's Pod cannot start.
    fn blocked(&self, job: &str, pods: &[Value]) -> Option<Run> {
        if pods.is_empty() {
            return self.has_event(job, "FailedCreate").then_some(Run::NoPod);
        }
        let pod = pods.iter().find(|pod| pod["status"]["phase"] == "Pending")?;
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
        if waiting == "ImagePullBackOff" {
            return Some(Run::NoImage);
        }
        // With a nominated node, the scheduler is making room.
        let unscheduled = pod["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|found| found["type"] == "PodScheduled" && found["reason"] == "Unschedulable");
        (unscheduled && pod["status"]["nominatedNodeName"].is_null()).then_some(Run::NoRoom)
    }

    /// Lets guard and `down` run until the tenant has left, and returns what each did.
    #[track_caller]
    pub fn guard_then_down(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for action in ["guard", "down"] {
            let run = self.run(action);
            let left = self.stack.replicas() == 0;
            outcome.step(action, &run, left);
            if left {
                return outcome.ended_by(action);
            }
        }
        outcome
    }
}

/// The CronJob of an action.
pub fn cron_job_name(action: &str) -> &'static str {
    CRON_JOBS.iter().find(|(known, _)| *known == action).unwrap().1
}
