//! Values that decide no rendered field, each with the reason.

use yaml_spans::{Path, Segment};

/// The paths of such values and of everything below them (`[]` means any item), with the reasons.
pub const IDLE_VALUES: &[(&str, &str)] = &[
    ("apiVersion", "the format's version, and there is one so far"),
    ("kyverno.policy", "it is used if `kyverno.mode` is `edit` or `exception`"),
    ("kyverno.rule", "it is used if `kyverno.mode` is `edit` or `exception`"),
    ("kyverno.exceptionNamespace", "it is used if `kyverno.mode` is `exception`"),
    (
        "clients[].name",
        "it names the client's own Deployment, for the patch that `tts-render gitops client` prints",
    ),
    ("gate.freshness", "it is used if `offPeak.mode` is `watch`"),
    ("gate.watch", "it is used if `offPeak.mode` is `watch`"),
    ("offPeak.demand", "it renders a job of its own once it is written"),
    ("alerts", "it renders the alerts once `alerts.prometheus` is set"),
    ("allowedKinds", "it lets templates render more kinds, and renders nothing itself"),
    ("gitops", "it decides the wiring that `tts-render gitops` writes, and nothing in rendered/"),
];

/// The known reason why a value decides nothing.
pub fn idle_reason(value: &Path) -> Option<&'static str> {
    let mut text = String::new();
    for segment in value.segments() {
        match segment {
            Segment::Key(key) if text.is_empty() => text.push_str(key),
            Segment::Key(key) => text.push_str(&format!(".{key}")),
            Segment::Index(_) => text.push_str("[]"),
        }
    }
    IDLE_VALUES
        .iter()
        .find(|(path, _)| match text.strip_prefix(path) {
            Some(rest) => rest.is_empty() || rest.starts_with(['.', '[']),
            None => false,
        })
        .map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_applies_to_values_below_and_not_beside() {
        let reason = |text: &str| idle_reason(&text.parse().unwrap());
        assert!(reason("gitops").is_some() && reason("gitops.argocd.namespace").is_some());
        assert!(reason("clients[3].name").is_some() && reason("allowedKinds[0].kind").is_some());
        assert_eq!(
            (reason("clients[0].namespace"), reason("gitopsx"), reason("kyverno.mode")),
            (None, None, None)
        );
    }
}
