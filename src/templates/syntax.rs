//! The rules of templates, checked when they are loaded: an interpolation is a whole YAML scalar, and
//! only `if` and `for` exist.
//!
//! Lines are checked with tags masked, so that the rules apply to the resulting YAML.

use std::ops::Range;

use yaml_spans::diagnostic::Hint;
use yaml_spans::{find_conflicts, suggest, truncate};

/// The tags that exist. Any tag that captures text (`set` blocks, `filter`, macros) would send it through
/// the formatter twice.
const TAGS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor"];
/// The tags that open a block.
const BLOCKS: [&str; 2] = ["if", "for"];
/// The ends of blocks in other languages, with those of templates.
const FOREIGN_TAGS: &[(&str, &str)] = &[
    ("end", "a block ends with `{% endif %}` or `{% endfor %}`"),
    ("fi", "write `{% endif %}`"),
    ("done", "write `{% endfor %}`"),
    ("next", "write `{% endfor %}`"),
    ("range", "write `{% for item in list %}`, and `{% endfor %}` at its end"),
];
/// The words that open an action in Go's templates, and so in Helm's.
const GO_ACTIONS: &[&str] =
    &["if", "else", "end", "range", "with", "include", "template", "define", "block"];
/// The names that begin a path in Helm's templates.
const HELM_ROOTS: &[&str] = &[".Values.", ".Release.", ".Chart.", ".Capabilities.", ".Files."];
/// The most joins (`~`) in one expression: each text can be as long as the values.
const MAX_JOINS: usize = 8;
/// The most commas in one expression: a list is compared as a whole, for little fuel.
const MAX_COMMAS: usize = 1_000;
/// The deepest nesting of loops.
const MAX_LOOP_DEPTH: usize = 4;

