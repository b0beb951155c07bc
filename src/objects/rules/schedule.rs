//! The form of a CronJob's schedule and time zone.
//!
//! Source: robfig/cron v3 `parser.go`, `ParseStandard`, which the API server calls.

/// A field: its name, its range, and the names that numbers may be written as.
type Field = (&'static str, u8, u8, &'static [&'static str]);

const FIELDS: [Field; 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of month", 1, 31, &[]),
    (
        "month",
        1,
        12,
        &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    ),
    ("day of week", 0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

const DESCRIPTORS: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// Holds a schedule against the grammar; says what would be right.
pub fn check(text: &str) -> Result<(), String> {
    if text.contains("TZ") {
        return Err("without a time zone: that stands in `timeZone`".to_owned());
    }
    if text.starts_with('@') {
        let every = text.strip_prefix("@every ").is_some_and(is_duration);
        let holds = every || DESCRIPTORS.contains(&text);
        return if holds { Ok(()) } else { Err(format!("one of {}", DESCRIPTORS.join(", "))) };
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err("five fields: minute, hour, day of month, month, day of week".to_owned());
    }
    let wrong = FIELDS
        .iter()
        .zip(fields)
        .find(|(field, text)| !text.split(',').all(|part| is_part(part, field)));
    match wrong {
        Some((&(name, from, to, _), _)) => Err(format!("right in the {name}: {from} to {to}")),
        None => Ok(()),
    }
}

fn is_part(text: &str, field: &Field) -> bool {
    let &(_, from, to, names) = field;
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (text, None),
    };
    if step.is_some_and(|step| number(step).is_none_or(|step| step == 0)) {
        return false;
    }
    if matches!(range, "*" | "?") {
        return true;
    }
    let value = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = named.map(|at| at as u32 + u32::from(from)).or_else(|| number(text));
        value.filter(|value| (u32::from(from)..=u32::from(to)).contains(value))
    };
    match range.split_once('-') {
        Some((low, high)) => value(low).zip(value(high)).is_some_and(|(low, high)| low <= high),
        None => value(range).is_some(),
    }
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Go's `time.ParseDuration`: `1h30m`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].into_iter().find(|unit| {
            rest[digits..]
                .strip_prefix(unit)
                .is_some_and(|after| !after.starts_with(|c: char| c.is_alphabetic()))
        });
        let (Some(unit), true) = (unit, digits > 0) else {
            return false;
        };
        rest = &rest[digits + unit.len()..];
    }
    !text.is_empty()
}

/// Whether the time zone database has this name, written as there.
pub fn is_time_zone(name: &str) -> bool {
    jiff::tz::TimeZone::get(name).is_ok_and(|zone| zone.iana_name() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_those_that_the_api_server_takes() {
        for text in [
            "0 2 * * *",
            "*/5 2-5 * * *",
            "0 0 1,15 jan-mar MON-fri",
            "? ? * * ?",
            "@daily",
            "@every 1h30m",
            "0  0 * * *",
            "1/2 * * * *",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "0 2 * *",
            "0 2 * * * *",
            "60 * * * *",
            "* * * * 7",
            "* * L * *",
            "*/0 * * * *",
            "5-2 * * * *",
            "TZ=UTC 0 2 * * *",
            "@often",
            "@every 5",
            "a * * * *",
            "1- * * * *",
            "-1 * * * *",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn time_zones_are_those_of_the_database() {
        assert!(is_time_zone("Europe/London"));
        assert!(is_time_zone("UTC"));
        for name in ["", "Europe/Londn", "europe/london", "Local", "../UTC"] {
            assert!(!is_time_zone(name), "{name}");
        }
    }
}
