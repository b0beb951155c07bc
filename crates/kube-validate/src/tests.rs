//! Tests of whole manifests. `tests/README.md` describes the fixtures.

use std::collections::HashMap;

use super::order::Rank;
use super::*;
use yaml_spans::diagnostic::Located;
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Dialect, Node, Path, Segment, Value, parse};

const PASS: [(&str, &str); 5] = [
    (
        "certificates-operator.yaml",
        include_str!("../tests/fixtures/pass/certificates-operator.yaml"),
    ),
    ("gitops.yaml", include_str!("../tests/fixtures/pass/gitops.yaml")),
    ("gpu-tenant.yaml", include_str!("../tests/fixtures/pass/gpu-tenant.yaml")),
    ("ingress-controller.yaml", include_str!("../tests/fixtures/pass/ingress-controller.yaml")),
    ("metrics.yaml", include_str!("../tests/fixtures/pass/metrics.yaml")),
];

fn documents(text: &str) -> (Sources, Vec<Node>) {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("manifest.yaml", text));
    let nodes = parse(&sources, id, Dialect::Kubectl).unwrap();
    (sources, nodes)
}

/// Formats each error as `line path: message (hint)`.
fn format_errors(sources: &Sources, errors: &[Located<Error>]) -> Vec<String> {
    errors.iter().map(|error| format_error(sources, error)).collect()
}

fn format_error(sources: &Sources, error: &Located<Error>) -> String {
    let line = error.span.map_or(0, |span| sources.place(span).line);
    let hint = error.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
    format!("{line} {}: {}{hint}", error.path, error.error)
}

fn validate_foreign_text(text: &str) -> Vec<String> {
    let (sources, nodes) = documents(text);
    format_errors(&sources, &validate_foreign(&nodes, &Definitions::default()).findings)
}

fn validate_text(text: &str) -> Result<Object, Vec<String>> {
    validate_text_allowing(text, &AllowedKinds::none())
}

fn validate_text_allowing(text: &str, allowed: &AllowedKinds) -> Result<Object, Vec<String>> {
    let (sources, mut nodes) = documents(text);
    validate(nodes.remove(0), allowed).map_err(|errors| format_errors(&sources, &errors))
}

#[test]
fn manifests_in_the_shapes_of_real_projects_pass() {
    for (name, text) in PASS {
        let (sources, nodes) = documents(text);
        let report = validate_foreign(&nodes, &Definitions::default());
        assert_eq!(format_errors(&sources, &report.findings), [""; 0], "{name}");
        let unknown: usize = report.unknown.values().sum();
        let items = text.matches("\n---").count() + 1 + 2 * text.matches("kind: List\n").count();
        assert!(report.checked + unknown >= items - 1, "{name}: {} of {items}", report.checked);
        assert_eq!(unknown, if name == "gitops.yaml" { 2 } else { 0 });
    }
}

