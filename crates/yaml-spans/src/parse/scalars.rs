//! Scalars and aliases as the dialect takes them.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::Dialect;
use super::alias::{json_number, tagged_scalar};
use super::builder::{Builder, Frame, Kind, Stop};
use super::entries::Key;
use super::error::ParseError;
use super::extent;
use crate::node::{Node, Value};
use crate::scalar::{resolve_kubectl, resolve_strict};
use crate::show::shorten;

impl Builder<'_> {
    pub(super) fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<String>,
        bytes: Range<usize>,
    ) -> Result<(), Stop> {
        let plain = style == ScalarStyle::Plain;
        // The parser gives `~` for a scalar that is not there.
        let text = if plain && bytes.is_empty() { "" } else { text };
        if self.open.is_empty() && text.is_empty() && plain && tag.is_none() && anchor == 0 {
            return Ok(());
        }
        if self.dialect == Dialect::Strict {
            self.refuse_lines(style, &bytes);
        }
        let merges = plain && tag.is_none() && text == "<<" && self.awaits_key();
        match self.value(text, plain, tag.as_deref(), merges) {
            Ok(value) => {
                let node = Node { span: Some(self.span(bytes.start, bytes.end)), value };
                self.keep_anchor(anchor, &node)?;
                self.complete(node, merges);
            }
            Err(error) => self.refuse_node(error, &bytes),
        }
        Ok(())
    }

    fn value(
        &self,
        text: &str,
        plain: bool,
        tag: Option<&str>,
        merges: bool,
    ) -> Result<Value, ParseError> {
        let doubtful = |doubt| ParseError::Scalar { text: shorten(text), doubt };
        let value = match (tag, self.dialect) {
            (_, Dialect::Strict) if merges => return Err(ParseError::MergeKey),
            _ if merges => return Ok(Value::String(text.to_owned())),
            (Some(tag), _) => tagged_scalar(text, tag)?,
            _ if !plain => return Ok(Value::String(text.to_owned())),
            (None, Dialect::Strict) => return resolve_strict(text).map_err(doubtful),
            (None, Dialect::Kubectl) => resolve_kubectl(text).map_err(doubtful)?,
        };
        match value {
            Value::Float(number) if !self.awaits_key() => Ok(json_number(number)),
            value => Ok(value),
        }
    }

    /// [`Dialect::Strict`]: a scalar in flow style must not go on in the next line, so that no
    /// interpolation can continue one; a block scalar must not end with the text.
    fn refuse_lines(&mut self, style: ScalarStyle, bytes: &Range<usize>) {
        let written = self.text.get(bytes.clone()).unwrap_or("");
        let lines = written.contains(['\n', '\r']);
        let error = match style {
            ScalarStyle::Plain if lines => ParseError::MultiLine("plain"),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if lines => {
                ParseError::MultiLine("quoted")
            }
            _ if extent::is_cut_short(self.text, written, style, bytes.end) => {
                return self.refuse(ParseError::NoLineEnd, bytes.end, bytes.end);
            }
            _ => return,
        };
        self.refuse(error, bytes.start, bytes.end);
    }

    pub(super) fn alias(&mut self, id: Option<usize>, bytes: Range<usize>) -> Result<(), Stop> {
        let name = shorten(self.text.get(bytes.clone()).unwrap_or(""));
        let found = match (self.dialect, id) {
            (Dialect::Strict, _) => Err(ParseError::Alias(name)),
            (Dialect::Kubectl, None) => Err(ParseError::UnknownAnchor(name)),
            (Dialect::Kubectl, Some(id)) => {
                let depth = self.open.len();
                self.anchors.expand(id, depth).unwrap_or(Err(ParseError::AliasInItself(name)))
            }
        };
        match found {
            Ok((node, nodes)) => {
                self.count(nodes)?;
                self.complete(node, false);
                Ok(())
            }
            Err(error) => {
                let bound = matches!(error, ParseError::AliasesTooLarge | ParseError::TooDeep);
                self.refuse_node(error, &bytes);
                if bound { Err(Stop) } else { Ok(()) }
            }
        }
    }

    /// Notes an error and goes on as if a node stood there.
    fn refuse_node(&mut self, error: ParseError, bytes: &Range<usize>) {
        self.refuse(error, bytes.start, bytes.end);
        let span = self.span(bytes.start, bytes.end);
        if self.awaits_key() {
            self.complete_key(Key { name: None, span, merges: false });
        } else {
            self.complete(Node { span: Some(span), value: Value::Null }, false);
        }
    }

    pub(super) fn keep_anchor(&mut self, anchor: usize, node: &Node) -> Result<(), Stop> {
        if anchor == 0 || self.dialect == Dialect::Strict {
            return Ok(());
        }
        let nodes = self.anchors.keep(anchor, node);
        self.count(nodes)
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { kind: Kind::Mapping(_, None), .. }))
    }
}
