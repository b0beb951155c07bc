//! Several namespaces in one edit give the same text as one edit after the other.

use std::fs;
use std::path::Path;

use tts_render::policy::{self, Request};
use yaml_spans::source::{Source, SourceId, Sources};

const NAMESPACES: [&str; 5] = ["tts", "web", "tts-x", "kyverno", "tts"];

fn load(text: &str) -> (Sources, SourceId) {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    (sources, source)
}

fn request<'a>(namespace: &'a str, args: &'a str) -> Request<'a> {
    let words: Vec<&str> = args.split_whitespace().flat_map(|word| word.split('=')).collect();
    let argument = |name| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
    Request { namespace, rule: argument("--rule"), policy: argument("--policy") }
}

fn one_by_one(text: &str, args: &str) -> Option<String> {
    NAMESPACES.iter().try_fold(text.to_owned(), |text, namespace| {
        let (sources, source) = load(&text);
        let outcome = policy::exclude_namespace(&sources, source, &request(namespace, args));
        outcome.ok().map(|outcome| outcome.text)
    })
}

fn at_once(text: &str, args: &str) -> Option<String> {
    let (sources, source) = load(text);
    let request = request(NAMESPACES[0], args);
    let outcome = policy::exclude_namespaces(&sources, source, &request, &NAMESPACES[1..]);
    outcome.ok().map(|outcome| outcome.text)
}

#[test]
fn one_edit_equals_one_edit_per_namespace() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy");
    let mut edited = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap().path();
        let text = fs::read_to_string(folder.join("input.yaml")).unwrap();
        let args = fs::read_to_string(folder.join("args")).unwrap();
        let (slow, fast) = (one_by_one(&text, &args), at_once(&text, &args));
        assert_eq!(slow, fast, "{}", folder.display());
        edited += usize::from(fast.is_some_and(|fast| fast != text));
    }
    assert!(edited >= 50, "only {edited} were edited");
}

#[test]
fn one_invalid_name_among_several_is_refused() {
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/inject-gpu-workload-priority.yaml"),
    );
    let (sources, source) = load(&text.unwrap());
    let outcome = policy::exclude_namespaces(&sources, source, &request("tts", ""), &["web", "*"]);
    assert!(
        matches!(&outcome.unwrap_err()[0].error, policy::Error::Namespace(name) if name == "*")
    );
}
