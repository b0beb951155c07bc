//! `validate`: any manifests, offline.

#![cfg(test)]

mod common;

use common::schemas;
use common::tool::{CommandOutput, Sandbox, repository, tts_render};
use serde_json::{Value, json};

const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\ndata: {a: b}\n";
const BAD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndate: {a: b}\n";
const UNKNOWN: &str = "apiVersion: example/v1\nkind: Foo\nmetadata: {name: a}\n";

/// Runs `validate` with a text on standard input.
fn validate_input(args: &[&str], input: &str) -> CommandOutput {
    let sandbox = Sandbox::empty();
    let mut command = tts_render(&sandbox.path(""));
    CommandOutput::with_input(command.arg("validate").args(args), input)
}

#[test]
fn valid_manifests_end_with_0_and_a_count() {
    let sandbox = Sandbox::empty();
    sandbox.write("one.yaml", GOOD);
    let one = sandbox.ok(&["validate", "one.yaml"]);
    assert_eq!((one.stdout.as_str(), one.stderr.as_str()), ("", "1 object checked, 0 findings\n"));
    sandbox.write("two.yaml", format!("{GOOD}---\n{GOOD}"));
    assert_eq!(sandbox.ok(&["validate", "two.yaml"]).stderr, "2 objects checked, 0 findings\n");
    assert_eq!(sandbox.ok(&["--quiet", "validate", "two.yaml"]).stderr, "");
    sandbox.write("bad.yaml", BAD);
    let quiet = sandbox.run(&["validate", "-q", "bad.yaml"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (1, "", ""));
}

#[test]
fn a_finding_has_its_place_its_path_and_a_suggestion() {
    let sandbox = Sandbox::empty();
    sandbox.write("bad.yaml", BAD);
    let bad = sandbox.run(&["validate", "bad.yaml"]);
    assert_eq!(bad.code, 1, "{}", bad.stderr);
    assert!(bad.stdout.starts_with("bad.yaml:4:1: "), "{}", bad.stdout);
    assert!(bad.stdout.contains("did you mean `data`?"), "{}", bad.stdout);
    assert_eq!(bad.stderr, "1 object checked, 1 finding\n");
}

#[test]
fn text_that_is_not_yaml_is_a_finding() {
    let sandbox = Sandbox::empty();
    sandbox.write("broken.yaml", "a: [1\n");
    let broken = sandbox.run(&["validate", "broken.yaml"]);
    assert_eq!(broken.code, 1, "{}", broken.stderr);
    assert!(broken.stdout.starts_with("broken.yaml:"), "{}", broken.stdout);
}

#[test]
fn a_values_file_is_named_as_one() {
    let sandbox = Sandbox::empty();
    let values = std::fs::read_to_string(repository().join("values/tts.yaml")).unwrap();
    sandbox.write("tts.yaml", values);
    let found = sandbox.run(&["validate", "tts.yaml"]);
    assert_eq!(found.code, 1, "{}", found.stderr);
    let hint = "a values file, not a manifest: `tts-render lint` checks it";
    assert!(found.stdout.contains(hint), "{}", found.stdout);
    // Any other object without a kind is a manifest with a fault.
    sandbox.write("other.yaml", "apiVersion: v1\nname: a\n");
    let found = sandbox.run(&["validate", "other.yaml"]);
    assert!(!found.stdout.contains("values file"), "{}", found.stdout);
}

#[test]
fn standard_input_is_read() {
    assert_eq!(validate_input(&["-"], GOOD).code, 0);
    let bad = validate_input(&["-"], BAD);
    assert_eq!(bad.code, 1, "{}", bad.stderr);
    assert!(bad.stdout.starts_with("(standard input):4:1: "), "{}", bad.stdout);
}

#[test]
fn unknown_kinds_are_skipped_and_counted() {
    let sandbox = Sandbox::empty();
    sandbox.write("crd.yaml", format!("{UNKNOWN}---\n{UNKNOWN}---\n{GOOD}"));
    let skipped = sandbox.ok(&["validate", "crd.yaml"]);
    assert_eq!(
        skipped.stderr,
        "skipped 2 × example/v1 Foo (unknown kind)\n1 object checked, 0 findings\n"
    );
}

#[test]
fn a_custom_resource_is_validated_by_a_definition_in_any_of_the_files() {
    let sandbox = Sandbox::empty();
    let fixtures = "crates/kube-validate/tests/fixtures/definitions";
    let read = |name| std::fs::read_to_string(repository().join(fixtures).join(name)).unwrap();
    sandbox.write("crds/widgets.yaml", read("definition.yaml"));
    sandbox.write("deploy/widget.yaml", read("objects.yaml").replace("small", "medium"));
    let alone = sandbox.ok(&["validate", "deploy"]);
    assert!(alone.stderr.starts_with("skipped 1 × example.com/v1 Widget"), "{}", alone.stderr);
    for order in [["deploy", "crds"], ["crds", "deploy"]] {
        let both = sandbox.run(&["validate", order[0], order[1]]);
        assert_eq!(both.code, 1, "{}", both.stderr);
        assert!(both.stdout.starts_with("deploy/widget.yaml:7:"), "{}", both.stdout);
        assert!(both.stdout.contains("expected `small` or `large`"), "{}", both.stdout);
        assert_eq!(both.stderr, "2 objects checked, 1 finding\n");
    }
    let piped = format!("{}---\n{}", read("definition.yaml"), read("objects.yaml"));
    assert_eq!(validate_input(&["-"], &piped).stderr, "2 objects checked, 0 findings\n");
}

#[test]
fn findings_keep_the_order_of_the_files_wherever_definitions_are() {
    let sandbox = Sandbox::empty();
    let fixtures = "crates/kube-validate/tests/fixtures/definitions";
    let read = |name| std::fs::read_to_string(repository().join(fixtures).join(name)).unwrap();
    let (definition, widget) = (read("definition.yaml"), read("objects.yaml"));
    let bad_widget = widget.replace("small", "medium");
    let bad_definition =
        definition.replace("example.com", "example.net").replace("scope:", "scop:");
    sandbox.write("a.yaml", &bad_widget);
    sandbox.write("b.yaml", &bad_definition);
    sandbox.write("c.yaml", format!("{bad_widget}---\n{definition}"));
    sandbox.write("d.yaml", format!("{definition}---\na: [\n"));
    sandbox.write("e.yaml", format!("# No CustomResourceDefinition.\n{bad_widget}"));
    sandbox.write("f.yaml", GOOD);
    sandbox.write("g.yaml", &bad_widget);
    let found = sandbox.run(&["validate", "."]);
    let mut files: Vec<&str> =
        found.stdout.lines().filter_map(|line| line.split_once(".yaml:")).map(|it| it.0).collect();
    files.dedup();
    assert_eq!(files.join(" "), "./a ./b ./c ./d ./e ./g", "{}", found.stdout);
    assert!(found.stderr.starts_with("7 objects checked, "), "{}", found.stderr);
}

#[test]
fn encrypted_objects_are_skipped_and_named() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {key: 'ENC[AES256_GCM,data:x,type:str]'}\nsops: {mac: 'ENC[AES256_GCM,data:y,type:str]', version: 3.9.0}\n";
    let skipped = validate_input(&["-"], &format!("{secret}---\n{GOOD}"));
    assert_eq!(skipped.code, 0, "{}", skipped.stdout);
    assert_eq!(skipped.stderr, "skipped 1 × encrypted with SOPS\n1 object checked, 0 findings\n");
    // Without a checksum, `sops` is an unknown field like any other.
    let plain = validate_input(&["-"], &secret.replace("mac:", "macs:"));
    assert_eq!(plain.code, 1);
    assert!(plain.stdout.contains("unknown field `sops`"), "{}", plain.stdout);
}