#[test]
fn each_mutant_is_reported_with_its_place_and_hint() {
    let mutants = include_str!("../tests/fixtures/mutants.yaml");
    let (_, nodes) = documents(mutants);
    let mutants = nodes[0].as_sequence().unwrap();
    assert!(mutants.len() >= 100);
    let mut differing = Vec::new();
    for mutant in mutants {
        let [file, from, to] =
            ["file", "from", "to"].map(|key| mutant.get(key).unwrap().as_str().unwrap());
        let (_, whole) = PASS.iter().find(|(name, _)| *name == file).unwrap();
        assert!(whole.contains(from), "{from}");
        let findings = mutant.get("findings").unwrap().as_sequence().unwrap();
        let expected: Vec<String> = findings.iter().map(expected_error).collect();
        let actual = validate_foreign_text(&whole.replacen(from, to, 1));
        if actual != expected {
            differing.push(format!("{to} in {file}\n  {actual:?}\n  {expected:?}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Formats a finding of a mutant as [`format_error`] does.
fn expected_error(finding: &Node) -> String {
    let [path, message] =
        ["path", "message"].map(|key| finding.get(key).unwrap().as_str().unwrap());
    let hint = match finding.get("hint").and_then(Node::as_str) {
        Some(hint) => format!(" ({hint})"),
        None => String::new(),
    };
    let line = finding.get("line").unwrap().as_int().unwrap();
    format!("{line} {path}: {message}{hint}")
}

/// Copies a tree and replaces or deletes the value at a path.
fn with_change(node: &Node, path: &[Segment], value: Option<&Node>) -> Node {
    let Some((segment, rest)) = path.split_first() else {
        return value.unwrap().clone();
    };
    let mut node = node.clone();
    match (segment, &mut node.value) {
        (Segment::Key(key), Value::Mapping(entries)) if rest.is_empty() && value.is_none() => {
            entries.shift_remove(key).unwrap();
        }
        (Segment::Key(key), Value::Mapping(entries)) => {
            let old = entries.get(key).map(|entry| entry.node.clone());
            let node = with_change(&old.unwrap_or(Node::new(Value::Null)), rest, value);
            entries.insert(key.clone(), node.into());
        }
        // A part that the object does not have yet.
        (Segment::Key(_), Value::Null) => {
            let empty = Node::new(Value::Mapping(Default::default()));
            return with_change(&empty, path, value);
        }
        (Segment::Index(index), Value::Sequence(items)) if *index == items.len() => {
            items.push(with_change(&Node::new(Value::Null), rest, value));
        }
        (Segment::Index(index), Value::Sequence(items)) if rest.is_empty() && value.is_none() => {
            items.remove(*index);
        }
        (Segment::Index(index), Value::Sequence(items)) => {
            items[*index] = with_change(&items[*index], rest, value);
        }
        _ => panic!("no such path"),
    }
    node
}

/// The objects of the fixtures, by kind and name.
fn fixture_objects() -> HashMap<String, Node> {
    fn take(node: Node, objects: &mut HashMap<String, Node>) {
        let kind = node.get("kind").unwrap().as_str().unwrap().to_owned();
        if kind.ends_with("List") {
            let items = node.get("items").unwrap().as_sequence().unwrap().to_vec();
            return items.into_iter().for_each(|item| take(item, objects));
        }
        let metadata = node.get("metadata").unwrap_or(&node);
        let name = metadata.get("name").or(metadata.get("generateName")).and_then(Node::as_str);
        objects.insert(format!("{kind} {}", name.unwrap_or_default()), node);
    }
    let mut objects = HashMap::new();
    for (_, text) in PASS {
        documents(text).1.into_iter().for_each(|node| take(node, &mut objects));
    }
    objects
}

/// Checks that the verdict on each changed object is the one in the table, and returns their number.
fn compare_verdicts(
    objects: &HashMap<String, Node>,
    definitions: &Definitions,
    table: &str,
) -> usize {
    let mut count = 0;
    let mut differing = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [verdict, object, path, value] = columns[..] else { panic!("{line}") };
        let path: Path = path.parse().unwrap();
        let value = (value != "deleted").then(|| documents(&format!("[{value}]")).1.remove(0));
        let value = value.as_ref().map(|list| &list.as_sequence().unwrap()[0]);
        let node = with_change(&objects[object], path.segments(), value);
        let report = validate_foreign(&[node], definitions);
        if report.findings.is_empty() != (verdict == "accepted") {
            differing.push((line, report.findings));
        }
        count += 1;
    }
    assert!(differing.is_empty(), "{} of {count}: {differing:#?}", differing.len());
    count
}

#[test]
fn verdicts_match_those_of_the_api_server() {
    let table = include_str!("../tests/fixtures/verdicts.tsv");
    assert!(compare_verdicts(&fixture_objects(), &Definitions::default(), table) > 1000);
}

#[test]
fn everyday_objects_have_the_verdicts_of_a_server_that_creates_them() {
    let none = Definitions::default();
    let objects = accepted_objects(include_str!("../tests/fixtures/everyday/objects.yaml"), &none);
    let table = include_str!("../tests/fixtures/everyday/changes.tsv");
    assert!(compare_verdicts(&objects, &none, table) > 1000);
}

#[test]
fn custom_objects_have_the_verdicts_of_a_server_with_their_definition() {
    let (_, nodes) = documents(include_str!("../tests/fixtures/definitions/definition.yaml"));
    let definitions = Definitions::of_documents(&nodes);
    let text = include_str!("../tests/fixtures/definitions/objects.yaml");
    let objects = accepted_objects(text, &definitions);
    let table = include_str!("../tests/fixtures/definitions/changes.tsv");
    assert!(compare_verdicts(&objects, &definitions, table) > 200);
}

#[test]
fn findings_by_a_definition_have_places_and_hints() {
    let (_, nodes) = documents(include_str!("../tests/fixtures/definitions/definition.yaml"));
    let definitions = Definitions::of_documents(&nodes);
    let (sources, nodes) = documents(
        "apiVersion: example.com/v1
kind: Widget
metadata: {name: a}
spec:
  size: medium
  color: red
  count: 11
  rpelicas: 1
  list: []
  map: [{name: a}, {name: a}]
  nested: {type: B}
  active: 'yes'
",
    );
    let report = validate_foreign(&nodes, &definitions);
    assert_eq!(
        format_errors(&sources, &report.findings),
        [
            "5 spec.size: invalid `size` `medium` in Widget a (expected `small` or `large`)",
            "6 spec.color: invalid `color` `red` in Widget a (expected a match of `^#[0-9a-f]{6}$`)",
            "7 spec.count: invalid `count` `11` in Widget a (expected at most 10)",
            "8 spec.rpelicas: unknown field `rpelicas` in Widget a (did you mean `replicas`?)",
            "9 spec.list: invalid `list` `0 items` in Widget a (expected at least 1 items)",
            "10 spec.map[1]: duplicate item `{\"name\":\"a\",\"kind\":\"Plain\"}` in Widget a",
            "11 spec.nested: no alternative of the definition fits (`oneOf`) in Widget a (the nearest one: invalid `type` `B` at `spec.nested.type`)",
            "12 spec.active: expected a boolean, found a string in Widget a",
        ]
    );
}

#[test]
fn a_project_of_argo_cd_may_name_a_destination_s_server_and_cluster() {
    let project = "{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: a}, spec: {destinations: [{server: 'https://a', name: in-cluster, namespace: '*'}]}}";
    assert_eq!(validate_foreign_text(project), [""; 0]);
}

#[test]
fn of_definitions_that_differ_the_one_that_accepts_counts() {
    let (_, mut nodes) = documents(include_str!("../tests/fixtures/definitions/definition.yaml"));
    let path = "spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.enum[1]";
    let path: Path = path.parse().unwrap();
    let other = Node::new(Value::String("medium".to_owned()));
    nodes.push(with_change(&nodes[0], path.segments(), Some(&other)));
    let definitions = Definitions::of_documents(&nodes);
    let object = |version, size| {
        format!(
            "{{apiVersion: example.com/{version}, kind: Widget, metadata: {{name: a}}, spec: {{size: {size}}}}}"
        )
    };
    let report = |text: String| validate_foreign(&documents(&text).1, &definitions);
    assert_eq!(report(object("v1", "medium")).findings, []);
    assert_eq!(report(object("v1", "large")).findings, []);
    assert_eq!(report(object("v1", "huge")).findings.len(), 1);
    // A version that is not served.
    assert_eq!(report(object("v1beta1", "huge")).unknown.len(), 1);
}

#[test]
fn definitions_whose_texts_differ_are_one() {
    let (_, nodes) = documents(include_str!("../tests/fixtures/definitions/definition.yaml"));
    let schema = "spec.versions[0].schema.openAPIV3Schema";
    let description: Path = format!("{schema}.description").parse().unwrap();
    let size = format!("{schema}.properties.spec.properties.size.enum[1]").parse::<Path>().unwrap();
    // More releases of one definition than different ones are read.
    let mut releases: Vec<Node> = (0..20)
        .map(|release| {
            let text = Node::new(Value::String(format!("Release {release}.")));
            with_change(&nodes[0], description.segments(), Some(&text))
        })
        .collect();
    let medium = Node::new(Value::String("medium".to_owned()));
    releases.push(with_change(&nodes[0], size.segments(), Some(&medium)));
    let definitions = Definitions::of_documents(&releases);
    let widget =
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, spec: {size: medium}}";
    assert_eq!(validate_foreign(&documents(widget).1, &definitions).findings, []);
}

#[test]
fn only_resources_of_other_groups_need_definitions() {
    let needs = |text: &str| need_definitions(&documents(text).1);
    assert!(!needs(include_str!("../tests/fixtures/definitions/definition.yaml")));
    for kubernetes in ["{apiVersion: v1, kind: Pod}", "{apiVersion: apps/v1, kind: Widget}", "5"] {
        assert!(!needs(kubernetes), "{kubernetes}");
        assert!(!needs(&format!("{{apiVersion: v1, kind: List, items: [{kubernetes}]}}")));
    }
    for custom in [
        "{apiVersion: example.com/v1, kind: Widget}",
        "{apiVersion: example.com/v1, kind: WidgetList, items: [{metadata: {name: a}}]}",
        // A known kind of another project, whose definition knows more of it.
        "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute}",
    ] {
        assert!(needs(custom), "{custom}");
        assert!(needs(&format!("{{apiVersion: v1, kind: List, items: [{custom}]}}")), "{custom}");
        assert!(needs(&format!("{{apiVersion: v1, kind: Pod}}\n---\n{custom}")), "{custom}");
    }
}

#[test]
fn a_definition_knows_more_of_a_known_kind_than_its_type() {
    let route = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {newField: {a: 1}, hostnames: ['a b']}}";
    assert_eq!(validate_foreign_text(route).len(), 2);
    let definition = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: httproutes.gateway.networking.k8s.io}, spec: {group: gateway.networking.k8s.io, scope: Namespaced, names: {kind: HTTPRoute, plural: httproutes}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {hostnames: {type: array, items: {type: string}}, newField: {type: object, properties: {a: {type: integer}}}}}}}}}]}}";
    let definitions = Definitions::of_documents(&documents(definition).1);
    let (sources, nodes) = documents(route);
    let findings = format_errors(&sources, &validate_foreign(&nodes, &definitions).findings);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].contains("spec.hostnames[0]"), "{findings:?}");
}

