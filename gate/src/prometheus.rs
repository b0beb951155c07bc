//! Prometheus' answer to an instant query.
//!
//! In: the JSON of `/api/v1/query`. Out: the memory in use, and the time of the oldest sample that it was
//! computed from. An answer that is not understood, or not whole, counts as no reading.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use vram_gate::exposition::{Freshness, Query, Usage, UsageSum};
use vram_gate::promql::{self, TIME_LABEL, VALUE_LABEL};

/// The label that Prometheus keeps a metric's name in.
const NAME_LABEL: &str = "__name__";

/// A reading, with the time of its oldest sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) usage: Usage,
    /// In milliseconds since 1970; `None` for an exposition.
    pub(crate) time: Option<i64>,
    /// The value of the metric of freshness; `None` for an answer of Prometheus.
    pub(crate) clock: Option<f64>,
}

impl Sample {
    /// The number by which a later sample differs from an earlier one; `None`: it may not.
    pub(crate) fn number(&self) -> Option<f64> {
        self.clock.or(self.time.map(|time| time as f64))
    }
}

/// Returns the query to send. `whole` replaces the selector of the metric of memory in use; `times` decides
/// whether the answer also has the times of the samples.
pub(crate) fn query_text(query: &Query, whole: Option<&str>, times: Times) -> String {
    let used = match whole {
        Some(whole) => whole.trim().to_owned(),
        None => selector(query, &query.metric),
    };
    let others = [&query.free_metric, &query.total_metric].into_iter().flatten();
    let others = others.map(|metric| (metric.as_str(), selector(query, metric)));
    let parts = std::iter::once((query.metric.as_str(), used)).chain(others);
    let parts = parts.map(|(metric, selector)| match times {
        Times::InTheAnswer => promql::with_times(metric, &selector),
        Times::InAnother => promql::with_values(metric, &selector),
    });
    parts.collect::<Vec<_>>().join(" or ")
}

/// The answer that has the times of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// The one with their values.
    InTheAnswer,
    /// That of another query.
    InAnother,
}

fn selector(query: &Query, metric: &str) -> String {
    if query.select.is_empty() {
        metric.to_owned()
    } else {
        format!("{metric}{{{}}}", query.select)
    }
}

/// A series' labels without the metric's name.
type Labels = BTreeMap<String, String>;

/// Reads the answer to a query with values and, unless they are given, times. Each series must be fresh.
///
/// # Errors
/// The problem, in words.
pub(crate) fn read_sample(
    body: &[u8],
    query: &Query,
    oldest: Option<i64>,
    freshness: Freshness,
) -> Result<Sample, String> {
    let (mut values, mut times) = (Vec::new(), BTreeMap::new());
    for (mut labels, value) in read_vector(&read_data(body)?)? {
        labels.remove(NAME_LABEL);
        match (labels.remove(VALUE_LABEL), labels.remove(TIME_LABEL)) {
            (Some(metric), None) => values.push((metric, labels, value)),
            (None, Some(metric)) => {
                times.insert((metric, labels), parse_time(&value)?);
            }
            _ => return Err("Prometheus' answer has series that were not asked for".to_owned()),
        }
    }
    if values.is_empty() {
        return Err("Prometheus has no series of the metric".to_owned());
    }
    if oldest.is_none() && times.len() != values.len() {
        return Err("Prometheus' answer has series without a time".to_owned());
    }
    let mut time = oldest;
    let mut sum = UsageSum::new(query);
    for (metric, labels, value) in &values {
        let sampled = match oldest {
            Some(oldest) => oldest,
            None => *times
                .get(&(metric.clone(), labels.clone()))
                .ok_or("Prometheus' answer has series without a time")?,
        };
        time = Some(time.map_or(sampled, |time| time.min(sampled)));
        let pairs = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        freshness
            .check(sampled)
            .and_then(|()| sum.add_series(metric, pairs, value))
            .map_err(|fault| fault.to_string())?;
    }
    let usage = sum.total_usage().map_err(|fault| fault.to_string())?;
    if usage.series == 0 {
        return Err("Prometheus has no series of the metric".to_owned());
    }
    Ok(Sample { usage, time, clock: None })
}

/// Reads the answer to a query of times, in seconds since 1970; returns the oldest.
///
/// # Errors
/// The problem, in words.
pub(crate) fn read_oldest(body: &[u8]) -> Result<i64, String> {
    let data = read_data(body)?;
    let times = if data.get("resultType").and_then(Value::as_str) == Some("scalar") {
        vec![read_value(data.get("result"))?]
    } else {
        read_vector(&data)?.into_iter().map(|(_, value)| value).collect()
    };
    let times = times.iter().map(|value| parse_time(value)).collect::<Result<Vec<_>, _>>()?;
    times.into_iter().min().ok_or_else(|| "Prometheus' answer has no time".to_owned())
}

