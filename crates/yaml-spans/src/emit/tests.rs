use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::source::{Source, Sources};
use crate::{Dialect, Entry, parse};

fn parse_text(text: &str, dialect: Dialect) -> Vec<Node> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    parse(&sources, id, dialect).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"))
}

fn parse_strict(text: &str) -> Node {
    let mut nodes = parse_text(text, Dialect::Strict);
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
fn manifests_are_written_in_the_usual_style() {
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
    assert_eq!(emit(&parse_strict(text)), text);
}

#[test]
fn documents_are_separated_by_three_dashes() {
    let nodes = [map([("a", string("b"))]), list([string("|\n")]), string("x")];
    let text = emit_documents(&nodes);
    assert_eq!(text, "a: b\n---\n- |\n  |\n---\nx\n");
    assert_eq!(parse_text(&text, Dialect::Strict), nodes);
}

#[test]
fn lines_become_a_literal_block_if_every_reader_keeps_them() {
    for (text, written) in [
        ("a\nb\n", "k: |\n  a\n  b\n"),
        ("a\n\n  b\n\tc", "k: |-\n  a\n\n    b\n  \tc\n"),
        ("a\n\n\n", "k: |+\n  a\n\n\n"),
        ("# a\n", "k: |\n  # a\n"),
        ("---\n...\n", "k: |\n  ---\n  ...\n"),
        // Readers must guess the indentation if the first line is indented or empty.
        (" a\nb\n", "k: \" a\\nb\\n\"\n"),
        ("\ta\nb\n", "k: \"\\ta\\nb\\n\"\n"),
        ("\na\n", "k: \"\\na\\n\"\n"),
        // Editors strip white space at the end of a line.
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
fn invisible_characters_are_escaped() {
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
        assert_eq!(emit_scalar(text), written, "{text:?}");
    }
}

#[test]
fn a_single_scalar_is_plain_only_if_it_is_plain_in_flow() {
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
        assert_eq!(emit_scalar(text), written);
    }
}

#[test]
fn pyyaml_reads_written_floats_as_numbers() {
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
fn long_keys_are_written_with_a_question_mark() {
    let long = "k".repeat(1001);
    let deep = map([("a", list([string("b"), map([(long.as_str(), string("x\ny\n"))])]))]);
    let tree = map([(long.as_str(), deep), ("z", list([map([(long.as_str(), map([]))])]))]);
    let text = emit(&tree);
    assert!(text.starts_with(&format!("? {long}\n:\n  a:\n    - b\n    - ? {long}\n      : |\n")));
    assert_eq!(parse_strict(&text), tree);
}

/// Every hostile string in every position, read in both dialects.
#[test]
fn hostile_strings_survive_a_round_trip() {
    let text = include_str!("../../tests/fixtures/hostile_strings.json");
    let groups: BTreeMap<String, Vec<String>> = serde_json::from_str(text).unwrap();
    let strings: Vec<&str> = groups.values().flatten().map(String::as_str).collect();
    assert!(strings.len() >= 220);
    for &text in &strings {
        let node = || string(text);
        for tree in [
            node(),
            map([("k", node()), ("l", string("x"))]),
            map([(text, string("x")), ("another key", node())]),
            map([(text, map([(text, node())]))]),
            map([(text, list([node(), list([node(), node()])]))]),
            list([node(), string("x")]),
            list([map([(text, node()), ("another key", node())])]),
            list([list([list([node()]), map([(text, list([node()]))])])]),
        ] {
            let emitted = emit(&tree);
            assert!(emitted.ends_with('\n'));
            for dialect in [Dialect::Strict, Dialect::Kubectl] {
                assert_eq!(
                    parse_text(&emitted, dialect),
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
        // YAML's indicators, close together.
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
    fn any_tree_survives_a_round_trip(tree in any_node()) {
        let text = emit(&tree);
        for dialect in [Dialect::Strict, Dialect::Kubectl] {
            let expected = match tree.value {
                Value::Null if dialect == Dialect::Kubectl => vec![],
                _ => vec![as_read_by(&tree, dialect)],
            };
            prop_assert_eq!(&parse_text(&text, dialect), &expected, "{}", text);
        }
    }

    #[test]
    fn writing_again_gives_the_same_text(tree in any_node()) {
        let text = emit(&tree);
        prop_assert_eq!(emit(&parse_strict(&text)), text);
    }

    #[test]
    fn any_single_scalar_survives_a_round_trip_in_flow(text in any_text()) {
        let written = emit_scalar(&text);
        let node = parse_strict(&format!("[{written}, {written}]"));
        prop_assert_eq!(node, list([string(&text), string(&text)]));
    }
}

/// Returns the expected tree: a reader that goes through JSON, such as kubectl, reads a float without
/// a fraction as a whole number.
fn as_read_by(node: &Node, dialect: Dialect) -> Node {
    let inner = |node: &Node| as_read_by(node, dialect);
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
