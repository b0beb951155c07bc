//! Lists of objects, as clients take them apart before they apply anything.

use std::borrow::Cow;

use yaml_spans::{Entry, Node, Value, mapping_with_capacity};

/// Returns the items of a list; `None` for a document that is not one.
///
/// A list is a document whose `items` are a sequence, whatever its kind: kubectl, Argo CD and Flux all
/// decide by that. An item that has neither `apiVersion` nor `kind` gets those of a typed list
/// (`ConfigMapList`).
/// Source: `IsList` and `decodeToList` in apimachinery, `pkg/apis/meta/v1/unstructured`.
pub fn list_items(document: &Node) -> Option<Vec<Cow<'_, Node>>> {
    let items = document.get("items")?.as_sequence()?;
    Some(items.iter().map(|item| typed_item(document, item)).collect())
}

/// An item, with the type that its list implies.
fn typed_item<'a>(list: &'a Node, item: &'a Node) -> Cow<'a, Node> {
    let implied = list.get("apiVersion").zip(list.get("kind")).and_then(|(version, kind)| {
        let name = kind.as_str()?.strip_suffix("List").filter(|name| !name.is_empty())?;
        Some((version, kind, name))
    });
    let is_set = |key| item.get(key).is_some_and(|node| node.value != Value::Null);
    match (implied, item.as_mapping()) {
        (Some((version, kind, name)), Some(map)) if !is_set("apiVersion") && !is_set("kind") => {
            let kind = Node { span: kind.span, value: Value::String(name.to_owned()) };
            let entry = |node| Entry { key_span: None, node };
            let mut typed = mapping_with_capacity(map.len() + 2);
            typed.insert("apiVersion".to_owned(), entry(version.clone()));
            typed.insert("kind".to_owned(), entry(kind));
            let rest = map.iter().filter(|(key, _)| *key != "apiVersion" && *key != "kind");
            typed.extend(rest.map(|(key, entry)| (key.clone(), entry.clone())));
            Cow::Owned(Node { span: item.span, value: Value::Mapping(typed) })
        }
        _ => Cow::Borrowed(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml_spans::source::{Source, Sources};
    use yaml_spans::{Dialect, emit, parse};

    fn items(text: &str) -> Option<Vec<String>> {
        let mut sources = Sources::new();
        let id = sources.add(Source::written("list.yaml", text));
        let documents = parse(&sources, id, Dialect::Kubectl).unwrap();
        list_items(&documents[0]).map(|items| items.iter().map(|item| emit(item)).collect())
    }

    #[test]
    fn items_of_a_typed_list_have_the_type_that_it_implies() {
        for (list, expected) in [
            (
                "{apiVersion: v1, kind: RoleList, items: [{a: 1}]}",
                "apiVersion: v1\nkind: Role\na: 1\n",
            ),
            ("{apiVersion: v1, kind: RoleList, items: [{kind: B}]}", "kind: B\n"),
            ("{apiVersion: v1, kind: List, items: [{a: 1}]}", "a: 1\n"),
            ("{apiVersion: v1, kind: RoleList, items: [5]}", "5\n"),
        ] {
            assert_eq!(items(list), Some(vec![expected.to_owned()]), "{list}");
        }
    }

    #[test]
    fn only_a_document_with_a_sequence_of_items_is_a_list() {
        assert_eq!(items("{kind: ConfigMap, items: []}"), Some(Vec::new()));
        assert_eq!(items("{kind: ConfigMapList, items: {}}"), None);
        assert_eq!(items("{kind: ConfigMapList}"), None);
    }
}
