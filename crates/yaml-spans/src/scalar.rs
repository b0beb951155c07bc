//! Plain (unquoted) scalars: their values in each dialect, and those that YAML readers disagree on.
//!
//! The readers considered: YAML 1.2's core schema; the YAML 1.1 types as PyYAML, Ruby's Psych and
//! SnakeYAML implement them; go-yaml v2 and v3, which `kubectl` and kustomize are built on.

use crate::node::Value;

/// The reason why a plain scalar is refused: readers disagree on it, or JSON can't represent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// `yes`, `off`, `n` and the like.
    Boolean,
    /// A number with leading zeros, another base, digit separators, or a form that only some
    /// readers know.
    Number,
    /// `12:30:45`: base 60 in YAML 1.1.
    Sexagesimal,
    /// `2026-11-24`: a date in YAML 1.1.
    Date,
    /// `=` and `<<`, which have their own types in YAML 1.1.
    Special,
    /// `.inf` and `.nan`, or a number too large for 64 bits of floating point.
    NonFinite,
    /// A whole number that does not fit 64 bits.
    TooLarge,
}

impl Doubt {
    /// Describes how readers disagree: the end of a message that starts with the scalar.
    pub(crate) fn readings(self) -> &'static str {
        match self {
            Doubt::Boolean => "is a boolean to some YAML readers and a string to others",
            Doubt::Number => {
                "is a number to some YAML readers, and another number or a string to others"
            }
            Doubt::Sexagesimal => {
                "is a number in base 60 to some YAML readers and a string to others"
            }
            Doubt::Date => "is a date to some YAML readers and a string to others",
            Doubt::Special => "is a keyword to some YAML readers and a string to others",
            Doubt::NonFinite => "is not a finite number, and JSON has no others",
            Doubt::TooLarge => "does not fit 64 bits",
        }
    }
}

/// The words, in lower case, that some reader does not read as a string: YAML 1.1's `bool` and
/// `null` types (<https://yaml.org/type/bool.html>, `null.html`).
const DOUBTFUL_BOOLEANS: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];
const NULLS: [&str; 4] = ["", "~", "null", "none"];
const OTHER_WORDS: [&str; 6] = ["true", "false", "=", "<<", "nan", "inf"];

/// The length of the longest of these words.
const MAX_WORD_BYTES: usize = 5;

/// Resolves a plain scalar; refuses one that readers disagree on.
pub(crate) fn resolve_strict(text: &str) -> Result<Value, Doubt> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        "=" | "<<" => return Err(Doubt::Special),
        _ if DOUBTFUL_BOOLEANS.contains(&text) => return Err(Doubt::Boolean),
        _ if is_recased(text, &DOUBTFUL_BOOLEANS) => return Err(Doubt::Boolean),
        _ if is_non_finite(text) => return Err(Doubt::NonFinite),
        _ => {}
    }
    match Form::of(text) {
        None => Ok(Value::String(text.to_owned())),
        Some(Form::Int) => text.parse().map(Value::Int).map_err(|_| Doubt::TooLarge),
        Some(Form::Float) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(Doubt::NonFinite),
        },
        Some(Form::Doubtful(doubt)) => Err(doubt),
    }
}

/// Resolves a plain scalar as `kubectl` does: as go-yaml v2's `resolve` (`sigs.k8s.io/yaml`,
/// `goyaml.v2/resolve.go`), then converted to JSON. Dates are strings there.
pub(crate) fn resolve_kubectl(text: &str) -> Result<Value, Doubt> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Ok(Value::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Ok(Value::Bool(false)),
        _ if is_non_finite(text) => return Err(Doubt::NonFinite),
        _ => {}
    }
    let number = match text.as_bytes()[0] {
        b'.' => parse_go_float(text).map(Value::Float),
        b'0'..=b'9' | b'+' | b'-' => parse_go_number(&text.replace('_', "")),
        _ => None,
    };
    Ok(number.unwrap_or_else(|| Value::String(text.to_owned())))
}

fn parse_go_number(text: &str) -> Option<Value> {
    match parse_go_integer(text) {
        Some(number) => Some(match i64::try_from(number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Float(number as f64),
        }),
        None => parse_go_float(text).map(Value::Float),
    }
}

/// Parses a float as go-yaml does. Go's `ParseFloat` fails on overflow, and the scalar is a string.
fn parse_go_float(text: &str) -> Option<f64> {
    if !is_decimal(text) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Parses a whole number as Go's `strconv.ParseInt` and `ParseUint` do with base 0.
fn parse_go_integer(text: &str) -> Option<i128> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (radix, digits) = match body.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &body[2..]),
        [b'0', b'b' | b'B', ..] => (2, &body[2..]),
        [b'0', b'o' | b'O', ..] => (8, &body[2..]),
        [b'0', _, ..] => (8, &body[1..]),
        _ => (10, body),
    };
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let number = sign * i128::from(u64::from_str_radix(digits, radix).ok()?);
    let signed = body.len() != text.len();
    let fits = i64::try_from(number).is_ok() || (!signed && number > 0);
    fits.then_some(number)
}

