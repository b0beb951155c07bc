//! Schemas without a fault.
//!
//! Schemas are most of a large definition, and decoding them is most of the time of checking it. A look at each of
//! their fields is much faster, but can't say what is wrong. So a definition is decoded without the schemas
//! that pass, and the decoder reports what is wrong in the others. `validate` of kube-prometheus (95 files, ten
//! definitions) takes 219 million instructions in place of 290.

use super::is_definition;
use crate::rules::{Findings, check_structure};
use yaml_spans::{Entry, Mapping, Node, Value};

/// The path of a definition's schemas; its versions are a list.
const SCHEMA_PATH: [&str; 4] = ["spec", "versions", "schema", "openAPIV3Schema"];

/// A copy of a definition with `type: object` in place of each schema without a fault; `None` for any other object.
pub fn without_plain_schemas(document: &Node) -> Option<Node> {
    is_definition(document).then(|| copy(document, &SCHEMA_PATH))
}

/// A copy of a node, without the schemas to which the path leads if they have no fault.
fn copy(node: &Node, path: &[&str]) -> Node {
    let value = match (path, &node.value) {
        // The decoder refuses an empty schema.
        ([], Value::Mapping(schema)) if !schema.is_empty() && is_plain(node) => {
            let kind = Node::new(Value::String("object".to_owned()));
            Value::Mapping(Mapping::from_iter([("type".to_owned(), kind.into())]))
        }
        ([key, rest @ ..], Value::Mapping(map)) => {
            let entries = map.iter().map(|(name, Entry { key_span, node })| {
                let node = if name == key { copy(node, rest) } else { node.clone() };
                (name.clone(), Entry { key_span: *key_span, node })
            });
            Value::Mapping(entries.collect())
        }
        ([_, ..], Value::Sequence(items)) => {
            Value::Sequence(items.iter().map(|item| copy(item, path)).collect())
        }
        (_, value) => value.clone(),
    };
    Node { span: node.span, value }
}

/// Returns true for a schema that has only common fields, each of its type, and that the rules accept.
fn is_plain(schema: &Node) -> bool {
    let mut findings = Findings::default();
    check_structure("", "JSONSchemaProps", schema, &mut findings);
    findings.list.is_empty()
        && schema.as_mapping().is_some_and(|fields| {
            fields.iter().all(|(field, entry)| is_plain_field(field, &entry.node))
        })
}

fn is_plain_field(field: &str, node: &Node) -> bool {
    match field {
        "description"
        | "format"
        | "pattern"
        | "title"
        | "type"
        | "x-kubernetes-list-type"
        | "x-kubernetes-map-type" => is_text(node),
        "exclusiveMaximum"
        | "exclusiveMinimum"
        | "nullable"
        | "uniqueItems"
        | "x-kubernetes-embedded-resource"
        | "x-kubernetes-int-or-string"
        | "x-kubernetes-preserve-unknown-fields" => is_boolean(node),
        "maxItems" | "maxLength" | "maxProperties" | "minItems" | "minLength" | "minProperties" => {
            node.as_int().is_some()
        }
        "maximum" | "minimum" | "multipleOf" => {
            matches!(node.value, Value::Int(_) | Value::Float(_))
        }
        "default" | "example" => true,
        "enum" => node.as_sequence().is_some(),
        "required" | "x-kubernetes-list-map-keys" => all_items(node, is_text),
        "not" | "items" => is_plain(node),
        "additionalProperties" => is_boolean(node) || is_plain(node),
        "allOf" | "anyOf" | "oneOf" => all_items(node, is_plain),
        "properties" => {
            let map = node.as_mapping();
            map.is_some_and(|map| map.values().all(|entry| is_plain(&entry.node)))
        }
        "x-kubernetes-validations" => all_items(node, is_plain_rule),
        _ => false,
    }
}

