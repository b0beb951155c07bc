//! The result of a sequence, and the time that it leaves the tenant unguarded at most.

use jiff::{SignedDuration, Timestamp};
use kube_validate::schedule::{Schedule, zone};
use serde_json::Value;

use super::scene::cron_job_name;

/// The end of one Job.
#[derive(Debug, Clone)]
pub enum Run {
    /// The gate ran, as often as its Job tries, with these exit codes.
    Ended(Vec<i64>),
    /// No Pod was accepted.
    NoPod,
    /// The scheduler found no room.
    NoRoom,
    /// The node could not pull the image.
    NoImage,
    /// The node was lost while the Pod ran.
    NodeLost,
    /// The controller did not start it.
    NotStarted,
}

impl Run {
    /// The end of a Job with these Pods.
    pub fn ended(pods: &[Value]) -> Self {
        let codes = pods.iter().filter_map(|pod| {
            pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"].as_i64()
        });
        Run::Ended(codes.collect())
    }

    /// The exit code of the last attempt.
    pub fn code(&self) -> Option<i64> {
        if let Run::Ended(codes) = self { codes.last().copied() } else { None }
    }
}

/// The end of a sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ended {
    /// Nothing that the stack runs ends it.
    #[default]
    Person,
    /// The tenant does not start.
    NeverStarted,
    /// It is guarded all along.
    Guarded,
    /// The guard that ran as that many runs later.
    Guard(u32),
    /// `down` at the window's end.
    WindowEnd,
    /// The next `down` outside the window.
    NextDown,
    /// A `down` that is made up for after an outage shorter than its `startingDeadlineSeconds`.
    MadeUp,
    /// The first `down` after an outage of any length.
    AfterOutage,
    /// The next guard after an outage.
    GuardAfterOutage,
}

/// The result of a row.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The effects of the runs, in order.
    pub steps: Vec<String>,
    pub ended: Ended,
}

impl Outcome {
    /// Adds a run; `left` says that the tenant is at 0 after it.
    pub fn step(&mut self, action: &str, run: &Run, left: bool) {
        let done = match run {
            Run::Ended(codes) if codes.last() == Some(&0) && left => "scales to 0".to_owned(),
            Run::Ended(codes) if codes.last() == Some(&0) => "leaves it alone".to_owned(),
            Run::Ended(codes) => format!("exits {}", codes.last().copied().unwrap_or(-1)),
            Run::NoPod => "gets no Pod".to_owned(),
            Run::NoRoom => "finds no room until its deadline".to_owned(),
            Run::NoImage => "has no image until its deadline".to_owned(),
            Run::NodeLost => "is lost with its node".to_owned(),
            Run::NotStarted => "is not started".to_owned(),
        };
        self.steps.push(format!("`{action}` {done}"));
    }

    /// Adds an effect of something else than a run.
    pub fn note(mut self, text: &str) -> Self {
        self.steps.push(text.to_owned());
        self
    }

    /// Adds what follows, which decides the end.
    pub fn then(mut self, next: Outcome) -> Self {
        self.steps.extend(next.steps);
        self.with_end(next.ended)
    }

    /// The tenant left after a run of this action in the ordinary course.
    pub fn ended_by(mut self, action: &str) -> Self {
        self.ended = if action == "guard" { Ended::Guard(1) } else { Ended::WindowEnd };
        self
    }

    /// Another end than the ordinary.
    pub fn with_end(mut self, ended: Ended) -> Self {
        self.ended = ended;
        self
    }
}

/// The longest gaps in the rendered schedules.
pub struct Plan {
    /// The longest time between two guards of one window.
    guard: SignedDuration,
    /// The longest time from `up` to the next `down`.
    window: SignedDuration,
    /// Every window is that long.
    alike: bool,
    /// The longest time without a guard or a `down`.
    day: SignedDuration,
    /// The longest run, from its Job's creation.
    deadline: SignedDuration,
    /// The longest delay with which a `down` starts.
    down_delay: SignedDuration,
}

