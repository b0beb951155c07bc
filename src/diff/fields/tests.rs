use super::*;
use crate::diff::testing::node;

/// Each difference in one line.
fn lines(before: &str, after: &str, ordered: Option<&[&str]>) -> Vec<String> {
    let show = |node: &Node| yaml_spans::emit(node).trim_end().replace('\n', "; ");
    compare(&node(before), &node(after), ordered)
        .iter()
        .map(|field| {
            let names = field.names.join(" › ");
            let change = match &field.change {
                Difference::Added(node) => format!("+ {}", show(node)),
                Difference::Removed(node) => format!("- {}", show(node)),
                Difference::Changed(old, new) => format!("{} → {}", show(old), show(new)),
                Difference::Reordered(old, new) => format!("{} ⇒ {}", old.join(" "), new.join(" ")),
            };
            format!("{} [{names}] {change}", field.path)
        })
        .collect()
}

#[test]
fn key_order_quotes_and_nulls_do_not_matter() {
    let before = "{a: x, b: {c: '1', d: [1, 2]}, e: null}";
    assert_eq!(lines(before, "b:\n  d:\n    - 1\n    - 2\n  c: \"1\"\na: 'x'\n", None), [""; 0]);
    assert_eq!(lines("a: '1'", "a: 1", None), ["a [] \"1\" → 1"]);
}

#[test]
fn containers_and_env_are_matched_by_name() {
    let before = "
containers:
  - name: side
  - name: main
    env:
      - {name: A, value: a}
      - {name: B, value: b}
      - {name: C, value: c}
";
    let after = "
containers:
  - name: main
    env:
      - {name: C, value: c}
      - {name: A, value: z}
      - {name: D, value: d}
  - name: side
";
    assert_eq!(
        lines(before, after, None),
        [
            "containers[0].env[1].value [main › A] a → z",
            "containers[0].env[2] [main › D] + name: D; value: d",
            "containers[1].env[1] [main › B] - name: B; value: b",
        ]
    );
}

#[test]
fn ports_are_matched_by_name_and_without_one_by_number() {
    let named = lines("ports: [{name: http, port: 1}]", "ports: [{name: http, port: 2}]", None);
    assert_eq!(named, ["ports[0].port [http] 1 → 2"]);
    let before = "ports: [{port: 1, protocol: TCP}, {port: 1, protocol: UDP}]";
    let after = "ports: [{port: 1, protocol: UDP}, {port: 1, protocol: TCP, nodePort: 3}]";
    assert_eq!(lines(before, after, None), ["ports[1].nodePort [1/TCP] + 3"]);
}

#[test]
fn items_with_one_key_twice_are_matched_by_place() {
    let before = "env: [{name: A, value: a}, {name: A, value: b}]";
    let after = "env: [{name: A, value: a}, {name: A, value: c}]";
    assert_eq!(lines(before, after, None), ["env[1].value [] b → c"]);
}

#[test]
fn the_order_of_a_set_does_not_matter_and_that_of_a_command_does() {
    assert_eq!(lines("verbs: [get, patch]", "verbs: [patch, get]", None), [""; 0]);
    assert_eq!(
        lines("verbs: [get, patch]", "verbs: [patch, list]", None),
        ["verbs[1] [] + list", "verbs[0] [] - get"]
    );
    assert_eq!(lines("command: [a, b]", "command: [b, a]", None), ["command [] a b ⇒ b a"]);
    assert_eq!(lines("args: [a, b, c]", "args: [a, x, c]", None), ["args[1] [] b → x"]);
    assert_eq!(lines("args: [a, c]", "args: [a, b, c]", None), ["args[1] [] + b"]);
}

#[test]
fn the_order_of_init_containers_matters_everywhere_and_all_order_in_a_pod_template() {
    let (before, after) = ("[{name: a}, {name: b}]", "[{name: b}, {name: a}]");
    let of = |field: &str, list: &str| format!("spec: {{template: {{{field}: {list}}}}}");
    let init = lines(&of("initContainers", before), &of("initContainers", after), None);
    assert_eq!(init, ["spec.template.initContainers [] a b ⇒ b a"]);
    let env = (of("env", before), of("env", after));
    assert_eq!(lines(&env.0, &env.1, None), [""; 0]);
    let rolled = lines(&env.0, &env.1, Some(&["spec", "template"]));
    assert_eq!(rolled, ["spec.template.env [] a b ⇒ b a"]);
}

#[test]
fn rules_without_names_are_matched_by_their_content() {
    let before = "rules: [{verbs: [get], resources: [a]}, {verbs: [list], resources: [b]}]";
    let after = "rules: [{verbs: [list], resources: [b]}, {verbs: [get, patch], resources: [a]}]";
    assert_eq!(lines(before, after, None), ["rules[1].verbs[1] [] + patch"]);
}

#[test]
fn a_value_of_another_kind_is_one_change() {
    assert_eq!(lines("a: {b: 1}", "a: [1]", None), ["a [] b: 1 → - 1"]);
}
