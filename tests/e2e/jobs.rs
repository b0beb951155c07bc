//! Runs the CronJobs with Kubernetes' own controllers.
//!
//! There is no kubelet: a Pod starts and ends when a test sets its status. The clock is real, so the tests
//! that wait for it (`on_time`) share one run, in parallel with the others.

mod by_hand;
mod missed;
pub mod on_time;
mod tenant;

use std::sync::{LazyLock, OnceLock};

use serde_json::{Value, json};

use crate::cluster::{Answer, Cluster, MERGE, until};
use crate::gate::deployed_stack::DeployedStack;

/// The controllers that create Jobs and Pods, end them and delete them.
const CONTROLLERS: [&str; 8] = [
    "cronjob-controller",
    "job-controller",
    "ttl-after-finished-controller",
    "garbage-collector-controller",
    "resourcequota-controller",
    "deployment-controller",
    "replicaset-controller",
    "serviceaccount-controller",
];

/// One cluster with controllers for all of this module's tests.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster::start();
        cluster.start_controllers(&CONTROLLERS);
        std::thread::spawn(|| LazyLock::force(&on_time::NIGHT));
        cluster
    })
}

/// The objects of a kind in a namespace.
#[track_caller]
pub fn list(stack: &DeployedStack<'_>, root: &str, resource: &str) -> Vec<Value> {
    let path = format!("/{root}/namespaces/{}/{resource}", stack.namespace);
    let mut list = stack.cluster.admin().get(&path).object();
    list["items"].as_array_mut().unwrap().drain(..).collect()
}

/// The Jobs of a CronJob by name, which for scheduled Jobs is the order of their instants.
#[track_caller]
pub fn jobs(stack: &DeployedStack<'_>, cronjob: &str) -> Vec<Value> {
    let mut jobs = list(stack, "apis/batch/v1", "jobs");
    jobs.retain(|job| job["metadata"]["ownerReferences"][0]["name"] == cronjob);
    jobs.sort_by_key(|job| name(job).to_owned());
    jobs
}

/// The Pods of a Job.
#[track_caller]
pub fn pods(stack: &DeployedStack<'_>, job: &str) -> Vec<Value> {
    let resource = format!("pods?labelSelector=batch.kubernetes.io/job-name={job}");
    list(stack, "api/v1", &resource)
}

#[track_caller]
pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// Ends a Pod as the kubelet does when its container ends with this code and termination message.
#[track_caller]
pub fn end(cluster: &Cluster, pod: &Value, exit_code: i32, message: &str) -> Answer {
    let container = &pod["spec"]["containers"][0];
    let now = jiff::Timestamp::now().strftime("%FT%TZ").to_string();
    let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
    let status = json!({"status": {"phase": phase, "startTime": now, "containerStatuses": [{
        "name": container["name"], "image": container["image"], "imageID": "",
        "ready": false, "restartCount": 0, "state": {"terminated": {
            "exitCode": exit_code, "reason": "Completed", "startedAt": now, "finishedAt": now,
            "message": message,
        }},
    }]}});
    let namespace = pod["metadata"]["namespace"].as_str().unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/pods/{}/status", name(pod));
    cluster.admin().patch(&path, MERGE, &status, "")
}

/// Waits for a running Pod of a Job, and ends it.
#[track_caller]
fn end_next(stack: &DeployedStack<'_>, job: &str, exit_code: i32) {
    let pod = until("a Pod that runs", || {
        pods(stack, job).into_iter().find(|pod| pod["status"]["phase"] == "Pending")
    });
    end(stack.cluster, &pod, exit_code, "").object();
}

/// The reason of a Job's condition, if it is true.
pub fn condition<'a>(job: &'a Value, kind: &str) -> Option<&'a str> {
    let mut conditions = job["status"]["conditions"].as_array()?.iter();
    let found = conditions.find(|found| found["type"] == kind && found["status"] == "True")?;
    Some(found["reason"].as_str().unwrap_or_default())
}

/// A Job, once it has a condition.
#[track_caller]
fn once(stack: &DeployedStack<'_>, job: &str, kind: &str) -> Value {
    let path = format!("/apis/batch/v1/namespaces/{}/jobs/{job}", stack.namespace);
    until(kind, || {
        let job = stack.cluster.admin().get(&path).object();
        condition(&job, kind).is_some().then_some(job)
    })
}
