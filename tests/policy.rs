//! `policy edit` and `policy show`, as a user runs them.

#![cfg(test)]

mod common;

use common::tool::{Sandbox, repository};

const FILE: &str = "policies/p.yaml";
const POLICY: &str = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n    - name: r\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      exclude: {any: [{resources: {namespaces: [a]}}]}\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write(FILE, POLICY);
    sandbox
}

#[test]
fn a_file_is_edited_once_and_restored() {
    let sandbox = sandbox();
    let edit = |more: &[&str]| {
        let result =
            sandbox.run(&[&["policy", "edit", FILE, "--exclude", "tenant"], more].concat());
        (result.code, result.stderr)
    };
    let (code, said) = edit(&["--check"]);
    assert_eq!((code, sandbox.read(FILE).as_str()), (1, POLICY));
    assert!(said.contains("does not exclude `tenant` yet"), "{said}");

    let (code, said) = edit(&[]);
    assert_eq!(code, 0);
    assert_eq!(said, "`policies/p.yaml`: rule `r` of `p` now excludes `tenant`\n");
    assert_eq!(sandbox.read(FILE), POLICY.replace("[a]", "[a, tenant]"));

    let (code, said) = edit(&["--check"]);
    assert_eq!(code, 0);
    assert!(said.ends_with("already excludes `tenant`, by its name\n"), "{said}");

    assert_eq!(edit(&["--remove", "--check"]).0, 1);
    assert_eq!(edit(&["--remove"]).0, 0);
    assert_eq!(sandbox.read(FILE), POLICY);
    let left = std::fs::read_dir(sandbox.path("policies")).expect("the folder").count();
    assert_eq!(left, 1, "no temporary file is left");
}

#[test]
fn all_rules_are_edited_together_or_none() {
    let sandbox = sandbox();
    let second = "    - name: s\n      match: {any: [{resources: {kinds: [Pod]}}]}\n";
    sandbox.write(FILE, format!("{POLICY}{second}"));
    let edit = ["policy", "edit", FILE, "--exclude", "tenant", "--all-rules"];
    let said = sandbox.ok(&edit).stderr;
    assert_eq!(
        said,
        "`policies/p.yaml`: rule `r` of `p` now excludes `tenant`\n`policies/p.yaml`: rule `s` of `p` now excludes `tenant`\n"
    );
    let edited = sandbox.read(FILE);
    assert!(edited.contains("[a, tenant]"), "{edited}");
    assert_eq!(edited.matches("tenant").count(), 2, "{edited}");
    sandbox.ok(&[&edit[..], &["--remove"]].concat());
    assert_eq!(sandbox.read(FILE), format!("{POLICY}{second}"));

    // The second rule refuses the edit, so the first is not edited either.
    let refusing = format!("{POLICY}{second}      exclude: {{all: [{{clusterRoles: [x]}}]}}\n");
    sandbox.write(FILE, &refusing);
    let said = sandbox.refused(&edit);
    assert!(said.contains("policies/p.yaml:11:"), "{said}");
    assert_eq!(sandbox.read(FILE), refusing);
}

#[test]
fn a_file_without_a_policy_that_can_be_edited_is_named_by_its_kinds() {
    let sandbox = sandbox();
    sandbox.write(
        FILE,
        "apiVersion: kyverno.io/v1\nkind: Policy\nmetadata: {name: p, namespace: a}\n",
    );
    let said = sandbox.refused(&["policy", "edit", FILE, "--exclude", "tenant"]);
    assert!(said.contains("found `Policy`"), "{said}");
}

#[test]
fn an_exception_covers_the_rules_that_kyverno_makes_for_controllers() {
    let sandbox = Sandbox::repository();
    let policy = "policies/inject-gpu-workload-priority.yaml";
    let merge = POLICY
        .replace("name: p}", "name: inject-gpu-workload-priority}")
        .replace("name: r", "name: gpu-priority-override")
        + "      mutate: {patchStrategicMerge: {spec: {priorityClassName: gpu}}}\n";
    sandbox.write(policy, merge);
    sandbox.replace("values/tts.yaml", "mode: edit", "mode: exception");
    let out = sandbox.ok(&["generate"]).stdout;
    for line in [
        "- gpu-priority-override\n",
        "- autogen-gpu-priority-override\n",
        "- autogen-cronjob-gpu-priority-override\n",
        "- Deployment\n",
    ] {
        assert!(out.contains(line), "{out}");
    }
}

