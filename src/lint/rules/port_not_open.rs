//! A probe or a Service that leads to a port without a listener.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::object::{items_at, node_at, scalar_text};
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::{Node, Path, Value};

pub(super) const RULE: Rule = Rule {
    id: "port-not-open",
    severity: Severity::Critical,
    summary: "A probe or a Service leads to a port that no container opens",
    rationale: "A readiness probe there never passes, so the Pod gets no requests; a liveness or startup probe restarts the container again and again; a Service there refuses every connection.",
    fix: "Use the number or the name of a port under `ports` of the container, which `server.port` sets for the server.",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports; pkg/probe/util.go (ResolveContainerPort) and pkg/api/v1/pod/util.go (FindPort) of Kubernetes",
    check: Check::Stack(port_not_open),
};

/// A probe, and the effect of one that always fails.
const PROBES: [(&str, &str); 3] = [
    ("readinessProbe", "the Pod is never ready"),
    ("livenessProbe", "the container is restarted again and again"),
    ("startupProbe", "the container is restarted again and again"),
];

/// The ways of a probe to ask a port.
const ASKS: [&str; 3] = ["httpGet", "tcpSocket", "grpc"];

/// A port that a container opens.
struct OpenPort<'a> {
    name: Option<&'a str>,
    number: i64,
    protocol: &'a str,
}

const TCP: &str = "TCP";

fn port_not_open(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for object in context.objects.iter() {
        check_probes(object, &mut violations);
        if object.is_kind("", "Service") {
            check_service(context, object, &mut violations);
        }
    }
    violations
}

/// Checks the probes of an object's containers. A number is asked at the Pod's address, which its
/// containers share; a name is one of the container's own ports.
fn check_probes(object: &Object, violations: &mut Vec<Violation>) {
    let all: Vec<OpenPort<'_>> = workload::containers(object).flat_map(open_ports).collect();
    for (path, container) in workload::located_containers(object) {
        let own: Vec<OpenPort<'_>> = open_ports(container).collect();
        for (probe, effect) in PROBES {
            for ask in ASKS {
                let Some(asked) = node_at(container, &[probe, ask]) else { continue };
                // A probe of another host says nothing about this Pod.
                let Some(port) = asked.get("port").filter(|_| asked.get("host").is_none()) else {
                    continue;
                };
                let message = Message::of("The kubelet asks port ");
                let message = match find_number(port) {
                    Some(number) if is_closed(&all, number) => message
                        .code(number.to_string())
                        .and(", and the containers open ")
                        .codes(numbers(&all), 3),
                    None if !own.iter().any(|open| open.name == port.as_str()) => message
                        .code(scalar_text(port))
                        .and(", and no port of the container has that name"),
                    _ => continue,
                };
                let field = path.key(probe).key(ask).key("port");
                let message = message.and(format!(": {effect}"));
                violations.push(Violation::at_field(object, field, message));
            }
        }
    }
}

/// Checks the ports of a Service. Pods that are not rendered here are not known.
fn check_service(context: &RuleContext<'_>, service: &Object, violations: &mut Vec<Violation>) {
    let Some(selector) = service.node_at(&["spec", "selector"]).and_then(Node::as_mapping) else {
        return;
    };
    let is_selected = |object: &&Object| {
        let labels = workload::template(object)
            .and_then(|template| node_at(template, &["metadata", "labels"]));
        object.id.namespace == service.id.namespace
            && labels.is_some_and(|labels| {
                selector.iter().all(|(key, entry)| {
                    labels.get(key).is_some_and(|label| label.as_str() == entry.node.as_str())
                })
            })
    };
    let selected: Vec<&Object> = context.objects.iter().filter(is_selected).collect();
    if selected.is_empty() {
        return;
    }
    let open: Vec<OpenPort<'_>> =
        selected.into_iter().flat_map(workload::containers).flat_map(open_ports).collect();
    for (index, port) in items_at(&service.node, &["spec", "ports"]).iter().enumerate() {
        let path = Path::of_keys(["spec", "ports"]).index(index);
        let (path, target) = match port.get("targetPort") {
            Some(target) => (path.key("targetPort"), target),
            None => match port.get("port") {
                Some(target) => (path.key("port"), target),
                None => continue,
            },
        };
        let protocol = port.get("protocol").and_then(Node::as_str).unwrap_or(TCP);
        let message = Message::of("The Service leads to port ");
        let message = match find_number(target) {
            Some(number) if is_closed(&open, number) => message
                .code(number.to_string())
                .and(", and the containers open ")
                .codes(numbers(&open), 3),
            None if !open
                .iter()
                .any(|open| open.name == target.as_str() && open.protocol == protocol) =>
            {
                message.code(scalar_text(target)).and(", and no container has a port of that name")
            }
            _ => continue,
        };
        let message = message.and(": every connection is refused");
        violations.push(Violation::at_field(service, path, message));
    }
}

/// Returns true for a number that no container opens. Ports need not be listed, so that nothing is known
/// about Pods that list none.
fn is_closed(open: &[OpenPort<'_>], number: i64) -> bool {
    !open.is_empty() && open.iter().all(|open| open.number != number)
}

/// A port's number; `None` for a name. The kubelet takes a text of digits for a number.
fn find_number(port: &Node) -> Option<i64> {
    match &port.value {
        Value::Int(number) => Some(*number),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn numbers(open: &[OpenPort<'_>]) -> Vec<String> {
    let mut numbers: Vec<String> = open.iter().map(|open| open.number.to_string()).collect();
    numbers.dedup();
    numbers
}

/// The ports that a container lists.
fn open_ports(container: &Node) -> impl Iterator<Item = OpenPort<'_>> {
    items_at(container, &["ports"]).iter().filter_map(|port| {
        Some(OpenPort {
            name: port.get("name").and_then(Node::as_str),
            number: port.get("containerPort")?.as_int()?,
            protocol: port.get("protocol").and_then(Node::as_str).unwrap_or(TCP),
        })
    })
}
