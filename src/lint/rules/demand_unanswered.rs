//! A demand that nobody can answer.

use kube_formats::url::HttpUrl;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "demand-unanswered",
    severity: Severity::Critical,
    summary: "The URL of the demand leads to the gate's own Pod, or to the server that is stopped",
    rationale: "Without an answer the demand is unknown, so the server never starts by demand. The server itself answers only while it runs.",
    fix: "Let `offPeak.demand.url` name the program that has the queue, which runs all day.",
    source: "docs/demand.md",
    check: Check::Stack(demand_unanswered),
};

fn demand_unanswered(context: &RuleContext<'_>) -> Vec<Violation> {
    let values = context.values;
    let Some(demand) = &values.off_peak.demand else { return Vec::new() };
    let Ok(url) = HttpUrl::parse(demand.url.as_str()) else { return Vec::new() };
    let host = url.host.trim_end_matches('.').to_ascii_lowercase();
    let is_loopback = host == "localhost"
        || host == "[::1]"
        || host.parse().is_ok_and(|address: std::net::Ipv4Addr| {
            address.is_loopback() || address.is_unspecified()
        });
    let mut labels = host.split('.');
    let (name, namespace) = (labels.next(), labels.next());
    let own = values.service.as_ref().and_then(|service| service.name.as_ref());
    let is_own = own.is_some_and(|own| name == Some(own.as_str()))
        && namespace.is_none_or(|namespace| namespace == values.namespace.name.as_str());
    let problem = match (is_loopback, is_own) {
        (true, _) => " is the gate's own Pod, where nothing answers",
        (_, true) => " is the server's own Service, which answers only while the server runs",
        _ => return Vec::new(),
    };
    let message = Message::of("The host ").code(url.host).and(problem);
    vec![Violation::at_value(value_paths::DEMAND_URL, message)]
}
