//! JSON schemas of custom resources, from the definitions in the modules of the programs that own them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::cluster::{PROMETHEUS_OPERATOR, module_folder};
use crate::common::tool::{objects, repository};

/// Each module of tests/tools with the Go module that it pins and a folder of definitions in that; none for a Go
/// module that names its version.
const DEFINITIONS: [(&str, &str, &str); 4] = [
    ("kyverno", "github.com/kyverno/kyverno", "config/crds/kyverno"),
    ("kyverno", "github.com/kyverno/kyverno", "config/crds/policies.kyverno.io"),
    ("argocd", "github.com/argoproj/argo-cd/v3", "manifests/crds"),
    ("", PROMETHEUS_OPERATOR, "example/prometheus-operator-crd"),
];

/// Writes a file `<group>_<kind>_<version>.json` for each version of each kind.
pub fn write(into: &Path) {
    for (tool, module, folder) in DEFINITIONS {
        let place = match tool {
            "" => module_folder(module),
            _ => pinned_folder(tool, module),
        };
        let mut written = 0;
        for file in std::fs::read_dir(place.join(folder)).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let definitions = objects(&text);
            for definition in definitions.iter().map(|object| &object["spec"]) {
                // Not a definition: a list of files.
                let Some(versions) = definition["versions"].as_array() else { continue };
                for version in versions {
                    let text = |value: &Value| value.as_str().unwrap().to_lowercase();
                    let name = format!(
                        "{}_{}_{}.json",
                        text(&definition["group"]),
                        text(&definition["names"]["kind"]),
                        text(&version["name"])
                    );
                    let mut schema = version["schema"]["openAPIV3Schema"].clone();
                    refuse_unknown_fields(&mut schema);
                    std::fs::write(into.join(name), schema.to_string()).unwrap();
                    written += 1;
                }
            }
        }
        assert!(written >= 3, "{folder}: {written}");
    }
}

/// The folder of a module that a module of tests/tools pins.
fn pinned_folder(tool: &str, module: &str) -> PathBuf {
    let output = Command::new("go")
        .args(["mod", "download", "-json", module])
        .current_dir(repository().join("tests/tools").join(tool))
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let place = answer["Dir"].as_str().unwrap_or_else(|| panic!("{module}: {answer}"));
    PathBuf::from(place)
}

/// Turns a structural schema into a JSON Schema that refuses the fields that the API server would prune.
fn refuse_unknown_fields(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if fields.get("nullable") == Some(&Value::Bool(true))
        && let Some(kind) = fields.get_mut("type")
    {
        *kind = json!([kind.take(), "null"]);
    }
    let open = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    if fields.contains_key("properties") && !open {
        fields.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    for key in ["items", "additionalProperties"] {
        fields.get_mut(key).map(refuse_unknown_fields);
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(refuse_unknown_fields);
    }
}
