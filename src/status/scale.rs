//! The last change of the target's replicas: from its managed fields, or from the gate's reports.

use jiff::Timestamp;

use super::runs::{Run, parse_time, text};
use crate::model::object::{Object, items_at, node_at};
use yaml_spans::Node;

/// The field manager that the gate writes as (`gate/src/scale.rs`).
const GATE: &str = "vram-gate";

/// The last change of the replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaledBy {
    /// The field manager: `vram-gate`, `kubectl`.
    pub manager: String,
    /// The time of its last write, on the API server's clock.
    pub time: Option<Timestamp>,
    /// True if it is the gate.
    pub is_gate: bool,
}

/// The last change of the replicas; `None` without managed fields, or if nothing says who made it.
pub(super) fn last_change<'a>(
    target: &Object,
    runs: impl Iterator<Item = &'a Run>,
) -> Option<ScaledBy> {
    manager(target).or_else(|| {
        let is_stopped = target.whole_at(&["spec", "replicas"]) == Some(0);
        (is_stopped && has_managed_fields(target)).then(|| last_stop(runs)).flatten()
    })
}

/// Returns true for an object that was read with its managed fields.
pub(super) fn has_managed_fields(target: &Object) -> bool {
    !items_at(&target.node, &["metadata", "managedFields"]).is_empty()
}

/// The gate's last change, if it stopped the tenant. A scale to 0 leaves no managed field, as the API omits a 0 in
/// `autoscaling/v1` Scale (`replicas,omitempty`), and without an owner the next scale leaves none either
/// (both are seen in `tests/e2e/status.rs`).
fn last_stop<'a>(runs: impl Iterator<Item = &'a Run>) -> Option<ScaledBy> {
    let attempts = runs.flat_map(|run| run.attempts.iter().map(move |attempt| (run, attempt)));
    let changes = attempts.filter_map(|(run, attempt)| {
        let report = attempt.report.as_ref()?;
        // A gate that was killed ended later than it reported.
        let whole = (report.outcome == "scaled" && attempt.exit <= 2).then_some((
            attempt.finished.unwrap_or(run.time),
            run.time,
            report.after,
        ));
        let inside = report.changes().into_iter().map(|(at, change)| (at, run.time, change.after));
        inside.chain(whole).max_by_key(|(time, ..)| *time)
    });
    // The ends are in whole seconds.
    let (time, _, after) =
        changes.max_by_key(|(finished, scheduled, _)| (*finished, *scheduled))?;
    (after == Some(0)).then(|| ScaledBy {
        manager: GATE.to_owned(),
        time: Some(time),
        is_gate: true,
    })
}

/// The manager of `.spec.replicas` that wrote last.
fn manager(target: &Object) -> Option<ScaledBy> {
    let owns = |entry: &&Node| node_at(entry, &["fieldsV1", "f:spec", "f:replicas"]).is_some();
    let entries = items_at(&target.node, &["metadata", "managedFields"]);
    let last =
        entries.iter().filter(owns).max_by_key(|entry| text(entry, "time").and_then(parse_time))?;
    let manager = text(last, "manager")?.to_owned();
    let is_gate = manager == GATE;
    Some(ScaledBy { time: text(last, "time").and_then(parse_time), manager, is_gate })
}
