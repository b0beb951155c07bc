use super::*;
use yaml_spans::source::Source;
use yaml_spans::{emit, to_node};

const GPU: &str = include_str!("../../policies/inject-gpu-workload-priority.yaml");

fn load(text: &str) -> (Sources, SourceId) {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    (sources, source)
}

fn request(namespace: &str) -> Request<'_> {
    Request { namespace, rule: None, policy: None }
}

fn rule(body: &str) -> String {
    let body: String = body.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {{name: p}}\nspec:\n  rules:\n    - name: r\n{body}"
    )
}

/// Evaluates whether the first rule of a text excludes a namespace's Pods.
fn excludes(text: &str, namespace: &str) -> Ternary {
    let documents = parse_alone(text).unwrap().documents;
    let has_rules = find_policies(&documents)[0].kind == Kind::ClusterPolicy;
    let target = Target { policy: 0, rule: has_rules.then_some(0) };
    target.exclusions(&documents).unwrap().exclude(namespace)
}

#[test]
fn exclusions_are_evaluated_as_in_kyverno() {
    use Ternary::{No, Unknown, Yes};
    let cases = [
        ("any: [{resources: {namespaces: [a, tts]}}]", Yes),
        ("any: [{resources: {namespaces: ['t*']}}]", Yes),
        ("any: [{resources: {namespaces: [a]}}]", No),
        ("any: [{resources: {namespaces: []}}]", No),
        ("any: [{}]", No),
        ("any: [{clusterRoles: [admin]}]", Unknown),
        ("any: [{clusterRoles: [admin]}, {resources: {namespaces: [tts]}}]", Yes),
        ("any: [{clusterRoles: [admin], resources: {namespaces: [tts]}}]", Unknown),
        ("any: [{clusterRoles: [admin], resources: {namespaces: [a]}}]", No),
        ("any: [{resources: {kinds: [Pod], namespaces: [tts]}}]", Yes),
        ("any: [{resources: {kinds: [v1/Pod], namespaces: [tts]}}]", Yes),
        ("any: [{resources: {kinds: [Deployment], namespaces: [tts]}}]", No),
        ("any: [{resources: {kinds: [Pod/exec], namespaces: [tts]}}]", No),
        ("any: [{resources: {operations: [UPDATE], namespaces: [tts]}}]", No),
        ("any: [{resources: {selector: {}, namespaces: [tts]}}]", Unknown),
        ("all: [{resources: {namespaces: [tts]}}, {clusterRoles: [admin]}]", Unknown),
        ("all: [{resources: {namespaces: [tts]}}, {resources: {kinds: [Pod]}}]", Yes),
        ("resources: {namespaces: [tts]}", Yes),
        ("resources: {namespaces: [tts]}, clusterRoles: [admin]", Unknown),
        ("any: [], resources: {namespaces: [tts]}", Yes),
        ("any: [{resources: {namespaces: [a]}}], resources: {namespaces: [tts]}", No),
        ("resources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: tts}}}", Yes),
        ("resources: {namespaceSelector: {matchLabels: {tier: 2-gpu}}}", Unknown),
    ];
    for (exclude, expected) in cases {
        let text = rule(&format!(
            "match: {{any: [{{resources: {{kinds: [Pod]}}}}]}}\nexclude: {{{exclude}}}"
        ));
        assert_eq!(excludes(&text, "tts"), expected, "{text}");
    }
}

fn with_selector(expression: &str) -> String {
    rule(&format!(
        "match: {{any: [{{resources: {{kinds: [Pod], namespaceSelector: {{matchExpressions: [{expression}]}}}}}}]}}"
    ))
}

#[test]
fn match_can_exclude_a_namespace() {
    let not_in =
        with_selector("{key: kubernetes.io/metadata.name, operator: NotIn, values: [tts]}");
    assert_eq!(excludes(&not_in, "tts"), Ternary::Yes);
    assert_eq!(excludes(&not_in, "web"), Ternary::No);
    let other = with_selector("{key: tier, operator: Exists}");
    assert_eq!(excludes(&other, "tts"), Ternary::Unknown);
    let named = rule("match: {any: [{resources: {kinds: [Pod], namespaces: [web]}}]}");
    assert_eq!(excludes(&named, "tts"), Ternary::Yes);
    assert_eq!(excludes(&named, "web"), Ternary::No);
}

