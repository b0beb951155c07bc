//! Argo CD: the AppProject, the Applications, and the plugin that renders by itself.
//!
//! Sources: argo-cd 3.6, `docs/user-guide/{diffing,sync-options}.md`,
//! `docs/operator-manual/config-management-plugins.md`, `cmpserver/plugin/config.go`.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::context;
use minijinja::value::{Serde, Value as Context};
use serde::Serialize;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::document::{Document, Renderer};
use super::wiring::{App, Wiring, WiringError, WiringPart, containers};
use crate::model::workload;
use crate::project::load::Stack;
use crate::values::{DnsSubdomain, ImageOwner};
use kube_validate::Object;

/// The plugin's name, without its version.
const PLUGIN_NAME: &str = "tts-render";

/// The place that Argo CD takes the manifests from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestSource {
    /// `rendered/`, as it is committed.
    Rendered,
    /// The plugin, which renders at every refresh.
    Plugin,
}

/// The objects that stacks become in Argo CD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackApps {
    /// An Application for each stack.
    Applications,
    /// One ApplicationSet, which finds new stacks by their values files.
    ApplicationSet,
}

/// The files that wire a project to Argo CD.
///
/// # Errors
/// A setting is missing, or values make an object that Argo CD would not take.
pub fn argocd_documents(
    wiring: &Wiring<'_>,
    source: ManifestSource,
    stack_apps: StackApps,
) -> Result<Vec<Document>, Diagnostics> {
    let mut renderer = Renderer::new()?;
    let mut documents = Vec::new();
    if source == ManifestSource::Plugin {
        documents.extend(plugin_documents(wiring, &mut renderer)?);
    }
    documents.push(project_document(wiring, &mut renderer)?);
    let as_set = stack_apps == StackApps::ApplicationSet;
    if as_set {
        documents.push(application_set(wiring, source, &mut renderer)?);
    }
    if as_set
        && let Some(stack) = wiring.apps.iter().find(|app| !app.is_selected && app.stack.is_some())
    {
        let stack = stack.folder.to_owned();
        return Err(Diagnostic::from(WiringError::EveryStack { stack }).into());
    }
    for app in wiring.selected_apps().filter(|app| !as_set || app.stack.is_none()) {
        let application = Application::of_app(wiring, app, source);
        documents.push(renderer.object(
            format!("application-{}.yaml", application.name),
            "application.yaml.j2",
            &application.context(wiring, source),
        )?);
    }
    Ok(documents)
}

/// Returns true for the name of a file that the wiring to Argo CD may have.
pub fn is_argocd_file(name: &str) -> bool {
    let kinds = ["appproject-", "application-", "applicationset-"];
    kinds.iter().any(|kind| name.starts_with(kind)) || [PLUGIN_FILE, PATCH_FILE].contains(&name)
}

/// The file of the plugin's ConfigMap.
const PLUGIN_FILE: &str = "configmap-tts-render-plugin.yaml";
/// The file of the repo-server's patch.
const PATCH_FILE: &str = "patch-argocd-repo-server.yaml";

/// One Application, or the template of all Applications of an ApplicationSet.
#[derive(Serialize)]
struct Application {
    name: String,
    /// The namespace that is synced to.
    namespace: String,
    /// The folder of the repository that Argo CD reads.
    path: String,
    /// The folder of `rendered/`.
    folder: String,
    /// The variable that passes the folder to the plugin.
    variable: &'static str,
    holds_policies: bool,
    ignored: Vec<IgnoredFields>,
}

/// Fields that others own while the app runs: one rule of `ignoreDifferences`.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct IgnoredFields {
    /// Always set: an empty group means the core group alone (argo-cd #28590).
    group: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    json_pointers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jq_path_expressions: Vec<String>,
}

impl IgnoredFields {
    fn of_kind(group: &str, kind: &str) -> Self {
        IgnoredFields { group: group.to_owned(), kind: kind.to_owned(), ..Self::default() }
    }

