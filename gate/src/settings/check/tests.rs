use std::ffi::OsString;

use super::super::Ask;
use super::*;

const GOOD: &[(&str, &str)] = &[
    ("ACTION", "guard"),
    ("FLOOR", "6Gi"),
    ("GPU_TOTAL", "17179869184"),
    ("METRICS_URL", "http://exporter.nvidia.svc/metrics"),
    ("NAMESPACE", "tts"),
    ("DEPLOYMENT", "chatterbox-tts"),
    ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
];

fn check_with(changes: &[(&str, &str)]) -> Result<Settings, Vec<SettingError>> {
    let find = |list: &[(&str, &str)], name: &str| {
        list.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    };
    let ask = Raw::gather([], |name| find(changes, name).or_else(|| find(GOOD, name)));
    match ask {
        Ok(Ask::Run(raw)) => check(&raw, |_| None),
        other => panic!("{other:?}"),
    }
}

fn faulty(changes: &[(&str, &str)]) -> Vec<String> {
    match check_with(changes) {
        Ok(settings) => panic!("{changes:?} passed: {settings:?}"),
        Err(errors) => errors.into_iter().map(|error| error.setting).collect(),
    }
}

#[test]
fn the_defaults_are_the_safe_behaviours() {
    let settings = check_with(&[]).unwrap();
    let look = settings.look.unwrap();
    let rules = Rules { total: 16 << 30, floor: 6 << 30, reserve: 512 << 20, ..Rules::default() };
    assert_eq!(look.rules, rules);
    assert_eq!((look.samples, look.look_again), (2, Duration::from_secs(75)));
    assert_eq!(look.query.metric, "gpu_pod_memory_used_bytes");
    assert_eq!(look.ca, Path::new("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"));
    assert_eq!(settings.target.port, 443);
    assert!(!settings.dry_run);
}

#[test]
fn each_faulty_setting_is_named() {
    for (key, value) in [
        ("ACTION", "sideways"),
        ("ACTION", "UP"),
        ("FLOOR", "6GB"),
        ("FLOOR", "17Gi"),
        ("GPU_TOTAL", "-1"),
        ("METRICS_URL", "gopher://x/"),
        ("METRIC", "1x"),
        ("METRIC_UNIT", "GiB"),
        ("NAMESPACE", "Tts"),
        ("DEPLOYMENT", "a/b"),
        ("RESERVE", "17Gi"),
        ("COUNT", "nobody"),
        ("ON_SCRAPE_FAILURE", "panic"),
        ("NO_SERIES", "full"),
        ("LOG_FORMAT", "xml"),
        ("DRY_RUN", "yes"),
        ("SAMPLES", "0"),
        ("SAMPLES", "11"),
        ("SAMPLES", "+2"),
        ("SAMPLE_INTERVAL", "soon"),
        ("LOOK_AGAIN", "2h"),
        ("SCRAPE_TIMEOUT", "0"),
        ("SCALE_BUDGET", "0s"),
        ("DEADLINE", "0"),
        ("KUBERNETES_SERVICE_HOST", "a b"),
        ("KUBERNETES_SERVICE_PORT", "0"),
        ("KUBERNETES_SERVICE_PORT", "65536"),
    ] {
        assert_eq!(faulty(&[(key, value)]), [key], "{value}");
    }
}

#[test]
fn a_card_without_memory_is_named_beside_the_floor() {
    assert_eq!(faulty(&[("GPU_TOTAL", "0")]), ["GPU_TOTAL", "FLOOR", "RESERVE"]);
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
        assert_eq!(faulty(&[(key, "")]), [key]);
    }
}

#[test]
fn all_errors_come_at_once() {
    assert_eq!(
        faulty(&[("FLOOR", "x"), ("SAMPLES", "x"), ("COUNT", "x")]),
        ["FLOOR", "COUNT", "SAMPLES"]
    );
}

#[test]
fn down_has_no_use_for_the_settings_of_looking() {
    let settings =
        check_with(&[("ACTION", "down"), ("FLOOR", "x"), ("GPU_TOTAL", ""), ("METRICS_URL", "x")])
            .unwrap();
    assert_eq!(settings.look, None);
    assert_eq!(faulty(&[("ACTION", "down"), ("DEPLOYMENT", "")]), ["DEPLOYMENT"]);
}

#[test]
fn samples_must_fit_before_the_deadline() {
    let up = ("ACTION", "up");
    assert_eq!(faulty(&[up, ("SAMPLES", "10"), ("SAMPLE_INTERVAL", "15s")]), ["SAMPLE_INTERVAL"]);
    assert!(check_with(&[up, ("SAMPLES", "10"), ("SAMPLE_INTERVAL", "10s")]).is_ok());
    // The guard takes one reading: it has no use for the interval.
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
    let Ok(Ask::Run(raw)) = Raw::gather([], env) else { panic!() };
    let read = |path: &Path| path.ends_with("serviceaccount/namespace").then(|| "tts\n".to_owned());
    assert_eq!(check(&raw, read).unwrap().target.namespace, "tts");
}
