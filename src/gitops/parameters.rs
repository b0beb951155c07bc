//! Argo CD's parameters: those that it sends, as assignments, and the announcement of those that it
//! can send.
//!
//! The shape of both: argo-cd 3.6, `pkg/apis/application/v1alpha1/types.go`
//! (ApplicationSourcePluginParameter) and `reposerver/repository/repository.proto`
//! (ParameterAnnouncement).

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::values::{Assigned, Assignment, Loaded, Shape};
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::{self, Node, Path, PathError, Segment, Value};

/// The layer's name in messages.
const LAYER: &str = "ARGOCD_APP_PARAMETERS";

/// A reason to refuse parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The text is not a list of parameters.
    #[error("invalid `ARGOCD_APP_PARAMETERS`: expected a list of parameters: {0}")]
    Unreadable(String),
    /// A parameter is several of a string, an array and a map.
    #[error("invalid parameter `{0}`: expected one of `string`, `array` and `map`")]
    Several(String),
    /// Two parameters have one name.
    #[error("the parameter `{0}` is given twice")]
    Twice(String),
    /// A name is not a path.
    #[error("invalid parameter `{name}`: expected the path of a value: {error}")]
    Path {
        /// The name.
        name: String,
        /// The fault of the path.
        error: PathError,
    },
}

impl From<ParameterError> for Diagnostic {
    fn from(error: ParameterError) -> Self {
        Diagnostic::new(error.to_string())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentParameter {
    name: String,
    string: Option<String>,
    array: Option<Vec<String>>,
    map: Option<IndexMap<String, String>>,
}

/// The assignments of `ARGOCD_APP_PARAMETERS`, in its order. Unset, empty, `null` and `[]` are none, and so is
/// a parameter that has nothing but a name: the value's own default holds.
///
/// # Errors
/// The text is not JSON of that shape, or a parameter assigns twice. A value that does not
/// exist is found later, when the assignments are laid over the values.
pub fn parse_assignments(text: Option<&str>) -> Result<Vec<Assignment>, ParameterError> {
    let text = text.unwrap_or("").trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let sent: Option<Vec<SentParameter>> = serde_json::from_str(text)
        .map_err(|error| ParameterError::Unreadable(error.to_string()))?;
    let mut seen = BTreeSet::new();
    let mut assignments = Vec::new();
    for SentParameter { name, string, array, map } in sent.unwrap_or_default() {
        let path: Path =
            name.parse().map_err(|error| ParameterError::Path { name: name.clone(), error })?;
        if !seen.insert(path.clone()) {
            return Err(ParameterError::Twice(name));
        }
        let value = match (string, array, map) {
            (Some(text), None, None) => Assigned::Text(text),
            (None, Some(items), None) => Assigned::List(items),
            (None, None, Some(map)) => Assigned::Map(map.into_iter().collect()),
            (None, None, None) => continue,
            _ => return Err(ParameterError::Several(name)),
        };
        assignments.push(Assignment::new(LAYER, path, value));
    }
    Ok(assignments)
}

/// One value that can be set in Argo CD's user interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// The value's path.
    pub name: String,
    /// The path in words.
    pub title: String,
    /// The schema's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
    /// `number` or `boolean`; none for a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_type: Option<&'static str>,
    /// `string`, `array` or `map`.
    pub collection_type: &'static str,
    /// A string's present value; none if the value is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// An array's present value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<Vec<String>>,
    /// A map's present value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<IndexMap<String, String>>,
}

/// Values that nobody sets in a user interface: the stack's identity and its wiring.
const NOT_ANNOUNCED: [&str; 4] = ["apiVersion", "name", "allowedKinds", "gitops"];

/// Announces every scalar, list of strings and map of strings of a stack's values, defaults
/// included, that a person would set. Sent back unchanged, they change nothing. Lists of maps
/// (tolerations, containers, clients) are left to the values file.
pub fn announce_parameters(loaded: &Loaded) -> Vec<Announcement> {
    // Values are plain data: writing them as a tree can't fail.
    let Ok(values) = yaml_spans::to_node(&loaded.values) else { return Vec::new() };
    let mut announcements = Vec::new();
    let root = Shape::of_values();
    for (key, entry) in values.as_mapping().into_iter().flatten() {
        let path = Path::root().key(key.as_str());
        if let (false, Some(shape)) = (NOT_ANNOUNCED.contains(&key.as_str()), root.at(&path)) {
            Walk { written: &loaded.tree, announcements: &mut announcements }.visit(
                &path,
                &entry.node,
                &shape,
            );
        }
    }
    announcements
}

struct Walk<'a> {
    /// The values as they were written: `6Gi`, while the typed value is a number of bytes.
    written: &'a Node,
    announcements: &'a mut Vec<Announcement>,
}

