//! YAML as this project reads and writes it: one tree with places for values and for objects.
//!
//! In: the text of a file. Out: [`Node`]s, typed values read from them strictly, and text again.
//! `values`, `objects`, `gitops` and the edits call it; it calls only `source` and `diagnostic`.

mod node;
mod path;

pub use node::{Entry, Mapping, Node, Value};
pub use path::{Path, PathError, Segment};
