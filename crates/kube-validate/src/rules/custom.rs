//! Custom resources of Kyverno, Argo CD, Flux, kustomize and the Gateway API, whose types are in `crate::custom`.

use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules};
use crate::formats;

const FAILURE_POLICY: Rule = Rule::OneOf(&["Ignore", "Fail"]);
const OPERATIONS: Rule = Rule::Exactly(&["CREATE", "UPDATE", "CONNECT", "DELETE"]);
const POINTER: Rule = Rule::Strictly(json_pointer);
const DURATION: Rule = Rule::Strictly(flux_duration);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("PolicySpec", "kyverno api/kyverno/v1: Spec, ApplyRulesType, FailurePolicyType, ValidationFailureAction", &[
        ("rules", Rule::Required),
        ("applyRules", Rule::OneOf(&["All", "One"])),
        ("failurePolicy", FAILURE_POLICY),
        ("validationFailureAction", Rule::OneOf(&["audit", "enforce", "Audit", "Enforce"])),
        ("webhookTimeoutSeconds", Rule::Range(1, 30)),
    ]),
    type_rules("KyvernoRule", "kyverno api/kyverno/v1: Rule (at most 63 characters), Rule", &[
        ("name", Rule::Required),
        ("name", Rule::Form(short_rule_name)),
    ]),
    type_rules("KyvernoResources", "kyverno api/kyverno/v1: AdmissionOperation", &[
        ("operations", OPERATIONS),
    ]),
    type_rules("ExceptionSpec", "kyverno api/kyverno/v2: PolicyExceptionSpec", &[
        ("exceptions", Rule::Required),
    ]),
    type_rules("ExceptedRules", "kyverno api/kyverno/v2: Exception", &[
        ("policyName", Rule::Required),
        ("ruleNames", Rule::Required),
    ]),
    type_rules("ReferringExceptionSpec", "kyverno api/policies.kyverno.io/v1: PolicyExceptionSpec", &[
        ("policyRefs", Rule::Required),
    ]),
    type_rules("ExceptedPolicy", "kyverno api/policies.kyverno.io/v1: PolicyRef", &[
        ("name", Rule::Required),
        ("kind", Rule::Required),
    ]),
    type_rules("MutatingSpec", "kyverno api/policies.kyverno.io/v1: MutatingPolicySpec", &[
        ("failurePolicy", FAILURE_POLICY),
        ("mutations", Rule::Required),
    ]),
    type_rules("Mutation", "admissionregistration: validateMutation", &[
        ("patchType", Rule::Exactly(&["ApplyConfiguration", "JSONPatch"])),
    ]),
    type_rules("ArgoApplicationSpec", "argo-cd types.go: ApplicationSpec", &[
        ("project", Rule::Required),
    ]),
    type_rules("ArgoSource", "argo-cd types.go: ApplicationSource", &[
        ("repoURL", Rule::Required),
    ]),
    type_rules("ArgoIgnoredDifference", "argo-cd types.go: ResourceIgnoreDifferences; RFC 6901", &[
        ("kind", Rule::Required),
        ("jsonPointers", POINTER),
    ]),
    type_rules("ArgoCommand", "argo-cd cmpserver/plugin/config.go: ValidatePluginConfig", &[
        ("command", Rule::Required),
    ]),
    type_rules("ArgoAnnouncement", "argo-cd reposerver ParameterAnnouncement", &[
        ("name", Rule::Required),
        ("collectionType", Rule::OneOf(&["string", "array", "map"])),
    ]),
    type_rules("ArgoSetSync", "argo-cd applicationset_types.go: ApplicationsSyncPolicy", &[
        ("applicationsSync", Rule::OneOf(&["create-only", "create-update", "create-delete", "sync"])),
    ]),
    type_rules("FluxKustomizationSpec", "kustomize-controller kustomization_types.go", &[
        ("interval", DURATION),
        ("retryInterval", DURATION),
        ("timeout", DURATION),
        ("deletionPolicy", Rule::OneOf(&["MirrorPrune", "Delete", "WaitForTermination", "Orphan"])),
    ]),
    type_rules("FluxReference", "kustomize-controller reference_types.go", &[
        ("kind", Rule::Required),
        ("name", Rule::Required),
    ]),
    type_rules("FluxIgnore", "kustomize-controller kustomization_types.go; RFC 6901", &[
        ("paths", Rule::Required),
        ("paths", POINTER),
    ]),
    type_rules("FluxSubstitution", "kustomize-controller kustomization_types.go", &[
        ("kind", Rule::Exactly(&["Secret", "ConfigMap"])),
        ("name", Rule::Required),
    ]),
    type_rules("FluxGitSpec", "source-controller gitrepository_types.go", &[
        ("url", Rule::Strictly(git_url)),
        ("interval", DURATION),
        ("timeout", DURATION),
    ]),
    type_rules("FluxOciSpec", "source-controller ocirepository_types.go", &[
        ("url", Rule::Strictly(oci_url)),
        ("interval", DURATION),
        ("timeout", DURATION),
    ]),
    type_rules("FluxLayer", "source-controller ocirepository_types.go", &[
        ("operation", Rule::OneOf(&["extract", "copy"])),
    ]),
    type_rules("HttpRouteSpec", "gateway-api httproute_types.go: HTTPRouteSpec; shared_types.go: CommonRouteSpec, Hostname", &[
        ("parentRefs", Rule::AtMost(32)),
        ("hostnames", Rule::Strictly(formats::wildcard_name)),
        ("hostnames", Rule::AtMost(16)),
        ("rules", Rule::AtMost(16)),
    ]),
    type_rules("RouteParent", "gateway-api shared_types.go: ParentReference", &[
        ("name", Rule::Required),
        ("namespace", Rule::Strictly(formats::dns_label)),
        ("sectionName", Rule::Strictly(formats::dns_subdomain)),
        ("port", Rule::Range(1, 65535)),
    ]),
    type_rules("HttpRouteRule", "gateway-api httproute_types.go: HTTPRouteRule", &[
        ("name", Rule::Strictly(formats::dns_subdomain)),
        ("matches", Rule::AtMost(64)),
        ("filters", Rule::AtMost(16)),
        ("backendRefs", Rule::AtMost(16)),
    ]),
    type_rules("HttpRouteMatch", "gateway-api httproute_types.go: HTTPMethod", &[
        ("method", Rule::Exactly(&["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"])),
        ("headers", Rule::AtMost(16)),
        ("queryParams", Rule::AtMost(16)),
    ]),
    type_rules("HttpPathMatch", "gateway-api httproute_types.go: PathMatchType", &[
        ("type", Rule::Exactly(&["Exact", "PathPrefix", "RegularExpression"])),
    ]),
    type_rules("HttpNameMatch", "gateway-api httproute_types.go: HTTPHeaderMatch, HTTPQueryParamMatch", &[
        ("type", Rule::Exactly(&["Exact", "RegularExpression"])),
        ("name", Rule::Required),
        ("value", Rule::Required),
    ]),
    type_rules("HttpRouteFilter", "gateway-api httproute_types.go: HTTPRouteFilterType", &[
        ("type", Rule::Required),
        ("type", Rule::Exactly(&["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "RequestRedirect", "URLRewrite", "CORS", "ExternalAuth", "ExtensionRef"])),
    ]),
    type_rules("HttpBackend", "gateway-api object_reference_types.go: BackendObjectReference; shared_types.go: BackendRef", &[
        ("name", Rule::Required),
        ("namespace", Rule::Strictly(formats::dns_label)),
        ("port", Rule::Range(1, 65535)),
        ("weight", Rule::Range(0, 1_000_000)),
    ]),
    type_rules("KustomizeFile", "kustomize api/types/kustomization.go", &[
        ("namespace", Rule::Form(formats::dns_label)),
    ]),
    type_rules("KustomizeImage", "kustomize api/types/image.go", &[
        ("name", Rule::Required),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "KyvernoMatch",
        any_or_all as Check,
        "kyverno api/kyverno/v1: MatchResources (oneOf in the definition)",
    ),
    ("KyvernoMutation", one_patch_kind, "kyverno pkg/validation/policy: validateMutation"),
    ("ArgoApplicationSpec", some_source, "argo-cd util/argo: ValidateRepo"),
    ("ArgoDestination", server_or_name, "argo-cd util/argo: GetDestinationCluster"),
    (
        "HttpRouteRule",
        redirect_alone,
        "gateway-api httproute_types.go: HTTPRouteRule (XValidation)",
    ),
    (
        "HttpRouteFilter",
        filter_of_type,
        "gateway-api httproute_types.go: HTTPRouteFilter (XValidation)",
    ),
    ("HttpPathMatch", route_path, "gateway-api httproute_types.go: HTTPPathMatch (XValidation)"),
    (
        "HttpBackend",
        service_port,
        "gateway-api object_reference_types.go: BackendObjectReference (XValidation)",
    ),
];

fn short_rule_name(text: &str) -> Result<(), &'static str> {
    if text.len() <= 63 { Ok(()) } else { Err("at most 63 characters") }
}

/// Checks a JSON pointer: RFC 6901.
fn json_pointer(text: &str) -> Result<(), &'static str> {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if text.starts_with('/') && escapes {
        Ok(())
    } else {
        Err("a JSON pointer such as `/spec/replicas`")
    }
}

