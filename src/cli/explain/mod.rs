//! `explain`: the value that decides a field, and the fields that a value decides.

mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};

use kube_validate::ObjectId;
use tts_render::explain::{
    self, DocumentSource, Effect, ExplainError, Field, FieldRequest, FilePlace, Influence,
    NOT_ALL_TRIED, ObjectName, Rendering, find_object, guard_formula, idle_reason, parse_path,
};
use tts_render::project::Project;
use tts_render::project::load::LoadedStack;
use tts_render::report::json::to_text;
use tts_render::values::Gate;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Place, Sources};
use yaml_spans::{self, Dialect, Node, Path, Segment, Value};

use super::complete;
use super::format::{FormatFlag, TextOrJson};
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render explain deployment/chatterbox-tts 'spec.template.spec.containers[0].image'
  tts-render explain Deployment tts/chatterbox-tts .spec.replicas
  tts-render explain rendered/tts/deployment-chatterbox-tts.yaml:17
  tts-render explain clusterpolicy/inject-gpu-workload-priority spec.rules
  tts-render explain --value gate.floor
  tts-render explain --value offPeak

The answer is found by rendering again with each value changed to a near one, whatever the template does with it. A
condition that only a distant value meets is not seen.")]
pub(crate) struct Args {
    /// The object: KIND/NAME, KIND NAMESPACE/NAME, or a KIND of which there is one; kinds as for kubectl.
    /// Or FILE[:LINE] of a manifest, a template or a values file
    #[arg(
        value_name = "OBJECT",
        add = complete::objects(),
        required_unless_present = "value",
        conflicts_with = "value"
    )]
    object: Option<String>,
    /// The field's path in the object; default: the whole object
    #[arg(value_name = "PATH", requires = "object", num_args = 0..=2)]
    path: Vec<String>,
    /// A value's path: show every field that it, or a value below it, decides
    #[arg(long, value_name = "PATH", value_parser = parse_path, add = complete::values())]
    value: Option<Path>,
    /// Only these stacks; default: all
    #[arg(long = "stack", value_name = "STACK", add = complete::stacks())]
    stacks: Vec<String>,
    /// An overlay, as for render
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    overlays: Vec<PathBuf>,
    /// One value, as for render
    #[arg(long, value_name = "PATH=VALUE", add = complete::assignments())]
    set: Vec<String>,
    /// One text, as for render
    #[arg(long, value_name = "PATH=TEXT", add = complete::assignments())]
    set_string: Vec<String>,
    /// A folder of templates to use instead of the project's
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    #[command(flatten)]
    format: FormatFlag<TextOrJson>,
}

/// The destination of explanations: text is printed at once, JSON is collected.
struct Output<'a, 'c> {
    context: &'a mut Context<'c>,
    report: Option<json::Report>,
}

impl Output<'_, '_> {
    /// Prints a line of text. JSON has the same facts in its own keys.
    fn print_line(&mut self, line: &str) -> Result<(), CliError> {
        match self.report {
            Some(_) => Ok(()),
            None => Ok(self.context.print_line(line)?),
        }
    }

    /// A remark on the explanations.
    fn note(&mut self, indent: &str, note: String) -> Result<(), CliError> {
        match &mut self.report {
            Some(report) => report.notes.push(note),
            None => self.context.print_line(&format!("{indent}{note}"))?,
        }
        Ok(())
    }
}

/// A stack with its rendering.
type RenderedStack<'a> = (&'a LoadedStack, Rendering);

/// The most stacks whose values are listed for one object.
const MAX_STACKS: usize = 3;

