//! Flux: one source, and a Kustomization for each folder.
//!
//! Sources: kustomize-controller 1.9, `api/v1/kustomization_types.go` and `docs/spec/v1`;
//! source-controller 1.9, `docs/spec/v1`.

use minijinja::context;
use minijinja::value::{Serde, Value as Context};
use serde::Serialize;
use yaml_spans::diagnostic::Diagnostics;
use yaml_spans::{Node, Value};

use super::document::{Document, Renderer};
use super::wiring::{App, Wiring, containers};
use kube_validate::Object;

/// The files that wire a project to Flux.
///
/// # Errors
/// Values make an object that Flux would not take.
pub fn flux_documents(wiring: &Wiring<'_>) -> Result<Vec<Document>, Diagnostics> {
    let mut renderer = Renderer::new()?;
    let mut documents = vec![source_document(wiring, &mut renderer)?];
    for app in wiring.selected_apps() {
        documents.push(kustomization(wiring, app, &mut renderer)?);
    }
    Ok(documents)
}

/// Returns true for the name of a file that the wiring to Flux may have.
pub fn is_flux_file(name: &str) -> bool {
    let kinds = ["gitrepository-", "ocirepository-", "kustomization-"];
    kinds.iter().any(|kind| name.starts_with(kind))
}

fn source_kind(wiring: &Wiring<'_>) -> &'static str {
    if wiring.settings.flux.artifact.is_some() { "OCIRepository" } else { "GitRepository" }
}

fn source_document(wiring: &Wiring<'_>, renderer: &mut Renderer) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    let url = match &settings.flux.artifact {
        Some(artifact) => artifact.to_string(),
        None => ssh_url(settings.repo_url.as_str()),
    };
    let source_kind = source_kind(wiring);
    let context = context! { settings => Context::from(Serde(settings)), source_kind, url };
    let file = format!("{}-{}.yaml", source_kind.to_lowercase(), settings.name);
    renderer.object(file, "source.yaml.j2", &context)
}

/// `git@host:path` as a URL, which source-controller requires.
fn ssh_url(url: &str) -> String {
    match url.split_once(':') {
        Some((host, path)) if !url.contains("://") => {
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
        _ => url.to_owned(),
    }
}

fn kustomization(
    wiring: &Wiring<'_>,
    app: &App<'_>,
    renderer: &mut Renderer,
) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    let name = wiring.app_name(app);
    let path = match &settings.flux.artifact {
        Some(_) => app.folder.to_owned(),
        None => wiring.rendered_path(app.folder),
    };
    let file = format!("kustomization-{name}.yaml");
    let context = context! {
        settings => Context::from(Serde(settings)),
        source_kind => source_kind(wiring),
        name,
        path,
        is_scaled => app.scaled_object().is_some(),
        ignored => Context::from(Serde(ignored_fields(app))),
        patches => Context::from(Serde(substitution_patches(app, renderer)?)),
    };
    renderer.object(file, "kustomization.yaml.j2", &context)
}

/// One object, selected by regular expressions that match nothing else.
#[derive(Serialize)]
struct Target {
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    kind: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
}

impl Target {
    fn of_object(object: &Object) -> Self {
        Target {
            group: object.group().to_owned(),
            kind: object.kind.clone(),
            name: anchored(&object.name),
            namespace: object.namespace.as_deref().map(anchored),
        }
    }
}

fn anchored(name: &str) -> String {
    format!("^{}$", name.replace('.', "\\."))
}

/// Fields that others own while the app runs: one rule of `ignore`.
#[derive(Serialize)]
struct IgnoredFields {
    paths: Vec<String>,
    target: Target,
}

fn ignored_fields(app: &App<'_>) -> Vec<IgnoredFields> {
    let mut rules = Vec::new();
    if let Some(scaled) = app.scaled_object() {
        let paths = vec!["/spec/replicas".to_owned()];
        rules.push(IgnoredFields { paths, target: Target::of_object(scaled) });
    }
    if app.keel_owns_images() {
        for object in &app.objects {
            let Some((path, names)) = containers(object) else { continue };
            let pointer = format!("/{}", path.to_string().replace('.', "/"));
            let paths = (0..names.len()).map(|index| format!("{pointer}/{index}/image")).collect();
            rules.push(IgnoredFields { paths, target: Target::of_object(object) });
        }
    }
    rules
}

/// One entry of `patches`.
#[derive(Serialize)]
struct TargetedPatch {
    patch: String,
    target: Target,
}

/// Patches that switch variable substitution off for the objects that hold `${`: if somebody gave
/// the Kustomization a `postBuild`, Flux would replace the variables, or refuse.
fn substitution_patches(
    app: &App<'_>,
    renderer: &mut Renderer,
) -> Result<Vec<TargetedPatch>, Diagnostics> {
    let mut patches = Vec::new();
    for object in app.objects.iter().filter(|object| holds_variable(&object.node)) {
        let context = context! {
            apiVersion => object.api_version.as_str(),
            kind => object.kind.as_str(),
            name => object.name.as_str(),
        };
        let patch = renderer.render("substitution-patch.yaml.j2", &context)?;
        let patch = yaml_spans::emit(&patch.node);
        patches.push(TargetedPatch { patch, target: Target::of_object(object) });
    }
    Ok(patches)
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
    fn variables_are_found_in_keys_and_values() {
        for (tree, holds) in [
            (serde_json::json!({"a": [{"b": "text ${Y} text"}]}), true),
            (serde_json::json!({"${a}": "b"}), true),
            (serde_json::json!({"a": "$Y {z} $(Z)"}), false),
        ] {
            assert_eq!(holds_variable(&yaml_spans::to_node(&tree).unwrap()), holds, "{tree}");
        }
    }
}
