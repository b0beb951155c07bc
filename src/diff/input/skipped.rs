//! Files among the compared ones that are not manifests.
//!
//! Only what no tool would apply is skipped: a document without `apiVersion`, `kind` or a name, and a text
//! that we can't parse and that can't contain one that has them. Everything else that can't be read is an
//! error, so that nobody hides a change by making a file look like something else.

use yaml_spans::{Node, Value, emit, find_conflicts};

/// A file, or the documents in it, that are not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFile {
    /// Its path from the folder that is compared.
    pub path: String,
    /// The reason, as a clause: `it has no kind`.
    pub reason: &'static str,
    /// The text of what is skipped.
    pub content: String,
}

impl SkippedFile {
    /// Skips a whole file.
    pub(super) fn whole(path: &str, reason: &'static str, content: &str) -> Self {
        SkippedFile { path: path.to_owned(), reason, content: content.to_owned() }
    }

    /// Skips one more document of the file.
    pub(super) fn add(&mut self, document: &Node) {
        self.content.push_str(&emit(document));
        self.content.push_str("---\n");
    }
}

/// Returns the reason why a document is not a manifest.
pub(super) fn skip_reason(document: &Node) -> Option<&'static str> {
    let has = |node: Option<&Node>| node.is_some_and(|node| node.value != Value::Null);
    if !has(document.get("apiVersion")) {
        return Some("it has no `apiVersion`");
    }
    if !has(document.get("kind")) {
        return Some("it has no `kind`");
    }
    let metadata = document.get("metadata");
    let named = ["name", "generateName"].iter().any(|key| {
        let name = metadata.and_then(|metadata| metadata.get(key));
        has(name) && name.and_then(Node::as_str) != Some("")
    });
    (!named).then_some("it has no `metadata.name`")
}

/// The ways to write a letter of a key otherwise: an escape in double quotes, a line that continues there,
/// and `!!binary`, whose tag may itself be escaped or abbreviated by `%TAG`.
const DISGUISES: [&str; 7] = ["\\x", "\\u", "\\U", "\\\n", "\\\r", "binary", "%"];

/// Returns false if no reader of YAML finds both `apiVersion` and `kind` in a text, whatever it accepts
/// that we refuse.
pub(super) fn may_be_manifest(text: &str) -> bool {
    let has_both = text.contains("apiVersion") && text.contains("kind");
    // Nobody means a merge conflict.
    has_both
        || !find_conflicts(text).is_empty()
        || DISGUISES.iter().any(|disguise| text.contains(disguise))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_be_a_manifest_if_it_has_both_keys_in_any_spelling() {
        for text in [
            "apiVersion: v1\nkind: ConfigMap\n",
            "\"\\x61piVersion\": v1\nkind: A\n",
            "\"\\u0061piVersion\": v1\nkind: A\n",
            "\"api\\\n  Version\": v1\nkind: A\n",
            "!!binary YXBpVmVyc2lvbg==: v1\nkind: A\n",
            "!!%62inary YXBpVmVyc2lvbg==: v1\nkind: A\n",
            "%TAG !b! tag:yaml.org,2002:bin\n---\n!b!ary YXBpVmVyc2lvbg==: v1\nkind: A\n",
        ] {
            assert!(may_be_manifest(text), "{text}");
        }
        for text in ["a: !env_var B\n", "kind: !x A\n", "light: !secret \"b\"\n", "a: \"\\n\"\n"] {
            assert!(!may_be_manifest(text), "{text}");
        }
    }
}
