//! A comment that allows what is not there.

use super::{Look, Rule, find};
use crate::lint::allow::Comment;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "allow-unused",
    severity: Severity::Info,
    what: "A comment allows what the rule does not find there",
    why: "What was unwise is mended, or the comment stands in the wrong place; left alone it hides the next mistake.",
    mend: "Delete the comment.",
    source: "docs/lint.md",
    look: Look::Comments(look),
};

fn look(comments: &[(Comment, bool)]) -> Vec<(&Comment, Message)> {
    comments
        .iter()
        .filter(|(comment, used)| !used && comment.holds() && find(&comment.id).is_some())
        .map(|(comment, _)| (comment, Message::of("Nothing here is found by ").code(&comment.id)))
        .collect()
}
