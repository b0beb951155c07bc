use std::slice;

use super::*;

fn with_editor<T>(text: &str, run: impl FnOnce(&Editor<'_>) -> T) -> T {
    let mut sources = Sources::new();
    let source = sources.add(crate::source::Source::written("f.yaml", text));
    run(&Editor::open(&sources, source).unwrap())
}

fn parse_path(text: &str) -> Path {
    if text.is_empty() { Path::root() } else { text.parse().unwrap() }
}

fn set(text: &str, at: &str, value: &str) -> String {
    with_editor(text, |editor| editor.set(0, &parse_path(at), value)).unwrap()
}

fn refusal(text: &str, at: &str, value: &str) -> EditError {
    with_editor(text, |editor| editor.set(0, &parse_path(at), value)).unwrap_err().error
}

const DIGEST: &str = "sha256:0123456789abcdef";

#[test]
fn a_digest_is_inserted_and_replaced_in_place() {
    let values = "# the gate\r\ngate:\r\n  image: # comment\r\n    repository: r/vram-gate\r\n    tag: \"0.1.0\" # as released\r\n      # pinned below\r\n\r\n  metricsUrl: http://x\r\n";
    let pinned = values.replace(
        "      # pinned below\r\n",
        "      # pinned below\r\n    digest: \"sha256:0123456789abcdef\"\r\n",
    );
    assert_eq!(set(values, "gate.image.digest", DIGEST), pinned);
    assert_eq!(set(&pinned, "gate.image.digest", DIGEST), pinned);
    let newer = set(&pinned, "gate.image.digest", "sha256:ffff");
    assert_eq!(newer, pinned.replace("0123456789abcdef", "ffff"));
    let back =
        with_editor(&pinned, |editor| editor.remove(0, &parse_path("gate.image.digest"))).unwrap();
    assert_eq!(back, values);
}

#[test]
fn missing_keys_are_inserted() {
    assert_eq!(
        set("gate:\n    floor: 6Gi\nz: 1", "gate.image.digest", "a"),
        "gate:\n    floor: 6Gi\n    image:\n        digest: a\nz: 1"
    );
    assert_eq!(
        set("gate:\n  image:\nz: 1\n", "gate.image.digest", "a"),
        "gate:\n  image:\n    digest: a\nz: 1\n"
    );
    assert_eq!(
        set("gate:\n  image:   # none yet\n", "gate.image.digest", "a"),
        "gate:\n  image:   # none yet\n    digest: a\n"
    );
    assert_eq!(set("a: 1", "b.c.d", "x"), "a: 1\nb:\n  c:\n    d: x");
    assert_eq!(set("a: 1\n", "[\"b.c/d\"]", "x"), "a: 1\nb.c/d: x\n");
    assert_eq!(
        set("image: {repository: r, tag: \"1\"}\n", "image.digest", DIGEST),
        "image: {repository: r, tag: \"1\", digest: \"sha256:0123456789abcdef\"}\n"
    );
    assert_eq!(set("image: {}\n", "image.digest", "a"), "image: {digest: a}\n");
    assert_eq!(set("image: { }\n", "image.a.b", "a"), "image: { a: {b: a} }\n");
    assert_eq!(
        set("image: {\n  tag: x, # t\n}\n", "image.digest", "a"),
        "image: {\n  tag: x, # t\n  digest: a,\n}\n"
    );
}

#[test]
fn replaced_scalars_keep_their_quotes() {
    assert_eq!(set("a: 'x' # c\n", "a", "it's"), "a: 'it''s' # c\n");
    assert_eq!(set("a: \"x\"\n", "a", "y"), "a: \"y\"\n");
    assert_eq!(set("a: x\n", "a", "yes"), "a: \"yes\"\n");
    assert_eq!(set("a:\nb: 1\n", "a", "v"), "a: v\nb: 1\n");
    assert_eq!(set("a:   # c\n", "a", "v"), "a: v   # c\n");
    assert_eq!(set("a: ~\n", "a", "v"), "a: v\n");
    assert_eq!(set("- {a: [b, c]}\n", "[0].a[1]", "d"), "- {a: [b, d]}\n");
    // The number becomes a string, as requested.
    assert_eq!(set("a: 1\n", "a", "1"), "a: \"1\"\n");
    assert_eq!(set("a: \"1\"\n", "a", "1"), "a: \"1\"\n");
    assert_eq!(set("a: x\n  y # c\n", "a", "z"), "a: z # c\n");
}

#[test]
fn collections_and_shared_values_are_refused() {
    assert!(matches!(refusal("a: {b: 1}\n", "a", "x"), EditError::Kind { found: "a map", .. }));
    assert!(matches!(refusal("a: [1]\n", "a.b", "x"), EditError::Kind { found: "a list", .. }));
    assert!(matches!(refusal("a: 1\n", "a.b", "x"), EditError::Kind { found: "a scalar", .. }));
    assert_eq!(refusal("a: |\n  x\n", "a", "x"), EditError::BlockScalar);
    assert_eq!(refusal("a: &x 1\nb: *x\n", "a", "y"), EditError::Anchor);
    assert_eq!(refusal("a: &x 1\nb: *x\n", "b", "y"), EditError::Alias);
    assert_eq!(refusal("a: &x {c: 1}\nb: *x\n", "a.c", "y"), EditError::Anchor);
    assert_eq!(refusal("a: &x {c: 1}\nb: *x\n", "b.c", "y"), EditError::Alias);
    assert_eq!(refusal("&r\na: 1\n", "b", "y"), EditError::Anchor);
    assert_eq!(refusal("a: !!str 1\n", "a", "y"), EditError::Tag("!!str".to_owned()));
    assert_eq!(refusal("a: [1]\n", "a[1]", "y"), EditError::Missing("a[1]".to_owned()));
    assert_eq!(refusal("# nothing\n", "a", "y"), EditError::NoDocument);
}

fn append(text: &str, at: &str, item: &str) -> String {
    let node = Node::new(Value::String(item.to_owned()));
    with_editor(text, |editor| editor.append(0, &parse_path(at), slice::from_ref(&node))).unwrap()
}

fn remove(text: &str, at: &str) -> Result<String> {
    with_editor(text, |editor| editor.remove(0, &parse_path(at)))
}

/// Checks that appending an item gives `expected`, and removing it restores the text.
#[track_caller]
fn assert_append_and_remove(text: &str, at: &str, item: &str, count: usize, expected: &str) {
    let edited = append(text, at, item);
    assert_eq!(edited, expected);
    assert_eq!(remove(&edited, &format!("{at}[{count}]")).unwrap(), text);
}

#[test]
fn appended_items_can_be_removed_again() {
    assert_append_and_remove("a:\n- x\n- y", "a", "z", 2, "a:\n- x\n- y\n- z");
    assert_append_and_remove(
        "a:\n  -   'x' # c\n  # d\n",
        "a",
        "z",
        1,
        "a:\n  -   'x' # c\n  -   'z'\n  # d\n",
    );
    assert_append_and_remove("a: []\n", "a", "z", 0, "a: [z]\n");
    assert_append_and_remove("a: [ ] # c\n", "a", "z", 0, "a: [ z ] # c\n");
    assert_append_and_remove("a: [\n]\n", "a", "z", 0, "a: [z\n]\n");
    assert_append_and_remove("a: [x]", "a", "z", 1, "a: [x, z]");
    assert_append_and_remove("a: [x , ]\n", "a", "z", 1, "a: [x, z , ]\n");
    assert_append_and_remove("a: [\n  x # c, d\n]\n", "a", "z", 1, "a: [\n  x, # c, d\n  z\n]\n");
    assert_append_and_remove(
        "a: [\n  x\n  # c\n  , # d\n]\n",
        "a",
        "z",
        1,
        "a: [\n  x\n  # c\n  , # d\n  z,\n]\n",
    );
    assert_append_and_remove("a: [\n  x]\n", "a", "z", 1, "a: [\n  x,\n  z]\n");
    assert_append_and_remove("a: [\n  \"x\",]\n", "a", "z", 1, "a: [\n  \"x\",\n  \"z\",]\n");
    assert_append_and_remove("a: [\n  w, x\n]\n", "a", "z", 2, "a: [\n  w, x, z\n]\n");
    assert_append_and_remove(
        "a:\n  - |\n    x\n  # c\n",
        "a",
        "z",
        1,
        "a:\n  - |\n    x\n  - z\n  # c\n",
    );
    assert_append_and_remove("a:\n  - # c\n    x\n", "a", "z", 1, "a:\n  - # c\n    x\n  - z\n");
    assert_append_and_remove(
        "a:\n  - b: 1\n    c: [1,\n      2]\n",
        "a",
        "z",
        1,
        "a:\n  - b: 1\n    c: [1,\n      2]\n  - z\n",
    );
    assert_append_and_remove("- - x\n  - y\n- z\n", "[0]", "w", 2, "- - x\n  - y\n  - w\n- z\n");
    // The first item of a list that is not indented begins with a dash of its own.
    assert_append_and_remove("a:\n- -x\n", "a", "z", 1, "a:\n- -x\n- z\n");
    assert_append_and_remove("a:\n- - x\n", "a", "z", 1, "a:\n- - x\n- z\n");
}

#[test]
fn items_are_removed_with_their_comment() {
    let block = "a:\n  # one\n  - x # of x\n  - y\n\n  - # of z\n    z\nb: 1\n";
    assert_eq!(remove(block, "a[0]").unwrap(), "a:\n  # one\n  - y\n\n  - # of z\n    z\nb: 1\n");
    assert_eq!(
        remove(block, "a[1]").unwrap(),
        "a:\n  # one\n  - x # of x\n\n  - # of z\n    z\nb: 1\n"
    );
    assert_eq!(remove(block, "a[2]").unwrap(), "a:\n  # one\n  - x # of x\n  - y\n\nb: 1\n");
    let flow = "a: [x, 'y' , z]\n";
    assert_eq!(remove(flow, "a[0]").unwrap(), "a: ['y' , z]\n");
    assert_eq!(remove(flow, "a[1]").unwrap(), "a: [x, z]\n");
    assert_eq!(remove(flow, "a[2]").unwrap(), "a: [x, 'y']\n");
    let lines = "a: [\n  x, # of x\n  y,\n  z # of z\n]\n";
    assert_eq!(remove(lines, "a[0]").unwrap(), "a: [\n  y,\n  z # of z\n]\n");
    assert_eq!(remove(lines, "a[2]").unwrap(), "a: [\n  x, # of x\n  y\n]\n");
    assert_eq!(remove("a: {b: 1, c: 2}\n", "a.b").unwrap(), "a: {c: 2}\n");
    assert_eq!(remove("a: 1\r\nb:\r\n  c: 2\r\n", "b").unwrap(), "a: 1\r\n");
    assert_eq!(remove("a: 1\nb: 2\n", "a").unwrap(), "b: 2\n");
    assert_eq!(remove("a:\n  - x\n", "a[0]").unwrap_err().error, EditError::OnlyEntry);
    assert_eq!(remove("- - x\n  - y\n", "[0][0]").unwrap_err().error, EditError::Layout);
}

#[test]
fn blocks_copy_the_layout_of_their_neighbours() {
    let mut sources = Sources::new();
    let text = "resources: {namespaces: [tts], names: []}";
    let source = sources.add(crate::source::Source::written("i", text));
    let node = crate::parse(&sources, source, crate::Dialect::Strict).unwrap().remove(0);
    let add = |text: &str, at: &str| {
        with_editor(text, |e| e.append(0, &parse_path(at), slice::from_ref(&node))).unwrap()
    };
    assert_eq!(
        add("any:\n- a:\n    b:\n    - c\n", "any"),
        "any:\n- a:\n    b:\n    - c\n- resources:\n    namespaces:\n    - tts\n    names: []\n"
    );
    assert_eq!(
        add("any:\n   -  a:\n         b: c\n", "any"),
        "any:\n   -  a:\n         b: c\n   -  resources:\n         namespaces:\n            - tts\n         names: []\n"
    );
    assert_eq!(add("any: [a]\n", "any"), "any: [a, {resources: {namespaces: [tts], names: []}}]\n");
}

#[test]
fn verification_refuses_a_splice_that_changes_other_values() {
    // The blank lines after `|+` belong to the text; an item below would remove them from it.
    let text = "a:\n  - |+\n    x\n\n\n";
    let node = Node::new(Value::String("z".to_owned()));
    let error =
        with_editor(text, |editor| editor.append(0, &parse_path("a"), slice::from_ref(&node)))
            .unwrap_err()
            .error;
    assert_eq!(error, EditError::Verification);
    let error = with_editor("a: [b: c]\n", |editor| {
        editor.insert(0, &parse_path("a[0]"), None, "d", &node)
    });
    assert_eq!(error.unwrap_err().error, EditError::Layout);
}

#[test]
fn empty_documents_are_not_counted() {
    let text = "---\n# nothing\n---\na: 1\n...\n---\nb:\n- x\n---\n";
    let node = Node::new(Value::String("v".to_owned()));
    let edited =
        with_editor(text, |editor| editor.append(1, &parse_path("b"), slice::from_ref(&node)))
            .unwrap();
    assert_eq!(edited, text.replace("- x\n", "- x\n- v\n"));
}

#[test]
fn many_comments_are_accepted() {
    let text = format!("{}a:\n- x\n", "# licence\n".repeat(500));
    assert!(append(&text, "a", "v") == format!("{text}- v\n"));
}
