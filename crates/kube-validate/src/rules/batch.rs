//! Jobs and CronJobs.

use std::collections::HashSet;

use super::container::{all_containers, report_not_found};
use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules, unique_by};
use crate::error::Problem;
use crate::formats;
use crate::schedule::{self, Schedule};

const COUNT: Rule = Rule::Range(0, i64::MAX);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("CronJob", "batch: validateCronJobSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("Job", "batch: validateJobSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("JobTemplateSpec", "batch: ValidateJobTemplateSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("CronJobSpec", "batch: validateCronJobSpec, validateConcurrencyPolicy", &[
        ("schedule", Rule::Required),
        ("startingDeadlineSeconds", COUNT),
        ("successfulJobsHistoryLimit", COUNT),
        ("failedJobsHistoryLimit", COUNT),
        ("concurrencyPolicy", Rule::OneOf(&["Allow", "Forbid", "Replace"])),
    ]),
    type_rules("JobSpec", "batch: validateJobSpec, validatePodReplacementPolicy", &[
        ("parallelism", COUNT),
        ("completions", COUNT),
        ("activeDeadlineSeconds", Rule::Range(0, i64::MAX)),
        ("backoffLimit", COUNT),
        ("backoffLimitPerIndex", COUNT),
        ("maxFailedIndexes", COUNT),
        ("ttlSecondsAfterFinished", COUNT),
        ("completionMode", Rule::Exactly(&["NonIndexed", "Indexed"])),
        ("podReplacementPolicy", Rule::Exactly(&["Failed", "TerminatingOrFailed"])),
        ("managedBy", Rule::Strictly(managed_by)),
    ]),
    type_rules("PodFailurePolicy", "batch: validatePodFailurePolicy", &[
        ("rules", Rule::AtMost(20)),
    ]),
    type_rules("SuccessPolicy", "batch: validateSuccessPolicy", &[
        ("rules", Rule::Required),
        ("rules", Rule::AtMost(20)),
    ]),
    type_rules("SuccessPolicyRule", "batch: validateSuccessPolicyRule", &[
        ("succeededCount", COUNT),
    ]),
    type_rules("PodFailurePolicyRule", "batch: validatePodFailurePolicyRule, validatePodFailurePolicyRuleOnPodConditions", &[
        ("onPodConditions", Rule::AtMost(20)),
        ("action", Rule::Exactly(&["Count", "FailIndex", "FailJob", "Ignore"])),
    ]),
    type_rules("PodFailurePolicyOnExitCodesRequirement", "batch: validatePodFailurePolicyRuleOnExitCodes", &[
        ("operator", Rule::Exactly(&["In", "NotIn"])),
        ("values", Rule::Required),
        ("values", Rule::AtMost(255)),
    ]),
    type_rules("PodFailurePolicyOnPodConditionsPattern", "batch: validatePodFailurePolicyRuleOnPodConditions", &[
        ("status", Rule::OneOf(&["True", "False", "Unknown"])),
        ("type", Rule::Strictly(formats::qualified_name)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("CronJobSpec", schedule_and_zone as Check, "batch: validateScheduleFormat, validateTimeZone"),
    ("CronJobSpec", no_template_selector, "batch: validateJobTemplateSpec"),
    ("JobSpec", restart_policy, "batch: validateJobSpec"),
    ("JobSpec", completion_mode, "batch: validateJobSpec"),
    ("JobSpec", pod_failure_policy, "batch: validatePodFailurePolicyRule"),
    ("JobSpec", success_policy, "batch: validateSuccessPolicyRule"),
    ("JobSpec", indexed_limits, "batch: validateJobSpec"),
    ("Job", generated_labels, "batch: validateGeneratedSelector"),
    ("CronJobSpec", job_template, "batch: ValidateJobTemplateSpec"),
    ("Job", indexed_job_name, "batch: validateNameAllowsCompletions"),
    ("JobSpec", manual_selector, "batch: validateGeneratedSelector"),
];

fn schedule_and_zone(node: &NodeRef, findings: &mut Findings) {
    if let Some(field) = node.get("schedule")
        && let Some(text) = node.text("schedule")
        && let Err(error) = text.parse::<Schedule>()
    {
        findings.report_with_hint(&field, Problem::invalid("schedule", text), error.hint());
    }
    if let Some(zone) = node.get("timeZone")
        && let Some(text) = zone.as_str()
        && let Err(error) = schedule::zone(text)
    {
        let hint = error
            .hint()
            .unwrap_or_else(|| "expected a time zone's name such as `Europe/London`".to_owned());
        findings.report_with_hint(&zone, Problem::invalid("timeZone", text), hint);
    }
}

/// The longest name of a Job's controller.
const MAX_MANAGER: usize = 63;

fn managed_by(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_MANAGER {
        return Err("at most 63 characters");
    }
    formats::domain_path(text)
}

/// The labels that the server gives to a Job's Pods: its name, and its uid, which no manifest knows.
const NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];
const UID_LABELS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];

