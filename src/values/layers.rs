//! Loads [`Values`] from texts: layers are merged as trees, so that every leaf keeps its place in the
//! layer that it comes from; the result is read and checked as a whole.

use std::fmt;
use std::path::Path as FilePath;

use super::schema::Shape;
use super::{Values, check, helm_names};
use crate::budget::{Budget, BudgetExceeded, Resource, count_nodes};
use yaml_spans::diagnostic::{Diagnostics, Hint, Located};
use yaml_spans::source::{Source, SourceId, Sources, Span};
use yaml_spans::{self, Dialect, Entry, Mapping, Node, ParseError, Path, PathError, ReadError};
use yaml_spans::{Segment, Value, suggest};

/// One assignment, `PATH=VALUE`, typed by the schema when it is merged into the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The layer's name in messages: `--set`, or the name of a parameter.
    pub layer: String,
    /// The value's path.
    pub path: Path,
    /// The path as the user wrote it, for messages.
    written_path: String,
    /// The value.
    pub value: Assigned,
}

/// An assigned value.
#[derive(Debug, Clone, PartialEq)]
pub enum Assigned {
    /// One text: a string, or the scalar, list or map that the schema expects; `null` removes the value.
    Text(String),
    /// A text that is a string, whatever it says.
    String(String),
    /// A list: replaces.
    List(Vec<String>),
    /// A map of strings: it replaces the strings of the map that was there, and its own stay strings. Entries that
    /// are not strings stay, because no such map can hold them.
    Map(Vec<(String, String)>),
}

/// A text that is not an assignment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid assignment `{text}`: {expected}")]
pub struct InvalidAssignment {
    text: String,
    expected: String,
}

impl InvalidAssignment {
    fn new(text: &str, expected: impl fmt::Display) -> Self {
        InvalidAssignment { text: text.to_owned(), expected: expected.to_string() }
    }
}

impl Assignment {
    /// An assignment to a path that no user wrote.
    pub fn new(layer: &str, path: Path, value: Assigned) -> Self {
        Assignment { layer: layer.to_owned(), written_path: path.to_string(), path, value }
    }

    /// Parses the `PATH=VALUE` of `--set`, split at the first `=` outside a quoted key.
    pub fn parse(text: &str) -> Result<Self, InvalidAssignment> {
        let (path, value_text) = split_assignment(text)?;
        if let Some(second) = second_assignment(value_text) {
            let first = &text[..text.len() - value_text.len() + second];
            let second = &value_text[second + 1..];
            let expected = format!("expected one value: write `--set {first} --set {second}`");
            return Err(InvalidAssignment::new(text, expected));
        }
        let value = Assigned::Text(value_text.to_owned());
        let written_path = text[..text.len() - value_text.len() - 1].to_owned();
        Ok(Assignment { layer: "--set".to_owned(), path, written_path, value })
    }

    /// Parses the `PATH=TEXT` of `--set-string`: the text is a string as it is.
    pub fn parse_string(text: &str) -> Result<Self, InvalidAssignment> {
        let (path, value) = split_assignment(text)?;
        let written_path = text[..text.len() - value.len() - 1].to_owned();
        let value = Assigned::String(value.to_owned());
        Ok(Assignment { layer: "--set-string".to_owned(), path, written_path, value })
    }
}

/// Splits an assignment at the first `=` outside a quoted key.
fn split_assignment(text: &str) -> Result<(Path, &str), InvalidAssignment> {
    let mut quoted = false;
    let split = text.bytes().enumerate().find_map(|(at, byte)| {
        quoted ^= byte == b'"';
        (byte == b'=' && !quoted).then_some(at)
    });
    let Some(at) = split else {
        let expected = "expected `PATH=VALUE`, such as `gate.floor=7Gi`";
        return Err(InvalidAssignment::new(text, expected));
    };
    let path =
        text[..at].parse().map_err(|error: PathError| InvalidAssignment::new(text, error))?;
    Ok((path, &text[at + 1..]))
}