#[test]
fn hostile_definitions_end() {
    let schema = "{type: object, properties: {spec: {type: object, properties: {a: {type: string, pattern: '(a*)*(a*)*(((a{100}){100}){100})b'}, b: {type: string, pattern: '('}, c: {type: array, items: {anyOf: [ANY]}}}}}}";
    let schema = schema.replace("ANY", &"{maximum: 0}, ".repeat(2000));
    let definition = format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: as.x.y}}, spec: {{group: x.y, scope: Namespaced, names: {{kind: A, plural: as}}, versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}]}}}}"
    );
    let definitions = Definitions::of_documents(&documents(&definition).1);
    let object = format!(
        "{{apiVersion: x.y/v1, kind: A, metadata: {{name: a}}, spec: {{a: {}, b: x, c: [{}]}}}}",
        "a".repeat(4000),
        "1, ".repeat(2000)
    );
    let report = validate_foreign(&documents(&object).1, &definitions);
    assert_eq!(report.checked, 1);
}

/// The objects of a text, by kind and name, which must all be accepted.
fn accepted_objects(text: &str, definitions: &Definitions) -> HashMap<String, Node> {
    let (sources, nodes) = documents(text);
    let report = validate_foreign(&nodes, definitions);
    assert_eq!(format_errors(&sources, &report.findings), [""; 0]);
    assert_eq!(report.checked, nodes.len());
    let named = |node: Node| {
        let metadata = node.get("metadata").unwrap();
        let text = |node: &Node, key| node.get(key).unwrap().as_str().unwrap().to_owned();
        (format!("{} {}", text(&node, "kind"), text(metadata, "name")), node.clone())
    };
    nodes.into_iter().map(named).collect()
}

