//! Kubernetes' text formats: quantities, DNS names and the `http` URLs of a cluster.
//!
//! Pure functions over `&str`, without dependencies, so that the gate that runs in the cluster and the
//! renderer that configures it accept exactly the same texts.

pub mod name;
pub mod quantity;
pub mod url;
