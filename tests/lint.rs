//! `lint`: a named test for each rule, comments that allow findings, and the formats.

#![cfg(test)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::tool::{Sandbox, repository, run_in};
use serde_json::Value;
use tts_render::lint::{RULES, rule_ids};

fn fixtures() -> PathBuf {
    repository().join("tests/fixtures/lint")
}

/// This repository's project with a fixture's files, edits and overlay.
struct Case {
    name: String,
    sandbox: Sandbox,
    overlay: bool,
}

/// The cases of a rule whose names have a prefix. Of a case `fail`, `fail.yaml` is an overlay and
/// `fail.edits.yaml` lists replacements in files; the files of `files/` are added to every case.
fn cases(id: &str, prefix: &str) -> Vec<Case> {
    let folder = fixtures().join(id);
    let names: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("rule {id} has no fixtures"))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.split_once('.')?.0.to_owned()))
        .filter(|name| name.starts_with(prefix))
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
            sandbox.write(&name, fs::read_to_string(&path).unwrap());
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
        let output = self.sandbox.run(&args);
        assert!(output.code < 2, "{}: {}", self.name, output.stderr);
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
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

/// Checks a rule: it reports every `fail` case as in its snapshot, and no `pass` case.
fn check_rule(id: &str) {
    let mut shown = String::new();
    let failing = cases(id, "fail");
    assert!(!failing.is_empty(), "rule {id} has no `fail` fixture");
    for case in &failing {
        let (findings, _) = case.of(id);
        assert!(!findings.is_empty(), "{id} reports nothing in {}", case.name);
        shown += &format!("{}\n", case.name);
        shown.extend(findings.iter().map(|finding| format!("  {}", line(finding))));
    }
    insta::assert_snapshot!(id, shown);
    for case in cases(id, "pass") {
        let (findings, allowed) = case.of(id);
        assert!(findings.is_empty() && allowed.is_empty(), "{id}, {}: {findings:?}", case.name);
    }
}

/// A test for each rule, named after it.
macro_rules! rule_tests {
    ($($name:ident)*) => {
        const RULES_WITH_TEST: &[&str] = &[$(stringify!($name)),*];

        mod rule {
            $(
                #[test]
                fn $name() {
                    super::check_rule(&stringify!($name).replace('_', "-"));
                }
            )*
        }
    };
}

rule_tests! {
    admission_outlasts_progress
    all_suspended
    allow_invalid
    allow_unused
    budget_above_floor
    budget_missing
    gpu_total
    checksum_missing
    claim_cannot_bind
    client_settings_unread
    client_url
    deadline_too_short
    demand_unanswered
    demand_unbounded
    device_metric_as_pods
    down_into_window
    down_not_made_up
    down_too_often
    exporter_on_every_node
    floor_below_budget_and_reserve
    floor_never_free
    floor_out_of_reach
    floor_within_reserve
    forbid_on_guard
    gate_below_tenant
    gate_dry_run
    gate_image_pulled_always
    gate_on_any_node
    gate_settings_unchecked
    gpu_not_requested
    guard_idles
    guard_late
    guard_misses_window
    guard_replaced_early
    guard_suspended
    guard_too_slow
    image_keel_and_digest
    image_moving_tag
    liveness_http
    memory_request_missing
    memory_unattributed
    metric_role
    metric_unit
    no_series_idle
    own_memory_counted
    placeholder
    plain_secret
    pod_counted_twice
    policy_covers_tenant
    policy_end_of_life
    policy_excludes_too_much
    policy_unused
    port_not_open
    priority_class_tier
    prune_guard_missing
    pull_secret_missing
    readiness_missing
    role_too_wide
    schedule_daylight_saving
    schedule_either_day
    scrape_failure_keeps
    scrape_page
    scrape_port
    second_scaler
    single_sample
    stack_suspended
    stale_too_short
    starts_ungated
    storage_not_retained
    system_namespace
    target_not_rendered
    two_pods_at_once
    up_again_without_budget
    up_near_down
    window_ends_once
    window_never_opens
    windows_overlap
    yield_too_slow
}

