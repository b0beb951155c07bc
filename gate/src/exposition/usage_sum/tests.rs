use super::super::{MetricUnit, Selection, parse};
use super::*;

const USED: &str = "DCGM_FI_DEV_FB_USED";

/// A query of a device's exporter, in bytes.
fn query(series: Series) -> Query {
    Query {
        metric: USED.into(),
        unit: MetricUnit::Bytes,
        namespace: "speech".into(),
        series,
        device_label: Some("UUID".into()),
        ..Query::default()
    }
}

/// Parses lines in which `used`, `free` and `total` stand for the metrics.
fn usage_of(query: &Query, lines: &[&str]) -> Result<Usage, ExpositionFault> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let text = text.replace("used{", &format!("{USED}{{"));
    parse(text.as_bytes(), query).map_err(|error| error.fault)
}

fn select(text: &str) -> Selection {
    Selection::parse(text).unwrap()
}

#[test]
fn escapes_are_replaced_as_by_the_scraper() {
    for (raw, text) in
        [("plain", "plain"), (r#"a\"b\\c\nd"#, "a\"b\\c\nd"), (r"\q\\n", r"\q\n"), (r"\é", r"\é")]
    {
        assert_eq!(unescape(raw), text);
    }
}

#[test]
fn labels_without_escapes_mean_what_a_scrape_means() {
    let query = Query { select: select(r#"a="x\\y""#), ..query(Series::Pods) };
    let text = [r#"used{UUID="1",a="x\\y",namespace="speech"} 7"#];
    let mut sum = UsageSum::new(&query);
    sum.add_series(USED, [("UUID", "1"), ("a", r"x\y"), ("namespace", "speech")], "7").unwrap();
    assert_eq!(sum.total_usage(), usage_of(&query, &text));
    let twice = sum.add_series(USED, [("a", r"x\y"), ("namespace", "speech"), ("UUID", "1")], "7");
    assert_eq!(twice, Err(ExpositionFault::SeriesTwice));
    assert_eq!(sum.add_series("other", [], "NaN"), Ok(()));
    assert_eq!(sum.add_series("other", [], "x"), Err(ExpositionFault::Number));
}

#[test]
fn only_selected_series_are_read() {
    let lines = [
        r#"used{UUID="1",gpu="0"} 1"#,
        r#"used{UUID="2",gpu="1"} 2"#,
        r#"used{UUID="3"} NaN"#,
        r#"used{UUID="4",gpu=""} 3"#,
    ];
    for (text, others) in [(r#"gpu="0""#, 1), (r#"gpu="1",UUID="2""#, 2), (r#"gpu="",UUID="4""#, 3)]
    {
        let query = Query { select: select(text), ..query(Series::Devices) };
        let expected = Usage { others, series: 1, ..Usage::default() };
        assert_eq!(usage_of(&query, &lines), Ok(expected), "{text}");
    }
    let query = Query { select: select(r#"gpu="2""#), ..query(Series::Devices) };
    assert_eq!(usage_of(&query, &lines), Ok(Usage::default()));
}

#[test]
fn two_devices_are_named_and_never_added() {
    let two = |first: &str, second: &str| {
        ExpositionFault::TwoDevices(Box::new([first.to_owned(), second.to_owned()]))
    };
    for series in [Series::Pods, Series::Devices, Series::DevicesAndPods] {
        let query = query(series);
        for (lines, fault) in [
            ([r#"used{UUID="A"} 1"#, r#"used{UUID="B"} 2"#], two("A", "B")),
            ([r#"used{UUID="A"} 1"#, r#"used{UUID="A",GPU_I_ID="3"} 1"#], two("A", "A/3")),
            ([r#"used{UUID="A"} 1"#, r#"used{gpu="0"} 1"#], ExpositionFault::NoDeviceLabel),
        ] {
            assert_eq!(usage_of(&query, &lines), Err(fault), "{series:?} {lines:?}");
        }
    }
    // The metrics of free memory and of the total are the same device's.
    let query = Query { free_metric: Some("free".into()), ..query(Series::Devices) };
    let lines = [r#"used{UUID="A"} 1"#, r#"free{UUID="B"} 2"#];
    assert_eq!(usage_of(&query, &lines), Err(two("A", "B")));
}

#[test]
fn copies_of_a_devices_series_count_once_and_attribute_nothing() {
    let query = query(Series::Devices);
    let copies = [
        r#"used{UUID="A",namespace="speech",pod="x"} 7"#,
        r#"used{UUID="A",namespace="immich",pod="y"} 7"#,
        r#"used{UUID="A",namespace="unknown"} 7"#,
    ];
    let expected = Usage { others: 7, series: 3, ..Usage::default() };
    assert_eq!(usage_of(&query, &copies), Ok(expected));
    let differ = [copies[0], r#"used{UUID="A",namespace="immich"} 8"#];
    assert_eq!(usage_of(&query, &differ), Err(ExpositionFault::DeviceTwice));
    // Without a label of the device, two GPUs that use the same look like copies.
    let unnamed = Query { device_label: None, ..query };
    assert_eq!(usage_of(&unnamed, &copies), Err(ExpositionFault::DeviceUnnamed));
    assert!(usage_of(&unnamed, &copies[..1]).is_ok());
}

#[test]
fn parts_attribute_what_the_device_uses() {
    let query = query(Series::DevicesAndPods);
    let device = r#"used{UUID="A"} 100"#;
    let tenant = r#"used{UUID="A",namespace="speech",pod="x"} 30"#;
    let other = r#"used{UUID="A",namespace="immich",pod="y"} 20"#;
    let unknown = r#"used{UUID="A",namespace="unknown",pod="z"} 10"#;
    let usage = |tenant, unknown, others, series| {
        Ok(Usage { tenant, unknown, others, series, total: None })
    };
    // What nobody is shown to use counts as a resident's.
    assert_eq!(usage_of(&query, &[device, tenant, other, unknown]), usage(30, 10, 60, 4));
    assert_eq!(usage_of(&query, &[tenant, device]), usage(30, 0, 70, 2));
    assert_eq!(usage_of(&query, &[device]), usage(0, 0, 100, 1));
    // The larger sum is true.
    let less = r#"used{UUID="A",namespace=""} 40"#;
    assert_eq!(usage_of(&query, &[tenant, less, other]), usage(30, 0, 20, 3));
    assert_eq!(usage_of(&query, &[tenant, other]), Err(ExpositionFault::NoDevice));
}

#[test]
fn the_tenants_namespace_is_read_from_the_label_that_the_query_names() {
    let query =
        Query { namespace_label: "exported_namespace".into(), ..query(Series::DevicesAndPods) };
    let lines = [
        r#"used{UUID="A",namespace="monitoring"} 100"#,
        r#"used{UUID="A",namespace="monitoring",exported_namespace="speech"} 30"#,
    ];
    let expected = Usage { tenant: 30, others: 70, series: 2, ..Usage::default() };
    assert_eq!(usage_of(&query, &lines), Ok(expected));
}

#[test]
fn the_total_is_measured() {
    let both = Query {
        free_metric: Some("free".into()),
        total_metric: Some("total".into()),
        ..query(Series::Devices)
    };
    let free = Query { total_metric: None, ..both.clone() };
    let total = Query { free_metric: None, ..both.clone() };
    let lines = [r#"used{UUID="A"} 60"#, r#"free{UUID="A"} 30"#, r#"total{UUID="A"} 100"#];
    let usage =
        |others, total| Ok(Usage { others, series: 1, total: Some(total), ..Usage::default() });
    // The driver keeps 10 for itself, which is not free either.
    assert_eq!(usage_of(&both, &lines), usage(70, 100));
    assert_eq!(usage_of(&free, &lines), usage(60, 90));
    assert_eq!(usage_of(&total, &lines), usage(60, 100));
    // Copies for each Pod count once; other amounts do not.
    let copies = [lines[0], lines[1], r#"free{UUID="A",namespace="speech"} 30"#, lines[2]];
    assert_eq!(usage_of(&both, &copies), usage(70, 100));
    let differ = [lines[0], lines[1], r#"free{UUID="A",namespace="speech"} 31"#, lines[2]];
    assert_eq!(usage_of(&both, &differ), Err(ExpositionFault::DeviceTwice));
    assert_eq!(usage_of(&both, &[lines[0], lines[2]]), Err(ExpositionFault::NoFree));
    assert_eq!(usage_of(&both, &lines[..2]), Err(ExpositionFault::NoTotal));
    let contradiction = [lines[0], r#"free{UUID="A"} 101"#, lines[2]];
    assert_eq!(usage_of(&both, &contradiction), Err(ExpositionFault::FreeAboveTotal));
}

#[test]
fn a_measured_device_counts_what_no_pod_is_shown_to_use() {
    let query = Query {
        free_metric: Some("free".into()),
        total_metric: Some("total".into()),
        ..query(Series::Pods)
    };
    let lines = [
        r#"used{UUID="A",namespace="speech"} 20"#,
        r#"free{UUID="A"} 30"#,
        r#"total{UUID="A"} 100"#,
    ];
    let expected = Usage { tenant: 20, others: 50, series: 1, total: Some(100), unknown: 0 };
    assert_eq!(usage_of(&query, &lines), Ok(expected));
}