    fn of_object(object: &Object) -> Self {
        IgnoredFields {
            name: Some(object.name.clone()),
            namespace: object.namespace.clone(),
            ..Self::of_kind(object.group(), &object.kind)
        }
    }
}

impl Application {
    fn of_app(wiring: &Wiring<'_>, app: &App<'_>, source: ManifestSource) -> Self {
        Application {
            name: wiring.app_name(app),
            namespace: app.namespace().to_owned(),
            path: source_path(wiring, app.folder, source),
            folder: app.folder.to_owned(),
            variable: if app.stack.is_some() { "STACK" } else { "APP" },
            holds_policies: app.holds_policies(),
            ignored: ignored_fields(app),
        }
    }

    fn context(&self, wiring: &Wiring<'_>, source: ManifestSource) -> Context {
        let plugin = (source == ManifestSource::Plugin)
            .then(|| format!("{PLUGIN_NAME}-{}", plugin_version()));
        context! { settings => Context::from(Serde(wiring.settings)), app => Context::from(Serde(self)), plugin }
    }
}

fn source_path(wiring: &Wiring<'_>, folder: &str, source: ManifestSource) -> String {
    match source {
        ManifestSource::Rendered => wiring.rendered_path(folder),
        ManifestSource::Plugin => wiring.repository_path(""),
    }
}

fn ignored_fields(app: &App<'_>) -> Vec<IgnoredFields> {
    let mut rules = Vec::new();
    if let Some(scaled) = app.scaled_object() {
        rules.push(IgnoredFields {
            json_pointers: vec!["/spec/replicas".to_owned()],
            ..IgnoredFields::of_object(scaled)
        });
    }
    if app.keel_owns_images() {
        for object in &app.objects {
            let Some((path, names)) = containers(object) else { continue };
            let expressions =
                names.iter().map(|name| format!(".{path}[] | select(.name==\"{name}\") | .image"));
            rules.push(IgnoredFields {
                jq_path_expressions: expressions.collect(),
                ..IgnoredFields::of_object(object)
            });
        }
    }
    rules
}

fn project_document(wiring: &Wiring<'_>, renderer: &mut Renderer) -> Result<Document, Diagnostics> {
    #[derive(Serialize)]
    struct Destination<'a> {
        server: &'a str,
        namespace: &'a str,
    }
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    struct GroupKind<'a> {
        group: &'a str,
        kind: &'a str,
    }
    let settings = wiring.settings;
    let namespaces: BTreeSet<&str> = wiring.apps.iter().map(App::namespace).collect();
    let server = settings.argocd.server.as_str();
    let destinations: Vec<Destination<'_>> =
        namespaces.into_iter().map(|namespace| Destination { server, namespace }).collect();
    let (cluster_objects, namespaced_objects): (Vec<_>, Vec<_>) =
        wiring.objects().partition(|object| object.is_cluster_scoped());
    let [cluster_kinds, namespaced_kinds] = [cluster_objects, namespaced_objects].map(|objects| {
        let kinds =
            objects.iter().map(|object| GroupKind { group: object.group(), kind: &object.kind });
        kinds.collect::<BTreeSet<GroupKind<'_>>>()
    });
    let context = context! {
        settings => Context::from(Serde(settings)),
        destinations => Context::from(Serde(destinations)),
        cluster_kinds => Context::from(Serde(cluster_kinds)),
        namespaced_kinds => Context::from(Serde(namespaced_kinds)),
    };
    renderer.object(format!("appproject-{}.yaml", settings.name), "appproject.yaml.j2", &context)
}

