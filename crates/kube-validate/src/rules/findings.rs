//! The findings of one object.

use crate::error::Problem;
use yaml_spans::diagnostic::{Hint, Located};
use yaml_spans::source::Span;
use yaml_spans::{Path, Segment};

use super::node_ref::NodeRef;

/// The most findings of one object. A hostile object can have millions, each with its own path.
const MAX_FINDINGS: usize = 200;

/// The treatment of items of a list whose keys are equal, where the list is a map by these keys
/// (`x-kubernetes-list-map-keys`): server-side apply refuses them, a create takes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ListKeys {
    /// The object may be applied: equal keys are a finding.
    #[default]
    Unique,
    /// The object may be created: equal keys are allowed.
    Any,
}

/// The findings of an object so far, and the state of the walk through it.
#[derive(Default)]
pub struct Findings {
    /// The path of the structure that is being checked.
    pub path: Path,
    /// The findings, in the order of the walk.
    pub list: Vec<Located<Problem>>,
    /// The names of the volumes that a StatefulSet's `volumeClaimTemplates` add to its Pods.
    pub claims: Vec<String>,
    /// True in a StatefulSet, which sets the host names of its Pods.
    pub in_stateful_set: bool,
    /// The treatment of equal keys in lists that are maps.
    pub keys: ListKeys,
}

impl Findings {
    /// Reports a problem of a value.
    pub fn report(&mut self, node: &NodeRef, problem: Problem) {
        self.report_at(node, node.yaml.span, problem, None);
    }

    /// Reports a problem of a value, with a hint.
    pub fn report_with_hint(&mut self, node: &NodeRef, problem: Problem, hint: impl Into<Hint>) {
        self.report_at(node, node.yaml.span, problem, Some(hint.into()));
    }

    /// Reports a value that is not valid for its field. `expected` completes "expected …".
    pub fn report_invalid(&mut self, node: &NodeRef, value: &str, expected: &str) {
        let problem = Problem::invalid(node.field_name(), value);
        self.report_with_hint(node, problem, format!("expected {expected}"));
    }

    /// Reports a key that is not valid in its map. `expected` completes "expected …".
    pub fn report_invalid_key(&mut self, entry: &NodeRef, key: &str, expected: &str, map: &str) {
        let problem = Problem::invalid_key(map, key);
        self.report_key(entry, problem, Some(format!("expected {expected}").into()));
    }

    /// Reports a problem of a key, or of the field's presence.
    pub fn report_key(&mut self, node: &NodeRef, problem: Problem, hint: Option<Hint>) {
        self.report_at(node, node.key_span().or(node.yaml.span), problem, hint);
    }

    /// Reports fields that contradict one another, at the key of one of them.
    pub fn report_conflict(&mut self, node: &NodeRef, message: impl Into<String>) {
        self.report_key(node, Problem::Conflict(message.into()), None);
    }

    /// Reports a field that a structure lacks.
    pub fn report_missing(&mut self, node: &NodeRef, field: &str) {
        self.report_missing_field(node, field, None);
    }

    /// Reports a field that a structure lacks, with a hint.
    pub fn report_missing_with_hint(&mut self, node: &NodeRef, field: &str, hint: impl Into<Hint>) {
        self.report_missing_field(node, field, Some(hint.into()));
    }

    fn report_missing_field(&mut self, node: &NodeRef, field: &str, hint: Option<Hint>) {
        let mut path = self.path_of(node);
        path.push(Segment::Key(field.to_owned()));
        let error = Problem::Missing(field.to_owned());
        self.push(Located { error, span: node.yaml.span, path, hint });
    }

    fn report_at(
        &mut self,
        node: &NodeRef,
        span: Option<Span>,
        error: Problem,
        hint: Option<Hint>,
    ) {
        let path = self.path_of(node);
        self.push(Located { error, span, path, hint });
    }

    /// Adds a finding that has its place, up to [`MAX_FINDINGS`] of them.
    pub fn push(&mut self, finding: Located<Problem>) {
        if self.list.len() < MAX_FINDINGS {
            self.list.push(finding);
        }
    }

    fn path_of(&self, node: &NodeRef) -> Path {
        let mut path = self.path.clone();
        for segment in node.segments() {
            path.push(segment);
        }
        path
    }
}
