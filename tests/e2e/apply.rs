//! `rendered/`, applied to a real API server.

use std::sync::OnceLock;

use serde_json::Value;

use crate::cluster::{Cluster, POLICIES};
use crate::common::tool::{generate, objects, repository};
use crate::compare::{added, changed, differences};

/// The folders of `rendered/`.
const FOLDERS: [&str; 3] = ["kyverno", "tripit", "tts"];

/// A cluster that holds what the plugin prints, applied server-side by kubectl, and what was said
/// meanwhile. What others own is there: Kyverno's definitions and the client's namespace.
pub fn applied() -> &'static (Cluster, Vec<Value>) {
    static APPLIED: OnceLock<(Cluster, Vec<Value>)> = OnceLock::new();
    APPLIED.get_or_init(|| {
        let cluster = prepared();
        let manifests = generate(&[]);
        let ran = cluster.kubectl(&["apply", "--server-side", "-f", "-"], &manifests);
        assert_eq!((ran.code, unexpected(&ran.err)), (0, vec![]), "{}", ran.out);
        let objects = objects(&manifests);
        assert_eq!(ran.out.matches(" serverside-applied\n").count(), objects.len(), "{}", ran.out);
        (cluster, objects)
    })
}

fn prepared() -> Cluster {
    let cluster = Cluster::start();
    cluster.define(POLICIES);
    cluster.admin().namespace("tripit");
    cluster
}

/// What kubectl says on standard error, less the one warning that is known: Kyverno's definition of
/// ClusterPolicy has it since 1.19.1, for every policy there is.
fn unexpected(said: &str) -> Vec<&str> {
    let known = "Warning: kyverno.io/v1 ClusterPolicy is deprecated";
    said.lines().filter(|line| !line.starts_with(known)).collect()
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
fn what_the_plugin_prints_is_applied_without_a_warning() {
    let (_, objects) = applied();
    let files = FOLDERS.iter().flat_map(|folder| files(folder)).count();
    assert_eq!(objects.len(), files);
}

#[test]
#[ignore = "tests/e2e/run"]
fn applied_again_nothing_changes() {
    let (cluster, objects) = applied();
    let again = || {
        let ran = cluster.kubectl(&["apply", "--server-side", "-f", "-"], &generate(&[]));
        assert_eq!((ran.code, unexpected(&ran.err)), (0, vec![]), "{}", ran.out);
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
    // The server makes a claim without a phase, shows `Pending`, and stores that with the first update,
    // whatever it is. Where there are controllers, theirs is that update.
    assert_eq!(rewritten, ["PersistentVolumeClaim tts/chatterbox-models"]);
    assert_eq!(third, second, "resourceVersion and all");
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_field_is_held_as_it_was_rendered() {
    let (cluster, objects) = applied();
    let changed: Vec<(String, Vec<String>)> = objects
        .iter()
        .map(|object| (name(object), changed(object, &cluster.admin().live(object))))
        .filter(|(_, changed)| !changed.is_empty())
        .collect();
    assert_eq!(changed, [], "quantities, too, are written as the server writes them");
}

#[test]
#[ignore = "tests/e2e/run"]
fn what_the_server_adds_is_listed() {
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
    insta::assert_snapshot!("what_the_server_adds", listed);
}

/// An address or a time that the server chose, less its numbers.
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
    let cluster = prepared();
    let apply = |folder: &str| {
        let folder = repository().join("rendered").join(folder).display().to_string();
        cluster.kubectl(&["apply", "--server-side", "-f", &folder], "")
    };
    // What stands before namespace-tts.yaml is refused, for one reason.
    let first = apply("tts");
    let early = files("tts").iter().take_while(|name| !name.starts_with("namespace-")).count();
    let refusals = vec!["Error from server (NotFound): namespaces \"tts\" not found"; early];
    assert_eq!((first.code, unexpected(&first.err)), (1, refusals), "{}", first.out);
    assert_eq!(first.out.lines().count(), files("tts").len() - early);
    // Once it is there, nothing is.
    for folder in FOLDERS {
        let ran = apply(folder);
        assert_eq!((ran.code, unexpected(&ran.err)), (0, vec![]), "{}", ran.out);
        assert_eq!(ran.out.lines().count(), files(folder).len(), "{}", ran.out);
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

#[test]
#[ignore = "tests/e2e/run"]
fn every_overlay_is_taken() {
    let (cluster, _) = applied();
    let overlays = std::fs::read_dir(repository().join("overlays")).unwrap();
    let mut count = 0;
    for overlay in overlays {
        let overlay = overlay.unwrap().path().display().to_string();
        let manifests = generate(&["-f", &overlay, "tts"]);
        let arguments = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
        let ran = cluster.kubectl(&arguments, &manifests);
        assert_eq!((ran.code, unexpected(&ran.err)), (0, vec![]), "{overlay}: {}", ran.out);
        count += 1;
    }
    assert!(count >= 3, "{count}");
}
