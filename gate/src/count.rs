//! The count of the demand in an answer that may be anything.

use serde_json::Value;

use crate::demand::check_count;
use crate::exposition::{self, Checks, ExpositionFault, Freshness, Query};
use crate::settings::DemandNumber;

/// Finds the count in an answer. With `freshness`, a series with an old timestamp is none.
///
/// # Errors
/// The reason why there is none.
pub fn find_count(
    body: &[u8],
    number: &DemandNumber,
    freshness: Option<Freshness>,
) -> Result<f64, String> {
    let found = match number {
        DemandNumber::Json(pointer) => find_in_json(body, pointer)?,
        DemandNumber::Metric(query) => find_in_exposition(body, query, freshness)?,
    };
    check_count(found).map_err(str::to_owned)
}

fn find_in_json(body: &[u8], pointer: &str) -> Result<f64, String> {
    let document: Value = serde_json::from_slice(body)
        .map_err(|error| format!("the answer is not valid JSON: {error}"))?;
    if count_members(&document) != count_colons(body) {
        return Err("the answer's JSON has a key twice".to_owned());
    }
    match document.pointer(pointer) {
        Some(Value::Number(number)) => {
            number.as_f64().ok_or_else(|| "the number does not fit".to_owned())
        }
        Some(_) => Err(format!("`{pointer}` is not a number")),
        None => Err(format!("the answer has no `{pointer}`")),
    }
}

/// The members of all objects. The parser keeps the last of several with one key.
fn count_members(value: &Value) -> usize {
    match value {
        Value::Object(members) => {
            members.len() + members.values().map(count_members).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(count_members).sum(),
        _ => 0,
    }
}

/// The colons outside of strings in valid JSON: one for each member.
fn count_colons(json: &[u8]) -> usize {
    let (mut colons, mut in_string, mut is_escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_string = !in_string,
            b':' if !in_string => colons += 1,
            _ => {}
        }
    }
    colons
}

