//! Metadata and label selectors, which all kinds share.

use std::collections::BTreeMap;

use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("ObjectMeta", "apimachinery: ValidateLabels, ValidateAnnotations, ValidateFinalizerName, ValidateObjectMetaAccessor", &[
        ("labels", Rule::Keys(formats::qualified_name)),
        ("labels", Rule::Form(formats::label_value)),
        ("annotations", Rule::Keys(formats::annotation_key)),
        ("finalizers", Rule::Strictly(formats::qualified_name)),
    ]),
    type_rules("NamespaceSpec", "core: ValidateNamespace, validateKubeFinalizerName", &[
        ("finalizers", Rule::Strictly(namespace_finalizer)),
    ]),
    type_rules("OwnerReference", "apimachinery: validateOwnerReference", &[
        ("apiVersion", Rule::Required),
        ("kind", Rule::Required),
        ("name", Rule::Required),
        ("uid", Rule::Required),
    ]),
    type_rules("LabelSelector", "apimachinery: ValidateLabelSelector", &[
        ("matchLabels", Rule::Keys(formats::qualified_name)),
        ("matchLabels", Rule::Form(formats::label_value)),
    ]),
    type_rules("LabelSelectorRequirement", "apimachinery: ValidateLabelSelectorRequirement", &[
        ("key", Rule::Strictly(formats::qualified_name)),
        ("operator", Rule::Exactly(OPERATORS)),
        ("values", Rule::Form(formats::label_value)),
    ]),
];

const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];

pub const CHECKS: &[CheckRow] = &[
    ("ObjectMeta", annotations_size as Check, "apimachinery: ValidateAnnotationsSize"),
    ("Namespace", pod_security, "pod-security-admission api: PolicyToEvaluate"),
    ("ObjectMeta", owners, "apimachinery: ValidateOwnerReferences, validateOwnerReference"),
    ("ObjectMeta", deletion_finalizers, "apimachinery: ValidateFinalizers"),
    (
        "LabelSelectorRequirement",
        label_requirement,
        "apimachinery: ValidateLabelSelectorRequirement",
    ),
];

/// The most bytes of an object's annotations together: `TotalAnnotationSizeLimitB`, 256Ki.
const MAX_ANNOTATION_BYTES: usize = 256 << 10;

fn annotations_size(node: &NodeRef, findings: &mut Findings) {
    let Some(annotations) = node.get("annotations") else {
        return;
    };
    let bytes: usize = annotations
        .entries()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if bytes > MAX_ANNOTATION_BYTES {
        findings.report_conflict(
            &annotations,
            format!("the annotations have {bytes} bytes: expected at most 256Ki"),
        );
    }
}

fn namespace_finalizer(text: &str) -> Result<(), &'static str> {
    let is_standard = matches!(text, "kubernetes" | "orphan" | "foregroundDeletion");
    if formats::qualified_name(text).is_ok() && (is_standard || text.contains('/')) {
        Ok(())
    } else {
        Err("`kubernetes`, or a name with a domain")
    }
}

/// The labels by which a namespace chooses Pod security standards.
fn pod_security(node: &NodeRef, findings: &mut Findings) {
    let metadata = node.get("metadata");
    let labels = metadata.as_ref().and_then(|metadata| metadata.get("labels"));
    for (key, value) in labels.iter().flat_map(NodeRef::entries) {
        let text = value.as_str().unwrap_or_default();
        match key.strip_prefix("pod-security.kubernetes.io/") {
            Some("enforce" | "audit" | "warn") => {
                super::check_choice(
                    &["privileged", "baseline", "restricted"],
                    text,
                    &value,
                    findings,
                );
            }
            Some("enforce-version" | "audit-version" | "warn-version") => {
                let minor = text.strip_prefix("v1.").unwrap_or_default();
                let is_number = minor == "0"
                    || (!minor.starts_with('0')
                        && !minor.is_empty()
                        && minor.bytes().all(|b| b.is_ascii_digit()));
                if text != "latest" && !is_number {
                    findings.report_invalid(&value, text, "`latest` or a version such as `v1.37`");
                }
            }
            _ => {}
        }
    }
}

