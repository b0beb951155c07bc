//! One node as a serde deserializer.

use serde::de::{self, Deserializer, Visitor};

use super::access::{Entries, Items, ListShape, Variant};
use super::error::{Failure, ReadError, describe_length, describe_string, quote_hint};
use super::passes::Passes;
use super::step::Step;
use crate::diagnostic::Hint;
use crate::node::{Node, Value};

/// A node with its path and the record of the passes.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r, 'de> {
    pub(super) node: &'de Node,
    pub(super) step: &'r Step<'r>,
    pub(super) passes: &'r Passes,
}

impl<'de> Reader<'_, 'de> {
    /// Sets this node as the place of a visitor's failure.
    fn located<T>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| self.locate(failure.of_type::<T>()))
    }

    #[cold]
    fn locate(self, failure: Failure) -> Failure {
        self.passes.locate(failure, self.node, self.step)
    }

    /// Fails since another kind of value is expected.
    #[cold]
    fn wrong_type<T>(self, expected: &str) -> Result<T, Failure> {
        let (found, hint) = match &self.node.value {
            Value::Null => ("null".to_owned(), None),
            Value::Bool(value) => (format!("the boolean `{value}`"), quote_hint(expected, value)),
            Value::Int(number) => (format!("the number `{number}`"), quote_hint(expected, number)),
            Value::Float(number) => {
                (format!("the number `{number:?}`"), quote_hint(expected, number))
            }
            Value::String(text) => (describe_string(text), unquote_hint(expected, text)),
            Value::Sequence(_) => ("a list".to_owned(), None),
            Value::Mapping(_) => ("a map".to_owned(), None),
        };
        let error = ReadError::WrongType { expected: expected.to_owned(), found };
        Err(self.locate(Failure::new(error, hint)))
    }

    fn integer(self, least: i64, most: i64) -> Result<i64, Failure> {
        match self.node.value {
            Value::Int(number) if (least..=most).contains(&number) => Ok(number),
            Value::Int(number) => {
                let error = ReadError::OutOfRange { number, least, most };
                Err(self.locate(Failure::new(error, None)))
            }
            _ => self.wrong_type(WHOLE_NUMBER),
        }
    }

    fn visit_list<V: Visitor<'de>>(
        self,
        shape: ListShape,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let Value::Sequence(list) = &self.node.value else {
            return self.wrong_type("a list");
        };
        let mut access = Items::new(list, shape, self);
        let value = self.located(visitor.visit_seq(&mut access))?;
        match access.unread() {
            0 => Ok(value),
            unread => {
                let expected = describe_length(list.len() - unread);
                Err(self.locate(Failure::wrong_type(expected, describe_length(list.len()))))
            }
        }
    }

    fn visit_map<V: Visitor<'de>>(
        self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let Value::Mapping(mapping) = &self.node.value else {
            return self.wrong_type("a map");
        };
        self.located(visitor.visit_map(Entries::new(mapping, fields, self)))
    }
}

const WHOLE_NUMBER: &str = "a whole number";
const NUMBER: &str = "a number";
const BOOLEAN: &str = "true or false";
const STRING: &str = "a string";

/// The hint for a string that should be a number or boolean.
fn unquote_hint(expected: &str, text: &str) -> Option<Hint> {
    let fits = match expected {
        WHOLE_NUMBER => text.parse::<i64>().is_ok(),
        NUMBER => text.parse::<f64>().is_ok_and(f64::is_finite),
        BOOLEAN => matches!(text, "true" | "false"),
        _ => false,
    };
    fits.then(|| format!("write it without quotes: `{text}`").into())
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
            Value::Sequence(_) => return self.visit_list(ListShape::Sequence, visitor),
            Value::Mapping(_) => return self.visit_map(None, visitor),
        };
        self.located(value)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Bool(value) => self.located(visitor.visit_bool(value)),
            _ => self.wrong_type(BOOLEAN),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Float(number) => self.located(visitor.visit_f64(number)),
            Value::Int(number) => self.located(visitor.visit_f64(number as f64)),
            _ => self.wrong_type(NUMBER),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::String(text) => self.located(visitor.visit_borrowed_str(text)),
            _ => self.wrong_type(STRING),
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
            _ => self.visit_list(ListShape::Sequence, visitor),
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
            _ => self.wrong_type("null"),
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
        self.visit_list(ListShape::Sequence, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.visit_list(ListShape::Tuple, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.visit_list(ListShape::Tuple, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.visit_map(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.visit_map(Some(fields), visitor)
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
                    return self.wrong_type(STRING);
                };
                Variant { name, span: entry.key_span, content: Some(&entry.node), whole: self }
            }
            Value::Mapping(_) => return self.wrong_type("a map with one key"),
            _ => return self.wrong_type(STRING),
        };
        if !variants.contains(&variant.name) {
            let failure = <Failure as de::Error>::unknown_variant(variant.name, variants);
            return Err(self.locate(failure));
        }
        self.located(visitor.visit_enum(variant))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}
