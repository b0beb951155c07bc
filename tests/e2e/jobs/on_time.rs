//! Schedules a minute ahead, in two time zones: what they make, and when, against `kube_validate::schedule`.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use kube_validate::schedule::{Schedule, zone};
use serde_json::Value;

use super::{cluster, condition, end_next, jobs, list, name, once, pods};
use crate::cluster::until;
use crate::gate::stage::Stage;

const UP: &str = "chatterbox-window-up";
const GUARD: &str = "chatterbox-vram-guard";
const DOWN: &str = "chatterbox-window-down";

/// A zone whose wall clock differs in its minutes, too: 5 h 45 min ahead of UTC.
const AHEAD: &str = "Asia/Kathmandu";
const LONDON: &str = "Europe/London";

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// What was seen: nothing here runs twice, however many tests look at it.
pub static NIGHT: LazyLock<Night> = LazyLock::new(pass);

pub struct Night {
    /// CronJobs whose Jobs are to be all that were predicted, with what was made.
    complete: Vec<Made>,
    /// The guard that was held back while its first Job ran.
    held: Held,
    /// The Job that ran into its deadline, and its Pods afterwards.
    ended: (Value, Vec<Value>),
    /// CronJobs that were suspended, and later let go.
    rested: Vec<Made>,
    resumed: Vec<Made>,
}

/// A CronJob as the server has it, and its Jobs.
struct Made {
    cronjob: Value,
    jobs: Vec<Value>,
    /// When it was looked at.
    at: Timestamp,
}

struct Held {
    /// Its Jobs when the server said that one was active.
    while_active: Vec<Value>,
    message: String,
    /// Its Jobs once the first had ended.
    after: Made,
}

/// One wall clock's fields.
fn clock(at: Timestamp, name: &str) -> Zoned {
    at.to_zoned(zone(name).unwrap())
}

fn sleep_until(at: Timestamp) {
    let left = at.duration_since(Timestamp::now());
    std::thread::sleep(Duration::try_from(left).unwrap_or_default());
}

/// Waits through some minutes and takes down what is made.
fn pass() -> Night {
    let cluster = cluster();
    // Time enough until then to make the CronJobs: what lies before that is not made up for.
    let minute = |at: Timestamp| at.as_second() / 60 * 60;
    let first = minute(Timestamp::now() + SignedDuration::from_secs(30)) + 60;
    let first = Timestamp::from_second(first).unwrap();
    let second = first + MINUTE;

    let set = |name: &str, value: &str| format!("offPeak.{name}={value}");
    let stage = |namespace: &str, settings: &[String]| {
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        Stage::with(cluster, namespace, &settings)
    };
    let (one, two) = (clock(first, LONDON), clock(second, LONDON));
    let weekday = one.weekday().to_sunday_zero_offset();
    let every_minute =
        format!("* {},{} * * *", one.hour(), clock(first + 10 * MINUTE, LONDON).hour());
    let up = format!("{} {} * * {weekday}", one.minute(), one.hour());
    let london = stage(
        "jobs-london",
        &[
            set("timeZone", LONDON),
            set("up", &up),
            set("guard", &every_minute),
            set("down", &format!("{} {} * * *", two.minute(), two.hour())),
        ],
    );
    let resting = |suspend: &str| {
        stage(
            "jobs-resting",
            &[
                set("timeZone", LONDON),
                set("up", &up),
                set("guard", &every_minute),
                set("startingDeadlineSeconds", "30"),
                set("suspend", suspend),
            ],
        )
    };
    let rest = resting("true");
    let (one, two, utc) = (clock(first, AHEAD), clock(second, AHEAD), clock(first, "UTC"));
    let month = one.strftime("%b").to_string().to_lowercase();
    let ahead = stage(
        "jobs-ahead",
        &[
            set("timeZone", AHEAD),
            set("up", &format!("{} {} {} {month} *", one.minute(), one.hour(), one.day())),
            set(
                "guard",
                &format!("{},{} {},{} * * *", one.minute(), two.minute(), one.hour(), two.hour()),
            ),
            // What would run now, were it read as UTC.
            set("down", &format!("{} {} * * *", utc.minute(), utc.hour())),
            set("activeDeadlineSeconds", "40"),
        ],
    );
    assert!(Timestamp::now() < first, "the machine is too slow for a minute ahead");

    // The first guard in London runs on: what is due a minute later has to wait.
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
    let held = Held { while_active, message, after: made(&london, GUARD) };

    // The guard in Kathmandu ran on, too, for longer than it may.
    let long = jobs(&ahead, GUARD).remove(0);
    let long = once(&ahead, name(&long), "Failed");
    let ended = until("its Pods are ended", || {
        let pods = pods(&ahead, name(&long));
        pods.is_empty().then_some((long.clone(), pods))
    });

    // In the third minute, more than 30 s after `up` was due.
    sleep_until(second + SignedDuration::from_secs(5));
    let rested = [UP, GUARD].map(|name| made(&rest, name)).into();
    let rest = resting("false");
    until("the guard goes on", || jobs(&rest, GUARD).pop());
    let resumed = [UP, GUARD].map(|name| made(&rest, name)).into();

    let all = [(&london, UP), (&london, DOWN), (&ahead, UP), (&ahead, GUARD), (&ahead, DOWN)];
    let complete = all.map(|(stage, name)| when_complete(stage, name)).into();
    Night { complete, held, ended, rested, resumed }
}

