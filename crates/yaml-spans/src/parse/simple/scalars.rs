//! Scalars of the simple form: plain, quoted, and blocks.

use std::borrow::Cow;
use std::ops::Range;

use super::Reader;
use crate::node::{Node, Value};
use crate::parse::Dialect;
use crate::parse::alias::to_json_number;
use crate::parse::scalars::resolve_plain;

/// True for the bytes at which a plain scalar outside brackets may end, or be refused.
static MAY_END_PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    table[b'\n' as usize] = true;
    table[b'\t' as usize] = true;
    table[b'#' as usize] = true;
    table[b':' as usize] = true;
    table
};

impl Reader<'_> {
    /// The text of a plain key.
    pub(super) fn resolve_name(&self, bytes: Range<usize>) -> Option<String> {
        match resolve_plain(self.text.get(bytes)?, self.dialect) {
            Ok(Value::String(name)) if name != "<<" => Some(name),
            _ => None,
        }
    }

    /// The end of the plain scalar outside brackets that begins here, and whether it is a key.
    pub(super) fn find_plain_end(&self) -> Option<(usize, bool)> {
        match self.byte(self.at)? {
            b'-' | b'?' | b':' if self.is_gap(self.at + 1) => return None,
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\''
            | b'"' | b'%' | b'@' | b'`' | b' ' | b'\t' | b'\n' => return None,
            _ => {}
        }
        let rest = &self.text.as_bytes()[self.at..];
        let mut at = 1;
        loop {
            at += rest[at..].iter().take_while(|byte| !MAY_END_PLAIN[**byte as usize]).count();
            let is_after_space = rest[at - 1] == b' ';
            match rest.get(at) {
                None | Some(b'\n') => break,
                Some(b'\t') => return None,
                Some(b'#') if is_after_space => break,
                // A space before the colon is left to the other reader.
                Some(b':') if self.is_gap(self.at + at + 1) => {
                    return (!is_after_space).then_some((self.at + at, true));
                }
                Some(_) => at += 1,
            }
        }
        Some((self.at + rest[..at].trim_ascii_end().len(), false))
    }

    /// The plain scalar until `end`.
    pub(super) fn read_plain(&mut self, end: usize) -> Option<Node> {
        let bytes = self.at..end;
        let value = match resolve_plain(self.text.get(bytes.clone())?, self.dialect).ok()? {
            Value::Float(number) if self.dialect == Dialect::Kubectl => to_json_number(number),
            value => value,
        };
        self.at = end;
        self.add_scalar(value, bytes)
    }

    pub(super) fn add_scalar(&mut self, value: Value, bytes: Range<usize>) -> Option<Node> {
        self.count_node()?;
        self.last_end = bytes.end;
        Some(Node { span: Some(self.span(bytes)), value })
    }

    pub(super) fn read_quoted_node(&mut self) -> Option<Node> {
        let start = self.at;
        let text = self.read_quoted()?.into_owned();
        self.add_scalar(Value::String(text), start..self.at)
    }

    /// A quoted text on one line.
    pub(super) fn read_quoted(&mut self) -> Option<Cow<'_, str>> {
        let quote = self.byte(self.at)?;
        let start = self.at + 1;
        let mut text = Cow::Borrowed("");
        let mut from = start;
        let mut at = start;
        loop {
            match self.byte(at)? {
                b'\n' => return None,
                b'\\' if quote == b'"' => {
                    let char = match self.byte(at + 1)? {
                        char @ (b'"' | b'\\' | b'/') => char as char,
                        b'n' => '\n',
                        b't' => '\t',
                        b'r' => '\r',
                        _ => return None,
                    };
                    let text = text.to_mut();
                    text.push_str(self.text.get(from..at)?);
                    text.push(char);
                    at += 2;
                    from = at;
                }
                b'\'' if quote == b'\'' && self.byte(at + 1) == Some(b'\'') => {
                    text.to_mut().push_str(self.text.get(from..=at)?);
                    at += 2;
                    from = at;
                }
                byte if byte == quote => break,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        let last = self.text.get(from..at)?;
        if from == start {
            return Some(Cow::Borrowed(last));
        }
        text.to_mut().push_str(last);
        Some(text)
    }

    /// A literal block, or a folded one without empty lines, of the list or map at `indent`.
    pub(super) fn read_block_scalar(&mut self, indent: usize) -> Option<Node> {
        let start = self.at;
        let is_folded = self.byte(start) == Some(b'>');
        self.at += 1;
        let is_stripped = self.byte(self.at) == Some(b'-');
        self.at += usize::from(is_stripped);
        if self.byte(self.at) != Some(b'\n') {
            return None;
        }
        self.at += 1;
        let margin = self.text.as_bytes()[self.at..].iter().position(|byte| *byte != b' ')?;
        if margin <= indent || self.byte(self.at + margin) == Some(b'\n') {
            return None;
        }
        // The value gets its exact size, as it may be kept.
        let mut text = std::mem::take(&mut self.block);
        text.clear();
        let mut end = self.at;
        let mut empty_lines = 0;
        loop {
            let line = self.at;
            let spaces = self.skip_spaces();
            match self.byte(self.at) {
                Some(b'\n') if spaces == 0 => {
                    self.at += 1;
                    empty_lines += 1;
                    continue;
                }
                // A line of spaces alone.
                Some(b'\n') => return None,
                Some(_) if spaces >= margin => {}
                // Spaces at the end of the text.
                None if spaces > 0 => return None,
                _ => {
                    self.at = line;
                    break;
                }
            }
            if is_folded && (spaces > margin || empty_lines > 0) {
                return None;
            }
            if !text.is_empty() {
                text.push(if is_folded { ' ' } else { '\n' });
                text.extend(std::iter::repeat_n('\n', empty_lines));
            }
            empty_lines = 0;
            self.skip_to_line_end();
            end = self.at;
            let content = self.text.get(line + margin..end)?;
            if content.starts_with('\t') && (is_folded || content.trim_ascii().is_empty()) {
                return None;
            }
            text.push_str(content);
            self.byte(self.at)?;
            self.at += 1;
        }
        if !is_stripped {
            text.push('\n');
        }
        let end = start + self.text.get(start..end)?.trim_end().len();
        let node = self.add_scalar(Value::String(text.as_str().to_owned()), start..end)?;
        self.block = text;
        self.find_content()?;
        Some(node)
    }
}
