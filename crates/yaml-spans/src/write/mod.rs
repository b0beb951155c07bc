//! Types to tree: a serde serializer that keeps order and refuses what YAML and JSON have no value
//! for.

mod collect;
mod error;

use serde::Serialize;
use serde::ser::Serializer;

use self::collect::{Entries, InVariant, Items};
pub use self::error::{WriteError, WriteProblem};
use super::limits::MAX_DEPTH;
use super::node::{Entry, Mapping, Node, Value};
use super::path::Segment;

/// Makes a tree of a value. Nodes have no span. Refused: floats that are not finite, whole numbers
/// out of 64 bits, keys that are neither strings, numbers nor booleans, a key twice.
pub fn to_node<T: Serialize + ?Sized>(value: &T) -> Result<Node, WriteError> {
    value.serialize(Writer { depth: 0 })
}

struct Writer {
    /// How many lists and maps are around.
    depth: usize,
}

impl Writer {
    /// The depth of what stands in a list or map here.
    fn inner(&self) -> Result<usize, WriteError> {
        match self.depth < MAX_DEPTH {
            true => Ok(self.depth + 1),
            false => Err(WriteProblem::TooDeep.into()),
        }
    }
}

fn node(value: Value) -> Result<Node, WriteError> {
    Ok(Node::new(value))
}

/// `{variant: value}`.
fn tagged(variant: &str, value: Node) -> Node {
    Node::new(Value::Mapping(Mapping::from_iter([(variant.to_owned(), Entry::from(value))])))
}

impl Serializer for Writer {
    type Ok = Node;
    type Error = WriteError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = InVariant<Items>;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = InVariant<Entries>;

    fn serialize_bool(self, value: bool) -> Result<Node, WriteError> {
        node(Value::Bool(value))
    }

    fn serialize_i8(self, number: i8) -> Result<Node, WriteError> {
        node(Value::Int(number.into()))
    }

    fn serialize_i16(self, number: i16) -> Result<Node, WriteError> {
        node(Value::Int(number.into()))
    }

    fn serialize_i32(self, number: i32) -> Result<Node, WriteError> {
        node(Value::Int(number.into()))
    }

    fn serialize_i64(self, number: i64) -> Result<Node, WriteError> {
        node(Value::Int(number))
    }

    fn serialize_i128(self, number: i128) -> Result<Node, WriteError> {
        match i64::try_from(number) {
            Ok(number) => node(Value::Int(number)),
            Err(_) => Err(WriteProblem::TooLarge(number.to_string()).into()),
        }
    }

    fn serialize_u8(self, number: u8) -> Result<Node, WriteError> {
        node(Value::Int(number.into()))
    }

    fn serialize_u16(self, number: u16) -> Result<Node, WriteError> {
        node(Value::Int(number.into()))
    }

    fn serialize_u32(self, number: u32) -> Result<Node, WriteError> {
        node(Value::Int(number.into()))
    }

    fn serialize_u64(self, number: u64) -> Result<Node, WriteError> {
        self.serialize_i128(number.into())
    }

    fn serialize_u128(self, number: u128) -> Result<Node, WriteError> {
        match i64::try_from(number) {
            Ok(number) => node(Value::Int(number)),
            Err(_) => Err(WriteProblem::TooLarge(number.to_string()).into()),
        }
    }

    /// By way of its shortest decimal form: `0.1`, not `0.10000000149011612`.
    fn serialize_f32(self, number: f32) -> Result<Node, WriteError> {
        self.serialize_f64(number.to_string().parse().unwrap_or(number.into()))
    }

    fn serialize_f64(self, number: f64) -> Result<Node, WriteError> {
        match number.is_finite() {
            true => node(Value::Float(number)),
            false => Err(WriteProblem::NonFinite.into()),
        }
    }

    fn serialize_char(self, char: char) -> Result<Node, WriteError> {
        node(Value::String(char.to_string()))
    }

    fn serialize_str(self, text: &str) -> Result<Node, WriteError> {
        node(Value::String(text.to_owned()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Node, WriteError> {
        let items = bytes.iter().map(|byte| Node::new(Value::Int((*byte).into())));
        node(Value::Sequence(items.collect()))
    }

    fn serialize_none(self) -> Result<Node, WriteError> {
        node(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, WriteError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Node, WriteError> {
        node(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, WriteError> {
        node(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Node, WriteError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Node, WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, WriteError> {
        let written = value.serialize(Writer { depth: self.inner()? });
        let written = written.map_err(|error| error.within(Segment::Key(variant.to_owned())));
        written.map(|value| tagged(variant, value))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, WriteError> {
        Ok(Items::new(self.inner()?, length.unwrap_or(0)))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, WriteError> {
        Ok(Items::new(self.inner()?, length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, WriteError> {
        Ok(Items::new(self.inner()?, length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<InVariant<Items>, WriteError> {
        let depth = Writer { depth: self.inner()? }.inner()?;
        Ok(InVariant { variant, content: Items::new(depth, length) })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Entries, WriteError> {
        Ok(Entries::new(self.inner()?, length.unwrap_or(0)))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Entries, WriteError> {
        Ok(Entries::new(self.inner()?, length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<InVariant<Entries>, WriteError> {
        let depth = Writer { depth: self.inner()? }.inner()?;
        Ok(InVariant { variant, content: Entries::new(depth, length) })
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<Node, WriteError> {
        node(Value::String(value.to_string()))
    }
}

/// A key: strings as they are, numbers and booleans as text, as serde_json does.
fn key<T: Serialize + ?Sized>(key: &T) -> Result<String, WriteError> {
    let written = to_node(key)?;
    match written.value {
        Value::String(text) => Ok(text),
        Value::Int(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        _ => Err(WriteProblem::Key(written.kind()).into()),
    }
}

#[cfg(test)]
mod tests;
