//! The policies of other owners that reach the server's Pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalars::*;

/// The exclusion of the namespace from the policy that raises GPU Pods' priority.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kyverno {
    /// The means of the exclusion.
    #[serde(default)]
    pub mode: KyvernoMode,
    /// The owner's policy, as a file of this repository: `edit` edits it, `exception` reads its name.
    #[serde(default)]
    pub policy: Option<RelativePath>,
    /// The rule, if the policy has several.
    #[serde(default)]
    pub rule: Option<String>,
    /// `exception`: the namespace that Kyverno reads exceptions from. Default: the stack's own.
    #[serde(default)]
    pub exception_namespace: Option<DnsLabel>,
}

/// The means of excluding a namespace from a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KyvernoMode {
    /// An entry in the policy's own exclude list.
    Edit,
    /// A PolicyException, a feature that must be enabled in Kyverno.
    Exception,
    /// No exclusion.
    #[default]
    None,
}
