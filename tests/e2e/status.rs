//! `status` with the real `kubectl`, after a night on a real API server.
//!
//! The Jobs are made from the CronJobs' own templates, with the owner and the annotation that their controller
//! gives them, for the minutes of the last window. The Job controller makes their Pods, which end with messages
//! of the real gate.

use jiff::civil::time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cluster::{Cluster, MERGE, until};
use crate::common::output::CommandOutput;
use crate::common::tool::{repository, tts_render};
use crate::gate::deployed_stack::{DeployedStack, Gate};
use crate::gate::exporter::{full, roomy};
use crate::jobs::{condition, end, name, pods};
use crate::night::zone_with_hour;

const UP: &str = "chatterbox-window-up";
const GUARD: &str = "chatterbox-vram-guard";
const DOWN: &str = "chatterbox-window-down";
const NAMESPACE: &str = "status-night";

/// A night in the stack's namespace.
struct Night<'a> {
    stack: DeployedStack<'a>,
    zone: String,
}

/// The end of a gate's run: its exit code and its termination message.
type End = (i32, String);

/// Runs the real gate.
fn ended(gate: Gate) -> End {
    let (output, message) = gate.start().end_with_message();
    (output.code, message)
}

impl Night<'_> {
    /// A minute of the window, on its clock.
    fn minute(&self, hour: i8, minute: i8) -> Timestamp {
        let zone = TimeZone::get(&self.zone).unwrap();
        let today = Timestamp::now().to_zoned(zone.clone()).date();
        today.to_datetime(time(hour, minute, 0, 0)).to_zoned(zone).unwrap().timestamp()
    }

    /// Creates the Job of a minute as the CronJob controller does; returns its name.
    fn create(&self, cron_job: &str, time: Timestamp) -> String {
        let admin = self.stack.cluster.admin();
        let owner = admin.live(self.stack.rendered("CronJob", cron_job));
        let template = &owner["spec"]["jobTemplate"];
        let job = format!("{cron_job}-{}", time.as_second() / 60);
        let object = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {
                "name": job, "namespace": NAMESPACE, "labels": template["metadata"]["labels"],
                "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": time.to_string()},
                "ownerReferences": [{
                    "apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job,
                    "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "spec": template["spec"],
        });
        admin.create(&object, "").object();
        job
    }

    /// The revision of etcd, which each write raises by one.
    fn revision(&self) -> u64 {
        let list = self.stack.cluster.admin().get("/api/v1/namespaces").object();
        list["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
    }

    /// Ends the next Pod of a Job that has not ended.
    fn end_next(&self, job: &str, (exit, message): &End) {
        let pod = until("a Pod that runs", || {
            let pods = pods(&self.stack, job);
            pods.into_iter().find(|pod| pod["status"]["phase"] == "Pending")
        });
        end(self.stack.cluster, &pod, *exit, message).object();
    }

    /// Waits for the end of a Job.
    fn wait(&self, job: &str, kind: &str) {
        let path = format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{job}");
        until(kind, || {
            let job = self.stack.cluster.admin().get(&path).object();
            condition(&job, kind).map(str::to_owned)
        });
    }

    /// Runs `status` with the user's kubectl, or with files.
    fn status(&self, args: &[&str]) -> CommandOutput {
        let settings = [
            format!("namespace.name={NAMESPACE}"),
            format!("storage.name={NAMESPACE}"),
            format!("offPeak.timeZone={}", self.zone),
        ];
        let mut command = tts_render(repository());
        command.args(["status", "tts"]).args(args);
        for setting in &settings {
            command.args(["--set", setting]);
        }
        command
            .env("KUBECONFIG", self.stack.cluster.kubeconfig())
            .env("KUBECACHEDIR", self.stack.cluster.ca().with_file_name("status-cache"));
        CommandOutput::run(&mut command)
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        let output = self.status(&[args, &["--format", "json"]].concat());
        (output.code, serde_json::from_str(&output.stdout).expect(&output.stderr))
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_night_is_shown_as_it_went() {
    let cluster = Cluster::start();
    cluster.start_controllers(&["job-controller"]);
    // It is nine o'clock: the window from two to six is over.
    let zone = zone_with_hour(9);
    let setting = format!("offPeak.timeZone={zone}");
    let night = Night { stack: DeployedStack::with(&cluster, NAMESPACE, &[&setting]), zone };
    let stack = &night.stack;

    // The real gate: it starts the server, leaves it, stops it, finds it stopped, and ends the window.
    let start = ended(stack.gate("up").page(roomy()));
    let leave = ended(stack.gate("guard").page(roomy()));
    let stop = ended(stack.gate("guard").page(full()));
    let stopped = ended(stack.gate("guard").page(full()));
    let close = ended(stack.gate("down"));
    // Without its Role it can't scale.
    let role = stack.objects.iter().find(|object| object["kind"] == "Role").unwrap();
    cluster.kubectl_ok(&["-n", NAMESPACE, "delete", "role", name(role)], "");
    let refused = ended(stack.gate("guard").page(full()).set("SCALE_BUDGET", "2s"));
    stack.apply(role);
    assert_eq!([start.0, leave.0, stop.0, stopped.0, close.0, refused.0], [0, 0, 0, 0, 0, 1]);

    let before = night.revision();
    let mut jobs = vec![(night.create(UP, night.minute(2, 0)), &start)];
    let (missed, replaced, pull, forbidden) = (6, 12, 18, 30);
    for run in 0..48 {
        let time = night.minute(2, 0) + SignedDuration::from_mins(5 * run);
        let job = format!("{GUARD}-{}", time.as_second() / 60);
        match run {
            _ if run == missed => {}
            _ if run == replaced => {
                let event = json!({
                    "apiVersion": "v1", "kind": "Event", "reason": "SuccessfulDelete",
                    "metadata": {"name": "replaced", "namespace": NAMESPACE}, "type": "Normal",
                    "involvedObject": {"apiVersion": "batch/v1", "kind": "CronJob",
                        "namespace": NAMESPACE, "name": GUARD},
                    "message": format!("Deleted job {job}"),
                });
                cluster.admin().create(&event, "").object();
            }
            _ if run == pull => {
                let job = night.create(GUARD, time);
                let pod = until("its Pod", || pods(stack, &job).pop());
                let container = &pod["spec"]["containers"][0];
                let status = json!({"status": {"phase": "Pending", "containerStatuses": [{
                    "name": container["name"], "image": container["image"], "imageID": "",
                    "ready": false, "restartCount": 0, "state": {"waiting": {
                        "reason": "ErrImagePull", "message": "not found"}}}]}});
                let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{}/status", name(&pod));
                cluster.admin().patch(&path, MERGE, &status, "").object();
            }
            _ if run == forbidden => {
                let job = night.create(GUARD, time);
                night.end_next(&job, &refused);
                night.end_next(&job, &refused);
                night.wait(&job, "Failed");
            }
            0..20 => jobs.push((night.create(GUARD, time), &leave)),
            20 => jobs.push((night.create(GUARD, time), &stop)),
            _ => jobs.push((night.create(GUARD, time), &stopped)),
        }
    }
    jobs.push((night.create(DOWN, night.minute(6, 0)), &close));
    for (job, end) in &jobs {
        night.end_next(job, end);
    }
    for (job, _) in &jobs {
        night.wait(job, "Complete");
    }
    let writes = night.revision() - before;
    println!("etcd writes of the night's Jobs and Pods: {writes}");
    // docs/status.md has the measured figure: about nine for each of the 48 Jobs.
    assert!((48 * 5..48 * 12).contains(&writes), "{writes}");

    let (code, status) = night.json(&[]);
    let window = &status["windows"][0];
    let failures: Vec<String> = window["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| {
            let minutes = failure["time"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .unwrap()
                .duration_since(night.minute(2, 0))
                .as_mins();
            format!(
                "{} {} {minutes}",
                failure["cause"].as_str().unwrap(),
                failure["action"].as_str().unwrap()
            )
        })
        .collect();
    let expected = [
        "missed guard 30",
        "replaced guard 60",
        "image-pull guard 90",
        "exit-1 guard 150",
        "exit-1 guard 150",
    ];
    assert_eq!(failures, expected, "{status:#}");
    assert_eq!(code, 1);
    let message = window["failures"][3]["message"].as_str().unwrap();
    assert!(message.contains("403"), "{message}");
    assert_eq!(window["guardRuns"], json!({"due": 48, "seen": 46}));
    assert_eq!(window["servedSeconds"], 100 * 60);
    assert_eq!(
        (&status["drift"], &status["unseen"], &status["replicas"]),
        (&json!([]), &json!([]), &json!(0))
    );
    assert_eq!(
        (&status["scaledBy"]["manager"], &status["attention"]),
        (&json!("vram-gate"), &json!([]))
    );
    let text = night.status(&[]).stdout;
    for part in [
        "02:00        up     start   floor-free",
        "03:40        guard  stop    floor-broken",
        "46 of 48 guard runs, served 1 h 40 min",
        "06:00        down   stop    window-end",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    println!("{text}");

    // The same from a file that somebody else read.
    let resources = "cronjobs,jobs,pods,events,deployments";
    let now = Timestamp::now().to_string();
    let file = cluster.ca().with_file_name("state.json");
    let get = ["get", resources, "-n", NAMESPACE, "--show-managed-fields", "-o", "json"];
    std::fs::write(&file, cluster.kubectl_ok(&get, "")).unwrap();
    let from = night.json(&["--from", file.to_str().unwrap(), "--now", &now]);
    assert_eq!(from, (code, status));

    // Somebody scales by hand, outside the window. The API server names nobody: at 0 the replicas had no owner.
    stack.scale_to(1);
    let (code, status) = night.json(&[]);
    assert_eq!((code, &status["scaledBy"]), (1, &Value::Null), "{:#}", stack.deployment());
    let outside = "`Deployment/chatterbox-tts` has replicas outside its window";
    assert_eq!(status["attention"], json!([outside]));
    assert!(
        status["unseen"].to_string().contains("no managed field has its replicas"),
        "{status:#}"
    );
}
