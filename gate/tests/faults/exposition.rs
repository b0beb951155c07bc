//! Faults of the exposition itself.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::http_server::{Step, ok};
use crate::support::test_env::{GI, METRIC, TestEnv, exposition_of, full_gpu, roomy_gpu};
use crate::{Case, Fault, NO_READING, To, Untouched, case, fault};

/// Serves a valid line, then `bad`.
fn serve_after_valid_line(env: &mut TestEnv, bad: &[u8]) {
    let mut text = format!("{METRIC}{{namespace=\"immich\"}} 1\n").into_bytes();
    text.extend_from_slice(bad);
    env.exporter = vec![ok(text)];
}

/// Serves these expositions one after the other, each to both requests of an attempt.
fn serve_expositions(env: &mut TestEnv, expositions: &[&str]) {
    env.exporter = expositions.iter().flat_map(|text| [ok(text), ok(text)]).collect();
}

/// Serves a GPU with enough free memory, in which one series has a timestamp of so many seconds ago, or
/// ahead if negative.
fn serve_aged(env: &mut TestEnv, seconds: i64) {
    let text = format!("{METRIC}{{namespace=\"frigate\",pid=\"9\"}} {GI} {}\n", ms_ago(seconds));
    serve_expositions(env, &[&(roomy_gpu() + &text)]);
}

/// Returns the milliseconds since 1970 of a time so many seconds ago.
fn ms_ago(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    i64::try_from(now).unwrap() - seconds * 1000
}

/// Returns an exposition in which `unknown` bytes alone break the floor.
fn floor_broken_by_unknown() -> String {
    exposition_of(&[("immich", 8 * GI), ("unknown", 4 * GI)])
}

const UP_STARTS: &[Case] = &[case("up", 0, To(1))];
const UP_WAITS: &[Case] = &[case("up", 0, Untouched)];
const GUARD_YIELDS: &[Case] = &[case("guard", 0, To(0))];
const GUARD_YIELDS_OR_UP_WAITS: &[Case] = &[case("up", 0, Untouched), case("guard", 0, To(0))];
const WORKS: &[Case] = &[case("up", 0, To(1)), case("guard", 0, Untouched)];
const GUARD_STAYS: &[Case] = &[case("guard", 0, Untouched)];