/// A CronJob once it has all Jobs that are due, or does not make them.
fn when_complete(stage: &Stage<'_>, name: &str) -> Made {
    let mut made = made(stage, name);
    let due = predicted(&made.cronjob, made.at).len();
    for _ in 0..60 {
        if made.jobs.len() >= due {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
        made = self::made(stage, name);
    }
    made
}

#[track_caller]
fn made(stage: &Stage<'_>, name: &str) -> Made {
    let at = Timestamp::now();
    let cronjob = stage.cluster.admin().live(stage.rendered("CronJob", name));
    Made { cronjob, jobs: jobs(stage, name), at }
}

/// The instants that our code has from a CronJob's making until then.
fn predicted(cronjob: &Value, until: Timestamp) -> Vec<Timestamp> {
    let (schedule, zone) = schedule(cronjob);
    let text = cronjob["metadata"]["creationTimestamp"].as_str().unwrap();
    schedule.runs(text.parse().unwrap(), until, &zone).collect()
}

fn schedule(cronjob: &Value) -> (Schedule, TimeZone) {
    let text = |name: &str| cronjob["spec"][name].as_str().unwrap();
    (text("schedule").parse().unwrap(), zone(text("timeZone")).unwrap())
}

/// The instant that a Job is of, as the controller writes it down and as it names it.
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

/// Holds each Job to be of the last instant before it was made, and in time for it.
fn each_is_of_the_last_instant(made: &Made) {
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
fn jobs_are_made_at_the_instants_that_are_predicted_and_at_no_other() {
    let mut counts = Vec::new();
    for made in &NIGHT.complete {
        let (instants, name) = (instants(made), name(&made.cronjob));
        assert_eq!(instants, predicted(&made.cronjob, made.at), "{name}: {}", made.cronjob["spec"]);
        each_is_of_the_last_instant(made);
        let last = made.cronjob["status"]["lastScheduleTime"].as_str();
        assert_eq!(last.map(|last| last.parse().unwrap()), instants.last().copied(), "{name}");
        counts.push(instants.len());
    }
    assert_eq!(counts, [1, 1, 1, 2, 0], "not one of them is about nothing");
}

#[test]
#[ignore = "tests/e2e/run"]
fn while_a_job_is_active_no_other_is_made() {
    let Held { while_active, message, after } = &NIGHT.held;
    assert_eq!(while_active.len(), 1);
    assert_eq!(condition(&while_active[0], "Complete"), None);
    assert_eq!(
        message,
        "Not starting job because prior execution is running and concurrency policy is Forbid"
    );
    // What was due meanwhile is made up for, by its last instant, as soon as the first has ended.
    assert_eq!(instants(after)[0], predicted(&after.cronjob, after.at)[0]);
    each_is_of_the_last_instant(after);
    let end = after.jobs[0]["status"]["completionTime"].as_str().unwrap();
    let next = after.jobs[1]["metadata"]["creationTimestamp"].as_str().unwrap();
    assert!(end.parse::<Timestamp>().unwrap() <= next.parse().unwrap(), "{end} {next}");
    assert_eq!(after.cronjob["spec"]["concurrencyPolicy"], "Forbid");
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_job_that_runs_for_too_long_is_ended() {
    let (job, pods) = &NIGHT.ended;
    assert_eq!(condition(job, "Failed"), Some("DeadlineExceeded"));
    assert_eq!((&job["spec"]["activeDeadlineSeconds"], pods.len()), (&40.into(), 0));
}

#[test]
#[ignore = "tests/e2e/run"]
fn suspended_nothing_is_made_and_let_go_what_is_still_in_time() {
    for made in &NIGHT.rested {
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
    each_is_of_the_last_instant(guard);
}
