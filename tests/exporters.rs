//! The presets of `gate.exporter`: the settings that they render, read against pages of real exporters, and
//! the values of docs/exporters.md.

#![cfg(test)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use common::tool::{Sandbox, generate, objects, repository};
use tts_render::values::{Exporter, PRESETS};
use vram_gate::exposition::{Query, Usage, parse};
use vram_gate::settings::{Invocation, Raw, check};

/// A preset, a page, further values, and the reading: the memory of each user in MiB with the measured
/// total, or the reason why there is none.
type Row = (&'static str, &'static str, &'static [&'static str], &'static str);

const NONE: &str = "no series of the metric";

#[rustfmt::skip] // One reading per line.
const TABLE: &[Row] = &[
    ("gpu-pod-exporter", "gpu-pod-exporter/night", &[], "tenant 4832, others 2938"),
    // Nothing tells the host's processes from young containers.
    ("gpu-pod-exporter", "gpu-pod-exporter/host-and-young-containers", &[], "tenant 0, others 1536, unknown 498"),
    ("gpu-pod-exporter", "gpu-pod-exporter/nvidia-smi-failed", &[], NONE),
    // The known limitation: 2 GiB of one GPU and 20 GiB of another.
    ("gpu-pod-exporter", "gpu-pod-exporter/two-gpus", &[], "tenant 0, others 22528"),
    ("gpu-pod-exporter", "gpu-pod-exporter/one-process-on-two-gpus", &[], "duplicate series of the metric"),

    ("dcgm", "dcgm/one-gpu", &[], "tenant 0, others 7012, total 14923"),
    ("dcgm", "dcgm/idle", &[], "tenant 0, others 0, total 14923"),
    // The labels of a Pod on a device's series attribute nothing, although the Pod is the tenant's.
    ("dcgm", "dcgm/pod-labels-of-the-last-pod", &[], "tenant 0, others 11310, total 14923"),
    ("dcgm", "dcgm/two-gpus", &[], "two devices, `GPU-1f6a2c84-90b3-4d7e-a5c1-6e2d8b4f7a90` and `GPU-c3e7d510-4a28-9f61-b0d4-7a95e1c2f863`: select one with `SELECT`"),
    ("dcgm", "dcgm/two-gpus", &["gate.select.gpu=1"], "tenant 0, others 300, total 22565"),
    ("dcgm", "dcgm/two-gpus", &["gate.select.UUID=GPU-1f6a2c84-90b3-4d7e-a5c1-6e2d8b4f7a90"], "tenant 0, others 14000, total 14923"),
    ("dcgm", "dcgm/two-gpus", &["gate.select.gpu=2"], NONE),
    ("dcgm", "dcgm/mig", &[], "two devices, `GPU-1f6a2c84-90b3-4d7e-a5c1-6e2d8b4f7a90/3` and `GPU-1f6a2c84-90b3-4d7e-a5c1-6e2d8b4f7a90/9`: select one with `SELECT`"),
    ("dcgm", "dcgm/mig", &["gate.select.GPU_I_ID=3"], "tenant 0, others 2414, total 9696"),
    // The GPU's figures once for each Pod count once.
    ("dcgm", "dcgm/virtual-gpus-copies", &[], "tenant 0, others 7012, total 14923"),
    ("dcgm", "dcgm/old-namespace", &[], "a series of the metric has no label `DEVICE_LABEL`"),
    ("dcgm", "dcgm/old-namespace", &["gate.deviceLabel=uuid"], "tenant 0, others 7012, total 14923"),
    ("dcgm", "dcgm/reloading", &[], "the exposition is empty"),
    // Pods' own memory is not the device's: this page needs `dcgm-pods`.
    ("dcgm", "dcgm-pods/night", &[], "different amounts of one device"),

    ("dcgm-pods", "dcgm-pods/night", &[], "tenant 4832, others 2572, total 14923"),
    // What no Pod uses is others', too.
    ("dcgm-pods", "dcgm-pods/host-process", &[], "tenant 0, others 3522, total 14923"),
    ("dcgm-pods", "dcgm-pods/idle", &[], "tenant 0, others 0, total 14923"),
    // Known limitation: the tenant's own memory counts as others', and the guard yields too early.
    ("dcgm-pods", "dcgm-pods/without-host-pid", &[], "tenant 0, others 7404, total 14923"),
    // Known limitation: the tenant's 4832 count twice, which hides 146 of others' 6572.
    ("dcgm-pods", "dcgm-pods/tenant-with-two-slices", &[], "tenant 9664, others 6426, total 14923"),
    ("dcgm-pods", "dcgm-pods/two-gpus", &[], "two devices, `GPU-1f6a2c84-90b3-4d7e-a5c1-6e2d8b4f7a90` and `GPU-c3e7d510-4a28-9f61-b0d4-7a95e1c2f863`: select one with `SELECT`"),
    ("dcgm-pods", "dcgm-pods/two-gpus", &["gate.select.gpu=1"], "tenant 5180, others 120, total 22565"),
    ("dcgm-pods", "dcgm-pods/mig", &["gate.select.GPU_I_ID=3"], "tenant 2300, others 114, total 9696"),
    ("dcgm-pods", "dcgm-pods/mig", &["gate.select.GPU_I_ID=9"], "tenant 0, others 14, total 4845"),
    ("dcgm-pods", "dcgm-pods/older-release", &[], "no series of the metric is the device's own: each has a namespace"),
    // Without Pods in the scrape everything is others'.
    ("dcgm-pods", "dcgm/one-gpu", &[], "tenant 0, others 7012, total 14923"),

    ("nvidia-gpu-exporter", "nvidia-gpu-exporter/one-gpu", &[], "tenant 0, others 1474, total 15942"),
    ("nvidia-gpu-exporter", "nvidia-gpu-exporter/processes", &[], "tenant 0, others 1474, total 15942"),
    ("nvidia-gpu-exporter", "nvidia-gpu-exporter/two-gpus", &[], "two devices, `1f6a2c84-90b3-4d7e-a5c1-6e2d8b4f7a90` and `c3e7d510-4a28-9f61-b0d4-7a95e1c2f863`: select one with `SELECT`"),
    ("nvidia-gpu-exporter", "nvidia-gpu-exporter/two-gpus", &["gate.select.uuid=c3e7d510-4a28-9f61-b0d4-7a95e1c2f863"], "tenant 0, others 41235, total 45459"),
    ("nvidia-gpu-exporter", "nvidia-gpu-exporter/collection-failed", &[], NONE),
    // Known limitation: the instances are one GPU.
    ("nvidia-gpu-exporter", "nvidia-gpu-exporter/mig", &[], "tenant 0, others 11125, total 81080"),

    ("amd", "amd/idle", &[], "tenant 0, others 283, total 196592"),
    ("amd", "amd/pod-labels", &[], "tenant 0, others 52310, total 196592"),
    ("amd", "amd/two-gpus", &[], "two devices, `0` and `1`: select one with `SELECT`"),
    ("amd", "amd/two-gpus", &["gate.select.gpu_id=1"], "tenant 0, others 283, total 196592"),
    ("amd", "amd/partitions", &[], "two devices, `0` and `1`: select one with `SELECT`"),
    ("amd", "amd/partitions", &["gate.select.gpu_partition_id=1"], "tenant 0, others 1273, total 196592"),
    ("amd", "amd/hypervisor", &[], NONE),
    ("amd", "amd/with-a-prefix", &[], NONE),
    ("amd", "amd/with-a-prefix", &["gate.metric=amd_gpu_used_vram", "gate.freeMetric=amd_gpu_free_vram"], "tenant 0, others 283, total 196592"),

    ("custom", "amd/two-gpus", &["gate.metric=gpu_used_vram", "gate.metricUnit=MiB"], "tenant 0, others 180507"),
    ("custom", "dcgm/two-gpus", &["gate.metric=DCGM_FI_DEV_FB_USED", "gate.metricUnit=MiB", "gate.series=devices"], "several series of devices: tell the devices apart with `DEVICE_LABEL`"),
];

