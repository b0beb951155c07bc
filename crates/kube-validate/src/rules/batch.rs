//! Jobs and CronJobs.

use std::collections::HashSet;

use super::container::{all_containers, report_not_found};
use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by,
};
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
        ("managedBy", Rule::Strictly(formats::domain_path)),
    ]),
    type_rules("PodFailurePolicy", "batch: validatePodFailurePolicy", &[
        ("rules", Rule::AtMost(20)),
    ]),
    type_rules("PodFailurePolicyRule", "batch: validatePodFailurePolicyRule", &[
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
    let template = node.get("template");
    let spec = template.as_ref().and_then(|template| template.get("spec"));
    let names: HashSet<&str> = spec
        .iter()
        .flat_map(all_containers)
        .filter_map(|container| container.text("name"))
        .collect();
    for rule in policy.items_of("rules") {
        exactly_one(&rule, &["onExitCodes", "onPodConditions"], "condition of the rule", findings);
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
