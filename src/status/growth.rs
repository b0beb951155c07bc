//! The residents whose memory grew before the guard stopped the tenant, as Prometheus recorded it.

use jiff::{SignedDuration, Timestamp};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::{RenderedStack, Status, find_gate};
use crate::window::fetch::{Plan, Server, fetch_history, find_sampling};
use crate::window::history::{FetchedSpan, History};
use crate::window::simulate::Recorded;
use vram_gate::exposition::Query;

/// The step of the queries in seconds: a usual interval of scrapes.
const STEP: u32 = 15;

/// A decision of the guard that stopped the tenant.
struct Stop {
    /// The number of its window in the status.
    window: usize,
    /// Its number in the window.
    decision: usize,
    /// The time from the run before to its end.
    span: FetchedSpan,
}

/// Adds the growth of the residents' memory to each decision of the guard that stopped the tenant. What Prometheus
/// does not have is listed as not seen.
///
/// # Errors
/// The server can't be asked as it is given, or the gate's settings are not known.
pub fn add_growth(
    status: &mut Status,
    stack: &RenderedStack<'_>,
    server: &Server,
) -> Result<(), Diagnostics> {
    let stops = find_stops(status);
    if stops.is_empty() {
        return Ok(());
    }
    let (_, gate) = find_gate(stack).map_err(|error| Diagnostic::new(error.to_string()))?;
    let sampling = find_sampling(&status.stack, &gate)?;
    let spans = stops.iter().map(|stop| stop.span).collect();
    let plan = Plan::of_spans(&status.stack, &status.zone_name, &sampling, spans, STEP)?;
    let history = match fetch_history(&plan, server) {
        Ok(history) => history,
        Err(error) if error.is_misuse() => return Err(error.diagnostic().into()),
        Err(error) => {
            status.unseen.push(format!("growth of memory: {error}"));
            return Ok(());
        }
    };
    if let Err(error) = read_growth(status, &stops, &history, &sampling.query) {
        status.unseen.push(format!("growth of memory: {error}"));
    }
    Ok(())
}

fn read_growth(
    status: &mut Status,
    stops: &[Stop],
    history: &History,
    query: &Query,
) -> Result<(), crate::window::history::HistoryError> {
    let recorded = Recorded::new(history, query)?;
    for Stop { window, decision, span } in stops {
        let (start, end) = (span.start.as_millisecond(), span.end.as_millisecond());
        if !recorded.has_samples(start, end + 1) {
            let text = format!(
                "growth of memory: Prometheus has no sample from {} to {}",
                span.start, span.end
            );
            status.unseen.push(text);
            continue;
        }
        let windows = status.windows.get_mut(*window);
        if let Some(record) = windows.and_then(|window| window.decisions.get_mut(*decision)) {
            record.grown = Some(recorded.grown(start, end));
        }
    }
    Ok(())
}

fn find_stops(status: &Status) -> Vec<Stop> {
    let mut stops = Vec::new();
    for (number, window) in status.windows.iter().enumerate() {
        for (decision, record) in window.decisions.iter().enumerate() {
            if !record.is_yield() {
                continue;
            }
            let before = window.decisions.iter().rev().find(|other| other.time < record.time);
            let before = before.map_or(window.window.opens, |before| before.time);
            // A node's clock may be wrong.
            let end = record.ended.filter(|ended| *ended >= record.time).unwrap_or(record.time);
            stops.push(Stop { window: number, decision, span: span_to(before, end) });
        }
    }
    stops
}

/// The span that ends with a point of a query, and begins with one at most a step before an instant.
fn span_to(start: Timestamp, end: Timestamp) -> FetchedSpan {
    let step = i64::from(STEP);
    let steps = (end.duration_since(start).as_secs() + step - 1) / step;
    let length = SignedDuration::from_secs(steps.max(1) * step);
    FetchedSpan { start: end.checked_sub(length).unwrap_or(start), end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_point_at_its_end_and_one_at_or_before_its_start() {
        let span = |start: &str, end: &str| {
            let span = span_to(start.parse().unwrap(), end.parse().unwrap());
            (span.start.to_string(), span.end.to_string())
        };
        let expected = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        assert_eq!(
            span("2026-11-26T03:35:00Z", "2026-11-26T03:40:04Z"),
            expected("2026-11-26T03:34:49Z", "2026-11-26T03:40:04Z")
        );
        assert_eq!(
            span("2026-11-26T03:35:00Z", "2026-11-26T03:40:00Z"),
            expected("2026-11-26T03:35:00Z", "2026-11-26T03:40:00Z")
        );
        assert_eq!(
            span("2026-11-26T03:40:00Z", "2026-11-26T03:40:00Z"),
            expected("2026-11-26T03:39:45Z", "2026-11-26T03:40:00Z")
        );
    }
}