fn pages() -> PathBuf {
    repository().join("tests/fixtures/exporters")
}

/// The gate's environment in the rendered job of an action.
fn environment(manifests: &str, action: &str) -> BTreeMap<String, String> {
    objects(manifests)
        .iter()
        .filter(|object| object["kind"] == "CronJob")
        .map(|job| {
            let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
            let variables = pod["containers"][0]["env"].as_array().unwrap().iter();
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            variables
                .filter_map(|variable| Some((text(&variable["name"])?, text(&variable["value"])?)))
                .collect::<BTreeMap<_, _>>()
        })
        .find(|variables| variables["ACTION"] == action)
        .expect("a job of the action")
}

/// The query of the gate for a preset and further values, as it runs in the cluster.
fn query(preset: &str, values: &[&str]) -> Query {
    let exporter = format!("gate.exporter={preset}");
    // Where nothing attributes memory, the gate requires it.
    let mut args = vec!["tts", "--set", exporter.as_str(), "--set", "gate.budget=5Gi"];
    args.extend(values.iter().flat_map(|value| ["--set", value]));
    let variables = environment(&generate(&args), "guard");
    // The cluster sets the address of its API server.
    let env = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some("10.96.0.1".into()),
        _ => variables.get(name).map(OsString::from),
    };
    let Ok(Invocation::Run(raw)) = Raw::collect([], env) else { panic!("{preset}: {variables:?}") };
    check(&raw, |_| None).expect("settings").sampling.expect("a guard samples").query
}

