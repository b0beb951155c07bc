//! A client's settings that no Pod reads.

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path};
use crate::model::object::{at, items};
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "client-settings-unread",
    severity: Severity::Info,
    what: "No Pod that is rendered here reads a client's ConfigMap",
    why: "Settings in a ConfigMap reach nobody by themselves: the client's own Deployment, which is somebody else's, must read them with `envFrom`.",
    mend: "Give its owner the patch that `tts-render gitops client NAME` prints; once it is in, allow this with a comment that says so.",
    source: "https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/#configure-all-key-value-pairs-in-a-configmap-as-container-environment-variables",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut found = Vec::new();
    for (index, client) in case.values.clients.iter().enumerate() {
        let Some(map) = &client.config_map else { continue };
        let (namespace, map) = (client.namespace.as_str(), map.as_str());
        if case.objects.iter().any(|object| reads(object, namespace, map)) {
            continue;
        }
        let words = Message::of("Nothing here reads ConfigMap ")
            .code(map)
            .and(": ")
            .code(client.name.as_str())
            .and("'s own Deployment must");
        let at = crate::lint::case::At::Value(path(&["clients"]).index(index).key("name"));
        found.push(Site { at, words });
    }
    found
}

fn reads(object: &Object, namespace: &str, map: &str) -> bool {
    object.id.namespace.as_deref() == Some(namespace)
        && workload::containers(object).any(|container| {
            let named =
                |node: &Node, keys: &[&str]| at(node, keys).and_then(Node::as_str) == Some(map);
            items(container, &["envFrom"]).iter().any(|from| named(from, &["configMapRef", "name"]))
                || items(container, &["env"])
                    .iter()
                    .any(|from| named(from, &["valueFrom", "configMapKeyRef", "name"]))
        })
}