fn generated_labels(node: &NodeRef, findings: &mut Findings) {
    let (Some(metadata), Some(spec)) = (node.get("metadata"), node.get("spec")) else {
        return;
    };
    if spec.is_true("manualSelector") {
        return;
    }
    let name = metadata.text("name").unwrap_or_default();
    if let Some(field) = metadata.get("name").filter(|_| formats::label_value(name).is_err()) {
        let expected = "at most 63 characters, since it is a label of the Job's Pods";
        findings.report_invalid(&field, name, expected);
    }
    let template = spec.get("template");
    let metadata = template.as_ref().and_then(|template| template.get("metadata"));
    let labels = metadata.as_ref().and_then(|metadata| metadata.get("labels"));
    for (key, value) in labels.iter().flat_map(NodeRef::entries) {
        let is_other_name = NAME_LABELS.contains(&key) && value.as_str() != Some(name);
        if is_other_name || UID_LABELS.contains(&key) {
            findings.report_conflict(&value, format!("the server sets the label `{key}`"));
        }
    }
}

fn job_template(node: &NodeRef, findings: &mut Findings) {
    let template = node.get("jobTemplate");
    let spec = template.as_ref().and_then(|template| template.get("spec"));
    // The server fills in 1 for a Job, but not in a template.
    if let Some(spec) = &spec
        && spec.text("completionMode") == Some("Indexed")
        && !spec.has("completions")
    {
        let hint = "required by `completionMode: Indexed`";
        findings.report_missing_with_hint(spec, "completions", hint);
    }
    if let Some(manual) = spec.as_ref().and_then(|spec| spec.get("manualSelector"))
        && spec.as_ref().is_some_and(|spec| spec.is_true("manualSelector"))
    {
        findings.report_conflict(&manual, "`manualSelector` is not allowed in a job template");
    }
}

/// Limits of indexed Jobs with very many Pods.
const MAX_PARALLELISM: i64 = 100_000;
const MAX_FAILED_INDEXES: i64 = 100_000;
const MANY_COMPLETIONS: i64 = 100_000;
const MAX_OF_MANY: i64 = 10_000;

fn indexed_limits(node: &NodeRef, findings: &mut Findings) {
    if node.text("completionMode") != Some("Indexed") {
        return;
    }
    let many =
        node.int("completions").unwrap_or(0) > MANY_COMPLETIONS && node.has("backoffLimitPerIndex");
    if many && !node.has("maxFailedIndexes") {
        let hint = "required by more than 100000 `completions`";
        findings.report_missing_with_hint(node, "maxFailedIndexes", hint);
    }
    for (field, most) in
        [("parallelism", MAX_PARALLELISM), ("maxFailedIndexes", MAX_FAILED_INDEXES)]
    {
        let most = if many { MAX_OF_MANY } else { most };
        if let Some(value) = node.get(field)
            && let Some(number) = value.as_int().filter(|&number| number > most)
        {
            findings.report_invalid(&value, &number.to_string(), &format!("at most {most}"));
        }
    }
}

