//! What can be wrong with how the gate is set up.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::support::gate::World;
use crate::{Case, Fault, To, Untouched, case, fault};

const LOOKING: &[Case] = &[case("up", 2, Untouched), case("guard", 2, Untouched)];
const ALL: &[Case] =
    &[case("up", 2, Untouched), case("guard", 2, Untouched), case("down", 2, Untouched)];
const DONE: &[Case] = &[case("up", 0, To(1)), case("guard", 0, To(0)), case("down", 0, To(0))];
const UP: &[Case] = &[case("up", 2, Untouched)];

fn mounted(world: &mut World, name: &str, bytes: Option<&[u8]>) {
    for file in &mut world.mount {
        if file.0 == name {
            file.1 = bytes.unwrap_or_default().to_vec();
        }
    }
    world.mount.retain(|file| file.0 != name || bytes.is_some());
}

pub(crate) const FAULTS: &[Fault] = &[
    fault("no ACTION", UP, "ACTION: is not set", |world| world.set("ACTION", "")),
    fault("an unknown ACTION", UP, "ACTION: `sideways`", |world| world.set("ACTION", "sideways")),
    fault("two actions", UP, "ACTION: is given twice", |world| {
        world.args = vec!["up".into(), "down".into()]
    }),
    fault("an unknown flag", UP, "--flor: there is no such flag", |world| {
        world.args = vec!["--flor=1".into()]
    }),
    fault("a flag without its value", UP, "--floor: needs a value", |world| {
        world.args = vec!["--floor".into()]
    }),
    fault("no FLOOR", LOOKING, "FLOOR: is not set", |world| world.set("FLOOR", "")),
    fault("a FLOOR that is no amount", LOOKING, "FLOOR: `6GB`", |world| world.set("FLOOR", "6GB")),
    fault("a FLOOR above GPU_TOTAL", LOOKING, "FLOOR: is more than GPU_TOTAL", |world| {
        world.set("FLOOR", "17Gi")
    }),
    fault("a RESERVE above GPU_TOTAL", LOOKING, "RESERVE: is more than GPU_TOTAL", |world| {
        world.set("RESERVE", "17Gi")
    }),
    fault("no GPU_TOTAL", LOOKING, "GPU_TOTAL: is not set", |world| world.set("GPU_TOTAL", "")),
    fault("METRICS_URL is not http", LOOKING, "METRICS_URL: expected `http://`", |world| {
        world.url = Some("file:///etc/passwd".into())
    }),
    fault("METRICS_URL without a host", LOOKING, "METRICS_URL: expected a host", |world| {
        world.url = Some("http:///metrics".into())
    }),
    fault("METRICS_URL with a password", LOOKING, "METRICS_URL: expected no user", |world| {
        world.url = Some("http://me:secret@127.0.0.1/".into())
    }),
    fault("METRICS_CA is missing, and the page is https", LOOKING, "METRICS_CA: ", |world| {
        world.url = Some("https://127.0.0.1:1/".into());
        world.set("METRICS_CA", "/nonexistent/ca.crt");
    }),
    fault("a METRIC that can't be a name", LOOKING, "METRIC: is not", |world| {
        world.set("METRIC", "gpu-memory")
    }),
    fault("SAMPLES=0", LOOKING, "SAMPLES: `0`", |world| world.set("SAMPLES", "0")),
    fault("samples that do not fit the deadline", UP, "SAMPLE_INTERVAL: with SAMPLES", |world| {
        world.set("SAMPLES", "5");
        world.set("SAMPLE_INTERVAL", "30s");
    }),
    fault("a setting that is not text", LOOKING, "COUNT: is not text", |world| {
        world.set("COUNT", OsString::from_vec(vec![0xff]))
    }),
    fault(
        "`down`, with settings of looking that are wrong",
        &[case("down", 0, To(0))],
        "the window ends",
        |world| {
            world.set("FLOOR", "6GB");
            world.set("METRICS_URL", "nowhere");
        },
    ),
    fault("no NAMESPACE, nor in the mount", ALL, "NAMESPACE: is not set", |world| {
        mounted(world, "namespace", None)
    }),
    fault(
        "a NAMESPACE that leads elsewhere in the API",
        ALL,
        "NAMESPACE: is not a namespace's name",
        |world| world.set("NAMESPACE", "../nodes"),
    ),
    fault(
        "a DEPLOYMENT that leads elsewhere in the API",
        ALL,
        "DEPLOYMENT: is not a Deployment's name",
        |world| world.set("DEPLOYMENT", "x/scale?"),
    ),
    fault(
        "no KUBERNETES_SERVICE_HOST: not in a Pod",
        ALL,
        "KUBERNETES_SERVICE_HOST: is not set",
        |world| world.set("KUBERNETES_SERVICE_HOST", ""),
    ),
    fault(
        "a KUBERNETES_SERVICE_PORT that is none",
        ALL,
        "KUBERNETES_SERVICE_PORT: `https`",
        |world| world.set("KUBERNETES_SERVICE_PORT", "https"),
    ),
    fault("no token is mounted", ALL, "SERVICE_ACCOUNT_DIR: ", |world| {
        mounted(world, "token", None)
    }),
    fault("an empty token", ALL, "holds no token", |world| mounted(world, "token", Some(b"\n"))),
    fault("a token with a line break inside", ALL, "holds no token", |world| {
        mounted(world, "token", Some(b"a\r\nX-Evil: 1"))
    }),
    fault("no ca.crt is mounted", ALL, "ca.crt: No such file", |world| {
        mounted(world, "ca.crt", None)
    }),
    fault("a ca.crt without a certificate", ALL, "holds no certificate", |world| {
        mounted(world, "ca.crt", Some(b"hello\n"))
    }),
    fault("a ca.crt with a certificate that is none", ALL, "holds no certificate", |world| {
        mounted(
            world,
            "ca.crt",
            Some(b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"),
        );
    }),
    fault("no file for the termination message", DONE, "scaled", |world| {
        world.termination_log = false
    }),
    fault("a folder for the termination message", DONE, "scaled", |world| {
        world.set("TERMINATION_LOG", "/")
    }),
    fault("nobody reads stderr", DONE, "scaled", |world| world.stderr_read = false),
    fault(
        "a dry run",
        &[case("up", 0, Untouched), case("guard", 0, Untouched), case("down", 0, Untouched)],
        "would scale",
        |world| world.set("DRY_RUN", "true"),
    ),
    fault("a dry run outside a cluster", &[case("up", 0, Untouched)], "would scale", |world| {
        world.set("DRY_RUN", "true");
        world.set("KUBERNETES_SERVICE_HOST", "");
    }),
    fault(
        "quantities for bytes",
        &[case("up", 0, To(1))],
        "floor=6442450944 total=17179869184",
        |world| {
            world.set("FLOOR", "6Gi");
            world.set("GPU_TOTAL", "16Gi");
        },
    ),
];
