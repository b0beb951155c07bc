//! The mistake behind a syntax error, in words and at its own place.
//!
//! In: the parser's error, which is at the byte where the text can't continue. Out: the quote or bracket
//! that is never closed, the key without a colon, the line with the wrong indentation: often earlier.

use std::ops::Range;

use granit_parser::ErrorKind;

use super::error::ParseError;
use super::lookalike::find_space;
use crate::truncate::truncate;

/// A text as far as the parser has read it.
pub(super) struct Progress<'a> {
    pub(super) text: &'a str,
    /// The byte of the parser's error.
    pub(super) at: usize,
    /// The byte after the last scalar or bracket that was read.
    pub(super) last_end: usize,
    /// The innermost list or map in brackets that is still open.
    pub(super) open_bracket: Option<usize>,
    /// The number of the line with a byte, as a person is shown it.
    pub(super) line_number: &'a dyn Fn(usize) -> u32,
}

/// A mistake with its bytes.
pub(super) type Mistake = (ParseError, Range<usize>);

/// A line with more than blanks and a comment, outside block scalars.
struct Line<'a> {
    start: usize,
    /// Without blanks at both ends.
    content: &'a str,
    indent: usize,
}

/// A block that is open: its column and the last line that began there.
struct Level {
    column: usize,
    is_item: bool,
    line: usize,
}

/// The lines up to the one of an error.
struct Layout<'a> {
    /// The blocks that are open before the line, from the outside in.
    levels: Vec<Level>,
    previous: Option<Line<'a>>,
    /// The line with the error.
    line: Line<'a>,
}

