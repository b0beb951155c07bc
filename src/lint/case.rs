//! What rules look at: one stack, ready to be asked, and the owners' policies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{failed, place};
use crate::explain::{Field, Rendering, Subject};
use crate::model::gate_jobs::{Gate, gates};
use crate::model::{Message, Object, Objects};
use crate::policy::{self, Shown, Tenant};
use crate::project::load::LoadedStack;
use crate::values::Values;
use kube_validate::ObjectId;
use yaml_spans::diagnostic::Diagnostics;
use yaml_spans::source::{Source, SourceId, Sources, Span};
use yaml_spans::{self, Path};

/// One stack.
pub(super) struct Case<'a> {
    /// Its values.
    pub values: &'a Values,
    /// Its objects, with their places; edited policies apart.
    pub objects: Objects,
    /// Its gates, by the Deployment that each scales.
    pub gates: BTreeMap<ObjectId, Gate>,
    /// The owners' policies.
    pub policies: &'a Policies,
    opened: &'a LoadedStack,
    subject: Subject<'a>,
    rendering: Rendering,
}

/// Where something unwise is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    /// A value.
    Value(Path),
    /// A field of an object that the stack renders.
    Field(ObjectId, Path),
}

/// Something unwise, before it is known where that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    pub at: At,
    pub words: Message,
}

impl At {
    /// What findings call it: the path, and the object.
    pub fn names(self) -> (Option<String>, Option<ObjectId>) {
        match self {
            At::Value(path) => (Some(path.to_string()), None),
            At::Field(id, path) => ((!path.is_root()).then(|| path.to_string()), Some(id)),
        }
    }
}

impl Site {
    /// Something about a value, named by the keys on the way.
    pub fn value<const N: usize>(keys: [&str; N], words: Message) -> Self {
        Site { at: At::Value(path(&keys)), words }
    }

    /// Something about a field of an object.
    pub fn field(object: &Object, path: Path, words: Message) -> Self {
        Site { at: At::Field(object.id.clone(), path), words }
    }
}

/// A path of keys.
pub(super) fn path(keys: &[&str]) -> Path {
    keys.iter().fold(Path::root(), |path, key| path.key(*key))
}

/// An object's Pods' template, as a path.
pub(super) fn template_path(object: &Object) -> Path {
    let keys: &[&str] = match object.id.kind.as_str() {
        "CronJob" => &["spec", "jobTemplate", "spec", "template"],
        "Pod" => &[],
        _ => &["spec", "template"],
    };
    path(keys)
}

impl<'a> Case<'a> {
    /// Renders a stack and reads its objects.
    pub fn of(opened: &'a LoadedStack, policies: &'a Policies) -> Result<Self, Diagnostics> {
        let broken = || failed(format!("{} does not render: see `tts-render render`", opened.file));
        // Of policies, those of the owners are looked at.
        let subject = Subject { extra: None, ..opened.subject() };
        let rendering = subject.rendering().ok_or_else(broken)?;
        let nodes = rendering.documents.iter().flatten().cloned();
        let read = nodes.map(|node| Object::read(node, &opened.file).map(Arc::new));
        let objects = read.collect::<Result<Vec<_>, _>>().and_then(Objects::collect);
        let objects = objects.map_err(|error| failed(error.to_string()))?;
        let namespaces: BTreeSet<&str> =
            objects.iter().filter_map(|object| object.id.namespace.as_deref()).collect();
        let gates = gates(&objects, &namespaces);
        let values = &opened.loaded.values;
        Ok(Case { values, gates, objects, policies, opened, subject, rendering })
    }

    /// The texts that all places of this stack are in.
    pub fn sources(&self) -> &Sources {
        &self.rendering.sources
    }

    /// Where something was written: a field that a value brings, in the values.
    pub fn span(&self, at: &At) -> Option<Span> {
        match at {
            At::Value(path) => place::written(&self.opened.loaded.tree, path),
            At::Field(id, path) => {
                let value =
                    self.value_behind(id, path).and_then(|value| self.span(&At::Value(value)));
                value.or_else(|| place::written(&self.objects.get(id)?.node, path))
            }
        }
    }

    /// The value that a template puts where a field is: one that its expression names, and that does
    /// move the field when it is changed.
    fn value_behind(&self, id: &ObjectId, path: &Path) -> Option<Path> {
        let span = path.find(&self.objects.get(id)?.node)?.span?;
        let origin = self.sources().origin(span).filter(|origin| origin.interpolated)?;
        let expression = self.sources().slice(origin.template);
        let (document, _) = self.rendering.objects().find(|(_, known)| known == id)?;
        let field = Field { path: path.clone(), ..document };
        let values = yaml_spans::to_node(self.values).ok()?;
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_');
        let named = expression.split(|c| !is_name(c)).filter_map(|word| word.parse::<Path>().ok());
        named.filter(|named| named.find(&values).is_some()).find(|named| {
            let below = self.subject.influences_of(&self.rendering, named);
            below.is_ok_and(|below| below.iter().any(|moved| moved.reaches(&field)))
        })
    }

    /// The extended resource that the server asks for, such as `nvidia.com/gpu`: a GPU's, since
    /// that is what the stack is for.
    /// <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#extended-resources>
    pub fn gpu(&self) -> Option<&str> {
        let resources = &self.values.server.resources;
        let lists = [&resources.limits, &resources.requests];
        let mut names = lists.into_iter().flatten().flat_map(|list| list.keys());
        names.find(|name| name.contains('/')).map(String::as_str)
    }

    /// The server as a policy sees its Pod.
    pub fn tenant(&self) -> Option<Tenant<'_>> {
        Some(Tenant {
            namespace: self.values.namespace.name.as_str(),
            priority_class: self.values.server.priority_class_name.as_ref().map(|c| c.as_str()),
            resource: self.gpu()?,
        })
    }
}

/// The owners' policies: the files of their folder that hold any.
pub(super) struct Policies {
    /// Their texts.
    pub sources: Sources,
    ids: Vec<SourceId>,
}

impl Policies {
    /// Reads them. A file without a policy that is understood is left out.
    pub fn read(texts: &[Source]) -> Result<Self, Diagnostics> {
        let mut sources = Sources::new();
        let mut ids = Vec::new();
        for text in texts {
            let id = sources.add(Source::written(text.name(), text.text()));
            match policy::show_policies(&sources, id, None) {
                Ok(_) => ids.push(id),
                Err(errors) => {
                    let holds_none =
                        |error: &policy::Error| matches!(error, policy::Error::NoPolicy);
                    if !errors.iter().all(|error| holds_none(&error.error)) {
                        let told = errors.iter().map(|error| error.diagnose(&sources));
                        return Err(Diagnostics(told.collect()));
                    }
                }
            }
        }
        Ok(Policies { sources, ids })
    }

    /// The files, by number and name.
    pub fn files(&self) -> impl Iterator<Item = (usize, &str)> {
        self.ids.iter().map(|id| self.sources.get(*id).name()).enumerate()
    }

    /// What a file's policies do to a tenant.
    pub fn shown(&self, policy: usize, tenant: Option<&Tenant<'_>>) -> Vec<Shown> {
        let id = self.ids.get(policy);
        id.and_then(|id| policy::show_policies(&self.sources, *id, tenant).ok()).unwrap_or_default()
    }

    /// The start of a file.
    pub fn start(&self, policy: usize) -> Option<Span> {
        self.ids.get(policy).map(|id| Span::new(*id, 0, 0))
    }
}
