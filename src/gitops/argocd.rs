//! Argo CD's side: the project, an Application a folder, or the plugin that renders by itself.
//!
//! Sources: argo-cd 3.6, `docs/user-guide/{diffing,sync-options}.md`,
//! `docs/operator-manual/config-management-plugins.md`, `cmpserver/plugin/config.go`.

use std::collections::BTreeSet;

use super::document::{Document, check};
use super::tree::{checksum, flag, list, list_if_any, map, null, number, text, texts};
use super::wiring::{App, Wiring, WiringError, containers};
use crate::values::{Image, ImageOwner};
use kube_validate::Object;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::{self, Node};

/// The plugin's name, without its version.
pub const PLUGIN_NAME: &str = "tts-render";
/// Argo CD's own files in a sidecar lie here; the stock repo-server has the volumes.
const ENTRY_POINT: &str = "/var/run/argocd/argocd-cmp-server";
const PLUGIN_FILE: &str = "/home/argocd/cmp-server/config/plugin.yaml";
/// The repo-server's user: both write to the socket's folder.
const ARGOCD_USER: i64 = 999;

/// Where Argo CD takes the manifests from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// `rendered/`, as it is committed.
    Rendered,
    /// The plugin, which renders at every refresh.
    Plugin,
}

/// The files that wire a project to Argo CD. `fleet`: one ApplicationSet for all stacks in place of
/// an Application each; it finds new stacks by their values files.
///
/// # Errors
/// A setting is missing, or values make an object that Argo CD would not take.
pub fn argocd(wiring: &Wiring<'_>, from: From, fleet: bool) -> Result<Vec<Document>, Diagnostics> {
    let mut documents = Vec::new();
    if from == From::Plugin {
        documents.extend(plugin(wiring)?);
    }
    documents.push(project(wiring)?);
    if fleet {
        documents.push(set(wiring, from)?);
    }
    for app in wiring.apps.iter().filter(|app| !fleet || app.stack.is_none()) {
        let subject = Subject::of(wiring, app);
        let node = map([
            ("apiVersion", text("argoproj.io/v1alpha1")),
            ("kind", text("Application")),
            ("metadata", metadata(wiring, &subject)),
            ("spec", application_spec(wiring, &subject, from)),
        ]);
        let comment =
            "Deleting this Application leaves its objects where they are: it has no finalizer.";
        documents.push(Document::object(
            format!("application-{}.yaml", subject.name),
            comment,
            node,
        )?);
    }
    Ok(documents)
}

/// What an Application is made for: one folder, or, in an ApplicationSet, whatever folder it is.
struct Subject {
    name: String,
    namespace: String,
    folder: String,
    own: bool,
    policies: bool,
    ignored: Vec<Node>,
}

impl Subject {
    fn of(wiring: &Wiring<'_>, app: &App<'_>) -> Self {
        Subject {
            name: wiring.name_of(app),
            namespace: app.namespace().to_owned(),
            folder: app.folder.to_owned(),
            own: app.stack.is_some(),
            policies: app.holds_policies(),
            ignored: ignored(app),
        }
    }
}

fn metadata(wiring: &Wiring<'_>, subject: &Subject) -> Node {
    // Kyverno's API writes defaults into a policy, and lists in it merge as a whole: only the
    // server's own dry run sees that nothing differs.
    let compare = map([(
        "argocd.argoproj.io/compare-options",
        text("ServerSideDiff=true,IncludeMutationWebhook=true"),
    )]);
    map([
        ("name", text(&subject.name)),
        ("namespace", text(wiring.settings.argocd.namespace.as_str())),
        ("annotations", if subject.policies { compare } else { null() }),
    ])
}

