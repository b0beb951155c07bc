use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: b\n";

#[test]
fn files_that_provenance_does_not_claim_are_somebody_elses() {
    let hash = "0".repeat(64);
    let claims = format!("# tts-render 0.1.0\n{hash}  a.yaml\n");
    let all = tree(&[
        ("app/.provenance", &claims),
        ("app/a.yaml", MAP),
        ("app/theirs.yaml", MAP),
        ("other/b.yaml", MAP),
    ]);
    let kept: Vec<String> = ours(all).into_keys().filter(|path| path.ends_with(".yaml")).collect();
    assert_eq!(kept, ["app/a.yaml", "other/b.yaml"]);
}

#[test]
fn equal_files_share_their_objects_and_others_are_read() {
    let head = Files::of_tree(tree(&[("x/a.yaml", MAP)]), "rendered", &Files::default()).unwrap();
    let same = Files::of_tree(tree(&[("x/a.yaml", MAP)]), "rendered", &head).unwrap();
    assert!(Arc::ptr_eq(&same.0["x/a.yaml"].objects[0], &head.0["x/a.yaml"].objects[0]));
    let other = format!("# a comment\n{MAP}");
    let read = Files::of_tree(tree(&[("x/a.yaml", &other)]), "rendered", &head).unwrap();
    assert!(!Arc::ptr_eq(&read.0["x/a.yaml"].objects[0], &head.0["x/a.yaml"].objects[0]));
}

#[test]
fn what_is_no_object_is_named_with_its_file() {
    let read = |path, text| Files::of_tree(tree(&[(path, text)]), "rendered", &Files::default());
    let error = read("x/a.yaml", "kind: ConfigMap\n").unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid object in `rendered/x/a.yaml`: `apiVersion` is missing or not a string"
    );
    let error = read("x/a.yaml", "a: [").unwrap_err().to_string();
    assert!(error.starts_with("rendered/x/a.yaml:"), "{error}");
    for path in ["x/kustomization.yaml", "x/README.md", "x/.hidden.yaml"] {
        assert_eq!(read(path, "a: 1\n").unwrap().0.len(), 0, "{path}");
    }
}
