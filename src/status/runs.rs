//! The runs of the gate: the Jobs of its CronJobs, and what their Pods reported.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use vram_gate::decision::Action;

use super::failure::{Cause, Failure};
use super::gate_report::Report;
use super::live::LiveObjects;
use crate::model::object::{Object, items_at, node_at};
use kube_validate::ObjectId;
use yaml_spans::Node;

/// The annotation of a Job with the minute that it was scheduled for (Kubernetes 1.32).
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// The annotation of a Job that somebody made by hand from a CronJob.
const INSTANTIATE: &str = "cronjob.kubernetes.io/instantiate";
/// The labels of a Pod with the name of its Job, the older one last.
const JOB_NAME: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// One Job of the gate.
#[derive(Debug)]
pub(super) struct Run {
    /// The gate's action.
    pub action: Action,
    /// The minute that it was scheduled for.
    pub time: Timestamp,
    /// True if somebody made it by hand.
    pub by_hand: bool,
    /// The reports of its Pods, in order.
    pub attempts: Vec<Attempt>,
    /// The problems that kept it from deciding, or from doing what it decided.
    pub failures: Vec<Failure>,
    /// True if one of its Pods runs.
    pub is_running: bool,
}

/// The end of one of a Job's Pods.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The gate's exit code.
    pub exit: i64,
    /// The gate's report; `None` if the Pod has none that can be read.
    pub report: Option<Report>,
    /// The time of the end, on the node's clock.
    pub finished: Option<Timestamp>,
}

/// The runs of a CronJob, in order.
pub(super) fn find_runs(
    live: &LiveObjects,
    namespace: &str,
    cron_job: &str,
    action: Action,
) -> Vec<Run> {
    let mut pods: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    for pod in live.of_kind("", "Pod", namespace) {
        pods.entry(job_of(pod).unwrap_or_default()).or_default().push(pod);
    }
    pods.values_mut().for_each(|pods| pods.sort_by_key(|pod| created(pod)));
    let jobs = live.of_kind("batch", "Job", namespace);
    let mut runs: Vec<Run> = jobs
        .filter(|job| owner_of(job, "CronJob") == Some(cron_job))
        .filter_map(|job| {
            let time = scheduled_time(job)?;
            let pods = pods.get(job.id.name.as_str()).map_or(&[][..], Vec::as_slice);
            Some(read_run(live, job, pods, action, time))
        })
        .collect();
    runs.sort_by_key(|run| run.time);
    runs
}

fn read_run(
    live: &LiveObjects,
    job: &Object,
    pods: &[&Object],
    action: Action,
    time: Timestamp,
) -> Run {
    let mut run = Run {
        action,
        time,
        by_hand: job.annotation(INSTANTIATE).is_some(),
        attempts: Vec::new(),
        failures: Vec::new(),
        is_running: false,
    };
    for pod in pods {
        // A container that was started again has its last end, too.
        for keys in [["lastState", "terminated"], ["state", "terminated"]] {
            let ended = gate_status(pod).and_then(|status| node_at(status, &keys));
            if let Some((state, attempt)) = ended.and_then(|state| Some((state, exit_of(state)?))) {
                run.failures.extend(failed_attempt(action, time, &attempt, state, pod));
                run.attempts.push(attempt);
            } else if keys[0] == "state" {
                let stuck = stuck_pod(action, time, pod);
                let is_up = pod.text_at(&["status", "phase"]) == Some("Running");
                run.is_running |= stuck.is_none() && is_up;
                run.failures.extend(stuck);
            }
        }
    }
    if let Some(failed) = condition(job, "Failed") {
        let reason = text(failed, "reason").unwrap_or_default();
        // Without Pods, the condition is all that is left. A Job that ran out of time says more than they.
        let is_late = reason == "DeadlineExceeded";
        let message = text(failed, "message").unwrap_or(reason);
        // The Pod that ran out of time is deleted, and Events tell what kept it.
        let kept = pods.is_empty().then(|| reported_problem(live, &job.id)).flatten();
        if let Some((cause, problem)) = kept {
            let message = format!("{problem}; {message}");
            run.failures.push(Failure::new(action, time, cause, message));
        } else if is_late || run.failures.is_empty() {
            let cause = if is_late { Cause::Deadline } else { Cause::Failed };
            run.failures.push(Failure::new(action, time, cause, message));
        }
    } else if condition(job, "Complete").is_some() {
        if run.attempts.is_empty() {
            run.attempts.push(Attempt { exit: 0, report: None, finished: None });
        }
    } else if pods.is_empty() {
        let problem = reported_problem(live, &job.id);
        run.failures
            .extend(problem.map(|(cause, message)| Failure::new(action, time, cause, message)));
    }
    run
}

