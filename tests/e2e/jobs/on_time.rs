//! Compares the Jobs of schedules one minute ahead, in two time zones, with `kube_validate::schedule`.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use kube_validate::schedule::{Schedule, zone};
use serde_json::Value;

use super::{cluster, condition, end_next, jobs, list, name, once, pods};
use crate::cluster::until;
use crate::gate::deployed_stack::DeployedStack;

const UP: &str = "chatterbox-window-up";
const GUARD: &str = "chatterbox-vram-guard";
const DOWN: &str = "chatterbox-window-down";

/// A zone whose wall clock also differs in minutes: 5 h 45 min ahead of UTC.
const AHEAD: &str = "Asia/Kathmandu";
const LONDON: &str = "Europe/London";

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// The observations of the one run, which all tests share.
pub static NIGHT: LazyLock<Night> = LazyLock::new(observe);

pub struct Night {
    /// CronJobs that must have exactly the predicted Jobs.
    complete: Vec<Made>,
    /// The guard that waited while its first Job ran.
    blocked: Blocked,
    /// The Job that exceeded its deadline, and its Pods afterwards.
    ended: (Value, Vec<Value>),
    /// CronJobs that were suspended, and the same after they were resumed.
    suspended: Vec<Made>,
    resumed: Vec<Made>,
}

/// A CronJob on the server, and its Jobs.
struct Made {
    cronjob: Value,
    jobs: Vec<Value>,
    /// The time of the observation.
    at: Timestamp,
}

struct Blocked {
    /// Its Jobs when the server said that one was active.
    while_active: Vec<Value>,
    message: String,
    /// Its Jobs once the first had ended.
    after: Made,
}

/// The wall clock of a zone at an instant.
fn clock(at: Timestamp, name: &str) -> Zoned {
    at.to_zoned(zone(name).unwrap())
}

pub fn sleep_until(at: Timestamp) {
    let left = at.duration_since(Timestamp::now());
    std::thread::sleep(Duration::try_from(left).unwrap_or_default());
}

/// A full minute that leaves enough time to create CronJobs: runs before their creation are not made
/// up for.
pub fn minute_ahead() -> Timestamp {
    let soon = Timestamp::now() + SignedDuration::from_secs(30);
    Timestamp::from_second(soon.as_second() / 60 * 60 + 60).unwrap()
}

