//! Values: every error at once, each with its place; layers; the schema.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod common;

use common::tool::{Sandbox, ran, repository};
use serde_json::Value;

/// An assignment that is refused, and what is said. The same rule must stand in the schema, unless
/// no schema can say it (`beyond`).
struct Refused {
    set: &'static str,
    said: &'static str,
    beyond: bool,
}

const fn refused(set: &'static str, said: &'static str) -> Refused {
    Refused { set, said, beyond: false }
}

const fn beyond(set: &'static str, said: &'static str) -> Refused {
    Refused { set, said, beyond: true }
}

const REFUSED: &[Refused] = &[
    // Unknown names, with the near one.
    refused("gate.flor=7Gi", "did you mean `floor`?"),
    refused("offPeak.timezone=Europe/London", "did you mean `timeZone`?"),
    refused("server.resources.request={}", "did you mean `requests`?"),
    refused("server.livenessProbe.httpget={}", "did you mean `httpGet`?"),
    refused("sever.port=1", "did you mean `server`?"),
    // Types.
    refused("offPeak.suspend=yes", "`yes` is not `true` or `false`"),
    refused("server.port=http", "`http` is not a whole number"),
    refused("server.args=one", "`one` is not a list"),
    refused("gate.samples=1.5", "`1.5` is not a whole number"),
    // Quantities and numbers.
    refused("gate.floor=6gb", "`6gb` is no amount of memory"),
    refused("gate.floor=-1", "`-1` is no amount of memory"),
    refused("gate.floor=1.5.5Gi", "is no amount of memory"),
    refused("storage.size=20 Gi", "is no amount of storage"),
    refused("server.port=0", "0 is not between 1 and 65535"),
    refused("server.port=65536", "65536 is not between 1 and 65535"),
    refused("gate.samples=11", "11 is not between 1 and 10"),
    // Names.
    refused("name=TTS", "`TTS` is no name"),
    refused("server.name=a_b", "`a_b` is no name"),
    refused("server.name=-a", "`-a` is no name"),
    refused("namespace.name=a.b", "`a.b` is no name"),
    refused("storage.name=a..b", "`a..b` is no name"),
    refused("server.env.A-B=1", "`A-B` is no name of an environment variable"),
    // Schedules and time zones.
    refused("offPeak.up=0 2 * *", "field"),
    refused("offPeak.up=0 0 2 * * *", "field"),
    beyond("offPeak.up=61 2 * * *", "61"),
    beyond("offPeak.down=0 6 * * 7", "7"),
    beyond("offPeak.timeZone=Europe/Londn", "Europe/London"),
    refused("offPeak.timeZone=", "time zone"),
    // Images.
    refused("gate.image.repository=host/a:tag@sha256:00", "a digest belongs in `digest`"),
    beyond("gate.image.repository=host.example/a:1.0", "a tag belongs in `tag`"),
    beyond("gate.image.repository=host.example/Upper", "is no repository"),
    refused("gate.image.tag=a b", "`a b` is no tag"),
    refused("gate.image.digest=sha256:abc", "is no digest"),
    // Paths and URLs.
    refused("storage.mountPath=data", "`data` is no absolute path"),
    beyond("storage.mountPath=/data/../etc", "is no absolute path"),
    refused("kyverno.policy=/etc/passwd", "is no path in this repository"),
    beyond("kyverno.policy=../x.yaml", "is no path in this repository"),
    refused("gate.metricsUrl=ftp://x/metrics", "is no URL of a page"),
    beyond("gate.metricsUrl=http://user:pw@x/metrics", "values hold no credentials"),
    // Choices.
    refused("gate.count=resident", "did you mean `residents`?"),
    refused("kyverno.mode=edits", "did you mean `edit`?"),
    refused("apiVersion=tts-render/v2", "tts-render/v1"),
    // What can never work together.
    beyond("gate.floor=17Gi", "more than the whole card"),
    beyond("gate.reserve=17Gi", "more than the whole card"),
    beyond("storage.mountPath=/app/config.yaml", "`server.config.mountPath` already"),
    beyond("offPeak.names.up=chatterbox-vram-guard", "is the name of the CronJob `up` already"),
    beyond(
        "offPeak.names.up=a123456789012345678901234567890123456789012345678901234",
        "at most 52",
    ),
    beyond("offPeak.names.serviceAccount=default", "every Pod's service account"),
    beyond("name=other", "its file `tts.yaml`"),
    beyond("server.port=null", "`server.port` is not set"),
    beyond("kyverno.policy=null", "needs `kyverno.policy`"),
    beyond("namespace.labels.tier=x", "`tier` is set by `namespace.tier`"),
    // Paths of assignments.
    beyond("gate.floor", "has no `=`"),
    beyond("gate..floor=1", "a key is missing"),
    beyond("clients[7].name=x", "`clients` is a list of 1"),
    beyond("server.port.x=1", "`server.port` is a whole number"),
];

