//! Renders a polite GPU tenant's whole stack into static, reviewed Kubernetes YAML.
//!
//! Data flows one way: values, templates, objects, the plan of `rendered/`, and last a sink that
//! writes. Everything before the sink is pure.

pub mod diagnostic;
pub mod edit;
pub mod explain;
pub mod fleet;
pub mod git;
pub mod gitops;
pub mod image;
pub mod lint;
pub mod objects;
mod parallel;
pub mod policy;
pub mod project;
pub mod render;
pub mod rendered;
pub mod review;
pub mod schedule;
pub mod sides;
pub mod source;
pub mod values;
pub mod yaml;
