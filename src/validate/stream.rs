//! Streams of JSON objects, one after the other without a separator, as `kubectl get -o json` of several
//! files or `jq` writes them. kubectl reads them; a YAML reader does not.
//! Source: apimachinery `pkg/util/yaml`, `YAMLOrJSONDecoder`.

use serde::de::IgnoredAny;
use yaml_spans::source::{Source, SourceId, Sources};
use yaml_spans::{Dialect, Node, parse};

/// The most documents of a stream. Each becomes a source of its own, with the lines before it left empty.
const MAX_DOCUMENTS: usize = 1000;

/// Parses a text as a stream of JSON objects, each with its place in the text. `None` if it is not one.
pub fn parse_json(sources: &mut Sources, id: SourceId) -> Option<Vec<Node>> {
    let text = sources.get(id).text().to_owned();
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let name = sources.get(id).name().to_owned();
    let mut nodes = Vec::new();
    for (start, end) in object_ranges(&text)? {
        let padded = format!("{}{}", blank(&text[..start]), &text[start..end]);
        let id = sources.add(Source::written(name.clone(), padded));
        nodes.extend(parse(sources, id, Dialect::Kubectl).ok()?);
    }
    Some(nodes)
}

/// The bytes of each JSON value of a stream.
fn object_ranges(text: &str) -> Option<Vec<(usize, usize)>> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut ranges = Vec::new();
    let mut start = 0;
    while let Some(value) = stream.next() {
        value.ok()?;
        let end = stream.byte_offset();
        let spaces = text[start..end].len() - text[start..end].trim_start().len();
        ranges.push((start + spaces, end));
        start = end;
    }
    (ranges.len() <= MAX_DOCUMENTS).then_some(ranges)
}

/// A text with the same lines, of which only the last has characters: spaces.
fn blank(text: &str) -> String {
    let (lines, last) = match text.rsplit_once('\n') {
        Some((lines, last)) => (lines.matches('\n').count() + 1, last),
        None => (0, text),
    };
    "\n".repeat(lines) + &" ".repeat(last.chars().count())
}
