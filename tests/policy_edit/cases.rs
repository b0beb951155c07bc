//! Policies in every style that the edit supports: lists, quotes, comments, line ends, the end of the
//! file, and the documents around. Each case has the path of its list.

use std::fmt::Write;

/// One generated file.
pub struct Case {
    pub text: String,
    /// The index of the policy's document; empty documents are not counted.
    pub document: usize,
    /// The path of the list.
    pub list: String,
    /// A description for messages.
    pub name: String,
}

/// The variants of each dimension.
const LISTS: [&str; 12] = [
    "dashes below the key",
    "dashes two deeper",
    "dashes four deeper",
    "dashes with a wide gap",
    "[a, b]",
    "[ a, b ]",
    "[a, b,]",
    "[]",
    "one a line",
    "one a line and a last comma",
    "one a line and the bracket after the last",
    "wrapped",
];
const QUOTES: [&str; 4] = ["plain", "single", "double", "the last double"];
const COMMENTS: [&str; 6] = [
    "none",
    "after the last",
    "between",
    "below the last",
    "below the last and deeper",
    "after the key",
];
const LINE_ENDS: [&str; 2] = ["\n", "\r\n"];
const ENDS: [&str; 3] = ["newline", "no newline", "blank lines"];
const FOLLOWS: [&str; 3] = ["nothing", "a key", "a rule"];
const AROUND: [&str; 6] =
    ["alone", "alone after a BOM", "before another", "after another", "between", "in a List"];
const FORMS: [&str; 3] = ["any", "any after a selector", "direct"];

/// The number of combinations.
pub const COUNT: usize = LISTS.len()
    * QUOTES.len()
    * COMMENTS.len()
    * LINE_ENDS.len()
    * ENDS.len()
    * FOLLOWS.len()
    * AROUND.len()
    * FORMS.len();

/// The combination with a number below [`COUNT`].
pub fn case(number: usize) -> Case {
    let mut rest = number;
    let mut pick = |of: &'static [&'static str]| {
        let picked = of[rest % of.len()];
        rest /= of.len();
        picked
    };
    let (list, quotes, comments) = (pick(&LISTS), pick(&QUOTES), pick(&COMMENTS));
    let (line_end, end, follows) = (pick(&LINE_ENDS), pick(&ENDS), pick(&FOLLOWS));
    let (around, form) = (pick(&AROUND), pick(&FORMS));
    let name = format!(
        "{number}: {list}, {quotes}, comments {comments}, {line_end:?}, {end}, then {follows}, {around}, {form}"
    );

    let (rule, list_path) = rule(&namespaces(list, quotes, comments), form, follows);
    let policy = format!(
        "# The owner's words.\napiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata:\n  name: inject # in place\nspec:\n  rules:\n{rule}"
    );
    let other = "# another\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata:\n    a: |\n        text\n";
    let (text, document, prefix) = match around {
        "alone" => (policy, 0, ""),
        "alone after a BOM" => (format!("\u{feff}{policy}"), 0, ""),
        "before another" => (format!("{policy}---\n{other}"), 0, ""),
        "after another" => (format!("{other}---\n{policy}"), 1, ""),
        "between" => (format!("---\n---\n{other}\n--- # two\n{policy}...\n---\n{other}"), 1, ""),
        _ => {
            let indented: String = policy.lines().fold(String::new(), |mut out, line| {
                let _ = writeln!(out, "{}{line}", if line.is_empty() { "" } else { "  " });
                out
            });
            let items = indented.replacen("  # The owner's words.\n  api", "- api", 1);
            (format!("apiVersion: v1\nkind: List\nitems:\n{items}"), 0, "items[0].")
        }
    };
    let text = match end {
        "newline" => text,
        "no newline" => text.trim_end_matches('\n').to_owned(),
        _ => format!("{text}\n\n"),
    };
    let text = text.replace('\n', line_end);
    Case { text, document, list: format!("{prefix}{list_path}"), name }
}

