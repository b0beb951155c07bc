//! The custom resources that this project writes or edits: `objects::custom` has their types.

use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, of};
use crate::formats;

const FAILURE: Rule = Rule::OneOf(&["Ignore", "Fail"]);
const OPERATIONS: Rule = Rule::Exactly(&["CREATE", "UPDATE", "CONNECT", "DELETE"]);
const POINTER: Rule = Rule::Strictly(pointer);
const DURATION: Rule = Rule::Strictly(duration);

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("PolicySpec", "kyverno api/kyverno/v1: Spec, ApplyRulesType, FailurePolicyType, ValidationFailureAction", &[
        ("rules", Rule::Required),
        ("applyRules", Rule::OneOf(&["All", "One"])),
        ("failurePolicy", FAILURE),
        ("validationFailureAction", Rule::OneOf(&["audit", "enforce", "Audit", "Enforce"])),
        ("webhookTimeoutSeconds", Rule::Range(1, 30)),
    ]),
    of("KyvernoRule", "kyverno api/kyverno/v1: Rule (at most 63 characters), Rule", &[
        ("name", Rule::Required),
        ("name", Rule::Form(rule_name)),
    ]),
    of("KyvernoResources", "kyverno api/kyverno/v1: AdmissionOperation", &[
        ("operations", OPERATIONS),
    ]),
    of("ExceptionSpec", "kyverno api/kyverno/v2: PolicyExceptionSpec", &[
        ("exceptions", Rule::Required),
    ]),
    of("ExceptedRules", "kyverno api/kyverno/v2: Exception", &[
        ("policyName", Rule::Required),
        ("ruleNames", Rule::Required),
    ]),
    of("ReferringExceptionSpec", "kyverno api/policies.kyverno.io/v1: PolicyExceptionSpec", &[
        ("policyRefs", Rule::Required),
    ]),
    of("ExceptedPolicy", "kyverno api/policies.kyverno.io/v1: PolicyRef", &[
        ("name", Rule::Required),
        ("kind", Rule::Required),
    ]),
    of("MutatingSpec", "kyverno api/policies.kyverno.io/v1: MutatingPolicySpec", &[
        ("failurePolicy", FAILURE),
        ("mutations", Rule::Required),
    ]),
    of("Mutation", "admissionregistration: validateMutation", &[
        ("patchType", Rule::Exactly(&["ApplyConfiguration", "JSONPatch"])),
    ]),
    of("ArgoApplicationSpec", "argo-cd types.go: ApplicationSpec", &[
        ("project", Rule::Required),
    ]),
    of("ArgoSource", "argo-cd types.go: ApplicationSource", &[
        ("repoURL", Rule::Required),
    ]),
    of("ArgoIgnoredDifference", "argo-cd types.go: ResourceIgnoreDifferences; RFC 6901", &[
        ("kind", Rule::Required),
        ("jsonPointers", POINTER),
    ]),
    of("ArgoCommand", "argo-cd cmpserver/plugin/config.go: ValidatePluginConfig", &[
        ("command", Rule::Required),
    ]),
    of("ArgoAnnouncement", "argo-cd reposerver ParameterAnnouncement", &[
        ("name", Rule::Required),
        ("collectionType", Rule::OneOf(&["string", "array", "map"])),
    ]),
    of("ArgoSetSync", "argo-cd applicationset_types.go: ApplicationsSyncPolicy", &[
        ("applicationsSync", Rule::OneOf(&["create-only", "create-update", "create-delete", "sync"])),
    ]),
    of("FluxKustomizationSpec", "kustomize-controller kustomization_types.go", &[
        ("interval", DURATION),
        ("retryInterval", DURATION),
        ("timeout", DURATION),
        ("deletionPolicy", Rule::OneOf(&["MirrorPrune", "Delete", "WaitForTermination", "Orphan"])),
    ]),
    of("FluxReference", "kustomize-controller reference_types.go", &[
        ("kind", Rule::Required),
        ("name", Rule::Required),
    ]),
    of("FluxIgnore", "kustomize-controller kustomization_types.go; RFC 6901", &[
        ("paths", Rule::Required),
        ("paths", POINTER),
    ]),
    of("FluxSubstitution", "kustomize-controller kustomization_types.go", &[
        ("kind", Rule::Exactly(&["Secret", "ConfigMap"])),
        ("name", Rule::Required),
    ]),
    of("FluxGitSpec", "source-controller gitrepository_types.go", &[
        ("url", Rule::Strictly(git_url)),
        ("interval", DURATION),
        ("timeout", DURATION),
    ]),
    of("FluxOciSpec", "source-controller ocirepository_types.go", &[
        ("url", Rule::Strictly(oci_url)),
        ("interval", DURATION),
        ("timeout", DURATION),
    ]),
    of("FluxLayer", "source-controller ocirepository_types.go", &[
        ("operation", Rule::OneOf(&["extract", "copy"])),
    ]),
    of("KustomizeFile", "kustomize api/types/kustomization.go", &[
        ("namespace", Rule::Form(formats::label)),
    ]),
    of("KustomizeImage", "kustomize api/types/image.go", &[
        ("name", Rule::Required),
    ]),
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
