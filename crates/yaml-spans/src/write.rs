//! Types to trees: a serde serializer that keeps the order of fields and refuses what YAML and JSON
//! can't represent.
//!
//! `serde_json::to_value` would be shorter, but it makes null of NaN, drops duplicate keys, recurses
//! without a bound, and sorts fields unless the whole program gives that up.

use std::fmt;

use indexmap::map::Entry as IndexEntry;
use serde::Serialize;
use serde::ser::{
    self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::limits::MAX_DEPTH;
use crate::node::{Mapping, Node, Value, mapping_with_capacity};
use crate::path::{Path, Segment};

/// The largest number of items that is reserved because a type announces it.
const MAX_RESERVED: usize = 1024;

/// A value that can't be written, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WriteError(String);

impl ser::Error for WriteError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        WriteError(message.to_string())
    }
}

type Written = Result<Node, WriteError>;

/// Makes a tree from a value. Nodes have no places.
///
/// # Errors
///
/// Floats that are not finite, whole numbers that do not fit 64 bits, keys that are not strings,
/// whole numbers or booleans, duplicate keys, and nesting deeper than [`parse`](crate::parse) reads.
pub fn to_node<T: Serialize + ?Sized>(value: &T) -> Result<Node, WriteError> {
    to_node_at(value, &Path::root())
}

/// Makes a tree of the part of a value at a path: the maps above it have no other entry. A list, or a variant's
/// content, is made as a whole.
///
/// # Errors
///
/// As for [`to_node`], for what is made.
pub fn to_node_at<T: Serialize + ?Sized>(value: &T, path: &Path) -> Result<Node, WriteError> {
    value.serialize(Writer { depth: 0, path: path.segments() })
}

#[derive(Clone, Copy)]
struct Writer<'a> {
    /// The number of lists and maps around the value.
    depth: usize,
    /// The path, from here, of the part that is made; the root for all of it.
    path: &'a [Segment],
}

impl<'a> Writer<'a> {
    /// The writer of the values in a list or map.
    fn inner(self) -> Result<Self, WriteError> {
        match self.depth < MAX_DEPTH {
            true => Ok(Writer { depth: self.depth + 1, ..self }),
            false => {
                Err(WriteError(format!("lists and maps are nested more than {MAX_DEPTH} deep")))
            }
        }
    }

    /// The writer of all that is below, in a list or an enum's variant.
    fn whole(self) -> Self {
        Writer { path: &[], ..self }
    }

    fn begin_list(self, variant: Variant, length: usize) -> Result<Items<'a>, WriteError> {
        let outer = if variant.is_some() { self.inner()? } else { self };
        let items = Vec::with_capacity(length.min(MAX_RESERVED));
        Ok(Items { writer: outer.whole().inner()?, variant, items })
    }

    fn begin_map(self, variant: Variant, length: usize) -> Result<Entries<'a>, WriteError> {
        let outer = if variant.is_some() { self.whole().inner()? } else { self };
        let entries = mapping_with_capacity(length.min(MAX_RESERVED));
        Ok(Entries { writer: outer.inner()?, variant, entries, key: None })
    }
}

/// The name of the enum variant that a list or map is the content of.
type Variant = Option<&'static str>;

fn write_integer<N: TryInto<i64> + fmt::Display + Copy>(number: N) -> Written {
    match number.try_into() {
        Ok(number) => Ok(Node::new(Value::Int(number))),
        Err(_) => Err(WriteError(format!("the number {number} does not fit 64 bits"))),
    }
}

/// Makes `{variant: value}`, or the value alone.
fn wrap_in(variant: Variant, value: Value) -> Node {
    let node = Node::new(value);
    match variant {
        Some(name) => {
            Node::new(Value::Mapping(Mapping::from_iter([(name.to_owned(), node.into())])))
        }
        None => node,
    }
}

