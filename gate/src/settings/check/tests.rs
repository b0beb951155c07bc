use std::ffi::OsString;

use super::super::Invocation;
use super::*;

const GOOD: &[(&str, &str)] = &[
    ("ACTION", "guard"),
    ("FLOOR", "6Gi"),
    ("GPU_TOTAL", "17179869184"),
    ("METRICS_URL", "http://exporter.nvidia.svc/metrics"),
    ("NAMESPACE", "speech"),
    ("DEPLOYMENT", "demo"),
    ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
];

fn check_with(changes: &[(&str, &str)]) -> Result<Settings, Vec<SettingError>> {
    let invocation = Raw::collect([], |name| {
        let mut settings = changes.iter().chain(GOOD);
        settings.find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    });
    match invocation {
        Ok(Invocation::Run(raw)) => check(&raw, |_| None),
        other => panic!("{other:?}"),
    }
}

fn invalid_settings(changes: &[(&str, &str)]) -> Vec<String> {
    match check_with(changes) {
        Ok(settings) => panic!("{changes:?} passed: {settings:?}"),
        Err(errors) => errors.into_iter().map(|error| error.setting).collect(),
    }
}

#[test]
fn the_defaults_are_the_safe_behaviours() {
    let settings = check_with(&[]).unwrap();
    let sampling = settings.sampling.unwrap();
    let rules =
        Rules { total: Some(16 << 30), floor: 6 << 30, reserve: 512 << 20, ..Rules::default() };
    assert_eq!(sampling.rules, rules);
    assert_eq!((sampling.samples, sampling.recheck_delay), (2, Duration::from_secs(75)));
    assert_eq!(sampling.query.metric, "gpu_pod_memory_used_bytes");
    assert_eq!(sampling.ca, Path::new("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"));
    assert_eq!(settings.target.port, 443);
    assert!(!settings.dry_run);
}

#[test]
fn the_target_is_a_deployment_unless_its_kind_is_set() {
    for (changes, expected) in [
        (&[][..], ("apps/v1", "Deployment", "deployments")),
        (&[("TARGET_KIND", "StatefulSet")], ("apps/v1", "StatefulSet", "statefulsets")),
        (
            &[
                ("TARGET_API_VERSION", "example.org/v1"),
                ("TARGET_KIND", "Ox"),
                ("TARGET_RESOURCE", "oxen"),
            ],
            ("example.org/v1", "Ox", "oxen"),
        ),
    ] {
        let target = check_with(changes).unwrap().target;
        let found = (&*target.api_version, &*target.kind, &*target.resource);
        assert_eq!((found, &*target.name), (expected, "demo"));
    }
}

#[test]
fn each_invalid_setting_is_named() {
    for (key, value) in [
        ("ACTION", "sideways"),
        ("ACTION", "UP"),
        ("FLOOR", "6GB"),
        ("FLOOR", "17Gi"),
        ("GPU_TOTAL", "-1"),
        ("METRICS_URL", "gopher://x/"),
        ("METRIC", "1x"),
        ("METRIC_UNIT", "GiB"),
        ("FREE_METRIC", "1x"),
        ("FREE_METRIC", "gpu_pod_memory_used_bytes"),
        ("TOTAL_METRIC", "a-b"),
        ("TOTAL_METRIC", "gpu_pod_memory_used_bytes"),
        ("SELECT", "gpu=0"),
        ("SELECT", "gpu=\"0\",gpu=\"0\""),
        ("SERIES", "gpus"),
        ("DEVICE_LABEL", "a:b"),
        ("NAMESPACE_LABEL", "__name__"),
        ("BUDGET", "5GB"),
        ("BUDGET", "0"),
        ("NAMESPACE", "Tts"),
        ("DEPLOYMENT", "a/b"),
        ("TARGET_API_VERSION", "apps/v1/x"),
        ("TARGET_API_VERSION", "apps/../v1"),
        ("TARGET_KIND", "Stateful Set"),
        ("TARGET_RESOURCE", "deployments/scale"),
        ("TARGET_RESOURCE", "Deployments"),
        ("RESERVE", "17Gi"),
        ("COUNT", "nobody"),
        ("ON_SCRAPE_FAILURE", "panic"),
        ("NO_SERIES", "full"),
        ("LOG_FORMAT", "xml"),
        ("DRY_RUN", "yes"),
        ("SENTINEL", "a-b"),
        ("SENTINEL", "gpu_pod_memory_used_bytes"),
        ("PROMETHEUS_URL", "prometheus:9090"),
        ("PROMETHEUS_URL", "http://prometheus:9090/?a=b"),
        ("PROMETHEUS_QUERY", "used"),
        ("PROMETHEUS_AGE_QUERY", "min(timestamp(used))"),
        ("MAX_AGE", "0"),
        ("MAX_AGE", "soon"),
        ("SAMPLES", "0"),
        ("SAMPLES", "11"),
        ("SAMPLES", "+2"),
        ("SAMPLE_INTERVAL", "soon"),
        ("RECHECK_DELAY", "2h"),
        ("SCRAPE_TIMEOUT", "0"),
        ("SCALE_BUDGET", "0s"),
        ("DEADLINE", "0"),
        ("KUBERNETES_SERVICE_HOST", "a b"),
        ("KUBERNETES_SERVICE_PORT", "0"),
        ("KUBERNETES_SERVICE_PORT", "65536"),
    ] {
        assert_eq!(invalid_settings(&[(key, value)]), [key], "{value}");
    }
}

