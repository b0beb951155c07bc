//! Values that decide no field of what is rendered, each with the reason.

use yaml_spans::{Path, Segment};

/// Where a value may be idle, as a path (`[]` stands for any item), and why; for all below it too.
pub const IDLE: &[(&str, &str)] = &[
    ("apiVersion", "the format's version, and there is one so far"),
    ("kyverno.policy", "it counts where `kyverno.mode` is `edit` or `exception`"),
    ("kyverno.rule", "it counts where `kyverno.mode` is `edit` or `exception`"),
    ("kyverno.exceptionNamespace", "it counts where `kyverno.mode` is `exception`"),
    (
        "clients[].name",
        "it names the client's own Deployment, for the patch that `tts-render gitops client` makes",
    ),
    ("allowedKinds", "it lets templates render more kinds, and renders nothing itself"),
    ("gitops", "it decides the wiring that `tts-render gitops` writes, and nothing in rendered/"),
];

/// Why a value decides nothing, if that is known.
pub fn why_idle(value: &Path) -> Option<&'static str> {
    let mut text = String::new();
    for segment in value.segments() {
        match segment {
            Segment::Key(key) if text.is_empty() => text.push_str(key),
            Segment::Key(key) => text.push_str(&format!(".{key}")),
            Segment::Index(_) => text.push_str("[]"),
        }
    }
    let is_at = |path: &str| {
        text.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    IDLE.iter().find(|(path, _)| is_at(path)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_holds_for_all_below_and_for_nothing_beside() {
        let why = |text: &str| why_idle(&text.parse().unwrap());
        assert!(why("gitops").is_some() && why("gitops.argocd.namespace").is_some());
        assert!(why("clients[3].name").is_some() && why("allowedKinds[0].kind").is_some());
        assert_eq!(
            (why("clients[0].namespace"), why("gitopsx"), why("kyverno.mode")),
            (None, None, None)
        );
    }
}
