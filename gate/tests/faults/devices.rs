//! Faults of the selection, of devices, of the measured total and of the budget.

use crate::support::http_server::ok;
use crate::support::test_env::TestEnv;
use crate::{Case, Fault, NO_READING, To, Untouched, case, fault};

const UP_STARTS: &[Case] = &[case("up", 0, To(1))];
const UP_WAITS: &[Case] = &[case("up", 0, Untouched)];
const GUARD_YIELDS: &[Case] = &[case("guard", 0, To(0))];
const GUARD_STAYS: &[Case] = &[case("guard", 0, Untouched)];
const ROOM: &[Case] = &[case("up", 0, To(1)), case("guard", 0, Untouched)];
const NO_ROOM: &[Case] = &[case("up", 0, Untouched), case("guard", 0, To(0))];
/// A guard that can't judge a reading releases the GPU.
const SAMPLING: &[Case] = &[case("up", 2, Untouched), case("guard", 0, To(0))];

/// Serves lines in MiB of a T4, as DCGM's exporter writes them: `used`, `free` and `total` are replaced
/// by its metrics. The floor is 6 GiB, the reserve 512 MiB, the budget 5632 MiB.
fn serve_dcgm(env: &mut TestEnv, series: &'static str, lines: &[&str]) {
    let metrics = [("used", "FB_USED"), ("free", "FB_FREE"), ("total", "FB_TOTAL")];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let text = metrics.iter().fold(text, |text, (word, metric)| {
        text.replace(&format!("{word}{{"), &format!("DCGM_FI_DEV_{metric}{{"))
    });
    env.exporter = vec![ok(text)];
    env.set("GPU_TOTAL", "15360Mi");
    env.set("METRIC", "DCGM_FI_DEV_FB_USED");
    env.set("METRIC_UNIT", "MiB");
    env.set("SERIES", series);
    env.set("DEVICE_LABEL", "UUID");
    env.set("BUDGET", "5632Mi");
}

/// The same with the metric of free memory, and without GPU_TOTAL.
fn serve_measured(env: &mut TestEnv, series: &'static str, lines: &[&str]) {
    serve_dcgm(env, series, lines);
    env.set("GPU_TOTAL", "");
    env.set("FREE_METRIC", "DCGM_FI_DEV_FB_FREE");
}

