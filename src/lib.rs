//! Renders a polite GPU tenant's whole stack into static, reviewed Kubernetes YAML.
//!
//! Data flows one way: values, templates, objects, the plan of `rendered/`, and last a sink that
//! writes. Everything before the sink is pure.

pub mod alerts;
pub mod budget;
pub mod commit;
pub mod dashboard;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod git;
pub mod gitops;
pub mod image;
pub mod kubectl;
pub mod lint;
pub mod model;
mod parallel;
pub mod policy;
pub mod project;
pub mod promql;
pub mod report;
mod shell;
pub mod status;
pub mod templates;
pub mod tenants;
pub mod validate;
pub mod values;
pub mod window;
