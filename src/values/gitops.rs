//! The part of a values file that wires the repository to a GitOps controller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalars::*;
use super::stack::Image;

/// How a GitOps controller takes what is rendered: what `tts-render gitops` writes. Settings of the
/// whole repository must be the same in each of its stacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitOps {
    /// The Git repository, as the controller clones it.
    #[serde(rename = "repoURL")]
    pub repo_url: GitUrl,
    /// The branch that the controller follows.
    #[serde(default = "default_branch")]
    pub branch: BranchName,
    /// The folder of the repository that holds `values/`. Left out: its root.
    #[serde(default)]
    pub path: Option<RelativePath>,
    /// What the wiring's own objects are named: the project, the source, and, with a folder's name
    /// behind it, the app of a folder that is no stack's.
    #[serde(default = "default_name")]
    pub name: DnsLabel,
    /// Whether the controller deletes what is no longer rendered. Off until the first sync went
    /// well; a namespace, a volume and a claim are guarded even then.
    #[serde(default)]
    pub prune: bool,
    /// Who decides which image runs. With `keel`, the controller leaves the images of the Deployment
    /// and the CronJobs alone, and a new tag in Git no longer rolls out.
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

/// Who decides which image runs.
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
    /// Argo CD's own namespace, where Applications lie.
    #[serde(default = "default_argocd_namespace")]
    pub namespace: DnsLabel,
    /// The cluster that is synced to, by its API server's URL.
    #[serde(default = "default_server")]
    pub server: HttpUrl,
    /// The image of the plugin's sidecar: what `tts-render image build --of renderer` makes. Needed
    /// for the plugin alone.
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
        ArgoCd { namespace: default_argocd_namespace(), server: default_server(), plugin_image: None }
    }
}

/// Flux.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flux {
    /// The namespace of the source and the Kustomizations.
    #[serde(default = "default_flux_namespace")]
    pub namespace: DnsLabel,
    /// How often the source is asked and the cluster is held against it, as Go writes durations.
    #[serde(default = "default_interval")]
    pub interval: GoDuration,
    /// The Secret with the repository's or the registry's credentials. Left out: none.
    #[serde(default)]
    pub secret: Option<DnsSubdomain>,
    /// The service account that applies, in the source's namespace. Left out: the controller's own.
    #[serde(default)]
    pub service_account: Option<DnsSubdomain>,
    /// An OCI artifact with what lies in `rendered/`, in place of the Git repository.
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
    /// it, as a URL). Needed for the workflows alone.
    #[serde(default)]
    pub action: Option<ActionRef>,
}
