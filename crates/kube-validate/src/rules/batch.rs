//! Jobs and CronJobs.

use std::collections::HashSet;

use super::container::not_found;
use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, malformed, of, unique};
use crate::error::Problem;
use crate::formats;
use crate::schedule::{self, Schedule};
use yaml_spans::shorten;

const COUNT: Rule = Rule::Range(0, i64::MAX);

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("CronJob", "batch: validateCronJobSpec", &[
        ("spec", Rule::Required),
    ]),
    of("Job", "batch: validateJobSpec", &[
        ("spec", Rule::Required),
    ]),
    of("JobTemplateSpec", "batch: ValidateJobTemplateSpec", &[
        ("spec", Rule::Required),
    ]),
    of("CronJobSpec", "batch: validateCronJobSpec, validateConcurrencyPolicy", &[
        ("schedule", Rule::Required),
        ("startingDeadlineSeconds", COUNT),
        ("successfulJobsHistoryLimit", COUNT),
        ("failedJobsHistoryLimit", COUNT),
        ("concurrencyPolicy", Rule::OneOf(&["Allow", "Forbid", "Replace"])),
    ]),
    of("JobSpec", "batch: validateJobSpec, validatePodReplacementPolicy", &[
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
    of("PodFailurePolicy", "batch: validatePodFailurePolicy", &[
        ("rules", Rule::AtMost(20)),
    ]),
    of("PodFailurePolicyRule", "batch: validatePodFailurePolicyRule", &[
        ("action", Rule::Exactly(&["Count", "FailIndex", "FailJob", "Ignore"])),
    ]),
    of("PodFailurePolicyOnExitCodesRequirement", "batch: validatePodFailurePolicyRuleOnExitCodes", &[
        ("operator", Rule::Exactly(&["In", "NotIn"])),
        ("values", Rule::Required),
        ("values", Rule::AtMost(255)),
    ]),
    of("PodFailurePolicyOnPodConditionsPattern", "batch: validatePodFailurePolicyRuleOnPodConditions", &[
        ("status", Rule::OneOf(&["True", "False", "Unknown"])),
        ("type", Rule::Strictly(formats::qualified)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("CronJobSpec", times as Check, "batch: validateScheduleFormat, validateTimeZone"),
    ("CronJobSpec", no_selector, "batch: validateJobTemplateSpec"),
    ("JobSpec", ends, "batch: validateJobSpec"),
    ("JobSpec", indexed, "batch: validateJobSpec"),
    ("JobSpec", failure_policy, "batch: validatePodFailurePolicyRule"),
    ("Job", indexed_name, "batch: validateNameAllowsCompletions"),
    ("JobSpec", own_selector, "batch: validateGeneratedSelector"),
];

fn times(at: &At, found: &mut Found) {
    if let Some(field) = at.get("schedule")
        && let Some(text) = at.text("schedule")
        && let Err(error) = text.parse::<Schedule>()
    {
        let problem = Problem::Malformed { value: shorten(text), field: "schedule".to_owned() };
        found.value_hint(&field, problem, error.hint());
    }
    if let Some(zone) = at.get("timeZone")
        && let Some(text) = zone.node.as_str()
        && schedule::zone(text).is_err()
    {
        malformed(text, "the name of a time zone such as `Europe/London`", &zone, found);
    }
}

fn no_selector(at: &At, found: &mut Found) {
    let template = at.get("jobTemplate");
    let Some(spec) = template.as_ref().and_then(|template| template.get("spec")) else {
        return;
    };
    if let Some(selector) = spec.get("selector").filter(|_| spec.is_true("manualSelector")) {
        found.conflict(
            &selector,
            "`selector` can't stand in a job template: it is made for each Job",
        );
    }
}

/// The server makes a Job's selector from its uid: a written one needs `manualSelector`.
fn own_selector(at: &At, found: &mut Found) {
    match (at.is_true("manualSelector"), at.get("selector")) {
        (true, Some(_)) => super::meta::selects_template(at, found),
        (true, None) => {
            found.missing(at, "selector", Some("`manualSelector: true` needs it".to_owned()));
        }
        (false, Some(selector)) => {
            found.conflict(&selector, "`selector` needs `manualSelector: true`")
        }
        (false, None) => {}
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
        // 1 is what the server fills in where neither is there: batch/v1 defaults.go.
        if !at.has("completions") && at.has("parallelism") {
            found.missing(at, "completions", Some("`completionMode: Indexed` needs it".to_owned()));
        }
    } else {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
            if let Some(at) = at.get(field) {
                found.conflict(&at, format!("`{field}` needs `completionMode: Indexed`"));
            }
        }
    }
    if let Some(most) = at.get("maxFailedIndexes")
        && at.int("completions").zip(most.node.as_int()).is_some_and(|(all, most)| most > all)
    {
        found.value(
            &most,
            Problem::Conflict("`maxFailedIndexes` is above `completions`".to_owned()),
        );
    }
    if at.has("maxFailedIndexes") && !at.has("backoffLimitPerIndex") {
        found.missing(at, "backoffLimitPerIndex", Some("`maxFailedIndexes` needs it".to_owned()));
    }
}

fn failure_policy(at: &At, found: &mut Found) {
    let Some(policy) = at.get("podFailurePolicy") else {
        return;
    };
    let template = at.get("template");
    let spec = template.as_ref().and_then(|template| template.get("spec"));
    let of = |list| spec.iter().flat_map(move |spec| spec.list(list));
    let names: HashSet<&str> = of("containers")
        .chain(of("initContainers"))
        .filter_map(|container| container.text("name"))
        .collect();
    for rule in policy.list("rules") {
        exactly_one(&rule, &["onExitCodes", "onPodConditions"], "condition of the rule", found);
        let Some(codes) = rule.get("onExitCodes") else {
            continue;
        };
        if let Some(name) = codes
            .get("containerName")
            .filter(|at| !at.node.as_str().is_some_and(|name| names.contains(name)))
        {
            not_found("container", &name, found);
        }
        unique(
            codes.list("values"),
            "exit code",
            "",
            |code| Some(code.node.as_int()?.to_string()),
            found,
        );
        let zero = codes.list("values").find(|code| code.node.as_int() == Some(0));
        if let Some(zero) = zero.filter(|_| codes.text("operator") == Some("In")) {
            found.value(&zero, Problem::Conflict("exit code 0 is no failure".to_owned()));
        }
    }
}

/// Pods of an indexed Job are called by it and their index, which must be a host name.
fn indexed_name(at: &At, found: &mut Found) {
    let (metadata, spec) = (at.get("metadata"), at.get("spec"));
    let indexed = spec.filter(|spec| spec.text("completionMode") == Some("Indexed"));
    let count = indexed.and_then(|spec| spec.int("completions")).filter(|&count| count > 0);
    let name = metadata.as_ref().and_then(|metadata| metadata.get("name"));
    let (Some(count), Some(name)) = (count, name) else {
        return;
    };
    let text = name.node.as_str().unwrap_or_default();
    if !text.is_empty() && formats::label(&format!("{text}-{}", count - 1)).is_err() {
        malformed(text, "a DNS label once `-` and the last index are added", &name, found);
    }
}
