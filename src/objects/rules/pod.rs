//! Pods as a whole: what holds containers, volumes and scheduling together.

use std::collections::HashSet;

use super::container::not_found;
use super::{At, Check, CheckRow, Found, Row, Rule, malformed, row, unique};
use crate::objects::error::Problem;
use crate::objects::formats;
use crate::yaml::Value;

const ID: Rule = Rule::Range(0, i32::MAX as i64);

pub const ROWS: &[Row] = &[
    row("PodSpec", "containers", Rule::Required, "core: validateContainers"),
    row(
        "PodSpec",
        "restartPolicy",
        Rule::OneOf(&["Always", "OnFailure", "Never"]),
        "core: validateRestartPolicy",
    ),
    row("PodSpec", "dnsPolicy", Rule::OneOf(DNS), "core: validateDNSPolicy"),
    row("PodSpec", "preemptionPolicy", Rule::Exactly(PREEMPTION), "core: ValidatePreemptionPolicy"),
    row(
        "PodSpec",
        "nodeSelector",
        Rule::Keys(formats::qualified),
        "core: ValidatePodSpec (ValidateLabels)",
    ),
    row(
        "PodSpec",
        "nodeSelector",
        Rule::Form(formats::label_value),
        "core: ValidatePodSpec (ValidateLabels)",
    ),
    row("PodSpec", "nodeName", Rule::Form(formats::subdomain), "core: ValidateNodeName"),
    row(
        "PodSpec",
        "serviceAccountName",
        Rule::Form(formats::subdomain),
        "core: ValidateServiceAccountName",
    ),
    row(
        "PodSpec",
        "priorityClassName",
        Rule::Form(formats::subdomain),
        "core: ValidatePriorityClassName",
    ),
    row(
        "PodSpec",
        "runtimeClassName",
        Rule::Strictly(formats::subdomain),
        "core: ValidateRuntimeClassName",
    ),
    row("PodSpec", "hostname", Rule::Form(formats::label), "core: ValidatePodSpec"),
    row("PodSpec", "subdomain", Rule::Form(formats::label), "core: ValidatePodSpec"),
    row(
        "PodSpec",
        "activeDeadlineSeconds",
        Rule::Range(1, i32::MAX as i64),
        "core: ValidatePodSpec",
    ),
    row("PodSpec", "overhead", Rule::NotNegative, "core: validateOverhead"),
    row("PodOS", "name", Rule::Exactly(&["linux", "windows"]), "core: validateOS"),
    row(
        "PodReadinessGate",
        "conditionType",
        Rule::Strictly(formats::qualified),
        "core: validateReadinessGates",
    ),
    row(
        "PodSchedulingGate",
        "name",
        Rule::Strictly(formats::qualified),
        "core: validateSchedulingGates",
    ),
    row("PodSecurityContext", "runAsUser", ID, "core: validatePodSpecSecurityContext"),
    row("PodSecurityContext", "runAsGroup", ID, "core: validatePodSpecSecurityContext"),
    row("PodSecurityContext", "fsGroup", ID, "core: validatePodSpecSecurityContext"),
    row("PodSecurityContext", "supplementalGroups", ID, "core: validatePodSpecSecurityContext"),
    row(
        "PodSecurityContext",
        "fsGroupChangePolicy",
        Rule::Exactly(&["OnRootMismatch", "Always"]),
        "core: validateFSGroupChangePolicy",
    ),
    row(
        "PodSecurityContext",
        "supplementalGroupsPolicy",
        Rule::Exactly(&["Merge", "Strict"]),
        "core: validateSupplementalGroupsPolicy",
    ),
    row("Sysctl", "name", Rule::Required, "core: validateSysctls"),
    row("PodDNSConfig", "nameservers", Rule::AtMost(3), "core: validatePodDNSConfig"),
    row("PodDNSConfig", "nameservers", Rule::Strictly(formats::ip), "core: validatePodDNSConfig"),
    row("PodDNSConfig", "searches", Rule::AtMost(32), "core: validatePodDNSConfig"),
    row(
        "PodDNSConfig",
        "searches",
        Rule::Strictly(formats::search_path),
        "core: validatePodDNSConfig",
    ),
    row("PodDNSConfigOption", "name", Rule::Required, "core: validatePodDNSConfig"),
    row("HostAlias", "ip", Rule::Strictly(formats::ip), "core: ValidateHostAliases"),
    row("HostAlias", "hostnames", Rule::Strictly(formats::subdomain), "core: ValidateHostAliases"),
    row("Toleration", "key", Rule::Form(formats::qualified), "core: ValidateTolerations"),
    row(
        "Toleration",
        "operator",
        Rule::OneOf(&["Equal", "Exists", "Lt", "Gt"]),
        "core: ValidateTolerations",
    ),
    row("Toleration", "effect", EFFECT, "core: validateTaintEffect"),
    row("Taint", "key", Rule::Strictly(formats::qualified), "core: validateNodeTaints"),
    row("Taint", "effect", EFFECT, "core: validateTaintEffect"),
    row("NodeSelector", "nodeSelectorTerms", Rule::Required, "core: ValidateNodeSelector"),
    row(
        "NodeSelectorRequirement",
        "operator",
        Rule::Exactly(NODE_OPERATORS),
        "core: ValidateNodeSelectorRequirement",
    ),
    row(
        "NodeSelectorRequirement",
        "key",
        Rule::Strictly(formats::qualified),
        "core: ValidateNodeSelectorRequirement",
    ),
    row(
        "PreferredSchedulingTerm",
        "weight",
        Rule::Range(1, 100),
        "core: ValidatePreferredSchedulingTerms",
    ),
    row(
        "WeightedPodAffinityTerm",
        "weight",
        Rule::Range(1, 100),
        "core: validateWeightedPodAffinityTerms",
    ),
    row(
        "PodAffinityTerm",
        "topologyKey",
        Rule::Strictly(formats::qualified),
        "core: validatePodAffinityTerm",
    ),
    row(
        "PodAffinityTerm",
        "namespaces",
        Rule::Strictly(formats::label),
        "core: validatePodAffinityTerm",
    ),
    row(
        "TopologySpreadConstraint",
        "maxSkew",
        Rule::Range(1, i64::MAX),
        "core: validateTopologySpreadConstraints",
    ),
    row(
        "TopologySpreadConstraint",
        "minDomains",
        Rule::Range(1, i64::MAX),
        "core: validateMinDomains",
    ),
    row("TopologySpreadConstraint", "topologyKey", Rule::Required, "core: ValidateTopologyKey"),
    row(
        "TopologySpreadConstraint",
        "whenUnsatisfiable",
        Rule::Exactly(&["DoNotSchedule", "ScheduleAnyway"]),
        "core: ValidateWhenUnsatisfiable",
    ),
    row(
        "TopologySpreadConstraint",
        "nodeAffinityPolicy",
        Rule::Exactly(&["Honor", "Ignore"]),
        "core: validateNodeInclusionPolicy",
    ),
    row(
        "TopologySpreadConstraint",
        "nodeTaintsPolicy",
        Rule::Exactly(&["Honor", "Ignore"]),
        "core: validateNodeInclusionPolicy",
    ),
];

