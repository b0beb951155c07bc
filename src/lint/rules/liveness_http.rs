//! A liveness probe that restarts a busy server.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "liveness-http",
    severity: Severity::Critical,
    summary: "The server has an HTTP liveness probe",
    rationale: "GPU work blocks such a server for minutes. It does not answer, and the kubelet restarts it in the middle of the work, again and again.",
    fix: "Probe the port with `tcpSocket`. It is as good a check if the server opens the port only after loading the model.",
    source: "docs/server.md; https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
    check: Check::Stack(liveness_http),
};

/// The defaults of a probe: `SetDefaults_Probe` in pkg/apis/core/v1/defaults.go.
const DEFAULT_PERIOD: i32 = 10;
const DEFAULT_FAILURES: i32 = 3;

fn liveness_http(context: &RuleContext<'_>) -> Vec<Violation> {
    let probe = context.values.server.liveness_probe.as_ref();
    let Some(probe) = probe.filter(|probe| probe.http_get.is_some()) else { return Vec::new() };
    let seconds = i64::from(probe.period_seconds.unwrap_or(DEFAULT_PERIOD))
        * i64::from(probe.failure_threshold.unwrap_or(DEFAULT_FAILURES));
    let message = Message::of(format!(
        "The kubelet restarts a server that does not answer over HTTP for {seconds} s, even if it is busy"
    ));
    vec![Violation::at_value(value_paths::LIVENESS_HTTP_GET, message)]
}
