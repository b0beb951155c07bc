//! What each side says of one manifest: this project's rules, and the API server.

use std::collections::BTreeSet;
use std::sync::Mutex;

use kube_validate::validate_foreign;
use serde_json::{Value, json};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Dialect, Node, parse};

use super::cases::Case;
use crate::cluster::{APPLY, Cluster};
use crate::common::tool::objects;

/// What was said: nothing, or why not.
pub type Said = Result<(), String>;

/// What the library that `tts-render validate` calls says of a manifest.
pub fn ours(text: &str) -> Said {
    let nodes = nodes(text)?;
    let report = validate_foreign(&nodes);
    match report.findings.first() {
        Some(found) => Err(format!("{}: {}", found.path, found.error)),
        None => Ok(()),
    }
}

/// Whether the rules say anything of the kinds in a manifest.
pub fn is_known(text: &str) -> bool {
    nodes(text).map_or(true, |nodes| validate_foreign(&nodes).unknown.is_empty())
}

fn nodes(text: &str) -> Result<Vec<Node>, String> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("manifest.yaml", text));
    parse(&sources, id, Dialect::Kubectl).map_err(|errors| format!("{errors:?}"))
}

/// The server's side, and the namespaces that were made for it.
pub struct Server<'c> {
    cluster: &'c Cluster,
    namespaces: Mutex<BTreeSet<String>>,
}

impl<'c> Server<'c> {
    pub fn new(cluster: &'c Cluster) -> Self {
        Server { cluster, namespaces: Mutex::default() }
    }

    /// What the server says of a manifest: server-side apply as a dry run, in which what it does not
    /// know is refused. An object without a name can't be applied: it is made, likewise. None of a
    /// kind that it does not have.
    pub fn says(&self, case: &Case) -> Option<Said> {
        let text = &case.text;
        // Where a text is no YAML to us, the manifest that it was made from says where it would lie.
        let nodes = nodes(text).or_else(|_| nodes(&case.whole)).unwrap();
        let [node] = &nodes[..] else { panic!("not one manifest: {text}") };
        let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
        if kind.ends_with("List") {
            // As clients do: a list is no object of the server's.
            let [list] = &objects(text)[..] else { panic!("not one list") };
            let items = list["items"].as_array().unwrap();
            let said: Option<Vec<Said>> =
                items.iter().map(|item| self.says(&Case::of(item.to_string()))).collect();
            return said.map(|said| said.into_iter().find(Result::is_err).unwrap_or(Ok(())));
        }
        let version = node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
        let api = self.cluster.admin();
        if api.resource(version, kind).is_none() {
            let (group, _) = version.split_once('/').unwrap_or_default();
            let tools = "kustomize.config.k8s.io";
            let own = !group.contains('.') || group.ends_with(".k8s.io") && group != tools;
            return own.then(|| Err(format!("no {kind} in {version}")));
        }
        let metadata = node.get("metadata");
        let name = |key: &str| {
            let text = metadata.and_then(|metadata| metadata.get(key)).and_then(Node::as_str);
            text.unwrap_or_default().to_owned()
        };
        self.make(&name("namespace"));
        let identity = json!({"apiVersion": version, "kind": kind,
            "metadata": {"name": encoded(&name("name")), "namespace": encoded(&name("namespace"))}});
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

    /// Makes a namespace, if there can be one of this name, and what a controller would make in it:
    /// Pods need the account.
    fn make(&self, namespace: &str) {
        if namespace.is_empty() || !self.namespaces.lock().unwrap().insert(namespace.to_owned()) {
            return;
        }
        let api = self.cluster.admin();
        for made in [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": encoded(namespace)}}),
        ] {
            api.create(&made, "");
        }
    }
}

/// A name as a part of a path.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn without_empty_namespace(mut identity: Value) -> Value {
    if identity["metadata"]["namespace"] == "" {
        identity["metadata"].as_object_mut().unwrap().remove("namespace");
    }
    identity
}
