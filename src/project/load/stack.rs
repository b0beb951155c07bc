//! Renders one stack: from values and templates to objects and files.

use std::path::Path as FilePath;

use super::File;
use crate::budget::{Budget, Trials, count_nodes};
use crate::explain::{self, Field, Subject};
use crate::model::gate_jobs::{RefusedSetting, refused_settings};
use crate::model::nearest_written;
use crate::project::{Project, StackFile};
use crate::templates::{self, Templates};
use crate::values::{KyvernoMode, Layers, Loaded, Values};
use kube_validate::{self, AllowedKinds, Object};
use vram_gate::settings::Key;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics, Located};
use yaml_spans::source::{SourceId, Sources, Span};
use yaml_spans::{self, Dialect, MAX_BYTES, Node, Value, suggestion};

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
    pub checks: Checks<'a>,
    pub layers: &'a Layers,
    pub base: &'a Sources,
    pub files_only: bool,
}

impl RenderJob<'_> {
    /// Renders one stack.
    pub(super) fn render_stack(&self, file: &StackFile) -> Result<Stack, Diagnostics> {
        let mut sources = self.base.clone();
        let (name, loaded) = self.load_values(file, &mut sources)?;
        let CheckedStack { objects, exception, needs } =
            self.checks.render(&name, &loaded, &mut sources)?;
        let values = loaded.values;
        let objects = objects.into_iter().flatten().chain(exception);
        let mut files: Vec<File> = objects.map(|object| to_file(&values, &name, object)).collect();
        if self.files_only {
            // A text above the limit could not be read again.
            let readable = files.iter_mut().filter(|file| file.contents.len() <= MAX_BYTES);
            readable.for_each(|file| file.object.node = Node::new(Value::Null));
        }
        Ok(Stack { name: values.name.to_string(), file: name, values, needs, files })
    }

    /// Loads one stack's values; also returns its file's name for messages.
    pub(super) fn load_values(
        &self,
        file: &StackFile,
        sources: &mut Sources,
    ) -> Result<(String, Loaded), Diagnostics> {
        let source = self.checks.project.read_stack(file)?;
        let name = source.name().to_owned();
        let id = sources.add(source);
        let loaded =
            Loaded::load(sources, id, FilePath::new(&file.stem), self.layers, self.checks.budget)?;
        Ok((name, loaded))
    }
}

/// The objects of a stack, all of them valid.
pub(super) struct CheckedStack {
    /// Those of each template, in the order of [`Templates::names`].
    pub objects: Vec<Vec<Object>>,
    /// The exception to a policy, if the stack has one.
    pub exception: Option<Object>,
    /// The features that must be enabled in the cluster, a sentence each.
    pub needs: Vec<String>,
}

/// Renders stacks whose values are loaded, and checks their objects.
pub(super) struct Checks<'a> {
    pub project: &'a Project,
    pub templates: &'a Templates,
    pub without_policies: bool,
    pub budget: &'a Budget,
    /// The number of stacks in the run.
    pub stacks: usize,
}

impl Checks<'_> {
    /// Renders one stack; `name` is its values file in messages.
    pub(super) fn render(
        &self,
        name: &str,
        loaded: &Loaded,
        sources: &mut Sources,
    ) -> Result<CheckedStack, Diagnostics> {
        self.check_policy(loaded, sources)?;
        let context = templates::context(loaded)
            .map_err(|error| Diagnostic::new(format!("`{name}`: {error}")))?;
        let outputs = self.templates.render(sources, &context, self.budget)?;
        let trials = Trials::share_of(self.stacks);
        let subject =
            Subject { templates: self.templates, loaded, sources, trials: &trials, extra: None };
        let objects = check_objects(&outputs, &subject, self.budget)?;
        if objects.iter().all(Vec::is_empty) {
            let message = format!("no template produced an object for `{name}`");
            return Err(Diagnostic::new(message).into());
        }
        let values = &loaded.values;
        let (mut exception, mut needs) = (None, Vec::new());
        if let (KyvernoMode::Exception, Some(path)) = (values.kyverno.mode, &values.kyverno.policy)
        {
            let (node, needed) =
                super::policies::make_exception(self.project, values, path, sources)?;
            needs.extend(needed);
            let checked = kube_validate::validate(node, &AllowedKinds::none());
            exception = Some(checked.map_err(|errors| Diagnostics::locate(&errors, sources))?);
        }
        Ok(CheckedStack { objects, exception, needs })
    }

    /// Checks that the policy of a stack is there, if it is needed.
    fn check_policy(&self, loaded: &Loaded, sources: &Sources) -> Result<(), Diagnostics> {
        let kyverno = &loaded.values.kyverno;
        let is_needed = match kyverno.mode {
            KyvernoMode::Edit => !self.without_policies,
            KyvernoMode::Exception => true,
            KyvernoMode::None => false,
        };
        let Some(policy) = kyverno.policy.as_ref().filter(|_| is_needed) else { return Ok(()) };
        let Err(error) = self.project.check_relative(policy) else { return Ok(()) };
        let path = yaml_spans::Path::root().key("kyverno").key("policy");
        let known = self.project.policy_paths().unwrap_or_default();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut located = Located::new(error, nearest_written(&loaded.tree, &path), path);
        located.hint = suggestion(policy.as_str(), &known);
        Err(located.diagnose(sources).into())
    }
}

