//! Liveness probes that kill the server in the middle of its work.

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, items_at, node_at};
use crate::model::workload::pod_spec;
use yaml_spans::Node;

pub(super) const KILLS: Rule = Rule {
    id: "liveness-kills-work",
    severity: Severity::Critical,
    topic: Topic::Probe,
    summary: "A GPU tenant gets an HTTP liveness probe, or a less patient one: the kubelet kills the server in the middle of work that blocks it for minutes",
    source: "docs/server.md; https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
};

/// Returns how long the HTTP liveness probe of a container tolerates silence, in seconds. A try that
/// takes longer than the period delays the next one (`worker.run` in pkg/kubelet/prober). The defaults
/// are Kubernetes' (`SetDefaults_Probe` in pkg/apis/core/v1/defaults.go).
fn tolerated_silence(container: &Node) -> Option<i64> {
    let probe = container.get("livenessProbe")?;
    probe.get("httpGet")?;
    let number = |key, default| probe.get(key).and_then(Node::as_int).unwrap_or(default);
    let each = number("periodSeconds", 10).max(number("timeoutSeconds", 1));
    Some(each.saturating_mul(number("failureThreshold", 3)))
}

pub(super) fn liveness_probes(context: &RuleContext<'_>) -> Vec<Finding> {
    let tenants = context.modified().filter(|(change, ..)| {
        context.gates_before.contains_key(&change.id)
            || context.gates_after.contains_key(&change.id)
    });
    let mut findings = Vec::new();
    for (_, before, after) in tenants {
        for container in containers(after) {
            let name = container.get("name").and_then(Node::as_str).unwrap_or_default();
            let previous = containers(before)
                .iter()
                .find(|old| node_at(old, &["name"]).and_then(Node::as_str) == Some(name));
            let (Some(previous), Some(now)) = (previous, tolerated_silence(container)) else {
                continue;
            };
            let effect = match tolerated_silence(previous) {
                Some(before) if now >= before => continue,
                Some(before) => format!(
                    " is killed after {now} s without an answer over HTTP (was {before} s), so work that blocks the server for longer never ends"
                ),
                None => format!(
                    " gets an HTTP liveness probe: it is killed after {now} s without an answer, in the middle of work that blocks it for longer; a TCP probe does not do that"
                ),
            };
            let message = Message::of("Container ").code(name).and(effect);
            findings.push(Finding::new(&KILLS, &after.id, message));
        }
    }
    findings
}

fn containers(object: &Object) -> &[Node] {
    pod_spec(object).map(|spec| items_at(spec, &["containers"])).unwrap_or_default()
}
