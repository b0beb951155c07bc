//! Tests of the cluster that the other modules use.

use std::net::TcpStream;

use serde_json::json;

use crate::cluster::Cluster;

#[test]
#[ignore = "tests/e2e/run"]
fn a_cluster_stops_starts_again_and_leaves_nothing_behind() {
    let cluster = Cluster::start();
    let version = cluster.admin().get("/version").object();
    assert!(version["gitVersion"].as_str().unwrap().starts_with("v1."), "{version}");

    // Its users have the rights of their roles, and no others.
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "nobody", "namespace": "default"}});
    cluster.admin().create(&account, "").object();
    let nobody = cluster.with_token(&cluster.token("default", "nobody", 600));
    assert_eq!(nobody.get("/api/v1/namespaces").status, 403);
    assert_eq!(cluster.with_token("nonsense").get("/api/v1/namespaces").status, 401);

    cluster.stop_server();
    let port = cluster.port();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    cluster.start_server();
    cluster.admin().live(&account);
    assert_eq!(nobody.get("/api/v1/namespaces").status, 403, "the token is still valid");

    cluster.start_controllers(&["serviceaccount-controller"]);
    let made = cluster.kubectl_ok(&["wait", "--for=create", "--timeout=90s", "sa/default"], "");
    assert!(made.contains("serviceaccount/default"), "{made}");

    let folder = cluster.ca().parent().unwrap().to_owned();
    assert!(folder.exists());
    drop(cluster);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}
