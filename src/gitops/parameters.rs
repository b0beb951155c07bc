//! Argo CD's parameters: what it sends, as assignments, and what it is told that can be sent.
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

/// What messages call the layer.
const LAYER: &str = "ARGOCD_APP_PARAMETERS";

/// Why parameters are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No list of parameters.
    #[error("ARGOCD_APP_PARAMETERS is no list of parameters: {0}")]
    Unreadable(String),
    /// Neither a string, nor an array, nor a map; or several of them.
    #[error("the parameter `{0}` must have one of `string`, `array` and `map`")]
    NotOne(String),
    /// One name twice.
    #[error("the parameter `{0}` is there twice")]
    Twice(String),
    /// A name that is no path.
    #[error("the parameter `{name}` names no value: {error}")]
    Path {
        /// The name.
        name: String,
        /// Why not.
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
struct Sent {
    name: String,
    string: Option<String>,
    array: Option<Vec<String>>,
    map: Option<IndexMap<String, String>>,
}

/// What `ARGOCD_APP_PARAMETERS` assigns, in its order. Unset, empty, `null` and `[]` are none.
///
/// # Errors
/// No JSON of that shape, or a parameter that assigns nothing or twice. Whether its value exists is
/// found when it is laid over the values.
pub fn assignments(text: Option<&str>) -> Result<Vec<Assignment>, ParameterError> {
    let text = text.unwrap_or("").trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let sent: Option<Vec<Sent>> = serde_json::from_str(text)
        .map_err(|error| ParameterError::Unreadable(error.to_string()))?;
    let mut seen = BTreeSet::new();
    let one = |Sent { name, string, array, map }: Sent| {
        let path: Path =
            name.parse().map_err(|error| ParameterError::Path { name: name.clone(), error })?;
        if !seen.insert(path.clone()) {
            return Err(ParameterError::Twice(name));
        }
        let value = match (string, array, map) {
            (Some(text), None, None) => Assigned::Text(text),
            (None, Some(items), None) => Assigned::List(items),
            (None, None, Some(map)) => Assigned::Map(map.into_iter().collect()),
            _ => return Err(ParameterError::NotOne(name)),
        };
        Ok(Assignment { layer: LAYER.to_owned(), path, value })
    };
    sent.unwrap_or_default().into_iter().map(one).collect()
}

/// One value that can be set in Argo CD's user interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// The value's path.
    pub name: String,
    /// The path in words.
    pub title: String,
    /// What the schema says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
    /// `number` or `boolean`; a string if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_type: Option<&'static str>,
    /// `string`, `array` or `map`.
    pub collection_type: &'static str,
    /// What a string is now; none where the value is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// What an array is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<Vec<String>>,
    /// What a map is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<IndexMap<String, String>>,
}

/// What is not set by hand in a user interface: what the stack is, and how it is wired.
const NOT_ANNOUNCED: [&str; 4] = ["apiVersion", "name", "allowedKinds", "gitops"];

/// Every scalar, list of strings and map of strings of a stack's values, defaults included, that a
/// person would set. Sent back unchanged, they change nothing. Lists of maps (tolerations,
/// containers, clients) are for the values file.
pub fn announce(loaded: &Loaded) -> Vec<Announcement> {
    // Values are plain data: writing them as a tree can't fail.
    let Ok(values) = yaml_spans::to_node(&loaded.values) else { return Vec::new() };
    let mut found = Vec::new();
    let root = Shape::of_values();
    for (key, entry) in values.as_mapping().into_iter().flatten() {
        let path = Path::root().key(key.as_str());
        if let (false, Some(shape)) = (NOT_ANNOUNCED.contains(&key.as_str()), root.at(&path)) {
            Walk { written: &loaded.tree, found: &mut found }.visit(&path, &entry.node, &shape);
        }
    }
    found
}

struct Walk<'a> {
    /// The values as they were written: `6Gi`, where the typed value is bytes.
    written: &'a Node,
    found: &'a mut Vec<Announcement>,
}

