use super::*;

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The error and its hint, as a person reads them.
fn refused(text: &str) -> String {
    let error = text.parse::<Schedule>().expect_err(text);
    format!("{error}; {}", error.hint())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The runs of a day on the wall clock of London, each with its offset.
fn london(text: &str, day: &str) -> Vec<String> {
    let zone = zone("Europe/London").unwrap();
    let runs = schedule(text);
    let day: Date = day.parse().unwrap();
    let show = |run| format!("{}{}", zone.to_datetime(run).strftime("%H:%M"), zone.to_offset(run));
    runs.runs_on(day, &zone).map(show).collect()
}

#[test]
fn what_kubernetes_takes_is_taken() {
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
fn what_kubernetes_refuses_is_refused_with_a_cure() {
    let table = [
        (
            "",
            "a schedule has five fields, this has 0; minute, hour, day of month, month, day of week, as in `0 2 * * *`",
        ),
        (
            "0 2 * *",
            "a schedule has five fields, this has 4; minute, hour, day of month, month, day of week, as in `0 2 * * *`",
        ),
        (
            "0 0 2 * * *",
            "a schedule has five fields, this has 6; drop the first, the seconds: `0 2 * * *`",
        ),
        (
            "0 18 ? * MON-FRI *",
            "a schedule has five fields, this has 6; drop the last, the year: `0 18 ? * MON-FRI`",
        ),
        (
            "0 0 12 * * ? 2027",
            "a schedule has five fields, this has 7; drop the first and the last, the seconds and the year: `0 12 * * ?`",
        ),
        (
            "0 2 * * 7",
            "the day of week of the schedule can't be 7 in `7`; did you mean `0`? (Sunday is 0)",
        ),
        (
            "0 2 * * 5-7",
            "the day of week of the schedule can't be 7 in `5-7`; did you mean `5-6,0`? (Sunday is 0)",
        ),
        (
            "0 2 * * mon-7",
            "the day of week of the schedule can't be 7 in `mon-7`; did you mean `*`? (Sunday is 0)",
        ),
        (
            "0 2 * * fri-sun",
            "the day of week of the schedule goes backwards in `fri-sun`; did you mean `5-6,0`?",
        ),
        ("0 24 * * *", "the hour of the schedule can't be 24 in `24`; did you mean `0`?"),
        ("60 2 * * *", "the minute of the schedule can't be 60 in `60`; did you mean `0`?"),
        (
            "0 22-2 * * *",
            "the hour of the schedule goes backwards in `22-2`; did you mean `22-23,0-2`?",
        ),
        (
            "0 22-3/2 * * *",
            "the hour of the schedule goes backwards in `22-3/2`; did you mean `22,0,2`?",
        ),
        (
            "0 2 * 11-2/2 *",
            "the month of the schedule goes backwards in `11-2/2`; did you mean `11,1`?",
        ),
        ("0 2 0 * *", "the day of month of the schedule can't be 0 in `0`; a number from 1 to 31"),
        ("0 2 * 13 *", "the month of the schedule can't be 13 in `13`; a number from 1 to 12"),
        ("61 2 * * *", "the minute of the schedule can't be 61 in `61`; a number from 0 to 59"),
        (
            "0 2 * * monday",
            "the day of week of the schedule has `monday`, which is no number in `monday`; did you mean `mon`?",
        ),
        (
            "0 2 * mon *",
            "the month of the schedule has `mon`, which is no number in `mon`; `mon` belongs in the fifth field, the day of week",
        ),
        (
            "jan 2 * * *",
            "the minute of the schedule has `jan`, which is no number in `jan`; `jan` belongs in the fourth field, the month",
        ),
        (
            "0 2 L * *",
            "the day of month of the schedule has `L`, which is no number in `L`; Kubernetes has no `L`, `W` or `#`: only numbers, `*`, `,`, `-` and `/`",
        ),
        (
            "0 2 15W * *",
            "the day of month of the schedule has `15W`, which is no number in `15W`; Kubernetes has no `L`, `W` or `#`: only numbers, `*`, `,`, `-` and `/`",
        ),
        (
            "0 2 * * 5#3",
            "the day of week of the schedule has `5#3`, which is no number in `5#3`; Kubernetes has no `L`, `W` or `#`: only numbers, `*`, `,`, `-` and `/`",
        ),
        (
            "*/0 2 * * *",
            "the minute of the schedule has the step `0` in `*/0`; a step is a whole number from 1 up, as in `*/5`",
        ),
        (
            "0 -5 * * *",
            "the hour of the schedule has ``, which is no number in `-5`; a number from 0 to 23",
        ),
        (
            "0 1-2-3 * * *",
            "the hour of the schedule has more than one hyphen in `1-2-3`; a range has two bounds, as in `1-5`; a list has commas",
        ),
        (
            "0/2/3 1 * * *",
            "the minute of the schedule has more than one slash in `0/2/3`; one step follows a range, as in `0-30/5`",
        ),
        ("@dayly", "unknown schedule `@dayly`; did you mean `@daily`?"),
        ("@Hourly", "unknown schedule `@Hourly`; did you mean `@hourly`?"),
        (
            "@reboot",
            "unknown schedule `@reboot`; Kubernetes knows `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` and `@every`",
        ),
        (
            "@every 5",
            "`@every` needs a duration, not `5`; hours, minutes and seconds, as in `@every 1h30m`",
        ),
        (
            "@every  5m",
            "`@every` needs a duration, not ` 5m`; hours, minutes and seconds, as in `@every 1h30m`",
        ),
        (
            "@every5m",
            "unknown schedule `@every5m`; a space and a duration follow `@every`: `@every 1h30m`",
        ),
        (
            "CRON_TZ=Europe/London 0 2 * * *",
            "the schedule `CRON_TZ=Europe/London 0 2 * * *` names a time zone; write `timeZone: Europe/London` and the schedule `0 2 * * *`",
        ),
        ("0 2 * * *-TZ", "the schedule `0 2 * * *-TZ` names a time zone; name it in `timeZone`"),
    ];
    for (text, message) in table {
        assert_eq!(refused(text), message, "{text:?}");
        let cure =
            message.rsplit_once("did you mean `").and_then(|(_, cure)| cure.split('`').next());
        if let (Err(Error::Field { item, .. }), Some(cure)) = (text.parse::<Schedule>(), cure) {
            schedule(&text.replace(&item, cure));
        }
    }
}

#[test]
fn in_the_hour_that_spring_skips_nothing_runs() {
    assert_eq!(london("30 0-3 * * *", "2026-03-29"), ["00:30+00", "02:30+01", "03:30+01"]);
    assert!(london("30 1 * * *", "2026-03-29").is_empty());
    assert_eq!(london("0 2 * * *", "2026-03-29"), ["02:00+01"]);
    assert_eq!(london("*/20 * * * *", "2026-03-29").len(), 23 * 3);
}

#[test]
fn in_the_hour_that_autumn_doubles_jobs_run_twice() {
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
    // A step takes the star away, a step of one does not.
    assert_eq!(days("0 0 */10 * 5"), [1, 6, 11, 13, 20, 21, 27]);
    assert_eq!(days("0 0 */1 * 5"), [6, 13, 20, 27]);
    // All seven by number are no star.
    assert_eq!(days("0 0 1 * 0-6").len(), 30);
}

#[test]
fn next_is_after_and_previous_seconds_do_not_count() {
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
    // 2100 is no leap year, so after 2096 the next 29 February is in 2104.
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
fn a_span_takes_its_start_and_leaves_its_end() {
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
    let named = "name a zone, such as `Etc/UTC` or `Europe/Berlin`";
    assert_eq!(refused(""), format!("the time zone is empty; {named}"));
    assert_eq!(
        refused("loCal"),
        format!("the time zone `loCal` depends on the machine that reads it; {named}")
    );
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
        "unknown time zone `UTC+02:00`; `Etc/GMT-2` is that offset (the sign is reversed there); a region follows its clocks"
    );
    for name in ["Mars/Olympus", "Etc/Unknown", "../etc/passwd", "BST", "X"] {
        assert!(matches!(zone(name), Err(ZoneError::Unknown(_))), "{name}");
    }
}

mod against_every_minute {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A field made of its parts: its text, the numbers that are meant, and whether it restricts
    /// nothing. Nothing of the parser is used.
    #[derive(Debug, Clone)]
    struct Meant {
        text: String,
        numbers: BTreeSet<i8>,
        star: bool,
    }

    fn field(min: i8, max: i8) -> impl Strategy<Value = Meant> {
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
        let list = prop::collection::vec(one, 1..4).prop_map(|items| Meant {
            text: items.iter().map(|item| item.0.as_str()).collect::<Vec<_>>().join(","),
            numbers: items.iter().flat_map(|item| item.1.iter().copied()).collect(),
            star: items.iter().any(|item| item.2),
        });
        let star = Just(Meant { text: "*".into(), numbers: (min..=max).collect(), star: true });
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
            // Any minute of some years; half of them in the weeks in which clocks change.
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
