use jiff::{SignedDuration, Timestamp};
use kube_validate::ObjectId;

use super::chart::{Bar, Chart};
use super::*;

/// A calendar of one tenant with a span that starts at an instant.
fn calendar(schedules: [&str; 3], zone: &str, from: &str, days: i64) -> Calendar {
    let from: Timestamp = from.parse().unwrap();
    let until = from.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
    let span = Span { from, until };
    let [up, guard, down] = schedules.map(|schedule| RunTimes::parse(schedule, zone));
    let mut tenant = Tenant {
        stack: "demo".to_owned(),
        target: ObjectId {
            group: "apps".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("demo".to_owned()),
            name: "demo".to_owned(),
        },
        zone_name: zone.to_owned(),
        open: None,
        windows: Vec::new(),
        demand: Vec::new(),
        nights: Vec::new(),
        runs: Vec::new(),
        remarks: Vec::new(),
        times: GateTimes {
            zone: kube_validate::schedule::zone(zone).unwrap(),
            up,
            guard,
            down,
            demand: None,
        },
        limit: SignedDuration::from_mins(6),
    };
    let mut left = MAX_RUNS;
    tenant.collect(span, Detail::Windows, &mut left).unwrap();
    Calendar { span, tenants: vec![tenant], overlaps: Vec::new() }
}

fn london(up: &str, down: &str, from: &str, days: i64) -> Calendar {
    calendar([up, "*/5 * * * *", down], "Europe/London", from, days)
}

/// Each night's date, and its fault.
fn faults(calendar: &Calendar) -> Vec<(String, Option<&'static str>)> {
    let nights = calendar.tenants[0].nights.iter();
    nights.map(|night| (night.date.to_string(), night.fault.as_ref().map(Fault::id))).collect()
}

fn clock(calendar: &Calendar) -> Vec<String> {
    calendar.tenants[0].nights.iter().flat_map(|night| night.clock.clone()).collect()
}

#[test]
fn a_night_counts_if_its_usual_opening_time_is_in_the_span() {
    // At nine in the morning the night is over, and the last one ends before the span.
    let nights = london("0 2 * * *", "0 6 * * *", "2027-03-22T09:00:00Z", 2);
    let found = faults(&nights);
    assert_eq!(found, [("2027-03-23".to_owned(), None), ("2027-03-24".to_owned(), None)]);
    // A window over midnight belongs to the evening's date.
    let evening = london("0 22 * * *", "0 6 * * *", "2027-03-22T09:00:00Z", 1);
    assert_eq!(faults(&evening), [("2027-03-22".to_owned(), None)]);
}

#[test]
fn a_skipped_opening_leaves_the_night_without_a_window() {
    let skipped = london("30 1 * * *", "0 6 * * *", "2027-03-28T00:00:00Z", 1);
    assert_eq!(faults(&skipped), [("2027-03-28".to_owned(), Some("no-window"))]);
    assert_eq!(
        clock(&skipped),
        [
            "clocks go forward by 1 h at 01:00: `up` at 01:30 is skipped, 12 runs of `guard` are skipped"
        ]
    );
    assert!(skipped.has_faults());
}

#[test]
fn a_skipped_end_lets_the_window_last_more_than_a_day() {
    let skipped = london("0 22 * * *", "30 1 * * *", "2027-03-27T12:00:00Z", 3);
    assert_eq!(
        faults(&skipped),
        [
            ("2027-03-27".to_owned(), Some("no-end")),
            // It is still open.
            ("2027-03-28".to_owned(), Some("no-end")),
            ("2027-03-29".to_owned(), None),
        ]
    );
    let [long, next] = &skipped.tenants[0].windows[..] else { panic!("{skipped:?}") };
    assert_eq!(long.closes.unwrap().to_string(), "2027-03-29T00:30:00Z");
    assert_eq!((long.again, next.again), (1, 0));
}

#[test]
fn a_clock_change_in_a_window_changes_its_length() {
    let text = |from| clock(&london("0 0 * * *", "0 6 * * *", from, 1)).concat();
    assert_eq!(
        text("2027-03-28T00:00:00Z"),
        "clocks go forward by 1 h at 01:00: 12 runs of `guard` are skipped, the window is open for 5 h instead of 6 h"
    );
    assert_eq!(
        text("2027-10-30T23:00:00Z"),
        "clocks go back by 1 h at 02:00: 12 runs of `guard` come twice, the window is open for 7 h instead of 6 h"
    );
}

#[test]
fn a_window_opens_twice_only_if_it_was_closed_between() {
    // 01:30 comes twice, and the window is open at the second.
    let open = london("30 1 * * *", "0 6 * * *", "2027-10-30T12:00:00Z", 1);
    assert_eq!(open.tenants[0].windows.len(), 1);
    assert_eq!(open.tenants[0].windows[0].again, 1);
    let closed = london("10 1 * * *", "40 1 * * *", "2027-10-30T12:00:00Z", 1);
    assert_eq!(closed.tenants[0].windows.len(), 2);
}

#[test]
fn runs_of_up_in_an_open_window_do_not_open_it() {
    // The span starts in a window.
    let open = london("*/30 2-5 * * *", "0 6 * * *", "2027-01-10T03:10:00Z", 1);
    let tenant = &open.tenants[0];
    assert_eq!(tenant.open.as_ref().unwrap().opens.to_string(), "2027-01-10T02:00:00Z");
    let starts: Vec<String> =
        tenant.windows.iter().map(|window| window.opens.to_string()).collect();
    assert_eq!(starts, ["2027-01-11T02:00:00Z"]);
    assert_eq!(tenant.windows[0].again, 7);
}

