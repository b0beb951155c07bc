//! The gates of a rendered project's stacks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube_validate::ObjectId;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use crate::model::gate_jobs::{Gate, find_gates};
use crate::model::{Object, Objects};
use crate::project::load::RenderedProject;

/// The gates of each stack, by the stack's file.
pub(super) fn gates_by_stack(
    project: &RenderedProject,
) -> Result<BTreeMap<&str, BTreeMap<ObjectId, Gate>>, Diagnostics> {
    let mut jobs: BTreeMap<&str, Vec<Arc<Object>>> = BTreeMap::new();
    for file in &project.files {
        let id = file.object.id();
        if id.kind != "CronJob" {
            continue;
        }
        let object = Arc::new(Object {
            id,
            node: file.object.node.clone().into(),
            file: format!("{}/{}", file.folder, file.name),
        });
        for claimant in &file.claimants {
            jobs.entry(claimant).or_default().push(Arc::clone(&object));
        }
    }
    jobs.into_iter()
        .map(|(file, jobs)| {
            let objects = Objects::collect(jobs)
                .map_err(|error| Diagnostics::from(Diagnostic::new(error.to_string())))?;
            let namespaces: BTreeSet<&str> =
                objects.iter().filter_map(|object| object.id.namespace.as_deref()).collect();
            Ok((file, find_gates(&objects, &namespaces)))
        })
        .collect()
}
