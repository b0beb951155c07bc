//! The formula that several values of the gate decide together.

use yaml_spans::Path;

use crate::values::{Bytes, Gate};

/// The values of `gate` that decide when the guard yields.
const KEYS: [&str; 6] = ["budget", "count", "exporter", "floor", "reserve", "series"];

/// Returns the guard's formula with its amounts, for a value that has a part in it, if nothing tells the
/// server's memory from that of others. Otherwise each value means what its name says.
#[must_use]
pub fn guard_formula(gate: &Gate, value: &Path) -> Option<String> {
    let root = Path::root().key("gate");
    if !KEYS.iter().any(|key| *value == root.key(*key)) {
        return None;
    }
    let needed = gate.unattributed_headroom()?;
    Some(format!(
        "the guard yields when less than {needed} is free, the larger of gate.reserve ({}) and gate.floor - gate.budget ({} - {}): nothing tells the server's memory from that of others, and whether the server keeps to its budget is not known",
        gate.reserve,
        gate.floor,
        gate.budget.unwrap_or(Bytes::new(0))
    ))
}
