//! Containers: ports, environment, probes, hooks, mounts, security.

use super::{At, Check, CheckRow, Found, Row, Rule, exactly_one, one_of, row, unique};
use crate::objects::error::Problem;
use crate::objects::formats;
use crate::objects::quantity::Quantity;

const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];
const HANDLERS: &[&str] = &["exec", "httpGet", "tcpSocket", "grpc"];
const ID: Rule = Rule::Range(0, i32::MAX as i64);

pub const ROWS: &[Row] = &[
    row("Container", "name", Rule::Required, "core: validateContainerCommon"),
    row("Container", "name", Rule::Form(formats::label), "core: validateContainerCommon"),
    row("Container", "image", Rule::Required, "core: validateContainerCommon"),
    row("Container", "imagePullPolicy", PULL, "core: validatePullPolicy"),
    row("Container", "terminationMessagePolicy", MESSAGES, "core: validateContainerCommon"),
    row("Container", "restartPolicy", RESTART, "core: validateContainerRestartPolicy"),
    row(
        "Container",
        "restartPolicyRules",
        Rule::AtMost(20),
        "core: validateContainerRestartPolicy",
    ),
    row("EphemeralContainer", "name", Rule::Required, "core: validateContainerCommon"),
    row("EphemeralContainer", "name", Rule::Form(formats::label), "core: validateContainerCommon"),
    row("EphemeralContainer", "image", Rule::Required, "core: validateContainerCommon"),
    row("EphemeralContainer", "imagePullPolicy", PULL, "core: validatePullPolicy"),
    row(
        "EphemeralContainer",
        "terminationMessagePolicy",
        MESSAGES,
        "core: validateContainerCommon",
    ),
    row(
        "ContainerRestartRule",
        "action",
        Rule::Exactly(&["Restart", "RestartAllContainers"]),
        "core: validateContainerRestartPolicy",
    ),
    row(
        "ContainerRestartRule",
        "exitCodes",
        Rule::Required,
        "core: validateContainerRestartPolicy",
    ),
    row(
        "ContainerRestartRuleOnExitCodes",
        "operator",
        Rule::Exactly(&["In", "NotIn"]),
        "core: validateContainerRestartPolicy",
    ),
    row(
        "ContainerRestartRuleOnExitCodes",
        "values",
        Rule::AtMost(255),
        "core: validateContainerRestartPolicy",
    ),
    row(
        "ContainerResizePolicy",
        "resourceName",
        Rule::Exactly(&["cpu", "memory"]),
        "core: validateResizePolicy",
    ),
    row(
        "ContainerResizePolicy",
        "restartPolicy",
        Rule::Exactly(&["NotRequired", "RestartContainer"]),
        "core: validateResizePolicy",
    ),
    row("ContainerPort", "containerPort", Rule::Range(1, 65535), "core: validateContainerPorts"),
    row("ContainerPort", "hostPort", Rule::Range(0, 65535), "core: validateContainerPorts"),
    row("ContainerPort", "name", Rule::Form(formats::port_name), "core: validateContainerPorts"),
    row("ContainerPort", "protocol", Rule::OneOf(PROTOCOLS), "core: validateContainerPorts"),
    row("EnvVar", "name", Rule::Required, "core: ValidateEnv"),
    row("EnvVar", "name", Rule::Form(formats::env_name), "core: ValidateEnv"),
    row("EnvFromSource", "prefix", Rule::Form(formats::env_name), "core: ValidateEnvFrom"),
    row("ConfigMapEnvSource", "name", Rule::Required, "core: validateConfigMapEnvSource"),
    row(
        "ConfigMapEnvSource",
        "name",
        Rule::Form(formats::subdomain),
        "core: validateConfigMapEnvSource",
    ),
    row("SecretEnvSource", "name", Rule::Required, "core: validateSecretEnvSource"),
    row("SecretEnvSource", "name", Rule::Form(formats::subdomain), "core: validateSecretEnvSource"),
    row("ConfigMapKeySelector", "name", Rule::Required, "core: validateConfigMapKeySelector"),
    row(
        "ConfigMapKeySelector",
        "name",
        Rule::Form(formats::subdomain),
        "core: validateConfigMapKeySelector",
    ),
    row(
        "ConfigMapKeySelector",
        "key",
        Rule::Strictly(formats::config_key),
        "core: validateConfigMapKeySelector",
    ),
    row("FileKeySelector", "key", Rule::Required, "core: validateFileKeySelector"),
    row("FileKeySelector", "key", Rule::Form(formats::env_name), "core: validateFileKeySelector"),
    row("FileKeySelector", "path", Rule::Required, "core: validateFileKeySelector"),
    row(
        "FileKeySelector",
        "path",
        Rule::Form(formats::no_backsteps),
        "core: validateFileKeySelector",
    ),
    row("ObjectFieldSelector", "fieldPath", Rule::Required, "core: validateObjectFieldSelector"),
    row(
        "ResourceFieldSelector",
        "resource",
        Rule::Required,
        "core: validateContainerResourceFieldSelector",
    ),
    row("Probe", "initialDelaySeconds", NOT_NEGATIVE, "core: validateProbe"),
    row("Probe", "timeoutSeconds", NOT_NEGATIVE, "core: validateProbe"),
    row("Probe", "periodSeconds", NOT_NEGATIVE, "core: validateProbe"),
    row("Probe", "successThreshold", NOT_NEGATIVE, "core: validateProbe"),
    row("Probe", "failureThreshold", NOT_NEGATIVE, "core: validateProbe"),
    row("Probe", "terminationGracePeriodSeconds", Rule::Range(1, i64::MAX), "core: validateProbe"),
    row("ExecAction", "command", Rule::Required, "core: validateExecAction"),
    row("HTTPGetAction", "port", Rule::Required, "core: validateHTTPGetAction"),
    row("HTTPGetAction", "port", Rule::Port, "core: validateHTTPGetAction"),
    row("HTTPGetAction", "scheme", Rule::OneOf(&["HTTP", "HTTPS"]), "core: validateHTTPGetAction"),
    row("HTTPHeader", "name", Rule::Strictly(formats::header_name), "core: validateHTTPGetAction"),
    row("TCPSocketAction", "port", Rule::Required, "core: validateTCPSocketAction"),
    row("TCPSocketAction", "port", Rule::Port, "core: validateTCPSocketAction"),
    row("GRPCAction", "port", Rule::Range(1, 65535), "core: validateGRPCAction"),
    row("VolumeMount", "name", Rule::Required, "core: ValidateVolumeMounts"),
    row("VolumeMount", "mountPath", Rule::Required, "core: ValidateVolumeMounts"),
    row(
        "VolumeMount",
        "subPath",
        Rule::Form(formats::descending_path),
        "core: ValidateVolumeMounts",
    ),
    row(
        "VolumeMount",
        "subPathExpr",
        Rule::Form(formats::descending_path),
        "core: ValidateVolumeMounts",
    ),
    row(
        "VolumeMount",
        "mountPropagation",
        Rule::Exactly(&["Bidirectional", "HostToContainer", "None"]),
        "core: validateMountPropagation",
    ),
    row(
        "VolumeMount",
        "recursiveReadOnly",
        Rule::Exactly(&["Disabled", "Enabled", "IfPossible"]),
        "core: validateMountRecursiveReadOnly",
    ),
    row("VolumeDevice", "name", Rule::Required, "core: ValidateVolumeDevices"),
    row("VolumeDevice", "devicePath", Rule::Required, "core: ValidateVolumeDevices"),
    row(
        "VolumeDevice",
        "devicePath",
        Rule::Form(formats::no_backsteps),
        "core: ValidateVolumeDevices",
    ),
    row("SecurityContext", "runAsUser", ID, "core: ValidateSecurityContext"),
    row("SecurityContext", "runAsGroup", ID, "core: ValidateSecurityContext"),
    row(
        "SecurityContext",
        "procMount",
        Rule::Exactly(&["Default", "Unmasked"]),
        "core: ValidateProcMountType",
    ),
    row("SeccompProfile", "type", Rule::Exactly(PROFILES), "core: validateSeccompProfileField"),
    row(
        "SeccompProfile",
        "localhostProfile",
        Rule::Form(formats::descending_path),
        "core: validateSeccompProfileField",
    ),
    row("AppArmorProfile", "type", Rule::Exactly(PROFILES), "core: ValidateAppArmorProfileField"),
];

