//! Values: every error at once, each with its place; layers; the schema.

#![cfg(test)]

mod common;

use common::tool::{Sandbox, objects, repository, run_in};
use serde_json::{Value, json};
use tts_render::budget::Budget;
use tts_render::templates::{self, Templates};
use tts_render::values::{self, Layers, Loaded, Shape};
use vram_gate::settings::{Key, Kind, TABLE};
use yaml_spans::Path;
use yaml_spans::source::{Source, Sources};

/// An assignment that is refused, and a part of the message. The schema must refuse it too, unless no
/// schema can express the rule.
struct Refused {
    set: &'static str,
    message: &'static str,
    in_schema: bool,
}

const fn refused(set: &'static str, message: &'static str) -> Refused {
    Refused { set, message, in_schema: true }
}

const fn refused_by_tool(set: &'static str, message: &'static str) -> Refused {
    Refused { set, message, in_schema: false }
}

const REFUSED: &[Refused] = &[
    // Unknown names, with a suggestion.
    refused("gate.flor=7Gi", "did you mean `floor`?"),
    refused("offPeak.timezone=Europe/London", "did you mean `timeZone`?"),
    refused("server.resources.request={}", "did you mean `requests`?"),
    refused("server.livenessProbe.httpget={}", "did you mean `httpGet`?"),
    refused("sever.port=1", "did you mean `server`?"),
    refused("server.extraVolumes=[]", "in these values it is `server.volumes`"),
    refused("nodeSelector={}", "in these values it is `server.nodeSelector`"),
    refused("persistence={}", "in these values it is `storage`"),
    refused("server.runtimeClasName=nvidia", "did you mean `runtimeClassName`?"),
    refused("server.podSecurityContext.fsgroup=1", "did you mean `fsGroup`?"),
    refused("server.securityContext.runAsUser=root", "expected a whole number"),
    refused("storage.nfs.subPath=/chatterbox", "expected a path inside the volume"),
    refused_by_tool("storage.nfs.subPath=../other", "expected a path inside the volume"),
    refused("ingress.className=a_b", "invalid name `a_b`"),
    refused("service.type=Loadbalancer", "did you mean `LoadBalancer`?"),
    refused("storage.podVolumeName=a.b", "invalid name `a.b`"),
    // Types.
    refused("offPeak.suspend=yes", "invalid value `yes`: expected `true` or `false`"),
    refused("server.port=http", "invalid value `http`: expected a whole number"),
    refused("server.args=one", "invalid value `one`: expected a list"),
    refused("server.config.data=one", "invalid value `one`: expected a map"),
    refused("gate.samples=1.5", "invalid value `1.5`: expected a whole number"),
    // Quantities and numbers.
    refused("gate.floor=6gb", "invalid amount of memory `6gb`"),
    refused("gate.floor=-1", "invalid amount of memory `-1`"),
    refused("gate.floor=1.5.5Gi", "invalid amount of memory"),
    refused("storage.size=20 Gi", "invalid amount of storage"),
    refused("server.port=0", "invalid number `0`: expected 1 to 65535"),
    refused("server.port=65536", "invalid number `65536`: expected 1 to 65535"),
    refused("gate.samples=11", "invalid number `11`: expected 1 to 10"),
    // Names.
    refused("name=TTS", "invalid name `TTS`"),
    refused("server.name=a_b", "invalid name `a_b`"),
    refused("server.name=-a", "invalid name `-a`"),
    refused("namespace.name=a.b", "invalid name `a.b`"),
    refused("storage.name=a..b", "invalid name `a..b`"),
    refused("target.apiVersion=apps/v1/x", "invalid API version `apps/v1/x`"),
    refused("target.kind=Stateful Set", "invalid kind `Stateful Set`"),
    refused("target.resource=statefulsets/scale", "invalid name `statefulsets/scale`"),
    refused("target.name=a/b", "invalid name `a/b`"),
    refused("server.env.A-B=1", "invalid environment variable name `A-B`"),
    // Schedules and time zones.
    refused("offPeak.up=0 2 * *", "field"),
    refused("offPeak.up=0 0 2 * * *", "field"),
    refused_by_tool("offPeak.up=61 2 * * *", "61"),
    refused_by_tool("offPeak.down=0 6 * * 7", "7"),
    refused_by_tool("offPeak.timeZone=Europe/Londn", "Europe/London"),
    refused("offPeak.timeZone=", "time zone"),
    // Images.
    refused("gate.image.repository=host/a:tag@sha256:00", "a digest belongs in `digest`"),
    refused_by_tool("gate.image.repository=host.example/a:1.0", "a tag belongs in `tag`"),
    refused_by_tool("gate.image.repository=host.example/Upper", "invalid repository"),
    refused("gate.image.tag=a b", "invalid tag `a b`"),
    refused("gate.image.digest=sha256:abc", "invalid digest"),
    // Paths and URLs.
    refused("storage.mountPath=data", "invalid absolute path `data`"),
    refused_by_tool("storage.mountPath=/data/../etc", "invalid absolute path"),
    refused("kyverno.policy=/etc/passwd", "a path from the repository's root"),
    refused_by_tool("kyverno.policy=../x.yaml", "a path from the repository's root"),
    refused("gate.metricsUrl=ftp://x/metrics", "expected `http://` or `https://` at the start"),
    refused_by_tool(
        "gate.metricsUrl=http://user:pw@x/metrics",
        "invalid URL: expected no credentials",
    ),
    // Choices.
    refused("gate.count=resident", "did you mean `residents`?"),
    refused("kyverno.mode=edits", "did you mean `edit`?"),
    refused("apiVersion=tts-render/v2", "tts-render/v1"),
    // Values that can never work together.
    refused_by_tool("gate.floor=17Gi", "more than `GPU_TOTAL`"),
    refused_by_tool("gate.reserve=17Gi", "more than `GPU_TOTAL`"),
    refused_by_tool("storage.mountPath=/app/config.yaml", "is already `server.config.mountPath`"),
    refused_by_tool(
        "offPeak.names.up=chatterbox-vram-guard",
        "is already the name of the CronJob `up`",
    ),
    refused_by_tool(
        "offPeak.names.up=a123456789012345678901234567890123456789012345678901234",
        "expected at most 52 characters, not 55",
    ),
    refused_by_tool("offPeak.names.serviceAccount=default", "every Pod's service account"),
    refused_by_tool("target.kind=DaemonSet", "has no scale subresource"),
    refused_by_tool("target.kind=Rollout", "a custom kind with its own `target.apiVersion`"),
    refused_by_tool("name=other", "its file `tts.yaml`"),
    refused_by_tool("server.port=null", "`service` needs `server.port`"),
    refused_by_tool("service.port=null", "`service` needs `port`, or `ports`"),
    refused_by_tool("storage.size=null", "`storage` needs `size`, or `existingClaim`"),
    refused_by_tool("storage.existingClaim=x", "`storage.size` can't be combined with"),
    refused_by_tool("server.podLabels.app=x", "`app` is set by `server.name`"),
    refused_by_tool("commonLabels.app=x", "`app` is set by `server.name`"),
    refused_by_tool("commonLabels.tier=x", "`tier` is set by `namespace.tier`"),
    refused_by_tool("kyverno.policy=null", "needs `kyverno.policy`"),
    refused_by_tool("gate.metricsUrl=null", "such as `http://SERVICE.NAMESPACE.svc.cluster.local:"),
    refused_by_tool("namespace.labels.tier=x", "`tier` is set by `namespace.tier`"),
    // Paths of assignments.
    refused_by_tool("gate.floor", "expected `PATH=VALUE`"),
    refused_by_tool("gate..floor=1", "a key is missing"),
    refused_by_tool("clients[7].name=x", "`clients` is a list of 1"),
    refused_by_tool("server.port.x=1", "`server.port` is a whole number"),
];