#[test]
fn values_that_flux_fills_in_are_named_once_an_object() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${APP}', namespace: '${NAMESPACE:=default}'}\n";
    let found = validate_input(&["-"], text);
    assert_eq!(found.code, 1);
    assert_eq!(found.stderr, "1 object checked, 1 finding\n");
    assert!(found.stdout.contains("`${APP}` is a placeholder, not a value"), "{}", found.stdout);
    assert!(found.stdout.contains("postBuild"), "{}", found.stdout);
    // A valid value may look like one.
    let data = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '${APP}'}\n";
    assert_eq!(validate_input(&["-"], data).code, 0);
}

#[test]
fn a_stream_of_json_objects_is_read_with_places() {
    let object = |name: &str, field: &str| {
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"{name}\"}}, \"{field}\": {{}}}}"
        )
    };
    let good = validate_input(
        &["-"],
        &format!("{}\n{}{}", object("a", "data"), object("b", "data"), object("c", "data")),
    );
    assert_eq!((good.code, good.stderr.as_str()), (0, "3 objects checked, 0 findings\n"));
    let bad =
        validate_input(&["-"], &format!("{}\n{}\n", object("a", "data"), object("b", "dada")));
    assert_eq!(bad.code, 1, "{}", bad.stderr);
    assert!(bad.stdout.starts_with("(standard input):2:"), "{}", bad.stdout);
    let broken = validate_input(&["-"], &format!("{}\n{{", object("a", "data")));
    assert_eq!(broken.code, 1, "{}", broken.stderr);
}

