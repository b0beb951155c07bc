use super::*;
use crate::source::{Source, Sources};
use crate::yaml::{Dialect, parse};

fn strict(text: &str) -> Node {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("a.yaml", text));
    let mut nodes = parse(&sources, id, Dialect::Strict).unwrap();
    assert_eq!(nodes.len(), 1, "{text}");
    nodes.remove(0)
}

#[test]
fn manifests_come_out_as_reviewers_know_them() {
    let text = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: x
  labels:
    istio-injection: disabled
    keel.sh/enrolled: "true"
  annotations: {}
spec:
  replicas: 0
  template:
    spec:
      containers:
        - name: main
          args:
            - --port=80
            - -c
            - |
              set -eu

              exec x "$@"
          command: []
          env:
            - name: TTS_BF16
              value: "off"
            - name: EMPTY
              value: ""
          weight: 1.5
          matrix:
            - - 1
              - 2
            - - {}
"#;
    assert_eq!(emit(&strict(text)), text);
}
