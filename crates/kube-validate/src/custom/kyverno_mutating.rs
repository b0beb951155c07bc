//! Kyverno's MutatingPolicy, `policies.kyverno.io/v1`, which shares Kubernetes' own types.
//! Source: kyverno 1.19, `api/policies.kyverno.io/v1/mutating_policy.go`.

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, Mutation, Variable,
};
use serde::{Deserialize, Serialize};

use super::Raw;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MutatingSpec {
    failure_policy: Option<String>,
    match_constraints: MatchResources,
    match_conditions: Option<Vec<MatchCondition>>,
    variables: Option<Vec<Variable>>,
    mutations: Vec<Mutation>,
    reinvocation_policy: Option<String>,
    evaluation: Option<MutatingEvaluation>,
    autogen: Option<Raw>,
    webhook_configuration: Option<Raw>,
    target_match_constraints: Option<Raw>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MutatingEvaluation {
    admission: Option<Enabled>,
    background: Option<Enabled>,
    mutate_existing: Option<Enabled>,
    skip_background_requests: Option<bool>,
    mode: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Enabled {
    enabled: Option<bool>,
}
