//! A Pod's metadata, or that of a Pod's template, together with its spec.

use super::container::all_containers;
use super::{Check, CheckRow, Findings, NodeRef};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

pub const CHECKS: &[CheckRow] = &[
    ("Pod", pod_annotations as Check, "core: ValidatePodSpecificAnnotations"),
    ("PodTemplateSpec", pod_annotations, "core: ValidatePodSpecificAnnotations"),
    (
        "Pod",
        profile_annotations,
        "core: validateSeccompAnnotationsAndFields, validateAppArmorAnnotationsAndFieldsMatchOnCreate",
    ),
    (
        "PodTemplateSpec",
        profile_annotations,
        "core: validateSeccompAnnotationsAndFields, validateAppArmorAnnotationsAndFieldsMatchOnCreate",
    ),
    ("Pod", no_ephemeral_containers, "core: ValidatePodCreate"),
    ("PodTemplateSpec", no_ephemeral_containers, "core: ValidatePodTemplateSpec"),
    ("Pod", gated_node_name, "core: ValidatePodCreate"),
    ("Pod", image_spaces, "core: validateContainersOnlyForPod"),
    ("Pod", merged_label_keys, "core/pod strategy: applyMatchLabelKeysAndMismatchLabelKeys"),
    ("Pod", ephemeral_claims, "core: ValidateVolumes, validateVolumeSource"),
];

const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

fn pod_annotations(node: &NodeRef, findings: &mut Findings) {
    let metadata = node.get("metadata");
    let Some(annotations) = metadata.as_ref().and_then(|metadata| metadata.get("annotations"))
    else {
        return;
    };
    let spec = node.get("spec");
    for (key, value) in annotations.entries() {
        let text = value.as_str().unwrap_or_default();
        let expected = match key {
            "controller.kubernetes.io/pod-deletion-cost" if !is_deletion_cost(text) => {
                "a whole number of 32 bits, without leading zeros"
            }
            "scheduler.alpha.kubernetes.io/tolerations" if !is_json_list(text) => {
                "a JSON list of tolerations"
            }
            SECCOMP_POD if !is_seccomp(text) => SECCOMP,
            _ if key.starts_with(SECCOMP_CONTAINER) && !is_seccomp(text) => SECCOMP,
            _ if key.starts_with(APP_ARMOR) && !is_app_armor(text) => {
                "`runtime/default`, `unconfined` or `localhost/` and a profile"
            }
            _ => "",
        };
        if !expected.is_empty() {
            findings.report_invalid(&value, text, expected);
        }
        if key == "kubernetes.io/config.mirror"
            && spec.as_ref().and_then(|spec| spec.text("nodeName")).is_none()
        {
            findings.report_conflict(&value, "a mirror Pod needs `nodeName`");
        }
        if let Some(name) = key.strip_prefix(APP_ARMOR)
            && !spec.iter().flat_map(all_containers).any(|one| one.text("name") == Some(name))
        {
            let problem = Problem::NotFound { what: "container", name: truncate(name) };
            findings.report_key(&value, problem, None);
        }
    }
}

const SECCOMP: &str = "`runtime/default`, `unconfined` or `localhost/` and a relative path";

/// core/helper: GetDeletionCostFromPodAnnotations.
fn is_deletion_cost(text: &str) -> bool {
    let first = text.bytes().next().unwrap_or_default();
    let starts = text == "0" || first == b'-' || (b'1'..=b'9').contains(&first);
    starts && text.parse::<i32>().is_ok()
}

fn is_json_list(text: &str) -> bool {
    text.is_empty() || serde_json::from_str::<Option<Vec<serde_json::Value>>>(text).is_ok()
}

/// core: ValidateSeccompProfile.
fn is_seccomp(text: &str) -> bool {
    matches!(text, "runtime/default" | "docker/default" | "unconfined")
        || text
            .strip_prefix("localhost/")
            .is_some_and(|path| formats::descending_path(path).is_ok())
}

/// core: ValidateAppArmorProfileFormat.
fn is_app_armor(text: &str) -> bool {
    matches!(text, "" | "runtime/default" | "unconfined") || text.starts_with("localhost/")
}

/// A profile in an annotation is the one in the field, if both are given.
fn profile_annotations(node: &NodeRef, findings: &mut Findings) {
    let metadata = node.get("metadata");
    let annotations = metadata.as_ref().and_then(|metadata| metadata.get("annotations"));
    let (Some(annotations), Some(spec)) = (annotations, node.get("spec")) else {
        return;
    };
    let text = |key: &str| annotations.yaml.get(key).and_then(|value| value.as_str());
    let pod = spec.get("securityContext");
    if let Some(profile) = pod.as_ref().and_then(|pod| pod.get("seccompProfile"))
        && let Some(annotation) = text(SECCOMP_POD)
    {
        same_profile(&profile, annotation, &["runtime/default", "docker/default"], findings);
    }
    let windows = spec.get("os").is_some_and(|os| os.text("name") == Some("windows"));
    for container in all_containers(&spec) {
        let name = container.text("name").unwrap_or_default();
        let own = container.get("securityContext");
        if let Some(profile) = own.as_ref().and_then(|own| own.get("seccompProfile"))
            && let Some(annotation) = text(&format!("{SECCOMP_CONTAINER}{name}"))
        {
            same_profile(&profile, annotation, &["runtime/default", "docker/default"], findings);
        }
        let inherited = || pod.as_ref().and_then(|pod| pod.get("appArmorProfile"));
        let profile = own.as_ref().and_then(|own| own.get("appArmorProfile")).or_else(inherited);
        if let Some(profile) = profile
            && let Some(annotation) = text(&format!("{APP_ARMOR}{name}"))
            && !windows
        {
            same_profile(&profile, annotation, &["runtime/default"], findings);
        }
    }
}

