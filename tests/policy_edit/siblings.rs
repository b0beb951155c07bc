//! The other policies of the cluster, which must keep covering the tenant: editing one policy does not
//! change the others, in one file or in several.

use std::fs;
use std::path::Path;

use tts_render::policy::{self, Error, Request, Status, Tenant};
use yaml_spans::source::{Source, SourceId, Sources};

const SIBLINGS: [&str; 3] =
    ["generate-limitrange-by-tier", "inject-ndots", "inject-priority-by-tier"];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn sibling(name: &str) -> String {
    read(&format!("tests/fixtures/siblings/{name}.yaml"))
}

fn load(text: &str) -> (Sources, SourceId) {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    (sources, source)
}

/// Each rule's name, whether it excludes the namespace, and its effect on the tenant's Pod.
fn rule_effects(text: &str) -> Vec<(String, bool, String)> {
    let (sources, source) = load(text);
    let tenant = Tenant {
        namespace: "tts",
        priority_class: Some("tier-2-gpu"),
        resource: "nvidia.com/gpu",
        controller: None,
    };
    let shown = policy::show_policies(&sources, source, Some(&tenant)).unwrap();
    let rules = shown.into_iter().flat_map(|policy| policy.rules);
    rules
        .map(|rule| {
            let is_excluded = rule.excluded.iter().any(|name| name == "tts");
            (rule.name.unwrap(), is_excluded, rule.effect.unwrap())
        })
        .collect()
}

#[test]
fn only_the_named_policy_of_a_file_changes() {
    let base = read("policies/inject-gpu-workload-priority.yaml");
    let [limits, ndots, tiers] = SIBLINGS.map(sibling);
    let bundle = [limits.as_str(), &base, &ndots, &tiers].join("---\n");
    let (sources, source) = load(&bundle);
    let request =
        Request { namespace: "tts", rule: None, policy: Some("inject-gpu-workload-priority") };
    let outcome = policy::exclude_namespace(&sources, source, &request).unwrap();
    assert_eq!(outcome.status, Status::Added);

    let documents: Vec<&str> = outcome.text.split("---\n").collect();
    let last = "                - calico-apiserver\n";
    let edited = base.replace(last, &format!("{last}                - tts\n"));
    assert_eq!(documents, [limits.as_str(), &edited, &ndots, &tiers]);

    let excluding: Vec<String> =
        rule_effects(&outcome.text).into_iter().filter(|rule| rule.1).map(|rule| rule.0).collect();
    assert_eq!(excluding, ["gpu-priority-override"]);
}

#[test]
fn the_edit_changes_the_priority_of_the_pod() {
    let base = read("policies/inject-gpu-workload-priority.yaml");
    let effect = |text: &str| rule_effects(text).swap_remove(0).2;
    assert_eq!(effect(&base), "priority 1200000 (gpu-workload) by rule gpu-priority-override");
    let (sources, source) = load(&base);
    let request = Request { namespace: "tts", rule: None, policy: None };
    let edited = policy::exclude_namespace(&sources, source, &request).unwrap().text;
    assert_eq!(effect(&edited), "keeps tier-2-gpu: excluded by its name");
}

#[test]
fn a_list_shared_by_several_rules_is_refused() {
    let (sources, source) = load(&sibling("inject-priority-by-tier"));
    for rule in ["priority-tier-0-core", "priority-tier-2-gpu"] {
        let request = Request { namespace: "tts", rule: Some(rule), policy: None };
        let errors = policy::exclude_namespace(&sources, source, &request).unwrap_err();
        assert!(matches!(errors[0].error, Error::Edit(_)), "{errors:?}");
        assert!(errors[0].span.is_some());
    }
}
