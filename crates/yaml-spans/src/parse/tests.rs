//! Parsed texts, and the errors of refused ones in full: message, place, path and hint.

use proptest::prelude::*;

use super::*;
use crate::limits::{MAX_ERRORS, MAX_NODES};
use crate::node::Value;
use crate::source::{Origin, Source};

fn parse_text(text: &str, dialect: Dialect) -> Result<Vec<Node>, Vec<Located<ParseError>>> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    parse(&sources, id, dialect)
}

/// Compares the two readers, where the quick one reads the text. `Node` compares without places, its text does not.
fn compare_readers(text: &str, dialect: Dialect) {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    let Some(quick) = simple::read_documents(text, id, dialect) else { return };
    let events = parse_events(&sources, id, dialect);
    assert_eq!(
        format!("{:?}", Ok::<_, Vec<Located<ParseError>>>(quick)),
        format!("{events:?}"),
        "{text}"
    );
}

/// The documents as lines of JSON.
fn to_json(text: &str, dialect: Dialect) -> String {
    let nodes = parse_text(text, dialect).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
    format_json(&nodes).join("\n")
}

/// The errors as lines of `line:column message | path | hint`.
fn format_errors(text: &str, dialect: Dialect) -> Vec<String> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    let Err(errors) = parse(&sources, id, dialect) else {
        panic!("not refused: {text}");
    };
    let line = |error: &Located<ParseError>| {
        let diagnostic = error.diagnose(&sources);
        let place = diagnostic.place.unwrap();
        let hint = diagnostic.label.unwrap_or_default();
        let path = diagnostic.path.unwrap_or_default();
        format!("{}:{} {} | {path} | {hint}", place.line, place.column, diagnostic.message)
    };
    errors.iter().map(line).collect()
}

#[track_caller]
fn assert_refused(dialect: Dialect, text: &str, expected: &[&str]) {
    assert_eq!(format_errors(text, dialect), expected, "{text}");
}

#[test]
fn documents_are_read_and_empty_ones_ignored() {
    for dialect in [Dialect::Strict, Dialect::Kubectl] {
        for (text, expected) in [
            ("", ""),
            ("# a comment\n\n", ""),
            ("---\n---\n# x\n---\n", ""),
            ("\u{feff}a: 1\n", "{\"a\":1}"),
            ("a: 1\r\nb:\r\n  - x\r\n", "{\"a\":1,\"b\":[\"x\"]}"),
            ("a: 1\n---\n---\nb: 2\n...\n# end\n", "{\"a\":1}\n{\"b\":2}"),
            ("a:\nb: ~\nc: null\n", "{\"a\":null,\"b\":null,\"c\":null}"),
            ("[a, {b: c}, [], {}]", "[\"a\",{\"b\":\"c\"},[],{}]"),
            (
                "- - a\n  - b\n-\n  - c: d\n    e: f\n",
                "[[\"a\",\"b\"],[{\"c\":\"d\",\"e\":\"f\"}]]",
            ),
            ("a: |\n  x\n   y\n\nb: >-\n  x\n  y\n", "{\"a\":\"x\\n y\\n\",\"b\":\"x y\"}"),
            ("a: 'it''s'\nb: \"\\u00e4\\n\"\n", "{\"a\":\"it's\",\"b\":\"ä\\n\"}"),
            ("? a\n: b\n", "{\"a\":\"b\"}"),
        ] {
            assert_eq!(to_json(text, dialect), expected, "{text:?}");
        }
    }
    assert_eq!(to_json("a: |- # x\n  b", Dialect::Strict), "{\"a\":\"b\"}");
    assert_eq!(to_json("null\n", Dialect::Strict), "null");
    assert_eq!(to_json("null\n--- 1\n", Dialect::Kubectl), "1");
}

#[test]
fn nodes_and_keys_have_their_bytes() {
    let text = "\u{feff}ä: {x: [1, b]}\nlist:\n- 'q'\n-\n  k: |-  # | no\n\n    text\n    more\n\n  e:\nlast: 5\n";
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    let nodes = parse(&sources, id, Dialect::Strict).unwrap();
    let slice = |path: &str| {
        let node = path.parse::<Path>().unwrap().find(&nodes[0]).unwrap();
        sources.slice(node.span.unwrap())
    };
    for (path, written) in [
        ("ä", "{x: [1, b]}"),
        ("ä.x", "[1, b]"),
        ("ä.x[1]", "b"),
        ("list[0]", "'q'"),
        ("list[1].k", "|-  # | no\n\n    text\n    more"),
        ("list[1].e", ""),
        ("list[1]", "k: |-  # | no\n\n    text\n    more\n\n  e"),
        ("list", "- 'q'\n-\n  k: |-  # | no\n\n    text\n    more\n\n  e"),
        ("last", "5"),
    ] {
        assert_eq!(slice(path), written, "{path}");
    }
    let keys: Vec<&str> = nodes[0]
        .as_mapping()
        .unwrap()
        .values()
        .map(|entry| sources.slice(entry.key_span.unwrap()))
        .collect();
    assert_eq!(keys, ["ä", "list", "last"]);
    assert_eq!(sources.slice(nodes[0].span.unwrap()), text[3..].trim_end());
}

