//! The texts of a tree, each with the name that it is the value of.

use yaml_spans::{Node, Path, Segment, Value};

/// A text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text<'a> {
    /// The nearest key above it. In a map with `name` and `value`, such as a container's variable, the
    /// value has that name.
    pub name: &'a str,
    /// The text before it in the same list, such as the flag of an argument.
    pub previous: Option<&'a str>,
    /// The text itself.
    pub text: &'a str,
}

/// The path of a text in a tree. It borrows the keys: few texts are reported, and only their paths are needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextPath<'a> {
    above: Option<&'a TextPath<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl TextPath<'_> {
    fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        std::iter::successors(Some(self), |path| path.above).map(|path| path.step)
    }

    /// The keys in it, the last first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.steps().filter_map(|step| match step {
            Step::Key(key) => Some(key),
            Step::Root | Step::Index(_) => None,
        })
    }

    /// The path from the root.
    pub fn to_path(self) -> Path {
        let mut path = self.above.map_or_else(Path::root, |above| above.to_path());
        match self.step {
            Step::Root => {}
            Step::Key(key) => path.push(Segment::Key(key.to_owned())),
            Step::Index(index) => path.push(Segment::Index(index)),
        }
        path
    }
}

/// Visits every text of a tree, in order.
pub(super) fn visit_texts<'a>(root: &'a Node, visit: &mut dyn FnMut(&TextPath<'_>, Text<'a>)) {
    let start = Text { name: "", previous: None, text: "" };
    visit_below(root, &TextPath { above: None, step: Step::Root }, start, visit);
}

/// Visits the texts of a node; `at` has its name and the text before it. The parser limits the depth.
fn visit_below<'a>(
    node: &'a Node,
    path: &TextPath<'_>,
    at: Text<'a>,
    visit: &mut dyn FnMut(&TextPath<'_>, Text<'a>),
) {
    let below = |step| TextPath { above: Some(path), step };
    match &node.value {
        Value::String(text) => visit(path, Text { text, ..at }),
        Value::Mapping(map) => {
            let variable = map.get("name").and_then(|entry| entry.node.as_str());
            for (key, entry) in map {
                let name = match variable {
                    Some(variable) if key == "value" => variable,
                    _ => key,
                };
                let text = Text { name, previous: None, ..at };
                visit_below(&entry.node, &below(Step::Key(key)), text, visit);
            }
        }
        Value::Sequence(items) => {
            let mut previous = None;
            for (index, item) in items.iter().enumerate() {
                visit_below(item, &below(Step::Index(index)), Text { previous, ..at }, visit);
                previous = item.as_str();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml_spans::source::{Source, Sources};
    use yaml_spans::{Dialect, parse};

    #[test]
    fn each_text_has_its_name_and_the_text_before_it() {
        let text = "env:\n  - {name: A, value: x}\n  - {name: B}\nargs: [--key, z]\nport: 1\n";
        let mut sources = Sources::new();
        let source = sources.add(Source::written("v.yaml", text));
        let tree = parse(&sources, source, Dialect::Strict).unwrap().remove(0);
        let mut seen = Vec::new();
        visit_texts(&tree, &mut |path, text| {
            let path = path.to_path();
            seen.push(format!("{path} {} {:?} {}", text.name, text.previous, text.text));
        });
        let expected = [
            "env[0].name name None A",
            "env[0].value A None x",
            "env[1].name name None B",
            "args[0] args None --key",
            "args[1] args Some(\"--key\") z",
        ];
        assert_eq!(seen, expected);
    }
}
