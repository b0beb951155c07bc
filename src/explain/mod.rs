//! Which value decides a field, and which fields a value decides.
//!
//! In: one stack's templates and values, and what it makes beyond them. Out: for every leaf of the
//! values the fields that move when it does. Found by rendering again with that leaf changed, never by
//! guess: whatever a template does with a value, this sees it. The commands and `fleet`'s errors call
//! it; it calls render.

mod change;
mod error;
mod idle;
mod naming;

use std::fmt;

use crate::templates::{self, Templates};
use crate::values::{Loaded, Values};
use kube_validate::ObjectId;
use yaml_spans::source::Sources;
use yaml_spans::{self, Dialect, Node, Path, Segment, Value};

pub use change::other;
pub use error::ExplainError;
pub use idle::{IDLE, why_idle};
pub use naming::{Name, choose};

/// What a stack makes that no template does: edited policies, exceptions to them.
pub trait Beyond: fmt::Debug {
    /// Whether these values make the same as those of the stack, seen at a glance.
    fn is_same(&self, values: &Values) -> bool;
    /// What these values make: a list of documents for each of [`Maker::BEYOND`]. None if they can't.
    fn documents(&self, values: &Values, sources: &mut Sources) -> Option<Vec<Vec<Node>>>;
    /// What is left of it where these values can't make it.
    fn remains(&self, values: &Values, sources: &mut Sources) -> Vec<Vec<Node>>;
}

/// What makes a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker<'a> {
    /// A template, by its name.
    Template(&'a str),
    /// The edit of an owner's policy.
    Policy,
    /// An exception to one.
    Exception,
}

impl Maker<'_> {
    /// What [`Beyond`] makes, in its order.
    pub const BEYOND: [Maker<'static>; 2] = [Maker::Policy, Maker::Exception];
}

/// One stack, as it is looked into.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The templates.
    pub templates: &'a Templates,
    /// The values.
    pub loaded: &'a Loaded,
    /// The texts of templates and values.
    pub sources: &'a Sources,
    /// What is made beyond templates, for who wants to see it.
    pub beyond: Option<&'a dyn Beyond>,
}

/// A stack's documents with their places.
#[derive(Debug)]
pub struct Rendering {
    /// The documents of each template, in the order of [`Templates::names`]; then of each of
    /// [`Maker::BEYOND`].
    pub documents: Vec<Vec<Node>>,
    /// The texts that they have their places in.
    pub sources: Sources,
}

impl Rendering {
    /// The document that a field is in.
    pub fn document(&self, field: &Field) -> Option<&Node> {
        self.documents.get(field.template)?.get(field.document)
    }

    /// Every object: where it is, and what it is known by.
    pub fn objects(&self) -> impl Iterator<Item = (Field, ObjectId)> {
        self.documents.iter().enumerate().flat_map(|(template, documents)| {
            documents.iter().enumerate().filter_map(move |(document, node)| {
                Some((Field { template, document, path: Path::root() }, ObjectId::read(node).ok()?))
            })
        })
    }
}

/// Where a field is: the template's place among the templates, the document's in its output, and
/// the path in that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// The index among [`Templates::names`], what is beyond them after those.
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

/// How a value decides a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Another value makes another field.
    Value,
    /// With another value the field is not there, or the whole object is not.
    Presence,
}

