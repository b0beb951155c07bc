//! Endpoints, Ingresses and NetworkPolicies.

use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by,
};
use crate::error::Problem;
use crate::formats;

pub(super) const PROTOCOLS: Rule = Rule::OneOf(&["TCP", "UDP", "SCTP"]);
pub(super) const PORT: Rule = Rule::Range(1, 65535);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
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
    ("Ingress", ingress_class_annotation as Check, "networking: ValidateIngressCreate"),
    (
        "IngressClassParametersReference",
        parameters_scope,
        "networking: validateIngressClassParametersReference",
    ),
    ("IPBlock", excepted_ranges, "networking: ValidateIPBlock"),
    ("IngressSpec", ingress_rules_or_default, "networking: ValidateIngressSpec"),
    ("HTTPIngressPath", ingress_path, "networking: validateHTTPIngressPath"),
    ("IngressBackend", one_backend, "networking: validateIngressBackend"),
    ("IngressServiceBackend", backend_port, "networking: validateIngressBackend"),
    ("EndpointSubset", endpoint_subset, "core: validateEndpointSubsets"),
    ("EndpointSlice", endpoint_slice, "discovery: ValidateEndpointSlice"),
    ("NetworkPolicyPeer", network_peer, "networking: ValidateNetworkPolicyPeer"),
    ("NetworkPolicyPort", port_range, "networking: ValidateNetworkPolicyPort"),
];

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
pub(super) fn endpoint_ip(text: &str) -> Result<(), &'static str> {
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
