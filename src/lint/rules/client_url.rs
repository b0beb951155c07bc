//! A client that is sent to where nobody listens.

use super::{Look, Rule};
use crate::lint::case::{At, Case, Site, path};
use crate::review::{Severity, Words};
use crate::values::Values;

pub(super) const RULE: Rule = Rule {
    id: "client-url",
    severity: Severity::Danger,
    what: "A client's URL does not lead to the stack's Service",
    why: "The client's requests fail, and what it bakes best-effort it just leaves out, in silence.",
    mend: "`http://<service.name>.<namespace>.svc.cluster.local:<service.port>`.",
    source: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#a-aaaa-records",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut found = Vec::new();
    for (index, client) in case.values.clients.iter().enumerate() {
        for (name, value) in &client.env {
            if let Some(words) = Url::read(value).and_then(|url| wrong(&url, case.values)) {
                let at = path(&["clients"]).index(index).key("env").key(name.as_str());
                found.push(Site { at: At::Value(at), words });
            }
        }
    }
    found
}

/// The parts of a URL that name a Service.
struct Url<'a> {
    /// `service.namespace`, what follows `.svc` left out.
    host: &'a str,
    port: u16,
}

impl<'a> Url<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (rest, default) = match text.strip_prefix("http://") {
            Some(rest) => (rest, 80),
            None => (text.strip_prefix("https://")?, 443),
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, default),
        };
        let host = match host.split_once(".svc") {
            Some((name, rest)) if rest.is_empty() || rest.starts_with('.') => name,
            _ => host,
        };
        Some(Url { host, port })
    }
}

/// What is wrong with a URL that is meant for the stack: its host is in the stack's namespace.
fn wrong(url: &Url<'_>, values: &Values) -> Option<Words> {
    let (service, namespace) = url.host.split_once('.')?;
    if namespace != values.namespace.name.as_str() {
        return None;
    }
    let Some(ours) = &values.service else {
        return Some(Words::of("The stack has no Service"));
    };
    let name = ours.name.as_ref().unwrap_or(&values.server.name).as_str();
    if service != name {
        return Some(Words::of("The Service is ").code(name).and(", not ").code(service));
    }
    let port = ours.port.get();
    (i64::from(url.port) != port).then(|| {
        Words::of("The Service listens on ")
            .code(port.to_string())
            .and(", not on ")
            .code(url.port.to_string())
    })
}
