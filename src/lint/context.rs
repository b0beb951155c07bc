//! The input of rules: one rendered stack, and the owners' policies.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::failed;
use super::off_peak::OffPeakTimes;
use super::rules::StackTimes;
use crate::budget::{Budget, Resource};
use crate::explain::{Field, Rendering, Subject};
use crate::model::gate_jobs::{Gate, find_gates};
use crate::model::{Message, Object, Objects, nearest_written};
use crate::policy::{self, Shown, Tenant};
use crate::project::load::LoadedStack;
use crate::values::Values;
use kube_validate::ObjectId;
use yaml_spans::diagnostic::Diagnostics;
use yaml_spans::source::{Source, SourceId, Sources, Span};
use yaml_spans::{self, Node, Path};

/// One stack. Everything that rules read is parsed before the first rule runs, and input that can't be
/// parsed is an error, so that no rule has to skip it. Settings of the gate that only the cluster knows
/// have a rule of their own, `gate-settings-unchecked`.
pub(super) struct RuleContext<'a> {
    /// Its values.
    pub values: &'a Values,
    /// The times of its three jobs.
    pub times: &'a OffPeakTimes,
    /// Its objects, without edited policies.
    pub objects: Objects,
    /// Its gates, by the object that each scales.
    pub gates: BTreeMap<ObjectId, Gate>,
    /// The owners' policies and their effect on this stack's server.
    pub policies: Vec<PolicyFile<'a>>,
    stack: &'a LoadedStack,
    subject: Subject<'a>,
    rendering: Rendering,
}

/// A policy file.
pub(super) struct PolicyFile<'a> {
    /// Its path.
    pub name: &'a str,
    /// Its policies.
    pub policies: Vec<Shown>,
}

/// The value or field that a violation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A value.
    Value(Path),
    /// A field of an object that the stack renders.
    Field(ObjectId, Path),
    /// A text of a values file.
    Text(Span),
}

/// A violation of a rule, before its place in a file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub location: Location,
    pub message: Message,
    pub line: Line,
}

/// The treatment of the line at a violation's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Reports show it.
    Shown,
    /// No report shows it: it contains a secret.
    Hidden,
}

impl Location {
    /// The path and the object that a finding names.
    pub fn into_names(self) -> (Option<String>, Option<ObjectId>) {
        match self {
            Location::Value(path) => (Some(path.to_string()), None),
            Location::Field(id, path) => ((!path.is_root()).then(|| path.to_string()), Some(id)),
            Location::Text(_) => (None, None),
        }
    }
}

impl Violation {
    /// A violation at a value.
    pub fn at_value(path: impl Into<Path>, message: Message) -> Self {
        Violation::new(Location::Value(path.into()), message)
    }

    /// A violation at a field of an object.
    pub fn at_field(object: &Object, path: Path, message: Message) -> Self {
        Violation::new(Location::Field(object.id.clone(), path), message)
    }

    /// A violation at a place.
    pub fn new(location: Location, message: Message) -> Self {
        Violation { location, message, line: Line::Shown }
    }

    /// The same violation, whose line no report shows.
    pub fn with_hidden_line(self) -> Self {
        Violation { line: Line::Hidden, ..self }
    }
}

/// Parses the times of the stacks' jobs. Stacks with the same schedules share them, so that their windows
/// are found once.
///
/// # Errors
/// Kubernetes would refuse a schedule or the time zone.
pub(super) fn read_times(stacks: &[LoadedStack]) -> Result<Vec<StackTimes<'_>>, Diagnostics> {
    let mut shared: BTreeMap<[&str; 5], Arc<OffPeakTimes>> = BTreeMap::new();
    stacks
        .iter()
        .map(|stack| {
            let off_peak = &stack.loaded.values.off_peak;
            let (up, guard, down) = (&off_peak.up, &off_peak.guard, &off_peak.down);
            let zone = off_peak.time_zone.as_str();
            let demand = off_peak.demand_opens().map_or("", |opens| opens.as_str());
            let key = [up.as_str(), guard.as_str(), down.as_str(), demand, zone];
            let times = match shared.entry(key) {
                Entry::Occupied(known) => Arc::clone(known.get()),
                Entry::Vacant(free) => {
                    let times = OffPeakTimes::parse(off_peak).ok_or_else(|| {
                        failed(format!("invalid schedule or time zone in `{}`", stack.file))
                    })?;
                    Arc::clone(free.insert(Arc::new(times)))
                }
            };
            Ok(StackTimes { stack, times })
        })
        .collect()
}

