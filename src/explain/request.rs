//! An object and a field of it, as a user copies them from `rendered/` or from a diff.
//!
//! In: words such as `deployment/x .spec.replicas`, `Deployment ns/x spec`, or a file and a line of it.
//! Out: the object's name and the field's path.

use super::naming::is_kind;
use super::{ExplainError, Field, Rendering};
use kube_validate::ObjectId;
use yaml_spans::source::{Sources, Span};
use yaml_spans::{Node, Path, PathError, Segment, Value, suggest};

/// An object and a field of it, as a user names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRequest {
    /// The object: see [`ObjectName`](super::ObjectName).
    pub object: String,
    /// The field; the root for the whole object.
    pub path: Path,
}

impl FieldRequest {
    /// Reads `OBJECT [PATH]`, or `KIND NAME [PATH]` as two words. A word after a kind is a name if it is
    /// that of an object of the kind, or similar to it, or has the slash of a namespace; else it is a path.
    ///
    /// # Errors
    /// A path is invalid, or there is a word too many.
    pub fn parse(words: &[String], all: &[ObjectId]) -> Result<Self, ExplainError> {
        let (object, rest) = match words {
            [] => (String::new(), words),
            [kind, name, rest @ ..] if is_name_of_kind(name, kind, all) => {
                (format!("{kind} {name}"), rest)
            }
            [object, rest @ ..] => (object.clone(), rest),
        };
        match rest {
            [] => Ok(FieldRequest { object, path: Path::root() }),
            [path] => Ok(FieldRequest { object, path: parse_path(path)? }),
            [_, extra, ..] => Err(ExplainError::ExtraWord { word: extra.clone() }),
        }
    }
}

fn is_name_of_kind(name: &str, kind: &str, all: &[ObjectId]) -> bool {
    let of_kind: Vec<&ObjectId> = all.iter().filter(|id| is_kind(kind, id)).collect();
    let names = || of_kind.iter().map(|id| id.name.as_str());
    let is_path = name.starts_with(['.', '[']) || name.contains('[');
    !of_kind.is_empty()
        && !is_path
        && (name.contains('/')
            || names().any(|known| known == name)
            || suggest(name, names()).is_some())
}

/// Parses a field's path, also as `kubectl` and `jq` write it: `.spec.replicas`, `{.spec.replicas}`.
///
/// # Errors
/// The text is not a path.
pub fn parse_path(text: &str) -> Result<Path, PathError> {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let inner = inner.strip_prefix('$').unwrap_or(inner);
    match inner.strip_prefix('.') {
        Some("") => Ok(Path::root()),
        Some(rest) if !rest.starts_with('.') => rest.parse(),
        _ => text.parse(),
    }
}

/// A file as a user names it, perhaps with a line: `rendered/tts/service-x.yaml:7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePlace<'a> {
    /// The file's path.
    pub file: &'a str,
    /// The line, counted from 1.
    pub line: Option<u32>,
}

