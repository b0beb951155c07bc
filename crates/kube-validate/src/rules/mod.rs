//! What the API server asks of objects beyond what the Rust types carry.
//!
//! In: a structure of an object (its type's name, its node). Out: what is wrong with it. Only
//! `objects::audit` calls it. Rules are data: a table a part of Kubernetes, with its types,
//! their fields, what each field must be, and the function of the API server that says so (Kubernetes
//! 1.37; file names are those of `pkg/apis/*/validation` unless written otherwise). What no row
//! can say, because it holds fields against one another, is a function in a table of its own.
//! Rows are by type, not by path, so that a pod's rules hold wherever a pod's template stands.

mod admission;
mod at;
mod batch;
mod container;
mod custom;
mod definition;
mod environment;
mod found;
mod hold;
mod meta;
mod network;
mod pod;
mod rbac;
mod resources;
mod scaling;
mod scheduling;
mod storage;
mod volume;
mod workload;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::formats::Form;
pub use at::At;
pub use found::Found;
use hold::{at_most_one, exactly_one, hold, list, malformed, one_of, unique};
pub use resources::amount;
use yaml_spans::Node;

/// The fields of a type that have rules, and where Kubernetes says so. A field stands there once a
/// rule.
pub struct Type {
    name: &'static str,
    fields: &'static [(&'static str, Rule)],
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
}

/// What holds fields of one structure against one another.
pub type Check = fn(&At, &mut Found);

/// A type, its check, and where Kubernetes says so.
pub type CheckRow = (&'static str, Check, &'static str);

/// A row of a table; the source is for those who read it.
const fn of(
    name: &'static str,
    _source: &'static str,
    fields: &'static [(&'static str, Rule)],
) -> Type {
    Type { name, fields }
}

const TABLES: [&[Type]; 16] = [
    admission::TYPES,
    batch::TYPES,
    container::TYPES,
    custom::TYPES,
    definition::TYPES,
    environment::TYPES,
    meta::TYPES,
    network::TYPES,
    pod::TYPES,
    rbac::TYPES,
    resources::TYPES,
    scaling::TYPES,
    scheduling::TYPES,
    storage::TYPES,
    volume::TYPES,
    workload::TYPES,
];

const CHECKS: [&[CheckRow]; 16] = [
    admission::CHECKS,
    batch::CHECKS,
    container::CHECKS,
    custom::CHECKS,
    definition::CHECKS,
    environment::CHECKS,
    meta::CHECKS,
    network::CHECKS,
    pod::CHECKS,
    rbac::CHECKS,
    resources::CHECKS,
    scaling::CHECKS,
    scheduling::CHECKS,
    storage::CHECKS,
    volume::CHECKS,
    workload::CHECKS,
];

#[derive(Default)]
struct OfType {
    fields: Vec<&'static (&'static str, Rule)>,
    checks: Vec<Check>,
}

static BY_TYPE: LazyLock<HashMap<&'static str, OfType>> = LazyLock::new(|| {
    let mut by_type: HashMap<&'static str, OfType> = HashMap::new();
    for of in TABLES.into_iter().flatten() {
        by_type.entry(of.name).or_default().fields.extend(of.fields);
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
    for (field, rule) in &of_type.fields {
        match (top.get(field), rule) {
            (Some(at), rule) => hold(rule, &at, found),
            (None, Rule::Required) => found.missing(&top, field, None),
            (None, _) => {}
        }
    }
    for check in &of_type.checks {
        check(&top, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::fields_of_types;

    /// The sources of our own types: a rule of a field that none has would never be asked.
    const CUSTOM: [&str; 10] = [
        include_str!("../custom/argo_application.rs"),
        include_str!("../custom/argo_plugin.rs"),
        include_str!("../custom/argo_project.rs"),
        include_str!("../custom/argo_set.rs"),
        include_str!("../custom/flux_kustomization.rs"),
        include_str!("../custom/flux_source.rs"),
        include_str!("../custom/kustomize.rs"),
        include_str!("../custom/kyverno_exception.rs"),
        include_str!("../custom/kyverno_mutating.rs"),
        include_str!("../custom/kyverno_policy.rs"),
    ];

    fn custom_has(name: &str, field: Option<&str>) -> bool {
        let Some(body) =
            CUSTOM.iter().find_map(|text| text.split_once(&format!("struct {name} {{")))
        else {
            return false;
        };
        let body = body.1.split_once("\n}").map_or("", |(body, _)| body);
        let snake = |c: char| {
            if c.is_uppercase() { format!("_{}", c.to_lowercase()) } else { c.to_string() }
        };
        field.is_none_or(|field| {
            let written: String = field.chars().map(snake).collect();
            body.contains(&format!(" {written}:"))
                || body.contains(&format!("rename = \"{field}\""))
        })
    }

    #[test]
    fn every_rule_is_of_a_field_that_exists() {
        let known = fields_of_types();
        for of in TABLES.into_iter().flatten() {
            for (field, _) in of.fields {
                let fields = known.get(of.name);
                let exists = fields.is_some_and(|fields| fields.contains(*field));
                assert!(exists || custom_has(of.name, Some(field)), "{}.{field}", of.name);
            }
        }
        for (name, ..) in CHECKS.into_iter().flatten() {
            assert!(known.contains_key(*name) || custom_has(name, None), "{name}");
        }
        for (owner, name) in EXEMPT {
            assert!(known.contains_key(*owner) && known.contains_key(*name), "{owner} {name}");
        }
    }
}