#[test]
fn equal_keys_of_a_list_are_refused_only_where_the_object_is_applied() {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a, env: [{name: A}, {name: A}]}]}}";
    assert_eq!(validate_foreign_text(pod), [""; 0]);
    assert_eq!(
        validate_text(pod).unwrap_err(),
        ["1 spec.containers[0].env[1].name: duplicate variable `A` in Pod a"]
    );
}

#[test]
fn nulls_that_the_server_reads_as_zero_are_values() {
    let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a}, rules: [{apiGroups: [null], resources: [pods], verbs: [get]}]}";
    assert_eq!(validate_foreign_text(role), [""; 0]);
    assert_eq!(validate_text(role).unwrap_err().len(), 1);
    let container = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [null]}}";
    assert!(!validate_foreign_text(container).is_empty());
    let amount = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a, resources: {requests: {cpu: 1}, limits: {cpu: null}}}]}}";
    let errors = validate_foreign_text(amount);
    assert!(errors[0].contains("is above its limit"), "{errors:?}");
}

#[test]
fn wildcards_in_a_policy_of_kyverno_are_not_checked_as_labels() {
    let policy = "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: a}, spec: {rules: [{name: a, match: {any: [{resources: {kinds: [Pod], selector: {matchLabels: {'team/*': '?*'}}}}]}}]}}";
    assert_eq!(validate_foreign_text(policy), [""; 0]);
}

