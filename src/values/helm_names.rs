//! The names that Helm charts have for values of this format, for hints.

use super::Shape;
use yaml_spans::diagnostic::{Hint, Located};
use yaml_spans::{Node, Path, ReadError, Segment, emit_scalar, one_of, truncate};

/// Names in charts, as paths of this format, with the values' own paths.
const HELM_NAMES: &[(&str, &str)] = &[
    ("persistence", "storage"),
    ("extraVolumes", "server.volumes"),
    ("extraVolumeMounts", "server.volumeMounts"),
    ("server.extraVolumes", "server.volumes"),
    ("server.extraVolumeMounts", "server.volumeMounts"),
    ("server.extraEnv", "server.env"),
    ("server.extraEnvVars", "server.env"),
    ("server.extraEnvFrom", "server.envFrom"),
    ("server.extraPorts", "server.ports"),
    ("server.sidecars", "server.extraContainers"),
    ("server.containerPort", "server.port"),
    ("server.gpu", "server.resources.limits"),
    ("server.runtimeClass", "server.runtimeClassName"),
    ("server.priorityClass", "server.priorityClassName"),
    ("storage.claimName", "storage.existingClaim"),
    ("storage.storageClass", "storage.storageClassName"),
    ("ingress.ingressClassName", "ingress.className"),
];

/// Names in charts and in manifests that no value has, with the reason.
const NO_VALUES: &[(&str, &str)] = &[
    ("replicas", REPLICAS),
    ("replicaCount", REPLICAS),
    ("server.replicas", REPLICAS),
    ("server.replicaCount", REPLICAS),
    ("spec", "this is a file of values, not a manifest: the server's own fields are in `server`"),
    (
        "metadata",
        "this is a file of values, not a manifest: `commonLabels` and `server.labels` add labels",
    ),
];
const REPLICAS: &str =
    "the gate scales the server to 1 in its window and to 0 after it: no value sets it";

/// The most places that a hint names.
const MAX_PLACES: usize = 4;

/// Adds the value's own name to the error of a name that charts have, or that is in another part.
pub(super) fn add_hint(mut error: Located<ReadError>) -> Located<ReadError> {
    if matches!(error.error, ReadError::UnknownField(_))
        && !matches!(error.hint, Some(Hint::Suggestion(_)))
        && let Some(hint) = suggest_value(&error.path)
    {
        error.hint = Some(hint.into());
    }
    error
}

/// Adds the form of a value to the error of one that is written as in a manifest: `env` as a list of names
/// and values, a pull secret as a map with a name.
pub(super) fn add_form(mut error: Located<ReadError>, tree: &Node) -> Located<ReadError> {
    if matches!(error.error, ReadError::WrongType { .. })
        && error.hint.is_none()
        && let Some(node) = error.path.find(tree)
        && let Some(form) = values_form(node, &error.path)
    {
        error.hint = Some(format!("write `{form}`").into());
    }
    error
}

/// The form that these values expect of a manifest's: `A: b` for `- {name: A, value: b}`, `x` for
/// `{name: x}`. It is `[x]` for one text where a list is expected.
fn values_form(node: &Node, path: &Path) -> Option<String> {
    if let Some(text) = node.as_str() {
        let is_list = Shape::of_values().at(path).is_some_and(|shape| shape.allows("array"));
        return is_list.then(|| truncate(&format!("[{}]", emit_scalar(text))));
    }
    let name = |node: &Node| node.get("name").and_then(Node::as_str).map(emit_scalar);
    match node.as_sequence() {
        Some(items) => {
            let first = items.first()?;
            let value = first.get("value").and_then(Node::as_str).map(emit_scalar);
            Some(truncate(&format!(
                "{}: {}",
                name(first)?,
                value.unwrap_or_else(|| "…".to_owned())
            )))
        }
        None => Some(truncate(
            &name(node).filter(|_| node.as_mapping().is_some_and(|map| map.len() == 1))?,
        )),
    }
}

