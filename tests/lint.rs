//! `lint`: every rule where it speaks and where it is quiet, comments that allow, and the formats.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::tool::{Sandbox, ran, repository};
use serde_json::Value;
use tts_render::lint::{RULES, ids};

fn fixtures() -> PathBuf {
    repository().join("tests/fixtures/lint")
}

/// This repository's project with a fixture's files, edits and overlay.
struct Case {
    name: String,
    sandbox: Sandbox,
    overlay: bool,
}

/// The cases of a rule whose files start so: `speaks.yaml` is an overlay, `speaks.edits.yaml` what is
/// replaced in files; `files/` is there for all of them.
fn cases(id: &str, start: &str) -> Vec<Case> {
    let folder = fixtures().join(id);
    let names: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("rule {id} has no fixtures"))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.split_once('.')?.0.to_owned()))
        .filter(|name| name.starts_with(start))
        .collect();
    let case = |name: String| {
        let sandbox = Sandbox::repository();
        copy_files(&folder.join("files"), "", &sandbox);
        if let Ok(text) = fs::read_to_string(folder.join(format!("{name}.edits.yaml"))) {
            let edits: Vec<std::collections::BTreeMap<String, String>> =
                serde_yaml::from_str(&text).unwrap();
            for edit in edits {
                sandbox.replace(&edit["file"], &edit["from"], &edit["to"]);
            }
        }
        let overlay = fs::read_to_string(folder.join(format!("{name}.yaml")));
        if let Ok(text) = &overlay {
            sandbox.write("overlay.yaml", text);
        }
        Case { name, sandbox, overlay: overlay.is_ok() }
    };
    names.into_iter().map(case).collect()
}

fn copy_files(from: &Path, under: &str, sandbox: &Sandbox) {
    for entry in fs::read_dir(from).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = format!("{under}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            copy_files(&path, &format!("{name}/"), sandbox);
        } else {
            sandbox.write(&name, &fs::read_to_string(&path).unwrap());
        }
    }
}

impl Case {
    /// The findings, and what is allowed, of one rule.
    fn of(&self, id: &str) -> (Vec<Value>, Vec<Value>) {
        let mut args = vec!["lint", "--format", "json"];
        if self.overlay {
            args.extend(["-f", "overlay.yaml"]);
        }
        let ran = self.sandbox.run(&args);
        assert!(ran.code < 2, "{}: {}", self.name, ran.err);
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        let of = |key: &str| {
            let all = report[key].as_array().unwrap().iter();
            all.filter(|finding| finding["rule"] == id).cloned().collect()
        };
        (of("findings"), of("allowed"))
    }
}

/// One finding, for a person who reviews the snapshot.
fn line(finding: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = &finding["place"];
    let object = match &finding["object"] {
        Value::Null => String::new(),
        object => format!("{} {} ", text(&object["kind"]), text(&object["name"])),
    };
    format!(
        "{}:{}:{} {object}{}\n    {}: {}\n",
        text(&place["file"]),
        place["line"],
        place["column"],
        text(&finding["path"]),
        text(&finding["severity"]),
        text(&finding["text"])
    )
}

#[test]
fn every_rule_speaks_where_it_should_and_is_quiet_elsewhere() {
    for id in ids() {
        let mut shown = String::new();
        let speaks = cases(id, "speaks");
        assert!(!speaks.is_empty(), "no fixture shows where {id} speaks");
        for case in &speaks {
            let (findings, _) = case.of(id);
            assert!(!findings.is_empty(), "{id} is quiet in {}", case.name);
            shown += &format!("{}\n", case.name);
            shown.extend(findings.iter().map(|finding| format!("  {}", line(finding))));
        }
        insta::assert_snapshot!(id, shown);
        for case in cases(id, "quiet") {
            let (findings, allowed) = case.of(id);
            assert!(findings.is_empty() && allowed.is_empty(), "{id}, {}: {findings:?}", case.name);
        }
    }
    let folders = fs::read_dir(fixtures()).unwrap();
    let names: BTreeSet<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, ids().map(str::to_owned).collect(), "a fixture of no rule");
}

#[test]
fn this_repository_is_clean_and_says_why_where_it_is_not() {
    let ran = Sandbox::repository().ok(&["lint", "--allowed"]);
    insta::assert_snapshot!(ran.out);
    let ran = Sandbox::repository().ok(&["lint"]);
    assert_eq!(ran.out, "");
}