impl Subject<'_> {
    /// The stack as it renders. None if it does not.
    pub fn rendering(&self) -> Option<Rendering> {
        let mut sources = self.sources.clone();
        let documents = self.documents(self.loaded, &mut sources, None)?;
        Some(Rendering { documents, sources })
    }

    /// What makes a field's document.
    pub fn maker(&self, field: &Field) -> Option<Maker<'_>> {
        let templates = self.templates.names().map(Maker::Template);
        templates.chain(Maker::BEYOND).nth(field.template)
    }

    /// All documents of some values; where `before` has those of the stack's own, what is beyond
    /// templates is taken from it if it must be the same.
    fn documents(
        &self,
        loaded: &Loaded,
        sources: &mut Sources,
        before: Option<&[Vec<Node>]>,
    ) -> Option<Vec<Vec<Node>>> {
        let context = templates::context(loaded).ok()?;
        let outputs = self.templates.render(sources, &context).ok()?;
        let parse = |output| yaml_spans::parse(sources, output, Dialect::Strict).ok();
        let mut all: Vec<Vec<Node>> = outputs.into_iter().map(parse).collect::<Option<_>>()?;
        if let Some(beyond) = self.beyond {
            all.extend(match before {
                Some(before) if beyond.is_same(&loaded.values) => before[all.len()..].to_vec(),
                Some(_) => made_beyond(beyond, &loaded.values, sources),
                None => beyond.documents(&loaded.values, sources)?,
            });
        }
        Some(all)
    }

    /// The one document that a field is in, of other values; none within if it is not there. Cheaper
    /// than all documents.
    fn document(&self, loaded: &Loaded, field: &Field) -> Option<Option<Node>> {
        let mut sources = self.sources.clone();
        let templates = self.templates.names().count();
        let documents = if let Some(at) = field.template.checked_sub(templates) {
            made_beyond(self.beyond?, &loaded.values, &mut sources).into_iter().nth(at)?
        } else {
            let context = templates::context(loaded).ok()?;
            let output = self.templates.render_nth(field.template, &mut sources, &context)?;
            yaml_spans::parse(&sources, output, Dialect::Strict).ok()?
        };
        Some(documents.into_iter().nth(field.document))
    }

    /// The values that decide a field of a rendering, or anything in it, in the order of the values.
    pub fn behind(&self, rendering: &Rendering, field: &Field) -> Vec<(Path, Effect)> {
        let Ok(values) = yaml_spans::to_node(&self.loaded.values) else { return Vec::new() };
        let Some(before) = rendering.document(field) else { return Vec::new() };
        let templates = self.templates.names().count();
        let beyond = self.beyond.filter(|_| field.template >= templates);
        let decides = |leaf: Path| {
            let (_, after) = self.alternative(&values, &leaf, |loaded| {
                match beyond {
                    // Seen without making it again.
                    Some(beyond) if beyond.is_same(&loaded.values) => Some(None),
                    _ => self.document(loaded, field).map(Some),
                }
            })?;
            let after = after?;
            let there = |node: Option<&Node>| node.and_then(|node| field.path.find(node)).cloned();
            match (there(Some(before)), there(after.as_ref())) {
                (Some(before), Some(after)) => (before != after).then_some((leaf, Effect::Value)),
                (None, None) => None,
                _ => Some((leaf, Effect::Presence)),
            }
        };
        leaves(&values).into_iter().filter_map(decides).collect()
    }

    /// What every leaf of the values decides. A leaf that is changed has its other value tried as
    /// the values' types allow it.
    pub fn influences(&self) -> Vec<Influence> {
        let Ok(values) = yaml_spans::to_node(&self.loaded.values) else { return Vec::new() };
        let Some(before) = self.rendering() else { return Vec::new() };
        let influence = |leaf| self.influence(&before.documents, &values, leaf);
        leaves(&values).into_iter().map(influence).collect()
    }

    /// What the leaves at a path of the values decide, or below it, each on its own; what a leaf
    /// that is not there would decide.
    pub fn influences_of(
        &self,
        rendering: &Rendering,
        path: &Path,
    ) -> Result<Vec<Influence>, ExplainError> {
        let nothing = || ExplainError::NoValue { path: path.clone(), hint: None };
        let values = yaml_spans::to_node(&self.loaded.values).map_err(|_| nothing())?;
        let mut below: Vec<Path> =
            leaves(&values).into_iter().filter(|leaf| leaf.starts_with(path)).collect();
        let is_there = !below.is_empty();
        if !is_there {
            below.push(path.clone());
        }
        let found: Vec<Influence> = below
            .into_iter()
            .map(|leaf| self.influence(&rendering.documents, &values, leaf))
            .collect();
        match found.iter().any(|influence| influence.changed_to.is_some()) {
            false if !is_there => Err(ExplainError::no_value(path, &values)),
            _ => Ok(found),
        }
    }

    fn influence(&self, before: &[Vec<Node>], values: &Node, leaf: Path) -> Influence {
        let other = self.alternative(values, &leaf, |loaded| {
            self.documents(loaded, &mut self.sources.clone(), Some(before))
        });
        let (changed_to, fields) = match other {
            Some((value, after)) => {
                (Some(yaml_spans::emit(&value).trim_end().to_owned()), moved(before, &after))
            }
            None => (None, Vec::new()),
        };
        Influence { value: leaf, changed_to, fields }
    }

    /// Another value for a leaf, and what is made of the values with it: of the first that can be.
    fn alternative<T>(
        &self,
        values: &Node,
        leaf: &Path,
        make: impl Fn(&Loaded) -> Option<T>,
    ) -> Option<(Node, T)> {
        change::other(leaf.find(values), leaf).into_iter().find_map(|candidate| {
            let mut tree = self.loaded.tree.clone();
            if !change::put(&mut tree, leaf, candidate.clone()) {
                return None;
            }
            let loaded = Loaded::from_tree(tree).ok()?;
            let differs = loaded.values != self.loaded.values;
            let made = differs.then(|| make(&loaded)).flatten()?;
            Some((candidate, made))
        })
    }
}

fn made_beyond(beyond: &dyn Beyond, values: &Values, sources: &mut Sources) -> Vec<Vec<Node>> {
    beyond.documents(values, sources).unwrap_or_else(|| beyond.remains(values, sources))
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
