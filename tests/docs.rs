//! The documentation: every relative link leads to an existing file or heading, every path of the repository
//! in backticks to an existing file or folder, and every command has the tests that CONTRIBUTING.md promises.

#![cfg(test)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::tool::{commands, repository};

/// Every Markdown file that belongs to the repository.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "target" {
                continue;
            }
            match path.is_dir() {
                true => open.push(path),
                false if name.ends_with(".md") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// A text without its listings and code spans.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && !line.starts_with("    ") {
            // A link's own text may be code.
            let code = |(at, part): (usize, &str)| {
                if at % 2 == 0 { part.to_owned() } else { String::new() }
            };
            prose.extend(line.split('`').enumerate().map(code));
            prose.push('\n');
        }
    }
    prose
}

/// The first words of the code spans of a text, outside its listings.
fn code_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced {
            let spans = line.split('`').skip(1).step_by(2);
            words.extend(spans.filter_map(|span| span.split_whitespace().next()));
        }
    }
    words
}

/// The code spans of a document that look like paths of the repository and lead nowhere. A path starts
/// with an entry of the root or of the document's folder. One with a placeholder such as `NAME.rs`, or with
/// a `*`, names many files and is not checked.
fn stale_paths(document: &Path, text: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stale = Vec::new();
    for word in code_words(text) {
        let Some((first, rest)) = word.split_once('/') else { continue };
        let is_path = !["", "."].contains(&first)
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
            && !rest.split(['/', '.']).any(is_placeholder);
        let bases = [root, document.parent().unwrap()];
        if is_path
            && bases.iter().any(|base| base.join(first).is_dir())
            && !bases.iter().any(|base| base.join(word).exists())
        {
            stale.push(format!("{}: {word}", document.display()));
        }
    }
    stale
}

/// Returns true for a word that the documentation writes in place of any name.
fn is_placeholder(part: &str) -> bool {
    matches!(part, "NAME" | "ID" | "DIR" | "FILE")
}

/// The targets of links: `[text](target)`.
fn targets(text: &str) -> Vec<String> {
    let target = |part: &str| part.split_once(')').map(|(target, _)| target.to_owned());
    prose(text).split("](").skip(1).filter_map(target).collect()
}

/// The anchors that GitHub gives headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if let (false, Some(heading)) = (fenced, line.trim_start_matches('#').strip_prefix(' '))
            && line.starts_with('#')
        {
            let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
            let anchor: String = heading.trim().to_lowercase().chars().filter(kept).collect();
            found.insert(anchor.replace(' ', "-"));
        }
    }
    found
}

/// The broken links of a document.
fn broken_links(document: &Path, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for target in targets(text).into_iter().filter(|target| !target.contains("://")) {
        let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
        let file = match path {
            "" => document.to_owned(),
            path => document.parent().unwrap().join(path),
        };
        let leads = match (file.is_dir(), anchor) {
            (_, "") => file.exists(),
            (true, _) => false,
            (false, anchor) if file == document => anchors(text).contains(anchor),
            (false, anchor) => {
                fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(anchor))
            }
        };
        if !leads {
            broken.push(format!("{}: {target}", document.display()));
        }
    }
    broken
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let texts: Vec<String> =
        documents.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let links: usize = texts.iter().map(|text| targets(text).len()).sum();
    assert!(documents.len() >= 10 && links >= 10, "{} documents, {links} links", documents.len());
    let wrong: Vec<String> =
        documents.iter().zip(&texts).flat_map(|(path, text)| broken_links(path, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_path_in_backticks_exists() {
    let documents = documents();
    let texts: Vec<String> =
        documents.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let stale: Vec<String> =
        documents.iter().zip(&texts).flat_map(|(path, text)| stale_paths(path, text)).collect();
    assert!(stale.is_empty(), "{stale:#?}");
}

#[test]
fn stale_paths_are_found() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("gate/README.md");
    let text = "`src/decision.rs` `src/none.rs` `gate/src` `tests/e2e/run kyverno` `tests/none/run x`\n\
                ```\n`src/none.rs`\n```\n`src/cli/NAME.rs` `src/*.rs` `apps/v1` `run.rs`\n";
    let stale: Vec<String> = stale_paths(&document, text)
        .iter()
        .map(|line| line.rsplit_once(": ").unwrap().1.to_owned())
        .collect();
    assert_eq!(stale, ["src/none.rs", "tests/none/run"]);
}

/// Each row of docs/compatibility.md ends with a file and a text in it.
#[test]
fn the_log_of_reports_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let log = fs::read_to_string(root.join("docs/compatibility.md")).unwrap();
    let rows: Vec<&str> =
        log.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |")).collect();
    let tables = log.lines().filter(|line| line.starts_with("|---|")).count();
    let all = log.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(rows.len() + tables, all, "a row without a test");
    assert!(rows.len() > 50, "{}", rows.len());
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names: Vec<&str> = cell.split('`').filter(|part| !part.trim().is_empty()).collect();
        let [file, name] = names[..] else { panic!("a file and a name are needed: {row}") };
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(text.contains(name), "{file} has no `{name}`");
    }
}

