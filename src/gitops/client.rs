//! The patch that a client's owner applies, so that the client's Pods see the settings.

use minijinja::context;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::suggest;

use super::document::{Document, Renderer};
use super::wiring::WiringError;
use crate::project::load::RenderedProject;
use crate::values::Client;

/// The patch of a client's Deployment: the ConfigMap as environment, and a checksum that restarts
/// the Pods when it changes. `name` is the client's, or `NAMESPACE/NAME`; `container` is the one
/// that takes the settings, by default the one named like the client.
///
/// # Errors
/// No client has the name, or several do.
pub fn client_patch(
    rendered: &RenderedProject,
    name: &str,
    container: Option<&str>,
) -> Result<Document, Diagnostics> {
    let client = find_client(rendered, name).map_err(Diagnostic::from)?;
    let (namespace, deployment) = (client.namespace.as_str(), client.name.as_str());
    let config_map = client.config_map.as_ref().map(ToString::to_string).unwrap_or_default();
    let data = rendered.files.iter().map(|file| &file.object).find_map(|object| {
        let is_config_map = (object.kind.as_str(), object.namespace.as_deref(), &object.name)
            == ("ConfigMap", Some(namespace), &config_map);
        object.node.get("data").filter(|_| is_config_map)
    });
    let Some(data) = data else {
        let message = format!("no template renders the ConfigMap `{namespace}/{config_map}`");
        return Err(Diagnostic::new(message).into());
    };
    let context = context! {
        client => context! { name => deployment, namespace },
        config_map => config_map.as_str(),
        container => container.unwrap_or(deployment),
        data => yaml_spans::emit(data),
    };
    let patch = Renderer::new()?.patch("client-patch.yaml.j2", &context)?;
    let words =
        [("NAMESPACE", namespace), ("DEPLOYMENT", deployment), ("CONFIG_MAP", config_map.as_str())];
    Ok(patch.fill_header(&words).into_document(format!("patch-{deployment}.yaml")))
}

fn find_client<'a>(rendered: &'a RenderedProject, name: &str) -> Result<&'a Client, WiringError> {
    let clients: Vec<&Client> =
        rendered.stacks.iter().flat_map(|stack| &stack.values.clients).collect();
    let matching: Vec<&Client> = clients
        .iter()
        .copied()
        .filter(|client| client.name.as_str() == name || full_name(client) == name)
        .collect();
    match matching.as_slice() {
        [client] => Ok(client),
        [] => Err(WiringError::NoClient {
            name: name.to_owned(),
            suggestion: suggest(name, clients.iter().map(|client| client.name.as_str()))
                .map(str::to_owned),
        }),
        several => Err(WiringError::SeveralClients {
            name: name.to_owned(),
            full_names: several.iter().map(|client| full_name(client)).collect(),
        }),
    }
}

fn full_name(client: &Client) -> String {
    format!("{}/{}", client.namespace, client.name)
}
