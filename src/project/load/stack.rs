//! One stack: values, templates, objects, files.

use std::path::Path as FilePath;

use super::File;
use crate::explain::{self, Field, Subject};
use crate::model::nearest_written;
use crate::project::{Project, StackFile};
use crate::templates::{self, Templates};
use crate::values::{KyvernoMode, Layers, Loaded, Values};
use kube_validate::{self, AllowedKinds, Object};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics, Located};
use yaml_spans::source::{SourceId, Sources};
use yaml_spans::{self, Dialect, Node, Value};

/// A stack that was rendered.
#[derive(Debug)]
pub struct Stack {
    /// Its name, and its folder.
    pub name: String,
    /// Its values file, as messages name it.
    pub file: String,
    /// Its values.
    pub values: Values,
    /// What must be enabled in the cluster for its objects to count, a sentence each.
    pub needs: Vec<String>,
    /// What it renders, edited policies apart, until the fleet takes them over.
    pub(super) files: Vec<File>,
}

/// What every stack of a run shares.
pub(super) struct Job<'a> {
    pub project: &'a Project,
    pub templates: &'a Templates,
    pub layers: &'a Layers,
    pub base: &'a Sources,
    pub files_only: bool,
}

impl Job<'_> {
    /// Renders one stack.
    pub(super) fn run(&self, file: &StackFile) -> Result<Stack, Diagnostics> {
        let mut sources = self.base.clone();
        let (name, loaded) = self.load(file, &mut sources)?;
        let context = templates::context(&loaded)
            .map_err(|error| Diagnostic::new(format!("{name}: {error}")))?;
        let outputs = self.templates.render(&mut sources, &context)?;
        let subject =
            Subject { templates: self.templates, loaded: &loaded, sources: &sources, beyond: None };
        let mut objects = check_all(&outputs, &subject)?;
        if objects.is_empty() {
            let message =
                format!("no template renders an object for {name}: an empty stack is never meant");
            return Err(Diagnostic::new(message).into());
        }
        let values = loaded.values;
        let mut needs = Vec::new();
        if let (KyvernoMode::Exception, Some(path)) = (values.kyverno.mode, &values.kyverno.policy)
        {
            let (node, needed) =
                super::policies::exception(self.project, &values, path, &mut sources)?;
            needs.extend(needed);
            let checked = kube_validate::check(node, &AllowedKinds::none());
            objects.push(checked.map_err(|errors| diagnose(&errors, &sources))?);
        }
        let mut files: Vec<File> =
            objects.into_iter().map(|object| to_file(&values, &name, object)).collect();
        if self.files_only {
            files.iter_mut().for_each(|file| file.object.node = Node::new(Value::Null));
        }
        Ok(Stack { name: values.name.to_string(), file: name, values, needs, files })
    }

    /// Loads one stack's values; also gives its file's name as messages have it.
    pub(super) fn load(
        &self,
        file: &StackFile,
        sources: &mut Sources,
    ) -> Result<(String, Loaded), Diagnostics> {
        let source =
            self.project.read_stack(file).map_err(|error| Diagnostic::new(error.to_string()))?;
        let name = source.name().to_owned();
        let id = sources.add(source);
        let loaded = Loaded::load(sources, id, FilePath::new(&file.stem), self.layers)?;
        Ok((name, loaded))
    }
}

fn diagnose(errors: &[Located<kube_validate::Error>], sources: &Sources) -> Diagnostics {
    Diagnostics(errors.iter().map(|error| error.diagnose(sources)).collect())
}

/// The most leaves of values among which the one behind an error is looked for: each costs a
/// rendering.
const BLAMED: usize = 500;

/// What a document of an output is found wrong in, before the value that brought it is known.
struct Wrong {
    diagnostic: Diagnostic,
    /// The field, where a value stands there.
    field: Option<Field>,
}