pub(crate) const FAULTS: &[Fault] = &[
    fault(
        "two GPUs, without a selection",
        NO_READING,
        "two devices, `GPU-a` and `GPU-b`: select one",
        |env| {
            let lines =
                ["used{gpu=\"0\",UUID=\"GPU-a\"} 300", "used{gpu=\"1\",UUID=\"GPU-b\"} 14000"];
            serve_dcgm(env, "devices", &lines);
        },
    ),
    fault("two GPUs, the roomy one selected", ROOM, "select=\"gpu=\\\"0\\\"\"", |env| {
        let lines = ["used{gpu=\"0\",UUID=\"GPU-a\"} 300", "used{gpu=\"1\",UUID=\"GPU-b\"} 14900"];
        serve_dcgm(env, "devices", &lines);
        env.set("SELECT", "gpu=\"0\"");
    }),
    fault("two GPUs, the full one selected", NO_ROOM, "used=14900Mi", |env| {
        let lines = ["used{gpu=\"0\",UUID=\"GPU-a\"} 300", "used{gpu=\"1\",UUID=\"GPU-b\"} 14900"];
        serve_dcgm(env, "devices", &lines);
        env.set("SELECT", "gpu=\"1\"");
    }),
    fault("a selection that no series has", NO_READING, "has no series of the metric", |env| {
        serve_dcgm(env, "devices", &["used{gpu=\"0\",UUID=\"GPU-a\"} 300"]);
        env.set("SELECT", "gpu=\"7\"");
    }),
    fault("NaN on a GPU that is not selected", UP_STARTS, "the floor is free", |env| {
        let lines = ["used{gpu=\"0\",UUID=\"GPU-a\"} 300", "used{gpu=\"1\",UUID=\"GPU-b\"} NaN"];
        serve_dcgm(env, "devices", &lines);
        env.set("SELECT", "gpu=\"0\"");
    }),
    fault(
        "a GPU and a part of it (MIG), without a selection",
        NO_READING,
        "two devices, `GPU-a` and `GPU-a/3`",
        |env| {
            let lines = ["used{UUID=\"GPU-a\"} 300", "used{UUID=\"GPU-a\",GPU_I_ID=\"3\"} 300"];
            serve_dcgm(env, "devices", &lines);
        },
    ),
    fault(
        "the same, with the whole GPU selected by an empty label",
        UP_STARTS,
        "used=300Mi",
        |env| {
            let lines = ["used{UUID=\"GPU-a\"} 300", "used{UUID=\"GPU-a\",GPU_I_ID=\"3\"} 14000"];
            serve_dcgm(env, "devices", &lines);
            env.set("SELECT", "GPU_I_ID=\"\"");
        },
    ),
    fault("a series without the device's label", NO_READING, "no label `DEVICE_LABEL`", |env| {
        serve_dcgm(env, "devices", &["used{gpu=\"0\"} 300"])
    }),
    fault(
        "the device's value once for each Pod, the tenant's among them",
        NO_ROOM,
        "used=14900Mi",
        |env| {
            let lines = [
                "used{UUID=\"GPU-a\",namespace=\"tts\",pod=\"x\"} 14900",
                "used{UUID=\"GPU-a\",namespace=\"immich\",pod=\"y\"} 14900",
            ];
            serve_dcgm(env, "devices", &lines);
        },
    ),
    fault("different values of one device", NO_READING, "different amounts of one device", |env| {
        let lines = [
            "used{UUID=\"GPU-a\",namespace=\"tts\"} 300",
            "used{UUID=\"GPU-a\",namespace=\"immich\"} 301",
        ];
        serve_dcgm(env, "devices", &lines);
    }),
    fault(
        "several series of devices, without DEVICE_LABEL",
        NO_READING,
        "tell the devices apart with `DEVICE_LABEL`",
        |env| {
            serve_dcgm(env, "devices", &["used{gpu=\"0\"} 300", "used{gpu=\"1\"} 300"]);
            env.set("DEVICE_LABEL", "");
        },
    ),
    fault(
        "one exporter's metric for the device and for its Pods: they are not added",
        ROOM,
        "used=",
        |env| {
            // 8,000 MiB in use, of which 4,000 are the tenant's.
            let lines = [
                "used{UUID=\"GPU-a\"} 8000",
                "used{UUID=\"GPU-a\",namespace=\"tts\",pod=\"x\"} 4000",
                "used{UUID=\"GPU-a\",namespace=\"immich\",pod=\"y\"} 3000",
            ];
            serve_dcgm(env, "devices-and-pods", &lines);
        },
    ),
    fault(
        "a process of the host, which no Pod's series counts",
        NO_ROOM,
        "less than the floor",
        |env| {
            let lines = [
                "used{UUID=\"GPU-a\"} 14000",
                "used{UUID=\"GPU-a\",namespace=\"tts\",pod=\"x\"} 4000",
            ];
            serve_dcgm(env, "devices-and-pods", &lines);
        },
    ),
    fault(
        "the Pods' series without the device's own",
        NO_READING,
        "no series of the metric is the device's own",
        |env| {
            let lines = ["used{UUID=\"GPU-a\",namespace=\"tts\",pod=\"x\"} 4000"];
            serve_dcgm(env, "devices-and-pods", &lines);
        },
    ),
    fault(
        "the namespace in another label, which NAMESPACE_LABEL names",
        GUARD_STAYS,
        "tenant=4000Mi",
        |env| {
            let lines = [
                "used{UUID=\"GPU-a\",namespace=\"gpu-operator\"} 8000",
                "used{UUID=\"GPU-a\",namespace=\"gpu-operator\",exported_namespace=\"tts\"} 4000",
            ];
            serve_dcgm(env, "devices-and-pods", &lines);
            env.set("NAMESPACE_LABEL", "exported_namespace");
        },
    ),
    fault("the total is measured, without GPU_TOTAL", ROOM, "measuredTotal=15000Mi", |env| {
        serve_measured(env, "devices", &["used{UUID=\"GPU-a\"} 5000", "free{UUID=\"GPU-a\"} 10000"])
    }),
    fault("a GPU_TOTAL below what is measured", UP_WAITS, "total=10Gi", |env| {
        let lines = ["used{UUID=\"GPU-a\"} 5000", "free{UUID=\"GPU-a\"} 10000"];
        serve_measured(env, "devices", &lines);
        env.set("GPU_TOTAL", "10Gi");
    }),
    fault("a GPU_TOTAL above what is measured", UP_WAITS, "less than the floor is free", |env| {
        let lines = ["used{UUID=\"GPU-a\"} 9500", "free{UUID=\"GPU-a\"} 5500"];
        serve_measured(env, "devices", &lines);
        env.set("GPU_TOTAL", "80Gi");
    }),
    fault(
        "no series of FREE_METRIC",
        NO_READING,
        "the scrape has no series of `FREE_METRIC`",
        |env| serve_measured(env, "devices", &["used{UUID=\"GPU-a\"} 300"]),
    ),
    fault(
        "no series of TOTAL_METRIC",
        NO_READING,
        "the scrape has no series of `TOTAL_METRIC`",
        |env| {
            serve_measured(env, "devices", &["used{UUID=\"GPU-a\"} 300", "free{UUID=\"GPU-a\"} 9"]);
            env.set("TOTAL_METRIC", "DCGM_FI_DEV_FB_TOTAL");
        },
    ),
    fault(
        "free memory of another GPU than the memory in use",
        NO_READING,
        "two devices, `GPU-a` and `GPU-b`",
        |env| {
            let lines = ["used{UUID=\"GPU-a\"} 14000", "free{UUID=\"GPU-b\"} 15000"];
            serve_measured(env, "devices", &lines);
        },
    ),
    fault(
        "more free memory than the device has",
        NO_READING,
        "more memory is free than the device has",
        |env| {
            let lines = [
                "used{UUID=\"GPU-a\"} 300",
                "free{UUID=\"GPU-a\"} 16000",
                "total{UUID=\"GPU-a\"} 15360",
            ];
            serve_measured(env, "devices", &lines);
            env.set("TOTAL_METRIC", "DCGM_FI_DEV_FB_TOTAL");
        },
    ),
    fault("memory that the driver keeps, neither used nor free", UP_WAITS, "used=10000Mi", |env| {
        let lines = [
            "used{UUID=\"GPU-a\"} 9000",
            "free{UUID=\"GPU-a\"} 5360",
            "total{UUID=\"GPU-a\"} 15360",
        ];
        serve_measured(env, "devices", &lines);
        env.set("TOTAL_METRIC", "DCGM_FI_DEV_FB_TOTAL");
    }),
    fault(
        "DCGM's mark for a value that is not known, as free memory",
        NO_READING,
        "more memory than any GPU has",
        |env| {
            let lines = ["used{UUID=\"GPU-a\"} 14000", "free{UUID=\"GPU-a\"} 2147483632"];
            serve_measured(env, "devices", &lines);
        },
    ),
    fault(
        "free memory below zero, as an unsigned number",
        NO_READING,
        "more memory than any GPU has",
        |env| {
            let lines = ["used{UUID=\"GPU-a\"} 15400", "free{UUID=\"GPU-a\"} 4294967256"];
            serve_measured(env, "devices", &lines);
        },
    ),
    fault(
        "two copies of the scrape of one GPU, by another label",
        NO_READING,
        "different amounts of one device",
        |env| {
            // Prometheus' labels of the exporter's old Pod and of its new one.
            let lines = [
                "used{UUID=\"GPU-a\",instance=\"old\"} 300",
                "used{UUID=\"GPU-a\",instance=\"new\"} 14000",
            ];
            serve_dcgm(env, "devices", &lines);
        },
    ),
    fault("amounts with exponents", NO_ROOM, "used=14900Mi", |env| {
        serve_dcgm(env, "devices", &["used{UUID=\"GPU-a\"} 1.49e+04"]);
    }),
    fault("a hexadecimal amount", NO_READING, "not a number", |env| {
        serve_dcgm(env, "devices", &["used{UUID=\"GPU-a\"} 0x10"]);
    }),
    fault("a stale series of a GPU that is not selected", UP_STARTS, "the floor is free", |env| {
        let lines =
            ["used{gpu=\"0\",UUID=\"GPU-a\"} 300", "used{gpu=\"1\",UUID=\"GPU-b\"} 300 1000"];
        serve_dcgm(env, "devices", &lines);
        env.set("SELECT", "gpu=\"0\"");
    }),
    fault("a stale series of the selected GPU beside another GPU", NO_READING, "is stale", |env| {
        let lines =
            ["used{gpu=\"0\",UUID=\"GPU-a\"} 300 1000", "used{gpu=\"1\",UUID=\"GPU-b\"} 300"];
        serve_dcgm(env, "devices", &lines);
        env.set("SELECT", "gpu=\"0\"");
    }),
    fault("free memory is NaN", NO_READING, "the metric's value is NaN", |env| {
        serve_measured(env, "devices", &["used{UUID=\"GPU-a\"} 300", "free{UUID=\"GPU-a\"} NaN"])
    }),
    fault("a failed exporter writes 0 for both", NO_ROOM, "free=0", |env| {
        serve_measured(env, "devices", &["used{UUID=\"GPU-a\"} 0", "free{UUID=\"GPU-a\"} 0"])
    }),
    fault(
        "nothing attributes memory: the guard keeps the tenant while the floor without the budget is free",
        GUARD_STAYS,
        "alone: the floor without the budget and the reserve are free",
        |env| serve_dcgm(env, "devices", &["used{UUID=\"GPU-a\"} 14848"]),
    ),
    fault(
        "the same, with less than the floor without the budget free",
        GUARD_YIELDS,
        "less than the floor without the budget is free",
        |env| {
            serve_dcgm(env, "devices", &["used{UUID=\"GPU-a\"} 14000"]);
            env.set("BUDGET", "4Gi");
        },
    ),
    fault(
        "nothing attributes memory, and there is no BUDGET",
        GUARD_YIELDS,
        "BUDGET: not set: with `SERIES=devices` nothing tells",
        |env| {
            serve_dcgm(env, "devices", &["used{UUID=\"GPU-a\"} 300"]);
            env.set("BUDGET", "");
        },
    ),
    fault("the tenant uses its whole budget", GUARD_STAYS, "budget=5.5Gi", |env| {
        let lines = ["used{UUID=\"GPU-a\"} 8000", "used{UUID=\"GPU-a\",namespace=\"tts\"} 5632"];
        serve_dcgm(env, "devices-and-pods", &lines);
    }),
    fault(
        "the tenant uses more than its budget",
        GUARD_YIELDS,
        "the tenant uses more than its budget",
        |env| {
            let lines =
                ["used{UUID=\"GPU-a\"} 8000", "used{UUID=\"GPU-a\",namespace=\"tts\"} 5633"];
            serve_dcgm(env, "devices-and-pods", &lines);
        },
    ),
    fault("an invalid SELECT", SAMPLING, "SELECT: invalid value `gpu=0`: expected", |env| {
        env.set("SELECT", "gpu=0")
    }),
    fault(
        "NO_SERIES=idle for an exporter of devices",
        SAMPLING,
        "NO_SERIES: invalid value `idle`: expected `unknown`",
        |env| {
            serve_dcgm(env, "devices", &["used{UUID=\"GPU-a\"} 300"]);
            env.set("NO_SERIES", "idle");
        },
    ),
    fault("one metric for used and free memory", SAMPLING, "FREE_METRIC: invalid value", |env| {
        serve_measured(env, "devices", &["used{UUID=\"GPU-a\"} 300"]);
        env.set("FREE_METRIC", "DCGM_FI_DEV_FB_USED");
    }),
];
