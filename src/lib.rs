//! Renders a polite GPU tenant's whole stack into static, reviewed Kubernetes YAML.
//!
//! Data flows one way: values, templates, objects, the plan of `rendered/`, and last a sink that
//! writes. Everything before the sink is pure.

/// The commands: arguments and printing.
pub mod cli {
    pub mod policy;
}
pub mod diagnostic;
pub mod edit;
pub mod policy;
pub mod source;
pub mod yaml;
