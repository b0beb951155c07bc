//! Pods as a whole: what holds containers, volumes and scheduling together.

use std::collections::HashSet;

use super::container::not_found;
use super::{At, Check, CheckRow, Found, Rule, Type, of, unique};
use crate::error::Problem;
use crate::formats;
use yaml_spans::Value;

const ID: Rule = Rule::Range(0, i32::MAX as i64);

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("PodSpec", "core: validateContainers, validateRestartPolicy, validateDNSPolicy, ValidatePreemptionPolicy, ValidatePodSpec (ValidateLabels), ValidateNodeName, ValidateServiceAccountName, ValidatePriorityClassName, ValidateRuntimeClassName, ValidatePodSpec, validateOverhead", &[
        ("containers", Rule::Required),
        ("restartPolicy", Rule::OneOf(&["Always", "OnFailure", "Never"])),
        ("dnsPolicy", Rule::OneOf(DNS)),
        ("preemptionPolicy", Rule::Exactly(PREEMPTION)),
        ("nodeSelector", Rule::Keys(formats::qualified)),
        ("nodeSelector", Rule::Form(formats::label_value)),
        ("nodeName", Rule::Form(formats::subdomain)),
        ("serviceAccountName", Rule::Form(formats::subdomain)),
        ("priorityClassName", Rule::Form(formats::subdomain)),
        ("runtimeClassName", Rule::Strictly(formats::subdomain)),
        ("hostname", Rule::Form(formats::label)),
        ("subdomain", Rule::Form(formats::label)),
        ("activeDeadlineSeconds", Rule::Range(1, i32::MAX as i64)),
        ("overhead", Rule::NotNegative),
    ]),
    of("PodOS", "core: validateOS", &[
        ("name", Rule::Exactly(&["linux", "windows"])),
    ]),
    of("PodReadinessGate", "core: validateReadinessGates", &[
        ("conditionType", Rule::Strictly(formats::qualified)),
    ]),
    of("PodSchedulingGate", "core: validateSchedulingGates", &[
        ("name", Rule::Strictly(formats::qualified)),
    ]),
    of("PodSecurityContext", "core: validatePodSpecSecurityContext, validateFSGroupChangePolicy, validateSupplementalGroupsPolicy", &[
        ("runAsUser", ID),
        ("runAsGroup", ID),
        ("fsGroup", ID),
        ("supplementalGroups", ID),
        ("fsGroupChangePolicy", Rule::Exactly(&["OnRootMismatch", "Always"])),
        ("supplementalGroupsPolicy", Rule::Exactly(&["Merge", "Strict"])),
    ]),
    of("Pod", "core: ValidatePodSpec", &[
        ("spec", Rule::Required),
    ]),
    of("Sysctl", "core: validateSysctls", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::sysctl)),
    ]),
    of("PodDNSConfig", "core: validatePodDNSConfig", &[
        ("nameservers", Rule::AtMost(3)),
        ("nameservers", Rule::Strictly(formats::ip)),
        ("searches", Rule::AtMost(32)),
        ("searches", Rule::Strictly(formats::search_path)),
    ]),
    of("PodDNSConfigOption", "core: validatePodDNSConfig", &[
        ("name", Rule::Required),
    ]),
    of("HostAlias", "core: ValidateHostAliases", &[
        ("ip", Rule::Strictly(formats::ip)),
        ("hostnames", Rule::Strictly(formats::subdomain)),
    ]),
];

const DNS: &[&str] = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
const PREEMPTION: &[&str] = &["PreemptLowerPriority", "Never"];

pub const CHECKS: &[CheckRow] = &[
    ("PodSpec", containers as Check, "core: validateContainers, validateInitContainers"),
    ("PodSpec", volumes, "core: ValidateVolumes, ValidateVolumeMounts, ValidateVolumeDevices"),
    ("PodSpec", host, "core: validatePodHostNetworkDeps, validateHostUsers, ValidatePodSpec"),
    (
        "PodSpec",
        lists,
        "core: validateSchedulingGates, validateTopologySpreadConstraints; apply's list keys",
    ),
    ("PodSpec", dns, "core: validatePodDNSConfig"),
    ("PodSecurityContext", sysctls, "core: validateSysctls"),
    ("PodSpec", naps, "core: validateSleepAction"),
];

fn name(item: &At) -> Option<String> {
    item.text("name").map(str::to_owned)
}

fn containers(at: &At, found: &mut Found) {
    let all = || at.list("containers").chain(at.list("initContainers"));
    unique(all(), "container", "name", name, found);
    for container in at.list("initContainers") {
        if container.text("restartPolicy") == Some("Always") {
            continue;
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if let Some(at) = container.get(field) {
                let message =
                    format!("`{field}` needs `restartPolicy: Always` in an init container");
                found.conflict(&at, message);
            }
        }
    }
    let mut ports = HashSet::new();
    for container in at.list("containers") {
        for port in container.list("ports") {
            let Some(host) = port.get("hostPort").filter(|at| at.node.as_int() != Some(0)) else {
                continue;
            };
            let protocol = port.text("protocol").unwrap_or("TCP");
            let key = format!(
                "{protocol}/{}/{}",
                port.text("hostIP").unwrap_or(""),
                host.node.as_int().unwrap_or(0)
            );
            if !ports.insert(key) {
                let value = host.node.as_int().unwrap_or(0).to_string();
                found.value(&host, Problem::Duplicate { what: "host port", value });
            }
        }
    }
}

