//! OCI's documents (image-spec 1.1: image-layout.md, image-index.md, manifest.md, config.md). Fields
//! are in the order of their names and maps are sorted, so that equal content is equal bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The largest manifest, index or configuration, in bytes: the limit of the distribution specification
/// for manifests.
pub const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// The content of the file `oci-layout`.
pub const LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// The annotation by which a layout names its images: umoci and skopeo look for it.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

pub const TITLE: &str = "org.opencontainers.image.title";
pub const VERSION: &str = "org.opencontainers.image.version";
pub const LICENSES: &str = "org.opencontainers.image.licenses";
pub const SOURCE: &str = "org.opencontainers.image.source";
pub const REVISION: &str = "org.opencontainers.image.revision";

/// The crates linked in, as `name@version` separated by spaces. An annotation of the manifest, not a
/// label: container runtimes reject labels over 4096 bytes.
pub const PACKAGES: &str = "tts-render.packages";

pub type Annotations = BTreeMap<String, String>;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    pub manifests: Vec<Descriptor>,
    #[serde(default)]
    pub media_type: Option<String>,
    pub schema_version: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    pub digest: String,
    pub media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    pub size: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default)]
    pub media_type: Option<String>,
    pub schema_version: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    pub architecture: String,
    #[serde(default)]
    pub config: Execution,
    #[serde(default)]
    pub created: Option<String>,
    #[serde(default)]
    pub history: Vec<History>,
    pub os: String,
    pub rootfs: RootFs,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Execution {
    pub entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub labels: Annotations,
    pub user: String,
    pub working_dir: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct History {
    #[serde(default)]
    pub created: Option<String>,
    #[serde(default)]
    pub created_by: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RootFs {
    pub diff_ids: Vec<String>,
    #[serde(rename = "type")]
    pub kind: String,
}
