//! Evaluates a CEL condition for a Pod, as far as it is understood.

use super::super::evaluate::Ternary;
use super::{Item, SUBJECTS, Token, tokenize};

/// The known facts about the object that a condition is evaluated for.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Facts<'a> {
    pub namespace: &'a str,
    /// The priority class, if it is known.
    pub class: Option<&'a str>,
    /// The resource that a container has in its limits and requests.
    pub resource: &'a str,
    /// The object may also be updated, so the operation is not known.
    pub has_updates: bool,
}

/// Evaluates a condition. Anything that is not understood is [`Ternary::Unknown`]; an error in one
/// operand of `&&` or `||` does not matter if the other decides, as in CEL.
pub(in super::super) fn condition_holds(expression: &str, facts: &Facts<'_>) -> Ternary {
    let Some(tokens) = tokenize(expression) else {
        return Ternary::Unknown;
    };
    let tokens: Vec<Token> = tokens.into_iter().map(|(token, _)| token).collect();
    evaluate_or(&tokens, facts)
}

fn evaluate_or(tokens: &[Token], facts: &Facts<'_>) -> Ternary {
    let Some(parts) = split_operands(tokens, '|') else {
        return Ternary::Unknown;
    };
    parts.into_iter().map(|part| evaluate_and(part, facts)).max().unwrap_or(Ternary::Unknown)
}

fn evaluate_and(tokens: &[Token], facts: &Facts<'_>) -> Ternary {
    let Some(parts) = split_operands(tokens, '&') else {
        return Ternary::Unknown;
    };
    parts.into_iter().map(|part| evaluate_unary(part, facts)).min().unwrap_or(Ternary::Unknown)
}

fn evaluate_unary(tokens: &[Token], facts: &Facts<'_>) -> Ternary {
    match tokens {
        // `!` binds closer than `in` and `==`, so its operand must be in brackets or a call.
        [Token::Sign('!'), rest @ ..] if is_call(rest) || inside_brackets(rest).is_some() => {
            !evaluate_unary(rest, facts)
        }
        [Token::Sign('!'), ..] => Ternary::Unknown,
        _ => match inside_brackets(tokens) {
            Some(inner) => evaluate_or(inner, facts),
            None => evaluate_atom(tokens, facts),
        },
    }
}

fn evaluate_atom(tokens: &[Token], facts: &Facts<'_>) -> Ternary {
    match tokens {
        [Token::Path(literal)] if literal == "true" => Ternary::Yes,
        [Token::Path(literal)] if literal == "false" => Ternary::No,
        [Token::Path(field), Token::Sign('='), Token::Sign('='), Token::Text(value)]
        | [Token::Text(value), Token::Sign('='), Token::Sign('='), Token::Path(field)] => {
            known_value(field, facts).map_or(Ternary::Unknown, |known| (known == value.text).into())
        }
        [Token::Path(field), Token::Sign('!'), Token::Sign('='), Token::Text(value)]
        | [Token::Text(value), Token::Sign('!'), Token::Sign('='), Token::Path(field)] => {
            known_value(field, facts).map_or(Ternary::Unknown, |known| (known != value.text).into())
        }
        [Token::Path(field), Token::Path(word), list @ ..] if word == "in" => {
            match (known_value(field, facts), text_list(list)) {
                (Some(known), Some(items)) => items.contains(&known).into(),
                _ => Ternary::Unknown,
            }
        }
        [Token::Path(name), Token::Sign('('), Token::Path(field), Token::Sign(')')]
            if name == "has" =>
        {
            has_field(field, facts)
        }
        [
            Token::Path(name),
            Token::Sign('('),
            Token::Path(variable),
            Token::Sign(','),
            body @ ..,
            Token::Sign(')'),
        ] if name == "object.spec.containers.exists" && is_call(tokens) => {
            container_matches(body, variable, facts)
        }
        _ => Ternary::Unknown,
    }
}

fn known_value<'a>(field: &str, facts: &Facts<'a>) -> Option<&'a str> {
    match field {
        _ if SUBJECTS.contains(&field) => Some(facts.namespace),
        "object.spec.priorityClassName" => facts.class,
        "request.operation" if !facts.has_updates => Some("CREATE"),
        _ => None,
    }
}

fn has_field(field: &str, facts: &Facts<'_>) -> Ternary {
    match field {
        "object.spec" | "object.metadata" | "object.spec.containers" => Ternary::Yes,
        "object.spec.priorityClassName" if facts.class.is_some() => Ternary::Yes,
        _ => Ternary::Unknown,
    }
}

