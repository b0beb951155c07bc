//! Checks that each interpolation became one whole node of the rendered YAML.
//!
//! The rules for templates ensure this line by line; this check of the result ensures that no
//! combination of lines can turn a value into structure.

use std::collections::VecDeque;

use yaml_spans::source::{Origin, Sources, Span};
use yaml_spans::{Node, Value};

/// The interpolations of a rendered text that are not whole nodes of its documents, as spans of the
/// output.
pub fn partial_interpolations(
    sources: &Sources,
    output: yaml_spans::source::SourceId,
    documents: &[Node],
) -> Vec<Span> {
    let interpolations = sources.get(output).origins().iter().filter(|origin| origin.interpolated);
    let mut search = Search {
        left: interpolations
            .map(|Origin { output: range, .. }| Span::new(output, range.start, range.end))
            .collect(),
        partial: Vec::new(),
    };
    documents.iter().for_each(|document| search.visit(document));
    search.partial.extend(search.left);
    search.partial
}

/// Both the interpolations and the nodes come in the order of their first bytes, so one pass compares them.
struct Search {
    /// The interpolations at and after the node that was visited last.
    left: VecDeque<Span>,
    partial: Vec<Span>,
}

impl Search {
    fn visit(&mut self, node: &Node) {
        node.span.into_iter().for_each(|span| self.visit_span(span));
        match &node.value {
            Value::Sequence(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Mapping(map) => {
                for entry in map.values() {
                    entry.key_span.into_iter().for_each(|span| self.visit_span(span));
                    self.visit(&entry.node);
                }
            }
            _ => {}
        }
    }

    /// Drops an interpolation that is the node; sets aside those that the nodes have passed.
    fn visit_span(&mut self, node: Span) {
        while let Some(next) = self.left.front()
            && (*next == node || next.start < node.start)
        {
            self.partial.extend(self.left.pop_front().filter(|next| *next != node));
        }
    }
}
