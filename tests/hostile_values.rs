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

/// Every budget of a run, and every limit of a template that no single line shows: the error names it.
#[test]
fn a_spent_budget_is_named() {
    type Write = fn(&Sandbox);
    fn write_values(sandbox: &Sandbox, count: usize, tail: &str) {
        let text = sandbox.read("values/demo.yaml");
        for number in 0..count {
            sandbox.write(&format!("values/s{number}.yaml"), text.clone() + tail);
        }
    }
    /// A template that compares two lists of the values in a loop. The engine counts the items of a
    /// list that it compares, but not those of the lists in it.
    fn compare(sandbox: &Sandbox, operator: &str) {
        let list = |last: usize| format!("[[{}{last}]]", "1,".repeat(20_000));
        let config = format!(
            "config: {{name: c, mountPath: /a/c.yaml, data: {{one: {}, two: {}}}}}",
            list(1),
            list(2)
        );
        sandbox.replace("values/demo.yaml", "\nserver:\n", &format!("\nserver:\n  {config}\n"));
        let items: Vec<String> = (0..900).map(|number| number.to_string()).collect();
        sandbox.write(
            "templates/compare.yaml.j2",
            format!(
                "{{% for a in [{}] %}}\n{{% if server.config.data.one {operator} server.config.data.two %}}\n# equal\n{{% endif %}}\n{{% endfor %}}\n",
                items.join(", ")
            ),
        );
    }
    let cases: [(&str, Write); 8] = [
        ("the values files of all stacks exceed 16 MiB", |sandbox| {
            write_values(sandbox, 70, &format!("# {}\n", "x".repeat(250_000)));
        }),
        ("the values of all stacks exceed 1000000 keys and values", |sandbox| {
            write_values(sandbox, 10, &format!("list: [{}1]\n", "1,".repeat(120_000)));
        }),
        ("the templates' output of all stacks exceeds 64 MiB", |sandbox| {
            let items: Vec<String> = (0..100).map(|number| number.to_string()).collect();
            let line = "x".repeat(10_000);
            let text =
                format!("{{% for c in [{}] %}}\n# {line}\n{{% endfor %}}\n", items.join(", "));
            for number in 0..70 {
                sandbox.write(&format!("templates/long-{number}.yaml.j2"), &text);
            }
        }),
        (
            "the objects of all stacks exceed 200000 keys and values, without the first 2500 of each stack",
            |sandbox| {
                let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: n\nlist: [";
                for number in 0..20 {
                    let text = format!(
                        "{}{}1]\n",
                        head.replace(": n", &format!(": n{number}")),
                        "1,".repeat(20_000)
                    );
                    sandbox.write(&format!("templates/nodes-{number}.yaml.j2"), text);
                }
            },
        ),
        ("the template reads more than 4000000 items of lists and maps", |sandbox| {
            compare(sandbox, "==");
        }),
        ("the template reads more than 4000000 items of lists and maps", |sandbox| {
            compare(sandbox, "<");
        }),
        ("an expression can list at most 1000 items", |sandbox| {
            let text = format!("a: {{{{ [{}1] == [1] }}}}\n", "1,".repeat(1_001));
            sandbox.write("templates/list.yaml.j2", text);
        }),
        ("the filters of a template take more than 4096 KiB", |sandbox| {
            let items: Vec<String> = (0..60).map(|number| number.to_string()).collect();
            let text = format!(
                "{{% for a in [{}] %}}\n{{% if server.config.data.big | toyaml == 'y' %}}\n{{% endif %}}\n{{% endfor %}}\n",
                items.join(", ")
            );
            let config = format!(
                "config: {{name: c, mountPath: /a/c.yaml, data: {{big: [{}x]}}}}",
                "x,".repeat(8_000)
            );
            sandbox.replace("values/demo.yaml", "\nserver:\n", &format!("\nserver:\n  {config}\n"));
            sandbox.write("templates/filters.yaml.j2", text);
        }),
    ];
    for (message, write) in cases {
        let sandbox = Sandbox::demo();
        write(&sandbox);
        let error = sandbox.refused(&["generate"]);
        assert!(error.contains(message), "{message}\n{error}");
    }
}