#[test]
fn a_gpu_without_memory_is_named_with_the_floor() {
    assert_eq!(invalid_settings(&[("GPU_TOTAL", "0")]), ["GPU_TOTAL", "FLOOR", "RESERVE"]);
}

#[test]
fn each_missing_setting_is_named() {
    for key in [
        "ACTION",
        "FLOOR",
        "GPU_TOTAL",
        "METRICS_URL",
        "NAMESPACE",
        "DEPLOYMENT",
        "KUBERNETES_SERVICE_HOST",
    ] {
        assert_eq!(invalid_settings(&[(key, "")]), [key]);
    }
}

#[test]
fn all_errors_are_returned_at_once() {
    assert_eq!(
        invalid_settings(&[("FLOOR", "x"), ("SAMPLES", "x"), ("COUNT", "x")]),
        ["FLOOR", "COUNT", "SAMPLES"]
    );
}

#[test]
fn down_ignores_the_settings_of_sampling() {
    let settings =
        check_with(&[("ACTION", "down"), ("FLOOR", "x"), ("GPU_TOTAL", ""), ("METRICS_URL", "x")])
            .unwrap();
    assert_eq!(settings.sampling, None);
    assert_eq!(invalid_settings(&[("ACTION", "down"), ("DEPLOYMENT", "")]), ["DEPLOYMENT"]);
}

#[test]
fn samples_must_fit_before_the_deadline() {
    let up = ("ACTION", "up");
    assert_eq!(
        invalid_settings(&[up, ("SAMPLES", "10"), ("SAMPLE_INTERVAL", "15s")]),
        ["SAMPLE_INTERVAL"]
    );
    assert!(check_with(&[up, ("SAMPLES", "10"), ("SAMPLE_INTERVAL", "10s")]).is_ok());
    // The guard takes one reading and ignores the interval.
    assert!(check_with(&[("SAMPLE_INTERVAL", "50m")]).is_ok());
}

#[test]
fn a_dry_run_needs_no_cluster() {
    let settings = check_with(&[("DRY_RUN", "1"), ("KUBERNETES_SERVICE_HOST", "")]).unwrap();
    assert_eq!(settings.target.host, None);
}

#[test]
fn the_namespace_is_read_from_the_mount() {
    let env = |name: &str| {
        let value = GOOD.iter().find(|(key, _)| *key == name && *key != "NAMESPACE");
        value.map(|(_, value)| OsString::from(value))
    };
    let Ok(Invocation::Run(raw)) = Raw::collect([], env) else { panic!() };
    let read =
        |path: &Path| path.ends_with("serviceaccount/namespace").then(|| "speech\n".to_owned());
    assert_eq!(check(&raw, read).unwrap().target.namespace, "speech");
}

