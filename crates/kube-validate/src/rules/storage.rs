//! PersistentVolumes, claims, classes; ConfigMaps and Secrets.

use super::volume::csi_driver;
use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, of};
use crate::error::Problem;
use crate::formats;
use yaml_spans::shorten;

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

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("PersistentVolume", "core: ValidatePersistentVolumeSpec", &[
        ("spec", Rule::Required),
    ]),
    of("PersistentVolumeClaim", "core: ValidatePersistentVolumeClaimSpec", &[
        ("spec", Rule::Required),
    ]),
    of("VolumeNodeAffinity", "core: validateVolumeNodeAffinity", &[
        ("required", Rule::Required),
    ]),
    of("CSIDriverSpec", "apply's list keys; storage: validateFSGroupPolicy, validateVolumeLifecycleModes", &[
        ("volumeLifecycleModes", Rule::Distinct("mode")),
        ("fsGroupPolicy", Rule::Exactly(&["ReadWriteOnceWithFSType", "File", "None"])),
        ("volumeLifecycleModes", Rule::Exactly(&["Persistent", "Ephemeral"])),
    ]),
    of("PersistentVolumeSpec", "core: ValidatePersistentVolumeSpec", &[
        ("accessModes", Rule::Required),
        ("accessModes", MODES),
        ("capacity", Rule::Required),
        ("capacity", Rule::Positive),
        ("persistentVolumeReclaimPolicy", Rule::OneOf(&["Retain", "Delete", "Recycle"])),
        ("storageClassName", CLASS),
        ("volumeMode", VOLUME_MODE),
    ]),
    of("PersistentVolumeClaimSpec", "core: ValidatePersistentVolumeClaimSpec", &[
        ("accessModes", Rule::Required),
        ("accessModes", MODES),
        ("storageClassName", CLASS),
        ("volumeMode", VOLUME_MODE),
    ]),
    of("VolumeResourceRequirements", "core: ValidatePersistentVolumeClaimSpec", &[
        ("requests", Rule::Positive),
    ]),
    of("CSIPersistentVolumeSource", "core: validateCSIPersistentVolumeSource, ValidateCSIDriverName", &[
        ("driver", Rule::Required),
        ("driver", Rule::Form(csi_driver)),
        ("volumeHandle", Rule::Required),
    ]),
    of("LocalVolumeSource", "core: validateLocalVolumeSource", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::no_backsteps)),
    ]),
    of("StorageClass", "storage: validateProvisioner, validateReclaimPolicy, validateVolumeBindingMode", &[
        ("provisioner", Rule::Required),
        ("provisioner", Rule::Form(formats::annotation_key)),
        ("reclaimPolicy", Rule::OneOf(&["Delete", "Retain"])),
        ("volumeBindingMode", Rule::Exactly(&["Immediate", "WaitForFirstConsumer"])),
    ]),
    of("VolumeAttributesClass", "storage: ValidateVolumeAttributesClass", &[
        ("driverName", Rule::Required),
    ]),
    of("ConfigMap", "core: ValidateConfigMap", &[
        ("data", Rule::Keys(formats::config_key)),
        ("binaryData", Rule::Keys(formats::config_key)),
    ]),
    of("Secret", "core: ValidateSecret", &[
        ("data", Rule::Keys(formats::config_key)),
        ("stringData", Rule::Keys(formats::config_key)),
    ]),
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
                found.key(&value, Problem::Duplicate { what: "key", value: shorten(key) }, None);
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
    let plain_json = plain.as_ref().and_then(|plain| plain.get(".dockerconfigjson"));
    if let Some(json) = plain_json.filter(|json| !json.node.as_str().is_some_and(is_json_map)) {
        found.value(&json, Problem::Conflict("registry credentials must be a JSON map".to_owned()));
    }
    for key in needed.iter().filter(|key| !holds(key)) {
        found.missing(data.as_ref().unwrap_or(at), key, Some(format!("`type: {kind}` needs it")));
    }
}

/// A file of registry credentials is JSON.
fn is_json_map(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
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
