//! PersistentVolumes, claims and their classes, ConfigMaps and Secrets.

use super::volume::csi_driver_name;
use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules};
use crate::base64;
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

const ACCESS_MODES: Rule =
    Rule::Exactly(&["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]);
const VOLUME_MODE: Rule = Rule::Exactly(&["Block", "Filesystem"]);
const CLASS_NAME: Rule = Rule::Form(formats::dns_subdomain);

/// The kinds of source of a PersistentVolume.
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
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("PersistentVolume", "core: ValidatePersistentVolumeSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("PersistentVolumeClaim", "core: ValidatePersistentVolumeClaimSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("VolumeNodeAffinity", "core: validateVolumeNodeAffinity", &[
        ("required", Rule::Required),
    ]),
    type_rules("CSIDriverSpec", "apply's list keys; storage: validateFSGroupPolicy, validateVolumeLifecycleModes", &[
        ("volumeLifecycleModes", Rule::DistinctKeys("mode")),
        ("fsGroupPolicy", Rule::Exactly(&["ReadWriteOnceWithFSType", "File", "None"])),
        ("volumeLifecycleModes", Rule::Exactly(&["Persistent", "Ephemeral"])),
    ]),
    type_rules("PersistentVolumeSpec", "core: ValidatePersistentVolumeSpec", &[
        ("accessModes", Rule::Required),
        ("accessModes", ACCESS_MODES),
        ("capacity", Rule::Required),
        ("capacity", Rule::Positive),
        ("persistentVolumeReclaimPolicy", Rule::OneOf(&["Retain", "Delete", "Recycle"])),
        ("storageClassName", CLASS_NAME),
        ("volumeAttributesClassName", Rule::Strictly(formats::dns_subdomain)),
        ("volumeMode", VOLUME_MODE),
    ]),
    type_rules("PersistentVolumeClaimSpec", "core: ValidatePersistentVolumeClaimSpec", &[
        ("accessModes", Rule::Required),
        ("accessModes", ACCESS_MODES),
        ("storageClassName", CLASS_NAME),
        ("volumeAttributesClassName", CLASS_NAME),
        ("volumeMode", VOLUME_MODE),
    ]),
    type_rules("VolumeResourceRequirements", "core: ValidatePersistentVolumeClaimSpec", &[
        ("requests", Rule::Positive),
    ]),
    type_rules("CSIPersistentVolumeSource", "core: validateCSIPersistentVolumeSource, ValidateCSIDriverName", &[
        ("driver", Rule::Required),
        ("driver", Rule::Form(csi_driver_name)),
        ("volumeHandle", Rule::Required),
    ]),
    type_rules("LocalVolumeSource", "core: validateLocalVolumeSource", &[
        ("path", Rule::Required),
        ("path", Rule::Form(formats::no_backsteps)),
    ]),
    type_rules("StorageClass", "storage: validateProvisioner, validateReclaimPolicy, validateVolumeBindingMode", &[
        ("provisioner", Rule::Required),
        ("provisioner", Rule::Form(formats::annotation_key)),
        ("reclaimPolicy", Rule::OneOf(&["Delete", "Retain"])),
        ("volumeBindingMode", Rule::Exactly(&["Immediate", "WaitForFirstConsumer"])),
    ]),
    type_rules("TopologySelectorLabelRequirement", "core: validateTopologySelectorLabelRequirement", &[
        ("key", Rule::Strictly(formats::qualified_name)),
        ("values", Rule::Required),
        ("values", Rule::Distinct("value")),
    ]),
    type_rules("VolumeAttributesClass", "storage: ValidateVolumeAttributesClass", &[
        ("driverName", Rule::Required),
        ("driverName", Rule::Form(formats::annotation_key)),
        ("parameters", Rule::Required),
    ]),
    type_rules("ConfigMap", "core: ValidateConfigMap", &[
        ("data", Rule::Keys(formats::config_key)),
        ("binaryData", Rule::Keys(formats::config_key)),
    ]),
    type_rules("Secret", "core: ValidateSecret", &[
        ("data", Rule::Keys(formats::config_key)),
        ("stringData", Rule::Keys(formats::config_key)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("PersistentVolumeSpec", persistent_volume as Check, "core: ValidatePersistentVolumeSpec"),
    ("PersistentVolumeClaimSpec", claim_requests, "core: ValidatePersistentVolumeClaimSpec"),
    ("PersistentVolumeClaimSpec", data_source, "core: validateDataSource, validateDataSourceRef"),
    ("CinderPersistentVolumeSource", cinder_secret, "core: validateCinderPersistentVolumeSource"),
    ("CSIPersistentVolumeSource", csi_secrets, "core: validatePVSecretReference"),
    ("StorageClass", topologies, "storage: validateAllowedTopologies"),
    ("StorageClass", parameters, "storage: validateParameters"),
    ("ConfigMap", config_map_data, "core: ValidateConfigMap"),
    ("Secret", secret_data, "core: ValidateSecret"),
];

fn persistent_volume(node: &NodeRef, findings: &mut Findings) {
    exactly_one(node, SOURCES, "source of the volume", findings);
    exclusive_access_mode(node, findings);
    if let Some(capacity) = node.get("capacity") {
        for (name, value) in capacity.entries().filter(|(name, _)| *name != "storage") {
            findings.report_key(
                &value,
                Problem::Unknown(truncate(name)),
                Some("expected `storage`".into()),
            );
        }
        if node.len_of("capacity") > 0 && !capacity.has("storage") {
            findings.report_missing(&capacity, "storage");
        }
    }
    let host_path = node.get("hostPath");
    if let Some(path) = host_path.as_ref().and_then(|source| source.text("path"))
        && node.text("persistentVolumeReclaimPolicy") == Some("Recycle")
        && is_root(path)
        && let Some(policy) = node.get("persistentVolumeReclaimPolicy")
    {
        findings.report_conflict(&policy, "`Recycle` can't be combined with a `hostPath` of `/`");
    }
    if let Some(class) = node.get("volumeAttributesClassName").filter(|_| !node.has("csi")) {
        findings.report_conflict(&class, "`volumeAttributesClassName` needs `csi`");
    }
    if node.has("local") && !node.has("nodeAffinity") {
        findings.report_missing_with_hint(node, "nodeAffinity", "required by `local`");
    }
}

/// Returns true for a path of slashes and dots: Go's `path.Clean` makes `/` of it.
fn is_root(path: &str) -> bool {
    path.starts_with('/') && path.split('/').all(|part| matches!(part, "" | "." | ".."))
}

/// The references of a CSI volume to Secrets.
const CSI_SECRETS: [&str; 4] = [
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
];

fn cinder_secret(node: &NodeRef, findings: &mut Findings) {
    let Some(secret) = node.get("secretRef") else {
        return;
    };
    for field in ["name", "namespace"] {
        if secret.text(field).is_none() {
            findings.report_missing(&secret, field);
        }
    }
}

fn csi_secrets(node: &NodeRef, findings: &mut Findings) {
    for field in CSI_SECRETS {
        let Some(secret) = node.get(field) else { continue };
        let forms: [(&str, formats::Form); 2] =
            [("name", formats::dns_subdomain), ("namespace", formats::dns_label)];
        for (field, form) in forms {
            match secret.get(field).filter(|_| secret.text(field).is_some()) {
                None => findings.report_missing(&secret, field),
                Some(value) => super::check_rule(&Rule::Form(form), &value, findings),
            }
        }
    }
}

/// A claim's source of data is named once, or twice alike.
fn data_source(node: &NodeRef, findings: &mut Findings) {
    for field in ["dataSource", "dataSourceRef"] {
        let Some(source) = node.get(field) else { continue };
        // Of other kinds, the server drops `dataSource` (pvc: EnforceDataSourceBackwardsCompatibility).
        let kept = matches!(
            (source.text("apiGroup"), source.text("kind")),
            (None, Some("PersistentVolumeClaim"))
                | (Some("snapshot.storage.k8s.io"), Some("VolumeSnapshot"))
        );
        if field == "dataSource" && !kept {
            continue;
        }
        let has_group = source.text("apiGroup").is_some();
        if let Some(group) = source.get("apiGroup") {
            super::check_rule(&Rule::Form(formats::dns_subdomain), &group, findings);
        }
        for needed in ["kind", "name"] {
            if source.text(needed).is_none() {
                findings.report_missing(&source, needed);
            }
        }
        if let Some(kind) = source.get("kind")
            && !has_group
            && kind.as_str().is_some_and(|text| !matches!(text, "" | "PersistentVolumeClaim"))
        {
            let message = "a source without `apiGroup` must be a PersistentVolumeClaim";
            findings.report(&kind, Problem::conflict(message));
        }
    }
    let (Some(source), Some(reference)) = (node.get("dataSource"), node.get("dataSourceRef"))
    else {
        return;
    };
    let differs =
        ["apiGroup", "kind", "name"].iter().any(|key| source.text(key) != reference.text(key));
    if differs {
        findings.report(&reference, Problem::conflict("`dataSourceRef` differs from `dataSource`"));
    }
}

fn claim_requests(node: &NodeRef, findings: &mut Findings) {
    exclusive_access_mode(node, findings);
    let resources = node.get("resources");
    let requests = resources.as_ref().and_then(|resources| resources.get("requests"));
    match (&requests, &resources) {
        (Some(requests), _) if !requests.has("storage") => {
            findings.report_missing(requests, "storage")
        }
        (Some(_), _) => {}
        (None, Some(resources)) => findings.report_missing(resources, "requests"),
        (None, None) => findings.report_missing(node, "resources"),
    }
}

fn exclusive_access_mode(node: &NodeRef, findings: &mut Findings) {
    let modes: Vec<NodeRef> = node.items_of("accessModes").collect();
    let once = modes.iter().find(|mode| mode.as_str() == Some("ReadWriteOncePod"));
    let others = modes.iter().any(|mode| mode.as_str() != Some("ReadWriteOncePod"));
    if let Some(once) = once.filter(|_| others) {
        findings.report(
            once,
            Problem::conflict("`ReadWriteOncePod` can't be combined with other access modes"),
        );
    }
}

/// The terms of a class are not empty, and none is there twice.
fn topologies(node: &NodeRef, findings: &mut Findings) {
    let mut seen = Vec::new();
    for term in node.items_of("allowedTopologies") {
        let expressions = term.items_of("matchLabelExpressions");
        super::unique_by_field(expressions, "key", "key", findings);
        let mut keys: Vec<(String, Vec<String>)> = term
            .items_of("matchLabelExpressions")
            .filter_map(|expression| {
                let values = expression.items_of("values");
                let mut values: Vec<String> =
                    values.filter_map(|value| Some(value.as_str()?.to_owned())).collect();
                values.sort();
                Some((expression.text("key")?.to_owned(), values))
            })
            .collect();
        keys.sort();
        if keys.is_empty() || seen.contains(&keys) {
            findings.report(&term, Problem::conflict("the term is empty, or there twice"));
        }
        seen.push(keys);
    }
}

/// The most parameters of a class, and the most bytes of all of them.
const MAX_PARAMETERS: usize = 512;
const MAX_PARAMETER_BYTES: usize = 256 << 10;

fn parameters(node: &NodeRef, findings: &mut Findings) {
    let Some(parameters) = node.get("parameters") else {
        return;
    };
    let bytes: usize = parameters
        .entries()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if node.len_of("parameters") > MAX_PARAMETERS || bytes > MAX_PARAMETER_BYTES {
        findings.report_conflict(&parameters, "expected at most 512 parameters and 256Ki in all");
    }
    if let Some((_, value)) = parameters.entries().find(|(key, _)| key.is_empty()) {
        findings.report_invalid_key(&value, "", "a name", "parameters");
    }
}

/// The most bytes of data in a ConfigMap or Secret: `MaxSecretSize`, 1Mi.
const MAX_DATA_BYTES: usize = 1 << 20;

fn config_map_data(node: &NodeRef, findings: &mut Findings) {
    let mut bytes = 0;
    if let Some(data) = node.get("data") {
        let binary = node.get("binaryData");
        for (key, value) in data.entries() {
            bytes += value.as_str().map_or(0, str::len);
            if binary.as_ref().is_some_and(|binary| binary.yaml.get(key).is_some()) {
                findings.report_key(
                    &value,
                    Problem::Duplicate { what: "key", value: truncate(key) },
                    None,
                );
            }
        }
    }
    check_data_size(node, bytes + decoded_size(node, "binaryData"), findings);
}

/// The number of bytes that a map's base64 texts decode to.
fn decoded_size(node: &NodeRef, field: &str) -> usize {
    let data = node.get(field);
    let texts = data.iter().flat_map(NodeRef::entries).filter_map(|(_, value)| value.as_str());
    texts.map(|text| text.trim_end_matches('=').len() * 3 / 4).sum()
}

fn check_data_size(node: &NodeRef, bytes: usize, findings: &mut Findings) {
    if bytes > MAX_DATA_BYTES {
        findings.report(
            node,
            Problem::Conflict(format!("the data has {bytes} bytes: expected at most 1Mi")),
        );
    }
}

fn secret_data(node: &NodeRef, findings: &mut Findings) {
    let plain = node.get("stringData");
    let plain_bytes: usize =
        plain.iter().flat_map(NodeRef::entries).map(|(_, v)| v.as_str().map_or(0, str::len)).sum();
    check_data_size(node, decoded_size(node, "data") + plain_bytes, findings);
    let data = node.get("data");
    let kind = node.text("type").unwrap_or("Opaque");
    let needed: &[&str] = match kind {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/basic-auth"
            if !has_data(node, "username") && !has_data(node, "password") =>
        {
            &["username"]
        }
        "kubernetes.io/service-account-token" => return service_account_annotation(node, findings),
        _ => &[],
    };
    for key in needed.iter().filter(|key| key.starts_with(".docker")) {
        // A plain text replaces an encoded one.
        let plain_json = plain.as_ref().and_then(|plain| plain.get(key));
        let encoded = data.as_ref().and_then(|data| data.get(key));
        let is_map = match (&plain_json, &encoded) {
            (Some(json), _) => json.as_str().is_some_and(|text| is_json_map(text.as_bytes())),
            (None, Some(json)) => {
                let bytes = json.as_str().and_then(base64::decode);
                bytes.is_none_or(|bytes| is_json_map(&bytes))
            }
            (None, None) => true,
        };
        if let Some(json) = plain_json.or(encoded).filter(|_| !is_map) {
            findings.report(&json, Problem::conflict(format!("`{key}` is not a JSON map")));
        }
    }
    let key = "ssh-privatekey";
    let is_empty = |map: &Option<NodeRef>| {
        map.as_ref().is_some_and(|map| map.has(key) && map.text(key).is_none())
    };
    if kind == "kubernetes.io/ssh-auth"
        && has_data(node, key)
        && (is_empty(&plain)
            || (is_empty(&data) && !plain.as_ref().is_some_and(|plain| plain.has(key))))
    {
        findings.report(node, Problem::Empty(key.to_owned()));
    }
    for key in needed.iter().filter(|key| !has_data(node, key)) {
        findings.report_missing_with_hint(
            data.as_ref().unwrap_or(node),
            key,
            format!("required by `type: {kind}`"),
        );
    }
}

/// Returns true if a Secret has a key, encoded or plain.
fn has_data(secret: &NodeRef, key: &str) -> bool {
    ["data", "stringData"]
        .iter()
        .any(|field| secret.get(field).is_some_and(|map| map.yaml.get(key).is_some()))
}

/// Returns true for a JSON map, as files with registry credentials are.
fn is_json_map(bytes: &[u8]) -> bool {
    type Map = serde_json::Map<String, serde_json::Value>;
    serde_json::from_slice::<Option<Map>>(bytes).is_ok()
}

fn service_account_annotation(node: &NodeRef, findings: &mut Findings) {
    const KEY: &str = "kubernetes.io/service-account.name";
    let metadata = node.get("metadata");
    let annotations = metadata.as_ref().and_then(|metadata| metadata.get("annotations"));
    if annotations.as_ref().and_then(|annotations| annotations.text(KEY)).is_none() {
        let hint = format!("the annotation `{KEY}` must name the account");
        let owner = metadata.as_ref().unwrap_or(node);
        findings.report_missing_with_hint(owner, "annotations", hint);
    }
}
