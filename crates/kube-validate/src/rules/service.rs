//! Services.

use super::network::{PORT, PROTOCOLS, endpoint_ip};
use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules, unique_by, unique_by_field,
};
use crate::error::Problem;
use crate::formats;

const SERVICES: &[&str] = &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("ServiceSpec", "core: validateService, validateService (ValidateLabels), ValidateServiceClusterIPsRelatedFields, validateServiceExternalTrafficPolicy, validateServiceInternalTrafficFieldsValue, validateServiceTrafficDistribution", &[
        ("type", Rule::OneOf(SERVICES)),
        ("sessionAffinity", Rule::OneOf(&["None", "ClientIP"])),
        ("selector", Rule::Keys(formats::qualified_name)),
        ("selector", Rule::Form(formats::label_value)),
        ("clusterIP", Rule::Form(cluster_ip)),
        ("clusterIPs", Rule::Strictly(cluster_ip)),
        ("ipFamilies", Rule::Exactly(&["IPv4", "IPv6"])),
        ("ipFamilies", Rule::Distinct("IP family")),
        ("ipFamilyPolicy", Rule::Exactly(&["SingleStack", "PreferDualStack", "RequireDualStack"])),
        ("clusterIPs", Rule::AtMost(2)),
        ("externalIPs", Rule::Strictly(endpoint_ip)),
        ("loadBalancerSourceRanges", Rule::Strictly(padded_cidr)),
        ("loadBalancerClass", Rule::Strictly(formats::qualified_name)),
        ("externalTrafficPolicy", Rule::OneOf(&["Cluster", "Local"])),
        ("internalTrafficPolicy", Rule::Exactly(&["Cluster", "Local"])),
        ("trafficDistribution", Rule::Exactly(&["PreferClose", "PreferSameZone", "PreferSameNode"])),
    ]),
    type_rules("ServicePort", "core: validateServicePort", &[
        ("port", PORT),
        ("name", Rule::Form(formats::dns_label)),
        ("protocol", PROTOCOLS),
        ("appProtocol", Rule::Strictly(formats::qualified_name)),
    ]),
    type_rules("ClientIPConfig", "core: validateAffinityTimeout", &[
        ("timeoutSeconds", Rule::Range(1, 86400)),
    ]),
    type_rules("Service", "core: validateService", &[
        ("spec", Rule::Required),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("ServiceSpec", service_type_fields as Check, "core: validateService"),
    ("ServiceSpec", service_ports, "core: validateService, validateServicePort"),
    (
        "ServiceSpec",
        cluster_ips,
        "core: ValidateServiceClusterIPsRelatedFields; registry: service/storage/alloc.go",
    ),
    ("ServiceSpec", health_check_port, "core: validateServiceExternalTrafficPolicy"),
    ("Service", service_annotations, "core: validateService"),
    ("ServicePort", target_port, "core: validateServicePort"),
];

fn cluster_ip(text: &str) -> Result<(), &'static str> {
    if text == "None" {
        Ok(())
    } else {
        formats::ip_address(text).map_err(|_| "an IP address or `None`")
    }
}

fn padded_cidr(text: &str) -> Result<(), &'static str> {
    formats::ip_range(text.trim())
}

