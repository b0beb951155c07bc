//! A comment that allows nothing.

use super::{Check, CommentViolations, Rule, find_rule, rule_ids};
use crate::lint::allow::Comment;
use crate::model::{Message, Severity};
use yaml_spans::suggest;

pub(super) const RULE: Rule = Rule {
    id: "allow-invalid",
    severity: Severity::Warning,
    summary: "A comment that should allow a finding names no rule, or gives no reason",
    rationale: "The comment allows nothing, and an exception without a reason can't be reviewed.",
    fix: "Write `# tts-render: allow ID: the reason` on the line of the finding or right above it.",
    source: "docs/lint.md",
    check: Check::Comments(allow_invalid),
};

fn allow_invalid(comments: &[(Comment, bool)]) -> CommentViolations<'_> {
    comments
        .iter()
        .filter_map(|(comment, _)| {
            let message = if comment.id.is_empty() {
                Message::of("The comment names no rule: write ")
                    .code("# tts-render: allow ID: reason")
            } else if find_rule(&comment.id).is_none() {
                let message = Message::of("There is no rule ").code(&comment.id);
                match suggest(&comment.id, rule_ids()) {
                    Some(near) => message.and(": did you mean ").code(near).and("?"),
                    None => message,
                }
            } else if !comment.has_reason() {
                Message::of("The comment gives no reason: write ")
                    .code(format!("# tts-render: allow {}: reason", comment.id))
            } else {
                return None;
            };
            Some((comment, message))
        })
        .collect()
}
