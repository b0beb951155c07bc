//! Why there is nothing to explain, and what was probably meant.

use kube_validate::ObjectId;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::{Node, Path, Segment, Value, name_hint};

/// Why there is nothing to explain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// A stack does not render.
    #[error("{file} does not render: see `tts-render render`")]
    Broken {
        /// Its values file.
        file: String,
    },
    /// No such object.
    #[error("no stack renders `{wanted}`")]
    NoObject {
        /// As it was named.
        wanted: String,
        /// A name that is near, or what there is.
        hint: Option<String>,
    },
    /// Several objects of that name.
    #[error("`{wanted}` may be any of {}", .found.join(", "))]
    Ambiguous {
        /// As it was named.
        wanted: String,
        /// What it may be.
        found: Vec<String>,
    },
    /// No such field.
    #[error("`{path}` is no field of {object}")]
    NoField {
        /// As it was named.
        path: Path,
        /// The object.
        object: Box<ObjectId>,
        /// What there is where the path leads nowhere.
        hint: Option<String>,
    },
    /// No such value.
    #[error("`{path}` is no value")]
    NoValue {
        /// As it was named.
        path: Path,
        /// What there is where the path leads nowhere.
        hint: Option<String>,
    },
}

impl ExplainError {
    /// A field that is not there.
    pub fn no_field(path: &Path, object: ObjectId, document: &Node) -> Self {
        let hint = near(path, document);
        ExplainError::NoField { path: path.clone(), object: Box::new(object), hint }
    }

    /// A value that is not there.
    pub fn no_value(path: &Path, values: &Node) -> Self {
        ExplainError::NoValue { path: path.clone(), hint: near(path, values) }
    }
}

impl From<ExplainError> for Diagnostic {
    fn from(error: ExplainError) -> Self {
        let note = match &error {
            ExplainError::NoObject { hint, .. }
            | ExplainError::NoField { hint, .. }
            | ExplainError::NoValue { hint, .. } => hint.clone(),
            ExplainError::Ambiguous { .. } => {
                Some("name its kind and its namespace: `KIND NAMESPACE/NAME`".to_owned())
            }
            ExplainError::Broken { .. } => None,
        };
        note.into_iter().fold(Diagnostic::new(error.to_string()), Diagnostic::note)
    }
}

/// What there is at the step where a path leads nowhere.
fn near(path: &Path, root: &Node) -> Option<String> {
    let (mut node, mut way) = (root, Path::root());
    for segment in path.segments() {
        let mut step = way.clone();
        step.push(segment.clone());
        if let Some(next) = step.find(root) {
            (node, way) = (next, step);
            continue;
        }
        let at = if way.is_root() { "here".to_owned() } else { format!("in `{way}`") };
        return match (segment, &node.value) {
            (Segment::Key(key), Value::Mapping(map)) => {
                let names: Vec<&str> = map.keys().map(String::as_str).collect();
                name_hint(key, &names).map(|hint| match hint.strip_prefix("allowed ") {
                    Some(list) => format!(
                        "{at} {}",
                        list.replacen("is ", "stands ", 1).replacen("are ", "stand ", 1)
                    ),
                    None => hint,
                })
            }
            (_, Value::Sequence(items)) => match items.len() {
                0 => Some(format!("`{way}` is an empty list")),
                1 => Some(format!("`{way}` is a list of 1 item: `[0]`")),
                count => {
                    Some(format!("`{way}` is a list of {count} items: `[0]` to `[{}]`", count - 1))
                }
            },
            _ if way.is_root() => None,
            _ => Some(format!("`{way}` is {}", node.kind())),
        };
    }
    None
}
