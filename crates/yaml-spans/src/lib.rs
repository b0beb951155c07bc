//! YAML with places: one tree in which every node knows where it was written.
//!
//! In: the text of a file. Out: [`Node`]s, Rust types read strictly from them, and text again.
//! Every error carries its place and path; nothing in this crate prints, or reads a file.

mod conflict;
pub mod diagnostic;
pub mod edit;
mod emit;
mod limits;
mod message;
mod node;
mod node_serde;
mod parse;
mod path;
mod read;
mod scalar;
pub mod source;
mod suggest;
mod truncate;
mod visible;
mod write;

pub use conflict::{MergeConflict, find_conflicts};
pub use emit::{emit, emit_documents, emit_scalar};
pub use limits::{MAX_BYTES, MAX_ERRORS};
pub use message::{Message, Piece};
pub use node::{Entry, Mapping, Node, Value, mapping_with_capacity};
pub use parse::{Dialect, ParseError, parse};
pub use path::{Path, PathError, Segment};
pub use read::{ReadError, read, read_if_valid, read_partial};
pub use suggest::{list_names, one_of, suggest, suggestion};
pub use truncate::truncate;
pub use visible::{is_hidden, visible, visible_excerpt, visible_line};
pub use write::{WriteError, to_node, to_node_at};