#[test]
fn every_document_is_linked_from_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = targets(&fs::read_to_string(root.join("README.md")).unwrap());
    let unlinked: Vec<String> = fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|path| path.ends_with(".md") && !readme.contains(path))
        .collect();
    assert!(unlinked.is_empty(), "{unlinked:?}");
}

/// The rendered lines that the README shows are those of the file that it names.
#[test]
fn the_readme_shows_the_rendered_lines() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, listing) = readme.split_once("    $ head -12 ").unwrap();
    let (file, listing) = listing.split_once('\n').unwrap();
    let shown: Vec<&str> =
        listing.lines().take(12).map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let rendered = fs::read_to_string(repository().join(file)).unwrap();
    assert_eq!(shown, rendered.lines().take(12).collect::<Vec<_>>());
    assert_eq!(listing.lines().nth(12), Some(""), "twelve lines, and no more");
}

#[test]
fn broken_links_are_found() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = "# A heading: of `code`\n\n[a](docs) [b](docs/none.md) [c](#a-heading-of-code) [d](#none) \
                [e](docs/diff.md#formats) [f](docs/diff.md#none) [g](https://example.org/none)\n\
                ```\n[h](none)\n```\n`[i](none)` [`j`](none-either)\n";
    let wrong: Vec<String> = broken_links(&document, text)
        .iter()
        .map(|line| line.rsplit_once(": ").unwrap().1.to_owned())
        .collect();
    assert_eq!(wrong, ["docs/none.md", "#none", "docs/diff.md#none", "none-either"]);
}

#[test]
fn every_command_has_a_file_or_a_folder_in_tests() {
    let tests = repository().join("tests");
    let commands = commands();
    assert!(commands.len() >= 16, "{commands:?}");
    let has_tests = |command: &String| {
        tests.join(format!("{command}.rs")).is_file()
            || tests.join(command).join("main.rs").is_file()
    };
    let untested: Vec<&String> = commands.iter().filter(|command| !has_tests(command)).collect();
    assert!(untested.is_empty(), "{untested:?}");
    // The page that says what is where names every file and folder.
    let readme = fs::read_to_string(tests.join("README.md")).unwrap();
    let unlisted: Vec<String> = fs::read_dir(&tests)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md" && !name.ends_with(".snap.new"))
        .filter(|name| !readme.contains(&format!("`{}`", name.trim_end_matches(".rs"))))
        .collect();
    assert!(unlisted.is_empty(), "tests/README.md does not name {unlisted:?}");
}

#[test]
fn docs_architecture_names_every_module() {
    let library = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let document = fs::read_to_string(repository().join("docs/architecture.md")).unwrap();
    let modules: Vec<&str> =
        library.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';')).collect();
    assert!(modules.len() >= 20, "{modules:?}");
    let missing: Vec<&&str> =
        modules.iter().filter(|name| !document.contains(&format!("\n| `{name}` |"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