/// Waits some minutes and records the Jobs.
fn observe() -> Night {
    let cluster = cluster();
    let first = minute_ahead();
    let second = first + MINUTE;

    let set = |name: &str, value: &str| format!("offPeak.{name}={value}");
    let stack = |namespace: &str, settings: &[String]| {
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        DeployedStack::with(cluster, namespace, &settings)
    };
    let (one, two) = (clock(first, LONDON), clock(second, LONDON));
    let weekday = one.weekday().to_sunday_zero_offset();
    let every_minute =
        format!("* {},{} * * *", one.hour(), clock(first + 10 * MINUTE, LONDON).hour());
    let up = format!("{} {} * * {weekday}", one.minute(), one.hour());
    let london = stack(
        "jobs-london",
        &[
            set("timeZone", LONDON),
            set("up", &up),
            set("guard", &every_minute),
            set("down", &format!("{} {} * * *", two.minute(), two.hour())),
            set("concurrencyPolicy.guard", "Forbid"),
        ],
    );
    let deploy_suspended = |suspend: &str| {
        stack(
            "jobs-suspended",
            &[
                set("timeZone", LONDON),
                set("up", &up),
                set("guard", &every_minute),
                set("startingDeadlineSeconds", "30"),
                set("suspendAll", suspend),
            ],
        )
    };
    let suspended_stack = deploy_suspended("true");
    let (one, two, utc) = (clock(first, AHEAD), clock(second, AHEAD), clock(first, "UTC"));
    let month = one.strftime("%b").to_string().to_lowercase();
    let ahead = stack(
        "jobs-ahead",
        &[
            set("timeZone", AHEAD),
            set("up", &format!("{} {} {} {month} *", one.minute(), one.hour(), one.day())),
            set(
                "guard",
                &format!("{},{} {},{} * * *", one.minute(), two.minute(), one.hour(), two.hour()),
            ),
            // It would run now if it were read as UTC.
            set("down", &format!("{} {} * * *", utc.minute(), utc.hour())),
            set("activeDeadlineSeconds", "40"),
            // The gate refuses pauses that do not fit into the deadline.
            "gate.sampleIntervalSeconds=1".to_owned(),
            "gate.recheckDelaySeconds=1".to_owned(),
        ],
    );
    assert!(Timestamp::now() < first, "the machine is too slow for a minute ahead");

    // The first guard in London keeps running, so the next one has to wait.
    let running = until("the first guard", || jobs(&london, GUARD).pop());
    until("its Pod", || pods(&london, name(&running)).pop());
    let event = until("the second guard waits", || {
        list(&london, "api/v1", "events").into_iter().find(|event| {
            event["involvedObject"]["name"] == GUARD && event["reason"] == "JobAlreadyActive"
        })
    });
    let while_active = jobs(&london, GUARD);
    let message = event["message"].as_str().unwrap().to_owned();
    end_next(&london, name(&running), 0);
    once(&london, name(&running), "Complete");
    until("the next guard", || (jobs(&london, GUARD).len() > 1).then_some(()));
    let blocked = Blocked { while_active, message, after: made(&london, GUARD) };

    // The guard in Kathmandu exceeded its deadline.
    let long = jobs(&ahead, GUARD).remove(0);
    let long = once(&ahead, name(&long), "Failed");
    let ended = until("its Pods are ended", || {
        let pods = pods(&ahead, name(&long));
        pods.is_empty().then_some((long.clone(), pods))
    });

    // In the third minute, more than 30 s after `up` was due.
    sleep_until(second + SignedDuration::from_secs(5));
    let suspended = [UP, GUARD].map(|name| made(&suspended_stack, name)).into();
    let suspended_stack = deploy_suspended("false");
    until("the guard goes on", || jobs(&suspended_stack, GUARD).pop());
    let resumed = [UP, GUARD].map(|name| made(&suspended_stack, name)).into();

    let all = [(&london, UP), (&london, DOWN), (&ahead, UP), (&ahead, GUARD), (&ahead, DOWN)];
    let complete = all.map(|(stack, name)| when_complete(stack, name)).into();
    Night { complete, blocked, ended, suspended, resumed }
}

