//! What a CronJob's Jobs are like and what becomes of them, whoever makes them: here kubectl, as an
//! operator does.

use serde_json::{Value, json};

use super::{cluster, condition, end_next, jobs, list, name, once, pods};
use crate::cluster::{MERGE, until};
use crate::compare::changed;
use crate::gate::stage::Stage;

const UP: &str = "chatterbox-window-up";
const GUARD: &str = "chatterbox-vram-guard";
const DOWN: &str = "chatterbox-window-down";

/// Makes a Job of a CronJob.
#[track_caller]
fn make(stage: &Stage<'_>, job: &str, cronjob: &str) {
    let from = format!("--from=cronjob/{cronjob}");
    stage.cluster.kubectl_ok(&["-n", &stage.namespace, "create", "job", job, &from], "");
}

fn path(stage: &Stage<'_>, job: &str) -> String {
    format!("/apis/batch/v1/namespaces/{}/jobs/{job}", stage.namespace)
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_job_and_its_pod_are_as_they_are_rendered() {
    let stage = Stage::new(cluster(), "jobs-template");
    for (cronjob, action) in [(UP, "up"), (GUARD, "guard"), (DOWN, "down")] {
        let rendered = stage.rendered("CronJob", cronjob);
        let template = &rendered["spec"]["jobTemplate"];
        // What the rest of this file looks at is rendered.
        for field in ["backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"] {
            assert!(template["spec"][field].is_u64(), "{cronjob}: {field}");
        }
        make(&stage, action, cronjob);
        let mut job = jobs(&stage, cronjob).remove(0);
        assert_eq!(changed(template, &job), [""; 0]);
        let pod = until("its Pod", || pods(&stage, action).pop());
        assert_eq!(changed(&template["spec"]["template"], &pod), [""; 0]);
        assert_eq!(pod["spec"]["containers"][0]["command"], json!(["/vram-gate", action]));

        // It runs until its gate ends, and has no second Pod after a success.
        assert_eq!(condition(&job, "Complete"), None);
        end_next(&stage, action, 0);
        job = once(&stage, action, "Complete");
        assert_eq!(
            (&job["status"]["succeeded"], &job["status"]["failed"]),
            (&json!(1), &Value::Null)
        );
        assert_eq!(pods(&stage, action).len(), 1);
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_gate_that_fails_is_run_once_more() {
    let stage = Stage::new(cluster(), "jobs-backoff");
    make(&stage, "once-more", DOWN);
    end_next(&stage, "once-more", 1);
    end_next(&stage, "once-more", 1);
    let job = once(&stage, "once-more", "Failed");
    assert_eq!(condition(&job, "Failed"), Some("BackoffLimitExceeded"));
    assert_eq!((&job["status"]["failed"], pods(&stage, "once-more").len()), (&json!(2), 2));
}

#[test]
#[ignore = "tests/e2e/run"]
fn one_job_that_succeeded_is_kept_and_three_that_failed() {
    let stage = Stage::new(cluster(), "jobs-history");
    let limits = &stage.rendered("CronJob", UP)["spec"];
    let limit = |name: &str| usize::try_from(limits[name].as_u64().unwrap()).unwrap();
    let limits = [limit("successfulJobsHistoryLimit"), limit("failedJobsHistoryLimit")];
    assert_eq!(limits, [1, 3]);

    // Names that sort as the Jobs end, the newest last.
    let names: Vec<String> = (1..=9).map(|number| format!("run-{number}")).collect();
    for (index, job) in names.iter().enumerate() {
        make(&stage, job, UP);
        let failed = index.is_multiple_of(2);
        // Of one try, so that no test waits for the pause before the second.
        let patch = json!({"spec": {"backoffLimit": 0}});
        stage.cluster.admin().patch(&path(&stage, job), MERGE, &patch, "").object();
        end_next(&stage, job, failed.into());
        until("its end", || {
            let jobs = jobs(&stage, UP);
            let found = jobs.iter().find(|found| name(found) == job)?;
            (condition(found, "Complete").is_some() || condition(found, "Failed").is_some())
                .then_some(())
        });
    }
    let left = until("the oldest are gone", || {
        let jobs = jobs(&stage, UP);
        (jobs.len() == limits[0] + limits[1]).then_some(jobs)
    });
    let left: Vec<&str> = left.iter().map(name).collect();
    assert_eq!(left, ["run-5", "run-7", "run-8", "run-9"]);
    // Their Pods go with them.
    until("their Pods are gone", || {
        let pods = list(&stage, "api/v1", "pods");
        pods.iter()
            .all(|pod| {
                left.contains(&pod["metadata"]["ownerReferences"][0]["name"].as_str().unwrap())
            })
            .then_some(())
    });
}

#[test]
#[ignore = "tests/e2e/run"]
fn what_has_ended_is_cleared_away_after_its_time() {
    let stage = Stage::new(cluster(), "jobs-ttl");
    for (job, cronjob) in [("kept", DOWN), ("cleared", GUARD)] {
        make(&stage, job, cronjob);
        end_next(&stage, job, 0);
        assert_eq!(once(&stage, job, "Complete")["spec"]["ttlSecondsAfterFinished"], 300);
    }
    // Five minutes are too long for a test: the same field, with less in it.
    let admin = stage.cluster.admin();
    let patch = json!({"spec": {"ttlSecondsAfterFinished": 1}});
    admin.patch(&path(&stage, "cleared"), MERGE, &patch, "").object();
    until("it is cleared away", || {
        (admin.get(&path(&stage, "cleared")).status == 404).then_some(())
    });
    assert!(admin.get(&path(&stage, "kept")).done());
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_quota_of_no_pods_stops_everything() {
    // docs/argocd.md and docs/flux.md, "Stop everything, at three in the morning".
    let stage = Stage::new(cluster(), "jobs-quota");
    let kubectl = |arguments: &[&str]| {
        stage.cluster.kubectl_ok(&[&["-n", &stage.namespace], arguments].concat(), "")
    };
    make(&stage, "before", GUARD);
    until("its Pod", || pods(&stage, "before").pop());
    kubectl(&["create", "quota", "stop", "--hard=pods=0"]);
    kubectl(&["scale", "deployment/chatterbox-tts", "--replicas=0"]);
    kubectl(&["delete", "pods", "--all", "--wait=false"]);

    make(&stage, "during", DOWN);
    for job in ["before", "during"] {
        until("a Pod is refused", || {
            list(&stage, "api/v1", "events").into_iter().find(|event| {
                let message = event["message"].as_str().unwrap_or_default();
                event["involvedObject"]["name"] == job
                    && event["reason"] == "FailedCreate"
                    && message.contains("exceeded quota: stop, requested: pods=1")
            })
        });
    }
    assert_eq!(list(&stage, "api/v1", "pods").len(), 0);

    kubectl(&["delete", "quota", "stop"]);
    until("a Pod starts again", || pods(&stage, "during").pop());
}
