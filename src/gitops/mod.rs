//! The wiring of a repository to Argo CD and Flux.
//!
//! In: Argo CD's parameters and environment, or all that a project renders. Out: assignments to
//! values, the announcement of what can be assigned, and [`Document`]s: objects that were validated
//! against their types, patches, workflows. Every fact about the controllers cites its source.

mod argocd;
mod client;
mod document;
mod flux;
mod parameters;
mod plugin;
mod wiring;
mod workflow;

pub use argocd::{ManifestSource, StackApps, argocd_documents, is_argocd_file, plugin_yaml};
pub use client::client_patch;
pub use document::Document;
pub use flux::{flux_documents, is_flux_file};
pub use parameters::{Announcement, ParameterError, announce_parameters, parse_assignments};
pub use plugin::{Environment, PluginCall, PluginCallError};
pub use wiring::{AppSelection, Wiring, WiringError, WiringPart};
pub use workflow::{Forge, workflow_document};