/// The lines of a rule, and the path of its list.
fn rule(namespaces: &[String], form: &str, follows: &str) -> (String, String) {
    let indented = |by: usize| {
        namespaces.iter().fold(String::new(), |mut out, line| {
            let _ = writeln!(out, "{}{line}", " ".repeat(by));
            out
        })
    };
    let mut rule = String::from(
        "    - name: override\n      match:\n        any:\n          - resources:\n              kinds: [Pod]\n      exclude:\n",
    );
    let path = match form {
        "any" => {
            rule += "        any:\n          - resources:\n";
            rule += &indented(14);
            "any[0].resources"
        }
        "any after a selector" => {
            rule += "        any:\n          # Pods that opted out\n          - resources:\n              selector: {matchLabels: {keep: \"true\"}}\n          - resources:\n";
            rule += &indented(14);
            "any[1].resources"
        }
        _ => {
            rule += "        resources:\n";
            rule += &indented(10);
            "resources"
        }
    };
    rule += match follows {
        "nothing" => "",
        "a key" => "      mutate:\n        patchStrategicMerge: {spec: {priorityClassName: gpu}}\n",
        _ => {
            "    - name: second\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      mutate: {patchStrategicMerge: {spec: {a: b}}}\n"
        }
    };
    (rule, format!("spec.rules[0].exclude.{path}.namespaces"))
}

/// The lines of the key `namespaces` with its list, at column 0.
fn namespaces(list: &str, quotes: &str, comments: &str) -> Vec<String> {
    let quote = |name: &str, last: bool| match quotes {
        "single" => format!("'{name}'"),
        "double" => format!("\"{name}\""),
        "the last double" if last => format!("\"{name}\""),
        _ => name.to_owned(),
    };
    let (a, b) = (quote("kube-system", false), quote("metallb-system", true));
    let key = match comments {
        "after the key" => "namespaces: # the base list",
        _ => "namespaces:",
    };
    let right = if comments == "after the last" { " # the last" } else { "" };
    let between = |indent: &str| (comments == "between").then(|| format!("{indent}# next"));
    let below = |indent: &str| match comments {
        "below the last" => Some(format!("{indent}# - gone")),
        "below the last and deeper" => Some(format!("{indent}    # of the last")),
        _ => None,
    };
    let dashed = |indent: &str, gap: &str| {
        let mut lines = vec![key.to_owned(), format!("{indent}-{gap}{a}")];
        lines.extend(between(indent));
        lines.push(format!("{indent}-{gap}{b}{right}"));
        lines.extend(below(indent));
        lines
    };
    let one_line = |list: String| {
        let mut lines = vec![match comments {
            "after the key" => format!("namespaces:  # the base list\n  {list}"),
            _ => format!("namespaces: {list}{right}"),
        }];
        lines.extend(below(""));
        lines.join("\n").lines().map(str::to_owned).collect()
    };
    let many = |last_comma: &str, close: Option<&str>| {
        let open = match comments {
            "after the key" => "namespaces: [ # the base list",
            _ => "namespaces: [",
        };
        let mut lines = vec![open.to_owned(), format!("  {a},")];
        lines.extend(between("  "));
        match close {
            Some(close) => {
                lines.push(format!("  {b}{last_comma}{right}"));
                lines.extend(below("  "));
                lines.push(close.to_owned());
            }
            None => {
                lines.push(format!("  {b}]{right}"));
                lines.extend(below("  "));
            }
        }
        lines
    };
    match list {
        "dashes below the key" => dashed("", " "),
        "dashes two deeper" => dashed("  ", " "),
        "dashes four deeper" => dashed("    ", " "),
        "dashes with a wide gap" => dashed("  ", "   "),
        "[a, b]" => one_line(format!("[{a}, {b}]")),
        "[ a, b ]" => one_line(format!("[ {a}, {b} ]")),
        "[a, b,]" => one_line(format!("[{a}, {b},]")),
        "[]" => one_line("[]".to_owned()),
        "one a line" => many("", Some("]")),
        "one a line and a last comma" => many(",", Some("]")),
        "one a line and the bracket after the last" => many("", None),
        _ => {
            let mut lines = vec![format!("namespaces: [{a},")];
            lines.extend(between("  "));
            lines.push(format!("  \"{}\", {b}]{right}", "x-y"));
            lines.extend(below("  "));
            lines
        }
    }
}
