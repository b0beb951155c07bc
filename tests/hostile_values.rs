//! No value can become structure: hostile strings in every position that a template may write to,
//! and every other position refused.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod common;

use common::hostile_strings;
use common::tool::{Sandbox, objects};
use serde_json::{Value, json};

/// Every position of an interpolation that is allowed; the text itself is what must come out.
const TEMPLATE: &str = "\
{% for text in server.args %}
---
apiVersion: test.example.com/v1
kind: Anything
metadata:
  name: {{ 'case-' ~ loop.index }}
data:
  at-value: {{ text }}
  \"quoted key\": {{ text }}
  {{ text }}: key
  at-both:
    {{ text }}: {{ text }}
  at-list:
    - {{ text }}
    - - {{ text }}
    - key: {{ text }}
    - {{ text }}: {{ text }}
      after: {{ text }}
  at-joined: {{ 'a' ~ text ~ 'z' }}
  at-flow: {{ [text, [text], {'k': text}] }}
{% if text is string %}
  at-conditional: {{ text }}
{% endif %}
  at-block: |
    before
  at-afterBlock: {{ text }}
  at-last: plain
{% endfor %}
";

#[test]
fn hostile_strings_come_out_as_they_went_in() {
    let sandbox = Sandbox::demo();
    sandbox.write("templates/hostile.yaml.j2", TEMPLATE);
    // A key that is longer is refused, see below.
    let mut strings = hostile_strings();
    strings.retain(|text| text.len() < 500);
    assert!(strings.len() >= 220);
    let mut checked = 0;
    // In parts, since a template may take only so many steps.
    for part in strings.chunks(60) {
        let overlay = json!({
            "server": {"args": part},
            "allowedKinds": [{"apiVersion": "test.example.com/v1", "kind": "Anything"}],
        });
        let overlay = yaml_spans::emit(&yaml_spans::to_node(&overlay).expect("a tree"));
        sandbox.write("overlay.yaml", &overlay);
        let out = sandbox.ok(&["generate", "-f", "overlay.yaml"]).out;
        let documents = objects(&out);
        for (index, text) in part.iter().enumerate() {
            let name = format!("case-{}", index + 1);
            let found = documents.iter().find(|object| object["metadata"]["name"] == name.as_str());
            assert_eq!(found.expect("the case")["data"], expected(text), "{text:?}");
            checked += 1;
        }
    }
    assert_eq!(checked, strings.len());
}

fn expected(text: &str) -> Value {
    json!({
        "at-value": text,
        "quoted key": text,
        text: "key",
        "at-both": {text: text},
        "at-list": [text, [text], {"key": text}, {text: text, "after": text}],
        "at-joined": format!("a{text}z"),
        "at-flow": [text, [text], {"k": text}],
        "at-conditional": text,
        "at-block": "before\n",
        "at-afterBlock": text,
        "at-last": "plain",
    })
}

#[test]
fn an_interpolation_that_is_no_whole_scalar_is_refused_at_its_place() {
    let refused = [
        ("a: pre-{{ name }}", 4 + 4),
        ("a: {{ name }}-post", 4),
        ("a: \"{{ name }}\"", 5),
        ("a: {{ name }}{{ name }}", 4),
        ("a: [{{ name }}]", 5),
        ("a: {{ name }} # why", 4),
        ("{{ name }}", 1),
        ("a: |\n  {{ name }}", 3),
        ("a: >-\n  x\n  {{ name }}", 3),
    ];
    for (text, column) in refused {
        let sandbox = Sandbox::demo();
        sandbox.write("templates/broken.yaml.j2", &format!("{text}\n"));
        let said = sandbox.refused(&["render"]);
        let line = text.lines().count();
        let place = format!("templates/broken.yaml.j2:{line}:{column}");
        assert!(said.contains(&place), "{text}\n{said}");
        assert!(said.contains("interpolation"), "{text}\n{said}");
        assert!(!sandbox.path("rendered").exists());
    }
}

/// YAML takes a key of at most 1,024 characters in `key: value`.
#[test]
fn a_text_that_is_too_long_for_a_key_is_refused_as_one() {
    let sandbox = Sandbox::demo();
    sandbox.write("templates/long.yaml.j2", "{{ server.args[0] }}: 1\n");
    let said =
        sandbox.refused(&["render", "--set", &format!("server.args=[{}]", "x".repeat(2000))]);
    assert!(said.contains("templates/long.yaml.j2:1:"), "{said}");
}

/// What the rules of lines can't see, the result is held to: a plain scalar over two lines.
#[test]
fn an_interpolation_that_continues_a_scalar_is_refused() {
    let sandbox = Sandbox::demo();
    sandbox.write("templates/broken.yaml.j2", "- a\n  - {{ name }}\n");
    let said = sandbox.refused(&["render"]);
    assert!(said.contains("templates/broken.yaml.j2:"), "{said}");
}
