//! The programs in the cluster that sync, check and watch what is rendered.

use super::check::{Check, Expected};
use super::pods::is_extended;
use super::{RenderedStack, Requirements};
use crate::model::object::{items_at, node_at};
use crate::project::load::POLICIES;
use crate::promql;
use crate::values::{ImageOwner, KyvernoMode};
use yaml_spans::Node;

/// A program whose version decides what the rendered objects mean.
struct Controller {
    title: &'static str,
    reason: &'static str,
    /// The label of its workload.
    label: &'static str,
    /// The last part of its image's repository.
    image: &'static str,
    /// The least major and minor version, from the projects' own sources: 2.13 of Argo CD does not document
    /// `Prune=confirm` (docs/user-guide/sync-options.md), and 1.8 of kustomize-controller has no
    /// `KustomizationSpec.Ignore` (api/v1/kustomization_types.go).
    least: (u32, u32),
}

/// The controllers that may sync the objects. A cluster has one of them, or none.
const CONTROLLERS: [Controller; 2] = [
    Controller {
        title: "Argo CD 2.14 or later, if it is used",
        reason: "an older one does not know `Prune=confirm` and `Delete=confirm`: it would delete the Namespace and the volume without asking",
        label: "app.kubernetes.io/name=argocd-repo-server",
        image: "argocd",
        least: (2, 14),
    },
    Controller {
        title: "kustomize-controller 1.9 or later, if Flux is used",
        reason: "an older one has no `spec.ignore`: at each reconciliation it sets back the replicas that the gate has set",
        label: "app.kubernetes.io/component=kustomize-controller",
        image: "kustomize-controller",
        least: (1, 9),
    },
];

/// The API versions of PolicyExceptions with the first minor version of Kyverno that is known to serve them:
/// `config/crds` of 1.11 has no `kyverno.io/v2` and 1.12 has; 1.14 has no `policies.kyverno.io/v1` and 1.17
/// has (1.15 and 1.16 were not seen).
const EXCEPTION_VERSIONS: [(&str, (u32, u32)); 2] =
    [("kyverno.io/v2", (1, 12)), ("policies.kyverno.io/v1", (1, 17))];

pub(super) fn require_controllers(found: &mut Requirements<'_>) {
    for Controller { title, reason, label, image, least } in &CONTROLLERS {
        let expected = Expected::Image { program: image, least: *least, is_required: false };
        found.add(*title, *reason, Check::kubectl(&workload_images(label), expected));
    }
}

/// The arguments of kubectl that print the images of the workloads with a label, a line each.
fn workload_images(label: &str) -> [&str; 7] {
    [
        "get",
        "deployments,statefulsets",
        "--all-namespaces",
        "-l",
        label,
        "-o",
        "jsonpath={range .items[*]}{.spec.template.spec.containers[*].image}{\"\\n\"}{end}",
    ]
}

impl RenderedStack<'_> {
    pub(super) fn require_kyverno(&self, found: &mut Requirements<'_>) {
        let mode = self.values().kyverno.mode;
        if mode == KyvernoMode::None {
            return;
        }
        found.add(
            "Kyverno, 1.19 at most for a ClusterPolicy",
            "1.20 is planned to reject new and changed ClusterPolicies and to run none (kyverno #17483); MutatingPolicies replace them",
            Check::kubectl(
                &[
                    "-n",
                    "kyverno",
                    "get",
                    "deployments",
                    "-o",
                    "jsonpath={range .items[*]}{.spec.template.spec.containers[0].image}{\"\\n\"}{end}",
                ],
                Expected::KyvernoBefore120,
            ),
        );
        if mode == KyvernoMode::Edit {
            for file in self.rendered.files.iter().filter(|file| file.folder == POLICIES) {
                let (kind, name) = (file.object.kind.to_lowercase(), &file.object.name);
                found.add(
                    format!("{} applied by its owner", file.object.id()),
                    "until it excludes the namespace, Pods get the priority that it sets",
                    Check::kubectl(&["get", &kind, name, "-o", "yaml"], self.policy_expectation()),
                );
            }
        }
        if mode == KyvernoMode::Exception {
            self.require_exception_api(found);
            found.add(
                "Kyverno's PolicyExceptions enabled",
                "they are off by default, and an exception that Kyverno ignores is not reported",
                Check::kubectl(
                    &[
                        "-n",
                        "kyverno",
                        "get",
                        "deployment",
                        "kyverno-admission-controller",
                        "-o",
                        "yaml",
                    ],
                    Expected::Text("--enablePolicyException=true".to_owned()),
                ),
            );
        }
    }

    pub(super) fn require_exception_api(&self, found: &mut Requirements<'_>) {
        let exceptions =
            self.rendered.files.iter().filter(|file| file.object.kind == "PolicyException");
        let served = exceptions.filter_map(|file| {
            EXCEPTION_VERSIONS.iter().find(|(api, _)| *api == file.object.api_version)
        });
        for (api, (major, minor)) in served {
            let least = (*major, *minor);
            found.add(
                format!("Kyverno {major}.{minor} or later"),
                format!("an older one does not serve PolicyExceptions of {api}"),
                Check::kubectl(
                    &workload_images("app.kubernetes.io/component=admission-controller"),
                    Expected::Image { program: "kyverno", least, is_required: true },
                ),
            );
        }
    }

    pub(super) fn require_alerts(&self, found: &mut Requirements<'_>) {
        if self.values().alerts.is_none() && self.values().dashboard.is_none() {
            return;
        }
        if self.objects.iter().any(|object| object.kind == "PrometheusRule") {
            found.add(
                "CustomResourceDefinition prometheusrules.monitoring.coreos.com",
                "without the Prometheus operator the alerts can't be applied; `alerts.prometheus: file` needs none",
                Check::object(None, "customresourcedefinition", "prometheusrules.monitoring.coreos.com"),
            );
        }
        let (major, minor) = promql::MIN_STATE_METRICS;
        let program = "kube-state-metrics";
        let label = format!("app.kubernetes.io/name={program}");
        found.add(
            format!("kube-state-metrics {major}.{minor} or later"),
            "an older one does not follow the time zone of CronJobs, so that a missed `down` is noticed hours late",
            Check::kubectl(
                &workload_images(&label),
                Expected::Image { program, least: (major, minor), is_required: true },
            ),
        );
    }

    pub(super) fn require_keel(&self, found: &mut Requirements<'_>) {
        let settings = self.values().gitops.as_ref();
        if settings.is_some_and(|settings| settings.images == ImageOwner::Keel) {
            found.add(
                "Keel",
                "`gitops.images: keel` leaves the images to it: without it, they stay as the first sync set them",
                Check::kubectl(
                    &["get", "deployments", "-A", "-l", "app=keel", "-o", "name"],
                    Expected::Output,
                ),
            );
        }
    }

    /// The policy must keep the priority of the server's Pods.
    fn policy_expectation(&self) -> Expected {
        let server = &self.values().server;
        let class = server.priority_class_name.as_ref();
        let limits =
            self.pods().flat_map(|(_, pod)| items_at(pod, &["containers"])).flat_map(|container| {
                node_at(container, &["resources", "limits"])
                    .and_then(Node::as_mapping)
                    .into_iter()
                    .flatten()
            });
        let resource = limits.map(|(name, _)| name).find(|name| is_extended(name));
        Expected::PolicyExcludes {
            namespace: self.values().namespace.name.to_string(),
            priority_class: class.map(|class| class.as_str().to_owned()),
            resource: resource.cloned().unwrap_or_default(),
            controller: self.values().target.kind.to_string(),
        }
    }
}
