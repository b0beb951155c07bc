//! Runs the checks: in, requirements and the programs to ask; out, a verdict for each.
//!
//! Nothing is created or changed. A check that could not be done is neither passed nor failed.

use std::collections::BTreeMap;
use std::io;

use kube_formats::quantity::Quantity;
use serde::Serialize;
use serde_json::Value;
use vram_gate::count::find_count;
use vram_gate::exposition;
use yaml_spans::source::{Source, Sources};

use super::Requirement;
use super::check::{Check, Demand, Expected};
use crate::kubectl::{Answer, NotReached};
use crate::policy::{self, Tenant, Verdict as PolicyVerdict};
use crate::values::Bytes;

/// The programs and servers that checks ask.
pub trait Cluster {
    /// Calls `kubectl`.
    ///
    /// # Errors
    /// It can't be called.
    fn kubectl(&mut self, arguments: &[String]) -> io::Result<Answer>;

    /// Looks for an image in its registry.
    fn image(&mut self, reference: &str) -> Finding;
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The requirement is met.
    Ok,
    /// It is not.
    Failed,
    /// It could not be checked.
    Unknown,
}

impl Status {
    /// The status in one word.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
        }
    }
}

/// A status, and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The status.
    pub status: Status,
    /// The reason, in one line; may be empty.
    pub detail: String,
}

impl Finding {
    /// A requirement that is met.
    pub fn ok(detail: impl Into<String>) -> Self {
        Finding { status: Status::Ok, detail: detail.into() }
    }

    /// A requirement that is not met.
    pub fn failed(detail: impl Into<String>) -> Self {
        Finding { status: Status::Failed, detail: detail.into() }
    }

    /// A requirement that could not be checked.
    pub fn unknown(detail: impl Into<String>) -> Self {
        Finding { status: Status::Unknown, detail: detail.into() }
    }
}

/// A requirement with its finding.
#[derive(Debug, Serialize)]
pub struct Checked<'a> {
    /// The requirement.
    #[serde(flatten)]
    pub requirement: &'a Requirement,
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
}

/// The reason why no check was run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The program is missing.
    #[error("`kubectl` can't be started: {0}")]
    NotStarted(io::Error),
    /// No API server answers.
    #[error(transparent)]
    NotReached(#[from] NotReached),
}

/// The call that any cluster answers.
const VERSION: [&str; 3] = ["get", "--raw", "/version"];

/// Runs every check. A call that several requirements share is made once.
///
/// # Errors
/// `kubectl` can't be started, or reaches no API server.
pub fn run_checks<'a>(
    requirements: &'a [Requirement],
    cluster: &mut dyn Cluster,
) -> Result<Vec<Checked<'a>>, RunError> {
    let version = VERSION.map(str::to_owned);
    let answer = cluster.kubectl(&version).map_err(RunError::NotStarted)?;
    if !answer.succeeded {
        return Err(NotReached(answer.reason().to_owned()).into());
    }
    let mut answers = BTreeMap::from([(version.to_vec(), Ok(answer))]);
    let mut images: BTreeMap<&str, Finding> = BTreeMap::new();
    let mut checked = Vec::new();
    for requirement in requirements {
        let finding = match &requirement.check {
            Check::Kubectl { arguments, expected } => {
                let answer = answers.entry(arguments.clone()).or_insert_with(|| {
                    cluster.kubectl(arguments).map_err(|error| error.to_string())
                });
                match answer {
                    Ok(answer) => judge(answer, expected),
                    Err(error) => Finding::unknown(format!("`kubectl` can't be called: {error}")),
                }
            }
            Check::Image { image, secrets } => {
                let found = images.entry(image).or_insert_with(|| cluster.image(image)).clone();
                with_pull(found, secrets)
            }
            Check::Pod { .. } => Finding::unknown(
                "only a Pod can check it, and this command creates none: run the command yourself",
            ),
        };
        checked.push(Checked { requirement, finding });
    }
    Ok(checked)
}

