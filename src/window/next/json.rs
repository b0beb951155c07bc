//! A calendar as JSON, for programs.

use serde::Serialize;

use super::{Calendar, Fault, Tenant, TenantWindow};
use crate::report::json::to_text;

/// Raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    from: String,
    until: String,
    windows: Vec<WindowEntry<'a>>,
    #[serde(rename = "demandHours", skip_serializing_if = "Vec::is_empty")]
    demand_hours: Vec<WindowEntry<'a>>,
    runs: Vec<RunEntry<'a>>,
    open: Vec<WindowEntry<'a>>,
    faults: Vec<FaultEntry<'a>>,
    #[serde(rename = "clockChanges")]
    clock_changes: Vec<ChangeEntry<'a>>,
    overlaps: Vec<OverlapEntry<'a>>,
    remarks: Vec<RemarkEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WindowEntry<'a> {
    stack: &'a str,
    start: String,
    end: Option<String>,
    object: String,
    time_zone: &'a str,
    up_again: usize,
    guard_runs: usize,
    longest_unguarded_seconds: Option<i64>,
}

#[derive(Serialize)]
struct RunEntry<'a> {
    stack: &'a str,
    action: &'a str,
    time: String,
}

#[derive(Serialize)]
struct FaultEntry<'a> {
    stack: &'a str,
    night: String,
    fault: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct ChangeEntry<'a> {
    stack: &'a str,
    time: String,
    text: &'a str,
}

#[derive(Serialize)]
struct OverlapEntry<'a> {
    stacks: [&'a str; 2],
    start: String,
    /// `None` if neither window has an end.
    end: Option<String>,
}

#[derive(Serialize)]
struct RemarkEntry<'a> {
    stack: &'a str,
    text: &'a str,
}

/// Formats a calendar as JSON.
pub fn json(calendar: &Calendar) -> String {
    let tenants = || calendar.tenants.iter();
    let name = |index: usize| calendar.tenants.get(index).map_or("", |tenant| &*tenant.stack);
    let report = Report {
        version: VERSION,
        from: calendar.span.from.to_string(),
        until: calendar.span.until.to_string(),
        windows: tenants()
            .flat_map(|tenant| tenant.windows.iter().map(|window| window_entry(tenant, window)))
            .collect(),
        demand_hours: tenants()
            .flat_map(|tenant| tenant.demand.iter().map(|hours| window_entry(tenant, hours)))
            .collect(),
        runs: tenants().flat_map(run_entries).collect(),
        open: tenants()
            .flat_map(|tenant| tenant.open.iter().map(|window| window_entry(tenant, window)))
            .collect(),
        faults: tenants().flat_map(fault_entries).collect(),
        clock_changes: tenants().flat_map(change_entries).collect(),
        overlaps: calendar
            .overlaps
            .iter()
            .map(|overlap| OverlapEntry {
                stacks: [name(overlap.tenant), name(overlap.other)],
                start: overlap.start.to_string(),
                end: overlap.end.map(|end| end.to_string()),
            })
            .collect(),
        remarks: tenants()
            .flat_map(|tenant| {
                let stack = tenant.stack.as_str();
                tenant.remarks.iter().map(move |text| RemarkEntry { stack, text })
            })
            .collect(),
    };
    to_text(&report)
}

fn window_entry<'a>(tenant: &'a Tenant, window: &TenantWindow) -> WindowEntry<'a> {
    WindowEntry {
        stack: &tenant.stack,
        start: window.opens.to_string(),
        end: window.closes.map(|closes| closes.to_string()),
        object: tenant.target.to_string(),
        time_zone: &tenant.zone_name,
        up_again: window.again,
        guard_runs: window.guard.len(),
        longest_unguarded_seconds: window
            .unguarded
            .map(|(start, end)| end.duration_since(start).as_secs()),
    }
}

fn run_entries(tenant: &Tenant) -> impl Iterator<Item = RunEntry<'_>> {
    tenant.runs.iter().map(|run| RunEntry {
        stack: &tenant.stack,
        action: run.action,
        time: run.time.to_string(),
    })
}

fn fault_entries(tenant: &Tenant) -> impl Iterator<Item = FaultEntry<'_>> {
    tenant.nights.iter().filter_map(|night| {
        let fault = night.fault.as_ref()?;
        let text = match fault {
            Fault::NoWindow(reason) => reason,
            Fault::NoEnd => "the window does not end within a day",
        };
        let stack = tenant.stack.as_str();
        Some(FaultEntry { stack, night: night.date.to_string(), fault: fault.id(), text })
    })
}

fn change_entries(tenant: &Tenant) -> impl Iterator<Item = ChangeEntry<'_>> {
    tenant.nights.iter().flat_map(|night| {
        night.changes.iter().zip(&night.clock).map(|(change, text)| ChangeEntry {
            stack: &tenant.stack,
            time: change.at.to_string(),
            text,
        })
    })
}
