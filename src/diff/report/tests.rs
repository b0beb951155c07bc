use crate::budget::Budget;
use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::diff::Diff;
use crate::diff::RULES;
use crate::diff::testing::{diff, node, snapshot, tenant};
use crate::model::Severity;
use crate::window::history::History;

const NOW: &str = "2026-11-24T12:00:00Z";

/// Text that each format could take for markup or a command.
const HOSTILE: &str = "a|b `c` ```` <script>alert(1)</script> </code></details> & \" ' @team #1 ::error::x %0A \u{1b}[31m \u{202e}x --> [l](javascript:x)";

/// The workflow commands without the files' texts.
fn workflow_commands(diff: &Diff) -> String {
    github(diff, Path::new("."), &BTreeMap::new())
}

fn hostile() -> Diff {
    let map = |value: &str, more: &str| {
        let value = serde_json::Value::from(value);
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: conf\n  namespace: b\nimmutable: true\ndata:\n  key: {value}\n{more}"
        )
    };
    let key = serde_json::Value::from(HOSTILE);
    let lines = format!("first\n{HOSTILE}\n```\n</details>\n::warning::y\n");
    let lines = serde_json::Value::from(lines);
    let mut base = snapshot(&map("x", "  text: \"first\\n\"\n"));
    let more = format!("  {key}: {key}\n  text: {lines}\n");
    let mut head = snapshot(&map(HOSTILE, &more));
    base.values = Some(vec![("values/a.yaml".to_owned(), node("a: 1"))]);
    head.values = Some(vec![("values/a.yaml".to_owned(), node(&format!("a: {key}")))]);
    Diff::between(&base, &head, NOW.parse().unwrap(), None, &Budget::default()).unwrap()
}

fn changed() -> Diff {
    let base = tenant();
    let head = base
        .replace("chatterbox-tts:latest", "chatterbox-tts:v2")
        .replace("\"6442450944\"", "8Gi")
        .replace("storage: 20Gi", "storage: 10Gi");
    diff(&base, &head, NOW)
}

/// Many objects, each of which restarts or is refused.
fn large(criticals: usize) -> Diff {
    let web = |at: usize, image: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web-{at}, namespace: ns{at}}}\nspec: {{template: {{spec: {{containers: [{{name: c, image: {image}}}]}}}}}}\n"
        )
    };
    let map = |at: usize, value: &str| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{at}, namespace: ns{at}}}\nimmutable: true\ndata: {{k{at}: {value}}}\n"
        )
    };
    let all = |image: &str, value: &str| -> String {
        let webs = (0..300).map(|at| web(at, &format!("{image}-{at}")));
        webs.chain((0..criticals).map(|at| map(at, value))).collect()
    };
    diff(&all("i", "x"), &all("j", "z"), NOW)
}

#[test]
fn every_format_begins_with_the_headline() {
    for diff in [changed(), hostile(), large(50)] {
        assert!(diff.headline.chars().count() <= Diff::MAX_HEADLINE_CHARS);
        for report in [text(&diff), workflow_commands(&diff)] {
            assert_eq!(report.lines().next(), Some(diff.headline.as_str()));
        }
        let markdown = markdown(&diff, 65_536);
        assert_eq!(markdown.lines().next(), Some(format!("**{}**", diff.headline).as_str()));
        assert_eq!(markdown.lines().last(), Some(MARKER));
        assert!(html(&diff).contains(&format!("<title>{}</title>", diff.headline)));
        let json: serde_json::Value = serde_json::from_str(&json(&diff)).unwrap();
        assert_eq!(json["headline"], diff.headline);
    }
}

#[test]
fn hidden_characters_are_written_out() {
    let diff = hostile();
    for report in [text(&diff), workflow_commands(&diff), markdown(&diff, 65_536), html(&diff)] {
        assert!(report.contains("\\u{202e}x"), "{report}");
        let is_hidden = report.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
        assert!(!is_hidden, "{report}");
    }
}

