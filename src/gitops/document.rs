//! One file of the wiring.

use kube_validate::AllowedKinds;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Sources;
use yaml_spans::{self, Node};

/// One file of the wiring.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its name under `--out`.
    pub file: String,
    /// Its text, comments first.
    pub text: String,
    /// The object; none for a text of another kind, such as a workflow.
    pub node: Option<Node>,
}

impl Document {
    /// An object, held against its type.
    ///
    /// # Errors
    /// What is wrong with it: then this program is wrong, or values say what no controller takes.
    pub(super) fn object(
        file: impl Into<String>,
        comment: &str,
        node: Node,
    ) -> Result<Self, Diagnostics> {
        check(node.clone())?;
        Ok(Self::patch(file, comment, node))
    }

    /// A part of an object: its caller holds the whole against its type.
    pub(super) fn patch(file: impl Into<String>, comment: &str, node: Node) -> Self {
        let comment: String =
            comment.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect();
        Document { file: file.into(), text: comment + &yaml_spans::emit(&node), node: Some(node) }
    }
}

/// Holds an object against its type.
pub(super) fn check(node: Node) -> Result<(), Diagnostics> {
    // Nothing here was read from a file, so no place is looked up.
    let sources = Sources::new();
    match kube_validate::validate(node, &AllowedKinds::none()) {
        Ok(_) => Ok(()),
        Err(errors) => {
            let found = errors.iter().map(|error| error.diagnose(&sources));
            let found =
                found.map(|diagnostic| Diagnostic { notes: vec![NOTE.to_owned()], ..diagnostic });
            Err(Diagnostics(found.collect()))
        }
    }
}

const NOTE: &str = "in the wiring that `gitops` of the values describes";