impl Walk<'_> {
    fn visit(&mut self, path: &Path, node: &Node, shape: &Shape) {
        match &node.value {
            Value::Mapping(map) if is_map_of_strings(shape) => {
                let strings = map.iter().filter_map(|(key, entry)| {
                    Some((key.clone(), entry.node.as_str()?.to_owned()))
                });
                let map = Some(strings.collect());
                self.announcements.push(Announcement { map, ..announcement(path, shape, "map") });
            }
            Value::Mapping(map) => {
                for (key, entry) in map {
                    let path = path.key(key.as_str());
                    let Some(shape) = shape.step(&Segment::Key(key.clone())) else { continue };
                    self.visit(&path, &entry.node, &shape);
                }
            }
            Value::Sequence(items) => {
                let of_strings =
                    shape.step(&Segment::Index(0)).is_some_and(|item| item.allows("string"));
                let strings: Option<Vec<String>> =
                    items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
                if let (true, Some(_)) = (of_strings, &strings) {
                    self.announcements.push(Announcement {
                        array: strings,
                        ..announcement(path, shape, "array")
                    });
                }
            }
            Value::Null if shape.allows("object") || shape.allows("array") => {}
            _ => {
                let node = path.find(self.written).unwrap_or(node);
                let string = sent_text(node, shape);
                self.announcements
                    .push(Announcement { string, ..announcement(path, shape, "string") });
            }
        }
    }
}

/// Returns true if keys are free and each leads to a string. An application's own tree does not
/// count.
fn is_map_of_strings(shape: &Shape) -> bool {
    let any_key = Segment::Key(String::new());
    let free = !shape.is_anything() && shape.properties().next().is_none();
    free && shape.step(&any_key).is_some_and(|item| item.allows("string") && !item.is_anything())
}

/// The text that is read back as the same scalar; none if the value is not set.
fn sent_text(node: &Node, shape: &Shape) -> Option<String> {
    match &node.value {
        // An application's own data has the types that YAML gives it.
        Value::String(text) if shape.is_anything() => Some(yaml_spans::emit_scalar(text)),
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        _ => Some(yaml_spans::emit(node).trim_end().to_owned()),
    }
}

fn announcement(path: &Path, shape: &Shape, collection_type: &'static str) -> Announcement {
    let choices: Vec<String> = shape.choices().map(|choice| format!("`{choice}`")).collect();
    let described =
        shape.description().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let tooltip = match (described, choices.is_empty()) {
        (Some(text), true) => Some(text),
        (Some(text), false) => Some(format!("{text} One of {}.", choices.join(", "))),
        (None, _) => None,
    };
    let item_type = match collection_type {
        "string" if shape.allows("string") => None,
        "string" if shape.allows("boolean") => Some("boolean"),
        "string" if shape.allows("integer") || shape.allows("number") => Some("number"),
        _ => None,
    };
    Announcement {
        name: path.to_string(),
        title: title(path),
        tooltip,
        item_type,
        collection_type,
        string: None,
        array: None,
        map: None,
    }
}

