//! A PolicyException: the exclusion as an object of its own, for policies that can't be edited.

use serde::Serialize;

use super::autogen::{CONTROLLERS, generated_names};
use super::model::Kind;

/// The contents of an exception.
#[derive(Debug, Clone, Copy)]
pub struct ExceptionRequest<'a> {
    /// The exception's name.
    pub name: &'a str,
    /// Its own namespace, which Kyverno must accept exceptions from.
    pub namespace: &'a str,
    /// The kind of the policy.
    pub kind: Kind,
    /// The policy's name.
    pub policy: &'a str,
    /// The rule of a ClusterPolicy; all rules if none is given.
    pub rule: Option<&'a str>,
    /// Kyverno makes rules for the controllers of Pods from it.
    pub has_generated_rules: bool,
    /// The namespace whose Pods are exempt.
    pub tenant: &'a str,
}

/// A PolicyException to serialize.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Spec {
    /// `kyverno.io/v2`, for a ClusterPolicy.
    Rules { exceptions: [Rules; 1], r#match: Match },
    /// `policies.kyverno.io/v1`, for a MutatingPolicy.
    #[serde(rename_all = "camelCase")]
    Policies {
        policy_refs: [PolicyRef; 1],
        match_conditions: [Condition; 1],
        /// The schema's default, which the API server fills in.
        report_result: &'static str,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    policy_name: String,
    rule_names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Match {
    any: [Block; 1],
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Block {
    resources: Resources,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Resources {
    kinds: Vec<&'static str>,
    namespaces: [String; 1],
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct PolicyRef {
    name: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Condition {
    name: &'static str,
    expression: String,
}

/// The exception that exempts a namespace's Pods. The schemas are those of kyverno 1.19
/// (`config/crds`: `kyverno.io_policyexceptions`, `policies.kyverno.io_policyexceptions`).
pub fn policy_exception(of: &ExceptionRequest<'_>) -> Exception {
    let (api_version, spec) = match of.kind {
        Kind::ClusterPolicy => {
            let rule = of.rule.unwrap_or("*");
            let mut rule_names = vec![rule.to_owned()];
            let mut kinds = vec!["Pod"];
            if of.has_generated_rules {
                kinds.extend(CONTROLLERS.iter().map(|controller| controller.kind));
                if of.rule.is_some() {
                    rule_names.extend(generated_names(rule));
                }
            }
            let rules = Rules { policy_name: of.policy.to_owned(), rule_names };
            let resources = Resources { kinds, namespaces: [of.tenant.to_owned()] };
            let any = [Block { resources }];
            ("kyverno.io/v2", Spec::Rules { exceptions: [rules], r#match: Match { any } })
        }
        Kind::MutatingPolicy | Kind::ValidatingPolicy => {
            let policy = PolicyRef { name: of.policy.to_owned(), kind: of.kind.name() };
            let expression = format!("object.metadata.namespace == '{}'", of.tenant);
            let condition = Condition { name: "namespace", expression };
            let spec = Spec::Policies {
                policy_refs: [policy],
                match_conditions: [condition],
                report_result: "skip",
            };
            ("policies.kyverno.io/v1", spec)
        }
    };
    let metadata = Metadata { name: of.name.to_owned(), namespace: of.namespace.to_owned() };
    Exception { api_version, kind: "PolicyException", metadata, spec }
}

/// The settings of Kyverno that an exception requires, a sentence each. By default Kyverno accepts no
/// exception, and it only warns about one in another namespace (flags `enablePolicyException`,
/// `exceptionNamespace` of 1.19, `cmd/internal/flag.go`).
pub fn exception_requirements(of: &ExceptionRequest<'_>) -> [String; 2] {
    [
        "Kyverno must run with `--enablePolicyException=true` (Helm: `features.policyExceptions.enabled`); it is off by default".to_owned(),
        format!(
            "Kyverno must accept exceptions from the namespace `{}` (`--exceptionNamespace`, Helm: `features.policyExceptions.namespace`), or from `*`",
            of.namespace
        ),
    ]
}
