//! What the API server asks of objects beyond what the Rust types carry.
//!
//! In: a structure of an object (its type's name, its node). Out: what is wrong with it. Only
//! `objects::audit` calls it. Rules are data: a table a field of Kubernetes, each row a type, a
//! field of it, what the field must be, and the function of the API server that says so (Kubernetes
//! 1.37; file names are those of `pkg/apis/*/validation` unless written otherwise). What no row
//! can say, because it holds fields against one another, is a function in a table of its own.
//! Rows are by type, not by path, so that a pod's rules hold wherever a pod's template stands.

mod admission;
mod at;
mod batch;
mod container;
mod custom;
mod found;
mod meta;
mod network;
mod pod;
mod rbac;
mod resources;
mod scaling;
mod schedule;
mod storage;
mod volume;
mod workload;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::error::Problem;
use super::formats::{self, Form};
use super::quantity::Quantity;
use crate::yaml::{Node, Value, near_name};
pub use at::At;
pub use found::Found;
pub use resources::amount;

/// One field of a type, what it must be, and where Kubernetes says so.
pub struct Row {
    of: &'static str,
    field: &'static str,
    rule: Rule,
    #[allow(dead_code, reason = "the citation is for readers of the table")]
    source: &'static str,
}

/// What a field must be. A rule holds for the value, or for each value of a list or map; an empty
/// text is as no value, since the API server can't tell them apart (but see [`Rule::Exactly`]).
pub enum Rule {
    /// Present and not empty.
    Required,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these texts, where an empty one is none of them: the field is a pointer in Go.
    Exactly(&'static [&'static str]),
    /// A whole number from, to.
    Range(i64, i64),
    /// A text of this form.
    Form(Form),
    /// A text of this form, an empty one included.
    Strictly(Form),
    /// A map whose keys have this form.
    Keys(Form),
    /// A port by number, 1 to 65535, or by name.
    Port,
    /// A whole number of at least zero, or a percentage.
    IntOrPercent,
    /// No more items than this.
    AtMost(usize),
    /// Quantities of at least zero.
    NotNegative,
    /// Quantities above zero.
    Positive,
    /// Texts of which none is twice.
    Distinct(&'static str),
    /// Never there, and why not.
    Forbidden(&'static str),
}

/// What holds fields of one structure against one another.
pub type Check = fn(&At, &mut Found);

/// A type, its check, and where Kubernetes says so.
pub type CheckRow = (&'static str, Check, &'static str);

const fn row(of: &'static str, field: &'static str, rule: Rule, source: &'static str) -> Row {
    Row { of, field, rule, source }
}

const TABLES: [&[Row]; 13] = [
    admission::ROWS,
    batch::ROWS,
    container::ROWS,
    custom::ROWS,
    meta::ROWS,
    network::ROWS,
    pod::ROWS,
    rbac::ROWS,
    resources::ROWS,
    scaling::ROWS,
    storage::ROWS,
    volume::ROWS,
    workload::ROWS,
];

const CHECKS: [&[CheckRow]; 13] = [
    admission::CHECKS,
    batch::CHECKS,
    container::CHECKS,
    custom::CHECKS,
    meta::CHECKS,
    network::CHECKS,
    pod::CHECKS,
    rbac::CHECKS,
    resources::CHECKS,
    scaling::CHECKS,
    storage::CHECKS,
    volume::CHECKS,
    workload::CHECKS,
];

#[derive(Default)]
struct OfType {
    rows: Vec<&'static Row>,
    checks: Vec<Check>,
}

static BY_TYPE: LazyLock<HashMap<&'static str, OfType>> = LazyLock::new(|| {
    let mut by_type: HashMap<&'static str, OfType> = HashMap::new();
    for row in TABLES.into_iter().flatten() {
        by_type.entry(row.of).or_default().rows.push(row);
    }
    for (of, check, _) in CHECKS.into_iter().flatten() {
        by_type.entry(of).or_default().checks.push(*check);
    }
    by_type
});

/// Structures that the server takes as they are, by the type that holds them and their own.
const EXEMPT: &[(&str, &str)] = &[
    ("JobTemplateSpec", "ObjectMeta"), // batch: ValidateJobTemplateSpec looks at its spec alone
    ("MetricIdentifier", "LabelSelector"), // autoscaling: validateMetricIdentifier; metrics have labels of their own
];

/// Holds one structure, held by one of the type `owner`, against the rules of its type.
pub fn apply(owner: &str, type_name: &str, node: &Node, found: &mut Found) {
    let Some(of_type) = BY_TYPE.get(type_name).filter(|_| !EXEMPT.contains(&(owner, type_name)))
    else {
        return;
    };
    let top = At::top(node);
    for row in &of_type.rows {
        match (top.get(row.field), &row.rule) {
            (Some(at), rule) => hold(rule, &at, found),
            (None, Rule::Required) => found.missing(&top, row.field, None),
            (None, _) => {}
        }
    }
    for check in &of_type.checks {
        check(&top, found);
    }
}

/// Holds a value against a rule.
fn hold(rule: &Rule, at: &At, found: &mut Found) {
    match rule {
        Rule::Required if is_empty(at.node) => {
            found.value(at, Problem::Empty(at.name().to_owned()));
        }
        Rule::Required => {}
        Rule::AtMost(most) => at_most(*most, at, found),
        Rule::Keys(form) => keys(*form, at, found),
        Rule::Distinct(what) => distinct(what, at, found),
        Rule::Forbidden(why) => found.conflict(at, *why),
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
        let field = at.name().to_owned();
        found.value_hint(at, Problem::OutOfRange { field, value: number }, range(from, to));
    }
}

fn range(from: i64, to: i64) -> String {
    if to >= i64::from(i32::MAX) {
        format!("must be at least {from}")
    } else {
        format!("must be {from} to {to}")
    }
}

/// Reports a text that is none of the legal ones.
pub fn one_of(legal: &[&str], text: &str, at: &At, found: &mut Found) {
    if legal.contains(&text) {
        return;
    }
    let problem = Problem::NotOneOf { value: text.to_owned(), field: at.name().to_owned() };
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
    let problem = Problem::Malformed { value: text.to_owned(), field: at.name().to_owned() };
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
            let problem =
                Problem::MalformedKey { key: key.to_owned(), field: at.name().to_owned() };
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
    let mut seen = std::collections::HashSet::new();
    for item in at.items() {
        if let Some(text) = item.node.as_str().filter(|text| !seen.insert(text.to_string())) {
            found.value(&item, Problem::Duplicate { what, value: text.to_owned() });
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
    let mut seen = std::collections::HashSet::new();
    for item in items {
        let Some(value) = key(&item) else {
            continue;
        };
        if !seen.insert(value.clone()) {
            let problem = Problem::Duplicate { what, value };
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
fn list(names: &[&str]) -> String {
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
