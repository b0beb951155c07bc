//! The one form of CEL that is understood: `!(request.namespace in ['a', 'b'])`, alone or as one of
//! several conditions joined by `&&`.

use std::ops::Range;

/// A list of names in an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List {
    /// The names, in order.
    pub items: Vec<Item>,
    /// The byte after `[`.
    pub open: usize,
}

/// A string of a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub text: String,
    pub quote: char,
    /// The bytes of the literal, quotes included.
    pub range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A name with its dots: `request.namespace`.
    Path(String),
    Text(Item),
    /// Any other character; `&&` and `||` are two.
    Sign(char),
}

/// What names the namespace of the object in a MutatingPolicy.
const SUBJECTS: [&str; 2] = ["request.namespace", "object.metadata.namespace"];

/// The lists of an expression whose members are left out; none if it is not understood or has none.
pub(super) fn excluded_lists(expression: &str) -> Option<Vec<List>> {
    let tokens = tokens(expression)?;
    let lists: Vec<List> = conjuncts(&tokens)?.into_iter().filter_map(list_of).collect();
    (!lists.is_empty()).then_some(lists)
}

/// The parts that `&&` joins at the top; none where `||` or `?` stands there, or brackets do not
/// close.
fn conjuncts(tokens: &[(Token, usize)]) -> Option<Vec<&[(Token, usize)]>> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    let sign = |at: usize| match tokens.get(at) {
        Some((Token::Sign(sign), _)) => Some(*sign),
        _ => None,
    };
    for at in 0..tokens.len() {
        match sign(at) {
            Some('(' | '[' | '{') => depth += 1,
            Some(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            Some('|' | '?') if depth == 0 => return None,
            Some('&') if depth == 0 && sign(at + 1) == Some('&') => {
                parts.push(&tokens[start..at]);
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    (depth == 0).then_some(parts)
}

/// `!(SUBJECT in [...])`, as a whole.
fn list_of(tokens: &[(Token, usize)]) -> Option<List> {
    let sign = |at: usize, wanted: char| tokens.get(at).is_some_and(|t| t.0 == Token::Sign(wanted));
    let path = |at: usize| match tokens.get(at) {
        Some((Token::Path(path), _)) => Some(path.as_str()),
        _ => None,
    };
    let opens = sign(0, '!') && sign(1, '(') && path(3) == Some("in") && sign(4, '[');
    if !opens || !SUBJECTS.contains(&path(2)?) {
        return None;
    }
    let open = tokens[4].1;
    let mut items = Vec::new();
    let mut at = 5;
    while !sign(at, ']') {
        match tokens.get(at) {
            Some((Token::Text(item), _)) => items.push(item.clone()),
            _ => return None,
        }
        at += 1;
        match sign(at, ',') {
            true => at += 1,
            false if sign(at, ']') => {}
            false => return None,
        }
    }
    let ends = sign(at + 1, ')') && at + 2 == tokens.len();
    ends.then_some(List { items, open })
}

/// The tokens, each with the byte after it; none where a string has an escape or is not closed.
fn tokens(text: &str) -> Option<Vec<(Token, usize)>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if c == '\'' || c == '"' {
            let length = rest[1..].find(c)?;
            let body = &rest[1..=length];
            // Escapes, strings over several lines and `'''` are not understood.
            if body.contains(['\\', '\n']) || rest[length + 2..].starts_with(c) {
                return None;
            }
            let range = at..at + length + 2;
            at = range.end;
            tokens.push((Token::Text(Item { text: body.to_owned(), quote: c, range }), at));
        } else if c.is_alphanumeric() || c == '_' {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            at += length;
            // `r'...'` is a raw string.
            if text[at..].starts_with(['\'', '"']) {
                return None;
            }
            tokens.push((Token::Path(rest[..length].to_owned()), at));
        } else {
            at += c.len_utf8();
            tokens.push((Token::Sign(c), at));
        }
    }
    Some(tokens)
}

/// What a CEL mutation sets a field of the Pod's `spec` to, if it says so once and literally:
/// `key: "text"` in an apply configuration, `path: "/spec/key", value: "text"` in a JSON patch.
pub(super) fn assigned(expression: &str, key: &str) -> Option<String> {
    let tokens: Vec<Token> = tokens(expression)?.into_iter().map(|(token, _)| token).collect();
    let pointer = format!("/spec/{key}");
    let is_name = |token: &Token, name: &str| match token {
        Token::Path(path) => path == name,
        Token::Text(item) => item.text == name,
        Token::Sign(_) => false,
    };
    let mut found = None;
    for at in 0..tokens.len() {
        let value = match &tokens[at..] {
            [name, Token::Sign(':'), value, ..] if is_name(name, key) => value,
            [Token::Text(path), Token::Sign(','), name, Token::Sign(':'), value, ..]
                if path.text == pointer && is_name(name, "value") =>
            {
                value
            }
            _ => continue,
        };
        let value = match value {
            Token::Text(item) => item.text.clone(),
            Token::Path(number) if number.bytes().all(|b| b.is_ascii_digit()) => number.clone(),
            _ => return None,
        };
        if found.replace(value).is_some() {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(expression: &str) -> Option<Vec<Vec<String>>> {
        let texts = |list: &List| list.items.iter().map(|item| item.text.clone()).collect();
        Some(excluded_lists(expression)?.iter().map(texts).collect())
    }

    #[test]
    fn a_negated_list_is_understood() {
        for expression in [
            "!(request.namespace in ['a', \"b\"])",
            " ! ( object.metadata.namespace in\n  ['a', // first\n   'b',] ) ",
            "has(object.spec) && !(request.namespace in ['a', 'b'])",
            "(x || y) && !(object.metadata.namespace in ['a', 'b']) && z ",
        ] {
            assert_eq!(names(expression), Some(vec![vec!["a".into(), "b".into()]]), "{expression}");
        }
        assert_eq!(names("!(request.namespace in [])"), Some(vec![vec![]]));
        assert_eq!(
            names("!(request.namespace in ['a']) && !(request.namespace in ['b'])"),
            Some(vec![vec!["a".into()], vec!["b".into()]])
        );
    }

    #[test]
    fn anything_else_is_not() {
        for expression in [
            "request.namespace in ['a']",
            "request.namespace != 'a'",
            "!(request.namespace in ['a']) || x",
            "x ? !(request.namespace in ['a']) : y",
            "!(request.namespace in ['a'] && x)",
            "!(request.namespace in variables.excluded)",
            "!(request.namespace in ['a'] + variables.more)",
            "!(request.namespace in ['a\\'b'])",
            "!(request.namespace in [r'a'])",
            "!(request.namespace in ['''a'''])",
            "!(request.name in ['a'])",
            // Null where Kyverno does not know the namespace: the condition fails then.
            "!(namespaceObject.metadata.name in ['a'])",
            "!(request.namespace in ['a'",
            "!(request.namespace in ['a', x])",
            "!(request.namespace in ['a' 'b'])",
            "",
        ] {
            assert_eq!(excluded_lists(expression), None, "{expression}");
        }
    }

    #[test]
    fn a_value_is_found_where_it_stands_once() {
        let text = "Object{spec: Object.spec{priorityClassName: \"gpu\", priority: 1200000}}";
        assert_eq!(assigned(text, "priorityClassName").as_deref(), Some("gpu"));
        assert_eq!(assigned(text, "priority").as_deref(), Some("1200000"));
        assert_eq!(assigned(text, "other"), None);
        let text = "[JSONPatch{op: 'add', path: '/spec/priorityClassName', value: 'gpu'}]";
        assert_eq!(assigned(text, "priorityClassName").as_deref(), Some("gpu"));
        assert_eq!(assigned("a{k: x}", "k"), None);
        assert_eq!(assigned("a{k: 'x'} : b{k: 'y'}", "k"), None);
    }
}
