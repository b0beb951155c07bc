//! Every rule has a fixture, `tests/fixtures/review/consequences/<id>.txt`: what it says of which
//! change, and which changes it is quiet about.
//!
//! A fixture's sections start with `===`: `now` sets the time, `base` and `head` give objects (`base`
//! may name a file), `edit` makes a head of the base by replacements, `drop` by leaving one object
//! out, `says` has what the rule finds of the last head, `quiet` before another section expects it to
//! find nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::{RULES, Rule, find};
use crate::diff::objects as compare;
use crate::diff::testing::objects;
use crate::model::object::Objects;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/review")
}

/// A replacement or several, `from` and `to` parted by `=>`, several by `---`.
fn edited(text: &str, edits: &str, at: &str) -> String {
    edits.split("\n---\n").fold(text.to_owned(), |text, edit| {
        let edit = format!("{edit}\n");
        let (from, to) = edit.split_once("\n=>\n").unwrap_or_else(|| panic!("{at}: no `=>`"));
        assert!(text.contains(from), "{at}: the base has no {from:?}");
        text.replace(from, to.trim_end_matches('\n'))
    })
}

fn without(base: &str, kind: &str, name: &str, at: &str) -> String {
    let is = |document: &&str| {
        document.contains(&format!("kind: {kind}\n"))
            && document.contains(&format!("\n  name: {name}\n"))
    };
    let documents: Vec<&str> = base.split("---\n").collect();
    let kept: Vec<&str> = documents.iter().copied().filter(|document| !is(document)).collect();
    assert_eq!(kept.len() + 1, documents.len(), "{at}: drops one object");
    kept.join("---\n")
}

fn said(rule: &Rule, base: &str, head: &str, now: &str) -> String {
    let side = |text: &str| if text.trim().is_empty() { Objects::default() } else { objects(text) };
    let (base, head) = (side(base), side(head));
    let (changes, _) = compare::compare(&base, &head);
    let lines: Vec<String> = find(&base, &head, &changes, now.parse().unwrap())
        .iter()
        .filter(|found| found.rule.id == rule.id)
        .map(|found| {
            let objects: Vec<_> = found.objects.iter().map(ToString::to_string).collect();
            let when =
                found.when.as_ref().map(|when| format!(" [{}]", when.text)).unwrap_or_default();
            format!(
                "{} {}: {}{when}",
                found.rule.severity.name(),
                objects.join(", "),
                crate::report::plain_text(&found.words)
            )
        })
        .collect();
    lines.join("\n")
}

fn run(rule: &Rule) -> (usize, usize) {
    let path = fixtures().join("consequences").join(format!("{}.txt", rule.id));
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} has no fixture", rule.id));
    let (mut now, mut base, mut head) =
        ("2026-11-24T12:00:00Z".to_owned(), String::new(), String::new());
    let (mut says, mut quiet) = (0, 0);
    for (number, section) in text.split("\n=== ").skip(1).enumerate() {
        let (title, body) = section.split_once('\n').unwrap_or((section, ""));
        let body = body.trim_end_matches('\n');
        let at = format!("{} section {} ({title})", rule.id, number + 1);
        let (silent, title) = match title.strip_prefix("quiet ") {
            Some(title) => (true, title),
            None => (false, title),
        };
        let words: Vec<&str> = title.split(' ').collect();
        match words.as_slice() {
            ["now", instant] => now = (*instant).to_owned(),
            ["base"] => base = format!("{body}\n"),
            ["base", file] => {
                base = fs::read_to_string(fixtures().join(file)).unwrap();
                if !body.is_empty() {
                    base = edited(&base, body, &at);
                }
            }
            ["head"] => head = format!("{body}\n"),
            ["edit"] => head = edited(&base, body, &at),
            ["drop", kind, name] => head = without(&base, kind, name, &at),
            ["says"] => {
                assert_eq!(said(rule, &base, &head, &now), body, "{at}");
                assert!(!body.is_empty(), "{at}");
                says += 1;
            }
            _ => panic!("{at}: no such section"),
        }
        if silent {
            assert_eq!(said(rule, &base, &head, &now), "", "{at}");
            quiet += 1;
        }
    }
    (says, quiet)
}

#[test]
fn every_rule_says_what_its_fixture_expects() {
    let mut wrong = Vec::new();
    for rule in RULES {
        match std::panic::catch_unwind(|| run(rule)) {
            Ok((says, quiet)) if says > 0 && quiet > 0 => {}
            Ok(_) => {
                wrong.push(format!("{}: must say something, and be quiet about something", rule.id))
            }
            Err(_) => wrong.push(rule.id.to_owned()),
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_fixture_has_its_rule_and_every_rule_its_own_name() {
    let mut files: Vec<String> = fs::read_dir(fixtures().join("consequences"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    files.sort();
    ids.sort_unstable();
    assert_eq!(files, ids);
}

/// The table of `docs/review.md`.
fn table() -> String {
    let row = |rule: &&Rule| {
        let code = |text: &str| text.replace('|', "\\|");
        format!(
            "| {} | `{}` | {} | {} |\n",
            rule.severity.name(),
            rule.id,
            code(rule.what),
            code(rule.source)
        )
    };
    let mut rules: Vec<&Rule> = RULES.to_vec();
    rules.sort_by_key(|rule| rule.severity);
    let rows: String = rules.iter().map(row).collect();
    format!("| severity | id | what will happen | where it is written |\n|---|---|---|---|\n{rows}")
}

#[test]
fn the_documentation_has_the_table_of_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/review.md");
    let docs = fs::read_to_string(path).unwrap();
    assert!(docs.contains(&table()), "docs/review.md should have this table:\n{}", table());
}
