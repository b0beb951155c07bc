//! Maps, lists and enums as serde walks them.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::error::{Failure, ReadError};
use super::stand_in::StandIn;
use super::value::Reader;
use crate::node::{Entry, Mapping, Node};
use crate::source::Span;

/// The entries of a map; of a struct, only its fields, and then those that get a stand-in.
pub(super) struct Fields<'r, 'de> {
    map: Reader<'r, 'de>,
    entries: indexmap::map::Iter<'de, String, Entry>,
    fields: Option<&'static [&'static str]>,
    value: Next<'de>,
    stand_ins: usize,
}

enum Next<'de> {
    None,
    Entry(&'de str, &'de Entry),
    StandIn,
}

impl<'r, 'de> Fields<'r, 'de> {
    pub(super) fn new(
        mapping: &'de Mapping,
        fields: Option<&'static [&'static str]>,
        map: Reader<'r, 'de>,
    ) -> Self {
        Fields { map, entries: mapping.iter(), fields, value: Next::None, stand_ins: 0 }
    }
}

impl<'de> MapAccess<'de> for Fields<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Reader { step, run, .. } = self.map;
        for (key, entry) in self.entries.by_ref() {
            if run.is_skipped(&entry.node) {
                continue;
            }
            if let Some(fields) = self.fields.filter(|fields| !fields.contains(&key.as_str())) {
                run.unknown(key, entry.key_span, &entry.node, step, fields);
                continue;
            }
            self.value = Next::Entry(key, entry);
            let read = seed.deserialize(BorrowedStrDeserializer::new(key));
            return read.map(Some).map_err(|failure| {
                let step = step.key(key, entry.key_span);
                run.locate_key(failure, entry, &step)
            });
        }
        let fields = self.fields.unwrap_or(&[]);
        let Some((at, field)) = run.stand_in(self.map.node, fields, self.stand_ins) else {
            return Ok(None);
        };
        self.stand_ins = at + 1;
        self.value = Next::StandIn;
        seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Reader { node, step, run } = self.map;
        match std::mem::replace(&mut self.value, Next::None) {
            Next::Entry(key, entry) => {
                let step = step.key(key, entry.key_span);
                let node = &entry.node;
                let read = seed.deserialize(Reader { node, step: &step, run });
                read.map_err(|failure| run.locate(failure, node, &step))
            }
            Next::StandIn => {
                let read = seed.deserialize(StandIn);
                read.map_err(|failure| run.locate_stand_in(failure, node, step))
            }
            Next::None => Err(Failure::new(ReadError::Rule("a value is read twice".into()), None)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// The items of a list.
pub(super) struct Items<'r, 'de> {
    list: Reader<'r, 'de>,
    items: &'de [Node],
    at: usize,
    /// A tuple: an item that could not be read gets a stand-in, to keep the others in their places.
    tuple: bool,
}

impl<'r, 'de> Items<'r, 'de> {
    pub(super) fn new(items: &'de [Node], tuple: bool, list: Reader<'r, 'de>) -> Self {
        Items { list, items, at: 0, tuple }
    }

    /// How many items were not asked for.
    pub(super) fn rest(&self) -> usize {
        self.items.len() - self.at
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Reader { node: list, step, run } = self.list;
        while let Some(node) = self.items.get(self.at) {
            let item = step.index(self.at, node);
            self.at += 1;
            if run.is_skipped(node) {
                if !self.tuple {
                    continue;
                }
                let read = seed.deserialize(StandIn).map(Some);
                return read.map_err(|failure| run.locate_stand_in(failure, list, step));
            }
            let read = seed.deserialize(Reader { node, step: &item, run });
            return read.map(Some).map_err(|failure| run.locate(failure, node, &item));
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.at)
    }
}

/// An enum's value: a string, or a map of one key.
pub(super) struct Variant<'r, 'de> {
    pub(super) name: &'de str,
    pub(super) span: Option<Span>,
    pub(super) content: Option<&'de Node>,
    pub(super) whole: Reader<'r, 'de>,
}

impl<'de> Variant<'_, 'de> {
    /// Reads what the one key leads to.
    fn with<T>(
        self,
        expected: &str,
        read: impl FnOnce(Reader<'_, 'de>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Variant { name, span, content, whole } = self;
        let Some(node) = content else {
            let expected = format!("a map with the key `{name}` that holds {expected}");
            let found = super::error::string(name);
            return Err(Failure::new(ReadError::WrongType { expected, found }, None));
        };
        let step = whole.step.key(name, span);
        let run = whole.run;
        read(Reader { node, step: &step, run }).map_err(|failure| run.locate(failure, node, &step))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Failure> {
        Ok((seed.deserialize(BorrowedStrDeserializer::new(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match self.content {
            None => Ok(()),
            Some(_) => self.with("null", |reader| <() as serde::Deserialize>::deserialize(reader)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        self.with("its value", |reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        use serde::Deserializer;
        self.with("a list", |reader| reader.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        use serde::Deserializer;
        self.with("a map", |reader| reader.deserialize_struct("", fields, visitor))
    }
}
