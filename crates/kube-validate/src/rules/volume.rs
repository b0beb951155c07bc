//! Volumes of Pods.

use super::environment::{container_resource, field_path};
use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, at_most_one, exactly_one, type_rules,
};
use crate::error::Problem;
use crate::formats;
use yaml_spans::{Value, truncate};

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
    type_rules("GitRepoVolumeSource", "core: validateGitRepoVolumeSource", &[
        ("repository", Rule::Required),
        ("directory", Rule::Form(formats::descending_path)),
    ]),
    type_rules("ISCSIVolumeSource", "core: validateISCSIVolumeSource", ISCSI),
    type_rules("ISCSIPersistentVolumeSource", "core: validateISCSIPersistentVolumeSource", ISCSI),
    type_rules("FCVolumeSource", "core: validateFCVolumeSource", &[
        ("lun", Rule::Range(0, 255)),
    ]),
    type_rules("GCEPersistentDiskVolumeSource", "core: validateGCEPersistentDiskVolumeSource", &[
        ("pdName", Rule::Required),
        ("partition", Rule::Range(0, 255)),
    ]),
    type_rules("AWSElasticBlockStoreVolumeSource", "core: validateAWSElasticBlockStoreVolumeSource", &[
        ("volumeID", Rule::Required),
        ("partition", Rule::Range(0, 255)),
    ]),
    type_rules("RBDVolumeSource", "core: validateRBDVolumeSource", &[
        ("monitors", Rule::Required),
        ("image", Rule::Required),
    ]),
    type_rules("RBDPersistentVolumeSource", "core: validateRBDPersistentVolumeSource", &[
        ("monitors", Rule::Required),
        ("image", Rule::Required),
    ]),
    type_rules("CephFSVolumeSource", "core: validateCephFSVolumeSource", &[
        ("monitors", Rule::Required),
    ]),
    type_rules("CephFSPersistentVolumeSource", "core: validateCephFSPersistentVolumeSource", &[
        ("monitors", Rule::Required),
    ]),
    type_rules("CinderVolumeSource", "core: validateCinderVolumeSource", &[
        ("volumeID", Rule::Required),
    ]),
    type_rules("CinderPersistentVolumeSource", "core: validateCinderPersistentVolumeSource", &[
        ("volumeID", Rule::Required),
    ]),
    type_rules("FlexVolumeSource", "core: validateFlexVolumeSource", &[
        ("driver", Rule::Required),
        ("options", Rule::Keys(flex_option)),
    ]),
    type_rules("FlexPersistentVolumeSource", "core: validateFlexPersistentVolumeSource", &[
        ("driver", Rule::Required),
        ("options", Rule::Keys(flex_option)),
    ]),
    type_rules("AzureFileVolumeSource", "core: validateAzureFile", &[
        ("secretName", Rule::Required),
        ("shareName", Rule::Required),
    ]),
    type_rules("AzureFilePersistentVolumeSource", "core: validateAzureFilePV", &[
        ("secretName", Rule::Required),
        ("shareName", Rule::Required),
        ("secretNamespace", Rule::Strictly(non_empty)),
    ]),
    type_rules("AzureDiskVolumeSource", "core: validateAzureDisk", &[
        ("diskName", Rule::Required),
        ("diskURI", Rule::Required),
        ("cachingMode", Rule::Exactly(&["None", "ReadOnly", "ReadWrite"])),
        ("kind", Rule::Exactly(&["Shared", "Dedicated", "Managed"])),
    ]),
    type_rules("VsphereVirtualDiskVolumeSource", "core: validateVsphereVolumeSource", &[
        ("volumePath", Rule::Required),
    ]),
    type_rules("PortworxVolumeSource", "core: validatePortworxVolumeSource", &[
        ("volumeID", Rule::Required),
    ]),
    type_rules("GlusterfsVolumeSource", "core: validateGlusterfsVolumeSource", &[
        ("endpoints", Rule::Required),
        ("path", Rule::Required),
    ]),
    type_rules("GlusterfsPersistentVolumeSource", "core: validateGlusterfsPersistentVolumeSource", &[
        ("endpoints", Rule::Required),
        ("path", Rule::Required),
        ("endpointsNamespace", Rule::Strictly(formats::dns_label)),
    ]),
    type_rules("QuobyteVolumeSource", "core: validateQuobyteVolumeSource", &[
        ("registry", Rule::Required),
        ("registry", Rule::Form(registries)),
        ("volume", Rule::Required),
    ]),
    type_rules("ScaleIOVolumeSource", "core: validateScaleIOVolumeSource", SCALE_IO),
    type_rules("ScaleIOPersistentVolumeSource", "core: validateScaleIOPersistentVolumeSource", SCALE_IO),
    type_rules("StorageOSVolumeSource", "core: validateStorageOSVolumeSource", STORAGE_OS),
    type_rules("StorageOSPersistentVolumeSource", "core: validateStorageOSPersistentVolumeSource", STORAGE_OS),
    type_rules("PhotonPersistentDiskVolumeSource", "core: validatePhotonPersistentDiskVolumeSource", &[
        ("pdID", Rule::Required),
    ]),
    type_rules("PodCertificateProjection", "core: validateProjectionSources", &[
        ("signerName", Rule::Strictly(formats::signer_name)),
        ("keyType", Rule::Exactly(&["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"])),
        ("credentialBundlePath", Rule::Form(formats::volume_file)),
        ("keyPath", Rule::Form(formats::volume_file)),
        ("certificateChainPath", Rule::Form(formats::volume_file)),
        ("maxExpirationSeconds", Rule::Range(3600, 91 * 24 * 3600)),
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

const ISCSI: &[(&str, Rule)] = &[
    ("targetPortal", Rule::Required),
    ("iqn", Rule::Required),
    ("iqn", Rule::Form(iscsi_name)),
    ("initiatorName", Rule::Strictly(iscsi_name)),
    ("lun", Rule::Range(0, 255)),
];

const SCALE_IO: &[(&str, Rule)] =
    &[("gateway", Rule::Required), ("system", Rule::Required), ("volumeName", Rule::Required)];

const STORAGE_OS: &[(&str, Rule)] = &[
    ("volumeName", Rule::Required),
    ("volumeName", Rule::Form(formats::dns_label)),
    ("volumeNamespace", Rule::Form(formats::dns_label)),
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
    ("ISCSIVolumeSource", iscsi_secret, "core: validateISCSIVolumeSource"),
    ("ISCSIPersistentVolumeSource", iscsi_secret, "core: validateISCSIPersistentVolumeSource"),
    ("FlockerVolumeSource", flocker_dataset, "core: validateFlockerVolumeSource"),
    ("FCVolumeSource", fibre_channel, "core: validateFCVolumeSource"),
    ("AzureDiskVolumeSource", azure_disk, "core: validateAzureDisk"),
    ("CinderVolumeSource", cinder_secret, "core: validateCinderVolumeSource"),
    ("CSIVolumeSource", csi_secret, "core: validateCSIVolumeSource"),
    ("ClusterTrustBundleProjection", trust_bundle, "core: validateProjectionSources"),
    ("PodCertificateProjection", certificate_files, "core: validateProjectionSources"),
    ("EphemeralVolumeSource", claim_template, "core: ValidateTemplateObjectMeta"),
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

fn non_empty(text: &str) -> Result<(), &'static str> {
    if text.is_empty() { Err("a text that is not empty") } else { Ok(()) }
}

/// Checks an option of a Flex volume: its domain must not be Kubernetes' own.
fn flex_option(text: &str) -> Result<(), &'static str> {
    let domain = text.split_once('/').map_or(text, |(domain, _)| domain).to_ascii_lowercase();
    let is_reserved = ["kubernetes.io", "k8s.io"].iter().any(|own| {
        domain.strip_suffix(own).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    if is_reserved { Err("a domain other than `kubernetes.io` and `k8s.io`") } else { Ok(()) }
}

/// Checks an iSCSI name: `iqn.YYYY-MM.domain:name`, or `eui.` or `naa.` and a number.
fn iscsi_name(text: &str) -> Result<(), &'static str> {
    let number = |prefix: &str, length: usize| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() == length + 1
                && rest.chars().skip(1).all(|digit| digit.is_ascii_alphanumeric())
        })
    };
    if is_qualified_iscsi_name(text) || number("eui", 16) || number("naa", 32) {
        Ok(())
    } else {
        Err("an iSCSI name, such as `iqn.2001-04.com.example:storage`")
    }
}