#[test]
fn the_worst_case_of_sampling_counts_every_request() {
    let pace = |changes: &[(&str, &str)]| check_with(changes).unwrap().sampling.unwrap().pace();
    let seconds = |tenths: u64| Duration::from_millis(tenths * 100);
    let page = pace(&[]);
    assert_eq!(page.max_reading_time(), seconds(615));
    assert_eq!(page.max_sampling_time(Action::Up), seconds(615));
    assert_eq!(page.max_sampling_time(Action::Guard), seconds(1150));
    assert_eq!(page.min_deadline(Action::Guard), seconds(1300));
    let with_sentinel = pace(&[("SENTINEL", "gpu_exporter_up")]);
    assert_eq!(with_sentinel.max_reading_time(), seconds(315));
    assert_eq!(with_sentinel.max_sampling_time(Action::Guard), seconds(950));
    let short = pace(&[("SCRAPE_TIMEOUT", "1s"), ("RECHECK_DELAY", "0")]);
    assert_eq!(short.min_deadline(Action::Guard), Duration::from_millis(11_250));
}

#[test]
fn a_request_has_its_default_limit() {
    assert_eq!(check_with(&[]).unwrap().sampling.unwrap().timeout, Sampling::DEFAULT_TIMEOUT);
}

#[test]
fn the_shortest_deadline_leaves_the_time_of_sampling() {
    for (interval, recheck) in [("0", "0"), ("1s", "3s"), ("20s", "75s"), ("100s", "300s")] {
        let changes =
            [("SAMPLE_INTERVAL", interval), ("RECHECK_DELAY", recheck), ("DEADLINE", "1000s")];
        let pace = check_with(&changes).unwrap().sampling.unwrap().pace();
        for action in [Action::Up, Action::Guard] {
            let deadline = pace.min_deadline(action);
            assert_eq!(
                super::super::sampling_time(action, deadline),
                pace.max_sampling_time(action)
            );
        }
    }
}

#[test]
fn the_total_is_required_unless_it_is_measured() {
    for (key, metric) in [("FREE_METRIC", "free_bytes"), ("TOTAL_METRIC", "total_bytes")] {
        let settings = check_with(&[("GPU_TOTAL", ""), (key, metric)]).unwrap();
        assert_eq!(settings.sampling.unwrap().rules.total, None);
        let settings = check_with(&[(key, metric)]).unwrap();
        assert_eq!(settings.sampling.unwrap().rules.total, Some(16 << 30));
        assert_eq!(invalid_settings(&[("GPU_TOTAL", "x"), (key, metric)]), ["GPU_TOTAL"]);
    }
    let one = [("FREE_METRIC", "bytes"), ("TOTAL_METRIC", "bytes")];
    assert_eq!(invalid_settings(&one), ["TOTAL_METRIC"]);
}

#[test]
fn the_guard_needs_a_budget_where_nothing_attributes_memory() {
    let devices = ("SERIES", "devices");
    assert_eq!(invalid_settings(&[devices]), ["BUDGET"]);
    assert_eq!(invalid_settings(&[devices, ("BUDGET", "x")]), ["BUDGET"]);
    for changes in [
        &[devices, ("BUDGET", "5Gi")][..],
        &[devices, ("COUNT", "everyone")],
        &[devices, ("ACTION", "up")],
        &[devices, ("ACTION", "down")],
        &[("SERIES", "devices-and-pods")],
    ] {
        assert!(check_with(changes).is_ok(), "{changes:?}");
    }
    let rules = check_with(&[devices, ("BUDGET", "5Gi")]).unwrap().sampling.unwrap().rules;
    assert_eq!((rules.attribution, rules.budget), (Attribution::None, Some(5 << 30)));
}

#[test]
fn a_device_without_a_series_is_not_idle() {
    for series in ["devices", "devices-and-pods"] {
        let changes = [("SERIES", series), ("BUDGET", "5Gi"), ("NO_SERIES", "idle")];
        assert_eq!(invalid_settings(&changes), ["NO_SERIES"]);
    }
}

