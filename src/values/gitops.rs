//! The part of a values file that wires the repository to a GitOps controller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalars::*;
use super::server::Image;

/// The wiring to a GitOps controller, which `tts-render gitops` writes. Settings of the whole repository
/// must be the same in each of its stacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitOps {
    /// The Git repository, as the controller clones it.
    #[serde(rename = "repoURL")]
    pub repo_url: GitUrl,
    /// The branch that the controller follows.
    #[serde(default = "default_branch")]
    pub branch: BranchName,
    /// The folder of the repository that contains `values/`. Default: its root.
    #[serde(default)]
    pub path: Option<RelativePath>,
    /// The name of the wiring's own objects: of the project, of the source and, followed by the folder's
    /// name, of the app of a folder that stacks share.
    #[serde(default = "default_name")]
    pub name: DnsLabel,
    /// Lets the controller delete objects that are no longer rendered. Turn it on after the first
    /// successful sync; a namespace, a volume and a claim are protected even then.
    #[serde(default)]
    pub prune: bool,
    /// Wires the folder of edited policies, too. Policies have one owner: set it only if the policies' owner
    /// has handed them over, or if this wiring is that owner's.
    #[serde(default)]
    pub policies: bool,
    /// The owner of the images' tags. With `keel`, the controller ignores the images of the Deployment
    /// and the CronJobs, and a new tag in Git no longer rolls out.
    #[serde(default)]
    pub images: ImageOwner,
    /// Argo CD.
    #[serde(default)]
    pub argocd: ArgoCd,
    /// Flux.
    #[serde(default)]
    pub flux: Flux,
    /// Workflows.
    #[serde(default)]
    pub ci: Ci,
}

fn default_branch() -> BranchName {
    BranchName::constant("main")
}

fn default_name() -> DnsLabel {
    DnsLabel::constant("tts-render")
}

/// The owner of the images' tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ImageOwner {
    /// The values.
    #[default]
    Git,
    /// Keel, in the cluster.
    Keel,
}

/// Argo CD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArgoCd {
    /// Argo CD's own namespace, which contains the Applications.
    #[serde(default = "default_argocd_namespace")]
    pub namespace: DnsLabel,
    /// The API server's URL of the cluster that is synced.
    #[serde(default = "default_server")]
    pub server: HttpUrl,
    /// The image of the plugin's sidecar, built by `tts-render image build --of renderer`. Needed only
    /// for the plugin.
    #[serde(default)]
    pub plugin_image: Option<Image>,
}

fn default_argocd_namespace() -> DnsLabel {
    DnsLabel::constant("argocd")
}

fn default_server() -> HttpUrl {
    HttpUrl::constant("https://kubernetes.default.svc")
}

impl Default for ArgoCd {
    fn default() -> Self {
        ArgoCd {
            namespace: default_argocd_namespace(),
            server: default_server(),
            plugin_image: None,
        }
    }
}

/// Flux.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flux {
    /// The namespace of the source and the Kustomizations.
    #[serde(default = "default_flux_namespace")]
    pub namespace: DnsLabel,
    /// The time between two checks of the source and of the cluster, as Go writes durations.
    #[serde(default = "default_interval")]
    pub interval: GoDuration,
    /// The Secret with the repository's or the registry's credentials. Default: none.
    #[serde(default)]
    pub secret: Option<DnsSubdomain>,
    /// The service account that applies the objects, in the source's namespace. Default: the controller's
    /// own.
    #[serde(default)]
    pub service_account: Option<DnsSubdomain>,
    /// An OCI artifact with the content of `rendered/`, in place of the Git repository.
    #[serde(default)]
    pub artifact: Option<OciUrl>,
    /// The artifact's tag.
    #[serde(default = "default_tag")]
    pub artifact_tag: Tag,
}

fn default_flux_namespace() -> DnsLabel {
    DnsLabel::constant("flux-system")
}

fn default_interval() -> GoDuration {
    GoDuration::constant("10m")
}

fn default_tag() -> Tag {
    Tag::constant("latest")
}

impl Default for Flux {
    fn default() -> Self {
        Flux {
            namespace: default_flux_namespace(),
            interval: default_interval(),
            secret: None,
            service_account: None,
            artifact: None,
            artifact_tag: default_tag(),
        }
    }
}

/// Workflows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ci {
    /// The action that installs tts-render: `OWNER/REPOSITORY@COMMIT` (Forgejo: with the host before
    /// it, as a URL). Needed only for the workflows.
    #[serde(default)]
    pub action: Option<ActionRef>,
}
