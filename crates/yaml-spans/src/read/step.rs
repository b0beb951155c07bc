//! The way to a node while it is read.

use crate::node::Node;
use crate::path::{Path, Segment};
use crate::source::Span;

/// The last step of the way to a node; the steps before it lie on the stack, so that a path costs
/// nothing until an error needs it.
pub(super) struct Step<'r> {
    parent: Option<&'r Step<'r>>,
    segment: Option<Name<'r>>,
    /// What a message about the node as a whole points at: its key, if it has one.
    pub(super) head: Option<Span>,
}

#[derive(Clone, Copy)]
enum Name<'r> {
    Key(&'r str),
    Index(usize),
}

impl<'r> Step<'r> {
    pub(super) fn root(node: &Node) -> Self {
        Step { parent: None, segment: None, head: first_line(node) }
    }

    pub(super) fn key(&'r self, key: &'r str, span: Option<Span>) -> Step<'r> {
        Step { parent: Some(self), segment: Some(Name::Key(key)), head: span }
    }

    pub(super) fn index(&'r self, index: usize, node: &Node) -> Step<'r> {
        let segment = Some(Name::Index(index));
        Step { parent: Some(self), segment, head: first_line(node) }
    }

    pub(super) fn path(&self) -> Path {
        let mut path = match self.parent {
            Some(parent) => parent.path(),
            None => Path::root(),
        };
        match self.segment {
            Some(Name::Key(key)) => path.push(Segment::Key(key.to_owned())),
            Some(Name::Index(index)) => path.push(Segment::Index(index)),
            None => {}
        }
        path
    }
}

/// The first key of a map, or the node itself.
fn first_line(node: &Node) -> Option<Span> {
    let first = node.as_mapping().and_then(|map| map.first());
    first.and_then(|(_, entry)| entry.key_span).or(node.span)
}
