//! A liveness probe that kills the server at its work.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "liveness-http",
    severity: Severity::Critical,
    what: "The server's liveness is probed over HTTP",
    why: "Work on the GPU blocks such a server for minutes: it does not answer, and the kubelet restarts it in the middle of the work, again and again.",
    mend: "Probe the port: `tcpSocket`. A port that opens only once the model is loaded says as much.",
    source: "docs/server.md; https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
    look: Look::Stack(look),
};

/// Kubernetes' defaults of a probe: `SetDefaults_Probe` in pkg/apis/core/v1/defaults.go.
const PERIOD: i32 = 10;
const FAILURES: i32 = 3;

fn look(case: &Case<'_>) -> Vec<Site> {
    let probe = case.values.server.liveness_probe.as_ref();
    let Some(probe) = probe.filter(|probe| probe.http_get.is_some()) else { return Vec::new() };
    let seconds = i64::from(probe.period_seconds.unwrap_or(PERIOD))
        * i64::from(probe.failure_threshold.unwrap_or(FAILURES));
    let words = Message::of(format!(
        "A server that does not answer over HTTP for {seconds} s is killed in the middle of its work"
    ));
    vec![Site::value(["server", "livenessProbe", "httpGet"], words)]
}