/// The place of a comma in an assigned text after which another value is assigned, as Helm allows:
/// `7Gi,gate.reserve=1Gi`. Only the path of a value counts, since texts may contain commas.
fn second_assignment(text: &str) -> Option<usize> {
    text.match_indices(',').map(|(at, _)| at).find(|&at| {
        let rest = &text[at + 1..];
        let path = rest.split_once('=').and_then(|(path, _)| path.parse::<Path>().ok());
        path.is_some_and(|path| Shape::of_values().at(&path).is_some())
    })
}

/// The path without the backslashes before dots, as Helm writes keys with dots in them: `a["b.c"]` for
/// `a.b\\.c`. `None` if it has none.
fn without_backslashes(path: &Path) -> Option<Path> {
    let mut segments: Vec<Segment> = Vec::new();
    for segment in path.segments() {
        match (segments.last_mut(), segment) {
            (Some(Segment::Key(last)), Segment::Key(key)) if last.ends_with('\\') => {
                last.pop();
                last.push('.');
                last.push_str(key);
            }
            _ => segments.push(segment.clone()),
        }
    }
    (segments != path.segments()).then(|| segments.into_iter().collect())
}

/// The spelling of a path that was probably meant: `a.0.b` for `a[0].b`, `a.example.com/b` for
/// `a["example.com/b"]`. `None` if no such spelling is the path of a value.
fn suggest_spelling(path: &Path) -> Option<Path> {
    let shape = Shape::of_values();
    if let Some(meant) = without_backslashes(path) {
        return shape.at(&meant).is_some().then_some(meant);
    }
    let indexed = path.segments().iter().fold(Path::root(), |mut indexed, segment| {
        let index = match segment {
            Segment::Key(key) => key.parse().ok(),
            Segment::Index(_) => None,
        };
        let is_list = shape.at(&indexed).is_some_and(|shape| shape.allows("array"));
        indexed.push(match index {
            Some(index) if is_list => Segment::Index(index),
            _ => segment.clone(),
        });
        indexed
    });
    if indexed != *path && shape.at(&indexed).is_some() {
        return Some(indexed);
    }
    let segments = indexed.segments();
    for start in 0..segments.len() {
        for end in start + 2..=segments.len() {
            let Some(key) = join_keys(&segments[start..end]) else { break };
            let rest = segments[end..].iter().cloned();
            let joined = segments[..start].iter().cloned().chain([Segment::Key(key)]).chain(rest);
            let joined: Path = joined.collect();
            if shape.at(&joined).is_some() {
                return Some(joined);
            }
        }
    }
    None
}

/// Returns true if a key is the end of a name with a domain, such as `com/gpu`. Kubernetes allows no other
/// slash in a key, and a quantity's schema allows anything below it.
fn splits_domain(path: &Path) -> bool {
    path.segments().iter().any(|segment| match segment {
        Segment::Key(key) => key.split_once('/').is_some_and(|(domain, _)| !domain.contains('.')),
        Segment::Index(_) => false,
    })
}

/// Keys that were written as one with dots in it.
fn join_keys(segments: &[Segment]) -> Option<String> {
    let keys: Option<Vec<&str>> = segments
        .iter()
        .map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        })
        .collect();
    Some(keys?.join("."))
}

/// The layers of one stack's values, the first the lowest.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Overlays: maps merge, lists and scalars replace, `null` removes.
    pub overlays: Vec<SourceId>,
    /// Single assignments in their order, stronger than overlays.
    pub assignments: Vec<Assignment>,
}