#[test]
fn objects_have_ids_and_sort_in_apply_order() {
    let (_, nodes) = documents(PASS[2].1);
    let mut objects: Vec<Object> =
        nodes.into_iter().map(|node| validate(node, &AllowedKinds::none()).unwrap()).collect();
    objects.reverse();
    objects.sort_by(|a, b| apply_order(a).cmp(&apply_order(b)));
    let ids: Vec<String> = objects.iter().map(|object| object.id().to_string()).collect();
    assert_eq!(
        ids,
        [
            "Namespace speech",
            "PersistentVolume speech-models",
            "PersistentVolumeClaim speech/speech-models",
            "ConfigMap speech/speech-config",
            "Role speech/speech-offpeak",
            "RoleBinding speech/speech-offpeak",
            "ServiceAccount speech/speech-offpeak",
            "Deployment speech/speech",
            "Service speech/speech",
            "CronJob speech/speech-window-up",
        ]
    );
    assert!(objects[0].is_cluster_scoped() && !objects[7].is_cluster_scoped());
    assert_eq!((objects[7].group(), objects[0].group()), ("apps", ""));
}

#[test]
fn policies_and_custom_resources_come_last() {
    let policy = validate_text("{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: a}, spec: {rules: [{name: a, match: {any: [{resources: {kinds: [Pod]}}]}}]}}").unwrap();
    assert_eq!(apply_order(&policy).0, Rank::Policy);
    assert!(policy.is_cluster_scoped());
}