/// Returns true for a CEL rule that has only common fields, each of its type.
fn is_plain_rule(rule: &Node) -> bool {
    let fields = ["fieldPath", "message", "messageExpression", "reason", "rule"];
    rule.get("rule").is_some()
        && rule.as_mapping().is_some_and(|map| {
            map.iter().all(|(field, entry)| fields.contains(&&**field) && is_text(&entry.node))
        })
}

fn all_items(node: &Node, is_right: fn(&Node) -> bool) -> bool {
    node.as_sequence().is_some_and(|items| items.iter().all(is_right))
}

fn is_text(node: &Node) -> bool {
    node.as_str().is_some()
}

fn is_boolean(node: &Node) -> bool {
    matches!(node.value, Value::Bool(_))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kinds::tests::fields_of_types;
    use crate::kinds::{Nulls, find};
    use yaml_spans::source::{Source, Sources};
    use yaml_spans::{Dialect, Path, parse};

    const VALUES: [&str; 21] = [
        "null",
        "true",
        "1",
        "-1",
        "1.5",
        "''",
        "text",
        "object",
        "map",
        "granular",
        "[]",
        "[null]",
        "[text]",
        "[1]",
        "[{}]",
        "[{rule: text, message: text}]",
        "[{message: text}]",
        "{}",
        "{text: {}}",
        "{text: text}",
        "{type: string}",
    ];

    fn definition(schema: &str) -> Node {
        let text = format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: as.x.y}}, spec: {{group: x.y, scope: Cluster, names: {{plural: as, kind: A}}, versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}]}}}}"
        );
        let mut sources = Sources::new();
        let id = sources.add(Source::written("definition.yaml", text));
        parse(&sources, id, Dialect::Kubectl).unwrap().remove(0)
    }

    fn schema_of(definition: &Node) -> &Node {
        let path: Path = "spec.versions[0].schema.openAPIV3Schema".parse().unwrap();
        path.find(definition).unwrap()
    }

    /// Each field with each value: what passes here, the decoder and the rules accept.
    #[test]
    fn a_plain_schema_has_no_fault() {
        let kind = find("apiextensions.k8s.io/v1", "CustomResourceDefinition").unwrap();
        let fields = fields_of_types().remove("JSONSchemaProps").unwrap();
        let mut plain = BTreeSet::new();
        for field in fields.iter().map(String::as_str).chain(["unknown"]) {
            for value in VALUES {
                let definition =
                    definition(&format!("{{properties: {{a: {{items: {{{field}: {value}}}}}}}}}"));
                if !is_plain(schema_of(&definition)) {
                    continue;
                }
                plain.insert(field);
                for nulls in [Nulls::Refused, Nulls::Ignored] {
                    let found = (kind.check)(&definition, &Path::root(), nulls);
                    assert!(found.is_empty(), "{field}: {value}: {found:?}");
                }
            }
        }
        let others = [
            "$ref",
            "$schema",
            "additionalItems",
            "definitions",
            "dependencies",
            "externalDocs",
            "id",
            "patternProperties",
        ];
        let expected: BTreeSet<&str> =
            fields.iter().map(String::as_str).filter(|field| !others.contains(field)).collect();
        assert_eq!(plain, expected);
    }

    #[test]
    fn only_schemas_without_a_fault_are_left_out() {
        for (schema, left) in [
            ("{type: object, properties: {a: {type: string}}}", "{type: object}"),
            ("{}", "{}"),
            (
                "{type: object, properties: {a: {type: text}}}",
                "{type: object, properties: {a: {type: text}}}",
            ),
        ] {
            let document = definition(schema);
            let lighter = without_plain_schemas(&document).unwrap();
            assert_eq!(lighter, definition(left));
            assert_eq!(schema_of(&lighter).span, schema_of(&document).span);
        }
        let other = definition("{}");
        let Value::Mapping(mut map) = other.value else { unreachable!() };
        map["kind"].node.value = Value::String("ConfigMap".to_owned());
        assert_eq!(without_plain_schemas(&Node::new(Value::Mapping(map))), None);
    }
}