#[test]
fn several_namespaces_are_added_one_after_the_other() {
    let mut text = GPU.to_owned();
    for namespace in ["tts", "asr"] {
        let (sources, source) = load(&text);
        text = exclude_namespace(&sources, source, &request(namespace)).unwrap().text;
    }
    let last = "                - calico-apiserver\n";
    let both = format!("{last}                - tts\n                - asr\n");
    assert_eq!(text, GPU.replace(last, &both));
    for namespace in ["tts", "asr"] {
        let (sources, source) = load(&text);
        let outcome = remove_exclusion(&sources, source, &request(namespace)).unwrap();
        assert_eq!(outcome.status, Status::Removed { still_excluded_by: None });
        text = outcome.text;
    }
    assert_eq!(text, GPU);
}

#[test]
fn a_removal_reports_what_still_excludes() {
    let text = rule(
        "match: {any: [{resources: {kinds: [Pod]}}]}\nexclude: {any: [{resources: {namespaces: ['t*', tts]}}]}",
    );
    let (sources, source) = load(&text);
    let outcome = remove_exclusion(&sources, source, &request("tts")).unwrap();
    assert_eq!(outcome.status, Status::Removed { still_excluded_by: Some("`t*`".to_owned()) });
    assert!(outcome.text.contains("['t*']"));
}

#[test]
fn an_edit_with_a_further_effect_is_refused() {
    let before = parse_alone(GPU).unwrap().documents;
    let list: Path = "spec.rules[0].exclude.any[0].resources.namespaces".parse().unwrap();
    let change = Change::append_names(list, &["tts"]);
    let target = Target { policy: 0, rule: Some(0) };
    let last = "                - calico-apiserver\n";
    let check = |edited: &str, change: &Change| {
        check_edit(&before, edited, target, change, &["tts"], Expected::Excluded)
    };
    let right = GPU.replace(last, &format!("{last}                - tts\n"));
    assert_eq!(check(&right, &change), Ok(()));
    let refused = |edited: &str| check(edited, &change).unwrap_err().to_string();
    assert!(refused(&right.replace("value: 1200000", "value: 1")).contains("more than the one"));
    assert!(refused(&right.replace("- kyverno\n", "- Kyverno\n")).contains("more than the one"));
    assert!(refused(GPU).contains("more than the one"));
    assert!(refused("a: [").contains("not valid YAML"));
    // The text has the intended change, but the change affects other namespaces.
    let glob = Change::append_names(
        "spec.rules[0].exclude.any[0].resources.namespaces".parse().unwrap(),
        &["t*"],
    );
    let globbed = GPU.replace(last, &format!("{last}                - t*\n"));
    let error = check(&globbed, &glob).unwrap_err().to_string();
    assert!(error.contains("another namespace"), "`tts-x` is excluded too: {error}");
    let other = Change::append_names(
        "spec.rules[0].exclude.any[0].resources.namespaces".parse().unwrap(),
        &["web"],
    );
    let wrong = GPU.replace(last, &format!("{last}                - web\n"));
    let error = check(&wrong, &other).unwrap_err().to_string();
    assert!(error.contains("would not be excluded"), "{error}");
}

#[test]
fn other_values_in_a_list_are_not_mistaken_for_the_name() {
    for list in ["[5, tts]", "[~, tts, a]", "[{a: b}, tts]"] {
        let text = rule(&format!(
            "match: {{any: [{{resources: {{kinds: [Pod]}}}}]}}\nexclude: {{any: [{{resources: {{namespaces: {list}}}}}]}}"
        ));
        let (sources, source) = load(&text);
        let outcome = remove_exclusion(&sources, source, &request("tts")).unwrap();
        let left = list.replace(", tts", "");
        assert_eq!(outcome.text, text.replace(list, &left));
        // Only the name is removed, never its neighbour.
        let before = parse_alone(&text).unwrap().documents;
        let change =
            Change::Remove("spec.rules[0].exclude.any[0].resources.namespaces[0]".parse().unwrap());
        let editor = Editor::open(&sources, source).unwrap();
        let wrong = change.apply_to_text(&editor, 0).unwrap();
        let target = Target { policy: 0, rule: Some(0) };
        let result = check_edit(&before, &wrong, target, &change, &["tts"], Expected::Unlisted);
        assert!(result.unwrap_err().to_string().contains("still be listed"));
    }
}