/// Returns Prometheus' own message about a request that failed, if the body has one.
pub(crate) fn find_error(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    Some(answer.get("error")?.as_str()?.to_owned())
}

/// Returns the data of an answer that is a whole success.
fn read_data(body: &[u8]) -> Result<Map<String, Value>, String> {
    let answer: Value = serde_json::from_slice(body)
        .map_err(|error| format!("Prometheus' answer is not valid JSON: {error}"))?;
    if answer.get("status").and_then(Value::as_str) != Some("success") {
        let error = answer.get("error").and_then(Value::as_str).unwrap_or("no success");
        return Err(format!("Prometheus reports: {error}"));
    }
    for notes in ["warnings", "infos"] {
        match answer.get(notes) {
            None | Some(Value::Null) => {}
            Some(Value::Array(notes)) if notes.is_empty() => {}
            Some(found) => return Err(format!("Prometheus' answer has {notes}: {found}")),
        }
    }
    match answer.get("data") {
        Some(Value::Object(data)) => Ok(data.clone()),
        _ => Err("Prometheus' answer has no data".to_owned()),
    }
}

/// Returns the series of a vector, with their values.
fn read_vector(data: &Map<String, Value>) -> Result<Vec<(Labels, String)>, String> {
    let (Some("vector"), Some(result)) = (
        data.get("resultType").and_then(Value::as_str),
        data.get("result").and_then(Value::as_array),
    ) else {
        return Err("Prometheus' answer is not a vector".to_owned());
    };
    let series = result.iter().map(|series| {
        let metric = series.get("metric").and_then(Value::as_object);
        let labels = metric.and_then(|labels| {
            let labels = labels.iter();
            labels.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
        });
        let labels = labels.ok_or("Prometheus' answer has a series without labels")?;
        Ok((labels, read_value(series.get("value"))?))
    });
    series.collect()
}

/// Returns the value of a pair of time and value.
fn read_value(pair: Option<&Value>) -> Result<String, String> {
    match pair.and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::Number(_), Value::String(value)]) => Ok(value.clone()),
        _ => Err("Prometheus' answer has a series without a value".to_owned()),
    }
}

