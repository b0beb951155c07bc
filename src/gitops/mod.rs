//! Argo CD and Flux: how they call this program, and the files that wire a repository to them.
//!
//! In: Argo CD's parameters and environment, or what a project renders ([`Fleet`](crate::project::load)).
//! Out: assignments to values, the announcement of what can be assigned, and [`Document`]s: objects
//! that were held against their types, patches, workflows. The commands `generate`, `parameters`,
//! `gitops` and `requires` call it. Every fact about the controllers cites where it is written.

mod argocd;
mod client;
mod document;
mod flux;
mod parameters;
mod plugin;
mod tree;
mod wiring;
mod workflow;

pub use argocd::{From, PLUGIN_NAME, argocd, plugin_version, plugin_yaml};
pub use client::client;
pub use document::Document;
pub use flux::flux;
pub use parameters::{Announcement, ParameterError, announce, assignments};
pub use plugin::{Call, CallError, Environment};
pub use wiring::{Wiring, WiringError};
pub use workflow::{Forge, workflow};