#[test]
fn html_has_no_elements_from_values() {
    let page = html(&hostile());
    let body = page.split_once("</style>").unwrap().1;
    let known = [
        "head", "body", "main", "h1", "h2", "h3", "ul", "li", "p", "strong", "code", "details",
        "summary", "span", "pre", "del", "ins", "footer", "html", "a",
    ];
    for element in body.split('<').skip(1) {
        let name: String = element
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        assert!(known.contains(&name.as_str()), "<{element}");
    }
    assert!(!page.contains("<script") && !page.contains(" src="));
    // Links lead to the rules' own sources, and nowhere else.
    let links: Vec<&str> =
        page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(!links.is_empty());
    for link in links {
        assert!(RULES.iter().any(|rule| rule.source.contains(link)), "{link}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn each_workflow_command_is_one_line_and_values_add_none() {
    let report = workflow_commands(&hostile());
    let mut lines = report.lines();
    lines.next();
    for line in lines.by_ref() {
        let known = [
            "::error title=api-refuses,file=",
            "::error title=object-invalid,file=",
            "::warning title=",
            "::notice title=",
        ];
        assert!(known.iter().any(|start| line.starts_with(start)), "{line}");
    }
    assert!(report.contains("%250A"), "{report}");
    let files = github(&changed(), Path::new("infra"), &BTreeMap::new());
    assert!(
        files.contains(
            "::error title=storage-shrinks,file=infra/test.yaml,line=1::PersistentVolumeClaim"
        ),
        "{files}"
    );
}

#[test]
fn workflow_commands_are_at_the_changed_line() {
    let file = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: n1\nspec:\n  replicas: 0\n  template:\n    metadata:\n      annotations:\n        checksum/config: 0123456789abcdef0123456789abcdef\n    spec:\n      containers:\n        - name: c\n          image: a:1\n          env:\n            - name: A\n              value: x\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n  namespace: n1\ndata:\n  config.yaml: |\n    one: 1\n    two: 2\n";
    let head = file
        .replace("image: a:1", "image: a:2")
        .replace("value: x", "value: z")
        .replace("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")
        .replace("two: 2", "two: 3");
    let report = |base: &str, head: &str| {
        let texts = BTreeMap::from([("test.yaml".to_owned(), head.into())]);
        github(&diff(base, head, NOW), Path::new("infra"), &texts)
    };
    let line_of = |report: &str, title: &str| -> u32 {
        let start = format!(" title={title},file=infra/test.yaml,line=");
        let (_, rest) = report.split_once(&start).unwrap_or_else(|| panic!("{title}: {report}"));
        rest.split("::").next().unwrap().parse().unwrap()
    };
    let changed = report(file, &head);
    assert_eq!(line_of(&changed, "image-changes"), 15, "{changed}");
    assert_eq!(line_of(&changed, "pods-restart-at-window"), 15, "{changed}");
    // A removed field is marked where it was: at the map above it.
    let without =
        head.replace("          env:\n            - name: A\n              value: z\n", "");
    let removed = report(&head, &without);
    assert!(removed.contains(",line=14::"), "{removed}");
    // In a text of several lines, the line itself.
    let config = report(file, &file.replace("two: 2", "two: 3"));
    assert!(config.contains(",line=28::"), "{config}");
}

#[test]
fn a_consequence_is_said_once_with_its_source() {
    let page = html(&changed());
    let rule = RULES.iter().find(|rule| rule.id == "storage-shrinks").unwrap();
    assert!(!page.contains(rule.summary), "{page}");
    assert!(page.contains("<p class=\"rule\">storage-shrinks · ValidatePersistentVolumeClaimUpdate in pkg/apis/core/validation; <a href=\"https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims\" rel=\"noreferrer\">"), "{page}");
}

#[test]
fn a_checksum_takes_one_line() {
    let pod = |digest: &str, value: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: n1}}\nspec:\n  template:\n    metadata:\n      annotations: {{checksum/config: \"{digest}\"}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m, namespace: n1}}\ndata: {{key: {value}}}\n"
        )
    };
    let changed = diff(&pod(&"a".repeat(64), "x"), &pod(&"b".repeat(64), "z"), NOW);
    for report in [text(&changed), markdown(&changed, 65_536), html(&changed)] {
        assert!(report.contains("checksum/config"), "{report}");
        assert!(report.contains("follows the configuration"), "{report}");
        assert!(!report.contains("aaaa") && !report.contains("bbbb"), "{report}");
    }
    // Anything else in such an annotation is shown.
    let other = diff(&pod("plain", "x"), &pod("other", "x"), NOW);
    assert!(text(&other).contains("+ other"), "{}", text(&other));
}