#[test]
fn every_rule_has_a_test_and_every_fixture_a_rule() {
    let ids: BTreeSet<String> = rule_ids().map(str::to_owned).collect();
    let tested: BTreeSet<String> =
        RULES_WITH_TEST.iter().map(|name| name.replace('_', "-")).collect();
    assert_eq!(tested, ids);
    let folders: BTreeSet<String> = fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, ids);
}

/// A rule must not fall silent when a risk becomes an error.
#[test]
fn settings_that_the_gate_refuses_are_never_passed_over() {
    let sandbox = Sandbox::repository();
    for samples in 2..=10 {
        let samples_set = format!("gate.samples={samples}");
        let sets =
            ["offPeak.activeDeadlineSeconds=120", "gate.recheckDelaySeconds=0", &samples_set];
        let args = sets.iter().flat_map(|set| ["--set", set]);
        let output = sandbox.run(&std::iter::once("lint").chain(args).collect::<Vec<_>>());
        let is_reported = match output.code {
            0 => false,
            1 => output.stdout.contains("warning[deadline-too-short]"),
            _ => output.stderr.contains("gate.sample"),
        };
        assert_eq!(
            is_reported,
            samples >= 3,
            "{samples} samples: {}{}",
            output.stdout,
            output.stderr
        );
    }
    sandbox.replace("templates/cronjob.yaml.j2", "value: {{ gate.metric }}", "value: gpu-memory");
    let output = sandbox.run(&["lint"]);
    assert_eq!(output.code, 2, "{}", output.stdout);
    assert!(output.stderr.contains("METRIC"), "{}", output.stderr);
}

#[test]
fn this_repository_has_no_findings_but_allowed_ones() {
    let output = Sandbox::repository().ok(&["lint", "--allowed"]);
    insta::assert_snapshot!(output.stdout);
    let output = Sandbox::repository().ok(&["lint"]);
    assert_eq!(output.stdout, "");
}

#[test]
fn a_new_stack_lacks_the_marked_values_and_a_readiness_probe() {
    let output = Sandbox::demo().run(&["lint", "--format", "json"]);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let rules: BTreeSet<&str> = findings.iter().map(|f| f["rule"].as_str().unwrap()).collect();
    let expected = ["placeholder", "readiness-missing", "stack-suspended"];
    assert_eq!(rules, BTreeSet::from(expected));
}

/// Neither the message nor the line that a report shows contains the secret.
#[test]
fn no_report_prints_a_secret() {
    let sandbox = Sandbox::repository();
    let env = "    HF_HOME: /data/hf_cache\n";
    let secrets = ["swordfish7", "p4ssw0rd", "sesame99"];
    let [password, in_url, argument] = secrets;
    sandbox.replace(
        "values/tts.yaml",
        env,
        &format!("{env}    DB_PASSWORD: {password}\n    QUEUE: redis://me:{in_url}@queue:6379\n"),
    );
    let args = format!("server.args=[--token={argument}]");
    for format in ["text", "json", "github", "sarif"] {
        let output = sandbox.run(&["lint", "--set", &args, "--format", format]);
        assert_eq!(output.code, 1, "{format}: {}", output.stderr);
        assert!(output.stdout.contains("DB_PASSWORD"), "{format}: {}", output.stdout);
        for secret in secrets {
            assert!(!output.stdout.contains(secret), "{format}: {}", output.stdout);
        }
    }
}

