//! The one stack that a history is replayed for, as it is rendered.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube_validate::ObjectId;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::simulate::reaction_time;
use crate::model::gate_jobs::{Gate, find_gates};
use crate::model::{Object, Objects};
use crate::project::Project;
use crate::project::load::{RenderedProject, Request};

/// A stack's gate.
#[derive(Debug, Clone)]
pub(crate) struct StackGate {
    /// The stack's name.
    pub stack: String,
    /// The object that the gate scales.
    pub target: ObjectId,
    /// Its jobs.
    pub gate: Gate,
    /// The milliseconds from a decision to stop the tenant until its memory is free.
    pub reaction: i64,
}

impl StackGate {
    /// Renders the requested stack.
    ///
    /// # Errors
    /// Those of rendering, and a request for several stacks.
    pub fn render(project: &Project, request: &Request) -> Result<Self, Diagnostics> {
        let request = Request { without_policies: true, ..request.clone() };
        let rendered = RenderedProject::render(project, &request)?;
        let [stack] = &*rendered.stacks else {
            let names: Vec<&str> = rendered.stacks.iter().map(|stack| &*stack.name).collect();
            let message = format!(
                "a history is of one stack's GPU: name one of the stacks `{}`",
                names.join("`, `")
            );
            return Err(Diagnostic::new(message).into());
        };
        let objects = rendered.files.iter().map(|file| {
            let name = format!("{}/{}", file.folder, file.name);
            Arc::new(Object {
                id: file.object.id(),
                node: file.object.node.clone().into(),
                file: name,
            })
        });
        let objects = Objects::collect(objects)
            .map_err(|error| Diagnostics::from(Diagnostic::new(error.to_string())))?;
        let namespaces: BTreeSet<&str> =
            objects.iter().filter_map(|object| object.id.namespace.as_deref()).collect();
        let mut gates = find_gates(&objects, &namespaces).into_iter();
        match (gates.next(), gates.next()) {
            (Some((target, gate)), None) => {
                let reaction = reaction_time(&objects, &target);
                Ok(StackGate { stack: stack.name.clone(), target, gate, reaction })
            }
            (None, _) => {
                let message = format!("no CronJob of `{}` runs the gate", stack.name);
                Err(Diagnostic::new(message).into())
            }
            (Some(_), Some(_)) => {
                let message =
                    format!("the CronJobs of `{}` scale more than one object", stack.name);
                Err(Diagnostic::new(message).into())
            }
        }
    }
}
