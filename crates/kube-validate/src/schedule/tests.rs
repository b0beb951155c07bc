use jiff::civil::{Date, Time};

use super::*;

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The error of a schedule and its hint.
fn error_of(text: &str) -> String {
    let error = text.parse::<Schedule>().expect_err(text);
    format!("{error}; {}", error.hint())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The runs of a day on the wall clock of London, each with its offset.
fn london(text: &str, day: &str) -> Vec<String> {
    let zone = zone("Europe/London").unwrap();
    let day: Date = day.parse().unwrap();
    let [start, end] = [day, day.tomorrow().unwrap()]
        .map(|day| zone.to_timestamp(day.to_datetime(Time::midnight())).unwrap());
    schedule(text)
        .runs(start, end, &zone)
        .map(|run| format!("{}{}", zone.to_datetime(run).strftime("%H:%M"), zone.to_offset(run)))
        .collect()
}

#[test]
fn a_cycle_is_a_day_or_a_week_unless_days_of_months_are_restricted() {
    for (text, cycle) in [
        ("0 6-22/2,0 * * *", Cycle::Day),
        ("0 6 1-31 1-12 mon", Cycle::Week),
        ("0 6 * * mon-fri", Cycle::Week),
        ("@daily", Cycle::Day),
        ("0 6 1-30 * *", Cycle::Calendar),
        ("0 6 * feb *", Cycle::Calendar),
        ("@monthly", Cycle::Calendar),
        ("@every 2h", Cycle::Delay),
    ] {
        assert_eq!(schedule(text).cycle(), cycle, "{text}");
    }
}

#[test]
fn schedules_that_kubernetes_accepts_are_accepted() {
    for text in [
        "0 2 * * *",
        "*/5 2-5 * * *",
        "5/15 * * * *",
        "0,30 8-18/2 1,15 JAN-jun Mon-Fri",
        "? ? ? ? ?",
        "\t0  2 * *\u{a0}* ",
        "+5 007 * * *",
        "1,,2 , * * *",
        "*-9 ?-x-y/3 * * *",
        "0 0 31 2 *",
        "@hourly",
        "@midnight",
        "@every 1h30m",
        "@every 1.5h.5m",
        "@every -5m",
        "@every 0",
        "@every 5\u{b5}s",
    ] {
        assert!(text.parse::<Schedule>().is_ok(), "{text:?}");
    }
}

#[test]
fn schedules_that_kubernetes_refuses_are_refused_with_a_hint() {
    let table = [
        (
            "",
            "invalid schedule: expected five fields, found 0; expected minute, hour, day of month, month and day of week, as in `0 2 * * *`",
        ),
        (
            "0 2 * *",
            "invalid schedule: expected five fields, found 4; expected minute, hour, day of month, month and day of week, as in `0 2 * * *`",
        ),
        (
            "0 0 2 * * *",
            "invalid schedule: expected five fields, found 6; delete the first field, the seconds: `0 2 * * *`",
        ),
        (
            "0 18 ? * MON-FRI *",
            "invalid schedule: expected five fields, found 6; delete the last field, the year: `0 18 ? * MON-FRI`",
        ),
        (
            "0 0 12 * * ? 2027",
            "invalid schedule: expected five fields, found 7; delete the first and the last field, the seconds and the year: `0 12 * * ?`",
        ),
        (
            "0 2 * * 7",
            "invalid day of week `7` in the schedule: 7 is out of range; did you mean `0`? (Sunday is 0)",
        ),
        (
            "0 2 * * 5-7",
            "invalid day of week `5-7` in the schedule: 7 is out of range; did you mean `5-6,0`? (Sunday is 0)",
        ),
        (
            "0 2 * * mon-7",
            "invalid day of week `mon-7` in the schedule: 7 is out of range; did you mean `*`? (Sunday is 0)",
        ),
        (
            "0 2 * * fri-sun",
            "invalid day of week `fri-sun` in the schedule: the range ends before it starts; did you mean `5-6,0`?",
        ),
        ("0 24 * * *", "invalid hour `24` in the schedule: 24 is out of range; did you mean `0`?"),
        (
            "60 2 * * *",
            "invalid minute `60` in the schedule: 60 is out of range; did you mean `0`?",
        ),
        (
            "0 22-2 * * *",
            "invalid hour `22-2` in the schedule: the range ends before it starts; did you mean `22-23,0-2`?",
        ),
        (
            "0 22-3/2 * * *",
            "invalid hour `22-3/2` in the schedule: the range ends before it starts; did you mean `22,0,2`?",
        ),
        (
            "0 2 * 11-2/2 *",
            "invalid month `11-2/2` in the schedule: the range ends before it starts; did you mean `11,1`?",
        ),
        (
            "0 2 0 * *",
            "invalid day of month `0` in the schedule: 0 is out of range; expected a number from 1 to 31",
        ),
        (
            "0 2 * 13 *",
            "invalid month `13` in the schedule: 13 is out of range; expected a number from 1 to 12",
        ),
        (
            "61 2 * * *",
            "invalid minute `61` in the schedule: 61 is out of range; expected a number from 0 to 59",
        ),
        (
            "0 2 * * monday",
            "invalid day of week `monday` in the schedule: `monday` is not a number; did you mean `mon`?",
        ),
        (
            "0 2 * mon *",
            "invalid month `mon` in the schedule: `mon` is not a number; `mon` belongs in the fifth field, the day of week",
        ),
        (
            "jan 2 * * *",
            "invalid minute `jan` in the schedule: `jan` is not a number; `jan` belongs in the fourth field, the month",
        ),
        (
            "0 2 L * *",
            "invalid day of month `L` in the schedule: `L` is not a number; Kubernetes does not support `L`, `W` and `#`, only numbers, `*`, `,`, `-` and `/`",
        ),
        (
            "0 2 15W * *",
            "invalid day of month `15W` in the schedule: `15W` is not a number; Kubernetes does not support `L`, `W` and `#`, only numbers, `*`, `,`, `-` and `/`",
        ),
        (
            "0 2 * * 5#3",
            "invalid day of week `5#3` in the schedule: `5#3` is not a number; Kubernetes does not support `L`, `W` and `#`, only numbers, `*`, `,`, `-` and `/`",
        ),
        (
            "*/0 2 * * *",
            "invalid minute `*/0` in the schedule: invalid step `0`; expected a whole number of at least 1 as step, as in `*/5`",
        ),
        (
            "0 -5 * * *",
            "invalid hour `-5` in the schedule: a number is missing; expected a number from 0 to 23",
        ),
        (
            "0 1-2-3 * * *",
            "invalid hour `1-2-3` in the schedule: more than one hyphen; expected two bounds, as in `1-5`, or a list with commas",
        ),
        (
            "0/2/3 1 * * *",
            "invalid minute `0/2/3` in the schedule: more than one slash; expected one step, as in `0-30/5`",
        ),
        ("@dayly", "unknown schedule `@dayly`; did you mean `@daily`?"),
        ("@Hourly", "unknown schedule `@Hourly`; did you mean `@hourly`?"),
        (
            "@reboot",
            "unknown schedule `@reboot`; expected `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` or `@every`",
        ),
        (
            "@every 5",
            "invalid duration `5` after `@every`; expected hours, minutes and seconds, as in `@every 1h30m`",
        ),
        (
            "@every  5m",
            "invalid duration ` 5m` after `@every`; expected hours, minutes and seconds, as in `@every 1h30m`",
        ),
        (
            "@every5m",
            "unknown schedule `@every5m`; expected a space and a duration after `@every`, as in `@every 1h30m`",
        ),
        (
            "CRON_TZ=Europe/London 0 2 * * *",
            "invalid schedule `CRON_TZ=Europe/London 0 2 * * *`: a time zone is not allowed in it; set `timeZone: Europe/London` and the schedule `0 2 * * *`",
        ),
        (
            "0 2 * * *-TZ",
            "invalid schedule `0 2 * * *-TZ`: a time zone is not allowed in it; set it in `timeZone`",
        ),
    ];
    for (text, message) in table {
        assert_eq!(error_of(text), message, "{text:?}");
        let suggestion = message
            .rsplit_once("did you mean `")
            .and_then(|(_, suggestion)| suggestion.split('`').next());
        let result = text.parse::<Schedule>();
        if let (Err(Error::Field { item, .. }), Some(suggestion)) = (result, suggestion) {
            schedule(&text.replace(&item, suggestion));
        }
    }
}

#[test]
fn nothing_runs_in_the_hour_that_spring_skips() {
    assert_eq!(london("30 0-3 * * *", "2026-03-29"), ["00:30+00", "02:30+01", "03:30+01"]);
    assert!(london("30 1 * * *", "2026-03-29").is_empty());
    assert_eq!(london("0 2 * * *", "2026-03-29"), ["02:00+01"]);
    assert_eq!(london("*/20 * * * *", "2026-03-29").len(), 23 * 3);
}

#[test]
fn jobs_run_twice_in_the_hour_that_autumn_repeats() {
    assert_eq!(london("30 1 * * *", "2026-10-25"), ["01:30+01", "01:30+00"]);
    assert_eq!(
        london("0 0-2 * * *", "2026-10-25"),
        ["00:00+01", "01:00+01", "01:00+00", "02:00+00"]
    );
    assert_eq!(london("*/20 * * * *", "2026-10-25").len(), 25 * 3);
}

#[test]
fn two_fields_of_days_are_alternatives_unless_one_is_a_star() {
    let days = |text: &str| -> Vec<i8> {
        let (start, end) = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let day = |run: Timestamp| TimeZone::UTC.to_datetime(run).day();
        schedule(text).runs(start, end, &TimeZone::UTC).map(day).collect()
    };
    assert_eq!(days("0 0 13 * 5"), [6, 13, 20, 27]);
    assert_eq!(days("0 0 1,2 * 5"), [1, 2, 6, 13, 20, 27]);
    assert_eq!(days("0 0 * * 5"), [6, 13, 20, 27]);
    assert_eq!(days("0 0 ? * 5"), [6, 13, 20, 27]);
    assert_eq!(days("0 0 1,2 * ?"), [1, 2]);
    // A field with a step above one is not a star.
    assert_eq!(days("0 0 */10 * 5"), [1, 6, 11, 13, 20, 21, 27]);
    assert_eq!(days("0 0 */1 * 5"), [6, 13, 20, 27]);
    // All seven days by number are not a star.
    assert_eq!(days("0 0 1 * 0-6").len(), 30);
}

#[test]
fn the_next_run_is_after_the_instant_and_on_a_full_second() {
    let next = |text: &str, after: &str| {
        schedule(text).next_after(at(after), &TimeZone::UTC).map(|run| run.to_string())
    };
    let daily = "0 2 * * *";
    assert_eq!(next(daily, "2026-01-01T01:59:59.999Z").unwrap(), "2026-01-01T02:00:00Z");
    assert_eq!(next(daily, "2026-01-01T02:00:00Z").unwrap(), "2026-01-02T02:00:00Z");
    assert_eq!(next("0 0 29 2 *", "2025-01-01T00:00:00Z").unwrap(), "2028-02-29T00:00:00Z");
    assert_eq!(next("@every 90s", "2026-01-01T00:00:00.7Z").unwrap(), "2026-01-01T00:01:30Z");
    assert_eq!(next("@every 10ms", "1969-12-31T23:59:58.7Z").unwrap(), "1969-12-31T23:59:59Z");
}

#[test]
fn the_search_ends_after_five_years() {
    let next = |text: &str, after: &str| schedule(text).next_after(at(after), &TimeZone::UTC);
    for never in
        ["0 0 30 2 *", "0 0 31 4,6,9,11 *", ", * * * *", "* , * * *", "* * , * *", "* * * , *"]
    {
        assert!(!schedule(never).can_run(), "{never}");
        assert_eq!(next(never, "2026-01-01T00:00:00Z"), None, "{never}");
    }
    // 2100 is not a leap year, so after 2096 the next 29 February is in 2104.
    assert!(schedule("0 0 29 2 *").can_run());
    assert_eq!(next("0 0 29 2 *", "2098-12-31T00:00:00Z"), None);
    assert_eq!(next("0 0 29 2 *", "2099-01-01T00:00:00Z"), Some(at("2104-02-29T00:00:00Z")));
    assert_eq!(next("* * * * *", "9999-12-30T22:00:00Z").map(|run| run.to_string()), None);
}

#[test]
fn the_search_ends_where_a_whole_day_was_skipped() {
    let apia = zone("Pacific/Apia").unwrap();
    let next = |text: &str| schedule(text).next_after(at("2011-12-29T12:00:00Z"), &apia);
    assert_eq!(next("0 0 31 12 *"), None);
    assert_eq!(next("0 12 * * *"), Some(at("2011-12-29T22:00:00Z")));
}

#[test]
fn a_span_includes_its_start_and_excludes_its_end() {
    let runs = |text: &str| -> Vec<String> {
        let (start, end) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z"));
        schedule(text).runs(start, end, &TimeZone::UTC).map(|run| run.to_string()).collect()
    };
    assert_eq!(runs("*/30 * * * *"), ["2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z"]);
    assert_eq!(runs("@every 30m"), ["2026-01-01T00:30:00Z"]);
}

#[test]
fn time_zones_are_those_of_kubernetes() {
    for name in ["UTC", "Etc/UTC", "Europe/London", "GB", "Etc/GMT-14", "America/Argentina/Ushuaia"]
    {
        assert!(zone(name).is_ok(), "{name}");
    }
    let refused = |name: &str| {
        let error = zone(name).expect_err(name);
        format!("{error}; {}", error.hint().unwrap_or_default())
    };
    let hint = "expected a region or UTC, such as `Europe/Berlin` or `Etc/UTC`";
    assert_eq!(refused(""), format!("empty time zone; {hint}"));
    assert_eq!(refused("loCal"), format!("invalid time zone `loCal`; {hint}"));
    for (name, near) in [
        ("europe/london", "Europe/London"),
        ("utc", "UTC"),
        ("Europe/Londen", "Europe/London"),
        ("London", "Europe/London"),
        ("New York", "America/New_York"),
        ("Asia/Calcuta", "Asia/Calcutta"),
    ] {
        assert_eq!(refused(name), format!("unknown time zone `{name}`; did you mean `{near}`?"));
    }
    assert_eq!(
        refused("UTC+02:00"),
        "unknown time zone `UTC+02:00`; did you mean `Etc/GMT-2`? Its sign is reversed; only a region such as `Europe/Berlin` has daylight saving"
    );
    for name in ["Mars/Olympus", "Etc/Unknown", "../etc/passwd", "BST", "X"] {
        assert!(matches!(zone(name), Err(ZoneError::Unknown(_))), "{name}");
    }
}

mod against_every_minute {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A generated field with its meaning, made without the parser.
    #[derive(Debug, Clone)]
    struct Expected {
        text: String,
        numbers: BTreeSet<i8>,
        /// True if the field restricts nothing.
        star: bool,
    }

    fn field(min: i8, max: i8) -> impl Strategy<Value = Expected> {
        let one = (min..=max, min..=max, 1..=20i8, 0..5u8).prop_map(move |(a, b, step, form)| {
            let (low, high) = (a.min(b), a.max(b));
            let step_by = step as usize;
            match form {
                0 => (format!("{a}"), (a..=a).collect::<BTreeSet<_>>(), false),
                1 => (format!("{low}-{high}"), (low..=high).collect(), false),
                2 => {
                    (format!("{low}-{high}/{step}"), (low..=high).step_by(step_by).collect(), false)
                }
                3 => (format!("{a}/{step}"), (a..=max).step_by(step_by).collect(), false),
                _ => (format!("*/{step}"), (min..=max).step_by(step_by).collect(), step == 1),
            }
        });
        let list = prop::collection::vec(one, 1..4).prop_map(|items| Expected {
            text: items.iter().map(|item| item.0.as_str()).collect::<Vec<_>>().join(","),
            numbers: items.iter().flat_map(|item| item.1.iter().copied()).collect(),
            star: items.iter().any(|item| item.2),
        });
        let star = Just(Expected { text: "*".into(), numbers: (min..=max).collect(), star: true });
        prop_oneof![list, star]
    }

    /// Zones whose clocks change by a whole hour, and not at midnight.
    const ZONES: [&str; 6] = [
        "Europe/London",
        "America/New_York",
        "Australia/Sydney",
        "Asia/Kathmandu",
        "Pacific/Auckland",
        "UTC",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn runs_are_the_minutes_that_match(
            minute in field(0, 59),
            hour in field(0, 23),
            day in field(1, 31),
            month in field(1, 12),
            week in field(0, 6),
            zone_at in 0..ZONES.len(),
            // Any minute of ten years, half of them in the weeks in which clocks change.
            start in prop_oneof![
                1_577_836_800..1_893_456_000i64,
                (0..10i64, prop_oneof![Just(60), Just(80), Just(270), Just(290)])
                    .prop_map(|(year, day)| 1_577_836_800 + (year * 365 + day) * 86_400),
            ],
        ) {
            let zone = zone(ZONES[zone_at]).unwrap();
            let text = [&minute, &hour, &day, &month, &week].map(|f| f.text.as_str()).join(" ");
            let start = Timestamp::from_second(start - start % 60).unwrap();
            let end = start + SignedDuration::from_hours(10 * 24);
            let matches = |instant: &Timestamp| {
                let wall = zone.to_datetime(*instant);
                let by_month = day.numbers.contains(&wall.day());
                let by_week = week.numbers.contains(&(wall.weekday().to_sunday_zero_offset()));
                let a_day = if day.star || week.star { by_month && by_week } else { by_month || by_week };
                a_day
                    && minute.numbers.contains(&wall.minute())
                    && hour.numbers.contains(&wall.hour())
                    && month.numbers.contains(&wall.month())
            };
            let minutes = (0..10 * 24 * 60).map(|m| start + SignedDuration::from_mins(m));
            let expected: Vec<Timestamp> = minutes.filter(matches).collect();
            let runs: Vec<Timestamp> = schedule(&text).runs(start, end, &zone).collect();
            prop_assert_eq!(runs, expected, "{}", text);
        }
    }
}
