//! A liveness probe that kills the server at its work.

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, at, items};
use crate::model::workload::pod_spec;
use yaml_spans::Node;

pub(super) const KILLS: Rule = Rule {
    id: "liveness-kills-work",
    severity: Severity::Critical,
    topic: Topic::Probe,
    what: "A GPU tenant gets an HTTP liveness probe, or a less patient one: work blocks its server for minutes, and the kubelet then kills it in the middle of it",
    source: "docs/server.md; https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
    detect: kills,
};

/// An HTTP liveness probe's patience, in seconds: how long a server may be silent. A try that waits
/// longer than the period holds the next one up (`worker.run` in pkg/kubelet/prober). The defaults are
/// Kubernetes' (`SetDefaults_Probe` in pkg/apis/core/v1/defaults.go).
fn patience(container: &Node) -> Option<i64> {
    let probe = container.get("livenessProbe")?;
    probe.get("httpGet")?;
    let number = |key, default| probe.get(key).and_then(Node::as_int).unwrap_or(default);
    let each = number("periodSeconds", 10).max(number("timeoutSeconds", 1));
    Some(each.saturating_mul(number("failureThreshold", 3)))
}

fn kills(case: &Case<'_>) -> Vec<Finding> {
    let tenants = case.both().filter(|(_, before, after)| {
        let gated = |object: &Object| {
            case.gates_before.contains_key(&object.id) || case.gates_after.contains_key(&object.id)
        };
        gated(before) && gated(after)
    });
    let mut findings = Vec::new();
    for (_, before, after) in tenants {
        for container in containers(after) {
            let name = container.get("name").and_then(Node::as_str).unwrap_or_default();
            let was = containers(before)
                .iter()
                .find(|old| at(old, &["name"]).and_then(Node::as_str) == Some(name));
            let (Some(was), Some(now)) = (was, patience(container)) else { continue };
            let words = match patience(was) {
                Some(before) if now >= before => continue,
                Some(before) => format!(
                    " is killed after {now} s without an answer over HTTP, {before} s before: work that blocks the server for longer never ends"
                ),
                None => format!(
                    " gets a liveness probe over HTTP: killed after {now} s without an answer, in the middle of work that blocks it for longer; a TCP probe does not do so"
                ),
            };
            findings.push(Finding::new(&after.id, Message::of("Container ").code(name).and(words)));
        }
    }
    findings
}

fn containers(object: &Object) -> &[Node] {
    pod_spec(object).map(|spec| items(spec, &["containers"])).unwrap_or_default()
}
