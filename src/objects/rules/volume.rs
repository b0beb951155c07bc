//! Volumes of pods.

use super::container::{field_path, resource};
use super::{At, Check, CheckRow, Found, Row, Rule, at_most_one, exactly_one, row};
use crate::objects::formats;

const MODE: Rule = Rule::Range(0, 0o777);

/// The sources that a pod's volume can have; in a claim's PersistentVolume most exist too.
const SOURCES: &[&str] = &[
    "configMap",
    "secret",
    "emptyDir",
    "hostPath",
    "persistentVolumeClaim",
    "projected",
    "downwardAPI",
    "nfs",
    "csi",
    "ephemeral",
    "image",
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "iscsi",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

pub const ROWS: &[Row] = &[
    row("Volume", "name", Rule::Required, "core: ValidateVolumes"),
    row("Volume", "name", Rule::Form(formats::label), "core: ValidateVolumes"),
    row("SecretVolumeSource", "secretName", Rule::Required, "core: validateSecretVolumeSource"),
    row("SecretVolumeSource", "defaultMode", MODE, "core: validateSecretVolumeSource"),
    row("ConfigMapVolumeSource", "name", Rule::Required, "core: validateConfigMapVolumeSource"),
    row("ConfigMapVolumeSource", "defaultMode", MODE, "core: validateConfigMapVolumeSource"),
    row("DownwardAPIVolumeSource", "defaultMode", MODE, "core: validateDownwardAPIVolumeSource"),
    row("ProjectedVolumeSource", "defaultMode", MODE, "core: validateProjectedVolumeSource"),
    row("SecretProjection", "name", Rule::Required, "core: validateProjectionSources"),
    row("ConfigMapProjection", "name", Rule::Required, "core: validateProjectionSources"),
    row("ServiceAccountTokenProjection", "path", Rule::Required, "core: validateProjectionSources"),
    row(
        "ServiceAccountTokenProjection",
        "path",
        Rule::Form(formats::volume_file),
        "core: validateProjectionSources",
    ),
    row(
        "ServiceAccountTokenProjection",
        "expirationSeconds",
        Rule::Range(600, 1 << 32),
        "core: validateProjectionSources",
    ),
    row("ClusterTrustBundleProjection", "path", Rule::Required, "core: validateProjectionSources"),
    row(
        "ClusterTrustBundleProjection",
        "path",
        Rule::Form(formats::volume_file),
        "core: validateProjectionSources",
    ),
    row("KeyToPath", "key", Rule::Required, "core: validateKeyToPath"),
    row("KeyToPath", "path", Rule::Required, "core: validateKeyToPath"),
    row("KeyToPath", "path", Rule::Form(formats::volume_file), "core: validateKeyToPath"),
    row("KeyToPath", "mode", MODE, "core: validateKeyToPath"),
    row("DownwardAPIVolumeFile", "path", Rule::Required, "core: validateDownwardAPIVolumeFile"),
    row(
        "DownwardAPIVolumeFile",
        "path",
        Rule::Form(formats::volume_file),
        "core: validateDownwardAPIVolumeFile",
    ),
    row("DownwardAPIVolumeFile", "mode", MODE, "core: validateDownwardAPIVolumeFile"),
    row("HostPathVolumeSource", "path", Rule::Required, "core: validateHostPathVolumeSource"),
    row(
        "HostPathVolumeSource",
        "path",
        Rule::Form(formats::no_backsteps),
        "core: validateHostPathVolumeSource",
    ),
    row("HostPathVolumeSource", "type", Rule::OneOf(HOST_PATHS), "core: validateHostPathType"),
    row(
        "PersistentVolumeClaimVolumeSource",
        "claimName",
        Rule::Required,
        "core: validatePersistentClaimVolumeSource",
    ),
    row("NFSVolumeSource", "server", Rule::Required, "core: validateNFSVolumeSource"),
    row("NFSVolumeSource", "path", Rule::Required, "core: validateNFSVolumeSource"),
    row(
        "NFSVolumeSource",
        "path",
        Rule::Form(formats::absolute_path),
        "core: validateNFSVolumeSource",
    ),
    row("EmptyDirVolumeSource", "sizeLimit", Rule::NotNegative, "core: validateVolumeSource"),
    row("CSIVolumeSource", "driver", Rule::Required, "core: ValidateCSIDriverName"),
    row("CSIVolumeSource", "driver", Rule::Form(csi_driver), "core: ValidateCSIDriverName"),
    row("ImageVolumeSource", "reference", Rule::Required, "core: validateImageVolumeSource"),
    row(
        "ImageVolumeSource",
        "pullPolicy",
        Rule::OneOf(&["Always", "IfNotPresent", "Never"]),
        "core: validateImageVolumeSource",
    ),
];

const HOST_PATHS: &[&str] = &[
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
];

pub const CHECKS: &[CheckRow] = &[
    ("Volume", volume as Check, "core: validateVolumeSource"),
    ("VolumeProjection", projection, "core: validateProjectionSources"),
    ("DownwardAPIVolumeFile", downward, "core: validateDownwardAPIVolumeFile"),
];

/// `ValidateCSIDriverName`: a DNS name of at most 63 characters, in any case.
pub fn csi_driver(text: &str) -> Result<(), &'static str> {
    if text.len() > 63 {
        return Err("at most 63 characters");
    }
    formats::subdomain(&text.to_ascii_lowercase())
}

/// A volume without a source is an empty directory: core/v1 defaults.go, SetDefaults_Volume.
fn volume(at: &At, found: &mut Found) {
    at_most_one(at, SOURCES, "source of the volume", found);
}

fn projection(at: &At, found: &mut Found) {
    let sources = [
        "secret",
        "configMap",
        "downwardAPI",
        "serviceAccountToken",
        "clusterTrustBundle",
        "podCertificate",
    ];
    at_most_one(at, &sources, "source of the projection", found);
}

fn downward(at: &At, found: &mut Found) {
    const FIELDS: &[&str] = &[
        "metadata.name",
        "metadata.namespace",
        "metadata.labels",
        "metadata.annotations",
        "metadata.uid",
    ];
    exactly_one(at, &["fieldRef", "resourceFieldRef"], "source of the file", found);
    if let Some(reference) = at.get("fieldRef") {
        field_path(&reference, FIELDS, found);
    }
    if let Some(reference) = at.get("resourceFieldRef") {
        resource(&reference, found);
        if reference.text("containerName").is_none() {
            found.missing(&reference, "containerName", None);
        }
    }
}