#[cfg(unix)]
#[test]
fn the_file_mode_and_a_link_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = sandbox();
    let (file, link) = (sandbox.path(FILE), sandbox.path("link.yaml"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink(&file, &link).expect("a link");
    sandbox.ok(&["policy", "edit", "link.yaml", "--exclude", "tenant"]);
    assert!(std::fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert!(sandbox.read(FILE).contains("tenant"));
    let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_shape_that_one_entry_would_change_further_is_refused() {
    let sandbox = sandbox();
    sandbox.replace(FILE, "exclude: {any:", "exclude: {all:");
    let before = sandbox.read(FILE);
    let said = sandbox.refused(&["policy", "edit", FILE, "--exclude", "tenant"]);
    assert!(said.contains("policies/p.yaml:8:"), "{said}");
    assert_eq!(sandbox.read(FILE), before);
}

#[test]
fn show_reports_the_effect_on_the_tenants_pod() {
    let show = |file: &str| {
        let file = repository().join(file).display().to_string();
        Sandbox::empty()
            .ok(&["policy", "show", &file, "--namespace", "tts", "--priority-class", "tier-2-gpu"])
            .stdout
    };
    let before = show("policies/inject-gpu-workload-priority.yaml");
    assert!(
        before.contains("priority 1200000 (gpu-workload) by rule gpu-priority-override"),
        "{before}"
    );
    let after = show("rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml");
    assert!(after.contains("keeps tier-2-gpu"), "{after}");
}

/// Three exclusions that are easy to misread, each without and with the tenant.
const EXCLUSIONS: [[&str; 2]; 3] = [
    [
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n    - name: r\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      exclude: {any: [], resources: {namespaces: [kube-system]}}\n      mutate: {patchStrategicMerge: {spec: {priorityClassName: gpu}}}\n",
        "[kube-system, tts]",
    ],
    [
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n    - name: r\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      exclude: {all: [{resources: {namespaces: [kube-system]}}]}\n      mutate: {patchStrategicMerge: {spec: {priorityClassName: gpu}}}\n",
        "[kube-system, tts]",
    ],
    [
        "apiVersion: policies.kyverno.io/v1\nkind: MutatingPolicy\nmetadata: {name: p}\nspec:\n  matchConstraints:\n    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]\n  matchConditions: [{name: out, expression: '!(request.namespace in [kube-system])'}]\n  mutations:\n    - patchType: ApplyConfiguration\n      applyConfiguration: {expression: 'Object{spec: Object.spec{priorityClassName: \"gpu\"}}'}\n",
        "[''kube-system'', ''tts'']",
    ],
];

#[test]
fn show_and_diff_agree_about_an_exclusion() {
    for [policy, with_tenant] in EXCLUSIONS {
        let sandbox = Sandbox::empty();
        let without_tenant = with_tenant.replace(", tts", "").replace(", ''tts''", "");
        for (side, list) in [("before", without_tenant.as_str()), ("after", with_tenant)] {
            let text = policy.replace("[kube-system]", list);
            sandbox.write(&format!("{side}/kyverno/policy-p.yaml"), &text);
        }
        let show = |side: &str| {
            let file = format!("{side}/kyverno/policy-p.yaml");
            sandbox.ok(&["policy", "show", &file, "--namespace", "tts"]).stdout
        };
        let [before, after] = ["before", "after"].map(show);
        assert!(!before.contains("keeps its own priority"), "{before}");
        assert!(after.contains("keeps its own priority: excluded by its name"), "{after}");
        let diff = sandbox.run(&["diff", "--base-dir", "before", "--head", "after"]);
        assert_eq!(diff.code, 1, "{}", diff.stderr);
        assert!(diff.stdout.contains("no longer covers `tts`"), "{policy}\n{}", diff.stdout);
    }
}

#[test]
fn the_edit_is_a_pure_insertion_into_the_owners_bytes() {
    let owner =
        std::fs::read_to_string(repository().join("policies/inject-gpu-workload-priority.yaml"));
    let rendered = std::fs::read_to_string(
        repository().join("rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml"),
    );
    let (owner, rendered) = (owner.expect("the policy"), rendered.expect("the edit"));
    let (_, rendered) = rendered.split_once('\n').expect("a header");
    assert_eq!(rendered.replacen("                - tts\n", "", 1), owner);
    assert_ne!(rendered, owner);
}

#[test]
fn a_byte_order_mark_is_not_carried_below_the_header() {
    let policy = "policies/inject-gpu-workload-priority.yaml";
    let sandbox = Sandbox::repository();
    let without = sandbox.ok(&["generate", "--app", "kyverno"]).stdout;
    sandbox.write(policy, format!("\u{feff}{}", sandbox.read(policy)));
    assert_eq!(sandbox.ok(&["generate", "--app", "kyverno"]).stdout, without);
}

#[test]
fn an_exception_can_replace_the_edit() {
    let sandbox = Sandbox::repository();
    sandbox.replace(
        "values/tts.yaml",
        "mode: edit",
        "mode: exception\n  exceptionNamespace: kyverno-exceptions",
    );
    let said = sandbox.ok(&["render"]).stderr;
    assert!(
        said.contains("enablePolicyException") && said.contains("kyverno-exceptions"),
        "{said}"
    );
    let out = sandbox.ok(&["generate"]).stdout;
    assert!(out.contains("kind: PolicyException") && !out.contains("kind: ClusterPolicy"), "{out}");
    assert!(out.contains("policyName: inject-gpu-workload-priority"), "{out}");
    sandbox.replace("values/tts.yaml", "mode: exception", "mode: none");
    assert!(!sandbox.ok(&["generate"]).stdout.contains("kyverno.io"));
}
