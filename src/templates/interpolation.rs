//! The proof that a value became a value: each interpolation is one whole node of the YAML that
//! came out.
//!
//! The rules that templates are loaded by make it so line by line; this holds the result to it, so
//! that no combination of lines can make a value into structure.

use yaml_spans::source::{Origin, Sources, Span};
use yaml_spans::{Node, Value};

/// The interpolations of a rendered text that are no whole node of its documents, as spans of the
/// output.
pub fn unwhole(
    sources: &Sources,
    output: yaml_spans::source::SourceId,
    documents: &[Node],
) -> Vec<Span> {
    // Sorted rather than hashed: it is asked for a few of its many spans.
    let mut whole = Vec::new();
    documents.iter().for_each(|document| collect(document, &mut whole));
    whole.sort_unstable();
    let is_part = |origin: &&Origin| {
        let span = (origin.output.start, origin.output.end);
        origin.interpolated && whole.binary_search(&span).is_err()
    };
    let span = |origin: &Origin| Span::new(output, origin.output.start, origin.output.end);
    sources.get(output).origins().iter().filter(is_part).map(span).collect()
}

fn collect(node: &Node, whole: &mut Vec<(u32, u32)>) {
    let mut add = |span: Option<Span>| whole.extend(span.map(|span| (span.start, span.end)));
    add(node.span);
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, whole)),
        Value::Mapping(map) => {
            map.values().for_each(|entry| add(entry.key_span));
            map.values().for_each(|entry| collect(&entry.node, whole));
        }
        _ => {}
    }
}
