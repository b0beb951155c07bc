//! A calendar as text for a terminal.

use std::fmt::Write;

use jiff::Timestamp;

use super::nights::duration;
use super::{Calendar, Fault, Night, StackOverlap, Tenant, TenantWindow};

/// The most runs in one line.
const RUNS_PER_LINE: usize = 12;

/// Formats a calendar, with every run if they were collected.
pub fn text(calendar: &Calendar) -> String {
    let mut out = String::new();
    for (index, tenant) in calendar.tenants.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let _ = writeln!(out, "{}: {}, {}", tenant.stack, tenant.target, tenant.zone_name);
        for remark in &tenant.remarks {
            let _ = writeln!(out, "  {remark}");
        }
        write_nights(&mut out, tenant);
        write_overlaps(&mut out, calendar, index);
        write_runs(&mut out, tenant);
    }
    out
}

/// A line of a tenant's calendar.
enum Line<'a> {
    Window(&'a TenantWindow),
    /// Hours of demand.
    Demand(&'a TenantWindow),
    /// Nights in a row without a window, for one reason.
    Missing(Vec<&'a Night>, &'a str),
}

fn write_nights(out: &mut String, tenant: &Tenant) {
    if let Some(open) = &tenant.open {
        let end = match open.closes {
            Some(closes) => format!("until {}", tenant.format(closes)),
            None => "without an end".to_owned(),
        };
        let _ = writeln!(out, "  open since {}, {end}", tenant.format(open.opens));
    }
    let width = tenant
        .windows
        .iter()
        .chain(&tenant.demand)
        .map(|window| tenant.length(window).chars().count())
        .max();
    for line in tenant_lines(tenant) {
        match line {
            Line::Window(window) => write_window(out, tenant, window, width.unwrap_or(0)),
            Line::Demand(hours) => write_hours(out, tenant, hours, width.unwrap_or(0)),
            Line::Missing(nights, reason) => {
                if let [first, .., last] = nights.as_slice() {
                    let _ = writeln!(
                        out,
                        "  {} to {}  no window in {} nights: {reason}",
                        tenant.format_day(first.opening),
                        tenant.format_day(last.opening),
                        nights.len()
                    );
                } else if let Some(night) = nights.first() {
                    let day = tenant.format_day(night.opening);
                    // The line of the clock change says it, too.
                    let is_known = night.clock.iter().any(|clock| clock.ends_with(reason));
                    let reason = if is_known { String::new() } else { format!(": {reason}") };
                    let _ = writeln!(out, "  {day}  no window{reason}");
                    write_clock(out, night);
                }
            }
        }
    }
}

/// The windows and the nights without one, in order.
fn tenant_lines(tenant: &Tenant) -> Vec<Line<'_>> {
    let mut lines: Vec<(Timestamp, Line<'_>)> =
        tenant.windows.iter().map(|window| (window.opens, Line::Window(window))).collect();
    lines.extend(tenant.demand.iter().map(|hours| (hours.opens, Line::Demand(hours))));
    for night in &tenant.nights {
        if let Some(Fault::NoWindow(reason)) = &night.fault {
            lines.push((night.opening, Line::Missing(vec![night], reason)));
        }
    }
    lines.sort_by_key(|(instant, _)| *instant);
    let mut merged: Vec<Line<'_>> = Vec::new();
    for (_, line) in lines {
        match (merged.last_mut(), line) {
            (Some(Line::Missing(nights, reason)), Line::Missing(more, other))
                if *reason == other
                    && more.iter().chain(nights.iter()).all(|night| night.clock.is_empty()) =>
            {
                nights.extend(more);
            }
            (_, line) => merged.push(line),
        }
    }
    merged
}

fn write_window(out: &mut String, tenant: &Tenant, window: &TenantWindow, width: usize) {
    let length = tenant.length(window);
    let guard = tenant.describe_guard(window);
    let again = match window.again {
        0 => String::new(),
        1 => ", `up` once more".to_owned(),
        count => format!(", `up` {count} times more"),
    };
    let _ = writeln!(
        out,
        "  {} → {}  {length:width$}  {guard}{again}",
        tenant.format(window.opens),
        tenant.format_end(window)
    );
    if let Some(night) = tenant.night_of(window) {
        write_clock(out, night);
    }
}

fn write_hours(out: &mut String, tenant: &Tenant, hours: &TenantWindow, width: usize) {
    let (length, guard) = (tenant.length(hours), tenant.describe_guard(hours));
    let _ = writeln!(
        out,
        "  {} → {}  {length:width$}  {guard}, by demand",
        tenant.format(hours.opens),
        tenant.format_end(hours)
    );
}

fn write_clock(out: &mut String, night: &Night) {
    for clock in &night.clock {
        let _ = writeln!(out, "      {clock}");
    }
}

fn write_overlaps(out: &mut String, calendar: &Calendar, index: usize) {
    let Some(tenant) = calendar.tenants.get(index) else { return };
    for (other, count, first) in calendar.overlaps_of(index) {
        let _ = writeln!(out, "  {}", tenant.describe_overlap(other, count, first));
    }
}

fn write_runs(out: &mut String, tenant: &Tenant) {
    let mut rest = tenant.runs.as_slice();
    // Runs of one action on one day share a line.
    while let Some(first) = rest.first() {
        let day = tenant.format_day(first.time);
        let same = rest
            .iter()
            .take(RUNS_PER_LINE)
            .take_while(|run| run.action == first.action && tenant.format_day(run.time) == day)
            .count();
        let (line, more) = rest.split_at(same.max(1));
        let times: Vec<String> = line.iter().map(|run| tenant.format_time(run.time)).collect();
        let _ = writeln!(out, "  {day}  {:5}  {}", first.action, times.join(" "));
        rest = more;
    }
}

impl Calendar {
    /// The tenants whose windows a tenant's windows overlap: how often, and the first time.
    pub(super) fn overlaps_of(&self, tenant: usize) -> Vec<(&Tenant, usize, &StackOverlap)> {
        let mut found: Vec<(usize, usize, &StackOverlap)> = Vec::new();
        for overlap in &self.overlaps {
            let other = if overlap.tenant == tenant {
                overlap.other
            } else if overlap.other == tenant {
                overlap.tenant
            } else {
                continue;
            };
            match found.iter_mut().find(|(known, ..)| *known == other) {
                Some((_, count, _)) => *count += 1,
                None => found.push((other, 1, overlap)),
            }
        }
        found
            .into_iter()
            .filter_map(|(other, count, first)| Some((self.tenants.get(other)?, count, first)))
            .collect()
    }
}

impl Tenant {
    /// `Sat 27 Mar 2027 02:00` on the tenant's clock.
    pub(super) fn format(&self, instant: Timestamp) -> String {
        self.local(instant).strftime("%a %d %b %Y %H:%M").to_string()
    }

    /// `Sat 27 Mar 2027` on the tenant's clock.
    pub(super) fn format_day(&self, instant: Timestamp) -> String {
        self.local(instant).strftime("%a %d %b %Y").to_string()
    }

    /// `02:00` on the tenant's clock.
    pub(super) fn format_time(&self, instant: Timestamp) -> String {
        self.local(instant).strftime("%H:%M").to_string()
    }

    /// The end of a window: the time, with the day if it is not the day of its start.
    pub(super) fn format_end(&self, window: &TenantWindow) -> String {
        match window.closes {
            None => "no end".to_owned(),
            Some(closes) if self.local(closes).date() == self.local(window.opens).date() => {
                self.format_time(closes)
            }
            Some(closes) => self.local(closes).strftime("%a %H:%M").to_string(),
        }
    }

    /// The overlaps with another tenant's windows, of which there are some, the first of them given.
    pub(super) fn describe_overlap(
        &self,
        other: &Tenant,
        count: usize,
        first: &StackOverlap,
    ) -> String {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let end = first.end.map_or("no end".to_owned(), |end| self.format_time(end));
        format!(
            "the window of {} on the same GPU is open, too, {times}, first {} to {end}",
            other.stack,
            self.format(first.start)
        )
    }

    /// The length of a window; empty without an end.
    pub(super) fn length(&self, window: &TenantWindow) -> String {
        window
            .closes
            .map_or_else(String::new, |closes| duration(closes.duration_since(window.opens)))
    }

    /// The guard's runs in a window, and the longest pause between them if it is too long.
    pub(super) fn describe_guard(&self, window: &TenantWindow) -> String {
        let count = window.guard.len();
        let Some((start, end)) = window.unguarded else {
            return match (count, window.closes) {
                (0, _) => "no guard".to_owned(),
                (count, Some(_)) => format!("guard {count} ×"),
                (count, None) => format!("guard {count} × in the first day"),
            };
        };
        let gap = end.duration_since(start);
        match gap > self.limit {
            true => format!(
                "guard {count} ×, pauses of up to {}, first from {}",
                duration(gap),
                self.format_time(start)
            ),
            false => format!("guard {count} ×"),
        }
    }

    /// The night of a window.
    pub(super) fn night_of(&self, window: &TenantWindow) -> Option<&Night> {
        let next = self.nights.partition_point(|night| night.opening <= window.opens);
        let distance = |night: &&Night| night.opening.duration_since(window.opens).abs();
        let near = self.nights.get(next.saturating_sub(1)..)?.iter().take(2);
        near.min_by_key(distance).filter(|night| distance(night).as_hours() < 13)
    }
}