#[test]
fn scalars_that_all_readers_agree_on_are_read() {
    for (text, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("-12", "-12"),
        ("9223372036854775807", "9223372036854775807"),
        ("1.0", "1.0"),
        ("-1.5", "-1.5"),
        ("1.5e+3", "1500.0"),
        ("1.5E-3", "0.0015"),
        ("True", "true"),
        ("FALSE", "false"),
        ("Null", "null"),
    ] {
        assert_eq!(
            to_json(&format!("[{text}]"), Dialect::Strict),
            format!("[{expected}]"),
            "{text}"
        );
    }
    for text in [
        "a",
        "tRUE",
        "yEs",
        "yesterday",
        "none",
        "1.2.3",
        "1.2.3.4",
        "6Gi",
        "500m",
        "0.5Gi",
        "1e",
        "e3",
        "12e4x",
        "0b12",
        "0xg",
        "0o8",
        "8080:80x",
        "10:99",
        "2026-11",
        "2026-11-24x",
        "--port=80",
        "-c",
        "_1",
        "v1.0",
        "a:b",
        "http://x:80/y?z",
        "a#b",
        "it's",
        "a\\b",
        "inf",
        "$(X)",
        "1 2",
        "<<x",
        "==",
        "+",
        "-a",
        "+a",
        "..",
        "Größe",
        "0 2 * * *",
    ] {
        let expected = serde_json::json!([text]).to_string();
        assert_eq!(to_json(&format!("- {text}\n"), Dialect::Strict), expected, "{text}");
    }
}

#[test]
fn scalars_that_readers_disagree_on_are_refused() {
    let boolean = "is a boolean to some YAML readers and a string to others";
    let number = "is a number to some YAML readers, and another number or a string to others";
    let base60 = "is a number in base 60 to some YAML readers and a string to others";
    let date = "is a date to some YAML readers and a string to others";
    let special = "is a keyword to some YAML readers and a string to others";
    let infinite = "is not a finite number, and JSON has no others";
    let large = "does not fit 64 bits";
    let words =
        ["yes", "Yes", "YES", "no", "No", "NO", "on", "ON", "off", "Off", "y", "Y", "n", "N"];
    let numbers = [
        "017", "08", "0644", "-07", "+1", "0o17", "0x1F", "0XfF", "-0x1f", "0b1", "1_000", "1_",
        "1,000", "1e3", "1E+3", "1.0e3", ".5", "-.5", "1.", "1_0.5", "12e4567", "01.5", "+1.5",
    ];
    let cases = [
        (boolean, &words[..]),
        (number, &numbers[..]),
        (base60, &["12:30:45", "1:30", "01:30", "-1:30", "190:20:30.15"]),
        (date, &["2026-11-24", "2026-1-2", "2026-11-24T02:00:00Z", "2026-11-24 02:00:00.5 -5"]),
        (special, &["=", "<<"]),
        (infinite, &[".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1.0e+999"]),
        (large, &["9223372036854775808", "-9223372036854775809", "123456789012345678901"]),
    ];
    for (reading, texts) in cases {
        for text in texts {
            for quoted in [format!("'{text}'"), format!("\"{text}\"")] {
                assert!(parse_text(&quoted, Dialect::Strict).is_ok(), "{quoted}");
            }
            let found = format_errors(&format!("k:\n  - {text}\n"), Dialect::Strict);
            assert_eq!(found.len(), 1, "{found:?}");
            let (message, hint) = found[0].split_once(" | k[0] | ").unwrap();
            assert_eq!(message, format!("2:5 `{text}` {reading}"));
            assert!(hint.ends_with(&format!("quote it for the string: `\"{text}\"`")), "{hint}");
        }
    }
}