/// Checks a duration by the pattern of Flux's definitions: `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`.
fn flux_duration(text: &str) -> Result<(), &'static str> {
    const EXPECTED: &str = "a duration such as `10m` or `1h30m`";
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, unit) = rest.split_at(end);
        let plain =
            number.parse::<f64>().is_ok() && !number.starts_with('.') && !number.ends_with('.');
        let after = ["ms", "s", "m", "h"].into_iter().find_map(|name| unit.strip_prefix(name));
        rest = after.filter(|_| plain).ok_or(EXPECTED)?;
    }
    if text.is_empty() { Err(EXPECTED) } else { Ok(()) }
}

fn git_url(text: &str) -> Result<(), &'static str> {
    let is_known = ["http://", "https://", "ssh://"].iter().any(|scheme| text.starts_with(scheme));
    if is_known { Ok(()) } else { Err("a URL that begins with `https://`, `http://` or `ssh://`") }
}

fn oci_url(text: &str) -> Result<(), &'static str> {
    if text.starts_with("oci://") { Ok(()) } else { Err("a URL that begins with `oci://`") }
}

fn any_or_all(node: &NodeRef, findings: &mut Findings) {
    if node.has("any")
        && let Some(all) = node.get("all")
    {
        findings.report_conflict(&all, "`all` can't be combined with `any`");
    }
}

