//! The value that decides a field, and the fields that a value decides.
//!
//! In: one stack's templates, values and extra documents. Out: for every leaf of the values, the
//! fields that change with it. They are found by rendering again with that leaf changed to a near value,
//! whatever a template does with it; a condition that only a distant value meets is not seen. For a
//! single field, the leaves that its template can't read, and whose defaults it can't read either, are
//! not tried.

mod change;
mod error;
mod formula;
mod idle;
mod naming;
mod request;

use std::fmt;

use crate::budget::{Budget, Trials, count_nodes};
use crate::parallel;
use crate::templates::{self, Templates, replace_in};
use crate::values::derived::{changed_with, meets_any};
use crate::values::{Loaded, Shape, Values};
use kube_validate::ObjectId;
use yaml_spans::source::Sources;
use yaml_spans::{self, Dialect, Node, Path, Segment, Value, WriteError};

pub use error::ExplainError;
pub use formula::guard_formula;
pub use idle::{IDLE_VALUES, idle_reason};
pub use naming::{ObjectName, find_object};
pub use request::{FieldRequest, FilePlace, parse_path};

/// The documents of a stack that no template renders: edited policies, and exceptions to policies.
pub trait ExtraDocuments: fmt::Debug + Sync {
    /// The paths of the values that the documents follow from, each with everything below it.
    fn read_paths(&self) -> Vec<Path>;
    /// A cheap check that `values` give the same extra documents as the stack's own.
    fn are_same(&self, values: &Values) -> bool;
    /// The documents for `values`: a list for each of [`DocumentSource::EXTRA`]. None if they can't be
    /// made.
    fn documents(&self, values: &Values, sources: &mut Sources) -> Option<Vec<Vec<Node>>>;
    /// The documents without this stack's request, for values that can't be applied.
    fn without_own_request(&self, values: &Values, sources: &mut Sources) -> Vec<Vec<Node>>;
}

/// The origin of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentSource<'a> {
    /// A template, by its name.
    Template(&'a str),
    /// An owner's policy, edited.
    Policy,
    /// An exception to a policy.
    Exception,
}

impl DocumentSource<'_> {
    /// The origins of [`ExtraDocuments`], in their order.
    pub const EXTRA: [DocumentSource<'static>; 2] =
        [DocumentSource::Policy, DocumentSource::Exception];
}

/// The note of an answer that is incomplete because [`Trials`] are spent.
pub const NOT_ALL_TRIED: &str =
    "not all values were tried: the stack has too many, or its templates write too much";

/// The leaves that share the work that is left in equal parts.
const LEAVES_PER_BATCH: usize = 64;

/// The leaves up to which no thread is started.
const MAX_SEQUENTIAL_LEAVES: usize = 3;

/// Starts to make the schema of the values, which explaining a field needs and which takes as long as loading a
/// stack. Call it before loading (measured: 9.3 ms in place of 10.4).
pub fn prepare() {
    parallel::start(|| {
        Shape::of_values();
    });
}

/// One stack to explain.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The templates.
    pub templates: &'a Templates,
    /// The values.
    pub loaded: &'a Loaded,
    /// The texts of templates and values.
    pub sources: &'a Sources,
    /// The budget for trial renderings.
    pub trials: &'a Trials,
    /// The documents besides those of templates, if they are wanted.
    pub extra: Option<&'a dyn ExtraDocuments>,
}

/// A stack's documents with their places.
#[derive(Debug)]
pub struct Rendering {
    /// The documents of each template, in the order of [`Templates::names`]; then those of each of
    /// [`DocumentSource::EXTRA`].
    pub documents: Vec<Vec<Node>>,
    /// The texts that their places refer to.
    pub sources: Sources,
}

impl Rendering {
    /// The document with a field.
    pub fn document(&self, field: &Field) -> Option<&Node> {
        self.documents.get(field.template)?.get(field.document)
    }

    /// Every object: the place of its root, and its identity.
    pub fn objects(&self) -> impl Iterator<Item = (Field, ObjectId)> {
        self.documents.iter().enumerate().flat_map(|(template, documents)| {
            documents.iter().enumerate().filter_map(move |(document, node)| {
                Some((Field { template, document, path: Path::root() }, ObjectId::read(node).ok()?))
            })
        })
    }
}

/// The place of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// The index among [`Templates::names`], followed by [`DocumentSource::EXTRA`].
    pub template: usize,
    /// The index among the template's documents.
    pub document: usize,
    /// The path in the document; the root if the whole document is added or removed.
    pub path: Path,
}

/// A leaf of the values and the fields that it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Influence {
    /// The leaf.
    pub value: Path,
    /// The value that the leaf was changed to; none if no other value is possible.
    pub changed_to: Option<String>,
    /// The fields that changed, in their order.
    pub fields: Vec<Field>,
}