const PULL: Rule = Rule::OneOf(&["Always", "IfNotPresent", "Never"]);
const MESSAGES: Rule = Rule::OneOf(&["File", "FallbackToLogsOnError"]);
const RESTART: Rule = Rule::Exactly(&["Always", "Never", "OnFailure"]);
const NOT_NEGATIVE: Rule = Rule::Range(0, i64::MAX);
const PROFILES: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];

pub const CHECKS: &[CheckRow] = &[
    ("Container", container as Check, "core: validateContainers"),
    ("EnvVar", environment, "core: validateEnvVarValueFrom"),
    ("EnvFromSource", environment_from, "core: ValidateEnvFrom"),
    ("Probe", probe, "core: validateHandler"),
    ("LifecycleHandler", hook, "core: validateHandler"),
    ("VolumeMount", mount, "core: ValidateVolumeMounts"),
    ("SecurityContext", security, "core: ValidateSecurityContext"),
    ("SeccompProfile", profile, "core: validateSeccompProfileField"),
    ("AppArmorProfile", profile, "core: ValidateAppArmorProfileField"),
    ("ResourceFieldSelector", divisor, "core: validateContainerResourceDivisor"),
];

/// Lists of a container in which nothing may be twice. That a variable or a port may not be is
/// what server-side apply asks: they are keys of the lists (`x-kubernetes-list-map-keys`).
fn container(at: &At, found: &mut Found) {
    let text = |field: &'static str| move |item: &At| item.text(field).map(str::to_owned);
    unique(at.list("env"), "variable", "name", text("name"), found);
    unique(at.list("ports"), "port name", "name", text("name"), found);
    unique(at.list("ports"), "port", "containerPort", port_key, found);
    unique(at.list("volumeMounts"), "mount path", "mountPath", text("mountPath"), found);
    unique(at.list("volumeDevices"), "device path", "devicePath", text("devicePath"), found);
    unique(at.list("volumeDevices"), "device", "name", text("name"), found);
    unique(at.list("resizePolicy"), "resize policy", "resourceName", text("resourceName"), found);
    for (field, only_once) in
        [("livenessProbe", true), ("startupProbe", true), ("readinessProbe", false)]
    {
        let Some(probe) = at.get(field) else {
            continue;
        };
        if let Some(threshold) = probe.get("successThreshold").filter(|_| only_once)
            && !matches!(threshold.node.as_int(), None | Some(0 | 1))
        {
            found.conflict(&threshold, format!("`successThreshold` must be 1 in a `{field}`"));
        }
        if let Some(grace) = probe.get("terminationGracePeriodSeconds").filter(|_| !only_once) {
            found.conflict(
                &grace,
                format!("`terminationGracePeriodSeconds` can't stand in a `{field}`"),
            );
        }
    }
    let privileged =
        at.get("securityContext").is_some_and(|security| security.is_true("privileged"));
    for mount in at.list("volumeMounts").filter(|_| !privileged) {
        if mount.text("mountPropagation") == Some("Bidirectional")
            && let Some(at) = mount.get("mountPropagation")
        {
            found.conflict(&at, "`Bidirectional` mounts are for privileged containers alone");
        }
    }
    if let Some(rules) = at
        .get("restartPolicyRules")
        .filter(|_| !at.has("restartPolicy") && at.len("restartPolicyRules") > 0)
    {
        found.conflict(&rules, "`restartPolicyRules` need a `restartPolicy`");
    }
}

