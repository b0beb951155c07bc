//! Fields of a Pod that its operating system, or its share of the host, forbids.

use super::container::all_containers;
use super::{Check, CheckRow, Findings, NodeRef};
use crate::error::Problem;
use crate::formats;

pub const CHECKS: &[CheckRow] = &[
    ("PodSpec", windows_pod as Check, "core: validateWindows, validatePodResources"),
    ("PodSpec", linux_pod, "core: validateLinux"),
    ("PodSpec", host_process, "core: validateWindowsHostProcessPod"),
    ("PodSpec", host_sysctls, "core: ValidateHostSysctl"),
    ("PodSpec", user_namespace, "core: validateHostUsers, ValidateSecurityContext"),
    ("PodSpec", hostname_override, "core: validatePodHostName"),
];

/// Fields of the Pod's security context that Windows does not have.
const NOT_IN_WINDOWS_PODS: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
];

/// The same for a container's.
const NOT_IN_WINDOWS_CONTAINERS: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

fn system(node: &NodeRef) -> Option<String> {
    Some(node.get("os")?.text("name")?.to_owned())
}

fn windows_pod(node: &NodeRef, findings: &mut Findings) {
    if system(node).as_deref() != Some("windows") {
        return;
    }
    let security = node.get("securityContext");
    if let Some(security) = &security {
        forbid(security, NOT_IN_WINDOWS_PODS, "windows", findings);
    }
    forbid(node, &["hostUsers", "shareProcessNamespace", "resources"], "windows", findings);
    for field in ["hostPID", "hostIPC"] {
        if let Some(value) = node.get(field).filter(|_| node.is_true(field)) {
            findings.report_conflict(&value, forbidden(field, "windows"));
        }
    }
    for container in all_containers(node) {
        if let Some(security) = container.get("securityContext") {
            forbid(&security, NOT_IN_WINDOWS_CONTAINERS, "windows", findings);
        }
    }
}

fn linux_pod(node: &NodeRef, findings: &mut Findings) {
    if system(node).as_deref() != Some("linux") {
        return;
    }
    if let Some(security) = node.get("securityContext") {
        forbid(&security, &["windowsOptions"], "linux", findings);
    }
    for container in all_containers(node) {
        if let Some(security) = container.get("securityContext") {
            forbid(&security, &["windowsOptions"], "linux", findings);
        }
    }
}

fn forbid(node: &NodeRef, fields: &[&str], system: &str, findings: &mut Findings) {
    for field in fields {
        // An empty list of sysctls is none.
        let is_empty = *field == "sysctls" && node.len_of(field) == 0;
        if let Some(value) = node.get(field).filter(|_| !is_empty) {
            findings.report_conflict(&value, forbidden(field, system));
        }
    }
}

fn forbidden(field: &str, system: &str) -> String {
    format!("`{field}` can't be combined with `os: {{name: {system}}}`")
}

/// Either all containers of a Pod are processes of a Windows host, in its network, or none.
fn host_process(node: &NodeRef, findings: &mut Findings) {
    let of_pod = wants_host_process(node);
    let mut count = 0;
    let mut all = 0;
    for container in all_containers(node) {
        all += 1;
        let own = wants_host_process(&container);
        count += usize::from(own.or(of_pod) == Some(true));
        if own.is_some() && of_pod.is_some() && own != of_pod {
            let message = "`hostProcess` must be the same in the Pod and its containers";
            findings.report(&container, Problem::conflict(message));
        }
    }
    if count == 0 {
        return;
    }
    if count != all {
        let message = "all containers, or none, must have `hostProcess: true`";
        findings.report(node, Problem::conflict(message));
    }
    if !node.is_true("hostNetwork") {
        let message = "`hostProcess: true` needs `hostNetwork: true`";
        findings.report(node, Problem::conflict(message));
    }
}

fn wants_host_process(node: &NodeRef) -> Option<bool> {
    let security = node.get("securityContext")?;
    let options = security.get("windowsOptions")?;
    let is_true = options.is_true("hostProcess");
    (is_true || options.is_false("hostProcess")).then_some(is_true)
}

/// Sysctls of the namespace that a Pod shares with its host.
/// Source: component-helpers `node/util/sysctl/namespace.go`.
const IPC_SYSCTLS: &[&str] = &[
    "kernel.sem",
    "kernel.shm",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
    "kernel.msg",
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
];

fn host_sysctls(node: &NodeRef, findings: &mut Findings) {
    let (network, ipc) = (node.is_true("hostNetwork"), node.is_true("hostIPC"));
    let security = node.get("securityContext");
    for sysctl in security.iter().flat_map(|security| security.items_of("sysctls")) {
        let Some(name) = sysctl.get("name") else { continue };
        let text = name.as_str().unwrap_or_default();
        // With slashes as separators, dots are part of a name; the first of the two separates.
        let is_dotted = text.find(['.', '/']).is_some_and(|at| text.as_bytes()[at] == b'.');
        let dotted = if is_dotted { text.to_owned() } else { text.replace('/', ".") };
        let field = if network && dotted.starts_with("net.") {
            "hostNetwork"
        } else if ipc && (IPC_SYSCTLS.contains(&&*dotted) || dotted.starts_with("fs.mqueue.")) {
            "hostIPC"
        } else {
            continue;
        };
        let message = format!("the sysctl is the host's, because of `{field}: true`");
        findings.report(&name, Problem::Conflict(message));
    }
}

fn user_namespace(node: &NodeRef, findings: &mut Findings) {
    let has_own = node.is_false("hostUsers");
    if let Some(network) = node.get("hostNetwork").filter(|_| has_own)
        && node.is_true("hostNetwork")
    {
        let message = "`hostNetwork` can't be combined with `hostUsers: false`";
        findings.report_conflict(&network, message);
    }
    for container in all_containers(node) {
        if let Some(devices) = container.get("volumeDevices").filter(|_| has_own)
            && container.len_of("volumeDevices") > 0
        {
            let message = "`volumeDevices` can't be combined with `hostUsers: false`";
            findings.report_conflict(&devices, message);
        }
        let security = container.get("securityContext");
        if let Some(mount) = security.as_ref().and_then(|security| security.get("procMount"))
            && mount.as_str() == Some("Unmasked")
            && !has_own
        {
            findings.report_conflict(&mount, "`procMount: Unmasked` needs `hostUsers: false`");
        }
    }
}

/// The longest host name.
const MAX_HOSTNAME: usize = 64;

fn hostname_override(node: &NodeRef, findings: &mut Findings) {
    let Some(name) = node.get("hostnameOverride") else {
        return;
    };
    for field in ["setHostnameAsFQDN", "hostNetwork"] {
        if node.is_true(field) {
            let message = format!("`hostnameOverride` can't be combined with `{field}: true`");
            findings.report_conflict(&name, message);
        }
    }
    let text = name.as_str().unwrap_or_default();
    if text.len() > MAX_HOSTNAME || formats::dns_subdomain(text).is_err() {
        findings.report_invalid(&name, text, "a DNS name of at most 64 characters");
    }
}
