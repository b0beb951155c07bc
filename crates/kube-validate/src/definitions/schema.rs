//! A value, by the rules of a schema.
//! Source: kube-openapi `pkg/validation/validate`.

use serde_json::Value as Json;

use super::additional_schema;
use super::formats::check_format;
use super::parts::Schema;
use super::patterns::Patterns;
use crate::error::Problem;
use yaml_spans::diagnostic::{Hint, Located};
use yaml_spans::{Node, Path, ReadError, Segment, Value, suggestion, truncate};

/// The steps for an object and for each of its values, so that a hostile definition ends. What is left is accepted.
const STEPS_OF_OBJECT: usize = 5_000;
const STEPS_OF_VALUE: usize = 100;

/// Finds the values that a schema refuses.
pub fn check_schema(
    node: &Node,
    base: &Path,
    schema: &Schema,
    patterns: &Patterns,
) -> Vec<Located<Problem>> {
    let steps = STEPS_OF_OBJECT + STEPS_OF_VALUE * count_values(node);
    let mut checker = Checker { patterns, path: base.clone(), found: Vec::new(), steps };
    checker.value(node, schema);
    checker.found
}

struct Checker<'p> {
    patterns: &'p Patterns,
    path: Path,
    found: Vec<Located<Problem>>,
    /// The steps that are left.
    steps: usize,
}

