//! Every other request with the gate's token is forbidden. Each is a real request that the administrator may
//! make.

use serde_json::{Value, json};

use super::deployed_stack::{ACCOUNT, DEPLOYMENT, DeployedStack};
use crate::cluster::{Answer, Api, Cluster, MERGE};

/// One request: the server's name for its verb and resource, then its method, path and body.
struct Attempt(&'static str, &'static str, &'static str, &'static str, Body);

enum Body {
    None,
    /// A merge patch.
    Patch(&'static str),
    /// A new object.
    New(&'static str),
    /// The current object, as the administrator reads it.
    AsItIs,
}
use Body::{AsItIs, New, None as No, Patch};

const ANNOTATION: &str = r#"{"metadata":{"annotations":{"stolen":"true"}}}"#;
const REPLICAS: &str = r#"{"spec":{"replicas":1}}"#;
const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"more"},
    "spec":{"serviceAccountName":"chatterbox-offpeak",
    "containers":[{"name":"more","image":"more"}]}}"#;
const WORKLOAD: &str = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"more"},
    "spec":{"selector":{"matchLabels":{"app":"more"}},"template":{"metadata":{"labels":{"app":"more"}},
    "spec":{"containers":[{"name":"more","image":"more"}]}}}}"#;
const JOB: &str = r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"more"},
    "spec":{"template":{"spec":{"restartPolicy":"Never",
    "containers":[{"name":"more","image":"more"}]}}}}"#;
const SECRET: &str = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"more"}}"#;
const CONFIG: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"more"}}"#;
const EVENT: &str = r#"{"apiVersion":"v1","kind":"Event","metadata":{"name":"more","namespace":"{n}"},
    "involvedObject":{"namespace":"{n}"},"reason":"more","type":"Normal"}"#;
const ALL: &str = r#""rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]"#;
const ROLE: &str = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role",
    "metadata":{"name":"more"},{all}}"#;
const BINDING: &str = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding",
    "metadata":{"name":"more"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io",
    "kind":"ClusterRole","name":"cluster-admin"},
    "subjects":[{"kind":"ServiceAccount","name":"chatterbox-offpeak","namespace":"{n}"}]}"#;
const CLUSTER_BINDING: &str = r#"{"apiVersion":"rbac.authorization.k8s.io/v1",
    "kind":"ClusterRoleBinding","metadata":{"name":"more"},"roleRef":{
    "apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},
    "subjects":[{"kind":"ServiceAccount","name":"chatterbox-offpeak","namespace":"{n}"}]}"#;
const TOKEN: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}"#;
const REVIEW: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview",
    "spec":{"token":"more"}}"#;
const SUBJECT: &str = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview",
    "spec":{"user":"admin","resourceAttributes":{"verb":"get","resource":"pods"}}}"#;
const EVICTION: &str = r#"{"apiVersion":"policy/v1","kind":"Eviction",
    "metadata":{"name":"a-pod","namespace":"{n}"}}"#;
const BIND: &str = r#"{"apiVersion":"v1","kind":"Binding","metadata":{"name":"a-pod"},
    "target":{"kind":"Node","name":"a-node"}}"#;
const NAMESPACE: &str = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"more"}}"#;

