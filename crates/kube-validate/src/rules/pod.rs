//! Pods as a whole: references between containers, volumes and the host.

use std::collections::HashSet;

use super::container::{all_containers, report_not_found};
use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules, unique_by, unique_by_field,
    unique_list_keys as list_keys,
};
use crate::error::Problem;
use crate::formats;

const ID_RANGE: Rule = Rule::Range(0, i32::MAX as i64);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("PodSpec", "core: validateContainers, validateRestartPolicy, validateDNSPolicy, ValidatePreemptionPolicy, ValidatePodSpec (ValidateLabels), ValidateNodeName, ValidateServiceAccountName, ValidatePriorityClassName, ValidateRuntimeClassName, ValidatePodSpec, validateOverhead", &[
        ("containers", Rule::Required),
        ("restartPolicy", Rule::OneOf(&["Always", "OnFailure", "Never"])),
        ("dnsPolicy", Rule::OneOf(DNS_POLICIES)),
        ("preemptionPolicy", Rule::Exactly(PREEMPTION_POLICIES)),
        ("nodeSelector", Rule::Keys(formats::qualified_name)),
        ("nodeSelector", Rule::Form(formats::label_value)),
        ("nodeName", Rule::Form(formats::dns_subdomain)),
        ("serviceAccountName", Rule::Form(formats::dns_subdomain)),
        ("priorityClassName", Rule::Form(formats::dns_subdomain)),
        ("runtimeClassName", Rule::Strictly(formats::dns_subdomain)),
        ("activeDeadlineSeconds", Rule::Range(1, i32::MAX as i64)),
        ("overhead", Rule::NotNegative),
    ]),
    type_rules("PodOS", "core: validateOS", &[
        ("name", Rule::Exactly(&["linux", "windows"])),
    ]),
    type_rules("PodReadinessGate", "core: validateReadinessGates", &[
        ("conditionType", Rule::Strictly(formats::qualified_name)),
    ]),
    type_rules("PodSchedulingGate", "core: validateSchedulingGates", &[
        ("name", Rule::Strictly(formats::qualified_name)),
    ]),
    type_rules("PodSecurityContext", "core: validatePodSpecSecurityContext, validateFSGroupChangePolicy, validateSupplementalGroupsPolicy", &[
        ("runAsUser", ID_RANGE),
        ("runAsGroup", ID_RANGE),
        ("fsGroup", ID_RANGE),
        ("supplementalGroups", ID_RANGE),
        ("fsGroupChangePolicy", Rule::Exactly(&["OnRootMismatch", "Always"])),
        ("seLinuxChangePolicy", Rule::Exactly(&["MountOption", "Recursive"])),
        ("supplementalGroupsPolicy", Rule::Exactly(&["Merge", "Strict"])),
    ]),
    type_rules("Pod", "core: ValidatePodSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("Sysctl", "core: validateSysctls", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::sysctl_name)),
    ]),
    type_rules("PodDNSConfig", "core: validatePodDNSConfig", &[
        ("nameservers", Rule::AtMost(3)),
        ("nameservers", Rule::Strictly(formats::ip_address)),
        ("searches", Rule::AtMost(32)),
        ("searches", Rule::Strictly(formats::search_path)),
    ]),
    type_rules("PodDNSConfigOption", "core: validatePodDNSConfig", &[
        ("name", Rule::Required),
    ]),
    type_rules("HostAlias", "core: ValidateHostAliases", &[
        ("ip", Rule::Strictly(formats::ip_address)),
        ("hostnames", Rule::Strictly(formats::dns_subdomain)),
    ]),
];

const DNS_POLICIES: &[&str] = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
const PREEMPTION_POLICIES: &[&str] = &["PreemptLowerPriority", "Never"];