/// Adds what the look into the registry does not show.
fn with_pull(found: Finding, secrets: &[String]) -> Finding {
    let login = match secrets.join(", ") {
        names if names.is_empty() => "without a Secret".to_owned(),
        names => format!("with {names}"),
    };
    let separator = if found.detail.is_empty() { "" } else { "; " };
    let detail = format!("{}{separator}not checked: a node's own pull of it {login}", found.detail);
    Finding { detail, ..found }
}

/// Judges an answer.
fn judge(answer: &Answer, expected: &Expected) -> Finding {
    if !answer.succeeded {
        return judge_failure(answer, expected);
    }
    let output = answer.output.trim();
    match expected {
        Expected::Success => Finding::ok(""),
        Expected::Output if output.is_empty() => Finding::failed("there is none"),
        Expected::Output => Finding::ok(short_list(output)),
        Expected::Text(text) if output.contains(text) => Finding::ok(""),
        Expected::Text(text) => Finding::failed(format!("`{text}` is missing in it")),
        Expected::MinorVersion(least) => judge_version(output, *least),
        Expected::Amount => {
            let offering: Vec<&str> = output.lines().filter(|line| has_amount(line)).collect();
            match offering.is_empty() {
                true => Finding::failed("no node offers any"),
                false => Finding::ok(short_list(&offering.join("\n"))),
            }
        }
        Expected::AtLeast => judge_values(output),
        Expected::KyvernoBefore120 => judge_kyverno(output),
        Expected::Image { program, least, is_required } => {
            judge_images(output, program, *least, *is_required)
        }
        Expected::PolicyExcludes { namespace, priority_class, resource, controller } => {
            let priority_class = priority_class.as_deref();
            let controller = Some(controller.as_str());
            let tenant = Tenant { namespace, priority_class, resource, controller };
            judge_policy(&answer.output, &tenant)
        }
        Expected::Quota { demands, kept_jobs, .. } => judge_quota(output, demands, *kept_jobs),
        Expected::Count(number) => match find_count(answer.output.as_bytes(), number, None) {
            Ok(count) => Finding::ok(format!("the number is {count}")),
            Err(error) => Finding::failed(error),
        },
        Expected::Exposition { query: None, .. } if output.is_empty() => {
            Finding::failed("the answer is empty")
        }
        Expected::Exposition { query: None, .. } => {
            Finding::unknown("it answers; the gate's settings are known in the cluster only")
        }
        Expected::Exposition { query: Some(query), .. } => {
            match exposition::parse(answer.output.as_bytes(), query) {
                Ok(usage) if usage.series == 0 => {
                    Finding::failed("it answers without such a series")
                }
                Ok(usage) => {
                    let used = format_memory(usage.everyone());
                    let of = usage.total.map(|total| format!(" of {}", format_memory(total)));
                    Finding::ok(format!("{used}{} in use", of.unwrap_or_default()))
                }
                Err(error) => Finding::failed(format!("the gate can't read it: {error}")),
            }
        }
    }
}

/// Tells a thing that is missing from one that can't be read.
fn judge_failure(answer: &Answer, expected: &Expected) -> Finding {
    let error = answer.reason();
    let has = |reasons: &[&str]| reasons.iter().any(|reason| error.contains(reason));
    let is_missing = has(&["(NotFound)", "not found", "doesn't have a resource type"]);
    // The API server passes the request on: these are answers of the Service.
    let is_proxied =
        matches!(expected, Expected::Exposition { .. } | Expected::Count(_) | Expected::Text(_));
    let is_dead = is_proxied
        && has(&["(ServiceUnavailable)", "(InternalError)", "no endpoints", "could not find"]);
    match is_missing || is_dead {
        true => Finding::failed(error),
        false => Finding::unknown(error),
    }
}

fn judge_version(output: &str, least: u32) -> Finding {
    let version: Option<Value> = serde_json::from_str(output).ok();
    let field = |key: &str| Some(version.as_ref()?.get(key)?.as_str()?.to_owned());
    let minor = field("minor")
        .map(|text| -> String { text.chars().take_while(char::is_ascii_digit).collect() })
        .and_then(|text| text.parse::<u32>().ok());
    let shown = field("gitVersion").unwrap_or_default();
    match minor {
        Some(minor) if minor >= least => Finding::ok(shown),
        Some(_) => Finding::failed(format!("the API server has {shown}")),
        None => Finding::unknown("the API server does not tell its version"),
    }
}

