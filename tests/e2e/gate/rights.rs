//! What the server says that the gate may do, of every resource and verb it has.

use serde_json::json;

use super::stage::{DEPLOYMENT, Stage};
use crate::cluster::{Api, Cluster};

/// A right that the server says somebody has.
type Right = (String, String, String, String);

/// What everybody has: to ask who it is and what it may do (`system:basic-user`), and every service
/// account to read bundles of certificates (`system:cluster-trust-bundle-discovery`).
const EVERYBODYS: [(&[&str], &str, &str); 4] = [
    (&["create"], "authentication.k8s.io", "selfsubjectreviews"),
    (&["create"], "authorization.k8s.io", "selfsubjectaccessreviews"),
    (&["create"], "authorization.k8s.io", "selfsubjectrulesreviews"),
    (&["get", "list", "watch"], "certificates.k8s.io", "clustertrustbundles"),
];

/// Verbs that the server knows of any resource, and some that only its authorizer knows.
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

/// Every resource that the server has, as group and name, and some that only its authorizer knows.
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
fn of_all_resources_and_verbs_two_rights_are_its_own() {
    let stage = Stage::new(Cluster::shared(), "gate-rights");
    let token = stage.token();
    let resources = resources(stage.cluster.admin());
    assert!(resources.len() > 100, "{}", resources.len());

    let rights = |resources: &[(String, String)]| {
        let gate = stage.cluster.with_token(&token);
        let mut found: Vec<Right> = Vec::new();
        for (group, resource) in resources {
            for verb in VERBS {
                let own = stage.namespace.as_str();
                for (namespace, name) in
                    [(own, DEPLOYMENT), (own, ""), ("default", DEPLOYMENT), ("", "")]
                {
                    if may(&gate, verb, group, resource, namespace, name) {
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
        !EVERYBODYS.iter().any(|(verbs, of, name)| {
            verbs.contains(&verb.as_str()) && of == group && name == resource
        })
    });
    let place = format!("{}/{DEPLOYMENT}", stage.namespace);
    let own = ["get", "patch"].map(|verb| {
        (verb.to_owned(), "apps".to_owned(), "deployments/scale".to_owned(), place.clone())
    });
    assert_eq!(found, own);
}

/// Whether the server would let this user do it.
#[track_caller]
fn may(api: &Api, verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> bool {
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