impl Progress<'_> {
    /// Finds the mistake; `None` if the parser's own error says enough.
    pub(super) fn find_mistake(&self, kind: &ErrorKind) -> Option<Mistake> {
        let start = self.error_line();
        if let Some((error, range)) =
            self.text.get(start..self.line_end(start)).and_then(find_space)
        {
            return Some((error, start + range.start..start + range.end));
        }
        match kind {
            ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
                Some(unclosed_quote(self.at))
            }
            ErrorKind::InvalidTrailingSingleQuotedScalar => self.text_after_quote('\''),
            ErrorKind::InvalidTrailingDoubleQuotedScalar => self.text_after_quote('"'),
            ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::InvalidColonPlacement
            | ErrorKind::BlockEntryInFlowCollection
            | ErrorKind::InvalidFlowScalarIndent => self.unclosed_bracket(),
            ErrorKind::SimpleKeyExpected => self.missing_colon(self.at),
            ErrorKind::CommentInterceptedScalar => self.comment_in_scalar(),
            ErrorKind::MappingValueNotAllowed => self.misplaced_colon(),
            ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::ExpectedDocumentStart => self.misplaced_line(),
            _ => None,
        }
    }

    /// The first byte of the line of the parser's error.
    pub(super) fn error_line(&self) -> usize {
        line_start(self.text, self.at)
    }

    /// Text after a quote that closes: the quote was opened on another line, or closes too early.
    fn text_after_quote(&self, quote: char) -> Option<Mistake> {
        let between = self.text.get(self.last_end..self.at)?;
        let start = self.last_end + between.find(quote)?;
        if self.text.get(start..self.at)?.contains('\n') {
            return Some(unclosed_quote(start));
        }
        let cure = match quote {
            '"' => "write `\\\"` for a quote in the text, or quote the whole value",
            _ => "write `''` for a quote in the text, or quote the whole value",
        };
        let message = format!("there is text after the closing `{quote}`");
        Some((ParseError::syntax(message, cure), self.at..self.line_end(self.at)))
    }

    /// The innermost open bracket, if nothing closes it before its block ends.
    fn unclosed_bracket(&self) -> Option<Mistake> {
        let start = self.open_bracket?;
        let open = self.text.get(start..)?.chars().next().filter(|char| "[{".contains(*char))?;
        if closes_in_block(self.text, start) {
            return None;
        }
        let close = if open == '[' { ']' } else { '}' };
        let message = format!("the `{open}` is never closed");
        let cure = format!("close it with `{close}`");
        Some((ParseError::syntax(message, cure), start..start + 1))
    }

    /// A line of a map that is not `key: value`.
    fn missing_colon(&self, at: usize) -> Option<Mistake> {
        let end = self.line_end(at);
        let text = strip_comment(self.text.get(at..end)?);
        let end = at + text.len();
        let is_key = |word: &str| {
            !word.is_empty()
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c))
        };
        let (message, cure) = match (text.split_once(':'), text.split_once(' ')) {
            (Some((key, value)), _) if is_key(key) && !value.starts_with("//") => (
                format!("a space is missing after the `:` of `{}`", truncate(key)),
                format!("write `{}`", truncate(&format!("{key}: {value}"))),
            ),
            (_, Some((key, value))) if is_key(key) => (
                format!("a `:` is missing after the key `{}`", truncate(key)),
                format!("write `{}`", truncate(&format!("{key}: {}", value.trim_start()))),
            ),
            (_, None) if is_key(text) => (
                format!("a `:` is missing after the key `{}`", truncate(text)),
                format!("write `{}:`; text of the value above is indented further", truncate(text)),
            ),
            _ => (
                "a line of a map must be `key: value`".to_owned(),
                "text of the value above is indented further than its key".to_owned(),
            ),
        };
        Some((ParseError::syntax(message, cure), at..end))
    }

    /// A comment in a plain scalar of several lines: its first line is not `key: value`, or the next line
    /// is indented too far.
    fn comment_in_scalar(&self) -> Option<Mistake> {
        let start = self.error_line();
        let line = self.text.get(start..self.at)?.trim_start();
        let content = after_dashes(line);
        if content.is_empty() {
            return None;
        }
        if !has_key(content) {
            return self.missing_colon(self.at - content.len());
        }
        let message = "the value goes on after its comment".to_owned();
        let cure = "write the value on one line, or indent the next line less";
        Some((ParseError::syntax(message, cure), self.at..self.line_end(self.at)))
    }

    /// A `:` where no key can be: in a value, or in a line that seems to continue the one before.
    fn misplaced_colon(&self) -> Option<Mistake> {
        let Layout { levels, previous, line } = self.layout()?;
        let start = line.start + line.indent;
        let before = self.text.get(start..self.at)?;
        if has_key(before) {
            let message = "a value without quotes can't contain `: `".to_owned();
            let cure = "quote the value; a key of its own goes on the next line";
            return Some((ParseError::syntax(message, cure), self.at..self.at + 1));
        }
        let previous = previous?;
        if let Some(mistake) = missing_dash_space(&previous) {
            return Some(mistake);
        }
        if has_key(previous.content) {
            return Some(self.wrong_indent(&line, &levels));
        }
        let key = previous.start + previous.indent;
        let item = previous.content.len() - after_dashes(previous.content).len();
        self.missing_colon(key + item)
    }

    /// A line that belongs to no open block, or to one of the other kind.
    fn misplaced_line(&self) -> Option<Mistake> {
        let Layout { levels, previous, line } = self.layout()?;
        if let Some(mistake) = previous.as_ref().and_then(missing_dash_space) {
            return Some(mistake);
        }
        let start = line.start + line.indent;
        let is_item = is_item(line.content);
        let before = self.text.get(start..self.at).unwrap_or("");
        if !before.chars().all(|char| char == '-' || char == ' ') {
            if let Some(mistake) = self.unquoted_star(start, before) {
                return Some(mistake);
            }
            let message = "there is text after the end of the value".to_owned();
            let range = self.at..self.line_end(self.at);
            return Some((ParseError::syntax(message, "quote the whole value"), range));
        }
        let Some(level) = levels.iter().rfind(|level| level.column == line.indent) else {
            return Some(self.wrong_indent(&line, &levels));
        };
        let number = (self.line_number)(level.line);
        let (message, cure) = match (is_item, level.is_item) {
            (true, false) => (
                "a list item, where a key is expected",
                format!("line {number} has a key in the same column: put the list below a key"),
            ),
            (false, true) => (
                "a key, where a list item is expected",
                format!(
                    "line {number} has a `-` in the same column: indent the line, or start it with `- `"
                ),
            ),
            _ => return None,
        };
        let end = self.line_end(start);
        Some((ParseError::syntax(message.to_owned(), cure), start..end))
    }

    /// A value that begins with `*`, such as a schedule: YAML reads its first word as an alias.
    fn unquoted_star(&self, start: usize, before: &str) -> Option<Mistake> {
        let value =
            before.find(": ").map(|at| at + 2).or_else(|| before.find("- ").map(|at| at + 2))?;
        let at = start + value + before.get(value..)?.find(|char| char != ' ')?;
        let end = self.line_end(at);
        let text = strip_comment(self.text.get(at..end)?);
        if !text.starts_with('*') {
            return None;
        }
        let message = "a value that begins with `*` must be quoted".to_owned();
        let cure = format!("write `\"{}\"`", truncate(text));
        Some((ParseError::syntax(message, cure), at..at + text.len()))
    }

    /// A line whose indentation is that of no open block.
    fn wrong_indent(&self, line: &Line<'_>, levels: &[Level]) -> Mistake {
        let outer = levels.iter().rfind(|level| level.column < line.indent);
        let inner = levels.iter().find(|level| level.column > line.indent);
        let count_of = |column: usize| match column {
            1 => "1 space".to_owned(),
            count => format!("{count} spaces"),
        };
        let number_of = |level: &Level| (self.line_number)(level.line);
        let indent_as = |level: &Level| {
            format!("indent it with {} as line {}", count_of(level.column), number_of(level))
        };
        let (line_start, indent, cure) = match (outer, inner) {
            (Some(outer), Some(inner)) => {
                let cure = indent_as(outer);
                let cure = format!("{cure}, or with {} as line {}", inner.column, number_of(inner));
                (line.start, line.indent, cure)
            }
            (Some(outer), None) => (line.start, line.indent, indent_as(outer)),
            // The document's first lines are indented, and this one is not.
            (None, Some(inner)) => {
                let own = Level { column: line.indent, is_item: false, line: line.start };
                (line_start(self.text, inner.line), inner.column, indent_as(&own))
            }
            (None, None) => {
                (line.start, line.indent, "indent it as the lines around it".to_owned())
            }
        };
        let message = format!("wrong indentation: {}", count_of(indent));
        let start = line_start + indent;
        (ParseError::syntax(message, cure), start..self.line_end(start))
    }

    /// Reads the lines of the document up to the one of the error.
    fn layout(&self) -> Option<Layout<'_>> {
        let error_line = self.error_line();
        let mut levels: Vec<Level> = Vec::new();
        let mut previous: Option<Line<'_>> = None;
        let mut block_scalar: Option<usize> = None;
        let mut offset = 0;
        for raw in self.text.split_inclusive('\n') {
            let start = offset;
            offset += raw.len();
            let content = raw.trim();
            let indent = raw.len() - raw.trim_start_matches(' ').len();
            if start == error_line {
                return Some(Layout { levels, previous, line: Line { start, content, indent } });
            }
            if content.is_empty() || block_scalar.is_some_and(|column| indent > column) {
                // The text's own indentation is a level for the lines that are meant to belong to it.
                if !content.is_empty() && levels.last().is_none_or(|level| level.column < indent) {
                    levels.push(Level { column: indent, is_item: false, line: start });
                }
                continue;
            }
            if content.starts_with('#') {
                continue;
            }
            if raw.starts_with("---") || raw.starts_with("...") {
                (levels, previous, block_scalar) = (Vec::new(), None, None);
                continue;
            }
            enter_line(&mut levels, start, indent, content);
            let column = levels.last().map_or(indent, |level| level.column);
            block_scalar = begins_block_scalar(content).then_some(column);
            previous = Some(Line { start, content, indent });
        }
        None
    }

    /// The end of the line with a byte, without blanks.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or("");
        at + rest.lines().next().unwrap_or("").trim_end().len()
    }
}

