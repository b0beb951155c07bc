//! Faults of the gate's configuration.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::support::api_server::Reply;
use crate::support::test_env::TestEnv;
use crate::{Case, Fault, To, Untouched, case, fault};

/// A guard that can't judge a reading releases the GPU.
const SAMPLING: &[Case] = &[case("up", 2, Untouched), case("guard", 0, To(0))];
/// So does a `down`, which needs only its target.
const OPERATION: &[Case] =
    &[case("up", 2, Untouched), case("guard", 0, To(0)), case("down", 0, To(0))];
const ALL: &[Case] =
    &[case("up", 2, Untouched), case("guard", 2, Untouched), case("down", 2, Untouched)];
const DONE: &[Case] = &[case("up", 0, To(1)), case("guard", 0, To(0)), case("down", 0, To(0))];
const UP: &[Case] = &[case("up", 2, Untouched)];

fn set_mounted_file(env: &mut TestEnv, name: &str, bytes: Option<&[u8]>) {
    for file in &mut env.mount {
        if file.0 == name {
            file.1 = bytes.unwrap_or_default().to_vec();
        }
    }
    env.mount.retain(|file| file.0 != name || bytes.is_some());
}

pub(crate) const FAULTS: &[Fault] = &[
    fault("no ACTION", UP, "ACTION: not set", |env| env.set("ACTION", "")),
    fault(
        "an unknown ACTION",
        UP,
        "ACTION: invalid value `sideways`: expected one of up, guard, down, admit",
        |env| env.set("ACTION", "sideways"),
    ),
    fault("two actions", ALL, "ACTION: given twice", |env| {
        env.args = vec!["down".into(), "guard".into()]
    }),
    fault("an unknown flag", OPERATION, "--flor: unknown flag", |env| {
        env.args = vec!["--flor=1".into()]
    }),
    fault("a target given twice", ALL, "--deployment: given twice", |env| {
        env.args = vec!["--deployment=chatterbox-tts".into(), "--deployment=chatterbox-tts".into()]
    }),
    fault("a flag without its value", OPERATION, "--floor: missing value", |env| {
        env.args = vec!["--floor".into()]
    }),
    fault("no FLOOR", SAMPLING, "FLOOR: not set", |env| env.set("FLOOR", "")),
    fault("an invalid FLOOR", SAMPLING, "FLOOR: invalid value `6GB`: expected", |env| {
        env.set("FLOOR", "6GB")
    }),
    fault("a FLOOR above GPU_TOTAL", SAMPLING, "FLOOR: more than `GPU_TOTAL`", |env| {
        env.set("FLOOR", "17Gi")
    }),
    fault("a RESERVE above GPU_TOTAL", SAMPLING, "RESERVE: more than `GPU_TOTAL`", |env| {
        env.set("RESERVE", "17Gi")
    }),
    fault("no GPU_TOTAL", SAMPLING, "GPU_TOTAL: not set", |env| env.set("GPU_TOTAL", "")),
    fault(
        "METRICS_URL is not http",
        SAMPLING,
        "METRICS_URL: invalid value: expected `http://`",
        |env| env.url = Some("file:///etc/passwd".into()),
    ),
    fault(
        "METRICS_URL without a host",
        SAMPLING,
        "METRICS_URL: invalid value: expected a host",
        |env| env.url = Some("http:///metrics".into()),
    ),
    fault(
        "METRICS_URL with a password",
        SAMPLING,
        "METRICS_URL: invalid value: expected no user",
        |env| env.url = Some("http://me:secret@127.0.0.1/".into()),
    ),
    fault(
        "an https METRICS_URL, with a METRICS_CA that does not exist",
        SAMPLING,
        "METRICS_CA: ",
        |env| {
            env.url = Some("https://127.0.0.1:1/".into());
            env.set("METRICS_CA", "/nonexistent/ca.crt");
        },
    ),
    fault("an invalid METRIC", SAMPLING, "METRIC: invalid value `gpu-memory`", |env| {
        env.set("METRIC", "gpu-memory")
    }),
    fault("an invalid SENTINEL", SAMPLING, "SENTINEL: invalid value `gpu-up`", |env| {
        env.set("SENTINEL", "gpu-up")
    }),
    fault("SENTINEL is the METRIC", SAMPLING, "SENTINEL: the same as a metric", |env| {
        env.set("SENTINEL", "gpu_pod_memory_used_bytes")
    }),
    fault(
        "an expression as PROMETHEUS_QUERY, without PROMETHEUS_AGE_QUERY",
        SAMPLING,
        "PROMETHEUS_QUERY: invalid value `sum(used)`: expected a selector",
        |env| {
            env.set("PROMETHEUS_URL", "http://127.0.0.1:1");
            env.set("PROMETHEUS_QUERY", "sum(used)");
        },
    ),
    fault(
        "PROMETHEUS_QUERY without PROMETHEUS_URL",
        SAMPLING,
        "PROMETHEUS_QUERY: set without `PROMETHEUS_URL`",
        |env| env.set("PROMETHEUS_QUERY", "used"),
    ),
    fault(
        "PROMETHEUS_URL with a query",
        SAMPLING,
        "PROMETHEUS_URL: invalid value: expected no query",
        |env| env.set("PROMETHEUS_URL", "http://127.0.0.1:1/?x"),
    ),
    fault("MAX_AGE=0", SAMPLING, "MAX_AGE: invalid value `0`", |env| env.set("MAX_AGE", "0")),
    fault("SAMPLES=0", SAMPLING, "SAMPLES: invalid value `0`", |env| env.set("SAMPLES", "0")),
    fault(
        "samples that do not fit the deadline",
        UP,
        "SAMPLE_INTERVAL: too long: with `SAMPLES`",
        |env| {
            env.set("SAMPLES", "5");
            env.set("SAMPLE_INTERVAL", "30s");
        },
    ),
    fault("a setting that is not UTF-8", SAMPLING, "COUNT: not UTF-8", |env| {
        env.set("COUNT", OsString::from_vec(vec![0xff]))
    }),
    fault(
        "`down` with invalid settings of sampling",
        &[case("down", 0, To(0))],
        "the window ends",
        |env| {
            env.set("FLOOR", "6GB");
            env.set("METRICS_URL", "nowhere");
        },
    ),
    fault("an invalid LOG_FORMAT", OPERATION, "LOG_FORMAT: invalid value `xml`", |env| {
        env.set("LOG_FORMAT", "xml")
    }),
    fault("an invalid DEADLINE", OPERATION, "DEADLINE: invalid value `soon`", |env| {
        env.set("DEADLINE", "soon")
    }),
    fault("SCALE_BUDGET=0", OPERATION, "SCALE_BUDGET: invalid value `0`", |env| {
        env.set("SCALE_BUDGET", "0")
    }),
    fault("an invalid DRY_RUN", OPERATION, "DRY_RUN: invalid value `maybe`", |env| {
        env.set("DRY_RUN", "maybe")
    }),
    fault(
        "an invalid FLOOR, in a dry run",
        &[case("up", 2, Untouched), case("guard", 0, Untouched)],
        "FLOOR: invalid value `6GB`",
        |env| {
            env.set("FLOOR", "6GB");
            env.set("DRY_RUN", "true");
        },
    ),
    fault(
        "an invalid FLOOR, with ON_SCRAPE_FAILURE=keep",
        SAMPLING,
        "FLOOR: invalid value `6GB`",
        |env| {
            env.set("FLOOR", "6GB");
            env.set("ON_SCRAPE_FAILURE", "keep");
        },
    ),
    fault(
        "an invalid FLOOR, and 403 to the PATCH",
        &[case("up", 2, Untouched), case("guard", 1, Untouched)],
        "FLOOR: invalid value `6GB`",
        |env| {
            env.set("FLOOR", "6GB");
            env.api.patch = vec![Reply::Status(403, "forbidden")];
        },
    ),
    fault(
        "an invalid FLOOR, and the scale is already 0",
        &[case("guard", 0, Untouched)],
        "left tts/chatterbox-tts at 0: the configuration is invalid",
        |env| {
            env.set("FLOOR", "6GB");
            env.api.replicas = 0;
        },
    ),
    fault("no NAMESPACE, and none in the mount", ALL, "NAMESPACE: not set", |env| {
        set_mounted_file(env, "namespace", None)
    }),
    fault(
        "a NAMESPACE that is another path of the API",
        ALL,
        "NAMESPACE: invalid value `../nodes`",
        |env| env.set("NAMESPACE", "../nodes"),
    ),
    fault(
        "a DEPLOYMENT that is another path of the API",
        ALL,
        "DEPLOYMENT: invalid value `x/scale?`",
        |env| env.set("DEPLOYMENT", "x/scale?"),
    ),
    fault(
        "no KUBERNETES_SERVICE_HOST, outside a Pod",
        ALL,
        "KUBERNETES_SERVICE_HOST: not set",
        |env| env.set("KUBERNETES_SERVICE_HOST", ""),
    ),
    fault(
        "an invalid KUBERNETES_SERVICE_PORT",
        ALL,
        "KUBERNETES_SERVICE_PORT: invalid value `https`",
        |env| env.set("KUBERNETES_SERVICE_PORT", "https"),
    ),
    fault("no token is mounted", ALL, "SERVICE_ACCOUNT_DIR: ", |env| {
        set_mounted_file(env, "token", None)
    }),
    fault("an empty token", ALL, "holds no token", |env| {
        set_mounted_file(env, "token", Some(b"\n"))
    }),
    fault("a token with a line break", ALL, "holds no token", |env| {
        set_mounted_file(env, "token", Some(b"a\r\nX-Evil: 1"))
    }),
    fault("no ca.crt is mounted", ALL, "ca.crt`: No such file", |env| {
        set_mounted_file(env, "ca.crt", None)
    }),
    fault("a ca.crt without a certificate", ALL, "holds no certificate", |env| {
        set_mounted_file(env, "ca.crt", Some(b"hello\n"))
    }),
    fault("a ca.crt with an invalid certificate", ALL, "holds no certificate", |env| {
        set_mounted_file(
            env,
            "ca.crt",
            Some(b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"),
        );
    }),
    fault("no file for the termination message", DONE, "scaled", |env| env.termination_log = false),
    fault("a folder for the termination message", DONE, "scaled", |env| {
        env.set("TERMINATION_LOG", "/")
    }),
    fault("stderr is closed", DONE, "scaled", |env| env.stderr_read = false),
    fault(
        "a dry run",
        &[case("up", 0, Untouched), case("guard", 0, Untouched), case("down", 0, Untouched)],
        "would scale",
        |env| env.set("DRY_RUN", "true"),
    ),
    fault("a dry run outside a cluster", &[case("up", 0, Untouched)], "would scale", |env| {
        env.set("DRY_RUN", "true");
        env.set("KUBERNETES_SERVICE_HOST", "");
    }),
    fault("quantities in place of bytes", &[case("up", 0, To(1))], "floor=6Gi total=16Gi", |env| {
        env.set("FLOOR", "6Gi");
        env.set("GPU_TOTAL", "16Gi");
    }),
];