fn application_spec(wiring: &Wiring<'_>, subject: &Subject, from: From) -> Node {
    let settings = wiring.settings;
    let path = match from {
        From::Rendered => wiring.path(&format!("rendered/{}", subject.folder)),
        From::Plugin => wiring.path(""),
    };
    let variable = if subject.own { "STACK" } else { "APP" };
    let plugin = map([
        ("name", text(format!("{PLUGIN_NAME}-{}", plugin_version()))),
        ("env", list([map([("name", text(variable)), ("value", text(&subject.folder))])])),
    ]);
    let respect = (!subject.ignored.is_empty()).then_some("RespectIgnoreDifferences=true");
    // Two owners of one object: the sync says so, and applies nothing.
    let options = respect.into_iter().chain(["FailOnSharedResource=true"]);
    map([
        ("project", text(settings.name.as_str())),
        (
            "source",
            map([
                ("repoURL", text(settings.repo_url.as_str())),
                ("targetRevision", text(settings.branch.as_str())),
                ("path", text(path)),
                ("plugin", if from == From::Plugin { plugin } else { null() }),
            ]),
        ),
        (
            "destination",
            map([
                ("server", text(settings.argocd.server.as_str())),
                ("namespace", text(&subject.namespace)),
            ]),
        ),
        (
            "syncPolicy",
            map([
                ("automated", map([("prune", flag(settings.prune)), ("selfHeal", flag(true))])),
                ("syncOptions", texts(options)),
                (
                    "retry",
                    map([
                        ("limit", number(5)),
                        (
                            "backoff",
                            map([
                                ("duration", text("30s")),
                                ("factor", number(2)),
                                ("maxDuration", text("10m")),
                            ]),
                        ),
                    ]),
                ),
            ]),
        ),
        ("ignoreDifferences", list_if_any(subject.ignored.clone())),
    ])
}

/// The fields that others own while the app runs.
fn ignored(app: &App<'_>) -> Vec<Node> {
    let mut rules = Vec::new();
    if let Some(deployment) = app.scaled() {
        rules.push(rule(
            deployment,
            Some(&deployment.name),
            ("jsonPointers", texts(["/spec/replicas"])),
        ));
    }
    if app.keel_owns_images() {
        for object in &app.objects {
            let Some((path, names)) = containers(object) else { continue };
            let image = |name| format!(".{path}[] | select(.name==\"{name}\") | .image");
            let expressions = list(names.into_iter().map(image).map(text));
            rules.push(rule(object, Some(&object.name), ("jqPathExpressions", expressions)));
        }
    }
    rules
}

/// The group must be named: an empty one means the core group alone (argo-cd #28590).
fn rule(object: &Object, name: Option<&str>, (how, what): (&str, Node)) -> Node {
    map([
        ("group", text(object.group())),
        ("kind", text(&object.kind)),
        ("name", name.map_or_else(null, text)),
        ("namespace", name.and(object.namespace.as_deref()).map_or_else(null, text)),
        (how, what),
    ])
}

fn project(wiring: &Wiring<'_>) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    let namespaces: BTreeSet<&str> = wiring.apps.iter().map(App::namespace).collect();
    let destination = |namespace| {
        map([("server", text(settings.argocd.server.as_str())), ("namespace", text(namespace))])
    };
    let cluster: BTreeSet<(&str, &str)> = wiring
        .objects()
        .filter(|object| object.is_cluster_scoped())
        .map(|object| (object.group(), object.kind.as_str()))
        .collect();
    let kind = |(group, kind)| map([("group", text(group)), ("kind", text(kind))]);
    let node = map([
        ("apiVersion", text("argoproj.io/v1alpha1")),
        ("kind", text("AppProject")),
        (
            "metadata",
            map([
                ("name", text(settings.name.as_str())),
                ("namespace", text(settings.argocd.namespace.as_str())),
            ]),
        ),
        (
            "spec",
            map([
                ("description", text("GPU tenants that may have the card off-peak")),
                ("sourceRepos", texts([settings.repo_url.as_str()])),
                ("destinations", list(namespaces.into_iter().map(destination))),
                ("clusterResourceWhitelist", list(cluster.into_iter().map(kind))),
            ]),
        ),
    ]);
    let comment = "What the tenants' Applications may touch: these namespaces, and of the cluster these kinds.\n\
                   A new stack, or a new client, needs this file anew.";
    Document::object(format!("appproject-{}.yaml", settings.name), comment, node)
}