/// One template for all stacks, filled in by Argo CD from each values file.
fn application_set(
    wiring: &Wiring<'_>,
    source: ManifestSource,
    renderer: &mut Renderer,
) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    let mut owners = wiring.stacks.iter().filter_map(|stack| stack.values.gitops.as_ref());
    let keel = owners.clone().any(|settings| settings.images == ImageOwner::Keel);
    if keel && owners.any(|settings| settings.images != ImageOwner::Keel) {
        return Err(Diagnostic::from(WiringError::MixedImages).into());
    }
    let targets = target_kinds(wiring.stacks);
    let mut ignored: Vec<IgnoredFields> = Vec::new();
    for (&(group, kind), &is_named_as_server) in &targets {
        ignored.push(IgnoredFields {
            name: is_named_as_server.then(|| "{{ .server.name }}".to_owned()),
            json_pointers: vec!["/spec/replicas".to_owned()],
            ..IgnoredFields::of_kind(group, kind)
        });
    }
    if keel {
        for (group, kind) in targets.keys().copied().chain([("batch", "CronJob")]) {
            let Some(containers) = workload::containers_path(group, kind) else { continue };
            ignored.push(IgnoredFields {
                jq_path_expressions: vec![format!(".{containers}[].image")],
                ..IgnoredFields::of_kind(group, kind)
            });
        }
    }
    let template = Application {
        name: "{{ .name }}".to_owned(),
        namespace: "{{ .namespace.name }}".to_owned(),
        path: source_path(wiring, "{{ .name }}", source),
        folder: "{{ .name }}".to_owned(),
        variable: "STACK",
        holds_policies: false,
        ignored,
    };
    // Rendered apart, so that both kinds of wiring share one specification.
    let application = renderer.render("application.yaml.j2", &template.context(wiring, source))?;
    let context = context! {
        settings => Context::from(Serde(settings)),
        values_files => wiring.repository_path("values/*.yaml"),
        application => Context::from(Serde(application.node)),
        plugin => source == ManifestSource::Plugin,
    };
    renderer.object(
        format!("applicationset-{}.yaml", settings.name),
        "applicationset.yaml.j2",
        &context,
    )
}

/// The kinds that gates scale, the default among them for stacks to come, each with true if all its
/// objects have their server's name. An ApplicationSet fills in only values that every file writes.
fn target_kinds(stacks: &[Stack]) -> BTreeMap<(&str, &str), bool> {
    let mut kinds = BTreeMap::from([(("apps", "Deployment"), true)]);
    for Stack { values, .. } in stacks {
        let name = values.target.name.as_ref().map(DnsSubdomain::as_str);
        let is_named_as_server = name == Some(values.server.name.as_str());
        let kind = (values.target.group(), values.target.kind.as_str());
        *kinds.entry(kind).or_insert(true) &= is_named_as_server;
    }
    kinds
}

/// The version by which Applications name the plugin. A new one also makes Argo CD forget the
/// manifests that the old one made.
fn plugin_version() -> &'static str {
    concat!("v", env!("CARGO_PKG_VERSION"))
}

/// The plugin's configuration, which lies in the sidecar.
///
/// # Errors
/// The embedded template is wrong: a defect of this program.
pub fn plugin_yaml() -> Result<String, Diagnostics> {
    let context = context! { name => PLUGIN_NAME, version => plugin_version() };
    Ok(Renderer::new()?.object("plugin.yaml", "plugin.yaml.j2", &context)?.text)
}

/// The ConfigMap with `plugin.yaml`, and the patch of the repo-server's Deployment.
fn plugin_documents(
    wiring: &Wiring<'_>,
    renderer: &mut Renderer,
) -> Result<[Document; 2], Diagnostics> {
    let settings = wiring.settings;
    wiring.check_part(WiringPart::Plugin).map_err(Diagnostic::from)?;
    let image = settings.argocd.plugin_image.as_ref();
    let context = context! {
        settings => Context::from(Serde(settings)),
        image => Context::from(Serde(image)),
        plugin_yaml => plugin_yaml()?,
    };
    let config_map = renderer.object(PLUGIN_FILE, "plugin-configmap.yaml.j2", &context)?;
    let patch = renderer
        .patch("repo-server-patch.yaml.j2", &context)?
        .fill_header(&[("NAMESPACE", settings.argocd.namespace.as_str())]);
    Ok([config_map, patch.into_document(PATCH_FILE)])
}