/// The requests. `{n}` is the gate's namespace, `{their}` the Deployments of another with the same stack.
const ATTEMPTS: &[Attempt] = &[
    // The Deployment itself, and every verb on its scale that is not `get` or `patch`.
    Attempt("get", "deployments", "GET", "{apps}/deployments/chatterbox-tts", No),
    Attempt("list", "deployments", "GET", "{apps}/deployments", No),
    Attempt("watch", "deployments", "GET", "{apps}/deployments?watch=1&timeoutSeconds=1", No),
    Attempt("create", "deployments", "POST", "{apps}/deployments", New(WORKLOAD)),
    Attempt("update", "deployments", "PUT", "{apps}/deployments/chatterbox-tts", AsItIs),
    Attempt("patch", "deployments", "PATCH", "{apps}/deployments/chatterbox-tts", Patch(REPLICAS)),
    Attempt("delete", "deployments", "DELETE", "{apps}/deployments/chatterbox-tts", No),
    Attempt("deletecollection", "deployments", "DELETE", "{apps}/deployments", No),
    Attempt("get", "deployments/status", "GET", "{apps}/deployments/chatterbox-tts/status", No),
    Attempt(
        "update",
        "deployments/scale",
        "PUT",
        "{apps}/deployments/chatterbox-tts/scale",
        AsItIs,
    ),
    // Other Deployments, other kinds, other namespaces.
    Attempt("get", "deployments/scale", "GET", "{apps}/deployments/another/scale", No),
    Attempt(
        "patch",
        "deployments/scale",
        "PATCH",
        "{apps}/deployments/another/scale",
        Patch(REPLICAS),
    ),
    Attempt("update", "deployments/scale", "PUT", "{apps}/deployments/another/scale", AsItIs),
    Attempt("get", "replicasets/scale", "GET", "{apps}/replicasets/chatterbox-tts/scale", No),
    Attempt(
        "patch",
        "replicasets/scale",
        "PATCH",
        "{apps}/replicasets/chatterbox-tts/scale",
        Patch(REPLICAS),
    ),
    Attempt("get", "deployments/scale", "GET", "{their}/deployments/chatterbox-tts/scale", No),
    Attempt(
        "patch",
        "deployments/scale",
        "PATCH",
        "{their}/deployments/chatterbox-tts/scale",
        Patch(REPLICAS),
    ),
    Attempt("list", "deployments", "GET", "/apis/apps/v1/deployments", No),
    // What else is in its namespace.
    Attempt("get", "secrets", "GET", "{core}/secrets/registry-credentials", No),
    Attempt("list", "secrets", "GET", "{core}/secrets", No),
    Attempt("create", "secrets", "POST", "{core}/secrets", New(SECRET)),
    Attempt("list", "secrets", "GET", "/api/v1/namespaces/kube-system/secrets", No),
    Attempt("get", "configmaps", "GET", "{core}/configmaps/chatterbox-config", No),
    Attempt("list", "configmaps", "GET", "{core}/configmaps", No),
    Attempt("create", "configmaps", "POST", "{core}/configmaps", New(CONFIG)),
    Attempt(
        "patch",
        "configmaps",
        "PATCH",
        "{core}/configmaps/chatterbox-config",
        Patch(ANNOTATION),
    ),
    Attempt("list", "pods", "GET", "{core}/pods", No),
    Attempt("get", "pods", "GET", "{core}/pods/a-pod", No),
    Attempt("create", "pods", "POST", "{core}/pods", New(POD)),
    Attempt("delete", "pods", "DELETE", "{core}/pods/a-pod", No),
    Attempt("patch", "pods", "PATCH", "{core}/pods/a-pod", Patch(ANNOTATION)),
    Attempt("patch", "pods/status", "PATCH", "{core}/pods/a-pod/status", Patch(ANNOTATION)),
    Attempt("get", "pods/log", "GET", "{core}/pods/a-pod/log", No),
    Attempt("create", "pods/exec", "POST", "{core}/pods/a-pod/exec?command=sh", No),
    Attempt("create", "pods/eviction", "POST", "{core}/pods/a-pod/eviction", New(EVICTION)),
    Attempt("create", "pods/binding", "POST", "{core}/pods/a-pod/binding", New(BIND)),
    Attempt("get", "services", "GET", "{core}/services/chatterbox-tts", No),
    Attempt("get", "services/proxy", "GET", "{core}/services/chatterbox-tts:8000/proxy/", No),
    Attempt("get", "persistentvolumeclaims", "GET", "{core}/persistentvolumeclaims/{n}", No),
    Attempt("delete", "persistentvolumeclaims", "DELETE", "{core}/persistentvolumeclaims/{n}", No),
    Attempt("create", "events", "POST", "{core}/events", New(EVENT)),
    Attempt("list", "cronjobs", "GET", "{batch}/cronjobs", No),
    Attempt("get", "cronjobs", "GET", "{batch}/cronjobs/chatterbox-window-up", No),
    Attempt(
        "patch",
        "cronjobs",
        "PATCH",
        "{batch}/cronjobs/chatterbox-window-down",
        Patch(r#"{"spec":{"suspend":true}}"#),
    ),
    Attempt("delete", "cronjobs", "DELETE", "{batch}/cronjobs/chatterbox-window-down", No),
    Attempt("create", "jobs", "POST", "{batch}/jobs", New(JOB)),
    // More rights for itself.
    Attempt("get", "serviceaccounts", "GET", "{core}/serviceaccounts/chatterbox-offpeak", No),
    Attempt(
        "create",
        "serviceaccounts/token",
        "POST",
        "{core}/serviceaccounts/chatterbox-offpeak/token",
        New(TOKEN),
    ),
    Attempt(
        "create",
        "serviceaccounts/token",
        "POST",
        "/api/v1/namespaces/kube-system/serviceaccounts/a-controller/token",
        New(TOKEN),
    ),
    Attempt("get", "roles", "GET", "{rbac}/roles/chatterbox-offpeak", No),
    Attempt("patch", "roles", "PATCH", "{rbac}/roles/chatterbox-offpeak", Patch("{{all}}")),
    Attempt("update", "roles", "PUT", "{rbac}/roles/chatterbox-offpeak", AsItIs),
    Attempt("delete", "roles", "DELETE", "{rbac}/roles/chatterbox-offpeak", No),
    Attempt("create", "roles", "POST", "{rbac}/roles", New(ROLE)),
    Attempt("create", "rolebindings", "POST", "{rbac}/rolebindings", New(BINDING)),
    Attempt("delete", "rolebindings", "DELETE", "{rbac}/rolebindings/chatterbox-offpeak", No),
    Attempt(
        "create",
        "clusterrolebindings",
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        New(CLUSTER_BINDING),
    ),
    Attempt("list", "clusterroles", "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", No),
    Attempt(
        "create",
        "tokenreviews",
        "POST",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        New(REVIEW),
    ),
    Attempt(
        "create",
        "subjectaccessreviews",
        "POST",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        New(SUBJECT),
    ),
    // The cluster.
    Attempt("get", "namespaces", "GET", "/api/v1/namespaces/{n}", No),
    Attempt("list", "namespaces", "GET", "/api/v1/namespaces", No),
    Attempt("create", "namespaces", "POST", "/api/v1/namespaces", New(NAMESPACE)),
    Attempt("patch", "namespaces", "PATCH", "/api/v1/namespaces/{n}", Patch(ANNOTATION)),
    Attempt("delete", "namespaces", "DELETE", "/api/v1/namespaces/{n}", No),
    Attempt("list", "nodes", "GET", "/api/v1/nodes", No),
    Attempt("get", "persistentvolumes", "GET", "/api/v1/persistentvolumes/{n}", No),
    Attempt("get", "", "GET", "/metrics", No),
    Attempt("get", "", "GET", "/debug/pprof/", No),
];

/// Fills the names into a text.
fn fill_names(text: &str, own: &DeployedStack<'_>, other: &DeployedStack<'_>) -> String {
    let n = &own.namespace;
    let group = |group: &str| format!("/apis/{group}/v1/namespaces/{n}");
    text.replace("{apps}", &group("apps"))
        .replace("{batch}", &group("batch"))
        .replace("{rbac}", &group("rbac.authorization.k8s.io"))
        .replace("{their}", &format!("/apis/apps/v1/namespaces/{}", other.namespace))
        .replace("{core}", &format!("/api/v1/namespaces/{n}"))
        .replace("{all}", ALL)
        .replace("{n}", n)
}

/// Sends the request; the administrator's is a dry run.
#[track_caller]
fn send_attempt(
    api: &Api,
    admin: &Api,
    stacks: [&DeployedStack<'_>; 2],
    attempt: &Attempt,
    query: &str,
) -> Answer {
    let Attempt(_, _, method, path, body) = attempt;
    let path = fill_names(path, stacks[0], stacks[1]);
    let with_query = match (path.contains('?'), query) {
        (_, "") => path.clone(),
        (true, query) => format!("{path}&{query}"),
        (false, query) => format!("{path}?{query}"),
    };
    let (media_type, body) = match body {
        No => ("", String::new()),
        Patch(text) => (MERGE, fill_names(text, stacks[0], stacks[1])),
        New(text) => ("application/json", fill_names(text, stacks[0], stacks[1])),
        AsItIs => ("application/json", admin.get(&path).object().to_string()),
    };
    api.send(method, &with_query, media_type, &body).unwrap()
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_other_request_is_forbidden() {
    let cluster = Cluster::shared();
    let own = DeployedStack::new(cluster, "gate-refused");
    let other = DeployedStack::new(cluster, "gate-neighbour");
    let admin = cluster.admin();
    for (kind, name) in [("Pod", "a-pod"), ("Secret", "registry-credentials")] {
        let mut object: Value =
            serde_json::from_str(if kind == "Pod" { POD } else { SECRET }).unwrap();
        object["metadata"] = json!({"name": name, "namespace": own.namespace});
        admin.create(&object, "").object();
    }
    for kind in ["Deployment", "ReplicaSet"] {
        let mut object: Value = serde_json::from_str(WORKLOAD).unwrap();
        let name = if kind == "Deployment" { "another" } else { DEPLOYMENT };
        object["metadata"] = json!({"name": name, "namespace": own.namespace});
        object["kind"] = json!(kind);
        admin.create(&object, "").object();
    }
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "a-controller", "namespace": "kube-system"}});
    admin.create(&account, "").object();

    let gate = cluster.with_token(&own.token());
    let before = versions(&[&own, &other]);
    let stacks = [&own, &other];
    let user = format!("User \"system:serviceaccount:{}:{ACCOUNT}\" cannot ", own.namespace);
    let mut wrong = Vec::new();
    for row in ATTEMPTS {
        let Attempt(verb, resource, method, path, _) = row;
        let refused = send_attempt(&gate, admin, stacks, row, "");
        let what = match *resource {
            "" => format!("{user}{verb} path \"{path}\""),
            resource => format!("{user}{verb} resource \"{resource}\""),
        };
        if refused.status != 403 || !refused.message().contains(&what) {
            wrong.push(format!("{method} {path}: {} {}", refused.status, refused.body));
        }
        // The administrator's request shows that it is valid and that its resource exists.
        let query = if *method == "GET" { "" } else { "dryRun=All" };
        let allowed = send_attempt(admin, admin, stacks, row, query);
        if matches!(allowed.status, 401 | 403 | 404 | 405 | 415) {
            wrong.push(format!("the administrator's {method} {path}: {}", allowed.body));
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(versions(&[&own, &other]), before, "nothing was changed");

    // The gate's own requests are allowed.
    gate.get(&own.scale()).object();
    gate.patch(&own.scale(), MERGE, &json!({"spec": {"replicas": 1}}), "").object();
    assert_eq!(own.replicas(), 1);
}

/// All objects in these namespaces, with their resource versions.
fn versions(stacks: &[&DeployedStack<'_>]) -> Vec<String> {
    let mut versions = Vec::new();
    for stack in stacks {
        for kinds in [
            "deployments,replicasets,cronjobs,jobs,pods,services,persistentvolumeclaims",
            "configmaps,secrets,serviceaccounts,roles,rolebindings",
        ] {
            let columns = "custom-columns=:.kind,:.metadata.name,:.metadata.resourceVersion";
            let arguments = ["-n", &stack.namespace, "get", kinds, "-o", columns];
            versions.extend(stack.cluster.kubectl_ok(&arguments, "").lines().map(str::to_owned));
        }
    }
    assert!(versions.len() > 20, "{versions:?}");
    versions
}
