//! Services, Ingresses, NetworkPolicies, Endpoints.

use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, malformed, of, unique};
use crate::error::Problem;
use crate::formats;

const PROTOCOLS: Rule = Rule::OneOf(&["TCP", "UDP", "SCTP"]);
const SERVICES: &[&str] = &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
const PORT: Rule = Rule::Range(1, 65535);

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("ServiceSpec", "core: validateService, validateService (ValidateLabels), ValidateServiceClusterIPsRelatedFields, validateServiceExternalTrafficPolicy, validateServiceInternalTrafficFieldsValue, validateServiceTrafficDistribution", &[
        ("type", Rule::OneOf(SERVICES)),
        ("sessionAffinity", Rule::OneOf(&["None", "ClientIP"])),
        ("selector", Rule::Keys(formats::qualified)),
        ("selector", Rule::Form(formats::label_value)),
        ("clusterIP", Rule::Form(cluster_ip)),
        ("clusterIPs", Rule::Strictly(cluster_ip)),
        ("ipFamilies", Rule::Exactly(&["IPv4", "IPv6"])),
        ("ipFamilies", Rule::Distinct("IP family")),
        ("ipFamilyPolicy", Rule::Exactly(&["SingleStack", "PreferDualStack", "RequireDualStack"])),
        ("externalIPs", Rule::Strictly(formats::ip)),
        ("loadBalancerSourceRanges", Rule::Strictly(padded_cidr)),
        ("externalTrafficPolicy", Rule::OneOf(&["Cluster", "Local"])),
        ("internalTrafficPolicy", Rule::Exactly(&["Cluster", "Local"])),
        ("trafficDistribution", Rule::Exactly(&["PreferClose", "PreferSameZone", "PreferSameNode"])),
    ]),
    of("ServicePort", "core: validateServicePort", &[
        ("port", PORT),
        ("name", Rule::Form(formats::label)),
        ("protocol", PROTOCOLS),
        ("appProtocol", Rule::Strictly(formats::qualified)),
    ]),
    of("ClientIPConfig", "core: validateAffinityTimeout", &[
        ("timeoutSeconds", Rule::Range(1, 86400)),
    ]),
    of("IngressSpec", "networking: ValidateIngressSpec", &[
        ("ingressClassName", Rule::Strictly(formats::subdomain)),
    ]),
    of("IngressRule", "networking: validateIngressRules", &[
        ("host", Rule::Form(formats::host)),
    ]),
    of("IngressTLS", "networking: validateIngressTLS", &[
        ("hosts", Rule::Strictly(formats::wildcard)),
        ("secretName", Rule::Form(formats::subdomain)),
    ]),
    of("HTTPIngressRuleValue", "networking: validateHTTPIngressRuleValue", &[
        ("paths", Rule::Required),
    ]),
    of("HTTPIngressPath", "networking: validateHTTPIngressPath", &[
        ("pathType", Rule::Exactly(&["Exact", "Prefix", "ImplementationSpecific"])),
        ("path", Rule::Form(formats::absolute_path)),
    ]),
    of("IngressServiceBackend", "networking: validateIngressBackend", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::label)),
    ]),
    of("ServiceBackendPort", "networking: validateIngressBackend", &[
        ("name", Rule::Form(formats::port_name)),
        ("number", Rule::Range(0, 65535)),
    ]),
    of("Service", "core: validateService", &[
        ("spec", Rule::Required),
    ]),
    of("Ingress", "networking: ValidateIngressSpec", &[
        ("spec", Rule::Required),
    ]),
    of("IngressClass", "networking: validateIngressClassSpec", &[
        ("spec", Rule::Required),
    ]),
    of("TypedLocalObjectReference", "networking: validateIngressTypedLocalObjectReference", &[
        ("apiGroup", Rule::Strictly(formats::subdomain)),
        ("kind", Rule::Required),
        ("kind", Rule::Form(formats::path_segment)),
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
    ]),
    of("IngressClassParametersReference", "networking: validateIngressClassParametersReference", &[
        ("apiGroup", Rule::Strictly(formats::subdomain)),
        ("kind", Rule::Required),
        ("kind", Rule::Form(formats::path_segment)),
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
        ("scope", Rule::Exactly(&["Cluster", "Namespace"])),
    ]),
    of("IngressClassSpec", "networking: validateIngressClassSpec", &[
        ("controller", Rule::Required),
        ("controller", Rule::Strictly(formats::domain_path)),
    ]),
    of("EndpointPort", "core: validateEndpointPort; discovery: validatePorts", &[
        ("name", Rule::Form(formats::label)),
        ("protocol", PROTOCOLS),
    ]),
    of("NetworkPolicySpec", "networking: ValidateNetworkPolicySpec", &[
        ("policyTypes", Rule::Exactly(&["Ingress", "Egress"])),
        ("policyTypes", Rule::AtMost(2)),
    ]),
    of("NetworkPolicyPort", "networking: ValidateNetworkPolicyPort", &[
        ("protocol", Rule::Exactly(&["TCP", "UDP", "SCTP"])),
        ("port", Rule::Port),
        ("endPort", PORT),
    ]),
    of("IPBlock", "networking: ValidateIPBlock", &[
        ("cidr", Rule::Strictly(formats::cidr)),
        ("except", Rule::Strictly(formats::cidr)),
    ]),
    of("EndpointAddress", "core: validateEndpointAddress", &[
        ("ip", Rule::Strictly(formats::ip)),
        ("hostname", Rule::Form(formats::label)),
    ]),
    of("EndpointSlice", "discovery: validateAddressType", &[
        ("addressType", Rule::Exactly(&["IPv4", "IPv6", "FQDN"])),
    ]),
    of("Endpoint", "apply's list keys; discovery: validateEndpoints", &[
        ("addresses", Rule::Distinct("address")),
        ("addresses", Rule::Required),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("ServiceSpec", service as Check, "core: validateService"),
    ("ServiceSpec", service_ports, "core: validateService, validateServicePort"),
    ("ServicePort", target, "core: validateServicePort"),
    ("IngressSpec", ingress, "networking: ValidateIngressSpec"),
    ("HTTPIngressPath", path, "networking: validateHTTPIngressPath"),
    ("IngressBackend", backend, "networking: validateIngressBackend"),
    ("IngressServiceBackend", backend_port, "networking: validateIngressBackend"),
    ("EndpointSubset", subset, "core: validateEndpointSubsets"),
    ("EndpointSlice", slice, "discovery: ValidateEndpointSlice"),
    ("NetworkPolicyPeer", peer, "networking: ValidateNetworkPolicyPeer"),
    ("NetworkPolicyPort", port_range, "networking: ValidateNetworkPolicyPort"),
];

fn cluster_ip(text: &str) -> Result<(), &'static str> {
    if text == "None" { Ok(()) } else { formats::ip(text).map_err(|_| "an IP address or `None`") }
}

