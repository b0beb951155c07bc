//! Containers: ports, environment, probes, hooks, mounts, security.

use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by_field,
    unique_list_keys,
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
    type_rules("WindowsSecurityContextOptions", "core: validateWindowsSecurityContextOptions", &[
        ("gmsaCredentialSpecName", Rule::Strictly(formats::dns_subdomain)),
        ("gmsaCredentialSpec", Rule::Strictly(gmsa_spec)),
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
    ("Container", devices_and_mounts, "core: ValidateVolumeMounts, ValidateVolumeDevices"),
    ("WindowsSecurityContextOptions", windows_user, "core: validateWindowsSecurityContextOptions"),
    ("SecurityContext", privilege_escalation, "core: ValidateSecurityContext"),
    ("SeccompProfile", localhost_profile, "core: validateSeccompProfileField"),
    ("AppArmorProfile", app_armor_profile, "core: ValidateAppArmorProfileField"),
];

/// Items of a container's lists are distinct. For variables and ports, server-side apply demands it:
/// they are keys of the lists (`x-kubernetes-list-map-keys`).
fn unique_container_lists(node: &NodeRef, findings: &mut Findings) {
    unique_list_keys(node.items_of("env"), "variable", "name", name_of, findings);
    unique_by_field(node.items_of("ports"), "port name", "name", findings);
    unique_list_keys(node.items_of("ports"), "port", "containerPort", port_key, findings);
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

/// An item's name, as the key of its list.
pub fn name_of(item: &NodeRef) -> Option<String> {
    item.text("name").map(str::to_owned)
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

/// A volume, and a path in the container, is a device or a mount, but not both.
fn devices_and_mounts(node: &NodeRef, findings: &mut Findings) {
    for device in node.items_of("volumeDevices") {
        let name = device.text("name");
        let path = device.text("devicePath");
        for mount in node.items_of("volumeMounts") {
            for (field, value) in [("name", name), ("mountPath", path)] {
                if let Some(other) = mount.get(field)
                    && value.is_some()
                    && other.as_str() == value
                {
                    let message = format!("`{field}` is also that of a `volumeDevices` item");
                    findings.report(&other, Problem::conflict(message));
                }
            }
        }
    }
}

/// The longest domain and name of a Windows user, and what a name can't contain.
const MAX_WINDOWS_DOMAIN: usize = 255;
const MAX_WINDOWS_USER: usize = 104;
const NOT_IN_WINDOWS_USER: &str = "\"/\\:;|=,+*?<>@[]";

/// The longest specification of a group managed service account.
const MAX_GMSA: usize = 64 << 10;

fn gmsa_spec(text: &str) -> Result<(), &'static str> {
    if (1..=MAX_GMSA).contains(&text.len()) { Ok(()) } else { Err("1 to 65536 characters") }
}

fn windows_user(node: &NodeRef, findings: &mut Findings) {
    let Some(name) = node.get("runAsUserName") else {
        return;
    };
    let text = name.as_str().unwrap_or_default();
    let (domain, user) = match text.split_once('\\') {
        Some((domain, user)) => (Some(domain), user),
        None => (None, text),
    };
    let is_user = !user.is_empty()
        && user.len() <= MAX_WINDOWS_USER
        && !user.chars().all(|c| matches!(c, '.' | ' '))
        && !user.contains(|c| NOT_IN_WINDOWS_USER.contains(c));
    let is_valid = is_user && domain.is_none_or(is_windows_domain);
    if !is_valid || text.contains(|c: char| c.is_ascii_control()) {
        findings.report_invalid(
            &name,
            text,
            "a Windows user, such as `ContainerUser` or `DOMAIN\\user`",
        );
    }
}

/// Returns true for a NetBIOS name, or a DNS name in any case.
fn is_windows_domain(text: &str) -> bool {
    let net_bios = (1..=15).contains(&text.chars().count())
        && !text.starts_with('.')
        && !text.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|']);
    let dns = text.split('.').all(|part| formats::dns_label(&part.to_ascii_lowercase()).is_ok());
    text.len() <= MAX_WINDOWS_DOMAIN && (net_bios || dns)
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

/// A container may not gain privileges and be denied the way to them.
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
    let capabilities = node.get("capabilities");
    let mut added = capabilities.iter().flat_map(|capabilities| capabilities.items_of("add"));
    if let Some(admin) = added.find(|added| added.as_str() == Some("CAP_SYS_ADMIN")) {
        findings.report(
            &admin,
            Problem::conflict(
                "`CAP_SYS_ADMIN` can't be combined with `allowPrivilegeEscalation: false`",
            ),
        );
    }
}

/// The longest name of an AppArmor profile: a path's.
const MAX_PROFILE: usize = 4095;

fn app_armor_profile(node: &NodeRef, findings: &mut Findings) {
    localhost_profile(node, findings);
    if let Some(profile) = node.get("localhostProfile")
        && let Some(text) = profile.as_str()
        && (text.is_empty() || text.trim() != text || text.len() > MAX_PROFILE)
    {
        let expected = "a name of at most 4095 characters without spaces around it";
        findings.report_invalid(&profile, text, expected);
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