/// Reads every output and holds each document against its kind.
fn check_all(outputs: &[SourceId], subject: &Subject<'_>) -> Result<Vec<Object>, Diagnostics> {
    let sources = subject.sources;
    let allowed = AllowedKinds::new(
        subject
            .loaded
            .values
            .allowed_kinds
            .iter()
            .map(|kind| (kind.api_version.clone(), kind.kind.clone())),
    );
    let mut objects = Vec::new();
    let mut wrong = Vec::new();
    let plain = |diagnostic| Wrong { diagnostic, field: None };
    for (template, &output) in outputs.iter().enumerate() {
        let documents = match yaml_spans::parse(sources, output, Dialect::Strict) {
            Ok(documents) => documents,
            Err(errors) => {
                wrong.extend(errors.iter().map(|error| plain(error.diagnose(sources))));
                continue;
            }
        };
        for span in templates::unwhole(sources, output, &documents) {
            wrong.push(plain(Diagnostic {
                place: Some(sources.place(span)),
                ..Diagnostic::new("an interpolation must be a whole scalar, and here it became a part of something else")
            }));
        }
        for (document, node) in documents.into_iter().enumerate() {
            match kube_validate::check(node, &allowed) {
                Ok(object) => objects.push(object),
                Err(errors) => wrong.extend(errors.iter().map(|error| {
                    let origin = error.span.and_then(|span| sources.origin(span));
                    let field = origin.filter(|origin| origin.interpolated).map(|_| Field {
                        template,
                        document,
                        path: error.path.clone(),
                    });
                    Wrong { diagnostic: error.diagnose(sources), field }
                })),
            }
        }
    }
    if wrong.is_empty() { Ok(objects) } else { Err(blame(wrong, subject)) }
}

/// Says of each error which values brought it.
fn blame(wrong: Vec<Wrong>, subject: &Subject<'_>) -> Diagnostics {
    let any = wrong.iter().any(|wrong| wrong.field.is_some());
    let affordable = explain::leaves(&subject.loaded.tree).len() <= BLAMED;
    let influences = if any && affordable { subject.influences() } else { Vec::new() };
    let note = |value: &yaml_spans::Path| match nearest_written(&subject.loaded.tree, value) {
        Some(span) => {
            let place = subject.sources.place(span);
            format!(
                "it comes from the value `{value}`, {}:{}:{}",
                place.name, place.line, place.column
            )
        }
        None => format!("it comes from the value `{value}`"),
    };
    let diagnostics = wrong.into_iter().map(|wrong| {
        let mut diagnostic = wrong.diagnostic;
        if let Some(field) = wrong.field {
            let behind = influences.iter().filter(|influence| influence.reaches(&field));
            diagnostic.notes.extend(behind.take(3).map(|influence| note(&influence.value)));
        }
        diagnostic
    });
    Diagnostics(diagnostics.collect())
}

/// Where an object lies: cluster-scoped ones and those of the stack's namespace in its own folder,
/// another namespace's in that namespace's.
fn to_file(values: &Values, source: &str, object: Object) -> File {
    let foreign =
        object.namespace.as_deref().filter(|name| *name != values.namespace.name.as_str());
    let folder = foreign.unwrap_or(values.name.as_str()).to_owned();
    File {
        folder,
        name: file_name(&object),
        contents: header(source) + &yaml_spans::emit(&object.node),
        object,
        claimants: vec![source.to_owned()],
    }
}

/// The first line of every file.
pub(super) fn header(from: &str) -> String {
    format!("# Rendered from {from} by tts-render: change that, not this.\n")
}

/// `<kind>-<name>.yaml`, lower case. Names of some kinds may hold `:` (RBAC's do), which not every
/// file system takes: it becomes `_`, which no name holds.
pub(super) fn file_name(object: &Object) -> String {
    format!(
        "{}-{}.yaml",
        object.kind.to_lowercase(),
        object.name.replace([':', '/'], "_").to_lowercase()
    )
}