/// Advice on a path that no value has: the value that a chart has under that name, or that has the name in
/// another part.
pub(crate) fn suggest_value(path: &Path) -> Option<String> {
    let text = path.to_string();
    if let Some((_, reason)) = NO_VALUES.iter().find(|(name, _)| *name == text) {
        return Some((*reason).to_owned());
    }
    let own = match own_path(path) {
        Some(own) => vec![own],
        None => other_places(path),
    };
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let is_short = (1..=MAX_PLACES).contains(&own.len());
    is_short.then(|| format!("in these values it is {}", one_of(&own)))
}

/// The paths of values with the name of an unknown one: below the same part, else in another part.
fn other_places(path: &Path) -> Vec<String> {
    let Some((Segment::Key(key), parents)) = path.segments().split_last() else {
        return Vec::new();
    };
    let parent: Path = parents.iter().cloned().collect();
    let below = places_below(&parent, key);
    let is_in_section = parents.len() <= 1;
    match below.is_empty() && is_in_section {
        true => places_below(&Path::root(), key),
        false => below,
    }
}

/// The values of a name that are two steps below a part, or one step below the file.
fn places_below(part: &Path, key: &str) -> Vec<String> {
    let shape = Shape::of_values();
    let has_property = |shape: &Shape, name: &str| shape.properties().any(|known| known == name);
    let Some(at) = shape.at(part) else { return Vec::new() };
    let mut places: Vec<String> = Vec::new();
    if part.is_root() && has_property(&at, key) {
        places.push(key.to_owned());
    }
    for name in at.properties() {
        let section = part.key(name);
        if shape.at(&section).is_some_and(|shape| has_property(&shape, key)) {
            places.push(section.key(key).to_string());
        }
    }
    places
}

/// The path of the value with the meaning of a chart's name. At the top, it may be one of the server's.
fn own_path(path: &Path) -> Option<String> {
    let text = path.to_string();
    if let Some((_, own)) = HELM_NAMES.iter().find(|(name, _)| *name == text) {
        return Some((*own).to_owned());
    }
    let [Segment::Key(key)] = path.segments() else { return None };
    let own = Path::root().key("server").key(key.as_str());
    Shape::of_values().at(&own).map(|_| own.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_wrong_part_leads_to_its_own() {
        for (name, hint) in [
            ("floor", "in these values it is `gate.floor`"),
            ("server.floor", "in these values it is `gate.floor`"),
            ("gate.timeZone", "in these values it is `offPeak.timeZone`"),
            ("server.clients", "in these values it is `clients`"),
            (
                "server.readinessProbe.port",
                "in these values it is `server.readinessProbe.grpc.port`, \
                 `server.readinessProbe.httpGet.port` or `server.readinessProbe.tcpSocket.port`",
            ),
            ("server.replicas", REPLICAS),
        ] {
            assert_eq!(suggest_value(&name.parse().unwrap()).as_deref(), Some(hint), "{name}");
        }
        assert_eq!(suggest_value(&"server.zzz".parse().unwrap()), None);
        assert_eq!(suggest_value(&"server.ports[0].port".parse().unwrap()), None);
        // A name that is in many places.
        assert_eq!(suggest_value(&"offPeak.name".parse().unwrap()), None);
    }

    #[test]
    fn a_name_without_a_value_is_none() {
        for (name, _) in NO_VALUES {
            assert!(Shape::of_values().at(&name.parse().unwrap()).is_none(), "{name}");
        }
    }

    #[test]
    fn a_charts_name_is_not_a_value_and_leads_to_one() {
        for (name, own) in HELM_NAMES {
            let [name, own]: [Path; 2] = [name, own].map(|text| text.parse().unwrap());
            assert!(Shape::of_values().at(&name).is_none(), "{name}");
            assert!(Shape::of_values().at(&own).is_some(), "{own}");
        }
    }
}
