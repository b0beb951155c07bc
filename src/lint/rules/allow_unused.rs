//! A comment that allows a finding which does not occur.

use super::{Check, CommentViolations, Rule, find_rule};
use crate::lint::allow::Comment;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "allow-unused",
    severity: Severity::Info,
    summary: "A comment allows a finding that is not there",
    rationale: "The risk was fixed, or the comment is on the wrong line. A comment that stays hides the next finding.",
    fix: "Delete the comment.",
    source: "docs/lint.md",
    check: Check::Comments(allow_unused),
};

fn allow_unused(comments: &[(Comment, bool)]) -> CommentViolations<'_> {
    comments
        .iter()
        .filter(|(comment, used)| !used && comment.has_reason() && find_rule(&comment.id).is_some())
        .map(|(comment, _)| {
            (comment, Message::of("The rule ").code(&comment.id).and(" finds nothing here"))
        })
        .collect()
}
