//! The patch that a client's owner applies, so that the client's Pods see the settings.

use super::document::{Document, check};
use super::tree::{checksum, list, map, text};
use super::wiring::WiringError;
use crate::project::load::RenderedProject;
use crate::values::Client;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::{self, Node, near_name};

/// The patch of a client's Deployment: the ConfigMap as environment, and a checksum that rolls the
/// Pods when it changes. `name` is the client's, or `NAMESPACE/NAME`; `container` is the one that
/// takes it, the client's name if none is given.
///
/// # Errors
/// There is no such client, or several.
pub fn client(
    fleet: &RenderedProject,
    name: &str,
    container: Option<&str>,
) -> Result<Document, Diagnostics> {
    let client = find(fleet, name).map_err(|error| Diagnostics::from(Diagnostic::from(error)))?;
    let (namespace, deployment) = (client.namespace.as_str(), client.name.as_str());
    let config_map = client.config_map.as_ref().map(ToString::to_string).unwrap_or_default();
    let container = container.unwrap_or(deployment);
    let data = fleet.files.iter().find_map(|file| {
        let object = &file.object;
        let is_it = (object.kind.as_str(), object.namespace.as_deref(), &object.name)
            == ("ConfigMap", Some(namespace), &config_map);
        object.node.get("data").filter(|_| is_it)
    });
    let missing =
        || Diagnostic::new(format!("no template renders the ConfigMap {namespace}/{config_map}"));
    let data = yaml_spans::emit(data.ok_or_else(missing)?);
    let patch = |selector: Node, labels: Node, image: Node| {
        let source = map([("configMapRef", map([("name", text(&config_map))]))]);
        let container =
            map([("name", text(container)), ("image", image), ("envFrom", list([source]))]);
        let annotations = map([(format!("checksum/{config_map}").as_str(), text(checksum(&data)))]);
        let template = map([
            ("metadata", map([("labels", labels), ("annotations", annotations)])),
            ("spec", map([("containers", list([container]))])),
        ]);
        map([
            ("apiVersion", text("apps/v1")),
            ("kind", text("Deployment")),
            ("metadata", map([("name", text(deployment)), ("namespace", text(namespace))])),
            ("spec", map([("selector", selector), ("template", template)])),
        ])
    };
    // Held against the type as a part of a whole Deployment.
    let labels = || map([("app", text(deployment))]);
    check(patch(map([("matchLabels", labels())]), labels(), text("image")))?;
    let null = super::tree::null;
    let comment = format!(
        "For the owner of {namespace}/{deployment}: its Pods read ConfigMap {config_map}, and start anew when it changes.\n\
         kubectl -n {namespace} patch deployment {deployment} --patch-file THIS, or a patch of kustomize, or the\n\
         same lines in the Deployment's own source.\n\
         A container that has an `envFrom` already: add the entry there, since a patch replaces that list.\n\
         `env` of the same names is stronger: take those away."
    );
    Ok(Document::patch(format!("patch-{deployment}.yaml"), &comment, patch(null(), null(), null())))
}

fn find<'a>(fleet: &'a RenderedProject, name: &str) -> Result<&'a Client, WiringError> {
    let all: Vec<&Client> = fleet.stacks.iter().flat_map(|stack| &stack.values.clients).collect();
    let full = |client: &Client| format!("{}/{}", client.namespace, client.name);
    let mut found: Vec<&Client> = Vec::new();
    for client in all.iter().filter(|client| client.name.as_str() == name || full(client) == name) {
        found.push(client);
    }
    match found.as_slice() {
        [client] => Ok(client),
        [] => Err(WiringError::NoClient {
            name: name.to_owned(),
            near: near_name(name, all.iter().map(|client| client.name.as_str())).map(str::to_owned),
        }),
        several => Err(WiringError::SeveralClients {
            name: name.to_owned(),
            full: several.iter().map(|client| full(client)).collect(),
        }),
    }
}