#[test]
fn invalid_values_are_refused_with_their_place() {
    let sandbox = Sandbox::repository();
    for case in REFUSED {
        let errors = sandbox.refused(&["render", "--check", "--set", case.set]);
        assert!(errors.contains(case.message), "--set {}\n{errors}", case.set);
        let place = if case.set.contains("[7]") || !case.set.contains('=') { "--set" } else { ":" };
        assert!(errors.contains(place), "{errors}");
    }
}

/// A file of the repository.
fn written_values(file: &str) -> Value {
    let text = std::fs::read_to_string(repository().join(file)).expect("values");
    serde_yaml::from_str(&text).expect("YAML")
}

/// The repository's values with an assignment, as a document for the schema.
fn assigned(set: &str) -> Option<Value> {
    let mut document = written_values("values/tts.yaml");
    let (path, text) = set.split_once('=')?;
    let pointer: Vec<&str> = path.split('.').collect();
    let mut node = &mut document;
    for key in pointer {
        if node.is_null() {
            *node = serde_json::json!({});
        }
        node = node.as_object_mut()?.entry(key).or_insert(Value::Null);
    }
    *node = serde_yaml::from_str(text).unwrap_or(Value::String(text.to_owned()));
    if let (Value::Number(_), "gate.floor=-1") = (&*node, set) {
        *node = Value::String("-1".to_owned());
    }
    Some(document)
}