impl Influence {
    /// Returns true if a field, or something in it, changed.
    pub fn reaches(&self, field: &Field) -> bool {
        self.fields.iter().any(|changed| {
            (changed.template, changed.document) == (field.template, field.document)
                && changed.path.segments().starts_with(field.path.segments())
        })
    }
}

/// The leaves of the values, including defaults, in their order.
pub fn leaves(values: &Node) -> Vec<Path> {
    let mut paths = Vec::new();
    collect_leaves(values, &mut Path::root(), &mut paths);
    paths
}

fn collect_leaves(node: &Node, path: &mut Path, paths: &mut Vec<Path>) {
    match &node.value {
        Value::Mapping(map) if !map.is_empty() => {
            for (key, entry) in map {
                path.push(Segment::Key(key.clone()));
                collect_leaves(&entry.node, path, paths);
                path.pop();
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                path.push(Segment::Index(index));
                collect_leaves(item, path, paths);
                path.pop();
            }
        }
        _ => paths.push(path.clone()),
    }
}

/// The effect of a value on a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Another value changes the field.
    Value,
    /// Another value adds or removes the field, or the whole object.
    Presence,
}

impl Subject<'_> {
    /// Renders the stack. None if that fails.
    pub fn rendering(&self) -> Option<Rendering> {
        let mut sources = self.sources.clone();
        let documents = self.documents(self.loaded, &mut sources, None)?;
        Some(Rendering { documents, sources })
    }

    /// The origin of a field's document.
    pub fn document_source(&self, field: &Field) -> Option<DocumentSource<'_>> {
        let templates = self.templates.names().map(DocumentSource::Template);
        templates.chain(DocumentSource::EXTRA).nth(field.template)
    }

    /// All documents for some values. Extra documents are copied from `before`, those of the stack's
    /// own values, if they must be the same.
    fn documents(
        &self,
        loaded: &Loaded,
        sources: &mut Sources,
        before: Option<&[Vec<Node>]>,
    ) -> Option<Vec<Vec<Node>>> {
        let context = templates::context(loaded).ok()?;
        let budget = Budget::default();
        let outputs = self.templates.render(sources, &context, &budget);
        self.trials.add_output(&budget);
        let outputs = outputs.ok()?;
        let mut all = Vec::with_capacity(outputs.len());
        for output in outputs {
            all.push(yaml_spans::parse(sources, output, Dialect::Strict).ok()?);
        }
        if let Some(extra) = self.extra {
            all.extend(match before {
                Some(before) if extra.are_same(&loaded.values) => before[all.len()..].to_vec(),
                Some(_) => extra_or_remaining(extra, &loaded.values, sources),
                None => extra.documents(&loaded.values, sources)?,
            });
        }
        Some(all)
    }

    /// The document with a field, for values that differ from the stack's own at a leaf.
    fn document(
        &self,
        loaded: &Loaded,
        leaf: &Path,
        known: &Known<'_>,
        field: &Field,
    ) -> Option<OtherDocument> {
        let templates = self.templates.names().count();
        if let Some(at) = field.template.checked_sub(templates) {
            let extra = self.extra?;
            // The documents can't differ, so nothing is rendered.
            if extra.are_same(&loaded.values) {
                return Some(OtherDocument::Same);
            }
            let mut sources = self.sources.clone();
            let documents = extra_or_remaining(extra, &loaded.values, &mut sources);
            let documents = documents.into_iter().nth(at)?;
            return Some(OtherDocument::of(documents, field));
        }
        let context = match known.context_of(loaded, leaf).ok()? {
            Some(context) => context,
            None => return Some(OtherDocument::Same),
        };
        let mut sources = self.sources.clone();
        let budget = Budget::default();
        let output = self.templates.render_nth(field.template, &mut sources, &context, &budget);
        self.trials.add_output(&budget);
        let output = output?;
        if Some(sources.get(output).text()) == known.text {
            return Some(OtherDocument::Same);
        }
        let documents = yaml_spans::parse(&sources, output, Dialect::Strict).ok()?;
        Some(OtherDocument::of(documents, field))
    }

    /// The values that decide a field of a rendering, or anything in it, in their order.
    pub fn deciding_values(&self, rendering: &Rendering, field: &Field) -> Vec<(Path, Effect)> {
        let Ok(values) = yaml_spans::to_node(&self.loaded.values) else { return Vec::new() };
        let Some(before) = rendering.document(field) else { return Vec::new() };
        let Ok(context) = templates::context(self.loaded) else { return Vec::new() };
        let known = Known {
            values: &values,
            context,
            reads: self.read_paths(field),
            text: before.span.map(|span| rendering.sources.get(span.source).text()),
        };
        let mut leaves = leaves(&values);
        leaves.retain(|leaf| known.read_changes(leaf).next().is_some());
        let effects = self.try_leaves(leaves, |subject, tree, leaf| {
            let other = subject.alternative(tree, &values, leaf, |loaded| {
                subject.document(loaded, leaf, &known, field)
            });
            let Some((_, OtherDocument::Other(after))) = other else { return None };
            let after = after.as_ref().and_then(|document| field.path.find(document));
            match (field.path.find(before), after) {
                (Some(before), Some(after)) => (before != after).then_some(Effect::Value),
                (None, None) => None,
                _ => Some(Effect::Presence),
            }
        });
        effects.into_iter().filter_map(|(leaf, effect)| Some((leaf, effect?))).collect()
    }

    /// The paths of the values that a field's document can follow from, each with everything below it.
    fn read_paths(&self, field: &Field) -> Vec<Path> {
        match (self.document_source(field), self.extra) {
            (Some(DocumentSource::Template(_)), _) => self.templates.read_paths(field.template),
            (_, Some(extra)) => extra.read_paths(),
            (_, None) => Vec::new(),
        }
    }

    /// Tries each leaf, on all cores, until the trials are spent. What is tried does not depend on the
    /// number of cores. The work gets a copy of the stack's own tree, and leaves it as it was.
    fn try_leaves<T: Send>(
        &self,
        leaves: Vec<Path>,
        work: impl Fn(&Subject<'_>, &mut Node, &Path) -> T + Sync,
    ) -> Vec<(Path, T)> {
        let mut tree = self.loaded.tree.clone();
        let mut results = Vec::with_capacity(leaves.len());
        for batch in leaves.chunks(LEAVES_PER_BATCH) {
            let Some(part) = self.trials.part(LEAVES_PER_BATCH) else {
                let leaves = batch.iter().take_while(|_| !self.trials.are_spent());
                results.extend(leaves.map(|leaf| (leaf.clone(), work(self, &mut tree, leaf))));
                continue;
            };
            let new_tree = || self.loaded.tree.clone();
            let tried = parallel::map_with(batch, MAX_SEQUENTIAL_LEAVES, new_tree, |tree, leaf| {
                let trials = Trials::of_part(part);
                (work(&Subject { trials: &trials, ..*self }, tree, leaf), trials)
            });
            for (leaf, (result, trials)) in batch.iter().zip(tried) {
                if self.trials.are_spent() {
                    break;
                }
                let result = match trials.are_spent() {
                    true => work(self, &mut tree, leaf),
                    false => {
                        self.trials.take_back(part, &trials);
                        result
                    }
                };
                results.push((leaf.clone(), result));
            }
        }
        results
    }

    /// The influence of every leaf of the values.
    pub fn influences(&self) -> Vec<Influence> {
        let Ok(values) = yaml_spans::to_node(&self.loaded.values) else { return Vec::new() };
        let Some(before) = self.rendering() else { return Vec::new() };
        self.influences_of_leaves(leaves(&values), &before, &values)
    }

    fn influences_of_leaves(
        &self,
        leaves: Vec<Path>,
        before: &Rendering,
        values: &Node,
    ) -> Vec<Influence> {
        let influences = self.try_leaves(leaves, |subject, tree, leaf| {
            subject.influence(&before.documents, tree, values, leaf.clone())
        });
        influences.into_iter().map(|(_, influence)| influence).collect()
    }

    /// The influence of each leaf at a path of the values or below it. For a leaf that is not set, the
    /// fields that it would decide.
    pub fn influences_of(
        &self,
        rendering: &Rendering,
        path: &Path,
    ) -> Result<Vec<Influence>, ExplainError> {
        let values = yaml_spans::to_node(&self.loaded.values)
            .map_err(|_| ExplainError::NoValue { path: path.clone(), hint: None })?;
        let mut below: Vec<Path> =
            leaves(&values).into_iter().filter(|leaf| leaf.starts_with(path)).collect();
        let is_set = !below.is_empty();
        if !is_set {
            below.push(path.clone());
        }
        let influences = self.influences_of_leaves(below, rendering, &values);
        match influences.iter().any(|influence| influence.changed_to.is_some()) {
            false if !is_set && !self.trials.are_spent() => {
                Err(ExplainError::no_value(path, &values))
            }
            _ => Ok(influences),
        }
    }

    fn influence(
        &self,
        before: &[Vec<Node>],
        tree: &mut Node,
        values: &Node,
        leaf: Path,
    ) -> Influence {
        let alternative = self.alternative(tree, values, &leaf, |loaded| {
            self.documents(loaded, &mut self.sources.clone(), Some(before))
        });
        let (changed_to, fields) = match alternative {
            Some((value, after)) => (
                Some(yaml_spans::emit(&value).trim_end().to_owned()),
                changed_fields(before, &after),
            ),
            None => (None, Vec::new()),
        };
        Influence { value: leaf, changed_to, fields }
    }

    /// Another value for a leaf, and the result of `make` for the values with it: the first for which
    /// `make` succeeds. `tree` is a copy of the stack's own tree, and is one again afterwards.
    fn alternative<T>(
        &self,
        tree: &mut Node,
        values: &Node,
        leaf: &Path,
        make: impl Fn(&Loaded) -> Option<T>,
    ) -> Option<(Node, T)> {
        let nodes = count_nodes(values);
        let mut found = None;
        for candidate in change::alternative_values(leaf.find(values), leaf) {
            if !self.trials.start(nodes) || !change::set_value(tree, leaf, candidate.clone()) {
                break;
            }
            let changed = std::mem::replace(tree, Node::new(Value::Null));
            *tree = match Loaded::from_tree_if_valid(changed) {
                Ok(loaded) => {
                    let differs = loaded.values != self.loaded.values;
                    found = differs.then(|| make(&loaded)).flatten().map(|made| (candidate, made));
                    loaded.tree
                }
                Err(refused) => refused,
            };
            if found.is_some() {
                break;
            }
        }
        change::restore_section(tree, &self.loaded.tree, leaf);
        found
    }
}

