//! A window of a day that no other stack's overlaps.

use jiff::SignedDuration;

use crate::model::run_times::RunTimes;
use crate::model::window::{Window, WindowSchedule, YEARS_FROM};
use crate::values::{OffPeak, TimeZoneName};

/// The schedules of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedules {
    /// The job that starts the server.
    pub up: String,
    /// The job that yields.
    pub guard: String,
    /// The job that ends the window.
    pub down: String,
    /// The first hour, and the hour at which the window ends.
    pub hours: (u32, u32),
}

/// The hour that windows start at if nobody else has one.
const FIRST_HOUR: u32 = 2;
/// The lengths that are tried, in hours.
const LENGTHS: [u32; 3] = [4, 2, 1];
/// The days after [`YEARS_FROM`] of two months that are compared: clocks differ in winter and summer.
const MONTHS: [i64; 2] = [0, 181];
const MONTH: SignedDuration = SignedDuration::from_hours(24 * 31);

/// The first window that none of the others overlaps: the longest, and of these the nearest to 02:00,
/// earlier hours before later ones.
/// `None` if every hour is taken.
pub(super) fn choose_window(zone: &TimeZoneName, others: &[&OffPeak]) -> Option<Schedules> {
    let taken: Vec<Window> = others.iter().flat_map(|other| windows_of(other)).collect();
    LENGTHS.iter().find_map(|&length| {
        let mut starts: Vec<u32> = (0..24).filter(|hour| length == 1 || hour % 2 == 0).collect();
        starts.sort_by_key(|hour| {
            let later = (hour + 24 - FIRST_HOUR) % 24;
            (later.min(24 - later), 24 - later)
        });
        let candidates = starts.into_iter().map(|start| Schedules::of_hours(start, length));
        candidates.into_iter().find(|candidate| {
            let own = windows(&candidate.up, &candidate.down, zone.as_str());
            !own.is_empty()
                && own.iter().all(|own| !taken.iter().any(|other| overlap(*own, *other)))
        })
    })
}

fn overlap(one: Window, other: Window) -> bool {
    one.opens < other.closes && other.opens < one.closes
}

fn windows_of(off_peak: &OffPeak) -> Vec<Window> {
    let (down, zone) = (off_peak.down.as_str(), off_peak.time_zone.as_str());
    let opening = std::iter::once(&off_peak.up).chain(off_peak.demand_opens());
    opening.flat_map(|opens| windows(opens.as_str(), down, zone)).collect()
}

/// The windows of the compared months.
fn windows(up: &str, down: &str, zone: &str) -> Vec<Window> {
    let (Some(up), Some(down)) = (RunTimes::parse(up, zone), RunTimes::parse(down, zone)) else {
        return Vec::new();
    };
    let schedule = WindowSchedule { up: &up, down: &down };
    let spans = MONTHS.into_iter().filter_map(|days| {
        let start = YEARS_FROM.checked_add(SignedDuration::from_hours(24 * days)).ok()?;
        Some((start, start.checked_add(MONTH).ok()?))
    });
    spans.flat_map(|(start, end)| schedule.windows(start, end)).collect()
}

impl Schedules {
    /// The window of some hours. The job that ends it repeats every two hours, so that a missed run is made
    /// up for, and last runs two hours before the window opens again.
    fn of_hours(start: u32, length: u32) -> Self {
        let end = (start + length) % 24;
        let open: Vec<u32> = (start..start + length).map(|hour| hour % 24).collect();
        let closed: Vec<u32> =
            (start + length..=start + 22).step_by(2).map(|hour| hour % 24).collect();
        Schedules {
            up: format!("0 {start} * * *"),
            guard: format!("*/5 {} * * *", ranges(&open, 1)),
            down: format!("0 {} * * *", ranges(&closed, 2)),
            hours: (start, end),
        }
    }
}

/// Hours as a field of a schedule: ascending runs with a step become ranges.
fn ranges(hours: &[u32], step: u32) -> String {
    let runs = hours.chunk_by(|hour, next| *next == hour + step);
    let written: Vec<String> = runs
        .map(|run| match run {
            [first, .., last] if step > 1 => format!("{first}-{last}/{step}"),
            [first, .., last] => format!("{first}-{last}"),
            _ => run.iter().map(u32::to_string).collect(),
        })
        .collect();
    written.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_cover_the_hours_of_the_window_and_the_rest_of_the_day() {
        let of = |start, length| {
            let Schedules { up, guard, down, .. } = Schedules::of_hours(start, length);
            [up, guard, down]
        };
        assert_eq!(of(2, 4), ["0 2 * * *", "*/5 2-5 * * *", "0 6-22/2,0 * * *"]);
        assert_eq!(of(22, 4), ["0 22 * * *", "*/5 22-23,0-1 * * *", "0 2-20/2 * * *"]);
        assert_eq!(of(23, 1), ["0 23 * * *", "*/5 23 * * *", "0 0-20/2 * * *"]);
    }
}
