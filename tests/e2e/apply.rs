//! Applies `rendered/` to a real API server.

use std::sync::OnceLock;

use serde_json::Value;

use crate::cluster::{ALERTS, Cluster, POLICIES};
use crate::common::tool::{generate, objects, repository};
use crate::compare::{added, changed, differences};
use crate::replicas::{later_commit, owners, replicas, scale, variable};

/// The folders of `rendered/`.
const FOLDERS: [&str; 3] = ["kyverno", "tripit", "tts"];

/// A cluster with the plugin's output, applied server-side by kubectl, and the applied objects. Kyverno's
/// definitions and the client's namespace, which others own, exist before.
pub fn applied() -> &'static (Cluster, Vec<Value>) {
    static APPLIED: OnceLock<(Cluster, Vec<Value>)> = OnceLock::new();
    APPLIED.get_or_init(|| {
        let cluster = prepared_cluster();
        let manifests = generate(&[]);
        let output = cluster.kubectl(&["apply", "--server-side", "-f", "-"], &manifests);
        assert_eq!(
            (output.code, unexpected_lines(&output.stderr)),
            (0, vec![]),
            "{}",
            output.stdout
        );
        let objects = objects(&manifests);
        assert_eq!(
            output.stdout.matches(" serverside-applied\n").count(),
            objects.len(),
            "{}",
            output.stdout
        );
        (cluster, objects)
    })
}

fn prepared_cluster() -> Cluster {
    let cluster = Cluster::start();
    cluster.define(POLICIES);
    cluster.admin().namespace("tripit");
    cluster
}

/// The lines of kubectl's standard error, without the one known warning: since 1.19.1, Kyverno's definition of
/// ClusterPolicy gives it for every policy.
fn unexpected_lines(stderr: &str) -> Vec<&str> {
    let known = "Warning: kyverno.io/v1 ClusterPolicy is deprecated";
    stderr.lines().filter(|line| !line.starts_with(known)).collect()
}

/// `Kind namespace/name`.
pub fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let names = [text(&metadata["namespace"]), text(&metadata["name"])];
    format!("{} {}", text(&object["kind"]), names.join("/").trim_start_matches('/'))
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_plugins_output_applies_without_a_warning() {
    let (_, objects) = applied();
    let files = FOLDERS.iter().flat_map(|folder| files(folder)).count();
    assert_eq!(objects.len(), files);
}

