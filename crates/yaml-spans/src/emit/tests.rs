use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::source::{Source, Sources};
use crate::{Dialect, Entry, parse};

fn read(text: &str, dialect: Dialect) -> Vec<Node> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    parse(&sources, id, dialect).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"))
}

fn strict(text: &str) -> Node {
    let mut nodes = read(text, Dialect::Strict);
    assert_eq!(nodes.len(), 1, "{text}");
    nodes.remove(0)
}

fn string(text: &str) -> Node {
    Node::new(Value::String(text.to_owned()))
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    let entries = entries.into_iter();
    Node::new(Value::Mapping(entries.map(|(key, node)| (key.to_owned(), node.into())).collect()))
}

fn list(items: impl IntoIterator<Item = Node>) -> Node {
    Node::new(Value::Sequence(items.into_iter().collect()))
}

#[test]
fn manifests_come_out_as_reviewers_know_them() {
    let text = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: x
  labels:
    istio-injection: disabled
    keel.sh/enrolled: "true"
  annotations: {}
spec:
  replicas: 0
  template:
    spec:
      containers:
        - name: main
          image: forgejo.example.org/a/chatterbox:latest
          args:
            - --port=80
            - -c
            - |
              set -eu

              exec x "$@"
          command: []
          env:
            - name: TTS_BF16
              value: "off"
            - name: EMPTY
              value: ""
            - name: NOTE
              value: "a: b # c"
          resources:
            limits:
              memory: 6Gi
              cpu: 500m
              nvidia.com/gpu: "1"
          weight: 1.5
          matrix:
            - - 1
              - 2
            - - {}
              - - []
                - null
  schedule: 0 2 * * *
  other: "*/5 2-5 * * *"
"#;
    assert_eq!(emit(&strict(text)), text);
}

#[test]
fn documents_are_parted_by_three_dashes() {
    let nodes = [map([("a", string("b"))]), list([string("|\n")]), string("x")];
    let text = emit_documents(&nodes);
    assert_eq!(text, "a: b\n---\n- |\n  |\n---\nx\n");
    assert_eq!(read(&text, Dialect::Strict), nodes);
}

#[test]
fn strings_of_several_lines_are_literal_where_every_reader_keeps_them() {
    for (text, written) in [
        ("a\nb\n", "k: |\n  a\n  b\n"),
        ("a\n\n  b\n\tc", "k: |-\n  a\n\n    b\n  \tc\n"),
        ("a\n\n\n", "k: |+\n  a\n\n\n"),
        ("# a\n", "k: |\n  # a\n"),
        ("---\n...\n", "k: |\n  ---\n  ...\n"),
        // A first line that is indented, or empty, leaves readers to guess the indentation.
        (" a\nb\n", "k: \" a\\nb\\n\"\n"),
        ("\ta\nb\n", "k: \"\\ta\\nb\\n\"\n"),
        ("\na\n", "k: \"\\na\\n\"\n"),
        // An editor takes white space off the end of a line.
        ("a \nb\n", "k: \"a \\nb\\n\"\n"),
        ("a\n  \n", "k: \"a\\n  \\n\"\n"),
        ("a\r\nb\r\n", "k: \"a\\r\\nb\\r\\n\"\n"),
        ("\n\n", "k: \"\\n\\n\"\n"),
        ("a\u{2028}\nb\n", "k: \"a\\u2028\\nb\\n\"\n"),
    ] {
        assert_eq!(emit(&map([("k", string(text))])), written, "{text:?}");
    }
}

