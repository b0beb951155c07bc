//! An image of a registry that serves nobody without credentials, and a Pod without any.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::object::items_at;
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "pull-secret-missing",
    severity: Severity::Info,
    summary: "An image's registry needs credentials, and the Pod names no pull secret",
    rationale: "Unless the nodes themselves may pull from the registry, as in the cloud that it belongs to, the image is never pulled: `ErrImagePull` in the first window.",
    fix: "Name the Secret with the credentials in `server.imagePullSecrets` or `gate.imagePullSecrets`, or allow this finding where the nodes have access.",
    source: "https://kubernetes.io/docs/concepts/containers/images/#using-a-private-registry; the registries' documentation, named in src/lint/rules/pull_secret_missing.rs",
    check: Check::Stack(pull_secret_missing),
};

/// The end of a registry's host, or a host with the first part of the repository, and the owner.
const PRIVATE: [(&str, &str); 11] = [
    // <https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html>; public.ecr.aws is public.
    (".amazonaws.com", "Amazon ECR"),
    (".amazonaws.com.cn", "Amazon ECR"),
    // <https://learn.microsoft.com/azure/container-registry/container-registry-authentication>
    (".azurecr.io", "Azure Container Registry"),
    (".azurecr.cn", "Azure Container Registry"),
    // <https://cloud.google.com/artifact-registry/docs/docker/authentication>
    ("-docker.pkg.dev", "Google Artifact Registry"),
    // <https://docs.oracle.com/iaas/Content/Registry/Concepts/registryprerequisites.htm>
    (".ocir.io", "Oracle's registry"),
    // <https://cloud.ibm.com/docs/Registry?topic=Registry-registry_access>
    ("icr.io", "IBM's registry"),
    // <https://docs.digitalocean.com/products/container-registry/>
    ("registry.digitalocean.com", "DigitalOcean's registry"),
    // <https://access.redhat.com/articles/RegistryAuthentication>
    ("registry.redhat.io", "Red Hat's registry"),
    // <https://jfrog.com/help/r/jfrog-artifactory-documentation/docker-registry>
    (".jfrog.io", "Artifactory"),
    // <https://docs.nvidia.com/nim/large-language-models/latest/getting-started.html>
    ("nvcr.io/nim", "NVIDIA NIM"),
];

fn pull_secret_missing(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for object in context.objects.iter() {
        let Some(pod) = workload::pod_spec(object) else { continue };
        if !items_at(pod, &["imagePullSecrets"]).is_empty()
            || has_account_secrets(context, object, pod)
        {
            continue;
        }
        for (path, container) in workload::located_containers(object) {
            let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
            let Some(owner) = find_owner(image) else { continue };
            let message = Message::of("")
                .code(image)
                .and(format!(" is pulled from {owner}, which asks for credentials"));
            violations.push(Violation::at_field(object, path.key("image"), message));
        }
    }
    violations
}

/// Returns true if the Pods' service account, which the stack renders, has pull secrets.
fn has_account_secrets(context: &RuleContext<'_>, object: &Object, pod: &Node) -> bool {
    let Some(name) = pod.get("serviceAccountName").and_then(Node::as_str) else { return false };
    context
        .objects
        .find("", "ServiceAccount", object.id.namespace.as_deref(), name)
        .is_some_and(|account| !items_at(&account.node, &["imagePullSecrets"]).is_empty())
}

/// The owner of an image's registry, if it serves no image without credentials.
fn find_owner(image: &str) -> Option<&'static str> {
    let (host, rest) = image.split_once('/')?;
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let is_listed = |listed: &str| match listed.split_once('/') {
        Some((registry, project)) => host == registry && rest.split('/').next() == Some(project),
        // AWS has many hosts; its registries have `dkr` in their names.
        None if listed.starts_with(".amazonaws") => {
            host.ends_with(listed) && host.split('.').nth(1) == Some("dkr")
        }
        None if listed == "icr.io" => host == listed || host.ends_with(".icr.io"),
        None => host.ends_with(listed),
    };
    PRIVATE.iter().find(|(listed, _)| is_listed(listed)).map(|(_, owner)| *owner)
}
