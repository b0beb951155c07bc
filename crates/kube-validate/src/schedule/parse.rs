//! Parses a schedule's text: five fields, or a name that starts with `@`.

use std::str::FromStr;

use super::error::Error;
use super::field::{Field, Fields, Set};
use super::{Schedule, Timing, every};

/// The names of schedules, each with the fields that it means.
pub(super) const NAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // The API server refuses these letters anywhere, not only as the prefix `TZ=`.
        if text.contains("TZ") {
            return Err(Error::Zone(text.to_owned()));
        }
        let timing = if text.starts_with('@') {
            parse_name(text)?
        } else {
            Timing::Fields(parse_fields(text)?)
        };
        Ok(Schedule { text: text.to_owned(), timing })
    }
}

fn parse_name(text: &str) -> Result<Timing, Error> {
    if let Some(duration) = text.strip_prefix("@every ") {
        let delay =
            every::parse_delay(duration).ok_or_else(|| Error::Every(duration.to_owned()))?;
        return Ok(Timing::Every(delay));
    }
    match NAMES.iter().find(|(name, _)| *name == text) {
        Some((_, meaning)) => Ok(Timing::Fields(parse_fields(meaning)?)),
        None => Err(Error::Name(text.to_owned())),
    }
}

fn parse_fields(text: &str) -> Result<Fields, Error> {
    let written: Vec<&str> = text.split_whitespace().collect();
    let &[minute, hour, day_of_month, month, day_of_week] = written.as_slice() else {
        return Err(Error::Count(written.iter().map(|&field| field.to_owned()).collect()));
    };
    Ok(Fields {
        minute: parse_field(Field::Minute, minute)?,
        hour: parse_field(Field::Hour, hour)?,
        day_of_month: parse_field(Field::DayOfMonth, day_of_month)?,
        month: parse_field(Field::Month, month)?,
        day_of_week: parse_field(Field::DayOfWeek, day_of_week)?,
    })
}

fn parse_field(field: Field, text: &str) -> Result<Set, Error> {
    Set::parse(field, text).map_err(|(item, problem)| Error::Field { field, item, problem })
}