/// The longest value, in characters, that is printed after its path.
const MAX_INLINE: usize = 80;

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let inputs = Inputs {
        stacks: args.stacks.clone(),
        overlays: args.overlays.clone(),
        set: args.set.clone(),
        set_string: args.set_string.clone(),
        templates: args.templates.clone(),
    };
    if args.object.is_some() {
        explain::prepare();
    }
    let stacks = LoadedStack::load_all(&context.common.project(), &inputs.request()?)?;
    let mut rendered = Vec::with_capacity(stacks.len());
    for stack in &stacks {
        match stack.subject().rendering() {
            Some(rendering) => rendered.push((stack, rendering)),
            None => {
                let error = ExplainError::Broken { file: stack.file.clone() };
                return Err(Diagnostic::from(error).into());
            }
        }
    }
    let report = (args.format.format == TextOrJson::Json).then(json::Report::default);
    let output = &mut Output { context, report };
    match (&args.value, &args.object) {
        (Some(value), _) => {
            let all: Vec<&RenderedStack<'_>> = rendered.iter().collect();
            explain_value(&all, value, output)?;
        }
        (None, Some(object)) => match FilePlace::parse(object).filter(|_| args.path.is_empty()) {
            Some(place) => explain_place(&rendered, place, output)?,
            None => {
                let words: Vec<String> = [object].into_iter().chain(&args.path).cloned().collect();
                let ids: Vec<ObjectId> = rendered
                    .iter()
                    .flat_map(|(_, rendering)| rendering.objects().map(|(_, id)| id))
                    .collect();
                let request = FieldRequest::parse(&words, &ids).map_err(Diagnostic::from)?;
                explain_object(&rendered, &request, output)?;
            }
        },
        // One of them is required.
        (None, None) => {}
    }
    if let Some(report) = &output.report {
        output.context.out.write_all(to_text(report).as_bytes())?;
    }
    Ok(Exit::Success)
}