pub const CHECKS: &[CheckRow] = &[
    (
        "PodSpec",
        container_names_and_ports as Check,
        "core: validateContainers, validateInitContainers",
    ),
    (
        "PodSpec",
        volume_references,
        "core: ValidateVolumes, ValidateVolumeMounts, ValidateVolumeDevices",
    ),
    (
        "PodSpec",
        host_namespaces,
        "core: validatePodHostNetworkDeps, validateHostUsers, ValidatePodSpec",
    ),
    (
        "PodSpec",
        unique_list_keys,
        "core: validateSchedulingGates, validateTopologySpreadConstraints; apply's list keys",
    ),
    ("PodSpec", dns_config, "core: validatePodDNSConfig"),
    ("PodSecurityContext", unique_sysctls, "core: validateSysctls"),
    ("PodSpec", host_names, "core: ValidatePodSpec; apps: ValidateStatefulSetSpec"),
    ("PodSpec", sleep_hooks, "core: validateSleepAction"),
];

fn container_names_and_ports(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(all_containers(node), "container", "name", findings);
    for container in node.items_of("initContainers") {
        if container.text("restartPolicy") == Some("Always") {
            continue;
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if let Some(node) = container.get(field) {
                let message =
                    format!("`{field}` needs `restartPolicy: Always` in an init container");
                findings.report_conflict(&node, message);
            }
        }
    }
    unique_host_ports(node.items_of("containers"), findings);
    for container in node.items_of("initContainers") {
        unique_host_ports(std::iter::once(container), findings);
    }
}

/// No two containers use the same port of the host. Init containers run one after the other.
fn unique_host_ports<'a>(containers: impl Iterator<Item = NodeRef<'a>>, findings: &mut Findings) {
    let mut ports = HashSet::new();
    for container in containers {
        for port in container.items_of("ports") {
            let Some(host) = port.get("hostPort").filter(|node| node.as_int() != Some(0)) else {
                continue;
            };
            let protocol = port.text("protocol").unwrap_or("TCP");
            let key = format!(
                "{protocol}/{}/{}",
                port.text("hostIP").unwrap_or(""),
                host.as_int().unwrap_or(0)
            );
            if !ports.insert(key) {
                let value = host.as_int().unwrap_or(0).to_string();
                findings.report(&host, Problem::Duplicate { what: "host port", value });
            }
        }
    }
}

fn volume_references(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("volumes"), "volume", "name", findings);
    let own = node.items_of("volumes").filter_map(|volume| volume.text("name"));
    let names: HashSet<String> =
        own.map(str::to_owned).chain(findings.claims.iter().cloned()).collect();
    let no_block: HashSet<&str> = node
        .items_of("volumes")
        .filter(|volume| !volume.has("persistentVolumeClaim") && !volume.has("ephemeral"))
        .filter_map(|volume| volume.text("name"))
        .collect();
    for container in all_containers(node) {
        for mount in container.items_of("volumeMounts").chain(container.items_of("volumeDevices")) {
            if let Some(name) = mount.get("name")
                && name.as_str().is_some_and(|text| !text.is_empty() && !names.contains(text))
            {
                report_not_found("volume", &name, findings);
            }
        }
        for variable in container.items_of("env") {
            let from = variable.get("valueFrom");
            let file = from.as_ref().and_then(|from| from.get("fileKeyRef"));
            if let Some(name) = file.as_ref().and_then(|file| file.get("volumeName")) {
                file_volume(node, &name, findings);
            }
        }
        for device in container.items_of("volumeDevices") {
            if let Some(name) = device.get("name")
                && name.as_str().is_some_and(|text| no_block.contains(text))
            {
                findings.report_conflict(
                    &name,
                    "a device needs a volume of the kind `persistentVolumeClaim` or `ephemeral`",
                );
            }
        }
    }
}

/// A variable's file is in an empty directory (core: validateFileKeyRefVolumes).
fn file_volume(spec: &NodeRef, name: &NodeRef, findings: &mut Findings) {
    let text = name.as_str().unwrap_or_default();
    match spec.items_of("volumes").find(|volume| volume.text("name") == Some(text)) {
        None => report_not_found("volume", name, findings),
        Some(volume) if !volume.has("emptyDir") => {
            findings.report_conflict(name, "the file's volume must be an `emptyDir`");
        }
        Some(_) => {}
    }
}

