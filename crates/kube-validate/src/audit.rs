//! Compares a decoded value with the node that it was read from, and checks it by the rules.
//!
//! A decoded value alone does not show which fields its manifest had: k8s-openapi fills in required
//! fields that are absent. The value's `Serialize` implementation does show it, because it visits every
//! field that the value has, in order, and names the Rust type of every structure. So the audit is a
//! serde `Serializer` without output: each time the value announces a part, the audit moves to the node
//! under the same key or index.
//!
//! For example, this container is decoded and then audited:
//!
//! ```yaml
//! name: server
//! ports: [{protocol: TCP}]
//! resources: {limits: {memory: 8GB}}
//! ```
//!
//! | the value announces | the audit moves to | and reports |
//! |---|---|---|
//! | the struct `Container` | the map | the findings of the rules of `Container` |
//! | its field `name`, a string | `name` | |
//! | its field `ports`, a sequence | `ports` | |
//! | an item, the struct `ContainerPort` | `ports[0]` | the findings of the rules of `ContainerPort` |
//! | its field `containerPort`, a number (0) | no node | missing field `containerPort` |
//! | its field `resources`, then `limits`, a map | `resources.limits` | the findings of the rules of `ResourceRequirements` |
//! | an entry `memory`, the newtype `Quantity` | `resources.limits.memory` | invalid quantity `8GB` |
//!
//! An optional field that is absent announces itself as `None`, and is not missing.

use std::fmt;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::error::Problem;
use super::rules::{self, Findings, ListKeys};
use yaml_spans::diagnostic::Located;
use yaml_spans::{Mapping, Node, Path, ReadError, Segment, Value, truncate};

/// Fields that Kubernetes' schema calls required, although the API server fills them in or accepts
/// zero. The list comes from a run of the API server's own code (1.37) on a few hundred objects, each
/// without one required field; the defaults are in `pkg/apis/*/v*/defaults.go`.
const DEFAULTED_FIELDS: &[(&str, &str)] = &[
    // In a StatefulSet's claim templates. At the top of a document, both are checked earlier.
    ("PersistentVolumeClaim", "apiVersion"),
    ("PersistentVolumeClaim", "kind"),
    // Zero, false and empty are valid values here.
    ("CSIDriver", "spec"),
    ("CSINode", "spec"),
    ("CSINodeSpec", "drivers"),
    ("CustomResourceDefinitionVersion", "served"),
    ("CustomResourceDefinitionVersion", "storage"),
    ("HTTPHeader", "value"),
    // The server makes a name, and fills in an empty specification.
    ("LimitRange", "metadata"),
    ("ResourceClaimTemplate", "spec"),
    ("LimitRangeSpec", "limits"),
    ("LocalObjectReference", "name"),
    ("PodFailurePolicy", "rules"),
    ("PreferredSchedulingTerm", "preference"),
    ("PriorityClass", "value"),
    ("ResourcePool", "generation"),
    ("SleepAction", "seconds"),
    ("Sysctl", "value"),
];

/// Audits a decoded value against the node that it was read from, whose path is `base`.
///
/// `known` has the paths of the reader's errors: nothing at or below them is reported again. Below
/// `no_nulls`, a null is an error. `keys` says whether items of lists must have different keys.
pub fn audit<T: Serialize>(
    value: &T,
    node: &Node,
    base: &Path,
    known: &[Path],
    no_nulls: Option<Path>,
    keys: ListKeys,
) -> Vec<Located<Problem>> {
    let findings = Findings { path: base.clone(), keys, ..Findings::default() };
    let mut audit = Audit {
        node: Some(node),
        within: node,
        findings,
        known,
        base,
        no_nulls,
        in_status: false,
        owner: "",
    };
    // No type of a known kind has a tuple or an enum with fields. Should one get such a field, its
    // objects must not pass unchecked.
    if value.serialize(&mut audit).is_err() {
        let error = Problem::conflict("unsupported type: the object was not checked");
        audit.findings.push(Located::new(error, node.span, base.clone()));
    }
    audit.findings.list
}

struct Audit<'n> {
    /// The node of the next value; none if it is absent.
    node: Option<&'n Node>,
    /// The map or list that contains the next value.
    within: &'n Node,
    findings: Findings,
    known: &'n [Path],
    base: &'n Path,
    /// The part in which a null is an error.
    no_nulls: Option<Path>,
    /// True in the object's status, which the server ignores when a manifest is applied.
    in_status: bool,
    /// The type of the structure that contains the next value.
    owner: &'static str,
}

