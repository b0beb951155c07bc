//! The reader's errors in full: message, place, path and hint.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::api::apps::v1::Deployment;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::source::{Source, Sources};
use crate::{Dialect, MAX_ERRORS, parse};

/// Reads a text into a type; errors are lines of `line:column message | path | hint`.
fn read_text<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let (sources, node) = parse_text(text);
    let result = read::<T>(&node);
    assert_eq!(read_if_valid::<T>(&node).is_some(), result.is_ok(), "{text}");
    result.map_err(|errors| errors.iter().map(|error| format_error(&sources, error)).collect())
}

fn parse_text(text: &str) -> (Sources, Node) {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    let node = parse(&sources, id, Dialect::Strict).unwrap().remove(0);
    (sources, node)
}

fn parse_one(text: &str) -> Node {
    parse_text(text).1
}

fn format_error(sources: &Sources, error: &Located<ReadError>) -> String {
    let diagnostic = error.diagnose(sources);
    let place = diagnostic.place.unwrap();
    let hint = diagnostic.label.unwrap_or_default();
    let path = diagnostic.path.unwrap_or_default();
    format!("{}:{} {} | {path} | {hint}", place.line, place.column, diagnostic.message)
}

#[track_caller]
fn assert_errors<T: DeserializeOwned + Debug>(text: &str, expected: &[&str]) {
    assert_eq!(read_text::<T>(text).unwrap_err(), expected, "{text}");
}

#[test]
fn every_error_of_a_deployment_is_found_at_once() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, labels: {tier: 5}}
spec:
  replicas: \"3\"
  min_ready_seconds: 5
  template:
    spec:
      continers: []
      containers:
        - name: a
          image: 5
          ports:
            - containerPort: 99999999999
            - containerPort: 80
              protokol: TCP
          resources: {limits: {cpu: 1, memory: 1Gi}}
        - nam: b
          readinessProbe: {httpGet: {port: http}, periodSeconds: 1.5}
