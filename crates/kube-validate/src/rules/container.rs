//! Containers: ports, environment, probes, hooks, mounts, security.

use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by,
    unique_by_field,
};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];
const HANDLERS: &[&str] = &["exec", "httpGet", "tcpSocket", "grpc"];
const ID_RANGE: Rule = Rule::Range(0, i32::MAX as i64);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("Container", "core: validateContainerCommon, validatePullPolicy, validateContainerRestartPolicy", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_label)),
        ("image", Rule::Required),
        ("imagePullPolicy", PULL_POLICY),
        ("terminationMessagePolicy", MESSAGE_POLICY),
        ("restartPolicy", RESTART_POLICY),
        ("restartPolicyRules", Rule::AtMost(20)),
    ]),
    type_rules("EphemeralContainer", "core: validateContainerCommon, validatePullPolicy", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_label)),
        ("image", Rule::Required),
        ("imagePullPolicy", PULL_POLICY),
        ("terminationMessagePolicy", MESSAGE_POLICY),
    ]),
    type_rules("ContainerRestartRule", "core: validateContainerRestartPolicy", &[
        ("action", Rule::Exactly(&["Restart", "RestartAllContainers"])),
        ("exitCodes", Rule::Required),
    ]),
    type_rules("ContainerRestartRuleOnExitCodes", "core: validateContainerRestartPolicy", &[
        ("operator", Rule::Exactly(&["In", "NotIn"])),
        ("values", Rule::AtMost(255)),
    ]),
    type_rules("ContainerResizePolicy", "core: validateResizePolicy", &[
        ("resourceName", Rule::Exactly(&["cpu", "memory"])),
        ("restartPolicy", Rule::Exactly(&["NotRequired", "RestartContainer"])),
    ]),
    type_rules("ContainerPort", "core: validateContainerPorts", &[
        ("containerPort", Rule::Range(1, 65535)),
        ("hostPort", Rule::Range(0, 65535)),
        ("name", Rule::Form(formats::port_name)),
        ("protocol", Rule::OneOf(PROTOCOLS)),
    ]),
    type_rules("Probe", "core: validateProbe", &[
        ("initialDelaySeconds", NOT_NEGATIVE),
        ("timeoutSeconds", NOT_NEGATIVE),
        ("periodSeconds", NOT_NEGATIVE),
        ("successThreshold", NOT_NEGATIVE),
        ("failureThreshold", NOT_NEGATIVE),
        ("terminationGracePeriodSeconds", Rule::Range(1, i64::MAX)),
    ]),
    type_rules("ExecAction", "core: validateExecAction", &[
        ("command", Rule::Required),
    ]),
    type_rules("HTTPGetAction", "core: validateHTTPGetAction", &[
        ("port", Rule::Required),
        ("port", Rule::Port),
        ("scheme", Rule::OneOf(&["HTTP", "HTTPS"])),
    ]),
    type_rules("HTTPHeader", "core: validateHTTPGetAction", &[
        ("name", Rule::Strictly(formats::header_name)),
    ]),
    type_rules("TCPSocketAction", "core: validateTCPSocketAction", &[
        ("port", Rule::Required),
        ("port", Rule::Port),
    ]),
    type_rules("GRPCAction", "core: validateGRPCAction", &[
        ("port", Rule::Range(1, 65535)),
    ]),
    type_rules("VolumeMount", "core: ValidateVolumeMounts, validateMountPropagation, validateMountRecursiveReadOnly", &[
        ("name", Rule::Required),
        ("mountPath", Rule::Required),
        ("subPath", Rule::Form(formats::descending_path)),
        ("subPathExpr", Rule::Form(formats::descending_path)),
        ("mountPropagation", Rule::Exactly(&["Bidirectional", "HostToContainer", "None"])),
        ("recursiveReadOnly", Rule::Exactly(&["Disabled", "Enabled", "IfPossible"])),
    ]),
    type_rules("VolumeDevice", "core: ValidateVolumeDevices", &[
        ("name", Rule::Required),
        ("devicePath", Rule::Required),
        ("devicePath", Rule::Form(formats::no_backsteps)),
    ]),
    type_rules("SecurityContext", "core: ValidateSecurityContext, ValidateProcMountType", &[
        ("runAsUser", ID_RANGE),
        ("runAsGroup", ID_RANGE),
        ("procMount", Rule::Exactly(&["Default", "Unmasked"])),
    ]),
    type_rules("SeccompProfile", "core: validateSeccompProfileField", &[
        ("type", Rule::Exactly(PROFILES)),
        ("localhostProfile", Rule::Form(formats::descending_path)),
    ]),
    type_rules("AppArmorProfile", "core: ValidateAppArmorProfileField", &[
        ("type", Rule::Exactly(PROFILES)),
    ]),
];

const PULL_POLICY: Rule = Rule::OneOf(&["Always", "IfNotPresent", "Never"]);
const MESSAGE_POLICY: Rule = Rule::OneOf(&["File", "FallbackToLogsOnError"]);
const RESTART_POLICY: Rule = Rule::Exactly(&["Always", "Never", "OnFailure"]);
const NOT_NEGATIVE: Rule = Rule::Range(0, i64::MAX);
const PROFILES: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];

pub const CHECKS: &[CheckRow] = &[
    ("Container", unique_container_lists as Check, "core: validateContainers"),
    ("Container", probe_fields, "core: validateContainers"),
    ("Container", bidirectional_mounts, "core: validateMountPropagation"),
    ("Container", restart_rules, "core: validateContainerRestartPolicy"),
    ("Probe", probe_handler, "core: validateHandler"),
    ("LifecycleHandler", hook_handler, "core: validateHandler"),
    ("VolumeMount", mount_options, "core: ValidateVolumeMounts"),
    ("SecurityContext", privilege_escalation, "core: ValidateSecurityContext"),
    ("SeccompProfile", localhost_profile, "core: validateSeccompProfileField"),
    ("AppArmorProfile", localhost_profile, "core: ValidateAppArmorProfileField"),
];

