//! Containers: ports, environment, probes, hooks, mounts, security.

use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, of, unique};
use crate::error::Problem;
use crate::formats;
use yaml_spans::shorten;

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
    ("Probe", probe, "core: validateHandler"),
    ("LifecycleHandler", hook, "core: validateHandler"),
    ("VolumeMount", mount, "core: ValidateVolumeMounts"),
    ("SecurityContext", security, "core: ValidateSecurityContext"),
    ("SeccompProfile", profile, "core: validateSeccompProfileField"),
    ("AppArmorProfile", profile, "core: ValidateAppArmorProfileField"),
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
        found.value(at, Problem::NotFound { what, name: shorten(name) });
    }
}
