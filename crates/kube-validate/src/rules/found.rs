//! What the rules have found in one object.

use crate::error::Problem;
use yaml_spans::diagnostic::Located;
use yaml_spans::source::Span;
use yaml_spans::{Path, Segment};

use super::at::At;

/// The most findings of one object: more tell nobody anything, and each holds its path.
const MOST: usize = 200;

/// Findings, and the path of the structure that is looked at.
#[derive(Default)]
pub struct Found {
    /// The path of the structure that the rules now look at.
    pub path: Path,
    /// What was found, in the order of the walk.
    pub list: Vec<Located<Problem>>,
    /// The volumes that a StatefulSet's claim templates give its pods.
    pub claims: Vec<String>,
}

impl Found {
    /// Something is wrong with a value.
    pub fn value(&mut self, at: &At, problem: Problem) {
        self.push(at, at.node.span, problem, None);
    }

    /// Something is wrong with a value; says what would be right.
    pub fn value_hint(&mut self, at: &At, problem: Problem, hint: impl Into<String>) {
        self.push(at, at.node.span, problem, Some(hint.into()));
    }

    /// Something is wrong with a key, or with it being there at all.
    pub fn key(&mut self, at: &At, problem: Problem, hint: Option<String>) {
        self.push(at, at.key_span().or(at.node.span), problem, hint);
    }

    /// Fields contradict one another; points at the key of one of them.
    pub fn conflict(&mut self, at: &At, message: impl Into<String>) {
        self.key(at, Problem::Conflict(message.into()), None);
    }

    /// A field is missing in a structure.
    pub fn missing(&mut self, at: &At, field: &str, hint: Option<String>) {
        let mut path = self.path_of(at);
        path.push(Segment::Key(field.to_owned()));
        let error = Problem::Missing(field.to_owned());
        self.add(Located { error, span: at.node.span, path, hint });
    }

    fn push(&mut self, at: &At, span: Option<Span>, error: Problem, hint: Option<String>) {
        let path = self.path_of(at);
        self.add(Located { error, span, path, hint });
    }

    /// A finding that has its place; past [`MOST`] none is taken.
    pub fn add(&mut self, finding: Located<Problem>) {
        if self.list.len() < MOST {
            self.list.push(finding);
        }
    }

    fn path_of(&self, at: &At) -> Path {
        let mut path = self.path.clone();
        for segment in at.segments() {
            path.push(segment);
        }
        path
    }
}