/// Explains a line of a manifest, or of a stack's values file.
fn explain_place(
    stacks: &[RenderedStack<'_>],
    place: FilePlace<'_>,
    output: &mut Output<'_, '_>,
) -> Result<(), CliError> {
    if place.is_template() {
        return explain_template_line(stacks, place, output);
    }
    let project = output.context.common.project();
    let file = FilePath::new(place.file);
    let of_stack = stacks.iter().find(|(stack, _)| is_same_file(&project, &stack.file, file));
    if let Some(&(stack, _)) = of_stack {
        let value =
            place.find_value(&stack.loaded.tree, &stack.sources).map_err(Diagnostic::from)?;
        let one: Vec<&RenderedStack<'_>> = of_stack.into_iter().collect();
        return explain_value(&one, &value, output);
    }
    let mut sources = Sources::new();
    let source = match file.exists() {
        true => project.read_named(file),
        false => project.read_named(&project.root().join(file)),
    };
    let id = sources.add(source.map_err(Diagnostics::from)?);
    let documents = yaml_spans::parse(&sources, id, Dialect::Kubectl)
        .map_err(|errors| Diagnostics::locate(&errors, &sources))?;
    let (document, path) = place.find(&documents, &sources).map_err(Diagnostic::from)?;
    let object = ObjectId::read(document).map_err(|error| {
        let problem = format!("it has no object: {error}");
        Diagnostic::from(ExplainError::File { file: place.file.to_owned(), problem })
    })?;
    let request = FieldRequest { object: object.to_string(), path };
    explain_object(stacks, &request, output)?;
    let rendered = stacks.iter().find_map(|(_, rendering)| {
        let (field, _) = rendering.objects().find(|(_, id)| *id == object)?;
        request.path.find(rendering.document(&field)?)
    });
    if rendered.is_some_and(|rendered| request.path.find(document) != Some(rendered)) {
        let note =
            format!("{} has another value: the values changed since it was rendered", place.file);
        output.note("  note      ", note)?;
    }
    Ok(())
}

/// The most fields of one template line that are explained.
const MAX_FIELDS: usize = 3;

/// Explains the fields that a line of a template wrote, in the first stack in which it wrote any.
fn explain_template_line(
    stacks: &[RenderedStack<'_>],
    place: FilePlace<'_>,
    output: &mut Output<'_, '_>,
) -> Result<(), CliError> {
    let mut found = Err(ExplainError::File {
        file: place.file.to_owned(),
        problem: "no stack renders it".to_owned(),
    });
    for (_, rendering) in stacks {
        found = place.find_written(rendering).map(|fields| (rendering, fields));
        if found.is_ok() {
            break;
        }
    }
    let (rendering, fields) = found.map_err(Diagnostic::from)?;
    let written = fields.iter().filter_map(|field| {
        let object = ObjectId::read(rendering.document(field)?).ok()?.to_string();
        Some(FieldRequest { object, path: field.path.clone() })
    });
    for request in written.take(MAX_FIELDS) {
        output.print_line(&request.object)?;
        explain_object(stacks, &request, output)?;
    }
    if fields.len() > MAX_FIELDS {
        let more = fields.len() - MAX_FIELDS;
        output.note("", format!("{more} more fields come from this line"))?;
    }
    Ok(())
}

/// Returns true if the user's path leads to a stack's values file.
fn is_same_file(project: &Project, values_file: &str, path: &FilePath) -> bool {
    let values = [FilePath::new(values_file).to_owned(), project.root().join(values_file)];
    let named = [path.to_owned(), project.root().join(path)];
    let resolve = |paths: [PathBuf; 2]| paths.into_iter().find_map(|path| path.canonicalize().ok());
    let (values, named) = (resolve(values), resolve(named));
    values.is_some() && values == named
}

/// Prints the values that decide a field, for each stack that renders a part of the object.
fn explain_object(
    stacks: &[RenderedStack<'_>],
    FieldRequest { object, path }: &FieldRequest,
    output: &mut Output<'_, '_>,
) -> Result<(), CliError> {
    let all: Vec<(&RenderedStack<'_>, Field, ObjectId)> = stacks
        .iter()
        .flat_map(|stack| stack.1.objects().map(move |(field, id)| (stack, field, id)))
        .collect();
    let wanted = find_object(&ObjectName::parse(object), all.iter().map(|(.., id)| id))
        .map_err(Diagnostic::from)?;
    let parts: Vec<(&RenderedStack<'_>, Field)> = all
        .into_iter()
        .filter(|(.., id)| *id == wanted)
        .map(|(stack, field, _)| (stack, Field { path: path.clone(), ..field }))
        .collect();
    let Some(document) = parts.first().and_then(|(stack, field)| stack.1.document(field)) else {
        return Ok(());
    };
    let Some(node) = path.find(document) else {
        return Err(Diagnostic::from(ExplainError::no_field(path, wanted, document)).into());
    };
    output.print_line(&match path.is_root() {
        true => format!("{wanted}, the whole object"),
        false => describe_node(path, node),
    })?;
    // Stacks share a policy: those whose namespace is in the field come first.
    let (mut ordered, others): (Vec<_>, Vec<_>) = parts.iter().partition(|((stack, _), _)| {
        contains_string(node, stack.loaded.values.namespace.name.as_str())
    });
    ordered.extend(others);
    let limit = if output.report.is_some() { usize::MAX } else { MAX_STACKS };
    let explained: Vec<DecidedIn<'_>> = ordered
        .iter()
        .take(limit)
        .map(|((stack, rendering), field)| DecidedIn {
            stack,
            rendering,
            field,
            values: stack.subject().deciding_values(rendering, field),
        })
        .collect();
    if let Some(report) = &mut output.report {
        report.fields.push(json::ExplainedField::new(&wanted, path, node, &explained)?);
        report.notes.extend(explained.iter().take(MAX_STACKS).filter_map(DecidedIn::formula));
        return Ok(());
    }
    for (at, decided) in explained.iter().enumerate() {
        let DecidedIn { stack, rendering, field, values } = decided;
        if at == 0 {
            output.print_line(&format!("  {}", describe_source(stack, rendering, field)))?;
        }
        if values.is_empty() {
            output.print_line(&format!(
                "  value     none found: another value of each in {} gives the same",
                stack.file
            ))?;
        }
        for (value, effect) in values {
            let effect = match effect {
                Effect::Value => "",
                Effect::Presence => " (decides whether the field exists)",
            };
            output.print_line(&format!("  value     {}{effect}", describe_value(stack, value)?))?;
        }
        if let Some(formula) = decided.formula() {
            output.note("  note      ", formula)?;
        }
    }
    let shown = ordered.iter().take(MAX_STACKS);
    print_incomplete(shown.map(|((stack, _), _)| stack), output)?;
    if ordered.len() > MAX_STACKS {
        let more = ordered.len() - MAX_STACKS;
        output.print_line(&format!(
            "  {more} more stacks contribute: show one with `--stack NAME`"
        ))?;
    }
    Ok(())
}

/// A field of one stack, with the values that decide it.
struct DecidedIn<'a> {
    stack: &'a LoadedStack,
    rendering: &'a Rendering,
    field: &'a Field,
    values: Vec<(Path, Effect)>,
}

impl DecidedIn<'_> {
    /// The formula that a value of the field is part of; `None` for a whole object.
    fn formula(&self) -> Option<String> {
        if self.field.path.is_root() {
            return None;
        }
        let gate = &self.stack.loaded.values.gate;
        self.values.iter().find_map(|(value, _)| guard_formula(gate, value))
    }
}

/// Prints a line for each stack of which not all values were tried.
fn print_incomplete<'a>(
    stacks: impl Iterator<Item = &'a &'a LoadedStack>,
    output: &mut Output<'_, '_>,
) -> Result<(), CliError> {
    for stack in stacks.filter(|stack| stack.trials.are_spent()) {
        output.print_line(&format!("  {}: {NOT_ALL_TRIED}", stack.file))?;
    }
    Ok(())
}

/// Returns true if a string in a tree equals the text.
fn contains_string(node: &Node, text: &str) -> bool {
    match &node.value {
        Value::String(own) => own == text,
        Value::Sequence(items) => items.iter().any(|item| contains_string(item, text)),
        Value::Mapping(map) => map.values().any(|entry| contains_string(&entry.node, text)),
        _ => false,
    }
}

/// A path, with the value if that is short.
fn describe_node(path: &Path, node: &Node) -> String {
    match inline_text(node) {
        Some(text) => format!("{path} = {text}"),
        None => path.to_string(),
    }
}

/// The template or policy that a field comes from.
fn describe_source(stack: &LoadedStack, rendering: &Rendering, field: &Field) -> String {
    let node = rendering.document(field).and_then(|document| field.path.find(document));
    let place =
        node.and_then(|node| node.span).map(|span| describe_place(&rendering.sources.place(span)));
    match (stack.subject().document_source(field), place) {
        (Some(DocumentSource::Policy), Some(place)) => format!("policy    {place}, by its owner"),
        (Some(DocumentSource::Policy), None) => "policy    added by the edit".to_owned(),
        (Some(DocumentSource::Exception), _) => {
            "template  none: exceptions to policies are built in".to_owned()
        }
        (_, Some(place)) => format!("template  {place}"),
        (_, None) => "template  unknown".to_owned(),
    }
}

/// Prints the fields that a value decides, for each stack.
fn explain_value(
    stacks: &[&RenderedStack<'_>],
    value: &Path,
    output: &mut Output<'_, '_>,
) -> Result<(), CliError> {
    let mut last_error = None;
    let mut explained = Vec::new();
    for (stack, rendering) in stacks {
        match stack.subject().influences_of(rendering, value) {
            Ok(influences) => explained.push((stack, rendering, influences)),
            Err(error) => last_error = Some(error),
        }
    }
    // Not an error if at least one stack has the value.
    if let (true, Some(error)) = (explained.is_empty(), last_error) {
        return Err(Diagnostic::from(error).into());
    }
    for (stack, rendering, influences) in explained {
        let mut formula = None;
        for influence in &influences {
            formula =
                formula.or_else(|| guard_formula(&stack.loaded.values.gate, &influence.value));
            if let Some(report) = &mut output.report {
                report.values.push(json::ExplainedValue::new(stack, rendering, influence)?);
                continue;
            }
            output.print_line(&describe_value(stack, &influence.value)?)?;
            for line in describe_influence(rendering, influence) {
                output.print_line(&format!("  {line}"))?;
            }
        }
        if let Some(formula) = formula {
            output.note("  note      ", formula)?;
        }
    }
    print_incomplete(stacks.iter().map(|(stack, _)| stack), output)
}

/// The reason why a value decides no field, if it decides none.
fn idleness(influence: &Influence) -> Option<&'static str> {
    influence.fields.is_empty().then(|| {
        idle_reason(&influence.value).unwrap_or(match influence.changed_to {
            Some(_) => "another value gives the same objects",
            None => "no other value is valid",
        })
    })
}

/// The fields that a value decides, a line each, or the reason why there are none.
fn describe_influence(rendering: &Rendering, influence: &Influence) -> Vec<String> {
    if let Some(reason) = idleness(influence) {
        return vec![format!("decides no field: {reason}")];
    }
    let ids: BTreeMap<(usize, usize), ObjectId> =
        rendering.objects().map(|(field, id)| ((field.template, field.document), id)).collect();
    let mut new = BTreeSet::new();
    let mut lines = Vec::new();
    for field in &influence.fields {
        match ids.get(&(field.template, field.document)) {
            Some(id) if field.path.is_root() => lines.push(format!("{id} (whether it exists)")),
            Some(id) => {
                let names = rendering.document(field).map(|node| item_names(node, &field.path));
                let names = match names.filter(|names| !names.is_empty()) {
                    Some(names) => format!("  ({names})"),
                    None => String::new(),
                };
                lines.push(format!("{id} {}{names}", field.path));
            }
            None => {
                new.insert((field.template, field.document));
            }
        }
    }
    match new.len() {
        0 => {}
        1 => lines.push("the presence of 1 further object".to_owned()),
        count => lines.push(format!("the presence of {count} further objects")),
    }
    lines
}

/// The names of the list items that a field is in: `vram-gate › FLOOR`.
fn item_names(document: &Node, path: &Path) -> String {
    let mut prefix = Path::root();
    let mut names = Vec::new();
    for segment in path.segments() {
        prefix.push(segment.clone());
        if let Segment::Index(_) = segment {
            names.extend(prefix.find(document).and_then(|item| item.get("name")?.as_str()));
        }
    }
    names.join(" › ")
}

/// The origin of a value.
enum Origin {
    /// A layer sets it.
    Written(Node, Place),
    /// `gate.exporter` decides it.
    Preset(Node),
    /// It has a default.
    Default(Node),
    /// It is not set and has no default.
    Unset,
}

fn find_origin(stack: &LoadedStack, value: &Path) -> Result<Origin, CliError> {
    let loaded = &stack.loaded;
    if let Some(node) = value.find(&loaded.tree)
        && let Some(span) = node.span
    {
        return Ok(Origin::Written(node.clone(), stack.sources.place(span)));
    }
    let values =
        yaml_spans::to_node(&loaded.values).map_err(|error| Diagnostic::new(error.to_string()))?;
    Ok(match value.find(&values).filter(|node| node.value != Value::Null) {
        Some(node) if is_preset(value) => Origin::Preset(node.clone()),
        Some(node) => Origin::Default(node.clone()),
        None => Origin::Unset,
    })
}

/// A value's path, the value, and the place that sets it.
fn describe_value(stack: &LoadedStack, value: &Path) -> Result<String, CliError> {
    let file = &stack.file;
    Ok(match find_origin(stack, value)? {
        Origin::Written(node, place) => {
            format!("{}, {}", describe_node(value, &node), describe_place(&place))
        }
        Origin::Preset(node) => {
            let value = describe_node(value, &node);
            format!("{value}, decided by gate.exporter, not set in {file}")
        }
        Origin::Default(node) => {
            format!("{}, the default, not set in {file}", describe_node(value, &node))
        }
        Origin::Unset => format!("{value}, not set in {file}"),
    })
}

/// Returns true for a value that `gate.exporter` decides if it is not written.
fn is_preset(value: &Path) -> bool {
    let gate = Path::root().key("gate");
    Gate::PRESET_KEYS.iter().any(|key| *value == gate.key(*key))
}

/// A node on one line, if it is short.
fn inline_text(node: &Node) -> Option<String> {
    let text = yaml_spans::emit(node);
    let line = text.trim_end();
    (!line.contains('\n') && line.chars().count() <= MAX_INLINE).then(|| line.to_owned())
}

fn describe_place(place: &Place) -> String {
    format!("{}:{}:{}", place.name, place.line, place.column)
}
