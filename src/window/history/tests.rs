use super::*;

const START: i64 = 1_795_478_400;

fn series(labels: &str, samples: &[(i64, u64)]) -> String {
    let values: Vec<String> =
        samples.iter().map(|(at, bytes)| format!("[{},\"{bytes}\"]", START + at)).collect();
    format!(r#"{{"metric":{{{labels}}},"values":[{}]}}"#, values.join(","))
}

fn answer(series: &[String]) -> String {
    let result = series.join(",");
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#)
}

fn history(series: &[String]) -> History {
    History::parse(&answer(series)).unwrap()
}

fn query() -> Query {
    Query { metric: "used".into(), namespace: "tts".into(), ..Query::default() }
}

fn header() -> Header {
    let span = FetchedSpan {
        start: "2026-11-24T02:00:00Z".parse().unwrap(),
        end: "2026-11-24T06:00:00Z".parse().unwrap(),
    };
    Header {
        version: VERSION,
        metric: "used".into(),
        unit: MetricUnit::MiB,
        step: 15,
        source: "http://prometheus.monitoring.svc".into(),
        windows: vec![span],
    }
}

#[test]
fn a_file_reads_as_it_was_written() {
    let text = answer(&[
        series(r#""__name__":"used","namespace":"a\"b\\""#, &[(0, 5), (15, 7)]),
        r#"{"metric":{},"values":[[1795478400.25,"1.5"],[1795478401,"9e3"]]}"#.to_owned(),
    ]);
    let text = text.replace("\"data\"", "\"infos\":[\"synthetic\"],\"data\"");
    let read = History::parse(&text).unwrap();
    let file = read.to_file(&header()).unwrap();
    assert_eq!(file, read.to_file(&header()).unwrap());
    let again = History::read(file.clone()).unwrap();
    assert_eq!(again.header(), Some(&header()));
    assert_eq!(again.remarks, ["synthetic"]);
    assert_eq!(again.step(), 15_000);
    for (one, other) in read.series.iter().zip(&again.series) {
        assert_eq!((&one.name, &one.labels), (&other.name, &other.labels));
        assert_eq!(one.samples, other.samples);
    }
    for end in 1..file.len() {
        assert!(History::read(file[..end].to_vec()).is_err(), "cut off after {end} bytes");
    }
}

#[test]
fn a_small_file_can_not_become_a_large_one() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..=MAX_FILE_BYTES >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    let file = encoder.finish().unwrap();
    assert!(file.len() < 1 << 20);
    assert_eq!(History::read(file).unwrap_err(), HistoryError::TooLarge);
}

#[test]
fn another_metric_or_unit_is_refused_with_both_names() {
    let unnamed = history(&[series(r#""namespace":"a""#, &[(0, 1)])]);
    assert_eq!(unnamed.check(&query()), Ok(()));
    let other = history(&[series(r#""__name__":"DCGM_FI_DEV_FB_USED""#, &[(0, 1)])]);
    assert_eq!(
        other.check(&query()).unwrap_err().to_string(),
        "the history has `DCGM_FI_DEV_FB_USED`, and the gate reads `used`"
    );
    let file = unnamed.to_file(&header()).unwrap();
    assert_eq!(
        History::read(file).unwrap().check(&query()).unwrap_err().to_string(),
        "the history is in MiB, and the gate reads bytes"
    );
    let free = Query { free_metric: Some("free".into()), ..query() };
    assert_eq!(unnamed.check(&free), Err(HistoryError::MissingMetric("free".into())));
    let both = history(&[
        series(r#""__name__":"used""#, &[(0, 1)]),
        series(r#""__name__":"free""#, &[(0, 1)]),
    ]);
    assert_eq!(both.check(&free), Ok(()));
    assert!(both.check(&query()).is_err());
}

#[test]
fn files_join_and_their_overlaps_and_gaps_are_noted() {
    let label = r#""namespace":"a""#;
    let first = history(&[series(label, &[(0, 1), (15, 2), (30, 3)])]);
    let second =
        history(&[series(label, &[(30, 4), (45, 5)]), series(r#""namespace":"b""#, &[(30, 1)])]);
    let third = history(&[series(label, &[(600, 6), (615, 7)])]);
    let files = [("3", third), ("1", first), ("2", second)];
    let files = files.map(|(name, history)| (name.to_owned(), history)).to_vec();
    let joined = History::join(files).unwrap();
    assert_eq!(joined.len(), 7);
    let values: Vec<f64> = joined.series[0].samples.iter().map(|it| it.value).collect();
    assert_eq!(values, [1.0, 2.0, 4.0, 5.0, 6.0, 7.0]);
    assert_eq!(
        joined.notes,
        [
            "nothing is recorded between 2026-11-24T00:00:45Z and 2026-11-24T00:10:00Z",
            "`2` repeats 1 samples of the files before it, 1 of them with another value: the larger counts",
        ]
    );
}

#[test]
fn a_sample_counts_for_two_steps() {
    let history = history(&[series("", &[(0, 1), (15, 2), (30, 3), (90, 4)])]);
    assert_eq!(history.step(), 15_000);
    let value = |at: i64| {
        let found = history.series[0].latest((START + at) * 1000, history.max_age());
        found.map(|sample| sample.value)
    };
    for (at, expected) in
        [(-1, None), (0, Some(1.0)), (29, Some(2.0)), (60, Some(3.0)), (61, None), (120, Some(4.0))]
    {
        assert_eq!(value(at), expected, "{at}");
    }
}

#[test]
fn texts_that_are_not_a_history_are_errors() {
    let matrix = |result: &str| answer(&[result.to_owned()]);
    let sample = |sample: &str| matrix(&format!(r#"{{"metric":{{}},"values":[{sample}]}}"#));
    let named = |name: &str| format!(r#"{{"metric":{{"__name__":"{name}"}},"values":[[1,"1"]]}}"#);
    let version = answer(&[named("a")]).replace(
        "{\"status\"",
        r#"{"history":{"version":2,"metric":"a","unit":"bytes","step":1,"source":""},"status""#,
    );
    for (text, expected) in [
        ("{".to_owned(), "expected Prometheus' answer to a range query"),
        (
            r#"{"status":"error","error":"too many points"}"#.to_owned(),
            "the query failed: too many points",
        ),
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.to_owned(),
            "expected a `matrix`, the result of a range query: found `vector`",
        ),
        (answer(&[]), "it contains no samples"),
        (sample(r#"[1,"NaN"]"#), "invalid sample `NaN` at 1"),
        (sample(r#"[1,"-1"]"#), "invalid sample `-1` at 1"),
        (sample(r#"[1,"+Inf"]"#), "invalid sample `+Inf` at 1"),
        (sample(r#"[1,"x"]"#), "invalid sample `x` at 1"),
        (sample(r#"[1e300,"1"]"#), "invalid sample `1` at 1"),
        (
            sample(r#"[2,"1"],[1,"1"]"#),
            "the samples of a series are not in chronological order, at 1",
        ),
        (answer(&[named("a"), named("a")]), "it contains the series {\"__name__\": \"a\"} twice"),
        (version, "it was written in version 2 of the format: expected 1"),
        (
            r#"{"data":{"resultType":"matrix","result":[]}}"#.to_owned(),
            "expected Prometheus' answer",
        ),
        (
            r#"{"status":"success"}"#.to_owned(),
            "expected Prometheus' answer to a range query: `data`",
        ),
        (matrix(r#"{"metric":{},"values":{}}"#), "expected Prometheus' answer"),
        (matrix(r#"{"metric":{},"values":[[1]]}"#), "expected Prometheus' answer"),
        (matrix(r#"{"metric":{},"values":[[1,2]]}"#), "expected Prometheus' answer"),
        (matrix(r#"{"metric":{},"histograms":[[1,{}]]}"#), "expected Prometheus' answer"),
        (matrix(r#"{"values":[[1,"1"]]}"#), "expected Prometheus' answer"),
        ("\u{feff}{}".to_owned(), "expected Prometheus' answer"),
    ] {
        let error = History::parse(&text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}