#[test]
fn a_window_that_nothing_closes_has_no_end() {
    for down in ["0 0 30 2 *", "@never"] {
        let open = london("0 2 * * *", down, "2027-01-10T12:00:00Z", 3);
        let windows = &open.tenants[0].windows;
        assert_eq!((windows.len(), windows[0].closes, windows[0].again), (1, None, 2), "{down}");
        assert_eq!(faults(&open)[0].1, Some("no-end"));
        assert!(open.has_faults());
        assert!(text(&open).contains("→ no end"), "{}", text(&open));
        assert!(!ics(&open).contains("DTEND"));
    }
}

#[test]
fn closing_at_the_opening_instant_leaves_no_window() {
    let none = london("0 2 * * *", "0 2 * * *", "2027-01-10T12:00:00Z", 2);
    assert!(none.tenants[0].windows.is_empty() && none.has_faults());
    assert!(text(&none).contains("`down` runs at 02:00, too"), "{}", text(&none));
}

#[test]
fn a_skipped_day_is_survived() {
    // On Samoa there was no 30 December 2011.
    for up in ["0 2 * * *", "0 2 * * 1-5", "0 2 30 12 *"] {
        let samoa = calendar(
            [up, "*/5 2-5 * * *", "0 6 * * *"],
            "Pacific/Apia",
            "2011-12-25T00:00:00Z",
            10,
        );
        for written in [text(&samoa), json(&samoa), ics(&samoa), svg(&samoa), html(&samoa)] {
            assert!(!written.is_empty());
        }
        assert!(clock(&samoa).concat().starts_with("clocks go forward by 24 h at 00:00"));
    }
}

#[test]
fn the_guards_longest_pause_is_named_if_it_is_too_long() {
    let pause =
        calendar(["0 2 * * *", "*/5 2-3 * * *", "0 6 * * *"], "Etc/UTC", "2027-01-10T00:00:00Z", 1);
    assert!(
        text(&pause).contains("guard 24 ×, pauses of up to 2 h 5 min, first from 03:55"),
        "{}",
        text(&pause)
    );
}

/// The windows of each row.
fn bars(calendar: &Calendar) -> (i8, Vec<(String, Vec<Bar>)>) {
    let chart = Chart::new(calendar, 0).unwrap();
    (chart.first_hour, chart.rows.into_iter().map(|row| (row.label, row.windows)).collect())
}

#[test]
fn a_row_has_the_hours_from_noon_to_noon() {
    let night = |label: &str, start: i64, end: i64| {
        (label.to_owned(), vec![Bar { start: start * 60, end: end * 60 }])
    };
    let morning = bars(&london("0 2 * * *", "0 6 * * *", "2027-03-27T00:00:00Z", 2));
    assert_eq!(
        morning,
        (12, vec![night("Sat 27 Mar 2027", 14, 18), night("Sun 28 Mar 2027", 14, 18)])
    );
    // Over midnight, and over the hour that is skipped.
    let evening = bars(&london("0 22 * * *", "0 6 * * *", "2027-03-27T12:00:00Z", 1));
    assert_eq!(evening, (12, vec![night("Sat 27 Mar 2027", 10, 18)]));
    let day = bars(&london("0 9 * * *", "0 17 * * *", "2027-03-27T00:00:00Z", 1));
    assert_eq!(day, (0, vec![night("Sat 27 Mar 2027", 9, 17)]));
}

#[test]
fn a_window_of_days_continues_in_the_next_rows() {
    let weekend = bars(&london("0 20 * * 5", "0 6 * * 1", "2027-01-15T12:00:00Z", 3));
    let hours: Vec<Vec<(i64, i64)>> = weekend
        .1
        .iter()
        .map(|(_, bars)| bars.iter().map(|bar| (bar.start / 60, bar.end / 60)).collect())
        .collect();
    assert_eq!(hours, [vec![(8, 24)], vec![(0, 24)], vec![(0, 18)]]);
}

#[test]
fn skipped_and_doubled_hours_are_marked() {
    for (from, hours) in [("2027-03-28T00:00:00Z", (13, 14)), ("2027-10-30T23:30:00Z", (13, 14))] {
        let chart = london("0 2 * * *", "0 6 * * *", from, 1);
        let rows = Chart::new(&chart, 0).unwrap().rows;
        let marked: Vec<(i64, i64)> = rows
            .iter()
            .flat_map(|row| &row.clock)
            .map(|bar| (bar.start / 60, bar.end / 60))
            .collect();
        assert_eq!(marked, [hours], "{from}");
    }
}

#[test]
fn markup_is_escaped() {
    let mut calendar = london("0 2 * * *", "0 6 * * *", "2027-01-10T00:00:00Z", 1);
    calendar.tenants[0].stack = "<b>&\"'\u{202e}".to_owned();
    for written in [svg(&calendar), html(&calendar)] {
        assert!(written.contains("&lt;b&gt;&amp;&quot;&#39;") && !written.contains("<b>"));
        assert!(!written.contains('\u{202e}') && !written.contains("<script"));
    }
}

#[test]
fn durations_are_in_units_that_people_use() {
    for (minutes, shown) in [
        (0, "0 min"),
        (45, "45 min"),
        (240, "4 h"),
        (270, "4 h 30 min"),
        (1440, "24 h"),
        (2790, "1 d 22 h 30 min"),
    ] {
        assert_eq!(nights::duration(SignedDuration::from_mins(minutes)), shown);
    }
}
