//! Object names as a user writes them: `deployment/x`, `Deployment ns/x`, `deploy ns/x`, `x`.

use std::collections::BTreeSet;

use super::ExplainError;
use kube_formats::name::resource_of_kind;
use kube_validate::ObjectId;
use yaml_spans::{list_names, suggest};

/// An object's name as a user writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName<'a> {
    text: &'a str,
    /// With its group if it was given: `deployment.apps`.
    kind: Option<&'a str>,
    namespace: Option<&'a str>,
    name: &'a str,
}

/// The short names of kinds that are often rendered (`kubectl api-resources` of 1.37, and Kyverno's).
const SHORT_NAMES: &[(&str, &str)] = &[
    ("cj", "CronJob"),
    ("cm", "ConfigMap"),
    ("cpol", "ClusterPolicy"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("ing", "Ingress"),
    ("netpol", "NetworkPolicy"),
    ("ns", "Namespace"),
    ("pdb", "PodDisruptionBudget"),
    ("polex", "PolicyException"),
    ("pv", "PersistentVolume"),
    ("pvc", "PersistentVolumeClaim"),
    ("sa", "ServiceAccount"),
    ("sc", "StorageClass"),
    ("sts", "StatefulSet"),
    ("svc", "Service"),
];

impl<'a> ObjectName<'a> {
    /// Parses a name. The part before the first blank or slash is the kind.
    pub fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let (kind, rest) = match text.split_once(|c: char| c.is_whitespace() || c == '/') {
            Some((kind, rest)) => (Some(kind), rest.trim_start()),
            None => (None, text),
        };
        let (namespace, name) = match rest.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, rest),
        };
        ObjectName { text, kind, namespace, name }
    }

    fn matches(&self, id: &ObjectId) -> bool {
        self.name == id.name
            && self.namespace.is_none_or(|namespace| id.namespace.as_deref() == Some(namespace))
            && self.kind.is_none_or(|kind| is_kind(kind, id))
    }
}

/// Returns true if a text names an object's kind: by name, plural or short name, in any case, with or
/// without its group.
pub(super) fn is_kind(text: &str, id: &ObjectId) -> bool {
    let (text, group) = match text.split_once('.') {
        Some((kind, group)) => (kind, Some(group)),
        None => (text, None),
    };
    let text = text.to_lowercase();
    let (kind, plural) = (id.kind.to_lowercase(), resource_of_kind(&id.kind));
    let short = SHORT_NAMES.iter().any(|(short, of)| *short == text && *of == id.kind);
    group.is_none_or(|group| group == id.group) && (text == kind || text == plural || short)
}

/// Finds the one object with a name.
///
/// # Errors
/// There is none, or there are several.
pub fn find_object<'i>(
    name: &ObjectName<'_>,
    all: impl IntoIterator<Item = &'i ObjectId>,
) -> Result<ObjectId, ExplainError> {
    let all: BTreeSet<&ObjectId> = all.into_iter().collect();
    let mut found: Vec<&ObjectId> = all.iter().filter(|id| name.matches(id)).copied().collect();
    if found.is_empty() && name.kind.is_none() {
        // A kind alone is enough if one object has it.
        found = all.iter().filter(|id| is_kind(name.name, id)).copied().collect();
    }
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(ExplainError::NoObject {
            wanted: name.text.to_owned(),
            hint: suggest_object(name, &all),
        }),
        many => Err(ExplainError::Ambiguous {
            wanted: name.text.to_owned(),
            found: many.iter().map(|id| format!("`{id}`")).collect(),
        }),
    }
}

/// Suggests the object that was probably meant, or lists those of its kind.
fn suggest_object(name: &ObjectName<'_>, all: &BTreeSet<&ObjectId>) -> Option<String> {
    let of_kind: Vec<&ObjectId> =
        all.iter().filter(|id| name.kind.is_none_or(|kind| is_kind(kind, id))).copied().collect();
    let suggestion = of_kind
        .iter()
        .copied()
        .find(|id| id.name == name.name)
        .or_else(|| similar_name(name.name, &of_kind))
        .or_else(|| similar_text(name.text, all))
        .or_else(|| all.iter().copied().find(|id| id.name == name.name));
    if let Some(id) = suggestion {
        return Some(format!("did you mean `{id}`?"));
    }
    match name.kind {
        Some(_) if !of_kind.is_empty() => {
            Some(format!("objects of that kind: {}", list_names(&of_kind)))
        }
        _ => {
            let all: Vec<&ObjectId> = all.iter().copied().collect();
            (!all.is_empty()).then(|| format!("rendered objects: {}", list_names(&all)))
        }
    }
}

