//! The errors of schedules, and hints at valid ones.

use std::fmt;

use super::field::{DAYS, Field, MONTHS};
use super::parse::NAMES;

/// The reason why Kubernetes refuses a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A number of fields other than five; has the fields.
    #[error("invalid schedule: expected five fields, found {}", .0.len())]
    Count(Vec<String>),
    /// An invalid field.
    #[error("invalid {} `{item}` in the schedule: {problem}", field.name())]
    Field {
        /// The field.
        field: Field,
        /// The invalid item of the field's list.
        item: String,
        /// The problem of the item.
        problem: Problem,
    },
    /// An unknown name with `@`; has the name.
    #[error("unknown schedule `{0}`")]
    Name(String),
    /// `@every` with an invalid duration; has the text after `@every`.
    #[error("invalid duration `{0}` after `@every`")]
    Every(String),
    /// A time zone inside the schedule: Kubernetes refuses any `TZ` in it. Has the schedule.
    #[error("invalid schedule `{0}`: a time zone is not allowed in it")]
    Zone(String),
}

/// The problem of an item in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Neither a number nor a name that the field knows. Empty if the number is missing.
    NotANumber(String),
    /// A number outside the field's range.
    Range(i64),
    /// A range that ends before it starts.
    Backwards {
        /// The first number.
        start: i64,
        /// The last number.
        end: i64,
        /// The step, 1 by default.
        step: i64,
    },
    /// A step that is not a positive whole number.
    Step(String),
    /// A range with more than two bounds.
    Hyphens,
    /// More than one step.
    Slashes,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotANumber(text) if text.is_empty() => f.write_str("a number is missing"),
            Problem::NotANumber(text) => write!(f, "`{text}` is not a number"),
            Problem::Range(number) => write!(f, "{number} is out of range"),
            Problem::Backwards { .. } => f.write_str("the range ends before it starts"),
            Problem::Step(step) => write!(f, "invalid step `{step}`"),
            Problem::Hyphens => f.write_str("more than one hyphen"),
            Problem::Slashes => f.write_str("more than one slash"),
        }
    }
}

impl Error {
    /// A hint at a valid schedule.
    pub fn hint(&self) -> String {
        match self {
            Error::Count(fields) => count_hint(fields),
            Error::Field { field, item, problem } => field_hint(*field, item, problem),
            Error::Name(text) => name_hint(text),
            Error::Every(_) => {
                "expected hours, minutes and seconds, as in `@every 1h30m`".to_owned()
            }
            Error::Zone(text) => zone_hint(text),
        }
    }
}

fn count_hint(fields: &[String]) -> String {
    match fields {
        [_, rest @ ..] if rest.len() == 5 && is_schedule(rest) => {
            format!("delete the first field, the seconds: `{}`", rest.join(" "))
        }
        [rest @ .., _] if rest.len() == 5 && is_schedule(rest) => {
            format!("delete the last field, the year: `{}`", rest.join(" "))
        }
        [_, rest @ .., _] if rest.len() == 5 && is_schedule(rest) => {
            format!(
                "delete the first and the last field, the seconds and the year: `{}`",
                rest.join(" ")
            )
        }
        _ => "expected minute, hour, day of month, month and day of week, as in `0 2 * * *`"
            .to_owned(),
    }
}

fn is_schedule(fields: &[String]) -> bool {
    fields.join(" ").parse::<super::Schedule>().is_ok()
}

fn field_hint(field: Field, item: &str, problem: &Problem) -> String {
    let range = format!("expected a number from {} to {}", field.min(), field.max());
    match problem {
        Problem::NotANumber(word) => word_hint(field, word).unwrap_or(range),
        Problem::Range(number) => past_end_hint(field, item, *number).unwrap_or(range),
        Problem::Backwards { start, end, step } => {
            format!("did you mean `{}`?", wrapped_range(field, *start, *end, *step))
        }
        Problem::Step(_) => "expected a whole number of at least 1 as step, as in `*/5`".to_owned(),
        Problem::Hyphens => "expected two bounds, as in `1-5`, or a list with commas".to_owned(),
        Problem::Slashes => "expected one step, as in `0-30/5`".to_owned(),
    }
}

/// A hint at the number or name that a word was meant to be.
fn word_hint(field: Field, word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let days = matches!(field, Field::DayOfMonth | Field::DayOfWeek);
    let extra = lower.trim_start_matches(|c: char| c.is_ascii_digit());
    if days && (word.contains('#') || ["l", "w", "lw"].contains(&extra)) {
        return Some(
            "Kubernetes does not support `L`, `W` and `#`, only numbers, `*`, `,`, `-` and `/`"
                .to_owned(),
        );
    }
    let beginning = lower.get(..3).unwrap_or(&lower);
    let near = field
        .names()
        .iter()
        .min_by_key(|name| strsim::osa_distance(beginning, name))
        .filter(|name| lower.len() >= 3 && strsim::osa_distance(beginning, name) <= 1);
    if let Some(near) = near {
        return Some(format!("did you mean `{near}`?"));
    }
    let place = if MONTHS.contains(&beginning) {
        "fourth field, the month"
    } else if DAYS.contains(&beginning) {
        "fifth field, the day of week"
    } else {
        return None;
    };
    Some(format!("`{beginning}` belongs in the {place}"))
}

/// A hint for the number just past the range of a field that starts at 0: 7 for Sunday, 24 for
/// midnight.
fn past_end_hint(field: Field, item: &str, number: i64) -> Option<String> {
    let (min, past) = (i64::from(field.min()), i64::from(field.max()) + 1);
    if min != 0 || number != past || item.contains('/') {
        return None;
    }
    let valid = match item.split_once('-') {
        None => min.to_string(),
        Some((low, _)) => match field.parse_number(low).ok()? {
            0 | 1 => "*".to_owned(),
            low if low < past => wrapped_range(field, low, min, 1),
            _ => return None,
        },
    };
    let note = if field == Field::DayOfWeek { " (Sunday is 0)" } else { "" };
    Some(format!("did you mean `{valid}`?{note}"))
}

/// A range that wraps around the field's end, written as Kubernetes accepts it.
fn wrapped_range(field: Field, start: i64, end: i64, step: i64) -> String {
    let (min, max) = (i64::from(field.min()), i64::from(field.max()));
    if step == 1 {
        return format!("{},{}", format_range(start, max), format_range(min, end));
    }
    let size = max - min + 1;
    let steps = (start..=end + size).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    let numbers: Vec<String> =
        steps.map(|number| ((number - min) % size + min).to_string()).collect();
    numbers.join(",")
}

fn format_range(low: i64, high: i64) -> String {
    if low == high { low.to_string() } else { format!("{low}-{high}") }
}

fn name_hint(text: &str) -> String {
    let lower = text.trim().to_ascii_lowercase();
    if lower.starts_with("@every") {
        return "expected a space and a duration after `@every`, as in `@every 1h30m`".to_owned();
    }
    let near =
        NAMES.iter().map(|(name, _)| name).min_by_key(|name| strsim::osa_distance(&lower, name));
    match near.filter(|name| strsim::osa_distance(&lower, name) <= 2) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "expected `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` or `@every`".to_owned()
        }
    }
}

fn zone_hint(text: &str) -> String {
    let split = text.split_once('=').and_then(|(_, rest)| rest.split_once(char::is_whitespace));
    match split {
        Some((zone, rest)) => {
            format!("set `timeZone: {zone}` and the schedule `{}`", rest.trim())
        }
        None => "set it in `timeZone`".to_owned(),
    }
}
