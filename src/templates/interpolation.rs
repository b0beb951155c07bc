//! Checks that each interpolation became one whole node of the rendered YAML.
//!
//! The rules for templates ensure this line by line; this check of the result ensures that no
//! combination of lines can turn a value into structure.

use yaml_spans::source::{Origin, Sources, Span};
use yaml_spans::{Node, Value};

/// The interpolations of a rendered text that are not whole nodes of its documents, as spans of the
/// output.
pub fn partial_interpolations(
    sources: &Sources,
    output: yaml_spans::source::SourceId,
    documents: &[Node],
) -> Vec<Span> {
    // Sorted rather than hashed, since only a few of its many spans are looked up.
    let mut whole = Vec::new();
    documents.iter().for_each(|document| collect_spans(document, &mut whole));
    whole.sort_unstable();
    let interpolations = sources.get(output).origins().iter().filter(|origin| origin.interpolated);
    interpolations
        .map(|Origin { output, .. }| (output.start, output.end))
        .filter(|range| whole.binary_search(range).is_err())
        .map(|(start, end)| Span::new(output, start, end))
        .collect()
}

fn collect_spans(node: &Node, whole: &mut Vec<(u32, u32)>) {
    whole.extend(node.span.map(|span| (span.start, span.end)));
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| collect_spans(item, whole)),
        Value::Mapping(map) => {
            for entry in map.values() {
                whole.extend(entry.key_span.map(|span| (span.start, span.end)));
                collect_spans(&entry.node, whole);
            }
        }
        _ => {}
    }
}
