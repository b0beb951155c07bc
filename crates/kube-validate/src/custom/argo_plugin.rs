//! Argo CD's ConfigManagementPlugin, the sidecar's `plugin.yaml`: a file with the shape of an object. Source: argo-cd 3.6, `cmpserver/plugin/config.go`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoPluginSpec {
    version: Option<String>,
    init: Option<ArgoCommand>,
    generate: ArgoCommand,
    discover: Option<ArgoDiscovery>,
    parameters: Option<ArgoPluginParameters>,
    preserve_file_mode: Option<bool>,
    provide_git_creds: Option<bool>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoCommand {
    command: Vec<String>,
    args: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoDiscovery {
    file_name: Option<String>,
    find: Option<ArgoFind>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoFind {
    glob: Option<String>,
    command: Option<Vec<String>>,
    args: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoPluginParameters {
    r#static: Option<Vec<ArgoAnnouncement>>,
    dynamic: Option<ArgoCommand>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoAnnouncement {
    name: String,
    title: Option<String>,
    tooltip: Option<String>,
    required: Option<bool>,
    item_type: Option<String>,
    collection_type: Option<String>,
    string: Option<String>,
    array: Option<Vec<String>>,
    map: Option<BTreeMap<String, String>>,
}