#[test]
fn the_query_has_the_settings_of_the_exporter() {
    let settings = check_with(&[
        ("SELECT", "gpu=\"0\""),
        ("SERIES", "devices-and-pods"),
        ("DEVICE_LABEL", "UUID"),
        ("NAMESPACE_LABEL", "exported_namespace"),
        ("FREE_METRIC", "free"),
        ("TOTAL_METRIC", "total"),
    ]);
    let expected = Query {
        metric: "gpu_pod_memory_used_bytes".into(),
        unit: MetricUnit::Bytes,
        namespace: "speech".into(),
        select: Selection::parse("gpu=\"0\"").unwrap(),
        series: Series::DevicesAndPods,
        device_label: Some("UUID".into()),
        namespace_label: "exported_namespace".into(),
        free_metric: Some("free".into()),
        total_metric: Some("total".into()),
    };
    assert_eq!(settings.unwrap().sampling.unwrap().query, expected);
}

#[test]
fn prometheus_takes_the_place_of_the_exporter() {
    let url = ("PROMETHEUS_URL", "http://prometheus:9090/sub");
    for others in [&[][..], &[("METRICS_URL", "")], &[("METRICS_URL", "nowhere")]] {
        let changes: Vec<_> = others.iter().copied().chain([url]).collect();
        let sampling = check_with(&changes).unwrap().sampling.unwrap();
        assert_eq!(sampling.url, url.1);
        assert_eq!(sampling.source, Source::Prometheus { query: None, age_query: None });
        // One request an attempt, and a newer sample may take the whole age.
        assert_eq!(sampling.pace().attempt, Duration::from_secs(10));
        assert_eq!(sampling.pace().sample_interval, Duration::from_secs(60));
    }
}

#[test]
fn a_whole_query_is_a_selector_or_has_a_query_of_its_age() {
    let url = ("PROMETHEUS_URL", "http://prometheus:9090");
    let age_query = ("PROMETHEUS_AGE_QUERY", "min(timestamp(used))");
    let selector = ("PROMETHEUS_QUERY", "used{node=\"a\"}");
    let sum = ("PROMETHEUS_QUERY", "sum by (namespace) (used)");
    assert!(check_with(&[url, selector]).is_ok());
    assert!(check_with(&[url, age_query]).is_ok());
    let sampling = check_with(&[url, sum, age_query]).unwrap().sampling.unwrap();
    assert_eq!(sampling.pace().attempt, Duration::from_secs(20));
    assert_eq!(invalid_settings(&[url, sum]), ["PROMETHEUS_QUERY"]);
}

