//! Documents to objects: the strict Kubernetes check, identity, order.
//!
//! In: [`Node`](crate::yaml::Node)s with their places. Out: [`Object`]s that an API server of
//! Kubernetes 1.37 takes, or all that is wrong with them. `render`, `policy` and `gitops` call
//! [`check`] on what this project makes, `cli` calls [`check_foreign`] on what others wrote; it
//! calls only `yaml`.

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

pub use check::{AllowedKinds, check};
pub use error::{Error, Problem};
pub use foreign::{ForeignReport, check_foreign};
pub use object::{Object, ObjectId};
pub use order::{Rank, order};
pub use quantity::Quantity;
