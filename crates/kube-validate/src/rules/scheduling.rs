//! Where pods may run: tolerations, affinities, spreading.

use super::{At, Check, CheckRow, Found, Rule, Type, malformed, of};
use crate::error::Problem;
use crate::formats;

const EFFECT: Rule = Rule::OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]);
const NODE_OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("Toleration", "core: ValidateTolerations, validateTaintEffect", &[
        ("key", Rule::Form(formats::qualified)),
        ("operator", Rule::OneOf(&["Equal", "Exists", "Lt", "Gt"])),
        ("effect", EFFECT),
    ]),
    of("Taint", "core: validateNodeTaints, validateTaintEffect", &[
        ("key", Rule::Strictly(formats::qualified)),
        ("effect", EFFECT),
    ]),
    of("NodeSelector", "core: ValidateNodeSelector", &[
        ("nodeSelectorTerms", Rule::Required),
    ]),
    of("NodeSelectorRequirement", "core: ValidateNodeSelectorRequirement", &[
        ("operator", Rule::Exactly(NODE_OPERATORS)),
        ("key", Rule::Strictly(formats::qualified)),
        ("values", Rule::Form(formats::label_value)),
    ]),
    of("PreferredSchedulingTerm", "core: ValidatePreferredSchedulingTerms", &[
        ("weight", Rule::Range(1, 100)),
    ]),
    of("WeightedPodAffinityTerm", "core: validateWeightedPodAffinityTerms", &[
        ("weight", Rule::Range(1, 100)),
    ]),
    of("PodAffinityTerm", "core: validateLabelKeys, validatePodAffinityTerm", &[
        ("matchLabelKeys", Rule::Strictly(formats::qualified)),
        ("topologyKey", Rule::Strictly(formats::qualified)),
        ("namespaces", Rule::Strictly(formats::label)),
    ]),
    of("TopologySpreadConstraint", "core: validateTopologySpreadConstraints, validateMinDomains, validateLabelKeys, ValidateTopologyKey, ValidateWhenUnsatisfiable, validateNodeInclusionPolicy", &[
        ("maxSkew", Rule::Range(1, i64::MAX)),
        ("minDomains", Rule::Range(1, i64::MAX)),
        ("matchLabelKeys", Rule::Strictly(formats::qualified)),
        ("topologyKey", Rule::Required),
        ("whenUnsatisfiable", Rule::Exactly(&["DoNotSchedule", "ScheduleAnyway"])),
        ("nodeAffinityPolicy", Rule::Exactly(&["Honor", "Ignore"])),
        ("nodeTaintsPolicy", Rule::Exactly(&["Honor", "Ignore"])),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("Toleration", toleration as Check, "core: ValidateTolerations"),
    ("NodeSelectorRequirement", requirement, "core: ValidateNodeSelectorRequirement"),
    ("TopologySpreadConstraint", spread, "core: validateMinDomains"),
    ("TopologySpreadConstraint", label_keys, "core: ValidateMatchLabelKeysAndMismatchLabelKeys"),
    ("PodAffinityTerm", label_keys, "core: ValidateMatchLabelKeysAndMismatchLabelKeys"),
];

fn toleration(at: &At, found: &mut Found) {
    let operator = at.text("operator").unwrap_or("Equal");
    if at.text("key").is_none() && operator != "Exists" {
        let message = "a toleration without a `key` needs `operator: Exists`";
        found.value(at, Problem::Conflict(message.to_owned()));
    }
    if at.has("tolerationSeconds")
        && at.text("effect") != Some("NoExecute")
        && let Some(at) = at.get("tolerationSeconds")
    {
        found.conflict(&at, "`tolerationSeconds` needs `effect: NoExecute`");
    }
    let (Some(value), Some(text)) = (at.get("value"), at.text("value")) else {
        return;
    };
    match operator {
        "Exists" => found.conflict(&value, "`value` can't stand beside `operator: Exists`"),
        "Lt" | "Gt" if text.parse::<i64>().is_err() => {
            malformed(text, "a whole number", &value, found)
        }
        "Equal" => {
            if let Err(right) = formats::label_value(text) {
                malformed(text, right, &value, found);
            }
        }
        _ => {}
    }
}

fn requirement(at: &At, found: &mut Found) {
    let count = at.len("values");
    match at.text("operator") {
        Some("In" | "NotIn") if count == 0 => found.missing(at, "values", None),
        Some("Exists" | "DoesNotExist") if count > 0 => {
            if let Some(values) = at.get("values") {
                found.conflict(&values, "`values` can't stand beside `Exists` or `DoesNotExist`");
            }
        }
        Some("Gt" | "Lt") if count != 1 => {
            let message = "`Gt` and `Lt` need exactly one value";
            found.value(at, Problem::Conflict(message.to_owned()));
        }
        _ => {}
    }
}

fn spread(at: &At, found: &mut Found) {
    if let Some(domains) =
        at.get("minDomains").filter(|_| at.text("whenUnsatisfiable") != Some("DoNotSchedule"))
    {
        found.conflict(&domains, "`minDomains` needs `whenUnsatisfiable: DoNotSchedule`");
    }
}

fn label_keys(at: &At, found: &mut Found) {
    let keys = at.get("matchLabelKeys").filter(|_| at.len("matchLabelKeys") > 0);
    if let Some(keys) = keys.filter(|_| !at.has("labelSelector")) {
        found.conflict(&keys, "`matchLabelKeys` need a `labelSelector`");
    }
}
