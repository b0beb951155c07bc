//! Builds the rendered Kustomizations as Flux' controller does, with its own library (tests/tools/flux), which
//! reads them strictly as its own types.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::tool::{CommandOutput, Sandbox, objects};
use crate::programs::program;

/// The objects that `gitops flux` prints for a project.
fn wiring(project: &Sandbox, set: &[&str]) -> Vec<Value> {
    let url = "gitops.repoURL=https://git.example/me/infra.git";
    // The folder of policies is wired, too.
    let set = [&[url, "gitops.policies=true"], set].concat();
    let arguments: Vec<&str> = set.iter().flat_map(|one| ["--set", one]).collect();
    objects(&project.ok(&[&["gitops", "flux"], &arguments[..]].concat()).stdout)
}

/// Runs the build over a source.
fn flux_build(source: &str, wiring: &[Value]) -> CommandOutput {
    let documents: Vec<String> = wiring.iter().map(Value::to_string).collect();
    let input = documents.join("\n---\n");
    CommandOutput::with_input(Command::new(program("flux-build")).arg(source), &input)
}

/// The objects of each Kustomization, by its name.
#[track_caller]
fn build_by_kustomization(source: &str, wiring: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let output = flux_build(source, wiring);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    output
        .stdout
        .lines()
        .map(|line| {
            let mut made: Value = serde_json::from_str(line).unwrap();
            let objects = made["objects"].as_array_mut().unwrap().drain(..).collect();
            (made["name"].as_str().unwrap().to_owned(), sorted(objects))
        })
        .collect()
}

/// The manifests in a folder of rendered/.
fn rendered(project: &Sandbox, folder: &str) -> Vec<Value> {
    let files = std::fs::read_dir(project.path("rendered").join(folder)).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let manifests = paths.filter(|path| {
        // Flux writes `kustomization.yaml` itself.
        path.extension().is_some_and(|ending| ending == "yaml")
            && !path.ends_with("kustomization.yaml")
    });
    sorted(manifests.flat_map(|path| objects(&std::fs::read_to_string(path).unwrap())).collect())
}

fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(Value::to_string);
    objects
}

#[test]
#[ignore = "tests/e2e/run"]
fn flux_builds_exactly_the_rendered_manifests() {
    let artifact = ["gitops.flux.artifact=oci://registry.example/infra"];
    // An artifact contains the files of rendered/, so its paths start there.
    for (set, root) in [(&[][..], ""), (&artifact[..], "rendered")] {
        let project = Sandbox::repository();
        project.ok(&["init", "demo"]);
        project.ok(&["render"]);
        let wiring = wiring(&project, set);
        let built = build_by_kustomization(&project.path(root).display().to_string(), &wiring);
        let folders = [
            ("demo", "demo"),
            ("tts", "tts"),
            ("tts-render-kyverno", "kyverno"),
            ("tts-render-tripit", "tripit"),
        ];
        assert_eq!(built.keys().collect::<Vec<_>>(), folders.map(|(name, _)| name));
        for (name, folder) in folders {
            assert_eq!(built[name], rendered(&project, folder), "{name}");
        }
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn text_with_a_variable_survives_a_post_build() {
    let project = Sandbox::repository();
    let voices = "predefined_voices_path: /app/voices";
    project.replace("values/tts.yaml", voices, "predefined_voices_path: \"${VOICES}/data\"");
    project.ok(&["render"]);
    let mut wiring = wiring(&project, &[]);
    for one in wiring.iter_mut().filter(|one| one["kind"] == "Kustomization") {
        one["spec"]["postBuild"] = json!({"substitute": {"VOICES": "elsewhere"}});
    }
    let root = project.path("").display().to_string();
    let built = build_by_kustomization(&root, &wiring);
    let config = |objects: &[Value]| {
        objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap().clone()
    };
    let expected = rendered(&project, "tts");
    let (made, written) = (config(&built["tts"]), config(&expected));
    assert!(written["data"].to_string().contains("${VOICES}/data"));
    assert_eq!(made["data"], written["data"]);
    let mark = &made["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/substitute"];
    assert_eq!(mark, "disabled");
    // Nothing else is touched.
    let others = |objects: &[Value]| -> Vec<Value> {
        objects.iter().filter(|object| object["kind"] != "ConfigMap").cloned().collect()
    };
    assert_eq!(others(&built["tts"]), others(&expected));
    // Without the annotation, the text would be replaced.
    for one in &mut wiring {
        one["spec"].as_object_mut().unwrap().remove("patches");
    }
    std::fs::remove_file(project.path("rendered/tts/kustomization.yaml")).unwrap();
    let unmarked = build_by_kustomization(&root, &wiring);
    assert!(config(&unmarked["tts"])["data"].to_string().contains("elsewhere/data"));
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_field_that_flux_does_not_know_is_refused() {
    let project = Sandbox::repository();
    let mut wiring = wiring(&project, &[]);
    let one = wiring.iter_mut().find(|one| one["spec"].get("ignore").is_some()).unwrap();
    let ignore = one["spec"]["ignore"].take();
    one["spec"]["ignores"] = ignore;
    let output = flux_build(&project.path("").display().to_string(), &wiring);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("unknown field \"ignores\""), "{}", output.stderr);
}
