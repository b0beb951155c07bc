//! Formats values in a template's output.

use std::fmt::Write as _;

use minijinja::value::{Value as Context, ValueKind};
use minijinja::{Error, ErrorKind, Output, State};

use yaml_spans::suggest;

/// The engine's formatter: every value as JSON, so that it is one YAML node and never structure.
pub(super) fn format_value(out: &mut Output, _: &mut State, value: &Context) -> Result<(), Error> {
    write_json(out, value)
}

fn write_json(out: &mut Output, value: &Context) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => refuse("the value is null: guard it with `{% if … %}`"),
        ValueKind::Bool => Ok(write!(out, "{}", value.is_true())?),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) if !number.is_finite() => refuse("expected a finite number"),
            _ => Ok(write!(out, "{value}")?),
        },
        ValueKind::String => match value.as_str() {
            Some(text) => Ok(write_string(out, text)?),
            None => refuse("expected text, not bytes"),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            out.write_char('[')?;
            for (at, item) in value.try_iter()?.enumerate() {
                if at > 0 {
                    out.write_str(", ")?;
                }
                write_json(out, &item)?;
            }
            Ok(out.write_char(']')?)
        }
        ValueKind::Map => {
            out.write_char('{')?;
            for (at, key) in value.try_iter()?.enumerate() {
                if at > 0 {
                    out.write_str(", ")?;
                }
                match key.as_str() {
                    Some(text) => write_string(out, text)?,
                    None => return refuse("expected a map whose keys are text"),
                }
                out.write_str(": ")?;
                write_json(out, &value.get_item(&key)?)?;
            }
            Ok(out.write_char('}')?)
        }
        _ => refuse("a template can't write a value of this kind"),
    }
}

fn refuse(reason: &'static str) -> Result<(), Error> {
    Err(Error::new(ErrorKind::InvalidOperation, reason))
}

/// Writes a JSON string that every YAML reader reads as the same text. Characters that a reader might
/// fold, strip or refuse are escaped; where JSON needs a surrogate pair, YAML's own `\U` is used.
fn write_string(out: &mut Output, text: &str) -> std::fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| needs_escape(*c)) {
        out.write_str(&rest[..at])?;
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\t' => out.write_str("\\t")?,
            '\r' => out.write_str("\\r")?,
            _ if c as u32 <= 0xffff => write!(out, "\\u{:04x}", c as u32)?,
            _ => write!(out, "\\U{:08x}", c as u32)?,
        }
        rest = &rest[at + c.len_utf8()..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

/// Returns true for JSON's quote and backslash, controls, DEL, line and paragraph separators, the byte order mark, marks
/// that turn the direction of text, and code points that are not characters.
fn needs_escape(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, '"' | '\\') || c.is_control();
    }
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{061c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..)
        || c as u32 & 0xfffe == 0xfffe
}

/// Finds the part of an expression that is not defined, and a similar name: `gate.flor`, `floor`.
///
/// The engine only names the whole expression, so its first path is walked to the step that fails.
pub(super) fn find_undefined(expression: &str, context: &Context) -> (String, Option<String>) {
    let path = expression
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
        .find(|word| !word.is_empty());
    let Some(path) = path else { return (expression.to_owned(), None) };
    let mut value = context.clone();
    let mut walked = String::new();
    for step in path.split('.') {
        let _ = write!(walked, "{}{step}", if walked.is_empty() { "" } else { "." });
        match value.get_attr(step) {
            Ok(next) if !next.is_undefined() => value = next,
            _ => {
                let keys: Vec<String> = value
                    .try_iter()
                    .map(|keys| keys.map(|key| key.to_string()).collect())
                    .unwrap_or_default();
                let near = suggest(step, keys.iter().map(String::as_str)).map(str::to_owned);
                return (walked, near);
            }
        }
    }
    (expression.to_owned(), None)
}
