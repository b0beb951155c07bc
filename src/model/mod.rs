//! Facts about cluster objects that several modules need, each with one owner.

pub(crate) mod clock_change;
pub(crate) mod effective;
pub(crate) mod gate_jobs;
pub(crate) mod object;
pub(crate) mod prune_protection;
pub(crate) mod run_times;
mod severity;
pub(crate) mod window;
pub(crate) mod workload;
mod written;

pub use object::{Object, ObjectError, Objects};
pub use severity::Severity;
pub(crate) use written::nearest_written;
pub use yaml_spans::{Message, Piece};