#[test]
fn the_schema_refuses_what_the_tool_refuses() {
    let schema: Value =
        serde_json::from_str(&run_in(repository(), &["schema"]).stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut compared = 0;
    for case in REFUSED.iter().filter(|case| case.in_schema) {
        let document = assigned(case.set).expect(case.set);
        assert!(!validator.is_valid(&document), "the schema accepts {}", case.set);
        compared += 1;
    }
    assert!(compared >= 30, "{compared}");
}

/// The values and the gate accept the same numbers and words.
#[test]
fn the_schema_and_the_gates_table_agree() {
    let mut compared = 0;
    for row in TABLE.iter().filter(|row| row.value_path().is_some()) {
        let path: Path = row.value_path().unwrap().parse().unwrap();
        let shape = Shape::of_values().at(&path).expect("a value");
        match row.kind {
            Kind::Choice(words) if !shape.allows("boolean") => {
                let mut choices: Vec<String> = shape.choices().collect();
                choices.sort_by_key(|choice| words.iter().position(|word| word == choice));
                assert_eq!(choices, words, "{path}");
            }
            Kind::Number(min, max) => {
                let pointer = match row.key {
                    Key::Starts => "/$defs/Watch/properties/starts",
                    _ => "/$defs/Gate/properties/samples",
                };
                let schema = values::schema();
                let number = schema.pointer(pointer).unwrap();
                assert_eq!((&number["minimum"], &number["maximum"]), (&json!(min), &json!(max)));
            }
            _ => continue,
        }
        compared += 1;
    }
    assert!(compared >= 6, "{compared}");
}

#[test]
fn all_errors_are_reported_at_once_each_in_its_layer() {
    let sandbox = Sandbox::repository();
    sandbox.write("one.yaml", "gate:\n  flor: 1\nserver: {port: 70000}\n");
    sandbox.write("two.yaml", "offPeak:\n  up: 0 2 * *\n");
    let args = ["render", "-f", "one.yaml", "-f", "two.yaml", "--set", "gate.cont=x"];
    let errors = sandbox.refused(&args);
    for place in ["one.yaml:2:3", "one.yaml:3:16", "two.yaml:2:7", "--set:1:1"] {
        assert!(errors.contains(place), "{place}\n{errors}");
    }
    assert_eq!(errors.matches("error: ").count(), 4, "{errors}");
}

#[test]
fn later_layers_take_precedence() {
    let sandbox = Sandbox::repository();
    sandbox.write("one.yaml", "gate: {floor: 1Gi, samples: 3}\nnamespace: {labels: {a: b}}\n");
    sandbox
        .write("two.yaml", "gate: {floor: 2Gi}\nserver: {imagePullSecrets: []}\nservice: null\n");
    let args = ["generate", "tts", "-f", "one.yaml", "-f", "two.yaml", "--set", "gate.samples=5"];
    let out = sandbox.ok(&args).stdout;
    // The last wins, maps merge, lists replace, null removes.
    assert!(out.contains("value: 2Gi\n"), "{out}");
    assert!(out.contains("value: \"5\""), "{out}");
    assert!(out.contains("a: b") && out.contains("istio-injection: disabled"), "{out}");
    assert!(!out.contains("registry-credentials"), "{out}");
    assert!(!out.contains("kind: Service\n"), "{out}");
}

#[test]
fn assignments_are_typed_by_the_schema() {
    let sandbox = Sandbox::repository();
    let out = |set: &str| sandbox.ok(&["generate", "tts", "--set", set]).stdout;
    assert_eq!(out("offPeak.suspend=true").matches("suspend: true").count(), 1);
    assert_eq!(out("offPeak.suspendAll=true").matches("suspend: true").count(), 3);
    assert!(out("server.env.NUMBER=5").contains("value: \"5\""));
    assert!(out("server.env.SWITCH=off").contains("value: \"off\""));
    assert!(out("offPeak.up=0 1,2 * * *").contains("schedule: 0 1,2 * * *"));
    assert!(out("server.config.data.server.port=8005").contains("  port: 8005"));
    assert!(out("server.args=[a, \"b c\"]").contains("- b c\n"));
    assert!(
        out("namespace.labels[\"keel.sh/enrolled\"]=false").contains("keel.sh/enrolled: \"false\"")
    );
    // What is left is the gate's.
    assert_eq!(out("server.priorityClassName=null").matches("priorityClassName").count(), 3);
    assert!(out("gate.floor=6442450945").contains("\"6442450945\""));
}

#[test]
fn an_invalid_field_is_traced_to_its_value() {
    let sandbox = Sandbox::repository();
    let errors = sandbox.refused(&["render", "--set", "server.resources.limits.memory=8Gx"]);
    assert!(errors.contains("templates/deployment.yaml.j2"), "{errors}");
    assert!(
        errors.contains("it comes from the value `server.resources.limits.memory`"),
        "{errors}"
    );
    assert!(errors.contains("--set:1:32"), "{errors}");
}

/// A mistake in the repository's values: the text before, after, and the one error that it gives.
struct Mistake {
    from: &'static str,
    to: &'static str,
    message: &'static str,
    fix: &'static str,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        from: "  floor: 6Gi\n",
        to: "<<<<<<< HEAD\n  floor: 6Gi\n=======\n  floor: 7Gi\n>>>>>>> main\n",
        message: "unresolved merge conflict: `<<<<<<< HEAD`",
        fix: "keep one of the versions, and delete the lines ",
    },
    Mistake {
        from: "  floor: 6Gi\n",
        to: "   floor: 6Gi\n",
        message: "wrong indentation: 3 spaces",
        fix: "indent it with 2 spaces as line ",
    },
    Mistake {
        from: "  floor: 6Gi\n",
        to: "  floor 6Gi\n",
        message: "a `:` is missing after the key `floor`",
        fix: "write `floor: 6Gi`",
    },
    Mistake {
        from: "  floor: 6Gi\n",
        to: "  floor: \"6Gi\n",
        message: "the quote is never closed",
        fix: "close it on this line",
    },
    Mistake {
        from: "  floor: 6Gi\n",
        to: "  floor: {a: b\n",
        message: "the `{` is never closed",
        fix: "close it with `}`",
    },
    Mistake {
        from: "  floor: 6Gi\n",
        to: "  floor:\u{a0}6Gi\n",
        message: "the character U+00A0 looks like a space, and is a part of the text",
        fix: "replace it with a space",
    },
    Mistake {
        from: "TTS_BF16: \"off\"",
        to: "TTS_BF16: “off”",
        message: "`“` and `”` don't quote a text: they are a part of it",
        fix: "write `\"off\"`",
    },
    Mistake {
        from: "    - key: nvidia.com/gpu\n",
        to: "    -key: nvidia.com/gpu\n",
        message: "a space is missing after the `-` of a list item",
        fix: "write `- key: nvidia.com/gpu`",
    },
    Mistake {
        from: "    - registry-credentials\n",
        to: "    - name: registry-credentials\n",
        message: "expected a string, found a map",
        fix: "write `registry-credentials`",
    },
    Mistake {
        from: "guard: \"*/5 2-5 * * *\"",
        to: "guard: */5 2-5 * * *",
        message: "a value that begins with `*` must be quoted",
        fix: "write `\"*/5 2-5 * * *\"`",
    },
    Mistake {
        from: "\nserver:\n",
        to: "\nServer:\n",
        message: "unknown field `Server`",
        fix: "did you mean `server`?",
    },
    Mistake {
        from: "accessModes: [ReadWriteMany]",
        to: "accessModes: ReadWriteMany",
        message: "expected a list, found the string `ReadWriteMany`",
        fix: "write `[ReadWriteMany]`",
    },
    Mistake {
        from: "  podVolumeName: models\n",
        to: "  floor: 6Gi\n",
        message: "unknown field `floor`",
        fix: "in these values it is `gate.floor`",
    },
    Mistake {
        from: "policy: policies/inject-",
        to: "policy: policies/injekt-",
        message: "can't read `policies/injekt-gpu-workload-priority.yaml`",
        fix: "did you mean `policies/inject-gpu-workload-priority.yaml`?",
    },
];