fn port_key(port: &At) -> Option<String> {
    let protocol = port.text("protocol").unwrap_or("TCP");
    Some(format!("{}/{protocol}", port.int("containerPort")?))
}

const ENV_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

fn environment(at: &At, found: &mut Found) {
    let Some(from) = at.get("valueFrom") else {
        return;
    };
    let sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    exactly_one(&from, &sources, "source of the variable", found);
    if at.text("value").is_some() {
        found.conflict(&from, "`valueFrom` can't stand beside `value`");
    }
    if let Some(reference) = from.get("fieldRef") {
        field_path(&reference, ENV_FIELDS, found);
    }
    if let Some(reference) = from.get("resourceFieldRef") {
        resource(&reference, found);
    }
}

/// A field of the pod that a container can see: one of a list, or one label or annotation.
pub fn field_path(reference: &At, legal: &[&str], found: &mut Found) {
    let Some(at) = reference.get("fieldPath") else {
        return;
    };
    let text = at.node.as_str().unwrap_or_default();
    let subscript = text.strip_suffix("']").and_then(|head| head.split_once("['"));
    match subscript {
        Some(("metadata.labels" | "metadata.annotations", key)) => {
            if let Err(right) = formats::annotation_key(key) {
                super::malformed(text, right, &at, found);
            }
        }
        _ if text.is_empty() => {}
        _ => one_of(legal, text, &at, found),
    }
}

