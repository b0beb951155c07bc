//! Metadata and selectors, which all kinds share.

use std::collections::BTreeMap;

use super::{At, Check, CheckRow, Found, Rule, Type, of};
use crate::error::Problem;
use crate::formats;
use yaml_spans::shorten;

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("ObjectMeta", "apimachinery: ValidateLabels, ValidateAnnotations, ValidateFinalizerName, ValidateObjectMetaAccessor", &[
        ("labels", Rule::Keys(formats::qualified)),
        ("labels", Rule::Form(formats::label_value)),
        ("annotations", Rule::Keys(formats::annotation_key)),
        ("finalizers", Rule::Strictly(formats::qualified)),
        ("generation", Rule::Range(0, i64::MAX)),
    ]),
    of("OwnerReference", "apimachinery: validateOwnerReference", &[
        ("apiVersion", Rule::Required),
        ("kind", Rule::Required),
        ("name", Rule::Required),
        ("uid", Rule::Required),
    ]),
    of("LabelSelector", "apimachinery: ValidateLabelSelector", &[
        ("matchLabels", Rule::Keys(formats::qualified)),
        ("matchLabels", Rule::Form(formats::label_value)),
    ]),
    of("LabelSelectorRequirement", "apimachinery: ValidateLabelSelectorRequirement", &[
        ("key", Rule::Strictly(formats::qualified)),
        ("operator", Rule::Exactly(OPERATORS)),
        ("values", Rule::Form(formats::label_value)),
    ]),
];

const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];

pub const CHECKS: &[CheckRow] = &[
    ("ObjectMeta", size as Check, "apimachinery: ValidateAnnotationsSize"),
    ("LabelSelectorRequirement", requirement, "apimachinery: ValidateLabelSelectorRequirement"),
];

/// Bytes that all annotations of an object may have together: `TotalAnnotationSizeLimitB`.
const ANNOTATIONS: usize = 256 << 10;

fn size(at: &At, found: &mut Found) {
    let Some(annotations) = at.get("annotations") else {
        return;
    };
    let bytes: usize = annotations
        .entries()
        .map(|(key, value)| key.len() + value.node.as_str().map_or(0, str::len))
        .sum();
    if bytes > ANNOTATIONS {
        found.conflict(
            &annotations,
            format!("the annotations have {bytes} bytes, but may have {ANNOTATIONS}"),
        );
    }
}

fn requirement(at: &At, found: &mut Found) {
    match at.text("operator") {
        Some("In" | "NotIn") if at.len("values") == 0 => found.missing(at, "values", None),
        Some("Exists" | "DoesNotExist") if at.len("values") > 0 => {
            if let Some(values) = at.get("values") {
                found.conflict(&values, "`values` can't stand beside `Exists` or `DoesNotExist`");
            }
        }
        _ => {}
    }
}

/// The selector of a workload names something, and its own pods match it.
pub fn selects_template(at: &At, found: &mut Found) {
    let Some(selector) = at.get("selector") else {
        return;
    };
    if selector.len("matchLabels") + selector.len("matchExpressions") == 0 {
        found.value(&selector, Problem::Empty("selector".to_owned()));
        return;
    }
    let template = at.get("template");
    let metadata = template.as_ref().and_then(|template| template.get("metadata"));
    let labels = metadata.as_ref().and_then(|metadata| metadata.get("labels"));
    let labels: BTreeMap<&str, &str> = labels
        .iter()
        .flat_map(At::entries)
        .map(|(key, value)| (key, value.node.as_str().unwrap_or_default()))
        .collect();
    if let Some(wanted) = selector.get("matchLabels") {
        for (key, value) in wanted.entries() {
            let text = value.node.as_str().unwrap_or_default();
            if labels.get(key) != Some(&text) {
                let shown = shorten(&format!("{key}: {text}"));
                let message = format!("the selector's `{shown}` is no label of the pod template");
                found.value(&value, Problem::Conflict(message));
            }
        }
    }
    for requirement in selector.list("matchExpressions") {
        let Some(key) = requirement.text("key") else {
            continue;
        };
        let label = labels.get(key);
        let listed = label.is_some_and(|label| {
            requirement.list("values").any(|value| value.node.as_str() == Some(label))
        });
        let matches = match requirement.text("operator") {
            Some("In") => listed,
            Some("NotIn") => !listed,
            Some("Exists") => label.is_some(),
            Some("DoesNotExist") => label.is_none(),
            _ => true,
        };
        if !matches {
            let message = format!(
                "the selector's expression on `{}` does not match the pod template",
                shorten(key)
            );
            found.value(&requirement, Problem::Conflict(message));
        }
    }
}