#[test]
fn a_mistake_is_one_error_with_its_place_and_a_fix() {
    let text = std::fs::read_to_string(repository().join("values/tts.yaml")).expect("values");
    let sandbox = Sandbox::repository();
    for Mistake { from, to, message, fix } in MISTAKES {
        let (before, _) = text.split_once(from).expect(from);
        sandbox.write("values/tts.yaml", text.replacen(from, to, 1));
        let errors = sandbox.refused(&["render", "--check"]);
        assert_eq!(errors.matches("error: ").count(), 1, "{to}: {errors}");
        assert!(errors.contains(&format!("error: {message}")), "{to}: {errors}");
        let skipped = from.len() - from.trim_start_matches('\n').len();
        let line = before.matches('\n').count() + 1 + skipped;
        let place = format!("values/tts.yaml:{line}:");
        assert!(errors.contains(&place) && errors.contains(fix), "{to}: {place} {errors}");
    }
}

#[test]
fn a_variable_written_as_in_a_manifest_is_shown_in_the_form_of_values() {
    let sandbox = Sandbox::repository();
    sandbox.write("env.yaml", "server:\n  env:\n    - name: HF_HOME\n      value: /data\n");
    let errors = sandbox.refused(&["render", "--dry-run", "-f", "env.yaml"]);
    assert!(errors.contains("env.yaml:3:5"), "{errors}");
    assert!(errors.contains("expected a map, found a list"), "{errors}");
    assert!(errors.contains("write `HF_HOME: /data`"), "{errors}");
}

#[test]
fn a_section_that_an_empty_value_removes_is_reported_there() {
    let sandbox = Sandbox::repository();
    sandbox.write("empty.yaml", "# the floor\ngate:\n");
    for (args, place) in
        [(["-f", "empty.yaml"], "empty.yaml:2:1"), (["--set", "gate=null"], "--set:1:1")]
    {
        let errors = sandbox.refused(&[&["render", "--dry-run"], &args[..]].concat());
        assert_eq!(errors.matches("error: ").count(), 1, "{errors}");
        for part in ["missing field `gate`", place, "an empty value, as `null`, removes it"] {
            assert!(errors.contains(part), "{part}: {errors}");
        }
    }
}

#[test]
fn an_error_of_a_value_that_is_missing_says_that_it_is_not_set() {
    let sandbox = Sandbox::repository();
    let args =
        ["--set", "server.livenessProbe=null", "--set", "server.livenessProbe.httpGet.path=/"];
    let errors = sandbox.refused(&[&["render", "--dry-run"], &args[..]].concat());
    let note = "the value `server.livenessProbe.httpGet.port`, which is not set in --set:1:1";
    assert!(errors.contains(note), "{errors}");
}

#[test]
fn a_file_without_a_map_says_what_is_wrong_with_it() {
    let sandbox = Sandbox::repository();
    for (text, message) in [
        ("", "it is empty, or has only comments: expected a map"),
        ("# later\n", "it is empty, or has only comments: expected a map"),
        ("- a\n", "expected a map, not a list"),
        ("a: 1\n---\nb: 2\n", "expected one document, not 2: delete the line `---`"),
    ] {
        sandbox.write("overlay.yaml", text);
        let errors = sandbox.refused(&["render", "--dry-run", "-f", "overlay.yaml"]);
        assert!(errors.contains(message) && errors.contains("overlay.yaml:"), "{text}: {errors}");
    }
    let utf16: Vec<u8> = "\u{feff}a: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    sandbox.write("overlay.yaml", utf16);
    let errors = sandbox.refused(&["render", "--dry-run", "-f", "overlay.yaml"]);
    assert!(errors.contains("it is UTF-16") && errors.contains("save it as UTF-8"), "{errors}");
}

