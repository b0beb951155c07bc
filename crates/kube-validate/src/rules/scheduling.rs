//! The placement of Pods: tolerations, affinities and topology spread.

use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules};
use crate::error::Problem;
use crate::formats;

const EFFECT: Rule = Rule::OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]);
const NODE_OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("Toleration", "core: ValidateTolerations, validateTaintEffect", &[
        ("key", Rule::Form(formats::qualified_name)),
        ("operator", Rule::OneOf(&["Equal", "Exists", "Lt", "Gt"])),
        ("effect", EFFECT),
    ]),
    type_rules("Taint", "core: validateNodeTaints, validateTaintEffect", &[
        ("key", Rule::Strictly(formats::qualified_name)),
        ("effect", EFFECT),
    ]),
    type_rules("NodeSelector", "core: ValidateNodeSelector", &[
        ("nodeSelectorTerms", Rule::Required),
    ]),
    type_rules("NodeSelectorRequirement", "core: ValidateNodeSelectorRequirement", &[
        ("operator", Rule::Exactly(NODE_OPERATORS)),
        ("key", Rule::Strictly(formats::qualified_name)),
        ("values", Rule::Form(formats::label_value)),
    ]),
    type_rules("PreferredSchedulingTerm", "core: ValidatePreferredSchedulingTerms", &[
        ("weight", Rule::Range(1, 100)),
    ]),
    type_rules("WeightedPodAffinityTerm", "core: validateWeightedPodAffinityTerms", &[
        ("weight", Rule::Range(1, 100)),
    ]),
    type_rules("PodAffinityTerm", "core: validateLabelKeys, validatePodAffinityTerm", &[
        ("matchLabelKeys", Rule::Strictly(formats::qualified_name)),
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
        "Lt" | "Gt" if text.parse::<i64>().is_err() => {
            findings.report_invalid(&value, text, "a whole number")
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

fn match_label_keys(node: &NodeRef, findings: &mut Findings) {
    let keys = node.get("matchLabelKeys").filter(|_| node.len_of("matchLabelKeys") > 0);
    if let Some(keys) = keys.filter(|_| !node.has("labelSelector")) {
        findings.report_conflict(&keys, "`matchLabelKeys` needs `labelSelector`");
    }
}