/// Writes a key: strings as they are, whole numbers and booleans as text.
fn write_key<T: Serialize + ?Sized>(key: &T) -> Result<String, WriteError> {
    let node = to_node(key)?;
    match node.value {
        Value::String(text) => Ok(text),
        Value::Int(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        _ => Err(WriteError(format!("a key must be a string, not {}", node.kind()))),
    }
}

macro_rules! integers {
    ($($method:ident $type:ty,)*) => {$(
        fn $method(self, number: $type) -> Written {
            write_integer(number)
        }
    )*};
}

impl<'a> Serializer for Writer<'a> {
    type Ok = Node;
    type Error = WriteError;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Entries<'a>;
    type SerializeStructVariant = Entries<'a>;

    integers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
    }

    fn serialize_bool(self, value: bool) -> Written {
        Ok(Node::new(Value::Bool(value)))
    }

    /// Goes through the shortest decimal form: `0.1`, not `0.10000000149011612`.
    fn serialize_f32(self, number: f32) -> Written {
        self.serialize_f64(number.to_string().parse().unwrap_or(number.into()))
    }

    fn serialize_f64(self, number: f64) -> Written {
        match number.is_finite() {
            true => Ok(Node::new(Value::Float(number))),
            false => Err(WriteError("a number must be finite".to_owned())),
        }
    }

    fn serialize_char(self, char: char) -> Written {
        Ok(Node::new(Value::String(char.to_string())))
    }

    fn serialize_str(self, text: &str) -> Written {
        Ok(Node::new(Value::String(text.to_owned())))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        bytes.serialize(self)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Node::new(Value::Null))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        Ok(wrap_in(Some(variant), value.serialize(self.whole().inner()?)?.value))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'a>, WriteError> {
        self.begin_list(None, length.unwrap_or(0))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'a>, WriteError> {
        self.begin_list(None, length)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        length: usize,
    ) -> Result<Items<'a>, WriteError> {
        self.begin_list(None, length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'a>, WriteError> {
        self.begin_list(Some(variant), length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Entries<'a>, WriteError> {
        self.begin_map(None, length.unwrap_or(0))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Entries<'a>, WriteError> {
        self.begin_map(None, length)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Entries<'a>, WriteError> {
        self.begin_map(Some(variant), length)
    }
}

/// A list that is being written.
struct Items<'a> {
    writer: Writer<'a>,
    variant: Variant,
    items: Vec<Node>,
}

macro_rules! list {
    ($($trait:ident $method:ident)*) => {$(
        impl $trait for Items<'_> {
            type Ok = Node;
            type Error = WriteError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
                self.items.push(value.serialize(self.writer)?);
                Ok(())
            }

            fn end(self) -> Written {
                Ok(wrap_in(self.variant, Value::Sequence(self.items)))
            }
        }
    )*};
}

list! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

/// A map that is being written.
struct Entries<'a> {
    writer: Writer<'a>,
    variant: Variant,
    entries: Mapping,
    /// The key whose value is written next.
    key: Option<String>,
}

impl Entries<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), WriteError> {
        let writer = match self.writer.path {
            [] => self.writer,
            [Segment::Key(wanted), rest @ ..] if *wanted == key => {
                Writer { path: rest, ..self.writer }
            }
            _ => return Ok(()),
        };
        let node = value.serialize(writer)?;
        match self.entries.entry(key) {
            IndexEntry::Vacant(vacant) => {
                vacant.insert(node.into());
                Ok(())
            }
            IndexEntry::Occupied(taken) => {
                Err(WriteError(format!("duplicate key `{}`", taken.key())))
            }
        }
    }

    fn finish(self) -> Written {
        Ok(wrap_in(self.variant, Value::Mapping(self.entries)))
    }
}

impl SerializeMap for Entries<'_> {
    type Ok = Node;
    type Error = WriteError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), WriteError> {
        self.key = Some(write_key(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        match self.key.take() {
            Some(key) => self.push(key, value),
            None => Err(WriteError("a value has no key".to_owned())),
        }
    }

    fn end(self) -> Written {
        self.finish()
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl $trait for Entries<'_> {
            type Ok = Node;
            type Error = WriteError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), WriteError> {
                self.push(key.to_owned(), value)
            }

            fn end(self) -> Written {
                self.finish()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

#[cfg(test)]
mod tests;