#[test]
fn the_exit_code_depends_on_the_severity() {
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
fn errors_of_rendering_are_reported_first() {
    let said = Sandbox::repository().refused(&["lint", "--set", "gate.floor=100Gi"]);
    assert!(said.contains("`vram-gate` would refuse `FLOOR`"), "{said}");
    let sandbox = Sandbox::repository();
    sandbox.replace("policies/inject-gpu-workload-priority.yaml", "spec:", "spec: [");
    sandbox.refused(&["lint"]);
}

/// Overlaps and unused files can only be found if all stacks are known.
#[test]
fn a_named_stack_is_checked_by_itself() {
    let sandbox = Sandbox::repository();
    let whisper = fixtures().join("windows-overlap/files/values/whisper.yaml");
    sandbox.write("values/whisper.yaml", fs::read_to_string(whisper).unwrap());
    sandbox
        .write("policies/other.yaml", sandbox.read("policies/inject-gpu-workload-priority.yaml"));
    let rules = |args: &[&str]| -> BTreeSet<String> {
        let out = sandbox.run(&[&["lint", "--format", "json"], args].concat()).stdout;
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
    // A comment for another rule does not.
    sandbox.replace("templates/deployment.yaml.j2", "allow starts-ungated", "allow gpu-total");
    assert_eq!(sandbox.run(&["lint"]).code, 1);
}

/// A policy that a stack names is checked, wherever it is.
#[test]
fn a_policy_outside_the_folder_is_checked_too() {
    let sandbox = Sandbox::repository();
    let policy = "policies/inject-gpu-workload-priority.yaml";
    sandbox.write("elsewhere/p.yml", sandbox.read(policy));
    std::fs::remove_file(sandbox.path(policy)).unwrap();
    sandbox.replace("values/tts.yaml", policy, "elsewhere/p.yml");
    assert_eq!(sandbox.ok(&["lint"]).stdout, "");
    sandbox.replace("values/tts.yaml", "allow policy-end-of-life", "allow policy-unused");
    assert!(sandbox.run(&["lint"]).stdout.contains("info[policy-end-of-life]"));
}

/// Without the overlay the comment is in use.
#[test]
fn overlays_and_assignments_make_no_comment_unused() {
    let sandbox = Sandbox::repository();
    sandbox.write("pinned.yaml", "server:\n  image:\n    tag: 1a2b3c4d\n");
    assert_eq!(sandbox.ok(&["lint", "-f", "pinned.yaml"]).stdout, "");
    assert_eq!(sandbox.ok(&["lint", "--set", "server.image.tag=1a2b3c4d"]).stdout, "");
}

#[test]
fn explain_prints_a_rule_or_lists_all() {
    let sandbox = Sandbox::empty();
    insta::assert_snapshot!(
        "explained",
        sandbox.ok(&["lint", "--explain", "guard-too-slow"]).stdout
    );
    assert_eq!(sandbox.ok(&["lint", "--explain", "all"]).stdout.lines().count(), RULES.len());
    let said = sandbox.refused(&["lint", "--explain", "guard-to-slow"]);
    assert!(said.contains("did you mean `guard-too-slow`?"), "{said}");
    // It reads no stack, so nothing that changes one is ignored.
    for flag in ["--set", "--set-string"] {
        let said =
            sandbox.refused(&["lint", "--explain", "guard-too-slow", flag, "gate.floor=1Gi"]);
        assert!(said.contains("cannot be used with"), "{flag}: {said}");
    }
}

/// A stack with findings in values, in a template and in a flag, and an allowed one.
fn risky() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 512Mi");
    sandbox.replace("templates/role.yaml.j2", "      - patch\n", "      - patch\n      - \"*\"\n");
    sandbox
}

const RISKY: [&str; 3] = ["lint", "--set", "gate.dryRun=true"];

#[test]
fn text_shows_the_line_and_the_fix() {
    insta::assert_snapshot!("text", risky().run(&RISKY).stdout);
}

#[test]
fn workflow_commands_name_the_lines() {
    let output = risky().run(&[&RISKY[..], &["--format", "github"]].concat());
    insta::assert_snapshot!("github", output.stdout);
}

/// A forge looks for a file from the root of the checkout.
#[test]
fn files_are_named_relative_to_the_working_folder() {
    let sandbox = risky();
    let folder = sandbox.path("");
    let (parent, name) = (folder.parent().unwrap(), folder.file_name().unwrap().to_str().unwrap());
    let args = ["-C", name, "lint", "--format"];
    let github = run_in(parent, &[&args[..], &["github"]].concat()).stdout;
    assert!(github.contains(&format!("file={name}/values/tts.yaml,")), "{github}");
    let sarif = run_in(parent, &[&args[..], &["sarif"]].concat()).stdout;
    assert!(sarif.contains(&format!("\"uri\": \"{name}/values/tts.yaml\"")), "{sarif}");
    assert_eq!(run_in(parent, &["-C", name, "lint", "--explain", "gpu-total"]).code, 0);
}

#[test]
fn a_value_cannot_inject_a_workflow_command() {
    let sandbox = Sandbox::repository();
    let url = r#""http://x\n::error title=a::b%0A\e[31m.tts:1""#;
    sandbox.replace("values/tts.yaml", "http://chatterbox-tts.tts.svc.cluster.local:8000", url);
    let output = sandbox.run(&["lint", "--format", "github"]);
    assert_eq!(output.stdout.lines().count(), 1, "{}", output.stdout);
    assert!(
        output.stdout.starts_with("::error title=client-url,file=values/tts.yaml,"),
        "{}",
        output.stdout
    );
    assert!(!output.stdout.contains('\u{1b}'));
    let text = sandbox.run(&["lint"]).stdout;
    assert!(text.contains(r"x\n::error title=a::b%0A\u{1b}[31m"), "{text}");
}

#[test]
fn sarif_follows_its_schema() {
    let validator = common::schemas::sarif();
    let output = risky().run(&[&RISKY[..], &["--format", "sarif"]].concat());
    let mut log: Value = serde_json::from_str(&output.stdout).unwrap();
    let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["version"], env!("CARGO_PKG_VERSION"));
    // Absolute URIs (RFC 3986): the schema's format is not checked by this reader.
    let is_absolute = |uri: &Value| {
        uri.as_str().is_some_and(|uri| uri.starts_with("https://") || uri.starts_with("urn:"))
    };
    assert!(is_absolute(&driver["informationUri"]), "{driver}");
    let rules = driver["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| is_absolute(&rule["helpUri"])), "{driver}");
    assert!(
        rules.iter().filter(|rule| rule["helpUri"].as_str().unwrap().starts_with("https:")).count()
            > 20
    );
    // Each result has its own fingerprint, which a change of another line does not change.
    let fingerprints = |log: &Value| -> BTreeSet<String> {
        let results = log["runs"][0]["results"].as_array().unwrap();
        let all: BTreeSet<String> = results
            .iter()
            .map(|result| {
                let hash = &result["partialFingerprints"]["primaryLocationLineHash"];
                hash.as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(all.len(), results.len());
        all
    };
    let moved = risky();
    let text = moved.read("values/tts.yaml");
    moved.write("values/tts.yaml", format!("# one line more\n{text}"));
    let moved = moved.run(&[&RISKY[..], &["--format", "sarif"]].concat());
    assert_eq!(fingerprints(&serde_json::from_str(&moved.stdout).unwrap()), fingerprints(&log));
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], RULES[index].id);
    }
    insta::assert_snapshot!("sarif", serde_json::to_string_pretty(&run["results"]).unwrap());
    // The schema can fail.
    log["runs"][0]["results"][0]["level"] = "critical".into();
    assert!(!validator.is_valid(&log));
}

#[test]
fn every_json_key_is_documented() {
    let output = risky().run(&[&RISKY[..], &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let documented = fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    let mut keys = BTreeSet::new();
    collect_keys(&report, &mut keys);
    for key in keys {
        assert!(documented.contains(&format!("`{key}`")), "docs/lint.md does not describe `{key}`");
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

#[test]
fn the_manual_lists_every_rule() {
    let documented = fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    for rule in RULES {
        let row = format!("| {} | `{}` | {} |", rule.severity.name(), rule.id, rule.summary);
        assert!(documented.contains(&row), "docs/lint.md lacks\n{row}");
    }
    assert_eq!(documented.matches("\n| critical |").count(), {
        RULES.iter().filter(|rule| rule.severity.name() == "critical").count()
    });
}
