//! Time zones by name, as Kubernetes accepts them.

use jiff::tz::{self, TimeZone};

/// The reason why Kubernetes refuses a time zone's name.
///
/// The rules are `validateTimeZone` in Kubernetes' `pkg/apis/batch/validation` (v1.37) and Go's
/// `time.LoadLocation` over the time zone database that the API server carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// The name is empty. An absent `timeZone` is allowed, an empty one is not.
    #[error("empty time zone")]
    Empty,
    /// `Local` depends on the machine of the controller.
    #[error("invalid time zone `{0}`")]
    Local(String),
    /// The database has no zone with this name. Case matters.
    #[error("unknown time zone `{0}`")]
    Unknown(String),
}

impl ZoneError {
    /// A hint at a valid name, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            ZoneError::Empty | ZoneError::Local(_) => {
                Some("expected a region or UTC, such as `Europe/Berlin` or `Etc/UTC`".to_owned())
            }
            ZoneError::Unknown(name) => offset_hint(name)
                .or_else(|| nearest_zone(name).map(|near| format!("did you mean `{near}`?"))),
        }
    }
}

/// The time zone of a name.
///
/// # Errors
/// Kubernetes would refuse the name.
pub fn zone(name: &str) -> Result<TimeZone, ZoneError> {
    if name.is_empty() {
        return Err(ZoneError::Empty);
    }
    if name.eq_ignore_ascii_case("local") {
        return Err(ZoneError::Local(name.to_owned()));
    }
    // Go's database distinguishes case. `jiff`'s does not: the zone that it finds has the database's own name.
    let found = tz::db().get(name).ok();
    found
        .filter(|zone| zone.iana_name() == Some(name) && !zone.is_unknown())
        .ok_or_else(|| ZoneError::Unknown(name.to_owned()))
}

/// A hint for `GMT+1` or `UTC-05:00`: the names of the fixed zones have the opposite sign.
fn offset_hint(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let offset = ["UTC", "GMT", "ETC/UTC"].iter().find_map(|prefix| upper.strip_prefix(prefix))?;
    let sign = match offset.chars().next()? {
        '+' => '-',
        '-' => '+',
        _ => return None,
    };
    let hours: u8 = offset[1..].trim_end_matches(":00").parse().ok()?;
    let fixed = format!("Etc/GMT{sign}{hours}");
    zone(&fixed).ok()?;
    Some(format!(
        "did you mean `{fixed}`? Its sign is reversed; only a region such as `Europe/Berlin` has daylight saving"
    ))
}

/// The zone with the most similar name or city.
fn nearest_zone(name: &str) -> Option<String> {
    let wanted = name.to_ascii_lowercase().replace(' ', "_");
    let (length, most) = (wanted.chars().count(), wanted.len() / 4);
    let best = tz::db().available().filter_map(|known| {
        let lower = known.as_str().to_ascii_lowercase();
        let city = lower.rsplit('/').next().unwrap_or(&lower);
        // The distance is at least the difference in length.
        if [city, &lower].iter().all(|near| near.len().abs_diff(length) > most) {
            return None;
        }
        let whole = strsim::osa_distance(&wanted, &lower);
        let distance = whole.min(strsim::osa_distance(&wanted, city));
        // With equal distances, the whole name decides: a region's name wins over an alias.
        (distance <= most).then(|| (distance, whole, known.as_str().to_owned()))
    });
    best.min().map(|(_, _, known)| known)
}