/// The state before a trial that decides whether a document can differ after it.
struct Known<'a> {
    /// The values, with defaults.
    values: &'a Node,
    /// The values as templates see them.
    context: templates::Context,
    /// The paths that the document follows from.
    reads: Vec<Path>,
    /// The template's output.
    text: Option<&'a str>,
}

impl Known<'_> {
    /// The paths that can change with a leaf, of those that the document follows from.
    fn read_changes(&self, leaf: &Path) -> impl Iterator<Item = Path> {
        changed_with(leaf).into_iter().filter(|path| meets_any(path, &self.reads))
    }

    /// The values with another one at a leaf, as the document's template sees them; `None` if it sees no
    /// difference.
    fn context_of(
        &self,
        loaded: &Loaded,
        leaf: &Path,
    ) -> Result<Option<templates::Context>, WriteError> {
        let mut context = None;
        for path in self.read_changes(leaf) {
            let part = yaml_spans::to_node_at(&loaded.values, &path)?;
            let value = path.find(&part);
            if value != path.find(self.values) {
                let before = context.as_ref().unwrap_or(&self.context);
                context = Some(replace_in(before, path.segments(), value, Some(&loaded.tree)));
            }
        }
        Ok(context)
    }
}

/// A document as other values render it.
enum OtherDocument {
    /// It does not differ.
    Same,
    /// It may differ; `None` if it is not rendered.
    Other(Option<Node>),
}