impl Walk<'_> {
    fn visit(&mut self, path: &Path, node: &Node, shape: &Shape) {
        match &node.value {
            Value::Mapping(map) if is_map_of_strings(shape) => {
                let strings = map.iter().filter_map(|(key, entry)| {
                    Some((key.clone(), entry.node.as_str()?.to_owned()))
                });
                let map = Some(strings.collect());
                self.found.push(Announcement { map, ..announcement(path, shape, "map") });
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
                    self.found.push(Announcement {
                        array: strings,
                        ..announcement(path, shape, "array")
                    });
                }
            }
            Value::Null if shape.allows("object") || shape.allows("array") => {}
            _ => {
                let node = path.find(self.written).unwrap_or(node);
                let string = sent_text(node, shape);
                self.found.push(Announcement { string, ..announcement(path, shape, "string") });
            }
        }
    }
}

/// Whether keys are free and each leads to a string; an application's own tree is none.
fn is_map_of_strings(shape: &Shape) -> bool {
    let any_key = Segment::Key(String::new());
    let free = !shape.is_anything() && shape.properties().next().is_none();
    free && shape.step(&any_key).is_some_and(|item| item.allows("string") && !item.is_anything())
}

/// The text that is read back as the same scalar; none for a value that is not set.
fn sent_text(node: &Node, shape: &Shape) -> Option<String> {
    match &node.value {
        // An application's own data has no type but the one that YAML gives it.
        Value::String(text) if shape.is_anything() => Some(yaml_spans::scalar(text)),
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
    let only = |kind: &str| shape.allows(kind) && !shape.allows("string");
    let item_type = match collection_type {
        "string" if only("boolean") => Some("boolean"),
        "string" if only("integer") || only("number") => Some("number"),
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
    let words = |segment: &Segment| match segment {
        Segment::Index(index) => (index + 1).to_string(),
        Segment::Key(key) => in_words(key),
    };
    let text = path.segments().iter().map(words).collect::<Vec<_>>().join(": ");
    let mut characters = text.chars();
    characters
        .next()
        .map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

fn in_words(key: &str) -> String {
    // A key such as TTS_BF16 or keel.sh/enrolled is a name: it stays as it is.
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

    fn error(text: &str) -> String {
        assignments(Some(text)).unwrap_err().to_string()
    }

    #[test]
    fn nothing_sent_assigns_nothing() {
        for text in [None, Some(""), Some(" \n"), Some("null"), Some("[]")] {
            assert_eq!(assignments(text), Ok(Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn each_shape_becomes_its_assignment() {
        let text = r#"[{"name":"gate.floor","string":"7Gi"},
            {"name":"storage.accessModes","array":["ReadWriteOnce"]},
            {"name":"server.env","map":{"B":"1","A":"off"}},
            {"name":"namespace.labels[\"keel.sh/enrolled\"]","string":""}]"#;
        let found = assignments(Some(text)).unwrap();
        let map = vec![("B".to_owned(), "1".to_owned()), ("A".to_owned(), "off".to_owned())];
        let values: Vec<_> = found.iter().map(|one| one.value.clone()).collect();
        let expected = [
            Assigned::Text("7Gi".to_owned()),
            Assigned::List(vec!["ReadWriteOnce".to_owned()]),
            Assigned::Map(map),
            Assigned::Text(String::new()),
        ];
        assert_eq!(values, expected);
        assert_eq!(found[3].path.to_string(), r#"namespace.labels["keel.sh/enrolled"]"#);
        assert!(found.iter().all(|one| one.layer == "ARGOCD_APP_PARAMETERS"));
    }

    #[test]
    fn what_assigns_nothing_or_twice_is_refused() {
        assert!(error("{").starts_with("ARGOCD_APP_PARAMETERS is no list of parameters: "));
        assert!(error(r#"{"gate.floor":"7Gi"}"#).contains("no list"));
        assert!(error(r#"[{"name":"a","string":5}]"#).contains("expected a string"));
        assert!(error(r#"[{"name":"a","strng":"5"}]"#).contains("strng"));
        assert!(error(r#"[{"string":"5"}]"#).contains("name"));
        assert_eq!(
            error(r#"[{"name":"a"}]"#),
            "the parameter `a` must have one of `string`, `array` and `map`"
        );
        assert!(error(r#"[{"name":"a","string":"","array":[]}]"#).contains("one of"));
        assert_eq!(
            error(r#"[{"name":"a","string":"1"},{"name":"a","string":"2"}]"#),
            "the parameter `a` is there twice"
        );
        assert!(
            error(r#"[{"name":"a..b","string":"1"}]"#)
                .starts_with("the parameter `a..b` names no value: ")
        );
        assert!(error(r#"[{"name":"","string":"1"}]"#).contains("names no value"));
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
