//! The Gateway API's HTTPRoute, `gateway.networking.k8s.io/v1`. Source: gateway-api 1.4,
//! `apis/v1/{httproute,shared,object_reference}_types.go`.

use serde::{Deserialize, Serialize};

use super::Raw;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteSpec {
    parent_refs: Option<Vec<RouteParent>>,
    use_default_gateways: Option<String>,
    hostnames: Option<Vec<String>>,
    rules: Option<Vec<HttpRouteRule>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct RouteParent {
    group: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: String,
    section_name: Option<String>,
    port: Option<i64>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteRule {
    name: Option<String>,
    matches: Option<Vec<HttpRouteMatch>>,
    filters: Option<Vec<HttpRouteFilter>>,
    backend_refs: Option<Vec<HttpBackend>>,
    timeouts: Option<HttpRouteTimeouts>,
    retry: Option<Raw>,
    session_persistence: Option<Raw>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteMatch {
    path: Option<HttpPathMatch>,
    headers: Option<Vec<HttpNameMatch>>,
    query_params: Option<Vec<HttpNameMatch>>,
    method: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HttpPathMatch {
    r#type: Option<String>,
    value: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HttpNameMatch {
    r#type: Option<String>,
    name: String,
    value: String,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteFilter {
    r#type: String,
    request_header_modifier: Option<Raw>,
    response_header_modifier: Option<Raw>,
    request_mirror: Option<Raw>,
    request_redirect: Option<Raw>,
    url_rewrite: Option<Raw>,
    cors: Option<Raw>,
    external_auth: Option<Raw>,
    extension_ref: Option<Raw>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HttpBackend {
    group: Option<String>,
    kind: Option<String>,
    name: String,
    namespace: Option<String>,
    port: Option<i64>,
    weight: Option<i64>,
    filters: Option<Vec<HttpRouteFilter>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteTimeouts {
    request: Option<String>,
    backend_request: Option<String>,
}
