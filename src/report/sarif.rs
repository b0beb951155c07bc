//! SARIF 2.1.0, the input of code scanning.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>

use serde_json::{Value as Json, json};

use super::json::to_text;
use crate::model::Severity;
use yaml_spans::source::Place;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A log of one run of this program.
pub(crate) fn log(rules: Vec<Json>, results: Vec<Json>) -> String {
    to_text(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tts-render",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": super::links::home(),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

/// SARIF's words for severities (section 3.27.10).
pub(crate) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// A place in a file, which is named as the forge names it.
pub(crate) fn physical_location(file: &str, place: &Place) -> Json {
    json!({
        "artifactLocation": {"uri": uri(file)},
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endColumn": place.column as usize + place.width.max(1),
        },
    })
}

/// A path as a relative URI: reserved characters are percent-encoded (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_a_relative_uri() {
        assert_eq!(super::uri("values/ä b.yaml"), "values/%C3%A4%20b.yaml");
    }
}