#[test]
fn refusals_have_a_place_and_a_hint() {
    for (text, expected) in [
        ("a: &x 1\n", "1:4 anchors are not allowed: `&x` | a | write the value out"),
        (
            "a: *x\n",
            "1:4 aliases are not allowed: `*x` | a | write the value out, or quote it if it is a string",
        ),
        (
            "a:\n  - !!str 5\n",
            "2:5 tags are not allowed: `!!str` | a[0] | delete the tag; quote the value if it is a string",
        ),
        (
            "a:\n  <<: {b: c}\n",
            "2:3 the merge key `<<` is not allowed | a | write the keys out, or quote it if it is a string: `\"<<\"`",
        ),
        ("a: 1\nb: 2\na: 3\n", "3:1 duplicate key `a` | a | first defined on line 1"),
        ("x:\n  - {a: 1, \"a\": 2}\n", "2:12 duplicate key `a` | x[0].a | first defined on line 2"),
        ("8080: a\n", "1:1 a key must be a string, not a whole number |  | quote it"),
        ("a: {true: b}\n", "1:5 a key must be a string, not a boolean | a | quote it"),
        (": a\n", "1:1 a key must be a string, not null |  | a key is missing before the `:`"),
        ("[a]: b\n", "1:1 a key must be a string, not a list |  | "),
        (
            "off: b\n",
            "1:1 `off` is a boolean to some YAML readers and a string to others |  | write `false`, or quote it for the string: `\"off\"`",
        ),
        (
            "a: b\n  c\n",
            "1:4 a plain scalar must end on the line it starts on | a | write it on one line, or as a block after `|` or `>`",
        ),
        (
            "a: \"b\n  c\"\n",
            "1:4 a quoted scalar must end on the line it starts on | a | write it on one line with `\\n`, or as a block after `|`",
        ),
        (
            "a: 'b\n\n  c'\n",
            "1:4 a quoted scalar must end on the line it starts on | a | write it on one line with `\\n`, or as a block after `|`",
        ),
        (
            "a: |\n  b",
            "2:4 the text ends in a block scalar, without a newline | a | add a newline: readers differ on whether the string ends in one",
        ),
        (
            "a: >+ # x - y\n  b  ",
            "2:4 the text ends in a block scalar, without a newline | a | add a newline: readers differ on whether the string ends in one",
        ),
        ("%YAML 1.2\n---\na: 1\n", "1:1 directives are not allowed |  | delete the line"),
        (
            "a: b\u{7}\n",
            "1:5 the character U+0007 is not allowed unescaped |  | write it in a double-quoted string, as `\\u0007`",
        ),
        (
            "# \u{85}\n",
            "1:3 the character U+0085 is not allowed unescaped |  | write it in a double-quoted string, as `\\u0085`",
        ),
        (
            "a: \"\u{2028}\"\n",
            "1:5 the character U+2028 is not allowed unescaped |  | write it in a double-quoted string, as `\\u2028`",
        ),
        (
            "a: 1\n\u{feff}b: 2\n",
            "2:1 the character U+FEFF is not allowed unescaped |  | delete the byte order mark",
        ),
        (
            "a: 1\rb: 2\n",
            "1:5 the character U+000D is not allowed unescaped |  | end lines with `\\n` or `\\r\\n`",
        ),
        ("a:\n\tb: 1\n", "2:1 a tab is used as indentation | a | indent with spaces"),
        (
            "a: 1\nb:\u{a0}2\n",
            "2:3 the character U+00A0 looks like a space, and is a part of the text |  | replace it with a space; to keep it, quote the text",
        ),
        (
            "a:\n\u{a0}\u{a0}b: 1\n",
            "2:1 the character U+00A0 looks like a space, and is a part of the text |  | replace it with a space; to keep it, quote the text",
        ),
        (
            "a: b\u{200b}\n",
            "1:4 the character U+200B looks like a space, and is a part of the text | a | replace it with a space; to keep it, quote the text",
        ),
        (
            "a: “off”\n",
            "1:4 `“` and `”` don't quote a text: they are a part of it | a | write `\"off\"`; to keep them, quote the whole: `\"“off”\"`",
        ),
        (
            "a:\n  -b: 1\n    c: 2\n",
            "2:3 a space is missing after the `-` of a list item | a | write `- b: 1`",
        ),
        (
            "a:\n  -b: 1\n   c: 2\n",
            "2:3 a space is missing after the `-` of a list item | a | write `- b: 1`",
        ),
        (
            "a: */5 2-5 * * * # x\n",
            "1:4 a value that begins with `*` must be quoted |  | write `\"*/5 2-5 * * *\"`",
        ),
        (
            "a:\n  - */5 2-5 * * *\n",
            "2:5 a value that begins with `*` must be quoted | a[1] | write `\"*/5 2-5 * * *\"`",
        ),
        ("a: @b\n", "1:4 a plain scalar can't start with `@` | a | quote it"),
        (
            "a: b: c\n",
            "1:5 a value without quotes can't contain `: ` |  | quote the value; a key of its own goes on the next line",
        ),
        ("a: \"b\n", "1:4 the quote is never closed | a | close it on this line"),
        ("a: [b\n", "1:4 the `[` is never closed | a | close it with `]`"),
        (
            "a: \"\\d\"\n",
            "1:4 unknown escape in a double-quoted string | a | write `\\\\` for a backslash, or use single quotes",
        ),
    ] {
        let found = format_errors(text, Dialect::Strict);
        assert!(found.contains(&expected.to_owned()), "{text:?}\n{found:#?}\n{expected}");
        let rest: Vec<&String> = found.iter().filter(|line| *line != expected).collect();
        assert!(rest.is_empty(), "{text:?}: {rest:?}");
    }
}