#[test]
fn an_assignment_is_shown_as_it_was_written() {
    let sandbox = Sandbox::repository();
    for (path, meant) in [
        ("server.resources.limits.nvidia.com/gpu", r#"server.resources.limits["nvidia.com/gpu"]"#),
        (r"namespace.labels.keel\.sh/enrolled", r#"namespace.labels["keel.sh/enrolled"]"#),
        ("server.tolerations.0.key", "server.tolerations[0].key"),
    ] {
        let set = format!("{path}=2");
        let errors = sandbox.refused(&["render", "--dry-run", "--set", &set]);
        let message = format!("invalid path `{path}`: there is no such value");
        let hint = format!("did you mean `{meant}`?");
        for part in [&message, &set, &hint] {
            assert!(errors.contains(part.as_str()), "{part}: {errors}");
        }
    }
}

#[test]
fn a_merge_conflict_is_named_in_every_file_that_is_read() {
    let conflict = "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> main\n";
    for (file, args) in [
        ("overlay.yaml", &["render", "--check", "-f", "overlay.yaml"][..]),
        ("templates/role.yaml.j2", &["render", "--check"]),
        ("policies/inject-gpu-workload-priority.yaml", &["render", "--check"]),
        (
            "policies/inject-gpu-workload-priority.yaml",
            &["policy", "edit", "policies/inject-gpu-workload-priority.yaml", "--exclude", "a"],
        ),
        ("base/tts/role-a.yaml", &["diff", "--base-dir", "base"]),
        ("base/tts/role-a.yaml", &["validate", "base/tts/role-a.yaml"]),
    ] {
        let sandbox = Sandbox::repository();
        let before = std::fs::read_to_string(sandbox.path(file)).unwrap_or_default();
        sandbox.write(file, format!("{before}{conflict}"));
        let output = sandbox.run(args);
        let printed = output.stdout + &output.stderr;
        assert!(output.code != 0, "{args:?}: {printed}");
        let line = before.lines().count() + 1;
        for expected in [
            "unresolved merge conflict: `<<<<<<< HEAD`".to_owned(),
            format!("{file}:{line}:1"),
            format!("delete the lines {line}, {} and {}", line + 2, line + 4),
        ] {
            assert!(printed.contains(&expected), "{args:?}: {expected}\n{printed}");
        }
    }
}

#[test]
fn an_unknown_stack_is_reported_with_a_suggestion() {
    let errors = Sandbox::repository().refused(&["render", "tss"]);
    assert!(errors.contains("there is no stack `tss`"), "{errors}");
    assert!(errors.contains("did you mean `tts`?"), "{errors}");
    for (args, advice) in [
        (&["rendered"][..], "the stacks are `tts`"),
        (&["--set", "server.args=a", "server.args=b"], "an assignment follows `--set`"),
    ] {
        let errors = Sandbox::repository().refused(&[&["render", "--dry-run"], args].concat());
        assert!(errors.contains(advice), "{errors}");
    }
}

/// `null` removes a value. A key that no value has is a typo, of which merging would leave nothing.
/// The rendered Deployment with some arguments.
fn deployment_with(args: &[&str]) -> Value {
    let output = run_in(repository(), &[&["generate", "tts"], args].concat());
    assert_eq!(output.code, 0, "{args:?}: {}", output.stderr);
    let mut all = objects(&output.stdout).into_iter();
    all.find(|object| object["kind"] == "Deployment").expect("a Deployment")
}

#[test]
fn a_null_removes_an_entry_from_any_layer_alike() {
    let sandbox = Sandbox::repository();
    sandbox.write(
        "null.yaml",
        "server: {env: {TTS_BF16: null}}\nnamespace: {labels: {keel.sh/enrolled: null}}\n",
    );
    let generate = |args: &[&str]| sandbox.ok(&[&["generate", "tts"], args].concat()).stdout;
    let removed = generate(&["-f", "null.yaml"]);
    assert_ne!(removed, generate(&[]));
    let set = [
        "--set",
        "server.env.TTS_BF16=null",
        "--set",
        r#"namespace.labels["keel.sh/enrolled"]=null"#,
    ];
    assert_eq!(generate(&set), removed);
    // A typo is an error in both, and an item of a list is not an entry.
    let errors = sandbox.refused(&["generate", "tts", "--set", "server.enf=null"]);
    assert!(errors.contains("unknown field `enf`"), "{errors}");
    assert!(
        generate(&["--set", "server.args=[a, b]", "--set", "server.args[1]=null"])
            .contains("- \"null\"")
    );
}

#[test]
fn set_string_takes_every_text_as_a_string() {
    let env = |text: &str| {
        let set = format!("server.env.A={text}");
        let deployment = deployment_with(&["--set", "server.env.A=x", "--set-string", &set]);
        let env = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
        let entry = env.as_array().expect("a list").iter().find(|entry| entry["name"] == "A");
        entry.expect("the variable")["value"].clone()
    };
    for text in ["null", "1.10", "true", "{a: b}", "a,gate.floor=7Gi", ""] {
        assert_eq!(env(text), text);
    }
    for (set, message) in [
        ("gate.samples=3", "expected a whole number"),
        ("server.enf=x", "unknown field `enf`"),
        ("gate.floor", "--set-string: invalid assignment `gate.floor`"),
    ] {
        let output = run_in(repository(), &["generate", "tts", "--set-string", set]);
        assert_eq!(output.code, 2, "{set}");
        assert!(output.stderr.contains(message), "{set}: {}", output.stderr);
    }
}

#[test]
fn a_hint_to_quote_has_the_text_of_the_file() {
    let sandbox = Sandbox::repository();
    for (text, quoted) in [("1.10", "1.10"), ("1.0", "1.0"), ("-0", "-0"), ("true", "true")] {
        sandbox.write("tag.yaml", format!("server: {{image: {{tag: {text}}}}}\n"));
        let errors = sandbox.refused(&["generate", "tts", "-f", "tag.yaml"]);
        assert!(errors.contains(&format!("quote it: `\"{quoted}\"`")), "{errors}");
        // Here, a map is possible too.
        sandbox.write("env.yaml", format!("server: {{env: {{A: {text}}}}}\n"));
        let errors = sandbox.refused(&["generate", "tts", "-f", "env.yaml"]);
        assert!(errors.contains(&format!("quote it: `\"{quoted}\"`")), "{errors}");
    }
}

#[test]
fn a_backslash_before_a_dot_gets_the_spelling_of_a_key_with_dots() {
    for (set, meant) in [
        (r"namespace.labels.keel\.sh/enrolled=false", r#"namespace.labels["keel.sh/enrolled"]"#),
        (r"server.nodeSelector.a\.b\.c/d=x", r#"server.nodeSelector["a.b.c/d"]"#),
    ] {
        let output = run_in(repository(), &["generate", "tts", "--set", set]);
        assert_eq!(output.code, 2, "{set}");
        assert!(output.stderr.contains(&format!("did you mean `{meant}`?")), "{}", output.stderr);
    }
}

#[test]
fn a_null_for_a_key_that_does_not_exist_is_an_error() {
    let sandbox = common::tool::Sandbox::demo();
    for (overlay, expected, near) in [
        ("gaet: null\n", "unknown field `gaet`", Some("did you mean `gate`?")),
        ("gate: {flor: null}\n", "unknown field `flor`", Some("did you mean `floor`?")),
        ("gate:\n  flor:\n", "unknown field `flor`", Some("did you mean `floor`?")),
        ("root:*:19000:0:99999:7::\n", "unknown field `root:*:19000:0:99999:7:`", None),
    ] {
        sandbox.write("overlay.yaml", overlay);
        let message = sandbox.refused(&["generate", "-f", "overlay.yaml"]);
        assert!(message.contains(expected), "{overlay}: {message}");
        assert!(message.contains(near.unwrap_or_default()), "{overlay}: {message}");
        assert!(message.contains("overlay.yaml:"), "{overlay}: {message}");
    }
    // Known keys, and those of free maps, may be absent below.
    sandbox.write("overlay.yaml", "gate: {reserve: null}\nnamespace: {labels: {a: null}}\n");
    sandbox.ok(&["generate", "-f", "overlay.yaml"]);
}

#[test]
fn paths_of_other_spellings_are_explained() {
    let sandbox = Sandbox::repository();
    for (set, expected) in [
        (
            "server.tolerations.0.key=x",
            "invalid path `server.tolerations.0.key`: there is no such value",
        ),
        ("server.tolerations.0.key=x", "did you mean `server.tolerations[0].key`?"),
        (
            "server.resources.limits.nvidia.com/gpu=2",
            r#"did you mean `server.resources.limits["nvidia.com/gpu"]`?"#,
        ),
        (
            "namespace.labels.keel.sh/enrolled=false",
            r#"did you mean `namespace.labels["keel.sh/enrolled"]`?"#,
        ),
        (
            "gate.floor=7Gi,gate.reserve=1Gi",
            "expected one value: write `--set gate.floor=7Gi --set gate.reserve=1Gi`",
        ),
        ("gate.flor=7Gi", "did you mean `floor`?"),
    ] {
        let errors = sandbox.refused(&["render", "--dry-run", "--set", set]);
        assert!(errors.contains(expected), "{set}: {errors}");
    }
    // A comma is ordinary in a text, and so are dots in a key that is quoted.
    for set in [
        "server.env.LIST=a,b=c,d",
        r#"namespace.labels["keel.sh/enrolled"]=false"#,
        "server.tolerations[0].key=x",
        "server.args=[a,b]",
    ] {
        sandbox.ok(&["render", "--dry-run", "--set", set]);
    }
}

/// An object that a fixture renders, and a path in it with the expected value.
struct Passed {
    object: &'static str,
    pointer: &'static str,
    expected: fn() -> Value,
}

const fn passed(object: &'static str, pointer: &'static str, expected: fn() -> Value) -> Passed {
    Passed { object, pointer, expected }
}

const POD: &str = "/spec/template/spec";

#[rustfmt::skip] // a line a field
const PASSED: &[Passed] = &[
    passed("Deployment", "/metadata/labels", || json!({"app": "chatterbox-tts", "tier": "2-gpu", "cost": "server", "team": "audio"})),
    passed("Deployment", "/metadata/annotations", || json!({"example.com/contact": "night"})),
    passed("Deployment", "/spec/template/metadata/labels", || json!({"app": "chatterbox-tts", "example.com/role": "tenant"})),
    passed("Deployment", "/spec/selector/matchLabels", || json!({"app": "chatterbox-tts"})),
    passed("Pod", "/runtimeClassName", || json!("nvidia")),
    passed("Pod", "/securityContext", || json!({"runAsUser": 1000, "fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"})),
    passed("Pod", "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions/0/values", || json!(["Tesla-T4"])),
    passed("Pod", "/topologySpreadConstraints/0/topologyKey", || json!("kubernetes.io/hostname")),
    passed("Pod", "/hostAliases", || json!([{"ip": "192.0.2.7", "hostnames": ["models.lan"]}])),
    passed("Pod", "/containers/0/ports", || json!([{"name": "http", "containerPort": 8004}, {"name": "grpc", "containerPort": 9001}, {"name": "debug", "containerPort": 9002, "protocol": "UDP"}])),
    passed("Pod", "/containers/0/securityContext", || json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})),
    passed("Pod", "/containers/0/envFrom", || json!([{"prefix": "HF_", "secretRef": {"name": "hugging-face"}}, {"configMapRef": {"name": "extra", "optional": true}}])),
    passed("Pod", "/containers/0/volumeMounts/1", || json!({"name": "models", "mountPath": "/data"})),
    passed("Pod", "/containers/0/volumeMounts/2", || json!({"name": "shm", "mountPath": "/dev/shm"})),
    passed("Pod", "/containers/0/volumeMounts/5", || json!({"name": "token", "mountPath": "/run/token", "readOnly": true})),
    passed("Pod", "/containers/1/name", || json!("exporter")),
    passed("Pod", "/volumes/2", || json!({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}})),
    passed("Pod", "/volumes/3/persistentVolumeClaim/claimName", || json!("outputs")),
    passed("Pod", "/volumes/4/hostPath", || json!({"path": "/usr/share/fonts", "type": "Directory"})),
    passed("Pod", "/volumes/5/secret/defaultMode", || json!(256)),
    passed("Service", "/metadata/labels", || json!({"app": "chatterbox-tts", "cost": "service", "team": "audio"})),
    passed("Service", "/spec/type", || json!("LoadBalancer")),
    passed("Service", "/spec/ports", || json!([{"name": "http", "port": 8000, "targetPort": "http"}, {"name": "grpc", "port": 9001, "targetPort": "grpc"}, {"name": "metrics", "port": 9100, "targetPort": "metrics"}])),
    passed("Ingress", "/metadata/labels", || json!({"app": "chatterbox-tts", "cost": "ingress", "team": "audio"})),
    passed("Ingress", "/metadata/annotations", || json!({"nginx.ingress.kubernetes.io/proxy-body-size": "64m", "example.com/contact": "night"})),
    passed("Ingress", "/spec/ingressClassName", || json!("nginx")),
    passed("Ingress", "/spec/tls", || json!([{"secretName": "speech-tls", "hosts": ["speech.example.org"]}])),
    passed("Ingress", "/spec/rules/0/http/paths/1", || json!({"path": "/docs", "pathType": "Exact", "backend": {"service": {"name": "chatterbox-tts", "port": {"number": 8000}}}})),
    passed("Ingress", "/spec/rules/1/http/paths/0/path", || json!("/")),
    passed("HTTPRoute", "/metadata/annotations", || json!({"example.com/route": "true", "example.com/contact": "night"})),
    passed("HTTPRoute", "/spec/parentRefs", || json!([{"name": "public", "namespace": "gateways", "sectionName": "https"}])),
    passed("HTTPRoute", "/spec/hostnames", || json!(["speech.example.org"])),
    passed("HTTPRoute", "/spec/rules/0", || json!({"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}], "timeouts": {"request": "10m"}, "backendRefs": [{"name": "chatterbox-tts", "port": 8000}]})),
    passed("HTTPRoute", "/spec/rules/2", || json!({"matches": [{"path": {"value": "/old"}}], "filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}], "backendRefs": []})),
    passed("HTTPRoute", "/spec/rules/1/backendRefs", || json!([{"name": "chatterbox-tts", "port": 9001}])),
    passed("PersistentVolumeClaim", "/metadata/labels", || json!({"cost": "storage", "team": "audio"})),
    passed("PersistentVolumeClaim", "/metadata/annotations/example.com~1backup", || json!("nightly")),
    passed("PersistentVolumeClaim", "/metadata/annotations/kustomize.toolkit.fluxcd.io~1prune", || json!("disabled")),
    passed("PersistentVolume", "/metadata/labels", || json!({"cost": "storage", "team": "audio"})),
    passed("Namespace", "/metadata/labels/cost", || json!("namespace")),
    passed("Namespace", "/metadata/annotations/example.com~1contact", || json!("night")),
    passed("ConfigMap", "/metadata/labels/team", || json!("audio")),
    passed("Role", "/metadata/labels", || json!({"team": "audio", "cost": "shared"})),
    passed("RoleBinding", "/metadata/annotations", || json!({"example.com/contact": "night"})),
    passed("ServiceAccount", "/metadata/labels/cost", || json!("shared")),
    passed("CronJob", "/metadata/labels", || json!({"app": "chatterbox-tts", "cost": "gate", "team": "audio"})),
    passed("CronJob", "/metadata/annotations", || json!({"example.com/jobs": "gate", "example.com/contact": "night"})),
    passed("CronJob", "/spec/jobTemplate/spec/template/metadata", || json!({"labels": {"app": "chatterbox-tts", "example.com/role": "gate"}, "annotations": {"sidecar.istio.io/inject": "false"}})),
];

/// The objects that the repository's stack renders with a fixture.
fn rendered_with(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let fixture = repository().join("tests/fixtures/values/everything.yaml");
    let file = fixture.to_str().unwrap();
    objects(&sandbox.ok(&[&["generate", "tts", "-f", file], args].concat()).stdout)
}

#[test]
fn values_are_passed_through_to_their_fields() {
    let sandbox = Sandbox::repository();
    let rendered = rendered_with(&sandbox, &[]);
    for Passed { object, pointer, expected } in PASSED {
        let (kind, base) = if *object == "Pod" { ("Deployment", POD) } else { (*object, "") };
        let found = rendered.iter().find(|one| one["kind"] == kind).expect(kind);
        let value = found.pointer(&format!("{base}{pointer}")).unwrap_or(&Value::Null);
        assert_eq!(value, &expected(), "{object}{pointer}");
    }
    // Every object has the common labels and annotations, the client's too.
    let policies = |one: &&Value| one["kind"] != "ClusterPolicy";
    for object in rendered.iter().filter(policies) {
        assert_eq!(object["metadata"]["labels"]["team"], "audio", "{object}");
        assert_eq!(object["metadata"]["annotations"]["example.com/contact"], "night", "{object}");
    }
}

/// The schema knows every value of the fixture.
#[test]
fn the_schema_accepts_what_is_passed_through() {
    let mut document = written_values("values/tts.yaml");
    merge(&mut document, written_values("tests/fixtures/values/everything.yaml"));
    let validator = jsonschema::validator_for(&values::schema()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
}

/// Values are refused at their place, never by a template that can't write them.
#[test]
fn no_value_of_a_wrong_type_reaches_a_template() {
    let mut document = written_values("values/tts.yaml");
    merge(&mut document, written_values("tests/fixtures/values/everything.yaml"));
    let mut pointers = Vec::new();
    find_pointers(&document, "", &mut pointers);
    assert!(pointers.len() > 300, "{}", pointers.len());

    let mut base = Sources::new();
    let templates = Templates::load(&mut base, Vec::new()).unwrap();
    let wrong = [json!("text"), json!(7), json!(true), json!([]), json!({}), json!([7])];
    let mut rendered = 0;
    for pointer in &pointers {
        for wrong in &wrong {
            let mut document = document.clone();
            *document.pointer_mut(pointer).unwrap() = wrong.clone();
            let mut sources = base.clone();
            let id = sources.add(Source::written("values/tts.yaml", document.to_string()));
            let stem = std::path::Path::new("tts");
            let budget = Budget::default();
            let layers = Layers::default();
            let Ok(loaded) = Loaded::load(&mut sources, id, stem, &layers, &budget) else {
                continue;
            };
            rendered += 1;
            let context = templates::context(&loaded).unwrap();
            if let Err(errors) = templates.render(&mut sources, &context, &budget) {
                panic!("{pointer} = {wrong}: {errors}");
            }
        }
    }
    assert!(rendered > 300, "{rendered}");
}

/// The pointers of all values below a document's root.
fn find_pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let mut add = |key: &str, value: &Value| {
        let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        found.push(below.clone());
        find_pointers(value, &below, found);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| add(key, value)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| add(&index.to_string(), value));
        }
        _ => {}
    }
}

fn merge(base: &mut Value, overlay: Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (key, value) in overlay {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, overlay) => *base = overlay,
    }
}

/// The kinds that are rendered with some assignments.
fn kinds_with(sandbox: &Sandbox, sets: &[&str]) -> Vec<String> {
    let args: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let rendered = rendered_with(sandbox, &args);
    rendered.iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn sections_are_off_without_their_values() {
    let sandbox = Sandbox::repository();
    for sets in [
        &["ingress=null", "httpRoute=null"][..],
        &["ingress.enabled=false", "httpRoute.enabled=false"],
        &["service=null", "ingress=null", "httpRoute=null"],
    ] {
        let kinds = kinds_with(&sandbox, sets);
        for kind in ["Ingress", "HTTPRoute"] {
            assert!(!kinds.iter().any(|one| one == kind), "{sets:?}: {kinds:?}");
        }
    }
    let plain = objects(&sandbox.ok(&["generate", "tts"]).stdout);
    assert!(plain.iter().all(|one| one["kind"] != "Ingress" && one["kind"] != "HTTPRoute"));
}

#[test]
fn a_route_without_rules_or_hosts_leads_to_the_service() {
    let sandbox = Sandbox::repository();
    let sets =
        ["--set", "ingress.hosts=[]", "--set", "httpRoute.rules=[]", "--set", "service.port=null"];
    let rendered = rendered_with(&sandbox, &sets);
    let of_kind = |kind: &str| rendered.iter().find(|one| one["kind"] == kind).unwrap();
    assert_eq!(
        of_kind("Ingress")["spec"]["defaultBackend"],
        json!({"service": {"name": "chatterbox-tts", "port": {"number": 9001}}}),
        "the first of `service.ports`"
    );
    assert_eq!(
        of_kind("HTTPRoute")["spec"]["rules"],
        json!([{"backendRefs": [{"name": "chatterbox-tts", "port": 9001}]}])
    );
    assert_eq!(of_kind("Service")["spec"]["ports"].as_array().unwrap().len(), 2);
}

#[test]
fn an_existing_claim_is_mounted_and_not_rendered() {
    let sandbox = Sandbox::repository();
    sandbox.write(
        "claim.yaml",
        "storage: {existingClaim: weights, podVolumeName: weights, name: null, size: null, \
         storageClassName: null, nfs: null}\n",
    );
    let rendered = objects(&sandbox.ok(&["generate", "tts", "-f", "claim.yaml"]).stdout);
    assert!(rendered.iter().all(|one| !one["kind"].as_str().unwrap().contains("Volume")));
    let deployment = rendered.iter().find(|one| one["kind"] == "Deployment").unwrap();
    let pod = deployment.pointer(POD).unwrap();
    assert_eq!(
        pod["volumes"][1],
        json!({"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}})
    );
    assert_eq!(
        pod["containers"][0]["volumeMounts"][1],
        json!({"name": "weights", "mountPath": "/data"})
    );
}

#[test]
fn without_a_class_the_cluster_decides() {
    let sandbox = Sandbox::repository();
    let class_of = |overlay: &str| {
        sandbox.write("class.yaml", overlay);
        let rendered = objects(&sandbox.ok(&["generate", "tts", "-f", "class.yaml"]).stdout);
        let class = |kind: &str| {
            let object = rendered.iter().find(|one| one["kind"] == kind)?;
            object["spec"].get("storageClassName").cloned()
        };
        (class("PersistentVolume"), class("PersistentVolumeClaim"))
    };
    assert_eq!(class_of("storage: {storageClassName: null, nfs: null}\n"), (None, None));
    // A claim that is bound by name must not get the default class.
    assert_eq!(class_of("storage: {storageClassName: null}\n"), (None, Some(json!(""))));
    // The claim's name is the server's.
    sandbox.write("class.yaml", "storage: {name: null, nfs: null}\n");
    let rendered = sandbox.ok(&["generate", "tts", "-f", "class.yaml"]).stdout;
    assert!(rendered.contains("claimName: chatterbox-tts\n"), "{rendered}");
}

/// A kind that is not known names the value that allows it.
#[test]
fn an_unknown_kind_names_the_value_that_allows_it() {
    let sandbox = Sandbox::demo();
    let monitor =
        "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata:\n  name: a\n";
    sandbox.write("templates/monitor.yaml.j2", monitor);
    let errors = sandbox.refused(&["render"]);
    assert!(errors.contains("unknown kind `ServiceMonitor`"), "{errors}");
    let advice = "allowedKinds: [{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor}]";
    assert!(errors.contains(advice), "{errors}");
    let values = sandbox.read("values/demo.yaml");
    sandbox.write("values/demo.yaml", format!("{values}\n{advice}\n"));
    sandbox.ok(&["render"]);
    // A misspelt kind of Kubernetes has its suggestion, and no such advice.
    sandbox.write("templates/monitor.yaml.j2", monitor.replace("monitoring.coreos.com", "apps"));
    assert!(!sandbox.refused(&["render"]).contains("allowedKinds"));
}
