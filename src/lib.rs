//! Renders a polite GPU tenant's whole stack into static, reviewed Kubernetes YAML.
//!
//! Data flows one way: values, templates, objects, the plan of `rendered/`, and last a sink that
//! writes. Everything before the sink is pure.

pub mod diagnostic;
pub mod objects;
pub mod review;
pub mod schedule;
pub mod edit;
pub mod source;
pub mod yaml;
