//! Lines for a commit's message: the headline, then the consequences, the worst first.

use super::shown::{first_objects, truncate};
use crate::diff::Diff;

/// The most consequences that a message lists.
const MAX_CONSEQUENCES: usize = 12;

/// Formats the headline and a line for each consequence. No line contains a line end or a hidden
/// character, and none is longer than a few hundred characters.
pub fn commit_lines(diff: &Diff) -> Vec<String> {
    let mut lines = vec![diff.headline.clone()];
    for consequence in diff.consequences.iter().take(MAX_CONSEQUENCES) {
        let (names, more) = first_objects(consequence);
        let names: Vec<String> = names.iter().map(|name| truncate(name)).collect();
        let severity = consequence.rule.severity.name();
        let message = truncate(&consequence.message.to_string());
        lines.push(format!("- {severity}: {}{more}: {message}", names.join(", ")));
    }
    if diff.consequences.len() > MAX_CONSEQUENCES {
        let more = diff.consequences.len() - MAX_CONSEQUENCES;
        lines.push(format!("- and {more} more consequences"));
    }
    let unjudged: usize = diff.not_judged.iter().map(|one| one.fields.len()).sum();
    if unjudged > 0 {
        lines.push(format!("- {unjudged} changed fields that no rule judges"));
    }
    lines
}