/// An error in a layer or in the values.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// A layer is not YAML that every reader reads alike.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A layer has no document.
    #[error("invalid values file: it is empty, or has only comments: expected a map")]
    Empty,
    /// A layer has more than one document.
    #[error(
        "invalid values file: expected one document, not {0}: delete the line `---`, or move the rest to a file of its own"
    )]
    Documents(usize),
    /// A layer is not a map.
    #[error("invalid values file: expected a map, not {0}")]
    NotAMap(&'static str),
    /// A part of an assignment's path has no such entry.
    #[error("can't set `{path}`: {parent} is {kind}")]
    Unreachable {
        /// The whole path.
        path: Path,
        /// The part.
        parent: String,
        /// Its kind.
        kind: String,
    },
    /// An assignment's path is not a value's, but another spelling of it is.
    #[error("invalid path `{written}`: there is no such value")]
    Misspelled {
        /// The path as it was written.
        written: String,
    },
    /// An assigned text does not have the type that the schema expects.
    #[error("invalid value `{text}`: expected {expected}")]
    Untyped {
        /// The text.
        text: String,
        /// The type.
        expected: &'static str,
    },
    /// A value has the wrong type, is missing or unknown.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The run's budget is spent.
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    /// Values can't work together.
    #[error(transparent)]
    Check(#[from] check::CheckError),
}

type Errors = Vec<Located<LoadError>>;

/// Values with the tree they were read from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub values: Values,
    /// The merged layers, without defaults: every leaf has its place in the layer that sets it.
    pub tree: Node,
}

impl Loaded {
    /// Loads a stack: `base` is its file, `stem` the stem of that file's name.
    ///
    /// # Errors
    /// All of the first stage that has any: layers, then types, then values that can't work together.
    pub fn load(
        sources: &mut Sources,
        base: SourceId,
        stem: &FilePath,
        layers: &Layers,
        budget: &Budget,
    ) -> Result<Self, Diagnostics> {
        let Merged { tree, mut errors, removed } = merge_layers(sources, base, layers, budget)
            .map_err(|errors| Diagnostics::locate(&errors, sources))?;
        match Self::from_tree(tree) {
            Ok(loaded) => {
                errors.extend(check::check_together(&loaded, stem));
                if errors.is_empty() {
                    Ok(loaded)
                } else {
                    Err(Diagnostics::locate(&errors, sources))
                }
            }
            Err(unreadable) => {
                errors.extend(unreadable.into_iter().map(|error| locate_removal(error, &removed)));
                Err(Diagnostics::locate(&errors, sources))
            }
        }
    }

    /// Reads a tree that may not be valid: the same as [`Loaded::from_tree`], without the errors.
    ///
    /// # Errors
    /// The tree, if it is not valid.
    pub fn from_tree_if_valid(tree: Node) -> Result<Self, Node> {
        match yaml_spans::read_if_valid::<Values>(&tree) {
            Some(mut values) => {
                values.set_defaults();
                Ok(Loaded { values, tree })
            }
            None => Err(tree),
        }
    }

    /// Reads a merged tree, without the checks across values.
    pub fn from_tree(tree: Node) -> Result<Self, Vec<Located<LoadError>>> {
        match yaml_spans::read::<Values>(&tree) {
            Ok(mut values) => {
                values.set_defaults();
                Ok(Loaded { values, tree })
            }
            Err(errors) => {
                let errors = errors.into_iter().map(helm_names::add_hint);
                let errors = errors.map(|error| helm_names::add_form(error, &tree));
                Err(into_load_errors(errors.collect()))
            }
        }
    }
}

fn into_load_errors<E: Into<LoadError>>(errors: Vec<Located<E>>) -> Vec<Located<LoadError>> {
    errors.into_iter().map(|error| error.map(Into::into)).collect()
}

/// Merges the layers.
fn merge_layers(
    sources: &mut Sources,
    base: SourceId,
    layers: &Layers,
    budget: &Budget,
) -> Result<Merged, Errors> {
    let mut tree = parse_layer(sources, base, budget)?;
    let mut errors = Vec::new();
    let mut removed = Vec::new();
    for &overlay in &layers.overlays {
        let overlay = parse_layer(sources, overlay, budget)?;
        read_nulls(&overlay, &Shape::of_values(), &Path::root(), &mut removed, &mut errors);
        merge_onto(&mut tree, overlay);
    }
    for assignment in &layers.assignments {
        match apply_assignment(&mut tree, sources, assignment) {
            Ok(key) if assignment.value == Assigned::Text("null".to_owned()) => {
                removed.push((assignment.path.clone(), Some(key)));
            }
            Ok(_) => {}
            Err(error) => errors.push(*error),
        }
    }
    Ok(Merged { tree, errors, removed })
}

