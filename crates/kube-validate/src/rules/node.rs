//! Nodes, and what drivers and the cluster's network keep for them.

use super::volume::csi_driver_name;
use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules, unique_by, unique_by_field,
};
use crate::formats;

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("Taint", "core: validateNodeTaints, validateTaintEffect", &[
        ("key", Rule::Strictly(formats::qualified_name)),
        ("value", Rule::Strictly(formats::label_value)),
        ("effect", Rule::Exactly(&["NoSchedule", "PreferNoSchedule", "NoExecute"])),
    ]),
    type_rules("CSINodeDriver", "storage: validateCSINodeDriver", &[
        ("name", Rule::Required),
        ("name", Rule::Form(csi_driver_name)),
        ("nodeID", Rule::Required),
    ]),
    type_rules("CSIStorageCapacity", "storage: ValidateCSIStorageCapacity", &[
        ("storageClassName", Rule::Required),
        ("storageClassName", Rule::Form(formats::dns_subdomain)),
        ("capacity", Rule::NotNegative),
        ("maximumVolumeSize", Rule::NotNegative),
    ]),
    type_rules("IPAddressSpec", "networking: validateIPAddressParentReference", &[
        ("parentRef", Rule::Required),
    ]),
    type_rules("ServiceCIDR", "networking: validateServiceCIDRSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("ServiceCIDRSpec", "networking: validateServiceCIDRSpec", &[
        ("cidrs", Rule::Required),
        ("cidrs", Rule::Strictly(formats::ip_range)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("NodeSpec", pod_ranges as Check, "core: ValidateNode"),
    ("NodeSpec", unique_taints, "core: validateNodeTaints"),
    ("CSINodeSpec", unique_drivers, "storage: validateCSINodeDrivers"),
    ("IPAddressSpec", parent, "networking: validateIPAddressParentReference"),
    ("ServiceCIDRSpec", service_ranges, "networking: validateServiceCIDRSpec"),
];

/// The ranges of the Node's Pods. `podCIDR` is the first of them; another one counts alone, for old clients
/// (`Convert_v1_NodeSpec_To_core_NodeSpec`).
fn pod_ranges(node: &NodeRef, findings: &mut Findings) {
    let single = node.get("podCIDR").filter(|range| range.as_str() != Some(""));
    let first = node.items_of("podCIDRs").next().and_then(|range| range.as_str());
    if let Some(single) = &single
        && single.as_str() != first
    {
        return super::check_rule(&Rule::Strictly(formats::ip_range), single, findings);
    }
    if let Some(ranges) = node.get("podCIDRs") {
        super::check_rule(&Rule::Strictly(formats::ip_range), &ranges, findings);
        one_range_a_family(&ranges, findings);
    }
}

fn service_ranges(node: &NodeRef, findings: &mut Findings) {
    if let Some(ranges) = node.get("cidrs") {
        one_range_a_family(&ranges, findings);
    }
}

/// At most one range of each IP family.
fn one_range_a_family(ranges: &NodeRef, findings: &mut Findings) {
    let families: Vec<bool> =
        ranges.items().map(|range| range.as_str().is_some_and(|text| text.contains(':'))).collect();
    if families.len() > 2 || matches!(families[..], [one, other] if one == other) {
        findings.report_conflict(ranges, "more than one address range of an IP family");
    }
}

fn unique_taints(node: &NodeRef, findings: &mut Findings) {
    let taints = node.items_of("taints");
    let key = |taint: &NodeRef| Some(format!("{}:{}", taint.text("key")?, taint.text("effect")?));
    unique_by(taints, "taint", "key", key, findings);
}

fn unique_drivers(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("drivers"), "driver", "name", findings);
}

fn parent(node: &NodeRef, findings: &mut Findings) {
    let Some(parent) = node.get("parentRef") else { return };
    for field in ["resource", "name"] {
        match parent.get(field).filter(|value| value.as_str() != Some("")) {
            Some(value) => {
                super::check_rule(&Rule::Strictly(formats::path_segment), &value, findings);
            }
            None => findings.report_missing(&parent, field),
        }
    }
}
