//! Requirements of Pods: images, room in quotas, resources of nodes, priority classes.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Check, Demand, Expected};
use super::references::PENDING;
use super::{RenderedStack, Requirements};
use crate::model::object::{items_at, node_at};
use crate::model::run_times::RunTimes;
use crate::model::window::YEARS_FROM;
use crate::model::{self, workload};
use jiff::{SignedDuration, Timestamp};
use yaml_spans::Node;

impl RenderedStack<'_> {
    /// The images of all Pods, each with the objects that pull it.
    pub(super) fn require_images(&self, found: &mut Requirements<'_>) {
        let mut images: BTreeMap<&str, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        for (owner, pod) in self.pods() {
            let secrets: Vec<String> = items_at(pod, &["imagePullSecrets"])
                .iter()
                .filter_map(|secret| Some(format!("Secret {}", secret.get("name")?.as_str()?)))
                .collect();
            for container in
                workload::CONTAINER_LISTS.iter().flat_map(|list| items_at(pod, &[list]))
            {
                let Some(image) = container.get("image").and_then(Node::as_str) else { continue };
                let (owners, all_secrets) = images.entry(image).or_default();
                owners.insert(owner.id().to_string());
                all_secrets.extend(secrets.iter().cloned());
            }
        }
        for (image, (owners, secrets)) in images {
            let owners: Vec<String> = owners.into_iter().collect();
            found.add(
                format!("image {image}"),
                format!(
                    "pulled by {}: without it, their Pods stay in `ErrImagePull`; a node that has none of it downloads all of it in its first window",
                    owners.join(", ")
                ),
                Check::Image { image: image.to_owned(), secrets: secrets.into_iter().collect() },
            );
        }
    }

    /// Two classes can only be compared by their values, which the cluster knows.
    pub(super) fn require_class_values(&self, found: &mut Requirements<'_>) {
        let values = self.values();
        let (Some(server), Some(gate)) =
            (&values.server.priority_class_name, &values.gate.priority_class_name)
        else {
            return;
        };
        if server == gate {
            return;
        }
        let (server, gate) = (server.as_str(), gate.as_str());
        found.add(
            format!("a value of PriorityClass {gate} that is at least {server}'s"),
            "with a lower one, a full cluster keeps the guard waiting while the server runs",
            Check::kubectl(
                &[
                    "get",
                    "priorityclass",
                    gate,
                    server,
                    "-o",
                    "jsonpath={.items[0].value} {.items[1].value}{\"\\n\"}",
                ],
                Expected::AtLeast,
            ),
        );
    }

    pub(super) fn require_quota(&self, found: &mut Requirements<'_>) {
        let namespace = self.values().namespace.name.as_str();
        let demands: Vec<Demand> = self
            .pods()
            .map(|(owner, pod)| Demand {
                owner: owner.id().to_string(),
                amounts: resource_amounts(pod),
            })
            .collect();
        let mut shown: Vec<String> = demands.iter().map(describe_demand).collect();
        let kept_jobs = self.jobs().map(|job| most_kept_jobs(&job)).sum();
        if kept_jobs > 0 {
            shown.push(format!(
                "finished Jobs: count/jobs.batch {kept_jobs}, count/pods {kept_jobs} (`offPeak.keep`)"
            ));
        }
        if !demands.is_empty() {
            found.add(
                format!("room in the quotas of {namespace}"),
                format!(
                    "a Pod that exceeds one is never created, and only the events of its Job or ReplicaSet report it. {}",
                    shown.join("; ")
                ),
                Check::kubectl(
                    &["-n", namespace, "get", "resourcequota", "-o", "json"],
                    Expected::Quota { namespace: namespace.to_owned(), demands, kept_jobs },
                ),
            );
        }
    }

    pub(super) fn require_extended_resources(&self, found: &mut Requirements<'_>) {
        let mut names = BTreeSet::new();
        for (_, pod) in self.pods() {
            for container in items_at(pod, &["containers"]) {
                let limits =
                    node_at(container, &["resources", "limits"]).and_then(Node::as_mapping);
                let keys = limits.into_iter().flat_map(|limits| limits.keys());
                names.extend(keys.filter(|name| is_extended(name)));
            }
        }
        for name in names {
            let columns = format!(
                "jsonpath={{range .items[*]}}{{.metadata.name}} {{.status.allocatable.{}}}{{\"\\n\"}}{{end}}",
                name.replace('.', "\\.")
            );
            found.add(
                format!("a node that offers {name}"),
                format!("a Pod that requests it runs on no other: {PENDING}"),
                Check::kubectl(&["get", "nodes", "-o", &columns], Expected::Amount),
            );
        }
    }

    /// The CronJobs.
    fn jobs(&self) -> impl Iterator<Item = model::object::Object> {
        let jobs = self.objects.iter().filter(|object| object.kind == "CronJob");
        jobs.filter_map(|object| model::object::Object::read(object.node.clone(), "").ok())
    }
}

/// A quota counts an extended resource by its requests, which equal the limits
/// (<https://kubernetes.io/docs/concepts/policy/resource-quotas/#resource-quota-for-extended-resources>).
pub(super) fn is_extended(resource: &str) -> bool {
    resource.contains('/')
}

/// The amounts that quotas count a Pod by, of all its containers: `requests.memory` and `2Gi`.
fn resource_amounts(pod: &Node) -> Vec<(String, String)> {
    let mut amounts: Vec<(String, String)> = Vec::new();
    for container in items_at(pod, &["containers"]) {
        for part in ["requests", "limits"] {
            let resources = node_at(container, &["resources", part]).and_then(Node::as_mapping);
            for (name, entry) in resources.into_iter().flatten() {
                // Requests and limits of an extended resource are equal, and the limits are written.
                if is_extended(name) && part == "requests" {
                    continue;
                }
                let part = if is_extended(name) { "requests" } else { part };
                if let Some(amount) = entry.node.as_str() {
                    amounts.push((format!("{part}.{name}"), amount.to_owned()));
                }
            }
        }
    }
    amounts
}

/// The most Jobs of a CronJob that exist at a time: those of the time that finished ones are kept, and no more
/// than its history limits and one that runs.
fn most_kept_jobs(job: &model::object::Object) -> usize {
    let kept = job.whole_at(&["spec", "jobTemplate", "spec", "ttlSecondsAfterFinished"]);
    let limit = |key| job.whole_at(&["spec", key]).and_then(|limit| usize::try_from(limit).ok());
    // The API server's defaults.
    let limits = limit("successfulJobsHistoryLimit").unwrap_or(3)
        + limit("failedJobsHistoryLimit").unwrap_or(1);
    let Some((kept, times)) = kept.zip(RunTimes::read(job)) else { return limits + 1 };
    let kept = SignedDuration::from_secs(kept);
    let end = YEARS_FROM.checked_add(SignedDuration::from_hours(14 * 24)).unwrap_or(YEARS_FROM);
    let runs: Vec<Timestamp> = times.runs(YEARS_FROM, end).collect();
    runs.iter()
        .enumerate()
        .map(|(index, first)| {
            runs.iter().skip(index).take_while(|run| run.duration_since(*first) <= kept).count()
        })
        .max()
        .unwrap_or(0)
        .min(limits)
        + 1
}

/// A Pod's amounts in words: `Deployment a/b: requests.memory 2Gi`.
fn describe_demand(demand: &Demand) -> String {
    let amounts: Vec<String> =
        demand.amounts.iter().map(|(name, amount)| format!("{name} {amount}")).collect();
    format!("{}: {}", demand.owner, amounts.join(", "))
}
