//! The API server's rules for objects, beyond what their Rust types express.
//!
//! In: one structure of an object (its type's name and its node). Out: its findings.
//!
//! Rules are data. Each file covers one part of Kubernetes and has two tables: `TYPE_RULES` with the
//! fields of each type and what each must be, and `CHECKS` with functions for what one field's rule
//! can't express, since it compares fields. Each row names the function of the API server that it
//! follows (Kubernetes 1.37; without a path, the function is in `pkg/apis/*/validation`).
//!
//! Rows are by type, not by path, so the rules of a Pod apply wherever a Pod template occurs.

mod admission;
mod batch;
mod container;
mod custom;
mod definition;
mod device;
mod environment;
mod field;
mod findings;
mod meta;
mod network;
mod node;
mod node_ref;
mod pod;
mod pod_metadata;
mod pod_platform;
mod pod_resources;
mod rbac;
mod resources;
mod scaling;
mod scheduling;
mod service;
mod storage;
mod volume;
mod workload;

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use super::formats::Form;
use field::{
    at_most_one, check_choice, check_rule, exactly_one, unique_by, unique_by_field,
    unique_list_keys,
};
pub use findings::{Findings, ListKeys};
pub use node_ref::NodeRef;
pub use resources::quantity_of;
use yaml_spans::{Node, Segment};

/// The rules of one type's fields. A field has one entry for each of its rules.
pub struct TypeRules {
    name: &'static str,
    fields: &'static [(&'static str, Rule)],
}

/// A constraint on one field.
///
/// A field that is absent or null satisfies every rule but `Required`. The rules for texts and numbers
/// apply to the field's value or, if it is a list or a map, to each of its values.
///
/// # Empty texts
/// The API server treats an empty text (`""`) in one of two ways, and the rules for texts come in
/// pairs for that reason:
///
/// | an empty text counts as | texts of a list | texts of a form |
/// |---|---|---|
/// | an absent field, for which the server fills in the default | `OneOf` | `Form` |
/// | a value like any other, which the list or form must allow | `Exactly` | `Strictly` |
///
/// The reason is that the server fills in defaults before it validates. For most optional fields it can't
/// tell an empty text from an absent field, and fills in the default for both: `imagePullPolicy: ""` is
/// accepted. Validation sees the empty text if the field has no default, as in `seccompProfile: {type: ""}`,
/// or if the server can tell the two apart, as in an item of a list. The function that a row names shows
/// which of the two a field is.
pub enum Rule {
    /// Present and not empty: neither `""`, `[]` nor `{}`.
    Required,
    /// One of these texts; an empty one counts as absent.
    OneOf(&'static [&'static str]),
    /// One of these texts; an empty one is refused.
    Exactly(&'static [&'static str]),
    /// A whole number between two bounds, both included.
    Range(i64, i64),
    /// A text of this form; an empty one counts as absent.
    Form(Form),
    /// A text of this form, even if it is empty.
    Strictly(Form),
    /// A map whose keys have this form.
    Keys(Form),
    /// A port: a number from 1 to 65535, or a port's name; an empty name counts as absent.
    Port,
    /// A whole number of at least zero, or a percentage such as `25%`.
    IntOrPercent,
    /// A list of at most so many items.
    AtMost(usize),
    /// Quantities of at least zero.
    NotNegative,
    /// Quantities above zero.
    Positive,
    /// A list of texts without duplicates; the text is what messages call an item.
    Distinct(&'static str),
    /// The same, where only server-side apply demands it (`x-kubernetes-list-type: set`).
    DistinctKeys(&'static str),
}

/// A check that compares the fields of one structure.
pub type Check = fn(&NodeRef, &mut Findings);

/// A type's name, one of its checks, and the function of the API server that the check follows.
pub type CheckRow = (&'static str, Check, &'static str);

/// A row of `TYPE_RULES`. The source is for readers of the table only.
const fn type_rules(
    name: &'static str,
    _source: &'static str,
    fields: &'static [(&'static str, Rule)],
) -> TypeRules {
    TypeRules { name, fields }
}

const TYPE_TABLES: [&[TypeRules]; 20] = [
    admission::TYPE_RULES,
    batch::TYPE_RULES,
    container::TYPE_RULES,
    custom::TYPE_RULES,
    definition::TYPE_RULES,
    device::TYPE_RULES,
    environment::TYPE_RULES,
    meta::TYPE_RULES,
    network::TYPE_RULES,
    node::TYPE_RULES,
    pod::TYPE_RULES,
    pod_resources::TYPE_RULES,
    rbac::TYPE_RULES,
    resources::TYPE_RULES,
    scaling::TYPE_RULES,
    scheduling::TYPE_RULES,
    service::TYPE_RULES,
    storage::TYPE_RULES,
    volume::TYPE_RULES,
    workload::TYPE_RULES,
];

