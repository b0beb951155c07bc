//! The things that a stack needs of the cluster and does not render, each with a command that checks
//! it.
//!
//! They are read off the rendered objects where those name them, so that a repository's own
//! templates count too, and off the values otherwise.

mod check;
mod controllers;
mod pods;
mod references;
mod routes;
pub mod run;
mod sources;
mod storage;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::workload;
use crate::project::load::{RenderedProject, Stack};
use crate::values::Values;
use kube_validate::Object;
use yaml_spans::Node;

use check::{Check, Expected};
use controllers::require_controllers;

/// A thing that must exist in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// The stack that needs it.
    pub stack: String,
    /// A noun phrase that names it.
    pub summary: String,
    /// Its purpose, and what happens without it.
    pub reason: String,
    /// A shell command that checks it: it fails if the thing is missing, or prints what is there.
    pub command: String,
    /// The check itself.
    #[serde(skip)]
    check: Check,
}

/// Lists what every stack needs, in the order in which it is needed.
pub fn find_requirements(rendered: &RenderedProject) -> Vec<Requirement> {
    let mut all = Vec::new();
    for stack in &rendered.stacks {
        let own_files = rendered.files.iter().filter(|file| file.folder == stack.name);
        let objects = own_files.map(|file| &file.object).collect();
        let rendered = RenderedStack { stack, rendered, objects };
        let mut found = Requirements { stack: &stack.name, list: Vec::new() };
        rendered.require_kubernetes(&mut found);
        require_controllers(&mut found);
        rendered.require_target(&mut found);
        rendered.require_pod_references(&mut found);
        rendered.require_images(&mut found);
        rendered.require_class_values(&mut found);
        rendered.require_storage(&mut found);
        rendered.require_routes(&mut found);
        rendered.require_quota(&mut found);
        rendered.require_extended_resources(&mut found);
        rendered.require_exporter(&mut found);
        rendered.require_demand(&mut found);
        rendered.require_kyverno(&mut found);
        rendered.require_alerts(&mut found);
        rendered.require_keel(&mut found);
        rendered.require_client_patches(&mut found);
        let mut seen = BTreeSet::new();
        let unique = found.list.into_iter().filter(|item| seen.insert(item.summary.clone()));
        all.extend(unique);
    }
    all
}

/// The requirements of one stack.
struct Requirements<'a> {
    stack: &'a str,
    list: Vec<Requirement>,
}

impl Requirements<'_> {
    fn add(&mut self, summary: impl Into<String>, reason: impl Into<String>, check: Check) {
        self.list.push(Requirement {
            stack: self.stack.to_owned(),
            summary: summary.into(),
            reason: reason.into(),
            command: check.command(),
            check,
        });
    }
}

/// A stack with what it renders into its own folder.
struct RenderedStack<'a> {
    stack: &'a Stack,
    rendered: &'a RenderedProject,
    objects: Vec<&'a Object>,
}

impl<'a> RenderedStack<'a> {
    fn values(&self) -> &Values {
        &self.stack.values
    }

    /// Every object that makes Pods, with their specification.
    fn pods(&self) -> impl Iterator<Item = (&'a Object, &'a Node)> {
        self.objects.iter().filter_map(|object| {
            let spec = workload::pod_spec_of(object.group(), &object.kind, &object.node)?;
            Some((*object, spec))
        })
    }

    fn renders(&self, kind: &str, name: &str) -> bool {
        self.objects.iter().any(|object| object.kind == kind && object.name == name)
    }

    fn require_kubernetes(&self, found: &mut Requirements<'_>) {
        if self.objects.iter().any(|object| object.kind == "CronJob") {
            found.add(
                "Kubernetes 1.27 or later",
                "CronJobs have `spec.timeZone`; an older API server drops it, and the window moves to the server's time zone",
                Check::kubectl(&["get", "--raw", "/version"], Expected::MinorVersion(27)),
            );
        }
    }

    fn require_target(&self, found: &mut Requirements<'_>) {
        let target = &self.values().target;
        let names = (target.name.as_ref(), target.resource.as_ref());
        let (Some(name), Some(resource)) = names else { return };
        let (name, kind, group) = (name.as_str(), target.kind.as_str(), target.group());
        let namespace = self.values().namespace.name.as_str();
        let resource = match group {
            "" => resource.to_string(),
            _ => format!("{resource}.{group}"),
        };
        if group.contains('.') {
            found.add(
                format!("CustomResourceDefinition {resource} with a scale subresource"),
                format!("the gate scales {kind} {namespace}/{name} by it: without it, the server never starts"),
                Check::kubectl(
                    &[
                        "get",
                        "customresourcedefinition",
                        &resource,
                        "-o",
                        "jsonpath={.spec.versions[*].subresources.scale}",
                    ],
                    Expected::Output,
                ),
            );
        }
        if !self.renders(kind, name) {
            found.add(
                format!("{kind} {namespace}/{name}"),
                "the gate scales it, and no template here renders it: without it, `up` and `down` fail",
                Check::object(Some(namespace), &resource, name),
            );
        }
    }

    fn require_client_patches(&self, found: &mut Requirements<'_>) {
        for client in &self.values().clients {
            let (namespace, name) = (client.namespace.as_str(), client.name.as_str());
            let config_map =
                client.config_map.as_ref().map(ToString::to_string).unwrap_or_default();
            let references = [
                "-n",
                namespace,
                "get",
                "deployment",
                name,
                "-o",
                "jsonpath={.spec.template.spec.containers[*].envFrom}",
            ];
            found.add(
                format!("Deployment {namespace}/{name} that reads ConfigMap {config_map}"),
                format!(
                    "its owner applies the patch that `tts-render gitops client {name}` prints"
                ),
                Check::kubectl(&references, Expected::Text(config_map)),
            );
        }
    }
}