#[test]
fn removed_versions_of_kubernetes_own_groups_are_findings() {
    for (version, kind, hint) in [
        ("apps/v1beta1", "Deployment", "`Deployment` belongs to `apps/v1`"),
        ("extensions/v1beta1", "Ingress", "`Ingress` belongs to `networking.k8s.io/v1`"),
        ("batch/v1beta1", "CronJob", "`CronJob` belongs to `batch/v1`"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "belongs to `autoscaling/v2`"),
        ("policy/v1beta1", "PodSecurityPolicy", ""),
    ] {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n");
        let removed = validate_input(&["-"], &text);
        assert_eq!(removed.code, 1, "{version} {kind}: {}", removed.stderr);
        assert!(removed.stdout.contains(hint), "{}", removed.stdout);
    }
    // Definitions add groups below Kubernetes' own domain, and a server can have alpha versions.
    for (version, kind) in [
        ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
        ("resource.k8s.io/v1alpha3", "DeviceTaintRule"),
    ] {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n");
        assert_eq!(validate_input(&["-"], &text).code, 0, "{version}");
    }
}

#[test]
fn a_folder_is_read_with_all_folders_in_it_sorted() {
    let sandbox = Sandbox::empty();
    sandbox.write("all/b.yaml", BAD);
    sandbox.write("all/a/z.yml", BAD);
    sandbox.write("all/a/.hidden/h.json", "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"x\"}, \"date\": {}}");
    sandbox.write("all/README.md", "not: a manifest\n");
    let checked = sandbox.run(&["validate", "all"]);
    assert_eq!(checked.code, 1, "{}", checked.stderr);
    let places: Vec<&str> = checked
        .stdout
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(places, ["all/a/.hidden/h.json", "all/a/z.yml", "all/b.yaml"]);
    assert_eq!(checked.stderr, "3 objects checked, 3 findings\n");
}

/// Several threads read them.
#[test]
fn findings_of_many_files_are_in_the_files_order() {
    let sandbox = Sandbox::empty();
    let names: Vec<String> = (10..40).map(|number| format!("all/{number}.yaml")).collect();
    for name in &names {
        sandbox.write(name, BAD);
    }
    let checked = sandbox.run(&["validate", "all"]);
    let findings = checked.stdout.lines().filter(|line| !line.starts_with(' '));
    let places: Vec<&str> = findings.filter_map(|line| line.split(':').next()).collect();
    assert_eq!(places, names);
    assert_eq!(checked.stderr, "30 objects checked, 30 findings\n");
}

#[cfg(unix)]
#[test]
fn links_in_a_folder_are_not_followed() {
    let sandbox = Sandbox::empty();
    sandbox.write("outside/bad.yaml", BAD);
    sandbox.write("all/good.yaml", GOOD);
    std::os::unix::fs::symlink(sandbox.path("outside"), sandbox.path("all/folder")).unwrap();
    std::os::unix::fs::symlink(sandbox.path("outside/bad.yaml"), sandbox.path("all/link.yaml"))
        .unwrap();
    assert_eq!(sandbox.ok(&["validate", "all"]).stderr, "1 object checked, 0 findings\n");
    // A link that the user names is followed.
    assert_eq!(sandbox.run(&["validate", "all/link.yaml"]).code, 1);
}

#[test]
fn a_file_that_can_not_be_read_does_not_hide_the_others() {
    let sandbox = Sandbox::empty();
    sandbox.write("bad.yaml", BAD);
    sandbox.write("all/large.yaml", "# a comment\n".repeat(1 << 20));
    sandbox.write("all/text.yaml", GOOD);
    std::fs::write(sandbox.path("all/latin.yaml"), b"a: \xe4\n").unwrap();
    let checked = sandbox.run(&["validate", "missing.yaml", "all", "bad.yaml"]);
    assert_eq!(checked.code, 2, "{}", checked.stderr);
    assert!(checked.stdout.starts_with("bad.yaml:4:1: "), "{}", checked.stdout);
    for message in [
        "can't read `missing.yaml`: ",
        "`all/large.yaml` is larger than ",
        "`all/latin.yaml` is not UTF-8",
        "2 objects checked, 1 finding",
    ] {
        assert!(checked.stderr.contains(message), "{message}: {}", checked.stderr);
    }
}

#[test]
fn a_folder_without_manifests_is_an_error() {
    let sandbox = Sandbox::empty();
    sandbox.write("all/README.md", "text\n");
    let errors = sandbox.refused(&["validate", "all"]);
    assert!(errors.contains("there is no .yaml, .yml or .json file below `all`"), "{errors}");
    assert_eq!(sandbox.run(&["validate"]).code, 2);
}

#[test]
fn the_rendered_folder_of_this_repository_is_valid() {
    let checked = Sandbox::repository().ok(&["validate", "rendered"]);
    assert_eq!(checked.stderr, "14 objects checked, 0 findings\n");
}

