//! Two owners of one image.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::values::ImageOwner;

pub(super) const RULE: Rule = Rule {
    id: "image-keel-and-digest",
    severity: Severity::Warning,
    what: "Keel is told to update the namespace, and the image is pinned by its digest",
    why: "Keel follows tags: it either ignores the image, or overwrites the digest in the cluster, and the controller puts it back.",
    mend: "Pick one owner: take the label `keel.sh/enrolled` away, or leave the digest out and set `gitops.images: keel`.",
    source: "https://keel.sh/docs/ and docs/server.md: a pinned image and Keel exclude each other",
    look: Look::Stack(look),
};

/// The namespace's label that enrols its workloads.
const ENROLLED: &str = "keel.sh/enrolled";

fn look(case: &Case<'_>) -> Vec<Site> {
    let labels = &case.values.namespace.labels;
    if labels.get(ENROLLED).is_none_or(|value| value != "true") {
        return Vec::new();
    }
    let keel = case.values.gitops.as_ref().is_some_and(|gitops| gitops.images == ImageOwner::Keel);
    let mut found = Vec::new();
    for (whose, image) in [("server", &case.values.server.image), ("gate", &case.values.gate.image)]
    {
        if image.digest.is_some() {
            let mut words =
                Message::of("The image is pinned by its digest, and the label ").code(ENROLLED);
            words = words.and(" lets Keel change it");
            if keel {
                words = words.and(", as does ").code("gitops.images: keel");
            }
            found.push(Site::value([whose, "image", "digest"], words));
        }
    }
    found
}