fn check_run(changes: &[(&str, &str)], args: &[&str]) -> Result<Runnable, Vec<SettingError>> {
    let collected = Raw::collect(args.iter().map(OsString::from), |name| {
        let mut settings = changes.iter().chain(GOOD);
        settings.find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    });
    match collected {
        Ok(Invocation::Run(raw)) => check_for_run(&raw, Vec::new(), |_| None),
        Err((raw, errors)) => check_for_run(&raw, errors, |_| None),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guard_and_a_down_run_in_spite_of_errors_outside_their_target() {
    for (action, changes, args, setting) in [
        ("guard", &[("FLOOR", "6GB")][..], &[][..], "FLOOR"),
        ("guard", &[("DRY_RUN", "maybe")], &[], "DRY_RUN"),
        ("down", &[("DEADLINE", "0")], &[], "DEADLINE"),
        ("down", &[("LOG_FORMAT", "xml")], &[], "LOG_FORMAT"),
        ("guard", &[], &["--flor=1"], "--flor"),
        ("down", &[], &["--floor=1", "--floor=2"], "--floor"),
    ] {
        let changes = [changes, &[("ACTION", action)]].concat();
        let Runnable { settings, errors } = check_run(&changes, args).unwrap();
        assert_eq!(errors.iter().map(|error| &error.setting).collect::<Vec<_>>(), [setting]);
        assert!(!settings.dry_run && !settings.deadline.is_zero(), "{settings:?}");
        let up = [&[("ACTION", "up")], &changes[..]].concat();
        assert!(action == "down" || check_run(&up, args).is_err());
    }
}

#[test]
fn no_action_runs_with_an_invalid_target() {
    for (changes, args) in [
        (&[("DEPLOYMENT", "a/b")][..], &[][..]),
        (&[("NAMESPACE", "..")], &[]),
        (&[("KUBERNETES_SERVICE_HOST", "a b")], &[]),
        (&[("KUBERNETES_SERVICE_PORT", "0")], &[]),
        (&[], &["--deployment=a", "--deployment=b"]),
        (&[], &["--namespace"]),
        (&[], &["up", "down"]),
        (&[("ACTION", "sideways")], &[]),
    ] {
        for action in ["up", "guard", "down"] {
            let changes = [changes, &[("ACTION", action)]].concat();
            assert!(check_run(&changes, args).is_err(), "{action} {changes:?} {args:?}");
        }
    }
}

/// The settings of a watch besides those of every action.
const WATCH: &[(&str, &str)] = &[
    ("ACTION", "watch"),
    ("JOB_NAME", "demo-window-29453880"),
    ("WINDOW", "14400s"),
    ("HEARTBEAT", "/run/vram-gate/heartbeat"),
];

fn with_watch<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    changes.iter().chain(WATCH).copied().collect()
}

#[test]
fn a_watch_has_its_end_in_the_name_of_its_job() {
    let settings = check_with(&with_watch(&[])).unwrap();
    let Watching { interval, plan, heartbeat, demand } = settings.watching.unwrap();
    assert_eq!(demand, None);
    assert_eq!(interval, Duration::from_secs(5));
    assert_eq!(plan, Plan { scheduled_minute: 29_453_880, ..Plan::default() });
    assert_eq!(plan.no_start_before_end(), Duration::from_secs(720));
    assert_eq!(heartbeat.as_deref(), Some(Path::new("/run/vram-gate/heartbeat")));
    let fresh = check_with(&with_watch(&[("FRESHNESS", "probes_total")])).unwrap();
    assert!(fresh.watching.unwrap().plan.must_advance);
}

#[test]
fn each_invalid_setting_of_a_watch_is_named() {
    for (key, value) in [
        ("JOB_NAME", ""),
        ("JOB_NAME", "window"),
        ("JOB_NAME", "window-"),
        ("JOB_NAME", "window-29453880-abcde"),
        ("JOB_NAME", "window--1x"),
        ("JOB_NAME", "window-4294967296"),
        ("WINDOW", ""),
        ("WINDOW", "4h"),
        ("WINDOW", "2678401s"),
        ("INTERVAL", "0"),
        ("INTERVAL", "x"),
        ("STALE", "0"),
        ("STALE", "5s"),
        ("CALM", "61m"),
        ("HYSTERESIS", "11Gi"),
        ("HYSTERESIS", "-1"),
        ("STARTS", "0"),
        ("STARTS", "21"),
        ("FRESHNESS", "probes-total"),
        ("FRESHNESS", "gpu_pod_memory_used_bytes"),
    ] {
        assert_eq!(invalid_settings(&with_watch(&[(key, value)])), [key], "{value}");
    }
    // The window has no time left for a start.
    assert_eq!(invalid_settings(&with_watch(&[("WINDOW", "720s")])), ["CALM"]);
    let prometheus = [("PROMETHEUS_URL", "http://prometheus"), ("FRESHNESS", "probes_total")];
    assert_eq!(invalid_settings(&with_watch(&prometheus)), ["FRESHNESS"]);
    let devices = [("SERIES", "devices")];
    assert_eq!(invalid_settings(&with_watch(&devices)), ["BUDGET"]);
}

#[test]
fn other_actions_ignore_the_settings_of_a_watch() {
    for action in ["up", "guard", "down"] {
        let changes = [("ACTION", action), ("JOB_NAME", "x"), ("STALE", "x"), ("WINDOW", "x")];
        assert!(check_with(&changes).is_ok(), "{action}");
    }
}

#[test]
fn alive_needs_the_heartbeat_alone() {
    let check = |env: &[(&str, &str)]| {
        let raw = Raw::collect(["alive".into()], |name| {
            env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        });
        let Ok(Invocation::Alive(raw)) = raw else { panic!("{raw:?}") };
        check_alive(&raw).map_err(|errors| errors.into_iter().map(|it| it.setting).collect())
    };
    let alive = check(&[("HEARTBEAT", "/run/beat"), ("FLOOR", "x")]);
    let expected = Alive { heartbeat: "/run/beat".into(), within: Duration::from_secs(60) };
    assert_eq!(alive, Ok(expected));
    let none: Result<Alive, Vec<String>> = check(&[("WITHIN", "0")]);
    assert_eq!(none, Err(vec!["HEARTBEAT".to_owned(), "WITHIN".to_owned()]));
}
