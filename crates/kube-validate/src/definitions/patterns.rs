//! The patterns of definitions, each compiled once, when it is needed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex_lite::{Regex, RegexBuilder};

use super::additional_schema;
use super::parts::Schema;

/// The most patterns of all definitions, and the largest compiled one in bytes: compiling is slow.
const MAX_PATTERNS: usize = 5_000;
const MAX_PATTERN: usize = 1 << 16;

/// The longest text that a pattern is matched against, in bytes.
const MAX_TEXT: usize = 4096;

/// Patterns, with what they are compiled to; `None` for one that can't be read here.
#[derive(Debug, Default)]
pub struct Patterns(BTreeMap<String, OnceLock<Option<Regex>>>);

impl Patterns {
    /// Adds the patterns of a schema.
    pub fn add(&mut self, schema: &Schema) {
        if let Some(pattern) = &schema.pattern
            && self.0.len() < MAX_PATTERNS
            && !self.0.contains_key(pattern)
        {
            self.0.insert(pattern.clone(), OnceLock::new());
        }
        let lists = [&schema.all_of, &schema.any_of, &schema.one_of].into_iter().flatten();
        let properties = schema.properties.values().map(Box::as_ref);
        let parts = properties
            .chain(lists)
            .chain(schema.items.as_deref())
            .chain(additional_schema(schema))
            .chain(schema.not.as_deref());
        parts.for_each(|part| self.add(part));
    }

    /// Returns true if a pattern, as Go reads it, matches no part of a text. What is not known is accepted.
    pub fn is_mismatch(&self, pattern: &str, text: &str) -> bool {
        let Some(compiled) = self.0.get(pattern).filter(|_| text.len() <= MAX_TEXT) else {
            return false;
        };
        let compile = || RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build().ok();
        compiled.get_or_init(compile).as_ref().is_some_and(|pattern| !pattern.is_match(text))
    }
}
