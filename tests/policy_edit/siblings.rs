//! The policies of the same cluster that the tenant must stay under: the edit of their neighbour
//! leaves them alone, in one file or in several.

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

/// For each rule by its name: whether the namespace is left out, and what its Pod gets.
fn effects(text: &str) -> Vec<(String, bool, String)> {
    let (sources, source) = load(text);
    let tenant =
        Tenant { namespace: "tts", priority_class: Some("tier-2-gpu"), resource: "nvidia.com/gpu" };
    let shown = policy::show(&sources, source, Some(&tenant)).unwrap();
    let rules = shown.into_iter().flat_map(|policy| policy.rules);
    rules
        .map(|rule| {
            let out = rule.out.iter().any(|name| name == "tts");
            (rule.name.unwrap(), out, rule.effect.unwrap())
        })
        .collect()
}

#[test]
fn in_one_file_only_the_one_policy_changes() {
    let base = read("policies/inject-gpu-workload-priority.yaml");
    let [limits, ndots, tiers] = SIBLINGS.map(sibling);
    let bundle = [limits.as_str(), &base, &ndots, &tiers].join("---\n");
    let (sources, source) = load(&bundle);
    let request =
        Request { namespace: "tts", rule: None, policy: Some("inject-gpu-workload-priority") };
    let outcome = policy::exclude(&sources, source, &request).unwrap();
    assert_eq!(outcome.status, Status::Added);

    let documents: Vec<&str> = outcome.text.split("---\n").collect();
    let last = "                - calico-apiserver\n";
    let edited = base.replace(last, &format!("{last}                - tts\n"));
    assert_eq!(documents, [limits.as_str(), &edited, &ndots, &tiers]);

    let left_out: Vec<String> =
        effects(&outcome.text).into_iter().filter(|rule| rule.1).map(|rule| rule.0).collect();
    assert_eq!(left_out, ["gpu-priority-override"]);
}

#[test]
fn the_edit_moves_the_pod_from_one_priority_to_the_other() {
    let base = read("policies/inject-gpu-workload-priority.yaml");
    let effect = |text: &str| effects(text).swap_remove(0).2;
    assert_eq!(effect(&base), "priority 1200000 (gpu-workload) by rule gpu-priority-override");
    let (sources, source) = load(&base);
    let request = Request { namespace: "tts", rule: None, policy: None };
    let edited = policy::exclude(&sources, source, &request).unwrap().text;
    assert_eq!(effect(&edited), "keeps tier-2-gpu, left out by its name");
}

#[test]
fn a_list_that_feeds_several_rules_is_refused() {
    let (sources, source) = load(&sibling("inject-priority-by-tier"));
    for rule in ["priority-tier-0-core", "priority-tier-2-gpu"] {
        let request = Request { namespace: "tts", rule: Some(rule), policy: None };
        let errors = policy::exclude(&sources, source, &request).unwrap_err();
        assert!(matches!(errors[0].error, Error::Edit(_)), "{errors:?}");
        assert!(errors[0].span.is_some());
    }
}
