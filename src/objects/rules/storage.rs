//! PersistentVolumes, claims, classes; ConfigMaps and Secrets.

use super::volume::csi_driver;
use super::{At, Check, CheckRow, Found, Row, Rule, exactly_one, row};
use crate::objects::error::Problem;
use crate::objects::formats;

const MODES: Rule =
    Rule::Exactly(&["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]);
const VOLUME_MODE: Rule = Rule::Exactly(&["Block", "Filesystem"]);
const CLASS: Rule = Rule::Form(formats::subdomain);

/// The sources that a PersistentVolume can have.
const SOURCES: &[&str] = &[
    "csi",
    "nfs",
    "hostPath",
    "local",
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
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
    row(
        "PersistentVolumeSpec",
        "accessModes",
        Rule::Required,
        "core: ValidatePersistentVolumeSpec",
    ),
    row("PersistentVolumeSpec", "accessModes", MODES, "core: ValidatePersistentVolumeSpec"),
    row("PersistentVolumeSpec", "capacity", Rule::Required, "core: ValidatePersistentVolumeSpec"),
    row("PersistentVolumeSpec", "capacity", Rule::Positive, "core: ValidatePersistentVolumeSpec"),
    row(
        "PersistentVolumeSpec",
        "persistentVolumeReclaimPolicy",
        Rule::OneOf(&["Retain", "Delete", "Recycle"]),
        "core: ValidatePersistentVolumeSpec",
    ),
    row("PersistentVolumeSpec", "storageClassName", CLASS, "core: ValidatePersistentVolumeSpec"),
    row("PersistentVolumeSpec", "volumeMode", VOLUME_MODE, "core: ValidatePersistentVolumeSpec"),
    row(
        "PersistentVolumeClaimSpec",
        "accessModes",
        Rule::Required,
        "core: ValidatePersistentVolumeClaimSpec",
    ),
    row(
        "PersistentVolumeClaimSpec",
        "accessModes",
        MODES,
        "core: ValidatePersistentVolumeClaimSpec",
    ),
    row(
        "PersistentVolumeClaimSpec",
        "storageClassName",
        CLASS,
        "core: ValidatePersistentVolumeClaimSpec",
    ),
    row(
        "PersistentVolumeClaimSpec",
        "volumeMode",
        VOLUME_MODE,
        "core: ValidatePersistentVolumeClaimSpec",
    ),
    row(
        "VolumeResourceRequirements",
        "requests",
        Rule::Positive,
        "core: ValidatePersistentVolumeClaimSpec",
    ),
    row(
        "CSIPersistentVolumeSource",
        "driver",
        Rule::Required,
        "core: validateCSIPersistentVolumeSource",
    ),
    row(
        "CSIPersistentVolumeSource",
        "driver",
        Rule::Form(csi_driver),
        "core: ValidateCSIDriverName",
    ),
    row(
        "CSIPersistentVolumeSource",
        "volumeHandle",
        Rule::Required,
        "core: validateCSIPersistentVolumeSource",
    ),
    row("LocalVolumeSource", "path", Rule::Required, "core: validateLocalVolumeSource"),
    row(
        "LocalVolumeSource",
        "path",
        Rule::Form(formats::no_backsteps),
        "core: validateLocalVolumeSource",
    ),
    row("StorageClass", "provisioner", Rule::Required, "storage: validateProvisioner"),
    row(
        "StorageClass",
        "provisioner",
        Rule::Form(formats::annotation_key),
        "storage: validateProvisioner",
    ),
    row(
        "StorageClass",
        "reclaimPolicy",
        Rule::OneOf(&["Delete", "Retain"]),
        "storage: validateReclaimPolicy",
    ),
    row(
        "StorageClass",
        "volumeBindingMode",
        Rule::Exactly(&["Immediate", "WaitForFirstConsumer"]),
        "storage: validateVolumeBindingMode",
    ),
    row(
        "CSIDriverSpec",
        "fsGroupPolicy",
        Rule::Exactly(&["ReadWriteOnceWithFSType", "File", "None"]),
        "storage: validateFSGroupPolicy",
    ),
    row(
        "CSIDriverSpec",
        "volumeLifecycleModes",
        Rule::Exactly(&["Persistent", "Ephemeral"]),
        "storage: validateVolumeLifecycleModes",
    ),
    row(
        "VolumeAttributesClass",
        "driverName",
        Rule::Required,
        "storage: ValidateVolumeAttributesClass",
    ),
    row("ConfigMap", "data", Rule::Keys(formats::config_key), "core: ValidateConfigMap"),
    row("ConfigMap", "binaryData", Rule::Keys(formats::config_key), "core: ValidateConfigMap"),
    row("Secret", "data", Rule::Keys(formats::config_key), "core: ValidateSecret"),
    row("Secret", "stringData", Rule::Keys(formats::config_key), "core: ValidateSecret"),
];

pub const CHECKS: &[CheckRow] = &[
    ("PersistentVolumeSpec", volume as Check, "core: ValidatePersistentVolumeSpec"),
    ("PersistentVolumeClaimSpec", claim, "core: ValidatePersistentVolumeClaimSpec"),
    ("ConfigMap", config_map, "core: ValidateConfigMap"),
    ("Secret", secret, "core: ValidateSecret"),
];

fn volume(at: &At, found: &mut Found) {
    exactly_one(at, SOURCES, "source of the volume", found);
    once_alone(at, found);
    if let Some(capacity) = at.get("capacity") {
        for (name, value) in capacity.entries().filter(|(name, _)| *name != "storage") {
            found.key(
                &value,
                Problem::Unknown(name.to_owned()),
                Some("must be `storage`".to_owned()),
            );
        }
        if at.len("capacity") > 0 && !capacity.has("storage") {
            found.missing(&capacity, "storage", None);
        }
    }
    if at.has("local") && !at.has("nodeAffinity") {
        found.missing(at, "nodeAffinity", Some("a local volume needs it".to_owned()));
    }
}

fn claim(at: &At, found: &mut Found) {
    once_alone(at, found);
    let resources = at.get("resources");
    let requests = resources.as_ref().and_then(|resources| resources.get("requests"));
    match (&requests, &resources) {
        (Some(requests), _) if !requests.has("storage") => found.missing(requests, "storage", None),
        (Some(_), _) => {}
        (None, Some(resources)) => found.missing(resources, "requests", None),
        (None, None) => found.missing(at, "resources", None),
    }
}

fn once_alone(at: &At, found: &mut Found) {
    let modes: Vec<At> = at.list("accessModes").collect();
    let once = modes.iter().find(|mode| mode.node.as_str() == Some("ReadWriteOncePod"));
    let others = modes.iter().any(|mode| mode.node.as_str() != Some("ReadWriteOncePod"));
    if let Some(once) = once.filter(|_| others) {
        found.value(
            once,
            Problem::Conflict("`ReadWriteOncePod` can't stand beside other modes".to_owned()),
        );
    }
}

/// Bytes that a ConfigMap or Secret may hold: `MaxSecretSize`.
const LARGEST: usize = 1 << 20;

fn config_map(at: &At, found: &mut Found) {
    let mut bytes = 0;
    if let Some(data) = at.get("data") {
        let binary = at.get("binaryData");
        for (key, value) in data.entries() {
            bytes += value.node.as_str().map_or(0, str::len);
            if binary.as_ref().is_some_and(|binary| binary.node.get(key).is_some()) {
                found.key(&value, Problem::Duplicate { what: "key", value: key.to_owned() }, None);
            }
        }
    }
    too_large(at, bytes + decoded(at, "binaryData"), found);
}

/// The bytes that base64 texts stand for.
fn decoded(at: &At, field: &str) -> usize {
    let data = at.get(field);
    let texts = data.iter().flat_map(At::entries).filter_map(|(_, value)| value.node.as_str());
    texts.map(|text| text.trim_end_matches('=').len() * 3 / 4).sum()
}

fn too_large(at: &At, bytes: usize, found: &mut Found) {
    if bytes > LARGEST {
        found.value(
            at,
            Problem::Conflict(format!("the data has {bytes} bytes, but may have {LARGEST}")),
        );
    }
}

fn secret(at: &At, found: &mut Found) {
    let plain = at.get("stringData");
    let plain_bytes: usize =
        plain.iter().flat_map(At::entries).map(|(_, v)| v.node.as_str().map_or(0, str::len)).sum();
    too_large(at, decoded(at, "data") + plain_bytes, found);
    let data = at.get("data");
    let holds = |key: &str| {
        let node = |map: &Option<At>| map.as_ref().is_some_and(|map| map.node.get(key).is_some());
        node(&data) || node(&plain)
    };
    let kind = at.text("type").unwrap_or("Opaque");
    let needed: &[&str] = match kind {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/basic-auth" if !holds("username") && !holds("password") => &["username"],
        "kubernetes.io/service-account-token" => return named_account(at, found),
        _ => &[],
    };
    for key in needed.iter().filter(|key| !holds(key)) {
        found.missing(data.as_ref().unwrap_or(at), key, Some(format!("`type: {kind}` needs it")));
    }
}

fn named_account(at: &At, found: &mut Found) {
    const KEY: &str = "kubernetes.io/service-account.name";
    let metadata = at.get("metadata");
    let annotations = metadata.as_ref().and_then(|metadata| metadata.get("annotations"));
    if annotations.as_ref().and_then(|annotations| annotations.text(KEY)).is_none() {
        let hint = Some(format!("the annotation `{KEY}` must name the account"));
        found.missing(metadata.as_ref().unwrap_or(at), "annotations", hint);
    }
}
