//! The custom resources that this project writes or edits: `objects::custom` has their types.

use super::{At, Check, CheckRow, Found, Row, Rule, exactly_one, row};
use crate::objects::formats;

const FAILURE: Rule = Rule::OneOf(&["Ignore", "Fail"]);
const OPERATIONS: Rule = Rule::Exactly(&["CREATE", "UPDATE", "CONNECT", "DELETE"]);
const POINTER: Rule = Rule::Strictly(pointer);
const DURATION: Rule = Rule::Strictly(duration);

pub const ROWS: &[Row] = &[
    row("PolicySpec", "rules", Rule::Required, "kyverno api/kyverno/v1: Spec"),
    row(
        "PolicySpec",
        "applyRules",
        Rule::OneOf(&["All", "One"]),
        "kyverno api/kyverno/v1: ApplyRulesType",
    ),
    row("PolicySpec", "failurePolicy", FAILURE, "kyverno api/kyverno/v1: FailurePolicyType"),
    row(
        "PolicySpec",
        "validationFailureAction",
        Rule::OneOf(&["audit", "enforce", "Audit", "Enforce"]),
        "kyverno api/kyverno/v1: ValidationFailureAction",
    ),
    row("PolicySpec", "webhookTimeoutSeconds", Rule::Range(1, 30), "kyverno api/kyverno/v1: Spec"),
    row(
        "KyvernoRule",
        "name",
        Rule::Required,
        "kyverno api/kyverno/v1: Rule (at most 63 characters)",
    ),
    row("KyvernoRule", "name", Rule::Form(rule_name), "kyverno api/kyverno/v1: Rule"),
    row("KyvernoResources", "operations", OPERATIONS, "kyverno api/kyverno/v1: AdmissionOperation"),
    row(
        "ExceptionSpec",
        "exceptions",
        Rule::Required,
        "kyverno api/kyverno/v2: PolicyExceptionSpec",
    ),
    row("ExceptedRules", "policyName", Rule::Required, "kyverno api/kyverno/v2: Exception"),
    row("ExceptedRules", "ruleNames", Rule::Required, "kyverno api/kyverno/v2: Exception"),
    row(
        "ReferringExceptionSpec",
        "policyRefs",
        Rule::Required,
        "kyverno api/policies.kyverno.io/v1: PolicyExceptionSpec",
    ),
    row("ExceptedPolicy", "name", Rule::Required, "kyverno api/policies.kyverno.io/v1: PolicyRef"),
    row("ExceptedPolicy", "kind", Rule::Required, "kyverno api/policies.kyverno.io/v1: PolicyRef"),
    row(
        "MutatingSpec",
        "failurePolicy",
        FAILURE,
        "kyverno api/policies.kyverno.io/v1: MutatingPolicySpec",
    ),
    row(
        "MutatingSpec",
        "mutations",
        Rule::Required,
        "kyverno api/policies.kyverno.io/v1: MutatingPolicySpec",
    ),
    row(
        "Mutation",
        "patchType",
        Rule::Exactly(&["ApplyConfiguration", "JSONPatch"]),
        "admissionregistration: validateMutation",
    ),
    row("ArgoApplicationSpec", "project", Rule::Required, "argo-cd types.go: ApplicationSpec"),
    row("ArgoSource", "repoURL", Rule::Required, "argo-cd types.go: ApplicationSource"),
    row(
        "ArgoIgnoredDifference",
        "kind",
        Rule::Required,
        "argo-cd types.go: ResourceIgnoreDifferences",
    ),
    row("ArgoIgnoredDifference", "jsonPointers", POINTER, "RFC 6901"),
    row(
        "ArgoCommand",
        "command",
        Rule::Required,
        "argo-cd cmpserver/plugin/config.go: ValidatePluginConfig",
    ),
    row("ArgoAnnouncement", "name", Rule::Required, "argo-cd reposerver ParameterAnnouncement"),
    row(
        "ArgoAnnouncement",
        "collectionType",
        Rule::OneOf(&["string", "array", "map"]),
        "argo-cd reposerver ParameterAnnouncement",
    ),
    row(
        "ArgoSetSync",
        "applicationsSync",
        Rule::OneOf(&["create-only", "create-update", "create-delete", "sync"]),
        "argo-cd applicationset_types.go: ApplicationsSyncPolicy",
    ),
    row(
        "FluxKustomizationSpec",
        "interval",
        DURATION,
        "kustomize-controller kustomization_types.go",
    ),
    row(
        "FluxKustomizationSpec",
        "retryInterval",
        DURATION,
        "kustomize-controller kustomization_types.go",
    ),
    row(
        "FluxKustomizationSpec",
        "timeout",
        DURATION,
        "kustomize-controller kustomization_types.go",
    ),
    row(
        "FluxKustomizationSpec",
        "deletionPolicy",
        Rule::OneOf(&["MirrorPrune", "Delete", "WaitForTermination", "Orphan"]),
        "kustomize-controller kustomization_types.go",
    ),
    row("FluxReference", "kind", Rule::Required, "kustomize-controller reference_types.go"),
    row("FluxReference", "name", Rule::Required, "kustomize-controller reference_types.go"),
    row("FluxIgnore", "paths", Rule::Required, "kustomize-controller kustomization_types.go"),
    row("FluxIgnore", "paths", POINTER, "RFC 6901"),
    row(
        "FluxSubstitution",
        "kind",
        Rule::Exactly(&["Secret", "ConfigMap"]),
        "kustomize-controller kustomization_types.go",
    ),
    row("FluxSubstitution", "name", Rule::Required, "kustomize-controller kustomization_types.go"),
    row("FluxGitSpec", "url", Rule::Strictly(git_url), "source-controller gitrepository_types.go"),
    row("FluxGitSpec", "interval", DURATION, "source-controller gitrepository_types.go"),
    row("FluxGitSpec", "timeout", DURATION, "source-controller gitrepository_types.go"),
    row("FluxOciSpec", "url", Rule::Strictly(oci_url), "source-controller ocirepository_types.go"),
    row("FluxOciSpec", "interval", DURATION, "source-controller ocirepository_types.go"),
    row("FluxOciSpec", "timeout", DURATION, "source-controller ocirepository_types.go"),
    row(
        "FluxLayer",
        "operation",
        Rule::OneOf(&["extract", "copy"]),
        "source-controller ocirepository_types.go",
    ),
    row(
        "KustomizeFile",
        "namespace",
        Rule::Form(formats::label),
        "kustomize api/types/kustomization.go",
    ),
    row("KustomizeImage", "name", Rule::Required, "kustomize api/types/image.go"),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "KyvernoMatch",
        one_shape as Check,
        "kyverno api/kyverno/v1: MatchResources (oneOf in the definition)",
    ),
    ("KyvernoMutation", a_patch, "kyverno pkg/validation/policy: validateMutation"),
    ("ArgoApplicationSpec", a_source, "argo-cd util/argo: ValidateRepo"),
    ("ArgoDestination", one_cluster, "argo-cd util/argo: GetDestinationCluster"),
];

