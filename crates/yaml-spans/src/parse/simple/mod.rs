//! The simple form of YAML, read without granit-parser.
//!
//! In: a source's text. Out: its documents, or nothing if the text is not of the simple form or has an error. Then
//! granit-parser reads it, and finds the error: every message comes from there.
//!
//! The form is what templates, this program's writer and most people write: block maps and lists, one scalar a line
//! (plain, or quoted with the common escapes), lists and maps in brackets on one line, literal blocks, folded blocks
//! without empty lines, comments, `---`. Whatever is not clearly of this form is left to granit-parser: an anchor, a tag, a
//! plain scalar on two lines, a tab for indentation.
//!
//! It is a second reader of the same language, for speed alone: with it, parsing takes a quarter of the instructions, and
//! `generate` of one stack a quarter less (callgrind: 15.6 million in place of 21.5). With debug assertions, so in every
//! test and fuzz target, its documents and their places are compared with those of granit-parser.

mod flow;
mod scalars;

use std::ops::Range;

use super::Dialect;
use super::chars::{check_chars, find_suspicious};
use crate::limits::{MAX_DEPTH, MAX_NODES};
use crate::node::{Entry, Mapping, Node, Value, mapping_with_capacity};
use crate::source::{SourceId, Span};

/// granit-parser refuses a key of more than 1,024 characters.
const MAX_KEY_BYTES: usize = 1000;

/// Reads all documents of a text of the simple form.
pub(super) fn read_documents(text: &str, source: SourceId, dialect: Dialect) -> Option<Vec<Node>> {
    if !has_simple_chars(text, dialect) {
        return None;
    }
    let mut reader = Reader {
        text,
        source,
        dialect,
        at: 0,
        indent: None,
        last_end: 0,
        depth: 0,
        nodes: 0,
        items: Vec::new(),
        entries: Vec::new(),
        block: String::new(),
    };
    reader.read_documents()
}

/// Returns true if no character is refused, and none ends a line or begins a text but for `\n`.
fn has_simple_chars(text: &str, dialect: Dialect) -> bool {
    let Some(first) = find_suspicious(text.as_bytes()) else { return true };
    let mut is_simple = !text.as_bytes()[first..].contains(&b'\r') && !text.contains('\u{feff}');
    check_chars(text, dialect, |_, _, _| is_simple = false);
    is_simple
}

struct Reader<'a> {
    text: &'a str,
    source: SourceId,
    dialect: Dialect,
    /// The byte that is read next.
    at: usize,
    /// The indentation of the line that `at` is on, after [`Reader::find_content`]; none at the end of a document.
    indent: Option<usize>,
    /// The byte after the last scalar or bracket: the end of every block that ends here.
    last_end: usize,
    /// The number of open lists and maps.
    depth: usize,
    nodes: usize,
    /// The items of all open lists. Each list is made with its exact size when it is closed.
    items: Vec<Node>,
    /// The entries of all open maps.
    entries: Vec<(Name, Node)>,
    /// The room in which the text of a block is put together.
    block: String,
}

/// A key with its place.
type Name = (String, Span);