#[test]
fn all_errors_are_found_in_one_pass() {
    assert_refused(
        Dialect::Strict,
        "a: yes\nb: [017, &x 1, *x]\na: 2\n---\nc: !!int 5\n<<: d\n---\nx: @\n---\nz: off\n",
        &[
            "1:4 `yes` is a boolean to some YAML readers and a string to others | a | write `true`, or quote it for the string: `\"yes\"`",
            "2:5 `017` is a number to some YAML readers, and another number or a string to others | b[0] | write the number in decimal digits, or quote it for the string: `\"017\"`",
            "2:10 anchors are not allowed: `&x` | b[1] | write the value out",
            "2:16 aliases are not allowed: `*x` | b[2] | write the value out, or quote it if it is a string",
            "3:1 duplicate key `a` | a | first defined on line 1",
            "5:4 tags are not allowed: `!!int` | c | delete the tag; quote the value if it is a string",
            "6:1 the merge key `<<` is not allowed |  | write the keys out, or quote it if it is a string: `\"<<\"`",
            "8:4 a plain scalar can't start with `@` | x | quote it",
            "10:4 `off` is a boolean to some YAML readers and a string to others | z | write `false`, or quote it for the string: `\"off\"`",
        ],
    );
    let many = "- yes\n".repeat(1000);
    assert_eq!(format_errors(&many, Dialect::Strict).len(), MAX_ERRORS);
    let many = "a: 1\n".repeat(1000);
    assert_eq!(format_errors(&many, Dialect::Strict).len(), MAX_ERRORS);
    let many = "#\u{1}\n".repeat(1000);
    assert_eq!(format_errors(&many, Dialect::Strict).len(), MAX_ERRORS);
}

#[test]
fn errors_in_rendered_text_point_into_the_template() {
    let mut sources = Sources::new();
    let template = sources.add(Source::written("t.j2", "x\nkey: {{ v }}\nkey: off\n"));
    let piece = |output, start, end, interpolated| Origin {
        output,
        template: Span::new(template, start, end),
        interpolated,
    };
    let origins =
        vec![piece(0..5, 2, 7, false), piece(5..8, 10, 11, true), piece(8..18, 14, 24, false)];
    let id = sources.add(Source::rendered("t", "key: 017\nkey: off\n", origins));
    let lines: Vec<String> = parse(&sources, id, Dialect::Strict)
        .unwrap_err()
        .iter()
        .map(|error| {
            let diagnostic = error.diagnose(&sources);
            let place = diagnostic.place.unwrap();
            format!("{}:{}:{} {}", place.name, place.line, place.column, diagnostic.label.unwrap())
        })
        .collect();
    assert_eq!(
        lines,
        [
            "t.j2:2:9 write the number in decimal digits, or quote it for the string: `\"017\"`",
            "t.j2:3:1 first defined on line 2",
            "t.j2:3:6 write `false`, or quote it for the string: `\"off\"`",
        ]
    );
}

/// The expected values are those of `kubectl patch --local -o json` (1.32), which
/// `tests/yaml_readers.rs` checks.
#[test]
fn foreign_manifests_are_read_as_kubectl_reads_them() {
    let readings = include_str!("../../tests/fixtures/kubectl_readings.json");
    let readings: Vec<(String, serde_json::Value)> = serde_json::from_str(readings).unwrap();
    for (text, expected) in readings {
        assert_eq!(to_json(&text, Dialect::Kubectl), expected.to_string(), "{text}");
    }
}

