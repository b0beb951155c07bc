//! The report's formats, read by independent readers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::tool::repository;
use crate::common::{require, run};
use crate::review::{committed, diff};

/// A reader that parses a report with a CommonMark library and prints its blocks in order, its kinds of
/// elements, the text outside code, and the elements of the page that are not closed properly.
const READER: &str = r#"
import html.parser, json, sys
from markdown_it import MarkdownIt
source = sys.stdin.read()
reader = MarkdownIt('commonmark')
tokens = reader.parse(source)
blocks, kinds, text, fences = [], set(), [], []
for token in tokens:
    kinds.add(token.type)
    if token.level == 0 and token.type in ('html_block', 'fence', 'heading_open', 'paragraph_open', 'bullet_list_open'):
        blocks.append([token.type, token.content])
    if token.type == 'fence': fences.append(token.content)
    for child in token.children or []:
        kinds.add(child.type)
        if child.type == 'text': text.append(child.content)
        if child.type == 'html_inline': blocks.append(['html_inline', child.content])

class Balance(html.parser.HTMLParser):
    open, wrong = [], []
    def handle_starttag(self, tag, attributes):
        if attributes and tag != 'code': self.wrong.append(f'<{tag} {attributes}>')
        if tag not in ('hr', 'br'): self.open.append(tag)
    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag: self.wrong.append(f'</{tag}>')

page = reader.render(source)
balance = Balance()
balance.feed(page)
json.dump({'blocks': blocks, 'kinds': sorted(kinds), 'text': ' '.join(text), 'fences': fences,
           'wrong': balance.wrong + balance.open, 'characters': len(source)}, sys.stdout)
"#;

fn read(report: &str) -> Value {
    serde_json::from_str(&run(&["python3", "-c", READER], report)).expect("JSON")
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("text")).collect()
}

const FOLD: &str = "<details><summary><code>";
const MARKER: &str = "<!-- tts-render: diff -->";

/// Checks that every fold opens, contains one listing and closes, and that the marker is last; returns
/// the number of folds.
fn folds(read: &Value) -> usize {
    let blocks: Vec<(&str, &str)> = read["blocks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|block| (block[0].as_str().expect("text"), block[1].as_str().expect("text").trim()))
        .collect();
    let mut folds = 0;
    for (at, (kind, content)) in blocks.iter().enumerate() {
        if *kind != "html_block" {
            assert_ne!(*kind, "html_inline", "{content}");
            continue;
        }
        if content.starts_with(FOLD) {
            assert!(content.ends_with("</code></summary>") && !content.contains('\n'), "{content}");
            let inside = [blocks[at + 1].0, blocks[at + 2].0, blocks[at + 2].1];
            assert_eq!(inside, ["fence", "html_block", "</details>"], "{content}");
            folds += 1;
        } else {
            assert!(["</details>", MARKER].contains(content), "{content}");
        }
    }
    assert_eq!(blocks.last(), Some(&("html_block", MARKER)));
    assert_eq!(strings(&read["wrong"]), [""; 0], "elements that are not closed in their place");
    folds
}

#[test]
fn a_commonmark_library_reads_the_report_as_intended() {
    if !require(&["python3", "-c", "import markdown_it"]) {
        return;
    }
    let sandbox = committed();
    let hostile = "</code></details> `x` ```` <b>bold</b> [l](javascript:x) @team | a\\n```\\n</details>\\n# title";
    sandbox.replace("values/tts.yaml", "TTS_BF16: \"off\"", &format!("TTS_BF16: \"{hostile}\""));
    sandbox.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    let report = diff(&sandbox, &["--format", "markdown"]).stdout;
    let read = read(&report);
    assert_eq!(folds(&read), 4, "a value, two objects of storage, the Deployment: {report}");
    let kinds = read["kinds"].to_string();
    for kind in [
        "link_open",
        "image",
        "table_open",
        "strong_open",
        "fence",
        "bullet_list_open",
        "heading_open",
    ] {
        let expected = !["link_open", "image", "table_open"].contains(&kind);
        assert_eq!(kinds.contains(kind), expected, "{kind} in {kinds}");
    }
    let text = read["text"].as_str().expect("text");
    assert!(!text.contains("bold") && !text.contains("@team"), "{text}");
    let fences = read["fences"].to_string();
    assert!(fences.contains("<b>bold</b>") && fences.contains("@team"), "{fences}");
}

#[test]
fn a_comment_on_many_stacks_fits_and_lists_what_it_omits() {
    if !require(&["python3", "-c", "import markdown_it"]) {
        return;
    }
    let sandbox = committed();
    let values = sandbox.read("values/tts.yaml");
    for number in 0..12 {
        let name = format!("tenant-{number:02}");
        let copy = values
            .replace("\nname: tts\n", &format!("\nname: {name}\n"))
            .replace("\n  name: tts\n", &format!("\n  name: {name}\n"))
            .replace("name: chatterbox-models", &format!("name: {name}-models"))
            .replace("namespace: tripit", &format!("namespace: {name}-client"));
        sandbox.write(&format!("values/{name}.yaml"), &copy);
    }
    sandbox.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    for (args, most) in [(&[][..], 65_536), (&["--budget", "4000"], 4_000)] {
        let report = diff(&sandbox, &[&["--format", "markdown"], args].concat()).stdout;
        assert!(report.len() <= most, "{} bytes", report.len());
        let read = read(&report);
        assert!(read["characters"].as_u64().expect("a number") <= most as u64);
        folds(&read);
        assert!(report.contains("**Omitted to fit "), "{report}");
        assert!(
            report.contains("- **critical** `PersistentVolumeClaim tts/chatterbox-models`"),
            "{report}"
        );
    }
    // A new values file is folded, so that the consequences are in sight.
    let report = diff(&sandbox, &["--format", "markdown"]).stdout;
    assert!(
        report.contains("<details><summary><code>values/tenant-00.yaml (whole)</code>"),
        "{report}"
    );
}

#[test]
fn every_format_begins_with_the_headline() {
    let sandbox = committed();
    sandbox.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    let text = diff(&sandbox, &[]).stdout;
    let headline = text.lines().next().expect("a line");
    assert!(
        headline.chars().count() <= 140 && headline.starts_with("1 critical, 0 warning"),
        "{headline}"
    );
    let of = |format: &str| diff(&sandbox, &["--format", format]).stdout;
    assert_eq!(of("github").lines().next(), Some(headline));
    assert_eq!(of("markdown").lines().next(), Some(format!("**{headline}**").as_str()));
    assert!(of("html").contains(&format!("<h1>{headline}</h1>")));
    let json: Value = serde_json::from_str(&of("json")).expect("JSON");
    assert_eq!(json["headline"], headline);
}

/// Collects all keys and all texts of a JSON document.
fn collect(json: &Value, keys: &mut BTreeSet<String>, texts: &mut BTreeSet<String>) {
    match json {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            // Below these keys is the data of objects and values.
            if !["before", "after"].contains(&key.as_str())
                || value.get("nights").is_some()
                || value.get("error").is_some()
            {
                collect(value, keys, texts);
            }
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys, texts)),
        Value::String(text) => {
            texts.insert(text.clone());
        }
        _ => {}
    }
}