/// Parses seconds since 1970 to milliseconds.
fn parse_time(text: &str) -> Result<i64, String> {
    let ms = text.parse::<f64>().map_or(f64::NAN, |seconds| (seconds * 1000.0).round());
    // A cast of a number in this range can't saturate.
    if (0.0..1e17).contains(&ms) {
        Ok(ms as i64)
    } else {
        Err(format!("Prometheus' answer has an invalid time `{text}`: expected seconds since 1970"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn freshness() -> Freshness {
        Freshness { now: NOW, max_age: Duration::from_secs(60) }
    }

    fn query() -> Query {
        Query { metric: "used".into(), namespace: "speech".into(), ..Query::default() }
    }

    /// Returns one series of a vector.
    fn series(mark: &str, namespace: &str, value: &str) -> Value {
        json!({
            "metric": {mark: "used", "namespace": namespace, "job": "gpu"},
            "value": [1_700_000_000.0, value],
        })
    }

    fn answer(result: &[Value]) -> Value {
        json!({"status": "success", "data": {"resultType": "vector", "result": result}})
    }

    fn read(answer: &Value) -> Result<Sample, String> {
        read_sample(answer.to_string().as_bytes(), &query(), None, freshness())
    }

    fn good() -> Vec<Value> {
        vec![
            series(VALUE_LABEL, "immich", "1024"),
            series(VALUE_LABEL, "speech", "2e3"),
            series(TIME_LABEL, "immich", "1699999990.123"),
            series(TIME_LABEL, "speech", "1699999980"),
        ]
    }

    #[test]
    fn a_reading_has_the_sum_and_the_oldest_time() {
        let sample = read(&answer(&good())).unwrap();
        assert_eq!(
            (sample.usage.others, sample.usage.tenant, sample.usage.series),
            (1024, 2000, 2)
        );
        assert_eq!(sample.time, Some(1_699_999_980_000));
    }

    #[test]
    fn an_answer_that_is_not_whole_or_not_current_gives_no_reading() {
        let with = |change: &dyn Fn(&mut Vec<Value>)| {
            let mut result = good();
            change(&mut result);
            answer(&result)
        };
        let field = |name: &str, value: Value| {
            let mut answer = answer(&good());
            answer[name] = value;
            answer
        };
        for (answer, problem) in [
            (answer(&[]), "no series"),
            (with(&|all| all.truncate(3)), "without a time"),
            (with(&|all| drop(all.remove(0))), "without a time"),
            (with(&|all| all.truncate(2)), "without a time"),
            (with(&|all| drop(all.drain(..2))), "no series"),
            (with(&|all| all.push(series("job", "x", "1"))), "not asked for"),
            (with(&|all| all[1]["value"][1] = "NaN".into()), "NaN"),
            (with(&|all| all[1]["value"][1] = "+Inf".into()), "more memory"),
            (with(&|all| all[1]["value"][1] = "-1".into()), "negative"),
            (with(&|all| all[1]["value"][1] = "1 1\nused 5".into()), "not a number"),
            (with(&|all| all[1]["value"][1] = json!(1)), "without a value"),
            (with(&|all| all[1]["value"] = json!([1])), "without a value"),
            (with(&|all| all[1]["histogram"] = all[1]["value"].take()), "without a value"),
            (with(&|all| all[1]["metric"]["a"] = json!(1)), "without labels"),
            (with(&|all| all[0]["metric"] = all[1]["metric"].clone()), "duplicate series"),
            (with(&|all| all[2]["value"][1] = "1699999939.9".into()), "stale"),
            (with(&|all| all[2]["value"][1] = "1700000061".into()), "future"),
            (with(&|all| all[2]["value"][1] = "NaN".into()), "invalid time"),
            (with(&|all| all[2]["value"][1] = "1e30".into()), "invalid time"),
            (with(&|all| all[2]["value"][1] = "-5".into()), "invalid time"),
            (field("status", "error".into()), "reports: no success"),
            (field("warnings", json!(["partial response"])), "warnings: [\"partial response\"]"),
            (field("infos", json!(["x"])), "infos"),
            (field("warnings", json!("x")), "warnings"),
            (field("data", Value::Null), "no data"),
            (field("data", json!({"resultType": "matrix", "result": []})), "not a vector"),
            (field("data", json!({"resultType": "scalar", "result": [1, "1"]})), "not a vector"),
            (json!([]), "no success"),
            (json!({"status": "error", "error": "timed out"}), "reports: timed out"),
        ] {
            let found = read(&answer).unwrap_err();
            assert!(found.contains(problem), "{found}: {answer}");
        }
        let whole = answer(&good()).to_string();
        for end in 0..whole.len() {
            let cut = &whole.as_bytes()[..end];
            assert!(read_sample(cut, &query(), None, freshness()).is_err(), "{end}");
        }
        assert!(read(&field("warnings", json!([]))).is_ok());
        assert!(read(&field("infos", Value::Null)).is_ok());
    }

    #[test]
    fn a_given_time_is_that_of_every_series() {
        let answer = answer(&good()[..2]).to_string();
        let at = |time| read_sample(answer.as_bytes(), &query(), Some(time), freshness());
        assert_eq!(at(NOW - 7).unwrap().time, Some(NOW - 7));
        assert!(at(NOW - 60_001).unwrap_err().contains("stale"));
    }

    #[test]
    fn the_oldest_time_is_a_scalar_or_of_a_vector() {
        let oldest = |data: Value| {
            read_oldest(json!({"status": "success", "data": data}).to_string().as_bytes())
        };
        let time = |value: &str| json!({"metric": {}, "value": [1, value]});
        assert_eq!(oldest(json!({"resultType": "scalar", "result": [9, "12.5"]})), Ok(12_500));
        let both = [time("13"), time("12")];
        assert_eq!(oldest(json!({"resultType": "vector", "result": both})), Ok(12_000));
        for data in [
            json!({"resultType": "vector", "result": []}),
            json!({"resultType": "vector", "result": [time("NaN")]}),
            json!({"resultType": "scalar", "result": [9, 12]}),
            json!({"resultType": "string", "result": [9, "12"]}),
            json!({"resultType": "matrix", "result": []}),
        ] {
            assert!(oldest(data.clone()).is_err(), "{data}");
        }
    }

    #[test]
    fn the_query_reads_each_metric_with_the_selection() {
        let select = vram_gate::exposition::Selection::parse("gpu=\"0\"").unwrap();
        let query = Query { select, free_metric: Some("free".into()), ..query() };
        let text = query_text(&query, None, Times::InTheAnswer);
        assert_eq!(text.matches("used{gpu=\"0\"}").count(), 2, "{text}");
        assert_eq!(text.matches("free{gpu=\"0\"}").count(), 2, "{text}");
        assert_eq!(text.matches("timestamp(").count(), 2, "{text}");
        let text = query_text(&Query::default(), Some(" sum(x) "), Times::InAnother);
        assert_eq!(text, "label_replace(sum(x), \"vram_gate_value\", \"\", \"\", \"\")");
    }
}