fn describe(usage: &Usage) -> String {
    if usage.series == 0 {
        return NONE.to_owned();
    }
    let mib = |bytes: u64| {
        assert_eq!(bytes % (1 << 20), 0, "{bytes}");
        bytes >> 20
    };
    let mut text = format!("tenant {}, others {}", mib(usage.tenant), mib(usage.others));
    if usage.unknown > 0 {
        text += &format!(", unknown {}", mib(usage.unknown));
    }
    if let Some(total) = usage.total {
        text += &format!(", total {}", mib(total));
    }
    text
}

#[test]
fn every_page_has_the_expected_reading() {
    let mut queries: BTreeMap<(&str, &[&str]), Query> = BTreeMap::new();
    let mut wrong = Vec::new();
    for &(preset, page, values, expected) in TABLE {
        let query = queries.entry((preset, values)).or_insert_with(|| query(preset, values));
        let bytes = fs::read(pages().join(format!("{page}.prom"))).expect(page);
        let reading = match parse(&bytes, query) {
            Ok(usage) => describe(&usage),
            Err(error) => error.fault.to_string(),
        };
        if reading != expected {
            wrong.push(format!("{preset} {values:?} {page}: {reading}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_page_is_read_and_every_preset_reads_three() {
    let mut files = BTreeSet::new();
    for folder in fs::read_dir(pages()).unwrap().map(|entry| entry.unwrap().path()) {
        for file in fs::read_dir(&folder).into_iter().flatten() {
            let file = file.unwrap().path();
            let page = file.strip_prefix(pages()).unwrap().with_extension("");
            files.insert(page.to_string_lossy().into_owned());
        }
    }
    let read: BTreeSet<String> = TABLE.iter().map(|(_, page, ..)| (*page).to_owned()).collect();
    assert_eq!(files, read);
    let readme = fs::read_to_string(pages().join("README.md")).unwrap();
    for page in &files {
        assert!(readme.contains(&format!("| `{page}.prom` |")), "README.md does not name {page}");
    }
    for preset in PRESETS.iter().filter(|preset| preset.exporter != Exporter::Custom) {
        let own = format!("{}/", preset.name);
        let count = files.iter().filter(|page| page.starts_with(&own)).count();
        assert!(count >= 3, "{}: {count} pages", preset.name);
    }
}

#[test]
fn a_written_setting_takes_precedence() {
    let set = |values: &[&str]| {
        let mut args = vec!["tts", "--set", "gate.exporter=dcgm", "--set", "gate.budget=5Gi"];
        args.extend(values.iter().flat_map(|value| ["--set", value]));
        environment(&generate(&args), "guard")
    };
    let preset = set(&[]);
    for (name, value) in [
        ("METRIC", "DCGM_FI_DEV_FB_USED"),
        ("METRIC_UNIT", "MiB"),
        ("SERIES", "devices"),
        ("DEVICE_LABEL", "UUID"),
        ("FREE_METRIC", "DCGM_FI_DEV_FB_FREE"),
        ("COUNT", "residents"),
    ] {
        assert_eq!(preset.get(name).map(String::as_str), Some(value), "{name}");
    }
    for (assignment, name, value) in [
        ("gate.metric=DCGM_FI_DEV_FB_USED_2", "METRIC", "DCGM_FI_DEV_FB_USED_2"),
        ("gate.metricUnit=bytes", "METRIC_UNIT", "bytes"),
        ("gate.series=devices-and-pods", "SERIES", "devices-and-pods"),
        ("gate.deviceLabel=gpu", "DEVICE_LABEL", "gpu"),
        ("gate.freeMetric=free", "FREE_METRIC", "free"),
        ("gate.count=everyone", "COUNT", "everyone"),
    ] {
        let written = set(&[assignment]);
        assert_eq!(written.get(name).map(String::as_str), Some(value), "{assignment}");
        let changed = preset.iter().filter(|(name, value)| written.get(*name) != Some(value));
        assert_eq!(changed.count(), 1, "{assignment}");
    }
}

#[test]
fn a_custom_exporter_needs_metric_and_unit() {
    let sandbox = Sandbox::repository();
    let errors = sandbox.refused(&["render", "--set", "gate.exporter=custom"]);
    for key in ["gate.metric", "gate.metricUnit"] {
        let message = format!("`gate.exporter: custom` needs `{key}`");
        assert!(errors.contains(&message), "{errors}");
    }
    let errors = sandbox.refused(&[
        "render",
        "--set",
        "gate.exporter=custom",
        "--set",
        "gate.metric=gpu_bytes",
    ]);
    assert!(errors.contains("`gate.metricUnit`") && !errors.contains("`gate.metric`"), "{errors}");
}

/// The history has another metric than the exporter's page.
#[test]
fn the_back_test_refuses_a_history_of_another_exporter() {
    let month = repository().join("tests/fixtures/diff/history-synthesised.json");
    let month = month.to_str().expect("UTF-8");
    let sandbox = Sandbox::repository();
    for (exporter, metric) in [
        ("dcgm-pods", "DCGM_FI_DEV_FB_USED"),
        ("nvidia-gpu-exporter", "nvidia_smi_memory_used_bytes"),
    ] {
        let exporter = format!("gate.exporter={exporter}");
        let sets = ["--set", &exporter, "--set", "gate.budget=5Gi", "--history", month];
        let output = sandbox.run(&[&["diff", "--base-dir", "rendered"], &sets[..]].concat());
        let text = output.stdout;
        assert!(text.contains("the new gate can't be replayed: "), "{text}");
        let refusal =
            format!("the history has `gpu_pod_memory_used_bytes`, and the gate reads `{metric}`");
        assert!(text.contains(&refusal), "{text}");
    }
}

/// Each section of docs/exporters.md is named after its preset, and its first listing of values renders.
#[test]
fn the_values_of_the_documentation_render() {
    let text = fs::read_to_string(repository().join("docs/exporters.md")).unwrap();
    for preset in PRESETS {
        let heading = format!("\n## `{}`\n", preset.name);
        let (_, section) = text.split_once(&heading).unwrap_or_else(|| panic!("no {heading}"));
        let section = section.split("\n## ").next().unwrap();
        let (_, values) = section.split_once("```yaml\n").expect(preset.name);
        let (values, _) = values.split_once("```").expect(preset.name);
        let sandbox = Sandbox::repository();
        sandbox.write("overlay.yaml", values);
        let manifests = sandbox.ok(&["generate", "tts", "-f", "overlay.yaml"]).stdout;
        let variables = environment(&manifests, "up");
        if let Some(metric) = preset.metric {
            assert_eq!(variables["METRIC"], metric);
        }
        let lint = sandbox.run(&["lint", "-f", "overlay.yaml", "--fail-on", "critical"]);
        assert_eq!(lint.code, 0, "{}: {}", preset.name, lint.stdout);
    }
    let sections = text.lines().filter(|line| line.starts_with("## `")).count();
    assert_eq!(sections, PRESETS.len());
}