/// A CronJob once it has all due Jobs, or after a minute.
fn when_complete(stack: &DeployedStack<'_>, name: &str) -> Made {
    let mut made = made(stack, name);
    let due = predicted(&made.cronjob, made.at).len();
    for _ in 0..60 {
        if made.jobs.len() >= due {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
        made = self::made(stack, name);
    }
    made
}

#[track_caller]
fn made(stack: &DeployedStack<'_>, name: &str) -> Made {
    let at = Timestamp::now();
    let cronjob = stack.cluster.admin().live(stack.rendered("CronJob", name));
    Made { cronjob, jobs: jobs(stack, name), at }
}

/// The predicted instants from a CronJob's creation until an instant.
fn predicted(cronjob: &Value, until: Timestamp) -> Vec<Timestamp> {
    let (schedule, zone) = schedule(cronjob);
    let text = cronjob["metadata"]["creationTimestamp"].as_str().unwrap();
    schedule.runs(text.parse().unwrap(), until, &zone).collect()
}

fn schedule(cronjob: &Value) -> (Schedule, TimeZone) {
    let text = |name: &str| cronjob["spec"][name].as_str().unwrap();
    (text("schedule").parse().unwrap(), zone(text("timeZone")).unwrap())
}

/// A Job's scheduled instant, by its annotation, which its name must match.
fn instant(cronjob: &Value, job: &Value) -> Timestamp {
    let annotation =
        &job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    let instant: Timestamp = annotation.as_str().unwrap().parse().unwrap();
    assert_eq!(name(job), format!("{}-{}", name(cronjob), instant.as_second() / 60));
    instant
}

fn instants(made: &Made) -> Vec<Timestamp> {
    made.jobs.iter().map(|job| instant(&made.cronjob, job)).collect()
}

/// Asserts that each Job is for the last instant before its creation, and was created in time.
fn assert_jobs_are_for_the_last_instant(made: &Made) {
    let late = made.cronjob["spec"]["startingDeadlineSeconds"].as_i64().unwrap();
    for job in &made.jobs {
        let text = job["metadata"]["creationTimestamp"].as_str().unwrap();
        let created: Timestamp = text.parse().unwrap();
        let instant = instant(&made.cronjob, job);
        let due = predicted(&made.cronjob, created + SignedDuration::from_nanos(1));
        assert_eq!(due.last(), Some(&instant), "{} at {created}", name(job));
        assert!(created.duration_since(instant).as_secs() <= late, "{} at {created}", name(job));
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn jobs_are_created_at_exactly_the_predicted_instants() {
    let mut counts = Vec::new();
    for made in &NIGHT.complete {
        let (instants, name) = (instants(made), name(&made.cronjob));
        assert_eq!(instants, predicted(&made.cronjob, made.at), "{name}: {}", made.cronjob["spec"]);
        assert_jobs_are_for_the_last_instant(made);
        let last = made.cronjob["status"]["lastScheduleTime"].as_str();
        assert_eq!(last.map(|last| last.parse().unwrap()), instants.last().copied(), "{name}");
        counts.push(instants.len());
    }
    assert_eq!(counts, [1, 1, 1, 2, 0], "every case has its number of Jobs");
}

#[test]
#[ignore = "tests/e2e/run"]
fn an_active_job_blocks_the_next() {
    let Blocked { while_active, message, after } = &NIGHT.blocked;
    assert_eq!(while_active.len(), 1);
    assert_eq!(condition(&while_active[0], "Complete"), None);
    assert_eq!(
        message,
        "Not starting job because prior execution is running and concurrency policy is Forbid"
    );
    // When the first has ended, the last missed instant is made up for at once.
    assert_eq!(instants(after)[0], predicted(&after.cronjob, after.at)[0]);
    assert_jobs_are_for_the_last_instant(after);
    let end = after.jobs[0]["status"]["completionTime"].as_str().unwrap();
    let next = after.jobs[1]["metadata"]["creationTimestamp"].as_str().unwrap();
    assert!(end.parse::<Timestamp>().unwrap() <= next.parse().unwrap(), "{end} {next}");
    assert_eq!(after.cronjob["spec"]["concurrencyPolicy"], "Forbid");
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_job_that_exceeds_its_deadline_is_ended() {
    let (job, pods) = &NIGHT.ended;
    assert_eq!(condition(job, "Failed"), Some("DeadlineExceeded"));
    assert_eq!((&job["spec"]["activeDeadlineSeconds"], pods.len()), (&40.into(), 0));
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_suspended_cron_job_creates_nothing_and_resumes_in_time() {
    for made in &NIGHT.suspended {
        let name = name(&made.cronjob);
        assert!(!predicted(&made.cronjob, made.at).is_empty(), "{name}: something was due");
        assert_eq!(
            (&made.cronjob["spec"]["suspend"], made.jobs.len()),
            (&true.into(), 0),
            "{name}"
        );
        assert_eq!(made.cronjob["status"].get("lastScheduleTime"), None, "{name}");
    }
    let [up, guard] = &NIGHT.resumed[..] else { panic!("two were resumed") };
    assert_eq!((up.jobs.len(), guard.jobs.len()), (0, 1));
    assert_jobs_are_for_the_last_instant(guard);
}
