//! Reads a schedule's text: five fields, or a name that starts with `@`.

use std::str::FromStr;

use super::error::Error;
use super::field::{Field, Fields, Set};
use super::{Kind, Schedule, every};

/// The names of schedules, each with the fields it stands for.
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
        // Validation refuses these letters anywhere, not the `TZ=` prefix alone.
        if text.contains("TZ") {
            return Err(Error::Zone(text.to_owned()));
        }
        let kind = if text.starts_with('@') { named(text)? } else { Kind::Fields(fields(text)?) };
        Ok(Schedule { text: text.to_owned(), kind })
    }
}

fn named(text: &str) -> Result<Kind, Error> {
    if let Some(duration) = text.strip_prefix("@every ") {
        let delay = every::read(duration).ok_or_else(|| Error::Every(duration.to_owned()))?;
        return Ok(Kind::Every(delay));
    }
    match NAMES.iter().find(|(name, _)| *name == text) {
        Some((_, meaning)) => Ok(Kind::Fields(fields(meaning)?)),
        None => Err(Error::Name(text.to_owned())),
    }
}

fn fields(text: &str) -> Result<Fields, Error> {
    let written: Vec<&str> = text.split_whitespace().collect();
    let &[minute, hour, day_of_month, month, day_of_week] = written.as_slice() else {
        return Err(Error::Count(written.iter().map(|&field| field.to_owned()).collect()));
    };
    let read = |field: Field, text: &str| {
        Set::read(field, text).map_err(|(item, problem)| Error::Field { field, item, problem })
    };
    Ok(Fields {
        minute: read(Field::Minute, minute)?,
        hour: read(Field::Hour, hour)?,
        day_of_month: read(Field::DayOfMonth, day_of_month)?,
        month: read(Field::Month, month)?,
        day_of_week: read(Field::DayOfWeek, day_of_week)?,
    })
}