#[test]
fn manifests_of_others_may_rely_on_the_server() {
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {generateName: a-}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}";
    assert_eq!(validate_foreign_text(job), [""; 0]);
    assert_eq!(
        validate_text(job).unwrap_err(),
        ["1 metadata.name: missing field `name` in Job a-"]
    );
    let volume = "{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}";
    assert_eq!(validate_foreign_text(volume), [""; 0]);
    assert_eq!(
        validate_text(volume).unwrap_err(),
        [
            "1 metadata.namespace: a cluster-scoped object has no namespace in Namespace b/a (delete the line)"
        ]
    );
    let label = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {a: null}}, data: {b: null}}";
    assert_eq!(validate_foreign_text(label), [""; 0]);
    assert_eq!(validate_text(label).unwrap_err().len(), 2);
}

#[test]
fn unknown_kinds_are_refused_unless_they_are_allowed() {
    let widget = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a, labels: {a: b c}}, spec: {size: 5}}";
    assert_eq!(
        validate_text(widget).unwrap_err(),
        ["1 kind: unknown kind `Widget` of `example.com/v1` in Widget a"]
    );
    let allowed = AllowedKinds::new([("example.com/v1".to_owned(), "Widget".to_owned())]);
    let errors = validate_text_allowing(widget, &allowed).unwrap_err();
    assert!(errors[0].starts_with("1 metadata.labels.a: invalid `a` `b c`"), "{errors:?}");
    let object = validate_text_allowing(&widget.replace("b c", "b"), &allowed).unwrap();
    assert_eq!(object.id().to_string(), "Widget a");
    assert!(validate_text_allowing(&widget.replace("/v1", "/v2"), &allowed).is_err());
}

#[test]
fn misspelt_kinds_and_versions_have_a_hint() {
    let of = |version: &str, kind: &str| {
        validate_text(&format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}}}"))
            .unwrap_err()
            .remove(0)
    };
    assert!(of("apps/v1beta1", "Deployment").ends_with("(`Deployment` belongs to `apps/v1`)"));
    assert!(of("apps/v1", "deployment").ends_with("(did you mean `Deployment`?)"));
    assert!(
        of("extensions/v1beta1", "Ingress")
            .ends_with("(`Ingress` belongs to `networking.k8s.io/v1`)")
    );
    assert!(of("kyverno.io/v1", "ClusterPolcy").ends_with("(did you mean `ClusterPolicy`?)"));
    assert!(!of("v1", "Policy").contains("kyverno"));
    assert!(
        of("policy/v1", "Eviction")
            .ends_with("(a request to the subresource `pods/eviction`, not an object)")
    );
}

#[test]
fn documents_that_are_not_objects_are_reported() {
    assert_eq!(
        validate_foreign_text("[]"),
        ["1 : the document is a list, not an object with `apiVersion` and `kind`"]
    );
    assert_eq!(
        validate_foreign_text("{metadata: {name: a}}"),
        ["1 apiVersion: missing field `apiVersion`", "1 kind: missing field `kind`"]
    );
    assert_eq!(
        validate_foreign_text("{apiVersion: 1, kind: Pod, metadata: {name: a}}"),
        ["1 apiVersion: expected a string, found a whole number in Pod a"]
    );
}

#[test]
fn unknown_versions_and_kinds_are_counted() {
    let text = "{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: a}}\n---\n{apiVersion: app/v1, kind: Deployment, metadata: {name: a}}\n---\n{apiVersion: example.com/v1, kind: Widget}\n---\n{apiVersion: example.com/v1, kind: Widget}";
    let (_, nodes) = documents(text);
    let report = validate_foreign(&nodes, &Definitions::default());
    // No server has the first version any more, and none had the second.
    assert_eq!((report.checked, report.findings.len()), (2, 2));
    let widget = ("example.com/v1".to_owned(), "Widget".to_owned());
    assert_eq!(report.unknown.get(&widget), Some(&2));
    assert_eq!(report.unknown.values().sum::<usize>(), 2);
}

