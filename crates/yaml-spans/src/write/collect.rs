//! Lists and maps while they are written.

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::error::{WriteError, WriteProblem};
use super::{Writer, key, tagged};
use crate::node::{Entry, Mapping, Node, Value};
use crate::path::Segment;

/// Sizes that a type tells are taken at their word up to here.
const MOST_RESERVED: usize = 1024;

/// A list.
pub(super) struct Items {
    depth: usize,
    items: Vec<Node>,
}

impl Items {
    pub(super) fn new(depth: usize, length: usize) -> Self {
        Items { depth, items: Vec::with_capacity(length.min(MOST_RESERVED)) }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        let at = Segment::Index(self.items.len());
        let written = value.serialize(Writer { depth: self.depth });
        self.items.push(written.map_err(|error| error.within(at))?);
        Ok(())
    }

    fn finish(self) -> Node {
        Node::new(Value::Sequence(self.items))
    }
}

/// A map, with the key that waits for its value.
pub(super) struct Entries {
    depth: usize,
    entries: Mapping,
    key: Option<String>,
}

impl Entries {
    pub(super) fn new(depth: usize, length: usize) -> Self {
        let entries = Mapping::with_capacity(length.min(MOST_RESERVED));
        Entries { depth, entries, key: None }
    }

    fn push<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), WriteError> {
        let written = value.serialize(Writer { depth: self.depth });
        let node = written.map_err(|error| error.within(Segment::Key(key.clone())))?;
        if self.entries.contains_key(&key) {
            return Err(WriteProblem::DuplicateKey(key).into());
        }
        self.entries.insert(key, Entry::from(node));
        Ok(())
    }

    fn finish(self) -> Node {
        Node::new(Value::Mapping(self.entries))
    }
}

/// A list or a map under its enum variant's name.
pub(super) struct InVariant<C> {
    pub(super) variant: &'static str,
    pub(super) content: C,
}

impl<C> InVariant<C> {
    fn within<T>(&self, result: Result<T, WriteError>) -> Result<T, WriteError> {
        result.map_err(|error| error.within(Segment::Key(self.variant.to_owned())))
    }
}

macro_rules! list {
    ($($trait:ident $method:ident)*) => {$(
        impl $trait for Items {
            type Ok = Node;
            type Error = WriteError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
                self.push(value)
            }

            fn end(self) -> Result<Node, WriteError> {
                Ok(self.finish())
            }
        }
    )*};
}

list! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
}

impl SerializeTupleVariant for InVariant<Items> {
    type Ok = Node;
    type Error = WriteError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        let pushed = self.content.push(value);
        self.within(pushed)
    }

    fn end(self) -> Result<Node, WriteError> {
        Ok(tagged(self.variant, self.content.finish()))
    }
}

impl SerializeMap for Entries {
    type Ok = Node;
    type Error = WriteError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), WriteError> {
        self.key = Some(key(name)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        match self.key.take() {
            Some(key) => self.push(key, value),
            None => Err(WriteProblem::Custom("a value has no key".to_owned()).into()),
        }
    }

    fn end(self) -> Result<Node, WriteError> {
        Ok(self.finish())
    }
}

impl SerializeStruct for Entries {
    type Ok = Node;
    type Error = WriteError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        self.push(key.to_owned(), value)
    }

    fn end(self) -> Result<Node, WriteError> {
        Ok(self.finish())
    }
}

impl SerializeStructVariant for InVariant<Entries> {
    type Ok = Node;
    type Error = WriteError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        let pushed = self.content.push(key.to_owned(), value);
        self.within(pushed)
    }

    fn end(self) -> Result<Node, WriteError> {
        Ok(tagged(self.variant, self.content.finish()))
    }
}