impl<'a> RuleContext<'a> {
    /// Parses everything that rules read of a stack; `rendering` has its own documents.
    ///
    /// # Errors
    /// Something can't be parsed.
    pub fn new(
        StackTimes { stack, times }: &'a StackTimes<'a>,
        rendering: Rendering,
        policies: &'a Policies,
    ) -> Result<Self, Diagnostics> {
        // Rules read the owners' policies, not the edited ones.
        let subject = Subject { extra: None, ..stack.subject() };
        let objects = rendering
            .documents
            .iter()
            .flatten()
            .map(|node| Object::read(node.clone(), &stack.file).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()
            .and_then(Objects::collect)
            .map_err(|error| failed(error.to_string()))?;
        let namespaces: BTreeSet<&str> =
            objects.iter().filter_map(|object| object.id.namespace.as_deref()).collect();
        let values = &stack.loaded.values;
        Ok(RuleContext {
            values,
            times,
            gates: find_gates(&objects, &namespaces),
            policies: policies.show(tenant(values).as_ref()),
            objects,
            stack,
            subject,
            rendering,
        })
    }

    /// The rendered objects that the gate scales.
    pub fn gated_objects(&self) -> impl Iterator<Item = &Object> {
        self.gates.keys().filter_map(|id| self.objects.get(id))
    }

    /// The texts of the stack's values and templates, and of the templates' output.
    pub fn sources(&self) -> &Sources {
        &self.rendering.sources
    }

    /// The text to change: of a field whose value comes from the values file, the text there.
    pub fn find_span(&self, location: &Location) -> Option<Span> {
        match location {
            Location::Value(path) => nearest_written(&self.stack.loaded.tree, path),
            Location::Text(span) => Some(*span),
            Location::Field(id, path) => self
                .value_behind(id, path)
                .and_then(|value| nearest_written(&self.stack.loaded.tree, &value))
                .or_else(|| nearest_written(&self.objects.get(id)?.node, path)),
        }
    }

    /// The value that a template puts into a field: a value that the field's expression names, and
    /// whose change moves the field. Each candidate costs one rendering of the stack; an expression
    /// names one or two.
    fn value_behind(&self, id: &ObjectId, path: &Path) -> Option<Path> {
        let (expression, below) = self.find_expression(id, path)?;
        let (document, _) = self.rendering.objects().find(|(_, known)| known == id)?;
        let field = Field { path: path.clone(), ..document };
        let values = yaml_spans::to_node(self.values).ok()?;
        self.sources()
            .slice(expression)
            .split(|c: char| !c.is_alphanumeric() && c != '.' && c != '_')
            .filter_map(|word| word.parse::<Path>().ok())
            .filter(|candidate| candidate.find(&values).is_some())
            .map(|candidate| {
                let exact = candidate.join(&below);
                if exact.find(&values).is_some() { exact } else { candidate }
            })
            .find(|candidate| {
                self.subject
                    .influences_of(&self.rendering, candidate)
                    .is_ok_and(|influences| influences.iter().any(|moved| moved.reaches(&field)))
            })
    }

    /// The template's expression that writes a field, and the field's path in the expression's value: an
    /// expression may write a whole map or list.
    fn find_expression(&self, id: &ObjectId, path: &Path) -> Option<(Span, Path)> {
        let object = &self.objects.get(id)?.node;
        let expression_of = |path: &Path| {
            let origin = self.sources().origin(path.find(object)?.span?)?;
            origin.interpolated.then_some(origin.template)
        };
        let expression = expression_of(path)?;
        let mut own = path.clone();
        while let Some(parent) =
            own.parent().filter(|parent| expression_of(parent) == Some(expression))
        {
            own = parent;
        }
        let below = path.segments().get(own.segments().len()..).unwrap_or_default();
        Some((expression, below.iter().cloned().collect()))
    }

    /// Returns true if the values files, overlays or assignments write a value: it is not a default.
    pub fn is_written(&self, path: impl Into<Path>) -> bool {
        path.into().find(&self.stack.loaded.tree).is_some()
    }

    /// The values as they are written, without defaults.
    pub fn written_values(&self) -> &Node {
        &self.stack.loaded.tree
    }

    /// The lines of the values file and the overlays that contain a word, with their places.
    pub fn written_lines_with(&self, word: &str) -> impl Iterator<Item = (Span, &str)> {
        // An assignment has no comments, and a template's belong to all stacks.
        let is_values = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
        self.stack.sources.iter().filter(move |(_, source)| is_values(source.name())).flat_map(
            move |(id, source)| {
                let lines = source.lines_with(word);
                lines.map(move |line| (source.line_span(id, line), source.line(line)))
            },
        )
    }

    /// The extended resource that the server requests, such as `nvidia.com/gpu`.
    pub fn gpu_resource(&self) -> Option<&str> {
        gpu_resource(self.values)
    }
}

/// The extended resource that the server requests: a GPU's, since the stack is a GPU tenant.
/// <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#extended-resources>
fn gpu_resource(values: &Values) -> Option<&str> {
    let resources = &values.server.resources;
    [&resources.limits, &resources.requests]
        .into_iter()
        .flatten()
        .flat_map(|list| list.keys())
        .find(|name| name.contains('/'))
        .map(String::as_str)
}

/// The server as a policy sees its Pod; `None` if it requests no GPU.
fn tenant(values: &Values) -> Option<Tenant<'_>> {
    Some(Tenant {
        namespace: values.namespace.name.as_str(),
        priority_class: values.server.priority_class_name.as_ref().map(|class| class.as_str()),
        resource: gpu_resource(values)?,
        controller: Some(values.target.kind.as_str()),
    })
}