fn volumes(at: &At, found: &mut Found) {
    unique(at.list("volumes"), "volume", "name", name, found);
    let own = at.list("volumes").filter_map(|volume| volume.text("name"));
    let names: HashSet<String> =
        own.map(str::to_owned).chain(found.claims.iter().cloned()).collect();
    let claim = |volume: &At| volume.has("persistentVolumeClaim") || volume.has("ephemeral");
    let no_block: HashSet<&str> = at
        .list("volumes")
        .filter(|volume| !claim(volume))
        .filter_map(|volume| volume.text("name"))
        .collect();
    for list in ["containers", "initContainers"] {
        for container in at.list(list) {
            for mount in container.list("volumeMounts").chain(container.list("volumeDevices")) {
                if let Some(name) = mount.get("name")
                    && name
                        .node
                        .as_str()
                        .is_some_and(|text| !text.is_empty() && !names.contains(text))
                {
                    not_found("volume", &name, found);
                }
            }
            for device in container.list("volumeDevices") {
                if let Some(name) = device.get("name")
                    && name.node.as_str().is_some_and(|text| no_block.contains(text))
                {
                    found.conflict(&name, "a device's volume must be a claim");
                }
            }
        }
    }
}

fn host(at: &At, found: &mut Found) {
    if at.is_true("hostNetwork") {
        for container in at.list("containers") {
            for port in container.list("ports") {
                let host = port.int("hostPort").unwrap_or(0);
                if host != 0
                    && port.int("containerPort") != Some(host)
                    && let Some(at) = port.get("hostPort")
                {
                    found.conflict(
                        &at,
                        "`hostPort` must equal `containerPort` with `hostNetwork: true`",
                    );
                }
            }
        }
    }
    let own_users = at.get("hostUsers").is_some_and(|users| users.node.value == Value::Bool(false));
    for field in ["hostPID", "hostIPC"] {
        if own_users
            && at.is_true(field)
            && let Some(at) = at.get(field)
        {
            found.conflict(&at, format!("`{field}` can't stand beside `hostUsers: false`"));
        }
    }
    if at.is_true("shareProcessNamespace")
        && at.is_true("hostPID")
        && let Some(at) = at.get("shareProcessNamespace")
    {
        found.conflict(&at, "`shareProcessNamespace` can't stand beside `hostPID`");
    }
}

fn lists(at: &At, found: &mut Found) {
    unique(at.list("schedulingGates"), "scheduling gate", "name", name, found);
    unique(at.list("imagePullSecrets"), "pull secret", "name", name, found);
    unique(
        at.list("hostAliases"),
        "host alias",
        "ip",
        |item| item.text("ip").map(str::to_owned),
        found,
    );
    let key = |item: &At| {
        Some(format!("{} {}", item.text("topologyKey")?, item.text("whenUnsatisfiable")?))
    };
    unique(at.list("topologySpreadConstraints"), "spread constraint", "topologyKey", key, found);
}

fn dns(at: &At, found: &mut Found) {
    if at.text("dnsPolicy") != Some("None") {
        return;
    }
    let hint = Some("`dnsPolicy: None` needs it".to_owned());
    match at.get("dnsConfig") {
        None => found.missing(at, "dnsConfig", hint),
        Some(config) if config.len("nameservers") == 0 => {
            found.missing(&config, "nameservers", hint)
        }
        Some(_) => {}
    }
}

fn sysctls(at: &At, found: &mut Found) {
    unique(at.list("sysctls"), "sysctl", "name", name, found);
}

/// A hook that sleeps ends before the pod is killed.
fn naps(at: &At, found: &mut Found) {
    // 30 is what the server fills in: core/v1 defaults.go, SetDefaults_PodSpec.
    let grace = at.int("terminationGracePeriodSeconds").unwrap_or(30);
    for list in ["containers", "initContainers"] {
        for container in at.list(list) {
            let Some(lifecycle) = container.get("lifecycle") else {
                continue;
            };
            for hook in ["preStop", "postStart"] {
                let hook = lifecycle.get(hook);
                let sleep = hook.as_ref().and_then(|hook| hook.get("sleep"));
                let seconds = sleep.as_ref().and_then(|sleep| sleep.get("seconds"));
                if let Some(seconds) = seconds
                    && seconds.node.as_int().is_some_and(|value| value < 0 || value > grace)
                {
                    let message =
                        format!("`seconds` must be 0 to `terminationGracePeriodSeconds`, {grace}");
                    found.value(&seconds, Problem::Conflict(message));
                }
            }
        }
    }
}
