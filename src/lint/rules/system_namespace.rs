//! A stack that owns somebody else's namespace.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "system-namespace",
    severity: Severity::Critical,
    summary: "The stack owns a namespace of Kubernetes or of another system",
    rationale: "The stack's labels and annotations replace the namespace's own, its quota and policies apply to the system's Pods, and whoever deletes the stack deletes the system with it. In `default`, everything that nobody gave a namespace is deleted.",
    fix: "Give the stack a namespace of its own: `namespace.name`.",
    source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces; the other systems' installation guides",
    check: Check::Stack(system_namespace),
};

/// Namespaces, and the systems that own them.
const SYSTEMS: [(&str, &str); 10] = [
    ("default", "everything without a namespace"),
    ("argocd", "Argo CD"),
    ("cert-manager", "cert-manager"),
    ("flux-system", "Flux"),
    ("gpu-operator", "NVIDIA's GPU operator"),
    ("istio-system", "Istio"),
    ("kyverno", "Kyverno"),
    ("longhorn-system", "Longhorn"),
    ("metallb-system", "MetalLB"),
    ("rook-ceph", "Rook"),
];

/// The prefixes of names that systems reserve.
const RESERVED: [(&str, &str); 2] = [("kube-", "Kubernetes"), ("openshift-", "OpenShift")];

fn system_namespace(context: &RuleContext<'_>) -> Vec<Violation> {
    context
        .objects
        .of_kind("", "Namespace")
        .filter_map(|object| {
            let name = object.id.name.as_str();
            let owner = find_owner(context, name)?;
            let message = Message::of("").code(name).and(format!(" is the namespace of {owner}"));
            Some(Violation::at_field(object, Path::of_keys(["metadata", "name"]), message))
        })
        .collect()
}

/// The owner of a namespace, if it is a system's.
fn find_owner(context: &RuleContext<'_>, namespace: &str) -> Option<&'static str> {
    let known = SYSTEMS.iter().find(|(name, _)| *name == namespace);
    let reserved = RESERVED.iter().find(|(prefix, _)| namespace.starts_with(prefix));
    let configured = context.values.gitops.as_ref().and_then(|gitops| {
        [(&gitops.argocd.namespace, "Argo CD"), (&gitops.flux.namespace, "Flux")]
            .into_iter()
            .find(|(name, _)| name.as_str() == namespace)
            .map(|(_, owner)| owner)
    });
    known.or(reserved).map(|(_, owner)| *owner).or(configured)
}
