//! The names that Helm charts have for values of this format, for hints.

use super::Shape;
use yaml_spans::diagnostic::{Hint, Located};
use yaml_spans::{Path, ReadError, Segment};

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
    ("server.runtimeClass", "server.runtimeClassName"),
    ("server.priorityClass", "server.priorityClassName"),
    ("storage.claimName", "storage.existingClaim"),
    ("storage.storageClass", "storage.storageClassName"),
    ("ingress.ingressClassName", "ingress.className"),
];

/// Adds the value's own name to the error of a name that charts have.
pub(super) fn add_hint(mut error: Located<ReadError>) -> Located<ReadError> {
    if matches!(error.error, ReadError::UnknownField(_))
        && !matches!(error.hint, Some(Hint::Suggestion(_)))
        && let Some(path) = own_path(&error.path)
    {
        error.hint = Some(format!("in these values it is `{path}`").into());
    }
    error
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
    fn a_charts_name_is_not_a_value_and_leads_to_one() {
        for (name, own) in HELM_NAMES {
            let [name, own]: [Path; 2] = [name, own].map(|text| text.parse().unwrap());
            assert!(Shape::of_values().at(&name).is_none(), "{name}");
            assert!(Shape::of_values().at(&own).is_some(), "{own}");
        }
    }
}
