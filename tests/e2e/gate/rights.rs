//! The gate's rights, by the server's answer for every resource and verb.

use serde_json::json;

use super::deployed_stack::{DEPLOYMENT, DeployedStack};
use crate::cluster::{Api, Cluster};

/// A right: verb, group, resource, and namespace with name.
type Right = (String, String, String, String);

/// The rights of every user, to ask for its identity and its rights (`system:basic-user`), and of every service
/// account, to read certificate bundles (`system:cluster-trust-bundle-discovery`).
const COMMON_RIGHTS: [(&[&str], &str, &str); 4] = [
    (&["create"], "authentication.k8s.io", "selfsubjectreviews"),
    (&["create"], "authorization.k8s.io", "selfsubjectaccessreviews"),
    (&["create"], "authorization.k8s.io", "selfsubjectrulesreviews"),
    (&["get", "list", "watch"], "certificates.k8s.io", "clustertrustbundles"),
];

/// The verbs of resources, and some that only the authorizer has.
const VERBS: [&str; 13] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "approve",
    "use",
];

/// Every resource of the server, as group and name, and some that only the authorizer has.
fn resources(admin: &Api) -> Vec<(String, String)> {
    let groups = admin.get("/apis").object();
    let versions = groups["groups"].as_array().unwrap().iter();
    let versions =
        versions.map(|group| group["preferredVersion"]["groupVersion"].as_str().unwrap());
    let mut resources: Vec<(String, String)> = ["users", "groups", "uids"]
        .map(|name| (String::new(), name.to_owned()))
        .into_iter()
        .collect();
    for version in ["v1"].into_iter().chain(versions) {
        let (root, group) = match version.split_once('/') {
            Some((group, _)) => ("apis", group),
            None => ("api", ""),
        };
        let list = admin.get(&format!("/{root}/{version}")).object();
        let names = list["resources"].as_array().unwrap().iter();
        resources.extend(
            names.map(|resource| (group.to_owned(), resource["name"].as_str().unwrap().to_owned())),
        );
    }
    resources
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_gate_has_two_rights_among_all_resources_and_verbs() {
    let stack = DeployedStack::new(Cluster::shared(), "gate-rights");
    let token = stack.token();
    let resources = resources(stack.cluster.admin());
    assert!(resources.len() > 100, "{}", resources.len());

    let rights = |resources: &[(String, String)]| {
        let gate = stack.cluster.with_token(&token);
        let mut found: Vec<Right> = Vec::new();
        for (group, resource) in resources {
            for verb in VERBS {
                let own = stack.namespace.as_str();
                for (namespace, name) in
                    [(own, DEPLOYMENT), (own, ""), ("default", DEPLOYMENT), ("", "")]
                {
                    if is_allowed(&gate, verb, group, resource, namespace, name) {
                        let place = format!("{namespace}/{name}");
                        found.push((verb.to_owned(), group.clone(), resource.clone(), place));
                    }
                }
            }
        }
        found
    };
    let mut found: Vec<Right> = std::thread::scope(|scope| {
        let parts = resources.chunks(resources.len().div_ceil(4));
        let workers: Vec<_> = parts.map(|part| scope.spawn(|| rights(part))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    found.retain(|(verb, group, resource, _)| {
        !COMMON_RIGHTS.iter().any(|(verbs, of, name)| {
            verbs.contains(&verb.as_str()) && of == group && name == resource
        })
    });
    let place = format!("{}/{DEPLOYMENT}", stack.namespace);
    let own = ["get", "patch"].map(|verb| {
        (verb.to_owned(), "apps".to_owned(), "deployments/scale".to_owned(), place.clone())
    });
    assert_eq!(found, own);
}

/// Returns true if the server would allow the request.
#[track_caller]
fn is_allowed(
    api: &Api,
    verb: &str,
    group: &str,
    resource: &str,
    namespace: &str,
    name: &str,
) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "subresource": subresource,
            "namespace": namespace, "name": name,
        }},
    });
    let status = api.create(&review, "").object()["status"].clone();
    assert_eq!(status.get("evaluationError"), None);
    status["allowed"].as_bool().unwrap()
}