/// The layers as one tree.
struct Merged {
    tree: Node,
    /// The errors of single values; the rest can be read without them.
    errors: Errors,
    removed: Removed,
}

/// The paths that a `null` removes, with the places of their keys.
type Removed = Vec<(Path, Option<Span>)>;

/// Moves the error of a field that is missing to the `null` that removes it.
fn locate_removal(mut error: Located<LoadError>, removed: &Removed) -> Located<LoadError> {
    if matches!(error.error, LoadError::Read(ReadError::MissingField(_)))
        && let Some((_, key)) = removed.iter().rfind(|(path, _)| *path == error.path)
    {
        error.span = *key;
        error.hint = Some(
            "an empty value, as `null`, removes it: give it a value, or delete the key".into(),
        );
    }
    error
}

fn parse_layer(
    sources: &Sources,
    id: SourceId,
    budget: &Budget,
) -> Result<Node, Vec<Located<LoadError>>> {
    let refuse = |error, span| Err(vec![Located::new(error, span, Path::root())]);
    if let Err(error) = budget.spend(Resource::ValuesBytes, sources.get(id).text().len()) {
        return refuse(error.into(), None);
    }
    let mut documents =
        yaml_spans::parse(sources, id, Dialect::Strict).map_err(into_load_errors)?;
    let nodes = documents.iter().map(count_nodes).sum();
    if let Err(error) = budget.spend(Resource::ValuesNodes, nodes) {
        return refuse(error.into(), None);
    }
    let (error, span) = match (documents.pop(), documents.len()) {
        (Some(node), 0) if node.as_mapping().is_some() => return Ok(node),
        (Some(node), 0) => (LoadError::NotAMap(node.kind()), node.span),
        (Some(node), more) => (LoadError::Documents(more + 1), node.span),
        (None, _) => (LoadError::Empty, Some(Span::new(id, 0, 0))),
    };
    Err(vec![Located::new(error, span, Path::root())])
}

/// Collects each `null`, and reports those whose key the values can't have: after merging, nothing is left
/// of a typo.
fn read_nulls(node: &Node, shape: &Shape, path: &Path, removed: &mut Removed, errors: &mut Errors) {
    for (key, entry) in node.as_mapping().into_iter().flatten() {
        let place = path.key(key.clone());
        let is_null = entry.node.value == Value::Null;
        match shape.step(&Segment::Key(key.clone())) {
            Some(_) if is_null => removed.push((place, entry.key_span)),
            Some(shape) => read_nulls(&entry.node, &shape, &place, removed, errors),
            None if is_null => {
                let error = LoadError::Read(ReadError::UnknownField(key.clone()));
                let error = Located::new(error, entry.key_span, place);
                errors.push(match suggest(key, shape.properties()) {
                    Some(near) => error.hint(Hint::Suggestion(near.into())),
                    None => error,
                });
            }
            // Anything else stays, and reading reports it.
            None => {}
        }
    }
}

/// Maps merge, lists and scalars replace, `null` removes.
fn merge_onto(base: &mut Node, overlay: Node) {
    let Value::Mapping(over) = overlay.value else {
        *base = overlay;
        return;
    };
    if base.as_mapping().is_none() {
        *base = Node { span: overlay.span, value: Value::Mapping(Mapping::default()) };
    }
    let Value::Mapping(map) = &mut base.value else { return };
    for (key, entry) in over {
        if entry.node.value == Value::Null {
            map.shift_remove(&key);
        } else if let Some(present) = map.get_mut(&key) {
            merge_onto(&mut present.node, entry.node);
        } else {
            let mut node = Node { span: entry.node.span, value: Value::Null };
            merge_onto(&mut node, entry.node);
            map.insert(key, Entry { key_span: entry.key_span, node });
        }
    }
}

