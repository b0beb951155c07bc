//! Holds values against rules, and the parts that checks are made of.

use std::collections::HashSet;

use super::{At, Found, Rule};
use crate::error::Problem;
use crate::formats::{self, Form};
use crate::quantity::Quantity;
use yaml_spans::{Node, Value, near_name, shorten};

/// Holds a value against a rule.
pub fn hold(rule: &Rule, at: &At, found: &mut Found) {
    match rule {
        Rule::Required if is_empty(at.node) => {
            found.value(at, Problem::Empty(shorten(at.name())));
        }
        Rule::Required => {}
        Rule::AtMost(most) => at_most(*most, at, found),
        Rule::Keys(form) => keys(*form, at, found),
        Rule::Distinct(what) => distinct(what, at, found),
        _ => match &at.node.value {
            Value::Sequence(_) => at.items().for_each(|item| hold(rule, &item, found)),
            Value::Mapping(_) => at.entries().for_each(|(_, value)| hold(rule, &value, found)),
            Value::String(text) => hold_text(rule, text, at, found),
            Value::Int(number) => hold_number(rule, *number, at, found),
            _ => {}
        },
    }
}

fn hold_text(rule: &Rule, text: &str, at: &At, found: &mut Found) {
    let form: Form = match rule {
        Rule::OneOf(_) | Rule::Form(_) | Rule::Port if text.is_empty() => return,
        Rule::OneOf(legal) | Rule::Exactly(legal) => return one_of(legal, text, at, found),
        Rule::Form(form) | Rule::Strictly(form) => *form,
        Rule::Port => formats::port_name,
        Rule::IntOrPercent => formats::percent,
        Rule::NotNegative | Rule::Positive => return sign(rule, text, at, found),
        _ => return,
    };
    if let Err(right) = form(text) {
        malformed(text, right, at, found);
    }
}

fn hold_number(rule: &Rule, number: i64, at: &At, found: &mut Found) {
    let (from, to) = match rule {
        Rule::Range(from, to) => (*from, *to),
        Rule::Port => (1, 65535),
        Rule::IntOrPercent => (0, i64::from(i32::MAX)),
        Rule::NotNegative => (0, i64::MAX),
        Rule::Positive => (1, i64::MAX),
        _ => return,
    };
    if !(from..=to).contains(&number) {
        let field = shorten(at.name());
        found.value_hint(at, Problem::OutOfRange { field, value: number }, range(from, to));
    }
}

fn range(from: i64, to: i64) -> String {
    if to >= i64::from(i32::MAX) {
        format!("must be at least {from}")
    } else if to == 0o777 {
        "must be 0 to 511, which is `0777` in octal".to_owned()
    } else {
        format!("must be {from} to {to}")
    }
}

/// Reports a text that is none of the legal ones.
pub fn one_of(legal: &[&str], text: &str, at: &At, found: &mut Found) {
    if legal.contains(&text) {
        return;
    }
    let problem = Problem::NotOneOf { value: shorten(text), field: shorten(at.name()) };
    found.value_hint(at, problem, choices(legal, text));
}

/// What could be meant: one near name, else all.
fn choices(legal: &[&str], text: &str) -> String {
    match near_name(text, legal.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("must be {}", list(legal)),
    }
}

/// Reports a text without the form that its field asks for.
pub fn malformed(text: &str, right: &str, at: &At, found: &mut Found) {
    let problem = Problem::Malformed { value: shorten(text), field: shorten(at.name()) };
    found.value_hint(at, problem, format!("must be {right}"));
}

fn sign(rule: &Rule, text: &str, at: &At, found: &mut Found) {
    // What is no quantity at all is found where the type says that one stands there.
    let Some(quantity) = Quantity::parse(text) else {
        return;
    };
    let positive = matches!(rule, Rule::Positive);
    if quantity.is_negative() || (positive && quantity.is_zero()) {
        let right = if positive { "greater than zero" } else { "zero or more" };
        malformed(text, right, at, found);
    }
}

fn keys(form: Form, at: &At, found: &mut Found) {
    for (key, value) in at.entries() {
        if let Err(right) = form(key) {
            let problem = Problem::MalformedKey { key: shorten(key), field: shorten(at.name()) };
            found.key(&value, problem, Some(format!("must be {right}")));
        }
    }
}

fn at_most(most: usize, at: &At, found: &mut Found) {
    let count = at.node.as_sequence().map_or(0, <[Node]>::len);
    if count > most {
        found.conflict(at, format!("`{}` has {count} items, but may have {most}", at.name()));
    }
}

fn distinct(what: &'static str, at: &At, found: &mut Found) {
    let mut seen = HashSet::new();
    for item in at.items() {
        if let Some(text) = item.node.as_str().filter(|text| !seen.insert(text.to_string())) {
            found.value(&item, Problem::Duplicate { what, value: shorten(text) });
        }
    }
}

/// Reports each item of a list whose key is that of an item before it.
pub fn unique<'a>(
    items: impl Iterator<Item = At<'a>>,
    what: &'static str,
    field: &str,
    key: impl Fn(&At<'a>) -> Option<String>,
    found: &mut Found,
) {
    let mut seen = HashSet::new();
    for item in items {
        let Some(value) = key(&item) else {
            continue;
        };
        if !seen.insert(value.clone()) {
            let problem = Problem::Duplicate { what, value: shorten(&value) };
            match item.get(field) {
                Some(at) => found.value(&at, problem),
                None => found.value(&item, problem),
            }
        }
    }
}

/// Of several fields exactly one may be there: handlers of a probe.
pub fn exactly_one(at: &At, fields: &[&str], what: &str, found: &mut Found) {
    if !fields.iter().any(|field| at.has(field)) {
        let hint = format!("must be {}", list(fields));
        found.value_hint(at, Problem::Conflict(format!("the {what} is missing")), hint);
    }
    at_most_one(at, fields, what, found);
}

/// Of several fields at most one may be there: sources of a volume.
pub fn at_most_one(at: &At, fields: &[&str], what: &str, found: &mut Found) {
    let mut there = fields.iter().filter_map(|field| at.get(field));
    if let (Some(first), Some(second)) = (there.next(), there.next()) {
        let (first, name) = (first.name(), second.name());
        found.conflict(
            &second,
            format!("`{name}` can't stand beside `{first}`: there is only one {what}"),
        );
    }
}

/// `a`, `b` or `c`.
pub fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, head)) => format!("{} or {last}", head.join(", ")),
        None => String::new(),
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
        _ => false,
    }
}
