//! Randomly broken texts: for any input, the edit gives an insertion or an error.

use std::fs;
use std::path::Path;

use tts_render::policy::{self, Request, Status, Tenant};
use yaml_spans::edit::Editor;
use yaml_spans::source::{Source, Sources};

/// The number of broken texts for each fixture.
const VARIANTS: usize = 40;

/// The pieces to insert: YAML's and CEL's special characters, line ends, a BOM, a wide character.
const PIECES: [&str; 28] = [
    "\n", "\r\n", "\r", " ", "  ", "\t", "-", "- ", ":", ": ", "[", "]", "{", "}", ",", "'", "\"",
    "#", " #", "&a ", "*a", "|", ">-\n", "---\n", "\u{feff}", "é", "\\", "!!str ",
];

/// Pseudo-random numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// The text with a few characters removed, doubled or inserted.
fn break_text(text: &str, numbers: &mut Numbers) -> String {
    let mut chars: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(chars.len());
        match numbers.below(4) {
            0 if !chars.is_empty() => drop(chars.remove(at)),
            1 if !chars.is_empty() => chars.insert(at, chars[at].clone()),
            2 => chars.truncate(at + 1),
            _ => chars.insert(at, PIECES[numbers.below(PIECES.len())].to_owned()),
        }
    }
    chars.concat()
}

fn is_insertion(before: &str, after: &str) -> bool {
    let mut after = after.bytes();
    before.bytes().all(|byte| after.any(|other| other == byte))
}

#[test]
fn any_input_is_edited_correctly_or_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy");
    let mut folders: Vec<_> = fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).collect();
    folders.sort();
    let mut numbers = Numbers(1);
    let (mut added, mut refused) = (0, 0);
    for folder in folders {
        let text = fs::read_to_string(folder.join("input.yaml")).unwrap();
        for _ in 0..VARIANTS {
            let text = break_text(&text, &mut numbers);
            let mut sources = Sources::new();
            let source = sources.add(Source::written("p.yaml", text.as_str()));
            let request = Request { namespace: "tts", rule: None, policy: None };
            let tenant = Tenant {
                namespace: "tts",
                priority_class: None,
                resource: "nvidia.com/gpu",
                controller: None,
            };
            let _ = policy::show_policies(&sources, source, Some(&tenant));
            let _ = policy::remove_exclusion(&sources, source, &request);
            if let Ok(editor) = Editor::open(&sources, source) {
                let _ = editor.set(0, &"spec.rules[0].name".parse().unwrap(), "x");
                let _ = editor.set(0, &"metadata.labels.a".parse().unwrap(), "x");
                let _ = editor.remove(0, &"spec.rules[0].exclude".parse().unwrap());
            }
            let outcome = match policy::exclude_namespace(&sources, source, &request) {
                Ok(outcome) => outcome,
                Err(errors) => {
                    assert!(!errors.is_empty());
                    refused += 1;
                    continue;
                }
            };
            if outcome.status != Status::Added {
                assert_eq!(outcome.text, text);
                continue;
            }
            added += 1;
            assert!(is_insertion(&text, &outcome.text), "{text}\n{}", outcome.text);
            let source = sources.add(Source::written("p.yaml", outcome.text.as_str()));
            let again = policy::exclude_namespace(&sources, source, &request).unwrap();
            assert!(matches!(again.status, Status::AlreadyExcluded { .. }), "{}", outcome.text);
            let back = policy::remove_exclusion(&sources, source, &request).unwrap();
            assert_eq!(back.text, text, "{}", outcome.text);
        }
    }
    assert!(added > 500 && refused > 500, "{added} edited, {refused} refused");
}
