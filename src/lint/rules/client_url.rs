//! A client's URL that leads nowhere.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::object::items_at;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "client-url",
    severity: Severity::Critical,
    summary: "A client's URL does not lead to the stack's Service",
    rationale: "The client's requests fail. A client for which the server is optional skips the work without an error.",
    fix: "Use `http://<service.name>.<namespace>.svc.cluster.local:<service.port>`.",
    source: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#a-aaaa-records",
    check: Check::Stack(client_url),
};

fn client_url(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, client) in context.values.clients.iter().enumerate() {
        for (name, value) in &client.env {
            let message = match ServiceUrl::parse(value) {
                Some(Ok(url)) => check_url(&url, context, client.namespace.as_str()),
                Some(Err(port)) => Some(
                    Message::of("The URL has the invalid port ")
                        .code(port)
                        .and(": expected a number from 1 to 65535"),
                ),
                None => None,
            };
            if let Some(message) = message {
                let path = value_paths::CLIENTS.index(index).key("env").key(name.as_str());
                violations.push(Violation::at_value(path, message));
            }
        }
    }
    violations
}

/// The parts of a URL that name a Service.
struct ServiceUrl {
    /// `service.namespace` in lower case, as DNS compares names, without `.svc` and the rest.
    host: String,
    port: u16,
}

impl ServiceUrl {
    /// Parses an HTTP URL; `None` for other text, and an error with the port if it is invalid.
    fn parse(text: &str) -> Option<Result<Self, &str>> {
        let (rest, default_port) = match text.strip_prefix("http://") {
            Some(rest) => (rest, 80),
            None => (text.strip_prefix("https://")?, 443),
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => match port.parse() {
                Ok(0) | Err(_) => return Some(Err(port)),
                Ok(number) => (host, number),
            },
            None => (authority, default_port),
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let host = match host.split_once(".svc") {
            Some((name, rest)) if rest.is_empty() || rest.starts_with('.') => name.to_owned(),
            _ => host,
        };
        Some(Ok(ServiceUrl { host, port }))
    }
}

/// Checks a URL that is meant for the stack: its host is in the stack's namespace, or is the bare name
/// of its Service.
fn check_url(
    url: &ServiceUrl,
    context: &RuleContext<'_>,
    client_namespace: &str,
) -> Option<Message> {
    let own_namespace = context.values.namespace.name.as_str();
    let Some((name, namespace)) = url.host.split_once('.') else {
        let service = context.objects.find("", "Service", Some(own_namespace), &url.host);
        let is_unreachable = client_namespace != own_namespace && service.is_some();
        return is_unreachable.then(|| {
            Message::of("From the namespace ")
                .code(client_namespace)
                .and(" the host is ")
                .code(format!("{}.{own_namespace}", url.host))
                .and(", not ")
                .code(url.host.as_str())
        });
    };
    if namespace != own_namespace {
        return None;
    }
    let Some(service) = context.objects.find("", "Service", Some(own_namespace), name) else {
        let known: Vec<&str> = context
            .objects
            .of_kind("", "Service")
            .map(|service| service.id.name.as_str())
            .collect();
        return Some(match known.is_empty() {
            true => Message::of("The stack has no Service"),
            false => Message::of("The Service is ").codes(known, 3).and(", not ").code(name),
        });
    };
    let ports: Vec<i64> = items_at(&service.node, &["spec", "ports"])
        .iter()
        .filter_map(|port| port.get("port")?.as_int())
        .collect();
    (!ports.contains(&i64::from(url.port))).then(|| {
        Message::of("The Service listens on port ")
            .codes(ports.iter().map(ToString::to_string), 3)
            .and(", not on ")
            .code(url.port.to_string())
    })
}
