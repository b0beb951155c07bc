use std::collections::BTreeMap;

use serde::Serialize;

use super::*;
use crate::emit;

#[derive(Serialize)]
struct Sample {
    z: &'static str,
    a: Vec<Option<u8>>,
    variant: Variants,
    f: f32,
    map: BTreeMap<u16, bool>,
}

#[derive(Serialize)]
enum Variants {
    Unit,
    Newtype(i32),
    Tuple(i32, char),
    Struct { unit: () },
}

#[test]
fn fields_keep_their_order() {
    let sample = Sample {
        z: "yes",
        a: vec![Some(1), None],
        variant: Variants::Struct { unit: () },
        f: 0.1,
        map: BTreeMap::from([(80, true)]),
    };
    let text = emit(&to_node(&sample).unwrap());
    let expected = "z: \"yes\"\na:\n  - 1\n  - null\nvariant:\n  Struct:\n    unit: null\nf: 0.1\nmap:\n  \"80\": true\n";
    assert_eq!(text, expected);
    let variants = [Variants::Unit, Variants::Newtype(3), Variants::Tuple(-1, 'c')];
    let text = emit(&to_node(&variants).unwrap());
    assert_eq!(text, "- Unit\n- Newtype: 3\n- Tuple:\n    - -1\n    - c\n");
}

#[test]
fn a_part_is_made_without_its_siblings() {
    let sample = Sample {
        z: "yes",
        a: vec![Some(1), None],
        variant: Variants::Newtype(3),
        f: 0.1,
        map: BTreeMap::from([(80, true), (81, false)]),
    };
    for (path, expected) in [
        ("z", "z: \"yes\"\n"),
        ("map[\"81\"]", "map:\n  \"81\": false\n"),
        ("map.x", "map: {}\n"),
        ("z.x", "z: \"yes\"\n"),
        ("a[1]", "a:\n  - 1\n  - null\n"),
        ("variant.Newtype", "variant:\n  Newtype: 3\n"),
        ("x", "{}\n"),
    ] {
        let part = to_node_at(&sample, &path.parse().unwrap()).unwrap();
        assert_eq!(emit(&part), expected, "{path}");
    }
    assert_eq!(to_node_at(&sample, &Path::root()), to_node(&sample));
}

#[test]
fn values_that_yaml_cannot_represent_are_refused() {
    let numbers = BTreeMap::from([("a", vec![1, u64::MAX])]);
    assert_refused(&numbers, "the number 18446744073709551615 does not fit 64 bits");
    assert_refused(&[f64::NAN], "a number must be finite");
    assert_refused(&f32::INFINITY, "a number must be finite");
    assert_refused(&BTreeMap::from([(vec![1], 1)]), "a key must be a string, not a list");
    assert_refused(&BTreeMap::from([("k", DuplicateKey)]), "duplicate key `1`");
}

#[track_caller]
fn assert_refused<T: Serialize>(value: &T, message: &str) {
    assert_eq!(to_node(value).unwrap_err().to_string(), message);
}

struct DuplicateKey;

impl Serialize for DuplicateKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("1", 1), ("1", 2)])
    }
}

#[test]
fn endless_nesting_is_an_error() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq([Endless])
        }
    }
    assert_refused(&Endless, "lists and maps are nested more than 64 deep");
}
