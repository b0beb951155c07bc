//! Time zones by name, as Kubernetes takes them.

use jiff::tz::{self, TimeZone};

/// Why a name is no time zone for Kubernetes.
///
/// The rules are `validateTimeZone` in Kubernetes' `pkg/apis/batch/validation` (v1.37) and Go's
/// `time.LoadLocation` over the time zone database that the API server carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// Nothing is written; no time zone at all would be allowed, an empty one is not.
    #[error("the time zone is empty")]
    Empty,
    /// `Local` is whatever the controller's machine is set to.
    #[error("the time zone `{0}` depends on the machine that reads it")]
    Local(String),
    /// No zone of the database has this name, upper and lower case told apart.
    #[error("unknown time zone `{0}`")]
    Unknown(String),
}

impl ZoneError {
    /// What would be right.
    pub fn hint(&self) -> Option<String> {
        match self {
            ZoneError::Empty | ZoneError::Local(_) => {
                Some("name a zone, such as `Etc/UTC` or `Europe/Berlin`".to_owned())
            }
            ZoneError::Unknown(name) => {
                by_offset(name).or_else(|| near(name).map(|near| format!("did you mean `{near}`?")))
            }
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
    let unknown = || ZoneError::Unknown(name.to_owned());
    // The database ignores case where Go does not, so its answer is held against the name.
    let db = tz::db();
    if !db.available().any(|known| known.as_str() == name) {
        return Err(unknown());
    }
    db.get(name).map_err(|_| unknown())
}

/// `GMT+1` and `UTC-05:00` as people write them: the fixed zones have the other sign.
fn by_offset(name: &str) -> Option<String> {
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
        "`{fixed}` is that offset (the sign is reversed there); a region follows its clocks"
    ))
}

/// The zone whose name, or whose city, is nearest.
fn near(name: &str) -> Option<String> {
    let wanted = name.to_ascii_lowercase().replace(' ', "_");
    let best = tz::db().available().filter_map(|known| {
        let lower = known.as_str().to_ascii_lowercase();
        let city = lower.rsplit('/').next().unwrap_or(&lower);
        let whole = strsim::osa_distance(&wanted, &lower);
        let distance = whole.min(strsim::osa_distance(&wanted, city));
        // Among equals the one that is nearer as a whole: a region's name before a link's.
        (distance <= wanted.len() / 4).then(|| (distance, whole, known.as_str().to_owned()))
    });
    best.min().map(|(_, _, known)| known)
}