fn success_policy(node: &NodeRef, findings: &mut Findings) {
    if node.text("completionMode") != Some("Indexed") {
        return;
    }
    // The server fills in 1 for absent completions, if there is no parallelism either.
    let completions = node.int("completions").unwrap_or(1);
    let policy = node.get("successPolicy");
    for rule in policy.iter().flat_map(|policy| policy.items_of("rules")) {
        let (count, indexes) = (rule.get("succeededCount"), rule.get("succeededIndexes"));
        if count.is_none() && indexes.is_none() {
            let hint = "expected `succeededCount` or `succeededIndexes`";
            findings.report_missing_with_hint(&rule, "succeededIndexes", hint);
        }
        let mut most = completions;
        if let Some(indexes) = indexes {
            let text = indexes.as_str().unwrap_or_default();
            match count_indexes(text, completions) {
                Some(total) => most = most.min(total),
                None => {
                    let expected =
                        format!("ascending indexes below {completions}, such as `0,2-4`");
                    findings.report_invalid(&indexes, text, &expected);
                }
            }
        }
        if let Some(count) = count
            && let Some(number) = count.as_int().filter(|&number| number > most)
        {
            findings.report_invalid(&count, &number.to_string(), &format!("at most {most}"));
        }
    }
}

/// The most bytes of a list of indexes.
const MAX_INDEXES: usize = 64 << 10;

/// Counts the indexes in a list such as `0,2-4`; `None` if it is not one: `validateIndexesFormat`.
fn count_indexes(text: &str, completions: i64) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    if text.len() > MAX_INDEXES {
        return None;
    }
    let mut total = 0;
    let mut last = -1;
    for part in text.split(',') {
        let (first, end) = match part.split_once('-') {
            Some((first, end)) => (first.parse::<i64>().ok()?, end.parse::<i64>().ok()?),
            None => (part.parse::<i64>().ok()?, part.parse::<i64>().ok()?),
        };
        let is_range = part.contains('-');
        if first <= last || end >= completions || (is_range && first >= end) {
            return None;
        }
        total += end - first + 1;
        last = end;
    }
    Some(total)
}

fn no_template_selector(node: &NodeRef, findings: &mut Findings) {
    let template = node.get("jobTemplate");
    let Some(spec) = template.as_ref().and_then(|template| template.get("spec")) else {
        return;
    };
    if let Some(selector) = spec.get("selector").filter(|_| spec.is_true("manualSelector")) {
        findings.report_conflict(
            &selector,
            "`selector` is not allowed in a job template: the server makes one for each Job",
        );
    }
}

/// The server derives a Job's selector from its uid; a manifest's own needs `manualSelector`.
fn manual_selector(node: &NodeRef, findings: &mut Findings) {
    match (node.is_true("manualSelector"), node.get("selector")) {
        (true, Some(_)) => super::meta::selector_matches_template(node, findings),
        (true, None) => {
            findings.report_missing_with_hint(
                node,
                "selector",
                "required by `manualSelector: true`",
            );
        }
        (false, Some(selector)) => {
            findings.report_conflict(&selector, "`selector` needs `manualSelector: true`")
        }
        (false, None) => {}
    }
}

/// A Job's Pods are not always restarted, since they must be able to finish.
fn restart_policy(node: &NodeRef, findings: &mut Findings) {
    let template = node.get("template");
    let Some(spec) = template.as_ref().and_then(|template| template.get("spec")) else {
        return;
    };
    let expected = "`OnFailure` or `Never` in a Job";
    let Some(policy) = spec.get("restartPolicy").filter(|_| spec.text("restartPolicy").is_some())
    else {
        let hint = format!("expected {expected}");
        return findings.report_missing_with_hint(&spec, "restartPolicy", hint);
    };
    match policy.as_str() {
        Some("Always") => findings.report_invalid(&policy, "Always", expected),
        Some("OnFailure") if node.has("podFailurePolicy") => {
            findings.report_conflict(&policy, "`podFailurePolicy` needs `restartPolicy: Never`");
        }
        _ => {}
    }
}

