//! Renders templates with values.
//!
//! In: templates (built in, or the repository's) and one stack's values as a template sees them.
//! Out: the YAML that each template makes, as a source that knows the origin of its bytes. Templates are
//! not trusted: they run with strict undefined, without filters that could write structure, and within
//! limits.

mod builtin;
mod context;
mod filters;
mod interpolation;
mod output;
mod syntax;

use minijinja::syntax::SyntaxConfig;
pub(crate) use minijinja::value::Value as Context;
use minijinja::{Environment, ErrorKind, OutputSpanKind, UndefinedBehavior};

use crate::budget::{Budget, Resource};
use yaml_spans::Path;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics, Hint, Located};
use yaml_spans::source::{Origin, Source, SourceId, Sources, Span};

pub use builtin::BUILT_IN;
pub use context::context;
pub(crate) use context::replace_in;
pub use interpolation::partial_interpolations;
pub use syntax::SyntaxError;

/// The fuel of one template. An instruction takes one unit, and so do 64 bytes of output, which bounds
/// what a loop can write before the output is measured. The largest built-in template takes about 600.
const FUEL: u64 = 20_000;
/// The largest output of one template, in bytes.
const MAX_OUTPUT_BYTES: usize = 1 << 20;
/// The deepest nesting of expressions.
const MAX_RECURSION: usize = 40;

/// Marks the engine's error for a template that reads too many items.
const TOO_MANY_ITEMS: &str = "too many items";

/// A template that can't be loaded or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The text breaks a rule of templates.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The engine can't parse the text.
    #[error("invalid template: {0}")]
    Unreadable(String),
    /// An expression names something that the values do not contain.
    #[error("`{0}` is not defined")]
    Undefined(String),
    /// A limit was exceeded.
    #[error("the template {0}")]
    Limit(String),
    /// There is no filter of this name.
    #[error("templates have no filter `{0}`")]
    UnknownFilter(String),
    /// An expression fails.
    #[error("`{expression}` fails: {reason}")]
    Failed {
        /// The expression's text.
        expression: String,
        /// The reason.
        reason: String,
    },
}

/// All templates, ready to render; shared by the threads of a run.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    list: Vec<(String, SourceId)>,
}

impl Templates {
    /// Loads the built-in templates and those of the repository (`overrides`: a file's name and its
    /// source), which take precedence over built-in ones of the same name.
    ///
    /// # Errors
    /// Every rule that a template breaks, each with its place.
    pub fn load(
        sources: &mut Sources,
        overrides: Vec<(String, SourceId)>,
    ) -> Result<Self, Diagnostics> {
        let mut list = overrides;
        for (name, text) in BUILT_IN {
            if !list.iter().any(|(taken, _)| taken == name) {
                let source = Source::written(format!("templates/{name} (built in)"), *text);
                list.push(((*name).to_owned(), sources.add(source)));
            }
        }
        list.sort();
        Self::compile(sources, list)
    }

    /// Loads only these templates, each a file's name and its text.
    ///
    /// # Errors
    /// Every rule that a template breaks, each with its place.
    pub(crate) fn embedded(
        sources: &mut Sources,
        texts: &[(&str, &str)],
    ) -> Result<Self, Diagnostics> {
        let mut list = Vec::with_capacity(texts.len());
        for (name, text) in texts {
            let source = Source::written(format!("{name} (built in)"), *text);
            list.push(((*name).to_owned(), sources.add(source)));
        }
        Self::compile(sources, list)
    }

    fn compile(sources: &Sources, list: Vec<(String, SourceId)>) -> Result<Self, Diagnostics> {
        let mut environment = new_environment()
            .map_err(|error| Diagnostic::new(format!("template engine: {error}")))?;
        let mut errors = Vec::new();
        for (name, id) in &list {
            let text = sources.get(*id).text();
            // A test checks the built-in texts by the rules, which would take a twentieth of a small render.
            let broken = match builtin::is_built_in(name, text) {
                true => Vec::new(),
                false => syntax::check_template(text),
            };
            let is_valid = broken.is_empty();
            errors.extend(broken.into_iter().map(|(error, range)| {
                let span = Span::new(*id, range.start as u32, range.end as u32);
                let hint = error.hint();
                let mut located = Located::new(RenderError::from(error), Some(span), Path::root());
                located.hint = hint;
                located
            }));
            if !is_valid {
                continue;
            }
            if let Err(error) = environment.add_template_owned(name.clone(), text.to_owned()) {
                let reason = error.detail().unwrap_or("unknown syntax").to_owned();
                let span = error_span(sources, *id, &error);
                let error = RenderError::Unreadable(reason);
                errors.push(Located::new(error, Some(span), Path::root()));
            }
        }
        if errors.is_empty() {
            Ok(Templates { environment, list })
        } else {
            Err(Diagnostics::locate(&errors, sources))
        }
    }

