//! Holds what was read into a type against what was written.
//!
//! k8s-openapi fills in required fields that are missing, so a decoded value is written back, by
//! serde, beside the node that it was read from: what is written but was not there is missing. On the
//! way each structure names its type, which finds its rules, and each quantity says that it is one.

use std::fmt;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::error::Problem;
use super::rules::{self, Found};
use yaml_spans::diagnostic::Located;
use yaml_spans::{Mapping, Node, Path, ReadError, Segment, Value, shorten};

/// Fields that Kubernetes' schema calls required, and the API server fills in or takes as zero.
/// Found by leaving out each required field of a few hundred objects before the API server's own
/// code (1.37); the functions are those of `pkg/apis/*/v*/defaults.go`.
const FILLED_IN: &[(&str, &str)] = &[
    // In a StatefulSet's claim templates; at the top of a document both are asked for before.
    ("PersistentVolumeClaim", "apiVersion"),
    ("PersistentVolumeClaim", "kind"),
    // Zero, false and nothing are values here.
    ("CSIDriver", "spec"),
    ("CustomResourceDefinitionVersion", "served"),
    ("CustomResourceDefinitionVersion", "storage"),
    ("HTTPHeader", "value"),
    ("LimitRangeSpec", "limits"),
    ("LocalObjectReference", "name"),
    ("PodFailurePolicy", "rules"),
    ("PreferredSchedulingTerm", "preference"),
    ("PriorityClass", "value"),
    ("SleepAction", "seconds"),
    ("Sysctl", "value"),
];

/// Holds a decoded value against the node it was read from, whose path is `base`. `known` are errors
/// of the reader: what lies at or below them is not judged again. In the `spec` of a custom resource a
/// null is a value, and a wrong one.
pub fn audit<T: Serialize>(
    value: &T,
    node: &Node,
    base: &Path,
    known: &[Path],
    custom: bool,
) -> Vec<Located<Problem>> {
    let found = Found { path: base.clone(), ..Found::default() };
    let described = custom.then(|| base.key("spec"));
    let mut audit = Audit {
        node: Some(node),
        within: node,
        found,
        known,
        base,
        described,
        status: false,
        owner: "",
    };
    // No type of a known kind has a tuple or an enum with fields; if one gets one, its objects must
    // not pass without having been looked at.
    if value.serialize(&mut audit).is_err() {
        let error = Problem::Conflict("the check can't follow this type".to_owned());
        audit.found.add(Located::new(error, node.span, base.clone()));
    }
    audit.found.list
}

struct Audit<'n> {
    /// The node that the value to come was read from; none where there was none.
    node: Option<&'n Node>,
    /// The map or list that holds it.
    within: &'n Node,
    found: Found,
    known: &'n [Path],
    base: &'n Path,
    /// Where no null may stand, if there is such a part.
    described: Option<Path>,
    /// Whether this is the object's status, which the server ignores in what is applied.
    status: bool,
    /// The type of the structure that holds what is to come.
    owner: &'static str,
}

impl<'n> Audit<'n> {
    /// A value is written: it was filled in if no node is there.
    fn written(&mut self) -> Result<(), fmt::Error> {
        if self.node.is_none() && !self.status && !self.is_known() {
            let key = match self.found.path.segments().last() {
                Some(Segment::Key(key)) => key.clone(),
                _ => String::new(),
            };
            let (span, path) = (self.within.span, self.found.path.clone());
            self.found.add(Located::new(Problem::Missing(key), span, path));
        }
        Ok(())
    }

    fn is_known(&self) -> bool {
        let path = self.found.path.segments();
        self.known.iter().any(|known| path.starts_with(known.segments()))
    }

    fn step(
        &mut self,
        segment: Segment,
        within: &'n Node,
        node: Option<&'n Node>,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), fmt::Error> {
        self.found.path.push(segment);
        (self.within, self.node) = (within, node);
        value.serialize(&mut *self)?;
        self.found.path.pop();
        Ok(())
    }

    /// Whether a null under a key here is a wrong value, and not said to be one yet.
    fn takes_no_null(&self, key: &str) -> bool {
        let path = self.found.path.key(key);
        let described = self.described.as_ref().is_some_and(|part| path.starts_with(part));
        described && !self.known.contains(&path)
    }

    fn null(&mut self, key: &str, node: &Node) {
        let (expected, found) = ("a value".to_owned(), "null".to_owned());
        let error = Problem::Read(ReadError::WrongType { expected, found });
        let hint = "delete the key: a definition's schema takes no null";
        let path = self.found.path.key(key);
        self.found.add(Located::new(error, node.span, path).hint(hint));
    }

    fn quantity(&mut self, node: &Node) {
        if rules::amount(node).is_none()
            && let Some(text) = node.as_str()
        {
            let error = Problem::Quantity(shorten(text));
            let path = self.found.path.clone();
            let hint = "such as `6Gi`, `200m` or `1.5`";
            self.found.add(Located::new(error, node.span, path).hint(hint));
        }
    }
}