#[test]
fn values_without_a_meaning_to_kubectl_are_refused() {
    for (text, expected) in [
        (
            "a: *x\n",
            "1:4 the alias `*x` has no anchor before it | a | write the value out, or quote it if it is a string",
        ),
        ("a: &x [*x]\n", "1:8 the alias `*x` is inside the value that it refers to | a[0] | "),
        ("a: &x {b: *x}\n", "1:11 the alias `*x` is inside the value that it refers to | a.b | "),
        (
            "<<: 5\n",
            "1:5 the merge key `<<` takes a map or a list of maps, not a whole number |  | ",
        ),
        (
            "<<: [{a: 1}, 2]\n",
            "1:5 the merge key `<<` takes a map or a list of maps, not a whole number |  | ",
        ),
        (
            "a: 1\n<<: {a: 2}\n",
            "2:5 the merge key `<<` comes after the key `a`, which it also sets |  | put `<<` first: readers differ on which one wins",
        ),
        ("<<: {a: 1}\na: 2\na: 3\n", "3:1 duplicate key `a` | a | first defined on line 2"),
        ("1: a\n\"1\": b\n", "2:1 duplicate key `1` | 1 | first defined on line 1"),
        ("~: a\n", "1:1 a key must be a string, not null |  | a key is missing before the `:`"),
        ("[a]: b\n", "1:1 a key must be a string, not a list |  | "),
        (
            "a: !!binary aGk=\n",
            "1:13 the tag `!!binary` has no meaning in Kubernetes manifests | a | write the value as the Kubernetes API expects it",
        ),
        (
            "a: !Ref b\n",
            "1:9 the tag `!Ref` has no meaning in Kubernetes manifests | a | write the value as the Kubernetes API expects it",
        ),
        (
            "a: !!set {b: }\n",
            "1:10 the tag `!!set` has no meaning in Kubernetes manifests | a | write the value as the Kubernetes API expects it",
        ),
        ("a: !!int x\n", "1:10 `x` is not a valid `!!int` | a | "),
        ("a: !!bool 1\n", "1:11 `1` is not a valid `!!bool` | a | "),
        (
            "a: .inf\n",
            "1:4 `.inf` is not a finite number, and JSON has no others | a | quote it for the string: `\".inf\"`",
        ),
    ] {
        assert_refused(Dialect::Kubectl, text, &[expected]);
    }
}

#[test]
fn nesting_is_bounded() {
    let flow = |depth| format!("{}x{}", "[".repeat(depth), "]".repeat(depth));
    let maps = |depth| format!("{}x{}", "{a: ".repeat(depth), "}".repeat(depth));
    let dashes = |depth| format!("{}x", "- ".repeat(depth));
    let block = |depth: usize| -> String {
        let lines = (0..depth).map(|at| format!("{}a:\n", " ".repeat(at)));
        lines.chain([format!("{}x\n", " ".repeat(depth))]).collect()
    };
    for dialect in [Dialect::Strict, Dialect::Kubectl] {
        for nested in [flow, maps, dashes, block] as [fn(usize) -> String; 4] {
            assert!(parse_text(&nested(MAX_DEPTH), dialect).is_ok());
            for depth in [MAX_DEPTH + 1, 4 * MAX_DEPTH] {
                let errors = parse_text(&nested(depth), dialect).unwrap_err();
                assert_eq!(errors.last().unwrap().error, ParseError::TooDeep);
            }
        }
        for text in [
            "[".repeat(100_000),
            "{".repeat(100_000),
            "{a: ".repeat(100_000),
            "- ".repeat(100_000),
            "? ".repeat(100_000),
            "[{".repeat(100_000),
            "- ? ".repeat(100_000),
            "&a [".repeat(100_000),
            "!!seq [".repeat(100_000),
            block(2000),
        ] {
            let errors = parse_text(&text, dialect).unwrap_err();
            assert!(errors.iter().any(|e| e.error == ParseError::TooDeep), "{:?}", &text[..20]);
        }
    }
}

#[test]
fn size_and_number_of_nodes_are_bounded() {
    let error = |text: &str| parse_text(text, Dialect::Kubectl).unwrap_err()[0].error.clone();
    let text = "#".repeat(MAX_BYTES + 1);
    assert_eq!(error(&text), ParseError::TooLarge);
    assert!(parse_text(&text[1..], Dialect::Strict).is_ok());
    assert_eq!(error(&"- 1\n".repeat(MAX_NODES)), ParseError::TooManyNodes);
    assert!(parse_text(&"- 1\n".repeat(MAX_NODES - 1), Dialect::Strict).is_ok());
}