/// Items of a container's lists are distinct. For variables and ports, server-side apply demands it:
/// they are keys of the lists (`x-kubernetes-list-map-keys`).
fn unique_container_lists(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("env"), "variable", "name", findings);
    unique_by_field(node.items_of("ports"), "port name", "name", findings);
    unique_by(node.items_of("ports"), "port", "containerPort", port_key, findings);
    unique_by_field(node.items_of("volumeMounts"), "mount path", "mountPath", findings);
    unique_by_field(node.items_of("volumeDevices"), "device path", "devicePath", findings);
    unique_by_field(node.items_of("volumeDevices"), "device", "name", findings);
    unique_by_field(node.items_of("resizePolicy"), "resize policy", "resourceName", findings);
}

/// Fields that only some of a container's probes have.
fn probe_fields(node: &NodeRef, findings: &mut Findings) {
    for field in ["livenessProbe", "startupProbe"] {
        let probe = node.get(field);
        let threshold = probe.as_ref().and_then(|probe| probe.get("successThreshold"));
        if let Some(threshold) = threshold
            && !matches!(threshold.as_int(), None | Some(0 | 1))
        {
            let message = format!("`successThreshold` must be 1 in a `{field}`");
            findings.report_conflict(&threshold, message);
        }
    }
    let probe = node.get("readinessProbe");
    let grace = probe.as_ref().and_then(|probe| probe.get("terminationGracePeriodSeconds"));
    if let Some(grace) = grace {
        let message = "`terminationGracePeriodSeconds` is not allowed in a `readinessProbe`";
        findings.report_conflict(&grace, message);
    }
}

fn bidirectional_mounts(node: &NodeRef, findings: &mut Findings) {
    if node.get("securityContext").is_some_and(|security| security.is_true("privileged")) {
        return;
    }
    for mount in node.items_of("volumeMounts") {
        if mount.text("mountPropagation") == Some("Bidirectional")
            && let Some(propagation) = mount.get("mountPropagation")
        {
            let message = "`mountPropagation: Bidirectional` needs a privileged container";
            findings.report_conflict(&propagation, message);
        }
    }
}

fn restart_rules(node: &NodeRef, findings: &mut Findings) {
    if let Some(rules) = node
        .get("restartPolicyRules")
        .filter(|_| !node.has("restartPolicy") && node.len_of("restartPolicyRules") > 0)
    {
        findings.report_conflict(&rules, "`restartPolicyRules` needs `restartPolicy`");
    }
}

fn port_key(port: &NodeRef) -> Option<String> {
    let protocol = port.text("protocol").unwrap_or("TCP");
    Some(format!("{}/{protocol}", port.int("containerPort")?))
}

fn probe_handler(node: &NodeRef, findings: &mut Findings) {
    exactly_one(node, HANDLERS, "handler", findings);
}

fn hook_handler(node: &NodeRef, findings: &mut Findings) {
    exactly_one(node, &["exec", "httpGet", "tcpSocket", "sleep"], "handler", findings);
}

fn mount_options(node: &NodeRef, findings: &mut Findings) {
    if let (Some(_), Some(_), Some(expression)) =
        (node.text("subPath"), node.text("subPathExpr"), node.get("subPathExpr"))
    {
        findings.report_conflict(&expression, "`subPathExpr` can't be combined with `subPath`");
    }
    if let Some(recursive) =
        node.get("recursiveReadOnly").filter(|node| node.as_str() != Some("Disabled"))
    {
        if !node.is_true("readOnly") {
            findings.report_conflict(&recursive, "`recursiveReadOnly` needs `readOnly: true`");
        }
        if node.text("mountPropagation").is_some_and(|propagation| propagation != "None") {
            findings
                .report_conflict(&recursive, "`recursiveReadOnly` needs `mountPropagation: None`");
        }
    }
}

fn privilege_escalation(node: &NodeRef, findings: &mut Findings) {
    let denied =
        node.get("allowPrivilegeEscalation").filter(|_| !node.is_true("allowPrivilegeEscalation"));
    let Some(denied) = denied else {
        return;
    };
    if node.is_true("privileged") {
        findings.report_conflict(
            &denied,
            "`allowPrivilegeEscalation: false` can't be combined with `privileged: true`",
        );
    }
}

fn localhost_profile(node: &NodeRef, findings: &mut Findings) {
    let local = node.text("type") == Some("Localhost");
    match node.get("localhostProfile") {
        None if local => {
            findings.report_missing_with_hint(
                node,
                "localhostProfile",
                "required by `type: Localhost`",
            );
        }
        Some(profile) if !local => {
            findings.report_conflict(&profile, "`localhostProfile` needs `type: Localhost`");
        }
        _ => {}
    }
}

/// The containers and init containers of a Pod's spec.
pub fn all_containers<'b>(spec: &'b NodeRef) -> impl Iterator<Item = NodeRef<'b>> {
    spec.items_of("containers").chain(spec.items_of("initContainers"))
}

/// Reports a name that no item of a list has.
pub fn report_not_found(what: &'static str, node: &NodeRef, findings: &mut Findings) {
    if let Some(name) = node.as_str() {
        findings.report(node, Problem::NotFound { what, name: truncate(name) });
    }
}
