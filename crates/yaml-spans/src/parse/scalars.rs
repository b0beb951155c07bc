//! Scalars and aliases, by the rules of the dialect.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::Dialect;
use super::alias::{resolve_tagged, to_json_number};
use super::builder::{Builder, Collection, LimitExceeded};
use super::entries::{Key, KeyKind};
use super::error::{ParseError, ScalarKind};
use super::extent;
use super::lookalike::check_plain;
use super::mistake::find_broken_list;
use crate::node::{Node, Value};
use crate::scalar::{resolve_kubectl, resolve_strict};
use crate::truncate::truncate;

/// The value of a plain scalar without a tag; a number as it is written.
pub(super) fn resolve_plain(text: &str, dialect: Dialect) -> Result<Value, ParseError> {
    let value = match dialect {
        Dialect::Strict => {
            check_plain(text)?;
            resolve_strict(text)
        }
        Dialect::Kubectl => resolve_kubectl(text),
    };
    value.map_err(|doubt| ParseError::doubtful(text, doubt))
}

impl Builder<'_> {
    pub(super) fn add_scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<String>,
        bytes: Range<usize>,
    ) -> Result<(), LimitExceeded> {
        let is_plain = style == ScalarStyle::Plain;
        // The parser reports `~` for a scalar that is not written.
        let text = if is_plain && bytes.is_empty() { "" } else { text };
        if self.open.is_empty() && text.is_empty() && is_plain && tag.is_none() && anchor == 0 {
            return Ok(());
        }
        if self.dialect == Dialect::Strict {
            self.check_lines(style, &bytes);
        }
        if is_plain && tag.is_none() && text == "<<" && self.expects_key() {
            return self.add_merge_key(anchor, &bytes);
        }
        match self.resolve(text, style, tag.as_deref()) {
            Ok(value) => {
                let node = Node { span: Some(self.span(bytes.start, bytes.end)), value };
                self.store_anchor(anchor, &node)?;
                self.add_node(node);
            }
            Err(error) => self.refuse_node(error, &bytes),
        }
        Ok(())
    }

    /// Adds the key `<<`.
    fn add_merge_key(&mut self, anchor: usize, bytes: &Range<usize>) -> Result<(), LimitExceeded> {
        if self.dialect == Dialect::Strict {
            self.refuse_node(ParseError::MergeKey, bytes);
            return Ok(());
        }
        let span = self.span(bytes.start, bytes.end);
        let node = Node { span: Some(span), value: Value::String("<<".to_owned()) };
        self.store_anchor(anchor, &node)?;
        self.set_key(Key { kind: KeyKind::Merge, span });
        Ok(())
    }

    fn resolve(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&str>,
    ) -> Result<Value, ParseError> {
        let value = match tag {
            Some(tag) => resolve_tagged(text, tag),
            None if style != ScalarStyle::Plain => return Ok(Value::String(text.to_owned())),
            None => resolve_plain(text, self.dialect),
        };
        match value? {
            Value::Float(number) if self.dialect == Dialect::Kubectl && !self.expects_key() => {
                Ok(to_json_number(number))
            }
            value => Ok(value),
        }
    }

    /// Checks the lines of a scalar in [`Dialect::Strict`]: a plain or quoted one must not continue on
    /// the next line, so that no interpolation can continue it; a block scalar must not end with the
    /// text.
    fn check_lines(&mut self, style: ScalarStyle, bytes: &Range<usize>) {
        let written = self.text.get(bytes.clone()).unwrap_or("");
        let has_lines = written.contains(['\n', '\r']);
        if has_lines
            && style == ScalarStyle::Plain
            && let Some((error, range)) = find_broken_list(written)
        {
            return self.refuse(error, bytes.start + range.start, bytes.start + range.end);
        }
        let error = match style {
            ScalarStyle::Plain if has_lines => ParseError::MultiLine(ScalarKind::Plain),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if has_lines => {
                ParseError::MultiLine(ScalarKind::Quoted)
            }
            _ if extent::is_cut_short(self.text, written, style, bytes.end) => {
                return self.refuse(ParseError::NoLineEnd, bytes.end, bytes.end);
            }
            _ => return,
        };
        self.refuse(error, bytes.start, bytes.end);
    }

    pub(super) fn expand_alias(
        &mut self,
        id: Option<usize>,
        bytes: Range<usize>,
    ) -> Result<(), LimitExceeded> {
        let name = truncate(self.text.get(bytes.clone()).unwrap_or(""));
        let expanded = match (self.dialect, id) {
            (Dialect::Strict, _) => Err(ParseError::Alias(name)),
            (Dialect::Kubectl, None) => Err(ParseError::UnknownAnchor(name)),
            (Dialect::Kubectl, Some(id)) => {
                let depth = self.open.len();
                self.anchors.expand(id, depth).unwrap_or(Err(ParseError::AliasInItself(name)))
            }
        };
        match expanded {
            Ok((node, nodes)) => {
                self.count_nodes(nodes)?;
                self.add_node(node);
                Ok(())
            }
            Err(error) => {
                let is_limit = matches!(error, ParseError::AliasesTooLarge | ParseError::TooDeep);
                self.refuse_node(error, &bytes);
                if is_limit { Err(LimitExceeded) } else { Ok(()) }
            }
        }
    }

    /// Records an error and adds a node in place of the refused one.
    fn refuse_node(&mut self, error: ParseError, bytes: &Range<usize>) {
        self.refuse(error, bytes.start, bytes.end);
        let span = self.span(bytes.start, bytes.end);
        if self.expects_key() {
            self.set_key(Key { kind: KeyKind::Refused, span });
        } else {
            self.add_node(Node { span: Some(span), value: Value::Null });
        }
    }

    pub(super) fn store_anchor(&mut self, anchor: usize, node: &Node) -> Result<(), LimitExceeded> {
        if anchor == 0 || self.dialect == Dialect::Strict {
            return Ok(());
        }
        let nodes = self.anchors.insert(anchor, node);
        self.count_nodes(nodes)
    }

    fn expects_key(&self) -> bool {
        let collection = self.open.last().map(|frame| &frame.collection);
        matches!(collection, Some(Collection::Mapping { key: None, .. }))
    }
}
