//! The properties of the edit over generated files: it only inserts, its data is the old data with one
//! entry more (read by another reader), a second run changes nothing, and a removal restores the
//! original bytes.

use serde::Deserialize;
use serde_yaml::Value;
use tts_render::policy::{self, Request, Status};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Path, Segment};

use super::cases::{COUNT, Case, case};

/// The distance between tested combinations; it has no common factor with any dimension.
const STRIDE: usize = 31;

fn request<'a>() -> Request<'a> {
    Request { namespace: "tts", rule: Some("override"), policy: Some("inject") }
}

fn exclude_tts(text: &str) -> policy::Outcome {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    policy::exclude_namespace(&sources, source, &request()).unwrap()
}

fn remove_tts(text: &str) -> policy::Outcome {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    policy::remove_exclusion(&sources, source, &request()).unwrap()
}

fn read(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    let all: Result<Vec<_>, _> = documents.map(Value::deserialize).collect();
    all.unwrap().into_iter().filter(|document| !document.is_null()).collect()
}

fn list<'a>(document: &'a mut Value, path: &str) -> &'a mut Vec<Value> {
    let path: Path = path.parse().unwrap();
    let value = path.segments().iter().fold(document, |value, segment| match segment {
        Segment::Key(key) => value.get_mut(key.as_str()).unwrap(),
        Segment::Index(index) => value.get_mut(*index).unwrap(),
    });
    value.as_sequence_mut().unwrap()
}

/// The inserted runs of bytes; none if anything else changed. A run ends before the rest of the old
/// line.
fn insertions(before: &str, after: &str) -> Option<Vec<String>> {
    let mut runs = Vec::new();
    let (mut rest, mut added) = (before, after);
    loop {
        let common = rest.bytes().zip(added.bytes()).take_while(|(a, b)| a == b).count();
        (rest, added) = (&rest[common..], &added[common..]);
        if rest.is_empty() {
            runs.extend((!added.is_empty()).then(|| added.to_owned()));
            return Some(runs);
        }
        let line = first_line(rest);
        let length = (1..added.len()).find(|&length| added[length..].starts_with(line))?;
        runs.push(added[..length].to_owned());
        added = &added[length..];
    }
}

fn first_line(text: &str) -> &str {
    text.find('\n').map_or(text, |end| &text[..=end])
}

fn check_case(Case { text, document, list: path, name }: &Case) {
    let outcome = exclude_tts(text);
    assert_eq!(outcome.status, Status::Added, "{name}");
    let edited = &outcome.text;

    let runs = insertions(text, edited).unwrap_or_else(|| panic!("{name}:\n{text}\n{edited}"));
    let inserted: usize = runs.iter().map(String::len).sum();
    assert!(runs.len() <= 2 && inserted <= 40, "{name}: {runs:?}");
    assert_eq!(runs.iter().filter(|run| run.contains("tts")).count(), 1, "{name}: {runs:?}");

    let mut expected = read(text);
    list(&mut expected[*document], path).push("tts".into());
    assert_eq!(read(edited), expected, "{name}:\n{edited}");

    let quoted = match name {
        name if name.contains("[]") || name.contains(", plain") => "tts",
        name if name.contains(", single") => "'tts'",
        _ => "\"tts\"",
    };
    let is_quote = |c: char| matches!(c, '\'' | '"');
    let at = edited.find("tts").unwrap();
    let start = edited[..at].trim_end_matches(is_quote).len();
    let end = at + 3 + edited[at + 3..].len() - edited[at + 3..].trim_start_matches(is_quote).len();
    assert_eq!(&edited[start..end], quoted, "{name}:\n{edited}");

    let again = exclude_tts(edited);
    assert_eq!(&again.text, edited, "{name}");
    assert!(matches!(again.status, Status::AlreadyExcluded { .. }), "{name}");

    assert_eq!(&remove_tts(edited).text, text, "{name}:\n{edited}");
}

#[test]
fn every_style_is_kept() {
    for number in (0..COUNT).step_by(STRIDE) {
        check_case(&case(number));
    }
}

/// All combinations: `cargo test --release -- --ignored`.
#[test]
#[ignore = "takes a minute"]
fn every_style_is_kept_in_all_combinations() {
    for number in 0..COUNT {
        check_case(&case(number));
    }
}
