//! Services, Endpoints, Ingresses and NetworkPolicies.

use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by,
    unique_by_field,
};
use crate::error::Problem;
use crate::formats;

const PROTOCOLS: Rule = Rule::OneOf(&["TCP", "UDP", "SCTP"]);
const SERVICES: &[&str] = &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
const PORT: Rule = Rule::Range(1, 65535);

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
    type_rules("IngressSpec", "networking: ValidateIngressSpec", &[
        ("ingressClassName", Rule::Strictly(formats::dns_subdomain)),
    ]),
    type_rules("IngressRule", "networking: validateIngressRules", &[
        ("host", Rule::Form(formats::ingress_host)),
    ]),
    type_rules("IngressTLS", "networking: validateIngressTLS", &[
        ("hosts", Rule::Strictly(formats::wildcard_name)),
        ("secretName", Rule::Form(formats::dns_subdomain)),
    ]),
    type_rules("HTTPIngressRuleValue", "networking: validateHTTPIngressRuleValue", &[
        ("paths", Rule::Required),
    ]),
    type_rules("HTTPIngressPath", "networking: validateHTTPIngressPath", &[
        ("pathType", Rule::Exactly(&["Exact", "Prefix", "ImplementationSpecific"])),
        ("path", Rule::Form(formats::absolute_path)),
    ]),
    type_rules("IngressServiceBackend", "networking: validateIngressBackend", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_label)),
    ]),
    type_rules("ServiceBackendPort", "networking: validateIngressBackend", &[
        ("name", Rule::Form(formats::port_name)),
        ("number", Rule::Range(0, 65535)),
    ]),
    type_rules("Service", "core: validateService", &[
        ("spec", Rule::Required),
    ]),
    type_rules("Ingress", "networking: ValidateIngressSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("IngressClass", "networking: validateIngressClassSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("TypedLocalObjectReference", "networking: validateIngressTypedLocalObjectReference", &[
        ("apiGroup", Rule::Strictly(formats::dns_subdomain)),
        ("kind", Rule::Required),
        ("kind", Rule::Form(formats::path_segment)),
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
    ]),
    type_rules("IngressClassParametersReference", "networking: validateIngressClassParametersReference", &[
        ("apiGroup", Rule::Strictly(formats::dns_subdomain)),
        ("kind", Rule::Required),
        ("kind", Rule::Form(formats::path_segment)),
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
        ("scope", Rule::Exactly(&["Cluster", "Namespace"])),
    ]),
    type_rules("IngressClassSpec", "networking: validateIngressClassSpec", &[
        ("controller", Rule::Required),
        ("controller", Rule::Strictly(ingress_controller)),
    ]),
    type_rules("EndpointPort", "core: validateEndpointPort; discovery: validatePorts", &[
        ("name", Rule::Form(formats::dns_label)),
        ("protocol", PROTOCOLS),
    ]),
    type_rules("NetworkPolicySpec", "networking: ValidateNetworkPolicySpec", &[
        ("policyTypes", Rule::Exactly(&["Ingress", "Egress"])),
        ("policyTypes", Rule::AtMost(2)),
    ]),
    type_rules("NetworkPolicyPort", "networking: ValidateNetworkPolicyPort", &[
        ("protocol", Rule::Exactly(&["TCP", "UDP", "SCTP"])),
        ("port", Rule::Port),
        ("endPort", PORT),
    ]),
    type_rules("IPBlock", "networking: ValidateIPBlock", &[
        ("cidr", Rule::Strictly(formats::ip_range)),
        ("except", Rule::Strictly(formats::ip_range)),
    ]),
    type_rules("EndpointAddress", "core: validateEndpointAddress", &[
        ("ip", Rule::Strictly(endpoint_ip)),
        ("hostname", Rule::Form(formats::dns_label)),
    ]),
    type_rules("EndpointSlice", "discovery: validateAddressType", &[
        ("addressType", Rule::Exactly(&["IPv4", "IPv6", "FQDN"])),
    ]),
    type_rules("Endpoint", "apply's list keys; discovery: validateEndpoints", &[
        ("addresses", Rule::DistinctKeys("address")),
        ("addresses", Rule::Required),
        ("hostname", Rule::Strictly(formats::dns_label)),
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
    ("Ingress", ingress_class_annotation, "networking: ValidateIngressCreate"),
    (
        "IngressClassParametersReference",
        parameters_scope,
        "networking: validateIngressClassParametersReference",
    ),
    ("IPBlock", excepted_ranges, "networking: ValidateIPBlock"),
    ("ServicePort", target_port, "core: validateServicePort"),
    ("IngressSpec", ingress_rules_or_default, "networking: ValidateIngressSpec"),
    ("HTTPIngressPath", ingress_path, "networking: validateHTTPIngressPath"),
    ("IngressBackend", one_backend, "networking: validateIngressBackend"),
    ("IngressServiceBackend", backend_port, "networking: validateIngressBackend"),
    ("EndpointSubset", endpoint_subset, "core: validateEndpointSubsets"),
    ("EndpointSlice", endpoint_slice, "discovery: ValidateEndpointSlice"),
    ("NetworkPolicyPeer", network_peer, "networking: ValidateNetworkPolicyPeer"),
    ("NetworkPolicyPort", port_range, "networking: ValidateNetworkPolicyPort"),
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

fn ingress_class_annotation(node: &NodeRef, findings: &mut Findings) {
    const KEY: &str = "kubernetes.io/ingress.class";
    let (metadata, spec) = (node.get("metadata"), node.get("spec"));
    let annotations = metadata.as_ref().and_then(|metadata| metadata.get("annotations"));
    let annotation = annotations.as_ref().and_then(|annotations| annotations.get(KEY));
    let class = spec.as_ref().and_then(|spec| spec.get("ingressClassName"));
    if let (Some(annotation), Some(class)) = (annotation, class)
        && annotation.as_str() != class.as_str()
    {
        let message = "the annotation's class is not that of `ingressClassName`";
        findings.report(&annotation, Problem::conflict(message));
    }
}

fn parameters_scope(node: &NodeRef, findings: &mut Findings) {
    match (node.text("scope").unwrap_or("Cluster"), node.get("namespace")) {
        ("Namespace", None) => findings.report_missing(node, "namespace"),
        ("Namespace", Some(namespace)) => {
            super::check_rule(&Rule::Strictly(formats::dns_label), &namespace, findings);
        }
        ("Cluster", Some(namespace)) => {
            findings.report_conflict(&namespace, "`namespace` needs `scope: Namespace`");
        }
        _ => {}
    }
}

/// Exceptions are smaller parts of the range.
fn excepted_ranges(node: &NodeRef, findings: &mut Findings) {
    let Some(whole) = node.text("cidr").and_then(formats::parse_range) else {
        return;
    };
    for item in node.items_of("except") {
        let text = item.as_str().unwrap_or_default();
        if formats::parse_range(text).is_some_and(|part| !part.is_part_of(&whole)) {
            findings.report_invalid(&item, text, "a smaller part of `cidr`");
        }
    }
}

/// Checks an address that other hosts can reach: `ValidateEndpointIP`.
fn endpoint_ip(text: &str) -> Result<(), &'static str> {
    formats::ip_address(text)?;
    let is_local = match text.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => {
            // 224.0.0.0/24 is link-local multicast.
            let local_multicast = ip.octets()[..3] == [224, 0, 0];
            ip.is_unspecified() || ip.is_loopback() || ip.is_link_local() || local_multicast
        }
        Ok(std::net::IpAddr::V6(ip)) => {
            let first = ip.segments()[0];
            ip.is_unspecified()
                || ip.is_loopback()
                || first & 0xffc0 == 0xfe80
                || first & 0xff0f == 0xff02
        }
        Err(_) => false,
    };
    if is_local { Err("an address that is neither of this host nor of its link") } else { Ok(()) }
}

/// The longest name of an Ingress controller.
const MAX_CONTROLLER: usize = 250;

fn ingress_controller(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_CONTROLLER {
        return Err("at most 250 characters");
    }
    formats::domain_path(text)
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

fn ingress_rules_or_default(node: &NodeRef, findings: &mut Findings) {
    if node.len_of("rules") == 0 && !node.has("defaultBackend") {
        findings.report_missing_with_hint(node, "rules", "expected `rules` or `defaultBackend`");
    }
}

fn ingress_path(node: &NodeRef, findings: &mut Findings) {
    if !matches!(node.text("pathType"), Some("Exact" | "Prefix")) {
        return;
    }
    let (Some(path), Some(text)) = (node.get("path"), node.text("path")) else {
        return findings.report_missing_with_hint(
            node,
            "path",
            "required by `pathType: Exact` and `Prefix`",
        );
    };
    const SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
    let wrong = SEQUENCES.iter().find(|part| text.contains(**part));
    let suffix = ["/..", "/."].iter().find(|part| text.ends_with(**part));
    if let Some(part) = wrong.or(suffix) {
        findings.report_invalid(&path, text, &format!("a path without `{part}`"));
    }
}

fn one_backend(node: &NodeRef, findings: &mut Findings) {
    exactly_one(node, &["service", "resource"], "backend", findings);
}

fn backend_port(node: &NodeRef, findings: &mut Findings) {
    let port = node.get("port");
    let name = port.as_ref().and_then(|port| port.text("name"));
    let number = port.as_ref().and_then(|port| port.int("number")).filter(|&number| number != 0);
    match (name, number, &port) {
        (Some(_), Some(_), Some(port)) => {
            findings.report_conflict(
                port,
                "`name` can't be combined with `number` in a backend's `port`",
            );
        }
        (None, None, _) => {
            findings.report_missing_with_hint(node, "port", "expected a `name` or a `number`");
        }
        _ => {}
    }
}

fn network_peer(node: &NodeRef, findings: &mut Findings) {
    let selectors = node.has("podSelector") || node.has("namespaceSelector");
    match node.get("ipBlock") {
        Some(block) if selectors => findings.report_conflict(
            &block,
            "`ipBlock` can't be combined with `podSelector` or `namespaceSelector`",
        ),
        None if !selectors => {
            let problem = Problem::conflict("the peer selects nothing");
            findings.report_with_hint(
                node,
                problem,
                "expected `podSelector`, `namespaceSelector` or `ipBlock`",
            );
        }
        _ => {}
    }
}

fn port_range(node: &NodeRef, findings: &mut Findings) {
    if let Some(port) = node.get("port").filter(|port| port.as_str() == Some("")) {
        findings.report_invalid(&port, "", "a port's number or name");
    }
    let Some(end) = node.get("endPort") else {
        return;
    };
    match node.int("port") {
        None => findings.report_conflict(&end, "`endPort` needs a number as `port`"),
        Some(port) if end.as_int().is_some_and(|end| end < port) => {
            findings.report_conflict(
                &end,
                format!("`endPort` must be at least `port`, which is {port}"),
            );
        }
        Some(_) => {}
    }
}

fn endpoint_slice(node: &NodeRef, findings: &mut Findings) {
    unique_by(
        node.items_of("ports"),
        "port name",
        "name",
        |port| Some(port.text("name").unwrap_or("").to_owned()),
        findings,
    );
    let form: formats::Form = match node.text("addressType") {
        Some("FQDN") => formats::dns_subdomain,
        _ => formats::ip_address,
    };
    for endpoint in node.items_of("endpoints") {
        for address in endpoint.items_of("addresses") {
            let text = address.as_str().unwrap_or_default();
            if form(text).is_err() {
                findings.report_invalid(&address, text, "an address of the slice's `addressType`");
            }
        }
    }
}

fn endpoint_subset(node: &NodeRef, findings: &mut Findings) {
    if node.len_of("addresses") + node.len_of("notReadyAddresses") == 0 {
        findings.report_missing(node, "addresses");
    }
    for port in node.items_of("ports") {
        if let Some(number) = port.get("port") {
            super::check_rule(&PORT, &number, findings);
        }
        if node.len_of("ports") > 1 && port.text("name").is_none() {
            findings.report_missing_with_hint(
                &port,
                "name",
                "a subset with several ports must name each",
            );
        }
    }
}
