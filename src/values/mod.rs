//! One stack's values: typed, layered, checked.
//!
//! In: the text of a values file, of overlays and of single assignments. Out: [`Values`], or every
//! error at once, each with its place in the layer that it comes from.

mod check;
pub(crate) mod derived;
mod exporter;
mod gate;
mod gitops;
mod helm_names;
mod kyverno;
mod layers;
mod network;
mod observation;
mod off_peak;
mod scalars;
mod schema;
mod server;
mod stack;
mod storage;

pub use check::CheckError;
pub use exporter::{Exporter, PRESETS, Preset};
pub use gate::*;
pub use gitops::{ArgoCd, Ci, Flux, GitOps, ImageOwner};
pub(crate) use helm_names::suggest_value;
pub use kyverno::*;
pub use layers::{Assigned, Assignment, InvalidAssignment, Layers, LoadError, Loaded};
pub use network::*;
pub use observation::*;
pub use off_peak::*;
pub use scalars::{
    AbsolutePath, ActionRef, BranchName, Bytes, CronSchedule, Digest, DnsLabel, DnsSubdomain,
    EnvName, GitUrl, GoDuration, GroupVersion, HttpUrl, KindName, OciUrl, Port, RelativePath,
    Repository, StorageQuantity, SubPath, Tag, TimeSpan, TimeZoneName, Whole, parse_span,
};
pub use schema::{Shape, schema};
pub use server::*;
pub use stack::*;
pub use storage::*;