pub(crate) const FAULTS: &[Fault] = &[
    fault("no bytes", NO_READING, "the exposition is empty", |env| serve_expositions(env, &[""])),
    fault(
        "comments but no series: an idle GPU, or a failed probe",
        NO_READING,
        "has no series of the metric",
        |env| {
            serve_expositions(env, &["# TYPE gpu_pod_memory_used_bytes gauge\n"]);
        },
    ),
    fault("the same, with NO_SERIES=idle", UP_STARTS, "the floor is free", |env| {
        serve_expositions(env, &["# TYPE gpu_pod_memory_used_bytes gauge\n"]);
        env.set("NO_SERIES", "idle");
    }),
    fault("the metrics of another exporter", NO_READING, "has no series of the metric", |env| {
        serve_expositions(env, &["up 1\n"])
    }),
    fault("cut off inside the last number", NO_READING, "was cut off", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"} 17")
    }),
    fault("cut off inside the labels", NO_READING, "was cut off", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"")
    }),
    fault("NaN", NO_READING, "line 2: the metric's value is NaN", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"} NaN\n")
    }),
    fault("infinite", NO_READING, "more memory than any GPU has", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"} +Inf\n")
    }),
    fault("negative", NO_READING, "is negative", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"} -5\n")
    }),
    fault("a word for a number, as nvidia-smi prints", NO_READING, "not a number", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"} [N/A]\n")
    }),
    fault("a series without a value", NO_READING, "expected a value", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"}\n")
    }),
    fault("a duplicate series", NO_READING, "duplicate series of the metric", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{namespace=\"immich\"} 1\n")
    }),
    fault("a duplicate label", NO_READING, "duplicate label", |env| {
        serve_after_valid_line(env, b"x{a=\"b\",a=\"c\"} 1\n")
    }),
    fault("an unescaped quote in the name of a process", NO_READING, "expected `=`", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"x\"y\"} 1\n")
    }),
    fault("an exemplar, which only OpenMetrics has", NO_READING, "expected a timestamp", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"} 1 # {} 1\n")
    }),
    fault("OpenMetrics' timestamp in seconds", NO_READING, "expected the end of the line", |env| {
        let seconds = format!("{METRIC}{{a=\"b\"}} 1 {}.123\n# EOF\n", ms_ago(1) / 1000);
        serve_after_valid_line(env, seconds.as_bytes());
    }),
    fault("OpenMetrics' timestamp in whole seconds", NO_READING, "is stale", |env| {
        let seconds = format!("{METRIC}{{a=\"b\"}} 1 {}\n# EOF\n", ms_ago(1) / 1000);
        serve_after_valid_line(env, seconds.as_bytes());
    }),
    fault("a type that only OpenMetrics has", NO_READING, "expected `counter`", |env| {
        serve_after_valid_line(env, b"# TYPE x info\nx_info 1\n# EOF\n");
    }),
    fault(
        "the metric renamed to a counter's, with `_total`",
        NO_READING,
        "has no series of the metric",
        |env| serve_expositions(env, &[&roomy_gpu().replace(METRIC, &format!("{METRIC}_total"))]),
    ),
    fault(
        "the exporter restarts between two samples, and has no series yet",
        UP_WAITS,
        "no series",
        |env| {
            take_two_samples(env);
            serve_expositions(env, &[&roomy_gpu(), "# TYPE gpu_pod_memory_used_bytes gauge\n"]);
        },
    ),
    fault(
        "the exporter restarts between the two requests of a sample",
        UP_WAITS,
        "used=8Gi",
        |env| {
            // The larger of the two counts, and the floor of 9 GiB is not free beside it.
            let restarted = ok("# TYPE gpu_pod_memory_used_bytes gauge\n");
            env.exporter = [ok(roomy_gpu()), restarted].into_iter().cycle().take(100).collect();
            env.set("FLOOR", "9Gi");
            env.set("NO_SERIES", "idle");
        },
    ),
    fault("a word for a timestamp", NO_READING, "expected a timestamp", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"} 1 now\n")
    }),
    fault("a zero byte", NO_READING, "zero byte", |env| serve_after_valid_line(env, b"\0\n")),
    fault("Windows line endings", NO_READING, "not a number", |env| {
        serve_after_valid_line(env, b"x 1\r\n")
    }),
    fault("a label that is not UTF-8", NO_READING, "not UTF-8", |env| {
        serve_after_valid_line(env, b"x{a=\"\xff\"} 1\n")
    }),
    fault(
        "a proxy's HTML with status 200",
        NO_READING,
        "line 1: expected a metric's name",
        |env| serve_expositions(env, &["<html>\n</html>\n"]),
    ),
    fault("an invalid line of another metric", NO_READING, "line 2", |env| {
        serve_after_valid_line(env, b"x{\n")
    }),
    fault("more than 8 MiB", NO_READING, "larger than request limit", |env| {
        serve_expositions(env, &["# comment\n".repeat(900_000).as_str()])
    }),
    fault(
        "more in use than the GPU has",
        &[case("up", 0, Untouched), case("guard", 0, To(0))],
        "free=-",
        |env| {
            serve_expositions(env, &[exposition_of(&[("immich", 20 * GI)]).as_str()]);
        },
    ),
    fault("an amount above 2⁶³", NO_READING, "more memory than any GPU has", |env| {
        serve_after_valid_line(env, b"gpu_pod_memory_used_bytes{a=\"b\"} 1e19\n")
    }),
    fault(
        "invalid the first time, whole the second",
        &[case("up", 0, To(1))],
        "the floor is free",
        |env| {
            let whole = env.exporter[0].clone();
            env.exporter = vec![ok("x"), whole];
        },
    ),
    fault(
        "no reading, with ON_SCRAPE_FAILURE=keep",
        GUARD_STAYS,
        "alone: the GPU's memory could not be read",
        |env| {
            serve_expositions(env, &["x"]);
            env.set("ON_SCRAPE_FAILURE", "keep");
        },
    ),
    fault(
        "cut off between lines in both answers of the first sample",
        UP_WAITS,
        "samples=2",
        |env| {
            serve_expositions(
                env,
                &[exposition_of(&[("immich", GI)]).as_str(), full_gpu().as_str()],
            );
            take_two_samples(env);
        },
    ),
    fault(
        "a resident starts between two samples",
        UP_WAITS,
        "less than the floor is free",
        |env| {
            serve_expositions(env, &[roomy_gpu().as_str(), full_gpu().as_str()]);
            take_two_samples(env);
        },
    ),
    fault("the second sample fails", UP_WAITS, "could not be read", |env| {
        serve_expositions(env, &[roomy_gpu().as_str(), "x"]);
        take_two_samples(env);
    }),
    fault(
        "`unknown` bytes break the floor, and are the tenant's in the second sample",
        GUARD_STAYS,
        "samples=2",
        |env| {
            serve_expositions(
                env,
                &[
                    floor_broken_by_unknown().as_str(),
                    exposition_of(&[("immich", 8 * GI), ("tts", 4 * GI)]).as_str(),
                ],
            );
            env.set("RECHECK_DELAY", "50ms");
        },
    ),
    fault("`unknown` bytes break the floor in both samples", GUARD_YIELDS, "samples=2", |env| {
        serve_expositions(env, &[floor_broken_by_unknown().as_str()]);
        env.set("RECHECK_DELAY", "50ms");
    }),
    fault(
        "`unknown` bytes break the floor, and the second sample fails",
        GUARD_YIELDS,
        "could not be read",
        |env| {
            serve_expositions(env, &[floor_broken_by_unknown().as_str(), "x"]);
            env.set("RECHECK_DELAY", "50ms");
        },
    ),
    fault(
        "`unknown` bytes break the floor, and the deadline leaves no time for a second sample",
        GUARD_YIELDS,
        "samples=1",
        |env| {
            serve_expositions(env, &[floor_broken_by_unknown().as_str()]);
            env.set("DEADLINE", "60s");
        },
    ),
    fault(
        "`unknown` bytes break the floor, with RECHECK_DELAY=0",
        GUARD_YIELDS,
        "samples=1",
        |env| {
            serve_expositions(env, &[floor_broken_by_unknown().as_str()]);
            env.set("RECHECK_DELAY", "0");
        },
    ),
    fault("the tenant grows into the reserve", GUARD_YIELDS, "less than the reserve", |env| {
        serve_expositions(
            env,
            &[exposition_of(&[("immich", 8 * GI), ("tts", 8 * GI - 1)]).as_str()],
        );
    }),
    fault(
        "a metric in MiB, with METRIC_UNIT=MiB",
        &[case("up", 0, Untouched)],
        "used=12Gi",
        |env| {
            env.exporter = vec![Step::Send(
                b"HTTP/1.0 200 OK\r\n\r\nDCGM_FI_DEV_FB_USED{gpu=\"0\"} 12288\n".to_vec(),
            )];
            env.set("METRIC", "DCGM_FI_DEV_FB_USED");
            env.set("METRIC_UNIT", "MiB");
        },
    ),
    fault("more in use in the second answer", GUARD_YIELDS_OR_UP_WAITS, "used=12Gi", |env| {
        env.exporter = vec![ok(roomy_gpu()), ok(full_gpu())];
    }),
    fault("more in use in the first answer", GUARD_YIELDS_OR_UP_WAITS, "used=12Gi", |env| {
        env.exporter = vec![ok(full_gpu()), ok(roomy_gpu())];
    }),
    fault("every second answer is invalid", NO_READING, "could not be read", |env| {
        env.exporter = [ok(roomy_gpu()), ok("x")].into_iter().cycle().take(6).collect();
    }),
    fault("the sentinel is missing", NO_READING, "the sentinel does not follow", |env| {
        env.set("SENTINEL", "gpu_exporter_up");
    }),
    fault(
        "the sentinel comes before the last series",
        NO_READING,
        "the sentinel does not",
        |env| {
            env.set("SENTINEL", "gpu_exporter_up");
            serve_expositions(env, &[&format!("gpu_exporter_up 1\n{}", roomy_gpu())]);
        },
    ),
    fault("the sentinel is only in a comment", NO_READING, "the sentinel does not", |env| {
        env.set("SENTINEL", "gpu_exporter_up");
        serve_expositions(env, &[&format!("{}# TYPE gpu_exporter_up gauge\n", roomy_gpu())]);
    }),
    fault("the sentinel follows, with labels", WORKS, "the floor", |env| {
        env.set("SENTINEL", "gpu_exporter_up");
        serve_expositions(env, &[&format!("{}gpu_exporter_up{{a=\"b\"}} 0\n", roomy_gpu())]);
    }),
    fault(
        "no series and no sentinel, with NO_SERIES=idle",
        NO_READING,
        "the sentinel does",
        |env| {
            env.set("SENTINEL", "gpu_exporter_up");
            env.set("NO_SERIES", "idle");
            serve_expositions(env, &["# TYPE gpu_pod_memory_used_bytes gauge\n"]);
        },
    ),
    fault("a timestamp of 1970", NO_READING, "is stale", |env| {
        serve_expositions(env, &[&format!("{METRIC} 1 0\n")]);
    }),
    fault("one series of yesterday among current ones", NO_READING, "is stale", |env| {
        serve_aged(env, 86_400);
    }),
    fault("a series of two minutes ago", NO_READING, "is stale", |env| serve_aged(env, 120)),
    fault("the same, with MAX_AGE=5m", WORKS, "series=3", |env| {
        serve_aged(env, 120);
        env.set("MAX_AGE", "5m");
    }),
    fault("a series of an hour ahead", NO_READING, "in the future", |env| serve_aged(env, -3600)),
    fault("a series of a second ago", WORKS, "series=3", |env| serve_aged(env, 1)),
    fault("a stale series of another metric", WORKS, "the floor", |env| {
        serve_expositions(env, &[&(roomy_gpu() + "gpu_other 1 0\n")]);
    }),
    fault("a stale series, with NO_SERIES=idle", NO_READING, "is stale", |env| {
        serve_expositions(env, &[&format!("{METRIC} 0 1000\n")]);
        env.set("NO_SERIES", "idle");
    }),
];

fn take_two_samples(env: &mut TestEnv) {
    env.set("SAMPLES", "2");
    env.set("SAMPLE_INTERVAL", "0");
}