fn same_profile(profile: &NodeRef, annotation: &str, defaults: &[&str], findings: &mut Findings) {
    let is_same = match profile.text("type") {
        Some("Unconfined") => annotation == "unconfined",
        Some("RuntimeDefault") => defaults.contains(&annotation),
        Some("Localhost") => {
            annotation.strip_prefix("localhost/") == profile.text("localhostProfile")
        }
        _ => true,
    };
    if !is_same {
        let message =
            format!("the profile is not that of the annotation, `{}`", truncate(annotation));
        findings.report(profile, Problem::Conflict(message));
    }
}

fn no_ephemeral_containers(node: &NodeRef, findings: &mut Findings) {
    let spec = node.get("spec");
    let Some(spec) = spec.filter(|spec| spec.len_of("ephemeralContainers") > 0) else {
        return;
    };
    if let Some(containers) = spec.get("ephemeralContainers") {
        let message = "`ephemeralContainers` can only be added to a running Pod";
        findings.report_conflict(&containers, message);
    }
}

fn gated_node_name(node: &NodeRef, findings: &mut Findings) {
    let Some(spec) = node.get("spec").filter(|spec| spec.len_of("schedulingGates") > 0) else {
        return;
    };
    if let Some(name) = spec.get("nodeName").filter(|_| spec.text("nodeName").is_some()) {
        findings.report_conflict(&name, "`nodeName` can't be combined with `schedulingGates`");
    }
}

fn image_spaces(node: &NodeRef, findings: &mut Findings) {
    let spec = node.get("spec");
    for container in spec.iter().flat_map(all_containers) {
        if let Some(image) = container.get("image")
            && let Some(text) = image.as_str().filter(|text| text.trim() != *text)
        {
            findings.report_invalid(&image, text, "an image without spaces around it");
        }
    }
}

/// The server adds the Pod's own values of `matchLabelKeys` to the selector, which must not have the
/// key yet.
fn merged_label_keys(node: &NodeRef, findings: &mut Findings) {
    let (Some(metadata), Some(spec)) = (node.get("metadata"), node.get("spec")) else {
        return;
    };
    let Some(labels) = metadata.get("labels") else {
        return;
    };
    for constraint in spec.items_of("topologySpreadConstraints") {
        merged_keys(&constraint, &labels, findings);
    }
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let Some(affinity) = spec.get("affinity") else {
        return;
    };
    for field in ["podAffinity", "podAntiAffinity"] {
        let Some(terms) = affinity.get(field) else { continue };
        for term in terms.items_of(REQUIRED) {
            merged_keys(&term, &labels, findings);
        }
        for weighted in terms.items_of(PREFERRED) {
            if let Some(term) = weighted.get("podAffinityTerm") {
                merged_keys(&term, &labels, findings);
            }
        }
    }
}

fn merged_keys(term: &NodeRef, labels: &NodeRef, findings: &mut Findings) {
    let Some(selector) = term.get("labelSelector") else {
        return;
    };
    let wanted = selector.get("matchLabels");
    for key in term.items_of("matchLabelKeys") {
        let Some(text) = key.as_str().filter(|text| labels.yaml.get(text).is_some()) else {
            continue;
        };
        let in_labels = wanted.as_ref().is_some_and(|labels| labels.yaml.get(text).is_some());
        let in_expressions =
            selector.items_of("matchExpressions").any(|one| one.text("key") == Some(text));
        if in_labels || in_expressions {
            let message = format!("`{}` is in `labelSelector` too", truncate(text));
            findings.report(&key, Problem::Conflict(message));
        }
    }
}

/// The claim of an ephemeral volume is named for the Pod and the volume.
fn ephemeral_claims(node: &NodeRef, findings: &mut Findings) {
    let metadata = node.get("metadata");
    let (Some(pod), Some(spec)) =
        (metadata.as_ref().and_then(|metadata| metadata.text("name")), node.get("spec"))
    else {
        return;
    };
    let mut made = Vec::new();
    for volume in spec.items_of("volumes").filter(|volume| volume.has("ephemeral")) {
        let Some(name) = volume.text("name") else { continue };
        let claim = format!("{pod}-{name}");
        if formats::dns_subdomain(&claim).is_err()
            && let Some(field) = volume.get("name")
        {
            findings.report_invalid(&field, name, "a name that is a claim's after the Pod's name");
        }
        made.push(claim);
    }
    for volume in spec.items_of("volumes") {
        let Some(claim) = volume.get("persistentVolumeClaim") else { continue };
        if let Some(name) = claim.get("claimName")
            && name.as_str().is_some_and(|text| made.iter().any(|made| made == text))
        {
            findings.report(&name, Problem::conflict("the claim is made for an ephemeral volume"));
        }
    }
}
