//! Any text as a file of policies. It must not panic, and a successful edit must only add bytes, must
//! not be repeated, and must be undone byte for byte. Run by `fuzz/run.sh`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tts_render::policy::{self, Outcome, Request, Status, Tenant};
use yaml_spans::source::{Source, Sources};

const NAMESPACE: &str = "tts";

type Edit =
    fn(&Sources, yaml_spans::source::SourceId, &Request<'_>) -> Result<Outcome, Vec<String>>;

fn apply_edit(text: &str, request: &Request<'_>, edit: Edit) -> Result<Outcome, Vec<String>> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("policy", text));
    edit(&sources, id, request).inspect_err(|errors| assert!(!errors.is_empty()))
}

fn exclude(text: &str, request: &Request<'_>) -> Result<Outcome, Vec<String>> {
    apply_edit(text, request, |sources, id, request| {
        policy::exclude_namespace(sources, id, request)
            .map_err(|all| all.iter().map(|e| e.diagnose(sources).message.to_string()).collect())
    })
}

fn include(text: &str, request: &Request<'_>) -> Result<Outcome, Vec<String>> {
    apply_edit(text, request, |sources, id, request| {
        policy::remove_exclusion(sources, id, request)
            .map_err(|all| all.iter().map(|e| e.diagnose(sources).message.to_string()).collect())
    })
}

/// Returns whether `longer` is `shorter` with bytes added. They may be in two places: a comma goes
/// before the comment that follows the last item.
fn is_insertion(shorter: &str, longer: &str) -> bool {
    let mut rest = longer.bytes();
    longer.len() > shorter.len() && shorter.bytes().all(|byte| rest.any(|other| other == byte))
}

fn check_edits(text: &str, request: &Request<'_>) {
    if let Ok(added) = exclude(text, request) {
        let again = exclude(&added.text, request).expect("an edited policy can be edited");
        assert!(again.status != Status::Added, "{again:?}");
        assert_eq!(again.text, added.text);
        match added.status {
            Status::AlreadyExcluded { .. } | Status::NothingToExclude { .. } => {
                assert_eq!(added.text, text);
            }
            Status::Added => {
                assert!(is_insertion(text, &added.text), "{text}\n---\n{}", added.text);
                let back = include(&added.text, request).expect("an added entry can be removed");
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
                // A name that occurs several times is removed once per call.
                include(&removed.text, request).expect("the policy without the entry is valid");
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
        controller: None,
    };
    let shown = policy::show_policies(&sources, id, Some(&tenant));
    let request = Request { namespace: NAMESPACE, rule: None, policy: None };
    check_edits(text, &request);
    for policy in shown.iter().flatten() {
        for rule in &policy.rules {
            check_edits(
                text,
                &Request { rule: rule.name.as_deref(), policy: Some(&policy.name), ..request },
            );
        }
    }
});
