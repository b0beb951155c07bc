//! From what a rule speaks of to the text that a person changes.

use yaml_spans::source::Span;
use yaml_spans::{Node, Path, Segment, Value};

/// Where a path was written: the scalar itself, or the key of a map or a list; of what would hold it,
/// where it was not written at all.
pub(super) fn written(tree: &Node, path: &Path) -> Option<Span> {
    let mut node = tree;
    let mut best = None;
    for segment in path.segments() {
        let next = match (segment, &node.value) {
            (Segment::Key(key), Value::Mapping(map)) => {
                let Some(entry) = map.get(key) else { break };
                best = entry.key_span.or(best);
                &entry.node
            }
            (Segment::Index(index), Value::Sequence(items)) => match items.get(*index) {
                Some(item) => item,
                None => break,
            },
            _ => break,
        };
        if !matches!(next.value, Value::Mapping(_)) || matches!(segment, Segment::Index(_)) {
            best = match next.value {
                Value::Sequence(_) => best,
                _ => next.span.or(best),
            };
        }
        node = next;
    }
    best.or(tree.span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml_spans::source::{Source, Sources};
    use yaml_spans::{Dialect, parse};

    #[test]
    fn a_path_leads_to_its_scalar_or_its_key_or_what_would_hold_it() {
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
            let span = written(&tree, &path.parse().unwrap()).unwrap();
            let line = sources.place(span).line;
            assert_eq!((line, sources.slice(span)), place, "{path}");
        }
    }
}