/// A rule that a template breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// An interpolation is a part of a scalar.
    #[error(
        "invalid interpolation: expected a whole scalar after its key or dash, `key: {{{{ 'pre-' ~ x }}}}` \
         and not `key: pre-{{{{ x }}}}`"
    )]
    Part,
    /// An interpolation in a block scalar.
    #[error(
        "invalid interpolation in a block scalar: make the text in the values, or with a filter"
    )]
    InBlock,
    /// An interpolation or a tag over several lines.
    #[error("a tag or an interpolation must be on one line: `{0}` is missing on it")]
    Lines(&'static str),
    /// An action of Go's templates, as in Helm's charts.
    #[error("`{0}` is the syntax of Helm's charts, not of these templates")]
    Helm(String),
    /// A tag that does not exist.
    #[error("the tag `{0}` does not exist in templates: only `if` and `for` do")]
    Tag(String),
    /// A tag, comment or interpolation without an end.
    #[error("`{0}` is not closed")]
    Open(&'static str),
    /// A block without an end.
    #[error("the block is never closed: `{{% end{0} %}}` is missing")]
    Block(&'static str),
    /// An end without a block.
    #[error("`{0}` closes no block")]
    End(String),
    /// The markers of a merge that Git could not finish.
    #[error("unresolved merge conflict: `{marker}`: {fix}")]
    Conflict {
        /// The first marker.
        marker: String,
        /// Advice on how to resolve it.
        fix: String,
    },
    /// An expression that could grow without limit.
    #[error("{0}")]
    Growth(&'static str),
}

impl SyntaxError {
    /// Advice on what to write instead.
    pub(super) fn hint(&self) -> Option<Hint> {
        match self {
            SyntaxError::Tag(word) => {
                let foreign = FOREIGN_TAGS.iter().find(|(name, _)| name == word);
                let near = || suggest(word, TAGS.iter().copied());
                match foreign {
                    Some((_, advice)) => Some((*advice).into()),
                    None => near().map(|near| Hint::Suggestion(near.into())),
                }
            }
            SyntaxError::Helm(_) => Some(
                "write `key: {{ server.name }}` for a value, and `{% if service %}` … `{% endif %}` for a condition"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// Returns every rule that a text breaks, with the bytes that break it.
pub(super) fn check_template(text: &str) -> Vec<(SyntaxError, Range<usize>)> {
    let conflicts = find_conflicts(text);
    if !conflicts.is_empty() {
        return conflicts
            .iter()
            .map(|conflict| {
                let marker = truncate(text.get(conflict.first()).unwrap_or_default());
                (SyntaxError::Conflict { marker, fix: conflict.fix() }, conflict.first())
            })
            .collect();
    }
    let mut pieces = match split_pieces(text) {
        Ok(pieces) => pieces,
        Err(error) => return vec![error],
    };
    // Everything else in such a file is a consequence.
    if let Some(piece) = pieces.iter().find(|piece| is_helm(piece, text)) {
        let action = truncate(&text[piece.range.clone()]);
        return vec![(SyntaxError::Helm(action), piece.range.clone())];
    }
    let mut errors = Vec::new();
    let mut loops: usize = 0;
    for piece in &pieces {
        let inner = piece.inner(text);
        let mut report = |error| errors.push((error, piece.range.clone()));
        match piece.kind {
            Kind::Comment => continue,
            _ if inner.contains('\n') => report(SyntaxError::Lines(piece.kind.close())),
            Kind::Expression => {}
            Kind::Tag => {
                let word = inner.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                let word = word.unwrap_or("");
                if !TAGS.contains(&word) {
                    report(SyntaxError::Tag(word.to_owned()));
                }
                loops = match word {
                    "for" => loops + 1,
                    "endfor" => loops.saturating_sub(1),
                    _ => loops,
                };
                if loops > MAX_LOOP_DEPTH {
                    report(SyntaxError::Growth("loops can nest at most 4 deep"));
                }
                let plain = without_strings(inner);
                if word == "for" && plain.contains('~') {
                    report(SyntaxError::Growth(
                        "a loop iterates over a value, not over joined text",
                    ));
                }
                if plain.split(|c: char| !c.is_alphanumeric()).any(|word| word == "recursive") {
                    report(SyntaxError::Growth("a loop can't be recursive"));
                }
            }
        }
        let plain = without_strings(inner);
        if plain.contains('*') {
            report(SyntaxError::Growth("templates can't multiply"));
        }
        if plain.matches('~').count() > MAX_JOINS {
            report(SyntaxError::Growth("an expression can join at most 9 texts"));
        }
        if plain.matches(',').count() > MAX_COMMAS {
            report(SyntaxError::Growth("an expression can list at most 1000 items"));
        }
    }
    // A tag that is misspelt, or a piece that ends on a later line, hides the tags that close blocks.
    let hides_tags =
        |error: &SyntaxError| matches!(error, SyntaxError::Tag(_) | SyntaxError::Lines(_));
    if !errors.iter().any(|(error, _)| hides_tags(error)) {
        errors.extend(find_unclosed_block(text, &pieces));
        pieces.retain(|piece| piece.kind == Kind::Expression);
        errors.extend(check_lines(text, &pieces));
    }
    errors.sort_by_key(|(_, range)| range.start);
    errors
}

/// Returns true if a piece is an action of Go's templates: `{{ .Values.a }}`, `{{ if … }}`, `{{ end }}`.
fn is_helm(piece: &Piece, text: &str) -> bool {
    let plain = without_strings(piece.inner(text));
    let first = plain.split(|c: char| c.is_whitespace()).next().unwrap_or("");
    let is_action = piece.kind == Kind::Expression && GO_ACTIONS.contains(&first);
    let names_root = plain
        .split(|c: char| c.is_whitespace() || c == '(' || c == '$')
        .any(|word| HELM_ROOTS.iter().any(|root| word.starts_with(root)));
    is_action || (piece.kind != Kind::Comment && names_root)
}

/// Finds the first block without an end, or the first end without a block.
fn find_unclosed_block(text: &str, pieces: &[Piece]) -> Option<(SyntaxError, Range<usize>)> {
    let mut open: Vec<(&'static str, Range<usize>)> = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.kind == Kind::Tag) {
        let inner = piece.inner(text);
        let word = inner.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
        if let Some(block) = BLOCKS.into_iter().find(|block| *block == word) {
            open.push((block, piece.range.clone()));
        } else if let Some(ended) = word.strip_prefix("end") {
            match open.pop() {
                Some((block, _)) if block == ended => {}
                Some((block, range)) => return Some((SyntaxError::Block(block), range)),
                None => return Some((SyntaxError::End(word.to_owned()), piece.range.clone())),
            }
        }
    }
    open.pop().map(|(block, range)| (SyntaxError::Block(block), range))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Expression,
    Tag,
    Comment,
}

impl Kind {
    /// The delimiter at the end of a piece.
    fn close(self) -> &'static str {
        DELIMITERS.iter().find(|(.., kind)| *kind == self).map_or("", |(_, close, _)| close)
    }
}

#[derive(Debug)]
struct Piece {
    kind: Kind,
    range: Range<usize>,
}

impl Piece {
    /// The text between the delimiters, without the marks that trim.
    fn inner<'a>(&self, text: &'a str) -> &'a str {
        let inner = &text[self.range.start + 2..self.range.end - 2];
        let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
        inner.strip_suffix(['-', '+']).unwrap_or(inner).trim()
    }
}

const DELIMITERS: &[(&str, &str, Kind)] =
    &[("{{", "}}", Kind::Expression), ("{%", "%}", Kind::Tag), ("{#", "#}", Kind::Comment)];

fn split_pieces(text: &str) -> Result<Vec<Piece>, (SyntaxError, Range<usize>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find('{') {
        let start = at + offset;
        let rest = &text[start..];
        let Some((open, close, kind)) = DELIMITERS.iter().find(|(open, ..)| rest.starts_with(open))
        else {
            at = start + 1;
            continue;
        };
        let end = match kind {
            Kind::Comment => rest[2..].find(close).map(|end| end + 2),
            _ => find_close(rest, close),
        };
        let end = end.ok_or((SyntaxError::Open(open), start..start + 2))?;
        at = start + end + 2;
        pieces.push(Piece { kind: *kind, range: start..at });
    }
    Ok(pieces)
}

/// The position of the first closing delimiter that is not in a string.
fn find_close(text: &str, close: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, _) if bytes[at..].starts_with(close.as_bytes()) => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// An expression without its string literals.
fn without_strings(expression: &str) -> String {
    let mut plain = String::with_capacity(expression.len());
    let mut quote = None;
    let mut escaped = false;
    for c in expression.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => plain.push(c),
        }
    }
    plain
}

/// The placeholder for an interpolation in a masked line.
const PLACEHOLDER: char = '\u{2}';

/// Checks that every line with an interpolation has the shape `- key: {{ value }}`.
fn check_lines(text: &str, expressions: &[Piece]) -> Vec<(SyntaxError, Range<usize>)> {
    let mut errors = Vec::new();
    let mut block: Option<usize> = None;
    let mut offset = 0;
    let mut next = expressions.iter().peekable();
    for raw in text.split_inclusive('\n') {
        let range = offset..offset + raw.len();
        offset = range.end;
        let mut here = Vec::new();
        while let Some(piece) = next.next_if(|piece| piece.range.start < range.end) {
            here.push(piece);
        }
        let line = mask_line(raw, range.start, &here);
        let line = line.trim_end();
        if line.trim_start().is_empty() {
            continue;
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let in_block = block.is_some_and(|column| indent > column);
        if !in_block {
            block = block_column(line);
        }
        let error = match here.as_slice() {
            [] => None,
            _ if in_block => Some(SyntaxError::InBlock),
            _ if has_whole_interpolation(line) => None,
            _ => Some(SyntaxError::Part),
        };
        if let (Some(error), Some(first)) = (error, here.first()) {
            errors.push((error, first.range.clone()));
        }
    }
    errors
}

/// Returns a line without its tags and comments, and with a placeholder for each interpolation.
fn mask_line(raw: &str, start: usize, expressions: &[&Piece]) -> String {
    let mut line = String::with_capacity(raw.len());
    let mut at = 0;
    for piece in expressions {
        let from = piece.range.start.saturating_sub(start).min(raw.len());
        let to = piece.range.end.saturating_sub(start).min(raw.len());
        line.push_str(&raw[at.min(from)..from]);
        line.push(PLACEHOLDER);
        at = to;
    }
    line.push_str(&raw[at..]);
    strip_tags(&line)
}

fn strip_tags(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("{%").or_else(|| rest.find("{#")) {
        let close = if rest[start..].starts_with("{%") { "%}" } else { "#}" };
        kept.push_str(&rest[..start]);
        match rest[start..].find(close) {
            Some(end) => rest = &rest[start + end + 2..],
            None => rest = "",
        }
    }
    kept.push_str(rest);
    kept
}

/// The column that a block scalar's lines must be indented beyond, if this line begins one.
fn block_column(line: &str) -> Option<usize> {
    let content = line.split(" #").next().unwrap_or(line).trim_end();
    let head = content.trim_end_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
    let before = head.strip_suffix(['|', '>'])?;
    before.ends_with([' ']).then(|| {
        let column = line.len() - after_dashes(line).len();
        if before.trim_end().ends_with(':') { column } else { column.saturating_sub(2) }
    })
}

fn after_dashes(line: &str) -> &str {
    let mut rest = line.trim_start_matches(' ');
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start_matches(' ');
    }
    rest
}

fn is_plain_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_./-".contains(c)
}

/// Returns true if a masked line is `key: V`, `- V`, `- key: V`, `V: V` or `V: text`, where V is an
/// interpolation.
fn has_whole_interpolation(line: &str) -> bool {
    let content = after_dashes(line);
    let has_dash = content.len() < line.trim_start_matches(' ').len();
    if content == PLACEHOLDER.to_string() {
        return has_dash;
    }
    let Some((key, value)) = content.split_once(':') else { return false };
    let quoted = key
        .strip_prefix('"')
        .and_then(|key| key.strip_suffix('"'))
        .is_some_and(|key| !key.contains(['"', '\\', PLACEHOLDER]));
    let key_is_value = key == PLACEHOLDER.to_string();
    let key_ok = key_is_value || quoted || (!key.is_empty() && key.chars().all(is_plain_key_char));
    let Some(value) = value.strip_prefix(' ').or_else(|| value.is_empty().then_some("")) else {
        return false;
    };
    let value = value.trim();
    key_ok && (value == PLACEHOLDER.to_string() || (key_is_value && !value.contains(PLACEHOLDER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_error(text: &str) -> Option<SyntaxError> {
        check_template(text).into_iter().next().map(|(error, _)| error)
    }

    #[test]
    fn a_whole_scalar_may_be_interpolated() {
        for text in [
            "a: {{ x }}\n",
            "- {{ x }}\n",
            "  - - {{ x }}\n",
            "- a: {{ x }}",
            "\"a b\": {{ x }}\n",
            "{{ k }}: {{ v }}\n",
            "{{ k }}: fixed\n",
            "{{ k }}:\n  a: 1\n",
            "{% if x %}a: {{ x }}{% endif %}\n",
            "a: {{ '}}' ~ x }}\n",
            "a: |\n  text {% if x %}more{% endif %}\nb: {{ x }}\n",
            "- a: |\n    text\n  b: {{ x }}\n",
            "- |\n  text\n- {{ x }}\n",
        ] {
            assert_eq!(first_error(text), None, "{text}");
        }
    }

    #[test]
    fn a_part_of_a_scalar_may_not() {
        for text in [
            "a: pre-{{ x }}\n",
            "a: {{ x }}-post\n",
            "a: \"{{ x }}\"\n",
            "a: '{{ x }}'\n",
            "a: {{ x }}{{ y }}\n",
            "a: {{ x }} {{ y }}\n",
            "a: {{ x }} # comment\n",
            "a: [{{ x }}]\n",
            "a: {b: {{ x }}}\n",
            "a: &x {{ x }}\n",
            "a: !!str {{ x }}\n",
            "{{ x }}\n",
            "  {{ x }}\n",
            "pre{{ k }}: 1\n",
            "a:{{ x }}\n",
            "# {{ x }}\n",
            "-{{ x }}\n",
            "? {{ x }}\n",
            "a: {% if x %}{{ x }}{% else %}{{ y }}{% endif %}\n",
            "%YAML {{ x }}\n",
            "--- {{ x }}\n",
        ] {
            assert_eq!(first_error(text), Some(SyntaxError::Part), "{text}");
        }
    }

    #[test]
    fn nothing_is_interpolated_into_a_block_scalar() {
        for text in [
            "a: |\n  {{ x }}\n",
            "a: >-\n  text\n\n  k: {{ x }}\n",
            "a: |2 # comment\n  - {{ x }}\n",
            "- |\n  k: {{ x }}\n",
            "- a: |-\n    k: {{ x }}\n",
        ] {
            assert_eq!(first_error(text), Some(SyntaxError::InBlock), "{text}");
        }
    }

    #[test]
    fn only_if_and_for_exist() {
        for tag in ["set x = 1", "filter upper", "macro m()", "include 'a'", "raw", "with x = 1"] {
            let text = format!("{{% {tag} %}}\n");
            assert!(matches!(first_error(&text), Some(SyntaxError::Tag(_))), "{text}");
        }
    }

    #[test]
    fn unbounded_growth_is_refused() {
        for text in [
            "a: {{ x * 1000000 }}\n",
            "a: {{ x ~ x ~ x ~ x ~ x ~ x ~ x ~ x ~ x ~ x }}\n",
            "{% for a in [x ~ x] %}{% endfor %}",
            "{% for a in x recursive %}{% endfor %}",
            "{% for a in x %}{% for b in x %}{% for c in x %}{% for d in x %}{% for e in x %}",
        ] {
            assert!(matches!(first_error(text), Some(SyntaxError::Growth(_))), "{text}");
        }
    }

    #[test]
    fn an_unclosed_block_is_refused_where_it_opens() {
        for (text, error, at) in [
            ("a: 1\n{% if x %}\nb: 1\n", SyntaxError::Block("if"), "{% if x %}"),
            (
                "{% for a in x %}\n{% if a %}\n{% endfor %}\n",
                SyntaxError::Block("if"),
                "{% if a %}",
            ),
            (
                "{% for a in x %}\n{% if a %}{% endif %}",
                SyntaxError::Block("for"),
                "{% for a in x %}",
            ),
            ("a: 1\n{%- endif %}\n", SyntaxError::End("endif".to_owned()), "{%- endif %}"),
        ] {
            let found = check_template(text);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((&found[0].0, &text[found[0].1.clone()]), (&error, at));
        }
    }

    #[test]
    fn a_merge_conflict_is_the_only_error() {
        let text =
            "{% if a %}\n<<<<<<< HEAD\n{% if b %}\n=======\n{% if c %}\n>>>>>>> x\n{% endif %}\n";
        let [(error, range)] = &check_template(text)[..] else { panic!("one error") };
        assert_eq!(*range, 11..23);
        assert_eq!(
            error.to_string(),
            "unresolved merge conflict: `<<<<<<< HEAD`: keep one of the versions, and delete the lines 2, 4 and 6"
        );
    }

    #[test]
    fn unclosed_delimiters_are_refused() {
        assert_eq!(first_error("a: {{ x\n"), Some(SyntaxError::Open("{{")));
        assert_eq!(first_error("a: {{ '}}' \n"), Some(SyntaxError::Open("{{")));
        assert_eq!(first_error("{# comment\n"), Some(SyntaxError::Open("{#")));
    }
}