/// The failure of a Pod whose gate ended with another code than 0.
fn failed_attempt(
    action: Action,
    time: Timestamp,
    attempt: &Attempt,
    state: &Node,
    pod: &Object,
) -> Option<Failure> {
    let cause = match attempt.exit {
        0 => return None,
        1 => Cause::ExitOne,
        2 => Cause::ExitTwo,
        _ => Cause::Killed,
    };
    // What a gate reported before it was killed is not the reason.
    let report = attempt.report.as_ref().filter(|_| cause != Cause::Killed);
    let message = report.map(|report| report.message.clone()).unwrap_or_else(|| {
        let reason = text(state, "reason");
        let pod_reason = pod.text_at(&["status", "reason"]);
        let reason = pod_reason.or(reason).unwrap_or("no report");
        format!("exit code {}, {reason}", attempt.exit)
    });
    Some(Failure::new(action, time, cause, message))
}

/// The failure of a Pod whose gate has not ended, if something keeps it from running.
fn stuck_pod(action: Action, time: Timestamp, pod: &Object) -> Option<Failure> {
    if let Some(waiting) =
        gate_status(pod).and_then(|status| node_at(status, &["state", "waiting"]))
    {
        let reason = text(waiting, "reason").unwrap_or_default();
        let message = text(waiting, "message").unwrap_or(reason);
        let cause = match reason {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable" => Cause::ImagePull,
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                Cause::Container
            }
            _ => return None,
        };
        let message =
            if message == reason { message.to_owned() } else { format!("{reason}: {message}") };
        return Some(Failure::new(action, time, cause, message));
    }
    if let Some(unscheduled) = pod_condition(pod, "PodScheduled", "False") {
        let message = text(unscheduled, "message").unwrap_or("the Pod has no node");
        return Some(Failure::new(action, time, Cause::Unschedulable, message));
    }
    // The node's Pods are evicted, and nobody there ends this one.
    if let Some(evicted) = pod_condition(pod, "DisruptionTarget", "True") {
        let message = text(evicted, "message").unwrap_or("the Pod was evicted");
        let message = format!("its Pod was deleted, and its node reports no end: {message}");
        return Some(Failure::new(action, time, Cause::Killed, message));
    }
    if pod.text_at(&["status", "phase"]) == Some("Failed") {
        let reason = pod.text_at(&["status", "reason"]).unwrap_or("the Pod failed");
        let message = pod.text_at(&["status", "message"]).unwrap_or(reason);
        return Some(Failure::new(action, time, Cause::Killed, message));
    }
    None
}

/// The Events that say why a Pod does not run: the reason, a part of the message, the cause.
const PROBLEMS: [(&str, &str, Cause); 7] = [
    ("FailedCreate", "exceeded quota", Cause::Quota),
    ("FailedCreate", "", Cause::Refused),
    ("FailedScheduling", "", Cause::Unschedulable),
    ("Failed", "pull image", Cause::ImagePull),
    ("BackOff", "pulling image", Cause::ImagePull),
    ("ErrImageNeverPull", "", Cause::ImagePull),
    ("FailedMount", "", Cause::Container),
];