#[test]
fn a_commit_message_has_the_headline_and_the_consequences() {
    let lines = commit_lines(&changed());
    assert_eq!(lines[0], changed().headline);
    assert!(lines[1].starts_with("- critical: PersistentVolumeClaim tts/"), "{lines:#?}");
    let many = commit_lines(&large(50));
    assert!(many.len() <= 15 && many.last().unwrap().contains("more consequences"), "{many:#?}");
    for diff in [hostile(), large(50)] {
        for line in commit_lines(&diff) {
            assert!(line.len() < 1_000 && !line.contains(|c: char| c.is_control()), "{line}");
        }
    }
}

#[test]
fn markdown_stays_within_its_budget_and_omits_critical_findings_last() {
    let diff = large(20);
    for budget in [1_000, 4_000, 12_000, 65_536] {
        let report = markdown(&diff, budget);
        assert!(report.len() <= budget, "{} > {budget}", report.len());
        assert!(report.contains(&format!("**Omitted to fit {budget} bytes: ")), "{budget}");
        assert_eq!(report.lines().last(), Some(MARKER));
    }
    let criticals = |report: &str| report.matches("- **critical**").count();
    assert_eq!(diff.of_severity(Severity::Critical).count(), 20);
    assert_eq!(criticals(&markdown(&diff, 12_000)), 20);
    assert!(markdown(&diff, 12_000).contains("objects' YAML"));
    let least = markdown(&diff, 1_000);
    let shown = criticals(&least);
    assert!(least.contains(&format!("{} critical findings", 20 - shown)), "{least}");
    let all = markdown(&changed(), 65_536);
    assert!(!all.contains("Omitted"), "{all}");
}

#[test]
fn a_long_name_does_not_make_its_finding_disappear() {
    let role = |resource: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{{apiGroups: [x], resources: [{resource}], verbs: ['*']}}]\n"
        )
    };
    let diff = diff(&role("a"), &role(&"b".repeat(70_000)), NOW);
    for budget in [2_000, 65_536] {
        let report = markdown(&diff, budget);
        assert!(report.contains("- **critical** `ClusterRole r`: `whoever is bound"), "{report}");
        assert!(report.contains(&format!("`* {}…`", "b".repeat(198))), "{report}");
        assert!(report.len() <= budget);
    }
    assert!(text(&diff).contains(&"b".repeat(70_000)));
}

#[test]
fn the_text_of_a_change() {
    insta::assert_snapshot!(text(&changed()));
}

#[test]
fn the_markdown_of_a_change() {
    insta::assert_snapshot!(markdown(&changed(), 65_536));
}

#[test]
fn json_has_the_documented_keys() {
    let base = tenant();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let month = std::fs::read_to_string(path.join("tests/fixtures/diff/history-synthesised.json"));
    let history = History::parse(&month.unwrap()).unwrap();
    let head = base.replace("\"6442450944\"", "8Gi");
    let diff = Diff::between(
        &snapshot(&base),
        &snapshot(&head),
        NOW.parse().unwrap(),
        Some(&history),
        &Budget::default(),
    )
    .unwrap();
    let json: serde_json::Value = serde_json::from_str(&json(&diff)).unwrap();
    assert_eq!(json["counts"]["warning"], 1);
    assert_eq!(json["consequences"][0]["id"], "gate-settings");
    assert_eq!(json["objects"][0]["kind"], "CronJob");
    assert_eq!(json["objects"][0]["fields"][0]["before"], "6442450944");
    assert_eq!(json["objects"][0]["fields"][0]["names"], serde_json::json!(["vram-gate", "FLOOR"]));
    assert_eq!(json["backTests"][0]["after"]["nightsServed"], 21);
    // docs/diff.md describes every key.
    let docs = std::fs::read_to_string(path.join("docs/diff.md")).unwrap();
    let mut keys = std::collections::BTreeSet::new();
    collect_keys(&json, &mut keys);
    for key in keys {
        assert!(docs.contains(&format!("`{key}`")), "docs/diff.md does not describe `{key}`");
    }
}

fn collect_keys(json: &serde_json::Value, keys: &mut std::collections::BTreeSet<String>) {
    match json {
        serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            collect_keys(value, keys);
        }),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}