impl Plan {
    /// Reads the CronJobs of a rendered stack, over a year of their zone or of another one.
    pub fn of(objects: &[Value], other_zone: Option<&str>) -> Self {
        let spec = |action: &str| {
            let name = cron_job_name(action);
            &objects.iter().find(|object| object["metadata"]["name"] == name).unwrap()["spec"]
        };
        let start: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let end = start + SignedDuration::from_hours(365 * 24);
        let runs = |action: &str| {
            let text = |name: &str| spec(action)[name].as_str().unwrap();
            let schedule: Schedule = text("schedule").parse().unwrap();
            let zone = zone(other_zone.unwrap_or_else(|| text("timeZone"))).unwrap();
            schedule.runs(start, end, &zone).collect::<Vec<_>>()
        };
        let (ups, guards, downs) = (runs("up"), runs("guard"), runs("down"));
        let mut releases = [guards.clone(), downs.clone()].concat();
        releases.sort();
        let windows: Vec<(Timestamp, Timestamp)> = ups
            .iter()
            .filter_map(|&up| Some((up, *downs.get(downs.partition_point(|down| *down <= up))?)))
            .collect();
        let mut lengths: Vec<_> =
            windows.iter().map(|(up, down)| down.duration_since(*up)).collect();
        lengths.sort();
        let in_windows = guards.windows(2).filter_map(|pair| {
            let opened = windows.partition_point(|(up, _)| *up <= pair[0]).checked_sub(1)?;
            (pair[1] <= windows[opened].1).then(|| pair[1].duration_since(pair[0]))
        });
        let deadlines = ["guard", "down"].map(|action| {
            let template = &spec(action)["jobTemplate"]["spec"];
            SignedDuration::from_secs(template["activeDeadlineSeconds"].as_i64().unwrap())
        });
        Plan {
            guard: in_windows.max().unwrap(),
            window: *lengths.last().unwrap(),
            alike: lengths.first() == lengths.last(),
            day: gaps(&releases).into_iter().max().unwrap(),
            deadline: deadlines.into_iter().max().unwrap(),
            down_delay: SignedDuration::from_secs(
                spec("down")["startingDeadlineSeconds"].as_i64().unwrap(),
            ),
        }
    }

    /// Returns true if every window is equally long.
    pub fn every_window_is_alike(&self) -> bool {
        self.alike
    }

    /// The longest time that the tenant is unguarded.
    pub fn unguarded(&self, ended: Ended) -> String {
        match ended {
            Ended::Person => "no bound".to_owned(),
            Ended::NeverStarted | Ended::Guarded => "never".to_owned(),
            Ended::Guard(runs) => {
                duration(self.guard * i32::try_from(runs).unwrap() + self.deadline)
            }
            Ended::WindowEnd => duration(self.window + self.deadline),
            Ended::NextDown => duration(self.day + self.deadline),
            Ended::MadeUp => format!("the outage and {}", duration(self.deadline)),
            Ended::AfterOutage => {
                let wait = (self.day - self.down_delay).max(SignedDuration::ZERO);
                format!("the outage and {}", duration(wait + self.deadline))
            }
            Ended::GuardAfterOutage => {
                format!("the outage and {}", duration(self.guard + self.deadline))
            }
        }
    }
}

fn gaps(runs: &[Timestamp]) -> Vec<SignedDuration> {
    runs.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect()
}

fn duration(time: SignedDuration) -> String {
    let minutes = time.as_secs().div_euclid(60) + i64::from(time.as_secs() % 60 > 0);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

impl Ended {
    /// The run or the person that ends it.
    pub fn by(self) -> &'static str {
        match self {
            Ended::Person => "an alert or a person",
            Ended::NeverStarted => "nothing to end",
            Ended::Guarded | Ended::Guard(_) | Ended::GuardAfterOutage => "`guard`",
            Ended::WindowEnd | Ended::NextDown | Ended::MadeUp | Ended::AfterOutage => "`down`",
        }
    }
}

#[test]
fn the_bounds_are_those_of_the_schedules() {
    let bounds = |down: &str, zone: &str| {
        let runs = [("up", "0 2 * * *"), ("guard", "*/5 2-5 * * *"), ("down", down)];
        let objects = runs.map(|(action, schedule)| {
            serde_json::json!({"metadata": {"name": cron_job_name(action)}, "spec": {
                "schedule": schedule, "timeZone": zone, "startingDeadlineSeconds": 3420,
                "jobTemplate": {"spec": {"activeDeadlineSeconds": 120}},
            }})
        });
        let plan = Plan::of(&objects, None);
        let ends = [Ended::Guard(1), Ended::Guard(2), Ended::WindowEnd, Ended::NextDown];
        ends.map(|end| plan.unguarded(end)).join(", ") + "; " + &plan.unguarded(Ended::AfterOutage)
    };
    assert_eq!(
        bounds("0 6 * * *", "Etc/UTC"),
        "7 min, 12 min, 4 h 2 min, 20 h 2 min; the outage and 19 h 5 min"
    );
    assert_eq!(
        bounds("0 6-22/2,0 * * *", "Etc/UTC"),
        "7 min, 12 min, 4 h 2 min, 2 h 2 min; the outage and 1 h 5 min"
    );
    // From 00:00 to 02:00 in the night in which the clocks go back.
    assert_eq!(
        bounds("0 6-22/2,0 * * *", "Europe/London"),
        "7 min, 12 min, 4 h 2 min, 3 h 2 min; the outage and 2 h 5 min"
    );
}
