//! The text that a person wrote for a path of a tree.

use yaml_spans::source::Span;
use yaml_spans::{Node, Path, Segment, Value};

/// The text of the value at a path: the scalar itself, or the key of a map or a list. If the value
/// was not written, the text of its nearest ancestor that was.
pub(crate) fn nearest_written(tree: &Node, path: &Path) -> Option<Span> {
    let mut node = tree;
    let mut nearest = None;
    for segment in path.segments() {
        let next = match (segment, &node.value) {
            (Segment::Key(key), Value::Mapping(map)) => {
                let Some(entry) = map.get(key) else { break };
                nearest = entry.key_span.or(nearest);
                &entry.node
            }
            (Segment::Index(index), Value::Sequence(items)) => match items.get(*index) {
                Some(item) => item,
                None => break,
            },
            _ => break,
        };
        if !matches!(next.value, Value::Mapping(_)) || matches!(segment, Segment::Index(_)) {
            nearest = match next.value {
                Value::Sequence(_) => nearest,
                _ => next.span.or(nearest),
            };
        }
        node = next;
    }
    nearest.or(tree.span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml_spans::source::{Source, Sources};
    use yaml_spans::{Dialect, parse};

    #[test]
    fn a_path_leads_to_its_scalar_or_its_key_or_its_nearest_written_ancestor() {
        let text = "gate:\n  floor: 6Gi\n  image:\n    tag: x\nclients:\n  - name: a\n";
        let mut sources = Sources::new();
        let source = sources.add(Source::written("v.yaml", text));
        let tree = parse(&sources, source, Dialect::Strict).unwrap().remove(0);
        for (path, place) in [
            ("gate.floor", (2, "6Gi")),
            ("gate.image", (3, "image")),
            ("gate.samples", (1, "gate")),
            ("clients[0].name", (6, "a")),
            ("clients[0].env.URL", (6, "name: a")),
            ("clients", (5, "clients")),
        ] {
            let span = nearest_written(&tree, &path.parse().unwrap()).unwrap();
            let line = sources.place(span).line;
            assert_eq!((line, sources.slice(span)), place, "{path}");
        }
    }
}