/// Returns true for a node's line whose amount is not zero.
fn has_amount(line: &str) -> bool {
    let amount = line.split_whitespace().nth(1);
    amount.and_then(Quantity::parse).is_some_and(|amount| !amount.is_zero())
}

fn judge_values(output: &str) -> Finding {
    let numbers: Vec<i64> =
        output.split_whitespace().filter_map(|text| text.parse().ok()).collect();
    match numbers.as_slice() {
        [first, second] if first >= second => Finding::ok(format!("{first} and {second}")),
        [first, second] => Finding::failed(format!("{first} is less than {second}")),
        _ => Finding::unknown("the classes' values can't be read"),
    }
}

/// The major and the minor version in an image's tag.
fn image_version(image: &str) -> Option<(u32, u32)> {
    let (_, tag) = image.split('@').next()?.rsplit_once(':')?;
    let mut parts = tag.trim_start_matches('v').split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn judge_kyverno(output: &str) -> Finding {
    let versions = output.split_whitespace().filter_map(image_version);
    let newest = versions.filter(|(major, _)| *major == 1).map(|(_, minor)| minor).max();
    match newest {
        None if output.is_empty() => Finding::failed("there is no Deployment in `kyverno`"),
        None => Finding::unknown("the images' tags show no version"),
        Some(minor) if minor < 20 => Finding::ok(format!("1.{minor}")),
        Some(minor) => Finding::failed(format!("it is 1.{minor}")),
    }
}

/// Judges the versions of a program's images: the oldest decides.
fn judge_images(output: &str, program: &str, least: (u32, u32), is_required: bool) -> Finding {
    let images: Vec<&str> = output
        .split_whitespace()
        .filter(|image| {
            let name =
                image.split('@').next().and_then(|name| name.rsplit('/').next()).unwrap_or("");
            name.split(':').next() == Some(program)
        })
        .collect();
    let oldest = images.iter().filter_map(|image| image_version(image)).min();
    match oldest {
        None if output.trim().is_empty() && !is_required => Finding::ok("it is not in the cluster"),
        None if images.is_empty() => {
            Finding::unknown(format!("no workload with its label runs an image `{program}`"))
        }
        None => Finding::unknown("the images' tags show no version"),
        Some((major, minor)) if (major, minor) >= least => Finding::ok(format!("{major}.{minor}")),
        Some((major, minor)) => Finding::failed(format!("it is {major}.{minor}")),
    }
}

/// Judges a policy in the cluster by the evaluation that `lint` uses.
fn judge_policy(text: &str, tenant: &Tenant<'_>) -> Finding {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("the cluster's policy", text));
    let Ok(policies) = policy::show_policies(&sources, source, Some(tenant)) else {
        return Finding::unknown("the policy can't be read");
    };
    let rules = policies.iter().flat_map(|policy| &policy.rules);
    let worst = rules
        .filter_map(|rule| Some((rule.verdict?, rule.effect.as_deref())))
        .max_by_key(|(verdict, _)| *verdict);
    match worst {
        Some((PolicyVerdict::Changes, effect)) => {
            Finding::failed(format!("in the cluster, the Pods get {}", effect.unwrap_or_default()))
        }
        Some((PolicyVerdict::MayChange, effect)) => Finding::unknown(effect.unwrap_or_default()),
        Some((PolicyVerdict::Keeps, _)) | None => Finding::ok("it excludes the namespace"),
    }
}

/// Judges the quotas of a namespace. A quota also counts Pods that run now, perhaps these very ones.
fn judge_quota(output: &str, demands: &[Demand], kept_jobs: usize) -> Finding {
    let Ok(list) = serde_json::from_str::<Value>(output) else {
        return Finding::unknown("the quotas can't be read");
    };
    let quotas = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if quotas.is_empty() {
        return Finding::ok("there is no quota yet");
    }
    let mut full = None;
    for quota in quotas {
        let name = quota.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        if quota.pointer("/spec/scopes").or(quota.pointer("/spec/scopeSelector")).is_some() {
            full.get_or_insert(format!("`{name}` counts only some Pods"));
            continue;
        }
        let limits = quota.pointer("/status/hard").or(quota.pointer("/spec/hard"));
        for (key, hard) in limits.and_then(Value::as_object).into_iter().flatten() {
            let Some(hard) = hard.as_str() else { continue };
            let used = quota.pointer("/status/used").and_then(|used| used.get(key)?.as_str());
            let used = used.unwrap_or("0");
            if ["count/jobs.batch", "count/pods"].contains(&key.as_str())
                && exceeds(&kept_jobs.to_string(), "0", hard)
            {
                return Finding::failed(format!(
                    "`{name}` allows {key} {hard}: the gate's finished Jobs need {kept_jobs}"
                ));
            }
            for Demand { owner, amounts } in demands {
                match amount_of(amounts, key) {
                    Some(amount) if exceeds(&amount, "0", hard) => {
                        return Finding::failed(format!(
                            "`{name}` allows {key} {hard}: {owner} needs {amount}"
                        ));
                    }
                    Some(amount) if exceeds(&amount, used, hard) => {
                        full.get_or_insert(format!(
                            "`{name}` has {key} {used} of {hard} in use, perhaps by these Pods: {owner} needs {amount}"
                        ));
                    }
                    None if must_be_written(key) => {
                        full.get_or_insert(format!(
                            "`{name}` counts {key}, and {owner} has none: without a default of a LimitRange it is rejected"
                        ));
                    }
                    _ => {}
                }
            }
        }
    }
    match full {
        Some(detail) => Finding::unknown(detail),
        None => Finding::ok("each Pod fits"),
    }
}

/// The amounts that a quota's key counts, with ` + ` between those of several containers; `cpu` and
/// `memory` are requests.
fn amount_of(amounts: &[(String, String)], key: &str) -> Option<String> {
    if key == "pods" || key == "count/pods" {
        return Some("1".to_owned());
    }
    let key =
        if ["cpu", "memory"].contains(&key) { format!("requests.{key}") } else { key.to_owned() };
    let of = |key: &str| {
        let amounts = amounts.iter().filter(|(name, _)| name == key);
        let amounts: Vec<&str> = amounts.map(|(_, amount)| amount.as_str()).collect();
        (!amounts.is_empty()).then(|| amounts.join(" + "))
    };
    // A limit is the request, too, where none is written.
    of(&key).or_else(|| of(&key.replacen("requests.", "limits.", 1)))
}

/// Returns true for the amounts that every Pod must have where a quota counts them.
fn must_be_written(key: &str) -> bool {
    ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]
        .contains(&key)
}