/// `gate.onScrapeFailure` as `Gate: on scrape failure`.
fn title(path: &Path) -> String {
    let words: Vec<String> = path
        .segments()
        .iter()
        .map(|segment| match segment {
            Segment::Index(index) => (index + 1).to_string(),
            Segment::Key(key) => key_in_words(key),
        })
        .collect();
    let text = words.join(": ");
    let mut characters = text.chars();
    characters
        .next()
        .map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

fn key_in_words(key: &str) -> String {
    // A key such as TTS_BF16 or keel.sh/enrolled is a name and is kept.
    if !key.chars().all(char::is_alphanumeric) || !key.starts_with(char::is_lowercase) {
        return key.to_owned();
    }
    let mut words = String::new();
    let characters: Vec<char> = key.chars().collect();
    for (at, &character) in characters.iter().enumerate() {
        let after_lower = at > 0 && characters[at - 1].is_lowercase();
        if character.is_uppercase() && after_lower {
            words.push(' ');
        }
        let acronym = character.is_uppercase()
            && (at > 0 && characters[at - 1].is_uppercase()
                || characters.get(at + 1).is_none_or(|next| next.is_uppercase()));
        if acronym {
            words.push(character);
        } else {
            words.extend(character.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_error(text: &str) -> String {
        parse_assignments(Some(text)).unwrap_err().to_string()
    }

    #[test]
    fn nothing_sent_assigns_nothing() {
        for text in [None, Some(""), Some(" \n"), Some("null"), Some("[]")] {
            assert_eq!(parse_assignments(text), Ok(Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn each_shape_becomes_its_assignment() {
        let text = r#"[{"name":"gate.floor","string":"7Gi"},
            {"name":"storage.accessModes","array":["ReadWriteOnce"]},
            {"name":"server.env","map":{"B":"1","A":"off"}},
            {"name":"namespace.labels[\"keel.sh/enrolled\"]","string":""}]"#;
        let found = parse_assignments(Some(text)).unwrap();
        let map = vec![("B".to_owned(), "1".to_owned()), ("A".to_owned(), "off".to_owned())];
        let values: Vec<_> = found.iter().map(|assignment| assignment.value.clone()).collect();
        let expected = [
            Assigned::Text("7Gi".to_owned()),
            Assigned::List(vec!["ReadWriteOnce".to_owned()]),
            Assigned::Map(map),
            Assigned::Text(String::new()),
        ];
        assert_eq!(values, expected);
        assert_eq!(found[3].path.to_string(), r#"namespace.labels["keel.sh/enrolled"]"#);
        assert!(found.iter().all(|assignment| assignment.layer == "ARGOCD_APP_PARAMETERS"));
    }

    #[test]
    fn a_parameter_with_nothing_but_a_name_assigns_nothing() {
        for text in [r#"[{"name":"gate.floor"}]"#, r#"[{"name":"gate.floor","string":null}]"#] {
            assert_eq!(parse_assignments(Some(text)), Ok(Vec::new()), "{text}");
        }
    }

    #[test]
    fn parameters_that_assign_twice_are_refused() {
        assert!(parse_error("{").starts_with("invalid `ARGOCD_APP_PARAMETERS`: expected a list"));
        assert!(parse_error(r#"{"gate.floor":"7Gi"}"#).contains("expected a list"));
        assert!(parse_error(r#"[{"name":"a","string":5}]"#).contains("expected a string"));
        assert!(parse_error(r#"[{"name":"a","strng":"5"}]"#).contains("strng"));
        assert!(parse_error(r#"[{"string":"5"}]"#).contains("name"));
        assert_eq!(
            parse_error(r#"[{"name":"a","string":"","array":[]}]"#),
            "invalid parameter `a`: expected one of `string`, `array` and `map`"
        );
        assert_eq!(
            parse_error(r#"[{"name":"a","string":"1"},{"name":"a","string":"2"}]"#),
            "the parameter `a` is given twice"
        );
        assert!(
            parse_error(r#"[{"name":"a..b","string":"1"}]"#)
                .starts_with("invalid parameter `a..b`: expected the path of a value: ")
        );
        assert!(parse_error(r#"[{"name":"","string":"1"}]"#).contains("the path of a value"));
    }

    #[test]
    fn titles_are_the_path_in_words() {
        for (path, expected) in [
            ("gate.onScrapeFailure", "Gate: on scrape failure"),
            ("gitops.repoURL", "Gitops: repo URL"),
            ("server.env.TTS_BF16", "Server: env: TTS_BF16"),
            ("namespace.labels[\"keel.sh/enrolled\"]", "Namespace: labels: keel.sh/enrolled"),
            ("clients[0].env", "Clients: 1: env"),
        ] {
            assert_eq!(title(&path.parse().unwrap()), expected);
        }
    }
}