/// The line `-key: value` before one that can't follow it.
fn missing_dash_space(line: &Line<'_>) -> Option<Mistake> {
    let rest = line.content.strip_prefix('-')?;
    if !has_key(rest) || !rest.starts_with(|char: char| char.is_ascii_alphabetic()) {
        return None;
    }
    let start = line.start + line.indent;
    Some((missing_item_space(rest), start..start + line.content.len()))
}

fn missing_item_space(text: &str) -> ParseError {
    let cure = format!("write `- {}`", truncate(text));
    ParseError::syntax("a space is missing after the `-` of a list item".to_owned(), cure)
}

/// Finds the list that a plain scalar of several lines was meant to be.
pub(super) fn find_broken_list(written: &str) -> Option<Mistake> {
    let mut lines = written.split_inclusive('\n');
    let first = lines.next()?;
    let second = lines.next()?;
    let item = second.trim();
    if let Some(text) = first.strip_prefix('-').filter(|_| item.starts_with('-')) {
        return Some((missing_item_space(text.trim()), 0..1));
    }
    if !is_item(item) {
        return None;
    }
    let start = first.len() + second.len() - second.trim_start().len();
    let message =
        "wrong indentation: the list item belongs to the text of the line before".to_owned();
    let cure = "indent it as the other items of its list";
    Some((ParseError::syntax(message, cure), start..start + item.len()))
}

