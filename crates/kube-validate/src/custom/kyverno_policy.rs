//! Kyverno's ClusterPolicy and Policy, `kyverno.io/v1`, with types for a rule's `match`, `exclude` and
//! `mutate`. Source: kyverno 1.19, `api/kyverno/v1/{spec,rule,match_resources}_types.go`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::{Deserialize, Serialize};

use super::Raw;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PolicySpec {
    rules: Vec<KyvernoRule>,
    apply_rules: Option<String>,
    failure_policy: Option<String>,
    validation_failure_action: Option<String>,
    validation_failure_action_overrides: Option<Raw>,
    emit_warning: Option<bool>,
    admission: Option<bool>,
    background: Option<bool>,
    schema_validation: Option<bool>,
    webhook_timeout_seconds: Option<i32>,
    mutate_existing_on_policy_update: Option<bool>,
    generate_existing: Option<bool>,
    generate_existing_on_policy_update: Option<bool>,
    use_server_side_apply: Option<bool>,
    webhook_configuration: Option<Raw>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KyvernoRule {
    name: String,
    context: Option<Raw>,
    r#match: KyvernoMatch,
    exclude: Option<KyvernoMatch>,
    image_extractors: Option<Raw>,
    preconditions: Option<Raw>,
    cel_preconditions: Option<Raw>,
    mutate: Option<KyvernoMutation>,
    validate: Option<Raw>,
    generate: Option<Raw>,
    verify_images: Option<Raw>,
    skip_background_requests: Option<bool>,
    report_properties: Option<BTreeMap<String, String>>,
}

/// A rule's `match` or `exclude`: `any`, `all`, or the fields of one filter.
#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KyvernoMatch {
    any: Option<Vec<KyvernoFilter>>,
    all: Option<Vec<KyvernoFilter>>,
    subjects: Option<Raw>,
    roles: Option<Vec<String>>,
    cluster_roles: Option<Vec<String>>,
    resources: Option<KyvernoResources>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KyvernoFilter {
    subjects: Option<Raw>,
    roles: Option<Vec<String>>,
    cluster_roles: Option<Vec<String>>,
    resources: Option<KyvernoResources>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KyvernoResources {
    kinds: Option<Vec<String>>,
    name: Option<String>,
    names: Option<Vec<String>>,
    namespaces: Option<Vec<String>>,
    annotations: Option<BTreeMap<String, String>>,
    selector: Option<LabelSelector>,
    namespace_selector: Option<LabelSelector>,
    operations: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KyvernoMutation {
    mutate_existing_on_policy_update: Option<bool>,
    targets: Option<Raw>,
    patch_strategic_merge: Option<Raw>,
    patches_json6902: Option<String>,
    foreach: Option<Raw>,
}
