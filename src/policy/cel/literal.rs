//! Reads the object or the list of patches that a CEL mutation writes out.

use super::{Token, tokenize};

/// A value that an expression writes out.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Literal {
    /// `Object.spec{key: value}` or `{"key": value}`.
    Object(Vec<(String, Literal)>),
    /// `[value, value]`.
    List(Vec<Literal>),
    /// A string.
    Text(String),
    /// A number without a sign.
    Number(String),
    /// Anything that is computed.
    Computed,
}

impl Literal {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&Literal> {
        match self {
            Literal::Object(fields) => {
                fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Literal::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns true if any part is computed.
    pub fn has_computed(&self) -> bool {
        match self {
            Literal::Object(fields) => fields.iter().any(|(_, value)| value.has_computed()),
            Literal::List(items) => items.iter().any(Literal::has_computed),
            Literal::Text(_) | Literal::Number(_) => false,
            Literal::Computed => true,
        }
    }
}

/// Reads an expression. It is [`Literal::Computed`] as a whole if its outermost value is.
pub(in super::super) fn read_literal(expression: &str) -> Literal {
    let Some(tokens) = tokenize(expression) else {
        return Literal::Computed;
    };
    let tokens: Vec<Token> = tokens.into_iter().map(|(token, _)| token).collect();
    let mut reader = Reader { tokens: &tokens, at: 0 };
    match reader.value() {
        Some(value) if reader.at == tokens.len() => value,
        _ => Literal::Computed,
    }
}

/// Returns true if a computed expression may give a Pod's `spec` a priority: it names one, takes it
/// from elsewhere, or computes a part that holds it or the path of a patch.
pub(in super::super) fn may_set_priority(expression: &str) -> bool {
    const ELSEWHERE: [&str; 6] = ["variables", "resource", "params", "http", "global", "json"];
    let Some(tokens) = tokenize(expression) else {
        return true;
    };
    let tokens: Vec<Token> = tokens.into_iter().map(|(token, _)| token).collect();
    let names_priority = tokens.iter().any(|token| match token {
        Token::Path(text) => {
            let elsewhere = ELSEWHERE.iter().any(|name| text.starts_with(name));
            elsewhere || text.contains("riority")
        }
        Token::Text(item) => item.text.contains("riority"),
        Token::Sign(_) => false,
    });
    names_priority || tokens.windows(3).any(computes_part)
}

fn computes_part(tokens: &[Token]) -> bool {
    let [Token::Path(key) | Token::Text(super::Item { text: key, .. }), Token::Sign(':'), value] =
        tokens
    else {
        return false;
    };
    match key.as_str() {
        "spec" | "template" | "jobTemplate" => {
            !matches!(value, Token::Path(path) if path.starts_with("Object"))
        }
        "path" | "from" => true,
        _ => false,
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    fn sign(&self) -> Option<char> {
        match self.tokens.get(self.at) {
            Some(Token::Sign(sign)) => Some(*sign),
            _ => None,
        }
    }

    /// A value, up to the comma or bracket after it. None if a bracket is missing.
    fn value(&mut self) -> Option<Literal> {
        let start = self.at;
        let value = match self.tokens.get(self.at)? {
            Token::Text(item) => {
                self.at += 1;
                Literal::Text(item.text.clone())
            }
            Token::Path(name) => {
                self.at += 1;
                if self.sign() == Some('{') {
                    self.object()
                } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
                    Literal::Number(name.clone())
                } else {
                    Literal::Computed
                }
            }
            Token::Sign('{') => self.object(),
            Token::Sign('[') => self.list(),
            Token::Sign(_) => Literal::Computed,
        };
        let ends = self.at == self.tokens.len() || matches!(self.sign(), Some(',' | '}' | ']'));
        if ends && value != Literal::Computed {
            return Some(value);
        }
        self.at = start;
        self.skip_value()?;
        Some(Literal::Computed)
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        while self.at < self.tokens.len() {
            match self.sign() {
                Some(',' | '}' | ']' | ')') if depth == 0 => return Some(()),
                Some('(' | '[' | '{') => depth += 1,
                Some(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        (depth == 0).then_some(())
    }

    fn object(&mut self) -> Literal {
        let mut fields: Vec<(String, Literal)> = Vec::new();
        self.at += 1;
        while self.sign() != Some('}') {
            let key = match self.tokens.get(self.at) {
                Some(Token::Path(key)) => key.clone(),
                Some(Token::Text(item)) => item.text.clone(),
                _ => return Literal::Computed,
            };
            self.at += 1;
            if self.sign() != Some(':') || fields.iter().any(|(other, _)| *other == key) {
                return Literal::Computed;
            }
            self.at += 1;
            let Some(value) = self.value() else {
                return Literal::Computed;
            };
            fields.push((key, value));
            if !self.next_item('}') {
                return Literal::Computed;
            }
        }
        self.at += 1;
        Literal::Object(fields)
    }

    fn list(&mut self) -> Literal {
        let mut items = Vec::new();
        self.at += 1;
        while self.sign() != Some(']') {
            let Some(value) = self.value() else {
                return Literal::Computed;
            };
            items.push(value);
            if !self.next_item(']') {
                return Literal::Computed;
            }
        }
        self.at += 1;
        Literal::List(items)
    }

    /// Skips a comma. Returns false if neither a comma nor the closing bracket is next.
    fn next_item(&mut self, close: char) -> bool {
        if self.sign() == Some(',') {
            self.at += 1;
            return true;
        }
        self.sign() == Some(close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_values_are_read_and_computed_ones_are_not() {
        let value = read_literal(
            "Object{spec: Object.spec{priorityClassName: \"gpu\", priority: 12, nodeName: f(a, b)}}",
        );
        let spec = value.field("spec").unwrap();
        assert_eq!(spec.field("priorityClassName").and_then(Literal::text), Some("gpu"));
        assert_eq!(spec.field("priority"), Some(&Literal::Number("12".to_owned())));
        assert_eq!(spec.field("nodeName"), Some(&Literal::Computed));
        assert!(value.has_computed());
        let patches = read_literal("[JSONPatch{op: 'add', path: '/a' + '/b', value: 'x'},]");
        let Literal::List(patches) = patches else { panic!("a list") };
        assert_eq!(patches[0].field("op").and_then(Literal::text), Some("add"));
        assert_eq!(patches[0].field("path"), Some(&Literal::Computed));
        for text in [
            "a ? Object{} : Object{}",
            "Object{spec: Object.spec{a: 1}",
            "Object{?spec: x}",
            "Object{a: 1, a: 2}",
            "'a\\'b'",
            "",
        ] {
            assert_eq!(read_literal(text), Literal::Computed, "{text}");
        }
    }

    #[test]
    fn a_computed_expression_may_set_a_priority() {
        for (text, expected) in [
            ("a ? Object{spec: Object.spec{hostPID: false}} : Object{}", false),
            ("a ? Object{spec: Object.spec{priority: 1}} : Object{}", true),
            ("a ? Object{spec: variables.x} : Object{}", true),
            ("a ? Object{spec: x} : Object{}", true),
            ("a ? [JSONPatch{op: 'add', path: x, value: 'y'}] : []", true),
            ("'a\\'b'", true),
        ] {
            assert_eq!(may_set_priority(text), expected, "{text}");
        }
    }
}