/// One template for all stacks, filled from their values files: a new file is a new Application.
fn set(wiring: &Wiring<'_>, from: From) -> Result<Document, Diagnostics> {
    let settings = wiring.settings;
    let mut owners = wiring.stacks.iter().filter_map(|stack| stack.values.gitops.as_ref());
    let keel = owners.clone().any(|settings| settings.images == ImageOwner::Keel);
    if keel && owners.any(|settings| settings.images != ImageOwner::Keel) {
        return Err(Diagnostic::from(WiringError::MixedImages).into());
    }
    let group_kind = |group, kind, how: (&'static str, Node)| {
        map([("group", text(group)), ("kind", text(kind)), (how.0, how.1)])
    };
    let mut ignored = vec![map([
        ("group", text("apps")),
        ("kind", text("Deployment")),
        ("name", text("{{ .server.name }}")),
        ("jsonPointers", texts(["/spec/replicas"])),
    ])];
    if keel {
        for (group, kind, pod) in [
            ("apps", "Deployment", ".spec.template.spec"),
            ("batch", "CronJob", ".spec.jobTemplate.spec.template.spec"),
        ] {
            let expression = format!("{pod}.containers[].image");
            ignored.push(group_kind(
                group,
                kind,
                ("jqPathExpressions", texts([expression.as_str()])),
            ));
        }
    }
    let subject = Subject {
        name: "{{ .name }}".to_owned(),
        namespace: "{{ .namespace.name }}".to_owned(),
        folder: "{{ .name }}".to_owned(),
        own: true,
        policies: false,
        ignored,
    };
    let generator = map([
        ("repoURL", text(settings.repo_url.as_str())),
        ("revision", text(settings.branch.as_str())),
        ("files", list([map([("path", text(wiring.path("values/*.yaml")))])])),
    ]);
    let node = map([
        ("apiVersion", text("argoproj.io/v1alpha1")),
        ("kind", text("ApplicationSet")),
        (
            "metadata",
            map([
                ("name", text(settings.name.as_str())),
                ("namespace", text(settings.argocd.namespace.as_str())),
            ]),
        ),
        (
            "spec",
            map([
                ("goTemplate", flag(true)),
                ("goTemplateOptions", texts(["missingkey=error"])),
                ("generators", list([map([("git", generator)])])),
                ("syncPolicy", map([("preserveResourcesOnDeletion", flag(true))])),
                (
                    "template",
                    map([
                        ("metadata", map([("name", text(&subject.name))])),
                        ("spec", application_spec(wiring, &subject, from)),
                    ]),
                ),
            ]),
        ),
    ]);
    let comment = "An Application for each values file. A values file that goes takes its Application along,\n\
                   not the objects: those are deleted by hand, or pruned before the file goes.";
    Document::object(format!("applicationset-{}.yaml", settings.name), comment, node)
}

/// The version that Applications name the plugin by. A new one also makes Argo CD forget the
/// manifests that the old one made.
pub fn plugin_version() -> &'static str {
    concat!("v", env!("CARGO_PKG_VERSION"))
}

/// What lies in the sidecar. No `discover`: it would make Argo CD try every Application
/// (argo-cd #17775).
///
/// # Errors
/// None, unless this program is wrong.
pub fn plugin_yaml() -> Result<String, Diagnostics> {
    let command = |word| map([("command", texts([PLUGIN_NAME, word]))]);
    let node = map([
        ("apiVersion", text("argoproj.io/v1alpha1")),
        ("kind", text("ConfigManagementPlugin")),
        ("metadata", map([("name", text(PLUGIN_NAME))])),
        (
            "spec",
            map([
                ("version", text(plugin_version())),
                ("generate", command("generate")),
                ("parameters", map([("dynamic", command("parameters"))])),
            ]),
        ),
    ]);
    check(node.clone())?;
    Ok(yaml_spans::emit(&node))
}