/// The most leaves of values for which the one behind an error is searched: each costs a rendering.
const MAX_TRACED_LEAVES: usize = 500;

/// A problem in a rendered document, before the value behind it is known.
struct Problem {
    diagnostic: Diagnostic,
    /// The field, if a value was interpolated into it.
    field: Option<Field>,
    /// The setting of the gate, if the gate would refuse it.
    setting: Option<Key>,
}

impl Problem {
    fn without_field(diagnostic: Diagnostic) -> Self {
        Problem { diagnostic, field: None, setting: None }
    }
}

/// Reads every output, and checks each document against its kind, and the settings of the gate by the
/// gate's own rules. Returns the objects of each output.
fn check_objects(
    outputs: &[SourceId],
    subject: &Subject<'_>,
    budget: &Budget,
) -> Result<Vec<Vec<Object>>, Diagnostics> {
    let sources = subject.sources;
    let allowed = AllowedKinds::new(
        subject
            .loaded
            .values
            .allowed_kinds
            .iter()
            .map(|kind| (kind.api_version.clone(), kind.kind.clone())),
    );
    let mut all = Vec::with_capacity(outputs.len());
    let mut problems = Vec::new();
    let mut all_nodes = 0;
    for (template, &output) in outputs.iter().enumerate() {
        let mut objects = Vec::new();
        let documents = match yaml_spans::parse(sources, output, Dialect::Strict) {
            Ok(documents) => documents,
            Err(errors) => {
                let diagnostics = errors.iter().map(|error| error.diagnose(sources));
                problems.extend(diagnostics.map(Problem::without_field));
                continue;
            }
        };
        let nodes = documents.iter().map(count_nodes).sum();
        budget.spend_object_nodes(all_nodes, nodes)?;
        all_nodes += nodes;
        for span in templates::partial_interpolations(sources, output, &documents) {
            let message = "invalid interpolation: expected a whole scalar, not a part of one";
            let place = Some(sources.place(span));
            problems.push(Problem::without_field(Diagnostic { place, ..Diagnostic::new(message) }));
        }
        for (document, node) in documents.into_iter().enumerate() {
            match kube_validate::validate(node, &allowed) {
                Ok(object) => {
                    for refused in refused_settings(&object) {
                        let problem =
                            setting_problem(refused, &object, sources, (template, document));
                        problems.push(problem);
                    }
                    objects.push(object);
                }
                Err(errors) => problems.extend(errors.iter().map(|error| {
                    let field =
                        interpolated_field(sources, error.span, (template, document), &error.path);
                    let mut diagnostic = error.diagnose(sources);
                    if let (Some(kind), None) = (error.error.unknown_custom_kind(), &error.hint) {
                        diagnostic.notes.push(allowed_kinds_note(kind));
                    }
                    Problem { diagnostic, field, setting: None }
                })),
            }
        }
        all.push(objects);
    }
    if problems.is_empty() { Ok(all) } else { Err(trace_to_values(problems, subject)) }
}

/// The advice for an object of an unknown kind.
fn allowed_kinds_note((api_version, kind): (&str, &str)) -> String {
    format!(
        "if the cluster has this kind, add it to the values, and it is rendered with only its metadata \
         checked: `allowedKinds: [{{apiVersion: {api_version}, kind: {kind}}}]`"
    )
}

/// The field at a path of a document (`template` and `document` are indexes), if a value was
/// interpolated into it.
fn interpolated_field(
    sources: &Sources,
    span: Option<Span>,
    (template, document): (usize, usize),
    path: &yaml_spans::Path,
) -> Option<Field> {
    let origin = sources.origin(span?)?;
    origin.interpolated.then(|| Field { template, document, path: path.clone() })
}

/// The problem of a setting that the gate would refuse.
fn setting_problem(
    refused: RefusedSetting,
    object: &Object,
    sources: &Sources,
    document: (usize, usize),
) -> Problem {
    let RefusedSetting { key, error, path } = refused;
    let span = path.find(&object.node).and_then(|node| node.span);
    let field = interpolated_field(sources, span, document, &path);
    let message =
        format!("`vram-gate` would refuse `{}` at every run: {}", error.setting, error.problem);
    let diagnostic = Located::new(message, span, path).diagnose(sources);
    Problem { diagnostic, field, setting: key }
}