/// The last problem that Events report of a Job, or of a Pod of it.
pub(super) fn reported_problem(live: &LiveObjects, job: &ObjectId) -> Option<(Cause, String)> {
    let is_about = |event: &Object| {
        let keys = ["involvedObject", "regarding"];
        let about = keys.iter().find_map(|key| event.text_at(&[key, "name"]))?;
        let rest = about.strip_prefix(job.name.as_str())?;
        // The controller adds five characters for a Pod.
        (rest.is_empty() || (rest.starts_with('-') && rest.len() == 6)).then_some(())
    };
    let found = live.events(job.namespace.as_deref()?).filter_map(|event| {
        is_about(event)?;
        let message = event_message(event);
        let (.., cause) = PROBLEMS.iter().find(|(reason, part, _)| {
            event.text_at(&["reason"]) == Some(reason) && message.contains(part)
        })?;
        let times = [&["lastTimestamp"][..], &["eventTime"], &["metadata", "creationTimestamp"]];
        let time = times.iter().find_map(|path| event.text_at(path).and_then(parse_time));
        Some((time, *cause, message))
    });
    found.max_by_key(|(time, ..)| *time).map(|(_, cause, message)| (cause, message.to_owned()))
}

/// An event's text.
pub(super) fn event_message(event: &Object) -> &str {
    event.text_at(&["message"]).or_else(|| event.text_at(&["note"])).unwrap_or_default()
}

/// The end of a Pod's gate, from the state of its container.
fn exit_of(state: &Node) -> Option<Attempt> {
    let exit = node_at(state, &["exitCode"]).and_then(Node::as_int)?;
    let message = text(state, "message").unwrap_or_default();
    let finished = text(state, "finishedAt").and_then(parse_time);
    Some(Attempt { exit, report: serde_json::from_str(message.trim()).ok(), finished })
}

/// The status of a Pod's first container, which is the gate's.
fn gate_status(pod: &Object) -> Option<&Node> {
    let first =
        items_at(&pod.node, &["spec", "containers"]).first().and_then(|one| text(one, "name"));
    let statuses = items_at(&pod.node, &["status", "containerStatuses"]);
    statuses.iter().find(|status| first.is_none() || text(status, "name") == first)
}

/// A condition of a Pod with a status.
fn pod_condition<'a>(pod: &'a Object, kind: &str, status: &str) -> Option<&'a Node> {
    items_at(&pod.node, &["status", "conditions"])
        .iter()
        .find(|found| text(found, "type") == Some(kind) && text(found, "status") == Some(status))
}

/// A condition of a Job, if it is true.
fn condition<'a>(job: &'a Object, kind: &str) -> Option<&'a Node> {
    items_at(&job.node, &["status", "conditions"])
        .iter()
        .find(|found| text(found, "type") == Some(kind) && text(found, "status") == Some("True"))
}

/// The minute that a Job was scheduled for: its annotation, the end of its name, or its creation.
fn scheduled_time(job: &Object) -> Option<Timestamp> {
    let annotated = job.annotation(SCHEDULED).and_then(parse_time);
    annotated.or_else(|| minute_of_name(&job.id.name)).or_else(|| created(job))
}

/// The minute at the end of the name of a CronJob's Job: minutes since 1970.
fn minute_of_name(name: &str) -> Option<Timestamp> {
    let (_, minutes) = name.rsplit_once('-')?;
    if minutes.len() != 8 || !minutes.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_mins(minutes.parse().ok()?)).ok()
}

/// The name that the controller gives the Job of a minute.
pub(super) fn job_name(cron_job: &str, time: Timestamp) -> String {
    format!("{cron_job}-{}", time.as_second().div_euclid(60))
}

fn created(object: &Object) -> Option<Timestamp> {
    object.text_at(&["metadata", "creationTimestamp"]).and_then(parse_time)
}

/// An instant of the API: RFC 3339.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn job_of(pod: &Object) -> Option<&str> {
    let label = JOB_NAME.iter().find_map(|key| pod.text_at(&["metadata", "labels", key]));
    label.or_else(|| owner_of(pod, "Job"))
}

/// The name of an object's owner of a kind.
fn owner_of<'a>(object: &'a Object, kind: &str) -> Option<&'a str> {
    items_at(&object.node, &["metadata", "ownerReferences"])
        .iter()
        .find(|owner| text(owner, "kind") == Some(kind))
        .and_then(|owner| text(owner, "name"))
}

/// A string of a map.
pub(super) fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::as_str)
}