fn is_qualified_iscsi_name(text: &str) -> bool {
    let Some((domain, name)) = text.strip_prefix("iqn.").and_then(|rest| rest.split_once(':'))
    else {
        return false;
    };
    let Some((date, domain)) = domain.split_once('.') else {
        return false;
    };
    let is_date = date.len() == 7
        && date.char_indices().all(|(at, c)| if at == 4 { c == '-' } else { c.is_ascii_digit() });
    let is_domain = !domain.is_empty()
        && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let is_name = !name.is_empty()
        && !name.contains(|c: char| {
            matches!(c, ',' | ';' | '*' | '&' | '$' | '|') || c.is_whitespace()
        });
    is_date && is_domain && is_name
}

fn iscsi_secret(node: &NodeRef, findings: &mut Findings) {
    let secret = node.get("secretRef");
    for field in ["chapAuthDiscovery", "chapAuthSession"] {
        if node.is_true(field) && secret.is_none() {
            findings.report_missing_with_hint(node, "secretRef", format!("required by `{field}`"));
            return;
        }
    }
}

fn fibre_channel(node: &NodeRef, findings: &mut Findings) {
    let (names, wide) = (node.len_of("targetWWNs") > 0, node.len_of("wwids") > 0);
    if names && !node.has("lun") {
        findings.report_missing_with_hint(node, "lun", "required by `targetWWNs`");
    }
    if names == wide {
        let message = "the volume needs either `targetWWNs` or `wwids`";
        findings.report(node, Problem::conflict(message));
    }
}