";
    assert_errors::<Deployment>(
        text,
        &[
            "3:36 expected a string, found the number `5` | metadata.labels.tier | quote it: `\"5\"`",
            "5:13 expected a whole number, found the string `3` | spec.replicas | write it without quotes: `3`",
            "6:3 unknown field `min_ready_seconds` | spec.min_ready_seconds | did you mean `minReadySeconds`?",
            "9:7 unknown field `continers` | spec.template.spec.continers | did you mean `containers`?",
            "12:18 expected a string, found the number `5` | spec.template.spec.containers[0].image | quote it: `\"5\"`",
            "14:30 99999999999 is out of range: -2147483648 to 2147483647 | spec.template.spec.containers[0].ports[0].containerPort | ",
            "16:15 unknown field `protokol` | spec.template.spec.containers[0].ports[1].protokol | did you mean `protocol`?",
            "18:11 unknown field `nam` | spec.template.spec.containers[1].nam | did you mean `name`?",
            "19:66 expected a whole number, found the number `1.5` | spec.template.spec.containers[1].readinessProbe.periodSeconds | ",
        ],
    );
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stack {
    name: Name,
    server: Server,
    gpu_total: Option<u8>,
    #[serde(default)]
    clients: Vec<Client>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Server {
    image: String,
    port: u16,
    mode: Option<Mode>,
    ratio: Option<f64>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Client {
    name: Name,
    env: Option<BTreeMap<String, Env>>,
}

/// An empty name is invalid, so that its placeholder fails too.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().all(|c| c.is_ascii_lowercase()) && !text.is_empty() {
            true => Ok(Name(text)),
            false => Err(format!("invalid name `{text}`")),
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mode {
    Edit,
    Exception,
    Custom { level: u8 },
    Pair(u8, String),
    Named(Name),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Env {
    Plain(String),
    From {
        #[serde(rename = "valueFrom")]
        value_from: String,
    },
}

#[test]
fn valid_values_are_read() {
    let text = "name: tts\nserver: {image: a, port: 80, ratio: 2, mode: {custom: {level: 3}}}\ngpuTotal: null\nclients:\n  - name: b\n    env: {A: x, B: {valueFrom: z}}\n";
    let stack: Stack = read_text(text).unwrap();
    let env = BTreeMap::from([
        ("A".to_owned(), Env::Plain("x".to_owned())),
        ("B".to_owned(), Env::From { value_from: "z".to_owned() }),
    ]);
    let mode = Some(Mode::Custom { level: 3 });
    let expected = Stack {
        name: Name("tts".to_owned()),
        server: Server { image: "a".to_owned(), port: 80, mode, ratio: Some(2.0) },
        gpu_total: None,
        clients: vec![Client { name: Name("b".to_owned()), env: Some(env) }],
    };
    assert_eq!(stack, expected);
}

#[test]
fn missing_fields_are_reported_at_their_map() {
    assert_errors::<Stack>(
        "server:\n  mode: edit\nclients:\n  - env: {}\n  - {}\n",
        &[
            "1:1 missing field `image` | server.image | ",
            "1:1 missing field `port` | server.port | ",
            "1:1 missing field `name` | name | ",
            "4:5 missing field `name` | clients[0].name | ",
            "5:5 missing field `name` | clients[1].name | ",
        ],
    );
}

#[test]
fn broken_rules_are_reported_with_all_other_errors() {
    assert_errors::<Stack>(
        "name: TTS\nserver:\n  image: 5\n  port: 70000\n  mode: Edit\ngpuTotal: -1\nclients:\n  - name: ''\n    env: {A: 5}\n  - x\n",
        &[
            "1:7 invalid name `TTS` | name | ",
            "3:10 expected a string, found the number `5` | server.image | quote it: `\"5\"`",
            "4:9 70000 is out of range: 0 to 65535 | server.port | ",
            "5:9 unknown value `Edit` | server.mode | did you mean `edit`?",
            "6:11 -1 is out of range: 0 to 255 | gpuTotal | ",
            "8:11 invalid name `` | clients[0].name | ",
            "9:14 data did not match any variant of untagged enum Env | clients[0].env.A | ",
            "10:5 expected a map, found the string `x` | clients[1] | ",
        ],
    );
}

#[test]
fn enums_are_strings_or_maps_with_one_key() {
    for (text, expected) in [
        ("edit", Mode::Edit),
        ("edit: null", Mode::Edit),
        ("custom: {level: 1}", Mode::Custom { level: 1 }),
        ("pair: [1, x]", Mode::Pair(1, "x".to_owned())),
        ("named: x", Mode::Named(Name("x".to_owned()))),
    ] {
        assert_eq!(read_text::<Mode>(text), Ok(expected), "{text}");
    }
    for (text, error) in [
        ("5", "1:1 expected a string, found the number `5` |  | quote it: `\"5\"`"),
        ("{}", "1:1 expected a map with one key, found a map |  | "),
        ("{edit: null, pair: []}", "1:1 expected a map with one key, found a map |  | "),
        ("edit: 1", "1:7 expected null, found the number `1` | edit | "),
        ("exeption", "1:1 unknown value `exeption` |  | did you mean `exception`?"),
        (
            "zzz: 1",
            "1:1 unknown value `zzz` |  | expected `edit`, `exception`, `custom`, `pair` or `named`",
        ),
        (
            "custom",
            "1:1 expected a map with the key `custom` and a map as its value, found the string `custom` |  | ",
        ),
        ("custom: {level: 300}", "1:17 300 is out of range: 0 to 255 | custom.level | "),
        (
            "custom: {levle: 3, level: 1}",
            "1:10 unknown field `levle` | custom.levle | did you mean `level`?",
        ),
        ("pair: [1, x, z]", "1:7 expected 2 items, found 3 items | pair | "),
        ("pair: [300, x]", "1:8 300 is out of range: 0 to 255 | pair[0] | "),
        (
            "pair: [1, 2]",
            "1:11 expected a string, found the number `2` | pair[1] | quote it: `\"2\"`",
        ),
        ("named: X", "1:8 invalid name `X` | named | "),
    ] {
        assert_errors::<Mode>(text, &[error]);
    }
}

#[test]
fn values_are_not_converted_between_types() {
    assert_errors::<BTreeMap<String, String>>(
        "{a: null, b: true, c: 1.5, d: [], e: {}}",
        &[
            "1:5 expected a string, found null | a | ",
            "1:14 expected a string, found the boolean `true` | b | quote it: `\"true\"`",
            "1:23 expected a string, found the number `1.5` | c | quote it: `\"1.5\"`",
            "1:31 expected a string, found a list | d | ",
            "1:38 expected a string, found a map | e | ",
        ],
    );
    assert_errors::<Vec<i64>>(
        "[1, 1.0, \"1\", \"x\", true]",
        &[
            "1:5 expected a whole number, found the number `1.0` | [1] | ",
            "1:10 expected a whole number, found the string `1` | [2] | write it without quotes: `1`",
            "1:15 expected a whole number, found the string `x` | [3] | ",
            "1:20 expected a whole number, found the boolean `true` | [4] | ",
        ],
    );
    assert_errors::<Vec<f64>>(
        "[1, 1.5, \"1.5\", null]",
        &[
            "1:10 expected a number, found the string `1.5` | [2] | write it without quotes: `1.5`",
            "1:17 expected a number, found null | [3] | ",
        ],
    );
    assert_errors::<Vec<bool>>(
        "[true, \"true\", 1]",
        &[
            "1:8 expected true or false, found the string `true` | [1] | write it without quotes: `true`",
            "1:16 expected true or false, found the number `1` | [2] | ",
        ],
    );
    assert_errors::<(u8, u8)>("[1]", &["1:1 expected a tuple of size 2, found 1 item |  | "]);
    assert_errors::<BTreeMap<String, u8>>("[]", &["1:1 expected a map, found a list |  | "]);
    assert_errors::<Vec<u8>>("{}", &["1:1 expected a list, found a map |  | "]);
}

#[test]
fn flattened_and_tagged_types_are_read() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        a: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        One { x: u8 },
    }
    let outer: Outer = read_text("{a: 1, b: 2}").unwrap();
    assert_eq!(outer, Outer { a: 1, rest: BTreeMap::from([("b".to_owned(), 2)]) });
    assert_errors::<Outer>("{b: 1}", &["1:2 missing field `a` | a | "]);
    assert_eq!(read_text("{kind: One, x: 5}"), Ok(Tagged::One { x: 5 }));
    assert_errors::<Tagged>("{kind: Two}", &["1:8 unknown value `Two` | kind | expected `One`"]);
}

#[test]
fn kubernetes_scalars_are_read() {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

    let secret: Secret =
        read_text("{apiVersion: v1, kind: Secret, data: {a: aGk=}, type: null}").unwrap();
    assert_eq!(secret.data.unwrap()["a"], ByteString(b"hi".to_vec()));
    assert_eq!(secret.type_, None);
    let quantities: Vec<Quantity> = read_text("[1, 1.5, 6Gi]").unwrap();
    assert_eq!(quantities, ["1", "1.5", "6Gi"].map(|text| Quantity(text.to_owned())));
    let ports: Vec<IntOrString> = read_text("[80, http]").unwrap();
    assert_eq!(ports, [IntOrString::Int(80), IntOrString::String("http".to_owned())]);
    assert!(read_text::<Time>("\"2026-11-24T02:00:00Z\"").is_ok());
    let errors = read_text::<Secret>(
        "{apiVersion: v1, kind: Secret, data: {a: '*'}, metadata: {creationTimestamp: x}}",
    )
    .unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0] == "1:42 Invalid symbol 42, offset 0 | data.a | ", "{errors:?}");
    assert!(errors[1].starts_with("1:78 ") && errors[1].contains("metadata.creationTimestamp"));
}