#[test]
fn files_are_named_as_for_kubectl() {
    let sandbox = Sandbox::empty();
    sandbox.write("one.yaml", GOOD);
    sandbox.write("all/two.yaml", GOOD);
    let both = sandbox.ok(&["validate", "-f", "one.yaml", "--filename", "all"]);
    assert_eq!(both.stderr, "2 objects checked, 0 findings\n");
    assert_eq!(sandbox.ok(&["validate", "one.yaml", "-f", "all"]).stderr, both.stderr);
    let bad = validate_input(&["-f", "-"], BAD);
    assert_eq!(bad.code, 1, "{}", bad.stderr);
    assert!(bad.stdout.starts_with("(standard input):4:1: "), "{}", bad.stdout);
}

#[test]
fn an_input_without_an_object_is_an_error() {
    for input in ["", "# nothing\n", "---\n", "apiVersion: v1\nkind: List\nitems: []\n"] {
        for format in ["text", "json", "sarif", "github"] {
            let empty = validate_input(&["-", "-o", format], input);
            let errors = empty.refusal();
            assert!(errors.contains("standard input contains no object"), "{errors}");
        }
    }
    let sandbox = Sandbox::empty();
    sandbox.write("good.yaml", GOOD);
    sandbox.write("empty.yaml", "");
    let errors = sandbox.refused(&["validate", "good.yaml", "empty.yaml"]);
    assert!(errors.contains("`empty.yaml` contains no object"), "{errors}");
    // Objects of unknown kinds are objects.
    assert_eq!(validate_input(&["-"], UNKNOWN).code, 0);
}

#[test]
fn findings_are_also_json_sarif_and_workflow_commands() {
    let sandbox = Sandbox::empty();
    sandbox.write("deploy/bad one.yaml", format!("{BAD}---\n{UNKNOWN}"));
    let run = |format: &str| {
        let ran = sandbox.run(&["validate", "deploy", "-o", format]);
        assert_eq!(ran.code, 1, "{format}: {}", ran.stderr);
        ran.stdout
    };
    let json: Value = serde_json::from_str(&run("json")).expect("JSON");
    assert_eq!(json["counts"], json!({"checked": 1, "skipped": 1, "encrypted": 0, "findings": 1}));
    let finding = &json["findings"][0];
    assert_eq!(finding["place"], json!({"file": "deploy/bad one.yaml", "line": 4, "column": 1}));
    assert_eq!(finding["hint"], "did you mean `data`?");
    assert_eq!(json["skipped"], json!([{"apiVersion": "example/v1", "kind": "Foo", "count": 1}]));

    let sarif = run("sarif");
    assert_eq!(schemas::errors(&schemas::sarif(), &sarif), [""; 0]);
    let sarif: Value = serde_json::from_str(&sarif).expect("JSON");
    let result = &sarif["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "deploy/bad%20one.yaml");
    assert_eq!(place["region"]["startLine"], 4);

    let github = run("github");
    let start = "::error title=kubernetes-api,file=deploy/bad one.yaml,line=4,col=1,endColumn=5::";
    assert!(github.starts_with(start) && github.lines().count() == 1, "{github}");
}

#[test]
fn a_manifest_cannot_inject_a_workflow_command() {
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n\"::error::x\\n::error::y\": 1\n";
    for format in ["text", "github"] {
        let out = validate_input(&["-", "-o", format], text).stdout;
        let commands = out.lines().filter(|line| line.trim_start().starts_with("::")).count();
        assert_eq!(commands, usize::from(format == "github"), "{out}");
    }
}

/// The lines of a table in Markdown, each as its cells.
fn table_rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with("| ") && !line.contains("| verdict |"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_rule_of_the_page_is_shown_by_a_refused_change_or_has_a_reason() {
    let page = include_str!("../docs/validate-rules.md");
    let changes = include_str!("../crates/kube-validate/tests/fixtures/everyday/changes.tsv");
    let refused: Vec<Vec<&str>> = changes
        .lines()
        .filter(|line| line.starts_with("refused\t"))
        .map(|line| line.split('\t').collect())
        .collect();
    let mut implemented = 0;
    for row in table_rows(page) {
        let [function, rule, verdict, proof] = row[..] else { panic!("{row:?}") };
        assert!(!function.is_empty() && !rule.is_empty(), "{row:?}");
        match verdict {
            "implemented" => {
                let parts: Vec<&str> =
                    proof.trim_matches('`').split("` `").map(str::trim).collect();
                let shows = |change: &&Vec<&str>| {
                    change[1] == parts[0]
                        && change[2] == parts[1]
                        && parts.get(2).is_none_or(|part| change[3].contains(part))
                };
                assert!(refused.iter().any(|change| shows(&change)), "{row:?}");
                implemented += 1;
            }
            "cluster" | "declined" => assert!(proof.len() > 8, "{row:?}"),
            _ => panic!("{row:?}"),
        }
    }
    assert!(implemented > 140, "{implemented}");
}
