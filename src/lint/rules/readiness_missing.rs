//! A Service that leads to a server that is not ready.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "readiness-missing",
    severity: Severity::Warning,
    summary: "There is a Service, and no probe tells when the server is ready",
    rationale: "Requests reach the server while it still loads its model, and fail.",
    fix: "Set `server.readinessProbe` or `server.startupProbe` to a check that succeeds only after the model is loaded.",
    source: "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/#readiness-probe",
    check: Check::Stack(readiness_missing),
};

fn readiness_missing(context: &RuleContext<'_>) -> Vec<Violation> {
    let server = &context.values.server;
    let probed = server.readiness_probe.is_some() || server.startup_probe.is_some();
    if context.values.service.is_none() || probed {
        return Vec::new();
    }
    let message = Message::of("Requests reach the server as soon as its container starts");
    vec![Violation::at_value(value_paths::READINESS_PROBE, message)]
}