#[test]
fn a_broken_rule_names_its_type() {
    let node = parse_one("{data: {a: '*'}}");
    let (_, errors) = read_partial::<k8s_openapi::api::core::v1::Secret>(&node, &Path::root());
    let type_names: Vec<_> = errors
        .iter()
        .filter_map(|error| match &error.error {
            ReadError::Rule { type_name, .. } => *type_name,
            _ => None,
        })
        .collect();
    assert_eq!(type_names, [std::any::type_name::<k8s_openapi::ByteString>()]);
}

/// The example of the module's documentation.
#[test]
fn errors_behind_errors_are_found_in_further_passes() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Server {
        port: u16,
        image: String,
        name: String,
    }
    let text = "port: \"80\"\nimgae: x\nname: 5\n";
    assert_errors::<Server>(
        text,
        &[
            "1:7 expected a whole number, found the string `80` | port | write it without quotes: `80`",
            "2:1 unknown field `imgae` | imgae | did you mean `image`?",
            "3:7 expected a string, found the number `5` | name | quote it: `\"5\"`",
        ],
    );
    let (server, _) = read_partial::<Server>(&parse_one(text), &Path::root());
    assert_eq!(server, Some(Server { port: 0, image: String::new(), name: String::new() }));
}

#[test]
fn an_object_of_another_kind_is_an_error() {
    assert_errors::<Deployment>(
        "apiVersion: apps/v1\nkind: StatefulSet\n",
        &["1:1 expected Deployment, found the string `StatefulSet` |  | "],
    );
}

#[test]
fn free_json_is_read() {
    let value: serde_json::Value = read_text("{b: [1, -2, 1.5, null, true, x], a: {}}").unwrap();
    assert_eq!(value.to_string(), "{\"a\":{},\"b\":[1,-2,1.5,null,true,\"x\"]}");
}

#[test]
fn the_number_of_errors_is_bounded() {
    let text: String = (0..3000).map(|index| format!("- {{x{index}: 1, name: 5}}\n")).collect();
    assert_eq!(read_text::<Vec<Client>>(&text).unwrap_err().len(), MAX_ERRORS);
    let text: String = (0..3000).map(|index| format!("k{index}: {index}\n")).collect();
    assert_eq!(read_text::<BTreeMap<String, String>>(&text).unwrap_err().len(), MAX_ERRORS);
}

#[test]
fn paths_begin_with_the_base() {
    let node = Node::new(crate::Value::Int(5));
    let base = "server.config".parse().unwrap();
    let (_, errors) = read_partial::<String>(&node, &base);
    assert_eq!(errors[0].path, base);
    assert_eq!(errors[0].span, None);
}

/// The type with the largest stack frames, at the greatest depth of a text.
#[test]
fn the_deepest_tree_is_read_on_a_thread_s_stack() {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
    let depth = crate::limits::MAX_DEPTH;
    let text = format!("{}{}", "{not: ".repeat(depth - 1), "{}") + &"}".repeat(depth - 1);
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            assert!(read_text::<JSONSchemaProps>(&text).is_ok());
            assert!(read_text::<serde_json::Value>(&text).is_ok());
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn foreign_text_in_messages_is_one_short_line() {
    let text = format!("\"a\\nb\\e\": 1\nname: \"{}\\u0085\"\n", "X".repeat(1000));
    for line in read_text::<Client>(&text).unwrap_err() {
        assert!(!line.contains(char::is_control) && line.chars().count() < 600, "{line}");
    }
}
