//! The one-line summary of a diff, short enough for a phone: severities, what no rule judged, size,
//! restarts, permissions and data.

use super::Diff;
use super::consequences::{Consequence, NotJudged, Topic};
use crate::model::Severity;

/// Writes the line: `1 critical, 0 warning, 2 not judged · 3 of 14 objects · no restart before Mon
/// 02:00 · RBAC same · data safe`.
pub(super) fn headline(
    consequences: &[Consequence],
    not_judged: &[NotJudged],
    changed: usize,
    total: usize,
) -> String {
    let counts = severity_counts(consequences);
    if changed == 0 {
        return format!("{counts} · no difference in {total} objects");
    }
    let unjudged: usize = not_judged.iter().map(|one| one.fields.len()).sum();
    let counts = match unjudged {
        0 => counts,
        count => format!("{counts}, {} not judged", short_count(count)),
    };
    let parts = [
        counts,
        format!("{} of {} objects", short_count(changed), short_count(total)),
        restart_summary(consequences),
        permission_summary(consequences).to_owned(),
        data_summary(consequences).to_owned(),
    ];
    let line = parts.join(" · ");
    debug_assert!(line.chars().count() <= Diff::MAX_HEADLINE_CHARS);
    line
}

fn severity_counts(consequences: &[Consequence]) -> String {
    let count = |severity| consequences.iter().filter(|one| one.rule.severity == severity).count();
    let (critical, warning) = (count(Severity::Critical), count(Severity::Warning));
    format!("{} critical, {} warning", short_count(critical), short_count(warning))
}

/// A count in at most four characters: `9999`, `123k`, `12M`.
fn short_count(count: usize) -> String {
    match count {
        0..=9_999 => count.to_string(),
        10_000..=999_999 => format!("{}k", count / 1_000),
        _ => format!("{}M", (count / 1_000_000).min(999)),
    }
}

fn restart_summary(consequences: &[Consequence]) -> String {
    if has_any(consequences, &["pods-restart"]) {
        return "Pods restart at once".to_owned();
    }
    if has_any(consequences, &["pods-restart-in-window"]) {
        return "a running Pod restarts at once".to_owned();
    }
    let first = consequences
        .iter()
        .filter(|one| one.rule.topic == Topic::Restart)
        .filter_map(|one| one.when.as_ref())
        .min_by_key(|time| time.at);
    match first {
        Some(time) => format!("no restart before {}", time.text),
        None => "no restart".to_owned(),
    }
}

fn permission_summary(consequences: &[Consequence]) -> &'static str {
    let wider = has_any(consequences, &["permissions-widened", "permissions-privileged"]);
    let narrower = has_any(consequences, &["permissions-narrowed"]);
    match (wider, narrower) {
        (false, false) => "RBAC same",
        (true, false) => "RBAC wider",
        (false, true) => "RBAC narrower",
        (true, true) => "RBAC wider, narrower",
    }
}

fn data_summary(consequences: &[Consequence]) -> &'static str {
    let at_risk = consequences.iter().any(|one| one.rule.topic == Topic::Data);
    let is_unknown = has_any(consequences, &["owner-pruned"]);
    match (at_risk, is_unknown) {
        (true, _) => "data at risk",
        (false, true) => "data unknown",
        (false, false) => "data safe",
    }
}

fn has_any(consequences: &[Consequence], ids: &[&str]) -> bool {
    consequences.iter().any(|one| ids.contains(&one.rule.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::testing::{diff, tenant};
    use crate::diff::{EventTime, RULES};
    use crate::model::Message;

    fn headline_after(edit: impl Fn(&str) -> String) -> String {
        let base = tenant();
        diff(&base, &edit(&base), "2026-11-24T12:00:00Z").headline
    }

    #[test]
    fn the_line_summarises_severities_restarts_permissions_and_data() {
        assert_eq!(
            headline_after(str::to_owned),
            "0 critical, 0 warning · no difference in 12 objects"
        );
        let image =
            headline_after(|text| text.replace("chatterbox-tts:latest", "chatterbox-tts:v2"));
        assert_eq!(
            image,
            "0 critical, 0 warning · 1 of 12 objects · no restart before Wed 02:00 · RBAC same · data safe"
        );
        let worse = headline_after(|text| {
            let wider = text.replace("      - patch\n", "      - patch\n      - delete\n");
            wider.replace("ReclaimPolicy: Retain", "ReclaimPolicy: Delete")
        });
        assert_eq!(
            worse,
            "1 critical, 1 warning · 2 of 12 objects · no restart · RBAC wider · data at risk"
        );
        let narrower = headline_after(|text| text.replace("      - patch\n", ""));
        assert_eq!(
            narrower,
            "0 critical, 1 warning · 1 of 12 objects · no restart · RBAC narrower · data safe"
        );
    }

    #[test]
    fn the_line_is_short_whatever_happens() {
        let everything: Vec<Consequence> = RULES
            .iter()
            .cycle()
            .take(300_000)
            .filter(|rule| !["pods-restart", "pods-restart-in-window"].contains(&rule.id))
            .map(|rule| Consequence {
                rule,
                objects: Vec::new(),
                message: Message::default(),
                when: Some(EventTime {
                    at: jiff::Timestamp::UNIX_EPOCH,
                    text: "Wed 02:00".to_owned(),
                }),
            })
            .collect();
        let unknown = NotJudged {
            object: everything[0].objects.first().cloned().unwrap_or_else(|| {
                kube_validate::ObjectId {
                    namespace: None,
                    kind: "Widget".to_owned(),
                    name: "a".to_owned(),
                    group: String::new(),
                }
            }),
            file: None,
            fields: vec!["spec".to_owned(); 9_999],
        };
        let line = headline(&everything, &[unknown], 9_999, 9_999);
        assert!(line.chars().count() <= Diff::MAX_HEADLINE_CHARS, "{line}");
        assert!(line.contains("RBAC wider, narrower · data at risk"), "{line}");
    }
}