/// An object has at most one controller, and an Event owns nothing.
fn owners(node: &NodeRef, findings: &mut Findings) {
    let mut has_controller = false;
    for owner in node.items_of("ownerReferences") {
        if let Some(controller) = owner.get("controller").filter(|_| owner.is_true("controller")) {
            if has_controller {
                findings.report(&controller, Problem::conflict("an object has one controller"));
            }
            has_controller = true;
        }
        let Some(version) = owner.get("apiVersion") else { continue };
        let text = version.as_str().unwrap_or_default();
        if text.matches('/').count() > 1 {
            findings.report_invalid(&version, text, "a version, or a group, `/` and a version");
        }
        if text == "v1" && owner.text("kind") == Some("Event") {
            findings.report(&owner, Problem::conflict("an Event can't own an object"));
        }
    }
}

fn deletion_finalizers(node: &NodeRef, findings: &mut Findings) {
    let find = |name| node.items_of("finalizers").find(|item| item.as_str() == Some(name));
    if let (Some(orphan), Some(_)) = (find("orphan"), find("foregroundDeletion")) {
        findings.report(
            &orphan,
            Problem::conflict("`orphan` can't be combined with `foregroundDeletion`"),
        );
    }
}

/// An expression with `In` or `NotIn` has values; one with `Exists` or `DoesNotExist` has none.
pub fn label_requirement(node: &NodeRef, findings: &mut Findings) {
    match node.text("operator") {
        Some("In" | "NotIn") if node.len_of("values") == 0 => {
            findings.report_missing(node, "values")
        }
        Some("Exists" | "DoesNotExist") if node.len_of("values") > 0 => {
            if let Some(values) = node.get("values") {
                findings.report_conflict(
                    &values,
                    "`values` can't be combined with `operator: Exists` or `DoesNotExist`",
                );
            }
        }
        _ => {}
    }
}

/// A workload's selector is not empty, and matches the labels of its own Pod template.
pub fn selector_matches_template(node: &NodeRef, findings: &mut Findings) {
    let Some(selector) = node.get("selector") else {
        return;
    };
    if selector.len_of("matchLabels") + selector.len_of("matchExpressions") == 0 {
        findings.report(&selector, Problem::Empty("selector".to_owned()));
        return;
    }
    let template = node.get("template");
    let metadata = template.as_ref().and_then(|template| template.get("metadata"));
    let label_map = metadata.as_ref().and_then(|metadata| metadata.get("labels"));
    let labels: BTreeMap<&str, &str> = label_map
        .iter()
        .flat_map(NodeRef::entries)
        .map(|(key, value)| (key, value.as_str().unwrap_or_default()))
        .collect();
    if let Some(wanted) = selector.get("matchLabels") {
        for (key, value) in wanted.entries() {
            let text = value.as_str().unwrap_or_default();
            if labels.get(key) != Some(&text) {
                let label = truncate(&format!("{key}: {text}"));
                let message = format!("the pod template lacks the selector's label `{label}`");
                findings.report(&value, Problem::Conflict(message));
            }
        }
    }
    for requirement in selector.items_of("matchExpressions") {
        let Some(key) = requirement.text("key") else {
            continue;
        };
        if !matches_expression(&requirement, labels.get(key).copied()) {
            let key = truncate(key);
            let message =
                format!("the pod template does not match the selector's `{key}` expression");
            findings.report(&requirement, Problem::Conflict(message));
        }
    }
}

/// Returns true if a label's value, or its absence, matches an expression of a selector.
fn matches_expression(requirement: &NodeRef, label: Option<&str>) -> bool {
    let listed = label.is_some_and(|label| {
        requirement.items_of("values").any(|value| value.as_str() == Some(label))
    });
    match requirement.text("operator") {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => true,
    }
}
