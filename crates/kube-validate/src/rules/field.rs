//! Checks one field by a [`Rule`], and the building blocks of the checks that compare fields.

use std::collections::HashSet;

use super::{Findings, ListKeys, NodeRef, Rule};
use crate::error::Problem;
use crate::formats::{self, Form};
use kube_formats::quantity::Quantity;
use yaml_spans::diagnostic::Hint;
use yaml_spans::{Node, Value, one_of, suggest, truncate};

/// Checks a field's value by a rule.
pub fn check_rule(rule: &Rule, node: &NodeRef, findings: &mut Findings) {
    match rule {
        Rule::Required if is_empty(node.yaml) => {
            findings.report(node, Problem::Empty(truncate(node.field_name())));
        }
        Rule::Required => {}
        Rule::AtMost(max) => check_item_count(*max, node, findings),
        Rule::Keys(form) => check_keys(*form, node, findings),
        Rule::Distinct(what) => check_distinct_strings(what, node, findings),
        Rule::DistinctKeys(what) if findings.keys == ListKeys::Unique => {
            check_distinct_strings(what, node, findings);
        }
        Rule::DistinctKeys(_) => {}
        _ => match &node.yaml.value {
            Value::Sequence(_) => {
                node.items().for_each(|item| check_rule(rule, &item, findings));
            }
            Value::Mapping(_) => {
                node.entries().for_each(|(_, value)| check_rule(rule, &value, findings));
            }
            Value::String(text) => check_text(rule, text, node, findings),
            Value::Int(number) => check_number(rule, *number, node, findings),
            _ => {}
        },
    }
}

fn check_text(rule: &Rule, text: &str, node: &NodeRef, findings: &mut Findings) {
    let form: Form = match rule {
        Rule::OneOf(_) | Rule::Form(_) | Rule::Port if text.is_empty() => return,
        Rule::OneOf(allowed) | Rule::Exactly(allowed) => {
            return check_choice(allowed, text, node, findings);
        }
        Rule::Form(form) | Rule::Strictly(form) => *form,
        Rule::Port => formats::port_name,
        Rule::IntOrPercent => formats::percentage,
        Rule::NotNegative | Rule::Positive => return check_sign(rule, text, node, findings),
        _ => return,
    };
    if let Err(expected) = form(text) {
        findings.report_invalid(node, text, expected);
    }
}

fn check_number(rule: &Rule, number: i64, node: &NodeRef, findings: &mut Findings) {
    let (min, max) = match rule {
        Rule::Range(min, max) => (*min, *max),
        Rule::Port => (1, 65535),
        Rule::IntOrPercent => (0, i64::from(i32::MAX)),
        Rule::NotNegative => (0, i64::MAX),
        Rule::Positive => (1, i64::MAX),
        _ => return,
    };
    if !(min..=max).contains(&number) {
        findings.report_invalid(node, &number.to_string(), &describe_range(min, max));
    }
}

fn describe_range(min: i64, max: i64) -> String {
    if max >= i64::from(i32::MAX) {
        format!("at least {min}")
    } else if max == 0o777 {
        "0 to 511, which is `0777` in octal".to_owned()
    } else {
        format!("{min} to {max}")
    }
}

/// Reports a text that is not one of the allowed ones.
pub fn check_choice(allowed: &[&str], text: &str, node: &NodeRef, findings: &mut Findings) {
    if allowed.contains(&text) {
        return;
    }
    let hint = match suggest(text, allowed.iter().copied()) {
        Some(near) => Hint::Suggestion(near.into()),
        None => format!("expected {}", one_of(allowed)).into(),
    };
    findings.report_with_hint(node, Problem::invalid(node.field_name(), text), hint);
}

fn check_sign(rule: &Rule, text: &str, node: &NodeRef, findings: &mut Findings) {
    // The audit reports a text that is not a quantity.
    let Some(quantity) = Quantity::parse(text) else {
        return;
    };
    let positive = matches!(rule, Rule::Positive);
    if quantity.is_negative() || (positive && quantity.is_zero()) {
        let expected = if positive { "more than zero" } else { "zero or more" };
        findings.report_invalid(node, text, expected);
    }
}

fn check_keys(form: Form, node: &NodeRef, findings: &mut Findings) {
    for (key, entry) in node.entries() {
        if let Err(expected) = form(key) {
            findings.report_invalid_key(&entry, key, expected, node.field_name());
        }
    }
}

fn check_item_count(max: usize, node: &NodeRef, findings: &mut Findings) {
    let count = node.yaml.as_sequence().map_or(0, <[Node]>::len);
    if count > max {
        let field = node.field_name();
        findings
            .report_conflict(node, format!("`{field}` has {count} items: expected at most {max}"));
    }
}

fn check_distinct_strings(what: &'static str, node: &NodeRef, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for item in node.items() {
        if let Some(text) = item.as_str().filter(|text| !seen.insert(text.to_string())) {
            findings.report(&item, Problem::Duplicate { what, value: truncate(text) });
        }
    }
}

/// Reports each item of a list whose key is that of an earlier item. The finding is at the item's
/// `field`, or at the item if it has none.
pub fn unique_by<'a>(
    items: impl Iterator<Item = NodeRef<'a>>,
    what: &'static str,
    field: &str,
    key: impl Fn(&NodeRef<'a>) -> Option<String>,
    findings: &mut Findings,
) {
    let mut seen = HashSet::new();
    for item in items {
        let Some(value) = key(&item) else {
            continue;
        };
        if !seen.insert(value.clone()) {
            let problem = Problem::Duplicate { what, value: truncate(&value) };
            match item.get(field) {
                Some(node) => findings.report(&node, problem),
                None => findings.report(&item, problem),
            }
        }
    }
}

/// As [`unique_by`], for keys that only server-side apply wants to be unique.
pub fn unique_list_keys<'a>(
    items: impl Iterator<Item = NodeRef<'a>>,
    what: &'static str,
    field: &str,
    key: impl Fn(&NodeRef<'a>) -> Option<String>,
    findings: &mut Findings,
) {
    if findings.keys == ListKeys::Unique {
        unique_by(items, what, field, key, findings);
    }
}

/// Reports each item of a list whose text field is that of an earlier item.
pub fn unique_by_field<'a>(
    items: impl Iterator<Item = NodeRef<'a>>,
    what: &'static str,
    field: &'static str,
    findings: &mut Findings,
) {
    unique_by(items, what, field, |item| item.text(field).map(str::to_owned), findings);
}

/// Reports a structure that has none of several fields, or more than one: a probe's handlers.
pub fn exactly_one(node: &NodeRef, fields: &[&str], what: &str, findings: &mut Findings) {
    if !fields.iter().any(|field| node.has(field)) {
        let hint = format!("expected {}", one_of(fields));
        findings.report_with_hint(node, Problem::Conflict(format!("missing {what}")), hint);
    }
    at_most_one(node, fields, what, findings);
}

/// Reports a structure that has more than one of several fields: a volume's sources.
pub fn at_most_one(node: &NodeRef, fields: &[&str], what: &str, findings: &mut Findings) {
    let mut present = fields.iter().filter_map(|field| node.get(field));
    if let (Some(first), Some(second)) = (present.next(), present.next()) {
        let (first, name) = (first.field_name(), second.field_name());
        findings.report_conflict(
            &second,
            format!("`{name}` can't be combined with `{first}`: expected one {what}"),
        );
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
