//! Comments that allow a finding: `# tts-render: allow ID: the reason`.
//!
//! They stand at the end of the line that is meant, or among the comment lines right above it: in a
//! values file, an overlay, a template or a policy.

use super::{Finding, Rule};
use crate::model::Message;
use yaml_spans::source::{Place, Source, SourceId, Sources, Span};

/// Whom such a comment speaks to, and what it says.
const TO: &str = "tts-render:";
const SAYS: &str = "allow";

/// A comment that allows something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Comment {
    /// The file, and the line in it.
    pub place: Place,
    /// The rule's id, as it is written.
    pub id: String,
    /// Why; empty where none is given.
    pub reason: String,
}

impl Comment {
    /// Whether it allows anything: it must say why.
    pub fn holds(&self) -> bool {
        !self.reason.is_empty()
    }

    /// A finding about the comment itself.
    pub fn finding(&self, rule: &'static Rule, words: Message) -> Finding {
        Finding { rule, words, place: Some(self.place.clone()), path: None, object: None }
    }
}

/// The comment that allows a rule's finding at a place.
pub(super) fn over(sources: &Sources, span: Span, id: &str) -> Option<Comment> {
    let span = sources.written(span);
    let source = sources.get(span.source);
    let (line, _) = source.position(span.start);
    let above = (1..line).rev().take_while(|&line| is_comment(source.line(line)));
    std::iter::once(line)
        .chain(above)
        .filter_map(|line| read(sources, span.source, line))
        .find(|comment| comment.id == id)
}

/// All comments of the texts whose names are wanted.
pub(super) fn all(
    sources: &Sources,
    wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Comment> {
    let written = sources.iter().filter(|(_, source)| source.origins().is_empty());
    written
        .filter(move |(_, source)| wanted(source.name()))
        .flat_map(move |(id, source)| (1..=lines(source)).filter_map(move |n| read(sources, id, n)))
}

fn lines(source: &Source) -> u32 {
    source.text().lines().count() as u32
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The comment of a line that speaks to this program. One that says anything but `allow ID: reason`
/// is read too, so that it can be told that it allows nothing.
fn read(sources: &Sources, source: SourceId, line: u32) -> Option<Comment> {
    let text = sources.get(source).line(line);
    // A comment starts a line or follows white space.
    let starts = |at: &usize| text[..*at].is_empty() || text[..*at].ends_with([' ', '\t']);
    let speaks = |at: &usize| text[at + 1..].trim_start().starts_with(TO);
    let at = text.match_indices('#').map(|(at, _)| at).filter(starts).find(speaks)?;
    let said = text[at + 1..].trim_start()[TO.len()..].trim();
    let allows = said
        .strip_prefix(SAYS)
        .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', ':']));
    let (id, reason) = match allows {
        Some(rest) => rest.split_once(':').unwrap_or((rest, "")),
        None => (said, ""),
    };
    let whole = sources.get(source).line_span(source, line);
    let start = whole.start + at as u32;
    let place = sources.place(Span::new(source, start, whole.end));
    Some(Comment { place, id: id.trim().to_owned(), reason: reason.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment_over(text: &str, word: &str, id: &str) -> Option<String> {
        let mut sources = Sources::new();
        let source = sources.add(Source::written("v.yaml", text));
        let at = text.find(word).unwrap() as u32;
        over(&sources, Span::new(source, at, at + 1), id).map(|comment| comment.reason)
    }

    #[test]
    fn a_comment_allows_what_stands_beside_or_right_below_it() {
        let reason = Some("it is tried: here".to_owned());
        let beside = "tag: latest # tts-render: allow x: it is tried: here\n";
        assert_eq!(comment_over(beside, "latest", "x"), reason);
        let above = "a: 1\n# tts-render: allow x: it is tried: here\n# and more\n  tag: latest\n";
        assert_eq!(comment_over(above, "latest", "x"), reason);
        assert_eq!(comment_over(above, "latest", "y"), None);
        assert_eq!(comment_over(above, "a: 1", "x"), None);
        let apart = "# tts-render: allow x: it is tried: here\na: 1\ntag: latest\n";
        assert_eq!(comment_over(apart, "latest", "x"), None);
        let none = "tag: a#tts-render: allow x: y\n";
        assert_eq!(comment_over(none, "tag", "x"), None);
        let loose = "tag: a #tts-render:  allow x : it is tried: here\n";
        assert_eq!(comment_over(loose, "tag", "x"), reason);
    }

    #[test]
    fn a_comment_without_a_reason_allows_nothing() {
        let text = "# tts-render: allow x\ntag: latest\n";
        assert_eq!(comment_over(text, "latest", "x"), Some(String::new()));
        let mut sources = Sources::new();
        sources.add(Source::written("v.yaml", text));
        assert!(!all(&sources, |_| true).next().unwrap().holds());
    }

    #[test]
    fn what_is_said_wrongly_is_read_to_be_told_so() {
        let text = "# tts-render: allow\n# tts-render: allow: y\n# tts-render: deny x: y\n# tts-render is one\n# tts-render: allowed x: y\n";
        let mut sources = Sources::new();
        sources.add(Source::written("v.yaml", text));
        let said: Vec<(String, bool)> =
            all(&sources, |_| true).map(|comment| (comment.id.clone(), comment.holds())).collect();
        let said: Vec<(&str, bool)> =
            said.iter().map(|(id, holds)| (id.as_str(), *holds)).collect();
        let wrong = [("", false), ("", true), ("deny x: y", false), ("allowed x: y", false)];
        assert_eq!(said, wrong);
    }
}