/// The ConfigMap with `plugin.yaml`, and the repo-server's patch.
fn plugin(wiring: &Wiring<'_>) -> Result<[Document; 2], Diagnostics> {
    let settings = wiring.settings;
    let not_set = WiringError::NotSet {
        path: "gitops.argocd.pluginImage",
        what: "the sidecar's image, which `tts-render image build --of renderer` makes",
    };
    let image = settings
        .argocd
        .plugin_image
        .as_ref()
        .ok_or_else(|| Diagnostics::from(Diagnostic::from(not_set)))?;
    let plugin_yaml = plugin_yaml()?;
    let namespace = || text(settings.argocd.namespace.as_str());
    let volume_name = format!("{PLUGIN_NAME}-plugin");
    let temporary = format!("{PLUGIN_NAME}-tmp");
    let config = map([
        ("apiVersion", text("v1")),
        ("kind", text("ConfigMap")),
        ("metadata", map([("name", text(&volume_name)), ("namespace", namespace())])),
        ("data", map([("plugin.yaml", text(&plugin_yaml))])),
    ]);
    let mount = |name: &str, path: &str, sub_path: Node, read_only: Node| {
        map([
            ("name", text(name)),
            ("mountPath", text(path)),
            ("subPath", sub_path),
            ("readOnly", read_only),
        ])
    };
    let container = map([
        ("name", text(PLUGIN_NAME)),
        ("image", text(reference(image))),
        ("imagePullPolicy", yaml_spans::to_node(&image.pull_policy).unwrap_or_else(|_| null())),
        ("command", texts([ENTRY_POINT])),
        (
            "securityContext",
            map([
                ("runAsNonRoot", flag(true)),
                ("runAsUser", number(ARGOCD_USER)),
                ("runAsGroup", number(ARGOCD_USER)),
                ("allowPrivilegeEscalation", flag(false)),
                ("readOnlyRootFilesystem", flag(true)),
                ("capabilities", map([("drop", texts(["ALL"]))])),
                ("seccompProfile", map([("type", text("RuntimeDefault"))])),
            ]),
        ),
        (
            "resources",
            map([
                ("requests", map([("cpu", text("50m")), ("memory", text("64Mi"))])),
                ("limits", map([("memory", text("256Mi"))])),
            ]),
        ),
        (
            "volumeMounts",
            list([
                mount("var-files", "/var/run/argocd", null(), null()),
                mount("plugins", "/home/argocd/cmp-server/plugins", null(), null()),
                mount(&volume_name, PLUGIN_FILE, text("plugin.yaml"), flag(true)),
                mount(&temporary, "/tmp", null(), null()),
            ]),
        ),
    ]);
    let volumes = list([
        map([("name", text(&volume_name)), ("configMap", map([("name", text(&volume_name))]))]),
        map([("name", text(&temporary)), ("emptyDir", map([]))]),
    ]);
    // A file mounted by subPath is not renewed in a running Pod: a new version rolls it.
    let annotations = map([("checksum/tts-render-plugin", text(checksum(&plugin_yaml)))]);
    let patch = |selector: Node, more_metadata: Node, more_volumes: Vec<Node>| {
        let volumes =
            more_volumes.into_iter().chain(volumes.as_sequence().into_iter().flatten().cloned());
        map([
            ("apiVersion", text("apps/v1")),
            ("kind", text("Deployment")),
            ("metadata", map([("name", text("argocd-repo-server")), ("namespace", namespace())])),
            (
                "spec",
                map([
                    ("selector", selector),
                    (
                        "template",
                        map([
                            (
                                "metadata",
                                map([
                                    ("labels", more_metadata),
                                    ("annotations", annotations.clone()),
                                ]),
                            ),
                            (
                                "spec",
                                map([
                                    ("containers", list([container.clone()])),
                                    ("volumes", list(volumes)),
                                ]),
                            ),
                        ]),
                    ),
                ]),
            ),
        ])
    };
    // The patch is held against the type as a part of a whole Deployment.
    let labels = || map([("app", text("argocd-repo-server"))]);
    let stock =
        ["var-files", "plugins"].map(|name| map([("name", text(name)), ("emptyDir", map([]))]));
    check(patch(map([("matchLabels", labels())]), labels(), stock.into()))?;
    let comment = "The plugin as a sidecar of the repo-server; a part of its Deployment:\n\
                   kubectl -n NAMESPACE patch deployment argocd-repo-server --patch-file THIS, or a patch of kustomize.\n\
                   The stock Deployment has the volumes var-files and plugins; its init container `copyutil`\n\
                   puts the entry point there.";
    let comment = comment.replace("NAMESPACE", settings.argocd.namespace.as_str());
    Ok([
        Document::object(
            format!("configmap-{volume_name}.yaml"),
            "What Argo CD calls, and when.",
            config,
        )?,
        Document::patch(
            "patch-argocd-repo-server.yaml",
            &comment,
            patch(null(), null(), Vec::new()),
        ),
    ])
}

/// `repository[:tag][@digest]`.
fn reference(image: &Image) -> String {
    let tag = image.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = image.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
    format!("{}{tag}{digest}", image.repository)
}