/// The fields of a Service fit its type.
fn service_type_fields(node: &NodeRef, findings: &mut Findings) {
    let service_type = node.text("type").unwrap_or("ClusterIP");
    let headless = node.text("clusterIP") == Some("None");
    match service_type {
        "ClusterIP" => {}
        "NodePort" | "LoadBalancer" => {
            let ips = node.get("clusterIPs").or_else(|| node.get("clusterIP"));
            if let Some(ips) = ips.filter(|_| headless) {
                let message =
                    format!("`clusterIP: None` can't be combined with `type: {service_type}`");
                findings.report_conflict(&ips, message);
            }
        }
        "ExternalName" => external_name(node, findings),
        _ => return,
    }
    // Without ports, a Service must be one without an address of its own.
    if node.len_of("ports") == 0 && !headless && service_type != "ExternalName" {
        findings.report_missing(node, "ports");
    }
    if service_type != "LoadBalancer" {
        load_balancer_fields(node, findings);
    }
    let is_external = matches!(service_type, "LoadBalancer" | "NodePort")
        || (service_type == "ClusterIP" && node.len_of("externalIPs") > 0);
    if let (Some(_), Some(policy)) =
        (node.text("externalTrafficPolicy"), node.get("externalTrafficPolicy"))
        && !is_external
    {
        let message = "`externalTrafficPolicy` needs a Service with external traffic";
        findings.report_with_hint(
            &policy,
            Problem::conflict(message),
            "expected `type: NodePort`, `type: LoadBalancer` or `externalIPs`",
        );
    }
}

/// A Service of type `ExternalName` has a DNS name in place of addresses.
fn external_name(node: &NodeRef, findings: &mut Findings) {
    match (node.get("externalName"), node.text("externalName")) {
        (Some(name), Some(text)) => {
            if let Err(expected) = formats::dns_subdomain(text.strip_suffix('.').unwrap_or(text)) {
                findings.report_invalid(&name, text, expected);
            }
        }
        _ => findings.report_missing_with_hint(
            node,
            "externalName",
            "required by `type: ExternalName`",
        ),
    }
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let is_set = node.len_of(field) > 0 || node.text(field).is_some();
        if let Some(value) = node.get(field).filter(|_| is_set) {
            let message = format!("`{field}` can't be combined with `type: ExternalName`");
            findings.report_conflict(&value, message);
        }
    }
}

/// Reports the fields that only a Service of type `LoadBalancer` has.
fn load_balancer_fields(node: &NodeRef, findings: &mut Findings) {
    let fields = ["loadBalancerSourceRanges", "allocateLoadBalancerNodePorts", "loadBalancerClass"];
    for field in fields {
        let is_empty_list = field == "loadBalancerSourceRanges" && node.len_of(field) == 0;
        if let Some(value) = node.get(field).filter(|_| !is_empty_list) {
            findings.report_conflict(&value, format!("`{field}` needs `type: LoadBalancer`"));
        }
    }
}

/// The addresses of a Service: `None` alone, or at most one of each IP family.
fn cluster_ips(node: &NodeRef, findings: &mut Findings) {
    if node.text("type") == Some("ExternalName") {
        return;
    }
    let texts: Vec<&str> = node
        .yaml
        .get("clusterIPs")
        .and_then(|list| list.as_sequence())
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.as_str())
        .collect();
    let Some(ips) = node.get("clusterIPs").filter(|_| !texts.is_empty()) else {
        return single_stack(node, 0, findings);
    };
    let message = match node.text("clusterIP") {
        None => Some("`clusterIPs` needs `clusterIP`, which is the first of them"),
        Some(first) if texts[0] != first => Some("`clusterIP` must be the first of `clusterIPs`"),
        Some(_) if texts.len() > 1 && texts.contains(&"None") => {
            Some("`None` can't be combined with other addresses")
        }
        Some(_) => None,
    };
    if let Some(message) = message {
        return findings.report_conflict(&ips, message);
    }
    let is_v6: Vec<bool> = texts.iter().map(|text| text.contains(':')).collect();
    if is_v6.len() == 2 && is_v6[0] == is_v6[1] {
        findings.report_conflict(&ips, "`clusterIPs` has two addresses of one IP family");
    }
    for ((family, text), is_v6) in node.items_of("ipFamilies").zip(&texts).zip(is_v6) {
        let differs = match family.as_str() {
            Some("IPv4") => is_v6,
            Some("IPv6") => !is_v6,
            _ => false,
        };
        if differs && *text != "None" {
            let message = "the IP family is not that of the address in `clusterIPs`";
            findings.report(&family, Problem::conflict(message));
        }
    }
    single_stack(node, texts.len(), findings);
}