impl<'n> Audit<'n> {
    /// Reports a value that the decoder filled in: one without a node.
    fn check_presence(&mut self) -> Result<(), fmt::Error> {
        if self.node.is_none() && !self.in_status && !self.is_known() {
            let key = match self.findings.path.segments().last() {
                Some(Segment::Key(key)) => key.clone(),
                _ => String::new(),
            };
            let (span, path) = (self.within.span, self.findings.path.clone());
            self.findings.push(Located::new(Problem::Missing(key), span, path));
        }
        Ok(())
    }

    fn is_known(&self) -> bool {
        let path = self.findings.path.segments();
        self.known.iter().any(|known| path.starts_with(known.segments()))
    }

    /// Audits a part of the current value.
    fn visit_part(
        &mut self,
        segment: Segment,
        within: &'n Node,
        node: Option<&'n Node>,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), fmt::Error> {
        self.findings.path.push(segment);
        (self.within, self.node) = (within, node);
        value.serialize(&mut *self)?;
        self.findings.path.pop();
        Ok(())
    }

    /// Returns true if a null under a key is an error that is not reported yet.
    fn refuses_null(&self, key: &str) -> bool {
        let path = self.findings.path.key(key);
        let refused = self.no_nulls.as_ref().is_some_and(|part| path.starts_with(part));
        refused && !self.known.contains(&path)
    }

    fn report_null(&mut self, key: &str, node: &Node) {
        let error = Problem::Read(ReadError::WrongType {
            expected: "a value".to_owned(),
            found: "null".to_owned(),
        });
        let hint = "delete the key: the definition's schema does not allow null";
        let path = self.findings.path.key(key);
        self.findings.push(Located::new(error, node.span, path).hint(hint));
    }

    fn check_quantity(&mut self, node: &Node) {
        if rules::quantity_of(node).is_none()
            && let Some(text) = node.as_str()
        {
            let error = Problem::Quantity(truncate(text));
            let path = self.findings.path.clone();
            let hint = "expected an amount such as `6Gi`, `200m` or `1.5`";
            self.findings.push(Located::new(error, node.span, path).hint(hint));
        }
    }
}

macro_rules! leaves {
    ($($method:ident $type:ty)*) => {$(
        fn $method(self, _: $type) -> Result<(), fmt::Error> {
            self.check_presence()
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
        self.check_presence()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), fmt::Error> {
        self.check_presence()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        match (name, self.node) {
            ("Quantity", Some(node)) => {
                self.check_quantity(node);
                Ok(())
            }
            // These types contain any JSON.
            ("RawExtension" | "JSON" | "FieldsV1", Some(_)) => Ok(()),
            ("Quantity" | "RawExtension" | "JSON" | "FieldsV1", None) => self.check_presence(),
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
        self.check_presence()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a, 'n>, fmt::Error> {
        self.check_presence()?;
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
        self.check_presence()?;
        Ok(Entries { within: self.node, key: String::new(), audit: self })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a, 'n>, fmt::Error> {
        self.check_presence()?;
        let within = self.node;
        let mapping = within.and_then(Node::as_mapping);
        if let Some(node) = within.filter(|_| mapping.is_some() && !self.in_status) {
            rules::check_structure(self.owner, name, node, &mut self.findings);
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
        // The reader skips items that it can't read, so the indexes of later items do not match.
        let has_skipped = self.audit.known.iter().any(|path| {
            let own = self.audit.findings.path.segments();
            path.segments().len() == own.len() + 1 && path.segments().starts_with(own)
        });
        match items.get(index).filter(|_| !has_skipped) {
            Some(node) => self.audit.visit_part(Segment::Index(index), within, Some(node), value),
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
        // Keys are strings, which serde's `Serializer` for `Formatter` writes unchanged.
        self.key = Display(key).to_string();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        let key = std::mem::take(&mut self.key);
        let Some((within, node)) = self.within.and_then(|within| Some((within, within.get(&key)?)))
        else {
            return Ok(());
        };
        self.audit.visit_part(Segment::Key(key), within, Some(node), value)
    }

    fn end(self) -> Result<(), fmt::Error> {
        Ok(())
    }
}

/// Displays a value by its serialization.
struct Display<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> fmt::Display for Display<'_, T> {
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
        // A null counts as absent: the API server's decoder ignores it.
        let node = written.filter(|node| node.value != Value::Null);
        if let Some(null) = written.filter(|_| node.is_none())
            && self.audit.refuses_null(key)
        {
            self.audit.report_null(key, null);
            return Ok(());
        }
        if node.is_none() && DEFAULTED_FIELDS.contains(&(self.name, key)) {
            return Ok(());
        }
        let top = self.audit.findings.path == *self.audit.base;
        self.audit.in_status |= top && key == "status";
        self.audit.visit_part(Segment::Key(key.to_owned()), within, node, value)?;
        self.audit.in_status &= !top;
        Ok(())
    }

    fn end(self) -> Result<(), fmt::Error> {
        self.audit.owner = self.owner;
        Ok(())
    }
}