fn one_patch_kind(node: &NodeRef, findings: &mut Findings) {
    exactly_one(node, &["patchStrategicMerge", "patchesJson6902", "foreach"], "patch", findings);
}

fn some_source(node: &NodeRef, findings: &mut Findings) {
    if !["source", "sources", "sourceHydrator"].iter().any(|field| node.has(field)) {
        findings.report_missing(node, "source");
    }
}

fn server_or_name(node: &NodeRef, findings: &mut Findings) {
    if node.text("server").is_some()
        && node.text("name").is_some()
        && let Some(name) = node.get("name")
    {
        findings.report_conflict(&name, "`name` can't be combined with `server`");
    }
}

/// A rule that redirects leads nowhere else.
fn redirect_alone(node: &NodeRef, findings: &mut Findings) {
    let redirects = node.items_of("filters").any(|filter| filter.has("requestRedirect"));
    if redirects
        && node.len_of("backendRefs") > 0
        && let Some(backends) = node.get("backendRefs")
    {
        let message = "`backendRefs` can't be combined with the filter `RequestRedirect`";
        findings.report_conflict(&backends, message);
    }
}

/// The types of filters, and the field with the settings of each.
const FILTERS: [(&str, &str); 8] = [
    ("RequestHeaderModifier", "requestHeaderModifier"),
    ("ResponseHeaderModifier", "responseHeaderModifier"),
    ("RequestMirror", "requestMirror"),
    ("RequestRedirect", "requestRedirect"),
    ("URLRewrite", "urlRewrite"),
    ("CORS", "cors"),
    ("ExternalAuth", "externalAuth"),
    ("ExtensionRef", "extensionRef"),
];

/// A filter has the settings of its type and no others.
fn filter_of_type(node: &NodeRef, findings: &mut Findings) {
    let Some(own_type) = node.text("type") else { return };
    for (filter_type, field) in FILTERS {
        match (filter_type == own_type, node.get(field)) {
            (true, None) => findings.report_missing(node, field),
            (false, Some(settings)) => {
                let message = format!("`{field}` needs `type: {filter_type}`");
                findings.report_conflict(&settings, message);
            }
            _ => {}
        }
    }
}

fn route_path(node: &NodeRef, findings: &mut Findings) {
    if node.text("type") == Some("RegularExpression") {
        return;
    }
    if let (Some(value), Some(text)) = (node.get("value"), node.text("value"))
        && let Err(expected) = formats::absolute_path(text)
    {
        findings.report_invalid(&value, text, expected);
    }
}

fn service_port(node: &NodeRef, findings: &mut Findings) {
    let is_service = node.text("kind").is_none_or(|kind| kind == "Service")
        && node.text("group").is_none_or(str::is_empty);
    if is_service && !node.has("port") {
        findings.report_missing_with_hint(node, "port", "required for a Service");
    }
}