impl Checker<'_> {
    fn value(&mut self, node: &Node, schema: &Schema) {
        if !self.take_steps(1) || !self.has_type(node, schema) {
            return;
        }
        self.listed(node, schema);
        match &node.value {
            Value::Null => return,
            Value::Bool(_) => {}
            Value::Int(number) => self.number(node, *number as f64, schema),
            Value::Float(number) => self.number(node, *number, schema),
            Value::String(text) => self.text(node, text, schema),
            Value::Sequence(items) => self.list(node, items, schema),
            Value::Mapping(_) => self.map(node, schema),
        }
        self.alternatives(node, schema);
    }

    /// Takes some of the steps that are left; false if there are too few.
    fn take_steps(&mut self, count: usize) -> bool {
        self.steps = self.steps.saturating_sub(count);
        self.steps > 0
    }

    /// Checks the type; a null has every type if it is allowed.
    fn has_type(&mut self, node: &Node, schema: &Schema) -> bool {
        let (own, expected) = match schema.type_.as_deref() {
            _ if schema.is_int_or_string => {
                (&["integer", "string"][..], "a whole number or a string")
            }
            Some("string") => (&["string"][..], "a string"),
            Some("integer") => (&["integer"][..], "a whole number"),
            Some("number") => (&["integer", "number"][..], "a number"),
            Some("boolean") => (&["boolean"][..], "a boolean"),
            Some("array") => (&["array"][..], "a list"),
            Some("object") => (&["object"][..], "a map"),
            _ => return true,
        };
        let has_type = match node.value {
            Value::Null => schema.nullable,
            Value::Bool(_) => own.contains(&"boolean"),
            Value::Int(_) => own.contains(&"integer"),
            Value::Float(number) => {
                own.contains(&"number") || number.fract() == 0.0 && own.contains(&"integer")
            }
            Value::String(_) => own.contains(&"string"),
            Value::Sequence(_) => own.contains(&"array"),
            Value::Mapping(_) => own.contains(&"object"),
        };
        if !has_type {
            let found = node.kind().to_owned();
            let error = ReadError::WrongType { expected: expected.to_owned(), found };
            self.report(node, Problem::Read(error), None);
        }
        has_type
    }

    fn listed(&mut self, node: &Node, schema: &Schema) {
        let values = &schema.enum_;
        if values.is_empty() || !self.take_steps(values.len()) {
            return;
        }
        let own = serde_json::to_value(node).unwrap_or_default();
        // The server finds a null in no list.
        let is_listed = !own.is_null() && values.iter().any(|value| is_equal(value, &own));
        if is_listed {
            return;
        }
        let names: Vec<String> = values.iter().map(shown).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.invalid(node, &shown(&own), suggestion(&shown(&own), &names));
    }

    fn number(&mut self, node: &Node, number: f64, schema: &Schema) {
        let shown = number.to_string();
        let range = match (schema.type_.as_deref(), schema.format.as_deref()) {
            (Some("integer"), Some("int32")) => Some((i32::MIN as f64, i32::MAX as f64)),
            (Some("integer"), _) => Some((i64::MIN as f64, i64::MAX as f64)),
            (Some("number"), Some("float")) => Some((f32::MIN as f64, f32::MAX as f64)),
            _ => None,
        };
        if let Some((least, most)) = range.filter(|range| number < range.0 || number > range.1) {
            return self.invalid(
                node,
                &shown,
                expected(format!("a number from {least} to {most}")),
            );
        }
        let bounds = schema.bounds();
        if let Some(least) = bounds.minimum
            && (number < least || bounds.exclusive_minimum && number == least)
        {
            let bound = if bounds.exclusive_minimum { "more than" } else { "at least" };
            self.invalid(node, &shown, expected(format!("{bound} {least}")));
        }
        if let Some(most) = bounds.maximum
            && (number > most || bounds.exclusive_maximum && number == most)
        {
            let bound = if bounds.exclusive_maximum { "less than" } else { "at most" };
            self.invalid(node, &shown, expected(format!("{bound} {most}")));
        }
        if let Some(factor) = bounds.multiple_of.filter(|factor| *factor > 0.0) {
            let ratio = if factor < 1.0 { 1.0 / factor * number } else { number / factor };
            if (ratio - ratio.round()).abs() > f64::EPSILON * ratio.abs().max(1.0) {
                self.invalid(node, &shown, expected(format!("a multiple of {factor}")));
            }
        }
    }

    fn text(&mut self, node: &Node, text: &str, schema: &Schema) {
        let length = text.chars().count();
        let bounds = schema.bounds();
        if let Some(bound) = bound_error(length, bounds.min_length, bounds.max_length, "characters")
        {
            self.invalid(node, text, expected(bound));
        }
        if let Some(pattern) = &schema.pattern
            && self.patterns.is_mismatch(pattern, text)
        {
            self.invalid(node, text, expected(format!("a match of `{}`", truncate(pattern))));
        }
        // The server checks the format of a value that has no other type.
        let is_text = matches!(schema.type_.as_deref(), None | Some("string"));
        if let Some(format) = schema.format.as_deref().filter(|_| is_text)
            && let Err(form) = check_format(format, text)
        {
            self.invalid(node, text, expected(form.to_owned()));
        }
    }

    fn list(&mut self, node: &Node, items: &[Node], schema: &Schema) {
        let bounds = schema.bounds();
        if let Some(bound) = bound_error(items.len(), bounds.min_items, bounds.max_items, "items") {
            self.invalid(node, &format!("{} items", items.len()), expected(bound));
        }
        let Some(schema) = schema.items.as_deref() else { return };
        for (index, item) in items.iter().enumerate() {
            self.at(Segment::Index(index), item, schema);
        }
    }

    fn map(&mut self, node: &Node, schema: &Schema) {
        let map = node.as_mapping().into_iter().flatten();
        let length = map.clone().count();
        let bounds = schema.bounds();
        let bound = bound_error(length, bounds.min_properties, bounds.max_properties, "entries");
        if let Some(bound) = bound {
            self.invalid(node, &format!("{length} entries"), expected(bound));
        }
        for field in &schema.required {
            if !self.take_steps(1) {
                return;
            }
            if node.get(field).is_none() {
                let problem = Problem::Missing(field.clone());
                self.found.push(Located::new(problem, node.span, self.path.key(field)));
            }
        }
        for (key, entry) in map {
            let property = schema.properties.get(key).map(Box::as_ref);
            if let Some(schema) = property.or_else(|| additional_schema(schema)) {
                self.at(Segment::Key(key.clone()), &entry.node, schema);
            }
        }
    }

    fn at(&mut self, step: Segment, node: &Node, schema: &Schema) {
        self.path.push(step);
        self.value(node, schema);
        self.path.pop();
    }

    /// `allOf`, `anyOf`, `oneOf` and `not`.
    fn alternatives(&mut self, node: &Node, schema: &Schema) {
        for part in &schema.all_of {
            self.value(node, part);
            if self.steps == 0 {
                return;
            }
        }
        for (parts, name) in [(&schema.any_of, "anyOf"), (&schema.one_of, "oneOf")] {
            if parts.is_empty() {
                continue;
            }
            let mut failures = Vec::new();
            for part in parts {
                failures.push(self.failures(node, part));
                if self.steps == 0 {
                    return;
                }
            }
            let accepting = failures.iter().filter(|failures| failures.is_empty()).count();
            if accepting == 0 {
                let nearest = failures.into_iter().min_by_key(Vec::len).unwrap_or_default();
                let reason = nearest.first().map(|found| {
                    format!("the nearest one: {} at `{}`", found.error, found.path).into()
                });
                let message = format!("no alternative of the definition fits (`{name}`)");
                self.report(node, Problem::Conflict(message), reason);
            } else if accepting > 1 && name == "oneOf" {
                let message =
                    format!("{accepting} alternatives of the definition fit, not one (`oneOf`)");
                self.report(node, Problem::Conflict(message), None);
            }
        }
        if let Some(part) = &schema.not
            && self.failures(node, part).is_empty()
        {
            let message = "the definition excludes this combination (`not`)";
            self.report(node, Problem::conflict(message), None);
        }
    }

    /// The problems of a value by one alternative.
    fn failures(&mut self, node: &Node, schema: &Schema) -> Vec<Located<Problem>> {
        let found = std::mem::take(&mut self.found);
        self.value(node, schema);
        std::mem::replace(&mut self.found, found)
    }

    fn report(&mut self, node: &Node, problem: Problem, hint: Option<Hint>) {
        self.found.push(Located { error: problem, span: node.span, path: self.path.clone(), hint });
    }

    fn invalid(&mut self, node: &Node, value: &str, hint: Option<Hint>) {
        let keys = self.path.segments().iter().rev().filter_map(|step| match step {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        });
        let field = keys.into_iter().next().unwrap_or_default().to_owned();
        self.report(node, Problem::invalid(&field, value), hint);
    }
}

fn expected(form: String) -> Option<Hint> {
    Some(format!("expected {form}").into())
}

/// The bound that a length breaks, in words.
fn bound_error(length: usize, least: Option<i64>, most: Option<i64>, unit: &str) -> Option<String> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    match (least, most) {
        (Some(least), _) if length < least => Some(format!("at least {least} {unit}")),
        (_, Some(most)) if length > most => Some(format!("at most {most} {unit}")),
        _ => None,
    }
}

/// The number of values in a value, itself included.
fn count_values(node: &Node) -> usize {
    let items = node.as_sequence().unwrap_or_default().iter();
    let entries = node.as_mapping().into_iter().flatten().map(|(_, entry)| &entry.node);
    1 + items.chain(entries).map(count_values).sum::<usize>()
}

fn is_equal(one: &Json, other: &Json) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// A value in a message: a text without its quotes.
fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
