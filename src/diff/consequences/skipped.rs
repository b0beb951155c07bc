//! Files among the manifests that are not compared.

use std::collections::BTreeMap;

use super::{Finding, Rule, RuleContext, Topic};
use crate::diff::{ChangeKind, SkippedFile};
use crate::model::{Message, Severity};

pub(crate) const SKIPPED: Rule = Rule {
    id: "file-not-compared",
    severity: Severity::Warning,
    topic: Topic::Reach,
    summary: "A file among the manifests that is not a manifest is new, changed or removed: if a tool computes objects from it, other objects are applied than those that are compared",
    source: "https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/; https://argo-cd.readthedocs.io/en/stable/user-guide/directory/",
};

pub(super) fn changed_files(context: &RuleContext<'_>) -> Vec<Finding> {
    let before = files_by_path(context.skipped_before);
    let after = files_by_path(context.skipped_after);
    let removed = before.values().filter(|file| !after.contains_key(file.path.as_str()));
    let removed = removed.map(|file| (*file, ChangeKind::Removed));
    let present = after.values().filter_map(|file| match before.get(file.path.as_str()) {
        None => Some((*file, ChangeKind::Added)),
        Some(old) if old.content != file.content => Some((*file, ChangeKind::Changed)),
        Some(_) => None,
    });
    present.chain(removed).map(|(file, change)| finding(file, change)).collect()
}

fn files_by_path(files: &[SkippedFile]) -> BTreeMap<&str, &SkippedFile> {
    files.iter().map(|file| (file.path.as_str(), file)).collect()
}

fn finding(file: &SkippedFile, change: ChangeKind) -> Finding {
    let message = Message::default().code(&file.path).and(format!(
        " is {} and is not compared: {}",
        change.name(),
        file.reason
    ));
    Finding { rule: &SKIPPED, object: None, message, when: None }
}