#[test]
fn aliases_are_bounded() {
    let error = |text: &str| parse_text(text, Dialect::Kubectl).unwrap_err()[0].error.clone();
    let laughs: String = (1..12)
        .map(|at| format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 9].join(", ")))
        .collect();
    assert_eq!(error(&format!("a0: &a0 [lol]\n{laughs}")), ParseError::TooManyNodes);
    let maps: String = (1..12)
        .map(|at| {
            format!(
                "a{at}: &a{at} {{{}}}\n",
                (0..9).map(|k| format!("k{k}: *a{}", at - 1)).collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    assert_eq!(error(&format!("a0: &a0 {{x: y}}\n{maps}")), ParseError::TooManyNodes);
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(20));
    assert_eq!(error(&long), ParseError::AliasesTooLarge);
    let deep: String = (1..MAX_DEPTH).map(|at| format!("- &a{at} [*a{}]\n", at - 1)).collect();
    assert_eq!(error(&format!("- &a0 [x]\n{deep}")), ParseError::TooDeep);
}

/// Texts that look like YAML, and arbitrary text.
fn any_yaml() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("- "),
        Just("? "),
        Just(": "),
        Just("a: "),
        Just("b"),
        Just("\n"),
        Just("\n  "),
        Just("\n    "),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(", "),
        Just("\""),
        Just("'"),
        Just("|"),
        Just(">-"),
        Just("|+2"),
        Just("&a "),
        Just("*a "),
        Just("!!str "),
        Just("!x "),
        Just("<<: "),
        Just("---\n"),
        Just("...\n"),
        Just("# c\n"),
        Just("\t"),
        Just("\r\n"),
        Just("%YAML 1.1\n"),
        Just("yes "),
        Just("017"),
        Just("ä"),
        Just("\u{feff}"),
        Just("\u{85}"),
        Just("\u{2028}"),
        Just("\\"),
        Just("\\u0041"),
        Just("@"),
        Just("."),
    ];
    let tokens = prop::collection::vec(token, 0..30).prop_map(|tokens| tokens.concat());
    prop_oneof![tokens, any::<String>(), "[\\PC\\n\\t]{0,40}"]
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any_yaml()) {
        for dialect in [Dialect::Strict, Dialect::Kubectl] {
            let mut sources = Sources::new();
            let id = sources.add(Source::written("a.yaml", text.clone()));
            match parse(&sources, id, dialect) {
                Ok(nodes) => nodes.iter().for_each(|node| assert_places(node, &text)),
                Err(errors) => {
                    prop_assert!(!errors.is_empty() && errors.len() <= MAX_ERRORS);
                    for error in errors {
                        let diagnostic = error.diagnose(&sources);
                        prop_assert!(!diagnostic.message.to_string().contains(char::is_control));
                        prop_assert!(diagnostic.place.is_some());
                    }
                }
            }
        }
    }

    /// Text that is read strictly has the same value to kubectl, except that JSON has whole floats.
    #[test]
    fn kubectl_reads_strict_text_alike(text in any_yaml()) {
        if let Ok(strict) = parse_text(&text, Dialect::Strict) {
            let kept: Vec<Node> = strict.into_iter().filter(|n| n.value != Value::Null).collect();
            let kubectl = parse_text(&text, Dialect::Kubectl).unwrap();
            prop_assert_eq!(format_json(&kept), format_json(&kubectl));
        }
    }
}

fn format_json(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| crate::read::<serde_json::Value>(node).unwrap().to_string()).collect()
}

/// Checks that each span is in the text, at the boundaries of characters.
fn assert_places(node: &Node, text: &str) {
    let span = node.span.unwrap();
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{text:?} {span:?}");
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| assert_places(item, text)),
        Value::Mapping(map) => map.values().for_each(|entry| {
            let key = entry.key_span.unwrap();
            assert!(text.get(key.start as usize..key.end as usize).is_some());
            assert_places(&entry.node, text);
        }),
        _ => {}
    }
}

