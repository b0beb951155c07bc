//! The Jobs of the CronJobs and their ends. Here kubectl creates them, as an operator would.

use serde_json::{Value, json};

use super::{cluster, condition, end_next, jobs, list, name, once, pods};
use crate::cluster::{MERGE, until};
use crate::compare::changed;
use crate::gate::deployed_stack::DeployedStack;

const UP: &str = "chatterbox-window-up";
const GUARD: &str = "chatterbox-vram-guard";
const DOWN: &str = "chatterbox-window-down";

/// Creates a Job from a CronJob.
#[track_caller]
fn create_job(stack: &DeployedStack<'_>, job: &str, cronjob: &str) {
    let from = format!("--from=cronjob/{cronjob}");
    stack.cluster.kubectl_ok(&["-n", &stack.namespace, "create", "job", job, &from], "");
}

fn path(stack: &DeployedStack<'_>, job: &str) -> String {
    format!("/apis/batch/v1/namespaces/{}/jobs/{job}", stack.namespace)
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_job_and_its_pod_are_as_they_are_rendered() {
    let stack = DeployedStack::new(cluster(), "jobs-template");
    for (cronjob, action) in [(UP, "up"), (GUARD, "guard"), (DOWN, "down")] {
        let rendered = stack.rendered("CronJob", cronjob);
        let template = &rendered["spec"]["jobTemplate"];
        // The fields that this file tests are rendered.
        for field in ["backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"] {
            assert!(template["spec"][field].is_u64(), "{cronjob}: {field}");
        }
        create_job(&stack, action, cronjob);
        let mut job = jobs(&stack, cronjob).remove(0);
        assert_eq!(changed(template, &job), [""; 0]);
        let pod = until("its Pod", || pods(&stack, action).pop());
        assert_eq!(changed(&template["spec"]["template"], &pod), [""; 0]);
        assert_eq!(pod["spec"]["containers"][0]["command"], json!(["/vram-gate", action]));

        // It runs until its gate ends, and has no second Pod after a success.
        assert_eq!(condition(&job, "Complete"), None);
        end_next(&stack, action, 0);
        job = once(&stack, action, "Complete");
        assert_eq!(
            (&job["status"]["succeeded"], &job["status"]["failed"]),
            (&json!(1), &Value::Null)
        );
        assert_eq!(pods(&stack, action).len(), 1);
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_failed_gate_runs_once_more() {
    let stack = DeployedStack::new(cluster(), "jobs-backoff");
    create_job(&stack, "once-more", DOWN);
    end_next(&stack, "once-more", 1);
    end_next(&stack, "once-more", 1);
    let job = once(&stack, "once-more", "Failed");
    assert_eq!(condition(&job, "Failed"), Some("BackoffLimitExceeded"));
    assert_eq!((&job["status"]["failed"], pods(&stack, "once-more").len()), (&json!(2), 2));
}

#[test]
#[ignore = "tests/e2e/run"]
fn as_many_ended_jobs_are_kept_as_the_history_limits_allow() {
    let limits = ["offPeak.historyLimits.successful.up=1", "offPeak.historyLimits.failed.up=3"];
    let stack = DeployedStack::with(cluster(), "jobs-history", &limits);
    let limits = &stack.rendered("CronJob", UP)["spec"];
    let limit = |name: &str| usize::try_from(limits[name].as_u64().unwrap()).unwrap();
    let limits = [limit("successfulJobsHistoryLimit"), limit("failedJobsHistoryLimit")];
    assert_eq!(limits, [1, 3]);

    // Names that sort as the Jobs end, the newest last.
    let names: Vec<String> = (1..=9).map(|number| format!("run-{number}")).collect();
    for (index, job) in names.iter().enumerate() {
        create_job(&stack, job, UP);
        let failed = index.is_multiple_of(2);
        // One attempt, so that no test waits for the pause before the second.
        let patch = json!({"spec": {"backoffLimit": 0}});
        stack.cluster.admin().patch(&path(&stack, job), MERGE, &patch, "").object();
        end_next(&stack, job, failed.into());
        until("its end", || {
            let jobs = jobs(&stack, UP);
            let found = jobs.iter().find(|found| name(found) == job)?;
            (condition(found, "Complete").is_some() || condition(found, "Failed").is_some())
                .then_some(())
        });
    }
    let left = until("the oldest are gone", || {
        let jobs = jobs(&stack, UP);
        (jobs.len() == limits[0] + limits[1]).then_some(jobs)
    });
    let left: Vec<&str> = left.iter().map(name).collect();
    assert_eq!(left, ["run-5", "run-7", "run-8", "run-9"]);
    // Their Pods go with them.
    until("their Pods are gone", || {
        let pods = list(&stack, "api/v1", "pods");
        pods.iter()
            .all(|pod| {
                left.contains(&pod["metadata"]["ownerReferences"][0]["name"].as_str().unwrap())
            })
            .then_some(())
    });
}

#[test]
#[ignore = "tests/e2e/run"]
fn ended_jobs_are_deleted_after_their_time() {
    let stack = DeployedStack::new(cluster(), "jobs-ttl");
    for (job, cronjob) in [("kept", DOWN), ("cleared", GUARD)] {
        create_job(&stack, job, cronjob);
        end_next(&stack, job, 0);
        assert_eq!(once(&stack, job, "Complete")["spec"]["ttlSecondsAfterFinished"], 26 * 3600);
    }
    // A day is too long for a test, so the field gets a shorter time.
    let admin = stack.cluster.admin();
    let patch = json!({"spec": {"ttlSecondsAfterFinished": 1}});
    admin.patch(&path(&stack, "cleared"), MERGE, &patch, "").object();
    until("it is deleted", || (admin.get(&path(&stack, "cleared")).status == 404).then_some(()));
    assert!(admin.get(&path(&stack, "kept")).done());
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_quota_of_no_pods_stops_everything() {
    // docs/stop.md, whose order is tested in tests/e2e/gate/stop_everything.rs.
    let stack = DeployedStack::new(cluster(), "jobs-quota");
    let kubectl = |arguments: &[&str]| {
        stack.cluster.kubectl_ok(&[&["-n", &stack.namespace], arguments].concat(), "")
    };
    create_job(&stack, "before", GUARD);
    until("its Pod", || pods(&stack, "before").pop());
    kubectl(&["create", "quota", "stop", "--hard=pods=0"]);
    kubectl(&["delete", "pods", "--all", "--timeout=3m"]);
    kubectl(&["scale", "deployment/chatterbox-tts", "--replicas=0"]);

    create_job(&stack, "during", DOWN);
    for job in ["before", "during"] {
        until("a Pod is refused", || {
            list(&stack, "api/v1", "events").into_iter().find(|event| {
                let message = event["message"].as_str().unwrap_or_default();
                event["involvedObject"]["name"] == job
                    && event["reason"] == "FailedCreate"
                    && message.contains("exceeded quota: stop, requested: pods=1")
            })
        });
    }
    assert_eq!(list(&stack, "api/v1", "pods").len(), 0);

    kubectl(&["delete", "quota", "stop"]);
    until("a Pod starts again", || pods(&stack, "during").pop());
}
