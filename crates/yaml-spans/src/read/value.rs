//! One node as serde asks for it.

use serde::de::{self, Deserializer, Visitor};

use super::error::{Failure, ReadError, items, string};
use super::map::{Fields, Items, Variant};
use super::run::Run;
use super::step::Step;
use crate::node::{Mapping, Node, Value};

/// A node, the way to it, and the run it is read in.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r, 'de> {
    pub(super) node: &'de Node,
    pub(super) step: &'r Step<'r>,
    pub(super) run: &'r Run,
}

impl<'de> Reader<'_, 'de> {
    fn located<T>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| self.run.locate(failure, self.node, self.step))
    }

    /// Another kind of value belongs here.
    #[cold]
    fn wrong<T>(self, expected: &str) -> Result<T, Failure> {
        let (found, hint) = match &self.node.value {
            Value::Null => ("null".to_owned(), None),
            Value::Bool(value) => (format!("the boolean `{value}`"), quote(expected, value)),
            Value::Int(number) => (format!("the number `{number}`"), quote(expected, number)),
            Value::Float(number) => (format!("the number `{number:?}`"), quote(expected, number)),
            Value::String(text) => (string(text), unquote(expected, text)),
            Value::Sequence(_) => ("a list".to_owned(), None),
            Value::Mapping(_) => ("a map".to_owned(), None),
        };
        let expected = expected.to_owned();
        self.located(Err(Failure::new(ReadError::WrongType { expected, found }, hint)))
    }

    fn integer(self, least: i64, most: i64) -> Result<i64, Failure> {
        match self.node.value {
            Value::Int(number) if (least..=most).contains(&number) => Ok(number),
            Value::Int(number) => {
                let error = ReadError::OutOfRange { number, least, most };
                self.located(Err(Failure::new(error, None)))
            }
            _ => self.wrong(WHOLE_NUMBER),
        }
    }

    fn mapping(self, expected: &str) -> Result<&'de Mapping, Failure> {
        match &self.node.value {
            Value::Mapping(mapping) => Ok(mapping),
            _ => self.wrong(expected),
        }
    }

    fn visit_sequence<V: Visitor<'de>>(self, tuple: bool, visitor: V) -> Result<V::Value, Failure> {
        let Value::Sequence(list) = &self.node.value else {
            return self.wrong("a list");
        };
        let mut access = Items::new(list, tuple, self);
        let value = self.located(visitor.visit_seq(&mut access))?;
        match access.rest() {
            0 => Ok(value),
            rest => {
                let expected = items(list.len() - rest);
                let found = items(list.len());
                let error = ReadError::WrongType { expected, found };
                self.located(Err(Failure::new(error, None)))
            }
        }
    }

    fn visit_mapping<V: Visitor<'de>>(
        self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let mapping = self.mapping("a map")?;
        self.located(visitor.visit_map(Fields::new(mapping, fields, self)))
    }
}

const WHOLE_NUMBER: &str = "a whole number";
const NUMBER: &str = "a number";
const BOOLEAN: &str = "true or false";
const STRING: &str = "a string";

fn quote(expected: &str, value: &impl std::fmt::Debug) -> Option<String> {
    (expected == STRING).then(|| format!("quote it: `\"{value:?}\"`"))
}

fn unquote(expected: &str, text: &str) -> Option<String> {
    let fits = match expected {
        WHOLE_NUMBER => text.parse::<i64>().is_ok(),
        NUMBER => text.parse::<f64>().is_ok_and(f64::is_finite),
        BOOLEAN => matches!(text, "true" | "false"),
        _ => false,
    };
    fits.then(|| format!("write it without quotes: `{text}`"))
}

macro_rules! integers {
    ($($method:ident $type:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let least = i64::try_from($type::MIN).unwrap_or(i64::MIN);
            let most = i64::try_from($type::MAX).unwrap_or(i64::MAX);
            let number = self.integer(least, most)?;
            self.located(visitor.$visit(number as _))
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_, 'de> {
    type Error = Failure;

    integers! {
        deserialize_i8 i8 visit_i64
        deserialize_i16 i16 visit_i64
        deserialize_i32 i32 visit_i64
        deserialize_i64 i64 visit_i64
        deserialize_i128 i128 visit_i64
        deserialize_u8 u8 visit_u64
        deserialize_u16 u16 visit_u64
        deserialize_u32 u32 visit_u64
        deserialize_u64 u64 visit_u64
        deserialize_u128 u128 visit_u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let value = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Sequence(_) => return self.visit_sequence(false, visitor),
            Value::Mapping(_) => return self.visit_mapping(None, visitor),
        };
        self.located(value)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Bool(value) => self.located(visitor.visit_bool(value)),
            _ => self.wrong(BOOLEAN),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Float(number) => self.located(visitor.visit_f64(number)),
            Value::Int(number) => self.located(visitor.visit_f64(number as f64)),
            _ => self.wrong(NUMBER),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::String(text) => self.located(visitor.visit_borrowed_str(text)),
            _ => self.wrong(STRING),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::String(text) => self.located(visitor.visit_borrowed_bytes(text.as_bytes())),
            _ => self.visit_sequence(false, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Null => self.located(visitor.visit_none()),
            _ => self.located(visitor.visit_some(self)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Null => self.located(visitor.visit_unit()),
            _ => self.wrong("null"),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.located(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_sequence(false, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.visit_sequence(true, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.visit_sequence(true, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_mapping(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.visit_mapping(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let variant = match &self.node.value {
            Value::String(name) => {
                Variant { name, span: self.node.span, content: None, whole: self }
            }
            Value::Mapping(map) if map.len() == 1 => {
                let Some((name, entry)) = map.first() else {
                    return self.wrong(STRING);
                };
                Variant { name, span: entry.key_span, content: Some(&entry.node), whole: self }
            }
            Value::Mapping(_) => return self.wrong("a map with one key"),
            _ => return self.wrong(STRING),
        };
        if !variants.contains(&variant.name) {
            let failure = <Failure as de::Error>::unknown_variant(variant.name, variants);
            return self.located(Err(failure));
        }
        self.located(visitor.visit_enum(variant))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}
