//! Maps, lists and enums, in the form that serde visits them.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::error::{Failure, describe_string};
use super::placeholder::Placeholder;
use super::reader::Reader;
use crate::node::{Entry, Mapping, Node};
use crate::source::Span;

/// The entries of a map; of a struct, its known fields and then those that get a placeholder.
pub(super) struct Entries<'r, 'de> {
    map: Reader<'r, 'de>,
    entries: indexmap::map::Iter<'de, String, Entry>,
    /// The fields of a struct; none for a map with any keys.
    fields: Option<&'static [&'static str]>,
    next_value: NextValue<'de>,
    has_skipped: bool,
    /// The number of filled fields, among those of all maps, that are done.
    filled: usize,
}

/// The value that serde reads after a key.
enum NextValue<'de> {
    None,
    Entry(&'de str, &'de Entry),
    Placeholder,
}

impl<'r, 'de> Entries<'r, 'de> {
    pub(super) fn new(
        mapping: &'de Mapping,
        fields: Option<&'static [&'static str]>,
        map: Reader<'r, 'de>,
    ) -> Self {
        let has_skipped = map.passes.is_any_skipped_in(map.step);
        let (entries, next_value) = (mapping.iter(), NextValue::None);
        Entries { map, entries, fields, next_value, has_skipped, filled: 0 }
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Reader { step, passes, .. } = self.map;
        for (key, entry) in self.entries.by_ref() {
            let field = step.key(key, entry.key_span);
            if self.has_skipped && passes.is_skipped(&field) {
                continue;
            }
            if let Some(fields) = self.fields.filter(|fields| !fields.contains(&key.as_str())) {
                passes.record_unknown_field(key, &field, fields);
                continue;
            }
            self.next_value = NextValue::Entry(key, entry);
            let read = seed.deserialize(BorrowedStrDeserializer::new(key));
            return read.map(Some).map_err(|failure| passes.locate_key(failure, entry, &field));
        }
        let fields = self.fields.unwrap_or(&[]);
        let Some((index, field)) = passes.next_filled(step, fields, self.filled) else {
            return Ok(None);
        };
        self.filled = index + 1;
        self.next_value = NextValue::Placeholder;
        seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Reader { node, step, passes } = self.map;
        match std::mem::replace(&mut self.next_value, NextValue::None) {
            NextValue::Entry(key, entry) => {
                let step = step.key(key, entry.key_span);
                let node = &entry.node;
                let read = seed.deserialize(Reader { node, step: &step, passes });
                read.map_err(|failure| passes.locate(failure, node, &step))
            }
            NextValue::Placeholder => {
                seed.deserialize(Placeholder).map_err(|_| passes.locate_placeholder(node, step))
            }
            NextValue::None => Err(Failure::rule("a value is read twice".to_owned())),
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
    /// The index of the next item.
    next: usize,
    shape: ListShape,
    has_skipped: bool,
}

/// The meaning of a list's positions, which decides what a skipped item becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListShape {
    /// Items are alike: a skipped one is left out.
    Sequence,
    /// Each position has its own type: a skipped item gets a placeholder, to keep the others in
    /// their positions.
    Tuple,
}

impl<'r, 'de> Items<'r, 'de> {
    pub(super) fn new(items: &'de [Node], shape: ListShape, list: Reader<'r, 'de>) -> Self {
        let has_skipped = list.passes.is_any_skipped_in(list.step);
        Items { list, items, next: 0, shape, has_skipped }
    }

    /// The number of items that were not read.
    pub(super) fn unread(&self) -> usize {
        self.items.len() - self.next
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Reader { node: list, step, passes } = self.list;
        while let Some(node) = self.items.get(self.next) {
            let item = step.index(self.next, node);
            self.next += 1;
            if !(self.has_skipped && passes.is_skipped(&item)) {
                let read = seed.deserialize(Reader { node, step: &item, passes });
                return read.map(Some).map_err(|failure| passes.locate(failure, node, &item));
            }
            if self.shape == ListShape::Tuple {
                let read = seed.deserialize(Placeholder).map(Some);
                return read.map_err(|_| passes.locate_placeholder(list, step));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.unread())
    }
}

/// An enum's value: a string, or a map with one key.
pub(super) struct Variant<'r, 'de> {
    pub(super) name: &'de str,
    /// The place of the name.
    pub(super) span: Option<Span>,
    /// The value of the map's one key; none for a string.
    pub(super) content: Option<&'de Node>,
    pub(super) whole: Reader<'r, 'de>,
}

impl<'de> Variant<'_, 'de> {
    /// Reads the value of the map's one key.
    fn read_content<T>(
        self,
        expected: &str,
        read: impl FnOnce(Reader<'_, 'de>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Variant { name, span, content, whole } = self;
        let Some(node) = content else {
            let expected = format!("a map with the key `{name}` and {expected} as its value");
            return Err(Failure::wrong_type(expected, describe_string(name)));
        };
        let step = whole.step.key(name, span);
        let passes = whole.passes;
        read(Reader { node, step: &step, passes })
            .map_err(|failure| passes.locate(failure, node, &step))
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
            Some(_) => {
                self.read_content("null", |reader| <() as serde::Deserialize>::deserialize(reader))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        self.read_content("a value", |reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        use serde::Deserializer;
        self.read_content("a list", |reader| reader.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        use serde::Deserializer;
        self.read_content("a map", |reader| reader.deserialize_struct("", fields, visitor))
    }
}
