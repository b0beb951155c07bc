//! Review: what differs between two sets of objects, and what that will do to the cluster.
//!
//! In: the objects and values of both sides, the time, perhaps a history of the card. Out: a
//! [`Review`], which `report` makes into text, markdown, HTML or JSON. `cli` calls it; it calls
//! `yaml`, `schedule` and the gate's library, and reads neither files nor a clock.

mod backtest;
mod consequences;
mod diff;
mod fields;
mod gates;
mod lines;
mod merge_keys;
mod object;
mod secrets;
#[cfg(test)]
mod testing;
mod words;
mod workload;

pub use backtest::{BackTest, History, HistoryError, Outcome, ReplayError};
pub use consequences::{Consequence, Moment, RULES, Rule, Severity, Topic};
pub use diff::{Fate, ObjectChange};
pub use fields::{Change, FieldChange};
pub use object::{Object, ObjectError, Objects};
pub use words::{Piece, Words};
