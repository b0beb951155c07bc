use std::sync::Arc;

use super::*;

fn texts(files: &[(&str, &str)]) -> TextFiles {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: b\n";

#[test]
fn files_that_provenance_does_not_claim_are_dropped() {
    let hash = "0".repeat(64);
    let claims = format!("# tts-render 0.1.0\n{hash}  a.yaml\n");
    let mut all = texts(&[
        ("app/.provenance", &claims),
        ("app/a.yaml", MAP),
        ("app/foreign.yaml", MAP),
        ("other/b.yaml", MAP),
    ]);
    retain_claimed(&mut all);
    let kept: Vec<String> = all.into_keys().filter(|path| path.ends_with(".yaml")).collect();
    assert_eq!(kept, ["app/a.yaml", "other/b.yaml"]);
}

#[test]
fn equal_files_share_their_objects_and_others_are_parsed() {
    let parse = |text, known: &ObjectFiles| {
        ObjectFiles::parse(texts(&[("x/a.yaml", text)]), "rendered", "rendered", known).unwrap()
    };
    let head = parse(MAP, &ObjectFiles::default());
    let first = |files: &ObjectFiles| Arc::clone(&files.0["x/a.yaml"].objects[0]);
    assert!(Arc::ptr_eq(&first(&parse(MAP, &head)), &first(&head)));
    let other = format!("# a comment\n{MAP}");
    assert!(!Arc::ptr_eq(&first(&parse(&other, &head)), &first(&head)));
}

#[test]
fn a_document_that_is_not_an_object_is_named_with_its_file() {
    let parse = |path, text| {
        ObjectFiles::parse(texts(&[(path, text)]), "rendered", "rendered", &ObjectFiles::default())
    };
    let error = parse("x/a.yaml", "kind: ConfigMap\n").unwrap_err().to_string();
    assert!(error.contains("rendered/x/a.yaml") && error.contains("`apiVersion`"), "{error}");
    let error = parse("x/a.yaml", "a: [").unwrap_err().to_string();
    assert!(error.starts_with("rendered/x/a.yaml:"), "{error}");
    for path in ["x/kustomization.yaml", "x/README.md", "x/.hidden.yaml"] {
        assert_eq!(parse(path, "a: 1\n").unwrap().0.len(), 0, "{path}");
    }
}