impl<'a> FilePlace<'a> {
    /// Parses `FILE`, `FILE:LINE` or `FILE:LINE:COLUMN`; `None` if the text does not end like the name of
    /// a manifest or a template.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut file = text;
        let mut line = None;
        for _ in 0..2 {
            let Some((rest, number)) = file.rsplit_once(':') else { break };
            let Ok(number) = number.parse() else { break };
            (file, line) = (rest, Some(number));
        }
        let ends = [".yaml", ".yml", ".json", TEMPLATE_END];
        ends.iter().any(|end| file.ends_with(end)).then_some(FilePlace { file, line })
    }

    /// Returns true for a template.
    pub fn is_template(&self) -> bool {
        self.file.ends_with(TEMPLATE_END)
    }

    /// The fields that a line of a template wrote, without those inside others.
    ///
    /// # Errors
    /// There are none, or there is no line.
    pub fn find_written(&self, rendering: &Rendering) -> Result<Vec<Field>, ExplainError> {
        let mut fields = Vec::new();
        for (root, _) in rendering.objects() {
            if let (Some(line), Some(document)) = (self.line, rendering.document(&root)) {
                let is_here = |span: Span| {
                    let place = rendering.sources.place(span);
                    place.line == line && is_same_name(self.file, &place.name)
                };
                let mut path = Path::root();
                collect_written(document, &mut path, &is_here, &mut |path| {
                    fields.push(Field { path, ..root.clone() });
                });
            }
        }
        if fields.is_empty() {
            let problem = match self.line {
                Some(line) => format!("no field of an object comes from line {line}"),
                None => "add a line, `FILE:LINE`".to_owned(),
            };
            return Err(ExplainError::File { file: self.file.to_owned(), problem });
        }
        Ok(fields)
    }

    /// The path of the value on this line of a values file, or below the comment on it.
    ///
    /// # Errors
    /// There is no value.
    pub fn find_value(&self, tree: &Node, sources: &Sources) -> Result<Path, ExplainError> {
        let Some(line) = self.line else { return Ok(Path::root()) };
        let text = tree.span.map(|span| sources.get(span.source).text()).unwrap_or_default();
        let is_content = |text: &str| !text.trim().is_empty() && !text.trim().starts_with('#');
        let next = (line..).zip(text.lines().skip(line.saturating_sub(1) as usize));
        match next.into_iter().find(|(_, text)| is_content(text)) {
            Some((line, _)) => Ok(path_at_line(tree, line, sources)),
            None => Err(ExplainError::File {
                file: self.file.to_owned(),
                problem: format!("there is no value from line {line} on"),
            }),
        }
    }

    /// The document on this line, and the path of the line's field in it. Without a line, the only
    /// document and its root.
    ///
    /// # Errors
    /// The line is after the last document, or there are several documents and no line is given.
    pub fn find<'n>(
        &self,
        documents: &'n [Node],
        sources: &Sources,
    ) -> Result<(&'n Node, Path), ExplainError> {
        let unclear = |problem: &str| ExplainError::File {
            file: self.file.to_owned(),
            problem: problem.to_owned(),
        };
        let Some(line) = self.line else {
            return match documents {
                [one] => Ok((one, Path::root())),
                [] => Err(unclear("it has no object")),
                many => {
                    Err(unclear(&format!("it has {} objects: add a line, `FILE:LINE`", many.len())))
                }
            };
        };
        // A comment belongs to the document below it.
        let found = documents
            .iter()
            .find(|document| document.span.is_none_or(|span| last_line(sources, span) >= line));
        let Some(document) = found else {
            return Err(unclear(&format!("line {line} is after its last object")));
        };
        Ok((document, path_at_line(document, line, sources)))
    }
}

/// The end of a template's name.
const TEMPLATE_END: &str = ".j2";

/// Returns true if a user's path is that of a template, by the template's name in messages.
fn is_same_name(path: &str, name: &str) -> bool {
    let name = name.strip_suffix(" (built in)").unwrap_or(name);
    path == name || path.strip_suffix(name).is_some_and(|before| before.ends_with('/'))
}

/// Reports the paths of the outermost entries and items that begin at a place.
fn collect_written(
    node: &Node,
    path: &mut Path,
    is_here: &impl Fn(Span) -> bool,
    report: &mut impl FnMut(Path),
) {
    for (segment, start, child) in children_of(node) {
        path.push(segment);
        match start {
            Some(span) if is_here(span) => report(path.clone()),
            _ => collect_written(child, path, is_here, report),
        }
        path.pop();
    }
}

/// The entries or items of a node, each with the place where it begins.
fn children_of(node: &Node) -> Vec<(Segment, Option<Span>, &Node)> {
    match &node.value {
        Value::Mapping(map) => map
            .iter()
            .map(|(key, entry)| (Segment::Key(key.clone()), entry.key_span, &entry.node))
            .collect(),
        Value::Sequence(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (Segment::Index(index), item.span, item))
            .collect(),
        _ => Vec::new(),
    }
}

fn first_line(sources: &Sources, span: Span) -> u32 {
    sources.place(span).line
}

fn last_line(sources: &Sources, span: Span) -> u32 {
    sources.place(Span::new(span.source, span.end, span.end)).line
}