#[test]
#[ignore = "tests/e2e/run"]
fn a_second_apply_changes_nothing() {
    let (cluster, objects) = applied();
    let again = || {
        let output = cluster.kubectl(&["apply", "--server-side", "-f", "-"], &generate(&[]));
        assert_eq!(
            (output.code, unexpected_lines(&output.stderr)),
            (0, vec![]),
            "{}",
            output.stdout
        );
        objects.iter().map(|object| cluster.admin().live(object)).collect::<Vec<Value>>()
    };
    let first: Vec<Value> = objects.iter().map(|object| cluster.admin().live(object)).collect();
    let (second, third) = (again(), again());
    let rewritten: Vec<String> = second
        .iter()
        .zip(&first)
        .filter(|(second, first)| second != first)
        .inspect(|(second, first)| assert_eq!(differences(first, second), [""; 0]))
        .map(|(second, _)| name(second))
        .collect();
    // The server creates a claim without a phase, shows `Pending`, and stores that with the first update of
    // any kind. With controllers, that is their update.
    assert_eq!(rewritten, ["PersistentVolumeClaim tts/chatterbox-models"]);
    assert_eq!(third, second, "resourceVersion and all");
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_field_keeps_its_rendered_value() {
    let (cluster, objects) = applied();
    let changed: Vec<(String, Vec<String>)> = objects
        .iter()
        .map(|object| (name(object), changed(object, &cluster.admin().live(object))))
        .filter(|(_, changed)| !changed.is_empty())
        .collect();
    assert_eq!(changed, [], "quantities, too, have the server's spelling");
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_server_adds_only_the_listed_fields() {
    let (cluster, objects) = applied();
    let listed: String = objects
        .iter()
        .map(|object| {
            let lines: String = added(object, &cluster.admin().live(object))
                .into_iter()
                .map(|line| format!("  {}\n", without_numbers(line)))
                .collect();
            format!("{}\n{lines}", name(object))
        })
        .collect();
    insta::assert_snapshot!("added_by_server", listed);
}

/// A line without the numbers of an address or a time that the server chose.
fn without_numbers(line: String) -> String {
    if let Some((before, after)) = line.split_once("\"lastPhaseTransitionTime\":\"") {
        let after = after.split_once('"').unwrap().1;
        return format!("{before}\"lastPhaseTransitionTime\":(a time){after}");
    }
    match line.split_once("\"10.96.") {
        Some((before, after)) => {
            format!("{before}(an address){}", after.split_once('"').unwrap().1)
        }
        None => line,
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_order_of_file_names_needs_the_namespace_first() {
    let cluster = prepared_cluster();
    let apply = |folder: &str| {
        let folder = repository().join("rendered").join(folder).display().to_string();
        cluster.kubectl(&["apply", "--server-side", "-f", &folder], "")
    };
    // The files before namespace-tts.yaml are refused, because the namespace does not exist yet.
    let first = apply("tts");
    let early = files("tts").iter().take_while(|name| !name.starts_with("namespace-")).count();
    let refusals = vec!["Error from server (NotFound): namespaces \"tts\" not found"; early];
    assert_eq!((first.code, unexpected_lines(&first.stderr)), (1, refusals), "{}", first.stdout);
    assert_eq!(first.stdout.lines().count(), files("tts").len() - early);
    // The second time, none is refused.
    for folder in FOLDERS {
        let output = apply(folder);
        assert_eq!(
            (output.code, unexpected_lines(&output.stderr)),
            (0, vec![]),
            "{}",
            output.stdout
        );
        assert_eq!(output.stdout.lines().count(), files(folder).len(), "{}", output.stdout);
    }
    let live = || -> Vec<Value> {
        let objects = objects(&generate(&[]));
        objects.iter().map(|object| cluster.admin().live(object)).collect()
    };
    let before = live();
    for folder in FOLDERS {
        assert_eq!(apply(folder).code, 0);
    }
    assert_eq!(live(), before, "resourceVersion and all");
}

/// The manifests of a folder of `rendered/`, in the order of their names.
fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(repository().join("rendered").join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    names.sort();
    names
}

/// docs/apply.md: what `kubectl apply --server-side` does while the gate has the server running.
#[test]
#[ignore = "tests/e2e/run"]
fn an_apply_beside_a_running_server_is_refused_for_the_replicas() {
    let cluster = prepared_cluster();
    let apply = |flags: &[&str], manifests: &str| {
        let arguments = [&["apply", "--server-side"], flags, &["-f", "-"]].concat();
        cluster.kubectl(&arguments, manifests)
    };
    assert_eq!(apply(&[], &generate(&["tts"])).code, 0);
    scale(&cluster, 1);
    let refused = apply(&[], &later_commit("one"));
    let message =
        "conflict with \"vram-gate\" with subresource \"scale\" using apps/v1: .spec.replicas";
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
    let document = std::fs::read_to_string(repository().join("docs/apply.md")).unwrap();
    assert!(document.contains(message), "docs/apply.md shows another message");
    // Every other object was applied, and the server runs on, unchanged.
    let applied = refused.stdout.matches(" serverside-applied\n").count();
    assert_eq!(applied + 1, objects(&generate(&["tts"])).len(), "{}", refused.stdout);
    assert_eq!((variable(&cluster), replicas(&cluster)), (Value::Null, 1));

    // After the window, nobody owns the 0, and the apply goes through. The next `up` owns its 1 again.
    scale(&cluster, 0);
    assert_eq!(owners(&cluster), [""; 0]);
    assert_eq!(apply(&[], &later_commit("two")).code, 0);
    assert_eq!((variable(&cluster), replicas(&cluster)), (Value::from("two"), 0));
    scale(&cluster, 1);
    assert_eq!(owners(&cluster), ["vram-gate Update scale"]);

    // The reason why no other number may be applied: after `down`, nothing refuses it, and it starts the server.
    scale(&cluster, 0);
    let running = later_commit("two").replace("\n  replicas: 0\n", "\n  replicas: 1\n");
    assert_eq!(apply(&[], &running).code, 0);
    assert_eq!(replicas(&cluster), 1);
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_overlay_is_accepted() {
    let (cluster, _) = applied();
    cluster.define(ALERTS);
    let overlays = std::fs::read_dir(repository().join("overlays")).unwrap();
    let mut count = 0;
    for overlay in overlays {
        let overlay = overlay.unwrap().path().display().to_string();
        // A volume that exists can't get another directory.
        let new_volume: &[&str] = match overlay.ends_with("/subpath.yaml") {
            true => &["--set", "storage.name=new-models"],
            false => &[],
        };
        let manifests = generate(&[&["-f", &overlay, "tts"], new_volume].concat());
        let arguments = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
        let output = cluster.kubectl(&arguments, &manifests);
        assert_eq!(
            (output.code, unexpected_lines(&output.stderr)),
            (0, vec![]),
            "{overlay}: {}",
            output.stdout
        );
        count += 1;
    }
    assert!(count >= 3, "{count}");
}