/// Merges one assignment into the tree, and returns the place of its path. Its text becomes a source, so
/// that errors in it have a place.
fn apply_assignment(
    tree: &mut Node,
    sources: &mut Sources,
    assignment: &Assignment,
) -> Result<Span, Box<Located<LoadError>>> {
    let path_text = &assignment.written_path;
    let value_text = match &assignment.value {
        Assigned::Text(text) | Assigned::String(text) => text.clone(),
        Assigned::List(items) => serde_json::Value::from(items.clone()).to_string(),
        Assigned::Map(pairs) => {
            let map: serde_json::Map<_, _> =
                pairs.iter().map(|(key, text)| (key.clone(), text.as_str().into())).collect();
            serde_json::Value::Object(map).to_string()
        }
    };
    let name = assignment.layer.clone();
    let id = sources.add(Source::written(name, format!("{path_text}={value_text}")));
    let key_span = Span::new(id, 0, path_text.len() as u32);
    let start = key_span.end + 1;
    let value_span = Span::new(id, start, start + value_text.len() as u32);
    let path = &assignment.path;
    if (Shape::of_values().at(path).is_none() || splits_domain(path))
        && let Some(meant) = suggest_spelling(path)
    {
        let error = LoadError::Misspelled { written: path_text.clone() };
        let hint = Hint::Suggestion(meant.to_string().into());
        return Err(Box::new(Located::new(error, Some(key_span), Path::root()).hint(hint)));
    }
    merge_assignment(tree, assignment, key_span, value_span)
        .map(|()| key_span)
        .map_err(|error| Box::new(Located::new(error, Some(value_span), path.clone())))
}

fn merge_assignment(
    tree: &mut Node,
    assignment: &Assignment,
    key_span: Span,
    value_span: Span,
) -> Result<(), LoadError> {
    let node = match &assignment.value {
        Assigned::Text(text) => {
            let shape = Shape::of_values().at(&assignment.path);
            let is_entry = matches!(assignment.path.segments().last(), Some(Segment::Key(_)));
            match text == "null" && is_entry && shape.is_some() {
                // As in an overlay, it removes any entry of a map.
                true => Node { span: Some(value_span), value: Value::Null },
                false => parse_typed(text, shape.as_ref(), value_span)?,
            }
        }
        Assigned::String(text) => match Shape::of_values().at(&assignment.path) {
            Some(shape) if !shape.is_anything() && !shape.allows("string") => {
                refuse_type(text, &shape)?
            }
            _ => string_node(text, value_span),
        },
        Assigned::List(items) => {
            let items = items.iter().map(|item| string_node(item, value_span)).collect();
            Node { span: Some(value_span), value: Value::Sequence(items) }
        }
        Assigned::Map(pairs) => {
            let mut map = Mapping::default();
            for (key, text) in pairs {
                let node = string_node(text, value_span);
                map.insert(key.clone(), Entry { key_span: Some(value_span), node });
            }
            Node { span: Some(value_span), value: Value::Mapping(map) }
        }
    };
    match find_slot(tree, assignment, key_span)? {
        Slot::Entry(map, key) if node.value == Value::Null => {
            map.shift_remove(key);
        }
        Slot::Entry(map, key) => {
            let entry = map.entry(key.to_owned()).or_insert_with(|| Entry {
                key_span: Some(key_span),
                node: Node { span: Some(value_span), value: Value::Null },
            });
            if let (Assigned::Map(_), Value::Mapping(present), Some(sent)) =
                (&assignment.value, &mut entry.node.value, node.as_mapping())
            {
                present
                    .retain(|key, entry| sent.contains_key(key) || entry.node.as_str().is_none());
            }
            merge_onto(&mut entry.node, node);
        }
        Slot::Item(items, index) if index == items.len() => items.push(node),
        Slot::Item(items, index) => items[index] = node,
    }
    Ok(())
}

fn string_node(text: &str, span: Span) -> Node {
    Node { span: Some(span), value: Value::String(text.to_owned()) }
}

