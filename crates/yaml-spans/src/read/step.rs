//! The path to a node while it is read.

use crate::node::Node;
use crate::path::{Path, Segment};
use crate::source::Span;

/// The last step of the path to a node. The steps before it are on the stack, so that a path is
/// allocated only for an error.
pub(super) struct Step<'r> {
    parent: Option<&'r Step<'r>>,
    name: Name<'r>,
    /// The number of steps from the root.
    depth: usize,
    /// The place of a message about the node as a whole: its key, if it has one.
    pub(super) head: Option<Span>,
}

#[derive(Clone, Copy)]
enum Name<'r> {
    Root,
    Key(&'r str),
    Index(usize),
}

impl<'r> Step<'r> {
    pub(super) fn root(node: &Node) -> Self {
        Step { parent: None, name: Name::Root, depth: 0, head: first_line(node) }
    }

    /// The step into a map.
    pub(super) fn key(&'r self, key: &'r str, span: Option<Span>) -> Step<'r> {
        Step { parent: Some(self), name: Name::Key(key), depth: self.depth + 1, head: span }
    }

    /// The step into a list.
    pub(super) fn index(&'r self, index: usize, item: &Node) -> Step<'r> {
        let head = first_line(item);
        Step { parent: Some(self), name: Name::Index(index), depth: self.depth + 1, head }
    }

    /// The path of this node.
    pub(super) fn path(&self) -> Path {
        let mut path = self.parent.map_or_else(Path::root, Step::path);
        match self.name {
            Name::Root => {}
            Name::Key(key) => path.push(Segment::Key(key.to_owned())),
            Name::Index(index) => path.push(Segment::Index(index)),
        }
        path
    }

    /// Returns true if this node has that path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.matches(path.segments())
    }

    /// The last segment of `path`, if this node is its parent.
    pub(super) fn child_of<'p>(&self, path: &'p Path) -> Option<&'p Segment> {
        let (last, parent) = path.segments().split_last()?;
        self.matches(parent).then_some(last)
    }

    /// Compares from the last segment on, where different paths mostly differ.
    fn matches(&self, segments: &[Segment]) -> bool {
        if segments.len() != self.depth {
            return false;
        }
        let mut step = self;
        for segment in segments.iter().rev() {
            let same = match (segment, step.name) {
                (Segment::Key(key), Name::Key(name)) => key == name,
                (Segment::Index(index), Name::Index(name)) => *index == name,
                _ => false,
            };
            match step.parent {
                Some(parent) if same => step = parent,
                _ => return false,
            }
        }
        true
    }
}

/// The place of a map's first key, or that of any other node.
fn first_line(node: &Node) -> Option<Span> {
    let first = node.as_mapping().and_then(|map| map.first());
    first.and_then(|(_, entry)| entry.key_span).or(node.span)
}