/// The owners' policies: the files of their folder that hold at least one.
pub(super) struct Policies {
    /// Their texts.
    pub sources: Sources,
    files: Vec<(SourceId, Vec<Node>)>,
}

impl Policies {
    /// Reads the policies for some number of stacks. A file without any policy is skipped.
    ///
    /// # Errors
    /// A file can't be parsed, or the policies are too large for so many stacks.
    pub fn read(texts: &[Source], stacks: usize, budget: &Budget) -> Result<Self, Diagnostics> {
        let bytes: usize = texts.iter().map(|text| text.text().len()).sum();
        budget.spend(Resource::PolicyWork, bytes.saturating_mul(stacks))?;
        let mut sources = Sources::new();
        let mut files = Vec::new();
        for text in texts {
            let id = sources.add(Source::written(text.name(), text.text()));
            match policy::read_policies(&sources, id) {
                Ok(documents) => files.push((id, documents)),
                Err(errors)
                    if errors
                        .iter()
                        .all(|error| matches!(error.error, policy::Error::NoPolicy(_))) => {}
                Err(errors) => return Err(Diagnostics::locate(&errors, &sources)),
            }
        }
        Ok(Policies { sources, files })
    }

    /// The files, by their text and name.
    pub fn files(&self) -> impl Iterator<Item = (SourceId, &str)> {
        self.files.iter().map(|(id, _)| (*id, self.sources.get(*id).name()))
    }

    /// Every file with the effect of its policies on a tenant.
    fn show(&self, tenant: Option<&Tenant<'_>>) -> Vec<PolicyFile<'_>> {
        let files = self.files.iter();
        files
            .map(|(id, documents)| PolicyFile {
                name: self.sources.get(*id).name(),
                policies: policy::show_documents(documents, tenant),
            })
            .collect()
    }
}