fn find_in_exposition(
    body: &[u8],
    query: &Query,
    freshness: Option<Freshness>,
) -> Result<f64, String> {
    let checks = Checks { freshness, ..Checks::default() };
    let usage = exposition::parse_with(body, query, checks).map_err(|error| match error.fault {
        ExpositionFault::TooLarge => "the number is too large to be a count".to_owned(),
        _ => error.to_string(),
    })?;
    match usage.series {
        1 => Ok(usage.everyone() as f64),
        0 => Err(format!("the answer has no series of `{}`", query.metric)),
        series => Err(format!("the answer has {series} series of `{}`", query.metric)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn count(number: &str, body: &[u8]) -> Result<f64, String> {
        let freshness = Freshness { now: NOW, max_age: Duration::from_secs(60) };
        find_count(body, &DemandNumber::parse(number).unwrap(), Some(freshness))
    }

    const QUEUED: &str = "/queued";
    const METRIC: &str = "queue_length{queue=\"speech\"}";

    #[test]
    fn a_count_is_read_from_json_and_from_an_exposition() {
        for (number, body, expected) in [
            (QUEUED, r#"{"queued":3}"#, 3.0),
            (QUEUED, "\n {\"queued\": 0, \"note\": \"a \\\": {\"} \n", 0.0),
            (QUEUED, r#"{"queued":-0}"#, 0.0),
            (QUEUED, r#"{"queued":2.5e0}"#, 2.5),
            ("/jobs/1/waiting", r#"{"jobs":[{"waiting":7},{"waiting":1}]}"#, 1.0),
            ("/a~1b/c~0d", r#"{"a/b":{"c~d":4}}"#, 4.0),
            ("/0", "[5]", 5.0),
            ("queue_length", "# TYPE queue_length gauge\nqueue_length 0\n", 0.0),
            (METRIC, "queue_length{queue=\"ocr\"} 9\nqueue_length{queue=\"speech\"} 2\n", 2.0),
            (METRIC, "queue_length{queue=\"speech\",x=\"y\"} 0.25 1699999990000\n", 1.0),
        ] {
            assert_eq!(count(number, body.as_bytes()), Ok(expected), "{number} {body}");
        }
    }

    /// The hostile answers that are a whole 200. Those of the transport are in `gate/tests/demand.rs`.
    #[test]
    fn anything_but_a_count_is_a_problem() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let twice = r#"{"queued":0,"queu\u0065d":3}"#;
        for (number, body) in [
            (QUEUED, ""),
            (QUEUED, " "),
            (QUEUED, "3"),
            (QUEUED, "queued: 3"),
            (QUEUED, "<!DOCTYPE html><title>Sign in</title>"),
            (QUEUED, "null"),
            (QUEUED, "{}"),
            (QUEUED, r#"{"queued":"3"}"#),
            (QUEUED, r#"{"queued":""}"#),
            (QUEUED, r#"{"queued":null}"#),
            (QUEUED, r#"{"queued":true}"#),
            (QUEUED, r#"{"queued":false}"#),
            (QUEUED, r#"{"queued":[]}"#),
            (QUEUED, r#"{"queued":[3]}"#),
            (QUEUED, r#"{"queued":{}}"#),
            (QUEUED, r#"{"queued":{"queued":3}}"#),
            (QUEUED, r#"{"Queued":3}"#),
            (QUEUED, r#"{"data":{"queued":3}}"#),
            (QUEUED, r#"[{"queued":3}]"#),
            (QUEUED, r#"{"queued":-1}"#),
            (QUEUED, r#"{"queued":-0.001}"#),
            (QUEUED, r#"{"queued":1e99}"#),
            (QUEUED, r#"{"queued":1e999}"#),
            (QUEUED, r#"{"queued":99999999999999999999}"#),
            (QUEUED, r#"{"queued":NaN}"#),
            (QUEUED, r#"{"queued":Infinity}"#),
            (QUEUED, r#"{"queued":0x3}"#),
            (QUEUED, r#"{"queued":+3}"#),
            (QUEUED, r#"{"queued":03}"#),
            (QUEUED, r#"{"queued":3"#),
            (QUEUED, r#"{"queued":"#),
            (QUEUED, r#"{"queued":3,}"#),
            (QUEUED, r#"{"queued":3} trailing"#),
            (QUEUED, "{\"queued\":3}\n{\"queued\":0}"),
            (QUEUED, r#"{"queued":0,"queued":3}"#),
            (QUEUED, twice),
            (QUEUED, r#"{"queued":3,"other":{"a":1,"a":1}}"#),
            (QUEUED, "\u{feff}{\"queued\":3}"),
            (QUEUED, "{'queued':3}"),
            (QUEUED, "/* none */ {\"queued\":0}"),
            (QUEUED, &deep),
            ("/queued/0", r#"{"queued":3}"#),
            ("/01", "[1,2]"),
            ("/-", "[1]"),
            (METRIC, ""),
            (METRIC, "queue_length{queue=\"speech\"} 3"),
            (METRIC, "queue_length{queue=\"speech\"} NaN\n"),
            (METRIC, "queue_length{queue=\"speech\"} +Inf\n"),
            (METRIC, "queue_length{queue=\"speech\"} -1\n"),
            (METRIC, "queue_length{queue=\"speech\"} 1e99\n"),
            (METRIC, "queue_length{queue=\"speech\"} 9007199254740993\n"),
            (METRIC, "queue_length{queue=\"speech\"} three\n"),
            (METRIC, "queue_length{queue=\"speech\"}\n"),
            (METRIC, "queue_length{queue=\"ocr\"} 3\n"),
            (METRIC, "queue_length 3\n"),
            (METRIC, "# queue_length{queue=\"speech\"} 3\n"),
            (METRIC, "queue_length{queue=\"speech\"} 0\nqueue_length{queue=\"speech\"} 3\n"),
            (
                METRIC,
                "queue_length{queue=\"speech\",a=\"1\"} 0\nqueue_length{queue=\"speech\",a=\"2\"} 3\n",
            ),
            (METRIC, "queue_length{queue=\"speech\"} 3 1600000000000\n"),
            (METRIC, "queue_length{queue=\"speech\"} 3\n<html>\n"),
            (METRIC, "{\"queue_length\":3}\n"),
            (METRIC, "<!DOCTYPE html>\n"),
        ] {
            let found = count(number, body.as_bytes());
            assert!(found.is_err(), "{number} {}: {found:?}", &body[..body.len().min(80)]);
        }
        for body in [&b"{\"queued\":3}\0"[..], b"\xff\xfe{\x00", b"{\"a\":\"\xff\",\"queued\":3}"] {
            assert!(count(QUEUED, body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_part_of_an_answer_is_refused() {
        let whole = br#"{"speech":{"queued":12,"note":"a:b"}}"#;
        for end in 0..whole.len() {
            assert!(count("/speech/queued", &whole[..end]).is_err(), "{end}");
        }
        assert_eq!(count("/speech/queued", whole), Ok(12.0));
    }

    #[test]
    fn numbers_are_named_by_a_pointer_or_a_metric() {
        for text in ["/a", "/a/0/b~1c", "/", "up", "a:b{x=\"y\"}", "m{}", "m{a=\"}\"}"] {
            assert!(DemandNumber::parse(text).is_ok(), "{text}");
        }
        for text in ["queued/", "/a~2", "/a~", "m{", "m{a}", "m{a=\"b\"", "{a=\"b\"}", "a b", "3"] {
            assert!(DemandNumber::parse(text).is_err(), "{text}");
        }
    }
}