fn effect(text: &str, class: Option<&str>) -> String {
    let (sources, source) = load(text);
    let tenant = Tenant {
        namespace: "tts",
        priority_class: class,
        resource: "nvidia.com/gpu",
        controller: Some("Deployment"),
    };
    let mut shown = show_policies(&sources, source, Some(&tenant)).unwrap();
    shown.remove(0).rules.remove(0).effect.unwrap()
}

#[test]
fn effects_are_described_in_words() {
    let pods = "match: {any: [{resources: {kinds: [Pod]}}]}\n";
    let merge = "mutate: {patchStrategicMerge: {spec: {priorityClassName: high}}}\n";
    let cases = [
        (format!("{pods}{merge}"), "priority class high by rule r"),
        (
            format!("{pods}exclude: {{any: [{{resources: {{namespaces: ['t*']}}}}]}}\n{merge}"),
            "keeps mine: excluded by `t*`",
        ),
        (
            format!("{pods}exclude: {{any: [{{clusterRoles: [admin]}}]}}\n{merge}"),
            "perhaps priority class high by rule r: it depends on `clusterRoles` of `exclude`",
        ),
        (
            format!("match: {{any: [{{resources: {{kinds: [Deployment]}}}}]}}\n{merge}"),
            "keeps mine: rule r does not apply to it",
        ),
        (
            format!(
                "{pods}mutate: {{patchStrategicMerge: {{spec: {{+(priorityClassName): high}}}}}}"
            ),
            "keeps mine: rule r only sets a missing class",
        ),
        (
            format!("{pods}mutate: {{patchStrategicMerge: {{metadata: {{labels: {{a: b}}}}}}}}"),
            "keeps mine: rule r sets no priority",
        ),
        (
            format!("{pods}mutate: {{foreach: [{{list: x}}]}}"),
            "keeps mine: rule r sets no priority",
        ),
        (
            format!(
                "{pods}preconditions: {{all: [{{key: \"{{{{ request.object.spec.priorityClassName || '' }}}}\", operator: Equals, value: ''}}]}}\n{merge}"
            ),
            "keeps mine: rule r does not apply to it",
        ),
        (
            format!(
                "{pods}preconditions: {{all: [{{key: \"{{{{ request.namespace }}}}\", operator: AnyIn, value: [web]}}]}}\n{merge}"
            ),
            "keeps mine: rule r does not apply to it",
        ),
        (
            format!(
                "{pods}preconditions: [{{key: \"{{{{ request.object.metadata.name }}}}\", operator: Equals, value: x}}]\n{merge}"
            ),
            "perhaps priority class high by rule r: it depends on its preconditions",
        ),
    ];
    for (body, words) in cases {
        assert_eq!(effect(&rule(&body), Some("mine")), words, "{body}");
    }
    assert_eq!(effect(GPU, None), "priority 1200000 (gpu-workload) by rule gpu-priority-override");
    let edited = GPU.replace("- kyverno\n", "- tts\n");
    assert_eq!(effect(&edited, None), "keeps its own priority: excluded by its name");
}

