//! Each folder of tests/fixtures/policy has a file, the arguments of `policy edit`, and the expected
//! result: the edited file, or the refusal. UPDATE=1 rewrites the refusals; review them before you
//! commit.

use std::fs;
use std::path::Path;

use tts_render::policy::{self, Request, Status};
use yaml_spans::diagnostic::Diagnostics;
use yaml_spans::source::{Source, Sources};

/// The edited text and its status, or the refusal, with the fix in the next line.
fn edit_fixture(text: &str, args: &str) -> Result<(String, String), String> {
    let mut request = Request { namespace: "", rule: None, policy: None };
    let mut change: fn(_, _, &Request<'_>) -> _ = policy::exclude_namespace;
    let mut words = args.split_whitespace().flat_map(|word| word.split('='));
    while let Some(word) = words.next() {
        match word {
            "--exclude" => request.namespace = words.next().unwrap(),
            "--rule" => request.rule = words.next(),
            "--policy" => request.policy = words.next(),
            "--remove" => change = policy::remove_exclusion,
            other => panic!("no such argument: {other}"),
        }
    }
    let mut sources = Sources::new();
    let source = sources.add(Source::written("input.yaml", text));
    match change(&sources, source, &request) {
        Ok(outcome) => Ok((outcome.text, describe_status(&outcome.status))),
        Err(errors) => {
            let errors = errors.iter().map(|error| error.diagnose(&sources)).collect();
            let errors = Diagnostics(errors);
            let fixes = errors.0.iter().filter_map(|error| error.label.as_deref());
            let fixes: String = fixes.map(|fix| format!("\n  {fix}")).collect();
            Err(format!("{errors}{fixes}\n"))
        }
    }
}

fn describe_status(status: &Status) -> String {
    let still = |by: &Option<String>| match by {
        Some(by) => format!(", still excluded by {by}"),
        None => String::new(),
    };
    match status {
        Status::Added => "added\n".to_owned(),
        Status::NothingToExclude { kinds } => format!("nothing to exclude: only {kinds}\n"),
        Status::AlreadyExcluded { by } => format!("already excluded by {by}\n"),
        Status::Removed { still_excluded_by } => format!("removed{}\n", still(still_excluded_by)),
        Status::NotListed { still_excluded_by } => {
            format!("not listed{}\n", still(still_excluded_by))
        }
    }
}

/// The problems with one folder.
fn check_folder(folder: &Path, update: bool) -> Vec<String> {
    let input = fs::read_to_string(folder.join("input.yaml")).unwrap();
    let args = fs::read_to_string(folder.join("args")).unwrap();
    let result = edit_fixture(&input, &args);
    if let Ok(refused) = fs::read_to_string(folder.join("refused.txt")) {
        return match result {
            Ok((_, done)) => vec![format!("is not refused: {done}")],
            Err(why) if why == refused => vec![],
            Err(why) if update => {
                fs::write(folder.join("refused.txt"), why).unwrap();
                vec![]
            }
            Err(why) => vec![format!("is refused with\n{why}not with\n{refused}")],
        };
    }
    let (output, done) = match result {
        Ok(result) => result,
        Err(why) => return vec![format!("is refused: {why}")],
    };
    let mut wrong = Vec::new();
    if output != fs::read_to_string(folder.join("expected.yaml")).unwrap() {
        wrong.push(format!("became\n{output}"));
    }
    if done != fs::read_to_string(folder.join("done.txt")).unwrap() {
        wrong.push(format!("was {done}"));
    }
    let again = edit_fixture(&output, &args).map(|(text, _)| text);
    if again.as_ref() != Ok(&output) {
        wrong.push(format!("changed in a second run: {again:?}"));
    }
    if done == "added\n" {
        let back = edit_fixture(&output, &format!("{args} --remove")).map(|(text, _)| text);
        if back.as_ref() != Ok(&input) {
            wrong.push(format!("is not undone: {back:?}"));
        }
    }
    wrong
}

#[test]
fn each_fixture_gives_its_expected_result() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy");
    let update = std::env::var_os("UPDATE").is_some();
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&root).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        wrong.extend(
            check_folder(&folder, update).into_iter().map(|problem| format!("{name}: {problem}")),
        );
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(count >= 100, "only {count} files");
}