fn completion_mode(node: &NodeRef, findings: &mut Findings) {
    if node.text("completionMode") == Some("Indexed") {
        // With neither, the server fills in 1 for both: batch/v1 defaults.go.
        if !node.has("completions") && node.has("parallelism") {
            findings.report_missing_with_hint(
                node,
                "completions",
                "required by `completionMode: Indexed`",
            );
        }
    } else {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
            if let Some(node) = node.get(field) {
                findings
                    .report_conflict(&node, format!("`{field}` needs `completionMode: Indexed`"));
            }
        }
    }
    if let Some(max) = node.get("maxFailedIndexes")
        && node.int("completions").zip(max.as_int()).is_some_and(|(all, max)| max > all)
    {
        let message = "`maxFailedIndexes` must be at most `completions`";
        findings.report(&max, Problem::conflict(message));
    }
    if node.has("maxFailedIndexes") && !node.has("backoffLimitPerIndex") {
        findings.report_missing_with_hint(
            node,
            "backoffLimitPerIndex",
            "required by `maxFailedIndexes`",
        );
    }
}

fn pod_failure_policy(node: &NodeRef, findings: &mut Findings) {
    let Some(policy) = node.get("podFailurePolicy") else {
        return;
    };
    if let Some(replacement) = node.get("podReplacementPolicy")
        && replacement.as_str() == Some("TerminatingOrFailed")
    {
        let message = "`podFailurePolicy` needs `podReplacementPolicy: Failed`";
        findings.report_conflict(&replacement, message);
    }
    let template = node.get("template");
    let spec = template.as_ref().and_then(|template| template.get("spec"));
    let names: HashSet<&str> = spec
        .iter()
        .flat_map(all_containers)
        .filter_map(|container| container.text("name"))
        .collect();
    for rule in policy.items_of("rules") {
        let has_conditions = rule.len_of("onPodConditions") > 0;
        if has_conditions == rule.has("onExitCodes") {
            let message = "the rule needs either `onExitCodes` or `onPodConditions`";
            findings.report(&rule, Problem::conflict(message));
        }
        if let Some(action) = rule.get("action")
            && action.as_str() == Some("FailIndex")
            && !node.has("backoffLimitPerIndex")
        {
            findings.report_conflict(&action, "`FailIndex` needs `backoffLimitPerIndex`");
        }
        let Some(codes) = rule.get("onExitCodes") else {
            continue;
        };
        if let Some(name) = codes
            .get("containerName")
            .filter(|node| !node.as_str().is_some_and(|name| names.contains(name)))
        {
            report_not_found("container", &name, findings);
        }
        unique_by(
            codes.items_of("values"),
            "exit code",
            "",
            |code| Some(code.as_int()?.to_string()),
            findings,
        );
        let numbers: Vec<i64> = codes.items_of("values").filter_map(|code| code.as_int()).collect();
        if let Some(values) = codes.get("values").filter(|_| !numbers.is_sorted()) {
            findings.report(&values, Problem::conflict("exit codes must be in ascending order"));
        }
        let zero = codes.items_of("values").find(|code| code.as_int() == Some(0));
        if let Some(zero) = zero.filter(|_| codes.text("operator") == Some("In")) {
            findings.report(&zero, Problem::conflict("exit code 0 is not a failure"));
        }
    }
}

/// An indexed Job's Pods get its name and their index as host name, which must be a DNS label.
fn indexed_job_name(node: &NodeRef, findings: &mut Findings) {
    let (metadata, spec) = (node.get("metadata"), node.get("spec"));
    let indexed = spec.filter(|spec| spec.text("completionMode") == Some("Indexed"));
    let count = indexed.and_then(|spec| spec.int("completions")).filter(|&count| count > 0);
    let name = metadata.as_ref().and_then(|metadata| metadata.get("name"));
    let (Some(count), Some(name)) = (count, name) else {
        return;
    };
    let text = name.as_str().unwrap_or_default();
    if !text.is_empty() && formats::dns_label(&format!("{text}-{}", count - 1)).is_err() {
        findings.report_invalid(
            &name,
            text,
            "a name that is a DNS label with `-` and the last index added",
        );
    }
}