fn host_namespaces(node: &NodeRef, findings: &mut Findings) {
    if node.is_true("hostNetwork") {
        for container in node.items_of("containers") {
            for port in container.items_of("ports") {
                let host = port.int("hostPort").unwrap_or(0);
                if host != 0
                    && port.int("containerPort") != Some(host)
                    && let Some(node) = port.get("hostPort")
                {
                    findings.report_conflict(
                        &node,
                        "`hostPort` must equal `containerPort`, because of `hostNetwork: true`",
                    );
                }
            }
        }
    }
    let has_user_namespace = node.is_false("hostUsers");
    for field in ["hostPID", "hostIPC"] {
        if has_user_namespace
            && node.is_true(field)
            && let Some(node) = node.get(field)
        {
            findings.report_conflict(
                &node,
                format!("`{field}` can't be combined with `hostUsers: false`"),
            );
        }
    }
    if node.is_true("shareProcessNamespace")
        && node.is_true("hostPID")
        && let Some(node) = node.get("shareProcessNamespace")
    {
        findings.report_conflict(&node, "`shareProcessNamespace` can't be combined with `hostPID`");
    }
}

fn unique_list_keys(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("schedulingGates"), "scheduling gate", "name", findings);
    let name = |item: &NodeRef| item.text("name").map(str::to_owned);
    list_keys(node.items_of("imagePullSecrets"), "pull secret", "name", name, findings);
    let ip = |item: &NodeRef| item.text("ip").map(str::to_owned);
    list_keys(node.items_of("hostAliases"), "host alias", "ip", ip, findings);
    unique_by(
        node.items_of("topologySpreadConstraints"),
        "spread constraint",
        "topologyKey",
        |item| Some(format!("{} {}", item.text("topologyKey")?, item.text("whenUnsatisfiable")?)),
        findings,
    );
}

fn dns_config(node: &NodeRef, findings: &mut Findings) {
    if node.text("dnsPolicy") != Some("None") {
        return;
    }
    let hint = "required by `dnsPolicy: None`";
    match node.get("dnsConfig") {
        None => findings.report_missing_with_hint(node, "dnsConfig", hint),
        Some(config) if config.len_of("nameservers") == 0 => {
            findings.report_missing_with_hint(&config, "nameservers", hint)
        }
        Some(_) => {}
    }
}

fn unique_sysctls(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("sysctls"), "sysctl", "name", findings);
}

fn host_names(node: &NodeRef, findings: &mut Findings) {
    for field in ["hostname", "subdomain"] {
        if let Some(name) = node.get(field).filter(|_| !findings.in_stateful_set) {
            super::check_rule(&Rule::Form(formats::dns_label), &name, findings);
        }
    }
}

/// A hook's sleep ends before the Pod is killed.
fn sleep_hooks(node: &NodeRef, findings: &mut Findings) {
    // The server fills in 30: core/v1 defaults.go, SetDefaults_PodSpec.
    let grace = node.int("terminationGracePeriodSeconds").unwrap_or(30);
    for container in all_containers(node) {
        let Some(lifecycle) = container.get("lifecycle") else {
            continue;
        };
        for hook in ["preStop", "postStart"] {
            let hook = lifecycle.get(hook);
            let sleep = hook.as_ref().and_then(|hook| hook.get("sleep"));
            let seconds = sleep.as_ref().and_then(|sleep| sleep.get("seconds"));
            if let Some(seconds) = seconds
                && seconds.as_int().is_some_and(|value| value < 0 || value > grace)
            {
                let value = seconds.as_int().unwrap_or_default().to_string();
                let expected = format!("0 to {grace}, which is `terminationGracePeriodSeconds`");
                findings.report_invalid(&seconds, &value, &expected);
            }
        }
    }
}
