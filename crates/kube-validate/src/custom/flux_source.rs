//! Flux's GitRepository and OCIRepository, `source.toolkit.fluxcd.io/v1`. Source:
//! source-controller 1.9, `api/v1/{gitrepository,ocirepository}_types.go`.

use k8s_openapi::api::core::v1::LocalObjectReference;
use serde::{Deserialize, Serialize};

use super::Raw;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxGitSpec {
    url: String,
    interval: String,
    timeout: Option<String>,
    r#ref: Option<FluxGitReference>,
    secret_ref: Option<LocalObjectReference>,
    proxy_secret_ref: Option<LocalObjectReference>,
    service_account_name: Option<String>,
    provider: Option<String>,
    verify: Option<Raw>,
    ignore: Option<String>,
    suspend: Option<bool>,
    recurse_submodules: Option<bool>,
    include: Option<Raw>,
    sparse_checkout: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxGitReference {
    branch: Option<String>,
    tag: Option<String>,
    semver: Option<String>,
    name: Option<String>,
    commit: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxOciSpec {
    url: String,
    interval: String,
    timeout: Option<String>,
    r#ref: Option<FluxOciReference>,
    layer_selector: Option<FluxLayer>,
    provider: Option<String>,
    secret_ref: Option<LocalObjectReference>,
    cert_secret_ref: Option<LocalObjectReference>,
    proxy_secret_ref: Option<LocalObjectReference>,
    service_account_name: Option<String>,
    verify: Option<Raw>,
    ignore: Option<String>,
    insecure: Option<bool>,
    suspend: Option<bool>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxOciReference {
    digest: Option<String>,
    semver: Option<String>,
    semver_filter: Option<String>,
    tag: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxLayer {
    media_type: Option<String>,
    operation: Option<String>,
}