const DNS: &[&str] = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
const PREEMPTION: &[&str] = &["PreemptLowerPriority", "Never"];
const EFFECT: Rule = Rule::OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]);
const NODE_OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

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
    ("Toleration", toleration, "core: ValidateTolerations"),
    ("NodeSelectorRequirement", requirement, "core: ValidateNodeSelectorRequirement"),
    ("TopologySpreadConstraint", spread, "core: validateMinDomains"),
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

fn toleration(at: &At, found: &mut Found) {
    let operator = at.text("operator").unwrap_or("Equal");
    if at.text("key").is_none() && operator != "Exists" {
        let message = "a toleration without a `key` needs `operator: Exists`";
        found.value(at, Problem::Conflict(message.to_owned()));
    }
    if at.has("tolerationSeconds")
        && at.text("effect") != Some("NoExecute")
        && let Some(at) = at.get("tolerationSeconds")
    {
        found.conflict(&at, "`tolerationSeconds` needs `effect: NoExecute`");
    }
    let (Some(value), Some(text)) = (at.get("value"), at.text("value")) else {
        return;
    };
    match operator {
        "Exists" => found.conflict(&value, "`value` can't stand beside `operator: Exists`"),
        "Lt" | "Gt" if text.parse::<i64>().is_err() => {
            malformed(text, "a whole number", &value, found)
        }
        "Equal" => {
            if let Err(right) = formats::label_value(text) {
                malformed(text, right, &value, found);
            }
        }
        _ => {}
    }
}

fn requirement(at: &At, found: &mut Found) {
    let count = at.len("values");
    match at.text("operator") {
        Some("In" | "NotIn") if count == 0 => found.missing(at, "values", None),
        Some("Exists" | "DoesNotExist") if count > 0 => {
            if let Some(values) = at.get("values") {
                found.conflict(&values, "`values` can't stand beside `Exists` or `DoesNotExist`");
            }
        }
        Some("Gt" | "Lt") if count != 1 => {
            let message = "`Gt` and `Lt` need exactly one value";
            found.value(at, Problem::Conflict(message.to_owned()));
        }
        _ => {}
    }
}

fn spread(at: &At, found: &mut Found) {
    if let Some(domains) =
        at.get("minDomains").filter(|_| at.text("whenUnsatisfiable") != Some("DoNotSchedule"))
    {
        found.conflict(&domains, "`minDomains` needs `whenUnsatisfiable: DoNotSchedule`");
    }
}
