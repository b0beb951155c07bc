//! Volumes of pods.

use super::environment::{field_path, resource};
use super::{At, Check, CheckRow, Found, Rule, Type, at_most_one, exactly_one, of};
use crate::error::Problem;
use crate::formats;

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

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("Volume", "core: ValidateVolumes", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::label)),
    ]),
    of("SecretVolumeSource", "core: validateSecretVolumeSource", &[
        ("secretName", Rule::Required),
        ("defaultMode", MODE),
    ]),
    of("ConfigMapVolumeSource", "core: validateConfigMapVolumeSource", &[
        ("name", Rule::Required),
        ("defaultMode", MODE),
    ]),
    of("DownwardAPIVolumeSource", "core: validateDownwardAPIVolumeSource", &[
        ("defaultMode", MODE),
    ]),
    of("ProjectedVolumeSource", "core: validateProjectedVolumeSource", &[
        ("defaultMode", MODE),
    ]),
    of("SecretProjection", "core: validateProjectionSources", &[
        ("name", Rule::Required),
    ]),
    of("ConfigMapProjection", "core: validateProjectionSources", &[
        ("name", Rule::Required),
    ]),
    of("ServiceAccountTokenProjection", "core: validateProjectionSources", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::volume_file)),
        ("expirationSeconds", Rule::Range(600, 1 << 32)),
    ]),
    of("ClusterTrustBundleProjection", "core: validateProjectionSources", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::volume_file)),
    ]),
    of("KeyToPath", "core: validateKeyToPath", &[
        ("key", Rule::Required),
        ("path", Rule::Required),
        ("path", Rule::Form(formats::volume_file)),
        ("mode", MODE),
    ]),
    of("DownwardAPIVolumeFile", "core: validateDownwardAPIVolumeFile", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::volume_file)),
        ("mode", MODE),
    ]),
    of("HostPathVolumeSource", "core: validateHostPathVolumeSource, validateHostPathType", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::no_backsteps)),
        ("type", Rule::OneOf(HOST_PATHS)),
    ]),
    of("PersistentVolumeClaimVolumeSource", "core: validatePersistentClaimVolumeSource", &[
        ("claimName", Rule::Required),
    ]),
    of("NFSVolumeSource", "core: validateNFSVolumeSource", &[
        ("server", Rule::Required),
        ("path", Rule::Required),
        ("path", Rule::Form(formats::absolute_path)),
    ]),
    of("EmptyDirVolumeSource", "core: validateVolumeSource", &[
        ("sizeLimit", Rule::NotNegative),
    ]),
    of("EphemeralVolumeSource", "core: validateEphemeralVolumeSource", &[
        ("volumeClaimTemplate", Rule::Required),
    ]),
    of("CSIVolumeSource", "core: ValidateCSIDriverName", &[
        ("driver", Rule::Required),
        ("driver", Rule::Form(csi_driver)),
    ]),
    of("ImageVolumeSource", "core: validateImageVolumeSource", &[
        ("reference", Rule::Required),
        ("pullPolicy", Rule::OneOf(&["Always", "IfNotPresent", "Never"])),
    ]),
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
    ("ProjectedVolumeSource", distinct_files, "core: validateProjectionSources"),
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

fn distinct_files(at: &At, found: &mut Found) {
    let mut seen = std::collections::HashSet::new();
    for source in at.list("sources") {
        for kind in ["secret", "configMap", "downwardAPI"] {
            let Some(source) = source.get(kind) else {
                continue;
            };
            for item in source.list("items") {
                let path = item.get("path").filter(|path| {
                    path.node
                        .as_str()
                        .is_some_and(|text| !text.is_empty() && !seen.insert(text.to_owned()))
                });
                if let Some(path) = path {
                    let value = path.node.as_str().unwrap_or_default().to_owned();
                    found.value(&path, Problem::Duplicate { what: "file", value });
                }
            }
        }
    }
}
