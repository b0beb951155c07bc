//! The owners' policies, edited for every stack that asks for it.

use std::collections::BTreeMap;

use super::{File, POLICIES, Stack};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::objects::{self, AllowedKinds};
use crate::project::Project;
use crate::render::PolicyContext;
use crate::source::Sources;
use crate::values::{KyvernoMode, RelativePath};
use crate::yaml::{self, Dialect};

/// The edited policies of all stacks: one file a policy, with all their namespaces.
pub(super) fn edited(
    project: &Project,
    stacks: &[Stack],
    sources: &mut Sources,
) -> Result<Vec<File>, Diagnostics> {
    let mut by_policy: BTreeMap<&RelativePath, Vec<&Stack>> = BTreeMap::new();
    for stack in stacks {
        let kyverno = &stack.loaded.values.kyverno;
        if let (KyvernoMode::Edit, Some(path)) = (kyverno.mode, &kyverno.policy) {
            by_policy.entry(path).or_default().push(stack);
        }
    }
    by_policy.into_iter().map(|(path, stacks)| edit(project, path, &stacks, sources)).collect()
}
fn edit(_: &Project, _: &RelativePath, _: &[&Stack], _: &mut Sources) -> Result<File, Diagnostics> {
    Err(Diagnostic::new("stub").into())
}
pub(super) fn describe(
    _: &Project,
    _: &RelativePath,
    _: Option<&str>,
    _: &mut Sources,
) -> Result<PolicyContext, Diagnostics> {
    Err(Diagnostic::new("stub").into())
}
