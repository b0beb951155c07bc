//! A volume whose data goes with its claim.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::values::ReclaimPolicy;

pub(super) const RULE: Rule = Rule {
    id: "storage-not-retained",
    severity: Severity::Critical,
    what: "The volume's reclaim policy is `Delete`",
    why: "The claim's deletion, by hand or by a prune, takes the data along.",
    mend: "`storage.reclaimPolicy: Retain`.",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let deletes = |policy: ReclaimPolicy| policy == ReclaimPolicy::Delete;
    if case.values.storage.as_ref().is_none_or(|storage| !deletes(storage.reclaim_policy)) {
        return Vec::new();
    }
    let words = Message::of("The data goes when its claim does");
    vec![Site::value(["storage", "reclaimPolicy"], words)]
}
