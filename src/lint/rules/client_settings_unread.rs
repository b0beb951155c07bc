//! A ConfigMap for a client that no Pod reads.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::object::{items_at, node_at};
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "client-settings-unread",
    severity: Severity::Info,
    summary: "No Pod that is rendered here reads a client's ConfigMap",
    rationale: "Settings in a ConfigMap have no effect by themselves: the client's own Deployment, which has another owner, must read them with `envFrom`.",
    fix: "Give the Deployment's owner the patch that `tts-render gitops client NAME` prints. Once it is merged, allow this finding with a comment that says so.",
    source: "https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/#configure-all-key-value-pairs-in-a-configmap-as-container-environment-variables",
    check: Check::Stack(client_settings_unread),
};

fn client_settings_unread(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, client) in context.values.clients.iter().enumerate() {
        let Some(map) = &client.config_map else { continue };
        let (namespace, map) = (client.namespace.as_str(), map.as_str());
        if context.objects.iter().any(|object| reads_config_map(object, namespace, map)) {
            continue;
        }
        let message = Message::of("No Pod here reads the ConfigMap ")
            .code(map)
            .and(": the Deployment of ")
            .code(client.name.as_str())
            .and(" must");
        let path = value_paths::CLIENTS.index(index).key("name");
        violations.push(Violation::at_value(path, message));
    }
    violations
}

fn reads_config_map(object: &Object, namespace: &str, map: &str) -> bool {
    object.id.namespace.as_deref() == Some(namespace)
        && workload::containers(object).any(|container| {
            [
                ("envFrom", &["configMapRef", "name"][..]),
                ("env", &["valueFrom", "configMapKeyRef", "name"]),
            ]
            .into_iter()
            .flat_map(|(list, name)| {
                items_at(container, &[list]).iter().map(move |item| node_at(item, name))
            })
            .any(|name| name.and_then(Node::as_str) == Some(map))
        })
}