/// Evaluates the body of `object.spec.containers.exists`: it is true for the container with the
/// resource if every part of it asks for that.
fn container_matches(body: &[Token], variable: &str, facts: &Facts<'_>) -> Ternary {
    let Some(parts) = split_operands(body, '&') else {
        return Ternary::Unknown;
    };
    let is_amounts = |path: &str| {
        path == format!("{variable}.resources.limits")
            || path == format!("{variable}.resources.requests")
    };
    let all = parts.into_iter().all(|part| match inside_brackets(part).unwrap_or(part) {
        [Token::Path(name), Token::Sign('('), Token::Path(field), Token::Sign(')')] => {
            name == "has" && (is_amounts(field) || *field == format!("{variable}.resources"))
        }
        [Token::Text(Item { text, .. }), Token::Path(word), Token::Path(field)] => {
            word == "in" && text == facts.resource && is_amounts(field)
        }
        _ => false,
    });
    if all { Ternary::Yes } else { Ternary::Unknown }
}

/// The strings of a list, as a whole.
fn text_list(tokens: &[Token]) -> Option<Vec<&str>> {
    let [Token::Sign('['), items @ .., Token::Sign(']')] = tokens else {
        return None;
    };
    let mut found = Vec::new();
    for (at, token) in items.iter().enumerate() {
        match (at % 2, token) {
            (0, Token::Text(item)) => found.push(item.text.as_str()),
            (1, Token::Sign(',')) => {}
            _ => return None,
        }
    }
    Some(found)
}

/// The operands that a doubled sign joins at the top level. None if brackets are not closed, or the
/// conditional operator is there.
fn split_operands(tokens: &[Token], sign: char) -> Option<Vec<&[Token]>> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut at) = (0_usize, 0, 0);
    while at < tokens.len() {
        match &tokens[at] {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            Token::Sign('?') if depth == 0 => return None,
            Token::Sign(found) if depth == 0 && *found == sign => {
                if tokens.get(at + 1) != Some(&Token::Sign(sign)) {
                    return None;
                }
                parts.push(&tokens[start..at]);
                start = at + 2;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&tokens[start..]);
    (depth == 0).then_some(parts)
}

/// The tokens between a bracket at the start and the one that closes it, which must be the last.
fn inside_brackets(tokens: &[Token]) -> Option<&[Token]> {
    let [Token::Sign('('), .., Token::Sign(')')] = tokens else {
        return None;
    };
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at + 1 == tokens.len()).then(|| &tokens[1..at]);
        }
    }
    None
}

/// Returns true for `name(...)`, as a whole.
fn is_call(tokens: &[Token]) -> bool {
    matches!(tokens, [Token::Path(_), rest @ ..] if inside_brackets(rest).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ternary::{No, Unknown, Yes};

    #[test]
    fn conditions_are_evaluated_where_they_are_understood() {
        let facts = Facts {
            namespace: "tts",
            class: Some("tier-2"),
            resource: "nvidia.com/gpu",
            has_updates: false,
        };
        let gpu = "object.spec.containers.exists(c, has(c.resources.limits) && \"nvidia.com/gpu\" in c.resources.limits)";
        for (expression, expected) in [
            (gpu.to_owned(), Yes),
            (format!("!{gpu}"), No),
            (format!("!({gpu})"), No),
            (format!("{gpu} && !(request.namespace in ['a'])"), Yes),
            (format!("{gpu} == true"), Unknown),
            (format!("{gpu} ? false : true"), Unknown),
            (gpu.replace("nvidia.com/gpu", "amd.com/gpu"), Unknown),
            (gpu.replace("&&", "||"), Unknown),
            (gpu.replace("exists", "all"), Unknown),
            ("!(request.namespace in ['a', 'tts'])".into(), No),
            ("!request.namespace in ['a']".into(), Unknown),
            ("request.namespace in ['tts']".into(), Yes),
            ("request.namespace == 'tts' || object.metadata.name == 'x'".into(), Yes),
            ("request.namespace != 'tts' && object.metadata.name == 'x'".into(), No),
            ("request.namespace == 'tts' && object.metadata.name == 'x'".into(), Unknown),
            ("object.spec.priorityClassName == 'tier-2'".into(), Yes),
            ("!has(object.spec.priorityClassName)".into(), No),
            ("has(object.spec.nodeName)".into(), Unknown),
            ("request.operation == 'UPDATE'".into(), No),
            ("request.namespace.startsWith('t')".into(), Unknown),
            ("variables.gpu".into(), Unknown),
            (String::new(), Unknown),
        ] {
            assert_eq!(condition_holds(&expression, &facts), expected, "{expression}");
        }
        let updated = Facts { has_updates: true, ..facts };
        assert_eq!(condition_holds("request.operation == 'UPDATE'", &updated), Unknown);
    }
}