/// Parses a text to the type that the schema expects. At a path that the schema does not know it becomes
/// a string, and reading then reports the path.
fn parse_typed(text: &str, shape: Option<&Shape>, span: Span) -> Result<Node, LoadError> {
    let Some(shape) = shape else { return Ok(string_node(text, span)) };
    if shape.allows("string") && !shape.is_anything() {
        return Ok(match text == "null" && shape.allows("null") {
            true => Node { span: Some(span), value: Value::Null },
            false => string_node(text, span),
        });
    }
    let mut scratch = Sources::new();
    let id = scratch.add(Source::written("", text));
    let parsed = yaml_spans::parse(&scratch, id, Dialect::Strict).ok().and_then(|mut documents| {
        let first = documents.pop()?;
        documents.is_empty().then_some(first)
    });
    let Some(mut parsed) = parsed else {
        return match shape.is_anything() {
            true => Ok(string_node(text, span)),
            false => refuse_type(text, shape),
        };
    };
    set_spans(&mut parsed, span);
    let kind = match &parsed.value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::Sequence(_) => "array",
        Value::Mapping(_) => "object",
    };
    let number = kind == "integer" && shape.allows("number");
    if shape.is_anything() || shape.allows(kind) || number {
        Ok(parsed)
    } else {
        refuse_type(text, shape)
    }
}

fn refuse_type(text: &str, shape: &Shape) -> Result<Node, LoadError> {
    let names = [
        ("boolean", "`true` or `false`"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("array", "a list: `[a, b]`"),
        ("object", "a map: `{key: value}`"),
    ];
    let expected =
        names.iter().find(|(kind, _)| shape.allows(kind)).map_or("a value", |(_, name)| name);
    Err(LoadError::Untyped { text: text.to_owned(), expected })
}

/// Gives all of an assigned tree, which was parsed on its own, the place of the assignment.
fn set_spans(node: &mut Node, span: Span) {
    node.span = Some(span);
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(|item| set_spans(item, span)),
        Value::Mapping(map) => map.values_mut().for_each(|entry| {
            entry.key_span = Some(span);
            set_spans(&mut entry.node, span);
        }),
        _ => {}
    }
}

enum Slot<'a> {
    Entry(&'a mut Mapping, &'a str),
    Item(&'a mut Vec<Node>, usize),
}

/// Finds the place that an assignment names, and creates the maps above it that are missing.
fn find_slot<'a>(
    tree: &'a mut Node,
    assignment: &'a Assignment,
    span: Span,
) -> Result<Slot<'a>, LoadError> {
    let path = &assignment.path;
    let Some((last, parents)) = path.segments().split_last() else {
        return Err(unreachable_at(path, 0, tree));
    };
    let mut node = tree;
    for (depth, segment) in parents.iter().enumerate() {
        let blocked = unreachable_at(path, depth, node);
        node = match (segment, &mut node.value) {
            (Segment::Key(key), Value::Mapping(map)) => {
                let entry = map.entry(key.clone()).or_insert_with(|| Entry {
                    key_span: Some(span),
                    node: Node { span: Some(span), value: Value::Null },
                });
                if entry.node.value == Value::Null {
                    entry.node.value = Value::Mapping(Mapping::default());
                }
                &mut entry.node
            }
            (Segment::Index(index), Value::Sequence(items)) => {
                items.get_mut(*index).ok_or(blocked)?
            }
            _ => return Err(blocked),
        };
    }
    let blocked = unreachable_at(path, parents.len(), node);
    match (last, &mut node.value) {
        (Segment::Key(key), Value::Mapping(map)) => Ok(Slot::Entry(map, key)),
        (Segment::Index(index), Value::Sequence(items)) if *index <= items.len() => {
            Ok(Slot::Item(items, *index))
        }
        _ => Err(blocked),
    }
}

fn unreachable_at(path: &Path, depth: usize, blocker: &Node) -> LoadError {
    let mut parent = Path::root();
    path.segments().iter().take(depth).for_each(|segment| parent.push(segment.clone()));
    let kind = match blocker.as_sequence() {
        Some(items) => format!("a list of {}", items.len()),
        None => blocker.kind().to_owned(),
    };
    let parent = if parent.is_root() { "the file".to_owned() } else { format!("`{parent}`") };
    LoadError::Unreachable { path: path.clone(), parent, kind }
}
