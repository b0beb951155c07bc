//! A review in one line, enough for a phone: how bad, how much, when, who may what, and the data.

use super::Review;
use super::consequences::{Consequence, Topic};
use crate::model::Severity;

/// The line: `1 critical, 0 warning · 3 of 14 objects · no restart before Mon 02:00 · RBAC same · data safe`.
pub(super) fn headline(found: &[Consequence], changed: usize, total: usize) -> String {
    if changed == 0 {
        return format!("no difference in {total} objects");
    }
    let parts = [
        severities(found),
        format!("{changed} of {total} objects"),
        restart(found),
        permissions(found).to_owned(),
        data(found).to_owned(),
    ];
    let line = parts.join(" · ");
    debug_assert!(line.chars().count() <= Review::LONGEST_HEADLINE);
    line
}

fn severities(found: &[Consequence]) -> String {
    let count = |severity| found.iter().filter(|one| one.rule.severity == severity).count();
    let (critical, warning) = (count(Severity::Critical), count(Severity::Warning));
    format!("{critical} critical, {warning} warning")
}

fn restart(found: &[Consequence]) -> String {
    let has = |id: &str| found.iter().any(|one| one.rule.id == id);
    if has("pods-restart") {
        return "Pods restart at once".to_owned();
    }
    if has("pods-restart-in-window") {
        return "a running Pod restarts at once".to_owned();
    }
    let first = found
        .iter()
        .filter(|one| one.rule.topic == Topic::Restart)
        .filter_map(|one| one.when.as_ref())
        .min_by_key(|moment| moment.at);
    match first {
        Some(moment) => format!("no restart before {}", moment.text),
        None => "no restart".to_owned(),
    }
}

fn permissions(found: &[Consequence]) -> &'static str {
    let has = |ids: &[&str]| found.iter().any(|one| ids.contains(&one.rule.id));
    let wider = has(&["permissions-widened", "permissions-privileged"]);
    match (wider, has(&["permissions-narrowed"])) {
        (false, false) => "RBAC same",
        (true, false) => "RBAC wider",
        (false, true) => "RBAC narrower",
        (true, true) => "RBAC wider and narrower",
    }
}

fn data(found: &[Consequence]) -> &'static str {
    let at_risk = found.iter().any(|one| one.rule.topic == Topic::Data);
    if at_risk { "data at risk" } else { "data safe" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::RULES;
    use crate::diff::testing::{review, tenant};
    use crate::model::Message;

    fn of(edit: impl Fn(&str) -> String) -> String {
        let base = tenant();
        review(&base, &edit(&base), "2026-11-24T12:00:00Z").headline
    }

    #[test]
    fn a_phone_is_told_what_matters() {
        assert_eq!(of(str::to_owned), "no difference in 12 objects");
        let image = of(|text| text.replace("chatterbox-tts:latest", "chatterbox-tts:v2"));
        assert_eq!(
            image,
            "0 critical, 0 warning · 1 of 12 objects · no restart before Wed 02:00 · RBAC same · data safe"
        );
        let worse = of(|text| {
            let wider = text.replace("      - patch\n", "      - patch\n      - delete\n");
            wider.replace("ReclaimPolicy: Retain", "ReclaimPolicy: Delete")
        });
        assert_eq!(
            worse,
            "1 critical, 1 warning · 2 of 12 objects · no restart · RBAC wider · data at risk"
        );
        let narrower = of(|text| text.replace("      - patch\n", ""));
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
                words: Message::default(),
                when: Some(crate::diff::Moment {
                    at: jiff::Timestamp::UNIX_EPOCH,
                    text: "Wed 02:00".to_owned(),
                }),
            })
            .collect();
        let line = headline(&everything, 1_000_000, 1_000_000);
        assert!(line.chars().count() <= Review::LONGEST_HEADLINE, "{line}");
        assert!(line.contains("RBAC wider and narrower · data at risk"), "{line}");
    }
}