#[test]
fn wrong_values_are_refused_with_their_place() {
    let sandbox = Sandbox::repository();
    for case in REFUSED {
        let said = sandbox.refused(&["render", "--check", "--set", case.set]);
        assert!(said.contains(case.said), "--set {}\n{said}", case.set);
        let place = if case.set.contains("[7]") || !case.set.contains('=') { "--set" } else { ":" };
        assert!(said.contains(place), "{said}");
    }
}

/// The file that `case.set` makes of the repository's values, as a document for the schema.
fn assigned(set: &str) -> Option<Value> {
    let text = std::fs::read_to_string(repository().join("values/tts.yaml")).expect("values");
    let mut document: Value = serde_yaml::from_str(&text).expect("YAML");
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
    let schema: Value = serde_json::from_str(&ran(repository(), &["schema"]).out).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let text = std::fs::read_to_string(repository().join("values/tts.yaml")).expect("values");
    let values: Value = serde_yaml::from_str(&text).expect("YAML");
    let errors: Vec<_> = validator.iter_errors(&values).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut held = 0;
    for case in REFUSED.iter().filter(|case| !case.beyond) {
        let document = assigned(case.set).expect(case.set);
        assert!(!validator.is_valid(&document), "the schema takes {}", case.set);
        held += 1;
    }
    assert!(held >= 30, "{held}");
}

#[test]
fn the_schema_in_the_repository_is_the_types() {
    let written =
        std::fs::read_to_string(repository().join("values/schema.json")).expect("a schema");
    assert!(
        written == ran(repository(), &["schema"]).out,
        "cargo run -- schema > values/schema.json"
    );
}

#[test]
fn all_errors_are_told_at_once_each_in_its_layer() {
    let sandbox = Sandbox::repository();
    sandbox.write("one.yaml", "gate:\n  flor: 1\nserver: {port: 70000}\n");
    sandbox.write("two.yaml", "offPeak:\n  up: 0 2 * *\n");
    let args = ["render", "-f", "one.yaml", "-f", "two.yaml", "--set", "gate.cont=x"];
    let said = sandbox.refused(&args);
    for place in ["one.yaml:2:3", "one.yaml:3:16", "two.yaml:2:7", "--set:1:1"] {
        assert!(said.contains(place), "{place}\n{said}");
    }
    assert_eq!(said.matches("error: ").count(), 4, "{said}");
}

#[test]
fn layers_go_over_each_other_in_their_order() {
    let sandbox = Sandbox::repository();
    sandbox.write("one.yaml", "gate: {floor: 1Gi, samples: 3}\nnamespace: {labels: {a: b}}\n");
    sandbox
        .write("two.yaml", "gate: {floor: 2Gi}\nserver: {imagePullSecrets: []}\nservice: null\n");
    let args = ["generate", "tts", "-f", "one.yaml", "-f", "two.yaml", "--set", "gate.samples=5"];
    let out = sandbox.ok(&args).out;
    // The last wins, maps merge, lists replace, null removes.
    assert!(out.contains("value: \"2147483648\""), "{out}");
    assert!(out.contains("value: \"5\""), "{out}");
    assert!(out.contains("a: b") && out.contains("istio-injection: disabled"), "{out}");
    assert!(!out.contains("registry-credentials"), "{out}");
    assert!(!out.contains("kind: Service\n"), "{out}");
}

#[test]
fn assignments_are_typed_by_the_schema() {
    let sandbox = Sandbox::repository();
    let out = |set: &str| sandbox.ok(&["generate", "tts", "--set", set]).out;
    assert_eq!(out("offPeak.suspend=true").matches("suspend: true").count(), 3);
    assert!(out("server.env.NUMBER=5").contains("value: \"5\""));
    assert!(out("server.env.SWITCH=off").contains("value: \"off\""));
    assert!(out("offPeak.up=0 1,2 * * *").contains("schedule: 0 1,2 * * *"));
    assert!(out("server.config.data.server.port=8005").contains("  port: 8005"));
    assert!(out("server.args=[a, \"b c\"]").contains("- b c\n"));
    assert!(
        out("namespace.labels[\"keel.sh/enrolled\"]=false").contains("keel.sh/enrolled: \"false\"")
    );
    assert!(!out("server.priorityClassName=null").contains("priorityClassName"));
    assert!(out("gate.floor=6442450945").contains("\"6442450945\""));
}

#[test]
fn a_value_that_no_object_can_have_is_blamed_by_name() {
    let sandbox = Sandbox::repository();
    let said = sandbox.refused(&["render", "--set", "server.resources.limits.memory=8Gx"]);
    assert!(said.contains("templates/deployment.yaml.j2"), "{said}");
    assert!(said.contains("it comes from the value `server.resources.limits.memory`"), "{said}");
    assert!(said.contains("--set:1:32"), "{said}");
}

#[test]
fn an_unknown_stack_is_named_with_the_near_one() {
    let said = Sandbox::repository().refused(&["render", "tss"]);
    assert!(said.contains("there is no stack `tss`"), "{said}");
    assert!(said.contains("did you mean `tts`?"), "{said}");
}
