//! What the reader says of wrong values, whole: message, place, path and hint.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::api::apps::v1::Deployment;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::source::{Source, Sources};
use crate::yaml::{Dialect, parse};

/// Reads a text into a type; of errors, a line each: `line:column message | path | hint`.
fn outcome<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    let nodes = parse(&sources, id, Dialect::Strict).unwrap();
    read(&nodes[0]).map_err(|errors| errors.iter().map(|error| line(&sources, error)).collect())
}

fn line(sources: &Sources, error: &Located<ReadError>) -> String {
    let diagnostic = error.diagnose(sources);
    let place = diagnostic.place.unwrap();
    let hint = diagnostic.label.unwrap_or_default();
    let path = diagnostic.path.unwrap_or_default();
    format!("{}:{} {} | {path} | {hint}", place.line, place.column.unwrap(), diagnostic.message)
}

#[track_caller]
fn assert_errors<T: DeserializeOwned + Debug>(text: &str, expected: &[&str]) {
    assert_eq!(outcome::<T>(text).unwrap_err(), expected, "{text}");
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
            "5:13 expected a whole number, found the string \"3\" | spec.replicas | write it without quotes: `3`",
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
