//! A schedule in an hour that the change of clocks skips or doubles.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::lint::window::Schedules;
use crate::model::{Message, Severity};
use kube_validate::schedule::Schedule;

pub(super) const RULE: Rule = Rule {
    id: "schedule-daylight-saving",
    severity: Severity::Warning,
    what: "The window opens or closes at a time that the change of clocks skips or doubles",
    why: "Kubernetes runs nothing in the hour that is skipped, so the window of that night does not open, or does not close until the next day; in the hour that comes twice it runs twice.",
    mend: "Another hour (in Europe clocks change at 01:00 UTC), or a zone without a change such as `Etc/UTC`.",
    source: "https://pkg.go.dev/github.com/robfig/cron/v3#hdr-Time_zones, held against that library in tests/schedule_robfig.rs",
    look: Look::Stack(look),
};

/// From when on changes are looked at, and how many: two years' worth. Fixed, as lint has no clock.
const FROM: Timestamp = Timestamp::constant(1_767_225_600, 0);
const CHANGES: usize = 4;

fn look(case: &Case<'_>) -> Vec<Site> {
    let Some(schedules) = Schedules::of(&case.values.off_peak) else { return Vec::new() };
    let named = [("up", &schedules.up), ("down", &schedules.down)];
    named
        .into_iter()
        .filter_map(|(name, schedule)| {
            Some(Site::value(["offPeak", name], affected(name, schedule, &schedules.zone)?))
        })
        .collect()
}

/// What the first change of clocks that matters does to a schedule, in words.
fn affected(name: &str, schedule: &Schedule, zone: &TimeZone) -> Option<Message> {
    zone.following(FROM).take(CHANGES).find_map(|change| {
        let at = change.timestamp();
        let before = zone.to_offset(at.checked_sub(SignedDuration::from_nanos(1)).ok()?);
        let moved = i64::from(change.offset().seconds()) - i64::from(before.seconds());
        let end = at.checked_add(SignedDuration::from_secs(moved.abs())).ok()?;
        // The skipped times on the clock as it was; the doubled ones on the clock as it becomes.
        let clock = TimeZone::fixed(if moved > 0 { before } else { change.offset() });
        let run = schedule.runs(at, end, &clock).next()?;
        let shown = run.to_zoned(clock).strftime("%H:%M on %Y-%m-%d").to_string();
        let words = Message::of("It runs at ").code(shown);
        Some(match (moved > 0, name) {
            (true, "up") => {
                words.and(", a time that is skipped: that night the window stays closed")
            }
            (true, _) => {
                words.and(", a time that is skipped: the window stays open until the next run")
            }
            (false, _) => words.and(", a time that comes twice"),
        })
    })
}
