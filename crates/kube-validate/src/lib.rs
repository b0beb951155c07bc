//! Validates Kubernetes manifests offline, by the rules of the API server (1.37).
//!
//! In: [`Node`](yaml_spans::Node)s with their places in a file. Out: [`Object`]s that the API server
//! accepts, or every problem with its place.
//!
//! # Agreement with the API server
//!
//! docs/validate-rules.md accounts for the server's validation functions, kind by kind. The rules were
//! compared with the server's own code on some 21,000 changed objects (`tests/fixtures/verdicts.tsv` keeps a
//! selection), and with a running server on 1,400 changes to everyday kinds (`tests/fixtures/everyday/`).
//!
//! - Stricter than the server: an unknown field in a definition's schema, and a claim's `dataSource` without a kind,
//!   which the server drops. Of
//!   manifests that must be right in every respect ([`validate`]), also a null as an item of a list, and
//!   items of a list that server-side apply takes for the same.
//! - More lenient: whether a definition's schema is structural, CEL expressions, the finer rules of FlowSchemas, and
//!   everything that depends on other objects or the server's settings. An object whose definition is among the
//!   manifests is validated by its schema ([`Definitions`]).

mod audit;
mod base64;
mod custom;
mod definitions;
mod error;
mod foreign;
mod formats;
mod kinds;
mod list;
mod metadata;
mod object;
mod order;
mod rules;
pub mod schedule;
mod validate;

pub use definitions::{Definitions, need_definitions};
pub use error::Error;
pub use foreign::{ForeignReport, validate_foreign};
pub use kinds::{is_cluster_scoped_kind, is_cluster_scoped_resource, is_known_kind};
pub use list::list_items;
pub use metadata::MAX_CRON_JOB_NAME;
pub use object::{MissingField, Object, ObjectId, group};
pub use order::apply_order;
pub use validate::{AllowedKinds, validate};

#[cfg(test)]
mod tests;
