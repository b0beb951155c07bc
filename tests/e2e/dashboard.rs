//! Validates the dashboard by Grafana's own schema, that of its Foundation SDK.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::output::CommandOutput;
use crate::common::tool::{generate, objects};
use crate::programs::program;

/// The dashboard that values render.
fn dashboard(sets: &[&str]) -> Value {
    let mut arguments = vec!["-f", "overlays/dashboard.yaml"];
    sets.iter().for_each(|set| arguments.extend(["--set", set]));
    let all = objects(&generate(&arguments));
    let found = all.iter().find(|one| one["metadata"]["name"] == "chatterbox-tts-dashboard");
    let text = found.unwrap()["data"]["tts-render-tts.json"].as_str().unwrap();
    serde_json::from_str(text).unwrap()
}

/// The violations of the schema.
fn violations(dashboard: &Value) -> String {
    let schema = program("grafana-schema");
    let output = CommandOutput::with_input(&mut Command::new(schema), &dashboard.to_string());
    assert_eq!(output.stderr, "");
    assert_eq!(output.code == 0, output.stdout.is_empty());
    output.stdout
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_dashboard_fits_the_schema_for_every_exporter() {
    let custom = ["gate.exporter=custom", "gate.metric=x", "gate.metricUnit=MiB"];
    let rows: [&[&str]; 7] = [
        &[],
        &["dashboard.dataSource=P1"],
        &["gate.exporter=dcgm"],
        &["gate.exporter=dcgm-pods"],
        &["gate.exporter=nvidia-gpu-exporter"],
        &["gate.exporter=amd"],
        &custom,
    ];
    for sets in rows {
        assert_eq!(violations(&dashboard(sets)), "", "{sets:?}");
    }
}

/// The schema knows the fields of the dashboard, of its panels and of their queries.
#[test]
#[ignore = "tests/e2e/run"]
fn the_schema_refuses_unknown_fields_and_wrong_types() {
    for (place, value) in [
        ("/titel", json!("x")),
        ("/time/until", json!("now")),
        ("/panels/0/gridPos/width", json!(3)),
        ("/panels/0/title", json!(1)),
        ("/panels/0/targets/0/query", json!("up")),
        ("/panels/0/targets/0/instant", json!("yes")),
        ("/panels/0/fieldConfig/defaults/custom/fillOpacity", json!("much")),
        ("/panels/0/fieldConfig/defaults/custom/stack", json!(true)),
        ("/panels/1/options/colorMode", json!(1)),
        ("/panels/1/options/colour", json!("x")),
        ("/annotations/list/0/colour", json!("red")),
        ("/annotations/list/0/enable", json!("yes")),
    ] {
        let mut changed = dashboard(&[]);
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
        parent[key] = value;
        let found = violations(&changed);
        assert!(found.contains(key), "{place}: {found:?}");
    }
}
