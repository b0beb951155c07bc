//! Containers: ports, environment, probes, hooks, mounts, security.

use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, of, one_of, unique};
use crate::objects::error::Problem;
use crate::objects::formats;
use crate::objects::quantity::Quantity;

const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];
const HANDLERS: &[&str] = &["exec", "httpGet", "tcpSocket", "grpc"];
const ID: Rule = Rule::Range(0, i32::MAX as i64);

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("Container", "core: validateContainerCommon, validatePullPolicy, validateContainerRestartPolicy", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::label)),
        ("image", Rule::Required),
        ("imagePullPolicy", PULL),
        ("terminationMessagePolicy", MESSAGES),
        ("restartPolicy", RESTART),
        ("restartPolicyRules", Rule::AtMost(20)),
    ]),
    of("EphemeralContainer", "core: validateContainerCommon, validatePullPolicy", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::label)),
        ("image", Rule::Required),
        ("imagePullPolicy", PULL),
        ("terminationMessagePolicy", MESSAGES),
    ]),
    of("ContainerRestartRule", "core: validateContainerRestartPolicy", &[
        ("action", Rule::Exactly(&["Restart", "RestartAllContainers"])),
        ("exitCodes", Rule::Required),
    ]),
    of("ContainerRestartRuleOnExitCodes", "core: validateContainerRestartPolicy", &[
        ("operator", Rule::Exactly(&["In", "NotIn"])),
        ("values", Rule::AtMost(255)),
    ]),
    of("ContainerResizePolicy", "core: validateResizePolicy", &[
        ("resourceName", Rule::Exactly(&["cpu", "memory"])),
        ("restartPolicy", Rule::Exactly(&["NotRequired", "RestartContainer"])),
    ]),
    of("ContainerPort", "core: validateContainerPorts", &[
        ("containerPort", Rule::Range(1, 65535)),
        ("hostPort", Rule::Range(0, 65535)),
        ("name", Rule::Form(formats::port_name)),
        ("protocol", Rule::OneOf(PROTOCOLS)),
    ]),
    of("EnvVar", "core: ValidateEnv", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::env_name)),
    ]),
    of("EnvFromSource", "core: ValidateEnvFrom", &[
        ("prefix", Rule::Form(formats::env_name)),
    ]),
    of("ConfigMapEnvSource", "core: validateConfigMapEnvSource", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::subdomain)),
    ]),
    of("SecretEnvSource", "core: validateSecretEnvSource", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::subdomain)),
    ]),
    of("ConfigMapKeySelector", "core: validateConfigMapKeySelector", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::subdomain)),
        ("key", Rule::Strictly(formats::config_key)),
    ]),
    of("SecretKeySelector", "core: validateSecretKeySelector", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::subdomain)),
        ("key", Rule::Strictly(formats::config_key)),
    ]),
    of("FileKeySelector", "core: validateFileKeySelector", &[
        ("key", Rule::Required),
        ("key", Rule::Form(formats::env_name)),
        ("path", Rule::Required),
        ("path", Rule::Form(formats::no_backsteps)),
    ]),
    of("ObjectFieldSelector", "core: validateObjectFieldSelector", &[
        ("apiVersion", Rule::OneOf(&["v1"])),
        ("fieldPath", Rule::Required),
    ]),
    of("ResourceFieldSelector", "core: validateContainerResourceFieldSelector", &[
        ("resource", Rule::Required),
    ]),
    of("Probe", "core: validateProbe", &[
        ("initialDelaySeconds", NOT_NEGATIVE),
        ("timeoutSeconds", NOT_NEGATIVE),
        ("periodSeconds", NOT_NEGATIVE),
        ("successThreshold", NOT_NEGATIVE),
        ("failureThreshold", NOT_NEGATIVE),
        ("terminationGracePeriodSeconds", Rule::Range(1, i64::MAX)),
    ]),
    of("ExecAction", "core: validateExecAction", &[
        ("command", Rule::Required),
    ]),
    of("HTTPGetAction", "core: validateHTTPGetAction", &[
        ("port", Rule::Required),
        ("port", Rule::Port),
        ("scheme", Rule::OneOf(&["HTTP", "HTTPS"])),
    ]),
    of("HTTPHeader", "core: validateHTTPGetAction", &[
        ("name", Rule::Strictly(formats::header_name)),
    ]),
    of("TCPSocketAction", "core: validateTCPSocketAction", &[
        ("port", Rule::Required),
        ("port", Rule::Port),
    ]),
    of("GRPCAction", "core: validateGRPCAction", &[
        ("port", Rule::Range(1, 65535)),
    ]),
    of("VolumeMount", "core: ValidateVolumeMounts, validateMountPropagation, validateMountRecursiveReadOnly", &[
        ("name", Rule::Required),
        ("mountPath", Rule::Required),
        ("subPath", Rule::Form(formats::descending_path)),
        ("subPathExpr", Rule::Form(formats::descending_path)),
        ("mountPropagation", Rule::Exactly(&["Bidirectional", "HostToContainer", "None"])),
        ("recursiveReadOnly", Rule::Exactly(&["Disabled", "Enabled", "IfPossible"])),
    ]),
    of("VolumeDevice", "core: ValidateVolumeDevices", &[
        ("name", Rule::Required),
        ("devicePath", Rule::Required),
        ("devicePath", Rule::Form(formats::no_backsteps)),
    ]),
    of("SecurityContext", "core: ValidateSecurityContext, ValidateProcMountType", &[
        ("runAsUser", ID),
        ("runAsGroup", ID),
        ("procMount", Rule::Exactly(&["Default", "Unmasked"])),
    ]),
    of("SeccompProfile", "core: validateSeccompProfileField", &[
        ("type", Rule::Exactly(PROFILES)),
        ("localhostProfile", Rule::Form(formats::descending_path)),
    ]),
    of("AppArmorProfile", "core: ValidateAppArmorProfileField", &[
        ("type", Rule::Exactly(PROFILES)),
    ]),
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