/// Returns true if any reader reads the plain text as anything but this string. Broader than the
/// refusals of [`resolve_strict`], since it decides on quotes, which do no harm.
pub(crate) fn is_misread_plain(text: &str) -> bool {
    let is_word = |words: &[&str]| {
        text.len() <= MAX_WORD_BYTES && words.iter().any(|word| text.eq_ignore_ascii_case(word))
    };
    is_word(&NULLS)
        || is_word(&OTHER_WORDS)
        || is_word(&DOUBTFUL_BOOLEANS)
        || is_non_finite(text)
        || Form::of(text).is_some()
}

/// Returns true for one of the words capitalized or in upper case, as YAML 1.1 lists them.
fn is_recased(text: &str, words: &[&str]) -> bool {
    if text.len() > MAX_WORD_BYTES {
        return false;
    }
    let tail = text.get(1..).unwrap_or("");
    let one_case = tail.chars().all(|c| c.is_ascii_lowercase())
        || text.chars().all(|c| c.is_ascii_uppercase());
    one_case && words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Matches `.inf`, `-.Inf`, `.NaN`: YAML 1.1 and 1.2 list three cases; here any case matches.
fn is_non_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    unsigned.len() == 4
        && (unsigned.eq_ignore_ascii_case(".inf") || unsigned.eq_ignore_ascii_case(".nan"))
}

/// The form of a text that some reader reads as a number or a date.
enum Form {
    /// A whole number in the form that every reader knows: JSON's.
    Int,
    /// A fraction in the form that every reader knows: JSON's, with a point, and a sign in the
    /// exponent (PyYAML knows neither `1e3` nor `1.0e3`).
    Float,
    /// Any other form.
    Doubtful(Doubt),
}

impl Form {
    fn of(text: &str) -> Option<Form> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        if unsigned.bytes().all(|b| b.is_ascii_digit()) && is_json_integer(text) {
            return Some(Form::Int);
        }
        if is_portable_float(text) {
            return Some(Form::Float);
        }
        if is_date(text) {
            return Some(Form::Doubtful(Doubt::Date));
        }
        // YAML 1.1 allows `_` in numbers anywhere after the first digit; Psych `,` too.
        let digits: String = unsigned.chars().filter(|c| !matches!(c, '_' | ',')).collect();
        if is_decimal(&digits) || is_based(unsigned) {
            return Some(Form::Doubtful(Doubt::Number));
        }
        is_sexagesimal(&digits).then_some(Form::Doubtful(Doubt::Sexagesimal))
    }
}

/// Matches `0`, or digits without a leading zero, with an optional `-`.
fn is_json_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (first, rest) = digits.split_at(digits.len().min(1));
    match first {
        "0" => rest.is_empty(),
        _ => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Matches `-1.5`, `1.0e+21`: JSON's integer, a point with digits, an exponent with a sign.
fn is_portable_float(text: &str) -> bool {
    let Some((whole, rest)) = text.split_once('.') else {
        return false;
    };
    let (fraction, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "+0"));
    let Some(exponent) = exponent.strip_prefix(['+', '-']) else {
        return false;
    };
    is_json_integer(whole) && are_digits(fraction) && are_digits(exponent)
}

/// Matches go-yaml's float: digits with at most one point among or beside them, and an exponent.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    (are_digits(whole) || (whole.is_empty() && are_digits(fraction)))
        && fraction.bytes().all(|b| b.is_ascii_digit())
        && are_digits(exponent)
}

/// Matches `0x1F`, `0o17`, `0b1_01` in any case, and `0x_`, on which PyYAML fails.
fn is_based(text: &str) -> bool {
    let is_digit: fn(&u8) -> bool = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => u8::is_ascii_hexdigit,
        [b'0', b'o' | b'O', ..] => |b| matches!(b, b'0'..=b'7'),
        [b'0', b'b' | b'B', ..] => |b| matches!(b, b'0' | b'1'),
        _ => return false,
    };
    let digits = text.get(2..).unwrap_or("").as_bytes();
    !digits.is_empty() && digits.iter().all(|digit| *digit == b'_' || is_digit(digit))
}

/// Matches `190:20:30.15`: <https://yaml.org/type/int.html> and `float.html`, base 60.
fn is_sexagesimal(text: &str) -> bool {
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = text.split(':');
    let first_is_number = groups.next().is_some_and(are_digits);
    let mut count = 0;
    let rest_are_base_60 = groups.all(|group| {
        count += 1;
        match group.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [b'0'..=b'5', digit] => digit.is_ascii_digit(),
            _ => false,
        }
    });
    first_is_number && rest_are_base_60 && count > 0 && fraction.bytes().all(|b| b.is_ascii_digit())
}

/// Matches `2026-11-24`, with or without a time after it: <https://yaml.org/type/timestamp.html>.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let end = rest.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    let time = &rest[end..];
    year.len() == 4
        && are_digits(year)
        && (1..=2).contains(&month.len())
        && are_digits(month)
        && (1..=2).contains(&end)
        && (time.is_empty() || is_time(time))
}

/// Matches a time after a date, loosely: `T12:30:45Z` or ` 12:30:45 -5`.
fn is_time(text: &str) -> bool {
    let clock = text.trim_start_matches(['T', 't', ' ', '\t']);
    clock.len() < text.len()
        && clock.contains(':')
        && clock.bytes().all(|b| b.is_ascii_digit() || b":.zZ+- \t".contains(&b))
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