fn exceeds(amount: &str, used: &str, hard: &str) -> bool {
    let of = |text: &str| -> Option<f64> {
        text.split(" + ").map(|part| Some(Quantity::parse(part)?.approximate())).sum()
    };
    match (of(amount), of(used), of(hard)) {
        (Some(amount), Some(used), Some(hard)) => amount + used > hard,
        _ => false,
    }
}

/// An amount of memory in mebibytes, as exporters and `nvidia-smi` count it.
fn format_memory(bytes: u64) -> String {
    Bytes::new(bytes >> 20 << 20).to_string()
}

/// The first items of a list, in one line.
fn short_list(lines: &str) -> String {
    const MOST: usize = 3;
    let all: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let shown = all.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(hard: &str, used: &str) -> String {
        format!(
            r#"{{"items": [{{"metadata": {{"name": "q"}}, "status": {{"hard": {hard}, "used": {used}}}}}]}}"#
        )
    }

    #[test]
    fn quotas_are_compared_with_each_pod() {
        let amounts =
            [("requests.memory", "2Gi"), ("limits.memory", "8Gi"), ("requests.memory", "1Gi")];
        let amounts = amounts.map(|(name, amount)| (name.to_owned(), amount.to_owned())).to_vec();
        let demands = [Demand { owner: "Deployment a/b".to_owned(), amounts }];
        for (hard, used, status) in [
            (r#"{"memory": "4Gi", "pods": "4"}"#, r#"{"memory": "1Gi"}"#, Status::Ok),
            (r#"{"requests.memory": "1Gi"}"#, "{}", Status::Failed),
            (r#"{"limits.memory": "8Gi"}"#, r#"{"limits.memory": "128Mi"}"#, Status::Unknown),
            (r#"{"limits.cpu": "2"}"#, "{}", Status::Unknown),
            (r#"{"pods": "0"}"#, "{}", Status::Failed),
            (r#"{"requests.nvidia.com/gpu": "0"}"#, "{}", Status::Ok),
            (r#"{"requests.memory": "2500Mi"}"#, "{}", Status::Failed),
            (r#"{"count/jobs.batch": "59"}"#, r#"{"count/jobs.batch": "9"}"#, Status::Failed),
            (r#"{"count/pods": "59"}"#, "{}", Status::Failed),
            (r#"{"count/jobs.batch": "60", "pods": "4"}"#, "{}", Status::Ok),
        ] {
            let finding = judge_quota(&quota(hard, used), &demands, 60);
            assert_eq!(finding.status, status, "{hard}: {}", finding.detail);
        }
        assert_eq!(judge_quota(r#"{"items": []}"#, &demands, 60).status, Status::Ok);
        assert_eq!(judge_quota("", &demands, 60).status, Status::Unknown);
    }

    #[test]
    fn versions_are_read_off_the_answer() {
        for (minor, status) in
            [("27", Status::Ok), ("31+", Status::Ok), ("26", Status::Failed), ("", Status::Unknown)]
        {
            let output = format!(r#"{{"major": "1", "minor": "{minor}", "gitVersion": "v1"}}"#);
            assert_eq!(judge_version(&output, 27).status, status, "{minor}");
        }
        for (images, status) in [
            ("reg.kyverno.io/kyverno/kyverno:v1.18.2\nreg.kyverno.io/x:v1.18.2", Status::Ok),
            ("kyverno:1.20.0-rc.1", Status::Failed),
            ("kyverno:latest", Status::Unknown),
            ("", Status::Failed),
        ] {
            assert_eq!(judge_kyverno(images).status, status, "{images}");
        }
    }

    #[test]
    fn the_oldest_image_decides() {
        for (images, status) in [
            ("registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.15.0", Status::Ok),
            ("k/kube-state-metrics:v2.18.0@sha256:0f1e k/kube-rbac-proxy:v0.1.0", Status::Ok),
            ("kube-state-metrics:3.0.1", Status::Ok),
            ("kube-state-metrics:v2.14.0\nkube-state-metrics:v2.15.0", Status::Failed),
            ("kube-state-metrics:latest", Status::Unknown),
            ("proxy:v9.9", Status::Unknown),
            ("", Status::Unknown),
        ] {
            let finding = judge_images(images, "kube-state-metrics", (2, 15), true);
            assert_eq!(finding.status, status, "{images}");
        }
    }

    #[test]
    fn a_missing_thing_differs_from_one_that_cant_be_read() {
        for (errors, status) in [
            ("Error from server (NotFound): secrets \"a\" not found", Status::Failed),
            ("error: the server doesn't have a resource type \"x\"", Status::Failed),
            ("Error from server (Forbidden): secrets is forbidden", Status::Unknown),
            ("Unable to connect to the server: dial tcp: i/o timeout", Status::Unknown),
            ("", Status::Unknown),
        ] {
            let answer =
                Answer { succeeded: false, output: String::new(), errors: errors.to_owned() };
            assert_eq!(judge(&answer, &Expected::Success).status, status, "{errors}");
        }
    }

    #[test]
    fn amounts_and_values_are_compared_as_numbers() {
        let answer = |output: &str| Answer {
            succeeded: true,
            output: output.to_owned(),
            errors: String::new(),
        };
        let status = |output: &str, expected: &Expected| judge(&answer(output), expected).status;
        assert_eq!(status("a 0\nb 2\n", &Expected::Amount), Status::Ok);
        assert_eq!(status("a 0\nb \n", &Expected::Amount), Status::Failed);
        assert_eq!(status("1200 900\n", &Expected::AtLeast), Status::Ok);
        assert_eq!(status("900 1200\n", &Expected::AtLeast), Status::Failed);
        assert_eq!(status("\n", &Expected::Output), Status::Failed);
    }
}