fn rule_name(text: &str) -> Result<(), &'static str> {
    if text.len() <= 63 { Ok(()) } else { Err("at most 63 characters") }
}

/// A JSON pointer, RFC 6901.
fn pointer(text: &str) -> Result<(), &'static str> {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if text.starts_with('/') && escapes {
        Ok(())
    } else {
        Err("a JSON pointer such as `/spec/replicas`")
    }
}

/// The pattern of the definitions: `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`.
fn duration(text: &str) -> Result<(), &'static str> {
    const RIGHT: &str = "a duration such as `10m` or `1h30m`";
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, unit) = rest.split_at(end);
        let plain =
            number.parse::<f64>().is_ok() && !number.starts_with('.') && !number.ends_with('.');
        let after = ["ms", "s", "m", "h"].into_iter().find_map(|name| unit.strip_prefix(name));
        rest = after.filter(|_| plain).ok_or(RIGHT)?;
    }
    if text.is_empty() { Err(RIGHT) } else { Ok(()) }
}

fn git_url(text: &str) -> Result<(), &'static str> {
    let legal = ["http://", "https://", "ssh://"].iter().any(|scheme| text.starts_with(scheme));
    if legal {
        Ok(())
    } else {
        Err("an address that begins with `https://`, `http://` or `ssh://`")
    }
}

fn oci_url(text: &str) -> Result<(), &'static str> {
    if text.starts_with("oci://") { Ok(()) } else { Err("an address that begins with `oci://`") }
}

fn one_shape(at: &At, found: &mut Found) {
    if at.has("any")
        && let Some(all) = at.get("all")
    {
        found.conflict(&all, "`all` can't stand beside `any`");
    }
}

fn a_patch(at: &At, found: &mut Found) {
    exactly_one(at, &["patchStrategicMerge", "patchesJson6902", "foreach"], "patch", found);
}

fn a_source(at: &At, found: &mut Found) {
    if !["source", "sources", "sourceHydrator"].iter().any(|field| at.has(field)) {
        found.missing(at, "source", None);
    }
}

fn one_cluster(at: &At, found: &mut Found) {
    if at.text("server").is_some()
        && at.text("name").is_some()
        && let Some(name) = at.get("name")
    {
        found.conflict(&name, "`name` can't stand beside `server`");
    }
}
