//! Volumes of Pods.

use super::environment::{container_resource, field_path};
use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, at_most_one, exactly_one, type_rules,
};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

const FILE_MODE: Rule = Rule::Range(0, 0o777);

/// The kinds of source of a Pod's volume; a PersistentVolume has most of them too.
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

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("Volume", "core: ValidateVolumes", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_label)),
    ]),
    type_rules("SecretVolumeSource", "core: validateSecretVolumeSource", &[
        ("secretName", Rule::Required),
        ("defaultMode", FILE_MODE),
    ]),
    type_rules("ConfigMapVolumeSource", "core: validateConfigMapVolumeSource", &[
        ("name", Rule::Required),
        ("defaultMode", FILE_MODE),
    ]),
    type_rules("DownwardAPIVolumeSource", "core: validateDownwardAPIVolumeSource", &[
        ("defaultMode", FILE_MODE),
    ]),
    type_rules("ProjectedVolumeSource", "core: validateProjectedVolumeSource", &[
        ("defaultMode", FILE_MODE),
    ]),
    type_rules("SecretProjection", "core: validateProjectionSources", &[
        ("name", Rule::Required),
    ]),
    type_rules("ConfigMapProjection", "core: validateProjectionSources", &[
        ("name", Rule::Required),
    ]),
    type_rules("ServiceAccountTokenProjection", "core: validateProjectionSources", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::volume_file)),
        ("expirationSeconds", Rule::Range(600, 1 << 32)),
    ]),
    type_rules("ClusterTrustBundleProjection", "core: validateProjectionSources", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::volume_file)),
    ]),
    type_rules("KeyToPath", "core: validateKeyToPath", &[
        ("key", Rule::Required),
        ("path", Rule::Required),
        ("path", Rule::Form(formats::volume_file)),
        ("mode", FILE_MODE),
    ]),
    type_rules("DownwardAPIVolumeFile", "core: validateDownwardAPIVolumeFile", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::volume_file)),
        ("mode", FILE_MODE),
    ]),
    type_rules("HostPathVolumeSource", "core: validateHostPathVolumeSource, validateHostPathType", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::no_backsteps)),
        ("type", Rule::OneOf(HOST_PATH_TYPES)),
    ]),
    type_rules("PersistentVolumeClaimVolumeSource", "core: validatePersistentClaimVolumeSource", &[
        ("claimName", Rule::Required),
    ]),
    type_rules("NFSVolumeSource", "core: validateNFSVolumeSource", &[
        ("server", Rule::Required),
        ("path", Rule::Required),
        ("path", Rule::Form(formats::absolute_path)),
    ]),
    type_rules("EmptyDirVolumeSource", "core: validateVolumeSource", &[
        ("sizeLimit", Rule::NotNegative),
    ]),
    type_rules("EphemeralVolumeSource", "core: validateEphemeralVolumeSource", &[
        ("volumeClaimTemplate", Rule::Required),
    ]),
    type_rules("CSIVolumeSource", "core: ValidateCSIDriverName", &[
        ("driver", Rule::Required),
        ("driver", Rule::Form(csi_driver_name)),
    ]),
    type_rules("ImageVolumeSource", "core: validateImageVolumeSource", &[
        ("reference", Rule::Required),
        ("pullPolicy", Rule::OneOf(&["Always", "IfNotPresent", "Never"])),
    ]),
];

const HOST_PATH_TYPES: &[&str] = &[
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
];

pub const CHECKS: &[CheckRow] = &[
    ("Volume", one_volume_source as Check, "core: validateVolumeSource"),
    ("VolumeProjection", one_projection_source, "core: validateProjectionSources"),
    ("ProjectedVolumeSource", unique_projected_files, "core: validateProjectionSources"),
    ("DownwardAPIVolumeFile", downward_api_file, "core: validateDownwardAPIVolumeFile"),
];

/// Checks a DNS name of at most 63 characters, in any case: `ValidateCSIDriverName`.
pub fn csi_driver_name(text: &str) -> Result<(), &'static str> {
    if text.len() > 63 {
        return Err("at most 63 characters");
    }
    formats::dns_subdomain(&text.to_ascii_lowercase())
}

/// A volume has at most one source. One without is an empty directory: core/v1
/// defaults.go, SetDefaults_Volume.
fn one_volume_source(node: &NodeRef, findings: &mut Findings) {
    at_most_one(node, SOURCES, "source of the volume", findings);
}

fn one_projection_source(node: &NodeRef, findings: &mut Findings) {
    let sources = [
        "secret",
        "configMap",
        "downwardAPI",
        "serviceAccountToken",
        "clusterTrustBundle",
        "podCertificate",
    ];
    at_most_one(node, &sources, "source of the projection", findings);
}

fn downward_api_file(node: &NodeRef, findings: &mut Findings) {
    const FIELDS: &[&str] = &[
        "metadata.name",
        "metadata.namespace",
        "metadata.labels",
        "metadata.annotations",
        "metadata.uid",
    ];
    exactly_one(node, &["fieldRef", "resourceFieldRef"], "source of the file", findings);
    if let Some(reference) = node.get("fieldRef") {
        field_path(&reference, FIELDS, findings);
    }
    if let Some(reference) = node.get("resourceFieldRef") {
        container_resource(&reference, findings);
        if reference.text("containerName").is_none() {
            findings.report_missing(&reference, "containerName");
        }
    }
}

fn unique_projected_files(node: &NodeRef, findings: &mut Findings) {
    let mut seen = std::collections::HashSet::new();
    for source in node.items_of("sources") {
        for kind in ["secret", "configMap", "downwardAPI"] {
            let Some(source) = source.get(kind) else {
                continue;
            };
            for item in source.items_of("items") {
                let path = item.get("path").filter(|path| {
                    path.as_str()
                        .is_some_and(|text| !text.is_empty() && !seen.insert(text.to_owned()))
                });
                if let Some(path) = path {
                    let value = truncate(path.as_str().unwrap_or_default());
                    findings.report(&path, Problem::Duplicate { what: "file", value });
                }
            }
        }
    }
}
