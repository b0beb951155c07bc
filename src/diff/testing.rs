//! What the tests of this folder make their inputs with.

use std::sync::Arc;

use crate::model::object::{Object, Objects};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect, Node};

/// The documents of a text.
pub(crate) fn documents(text: &str) -> Vec<Node> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("test", text));
    yaml_spans::parse(&sources, id, Dialect::Strict).unwrap()
}

/// The one document of a text.
pub(crate) fn node(text: &str) -> Node {
    let mut documents = documents(text);
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

/// The objects of a text's documents.
pub(crate) fn objects(text: &str) -> Objects {
    let read = |node| Arc::new(Object::read(node, "test.yaml").unwrap());
    Objects::collect(documents(text).into_iter().map(read)).unwrap()
}

/// A whole tenant, as this project renders one.
pub(crate) fn tenant() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path.join("tests/fixtures/review/tenant.yaml")).unwrap()
}

/// The review of two texts of objects.
pub(crate) fn review(base: &str, head: &str, now: &str) -> super::Review {
    let side = |text| super::Side { objects: objects(text), values: None };
    super::Review::of(&side(base), &side(head), now.parse().unwrap(), None)
}