#[test]
fn the_documentation_names_every_key_of_json_and_no_other() {
    let docs = std::fs::read_to_string(repository().join("docs/diff.md")).expect("docs");
    let (_, table) = docs.split_once("| key | meaning |\n|---|---|\n").expect("the table");
    let (table, _) = table.split_once("\n\n").expect("its end");
    let code = |text: &str| -> BTreeSet<String> {
        text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let documented = code(table);

    let sandbox = committed();
    let month = repository().join("tests/fixtures/diff/history-synthesised.json");
    let month = month.to_str().expect("UTF-8");
    let pod = |name: &str, inits: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: n}}\nspec: {{template: {{spec: {{initContainers: [{inits}]}}}}}}\n"
        )
    };
    sandbox.write("a/one.yaml", pod("x", "{name: a}, {name: b}"));
    sandbox.write("a/two.yaml", pod("gone", ""));
    sandbox.write("b/one.yaml", pod("x", "{name: b}, {name: a}"));
    sandbox.write("b/two.yaml", pod("new", ""));
    sandbox.write("b/values.yaml", "a: 1\n");
    // A gate that refuses its settings; valid values can't render one.
    sandbox.ok(&["render", "--out", "refused"]);
    let up = "refused/tts/cronjob-chatterbox-window-up.yaml";
    sandbox.write(up, sandbox.read(up).replace("value: 6Gi\n", "value: \"1e99\"\n"));
    let (mut keys, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for args in [
        &["--set", "gate.floor=8Gi", "--history", month][..],
        &["--set", "gate.floor=17Gi", "--set", "gpu.total=18Gi", "--history", month],
        &["--set", "server.image.tag=v2", "--set", "storage.size=10Gi", "--set", "clients=[]"],
        &["--base-dir", "a", "--head", "b"],
        &["--base-dir", "refused", "--head", "rendered", "--history", month],
    ] {
        let output = diff(&sandbox, &[&["--format", "json"], args].concat());
        assert_eq!(output.code, 1, "{args:?}: {}", output.stderr);
        collect(&serde_json::from_str(&output.stdout).expect("JSON"), &mut keys, &mut texts);
    }
    let surprising: Vec<_> = keys.difference(&documented).collect();
    assert!(surprising.is_empty(), "docs/diff.md does not document {surprising:?}");
    let others = ["--set", "explain"].map(str::to_owned);
    let stale: Vec<_> = documented
        .iter()
        .filter(|word| !keys.contains(*word) && !texts.contains(*word) && !others.contains(*word))
        .collect();
    assert!(stale.is_empty(), "docs/diff.md documents {stale:?}, which was not printed");
}

#[test]
fn workflow_commands_point_at_the_files_of_the_pull_request() {
    let sandbox = committed();
    sandbox.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    let output = diff(&sandbox, &["--format", "github", "--fail-on", "critical"]);
    assert_eq!(output.code, 1);
    let file = "rendered/tts/persistentvolumeclaim-chatterbox-models.yaml";
    let at = format!("::error title=storage-shrinks,file={file},line=");
    let command = output.stdout.lines().find_map(|line| line.strip_prefix(&at));
    let number = command.unwrap_or_else(|| panic!("{}", output.stdout)).split("::").next();
    // The line of the pull request's own file.
    sandbox.ok(&["render"]);
    let text = sandbox.read(file);
    let line = text.lines().nth(number.unwrap().parse::<usize>().unwrap() - 1).unwrap();
    assert_eq!(line.trim(), "storage: 10Gi", "{text}");
    // With the written files, the same line.
    let head = diff(&sandbox, &["--head", "rendered", "--format", "github"]);
    assert!(head.stdout.contains(&format!("{at}{}::", number.unwrap())), "{}", head.stdout);
}
