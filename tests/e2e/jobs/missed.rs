//! Runs that are missed while the controllers are away, and runs whose predecessor never ends.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::on_time::{minute_ahead, sleep_until};
use super::{CONTROLLERS, cluster, condition, jobs, list, name, pods};
use crate::cluster::{Cluster, MERGE, until};
use crate::gate::deployed_stack::DeployedStack;

const UP: &str = "chatterbox-window-up";
const GUARD: &str = "chatterbox-vram-guard";
const DOWN: &str = "chatterbox-window-down";

/// A schedule for one time of the day, in UTC.
fn daily_at(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    format!("{} {} * * *", at.minute(), at.hour())
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// A short deadline, and pauses of the gate that fit into it.
fn short_jobs(seconds: u32) -> [String; 3] {
    [
        format!("offPeak.activeDeadlineSeconds={seconds}"),
        "gate.sampleIntervalSeconds=1".to_owned(),
        "gate.recheckDelaySeconds=1".to_owned(),
    ]
}

/// A stack whose `up` and `down` are due at two instants, each day.
fn with_window<'a>(
    cluster: &'a Cluster,
    namespace: &str,
    down: Timestamp,
    up: Timestamp,
) -> DeployedStack<'a> {
    let mut settings = vec![
        "offPeak.timeZone=Etc/UTC".to_owned(),
        format!("offPeak.up={}", daily_at(up)),
        format!("offPeak.down={}", daily_at(down)),
    ];
    settings.extend(short_jobs(60));
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    DeployedStack::with(cluster, namespace, &settings)
}

fn starting_deadline(stack: &DeployedStack<'_>) -> i64 {
    stack.rendered("CronJob", DOWN)["spec"]["startingDeadlineSeconds"].as_i64().unwrap()
}

/// The scheduled instants of a CronJob's Jobs.
fn instants(stack: &DeployedStack<'_>, cronjob: &str) -> Vec<String> {
    let key = "batch.kubernetes.io/cronjob-scheduled-timestamp";
    let of = |job: &Value| job["metadata"]["annotations"][key].as_str().unwrap().to_owned();
    jobs(stack, cronjob).iter().map(of).collect()
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_missed_end_of_the_window_is_made_up_for_outside_the_next_window_only() {
    let cluster = Cluster::start();
    cluster.start_controllers(&CONTROLLERS);
    let down = minute_ahead();
    // One window opens half a day after the run that is missed, the other as the controllers are back.
    let opens = down + minutes(3);
    let day = with_window(&cluster, "missed-day", down, down + minutes(12 * 60));
    let night = with_window(&cluster, "missed-night", down, opens);
    assert_eq!((starting_deadline(&day), starting_deadline(&night)), (12 * 3600 - 300, 60));
    assert!(Timestamp::now() < down, "the machine is too slow for a minute ahead");
    cluster.stop_controllers();

    sleep_until(opens + SignedDuration::from_secs(2));
    assert_eq!((jobs(&day, DOWN).len(), jobs(&night, DOWN).len()), (0, 0));
    cluster.start_controllers(&CONTROLLERS);
    until("the missed run", || jobs(&day, DOWN).pop());
    // The controller has seen this stack, and its missed `down`.
    until("the window opens", || jobs(&night, UP).pop());
    sleep_until(Timestamp::now() + SignedDuration::from_secs(15));
    assert_eq!(instants(&day, DOWN), [down.strftime("%FT%TZ").to_string()]);
    assert_eq!(instants(&night, DOWN), [""; 0]);
}

/// Puts a Job's Pod on a node that is away: nobody there ends it.
#[track_caller]
fn strand_pod(stack: &DeployedStack<'_>, cronjob: &str) -> (Value, Value) {
    let job = until("the first run", || jobs(stack, cronjob).pop());
    let pod = until("its Pod", || pods(stack, name(&job)).pop());
    let path = format!("/api/v1/namespaces/{}/pods/{}", stack.namespace, name(&pod));
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name(&pod)},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "worker-2"},
    });
    let admin = stack.cluster.admin();
    let bound =
        admin.send("POST", &format!("{path}/binding"), "application/json", &binding.to_string());
    assert!(bound.unwrap().done());
    let running = json!({"status": {"phase": "Running"}});
    admin.patch(&format!("{path}/status"), MERGE, &running, "").object();
    (job, pod)
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_guard_whose_pod_never_ends_is_replaced_by_the_next() {
    let with_policy = |namespace: &str, policy: &str| {
        let mut settings = vec![
            "offPeak.guard=* * * * *".to_owned(),
            format!("offPeak.concurrencyPolicy.guard={policy}"),
        ];
        settings.extend(short_jobs(20));
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        DeployedStack::with(cluster(), namespace, &settings)
    };
    let replaced = with_policy("stranded-replace", "Replace");
    let forbidden = with_policy("stranded-forbid", "Forbid");
    let (_, pod) = strand_pod(&replaced, GUARD);
    let (stuck, _) = strand_pod(&forbidden, GUARD);

    until("the next guard beside the stranded Pod", || {
        let all = list(&replaced, "api/v1", "pods");
        let old = all.iter().find(|found| name(found) == name(&pod))?;
        assert!(all.len() < 2 || old["metadata"]["deletionTimestamp"].is_string());
        (all.len() == 2).then_some(())
    });
    // With `Forbid` the Job that exceeded its deadline is never over, and no other starts.
    until("the next guard is refused", || {
        list(&forbidden, "api/v1", "events").into_iter().find(|event| {
            event["involvedObject"]["name"] == GUARD && event["reason"] == "JobAlreadyActive"
        })
    });
    let left = jobs(&forbidden, GUARD);
    assert_eq!(left.iter().map(name).collect::<Vec<_>>(), [name(&stuck)]);
    assert_eq!(condition(&left[0], "FailureTarget"), Some("DeadlineExceeded"));
    assert_eq!(condition(&left[0], "Failed"), None);
}