/// Rules whose effect was once claimed wrongly, each with the effect that Kyverno 1.19 has. All were
/// written for this test; the first two have the shape of the public policy
/// add-pod-priorityclassname.
#[test]
fn an_effect_is_never_claimed_for_a_part_that_is_not_understood() {
    let pods = "match: {any: [{resources: {kinds: [Pod]}}]}\n";
    let deployments = "match: {any: [{resources: {kinds: [Deployment]}}]}\n";
    let template =
        "mutate: {patchStrategicMerge: {spec: {template: {spec: {priorityClassName: gpu}}}}}";
    let json = |operations: &str| format!("{pods}mutate: {{patchesJson6902: '{operations}'}}");
    let merge = |patch: &str| format!("{pods}mutate: {{patchStrategicMerge: {patch}}}");
    let cases = [
        (
            format!("{deployments}{template}"),
            "priority class gpu by rule r, through its Deployment",
        ),
        (
            format!("match: {{any: [{{resources: {{kinds: [StatefulSet]}}}}]}}\n{template}"),
            "keeps mine: rule r does not apply to it",
        ),
        (
            format!(
                "{deployments}exclude: {{any: [{{resources: {{namespaces: [tts]}}}}]}}\n{template}"
            ),
            "keeps mine: excluded by its name",
        ),
        (
            json(
                r#"[{"op": "copy", "from": "/metadata/annotations/prio", "path": "/spec/priorityClassName"}]"#,
            ),
            "perhaps another priority by rule r: a `copy` at `/spec/priorityClassName` is not understood here",
        ),
        (
            json(r#"[{"op": "remove", "path": "/spec/priorityClassName"}]"#),
            "perhaps another priority by rule r: a `remove` at `/spec/priorityClassName` is not understood here",
        ),
        (
            json(
                r#"[{"op": "move", "from": "/spec/priorityClassName", "path": "/metadata/annotations/was"}]"#,
            ),
            "perhaps another priority by rule r: a `move` at `/metadata/annotations/was` is not understood here",
        ),
        (
            json(
                r#"[{"op": "test", "path": "/spec/hostPID", "value": true}, {"op": "add", "path": "/spec/priorityClassName", "value": "gpu"}]"#,
            ),
            "perhaps priority class gpu by rule r: the patch applies as a whole, and its `test` may fail",
        ),
        (
            json(r#"[{"op": "replace", "path": "/spec", "value": {"containers": []}}]"#),
            "perhaps another priority by rule r: a `replace` at `/spec` is not understood here",
        ),
        (
            json(r#"[{"op": "add", "path": "/metadata/labels/a", "value": "b"}]"#),
            "keeps mine: rule r sets no priority",
        ),
        (
            json("[{op: add, path: /spec/priorityClassName, value: gpu}]"),
            "perhaps another priority by rule r: `patchesJson6902` is not a list that Kyverno can read",
        ),
        (
            json(r#"[{"op": "replace", "path": "/spec/priorityClassName", "value": "gpu"}]"#),
            "priority class gpu by rule r",
        ),
        (
            merge("{metadata: {labels: {(team): gpu}}, spec: {priorityClassName: gpu}}"),
            "perhaps priority class gpu by rule r: it depends on `(team)` of the patch",
        ),
        (
            merge("{spec: {(priorityClassName): tier-9, priority: 5}}"),
            "perhaps priority 5 by rule r: the anchor `(priorityClassName)`",
        ),
        (
            merge("{spec: {priorityClassName: \"{{ request.namespace }}\"}}"),
            "perhaps another priority by rule r: the value of `priorityClassName` is not written out",
        ),
        (merge("{spec: {priorityClassName: mine}}"), "keeps mine: rule r sets the same class"),
        (
            format!(
                "{pods}mutate: {{foreach: [{{list: x, patchStrategicMerge: {{spec: {{priority: 5}}}}}}]}}"
            ),
            "perhaps another priority by rule r: `foreach` decides how often",
        ),
        (
            format!(
                "{pods}context: [{{name: a, configMap: {{name: a, namespace: b}}}}]\nmutate: {{patchStrategicMerge: {{spec: {{priority: 5}}}}}}"
            ),
            "perhaps priority 5 by rule r: it depends on its `context`",
        ),
        (
            format!(
                "{pods}preconditions: {{all: [{{key: \"{{{{ length(request.object.spec.containers) }}}}\", operator: GreaterThan, value: 0}}]}}\nmutate: {{patchStrategicMerge: {{spec: {{priority: 5}}}}}}"
            ),
            "perhaps priority 5 by rule r: it depends on its preconditions",
        ),
        (
            "match: {any: [{resources: {kinds: [ConfigMap]}}]}\nexclude: {any: [{resources: {namespaces: [tts]}}]}\nmutate: {targets: [{apiVersion: apps/v1, kind: Deployment}], patchStrategicMerge: {spec: {template: {spec: {priorityClassName: gpu}}}}}".to_owned(),
            "perhaps priority class gpu by rule r, through its Deployment: it changes existing objects, which `exclude` does not cover",
        ),
        (
            "match: {any: [{resources: {kinds: [ConfigMap]}}]}\nexclude: {any: [{resources: {namespaces: [tts]}}]}\nmutate: {targets: [{apiVersion: apps/v1, kind: Deployment, namespace: \"{{ request.namespace }}\"}], patchStrategicMerge: {spec: {template: {spec: {priorityClassName: gpu}}}}}".to_owned(),
            "keeps mine: excluded by its name",
        ),
        (
            "match: {any: [{resources: {kinds: [Pod], operations: [UPDATE]}}]}\nmutate: {patchStrategicMerge: {spec: {priority: 5}}}".to_owned(),
            "perhaps priority 5 by rule r, through its controller: it depends on `operations` of `match`",
        ),
        (
            format!(
                "{pods}preconditions: {{all: [{{key: \"{{{{ request.object.metadata.namespace }}}}\", operator: NotEquals, value: tts}}]}}\nmutate: {{patchStrategicMerge: {{spec: {{priority: 5}}}}}}"
            ),
            "perhaps priority 5 by rule r, through its controller: it depends on its preconditions",
        ),
    ];
    for (body, words) in cases {
        assert_eq!(effect(&rule(&body), Some("mine")), words, "{body}");
    }
}

#[test]
fn another_rule_that_may_change_the_class_makes_a_condition_on_it_uncertain() {
    let only_without = "match: {any: [{resources: {kinds: [Pod]}}]}\nmutate: {patchStrategicMerge: {spec: {+(priorityClassName): high}}}";
    let alone = rule(only_without);
    assert_eq!(effect(&alone, Some("mine")), "keeps mine: rule r only sets a missing class");
    let removes = "    - name: s\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      mutate: {patchesJson6902: '[{\"op\": \"remove\", \"path\": \"/spec/priorityClassName\"}]'}\n";
    assert_eq!(
        effect(&format!("{alone}{removes}"), Some("mine")),
        "perhaps priority class high by rule r: it depends on whether the Pod has a class then"
    );
}

#[test]
fn the_effect_of_a_mutating_policy_is_claimed_only_where_it_is_understood() {
    let gpu = "object.spec.containers.exists(c, has(c.resources.limits) && \"nvidia.com/gpu\" in c.resources.limits)";
    let condition =
        |text: &str| format!("  matchConditions: [{{name: c, expression: '{text}'}}]\n");
    let is = |text: &str, words: &str| assert_eq!(effect(text, Some("mine")), words, "{text}");
    is(&mutating("", &condition(gpu)), "priority 1200000 (gpu-workload) by policy m");
    is(&mutating("", &condition(&format!("!{gpu}"))), "keeps mine: policy m does not apply to it");
    is(
        &mutating("", &condition(&gpu.replace("exists", "all"))),
        "perhaps priority 1200000 (gpu-workload) by policy m: it depends on the condition `c`",
    );
    let of_deployments = |text: &str| {
        text.replace("apiGroups: ['']", "apiGroups: [apps]")
            .replace("[pods]", "[deployments]")
            .replace(
                "Object.spec{",
                "Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{",
            )
            .replace("1200000}}", "1200000}}}}")
    };
    is(
        &of_deployments(&mutating("", "")),
        "priority 1200000 (gpu-workload) by policy m, through its Deployment",
    );
    is(
        &of_deployments(&mutating("", &condition("!(request.namespace in [\"tts\"])"))),
        "keeps mine: excluded by its name",
    );
    let computed =
        mutating("", "").replace("Object{spec", "object.spec.hostPID ? Object{} : Object{spec");
    is(&computed, "perhaps another priority by policy m: its expression is not understood here");
    let selector = "    objectSelector: {matchLabels: {a: b}}\n";
    is(
        &mutating(selector, ""),
        "perhaps priority 1200000 (gpu-workload) by policy m: it depends on the `objectSelector`",
    );
}

#[test]
fn limits_of_an_exclusion_are_noted() {
    let notes = |body: &str| {
        let text = rule(body);
        let (sources, source) = load(&text);
        show_policies(&sources, source, None).unwrap().remove(0).rules.remove(0).notes
    };
    let nodes = "match: {any: [{resources: {kinds: [Node, v1/PersistentVolume]}}]}";
    assert_eq!(
        notes(nodes),
        ["it is only about `Node`, `PersistentVolume`: no namespace to exclude"]
    );
    assert!(notes("match: {any: [{resources: {kinds: [Node, Pod]}}]}").is_empty());
    assert!(notes("match: {any: [{resources: {kinds: [Namespace]}}]}").is_empty());
    let targets = "match: {any: [{resources: {kinds: [ConfigMap]}}]}\nmutate: {targets: [{kind: Deployment}]}";
    assert!(notes(targets)[0].contains("`mutate.targets` (`Deployment`)"));
}

#[test]
fn a_list_from_kubectl_is_read() {
    let policy = &GPU[GPU.find("apiVersion").unwrap()..];
    let policy = policy.trim_end().replace('\n', "\n  ");
    let list = format!(
        "apiVersion: v1\nitems:\n- {policy}\n- apiVersion: kyverno.io/v1\n  kind: ClusterPolicy\n  metadata:\n    name: other\n  spec: {{}}\nkind: List\nmetadata:\n  resourceVersion: \"\"\n"
    );
    let (sources, source) = load(&list);
    let shown = show_policies(&sources, source, None).unwrap();
    let names: Vec<&str> = shown.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["inject-gpu-workload-priority", "other"]);
    assert_eq!(
        shown[0].rules[0].excluded,
        ["kube-system", "metallb-system", "kyverno", "calico-system", "calico-apiserver"]
    );
    assert_eq!(shown[0].rules[0].effect, None);
    assert!(shown[1].rules.is_empty());
}

#[test]
fn exclusions_by_other_attributes_are_described() {
    let text = rule(
        "match: {any: [{resources: {kinds: [Pod], namespaceSelector: {matchLabels: {a: b}}}}]}\nexclude: {any: [{resources: {namespaces: [a]}}, {clusterRoles: [x], subjects: [{kind: User, name: y}]}]}",
    );
    let (sources, source) = load(&text);
    let rule = show_policies(&sources, source, None).unwrap().remove(0).rules.remove(0);
    assert_eq!(rule.excluded, ["a"]);
    assert_eq!(
        rule.also_excluded,
        [
            "objects that match `clusterRoles` and `subjects`",
            "objects that `namespaceSelector` of `match` does not select"
        ]
    );
}

fn mutating(constraints: &str, rest: &str) -> String {
    format!(
        "apiVersion: policies.kyverno.io/v1\nkind: MutatingPolicy\nmetadata: {{name: m}}\nspec:\n  matchConstraints:\n    resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}}]\n{constraints}{rest}  mutations:\n    - patchType: ApplyConfiguration\n      applyConfiguration:\n        expression: 'Object{{spec: Object.spec{{priorityClassName: \"gpu-workload\", priority: 1200000}}}}'\n"
    )
}

#[test]
fn a_mutating_policy_is_shown() {
    let text = mutating(
        "",
        "  matchConditions:\n    - name: gpu\n      expression: \"object.spec.containers.exists(c, 'nvidia.com/gpu' in c.resources.limits)\"\n    - name: out\n      expression: \"!(request.namespace in ['a'])\"\n",
    );
    assert_eq!(effect(&text, None), "priority 1200000 (gpu-workload) by policy m");
    assert_eq!(
        effect(&text.replace("['a']", "['a', 'tts']"), Some("mine")),
        "keeps mine: excluded by its name"
    );
    let selector = "    namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [tts]}]}\n";
    assert_eq!(effect(&mutating(selector, ""), Some("mine")), "keeps mine: excluded by its name");
    let text = text.replace("!(request.namespace in ['a'])", "object.metadata.name != 'x'");
    assert!(effect(&text, None).starts_with("perhaps priority 1200000"));
}

#[test]
fn exceptions_follow_their_schemas() {
    let request = |kind| ExceptionRequest {
        name: "tts-keeps-its-priority",
        namespace: "kyverno-exceptions",
        kind,
        policy: "inject-gpu-workload-priority",
        rule: Some("gpu-priority-override"),
        has_generated_rules: false,
        tenant: "tts",
    };
    let text = |kind| emit(&to_node(&policy_exception(&request(kind))).unwrap());
    assert_eq!(
        text(Kind::ClusterPolicy),
        "apiVersion: kyverno.io/v2\nkind: PolicyException\nmetadata:\n  name: tts-keeps-its-priority\n  namespace: kyverno-exceptions\nspec:\n  exceptions:\n    - policyName: inject-gpu-workload-priority\n      ruleNames:\n        - gpu-priority-override\n  match:\n    any:\n      - resources:\n          kinds:\n            - Pod\n          namespaces:\n            - tts\n"
    );
    assert_eq!(
        text(Kind::MutatingPolicy),
        "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata:\n  name: tts-keeps-its-priority\n  namespace: kyverno-exceptions\nspec:\n  policyRefs:\n    - name: inject-gpu-workload-priority\n      kind: MutatingPolicy\n  matchConditions:\n    - name: namespace\n      expression: object.metadata.namespace == 'tts'\n  reportResult: skip\n"
    );
    let requirements = exception_requirements(&request(Kind::ClusterPolicy));
    assert!(requirements[0].contains("enablePolicyException"));
    assert!(requirements[1].contains("`kyverno-exceptions`"));
}
