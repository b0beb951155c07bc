//! JSON shared by all reports.

use std::fmt::Write;

use serde::Serialize;
use yaml_spans::is_hidden;

use kube_validate::ObjectId;

/// An object's identity in a JSON report.
#[derive(Serialize)]
pub struct ObjectReference<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
}

impl<'a> From<&'a ObjectId> for ObjectReference<'a> {
    fn from(id: &'a ObjectId) -> Self {
        let namespace = id.namespace.as_deref();
        ObjectReference { group: &id.group, kind: &id.kind, namespace, name: &id.name }
    }
}

/// A report as indented JSON with a line end. Its keys are strings, so writing it can't fail. Hidden
/// characters are escaped, so that a terminal can't be steered by them; a reader gets the same text.
pub fn to_text(report: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(report).unwrap_or_default();
    let mut out = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // Line ends are those between the lines: in a string the writer has escaped them.
        if !is_hidden(c) || c == '\n' {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    // The start of a workflow command in GitHub's older syntax.
    out.replace("##[", "##\\u005b") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_read_back() {
        let text = "\u{9b}31m\u{202e}\u{2028}\u{7f}\u{e0041}\u{1b}\n##[warning]x";
        let json = to_text(&[text]);
        assert!(!json.contains(|c: char| is_hidden(c) && c != '\n'), "{json:?}");
        assert!(!json.contains("##["), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
    }
}
