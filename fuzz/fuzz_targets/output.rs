//! Any text as a template's output. It must not panic, and accepted text must mean the same data to
//! this project's readers and writers, to a reader with `kubectl`'s rules, and to an independent one.
//! Run by `fuzz/run.sh`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use kube_validate::{AllowedKinds, Definitions};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect, Node, Value};

fn parse(text: &str, dialect: Dialect) -> Result<Vec<Node>, String> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("output", text));
    yaml_spans::parse(&sources, id, dialect).map_err(|errors| {
        assert!((1..=yaml_spans::MAX_ERRORS).contains(&errors.len()));
        errors.iter().map(|error| error.diagnose(&sources).message.to_string() + "\n").collect()
    })
}

/// The result of checking a document: the object's id, or all errors.
fn verdict(node: &Node) -> Result<String, Vec<String>> {
    match kube_validate::validate(node.clone(), &AllowedKinds::none()) {
        Ok(object) => {
            assert_eq!(object.node, *node);
            let report = kube_validate::validate_foreign(std::slice::from_ref(node), &Definitions::default());
            assert!(report.findings.is_empty(), "{:?}", report.findings);
            assert_eq!((report.checked, report.unknown.len()), (1, 0));
            let _ = kube_validate::apply_order(&object);
            Ok(object.id().to_string())
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            let mut all: Vec<_> = errors
                .iter()
                .map(|error| format!("{}: {} {:?}", error.path, error.error, error.hint))
                .collect();
            all.sort();
            Err(all)
        }
    }
}

fuzz_target!(|text: &str| {
    let Ok(documents) = parse(text, Dialect::Strict) else {
        // Foreign manifests are read with fewer rules, but with the same limits.
        if let Ok(documents) = parse(text, Dialect::Kubectl) {
            let definitions = Definitions::of_documents(&documents);
            kube_validate::validate_foreign(&documents, &definitions);
        }
        return;
    };
    let is_not_null = |node: &&Node| node.value != Value::Null;
    let by_kubectl = parse(text, Dialect::Kubectl).expect("strict YAML is valid YAML");
    assert!(documents.iter().filter(is_not_null).eq(&by_kubectl), "{documents:?} {by_kubectl:?}");

    let written = yaml_spans::emit_documents(&documents);
    let again = parse(&written, Dialect::Strict).unwrap_or_else(|e| panic!("{e}\n{written}"));
    assert_eq!(again, documents, "{written}");
    assert_eq!(yaml_spans::emit_documents(&again), written);
    for node in &documents {
        let one = yaml_spans::emit(node);
        let read = parse(&one, Dialect::Strict).unwrap_or_else(|e| panic!("{e}\n{one}"));
        assert_eq!(read, std::slice::from_ref(node), "{one}");
        assert_eq!(verdict(node), verdict(&read[0]), "{one}");
        let independent: serde_yaml::Value =
            serde_yaml::from_str(&one).unwrap_or_else(|e| panic!("{e}\n{one}"));
        assert_eq!(independent, serde_yaml::to_value(node).expect("data"), "{one}");
    }
});
