//! Which value decides a field, and which fields a value decides.
//!
//! In: one stack's templates and values. Out: for every leaf of the values the fields that move when
//! it does. Found by rendering again with that leaf changed, never by guess: whatever a template
//! does with a value, this sees it. The commands and `fleet`'s errors call it; it calls render.

mod change;

use crate::render::{self, Templates};
use crate::source::{Sources, Span};
use crate::values::Loaded;
use crate::yaml::{self, Dialect, Node, Path, Segment, Value};

pub use change::other;

/// One stack, as it is looked into.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The templates.
    pub templates: &'a Templates,
    /// The values.
    pub loaded: &'a Loaded,
    /// The texts of templates and values.
    pub sources: &'a Sources,
}

/// A stack's documents with their places.
#[derive(Debug)]
pub struct Rendering {
    /// The documents of each template, in the order of [`Templates::names`].
    pub documents: Vec<Vec<Node>>,
    /// The texts that they have their places in.
    pub sources: Sources,
}

/// Where a field is: the template's place among the templates, the document's in its output, and
/// the path in that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// The index among [`Templates::names`].
    pub template: usize,
    /// The index among the template's documents.
    pub document: usize,
    /// The path in the document; its root if the whole document comes or goes.
    pub path: Path,
}

/// A leaf of the values and the fields that it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Influence {
    /// The leaf.
    pub value: Path,
    /// What the leaf was changed to, or none if no other value can stand there.
    pub changed_to: Option<String>,
    /// The fields that moved, in their order.
    pub fields: Vec<Field>,
}

impl Influence {
    /// Whether a field, or something in it, is among those that moved.
    pub fn reaches(&self, field: &Field) -> bool {
        self.fields.iter().any(|moved| {
            let same = (moved.template, moved.document) == (field.template, field.document);
            same && moved.path.segments().starts_with(field.path.segments())
        })
    }
}

/// A value's leaves, defaults included, in the order of the values.
pub fn leaves(values: &Node) -> Vec<Path> {
    let mut found = Vec::new();
    collect_leaves(values, &mut Path::root(), &mut found);
    found
}

fn collect_leaves(node: &Node, path: &mut Path, found: &mut Vec<Path>) {
    let step = |segment, child: &Node, path: &mut Path, found: &mut Vec<Path>| {
        path.push(segment);
        collect_leaves(child, path, found);
        path.pop();
    };
    match &node.value {
        Value::Mapping(map) if !map.is_empty() => {
            for (key, entry) in map {
                step(Segment::Key(key.clone()), &entry.node, path, found);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                step(Segment::Index(index), item, path, found);
            }
        }
        _ => found.push(path.clone()),
    }
}

impl Subject<'_> {
    /// The stack as it renders. None if it does not.
    pub fn rendering(&self) -> Option<Rendering> {
        self.render(self.loaded)
    }

    fn render(&self, loaded: &Loaded) -> Option<Rendering> {
        let context = render::context(loaded).ok()?;
        let mut sources = self.sources.clone();
        let outputs = self.templates.render(&mut sources, &context).ok()?;
        let parse = |output| yaml::parse(&sources, output, Dialect::Strict).ok();
        let documents = outputs.into_iter().map(parse).collect::<Option<_>>()?;
        Some(Rendering { documents, sources })
    }

    fn documents(&self, loaded: &Loaded) -> Option<Vec<Vec<Node>>> {
        self.render(loaded).map(|rendering| rendering.documents)
    }

    /// What every leaf of the values decides. A leaf that is changed has its other value tried as
    /// the values' types allow it.
    pub fn influences(&self) -> Vec<Influence> {
        let Ok(values) = yaml::to_node(&self.loaded.values) else { return Vec::new() };
        let Some(before) = self.documents(self.loaded) else { return Vec::new() };
        leaves(&values).into_iter().map(|leaf| self.influence(&before, &values, leaf)).collect()
    }

    /// What one leaf of the values decides.
    pub fn influence_of(&self, leaf: &Path) -> Option<Influence> {
        let values = yaml::to_node(&self.loaded.values).ok()?;
        let before = self.documents(self.loaded)?;
        Some(self.influence(&before, &values, leaf.clone()))
    }

    fn influence(&self, before: &[Vec<Node>], values: &Node, leaf: Path) -> Influence {
        let mut influence = Influence { value: leaf, changed_to: None, fields: Vec::new() };
        let present = influence.value.find(values);
        for candidate in change::other(present, &influence.value) {
            let mut tree = self.loaded.tree.clone();
            if !change::put(&mut tree, &influence.value, candidate.clone()) {
                continue;
            }
            let Ok(loaded) = Loaded::from_tree(tree) else { continue };
            if loaded.values == self.loaded.values {
                continue;
            }
            let Some(after) = self.documents(&loaded) else { continue };
            influence.changed_to = Some(yaml::emit(&candidate).trim_end().to_owned());
            influence.fields = moved(before, &after);
            break;
        }
        influence
    }
}

/// The fields that differ between two renderings.
fn moved(before: &[Vec<Node>], after: &[Vec<Node>]) -> Vec<Field> {
    let mut fields = Vec::new();
    for (template, (before, after)) in before.iter().zip(after).enumerate() {
        for document in 0..before.len().max(after.len()) {
            let mut report = |path: Path| fields.push(Field { template, document, path });
            match (before.get(document), after.get(document)) {
                (Some(before), Some(after)) => {
                    differences(before, after, &mut Path::root(), &mut report);
                }
                _ => report(Path::root()),
            }
        }
    }
    fields
}

fn differences(before: &Node, after: &Node, path: &mut Path, report: &mut impl FnMut(Path)) {
    match (&before.value, &after.value) {
        (Value::Mapping(old), Value::Mapping(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                path.push(Segment::Key(key.clone()));
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => differences(&old.node, &new.node, path, report),
                    _ => report(path.clone()),
                }
                path.pop();
            }
        }
        (Value::Sequence(old), Value::Sequence(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                path.push(Segment::Index(index));
                differences(old, new, path, report);
                path.pop();
            }
        }
        (old, new) if old != new => report(path.clone()),
        _ => {}
    }
}

/// Where a value was written; of what holds it, where a default stands.
pub fn place_of(tree: &Node, path: &Path) -> Option<Span> {
    let mut path = Some(path.clone());
    while let Some(at) = path {
        if let Some(span) = at.find(tree).and_then(|node| node.span) {
            return Some(span);
        }
        path = at.parent();
    }
    None
}
