//! Renders one stack: from values and templates to objects and files.

use std::path::Path as FilePath;

use super::File;
use crate::explain::{self, Field, Subject};
use crate::project::{Project, StackFile};
use crate::templates::{self, Templates};
use crate::values::{KyvernoMode, Layers, Loaded, Values};
use kube_validate::{self, AllowedKinds, Object};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics, Located};
use yaml_spans::source::{SourceId, Sources};
use yaml_spans::{self, Dialect, Node, Value};

/// A rendered stack.
#[derive(Debug)]
pub struct Stack {
    /// Its name, which is also its folder's.
    pub name: String,
    /// Its values file, as messages name it.
    pub file: String,
    /// Its values.
    pub values: Values,
    /// The features that must be enabled in the cluster for its objects to have an effect, a sentence each.
    pub needs: Vec<String>,
    /// Its files without edited policies, until the [`RenderedProject`](super::RenderedProject) takes them.
    pub(super) files: Vec<File>,
}

/// The inputs that all stacks of a run share.
pub(super) struct RenderJob<'a> {
    pub project: &'a Project,
    pub templates: &'a Templates,
    pub layers: &'a Layers,
    pub base: &'a Sources,
    pub files_only: bool,
}

impl RenderJob<'_> {
    /// Renders one stack.
    pub(super) fn render_stack(&self, file: &StackFile) -> Result<Stack, Diagnostics> {
        let mut sources = self.base.clone();
        let (name, loaded) = self.load_values(file, &mut sources)?;
        let context = templates::context(&loaded)
            .map_err(|error| Diagnostic::new(format!("`{name}`: {error}")))?;
        let outputs = self.templates.render(&mut sources, &context)?;
        let subject =
            Subject { templates: self.templates, loaded: &loaded, sources: &sources, beyond: None };
        let mut objects = check_objects(&outputs, &subject)?;
        if objects.is_empty() {
            let message = format!("no template produced an object for `{name}`");
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

    /// Loads one stack's values; also returns its file's name for messages.
    pub(super) fn load_values(
        &self,
        file: &StackFile,
        sources: &mut Sources,
    ) -> Result<(String, Loaded), Diagnostics> {
        let source = self.project.read_stack(file)?;
        let name = source.name().to_owned();
        let id = sources.add(source);
        let loaded = Loaded::load(sources, id, FilePath::new(&file.stem), self.layers)?;
        Ok((name, loaded))
    }
}

fn diagnose(errors: &[Located<kube_validate::Error>], sources: &Sources) -> Diagnostics {
    Diagnostics(errors.iter().map(|error| error.diagnose(sources)).collect())
}

/// The most leaves of values for which the one behind an error is searched: each costs a rendering.
const MAX_TRACED_LEAVES: usize = 500;

/// A problem in a rendered document, before the value behind it is known.
struct Problem {
    diagnostic: Diagnostic,
    /// The field, if a value was interpolated into it.
    field: Option<Field>,
}

impl Problem {
    fn without_field(diagnostic: Diagnostic) -> Self {
        Problem { diagnostic, field: None }
    }
}

/// Reads every output, and checks each document against its kind.
fn check_objects(outputs: &[SourceId], subject: &Subject<'_>) -> Result<Vec<Object>, Diagnostics> {
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
    let mut problems = Vec::new();
    for (template, &output) in outputs.iter().enumerate() {
        let documents = match yaml_spans::parse(sources, output, Dialect::Strict) {
            Ok(documents) => documents,
            Err(errors) => {
                let diagnostics = errors.iter().map(|error| error.diagnose(sources));
                problems.extend(diagnostics.map(Problem::without_field));
                continue;
            }
        };
        for span in templates::partial_interpolations(sources, output, &documents) {
            let message = "invalid interpolation: expected a whole scalar, not a part of one";
            let place = Some(sources.place(span));
            problems.push(Problem::without_field(Diagnostic { place, ..Diagnostic::new(message) }));
        }
        for (document, node) in documents.into_iter().enumerate() {
            match kube_validate::check(node, &allowed) {
                Ok(object) => objects.push(object),
                Err(errors) => problems.extend(errors.iter().map(|error| {
                    let origin = error.span.and_then(|span| sources.origin(span));
                    let field = origin.filter(|origin| origin.interpolated).map(|_| Field {
                        template,
                        document,
                        path: error.path.clone(),
                    });
                    Problem { diagnostic: error.diagnose(sources), field }
                })),
            }
        }
    }
    if problems.is_empty() { Ok(objects) } else { Err(trace_to_values(problems, subject)) }
}

/// Adds to each problem the values that it comes from.
fn trace_to_values(problems: Vec<Problem>, subject: &Subject<'_>) -> Diagnostics {
    let needs_influences = problems.iter().any(|problem| problem.field.is_some());
    let affordable = explain::leaves(&subject.loaded.tree).len() <= MAX_TRACED_LEAVES;
    let influences = if needs_influences && affordable { subject.influences() } else { Vec::new() };
    let diagnostics = problems.into_iter().map(|Problem { mut diagnostic, field }| {
        if let Some(field) = field {
            let values = influences.iter().filter(|influence| influence.reaches(&field)).take(3);
            diagnostic.notes.extend(values.map(|influence| origin_note(subject, &influence.value)));
        }
        diagnostic
    });
    Diagnostics(diagnostics.collect())
}

fn origin_note(subject: &Subject<'_>, value: &yaml_spans::Path) -> String {
    match explain::place_of(&subject.loaded.tree, value) {
        Some(span) => {
            let place = subject.sources.place(span);
            let (name, line, column) = (place.name, place.line, place.column);
            format!("it comes from the value `{value}`, {name}:{line}:{column}")
        }
        None => format!("it comes from the value `{value}`"),
    }
}

/// Puts an object into its folder: that of its namespace, if this is not the stack's own; else the
/// stack's.
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

/// `<kind>-<name>.yaml`, lower case. Names of some kinds may contain `:` (RBAC's do), which not every
/// file system accepts: it becomes `_`, which names can't contain.
pub(super) fn file_name(object: &Object) -> String {
    format!(
        "{}-{}.yaml",
        object.kind.to_lowercase(),
        object.name.replace([':', '/'], "_").to_lowercase()
    )
}
