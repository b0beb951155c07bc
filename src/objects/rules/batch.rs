//! Jobs and CronJobs.

use super::{At, Check, CheckRow, Found, Row, Rule, malformed, row, schedule};
use crate::objects::error::Problem;
use crate::objects::formats;

const COUNT: Rule = Rule::Range(0, i64::MAX);

pub const ROWS: &[Row] = &[
    row("CronJobSpec", "schedule", Rule::Required, "batch: validateCronJobSpec"),
    row("CronJobSpec", "startingDeadlineSeconds", COUNT, "batch: validateCronJobSpec"),
    row("CronJobSpec", "successfulJobsHistoryLimit", COUNT, "batch: validateCronJobSpec"),
    row("CronJobSpec", "failedJobsHistoryLimit", COUNT, "batch: validateCronJobSpec"),
    row(
        "CronJobSpec",
        "concurrencyPolicy",
        Rule::OneOf(&["Allow", "Forbid", "Replace"]),
        "batch: validateConcurrencyPolicy",
    ),
    row("JobSpec", "parallelism", COUNT, "batch: validateJobSpec"),
    row("JobSpec", "completions", COUNT, "batch: validateJobSpec"),
    row("JobSpec", "activeDeadlineSeconds", Rule::Range(0, i64::MAX), "batch: validateJobSpec"),
    row("JobSpec", "backoffLimit", COUNT, "batch: validateJobSpec"),
    row("JobSpec", "backoffLimitPerIndex", COUNT, "batch: validateJobSpec"),
    row("JobSpec", "maxFailedIndexes", COUNT, "batch: validateJobSpec"),
    row("JobSpec", "ttlSecondsAfterFinished", COUNT, "batch: validateJobSpec"),
    row(
        "JobSpec",
        "completionMode",
        Rule::Exactly(&["NonIndexed", "Indexed"]),
        "batch: validateJobSpec",
    ),
    row(
        "JobSpec",
        "podReplacementPolicy",
        Rule::Exactly(&["Failed", "TerminatingOrFailed"]),
        "batch: validatePodReplacementPolicy",
    ),
    row("JobSpec", "managedBy", Rule::Strictly(formats::domain_path), "batch: validateJobSpec"),
    row("PodFailurePolicy", "rules", Rule::AtMost(20), "batch: validatePodFailurePolicy"),
    row(
        "PodFailurePolicyRule",
        "action",
        Rule::Exactly(&["Count", "FailIndex", "FailJob", "Ignore"]),
        "batch: validatePodFailurePolicyRule",
    ),
    row(
        "PodFailurePolicyOnExitCodesRequirement",
        "operator",
        Rule::Exactly(&["In", "NotIn"]),
        "batch: validatePodFailurePolicyRuleOnExitCodes",
    ),
    row(
        "PodFailurePolicyOnExitCodesRequirement",
        "values",
        Rule::Required,
        "batch: validatePodFailurePolicyRuleOnExitCodes",
    ),
    row(
        "PodFailurePolicyOnExitCodesRequirement",
        "values",
        Rule::AtMost(255),
        "batch: validatePodFailurePolicyRuleOnExitCodes",
    ),
    row(
        "PodFailurePolicyOnPodConditionsPattern",
        "status",
        Rule::OneOf(&["True", "False", "Unknown"]),
        "batch: validatePodFailurePolicyRuleOnPodConditions",
    ),
    row(
        "PodFailurePolicyOnPodConditionsPattern",
        "type",
        Rule::Strictly(formats::qualified),
        "batch: validatePodFailurePolicyRuleOnPodConditions",
    ),
];

pub const CHECKS: &[CheckRow] = &[
    ("CronJobSpec", times as Check, "batch: validateScheduleFormat, validateTimeZone"),
    ("CronJobSpec", no_selector, "batch: validateJobTemplateSpec"),
    ("JobSpec", ends, "batch: validateJobSpec"),
    ("JobSpec", indexed, "batch: validateJobSpec"),
    ("JobSpec", own_selector, "batch: validateGeneratedSelector"),
];

fn times(at: &At, found: &mut Found) {
    if let Some(schedule) = at.get("schedule")
        && let Some(text) = at.text("schedule")
        && let Err(right) = schedule::check(text)
    {
        malformed(text, &right, &schedule, found);
    }
    if let Some(zone) = at.get("timeZone")
        && let Some(text) = zone.node.as_str()
        && !schedule::is_time_zone(text)
    {
        malformed(text, "the name of a time zone such as `Europe/London`", &zone, found);
    }
}

fn no_selector(at: &At, found: &mut Found) {
    let template = at.get("jobTemplate");
    let Some(spec) = template.as_ref().and_then(|template| template.get("spec")) else {
        return;
    };
    if let Some(selector) = spec.get("selector") {
        found.conflict(
            &selector,
            "`selector` can't stand in a job template: it is made for each Job",
        );
    }
}

/// The server makes a Job's selector from its uid, so a written one can match only by `manualSelector`.
fn own_selector(at: &At, found: &mut Found) {
    if at.is_true("manualSelector") {
        match at.has("selector") {
            true => super::meta::selects_template(at, found),
            false => {
                found.missing(at, "selector", Some("`manualSelector: true` needs it".to_owned()))
            }
        }
    }
}

/// Pods of a Job end, so they are not restarted whatever happens.
fn ends(at: &At, found: &mut Found) {
    let template = at.get("template");
    let Some(spec) = template.as_ref().and_then(|template| template.get("spec")) else {
        return;
    };
    let hint = "must be `OnFailure` or `Never`";
    match spec.text("restartPolicy") {
        None => found.missing(&spec, "restartPolicy", Some(hint.to_owned())),
        Some("Always") => {
            if let Some(policy) = spec.get("restartPolicy") {
                let problem =
                    Problem::Conflict("pods of a Job can't always be restarted".to_owned());
                found.value_hint(&policy, problem, hint);
            }
        }
        Some("OnFailure") if at.has("podFailurePolicy") => {
            if let Some(policy) = spec.get("restartPolicy") {
                found.conflict(&policy, "`podFailurePolicy` needs `restartPolicy: Never`");
            }
        }
        Some(_) => {}
    }
}

fn indexed(at: &At, found: &mut Found) {
    if at.text("completionMode") == Some("Indexed") {
        if !at.has("completions") {
            found.missing(at, "completions", Some("`completionMode: Indexed` needs it".to_owned()));
        }
    } else {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
            if let Some(at) = at.get(field) {
                found.conflict(&at, format!("`{field}` needs `completionMode: Indexed`"));
            }
        }
    }
    if at.has("maxFailedIndexes") && !at.has("backoffLimitPerIndex") {
        found.missing(at, "backoffLimitPerIndex", Some("`maxFailedIndexes` needs it".to_owned()));
    }
}