fn padded_cidr(text: &str) -> Result<(), &'static str> {
    formats::cidr(text.trim())
}

fn service(at: &At, found: &mut Found) {
    let kind = at.text("type").unwrap_or("ClusterIP");
    if !SERVICES.contains(&kind) {
        return;
    }
    let headless = at.text("clusterIP") == Some("None");
    let ips = at.get("clusterIPs").or_else(|| at.get("clusterIP"));
    match kind {
        "ExternalName" if at.text("externalName").is_none() => {
            found.missing(at, "externalName", Some("`type: ExternalName` needs it".to_owned()));
        }
        "LoadBalancer" | "NodePort" if headless => {
            if let Some(ips) = &ips {
                found.conflict(ips, format!("`clusterIP: None` can't stand beside `type: {kind}`"));
            }
        }
        _ => {}
    }
    if let Some(name) = at.get("externalName").filter(|_| kind == "ExternalName")
        && let Some(text) = at.text("externalName")
        && let Err(right) = formats::subdomain(text.strip_suffix('.').unwrap_or(text))
    {
        malformed(text, right, &name, found);
    }
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let there = at.len(field) > 0 || at.text(field).is_some();
        if let Some(at) = at.get(field).filter(|_| there && kind == "ExternalName") {
            found.conflict(&at, format!("`{field}` can't stand beside `type: ExternalName`"));
        }
    }
    // A Service without a selector may have no ports only where it has no address of its own.
    if at.len("ports") == 0 && !headless && kind != "ExternalName" {
        found.missing(at, "ports", None);
    }
    let only = [
        ("loadBalancerSourceRanges", "LoadBalancer"),
        ("allocateLoadBalancerNodePorts", "LoadBalancer"),
        ("loadBalancerClass", "LoadBalancer"),
    ];
    for (field, needed) in only {
        if let Some(at) = at.get(field).filter(|_| {
            kind != needed && !(field == "loadBalancerSourceRanges" && at.len(field) == 0)
        }) {
            found.conflict(&at, format!("`{field}` needs `type: {needed}`"));
        }
    }
    let outside = matches!(kind, "LoadBalancer" | "NodePort")
        || (kind == "ClusterIP" && at.len("externalIPs") > 0);
    if let (Some(_), Some(policy)) =
        (at.text("externalTrafficPolicy"), at.get("externalTrafficPolicy"))
        && !outside
    {
        found.conflict(
            &policy,
            "`externalTrafficPolicy` needs a Service that is reached from outside",
        );
    }
    if let Some(config) =
        at.get("sessionAffinityConfig").filter(|_| at.text("sessionAffinity") != Some("ClientIP"))
    {
        found.conflict(&config, "`sessionAffinityConfig` needs `sessionAffinity: ClientIP`");
    }
}