/// The path of the outermost node that begins on a line, else of the innermost that contains it; the root
/// above the first.
fn path_at_line(root: &Node, line: u32, sources: &Sources) -> Path {
    let mut path = Path::root();
    let mut node = root;
    loop {
        let children = children_of(node);
        let begins =
            |span: Option<Span>| span.is_some_and(|span| first_line(sources, span) == line);
        if let Some((segment, ..)) = children.iter().find(|(_, start, _)| begins(*start)) {
            path.push(segment.clone());
            return path;
        }
        let contains = |(_, start, child): &&(Segment, Option<Span>, &Node)| {
            let is_after = start.is_some_and(|span| first_line(sources, span) < line);
            is_after && child.span.is_some_and(|span| last_line(sources, span) >= line)
        };
        let Some((segment, _, child)) = children.iter().find(contains) else { return path };
        path.push(segment.clone());
        node = child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml_spans::Dialect;
    use yaml_spans::source::Source;

    fn id(kind: &str, name: &str) -> ObjectId {
        ObjectId {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: Some("ns".to_owned()),
            name: name.to_owned(),
        }
    }

    #[test]
    fn words_name_an_object_and_a_path() {
        let all = [id("Deployment", "web"), id("Service", "web"), id("Service", "spec")];
        for (words, object, path) in [
            (&["deployment/web"][..], "deployment/web", ""),
            (&["deployment/web", ".spec.replicas"], "deployment/web", "spec.replicas"),
            (&["deployment/web", "{.spec.replicas}"], "deployment/web", "spec.replicas"),
            (&["deploy", "web"], "deploy web", ""),
            (&["Deployment", "ns/web", "spec"], "Deployment ns/web", "spec"),
            (&["Deployment", "wen", "spec"], "Deployment wen", "spec"),
            (&["deployment", "spec"], "deployment", "spec"),
            (&["svc", "spec"], "svc spec", ""),
            (&["deployment", ".spec[\"a/b\"]"], "deployment", "spec[\"a/b\"]"),
            (&["web", "spec"], "web", "spec"),
            (&["web", "."], "web", ""),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let request = FieldRequest::parse(&words, &all).unwrap();
            assert_eq!(
                (request.object.as_str(), request.path.to_string().as_str()),
                (object, path)
            );
        }
        let words = ["web", "spec", "replicas"].map(str::to_owned);
        let error = FieldRequest::parse(&words, &all).unwrap_err();
        assert_eq!(error, ExplainError::ExtraWord { word: "replicas".to_owned() });
        assert!(parse_path("..a").is_err());
    }

    #[test]
    fn a_file_may_have_a_line_and_a_column() {
        for (text, file, line) in [
            ("a/b.yaml", "a/b.yaml", None),
            ("a/b.yaml:17", "a/b.yaml", Some(17)),
            ("a/b.yml:17:3", "a/b.yml", Some(17)),
            ("b.json:1", "b.json", Some(1)),
        ] {
            assert_eq!(FilePlace::parse(text), Some(FilePlace { file, line }), "{text}");
        }
        assert!(is_same_name("./templates/a.yaml.j2", "templates/a.yaml.j2"));
        assert!(is_same_name("templates/a.yaml.j2", "templates/a.yaml.j2 (built in)"));
        assert!(!is_same_name("xtemplates/a.yaml.j2", "templates/a.yaml.j2"));
        for text in ["deployment/b", "a:17", "clusterrole/system:x:1", "a.yaml:x"] {
            assert_eq!(FilePlace::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_line_leads_to_its_field() {
        let text = "# head\na:\n  b:\n    - name: x\n      value: 1\n    - name: y\n  c: |\n    one\n    two\n---\n# next\nd: {e: f}\n";
        let mut sources = Sources::new();
        let source = sources.add(Source::written("a.yaml", text));
        let documents = yaml_spans::parse(&sources, source, Dialect::Kubectl).unwrap();
        for (line, document, path) in [
            (1, 0, ""),
            (2, 0, "a"),
            (3, 0, "a.b"),
            (4, 0, "a.b[0]"),
            (5, 0, "a.b[0].value"),
            (6, 0, "a.b[1]"),
            (7, 0, "a.c"),
            (9, 0, "a.c"),
            (11, 1, ""),
            (12, 1, "d"),
        ] {
            let place = FilePlace { file: "a.yaml", line: Some(line) };
            let (found, at) = place.find(&documents, &sources).unwrap();
            assert_eq!((found, at.to_string().as_str()), (&documents[document], path), "{line}");
        }
        let find = |line| {
            let place = FilePlace { file: "a.yaml", line };
            place.find(&documents, &sources).unwrap_err().to_string()
        };
        assert_eq!(find(Some(13)), "`a.yaml`: line 13 is after its last object");
        assert_eq!(find(None), "`a.yaml`: it has 2 objects: add a line, `FILE:LINE`");
    }
}
