//! Why a text is no schedule, and what would be right.

use super::field::{DAYS, Field, MONTHS};
use super::parse::NAMES;

/// Why Kubernetes would refuse a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are not five fields; holds those that there are.
    #[error("a schedule has five fields, this has {}", .0.len())]
    Count(Vec<String>),
    /// A field holds what it can't.
    #[error("the {} of the schedule {problem} in `{item}`", field.name())]
    Field {
        /// Which field.
        field: Field,
        /// The part of its comma list.
        item: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A name with `@` that is none of the seven; holds it.
    #[error("unknown schedule `{0}`")]
    Name(String),
    /// `@every` with something that is no duration; holds what follows it.
    #[error("`@every` needs a duration, not `{0}`")]
    Every(String),
    /// A time zone inside the schedule: Kubernetes refuses any `TZ` in it; holds the schedule.
    #[error("the schedule `{0}` names a time zone")]
    Zone(String),
}

/// What is wrong with a part of a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Neither a number nor a name that the field knows; empty where nothing stands.
    #[error("has `{0}`, which is no number")]
    NotANumber(String),
    /// A number that the field does not go to.
    #[error("can't be {0}")]
    Range(i64),
    /// A range that ends before it starts.
    #[error("goes backwards")]
    Backwards {
        /// The first number as written.
        start: i64,
        /// The last number as written.
        end: i64,
        /// The step, 1 where none is written.
        step: i64,
    },
    /// A step that is no positive whole number.
    #[error("has the step `{0}`")]
    Step(String),
    /// A range of more than two bounds.
    #[error("has more than one hyphen")]
    Hyphens,
    /// More than one step.
    #[error("has more than one slash")]
    Slashes,
}

impl Error {
    /// What would be right.
    pub fn hint(&self) -> String {
        match self {
            Error::Count(fields) => count_hint(fields),
            Error::Field { field, item, problem } => field_hint(*field, item, problem),
            Error::Name(text) => name_hint(text),
            Error::Every(_) => "hours, minutes and seconds, as in `@every 1h30m`".to_owned(),
            Error::Zone(text) => zone_hint(text),
        }
    }
}

fn count_hint(fields: &[String]) -> String {
    let reads = |fields: &[String]| fields.join(" ").parse::<super::Schedule>().is_ok();
    match fields {
        [_, rest @ ..] if rest.len() == 5 && reads(rest) => {
            format!("drop the first, the seconds: `{}`", rest.join(" "))
        }
        [rest @ .., _] if rest.len() == 5 && reads(rest) => {
            format!("drop the last, the year: `{}`", rest.join(" "))
        }
        [_, rest @ .., _] if rest.len() == 5 && reads(rest) => {
            format!("drop the first and the last, the seconds and the year: `{}`", rest.join(" "))
        }
        _ => "minute, hour, day of month, month, day of week, as in `0 2 * * *`".to_owned(),
    }
}

fn field_hint(field: Field, item: &str, problem: &Problem) -> String {
    let range = format!("a number from {} to {}", field.min(), field.max());
    match problem {
        Problem::NotANumber(word) => word_hint(field, word).unwrap_or(range),
        Problem::Range(number) => past_hint(field, item, *number).unwrap_or(range),
        Problem::Backwards { start, end, step } => {
            format!("did you mean `{}`?", around(field, *start, *end, *step))
        }
        Problem::Step(_) => "a step is a whole number from 1 up, as in `*/5`".to_owned(),
        Problem::Hyphens => "a range has two bounds, as in `1-5`; a list has commas".to_owned(),
        Problem::Slashes => "one step follows a range, as in `0-30/5`".to_owned(),
    }
}

/// What a word that is no number was meant to be.
fn word_hint(field: Field, word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let days = matches!(field, Field::DayOfMonth | Field::DayOfWeek);
    let extra = lower.trim_start_matches(|c: char| c.is_ascii_digit());
    if days && (word.contains('#') || ["l", "w", "lw"].contains(&extra)) {
        return Some(
            "Kubernetes has no `L`, `W` or `#`: only numbers, `*`, `,`, `-` and `/`".to_owned(),
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
    let belongs = |names: &[&str], to: &str| {
        names.contains(&beginning).then(|| format!("`{beginning}` belongs in the {to}"))
    };
    belongs(&MONTHS, "fourth field, the month")
        .or_else(|| belongs(&DAYS, "fifth field, the day of week"))
}

/// What the number just past the end of a field was meant to be, where the field starts at 0: 7 for
/// Sunday, 24 for midnight.
fn past_hint(field: Field, item: &str, number: i64) -> Option<String> {
    let (min, past) = (i64::from(field.min()), i64::from(field.max()) + 1);
    if min != 0 || number != past || item.contains('/') {
        return None;
    }
    let cure = match item.split_once('-') {
        None => min.to_string(),
        Some((low, _)) => match field.bound(low).ok()? {
            0 | 1 => "*".to_owned(),
            low if low < past => around(field, low, min, 1),
            _ => return None,
        },
    };
    let why = if field == Field::DayOfWeek { " (Sunday is 0)" } else { "" };
    Some(format!("did you mean `{cure}`?{why}"))
}

/// A range that goes over the field's end, as Kubernetes wants it.
fn around(field: Field, start: i64, end: i64, step: i64) -> String {
    let (min, max) = (i64::from(field.min()), i64::from(field.max()));
    let range = |low: i64, high: i64| {
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    if step == 1 {
        return format!("{},{}", range(start, max), range(min, end));
    }
    let size = max - min + 1;
    let steps = (start..=end + size).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    let numbers: Vec<String> =
        steps.map(|number| ((number - min) % size + min).to_string()).collect();
    numbers.join(",")
}

fn name_hint(text: &str) -> String {
    let lower = text.trim().to_ascii_lowercase();
    if lower.starts_with("@every") {
        return "a space and a duration follow `@every`: `@every 1h30m`".to_owned();
    }
    let near =
        NAMES.iter().map(|(name, _)| name).min_by_key(|name| strsim::osa_distance(&lower, name));
    match near.filter(|name| strsim::osa_distance(&lower, name) <= 2) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "Kubernetes knows `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` and `@every`"
                .to_owned()
        }
    }
}

fn zone_hint(text: &str) -> String {
    let split = text.split_once('=').and_then(|(_, rest)| rest.split_once(char::is_whitespace));
    match split {
        Some((zone, rest)) => {
            format!("write `timeZone: {zone}` and the schedule `{}`", rest.trim())
        }
        None => "name it in `timeZone`".to_owned(),
    }
}
