//! The reasons why there is nothing to explain, with suggestions.

use crate::values::suggest_value;
use kube_validate::ObjectId;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::{Node, Path, PathError, Segment, Value, list_names, suggest};

/// The reason why there is nothing to explain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// A stack does not render.
    #[error("`{file}` does not render: run `tts-render render` for the errors")]
    Broken {
        /// Its values file.
        file: String,
    },
    /// No stack renders the object.
    #[error("no stack renders `{wanted}`")]
    NoObject {
        /// The name in the request.
        wanted: String,
        /// A similar name, or the names that exist.
        hint: Option<String>,
    },
    /// Several objects have the name.
    #[error("`{wanted}` is ambiguous: it may be {}", .found.join(", "))]
    Ambiguous {
        /// The name in the request.
        wanted: String,
        /// Their identities.
        found: Vec<String>,
    },
    /// A word after the object and the path.
    #[error(
        "unexpected argument `{word}`: expected `OBJECT [PATH]`, `KIND NAME [PATH]` or `FILE[:LINE]`"
    )]
    ExtraWord {
        /// The word.
        word: String,
    },
    /// A text that is not a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A file that names no object.
    #[error("`{file}`: {problem}")]
    File {
        /// The file.
        file: String,
        /// The reason.
        problem: String,
    },
    /// The object lacks the field.
    #[error("{object} has no field `{path}`")]
    NoField {
        /// The path in the request.
        path: Path,
        /// The object.
        object: Box<ObjectId>,
        /// The keys or items at the last step that exists.
        hint: Option<String>,
    },
    /// The values lack the path.
    #[error("there is no value `{path}`")]
    NoValue {
        /// The path in the request.
        path: Path,
        /// The value of that name elsewhere, else the keys or items at the last step that exists.
        hint: Option<String>,
    },
}

impl ExplainError {
    /// The error for a missing field.
    pub fn no_field(path: &Path, object: ObjectId, document: &Node) -> Self {
        let hint = suggest_step(path, document);
        ExplainError::NoField { path: path.clone(), object: Box::new(object), hint }
    }

    /// The error for a missing value.
    pub fn no_value(path: &Path, values: &Node) -> Self {
        let hint = suggest_value(path).or_else(|| suggest_step(path, values));
        ExplainError::NoValue { path: path.clone(), hint }
    }
}

impl From<ExplainError> for Diagnostic {
    fn from(error: ExplainError) -> Self {
        let note = match &error {
            ExplainError::NoObject { hint, .. }
            | ExplainError::NoField { hint, .. }
            | ExplainError::NoValue { hint, .. } => hint.clone(),
            ExplainError::Ambiguous { .. } => {
                Some("add what is missing: `KIND NAMESPACE/NAME`".to_owned())
            }
            ExplainError::Broken { .. }
            | ExplainError::ExtraWord { .. }
            | ExplainError::Path(_)
            | ExplainError::File { .. } => None,
        };
        note.into_iter().fold(Diagnostic::new(error.to_string()), Diagnostic::note)
    }
}

/// Suggests a continuation at the first step of a path that does not exist.
fn suggest_step(path: &Path, root: &Node) -> Option<String> {
    let (mut node, mut parent) = (root, Path::root());
    for segment in path.segments() {
        let mut step = parent.clone();
        step.push(segment.clone());
        if let Some(next) = step.find(root) {
            (node, parent) = (next, step);
            continue;
        }
        let place = if parent.is_root() { "here".to_owned() } else { format!("in `{parent}`") };
        return match (segment, &node.value) {
            (Segment::Key(key), Value::Mapping(map)) => {
                let keys: Vec<&str> = map.keys().map(String::as_str).collect();
                match suggest(key, keys.iter().copied()) {
                    Some(near) => Some(format!("did you mean `{near}`?")),
                    None if keys.is_empty() => None,
                    None => Some(format!("keys {place}: {}", list_names(&keys))),
                }
            }
            (_, Value::Sequence(items)) => match items.len() {
                0 => Some(format!("`{parent}` is an empty list")),
                1 => Some(format!("`{parent}` is a list of 1 item: `[0]`")),
                count => Some(format!(
                    "`{parent}` is a list of {count} items: `[0]` to `[{}]`",
                    count - 1
                )),
            },
            _ if parent.is_root() => None,
            _ => Some(format!("`{parent}` is {}", node.kind())),
        };
    }
    None
}
