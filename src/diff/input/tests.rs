use crate::budget::Budget;
use std::sync::Arc;

use super::object_files::FolderNames;
use super::*;

const NAMES: FolderNames<'_> = FolderNames { in_reports: "rendered", in_errors: "rendered" };

fn texts(files: &[(&str, &str)]) -> TextFiles {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect()
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
        let files = texts(&[("x/a.yaml", text)]);
        ObjectFiles::parse(files, NAMES, known, NotManifests::Skip, &Budget::default()).unwrap()
    };
    let head = parse(MAP, &ObjectFiles::default());
    let first = |files: &ObjectFiles| Arc::clone(&files.0["x/a.yaml"].objects[0]);
    assert!(Arc::ptr_eq(&first(&parse(MAP, &head)), &first(&head)));
    let other = format!("# a comment\n{MAP}");
    assert!(!Arc::ptr_eq(&first(&parse(&other, &head)), &first(&head)));
}

#[test]
fn a_dropped_tree_is_read_again_from_the_rendered_text() {
    let project = Project::new(env!("CARGO_MANIFEST_DIR"));
    let objects = |files_only| {
        let request = Request { files_only, ..Request::default() };
        let rendered = RenderedProject::render(&project, &request).unwrap();
        ObjectFiles::from_render(rendered, "rendered", Scope::Everything).0.objects().unwrap()
    };
    let (kept, dropped) = (objects(false), objects(true));
    assert_eq!(kept.iter().count(), dropped.iter().count());
    for (one, other) in kept.iter().zip(dropped.iter()) {
        assert_eq!((&one.id, &*one.node), (&other.id, &*other.node));
    }
}

#[test]
fn equal_files_of_a_revision_share_the_text_of_the_render() {
    let known = ObjectFiles::parse(
        texts(&[("x/a.yaml", MAP), ("x/b.yaml", "a: 1\n")]),
        NAMES,
        &ObjectFiles::default(),
        NotManifests::Skip,
        &Budget::default(),
    )
    .unwrap();
    let base = texts(&[("x/a.yaml", MAP), ("x/b.yaml", "a: 2\n"), ("x/c.yaml", "a: 3\n")]);
    let base =
        ObjectFiles::parse(base, NAMES, &known, NotManifests::Skip, &Budget::default()).unwrap();
    let is_shared = |path| {
        let (one, other) = (base.text(path), known.text(path));
        one.zip(other).is_some_and(|(one, other)| Arc::ptr_eq(&one, &other))
    };
    assert_eq!(["x/a.yaml", "x/b.yaml", "x/c.yaml"].map(is_shared), [true, false, false]);
    assert!(known.into_changed_texts(&base).is_empty(), "`x/b.yaml` has no object");
}

fn parse(path: &str, text: &str) -> Result<ObjectFiles, Diagnostics> {
    let (files, none) = (texts(&[(path, text)]), ObjectFiles::default());
    ObjectFiles::parse(files, NAMES, &none, NotManifests::Skip, &Budget::default())
}

#[test]
fn a_manifest_that_cannot_be_read_is_refused_with_its_file() {
    let error = parse("x/a.yaml", "apiVersion: v1\nkind: A\nmetadata: {name: 5}\n");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("rendered/x/a.yaml") && error.contains("`metadata.name`"), "{error}");
    for text in [
        "apiVersion: v1\nkind: !x A\n",
        "\"\\x61piVersion\": !x v1\nkind: A\n",
        "apiVersion: v1\nkind: A\nmetadata: [\n",
    ] {
        let error = parse("x/a.yaml", text).unwrap_err().to_string();
        assert!(error.starts_with("rendered/x/a.yaml:"), "{error}");
    }
}

#[test]
fn what_no_tool_would_apply_is_skipped_and_named() {
    for (path, text, reason) in [
        ("x/a.yaml", "kind: ConfigMap\n", "it has no `apiVersion`"),
        ("x/a.yaml", "apiVersion: v2\nname: chart\n", "it has no `kind`"),
        (
            "x/a.yaml",
            "apiVersion: v1\nkind: A\nmetadata: {name: ''}\n",
            "it has no `metadata.name`",
        ),
        ("x/a.yaml", "a: !env_var B\n", "it is not valid YAML"),
        ("x/a.yaml", "- 1\n", "it has no `apiVersion`"),
        ("x/.a.yml", "a: 1\n", "it has no `apiVersion`"),
        ("x/kustomization.yaml", "a: 1\n", "kustomize computes objects from it"),
        ("x/a.jsonnet", "{}", "Argo CD computes objects from it"),
    ] {
        let skipped = parse(path, text).unwrap().skipped();
        let reasons: Vec<_> =
            skipped.iter().map(|file| (file.path.as_str(), file.reason)).collect();
        assert_eq!(reasons, [(path, reason)], "{text}");
    }
    assert_eq!(parse("x/README.md", "a: 1\n").unwrap().0.len(), 0);
}

#[test]
fn the_items_of_lists_are_objects_and_a_name_may_be_generated() {
    let ids = |text: &str| -> Vec<String> {
        let files = parse("x/a.yaml", text).unwrap();
        assert_eq!(files.skipped(), [], "{text}");
        files.objects().unwrap().iter().map(|object| object.id.to_string()).collect()
    };
    let typed = "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: a}}]\n";
    assert_eq!(ids(typed), ["ConfigMap a"]);
    // Every tool decides by `items`, whatever the kind.
    let disguised = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: b}}\nitems: [{{apiVersion: v1, kind: List, items: [{}]}}]\n",
        "{apiVersion: v1, kind: Secret, metadata: {name: s}}"
    );
    assert_eq!(ids(&disguised), ["Secret s"]);
    let generated =
        "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: a-, namespace: ns1}\n";
    assert_eq!(ids(generated), ["Job ns1/a-*"]);
}
