use std::slice;

use super::*;

fn edit<T>(text: &str, run: impl FnOnce(&Editor<'_>) -> T) -> T {
    let mut sources = Sources::new();
    let source = sources.add(crate::source::Source::written("f.yaml", text));
    run(&Editor::open(&sources, source).unwrap())
}

fn path(text: &str) -> Path {
    if text.is_empty() { Path::root() } else { text.parse().unwrap() }
}

fn set(text: &str, at: &str, value: &str) -> String {
    edit(text, |editor| editor.set(0, &path(at), value)).unwrap()
}

fn refused(text: &str, at: &str, value: &str) -> Error {
    edit(text, |editor| editor.set(0, &path(at), value)).unwrap_err().error
}

const DIGEST: &str = "sha256:0123456789abcdef";

#[test]
fn a_digest_is_pinned_where_its_place_is() {
    let values = "# the gate\r\ngate:\r\n  image: # ours\r\n    repository: r/vram-gate\r\n    tag: \"0.1.0\" # as released\r\n      # pinned below\r\n\r\n  metricsUrl: http://x\r\n";
    let pinned = values.replace(
        "      # pinned below\r\n",
        "      # pinned below\r\n    digest: \"sha256:0123456789abcdef\"\r\n",
    );
    assert_eq!(set(values, "gate.image.digest", DIGEST), pinned);
    assert_eq!(set(&pinned, "gate.image.digest", DIGEST), pinned);
    let newer = set(&pinned, "gate.image.digest", "sha256:ffff");
    assert_eq!(newer, pinned.replace("0123456789abcdef", "ffff"));
    let back = edit(&pinned, |editor| editor.remove(0, &path("gate.image.digest"))).unwrap();
    assert_eq!(back, values);
}

#[test]
fn keys_that_are_missing_are_put_in() {
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
fn scalars_are_replaced_in_their_quotes() {
    assert_eq!(set("a: 'x' # c\n", "a", "it's"), "a: 'it''s' # c\n");
    assert_eq!(set("a: \"x\"\n", "a", "y"), "a: \"y\"\n");
    assert_eq!(set("a: x\n", "a", "yes"), "a: \"yes\"\n");
    assert_eq!(set("a:\nb: 1\n", "a", "v"), "a: v\nb: 1\n");
    assert_eq!(set("a:   # c\n", "a", "v"), "a: v   # c\n");
    assert_eq!(set("a: ~\n", "a", "v"), "a: v\n");
    assert_eq!(set("- {a: [b, c]}\n", "[0].a[1]", "d"), "- {a: [b, d]}\n");
    // The number becomes the string that was asked for.
    assert_eq!(set("a: 1\n", "a", "1"), "a: \"1\"\n");
    assert_eq!(set("a: \"1\"\n", "a", "1"), "a: \"1\"\n");
    assert_eq!(set("a: x\n  y # c\n", "a", "z"), "a: z # c\n");
}

#[test]
fn what_is_no_scalar_or_is_shared_is_refused() {
    assert!(matches!(refused("a: {b: 1}\n", "a", "x"), Error::Kind { found: "a map", .. }));
    assert!(matches!(refused("a: [1]\n", "a.b", "x"), Error::Kind { found: "a list", .. }));
    assert!(matches!(refused("a: 1\n", "a.b", "x"), Error::Kind { found: "a scalar", .. }));
    assert_eq!(refused("a: |\n  x\n", "a", "x"), Error::BlockScalar);
    assert_eq!(refused("a: &x 1\nb: *x\n", "a", "y"), Error::Anchor);
    assert_eq!(refused("a: &x 1\nb: *x\n", "b", "y"), Error::Alias);
    assert_eq!(refused("a: &x {c: 1}\nb: *x\n", "a.c", "y"), Error::Anchor);
    assert_eq!(refused("a: &x {c: 1}\nb: *x\n", "b.c", "y"), Error::Alias);
    assert_eq!(refused("&r\na: 1\n", "b", "y"), Error::Anchor);
    assert_eq!(refused("a: !!str 1\n", "a", "y"), Error::Tag("!!str".to_owned()));
    assert_eq!(refused("a: [1]\n", "a[1]", "y"), Error::Missing("a[1]".to_owned()));
    assert_eq!(refused("# nothing\n", "a", "y"), Error::NoDocument);
}

fn append(text: &str, at: &str, item: &str) -> String {
    let node = Node::new(Value::String(item.to_owned()));
    edit(text, |editor| editor.append(0, &path(at), slice::from_ref(&node))).unwrap()
}

fn remove(text: &str, at: &str) -> Result<String> {
    edit(text, |editor| editor.remove(0, &path(at)))
}

/// Appends, and takes it out again.
fn both(text: &str, at: &str, item: &str, count: usize, expected: &str) {
    let edited = append(text, at, item);
    assert_eq!(edited, expected);
    assert_eq!(remove(&edited, &format!("{at}[{count}]")).unwrap(), text);
}

#[test]
fn items_go_to_the_end_and_out_again() {
    both("a:\n- x\n- y", "a", "z", 2, "a:\n- x\n- y\n- z");
    both("a:\n  -   'x' # c\n  # d\n", "a", "z", 1, "a:\n  -   'x' # c\n  -   'z'\n  # d\n");
    both("a: []\n", "a", "z", 0, "a: [z]\n");
    both("a: [ ] # c\n", "a", "z", 0, "a: [ z ] # c\n");
    both("a: [\n]\n", "a", "z", 0, "a: [z\n]\n");
    both("a: [x]", "a", "z", 1, "a: [x, z]");
    both("a: [x , ]\n", "a", "z", 1, "a: [x, z , ]\n");
    both("a: [\n  x # c, d\n]\n", "a", "z", 1, "a: [\n  x, # c, d\n  z\n]\n");
    both("a: [\n  x\n  # c\n  , # d\n]\n", "a", "z", 1, "a: [\n  x\n  # c\n  , # d\n  z,\n]\n");
    both("a: [\n  x]\n", "a", "z", 1, "a: [\n  x,\n  z]\n");
    both("a: [\n  \"x\",]\n", "a", "z", 1, "a: [\n  \"x\",\n  \"z\",]\n");
    both("a: [\n  w, x\n]\n", "a", "z", 2, "a: [\n  w, x, z\n]\n");
    both("a:\n  - |\n    x\n  # c\n", "a", "z", 1, "a:\n  - |\n    x\n  - z\n  # c\n");
    both("a:\n  - # c\n    x\n", "a", "z", 1, "a:\n  - # c\n    x\n  - z\n");
    both(
        "a:\n  - b: 1\n    c: [1,\n      2]\n",
        "a",
        "z",
        1,
        "a:\n  - b: 1\n    c: [1,\n      2]\n  - z\n",
    );
    both("- - x\n  - y\n- z\n", "[0]", "w", 2, "- - x\n  - y\n  - w\n- z\n");
}

#[test]
fn any_item_is_taken_out_with_its_comment() {
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
    assert_eq!(remove("a:\n  - x\n", "a[0]").unwrap_err().error, Error::OnlyEntry);
    assert_eq!(remove("- - x\n  - y\n", "[0][0]").unwrap_err().error, Error::Layout);
}

#[test]
fn blocks_are_laid_out_as_their_neighbours() {
    let item = |text: &str| {
        let mut sources = Sources::new();
        let source = sources.add(crate::source::Source::written("i", text));
        crate::parse(&sources, source, crate::Dialect::Strict).unwrap().remove(0)
    };
    let node = item("resources: {namespaces: [tts], names: []}");
    let add = |text: &str, at: &str| {
        edit(text, |e| e.append(0, &path(at), slice::from_ref(&node))).unwrap()
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
fn the_guard_refuses_what_a_splice_would_break() {
    // The blank lines after `|+` are part of the text: an item below would take them away.
    let text = "a:\n  - |+\n    x\n\n\n";
    let node = Node::new(Value::String("z".to_owned()));
    let error = edit(text, |editor| editor.append(0, &path("a"), slice::from_ref(&node)))
        .unwrap_err()
        .error;
    assert_eq!(error, Error::Guard);
    let error = edit("a: [b: c]\n", |editor| editor.insert(0, &path("a[0]"), None, "d", &node));
    assert_eq!(error.unwrap_err().error, Error::Layout);
}

#[test]
fn documents_are_counted_as_they_are_read() {
    let text = "---\n# nothing\n---\na: 1\n...\n---\nb:\n- x\n---\n";
    let node = Node::new(Value::String("v".to_owned()));
    let edited = edit(text, |editor| editor.append(1, &path("b"), slice::from_ref(&node))).unwrap();
    assert_eq!(edited, text.replace("- x\n", "- x\n- v\n"));
}

#[test]
fn many_comments_are_no_matter() {
    let text = format!("{}a:\n- x\n", "# licence\n".repeat(500));
    assert!(append(&text, "a", "v") == format!("{text}- v\n"));
}
