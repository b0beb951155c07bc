//! One stack's values: typed, layered, checked.
//!
//! In: the text of a values file, of overlays and of single assignments. Out: [`Values`], or every
//! error at once, each with its place in the layer that brought it. `render`, `explain`, `review`
//! and `lint` call it; it calls `yaml` and `schedule`.

mod check;
mod layers;
mod scalars;
mod schema;
mod stack;

pub use check::CheckError;
pub use layers::{Assigned, Assignment, AssignmentError, Layers, LoadError, Loaded};
pub use scalars::{
    AbsolutePath, Bytes, CronSchedule, Digest, DnsLabel, DnsSubdomain, EnvName, HttpUrl, Port,
    RelativePath, Repository, StorageQuantity, Tag, TimeZoneName, Whole,
};
pub use schema::{Shape, schema};
pub use stack::*;
