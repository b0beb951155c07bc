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

#[cfg(test)]
mod tests {
    use yaml_spans::Dialect;
    use yaml_spans::source::Source;

    use super::*;

    /// The interpolations of a rendered text that are not whole nodes. `<` and `>` mark each interpolation.
    fn find_partial(marked: &str) -> Vec<String> {
        let mut sources = Sources::new();
        let template = sources.add(Source::written("t", marked));
        let (mut text, mut origins, mut start) = (String::new(), Vec::new(), 0);
        for char in marked.chars() {
            match char {
                '<' => start = text.len() as u32,
                '>' => origins.push(Origin {
                    output: start..text.len() as u32,
                    template: Span::new(template, 0, 0),
                    interpolated: true,
                }),
                char => text.push(char),
            }
        }
        let output = sources.add(Source::rendered("t", text.clone(), origins));
        let documents = yaml_spans::parse(&sources, output, Dialect::Strict).unwrap();
        let partial = partial_interpolations(&sources, output, &documents).into_iter();
        partial.map(|span| text[span.start as usize..span.end as usize].to_owned()).collect()
    }

    #[test]
    fn whole_scalars_keys_and_collections_are_allowed() {
        for text in [
            "<a>: <1>\n<\"b\">: [<x>, <z>]\nc: <{\"d\": [1, {\"e\": 2}]}>\n",
            "- <a>: <b>\n- <c>\n---\n<d>:\n  <e>: <f>\n",
        ] {
            assert_eq!(find_partial(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn parts_of_scalars_comments_and_several_nodes_are_found() {
        for (text, expected) in [
            ("a: <x> y\n", &["x"][..]),
            ("a: x<y>\nb: <c>\n", &["y"]),
            ("a<b>: c\nd: \"e<f>\"\n", &["b", "f"]),
            ("a: b\n# <c>\nd: <e>\n# <f>\n", &["c", "f"]),
            ("a: [<b, c>]\nd: <e>\n", &["b, c"]),
            ("a:\n  <b: c\n  d>: e\n", &["b: c\n  d"]),
        ] {
            assert_eq!(find_partial(text), expected, "{text}");
        }
    }
}
