//! Explanations as JSON; `docs/schemas/explain.json` describes it.

use std::collections::BTreeMap;

use kube_validate::ObjectId;
use serde::Serialize;
use serde_json::Value as Json;
use tts_render::explain::{DocumentSource, Effect, Field, Influence, Rendering};
use tts_render::project::load::LoadedStack;
use tts_render::report::json::ObjectReference;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::source::Place;
use yaml_spans::{Node, Path};

use super::{CliError, DecidedIn, Origin, find_origin, idleness};

/// The version of the format; raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

/// The explanations of a run.
#[derive(Serialize)]
pub(super) struct Report {
    version: u32,
    /// The fields, with the values that decide them.
    pub(super) fields: Vec<ExplainedField>,
    /// The values, with the fields that they decide.
    pub(super) values: Vec<ExplainedValue>,
    pub(super) notes: Vec<String>,
}

impl Default for Report {
    fn default() -> Self {
        Report { version: VERSION, fields: Vec::new(), values: Vec::new(), notes: Vec::new() }
    }
}

#[derive(Serialize)]
pub(super) struct ExplainedField {
    object: Json,
    path: String,
    content: Json,
    stacks: Vec<DecidingStack>,
}

/// A stack that renders a part of the object.
#[derive(Serialize)]
struct DecidingStack {
    file: String,
    source: TextSource,
    values: Vec<DecidingValue>,
    complete: bool,
}

/// The text that a field comes from.
#[derive(Serialize)]
struct TextSource {
    kind: &'static str,
    place: Option<JsonPlace>,
}

#[derive(Serialize)]
struct DecidingValue {
    #[serde(flatten)]
    value: SetValue,
    effect: &'static str,
}

/// A value with its content and its origin.
#[derive(Serialize)]
struct SetValue {
    value: String,
    content: Json,
    origin: &'static str,
    place: Option<JsonPlace>,
}

#[derive(Serialize)]
struct JsonPlace {
    file: String,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
pub(super) struct ExplainedValue {
    stack: String,
    #[serde(flatten)]
    value: SetValue,
    fields: Vec<DecidedField>,
    reason: Option<&'static str>,
    complete: bool,
}

/// A field that a value decides.
#[derive(Serialize)]
struct DecidedField {
    object: Option<Json>,
    path: String,
}

impl ExplainedField {
    pub(super) fn new(
        object: &ObjectId,
        path: &Path,
        content: &Node,
        stacks: &[DecidedIn<'_>],
    ) -> Result<Self, CliError> {
        let stacks = stacks.iter().map(|DecidedIn { stack, rendering, field, values }| {
            let values = values.iter().map(|(value, effect)| {
                let effect = match effect {
                    Effect::Value => "value",
                    Effect::Presence => "presence",
                };
                Ok(DecidingValue { value: SetValue::new(stack, value)?, effect })
            });
            Ok(DecidingStack {
                file: stack.file.clone(),
                source: text_source(stack, rendering, field),
                values: values.collect::<Result<_, CliError>>()?,
                complete: !stack.trials.are_spent(),
            })
        });
        Ok(ExplainedField {
            object: to_json(&ObjectReference::from(object))?,
            path: path.to_string(),
            content: to_json(content)?,
            stacks: stacks.collect::<Result<_, CliError>>()?,
        })
    }
}

impl ExplainedValue {
    pub(super) fn new(
        stack: &LoadedStack,
        rendering: &Rendering,
        influence: &Influence,
    ) -> Result<Self, CliError> {
        let ids: BTreeMap<(usize, usize), ObjectId> =
            rendering.objects().map(|(field, id)| ((field.template, field.document), id)).collect();
        let fields = influence.fields.iter().map(|field| {
            let id = ids.get(&(field.template, field.document));
            let object = id.map(|id| to_json(&ObjectReference::from(id))).transpose()?;
            Ok(DecidedField { object, path: field.path.to_string() })
        });
        Ok(ExplainedValue {
            stack: stack.file.clone(),
            value: SetValue::new(stack, &influence.value)?,
            fields: fields.collect::<Result<_, CliError>>()?,
            reason: idleness(influence),
            complete: !stack.trials.are_spent(),
        })
    }
}

impl SetValue {
    fn new(stack: &LoadedStack, value: &Path) -> Result<Self, CliError> {
        let (content, origin, place) = match find_origin(stack, value)? {
            Origin::Written(node, place) => (to_json(&node)?, "written", Some(place)),
            Origin::Preset(node) => (to_json(&node)?, "exporter", None),
            Origin::Default(node) => (to_json(&node)?, "default", None),
            Origin::Unset => (Json::Null, "unset", None),
        };
        let place = place.as_ref().map(json_place);
        Ok(SetValue { value: value.to_string(), content, origin, place })
    }
}

fn text_source(stack: &LoadedStack, rendering: &Rendering, field: &Field) -> TextSource {
    let node = rendering.document(field).and_then(|document| field.path.find(document));
    let place = node.and_then(|node| node.span).map(|span| rendering.sources.place(span));
    let kind = match (stack.subject().document_source(field), &place) {
        (Some(DocumentSource::Policy), _) => "policy",
        (Some(DocumentSource::Exception), _) => "exception",
        _ => "template",
    };
    TextSource { kind, place: place.as_ref().map(json_place) }
}

fn json_place(place: &Place) -> JsonPlace {
    JsonPlace { file: place.name.clone(), line: place.line, column: place.column }
}

fn to_json(value: &impl Serialize) -> Result<Json, CliError> {
    serde_json::to_value(value).map_err(|error| Diagnostic::new(error.to_string()).into())
}