macro_rules! leaves {
    ($($method:ident $type:ty)*) => {$(
        fn $method(self, _: $type) -> Result<(), fmt::Error> {
            self.written()
        }
    )*};
}

impl<'a, 'n> Serializer for &'a mut Audit<'n> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Items<'a, 'n>;
    type SerializeTuple = ser::Impossible<(), fmt::Error>;
    type SerializeTupleStruct = ser::Impossible<(), fmt::Error>;
    type SerializeTupleVariant = ser::Impossible<(), fmt::Error>;
    type SerializeMap = Entries<'a, 'n>;
    type SerializeStruct = Fields<'a, 'n>;
    type SerializeStructVariant = ser::Impossible<(), fmt::Error>;

    leaves! {
        serialize_bool bool
        serialize_i8 i8
        serialize_i16 i16
        serialize_i32 i32
        serialize_i64 i64
        serialize_u8 u8
        serialize_u16 u16
        serialize_u32 u32
        serialize_u64 u64
        serialize_f32 f32
        serialize_f64 f64
        serialize_char char
        serialize_str &str
        serialize_bytes &[u8]
    }

    fn serialize_none(self) -> Result<(), fmt::Error> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), fmt::Error> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), fmt::Error> {
        self.written()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), fmt::Error> {
        self.written()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        match (name, self.node) {
            ("Quantity", Some(node)) => {
                self.quantity(node);
                Ok(())
            }
            // What these hold is any JSON, and whose it is only its owner knows.
            ("RawExtension" | "JSON" | "FieldsV1", Some(_)) => Ok(()),
            ("Quantity" | "RawExtension" | "JSON" | "FieldsV1", None) => self.written(),
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), fmt::Error> {
        self.written()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a, 'n>, fmt::Error> {
        self.written()?;
        let items = self.node.and_then(Node::as_sequence);
        Ok(Items { within: self.node, items, index: 0, audit: self })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a, 'n>, fmt::Error> {
        self.written()?;
        Ok(Entries { within: self.node, key: String::new(), audit: self })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a, 'n>, fmt::Error> {
        self.written()?;
        let within = self.node;
        let mapping = within.and_then(Node::as_mapping);
        if let Some(node) = within.filter(|_| mapping.is_some() && !self.status) {
            rules::apply(self.owner, name, node, &mut self.found);
        }
        let owner = std::mem::replace(&mut self.owner, name);
        Ok(Fields { name, within, mapping, owner, audit: self })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }
}

struct Items<'a, 'n> {
    audit: &'a mut Audit<'n>,
    within: Option<&'n Node>,
    items: Option<&'n [Node]>,
    index: usize,
}

impl ser::SerializeSeq for Items<'_, '_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        let (Some(within), Some(items)) = (self.within, self.items) else {
            return Ok(());
        };
        let index = self.index;
        self.index += 1;
        // The reader passes over items that it can't read, so what follows would be held against
        // the wrong ones.
        let shifted = self.audit.known.iter().any(|path| {
            let own = self.audit.found.path.segments();
            path.segments().len() == own.len() + 1 && path.segments().starts_with(own)
        });
        match items.get(index).filter(|_| !shifted) {
            Some(node) => self.audit.step(Segment::Index(index), within, Some(node), value),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<(), fmt::Error> {
        Ok(())
    }
}

struct Entries<'a, 'n> {
    audit: &'a mut Audit<'n>,
    within: Option<&'n Node>,
    key: String,
}

impl ser::SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), fmt::Error> {
        // Keys are strings, which `Formatter` writes as they are.
        self.key = Shown(key).to_string();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        let key = std::mem::take(&mut self.key);
        let Some((within, node)) = self.within.and_then(|within| Some((within, within.get(&key)?)))
        else {
            return Ok(());
        };
        self.audit.step(Segment::Key(key), within, Some(node), value)
    }

    fn end(self) -> Result<(), fmt::Error> {
        Ok(())
    }
}

struct Shown<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

struct Fields<'a, 'n> {
    audit: &'a mut Audit<'n>,
    name: &'static str,
    within: Option<&'n Node>,
    mapping: Option<&'n Mapping>,
    owner: &'static str,
}

impl ser::SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        let (Some(within), Some(mapping)) = (self.within, self.mapping) else {
            return Ok(());
        };
        let written = mapping.get(key).map(|entry| &entry.node);
        // A null is as no value: the API server's decoder leaves such a field alone.
        let node = written.filter(|node| node.value != Value::Null);
        if let Some(null) = written.filter(|_| node.is_none())
            && self.audit.takes_no_null(key)
        {
            self.audit.null(key, null);
            return Ok(());
        }
        if node.is_none() && FILLED_IN.contains(&(self.name, key)) {
            return Ok(());
        }
        let top = self.audit.found.path == *self.audit.base;
        self.audit.status |= top && key == "status";
        self.audit.step(Segment::Key(key.to_owned()), within, node, value)?;
        self.audit.status &= !top;
        Ok(())
    }

    fn end(self) -> Result<(), fmt::Error> {
        self.audit.owner = self.owner;
        Ok(())
    }
}