/// Mistakes, each with the one error that it gives in both dialects.
#[test]
fn a_mistake_is_reported_once_where_it_was_made() {
    for (text, expected) in [
        (
            "a: 1\n<<<<<<< HEAD\nb: 1\n||||||| base\nb: 0\n=======\nb: 2\n>>>>>>> other\nc: 'x'y\n",
            "2:1 unresolved merge conflict: `<<<<<<< HEAD` |  | keep one of the versions, and delete the lines 2, 4, 6 and 8",
        ),
        (
            "a: 1\nb: 2\n=======\nc: 3\n",
            "3:1 unresolved merge conflict: `=======` |  | delete line 3, once one version is left",
        ),
        (
            "<<<<<<< HEAD\n---\na: 1\n",
            "1:1 unresolved merge conflict: `<<<<<<< HEAD` |  | delete line 1, once one version is left",
        ),
        (
            "a:\n  b: \"x\n  c: d\n  e: \"f\"\n",
            "2:6 the quote is never closed | a.b | close it on this line",
        ),
        ("a: 'x\n---\nb: 1\n", "1:4 the quote is never closed | a | close it on this line"),
        (
            "a: it's\nb: 'it's'\n",
            "2:8 there is text after the closing `'` | b | write `''` for a quote in the text, or quote the whole value",
        ),
        (
            "a:\n  b: [c, d\n  e: f\n  g: [h]\n",
            "2:6 the `[` is never closed | a.b | close it with `]`",
        ),
        (
            "a:\n  b: {c: d, e: {f: g}\nh: i\n",
            "2:6 the `{` is never closed | a.b | close it with `}`",
        ),
        ("a: [b, c}\nd: e\n", "1:4 the `[` is closed by `}` | a | close it with the same bracket"),
        (
            "a: [b]]\n",
            "1:7 the bracket closes nothing |  | delete it, or quote the string around it",
        ),
        (
            "a:\n    b: c\n  d: e\n    f: g\n",
            "3:3 wrong indentation: 2 spaces |  | indent it with 0 spaces as line 1, or with 4 as line 2",
        ),
        (
            "a:\n  b: c\n   d: e\n  f: g\n",
            "3:4 wrong indentation: 3 spaces | a | indent it with 2 spaces as line 2",
        ),
        (
            "a:\n  b:\n    c: d\n\n  # x\n   e: f\n",
            "6:4 wrong indentation: 3 spaces | a | indent it with 2 spaces as line 2, or with 4 as line 3",
        ),
        (
            "a:\n  - b: c\n   d: e\n",
            "3:4 wrong indentation: 3 spaces | a[1] | indent it with 2 spaces as line 2, or with 4 as line 2",
        ),
        (
            "a: |\n    b: [\n  c\nd: e\n",
            "3:3 wrong indentation: 2 spaces |  | indent it with 0 spaces as line 1, or with 4 as line 2",
        ),
        (" a: 1\nb: 2\n", "1:2 wrong indentation: 1 space |  | indent it with 0 spaces as line 2"),
        (
            "a:\n  - b: c\n    d: e\n  f: g\n",
            "4:3 a key, where a list item is expected | a[1] | line 2 has a `-` in the same column: indent the line, or start it with `- `",
        ),
        (
            "a:\n  b: c\n  - d\n",
            "3:3 a list item, where a key is expected | a | line 2 has a key in the same column: put the list below a key",
        ),
        ("a:\n  b 6Gi\n  d: e\n", "2:3 a `:` is missing after the key `b` |  | write `b: 6Gi`"),
        ("a:\n  b 6Gi # c\n  d: e\n", "2:3 a `:` is missing after the key `b` |  | write `b: 6Gi`"),
        (
            "a: b # c\n  d\n",
            "1:6 the value goes on after its comment |  | write the value on one line, or indent the next line less",
        ),
        (
            "a:\n  b:6Gi\n  d: e\n",
            "2:3 a space is missing after the `:` of `b` |  | write `b: 6Gi`",
        ),
        (
            "a\n  b: c\n",
            "1:1 a `:` is missing after the key `a` |  | write `a:`; text of the value above is indented further",
        ),
        (
            "a: http://b: c\n",
            "1:12 a value without quotes can't contain `: ` |  | quote the value; a key of its own goes on the next line",
        ),
        (
            "a: {{ b }}\n",
            "1:5 a key must be a string, not a map | a | quote a text with `{{`: only templates replace it",
        ),
    ] {
        for dialect in [Dialect::Strict, Dialect::Kubectl] {
            assert_refused(dialect, text, &[expected]);
        }
    }
    for (text, expected) in [
        (
            "a:\n  -b\n  -c\n",
            "2:3 a space is missing after the `-` of a list item | a | write `- b`",
        ),
        (
            "a:\n  - b\n    - c\n",
            "3:5 wrong indentation: the list item belongs to the text of the line before | a[0] | indent it as the other items of its list",
        ),
    ] {
        assert_refused(Dialect::Strict, text, &[expected]);
    }
    // Lines that look like markers, but are text.
    let text = "a: |\n  x\n  =======\n  y\n";
    assert!(parse_text(text, Dialect::Strict).is_ok());
    assert!(parse_text("\"a\n=======\nb\"\n", Dialect::Kubectl).is_err());
}

proptest! {
    /// The search for the mistake reads any broken text.
    #[test]
    fn every_error_is_within_its_text(text in "([ab:#|>'\"{}\\[\\]=<,-]|: |- |  |\n|\t|ä){0,60}") {
        for dialect in [Dialect::Strict, Dialect::Kubectl] {
            if let Err(errors) = parse_text(&text, dialect) {
                for error in errors {
                    let span = error.span.unwrap();
                    prop_assert!(span.start <= span.end && span.end as usize <= text.len());
                    prop_assert!(text.get(span.start as usize..span.end as usize).is_some());
                }
            }
        }
    }
}

/// The number of documents that the simple reader reads; none if it leaves the text to the other one.
fn count_simple(text: &str, dialect: Dialect) -> Option<usize> {
    let id = Sources::new().add(Source::written("a.yaml", text));
    simple::read_documents(text, id, dialect).map(|documents| documents.len())
}

#[test]
fn the_simple_form_is_read_without_events() {
    let text = r#"# A comment.
apiVersion: v1
kind: ConfigMap
metadata:
  name: "a-name"
  labels: {"app": "x", tier: 2-gpu, nested: {"list": [1, true, null, "a, b"], empty: []}}
---
# Another document.

spec:
  list:
  - name: a # a comment
    value: 'sin''gle – “quoted”'
    nothing:
  -   - -1
      - 0.5
  - |
    literal  text

      # not a comment

  key with spaces: a value with spaces
  url: http://example.org:80/a#b # a	tab
  port: :80
  folded: >-
    one
    two
  "quoted \"key\"": "line\n\ttab \\ \/ end"
---
"#;
    for dialect in [Dialect::Strict, Dialect::Kubectl] {
        assert_eq!(count_simple(text, dialect), Some(2));
        parse_text(text, dialect).unwrap();
    }
}

