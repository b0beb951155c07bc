//! The verdicts on one manifest: of `kube-validate`'s rules, and of the API server.

use std::collections::BTreeSet;
use std::sync::Mutex;

use kube_validate::{Definitions, validate_foreign};
use serde_json::{Value, json};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Dialect, Node, parse};

use super::cases::Case;
use crate::cluster::{APPLY, Cluster};
use crate::common::tool::objects;

/// A verdict: accepted, or the reason why not.
pub type Verdict = Result<(), String>;

/// The verdict of the rules that `tts-render validate` uses.
pub fn rules_verdict(text: &str) -> Verdict {
    verdict_by_definitions(text, &Definitions::default())
}

/// The verdict of the rules where definitions are among the files.
pub fn verdict_by_definitions(text: &str, definitions: &Definitions) -> Verdict {
    let nodes = parse_nodes(text)?;
    let report = validate_foreign(&nodes, definitions);
    match report.findings.first() {
        Some(found) => Err(format!("{}: {}", found.path, found.error)),
        None => Ok(()),
    }
}

/// Returns true if the rules cover the kinds in a manifest.
pub fn is_known(text: &str) -> bool {
    parse_nodes(text)
        .map_or(true, |nodes| validate_foreign(&nodes, &Definitions::default()).unknown.is_empty())
}

/// The documents of a text.
pub fn parse_nodes(text: &str) -> Result<Vec<Node>, String> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("manifest.yaml", text));
    parse(&sources, id, Dialect::Kubectl).map_err(|errors| format!("{errors:?}"))
}

/// The API server, and the namespaces that were created in it.
pub struct Server<'c> {
    cluster: &'c Cluster,
    namespaces: Mutex<BTreeSet<String>>,
}

impl<'c> Server<'c> {
    pub fn new(cluster: &'c Cluster) -> Self {
        Server { cluster, namespaces: Mutex::default() }
    }

    /// The server's verdict: on a strict server-side apply as a dry run, or on a create if the object has no
    /// name. None if the server does not have the kind.
    pub fn verdict(&self, case: &Case) -> Option<Verdict> {
        let text = &case.text;
        // If the text is not valid YAML, the manifest before the change has the object's identity.
        let nodes = parse_nodes(text).or_else(|_| parse_nodes(&case.whole)).unwrap();
        let [node] = &nodes[..] else { panic!("not one manifest: {text}") };
        let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
        if kind.ends_with("List") {
            // Clients send the items of a list, not the list.
            let [list] = &objects(text)[..] else { panic!("not one list") };
            let items = list["items"].as_array().unwrap();
            let verdicts: Option<Vec<Verdict>> =
                items.iter().map(|item| self.verdict(&Case::of(item.to_string()))).collect();
            return verdicts
                .map(|verdicts| verdicts.into_iter().find(Result::is_err).unwrap_or(Ok(())));
        }
        let version = node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
        let api = self.cluster.admin();
        if api.resource(version, kind).is_none() {
            let (group, _) = version.split_once('/').unwrap_or_default();
            // Groups of Kubernetes' projects that a server has only with their definitions.
            let added = ["kustomize.config.k8s.io", "gateway.networking.k8s.io"];
            let own = !group.contains('.') || group.ends_with(".k8s.io") && !added.contains(&group);
            return own.then(|| Err(format!("no {kind} in {version}")));
        }
        let metadata = node.get("metadata");
        let name = |key: &str| {
            let text = metadata.and_then(|metadata| metadata.get(key)).and_then(Node::as_str);
            text.unwrap_or_default().to_owned()
        };
        self.create_namespace(&name("namespace"));
        let identity = json!({"apiVersion": version, "kind": kind,
            "metadata": {"name": percent_encoded(&name("name")), "namespace": percent_encoded(&name("namespace"))}});
        let identity = without_empty_namespace(identity);
        let strict = "dryRun=All&fieldValidation=Strict&fieldManager=agreement";
        let answer = if name("name").is_empty() {
            let path = format!("{}?{strict}", api.collection(&identity));
            api.send("POST", &path, "application/yaml", text).unwrap()
        } else {
            let path = format!("{}?{strict}&force=true", api.path(&identity));
            api.send("PATCH", &path, APPLY, text).unwrap()
        };
        Some(if answer.done() {
            Ok(())
        } else {
            Err(format!("{} {}", answer.status, answer.message()))
        })
    }

    /// The server's verdict on a strict create, as a dry run.
    pub fn create_verdict(&self, object: &Value) -> Verdict {
        let api = self.cluster.admin();
        let identity = json!({"apiVersion": object["apiVersion"], "kind": object["kind"],
            "metadata": {"namespace": object["metadata"]["namespace"].as_str().map(percent_encoded)}});
        let path = format!("{}?dryRun=All&fieldValidation=Strict", api.collection(&identity));
        // The server ends the connection if its own code panics.
        let answer = api
            .send("POST", &path, "application/json", &object.to_string())
            .map_err(|error| error.to_string())?;
        if answer.done() { Ok(()) } else { Err(format!("{} {}", answer.status, answer.message())) }
    }

    /// Creates a namespace, if the name is valid, with the account that Pods need, which a controller would
    /// create.
    pub fn create_namespace(&self, namespace: &str) {
        if namespace.is_empty() || !self.namespaces.lock().unwrap().insert(namespace.to_owned()) {
            return;
        }
        let api = self.cluster.admin();
        for made in [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": percent_encoded(namespace)}}),
        ] {
            api.create(&made, "");
        }
    }
}

/// Encodes a name for a path.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' | b':' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn without_empty_namespace(mut identity: Value) -> Value {
    if identity["metadata"]["namespace"] == "" {
        identity["metadata"].as_object_mut().unwrap().remove("namespace");
    }
    identity
}
