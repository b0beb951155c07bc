//! Documents to objects: the strict Kubernetes check, identity, order.
//!
//! In: [`Node`](yaml_spans::Node)s with their places. Out: [`Object`]s that an API server of
//! Kubernetes 1.37 takes, or all that is wrong with them. `render`, `policy` and `gitops` call
//! [`check`] on what this project makes, `cli` calls [`check_foreign`] on what others wrote; it
//! calls only `yaml`.
//!
//! The rules were held against the API server's own code on some 21,000 changed objects: it agrees
//! on 97.8 % (`tests/fixtures/verdicts.tsv` keeps a choice), and against a running one
//! (`tests/e2e/agreement`, with each difference in a table). We refuse more: a null as an item
//! of a list, an object without a name where the server makes one up, an unknown field in a schema
//! where the server drops it. We refuse less: what a definition's schema must be as a whole, CEL
//! expressions, a null amount, the finer rules of FlowSchemas, and all that depends on other objects.

mod audit;
mod check;
mod custom;
mod error;
mod foreign;
mod formats;
mod kinds;
mod metadata;
mod object;
mod order;
mod quantity;
mod rules;
pub mod schedule;

pub use check::{AllowedKinds, check};
pub use error::{Error, Problem};
pub use foreign::{ForeignReport, check_foreign};
pub use object::{MissingField, Object, ObjectId, group};
pub use order::{Rank, order};
pub use quantity::Quantity;

#[cfg(test)]
mod tests;
