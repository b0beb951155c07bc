//! The Prometheus operator's PrometheusRule, `monitoring.coreos.com/v1`. Source: prometheus-operator 0.94,
//! `pkg/apis/monitoring/v1/prometheusrule_types.go`. tests/e2e/apply.rs applies a rule by its definition.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PrometheusRuleSpec {
    groups: Option<Vec<RuleGroup>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RuleGroup {
    name: String,
    labels: Option<BTreeMap<String, String>>,
    interval: Option<String>,
    query_offset: Option<String>,
    rules: Option<Vec<Rule>>,
    partial_response_strategy: Option<String>,
    limit: Option<i64>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: Option<IntOrString>,
    r#for: Option<String>,
    keep_firing_for: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}