fn single_stack(node: &NodeRef, addresses: usize, findings: &mut Findings) {
    let Some(policy) = node.get("ipFamilyPolicy") else {
        return;
    };
    if policy.as_str() == Some("SingleStack") && (addresses > 1 || node.len_of("ipFamilies") > 1) {
        let message = "`ipFamilyPolicy: SingleStack` can't be combined with two IP families";
        findings.report_conflict(&policy, message);
    }
}

fn health_check_port(node: &NodeRef, findings: &mut Findings) {
    let Some(port) = node.get("healthCheckNodePort").filter(|port| port.as_int() != Some(0)) else {
        return;
    };
    if node.text("type") == Some("LoadBalancer")
        && node.text("externalTrafficPolicy") == Some("Local")
    {
        super::check_rule(&PORT, &port, findings);
    } else {
        let message =
            "`healthCheckNodePort` needs `type: LoadBalancer` and `externalTrafficPolicy: Local`";
        findings.report_conflict(&port, message);
    }
}

const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const TOPOLOGY_MODES: [&str; 2] =
    ["service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"];

fn service_annotations(node: &NodeRef, findings: &mut Findings) {
    let metadata = node.get("metadata");
    let Some(annotations) = metadata.as_ref().and_then(|metadata| metadata.get("annotations"))
    else {
        return;
    };
    let [mode, hints] = TOPOLOGY_MODES.map(|key| annotations.get(key));
    if let (Some(mode), Some(hints)) = (mode, hints)
        && mode.as_str() != hints.as_str()
    {
        findings.report(&mode, Problem::conflict("the two annotations of topology differ"));
    }
    let spec = node.get("spec");
    let spec = spec.as_ref();
    let has_field = spec.is_some_and(|spec| spec.len_of("loadBalancerSourceRanges") > 0);
    let Some(ranges) = annotations.get(SOURCE_RANGES).filter(|_| !has_field) else {
        return;
    };
    if spec.and_then(|spec| spec.text("type")) != Some("LoadBalancer") {
        findings.report_conflict(&ranges, "the annotation needs `type: LoadBalancer`");
    }
    let text = ranges.as_str().unwrap_or_default().trim();
    if !text.is_empty()
        && let Some(Err(expected)) = text.split(',').map(padded_cidr).find(Result::is_err)
    {
        findings.report_invalid(&ranges, text, expected);
    }
}

fn service_ports(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("ports"), "port name", "name", findings);
    for (what, field) in [("port", "port"), ("node port", "nodePort")] {
        unique_by(node.items_of("ports"), what, field, |port| port_key(port, field), findings);
    }
    let several = node.len_of("ports") > 1;
    let is_cluster_ip = matches!(node.text("type"), None | Some("ClusterIP"));
    for port in node.items_of("ports") {
        if several && port.text("name").is_none() {
            findings.report_missing_with_hint(
                &port,
                "name",
                "a Service with several ports must name each",
            );
        }
        if let Some(node_port) =
            port.get("nodePort").filter(|number| is_cluster_ip && number.as_int() != Some(0))
        {
            let message = "`nodePort` can't be combined with `type: ClusterIP`";
            findings.report_conflict(&node_port, message);
        }
    }
}

/// A port's number and protocol, unless the server chooses the number.
fn port_key(port: &NodeRef, field: &str) -> Option<String> {
    let number = port.int(field).filter(|&number| number != 0)?;
    Some(format!("{number}/{}", port.text("protocol").unwrap_or("TCP")))
}

fn target_port(node: &NodeRef, findings: &mut Findings) {
    // 0 and the empty text mean the value of `port`: core/v1 defaults.go, SetDefaults_Service.
    let Some(target) = node.get("targetPort").filter(|target| target.as_int() != Some(0)) else {
        return;
    };
    super::check_rule(&Rule::Port, &target, findings);
}