#[test]
fn what_no_one_sees_is_escaped_and_what_all_see_is_not() {
    for (text, written) in [
        ("a\0b", r#""a\u0000b""#),
        ("\u{7f}\u{85}", r#""\u007f\u0085""#),
        ("\u{feff}x", r#""\ufeffx""#),
        ("\u{202e}x", r#""\u202ex""#),
        ("\u{10ffff}", r#""\U0010ffff""#),
        ("\u{e0041}", r#""\U000e0041""#),
        ("a\u{a0}b", r#""a\u00a0b""#),
        ("\\ \"", r#""\\ \"""#),
        ("😀", r#""😀""#),
        ("Größe 日本", "Größe 日本"),
    ] {
        assert_eq!(scalar(text), written, "{text:?}");
    }
}

#[test]
fn a_scalar_alone_is_plain_only_where_flow_takes_it() {
    for (text, written) in [
        ("tripit", "tripit"),
        ("--port=80", "--port=80"),
        ("a, b", "\"a, b\""),
        ("a:b", "\"a:b\""),
        ("a]", "\"a]\""),
        ("a?", "\"a?\""),
        ("a\nb\n", "\"a\\nb\\n\""),
        ("no", "\"no\""),
    ] {
        assert_eq!(scalar(text), written);
    }
}

#[test]
fn floats_are_written_so_that_pyyaml_too_reads_a_number() {
    for (number, written) in [
        (1.0, "1.0\n"),
        (-0.0, "-0.0\n"),
        (0.1, "0.1\n"),
        (1e16, "1.0e+16\n"),
        (1.5e300, "1.5e+300\n"),
        (1e-7, "1.0e-7\n"),
        (-2.5e-10, "-2.5e-10\n"),
        (f64::NAN, ".nan\n"),
        (f64::NEG_INFINITY, "-.inf\n"),
    ] {
        assert_eq!(emit(&Node::new(Value::Float(number))), written);
    }
}

#[test]
fn long_keys_are_written_out() {
    let long = "k".repeat(1001);
    let deep = map([("a", list([string("b"), map([(long.as_str(), string("x\ny\n"))])]))]);
    let tree = map([(long.as_str(), deep), ("z", list([map([(long.as_str(), map([]))])]))]);
    let text = emit(&tree);
    assert!(text.starts_with(&format!("? {long}\n:\n  a:\n    - b\n    - ? {long}\n      : |\n")));
    assert_eq!(strict(&text), tree);
}

/// Every hostile string in every position, in one tree, read by both dialects.
#[test]
fn hostile_strings_come_back() {
    let text = include_str!("../../tests/fixtures/hostile_strings.json");
    let groups: BTreeMap<String, Vec<String>> = serde_json::from_str(text).unwrap();
    let strings: Vec<&str> = groups.values().flatten().map(String::as_str).collect();
    assert!(strings.len() >= 220);
    for &text in &strings {
        let node = || string(text);
        for tree in [
            node(),
            map([("k", node()), ("l", string("x"))]),
            map([(text, string("x")), ("a key of its own", node())]),
            map([(text, map([(text, node())]))]),
            map([(text, list([node(), list([node(), node()])]))]),
            list([node(), string("x")]),
            list([map([(text, node()), ("a key of its own", node())])]),
            list([list([list([node()]), map([(text, list([node()]))])])]),
        ] {
            let emitted = emit(&tree);
            assert!(emitted.ends_with('\n'));
            for dialect in [Dialect::Strict, Dialect::Kubectl] {
                assert_eq!(
                    read(&emitted, dialect),
                    std::slice::from_ref(&tree),
                    "{text:?}\n{emitted}"
                );
            }
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        // YAML's own characters, close together.
        "[-?:,\\[\\]{}#&*!|>'\"%@` \t\n\r\\\\a0.~=<_xeE+/]{0,12}",
        "[0-9_.:+eExobTZ -]{1,12}",
        "(yes|no|on|off|y|n|null|true|false|~|\\.inf|\\.nan)[ \n]?",
        "([ \t]{0,3}[a-c:#-]{0,4}[ \t]{0,2}\n){0,5}[a-c]{0,2}",
    ]
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::Float),
        any_text().prop_map(Value::String),
    ]
    .prop_map(Node::new);
    leaf.prop_recursive(5, 40, 6, |inner| {
        let entry = (any_text(), inner.clone().prop_map(Entry::from));
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::Sequence),
            prop::collection::vec(entry, 0..6)
                .prop_map(|entries| Value::Mapping(entries.into_iter().collect())),
        ]
        .prop_map(Node::new)
    })
}

proptest! {
    #[test]
    fn any_tree_comes_back(tree in any_node()) {
        let text = emit(&tree);
        for dialect in [Dialect::Strict, Dialect::Kubectl] {
            let expected = match tree.value {
                Value::Null if dialect == Dialect::Kubectl => vec![],
                _ => vec![as_read(&tree, dialect)],
            };
            prop_assert_eq!(&read(&text, dialect), &expected, "{}", text);
        }
    }

    #[test]
    fn a_tree_comes_out_the_same_twice(tree in any_node()) {
        let text = emit(&tree);
        prop_assert_eq!(emit(&strict(&text)), text);
    }

    #[test]
    fn any_scalar_alone_comes_back_from_flow(text in any_text()) {
        let written = scalar(&text);
        let node = strict(&format!("[{written}, {written}]"));
        prop_assert_eq!(node, list([string(&text), string(&text)]));
    }
}

/// A float without a fraction comes back whole from a reader that goes through JSON, as kubectl.
fn as_read(node: &Node, dialect: Dialect) -> Node {
    let inner = |node: &Node| as_read(node, dialect);
    Node::new(match &node.value {
        Value::Float(number) if dialect == Dialect::Kubectl => match number.fract() == 0.0 {
            true if number.abs() <= 9e15 => Value::Int(*number as i64),
            _ => Value::Float(*number),
        },
        Value::Sequence(items) => Value::Sequence(items.iter().map(inner).collect()),
        Value::Mapping(map) => Value::Mapping(
            map.iter().map(|(key, entry)| (key.clone(), inner(&entry.node).into())).collect(),
        ),
        other => other.clone(),
    })
}
