//! A tenant's windows as rows of a chart: one a night, with the hours of its clock from left to right.
//!
//! Positions are minutes of the wall clock from the start of the row. An hour that a clock change skips
//! is empty in its row; two passes of an hour that comes twice are drawn over each other. Both are marked.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::nights::day_before;
use super::{Calendar, Fault, Tenant, TenantWindow};

/// The minutes of a row.
pub(super) const ROW_MINUTES: i64 = 24 * 60;

/// The chart of one tenant.
pub(super) struct Chart {
    /// The hour at the left edge: noon, or midnight if most windows are open at noon.
    pub first_hour: i8,
    /// The rows, by date.
    pub rows: Vec<Row>,
}

/// One night.
#[derive(Default)]
pub(super) struct Row {
    /// `Sat 27 Mar 2027`.
    pub label: String,
    /// The windows, and the hours of demand.
    pub windows: Vec<Bar>,
    /// The times that another stack's window on the same GPU is open, too.
    pub shared: Vec<Bar>,
    /// The hours that clocks skip or repeat.
    pub clock: Vec<Bar>,
    /// The runs of the guard.
    pub guard: Vec<i64>,
    /// The faults of the night.
    pub faults: Vec<String>,
    /// The clock changes.
    pub notes: Vec<String>,
}

/// A part of a row, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    pub start: i64,
    pub end: i64,
}

impl Chart {
    /// The chart of a calendar's tenant; `None` if there is no such tenant.
    pub fn new(calendar: &Calendar, index: usize) -> Option<Self> {
        let tenant = calendar.tenants.get(index)?;
        let grid = Grid::new(tenant);
        let mut rows = BTreeMap::new();
        let dates = tenant.nights.iter().map(|night| night.date);
        let window_dates =
            tenant.windows.iter().map(|window| grid.date(tenant.local(window.opens)));
        for date in dates.chain(window_dates) {
            let label = date.strftime("%a %d %b %Y").to_string();
            rows.entry(date).or_insert_with(|| Row { label, ..Row::default() });
        }
        let mut chart = Plot { grid, rows };
        for window in tenant.all_windows() {
            let until = window.closes.unwrap_or(calendar.span.until.max(window.opens));
            let bar = chart.local_range(tenant, window.opens, until);
            chart.draw(bar, |row| &mut row.windows);
            chart.draw_guard(tenant, window);
        }
        for overlap in &calendar.overlaps {
            if overlap.tenant == index || overlap.other == index {
                let end = overlap.end.unwrap_or(calendar.span.until.max(overlap.start));
                let bar = chart.local_range(tenant, overlap.start, end);
                chart.draw(bar, |row| &mut row.shared);
            }
        }
        for night in &tenant.nights {
            for change in &night.changes {
                chart.draw(change.affected_times(), |row| &mut row.clock);
            }
            let Some(row) = chart.rows.get_mut(&night.date) else { continue };
            row.notes.extend(night.clock.iter().cloned());
            row.faults.extend(night.fault.as_ref().map(|fault| match fault {
                Fault::NoWindow(reason) => format!("no window: {reason}"),
                Fault::NoEnd => "the window does not end within a day".to_owned(),
            }));
        }
        Some(Chart { first_hour: chart.grid.first_hour, rows: chart.rows.into_values().collect() })
    }

    /// The hours at the marks below the rows, from the left edge to the right.
    pub fn hours(&self) -> impl Iterator<Item = (i64, i8)> {
        let first = self.first_hour;
        (0..=8).map(move |mark: i8| (i64::from(mark) * 3 * 60, (first + 3 * mark).rem_euclid(24)))
    }
}

/// The division of a clock's time into rows.
#[derive(Clone, Copy)]
struct Grid {
    /// The hour at which rows start.
    first_hour: i8,
    /// A row starts on the day before its date.
    starts_before: bool,
}

impl Grid {
    fn new(tenant: &Tenant) -> Self {
        let is_open_at_noon = |window: &&TenantWindow| {
            let Some(closes) = window.closes else { return false };
            let (opens, closes) = (tenant.local(window.opens), tenant.local(closes));
            let noon = opens.date().at(12, 0, 0, 0);
            opens < noon && noon < closes
        };
        let at_noon = tenant.windows.iter().filter(is_open_at_noon).count();
        if 2 * at_noon > tenant.windows.len() {
            return Grid { first_hour: 0, starts_before: false };
        }
        Grid {
            first_hour: 12,
            starts_before: tenant
                .nights
                .first()
                .is_none_or(|night| tenant.local(night.opening).hour() < 12),
        }
    }

    /// The start of a date's row.
    fn start(self, date: Date) -> DateTime {
        let first = if self.starts_before { day_before(date) } else { date };
        first.at(self.first_hour, 0, 0, 0)
    }

    /// The date of the row that a time is in.
    fn date(self, time: DateTime) -> Date {
        let is_before = time.hour() < self.first_hour;
        match (is_before, self.starts_before) {
            (true, true) | (false, false) => time.date(),
            (true, false) => day_before(time.date()),
            (false, true) => time.date().tomorrow().unwrap_or(Date::MAX),
        }
    }
}

/// A chart being drawn.
struct Plot {
    grid: Grid,
    rows: BTreeMap<Date, Row>,
}

impl Plot {
    /// The range of a time on a tenant's clock; across a clock that goes back, the later end.
    fn local_range(
        &self,
        tenant: &Tenant,
        start: Timestamp,
        end: Timestamp,
    ) -> (DateTime, DateTime) {
        let (start, end) = (tenant.local(start), tenant.local(end));
        (start.min(end), end.max(start))
    }

    /// Draws a range into the rows that it touches.
    fn draw(&mut self, (start, end): (DateTime, DateTime), bars: fn(&mut Row) -> &mut Vec<Bar>) {
        let (Some(first), Some(last)) = (self.rows.keys().next(), self.rows.keys().last()) else {
            return;
        };
        let (first, last) = (self.grid.start(*first), self.grid.start(*last));
        let mut from = start.max(first);
        let end = end.min(last.checked_add(1.day()).unwrap_or(last));
        while from < end {
            let date = self.grid.date(from);
            let row_start = self.grid.start(date);
            let row_end = row_start.checked_add(1.day()).unwrap_or(end);
            let until = end.min(row_end);
            if let Some(row) = self.rows.get_mut(&date) {
                let bar = Bar {
                    start: minutes_between(row_start, from),
                    end: minutes_between(row_start, until),
                };
                bars(row).push(bar);
            }
            if until <= from {
                break;
            }
            from = until;
        }
    }

    fn draw_guard(&mut self, tenant: &Tenant, window: &TenantWindow) {
        for run in &window.guard {
            let time = tenant.local(*run);
            let date = self.grid.date(time);
            let start = self.grid.start(date);
            if let Some(row) = self.rows.get_mut(&date) {
                row.guard.push(minutes_between(start, time));
            }
        }
    }
}

fn minutes_between(start: DateTime, time: DateTime) -> i64 {
    let passed: SignedDuration = time.duration_since(start);
    passed.as_mins()
}