#[test]
fn a_first_stack_is_unwise_in_nothing_but_what_it_must_be_told() {
    let ran = Sandbox::demo().run(&["lint", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let rules: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["readiness-missing"]);
}

#[test]
fn the_exit_code_says_whether_anything_so_severe_was_found() {
    let sandbox = Sandbox::repository();
    let code = |args: &[&str]| sandbox.run(&[&["lint"], args].concat()).code;
    assert_eq!(code(&[]), 0);
    let note = ["--set", "gate.samples=1"];
    assert_eq!(code(&note), 1);
    assert_eq!(code(&[&note[..], &["--fail-on", "info"]].concat()), 1);
    assert_eq!(code(&[&note[..], &["--fail-on", "warning"]].concat()), 0);
    let critical = ["--set", "gate.noSeries=idle", "--fail-on", "critical"];
    assert_eq!(code(&critical), 1);
}

#[test]
fn what_does_not_render_is_no_matter_of_lint() {
    let said = Sandbox::repository().refused(&["lint", "--set", "gate.floor=100Gi"]);
    assert!(said.contains("more than `GPU_TOTAL`"), "{said}");
    let sandbox = Sandbox::repository();
    sandbox.replace("policies/inject-gpu-workload-priority.yaml", "spec:", "spec: [");
    sandbox.refused(&["lint"]);
}

/// What is unused, or overlaps, can only be said of all stacks.
#[test]
fn one_stack_is_looked_at_by_itself() {
    let sandbox = Sandbox::repository();
    let whisper = fixtures().join("windows-overlap/files/values/whisper.yaml");
    sandbox.write("values/whisper.yaml", &fs::read_to_string(whisper).unwrap());
    sandbox
        .write("policies/other.yaml", &sandbox.read("policies/inject-gpu-workload-priority.yaml"));
    let rules = |args: &[&str]| -> BTreeSet<String> {
        let out = sandbox.run(&[&["lint", "--format", "json"], args].concat()).out;
        let report: Value = serde_json::from_str(&out).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    let all = rules(&[]);
    assert!(all.contains("windows-overlap") && all.contains("policy-unused"), "{all:?}");
    let one = rules(&["tts"]);
    assert!(!one.contains("windows-overlap") && !one.contains("policy-unused"), "{one:?}");
}

#[test]
fn a_comment_in_an_overlay_or_a_template_allows_too() {
    let sandbox = Sandbox::repository();
    sandbox.write("o.yaml", "gate:\n  # tts-render: allow single-sample: tried\n  samples: 1\n");
    assert_eq!(sandbox.run(&["lint", "-f", "o.yaml"]).code, 0);
    sandbox.replace(
        "templates/deployment.yaml.j2",
        "replicas: 0",
        "# tts-render: allow starts-ungated: tried\n  replicas: 1",
    );
    assert_eq!(sandbox.run(&["lint"]).code, 0);
    // The comment of another rule does not.
    sandbox.replace("templates/deployment.yaml.j2", "allow starts-ungated", "allow card-total");
    assert_eq!(sandbox.run(&["lint"]).code, 1);
}

/// What a stack names is looked at, wherever it lies.
#[test]
fn a_policy_outside_of_the_folder_is_looked_at_too() {
    let sandbox = Sandbox::repository();
    let policy = "policies/inject-gpu-workload-priority.yaml";
    sandbox.write("elsewhere/p.yml", &sandbox.read(policy));
    std::fs::remove_file(sandbox.path(policy)).unwrap();
    sandbox.replace("values/tts.yaml", policy, "elsewhere/p.yml");
    assert_eq!(sandbox.ok(&["lint"]).out, "");
    sandbox.replace("values/tts.yaml", "allow policy-end-of-life", "allow policy-unused");
    assert!(sandbox.run(&["lint"]).out.contains("info[policy-end-of-life]"));
}

/// The comment is right without the overlay.
#[test]
fn a_trial_calls_no_comment_unused() {
    let sandbox = Sandbox::repository();
    assert_eq!(sandbox.ok(&["lint", "-f", "overlays/tcp-probes.yaml"]).out, "");
    assert_eq!(sandbox.ok(&["lint", "--set", "gpu.total=15Gi"]).out, "");
}

#[test]
fn a_rule_explains_itself() {
    let sandbox = Sandbox::empty();
    insta::assert_snapshot!("explained", sandbox.ok(&["lint", "--explain", "guard-too-slow"]).out);
    assert_eq!(sandbox.ok(&["lint", "--explain", "all"]).out.lines().count(), RULES.len());
    let said = sandbox.refused(&["lint", "--explain", "guard-to-slow"]);
    assert!(said.contains("did you mean `guard-too-slow`?"), "{said}");
}

/// A stack with findings in values, in a template and in a flag, and something that is allowed.
fn unwise() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 512Mi");
    sandbox.replace("templates/role.yaml.j2", "      - patch\n", "      - patch\n      - \"*\"\n");
    sandbox
}

const UNWISE: [&str; 3] = ["lint", "--set", "gate.dryRun=true"];

#[test]
fn text_shows_the_line_and_the_way_out() {
    insta::assert_snapshot!("text", unwise().run(&UNWISE).out);
}

#[test]
fn workflow_commands_stand_at_the_lines() {
    let ran = unwise().run(&[&UNWISE[..], &["--format", "github"]].concat());
    insta::assert_snapshot!("github", ran.out);
}

/// A forge looks for the file in the whole checkout.
#[test]
fn files_are_named_from_where_the_command_runs() {
    let sandbox = unwise();
    let folder = sandbox.path("");
    let (parent, name) = (folder.parent().unwrap(), folder.file_name().unwrap().to_str().unwrap());
    let args = ["-C", name, "lint", "--format"];
    let github = ran(parent, &[&args[..], &["github"]].concat()).out;
    assert!(github.contains(&format!("file={name}/values/tts.yaml,")), "{github}");
    let sarif = ran(parent, &[&args[..], &["sarif"]].concat()).out;
    assert!(sarif.contains(&format!("\"uri\": \"{name}/values/tts.yaml\"")), "{sarif}");
    assert_eq!(ran(parent, &["-C", name, "lint", "--explain", "card-total"]).code, 0);
}

#[test]
fn what_stands_in_a_value_is_no_workflow_command() {
    let sandbox = Sandbox::repository();
    let url = r#""http://x\n::error title=a::b%0A\e[31m.tts:1""#;
    sandbox.replace("values/tts.yaml", "http://chatterbox-tts.tts.svc.cluster.local:8000", url);
    let ran = sandbox.run(&["lint", "--format", "github"]);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.starts_with("::error title=client-url,file=values/tts.yaml,"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'));
    let text = sandbox.run(&["lint"]).out;
    assert!(text.contains(r"x\n::error title=a::b%0a\u{1b}[31m"), "{text}");
}

#[test]
fn sarif_is_what_its_schema_says() {
    let schema = fs::read_to_string(repository().join("tests/fixtures/sarif-schema-2.1.0.json"));
    // No regular expression as it was first published; the second is the errata's.
    let schema = schema
        .unwrap()
        .replace("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let ran = unwise().run(&[&UNWISE[..], &["--format", "sarif"]].concat());
    let mut log: Value = serde_json::from_str(&ran.out).unwrap();
    let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], RULES[index].id);
    }
    insta::assert_snapshot!("sarif", serde_json::to_string_pretty(&run["results"]).unwrap());
    // The schema does judge.
    log["runs"][0]["results"][0]["level"] = "critical".into();
    assert!(!validator.is_valid(&log));
}

#[test]
fn json_has_the_keys_that_are_documented() {
    let ran = unwise().run(&[&UNWISE[..], &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let documented = fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    let mut keys = BTreeSet::new();
    collect_keys(&report, &mut keys);
    for key in keys {
        assert!(documented.contains(&format!("`{key}`")), "docs/lint.md does not tell of `{key}`");
    }
    let counts = &report["counts"];
    assert_eq!(report["findings"].as_array().unwrap().len() as u64, {
        let count = |key: &str| counts[key].as_u64().unwrap();
        count("critical") + count("warning") + count("info")
    });
}

fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                keys.insert(key.clone());
                collect_keys(value, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

/// The table of the manual is the table of rules.
#[test]
fn the_manual_tells_of_every_rule() {
    let documented = fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    for rule in RULES {
        let row = format!("| {} | `{}` | {} |", rule.severity.name(), rule.id, rule.what);
        assert!(documented.contains(&row), "docs/lint.md lacks\n{row}");
    }
    assert_eq!(documented.matches("\n| critical |").count(), {
        RULES.iter().filter(|rule| rule.severity.name() == "critical").count()
    });
}
