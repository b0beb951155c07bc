//! `rendered/`, applied to a real API server.

use crate::cluster::Cluster;
use crate::common::tool::generate;

#[test]
#[ignore = "tests/e2e/run"]
fn what_the_plugin_prints_is_applied_without_a_warning() {
    let cluster = Cluster::start();
    cluster.kubectl_ok(&["create", "namespace", "tripit"], "");
    cluster.define_cluster_policies();
    let manifests = generate(&[]);
    let ran = cluster.kubectl(&["apply", "--server-side", "-f", "-"], &manifests);
    assert_eq!((ran.code, unexpected(&ran.err)), (0, vec![]), "{}", ran.out);
}

/// What kubectl says on standard error, less the one warning that is known: Kyverno's definition of
/// ClusterPolicy has it since 1.19.1, for every policy there is.
fn unexpected(said: &str) -> Vec<&str> {
    let known = "Warning: kyverno.io/v1 ClusterPolicy is deprecated";
    said.lines().filter(|line| !line.starts_with(known)).collect()
}
