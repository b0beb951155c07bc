//! Comments that allow a finding: `# tts-render: allow ID: the reason`.
//!
//! A comment applies to its own line, or to the first line below it that is not a comment. It may be
//! in a values file, an overlay, a template or a policy.

use super::{Finding, Rule};
use crate::model::Message;
use yaml_spans::source::{Place, Source, SourceId, Sources, Span};

/// The word that starts a comment for this program, and its one instruction.
const PROGRAM: &str = "tts-render:";
const INSTRUCTION: &str = "allow";

/// A comment that allows something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Comment {
    /// The file, and the line in it.
    pub place: Place,
    /// The rule's id as it is written.
    pub id: String,
    /// The reason; empty if none is given.
    pub reason: String,
}

impl Comment {
    /// Returns true if the comment gives a reason: without one it allows nothing.
    pub fn has_reason(&self) -> bool {
        !self.reason.is_empty()
    }

    /// A finding about the comment itself.
    pub fn finding(&self, rule: &'static Rule, message: Message) -> Finding {
        Finding { rule, message, place: Some(self.place.clone()), path: None, object: None }
    }
}

/// The ids and reasons of the comments in a text that allow something.
pub(crate) fn allow_comments(file: &str, text: &str) -> Vec<(String, String)> {
    let mut sources = Sources::new();
    sources.add(Source::written(file, text));
    comments(&sources, |_| true)
        .filter(Comment::has_reason)
        .map(|comment| (comment.id, comment.reason))
        .collect()
}

/// The comment that allows a rule's finding at a place.
pub(super) fn comment_for(sources: &Sources, span: Span, id: &str) -> Option<Comment> {
    let span = sources.written(span);
    let source = sources.get(span.source);
    let (line, _) = source.position(span.start);
    let above = (1..line).rev().take_while(|&line| is_comment(source.line(line)));
    std::iter::once(line)
        .chain(above)
        .filter_map(|line| parse_comment(sources, span.source, line))
        .find(|comment| comment.id == id)
}

/// The comments of all texts whose names are wanted.
pub(super) fn comments(
    sources: &Sources,
    is_wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Comment> {
    sources
        .iter()
        .filter(move |(_, source)| source.origins().is_empty() && is_wanted(source.name()))
        .flat_map(move |(id, source)| {
            source.lines_with(PROGRAM).filter_map(move |line| parse_comment(sources, id, line))
        })
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The comment for this program in a line. A malformed one is returned, too, so that `allow-invalid`
/// can report it.
fn parse_comment(sources: &Sources, source: SourceId, line: u32) -> Option<Comment> {
    let text = sources.get(source).line(line);
    let start = text
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|&at| starts_comment(text, at) && text[at + 1..].trim_start().starts_with(PROGRAM))?;
    let instruction = text[start + 1..].trim_start()[PROGRAM.len()..].trim();
    let allowed = instruction
        .strip_prefix(INSTRUCTION)
        .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', ':']));
    let (id, reason) = match allowed {
        Some(rest) => rest.split_once(':').unwrap_or((rest, "")),
        None => (instruction, ""),
    };
    let whole = sources.get(source).line_span(source, line);
    let place = sources.place(Span::new(source, whole.start + start as u32, whole.end));
    Some(Comment { place, id: id.trim().to_owned(), reason: reason.trim().to_owned() })
}

/// Returns true if the `#` at a byte starts a comment: it starts the line or follows white space.
fn starts_comment(text: &str, at: usize) -> bool {
    text[..at].is_empty() || text[..at].ends_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason_for(text: &str, word: &str, id: &str) -> Option<String> {
        let mut sources = Sources::new();
        let source = sources.add(Source::written("v.yaml", text));
        let at = text.find(word).unwrap() as u32;
        comment_for(&sources, Span::new(source, at, at + 1), id).map(|comment| comment.reason)
    }

    #[test]
    fn a_comment_allows_its_own_line_and_the_line_below() {
        let reason = Some("it is tried: here".to_owned());
        let beside = "tag: latest # tts-render: allow x: it is tried: here\n";
        assert_eq!(reason_for(beside, "latest", "x"), reason);
        let above = "a: 1\n# tts-render: allow x: it is tried: here\n# and more\n  tag: latest\n";
        assert_eq!(reason_for(above, "latest", "x"), reason);
        assert_eq!(reason_for(above, "latest", "y"), None);
        assert_eq!(reason_for(above, "a: 1", "x"), None);
        let apart = "# tts-render: allow x: it is tried: here\na: 1\ntag: latest\n";
        assert_eq!(reason_for(apart, "latest", "x"), None);
        let none = "tag: a#tts-render: allow x: y\n";
        assert_eq!(reason_for(none, "tag", "x"), None);
        let loose = "tag: a #tts-render:  allow x : it is tried: here\n";
        assert_eq!(reason_for(loose, "tag", "x"), reason);
    }

    #[test]
    fn a_comment_without_a_reason_allows_nothing() {
        let text = "# tts-render: allow x\ntag: latest\n";
        assert_eq!(reason_for(text, "latest", "x"), Some(String::new()));
        let mut sources = Sources::new();
        sources.add(Source::written("v.yaml", text));
        assert!(!comments(&sources, |_| true).next().unwrap().has_reason());
    }

    #[test]
    fn malformed_comments_are_parsed_so_that_they_can_be_reported() {
        let text = "# tts-render: allow\n# tts-render: allow: y\n# tts-render: deny x: y\n# tts-render is one\n# tts-render: allowed x: y\n";
        let mut sources = Sources::new();
        sources.add(Source::written("v.yaml", text));
        let parsed: Vec<(String, bool)> = comments(&sources, |_| true)
            .map(|comment| (comment.id.clone(), comment.has_reason()))
            .collect();
        let expected = [("", false), ("", true), ("deny x: y", false), ("allowed x: y", false)];
        assert_eq!(parsed, expected.map(|(id, has_reason)| (id.to_owned(), has_reason)));
    }
}
