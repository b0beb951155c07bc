//! A value never becomes structure: hostile strings are safe in every position that a template may
//! write to, and every other position is refused.

#![cfg(test)]

mod common;

use common::hostile_strings;
use common::tool::{Sandbox, objects};
use serde_json::{Value, json};

/// Every allowed position of an interpolation; each must be read as the text itself.
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
fn hostile_strings_are_rendered_unchanged() {
    let sandbox = Sandbox::demo();
    sandbox.write("templates/hostile.yaml.j2", TEMPLATE);
    // Longer keys are refused; see below.
    let mut strings = hostile_strings();
    strings.retain(|text| text.len() < 500);
    assert!(strings.len() >= 220);
    let mut checked = 0;
    // In parts, since the work of a template is limited.
    for part in strings.chunks(60) {
        let overlay = json!({
            "server": {"args": part},
            "allowedKinds": [{"apiVersion": "test.example.com/v1", "kind": "Anything"}],
        });
        let overlay = yaml_spans::emit(&yaml_spans::to_node(&overlay).expect("a tree"));
        sandbox.write("overlay.yaml", &overlay);
        let out = sandbox.ok(&["generate", "-f", "overlay.yaml"]).stdout;
        let documents = objects(&out);
        for (index, text) in part.iter().enumerate() {
            let name = format!("case-{}", index + 1);
            let object =
                documents.iter().find(|object| object["metadata"]["name"] == name.as_str());
            assert_eq!(object.expect("the case")["data"], expected_data(text), "{text:?}");
            checked += 1;
        }
    }
    assert_eq!(checked, strings.len());
}

fn expected_data(text: &str) -> Value {
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
fn an_interpolation_inside_a_scalar_is_refused_at_its_place() {
    let templates = [
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
    for (text, column) in templates {
        let sandbox = Sandbox::demo();
        sandbox.write("templates/broken.yaml.j2", format!("{text}\n"));
        let message = sandbox.refused(&["render"]);
        let line = text.lines().count();
        let place = format!("templates/broken.yaml.j2:{line}:{column}");
        assert!(message.contains(&place), "{text}\n{message}");
        assert!(message.contains("interpolation"), "{text}\n{message}");
        assert!(!sandbox.path("rendered").exists());
    }
}

/// YAML limits a key in `key: value` to 1,024 characters.
#[test]
fn a_text_that_is_too_long_for_a_key_is_refused() {
    let sandbox = Sandbox::demo();
    sandbox.write("templates/long.yaml.j2", "{{ server.args[0] }}: 1\n");
    let message =
        sandbox.refused(&["render", "--set", &format!("server.args=[{}]", "x".repeat(2000))]);
    assert!(message.contains("templates/long.yaml.j2:1:"), "{message}");
}

/// The rules for lines do not notice a plain scalar of two lines; the check of the output does.
#[test]
fn an_interpolation_that_continues_a_scalar_is_refused() {
    let sandbox = Sandbox::demo();
    sandbox.write("templates/broken.yaml.j2", "- a\n  - {{ name }}\n");
    let message = sandbox.refused(&["render"]);
    assert!(message.contains("templates/broken.yaml.j2:"), "{message}");
}
