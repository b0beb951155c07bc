//! Flux' side: one source, and a Kustomization a folder.
//!
//! Sources: kustomize-controller 1.9, `api/v1/kustomization_types.go` and `docs/spec/v1`;
//! source-controller 1.9, `docs/spec/v1`.

use super::document::Document;
use super::tree::{flag, list, list_if_any, map, null, text, texts};
use super::wiring::{App, Wiring, containers};
use kube_validate::Object;
use yaml_spans::diagnostic::Diagnostics;
use yaml_spans::{self, Node, Value};

/// The files that wire a project to Flux.
///
/// # Errors
/// Values make an object that Flux would not take.
pub fn flux(wiring: &Wiring<'_>) -> Result<Vec<Document>, Diagnostics> {
    let mut documents = vec![source(wiring)?];
    for app in &wiring.apps {
        documents.push(kustomization(wiring, app)?);
    }
    Ok(documents)
}

const SOURCE_API: &str = "source.toolkit.fluxcd.io/v1";

fn source_kind(wiring: &Wiring<'_>) -> &'static str {
    if wiring.settings.flux.artifact.is_some() { "OCIRepository" } else { "GitRepository" }
}

fn metadata(wiring: &Wiring<'_>, name: &str) -> Node {
    map([("name", text(name)), ("namespace", text(wiring.settings.flux.namespace.as_str()))])
}

fn source(wiring: &Wiring<'_>) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    let flux = &settings.flux;
    let name = settings.name.as_str();
    let secret =
        flux.secret.as_ref().map_or_else(null, |name| map([("name", text(name.as_str()))]));
    let (url, reference, comment) = match &flux.artifact {
        Some(artifact) => (
            artifact.as_str().to_owned(),
            map([("tag", text(flux.artifact_tag.as_str()))]),
            "An artifact of what lies in rendered/: `flux push artifact URL:TAG --path rendered \\\n\
             --source REPOSITORY --revision BRANCH@sha1:COMMIT` after each commit.",
        ),
        None => (
            ssh_url(settings.repo_url.as_str()),
            map([("branch", text(settings.branch.as_str()))]),
            "Where rendered/ is committed.",
        ),
    };
    let node = map([
        ("apiVersion", text(SOURCE_API)),
        ("kind", text(source_kind(wiring))),
        ("metadata", metadata(wiring, name)),
        (
            "spec",
            map([
                ("interval", text(flux.interval.as_str())),
                ("url", text(url)),
                ("ref", reference),
                ("secretRef", secret),
            ]),
        ),
    ]);
    let file = format!("{}-{name}.yaml", source_kind(wiring).to_lowercase());
    Document::object(file, comment, node)
}

/// `git@host:path` as a URL, which source-controller asks for.
fn ssh_url(url: &str) -> String {
    match url.split_once(':') {
        Some((host, path)) if !url.contains("://") => {
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
        _ => url.to_owned(),
    }
}

fn kustomization(wiring: &Wiring<'_>, app: &App<'_>) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    let flux = &settings.flux;
    let name = wiring.name_of(app);
    let path = match &flux.artifact {
        Some(_) => app.folder.to_owned(),
        None => wiring.path(&format!("rendered/{}", app.folder)),
    };
    let account = flux.service_account.as_ref();
    let node = map([
        ("apiVersion", text("kustomize.toolkit.fluxcd.io/v1")),
        ("kind", text("Kustomization")),
        ("metadata", metadata(wiring, &name)),
        (
            "spec",
            map([
                ("interval", text(flux.interval.as_str())),
                ("timeout", text("5m")),
                (
                    "sourceRef",
                    map([
                        ("kind", text(source_kind(wiring))),
                        ("name", text(settings.name.as_str())),
                    ]),
                ),
                ("path", text(format!("./{path}"))),
                ("serviceAccountName", account.map_or_else(null, |name| text(name.as_str()))),
                ("prune", flag(settings.prune)),
                ("deletionPolicy", text("Orphan")),
                ("wait", flag(false)),
                ("ignore", list_if_any(ignored(app))),
                ("patches", list_if_any(unsubstituted(app))),
            ]),
        ),
    ]);
    let mut comment = "Deleting this Kustomization leaves its objects where they are (deletionPolicy).\n\
                       wait: false, since a claim may wait for its first Pod, and the Deployment rests at 0."
        .to_owned();
    if app.scaled().is_some() {
        comment += "\nspec.ignore needs kustomize-controller 1.9 or later; before it, Flux would undo the gate.";
    }
    Document::object(format!("kustomization-{name}.yaml"), &comment, node)
}

/// The fields that others own while the app runs.
fn ignored(app: &App<'_>) -> Vec<Node> {
    let rule = |object: &Object, paths: Node| map([("paths", paths), ("target", target(object))]);
    let mut rules = Vec::new();
    if let Some(deployment) = app.scaled() {
        rules.push(rule(deployment, texts(["/spec/replicas"])));
    }
    if app.keel_owns_images() {
        for object in &app.objects {
            let Some((path, names)) = containers(object) else { continue };
            let pointer = format!("/{}", path.to_string().replace('.', "/"));
            let images = (0..names.len()).map(|index| text(format!("{pointer}/{index}/image")));
            rules.push(rule(object, list(images)));
        }
    }
    rules
}

/// Selectors are regular expressions: anchored, they mean one object.
fn target(object: &Object) -> Node {
    let exactly = |name: &str| text(format!("^{}$", name.replace('.', "\\.")));
    map([
        ("group", if object.group().is_empty() { null() } else { text(object.group()) }),
        ("kind", text(&object.kind)),
        ("name", exactly(&object.name)),
        ("namespace", object.namespace.as_deref().map_or_else(null, exactly)),
    ])
}

/// Objects that hold `${`: should somebody give the Kustomization a `postBuild`, Flux would put
/// variables there, or refuse.
fn unsubstituted(app: &App<'_>) -> Vec<Node> {
    let patch = |object: &&Object| {
        let node = map([
            ("apiVersion", text(&object.api_version)),
            ("kind", text(&object.kind)),
            (
                "metadata",
                map([
                    ("name", text(&object.name)),
                    (
                        "annotations",
                        map([("kustomize.toolkit.fluxcd.io/substitute", text("disabled"))]),
                    ),
                ]),
            ),
        ]);
        map([("patch", text(yaml_spans::emit(&node))), ("target", target(object))])
    };
    app.objects.iter().filter(|object| holds_variable(&object.node)).map(patch).collect()
}

fn holds_variable(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.contains("${"),
        Value::Sequence(items) => items.iter().any(holds_variable),
        Value::Mapping(map) => {
            map.iter().any(|(key, entry)| key.contains("${") || holds_variable(&entry.node))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_ssh_address_becomes_a_url() {
        assert_eq!(ssh_url("git@host.example:a/b.git"), "ssh://git@host.example/a/b.git");
        assert_eq!(
            ssh_url("https://host.example:8443/a/b.git"),
            "https://host.example:8443/a/b.git"
        );
        assert_eq!(ssh_url("ssh://git@host.example:22/a"), "ssh://git@host.example:22/a");
    }

    #[test]
    fn variables_are_seen_wherever_they_stand() {
        let holding = map([("a", list([map([("b", text("x ${Y} z"))])]))]);
        assert!(holds_variable(&holding));
        assert!(holds_variable(&map([("${a}", text("b"))])));
        assert!(!holds_variable(&map([("a", text("$Y {z} $(Z)"))])));
    }
}
