//! Any text as a file of policies: no panic, and an edit that is made only adds bytes, is not made
//! twice, and is taken back byte for byte. Run by `fuzz/run.sh`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tts_render::policy::{self, Outcome, Request, Status, Tenant};
use yaml_spans::source::{Source, Sources};

const NAMESPACE: &str = "tts";

type Edit =
    fn(&Sources, yaml_spans::source::SourceId, &Request<'_>) -> Result<Outcome, Vec<String>>;

fn of(text: &str, request: &Request<'_>, edit: Edit) -> Result<Outcome, Vec<String>> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("policy", text));
    edit(&sources, id, request).inspect_err(|errors| assert!(!errors.is_empty()))
}

fn exclude(text: &str, request: &Request<'_>) -> Result<Outcome, Vec<String>> {
    of(text, request, |sources, id, request| {
        policy::exclude_namespace(sources, id, request)
            .map_err(|all| all.iter().map(|e| e.diagnose(sources).message).collect())
    })
}

fn include(text: &str, request: &Request<'_>) -> Result<Outcome, Vec<String>> {
    of(text, request, |sources, id, request| {
        policy::remove_exclusion(sources, id, request)
            .map_err(|all| all.iter().map(|e| e.diagnose(sources).message).collect())
    })
}

/// Whether `longer` is `shorter` with bytes more. They may stand in two places: a comma goes before the
/// comment that follows the last item.
fn is_insertion(shorter: &str, longer: &str) -> bool {
    let mut rest = longer.bytes();
    longer.len() > shorter.len() && shorter.bytes().all(|byte| rest.any(|other| other == byte))
}

fn hold(text: &str, request: &Request<'_>) {
    if let Ok(added) = exclude(text, request) {
        let again = exclude(&added.text, request).expect("an edited policy can be edited");
        assert!(matches!(again.status, Status::AlreadyExcluded { .. }), "{again:?}");
        assert_eq!(again.text, added.text);
        match added.status {
            Status::AlreadyExcluded { .. } => assert_eq!(added.text, text),
            Status::Added => {
                assert!(is_insertion(text, &added.text), "{text}\n---\n{}", added.text);
                let back = include(&added.text, request).expect("what was added can go");
                assert!(matches!(back.status, Status::Removed { .. }), "{back:?}");
                assert_eq!(back.text, text, "{}", added.text);
            }
            other => panic!("{other:?}"),
        }
    }
    if let Ok(removed) = include(text, request) {
        match removed.status {
            Status::NotListed { .. } => assert_eq!(removed.text, text),
            Status::Removed { .. } => {
                assert!(removed.text.len() < text.len());
                // Names that stand several times go one by one.
                include(&removed.text, request).expect("a policy without it can be read");
            }
            other => panic!("{other:?}"),
        }
    }
}

fuzz_target!(|text: &str| {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("policy", text));
    let tenant = Tenant {
        namespace: NAMESPACE,
        priority_class: Some("tier-2-gpu"),
        resource: "nvidia.com/gpu",
    };
    let shown = policy::show_policies(&sources, id, Some(&tenant));
    let request = Request { namespace: NAMESPACE, rule: None, policy: None };
    hold(text, &request);
    for policy in shown.iter().flatten() {
        for rule in &policy.rules {
            hold(
                text,
                &Request { rule: rule.name.as_deref(), policy: Some(&policy.name), ..request },
            );
        }
    }
});