/// Each method reads from `at` on. None is the end of the attempt.
impl Reader<'_> {
    fn read_documents(&mut self) -> Option<Vec<Node>> {
        let mut documents = Vec::new();
        self.find_content()?;
        loop {
            match self.indent {
                Some(0) => documents.push(self.read_block(0)?),
                Some(_) => return None,
                None => {}
            }
            if self.indent.is_some() {
                return None;
            }
            if self.at == self.text.len() {
                return Some(documents);
            }
            self.at += "---".len();
            self.end_line()?;
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Returns true if a space, a line end or the end of the text is at a byte.
    fn is_gap(&self, at: usize) -> bool {
        matches!(self.byte(at), None | Some(b' ' | b'\n'))
    }

    fn is_dash(&self) -> bool {
        self.byte(self.at) == Some(b'-') && self.byte(self.at + 1) == Some(b' ')
    }

    /// Skips spaces; returns their number.
    fn skip_spaces(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        // Eight at once: a deep line begins with many.
        let eights = rest.chunks_exact(8).take_while(|chunk| *chunk == b"        ").count() * 8;
        let spaces = eights + rest[eights..].iter().take_while(|byte| **byte == b' ').count();
        self.at += spaces;
        spaces
    }

    fn skip_to_line_end(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    /// Skips the rest of a line, which must be empty or a comment, and goes on to the next content.
    fn end_line(&mut self) -> Option<()> {
        let spaces = self.skip_spaces();
        match self.byte(self.at) {
            None => {}
            Some(b'\n') => self.at += 1,
            Some(b'#') if spaces > 0 => self.skip_to_line_end(),
            Some(_) => return None,
        }
        self.find_content()
    }

    /// Goes on from the start of a line to the first byte that is neither blank nor in a comment, and sets `indent`.
    fn find_content(&mut self) -> Option<()> {
        loop {
            let indent = self.skip_spaces();
            match self.byte(self.at) {
                None => {
                    self.indent = None;
                    return Some(());
                }
                Some(b'\n') => self.at += 1,
                Some(b'#') => self.skip_to_line_end(),
                Some(_) => {
                    let rest = &self.text[self.at..];
                    let is_end = indent == 0 && rest.starts_with("---");
                    if indent == 0 && rest.starts_with("...")
                        || is_end && !matches!(self.byte(self.at + 3), None | Some(b'\n'))
                    {
                        return None;
                    }
                    self.indent = (!is_end).then_some(indent);
                    return Some(());
                }
            }
        }
    }

    fn span(&self, bytes: Range<usize>) -> Span {
        Span::new(self.source, bytes.start as u32, bytes.end as u32)
    }

    fn count_node(&mut self) -> Option<()> {
        self.nodes += 1;
        (self.nodes <= MAX_NODES).then_some(())
    }

    fn open(&mut self) -> Option<()> {
        self.depth += 1;
        self.count_node()?;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    /// Ends the innermost list or map at `last_end`.
    fn close(&mut self, start: usize, value: Value) -> Node {
        self.depth -= 1;
        Node { span: Some(self.span(start..self.last_end)), value }
    }

    /// The block list or map at an indentation.
    fn read_block(&mut self, indent: usize) -> Option<Node> {
        if self.is_dash() {
            return self.read_list(indent);
        }
        let key = self.read_key()?;
        self.read_map(key, indent)
    }

    fn read_list(&mut self, indent: usize) -> Option<Node> {
        self.open()?;
        let (start, first) = (self.at, self.items.len());
        while self.indent == Some(indent) && self.is_dash() || self.at == start {
            let dash = self.at;
            self.at += 1;
            self.skip_spaces();
            let item = self.read_item(indent, indent + self.at - dash)?;
            self.items.push(item);
        }
        let items = self.items.split_off(first);
        Some(self.close(start, Value::Sequence(items)))
    }

    /// The item of a list at `indent`; the item itself is at `column`.
    fn read_item(&mut self, indent: usize, column: usize) -> Option<Node> {
        if self.is_dash() {
            return self.read_list(column);
        }
        let start = self.at;
        if let Some(key) = self.read_key() {
            return self.read_map(key, column);
        }
        self.at = start;
        self.read_inline(indent)
    }

    /// The map whose first key has been read.
    fn read_map(&mut self, key: Name, indent: usize) -> Option<Node> {
        self.open()?;
        let (start, first) = (key.1.start as usize, self.entries.len());
        let mut next = Some(key);
        while let Some(key) = next {
            let value = self.read_value(indent)?;
            self.entries.push((key, value));
            next = match self.indent {
                Some(column) if column > indent => return None,
                Some(column) if column == indent => Some(self.read_key()?),
                _ => None,
            };
        }
        let map = self.take_map(first)?;
        Some(self.close(start, Value::Mapping(map)))
    }

    /// Makes a map of the entries from `first` on.
    fn take_map(&mut self, first: usize) -> Option<Mapping> {
        let mut map = mapping_with_capacity(self.entries.len() - first);
        for ((name, span), node) in self.entries.drain(first..) {
            if map.insert(name, Entry { key_span: Some(span), node }).is_some() {
                return None;
            }
        }
        Some(map)
    }

    /// The value of a key of the map at `indent`.
    fn read_value(&mut self, indent: usize) -> Option<Node> {
        let colon = self.at;
        self.skip_spaces();
        if !matches!(self.byte(self.at), None | Some(b'\n' | b'#')) {
            return self.read_inline(indent);
        }
        self.at = colon;
        self.end_line()?;
        match self.indent {
            Some(column) if column > indent => self.read_block(column),
            Some(column) if column == indent && self.is_dash() => self.read_list(column),
            // granit-parser's place of a value that is not written is that of the colon.
            _ => self.add_scalar(Value::Null, colon - 1..colon - 1),
        }
    }

    /// A scalar, or a list or map in brackets, and the rest of its line. `indent` is that of the list or map that it is in.
    fn read_inline(&mut self, indent: usize) -> Option<Node> {
        let node = match self.byte(self.at)? {
            b'|' | b'>' => return self.read_block_scalar(indent),
            b'{' | b'[' => self.read_flow()?,
            b'"' | b'\'' => self.read_quoted_node()?,
            _ => {
                let (end, is_key) = self.find_plain_end()?;
                if is_key {
                    return None;
                }
                self.read_plain(end)?
            }
        };
        self.end_line()?;
        Some(node)
    }

    /// A key outside brackets, with its colon.
    fn read_key(&mut self) -> Option<Name> {
        self.read_name(|reader| {
            let (end, is_key) = reader.find_plain_end()?;
            is_key.then_some(end)
        })
    }

    /// A key with its colon. It is quoted, or plain until the end that `find_end` finds.
    fn read_name(&mut self, find_end: impl Fn(&Self) -> Option<usize>) -> Option<Name> {
        let start = self.at;
        let name = match self.byte(start)? {
            b'"' | b'\'' => self.read_quoted()?.into_owned(),
            _ => {
                self.at = find_end(self)?;
                self.resolve_name(start..self.at)?
            }
        };
        let end = self.at;
        if self.byte(end) != Some(b':') || !self.is_gap(end + 1) || end - start > MAX_KEY_BYTES {
            return None;
        }
        self.at += 1;
        self.count_node()?;
        Some((name, self.span(start..end)))
    }
}