const CHECK_TABLES: [&[CheckRow]; 22] = [
    admission::CHECKS,
    batch::CHECKS,
    container::CHECKS,
    custom::CHECKS,
    definition::CHECKS,
    device::CHECKS,
    environment::CHECKS,
    meta::CHECKS,
    network::CHECKS,
    node::CHECKS,
    pod::CHECKS,
    pod_metadata::CHECKS,
    pod_platform::CHECKS,
    pod_resources::CHECKS,
    rbac::CHECKS,
    resources::CHECKS,
    scaling::CHECKS,
    scheduling::CHECKS,
    service::CHECKS,
    storage::CHECKS,
    volume::CHECKS,
    workload::CHECKS,
];

#[derive(Default)]
struct RulesOfType {
    /// The rows of the type, one from each table that has one.
    rows: Vec<&'static TypeRules>,
    checks: Vec<Check>,
}

/// The rules by the type's name. The names are those of this program's types, so a fast hash can't be attacked.
static BY_TYPE: LazyLock<HashMap<&'static str, RulesOfType, FixedState>> = LazyLock::new(|| {
    let rows = TYPE_TABLES.iter().map(|table| table.len()).sum();
    let mut by_type: HashMap<&'static str, RulesOfType, FixedState> =
        HashMap::with_capacity_and_hasher(rows, FixedState::default());
    for row in TYPE_TABLES.into_iter().flatten() {
        by_type.entry(row.name).or_default().rows.push(row);
    }
    for (name, check, _) in CHECK_TABLES.into_iter().flatten() {
        by_type.entry(name).or_default().checks.push(*check);
    }
    by_type
});

/// Structures that the server accepts unchecked, as pairs of the owner's type and their own.
const EXEMPT: &[(&str, &str)] = &[
    ("JobTemplateSpec", "ObjectMeta"), // batch: ValidateJobTemplateSpec checks only its spec
    ("KyvernoResources", "LabelSelector"), // kyverno pkg/utils/match: wildcards are replaced first
    ("PersistentVolumeClaimSpec", "TypedLocalObjectReference"), // core: validateDataSource has rules of its own
    ("MetricIdentifier", "LabelSelector"), // autoscaling: validateMetricIdentifier; metrics have their own labels
];

/// Returns true for the metadata of a claim in a StatefulSet, which the server accepts unchecked
/// (apps: validateVolumeClaimTemplates).
fn is_claim_metadata(type_name: &str, findings: &Findings) -> bool {
    let claims =
        |step: &Segment| matches!(step, Segment::Key(key) if key == "volumeClaimTemplates");
    type_name == "ObjectMeta" && findings.path.segments().iter().any(claims)
}

/// Checks one structure, a part of a structure of the type `owner`, by the rules of its type.
pub fn check_structure(owner: &str, type_name: &str, node: &Node, findings: &mut Findings) {
    let is_exempt = EXEMPT.contains(&(owner, type_name)) || is_claim_metadata(type_name, findings);
    let Some(rules) = BY_TYPE.get(type_name).filter(|_| !is_exempt) else {
        return;
    };
    let top = NodeRef::top(node);
    for (field, rule) in rules.rows.iter().flat_map(|row| row.fields) {
        match (top.get(field), rule) {
            (Some(value), rule) => check_rule(rule, &value, findings),
            (None, Rule::Required) => findings.report_missing(&top, field),
            (None, _) => {}
        }
    }
    for check in &rules.checks {
        check(&top, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::fields_of_types;

    #[test]
    fn every_rule_is_of_a_field_that_exists() {
        let known = fields_of_types();
        for row in TYPE_TABLES.into_iter().flatten() {
            let fields = known.get(row.name).unwrap_or_else(|| panic!("no type {}", row.name));
            for (field, _) in row.fields {
                assert!(fields.contains(*field), "{}.{field}", row.name);
            }
        }
        for (name, ..) in CHECK_TABLES.into_iter().flatten() {
            assert!(known.contains_key(*name), "{name}");
        }
        for (owner, name) in EXEMPT {
            assert!(known.contains_key(*owner) && known.contains_key(*name), "{owner} {name}");
        }
    }
}
