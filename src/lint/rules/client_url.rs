//! A client's URL that leads nowhere.

use kube_formats::url::{HttpUrl, Scheme, UrlError};
use yaml_spans::suggest;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::object::items_at;
use crate::model::{Message, Object, Severity};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "client-url",
    severity: Severity::Critical,
    summary: "A client's URL does not lead to the stack's Service",
    rationale: "The client's requests fail. A client for which the server is optional skips the work without an error.",
    fix: "Use `http://<service.name>.<namespace>.svc.cluster.local:<service.port>`.",
    source: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#a-aaaa-records",
    check: Check::Stack(client_url),
};

/// The cluster domain of a cluster that configures none.
const CLUSTER_DOMAIN: &str = "cluster.local";

fn client_url(context: &RuleContext<'_>) -> Vec<Violation> {
    let stack = StackServices::new(context);
    let mut violations = Vec::new();
    for (index, client) in context.values.clients.iter().enumerate() {
        for (name, value) in &client.env {
            for message in stack.check_value(value, client.namespace.as_str()) {
                let path = value_paths::CLIENTS.index(index).key("env").key(name.as_str());
                violations.push(Violation::at_value(path, message));
            }
        }
    }
    violations
}

/// The Services that a client's URL may be meant for.
struct StackServices<'a> {
    namespace: &'a str,
    services: Vec<&'a Object>,
    /// The domain in the URL that the gate reads, which is in the same cluster.
    domain: Option<String>,
}

impl<'a> StackServices<'a> {
    fn new(context: &'a RuleContext<'_>) -> Self {
        let namespace = context.values.namespace.name.as_str();
        let source = HttpUrl::parse(context.values.gate.source_url()).ok();
        StackServices {
            namespace,
            services: context
                .objects
                .of_kind("", "Service")
                .filter(|service| service.id.namespace.as_deref() == Some(namespace))
                .collect(),
            domain: source.and_then(|url| domain_of(&host_labels(url.host))),
        }
    }

    fn find(&self, name: &str) -> Option<&'a Object> {
        self.services.iter().find(|service| service.id.name == name).copied()
    }

    /// The errors of a setting that is a URL.
    fn check_value(&self, value: &str, client_namespace: &str) -> Vec<Message> {
        match HttpUrl::parse(value) {
            Ok(url) => self.check_url(&url, client_namespace),
            Err(error) => self.check_malformed(value, error).into_iter().collect(),
        }
    }

    /// A URL that no client can use. A text that has nothing to do with the stack may be anything.
    fn check_malformed(&self, value: &str, error: UrlError) -> Option<Message> {
        let expected = |message: Message| message.and(": ").then(error.to_string().into());
        match error {
            UrlError::Scheme => {
                let (scheme, rest) = value.split_once(':')?;
                let rest = rest.trim_start_matches('/');
                let corrected = format!("http://{rest}");
                let url = HttpUrl::parse(&corrected).ok()?;
                // Another scheme may be the right one: `ws`, `grpc`. So may `HTTP`.
                let meant = suggest(scheme, ["http", "https"])?;
                let is_right = value.get(scheme.len()..)?.starts_with("://")
                    && scheme.eq_ignore_ascii_case(meant);
                (self.is_meant(url.host) && !is_right).then(|| {
                    let written = value.get(..value.len() - rest.len()).unwrap_or_default();
                    Message::of("The URL starts with ")
                        .code(written)
                        .and(": expected ")
                        .code(format!("{meant}://"))
                })
            }
            UrlError::Port => {
                let (_, port) = address_of(value).rsplit_once(':')?;
                Some(expected(Message::of("The URL has the invalid port ").code(port)))
            }
            UrlError::Character => {
                Some(expected(Message::of("The URL has the invalid host ").code(address_of(value))))
            }
            UrlError::Host => {
                let mentions = self.services.iter().any(|service| value.contains(&service.id.name));
                let message = Message::of("The URL has the invalid host ").code(address_of(value));
                mentions.then(|| expected(message))
            }
        }
    }

    /// Returns true if a host names a Service of the stack, or a name in its namespace.
    fn is_meant(&self, host: &str) -> bool {
        let labels = host_labels(host);
        labels.first().is_some_and(|name| self.find(name).is_some())
            || labels.get(1).is_some_and(|namespace| namespace == self.namespace)
    }

    /// The errors of a URL that is meant for the stack; none for any other.
    fn check_url(&self, url: &HttpUrl<'_>, client_namespace: &str) -> Vec<Message> {
        let labels = host_labels(url.host);
        let service = match self.find_target(url, &labels, client_namespace) {
            Target::Elsewhere => return Vec::new(),
            Target::Wrong(message) => return vec![message],
            Target::Service(service) => service,
        };
        [
            self.check_domain(&labels),
            check_scheme(url, service),
            check_port(url, service),
            check_path(url),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The Service that a host leads to, by its name and namespace.
    fn find_target(
        &self,
        url: &HttpUrl<'_>,
        labels: &[String],
        client_namespace: &str,
    ) -> Target<'a> {
        let (host, own) = (url.host, self.namespace);
        let Some((name, rest)) = labels.split_first() else { return Target::Elsewhere };
        let named = self.find(name);
        let (namespace, suffix) = match rest.split_first() {
            None => (client_namespace, rest),
            Some((namespace, suffix)) => (namespace.as_str(), suffix),
        };
        match (named, suffix.first().map(String::as_str)) {
            // An address of the network, or of another namespace: `name.example.org`, `name.web`.
            (None, _) if namespace != own || rest.is_empty() => Target::Elsewhere,
            (Some(_), Some(third)) if namespace != own && third != "svc" && namespace != "svc" => {
                Target::Elsewhere
            }
            (Some(_), None) if namespace != own && !rest.is_empty() && url.port.is_none() => {
                Target::Elsewhere
            }
            (Some(_), _) if namespace == "svc" => Target::Wrong(
                Message::of("The host ")
                    .code(host)
                    .and(" lacks the namespace: expected ")
                    .code(format!("{name}.{own}.svc")),
            ),
            (_, Some(third)) if third != "svc" => Target::Wrong(
                Message::of("No host has the name ")
                    .code(host)
                    .and(": expected ")
                    .code("svc")
                    .and(" after the namespace ")
                    .code(own),
            ),
            (None, _) => {
                let known: Vec<&str> =
                    self.services.iter().map(|service| service.id.name.as_str()).collect();
                Target::Wrong(match known.is_empty() {
                    true => Message::of("The stack has no Service"),
                    false => {
                        Message::of("The Service is ").codes(known, 3).and(", not ").code(name)
                    }
                })
            }
            (Some(_), _) if namespace != own && rest.is_empty() => Target::Wrong(
                Message::of("From the namespace ")
                    .code(client_namespace)
                    .and(" the host is ")
                    .code(format!("{name}.{own}"))
                    .and(", not ")
                    .code(name),
            ),
            (Some(_), _) if namespace != own => Target::Wrong(
                Message::of("The Service ")
                    .code(name)
                    .and(" is in the namespace ")
                    .code(own)
                    .and(", not in ")
                    .code(namespace),
            ),
            (Some(service), _) => Target::Service(service),
        }
    }

    fn check_domain(&self, labels: &[String]) -> Option<Message> {
        let domain = domain_of(labels)?;
        match &self.domain {
            Some(known) if *known != domain => Some(
                Message::of("The cluster's domain is ")
                    .code(domain)
                    .and(" here, and ")
                    .code(known)
                    .and(" in the URL that the gate reads"),
            ),
            // Any domain is possible, and this one is likely.
            None if domain != CLUSTER_DOMAIN && is_slip(&domain) => Some(
                Message::of("The cluster's domain is ")
                    .code(domain)
                    .and(" here: expected ")
                    .code(CLUSTER_DOMAIN),
            ),
            _ => None,
        }
    }
}