fn service_ports(at: &At, found: &mut Found) {
    let name = |port: &At| port.text("name").map(str::to_owned);
    unique(at.list("ports"), "port name", "name", name, found);
    let number = |field: &'static str| {
        move |port: &At| {
            let protocol = port.text("protocol").unwrap_or("TCP");
            Some(format!("{}/{protocol}", port.int(field).filter(|&number| number != 0)?))
        }
    };
    unique(at.list("ports"), "port", "port", number("port"), found);
    unique(at.list("ports"), "node port", "nodePort", number("nodePort"), found);
    let several = at.len("ports") > 1;
    let inside = matches!(at.text("type"), None | Some("ClusterIP"));
    for port in at.list("ports") {
        if several && port.text("name").is_none() {
            found.missing(&port, "name", Some("a Service of several ports names each".to_owned()));
        }
        if let Some(node) =
            port.get("nodePort").filter(|node| inside && node.node.as_int() != Some(0))
        {
            found.conflict(&node, "`nodePort` can't stand beside `type: ClusterIP`");
        }
    }
}

fn target(at: &At, found: &mut Found) {
    // 0 and the empty text mean "as port": core/v1 defaults.go, SetDefaults_Service.
    let Some(target) = at.get("targetPort").filter(|target| target.node.as_int() != Some(0)) else {
        return;
    };
    super::hold(&Rule::Port, &target, found);
}

fn ingress(at: &At, found: &mut Found) {
    if at.len("rules") == 0 && !at.has("defaultBackend") {
        found.missing(at, "rules", Some("`defaultBackend` or `rules` must be there".to_owned()));
    }
}

fn path(at: &At, found: &mut Found) {
    if !matches!(at.text("pathType"), Some("Exact" | "Prefix")) {
        return;
    }
    let (Some(path), Some(text)) = (at.get("path"), at.text("path")) else {
        return found.missing(at, "path", Some("`Exact` and `Prefix` need it".to_owned()));
    };
    const SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
    let wrong = SEQUENCES.iter().find(|part| text.contains(**part));
    let suffix = ["/..", "/."].iter().find(|part| text.ends_with(**part));
    if let Some(part) = wrong.or(suffix) {
        malformed(text, &format!("a path without `{part}`"), &path, found);
    }
}

fn backend(at: &At, found: &mut Found) {
    exactly_one(at, &["service", "resource"], "backend", found);
}

fn backend_port(at: &At, found: &mut Found) {
    let port = at.get("port");
    let name = port.as_ref().and_then(|port| port.text("name"));
    let number = port.as_ref().and_then(|port| port.int("number")).filter(|&number| number != 0);
    match (name, number, &port) {
        (Some(_), Some(_), Some(port)) => {
            found.conflict(port, "a backend's port has a `name` or a `number`, not both");
        }
        (None, None, _) => {
            found.missing(at, "port", Some("must have a `name` or a `number`".to_owned()));
        }
        _ => {}
    }
}

fn peer(at: &At, found: &mut Found) {
    let selectors = at.has("podSelector") || at.has("namespaceSelector");
    match at.get("ipBlock") {
        Some(block) if selectors => {
            found.conflict(&block, "`ipBlock` can't stand beside a selector")
        }
        None if !selectors => {
            let problem = Problem::Conflict("the peer names nobody".to_owned());
            found.value_hint(
                at,
                problem,
                "must have `podSelector`, `namespaceSelector` or `ipBlock`",
            );
        }
        _ => {}
    }
}

fn port_range(at: &At, found: &mut Found) {
    let Some(end) = at.get("endPort") else {
        return;
    };
    match at.int("port") {
        None => found.conflict(&end, "`endPort` needs a `port` by number"),
        Some(port) if end.node.as_int().is_some_and(|end| end < port) => {
            found.conflict(&end, format!("`endPort` is below `port`, {port}"));
        }
        Some(_) => {}
    }
}

fn slice(at: &At, found: &mut Found) {
    unique(
        at.list("ports"),
        "port name",
        "name",
        |port| Some(port.text("name").unwrap_or("").to_owned()),
        found,
    );
    let form: formats::Form = match at.text("addressType") {
        Some("FQDN") => formats::subdomain,
        _ => formats::ip,
    };
    for endpoint in at.list("endpoints") {
        for address in endpoint.list("addresses") {
            let text = address.node.as_str().unwrap_or_default();
            if form(text).is_err() {
                malformed(text, "an address of the slice's type", &address, found);
            }
        }
    }
}

fn subset(at: &At, found: &mut Found) {
    if at.len("addresses") + at.len("notReadyAddresses") == 0 {
        found.missing(at, "addresses", None);
    }
    for port in at.list("ports") {
        if let Some(number) = port.get("port") {
            super::hold(&PORT, &number, found);
        }
        if at.len("ports") > 1 && port.text("name").is_none() {
            found.missing(&port, "name", Some("a subset of several ports names each".to_owned()));
        }
    }
}
