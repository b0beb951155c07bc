//! Every rule has a fixture, `tests/fixtures/diff/consequences/ID.txt`, which shows the changes that it
//! reports and changes that it does not.
//!
//! The text before the first section says what the fixture is about. A section starts with `=== `:
//!
//! - `now INSTANT` sets the time; the default is noon on 24 November 2026, UTC.
//! - `before` has the old objects; `before FILE` takes them from a file in `tests/fixtures/diff` and may
//!   replace parts, as `change` does.
//! - `after` has the new objects; `add` has those to add to the old ones.
//! - `change` makes the new objects from the old ones: the lines above `=>` are replaced by those below.
//!   `---` separates several replacements.
//! - `remove KIND NAME` makes the new objects from the old ones without one of them.
//! - `values before` and `values after` have the texts of a values file, for its comments.
//! - `skipped before` and `skipped after` have the texts of a file that is not a manifest.
//! - `reports` has the findings of the rule, one a line: severity, objects, message and, in brackets, the
//!   time for the headline.
//! - `reports nothing` expects no finding.

use crate::budget::Budget;
use std::fs;
use std::path::{Path, PathBuf};

use super::{RULES, Rule, judge};
use crate::diff::objects::compare;
use crate::diff::testing::objects;
use crate::diff::{Allow, SkippedFile, Snapshot};
use crate::model::object::Objects;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/diff")
}

/// Applies the replacements of a section to a text.
fn replace_parts(text: &str, replacements: &str, place: &str) -> String {
    replacements.split("\n---\n").fold(text.to_owned(), |text, replacement| {
        let replacement = format!("{replacement}\n");
        let (from, to) =
            replacement.split_once("\n=>\n").unwrap_or_else(|| panic!("{place}: no `=>`"));
        assert!(text.contains(from), "{place}: the old objects do not contain {from:?}");
        text.replace(from, to.trim_end_matches('\n'))
    })
}

fn remove_object(text: &str, kind: &str, name: &str, place: &str) -> String {
    let documents: Vec<&str> = text.split("---\n").collect();
    let kept: Vec<&str> = documents
        .iter()
        .copied()
        .filter(|document| {
            !document.contains(&format!("kind: {kind}\n"))
                || !document.contains(&format!("\n  name: {name}\n"))
        })
        .collect();
    assert_eq!(kept.len() + 1, documents.len(), "{place}: must remove one object");
    kept.join("---\n")
}

fn parse_objects(text: &str) -> Objects {
    if text.trim().is_empty() { Objects::default() } else { objects(text) }
}

/// The texts of one snapshot.
#[derive(Default)]
struct State {
    objects: String,
    values: String,
    skipped: String,
}

impl State {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            objects: parse_objects(&self.objects),
            values: None,
            allows: Allow::read_all("values/a.yaml", &self.values),
            skipped: (!self.skipped.is_empty())
                .then(|| SkippedFile {
                    path: "app/a.yaml".to_owned(),
                    reason: "it has no `kind`",
                    content: self.skipped.clone(),
                })
                .into_iter()
                .collect(),
        }
    }
}

/// The findings of one rule, one a line.
fn rule_findings(rule: &Rule, before: &State, after: &State, now: &str) -> String {
    let (base, head) = (before.snapshot(), after.snapshot());
    let (changes, _) = compare(&base.objects, &head.objects, &Budget::default()).unwrap();
    let lines: Vec<String> = judge(&base, &head, &changes, now.parse().unwrap())
        .consequences
        .iter()
        .filter(|consequence| consequence.rule.id == rule.id)
        .map(|consequence| {
            let objects: Vec<_> = consequence.objects.iter().map(ToString::to_string).collect();
            let when = consequence.when.as_ref().map(|when| format!(" [{}]", when.text));
            format!(
                "{} {}: {}{}",
                consequence.rule.severity.name(),
                objects.join(", "),
                consequence.message,
                when.unwrap_or_default()
            )
        })
        .collect();
    lines.join("\n")
}

/// Runs a rule's fixture; returns how many of its sections expect findings, and how many expect none.
fn run_fixture(rule: &Rule) -> (usize, usize) {
    let path = fixtures().join("consequences").join(format!("{}.txt", rule.id));
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} has no fixture", rule.id));
    let mut now = "2026-11-24T12:00:00Z".to_owned();
    let (mut before, mut after) = (State::default(), State::default());
    let (mut reporting, mut silent) = (0, 0);
    for (number, section) in text.split("\n=== ").skip(1).enumerate() {
        let (title, body) = section.split_once('\n').unwrap_or((section, ""));
        let body = body.trim_end_matches('\n');
        let place = format!("{} section {} ({title})", rule.id, number + 1);
        match title.split(' ').collect::<Vec<_>>().as_slice() {
            ["now", instant] => now = (*instant).to_owned(),
            ["before"] => before.objects = format!("{body}\n"),
            ["before", file] => {
                before.objects = fs::read_to_string(fixtures().join(file)).unwrap();
                if !body.is_empty() {
                    before.objects = replace_parts(&before.objects, body, &place);
                }
            }
            ["after"] => after.objects = format!("{body}\n"),
            ["add"] => after.objects = format!("{}---\n{body}\n", before.objects),
            ["change"] => after.objects = replace_parts(&before.objects, body, &place),
            ["remove", kind, name] => {
                after.objects = remove_object(&before.objects, kind, name, &place)
            }
            ["values", "before"] => before.values = format!("{body}\n"),
            ["values", "after"] => after.values = format!("{body}\n"),
            ["skipped", "before"] => before.skipped = body.to_owned(),
            ["skipped", "after"] => after.skipped = body.to_owned(),
            ["reports"] => {
                assert!(!body.is_empty(), "{place}");
                assert_eq!(rule_findings(rule, &before, &after, &now), body, "{place}");
                reporting += 1;
            }
            ["reports", "nothing"] => {
                assert_eq!(rule_findings(rule, &before, &after, &now), "", "{place}");
                silent += 1;
            }
            _ => panic!("{place}: no such section"),
        }
    }
    (reporting, silent)
}

#[test]
fn every_rule_reports_what_its_fixture_expects() {
    let mut wrong = Vec::new();
    for rule in RULES {
        match std::panic::catch_unwind(|| run_fixture(rule)) {
            Ok((reporting, silent)) if reporting > 0 && silent > 0 => {}
            Ok(_) => wrong.push(format!("{}: needs a `reports` and a `reports nothing`", rule.id)),
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

/// The table of `docs/diff.md`.
fn documented_table() -> String {
    let mut rules: Vec<&Rule> = RULES.to_vec();
    rules.sort_by_key(|rule| rule.severity);
    let rows: String = rules
        .iter()
        .map(|rule| {
            let (severity, id) = (rule.severity.name(), rule.id);
            let summary = rule.summary.replace('|', "\\|");
            let source = rule.source.replace('|', "\\|");
            format!("| {severity} | `{id}` | {summary} | {source} |\n")
        })
        .collect();
    format!("| severity | id | effect on the cluster | source |\n|---|---|---|---|\n{rows}")
}

#[test]
fn the_documentation_has_the_table_of_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diff.md");
    let docs = fs::read_to_string(path).unwrap();
    let table = documented_table();
    assert!(docs.contains(&table), "docs/diff.md must have this table:\n{table}");
}