/// The object with a name similar to the one in the request.
fn similar_name<'i>(name: &str, ids: &[&'i ObjectId]) -> Option<&'i ObjectId> {
    let similar = suggest(name, ids.iter().map(|id| id.name.as_str()))?;
    ids.iter().copied().find(|id| id.name == similar)
}

/// The object whose `kind/name` is similar to the whole request, for a misspelt kind.
fn similar_text<'i>(text: &str, ids: &BTreeSet<&'i ObjectId>) -> Option<&'i ObjectId> {
    let texts: Vec<(String, &ObjectId)> =
        ids.iter().map(|id| (format!("{}/{}", id.kind.to_lowercase(), id.name), *id)).collect();
    let similar = suggest(text, texts.iter().map(|(text, _)| text.as_str()))?;
    texts.iter().find(|(text, _)| text == similar).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectId {
        ObjectId {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    fn all() -> Vec<ObjectId> {
        vec![
            id("apps", "Deployment", Some("a"), "web"),
            id("apps", "Deployment", Some("b"), "web"),
            id("", "Service", Some("a"), "web"),
            id("", "Namespace", None, "a"),
            id("kyverno.io", "ClusterPolicy", None, "prio"),
            id("networking.k8s.io", "NetworkPolicy", Some("a"), "deny"),
        ]
    }

    fn result_of(text: &str) -> String {
        match find_object(&ObjectName::parse(text), &all()) {
            Ok(id) => id.to_string(),
            Err(error) => yaml_spans::diagnostic::Diagnostic::from(error.clone())
                .notes
                .iter()
                .fold(error.to_string(), |text, note| format!("{text}; {note}")),
        }
    }

    #[test]
    fn an_object_is_found_by_any_of_its_names() {
        for (text, expected) in [
            ("deployment/a/web", "Deployment a/web"),
            ("Deployment a/web", "Deployment a/web"),
            ("DEPLOYMENTS  b/web", "Deployment b/web"),
            ("deploy b/web", "Deployment b/web"),
            ("deployment.apps/a/web", "Deployment a/web"),
            ("svc/web", "Service a/web"),
            ("services/web", "Service a/web"),
            ("Namespace a", "Namespace a"),
            ("ns/a", "Namespace a"),
            ("clusterpolicies/prio", "ClusterPolicy prio"),
            ("netpol/deny", "NetworkPolicy a/deny"),
            ("prio", "ClusterPolicy prio"),
            ("clusterpolicy", "ClusterPolicy prio"),
            ("svc", "Service a/web"),
        ] {
            assert_eq!(result_of(text), expected, "{text}");
        }
    }

    #[test]
    fn an_unknown_or_ambiguous_name_is_refused_with_suggestions() {
        for (text, expected) in [
            (
                "deployment/web",
                "`deployment/web` is ambiguous: it may be `Deployment a/web`, `Deployment b/web`; add what is missing: `KIND NAMESPACE/NAME`",
            ),
            (
                "deployment/c/web",
                "no stack renders `deployment/c/web`; did you mean `Deployment a/web`?",
            ),
            ("svc/wib", "no stack renders `svc/wib`; did you mean `Service a/web`?"),
            (
                "service/zzzzzz",
                "no stack renders `service/zzzzzz`; objects of that kind: `Service a/web`",
            ),
            ("servise/web", "no stack renders `servise/web`; did you mean `Service a/web`?"),
            (
                "clusterpolicy.x/prio",
                "no stack renders `clusterpolicy.x/prio`; did you mean `ClusterPolicy prio`?",
            ),
            (
                "deployments",
                "`deployments` is ambiguous: it may be `Deployment a/web`, `Deployment b/web`; add what is missing: `KIND NAMESPACE/NAME`",
            ),
            (
                "zzzzzz",
                "no stack renders `zzzzzz`; rendered objects: `Namespace a`, `Service a/web`, `Deployment a/web`, `Deployment b/web`, `ClusterPolicy prio`, `NetworkPolicy a/deny`",
            ),
        ] {
            assert_eq!(result_of(text), expected, "{text}");
        }
    }
}
