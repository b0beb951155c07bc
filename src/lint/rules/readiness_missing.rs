//! A Service that leads to a server that is not ready.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "readiness-missing",
    severity: Severity::Warning,
    what: "There is a Service, and nothing says when the server is ready",
    why: "Requests reach the server while it still loads its model, and fail.",
    mend: "`server.readinessProbe` or `server.startupProbe`: something that answers only once the model is loaded.",
    source: "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/#readiness-probe",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let server = &case.values.server;
    let probed = server.readiness_probe.is_some() || server.startup_probe.is_some();
    if case.values.service.is_none() || probed {
        return Vec::new();
    }
    let words = Message::of("Requests reach the server as soon as its container starts");
    vec![Site::value(["server", "readinessProbe"], words)]
}
