//! The facts about cluster objects that several rooms need, each written once.

pub(crate) mod gate_jobs;
mod message;
pub(crate) mod object;
pub(crate) mod prune_protection;
mod severity;
pub(crate) mod workload;

pub use message::{Message, Piece};
pub use object::{Object, ObjectError, Objects};
pub use severity::Severity;
