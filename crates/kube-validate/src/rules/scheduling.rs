//! The placement of Pods: tolerations, affinities and topology spread.

use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

const EFFECT: Rule = Rule::OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]);
const NODE_OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("Toleration", "core: ValidateTolerations, validateTaintEffect", &[
        ("key", Rule::Form(formats::qualified_name)),
        ("operator", Rule::OneOf(&["Equal", "Exists"])),
        ("effect", EFFECT),
    ]),
    type_rules("NodeSelector", "core: ValidateNodeSelector", &[
        ("nodeSelectorTerms", Rule::Required),
    ]),
    type_rules("NodeSelectorRequirement", "core: ValidateNodeSelectorRequirement", &[
        ("operator", Rule::Exactly(NODE_OPERATORS)),
        ("key", Rule::Strictly(formats::qualified_name)),
    ]),
    type_rules("PreferredSchedulingTerm", "core: ValidatePreferredSchedulingTerms", &[
        ("weight", Rule::Range(1, 100)),
    ]),
    type_rules("WeightedPodAffinityTerm", "core: validateWeightedPodAffinityTerms", &[
        ("weight", Rule::Range(1, 100)),
    ]),
    type_rules("PodAffinityTerm", "core: validateLabelKeys, validatePodAffinityTerm", &[
        ("matchLabelKeys", Rule::Strictly(formats::qualified_name)),
        ("mismatchLabelKeys", Rule::Strictly(formats::qualified_name)),
        ("topologyKey", Rule::Strictly(formats::qualified_name)),
        ("namespaces", Rule::Strictly(formats::dns_label)),
    ]),
    type_rules("TopologySpreadConstraint", "core: validateTopologySpreadConstraints, validateMinDomains, validateLabelKeys, ValidateTopologyKey, ValidateWhenUnsatisfiable, validateNodeInclusionPolicy", &[
        ("maxSkew", Rule::Range(1, i64::MAX)),
        ("minDomains", Rule::Range(1, i64::MAX)),
        ("matchLabelKeys", Rule::Strictly(formats::qualified_name)),
        ("topologyKey", Rule::Required),
        ("whenUnsatisfiable", Rule::Exactly(&["DoNotSchedule", "ScheduleAnyway"])),
        ("nodeAffinityPolicy", Rule::Exactly(&["Honor", "Ignore"])),
        ("nodeTaintsPolicy", Rule::Exactly(&["Honor", "Ignore"])),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("Toleration", toleration_fields as Check, "core: ValidateTolerations"),
    ("NodeSelectorRequirement", node_requirement, "core: ValidateNodeSelectorRequirement"),
    ("NodeSelector", required_label_values, "core: ValidateNodeSelectorRequirement"),
    ("NodeSelectorTerm", node_fields, "core: ValidateNodeFieldSelectorRequirement"),
    ("TopologySpreadConstraint", min_domains, "core: validateMinDomains"),
    (
        "TopologySpreadConstraint",
        match_label_keys,
        "core: ValidateMatchLabelKeysAndMismatchLabelKeys",
    ),
    ("PodAffinityTerm", match_label_keys, "core: ValidateMatchLabelKeysAndMismatchLabelKeys"),
];

fn toleration_fields(node: &NodeRef, findings: &mut Findings) {
    let operator = node.text("operator").unwrap_or("Equal");
    if node.text("key").is_none() && operator != "Exists" {
        let message = "a toleration without a `key` needs `operator: Exists`";
        findings.report(node, Problem::conflict(message));
    }
    if node.has("tolerationSeconds")
        && node.text("effect") != Some("NoExecute")
        && let Some(node) = node.get("tolerationSeconds")
    {
        findings.report_conflict(&node, "`tolerationSeconds` needs `effect: NoExecute`");
    }
    let (Some(value), Some(text)) = (node.get("value"), node.text("value")) else {
        return;
    };
    match operator {
        "Exists" => {
            findings.report_conflict(&value, "`value` can't be combined with `operator: Exists`")
        }
        "Equal" => {
            if let Err(expected) = formats::label_value(text) {
                findings.report_invalid(&value, text, expected);
            }
        }
        _ => {}
    }
}

fn node_requirement(node: &NodeRef, findings: &mut Findings) {
    super::meta::label_requirement(node, findings);
    if matches!(node.text("operator"), Some("Gt" | "Lt")) && node.len_of("values") != 1 {
        let message = "`operator: Gt` and `Lt` need exactly one value";
        findings.report(node, Problem::conflict(message));
    }
}

fn min_domains(node: &NodeRef, findings: &mut Findings) {
    if let Some(domains) =
        node.get("minDomains").filter(|_| node.text("whenUnsatisfiable") != Some("DoNotSchedule"))
    {
        findings.report_conflict(&domains, "`minDomains` needs `whenUnsatisfiable: DoNotSchedule`");
    }
}

/// The values of required expressions are labels' values. Those of preferences are not checked.
fn required_label_values(node: &NodeRef, findings: &mut Findings) {
    for term in node.items_of("nodeSelectorTerms") {
        for expression in term.items_of("matchExpressions") {
            if let Some(values) = expression.get("values") {
                super::check_rule(&Rule::Form(formats::label_value), &values, findings);
            }
        }
    }
}

/// The one field by which a term can select nodes is their name.
fn node_fields(node: &NodeRef, findings: &mut Findings) {
    for field in node.items_of("matchFields") {
        if let Some(key) = field.get("key") {
            let text = key.as_str().unwrap_or_default();
            super::check_choice(&["metadata.name"], text, &key, findings);
        }
        if let Some(operator) = field.get("operator") {
            let text = operator.as_str().unwrap_or_default();
            super::check_choice(&["In", "NotIn"], text, &operator, findings);
        }
        if field.len_of("values") != 1 {
            findings.report(&field, Problem::conflict("`matchFields` needs exactly one value"));
        }
        for name in field.items_of("values") {
            super::check_rule(&Rule::Strictly(formats::dns_subdomain), &name, findings);
        }
    }
}

/// Keys whose values are taken from the Pod need a selector to add to, which does not have them yet.
fn match_label_keys(node: &NodeRef, findings: &mut Findings) {
    for field in ["matchLabelKeys", "mismatchLabelKeys"] {
        let keys = node.get(field).filter(|_| node.len_of(field) > 0);
        if let Some(keys) = keys.filter(|_| !node.has("labelSelector")) {
            findings.report_conflict(&keys, format!("`{field}` needs `labelSelector`"));
        }
    }
    let selector = node.get("labelSelector");
    let expressions: Vec<&str> = selector
        .iter()
        .flat_map(|selector| selector.items_of("matchExpressions"))
        .filter_map(|expression| expression.text("key"))
        .collect();
    for key in node.items_of("matchLabelKeys") {
        let Some(text) = key.as_str() else { continue };
        let in_labels = selector
            .as_ref()
            .and_then(|selector| selector.get("matchLabels"))
            .is_some_and(|labels| labels.yaml.get(text).is_some());
        let uses = expressions.iter().filter(|other| **other == text).count();
        if uses > 1 || (uses == 1 && in_labels) {
            let message = format!("`{}` is in `labelSelector` too", truncate(text));
            findings.report(&key, Problem::conflict(message));
        }
        if node.items_of("mismatchLabelKeys").any(|other| other.as_str() == Some(text)) {
            let message = format!("`{}` is in `mismatchLabelKeys` too", truncate(text));
            findings.report(&key, Problem::conflict(message));
        }
    }
}