/// Adds to each problem the values that it comes from.
fn trace_to_values(problems: Vec<Problem>, subject: &Subject<'_>) -> Diagnostics {
    let needs_influences = problems.iter().any(|problem| problem.field.is_some());
    let affordable = explain::leaves(&subject.loaded.tree).len() <= MAX_TRACED_LEAVES;
    let influences = if needs_influences && affordable { subject.influences() } else { Vec::new() };
    let mut diagnostics: Vec<TracedDiagnostic> = Vec::with_capacity(problems.len());
    for Problem { mut diagnostic, field, setting } in problems {
        let mut is_traced = false;
        if let Some(field) = field {
            let values: Vec<&yaml_spans::Path> = influences
                .iter()
                .filter(|influence| influence.reaches(&field))
                .map(|influence| &influence.value)
                .collect();
            is_traced = !values.is_empty();
            match setting {
                Some(key) => place_at_value(&mut diagnostic, key, &values, subject),
                None => {
                    let values = values.into_iter().take(3);
                    diagnostic.notes.extend(values.map(|value| origin_note(subject, value)));
                    if needs_influences && (!affordable || subject.trials.are_spent()) {
                        diagnostic.notes.push(explain::NOT_ALL_TRIED.to_owned());
                    }
                }
            }
        }
        // One value causes one problem, in however many fields. The gate's jobs share most settings.
        let same = diagnostics.iter_mut().find(|other| other.has_cause_of(&diagnostic, is_traced));
        match same {
            Some(same) if same.diagnostic == diagnostic => {}
            Some(same) => same.others += 1,
            None => diagnostics.push(TracedDiagnostic { diagnostic, is_traced, others: 0 }),
        }
    }
    Diagnostics(diagnostics.into_iter().map(TracedDiagnostic::finish).collect())
}

/// A problem whose values are known.
struct TracedDiagnostic {
    diagnostic: Diagnostic,
    /// At least one value is behind it.
    is_traced: bool,
    /// The number of further fields with the same problem.
    others: usize,
}

impl TracedDiagnostic {
    /// Returns true for the same problem, from the same values.
    fn has_cause_of(&self, other: &Diagnostic, is_traced: bool) -> bool {
        let own = &self.diagnostic;
        own == other
            || (self.is_traced
                && is_traced
                && (&own.message, &own.notes) == (&other.message, &other.notes))
    }

    fn finish(self) -> Diagnostic {
        match self.others {
            0 => self.diagnostic,
            1 => self.diagnostic.note("another field has the same problem"),
            count => self.diagnostic.note(format!("{count} other fields have the same problem")),
        }
    }
}

/// Moves the problem of a setting to the value that it comes from: one of `values`, which decide the
/// setting. If that is a default, a written value that the setting is compared with is the better place.
fn place_at_value(
    diagnostic: &mut Diagnostic,
    key: Key,
    values: &[&yaml_spans::Path],
    subject: &Subject<'_>,
) {
    let tree = &subject.loaded.tree;
    let rendered_from = value_path(key);
    let own = match &rendered_from {
        Some(path) if values.is_empty() || values.contains(&path) => path,
        _ => match values.first() {
            Some(path) => *path,
            None => return,
        },
    };
    let compared: Vec<yaml_spans::Path> =
        key.compared_with().iter().filter_map(|&other| value_path(other)).collect();
    let place =
        std::iter::once(own).chain(&compared).find(|path| path.find(tree).is_some()).unwrap_or(own);
    if let Some(span) = nearest_written(tree, place) {
        diagnostic.place = Some(subject.sources.place(span));
        diagnostic.path = Some(place.to_string());
        for other in std::iter::once(own).chain(&compared).filter(|path| *path != place) {
            diagnostic.notes.push(origin_note(subject, other));
        }
    }
}

/// The path in the values that is rendered into a setting.
fn value_path(key: Key) -> Option<yaml_spans::Path> {
    key.row().value_path()?.parse().ok()
}

fn origin_note(subject: &Subject<'_>, value: &yaml_spans::Path) -> String {
    match nearest_written(&subject.loaded.tree, value) {
        Some(span) => {
            let place = subject.sources.place(span);
            let (name, line, column) = (place.name, place.line, place.column);
            let unset = match value.find(&subject.loaded.tree) {
                Some(_) => "",
                None => "which is not set in ",
            };
            format!("it comes from the value `{value}`, {unset}{name}:{line}:{column}")
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
