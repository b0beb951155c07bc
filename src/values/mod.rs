//! One stack's values: typed, layered, checked.
//!
//! In: the text of a values file, of overlays and of single assignments. Out: [`Values`], or every
//! error at once, each with its place in the layer that it comes from.

mod check;
mod exporter;
mod gitops;
mod helm_names;
mod layers;
mod scalars;
mod schema;
mod stack;

pub use check::CheckError;
pub use exporter::{Exporter, PRESETS, Preset};
pub use gitops::{ArgoCd, Ci, Flux, GitOps, ImageOwner};
pub use layers::{Assigned, Assignment, InvalidAssignment, Layers, LoadError, Loaded};
pub use scalars::{
    AbsolutePath, ActionRef, BranchName, Bytes, CronSchedule, Digest, DnsLabel, DnsSubdomain,
    EnvName, GitUrl, GoDuration, GroupVersion, HttpUrl, KindName, OciUrl, Port, RelativePath,
    Repository, StorageQuantity, SubPath, Tag, TimeSpan, TimeZoneName, Whole, parse_span,
};
pub use schema::{Shape, schema};
pub use stack::*;
