//! The forms of CEL that are understood: `!(request.namespace in ['a', 'b'])`, alone or as one of
//! several conditions joined by `&&`, and `request.namespace == 'a'`.

mod condition;
mod literal;

use std::ops::Range;

pub(super) use self::condition::{Facts, condition_holds};
pub(super) use self::literal::{Literal, may_set_priority, read_literal};

/// A list of names in an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List {
    /// The names, in order.
    pub items: Vec<Item>,
    /// The byte after `[`.
    pub open: usize,
}

/// A string literal.
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
    /// Any other character; `&&` and `||` are two tokens.
    Sign(char),
}

/// The expressions for the object's namespace.
const SUBJECTS: [&str; 2] = ["request.namespace", "object.metadata.namespace"];

/// The lists of an expression whose members are excluded. None if there are none, or the expression
/// is not understood.
pub(super) fn excluded_lists(expression: &str) -> Option<Vec<List>> {
    let tokens = tokenize(expression)?;
    let lists: Vec<List> = split_conjuncts(&tokens)?.into_iter().filter_map(negated_list).collect();
    (!lists.is_empty()).then_some(lists)
}

/// The namespace that an expression requires: `request.namespace == 'a'`, as a whole.
pub(super) fn required_namespace(expression: &str) -> Option<String> {
    let tokens: Vec<Token> = tokenize(expression)?.into_iter().map(|(token, _)| token).collect();
    match tokens.as_slice() {
        [Token::Path(path), Token::Sign('='), Token::Sign('='), Token::Text(name)]
            if SUBJECTS.contains(&path.as_str()) =>
        {
            Some(name.text.clone())
        }
        _ => None,
    }
}

/// Returns true if an expression, its excluded lists apart, may depend on the namespace.
pub(super) fn mentions_namespace_elsewhere(expression: &str) -> bool {
    let Some(tokens) = tokenize(expression) else {
        return true;
    };
    let conjuncts = split_conjuncts(&tokens).unwrap_or_else(|| vec![tokens.as_slice()]);
    let rest = conjuncts.into_iter().filter(|conjunct| negated_list(conjunct).is_none());
    rest.flatten().any(|(token, _)| match token {
        Token::Path(text) | Token::Text(Item { text, .. }) => {
            text.contains("namespace") || text.starts_with("variables")
        }
        Token::Sign(_) => false,
    })
}

/// Returns true if an expression may depend on more of the object than its namespace.
pub(super) fn mentions_object(expression: &str) -> bool {
    let Some(tokens) = tokenize(expression) else {
        return true;
    };
    tokens.iter().any(|(token, _)| match token {
        Token::Path(path) => !SUBJECTS.contains(&path.as_str()) && path.starts_with("object"),
        _ => false,
    })
}

/// The parts that `&&` joins at the top level. None if `||` or `?` is there too, or brackets are not
/// closed.
fn split_conjuncts(tokens: &[(Token, usize)]) -> Option<Vec<&[(Token, usize)]>> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for at in 0..tokens.len() {
        match sign_at(tokens, at) {
            Some('(' | '[' | '{') => depth += 1,
            Some(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            Some('|' | '?') if depth == 0 => return None,
            Some('&') if depth == 0 && sign_at(tokens, at + 1) == Some('&') => {
                parts.push(&tokens[start..at]);
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    (depth == 0).then_some(parts)
}

fn sign_at(tokens: &[(Token, usize)], at: usize) -> Option<char> {
    match tokens.get(at) {
        Some((Token::Sign(sign), _)) => Some(*sign),
        _ => None,
    }
}

fn path_at(tokens: &[(Token, usize)], at: usize) -> Option<&str> {
    match tokens.get(at) {
        Some((Token::Path(path), _)) => Some(path.as_str()),
        _ => None,
    }
}

/// Reads `!(SUBJECT in [...])`, as a whole.
fn negated_list(tokens: &[(Token, usize)]) -> Option<List> {
    let opens = sign_at(tokens, 0) == Some('!')
        && sign_at(tokens, 1) == Some('(')
        && path_at(tokens, 3) == Some("in")
        && sign_at(tokens, 4) == Some('[');
    if !opens || !SUBJECTS.contains(&path_at(tokens, 2)?) {
        return None;
    }
    let open = tokens[4].1;
    let mut items = Vec::new();
    let mut at = 5;
    while sign_at(tokens, at) != Some(']') {
        match tokens.get(at) {
            Some((Token::Text(item), _)) => items.push(item.clone()),
            _ => return None,
        }
        at += 1;
        match sign_at(tokens, at) {
            Some(',') => at += 1,
            Some(']') => {}
            _ => return None,
        }
    }
    let ends = sign_at(tokens, at + 1) == Some(')') && at + 2 == tokens.len();
    ends.then_some(List { items, open })
}

/// The tokens, each with the byte after it. None if a string has an escape or is not closed.
fn tokenize(text: &str) -> Option<Vec<(Token, usize)>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded_names(expression: &str) -> Option<Vec<Vec<String>>> {
        let lists = excluded_lists(expression)?.into_iter();
        Some(lists.map(|list| list.items.into_iter().map(|item| item.text).collect()).collect())
    }

    #[test]
    fn a_negated_list_is_understood() {
        for expression in [
            "!(request.namespace in ['a', \"b\"])",
            " ! ( object.metadata.namespace in\n  ['a', // first\n   'b',] ) ",
            "has(object.spec) && !(request.namespace in ['a', 'b'])",
            "(x || y) && !(object.metadata.namespace in ['a', 'b']) && z ",
        ] {
            assert_eq!(
                excluded_names(expression),
                Some(vec![vec!["a".into(), "b".into()]]),
                "{expression}"
            );
        }
        assert_eq!(excluded_names("!(request.namespace in [])"), Some(vec![vec![]]));
        assert_eq!(
            excluded_names("!(request.namespace in ['a']) && !(request.namespace in ['b'])"),
            Some(vec![vec!["a".into()], vec!["b".into()]])
        );
    }

    #[test]
    fn any_other_expression_is_not_understood() {
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
            // Null if Kyverno does not know the namespace: the condition fails then.
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
    fn a_required_namespace_is_the_whole_expression() {
        let required = required_namespace("object.metadata.namespace == 'tts'");
        assert_eq!(required.as_deref(), Some("tts"));
        for expression in ["request.namespace != 'tts'", "request.namespace == 'tts' || x", "x"] {
            assert_eq!(required_namespace(expression), None, "{expression}");
        }
    }

    #[test]
    fn a_namespace_elsewhere_in_the_expression_is_noticed() {
        for (expression, expected) in [
            ("!(request.namespace in ['a'])", false),
            ("has(object.spec) && !(request.namespace in ['a'])", false),
            ("object.spec.containers.exists(c, 'nvidia.com/gpu' in c.resources.limits)", false),
            ("!(request.namespace in ['a']) || x", true),
            ("!(request.namespace in ['a']) && request.namespace != 'b'", true),
            ("object['metadata']['namespace'] != 'b'", true),
            ("variables.excluded", true),
            ("x == 'a\\'b'", true),
        ] {
            assert_eq!(mentions_namespace_elsewhere(expression), expected, "{expression}");
        }
    }
}
