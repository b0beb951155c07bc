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
fn types_become_trees_in_their_order() {
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
    let others = [Variants::Unit, Variants::Newtype(3), Variants::Tuple(-1, 'c')];
    let text = emit(&to_node(&others).unwrap());
    assert_eq!(text, "- Unit\n- Newtype: 3\n- Tuple:\n    - -1\n    - c\n");
}

#[test]
fn what_has_no_place_in_yaml_is_refused_with_its_path() {
    let message = |error: Result<Node, WriteError>| error.unwrap_err().to_string();
    let numbers = BTreeMap::from([("a", vec![1, u64::MAX])]);
    assert_eq!(
        message(to_node(&numbers)),
        "the number 18446744073709551615 does not fit 64 bits (at `a[1]`)"
    );
    assert_eq!(message(to_node(&[f64::NAN])), "a number must be finite (at `[0]`)");
    assert_eq!(message(to_node(&f32::INFINITY)), "a number must be finite");
    let keys = BTreeMap::from([(vec![1], 1)]);
    assert_eq!(message(to_node(&keys)), "a key must be a string, not a list");
    let twice = BTreeMap::from([("k", Twice)]);
    assert_eq!(message(to_node(&twice)), "duplicate key `1` (at `k`)");
}

struct Twice;

impl Serialize for Twice {
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
    assert_eq!(to_node(&Endless).unwrap_err().problem, WriteProblem::TooDeep);
}
