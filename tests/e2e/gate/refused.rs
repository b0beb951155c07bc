//! What the gate's token is good for besides: nothing. Asked as real requests, each of which the
//! administrator may make.

use serde_json::{Value, json};

use super::stage::{ACCOUNT, DEPLOYMENT, Stage};
use crate::cluster::{Answer, Api, Cluster, MERGE};

/// One request: what the server calls its verb and resource, and how it is sent.
struct Ask(&'static str, &'static str, &'static str, &'static str, Body);

enum Body {
    None,
    /// A merge patch.
    Patch(&'static str),
    /// An object to be made.
    New(&'static str),
    /// What the administrator reads there.
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

/// `{n}` is the gate's namespace, `{o}` another in which the same stack stands.
const ASKS: &[Ask] = &[
    // The Deployment itself, and every verb on its scale that is not `get` or `patch`.
    Ask("get", "deployments", "GET", "{apps}/deployments/chatterbox-tts", No),
    Ask("list", "deployments", "GET", "{apps}/deployments", No),
    Ask("watch", "deployments", "GET", "{apps}/deployments?watch=1&timeoutSeconds=1", No),
    Ask("create", "deployments", "POST", "{apps}/deployments", New(WORKLOAD)),
    Ask("update", "deployments", "PUT", "{apps}/deployments/chatterbox-tts", AsItIs),
    Ask("patch", "deployments", "PATCH", "{apps}/deployments/chatterbox-tts", Patch(REPLICAS)),
    Ask("delete", "deployments", "DELETE", "{apps}/deployments/chatterbox-tts", No),
    Ask("deletecollection", "deployments", "DELETE", "{apps}/deployments", No),
    Ask("get", "deployments/status", "GET", "{apps}/deployments/chatterbox-tts/status", No),
    Ask("update", "deployments/scale", "PUT", "{apps}/deployments/chatterbox-tts/scale", AsItIs),
    // Other Deployments, other kinds, other namespaces.
    Ask("get", "deployments/scale", "GET", "{apps}/deployments/another/scale", No),
    Ask("patch", "deployments/scale", "PATCH", "{apps}/deployments/another/scale", Patch(REPLICAS)),
    Ask("update", "deployments/scale", "PUT", "{apps}/deployments/another/scale", AsItIs),
    Ask("get", "replicasets/scale", "GET", "{apps}/replicasets/chatterbox-tts/scale", No),
    Ask(
        "patch",
        "replicasets/scale",
        "PATCH",
        "{apps}/replicasets/chatterbox-tts/scale",
        Patch(REPLICAS),
    ),
    Ask("get", "deployments/scale", "GET", "{their}/deployments/chatterbox-tts/scale", No),
    Ask(
        "patch",
        "deployments/scale",
        "PATCH",
        "{their}/deployments/chatterbox-tts/scale",
        Patch(REPLICAS),
    ),
    Ask("list", "deployments", "GET", "/apis/apps/v1/deployments", No),
    // What else is in its namespace.
    Ask("get", "secrets", "GET", "{core}/secrets/registry-credentials", No),
    Ask("list", "secrets", "GET", "{core}/secrets", No),
    Ask("create", "secrets", "POST", "{core}/secrets", New(SECRET)),
    Ask("list", "secrets", "GET", "/api/v1/namespaces/kube-system/secrets", No),
    Ask("get", "configmaps", "GET", "{core}/configmaps/chatterbox-config", No),
    Ask("list", "configmaps", "GET", "{core}/configmaps", No),
    Ask("create", "configmaps", "POST", "{core}/configmaps", New(CONFIG)),
    Ask("patch", "configmaps", "PATCH", "{core}/configmaps/chatterbox-config", Patch(ANNOTATION)),
    Ask("list", "pods", "GET", "{core}/pods", No),
    Ask("get", "pods", "GET", "{core}/pods/a-pod", No),
    Ask("create", "pods", "POST", "{core}/pods", New(POD)),
    Ask("delete", "pods", "DELETE", "{core}/pods/a-pod", No),
    Ask("patch", "pods", "PATCH", "{core}/pods/a-pod", Patch(ANNOTATION)),
    Ask("patch", "pods/status", "PATCH", "{core}/pods/a-pod/status", Patch(ANNOTATION)),
    Ask("get", "pods/log", "GET", "{core}/pods/a-pod/log", No),
    Ask("create", "pods/exec", "POST", "{core}/pods/a-pod/exec?command=sh", No),
    Ask("create", "pods/eviction", "POST", "{core}/pods/a-pod/eviction", New(EVICTION)),
    Ask("create", "pods/binding", "POST", "{core}/pods/a-pod/binding", New(BIND)),
    Ask("get", "services", "GET", "{core}/services/chatterbox-tts", No),
    Ask("get", "services/proxy", "GET", "{core}/services/chatterbox-tts:8000/proxy/", No),
    Ask("get", "persistentvolumeclaims", "GET", "{core}/persistentvolumeclaims/{n}", No),
    Ask("delete", "persistentvolumeclaims", "DELETE", "{core}/persistentvolumeclaims/{n}", No),
    Ask("create", "events", "POST", "{core}/events", New(EVENT)),
    Ask("list", "cronjobs", "GET", "{batch}/cronjobs", No),
    Ask("get", "cronjobs", "GET", "{batch}/cronjobs/chatterbox-window-up", No),
    Ask(
        "patch",
        "cronjobs",
        "PATCH",
        "{batch}/cronjobs/chatterbox-window-down",
        Patch(r#"{"spec":{"suspend":true}}"#),
    ),
    Ask("delete", "cronjobs", "DELETE", "{batch}/cronjobs/chatterbox-window-down", No),
    Ask("create", "jobs", "POST", "{batch}/jobs", New(JOB)),
    // More rights for itself.
    Ask("get", "serviceaccounts", "GET", "{core}/serviceaccounts/chatterbox-offpeak", No),
    Ask(
        "create",
        "serviceaccounts/token",
        "POST",
        "{core}/serviceaccounts/chatterbox-offpeak/token",
        New(TOKEN),
    ),
    Ask(
        "create",
        "serviceaccounts/token",
        "POST",
        "/api/v1/namespaces/kube-system/serviceaccounts/a-controller/token",
        New(TOKEN),
    ),
    Ask("get", "roles", "GET", "{rbac}/roles/chatterbox-offpeak", No),
    Ask("patch", "roles", "PATCH", "{rbac}/roles/chatterbox-offpeak", Patch("{{all}}")),
    Ask("update", "roles", "PUT", "{rbac}/roles/chatterbox-offpeak", AsItIs),
    Ask("delete", "roles", "DELETE", "{rbac}/roles/chatterbox-offpeak", No),
    Ask("create", "roles", "POST", "{rbac}/roles", New(ROLE)),
    Ask("create", "rolebindings", "POST", "{rbac}/rolebindings", New(BINDING)),
    Ask("delete", "rolebindings", "DELETE", "{rbac}/rolebindings/chatterbox-offpeak", No),
    Ask(
        "create",
        "clusterrolebindings",
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        New(CLUSTER_BINDING),
    ),
    Ask("list", "clusterroles", "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", No),
    Ask(
        "create",
        "tokenreviews",
        "POST",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        New(REVIEW),
    ),
    Ask(
        "create",
        "subjectaccessreviews",
        "POST",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        New(SUBJECT),
    ),
    // The cluster.
    Ask("get", "namespaces", "GET", "/api/v1/namespaces/{n}", No),
    Ask("list", "namespaces", "GET", "/api/v1/namespaces", No),
    Ask("create", "namespaces", "POST", "/api/v1/namespaces", New(NAMESPACE)),
    Ask("patch", "namespaces", "PATCH", "/api/v1/namespaces/{n}", Patch(ANNOTATION)),
    Ask("delete", "namespaces", "DELETE", "/api/v1/namespaces/{n}", No),
    Ask("list", "nodes", "GET", "/api/v1/nodes", No),
    Ask("get", "persistentvolumes", "GET", "/api/v1/persistentvolumes/{n}", No),
    Ask("get", "", "GET", "/metrics", No),
    Ask("get", "", "GET", "/debug/pprof/", No),
];

/// A text with its names in place.
fn filled(text: &str, own: &Stage<'_>, other: &Stage<'_>) -> String {
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

/// Makes the request; the administrator's changes nothing.
#[track_caller]
fn ask(api: &Api, admin: &Api, stages: [&Stage<'_>; 2], ask: &Ask, query: &str) -> Answer {
    let Ask(_, _, method, path, body) = ask;
    let path = filled(path, stages[0], stages[1]);
    let with_query = match (path.contains('?'), query) {
        (_, "") => path.clone(),
        (true, query) => format!("{path}&{query}"),
        (false, query) => format!("{path}?{query}"),
    };
    let (media_type, body) = match body {
        No => ("", String::new()),
        Patch(text) => (MERGE, filled(text, stages[0], stages[1])),
        New(text) => ("application/json", filled(text, stages[0], stages[1])),
        AsItIs => ("application/json", admin.get(&path).object().to_string()),
    };
    api.send(method, &with_query, media_type, &body).unwrap()
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_other_request_is_forbidden() {
    let cluster = Cluster::shared();
    let own = Stage::new(cluster, "gate-refused");
    let other = Stage::new(cluster, "gate-neighbour");
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
    let before = held(&[&own, &other]);
    let stages = [&own, &other];
    let user = format!("User \"system:serviceaccount:{}:{ACCOUNT}\" cannot ", own.namespace);
    let mut wrong = Vec::new();
    for row in ASKS {
        let Ask(verb, resource, method, path, _) = row;
        let refused = ask(&gate, admin, stages, row, "");
        let what = match *resource {
            "" => format!("{user}{verb} path \"{path}\""),
            resource => format!("{user}{verb} resource \"{resource}\""),
        };
        if refused.status != 403 || !refused.message().contains(&what) {
            wrong.push(format!("{method} {path}: {} {}", refused.status, refused.body));
        }
        // The same is a request that the server understands, and that names what is there.
        let query = if *method == "GET" { "" } else { "dryRun=All" };
        let allowed = ask(admin, admin, stages, row, query);
        if matches!(allowed.status, 401 | 403 | 404 | 405 | 415) {
            wrong.push(format!("the administrator's {method} {path}: {}", allowed.body));
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(held(&[&own, &other]), before, "nothing was touched");

    // What it is for, it may do all that time.
    gate.get(&own.scale()).object();
    gate.patch(&own.scale(), MERGE, &json!({"spec": {"replicas": 1}}), "").object();
    assert_eq!(own.replicas(), 1);
}

/// Everything that stands in these namespaces, with its version.
fn held(stages: &[&Stage<'_>]) -> Vec<String> {
    let mut held = Vec::new();
    for stage in stages {
        for kinds in [
            "deployments,replicasets,cronjobs,jobs,pods,services,persistentvolumeclaims",
            "configmaps,secrets,serviceaccounts,roles,rolebindings",
        ] {
            let columns = "custom-columns=:.kind,:.metadata.name,:.metadata.resourceVersion";
            let arguments = ["-n", &stage.namespace, "get", kinds, "-o", columns];
            held.extend(stage.cluster.kubectl_ok(&arguments, "").lines().map(str::to_owned));
        }
    }
    assert!(held.len() > 20, "{held:?}");
    held
}
