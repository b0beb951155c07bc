//! YAML as this project reads and writes it: one tree with places for values and for objects.
//!
//! In: the text of a file. Out: [`Node`]s, typed values read from them strictly, and text again.
//! `values`, `objects`, `gitops` and the edits call it; it calls only `source` and `diagnostic`.

mod data;
pub mod diagnostic;
pub mod edit;
mod emit;
mod limits;
mod near;
mod node;
mod parse;
mod path;
mod read;
mod scalar;
mod show;
pub mod source;
mod write;

pub use self::scalar::Doubt;
pub use emit::{emit, emit_documents, scalar};
pub use limits::{MAX_BYTES, MAX_DEPTH, MAX_ERRORS, MAX_NODES};
pub use near::{name_hint, near_name};
pub use node::{Entry, Mapping, Node, Value};
pub use parse::{Dialect, ParseError, parse};
pub use path::{Path, PathError, Segment};
pub use read::{ReadError, read, read_at, read_what_can_be};
pub use show::shorten;
pub use write::{WriteError, WriteProblem, to_node};
