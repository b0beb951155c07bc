//! A comment that allows nothing.

use super::{Look, Rule, find, ids};
use crate::lint::allow::Comment;
use crate::model::{Message, Severity};
use yaml_spans::suggest;

pub(super) const RULE: Rule = Rule {
    id: "allow-invalid",
    severity: Severity::Warning,
    what: "A comment that should allow something names no rule, or gives no reason",
    why: "It allows nothing; and an exception without a reason can't be reviewed.",
    mend: "`# tts-render: allow ID: the reason`, beside the line that is meant or right above it.",
    source: "docs/lint.md",
    look: Look::Comments(look),
};

fn look(comments: &[(Comment, bool)]) -> Vec<(&Comment, Message)> {
    comments
        .iter()
        .filter_map(|(comment, _)| {
            let words = if comment.id.is_empty() {
                Message::of("It names no rule: write ").code("# tts-render: allow ID: why")
            } else if find(&comment.id).is_none() {
                let words = Message::of("There is no rule ").code(&comment.id);
                match suggest(&comment.id, ids()) {
                    Some(near) => words.and(": did you mean ").code(near).and("?"),
                    None => words,
                }
            } else if !comment.holds() {
                Message::of("A reason is missing: write ")
                    .code(format!("# tts-render: allow {}: why", comment.id))
            } else {
                return None;
            };
            Some((comment, words))
        })
        .collect()
}