fn unclosed_quote(start: usize) -> Mistake {
    let message = "the quote is never closed".to_owned();
    (ParseError::syntax(message, "close it on this line"), start..start + 1)
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// Closes the blocks that a line is not part of, and opens those that it begins.
fn enter_line(levels: &mut Vec<Level>, line: usize, indent: usize, content: &str) {
    let mut column = indent;
    let mut rest = content;
    loop {
        let is_item = is_item(rest);
        // A list may be in the column of its key.
        levels.retain(|level| {
            level.column < column || (level.column == column && (is_item || !level.is_item))
        });
        match levels.last_mut() {
            Some(level) if level.column == column && level.is_item == is_item => level.line = line,
            _ if is_item || has_key(rest) => levels.push(Level { column, is_item, line }),
            _ => {}
        }
        let Some(inner) = rest.strip_prefix('-').filter(|_| is_item) else { return };
        let inner = inner.trim_start();
        if inner.is_empty() {
            return;
        }
        column += rest.len() - inner.len();
        rest = inner;
    }
}

fn is_item(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

fn after_dashes(content: &str) -> &str {
    let mut rest = content;
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    rest
}

/// Returns true if a line's content has a key.
fn has_key(content: &str) -> bool {
    let content = strip_comment(content);
    content.ends_with(':') || content.contains(": ")
}

fn strip_comment(content: &str) -> &str {
    content.find(" #").and_then(|at| content.get(..at)).unwrap_or(content).trim_end()
}

/// Returns true if the text of a line goes on in the lines below it, after `|` or `>`.
fn begins_block_scalar(content: &str) -> bool {
    let content = strip_comment(content);
    let header = content.trim_end_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
    header.strip_suffix(['|', '>']).is_some_and(|before| before.is_empty() || before.ends_with(' '))
}

/// Returns true if a bracket is closed before the first line that is not indented further than its own.
fn closes_in_block(text: &str, start: usize) -> bool {
    let first = line_start(text, start);
    let indent_of = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let own = indent_of(text.get(first..start).unwrap_or(""));
    let mut depth = 0_usize;
    let mut quote = None;
    for (number, line) in text.get(start..).unwrap_or("").split('\n').enumerate() {
        let content = line.trim();
        let is_outside = !content.is_empty() && indent_of(line) <= own;
        if number > 0 && is_outside && !content.starts_with([']', '}']) {
            return false;
        }
        let mut after_space = true;
        for char in line.chars() {
            match (quote, char) {
                (Some(open), _) if char == open => quote = None,
                (Some(_), _) => {}
                (None, '#') if after_space => break,
                (None, '"' | '\'') => quote = Some(char),
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') if depth == 1 => return true,
                (None, ']' | '}') => depth -= 1,
                _ => {}
            }
            after_space = char.is_whitespace();
        }
    }
    false
}