impl OtherDocument {
    fn of(documents: Vec<Node>, field: &Field) -> Self {
        OtherDocument::Other(documents.into_iter().nth(field.document))
    }
}

fn extra_or_remaining(
    extra: &dyn ExtraDocuments,
    values: &Values,
    sources: &mut Sources,
) -> Vec<Vec<Node>> {
    extra.documents(values, sources).unwrap_or_else(|| extra.without_own_request(values, sources))
}

/// The fields that differ between two renderings.
fn changed_fields(before: &[Vec<Node>], after: &[Vec<Node>]) -> Vec<Field> {
    let mut fields = Vec::new();
    for (template, (before, after)) in before.iter().zip(after).enumerate() {
        for document in 0..before.len().max(after.len()) {
            let mut report = |path: Path| fields.push(Field { template, document, path });
            match (before.get(document), after.get(document)) {
                (Some(before), Some(after)) => {
                    collect_differences(before, after, &mut Path::root(), &mut report);
                }
                _ => report(Path::root()),
            }
        }
    }
    fields
}

fn collect_differences(
    before: &Node,
    after: &Node,
    path: &mut Path,
    report: &mut impl FnMut(Path),
) {
    match (&before.value, &after.value) {
        (Value::Mapping(old), Value::Mapping(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                path.push(Segment::Key(key.clone()));
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => {
                        collect_differences(&old.node, &new.node, path, report)
                    }
                    _ => report(path.clone()),
                }
                path.pop();
            }
        }
        (Value::Sequence(old), Value::Sequence(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                path.push(Segment::Index(index));
                collect_differences(old, new, path, report);
                path.pop();
            }
        }
        (old, new) if old != new => report(path.clone()),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
