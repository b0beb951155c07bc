//! How a person names an object: `deployment/x`, `Deployment ns/x`, `deploy ns/x`, `x`.

use std::collections::BTreeSet;

use super::ExplainError;
use kube_validate::ObjectId;
use yaml_spans::near_name;

/// An object as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name<'a> {
    text: &'a str,
    /// With its group where it has one: `deployment.apps`.
    kind: Option<&'a str>,
    namespace: Option<&'a str>,
    name: &'a str,
}

/// The short names that `kubectl api-resources` lists (1.37, and Kyverno's), of kinds that are often
/// rendered.
const SHORT: &[(&str, &str)] = &[
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

impl<'a> Name<'a> {
    /// Reads a name. What stands before a blank or the first slash is the kind.
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
        Name { text, kind, namespace, name }
    }

    fn is(&self, id: &ObjectId) -> bool {
        self.name == id.name
            && self.namespace.is_none_or(|namespace| id.namespace.as_deref() == Some(namespace))
            && self.kind.is_none_or(|kind| is_kind(kind, id))
    }
}

/// Whether a kind is meant, by its name, its plural or its short name; in any case, with its group
/// or without.
fn is_kind(text: &str, id: &ObjectId) -> bool {
    let (text, group) = match text.split_once('.') {
        Some((kind, group)) => (kind, Some(group)),
        None => (text, None),
    };
    let text = text.to_lowercase();
    let kind = id.kind.to_lowercase();
    // As Kubernetes guesses resources of kinds (`meta.UnsafeGuessKindToResource`).
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    let short = SHORT.iter().any(|(short, of)| *short == text && *of == id.kind);
    group.is_none_or(|group| group == id.group) && (text == kind || text == plural || short)
}

/// The one object of some that is meant.
///
/// Errors: there is none, or there are several.
pub fn choose<'i>(
    name: &Name<'_>,
    all: impl IntoIterator<Item = &'i ObjectId>,
) -> Result<ObjectId, ExplainError> {
    let all: BTreeSet<&ObjectId> = all.into_iter().collect();
    let found: Vec<&ObjectId> = all.iter().filter(|id| name.is(id)).copied().collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(ExplainError::NoObject { wanted: name.text.to_owned(), hint: hint(name, &all) }),
        many => Err(ExplainError::Ambiguous {
            wanted: name.text.to_owned(),
            found: many.iter().map(|id| format!("`{id}`")).collect(),
        }),
    }
}

/// What was probably meant: the same name in another namespace or of another kind, or a near one.
fn hint(name: &Name<'_>, all: &BTreeSet<&ObjectId>) -> Option<String> {
    let of_kind: Vec<&ObjectId> =
        all.iter().filter(|id| name.kind.is_none_or(|kind| is_kind(kind, id))).copied().collect();
    let same = of_kind.iter().find(|id| id.name == name.name);
    let elsewhere = || all.iter().find(|id| id.name == name.name);
    let near = || {
        let near = near_name(name.name, of_kind.iter().map(|id| id.name.as_str()))?;
        of_kind.iter().find(|id| id.name == near)
    };
    // A kind that nobody knows: by all of what was written.
    let by_text = || {
        let short = |id: &ObjectId| format!("{}/{}", id.kind.to_lowercase(), id.name);
        let texts: Vec<String> = all.iter().map(|id| short(id)).collect();
        let near = near_name(name.text, texts.iter().map(String::as_str))?;
        all.iter().find(|id| short(id) == near)
    };
    if name.name.is_empty() {
        return None;
    }
    if let Some(id) = same.or_else(near).or_else(by_text).or_else(elsewhere) {
        return Some(format!("did you mean `{id}`?"));
    }
    const MOST: usize = 8;
    if of_kind.is_empty() || name.kind.is_none() {
        return None;
    }
    let listed: Vec<String> = of_kind.iter().take(MOST).map(|id| format!("`{id}`")).collect();
    let more = of_kind.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("of that kind there is {}{more}", listed.join(", ")))
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

    fn said(text: &str) -> String {
        match choose(&Name::parse(text), &all()) {
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
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused_with_what_there_is() {
        for (text, expected) in [
            (
                "deployment/web",
                "`deployment/web` may be any of `Deployment a/web`, `Deployment b/web`; name its kind and its namespace: `KIND NAMESPACE/NAME`",
            ),
            (
                "deployment/c/web",
                "no stack renders `deployment/c/web`; did you mean `Deployment a/web`?",
            ),
            ("svc/wib", "no stack renders `svc/wib`; did you mean `Service a/web`?"),
            (
                "service/zzzzzz",
                "no stack renders `service/zzzzzz`; of that kind there is `Service a/web`",
            ),
            ("servise/web", "no stack renders `servise/web`; did you mean `Service a/web`?"),
            (
                "clusterpolicy.x/prio",
                "no stack renders `clusterpolicy.x/prio`; did you mean `ClusterPolicy prio`?",
            ),
            ("zzzzzz", "no stack renders `zzzzzz`"),
            ("", "no stack renders ``"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }
}