#[test]
fn what_is_not_simple_is_left_to_the_events() {
    for text in [
        "a:\tb\n",
        "a: b\r\n",
        "a: &x b\n",
        "a: *x\n",
        "a: !!str b\n",
        "a: b\n  c\n",
        "a: \"b\n  c\"\n",
        "a: b: c\n",
        "a: b\na: c\n",
        "<<: {a: b}\n",
        "? a\n: b\n",
        "a : b\n",
        "a: [b,\n  c]\n",
        "a: [b, ]\n",
        "a: {b}\n",
        "a: [b: c]\n",
        "a: \"\\x41\"\n",
        "a: |2\n  b\n",
        "a: |\n\n  b\n",
        "a: |\n  b",
        "a: >\n  b\n\n  c\n",
        "a:\n    b: c\n  d: e\n",
        "- a\nb: c\n",
        "a: b\n- c\n",
        "a\n",
        "--- a\n",
        "a: b\n...\n",
        "%YAML 1.2\n---\na: b\n",
        "\u{feff}a: b\n",
        "a: b\u{85}\n",
        "a: yes please\ny: b\n",
    ] {
        assert_eq!(count_simple(text, Dialect::Strict), None, "{text}");
        let _ = parse_text(text, Dialect::Strict);
    }
}

#[test]
fn a_list_begins_with_its_first_dash() {
    for text in
        ["a:\n- -x\n", "a:\n  - -x\n", "a: # b -\n- - x\n", "a: &b-\n- x\n", "a: \n-\n  x\n"]
    {
        let documents = parse_text(text, Dialect::Kubectl).unwrap();
        let list = documents[0].get("a").unwrap();
        let lines = text.split_inclusive('\n').next().unwrap().len();
        let dash = lines + text[lines..].find('-').unwrap();
        assert_eq!(list.span.unwrap().start as usize, dash, "{text}");
    }
}

/// Pieces of YAML, joined without any order.
const PIECES: &[&str] = &[
    "\n",
    "\n",
    "\n  ",
    "\n  ",
    "\n    ",
    " ",
    "  ",
    "- ",
    "- ",
    "-",
    "a: ",
    "b: ",
    "c:",
    "\"d\": ",
    "e e: ",
    ": ",
    ":",
    "x",
    "y",
    "1",
    "1.5",
    "true",
    "~",
    "\"x\"",
    "\"\\n\"",
    "'x'",
    "\"",
    "'",
    "|",
    "|-",
    ">",
    ">-",
    "|\n  ",
    ">-\n    ",
    "# c",
    " # c",
    "#",
    "[",
    "]",
    "{",
    "}",
    ",",
    ", ",
    "[x, y]",
    "{a: x}",
    "{\"a\": [1]}",
    "\n---\n",
    "---",
    "...",
    "&a ",
    "*a",
    "!t ",
    "<<: ",
    "? ",
    "%",
    "@",
    "\\",
    "\t",
    "\r\n",
    "é",
    "\u{2003}",
];

/// Lines of block YAML, to be indented.
const LINES: &[&str] = &[
    "a:",
    "b:",
    "c: x",
    "d: \"x\"",
    "e: [x, {f: y}]",
    "g: |",
    "h: >-",
    "i: |-",
    "- x",
    "- j: x",
    "- k:",
    "- |",
    "- - x",
    "x",
    "x y",
    "# c",
    "",
    "",
    "---",
    "l: x # c",
    "m: 'x'",
    "'n': 1",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn both_readers_read_any_text_alike(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24),
    ) {
        for dialect in [Dialect::Strict, Dialect::Kubectl] {
            compare_readers(&pieces.concat(), dialect);
        }
    }

    #[test]
    fn both_readers_read_changed_blocks_alike(
        lines in prop::collection::vec(
            ((0..4_usize), prop::sample::select(LINES)),
            1..12,
        ),
        (at, piece) in (0..200_usize, prop::sample::select(PIECES)),
    ) {
        let mut text: String =
            lines.iter().map(|(indent, line)| " ".repeat(indent * 2) + line + "\n").collect();
        for dialect in [Dialect::Strict, Dialect::Kubectl] {
            compare_readers(&text, dialect);
        }
        if text.is_char_boundary(at) {
            text.insert_str(at, piece);
        }
        for dialect in [Dialect::Strict, Dialect::Kubectl] {
            compare_readers(&text, dialect);
        }
    }
}