#[test]
fn items_of_lists_are_validated_with_their_path() {
    let text = "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMapList, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, dada: {}}]}]}";
    assert_eq!(
        validate_foreign_text(text),
        ["1 items[0].items[0].dada: unknown field `dada` in ConfigMap a (did you mean `data`?)"]
    );
}

#[test]
fn only_the_types_of_status_are_checked() {
    let text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}}, status: {conditions: [{type: Available}], replicas: -1}}";
    assert_eq!(validate_foreign_text(text), [""; 0]);
    assert_eq!(
        validate_foreign_text(&text.replace("replicas: -1", "replica: 1")),
        ["1 status.replica: unknown field `replica` in Deployment a (did you mean `replicas`?)"]
    );
}

#[test]
fn a_wrong_value_does_not_hide_other_problems() {
    let text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: two, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: 5, imagePullPolicy: Sometimes, bogus: 1}, {name: b}]}}}}";
    let errors = validate_foreign_text(text);
    let paths: Vec<&str> = errors.iter().filter_map(|e| e.split([' ', ':']).nth(1)).collect();
    assert_eq!(
        paths,
        [
            "spec.replicas",
            "spec.template.spec.containers[0].image",
            "spec.template.spec.containers[0].imagePullPolicy",
            "spec.template.spec.containers[0].bogus",
            "spec.template.spec.containers[1].image",
        ]
    );
}

#[test]
fn the_deepest_readable_schema_is_validated() {
    let depth = 24;
    let open = "{type: object, properties: {a: ".repeat(depth);
    let schema = format!("{open}{{type: string}}{}", "}}".repeat(depth));
    let text = format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: as.example.com}}, spec: {{group: example.com, scope: Cluster, names: {{plural: as, kind: A}}, versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}]}}}}"
    );
    assert_eq!(validate_foreign_text(&text), [""; 0]);
}

#[test]
fn a_hostile_manifest_gives_a_bounded_answer() {
    let key = "k".repeat(1000);
    let toleration = r#"{"key": "!", operator: "#.to_owned() + &"x".repeat(9) + "}, ";
    let text = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {key}, labels: {{{key}: a}}, finalizers: [{}]}}}}",
        "'!', ".repeat(50_000)
    );
    let errors = validate_foreign_text(&text);
    assert!((3..=210).contains(&errors.len()), "{}", errors.len());
    assert!(errors.iter().all(|error| error.len() < 3000));
    let text = text.replace("'!', ", "a, ");
    assert!((3..=210).contains(&validate_foreign_text(&text).len()));
    let devices = "{name: a, devicePath: /a}, ".repeat(9_000);
    let volumes = "{name: a, emptyDir: {}}, ".repeat(9_000);
    let text = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: a, image: a, volumeDevices: [{devices}]}}], volumes: [{volumes}]}}}}"
    );
    assert!(validate_foreign_text(&text).len() <= 200);
    assert!(
        validate_foreign_text(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{tolerations: [{}]}}}}",
            toleration.repeat(9_000)
        ))
        .len()
            <= 220
    );
}

#[test]
fn a_message_is_one_line_without_controls() {
    let text = r#"{apiVersion: apps/v1, kind: Deployment, metadata: {name: "a\nb"}, spec: {selector: {matchLabels: {"a\nb": "\e[31m"}}, strategy: {type: "x\ny"}, template: {metadata: {labels: {c: d}}, spec: {containers: [{name: "a\tb", image: a, resources: {limits: {"a\nb/c": "1\n"}}}]}}}}"#;
    let errors = validate_foreign_text(text);
    assert!(errors.len() >= 6, "{errors:?}");
    assert!(errors.iter().all(|error| !error.contains(char::is_control)), "{errors:?}");
}

#[test]
fn secret_values_are_never_shown() {
    let text = "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {b: 'hunter2!!'}}";
    let errors = validate_foreign_text(text);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("1 data.b: invalid base64 in `b` in Secret a"), "{errors:?}");
    assert!(!errors[0].contains("hunter2"));
}
