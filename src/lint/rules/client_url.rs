//! A client that is sent to where nobody listens.

use super::{Look, Rule};
use crate::lint::case::{At, Case, Site, path};
use crate::model::object::items;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "client-url",
    severity: Severity::Critical,
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
            let Some(url) = Url::read(value) else { continue };
            if let Some(words) = wrong(&url, case, client.namespace.as_str()) {
                let at = path(&["clients"]).index(index).key("env").key(name.as_str());
                found.push(Site { at: At::Value(at), words });
            }
        }
    }
    found
}

/// The parts of a URL that name a Service.
struct Url {
    /// `service.namespace` in lower case, as DNS takes it; what follows `.svc` left out.
    host: String,
    port: u16,
}

impl Url {
    fn read(text: &str) -> Option<Self> {
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
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let host = match host.split_once(".svc") {
            Some((name, rest)) if rest.is_empty() || rest.starts_with('.') => name.to_owned(),
            _ => host,
        };
        Some(Url { host, port })
    }
}

/// What is wrong with a URL that is meant for the stack: its host is in the stack's namespace, or is
/// its Service's bare name.
fn wrong(url: &Url, case: &Case<'_>, from: &str) -> Option<Message> {
    let ours = case.values.namespace.name.as_str();
    let service = |name: &str| case.objects.find("", "Service", Some(ours), name);
    let Some((name, namespace)) = url.host.split_once('.') else {
        let reaches = from == ours || service(&url.host).is_none();
        return (!reaches).then(|| {
            Message::of("From ")
                .code(from)
                .and(" it is ")
                .code(format!("{}.{ours}", url.host))
                .and(", not ")
                .code(url.host.as_str())
        });
    };
    if namespace != ours {
        return None;
    }
    let Some(service) = service(name) else {
        let known = case.objects.of("", "Service").map(|service| service.id.name.as_str());
        let known: Vec<&str> = known.collect();
        return Some(match known.is_empty() {
            true => Message::of("The stack has no Service"),
            false => Message::of("The Service is ").codes(known, 3).and(", not ").code(name),
        });
    };
    let ports: Vec<i64> = items(&service.node, &["spec", "ports"])
        .iter()
        .filter_map(|port| port.get("port")?.as_int())
        .collect();
    (!ports.contains(&i64::from(url.port))).then(|| {
        Message::of("The Service listens on ")
            .codes(ports.iter().map(ToString::to_string), 3)
            .and(", not on ")
            .code(url.port.to_string())
    })
}
