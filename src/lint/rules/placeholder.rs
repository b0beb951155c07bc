//! A value that was meant to be replaced.

use std::collections::BTreeSet;

use super::{Check, Rule};
use crate::lint::context::{Location, RuleContext, Violation};
use crate::lint::texts::visit_texts;
use crate::model::object::items_at;
use crate::model::{Message, Severity, workload};
use crate::tenants::mark::{MARK, marked_value};
use yaml_spans::{Node, Path};

pub(super) const RULE: Rule = Rule {
    id: "placeholder",
    severity: Severity::Critical,
    summary: "A host that never exists (`example.com`, `.example`, `.invalid`, `.test`), or a line still marked `<-`",
    rationale: "The image is never pulled, or the URL never answers: `up` scales a server that does not start.",
    fix: "Write the real value. If the line has the mark `# <-`, remove the mark.",
    source: "RFC 2606 and RFC 6761: names that are reserved for documentation and tests; `tts-render init` marks the lines to edit",
    check: Check::Stack(placeholder),
};

/// Domains that are reserved for documentation and tests.
const RESERVED: [&str; 6] =
    ["example.com", "example.net", "example.org", "example", "invalid", "test"];

fn placeholder(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut hosts = BTreeSet::new();
    visit_texts(context.written_values(), &mut |path, text| {
        if let Some(host) = find_reserved(text.text) {
            hosts.insert(host);
            violations.push(Violation::at_value(path.to_path(), no_host(host)));
        }
    });
    // A mark says nothing new about a line whose host is reported.
    let line_of = |violation: &Violation| {
        let span = context.find_span(&violation.location)?;
        let source = context.sources().get(span.source);
        Some((span.source, source.position(span.start).0))
    };
    let reported: Vec<_> = violations.iter().filter_map(line_of).collect();
    for (span, line) in context.written_lines_with(MARK) {
        let Some(value) = marked_value(line) else { continue };
        let message =
            Message::of("The line is marked ").code(MARK).and(" as one to replace: ").code(value);
        let violation = Violation::new(Location::Text(span), message);
        if !line_of(&violation).is_some_and(|line| reported.contains(&line)) {
            violations.push(violation);
        }
    }
    for object in context.objects.iter() {
        for (path, container) in workload::located_containers(object) {
            let mut check = |node: Option<&Node>, path: &dyn Fn() -> Path| {
                let text = node.and_then(Node::as_str).unwrap_or_default();
                let host = find_reserved(text).filter(|host| !hosts.contains(host));
                violations
                    .extend(host.map(|host| Violation::at_field(object, path(), no_host(host))));
            };
            check(container.get("image"), &|| path.key("image"));
            for (index, variable) in items_at(container, &["env"]).iter().enumerate() {
                check(variable.get("value"), &|| path.key("env").index(index).key("value"));
            }
            for list in ["command", "args"] {
                for (index, word) in items_at(container, &[list]).iter().enumerate() {
                    check(Some(word), &|| path.key(list).index(index));
                }
            }
        }
    }
    violations
}

fn no_host(host: &str) -> Message {
    Message::of("No host has the name ").code(host)
}

/// The first host in a text that is reserved.
fn find_reserved(text: &str) -> Option<&str> {
    if !text.contains('.') {
        return None;
    }
    text.split(|c: char| c.is_whitespace() || "\"'`,;=|()[]{}<>".contains(c))
        .filter(|word| word.contains('.'))
        .find_map(|word| {
            let address = word.rsplit_once("://").map_or(word, |(_, rest)| rest);
            let address = address.split(['/', '?', '#']).next()?;
            let address = address.rsplit_once('@').map_or(address, |(_, host)| host);
            let host = address.split(':').next()?;
            is_reserved(host).then_some(host)
        })
}

fn is_reserved(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    RESERVED.iter().any(|domain| match host.strip_suffix(domain) {
        // A single word, such as `test`, is a Service of the client's own namespace.
        Some("") => domain.contains('.'),
        Some(rest) => rest.len() > 1 && rest.ends_with('.'),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_hosts_are_found_in_every_kind_of_text() {
        for (text, host) in [
            ("registry.example.com/a/b:1", Some("registry.example.com")),
            ("http://user@Prometheus.example:9090/x", Some("Prometheus.example")),
            ("--url=https://a.invalid./", Some("a.invalid.")),
            ("db.test:5432", Some("db.test")),
            ("see me@example.org", Some("example.org")),
            ("http://example.com", Some("example.com")),
            ("http://test:8000", None),
            ("http://myexample.com", None),
            ("example.community", None),
            ("/app/server.test", None),
            ("an example. A test.", None),
            ("ghcr.io/example/test:1", None),
        ] {
            assert_eq!(find_reserved(text), host, "{text}");
        }
    }
}