fn flocker_dataset(node: &NodeRef, findings: &mut Findings) {
    let (name, id) = (node.text("datasetName"), node.text("datasetUUID"));
    if name.is_some() == id.is_some() {
        let message = "the volume needs either `datasetName` or `datasetUUID`";
        findings.report(node, Problem::conflict(message));
    }
    if let Some(field) = node.get("datasetName")
        && let Some(name) = name.filter(|name| name.contains('/'))
    {
        findings.report_invalid(&field, name, "a name without `/`");
    }
}

/// Checks hosts with ports, separated by commas.
fn registries(text: &str) -> Result<(), &'static str> {
    let has_port = |pair: &str| {
        pair.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'))
    };
    if text.split(',').all(has_port) { Ok(()) } else { Err("hosts with ports, such as `a:7861`") }
}

fn azure_disk(node: &NodeRef, findings: &mut Findings) {
    let (Some(uri), Some(kind)) = (node.get("diskURI"), node.text("kind")) else {
        return;
    };
    let text = uri.as_str().unwrap_or_default();
    let prefix = if kind == "Managed" { "/subscriptions/" } else { "https://" };
    if !text.starts_with(prefix) {
        let expected = format!("a disk that starts with `{prefix}`, because of `kind: {kind}`");
        findings.report_invalid(&uri, text, &expected);
    }
}

fn cinder_secret(node: &NodeRef, findings: &mut Findings) {
    if let Some(secret) = node.get("secretRef").filter(|secret| secret.text("name").is_none()) {
        findings.report_missing(&secret, "name");
    }
}

fn csi_secret(node: &NodeRef, findings: &mut Findings) {
    let Some(secret) = node.get("nodePublishSecretRef") else {
        return;
    };
    match secret.get("name").filter(|_| secret.text("name").is_some()) {
        None => findings.report_missing(&secret, "name"),
        Some(name) => {
            super::check_rule(&Rule::Form(formats::dns_subdomain), &name, findings);
        }
    }
}

fn trust_bundle(node: &NodeRef, findings: &mut Findings) {
    exactly_one(node, &["name", "signerName"], "source of the bundle", findings);
    if let Some(name) = node.get("name") {
        super::check_rule(&Rule::Required, &name, findings);
    }
    if let Some(signer) = node.get("signerName") {
        super::check_rule(&Rule::Strictly(formats::signer_name), &signer, findings);
    }
    if let Some(selector) = node.get("labelSelector").filter(|_| node.has("name")) {
        findings.report_conflict(&selector, "`labelSelector` can't be combined with `name`");
    }
}

fn certificate_files(node: &NodeRef, findings: &mut Findings) {
    let files = ["credentialBundlePath", "keyPath", "certificateChainPath"];
    if files.iter().all(|file| node.text(file).is_none()) {
        findings.report_missing(node, files[0]);
    }
}

/// A claim's template has labels and annotations; its name comes from the Pod.
fn claim_template(node: &NodeRef, findings: &mut Findings) {
    let template = node.get("volumeClaimTemplate");
    if let Some(metadata) = template.as_ref().and_then(|template| template.get("metadata")) {
        only_labels(&metadata, findings);
    }
}

/// Reports what a template's metadata must not have: all but labels and annotations
/// (core: ValidateTemplateObjectMeta).
pub fn only_labels(metadata: &NodeRef, findings: &mut Findings) {
    for (field, value) in metadata.entries() {
        let is_empty = match &value.yaml.value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Sequence(items) => items.is_empty(),
            _ => false,
        };
        if !matches!(field, "labels" | "annotations") && !is_empty {
            let message = format!("`{}` is not allowed in a claim's template", truncate(field));
            findings.report_conflict(&value, message);
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
