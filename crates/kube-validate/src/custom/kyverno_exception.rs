//! Kyverno's PolicyException: `kyverno.io/v2` for legacy policies, `policies.kyverno.io/v1` for
//! their successors. Source: kyverno 1.19, `api/kyverno/v2/policy_exception_types.go` and
//! `api/policies.kyverno.io/v1/policy_exception.go`.

use k8s_openapi::api::admissionregistration::v1::MatchCondition;
use serde::{Deserialize, Serialize};

use super::Raw;
use super::kyverno_policy::KyvernoFilter;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ExceptionSpec {
    background: Option<bool>,
    r#match: ExceptionMatch,
    conditions: Option<Raw>,
    exceptions: Vec<ExceptedRules>,
    pod_security: Option<Raw>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ExceptionMatch {
    any: Option<Vec<KyvernoFilter>>,
    all: Option<Vec<KyvernoFilter>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ExceptedRules {
    policy_name: String,
    rule_names: Vec<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ReferringExceptionSpec {
    policy_refs: Vec<ExceptedPolicy>,
    match_conditions: Option<Vec<MatchCondition>>,
    images: Option<Vec<String>>,
    allowed_values: Option<Vec<String>>,
    report_result: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ExceptedPolicy {
    name: String,
    kind: String,
}