/// The goal of a URL.
enum Target<'a> {
    /// Nothing of the stack.
    Elsewhere,
    /// The stack, by a host that leads nowhere.
    Wrong(Message),
    /// A Service of the stack.
    Service(&'a Object),
}

/// The host and the port of a URL that can't be parsed, without credentials.
fn address_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, address)| address)
}

/// The labels of a host in lower case, as DNS compares names. There is at least one.
fn host_labels(host: &str) -> Vec<String> {
    host.trim_end_matches('.').to_ascii_lowercase().split('.').map(str::to_owned).collect()
}

/// The cluster domain of `name.namespace.svc.domain`.
fn domain_of(labels: &[String]) -> Option<String> {
    match labels {
        [_, _, svc, domain @ ..] if svc == "svc" && !domain.is_empty() => Some(domain.join(".")),
        _ => None,
    }
}

/// Returns true for a misspelling of the usual domain, or a part of it.
fn is_slip(domain: &str) -> bool {
    CLUSTER_DOMAIN.split('.').any(|part| part == domain)
        || suggest(domain, [CLUSTER_DOMAIN]).is_some()
}

fn check_scheme(url: &HttpUrl<'_>, service: &Object) -> Option<Message> {
    let port = find_port(url, service)?;
    let protocol = port.get("appProtocol").and_then(Node::as_str);
    let protocol = protocol.or_else(|| port.get("name").and_then(Node::as_str))?;
    // `http` and `http-api`, as service meshes read the names of ports.
    let spoken = protocol.split('-').next()?;
    let is_other = match url.scheme {
        Scheme::Http => spoken == "https",
        Scheme::Https => spoken == "http",
    };
    is_other.then(|| {
        Message::of("The Service's port is called ")
            .code(protocol)
            .and(format!(": it does not answer {} requests", url.scheme.name()))
    })
}

fn find_port<'a>(url: &HttpUrl<'_>, service: &'a Object) -> Option<&'a Node> {
    let ports = items_at(&service.node, &["spec", "ports"]);
    let number = i64::from(url.effective_port());
    // A wrong scheme also changes the port of a URL without one.
    ports
        .iter()
        .find(|port| port.get("port").and_then(Node::as_int) == Some(number))
        .or(ports.first().filter(|_| ports.len() == 1))
}

fn check_port(url: &HttpUrl<'_>, service: &Object) -> Option<Message> {
    let ports: Vec<i64> = items_at(&service.node, &["spec", "ports"])
        .iter()
        .filter_map(|port| port.get("port")?.as_int())
        .collect();
    let asked = i64::from(url.effective_port());
    (!ports.contains(&asked)).then(|| {
        Message::of("The Service listens on port ")
            .codes(ports.iter().map(ToString::to_string), 3)
            .and(", not on ")
            .code(asked.to_string())
    })
}

/// The server decides which paths it has; these it never gets.
fn check_path(url: &HttpUrl<'_>) -> Option<Message> {
    if let Some(fragment) = url.fragment {
        let message = Message::of("Clients never send the part after ").code("#").and(": ");
        return Some(message.code(fragment));
    }
    let path = url.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    if path.contains("//") {
        return Some(Message::of("The path ").code(path).and(" has an empty part"));
    }
    match parts.as_slice() {
        [first, second, ..] if first == second => {
            Some(Message::of("The path repeats ").code(*first).and(": ").code(path))
        }
        _ => None,
    }
}
