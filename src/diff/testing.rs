//! Inputs for the tests of this module.

use crate::budget::Budget;
use std::sync::Arc;

use crate::model::object::{Object, Objects};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect, Node};

/// Parses the documents of a text.
pub(crate) fn documents(text: &str) -> Vec<Node> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("test", text));
    yaml_spans::parse(&sources, id, Dialect::Strict).unwrap()
}

/// Parses the only document of a text.
pub(crate) fn node(text: &str) -> Node {
    let mut documents = documents(text);
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

/// Parses the objects of a text.
pub(crate) fn objects(text: &str) -> Objects {
    let objects =
        documents(text).into_iter().map(|node| Arc::new(Object::read(node, "test.yaml").unwrap()));
    Objects::collect(objects).unwrap()
}

/// A whole tenant, as this project renders it.
pub(crate) fn tenant() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path.join("tests/fixtures/diff/tenant.yaml")).unwrap()
}

/// A snapshot of a text's objects, without values.
pub(crate) fn snapshot(text: &str) -> super::Snapshot {
    super::Snapshot { objects: objects(text), ..super::Snapshot::default() }
}

/// Compares two texts of objects at an instant.
pub(crate) fn diff(base: &str, head: &str, now: &str) -> super::Diff {
    super::Diff::between(
        &snapshot(base),
        &snapshot(head),
        now.parse().unwrap(),
        None,
        &Budget::default(),
    )
    .unwrap()
}
