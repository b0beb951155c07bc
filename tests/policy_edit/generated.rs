//! The properties of the edit, over generated files: nothing is changed but by insertion, the data
//! is the old with one entry more (read by another reader), a second run changes nothing, and
//! removing gives the same bytes.

use serde::Deserialize;
use serde_yaml::Value;
use tts_render::policy::{self, Request, Status};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Path, Segment};

use super::cases::{COUNT, Case, case};

/// Every so many of the combinations; without a common factor with any dimension.
const STRIDE: usize = 31;

fn request<'a>() -> Request<'a> {
    Request { namespace: "tts", rule: Some("override"), policy: Some("inject") }
}

fn exclude(text: &str) -> policy::Outcome {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    policy::exclude(&sources, source, &request()).unwrap()
}

fn include(text: &str) -> policy::Outcome {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    policy::include(&sources, source, &request()).unwrap()
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

/// The runs of bytes that were put in; none if anything else changed. A run ends where the rest of
/// the old line stands again.
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

fn check(Case { text, document, list: path, name }: &Case) {
    let outcome = exclude(text);
    assert_eq!(outcome.status, Status::Added, "{name}");
    let edited = &outcome.text;

    let runs = insertions(text, edited).unwrap_or_else(|| panic!("{name}:\n{text}\n{edited}"));
    let put_in: usize = runs.iter().map(String::len).sum();
    assert!(runs.len() <= 2 && put_in <= 40, "{name}: {runs:?}");
    assert_eq!(runs.iter().filter(|run| run.contains("tts")).count(), 1, "{name}: {runs:?}");

    let mut meant = read(text);
    list(&mut meant[*document], path).push("tts".into());
    assert_eq!(read(edited), meant, "{name}:\n{edited}");

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

    let again = exclude(edited);
    assert_eq!(&again.text, edited, "{name}");
    assert!(matches!(again.status, Status::AlreadyCovered { .. }), "{name}");

    assert_eq!(&include(edited).text, text, "{name}:\n{edited}");
}

#[test]
fn every_dress_is_kept() {
    for number in (0..COUNT).step_by(STRIDE) {
        check(&case(number));
    }
}

/// The remainder, when there is time: `cargo test --release -- --ignored`.
#[test]
#[ignore = "takes a minute"]
fn every_dress_is_kept_in_all_combinations() {
    for number in 0..COUNT {
        check(&case(number));
    }
}