    /// The names of the templates, in the order in which they render.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, _)| name.as_str())
    }

    /// Renders every template with one stack's values. A template whose output is only white space and
    /// comments makes no object; its output is returned all the same.
    ///
    /// # Errors
    /// One for each template that fails; or the budget is spent.
    pub fn render(
        &self,
        sources: &mut Sources,
        context: &Context,
        budget: &Budget,
    ) -> Result<Vec<SourceId>, Diagnostics> {
        let mut outputs = Vec::new();
        let mut errors = Vec::new();
        for (name, id) in &self.list {
            let rendered = self.render_one(name, *id, context);
            budget.spend(Resource::OutputBytes, rendering_cost(&rendered))?;
            match rendered {
                Ok(source) => outputs.push(sources.add(source)),
                Err(error) => errors.push(self.explain_failure(sources, *id, context, &error)),
            }
        }
        if errors.is_empty() { Ok(outputs) } else { Err(Diagnostics(errors)) }
    }

    /// The paths of the values that a template can read, each with everything below it: `server.image`. By
    /// the template's index in [`Templates::names`].
    pub fn read_paths(&self, index: usize) -> Vec<Path> {
        let template =
            self.list.get(index).and_then(|(name, _)| self.environment.get_template(name).ok());
        let names = template.map(|template| template.undeclared_variables(true));
        // The engine joins the names of attributes, which have no dots.
        let path = |name: String| Path::of_keys(name.split('.'));
        names.into_iter().flatten().map(path).collect()
    }

    /// Renders one template, by its index in [`Templates::names`]. Returns `None` if it fails;
    /// [`Templates::render`] returns the error.
    pub fn render_nth(
        &self,
        index: usize,
        sources: &mut Sources,
        context: &Context,
        budget: &Budget,
    ) -> Option<SourceId> {
        let (name, id) = self.list.get(index)?;
        let rendered = self.render_one(name, *id, context);
        budget.spend(Resource::OutputBytes, rendering_cost(&rendered)).ok()?;
        Some(sources.add(rendered.ok()?))
    }

    /// Renders the template of a name.
    ///
    /// # Errors
    /// There is no such template, or it fails.
    pub(crate) fn render_named(
        &self,
        name: &str,
        sources: &mut Sources,
        context: &Context,
    ) -> Result<SourceId, Diagnostics> {
        let Some((name, id)) = self.list.iter().find(|(known, _)| known == name) else {
            return Err(Diagnostic::new(format!("there is no template `{name}`")).into());
        };
        match self.render_one(name, *id, context) {
            Ok(source) => Ok(sources.add(source)),
            Err(error) => Err(self.explain_failure(sources, *id, context, &error).into()),
        }
    }

    fn render_one(
        &self,
        name: &str,
        id: SourceId,
        context: &Context,
    ) -> Result<Source, minijinja::Error> {
        let template = self.environment.get_template(name)?;
        filters::start_template();
        context::start_template();
        let rendered = template.render_with_spans(context);
        // Beyond this limit lists seem to be empty, so that neither output nor error mean anything.
        if context::items_read() > context::MAX_ITEMS_READ {
            return Err(minijinja::Error::new(ErrorKind::OutOfFuel, TOO_MANY_ITEMS));
        }
        let (text, spans) = rendered?;
        if text.len() > MAX_OUTPUT_BYTES {
            return Err(ErrorKind::WriteFailure.into());
        }
        let origins = spans.iter().map(|span| {
            let (output, source) = (span.output_range(), span.source_range());
            Origin {
                output: output.start as u32..output.end as u32,
                template: Span::new(id, source.start as u32, source.end as u32),
                interpolated: span.kind() == OutputSpanKind::Expression,
            }
        });
        Ok(Source::rendered(name, text, origins.collect()))
    }

    fn explain_failure(
        &self,
        sources: &Sources,
        id: SourceId,
        context: &Context,
        error: &minijinja::Error,
    ) -> Diagnostic {
        let span = error_span(sources, id, error);
        let expression = sources.slice(span).trim().to_owned();
        let detail = error.detail().unwrap_or("").to_owned();
        let mut suggestion = None;
        let problem = match error.kind() {
            ErrorKind::UndefinedError => {
                let (name, near) = output::find_undefined(&expression, context);
                suggestion = near.map(|near| Hint::Suggestion(near.into()));
                RenderError::Undefined(name)
            }
            ErrorKind::UnknownFilter => {
                let name = expression.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                let name = name.unwrap_or_default();
                suggestion = yaml_spans::suggestion(name, &filters::NAMES);
                RenderError::UnknownFilter(name.to_owned())
            }
            ErrorKind::OutOfFuel if detail == TOO_MANY_ITEMS => RenderError::Limit(format!(
                "reads more than {} items of lists and maps: compare fewer",
                context::MAX_ITEMS_READ
            )),
            ErrorKind::OutOfFuel => RenderError::Limit(format!(
                "takes more than {FUEL} units of work: shorten its loops"
            )),
            ErrorKind::WriteFailure => {
                RenderError::Limit(format!("writes more than {} KiB", MAX_OUTPUT_BYTES >> 10))
            }
            kind => {
                let reason = if detail.is_empty() { kind.to_string() } else { detail };
                RenderError::Failed { expression, reason }
            }
        };
        let mut located = Located::new(problem, Some(span), Path::root());
        located.hint = suggestion;
        located.diagnose(sources)
    }
}

/// The bytes that the last template wrote and that its filters took, and the items that it read.
fn rendering_cost(rendered: &Result<Source, minijinja::Error>) -> usize {
    let written = rendered.as_ref().map_or(MAX_OUTPUT_BYTES, |source| source.text().len());
    written + filters::filtered_bytes() + context::items_read()
}

/// The engine, with the few features that templates have; no others exist.
fn new_environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build()?);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_formatter(output::format_value);
    filters::add_filters(&mut environment);
    Ok(environment)
}

/// The place of an engine's error: the expression's bytes, else the line.
fn error_span(sources: &Sources, id: SourceId, error: &minijinja::Error) -> Span {
    let source = sources.get(id);
    match (error.range(), error.line()) {
        (Some(range), _) => {
            let [start, end] =
                [range.start, range.end].map(|byte| byte.min(source.text().len()) as u32);
            Span::new(id, start, end)
        }
        (None, Some(line)) => source.line_span(id, line as u32),
        (None, None) => Span::new(id, 0, 0),
    }
}