/// A resource of a container that a container can see.
pub fn resource(reference: &At, found: &mut Found) {
    const LEGAL: &[&str] = &[
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
    ];
    let Some(at) = reference.get("resource") else {
        return;
    };
    let text = at.node.as_str().unwrap_or_default();
    let pages = text.starts_with("limits.hugepages-") || text.starts_with("requests.hugepages-");
    if !pages && !text.is_empty() {
        one_of(LEGAL, text, &at, found);
    }
}

fn divisor(at: &At, found: &mut Found) {
    let (Some(divisor), Some(resource)) = (at.get("divisor"), at.text("resource")) else {
        return;
    };
    let cpu = resource.ends_with(".cpu");
    let units: &[&str] = match cpu {
        true => &["0", "1m", "1"],
        false => &[
            "0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
        ],
    };
    let number = divisor.node.as_int().map(|number| number.to_string());
    let Some(text) = number.as_deref().or(divisor.node.as_str()) else {
        return;
    };
    let Some(quantity) = Quantity::parse(text) else {
        return;
    };
    let same =
        |unit: &&str| Quantity::parse(unit).is_some_and(|unit| unit.compare(&quantity).is_eq());
    if !units.iter().any(same) {
        one_of(&units[1..], text, &divisor, found);
    }
}

fn environment_from(at: &At, found: &mut Found) {
    exactly_one(at, &["configMapRef", "secretRef"], "source of the variables", found);
}

fn probe(at: &At, found: &mut Found) {
    exactly_one(at, HANDLERS, "handler", found);
}

fn hook(at: &At, found: &mut Found) {
    exactly_one(at, &["exec", "httpGet", "tcpSocket", "sleep"], "handler", found);
}

fn mount(at: &At, found: &mut Found) {
    if let (Some(_), Some(_), Some(expression)) =
        (at.text("subPath"), at.text("subPathExpr"), at.get("subPathExpr"))
    {
        found.conflict(&expression, "`subPathExpr` can't stand beside `subPath`");
    }
    if let Some(recursive) =
        at.get("recursiveReadOnly").filter(|at| at.node.as_str() != Some("Disabled"))
    {
        if !at.is_true("readOnly") {
            found.conflict(&recursive, "`recursiveReadOnly` needs `readOnly: true`");
        }
        if at.text("mountPropagation").is_some_and(|propagation| propagation != "None") {
            found.conflict(&recursive, "`recursiveReadOnly` needs `mountPropagation: None`");
        }
    }
}

fn security(at: &At, found: &mut Found) {
    let denied =
        at.get("allowPrivilegeEscalation").filter(|_| !at.is_true("allowPrivilegeEscalation"));
    let Some(denied) = denied else {
        return;
    };
    if at.is_true("privileged") {
        found.conflict(
            &denied,
            "`allowPrivilegeEscalation: false` can't stand beside `privileged: true`",
        );
    }
}

fn profile(at: &At, found: &mut Found) {
    let local = at.text("type") == Some("Localhost");
    match at.get("localhostProfile") {
        None if local => {
            found.missing(at, "localhostProfile", Some("`type: Localhost` needs it".to_owned()));
        }
        Some(profile) if !local => {
            found.conflict(&profile, "`localhostProfile` needs `type: Localhost`");
        }
        _ => {}
    }
}

/// Reports a name that no item of a list has.
pub fn not_found(what: &'static str, at: &At, found: &mut Found) {
    if let Some(name) = at.node.as_str() {
        found.value(at, Problem::NotFound { what, name: name.to_owned() });
    }
}
