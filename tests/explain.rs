//! `explain`: from a field to its values, and from a value to its fields.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod common;

use common::tool::{Sandbox, repository};
use tts_render::explain::Influence;
use tts_render::fleet::{Opened, Request};
use tts_render::project::Project;

#[test]
fn a_field_leads_to_the_templates_line_and_the_values() {
    let sandbox = Sandbox::repository();
    let args = ["explain", "deployment/chatterbox-tts", "spec.template.spec.containers[0].image"];
    let out = sandbox.ok(&args).out;
    assert!(out.contains("template  templates/deployment.yaml.j2:"), "{out}");
    assert!(out.contains("server.image.repository, values/tts.yaml:"), "{out}");
    assert!(out.contains("server.image.tag, values/tts.yaml:"), "{out}");
    assert_eq!(out.lines().count(), 4 + 1, "digest too: {out}");
}

#[test]
fn the_layer_that_brought_a_value_is_named() {
    let sandbox = Sandbox::repository();
    let path = "spec.template.metadata.annotations[\"checksum/config\"]";
    let args = ["explain", "deployment/chatterbox-tts", path, "-f", "overlays/english.yaml"];
    let out = sandbox.ok(&args).out;
    assert!(out.contains("server.config.data.model.repo_id, overlays/english.yaml:6:18"), "{out}");
}

#[test]
fn what_stands_in_the_template_has_no_value() {
    let out =
        Sandbox::repository().ok(&["explain", "deployment/chatterbox-tts", "spec.replicas"]).out;
    assert!(out.contains("value     none: it stands in the template"), "{out}");
}

#[test]
fn a_value_leads_to_every_field_that_it_decides() {
    let out = Sandbox::repository().ok(&["explain", "--value", "gate.floor"]).out;
    assert!(out.starts_with("gate.floor, values/tts.yaml:"), "{out}");
    assert_eq!(out.matches("cronjob/chatterbox-").count(), 3, "{out}");
    let out = Sandbox::repository()
        .ok(&["explain", "--value", "gate.reserve", "--set", "gate.reserve=1Gi"])
        .out;
    assert!(out.starts_with("gate.reserve, --set:1:14"), "{out}");
}

#[test]
fn a_near_object_is_suggested() {
    let said = Sandbox::repository().refused(&["explain", "deployment/chaterbox-tts", "spec"]);
    assert!(said.contains("did you mean `deployment/chatterbox-tts`?"), "{said}");
}

/// Leaves of the values that decide no field of the stack's own objects, with the reason.
const DECIDES_NOTHING: &[(&str, &str)] = &[
    ("apiVersion", "the format's version has one value"),
    ("kyverno.mode", "decides the owner's policy, which is no template's"),
    ("kyverno.policy", "names the owner's policy"),
    ("kyverno.rule", "names a rule of the owner's policy"),
    ("kyverno.exceptionNamespace", "counts for an exception alone"),
    ("clients[0].name", "for the patch of the client's owner"),
    ("allowedKinds", "what templates may render, not what they do"),
];

#[test]
fn every_leaf_of_the_values_decides_a_field_or_is_listed() {
    let request = Request::default();
    let opened = Opened::open(&Project::new(repository()), &request).expect("it loads");
    let influences: Vec<Influence> = opened[0].subject().influences();
    assert!(influences.len() > 90, "{}", influences.len());
    let idle: Vec<String> = influences
        .iter()
        .filter(|influence| influence.fields.is_empty())
        .map(|influence| influence.value.to_string())
        .collect();
    let listed: Vec<&str> = DECIDES_NOTHING.iter().map(|(path, _)| *path).collect();
    let surprising: Vec<_> = idle.iter().filter(|path| !listed.contains(&path.as_str())).collect();
    assert!(surprising.is_empty(), "{surprising:?}");
    let stale: Vec<_> =
        listed.iter().filter(|path| !idle.iter().any(|idle| idle == **path)).collect();
    assert!(stale.is_empty(), "{stale:?}");
}
