//! The five fields of a schedule: their ranges, their names, and the sets of numbers that they match.

use super::error::Problem;

/// One of the five fields of a schedule, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or `jan` to `dec`.
    Month,
    /// 0 (Sunday) to 6, or `sun` to `sat`.
    DayOfWeek,
}

pub(super) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
pub(super) const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Field {
    /// The field's name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::DayOfMonth => "day of month",
            Field::Month => "month",
            Field::DayOfWeek => "day of week",
        }
    }

    /// The smallest number.
    pub fn min(self) -> u8 {
        match self {
            Field::Minute | Field::Hour | Field::DayOfWeek => 0,
            Field::DayOfMonth | Field::Month => 1,
        }
    }

    /// The largest number.
    pub fn max(self) -> u8 {
        match self {
            Field::Minute => 59,
            Field::Hour => 23,
            Field::DayOfMonth => 31,
            Field::Month => 12,
            Field::DayOfWeek => 6,
        }
    }

    /// The names of the numbers from [`Field::min`] on. Case does not matter.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Field::Month => &MONTHS,
            Field::DayOfWeek => &DAYS,
            _ => &[],
        }
    }

    /// Parses a number, or a name for one.
    pub(super) fn parse_number(self, text: &str) -> Result<i64, Problem> {
        let named = self.names().iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(at) = named {
            return Ok(i64::from(self.min()) + at as i64);
        }
        // Like Go's `strconv.Atoi`, this accepts a sign and leading zeros. A minus can't occur: it
        // separates the bounds of a range.
        text.parse().map_err(|_| Problem::NotANumber(text.to_owned()))
    }
}

/// The numbers that a field matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Set {
    bits: u64,
    /// True if the text has `*` or `?` without a step above 1: the field restricts nothing. It
    /// matters only for the two fields of days.
    star: bool,
}

impl Set {
    /// Returns true if the set contains the number.
    pub(super) fn contains(self, number: i8) -> bool {
        u8::try_from(number).is_ok_and(|number| number < 64 && self.bits >> number & 1 == 1)
    }

    /// The smallest number above another one.
    pub(super) fn next_after(self, number: i8) -> Option<i8> {
        let above = u32::try_from(number).ok()? + 1;
        let rest = self.bits.checked_shr(above)?;
        (rest != 0).then(|| number + 1 + rest.trailing_zeros() as i8)
    }

    /// The number of numbers in it.
    pub(super) fn count(self) -> u32 {
        self.bits.count_ones()
    }

    fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Parses a list with commas. Empty items are ignored: `,` is the empty set, which Kubernetes
    /// accepts, and such a schedule never runs.
    ///
    /// # Errors
    /// The first invalid item and its problem.
    pub(super) fn parse(field: Field, text: &str) -> Result<Self, (String, Problem)> {
        let mut set = Set::default();
        for item in text.split(',').filter(|item| !item.is_empty()) {
            let (bits, star) =
                parse_item(field, item).map_err(|problem| (item.to_owned(), problem))?;
            set.bits |= bits;
            set.star |= star;
        }
        Ok(set)
    }
}

/// Parses `*`, `5` or `1-5`, with or without a step.
fn parse_item(field: Field, item: &str) -> Result<(u64, bool), Problem> {
    let (range, step) = match item.split_once('/') {
        None => (item, None),
        Some((_, rest)) if rest.contains('/') => return Err(Problem::Slashes),
        Some((range, step)) => (range, Some(step)),
    };
    let (low, high) = match range.split_once('-') {
        None => (range, None),
        Some((low, high)) => (low, Some(high)),
    };
    let step_by = match step {
        None => 1,
        Some(step) => step
            .parse::<i64>()
            .ok()
            .filter(|&by| by > 0)
            .ok_or_else(|| Problem::Step(step.to_owned()))?,
    };
    let (min, max) = (i64::from(field.min()), i64::from(field.max()));

    // Text between a star and the slash is ignored: `*-5` means `*`.
    let star = low == "*" || low == "?";
    let (start, end) = if star {
        (min, max)
    } else {
        let start = field.parse_number(low)?;
        let end = match high {
            Some(high) if high.contains('-') => return Err(Problem::Hyphens),
            Some(high) => field.parse_number(high)?,
            // `5/15` means from 5 to the field's largest number.
            None if step.is_some() => max,
            None => start,
        };
        (start, end)
    };
    if let Some(number) = [start, end].into_iter().find(|n| !(min..=max).contains(n)) {
        return Err(Problem::Range(number));
    }
    if start > end {
        return Err(Problem::Backwards { start, end, step: step_by });
    }
    let every = usize::try_from(step_by).unwrap_or(usize::MAX);
    let bits = (start..=end).step_by(every).fold(0u64, |bits, number| bits | 1 << number);
    Ok((bits, star && step_by == 1))
}

/// The five sets of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) minute: Set,
    pub(super) hour: Set,
    pub(super) day_of_month: Set,
    pub(super) month: Set,
    pub(super) day_of_week: Set,
}

impl Fields {
    /// Returns true if the schedule runs on a day. If both fields of days restrict, either is enough; if
    /// one is a star, the other decides.
    pub(super) fn matches_day(&self, day_of_month: i8, day_of_week: i8) -> bool {
        let by_month = self.day_of_month.contains(day_of_month);
        let by_week = self.day_of_week.contains(day_of_week);
        if self.is_either_day() { by_month || by_week } else { by_month && by_week }
    }

    /// Returns true if both fields of days restrict, so that either is enough.
    pub(super) fn is_either_day(&self) -> bool {
        !self.day_of_month.star && !self.day_of_week.star
    }

    /// Returns true if each day has the same runs: no month and no day is excluded.
    pub(super) fn repeat_daily(&self) -> bool {
        self.repeat_weekly() && (0..7).all(|day| self.day_of_week.contains(day))
    }

    /// Returns true if each week has the same runs: no month and no day of a month is excluded.
    pub(super) fn repeat_weekly(&self) -> bool {
        (1..=12).all(|month| self.month.contains(month))
            && (1..=31).all(|day| self.day_of_month.contains(day))
    }

    /// Returns true if the schedule matches any day and time.
    pub(super) fn can_match(&self) -> bool {
        // The most days of each month, from January on.
        const MAX_DAYS: [i8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let matches_a_day = (1..).zip(MAX_DAYS).any(|(month, days)| {
            self.month.contains(month)
                && (1..=days).any(|day| (0..7).any(|week| self.matches_day(day, week)))
        });
        matches_a_day && !self.hour.is_empty() && !self.minute.is_empty()
    }
}
