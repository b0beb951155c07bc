//! The request of `generate` and `parameters`, which Argo CD may call.

use std::path::Path;

use tts_render::gitops::{Environment, PluginCall, parse_assignments};
use tts_render::project::Project;
use tts_render::project::load::Request;
use tts_render::values::DnsLabel;

use super::project::Common;
use super::{CliError, Inputs};
use yaml_spans::diagnostic::Diagnostic;

/// The project and the part of it that arguments or Argo CD's environment name.
pub(crate) struct PluginRequest {
    pub project: Project,
    pub request: Request,
    /// One folder of `rendered/`.
    pub app: Option<String>,
}

/// Returns true if a folder's name is also that of a stack. A path is not: it may be the environment's.
fn is_stack(project: &Project, folder: &str) -> bool {
    DnsLabel::new(folder).is_ok() && project.stack(folder).is_ok()
}

/// Reads arguments and environment, and lays Argo CD's parameters over all other layers.
pub(crate) fn read_request_with_parameters(
    common: &Common,
    inputs: &Inputs,
    app: Option<&str>,
) -> Result<PluginRequest, CliError> {
    let mut read = read_request(common, inputs, app)?;
    let sent = Environment::read(read_variable).parameters;
    read.request.assignments.extend(parse_assignments(sent.as_deref()).map_err(Diagnostic::from)?);
    Ok(read)
}

fn read_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads arguments and environment; arguments override. Argo CD's parameters are not read.
pub(crate) fn read_request(
    common: &Common,
    inputs: &Inputs,
    app: Option<&str>,
) -> Result<PluginRequest, CliError> {
    let environment = Environment::read(read_variable);
    let call = PluginCall::find(Path::new("."), &environment).map_err(Diagnostic::from)?;
    let project = common.project_in(call.root);
    let mut request = inputs.request()?;
    let mut app = app.map(str::to_owned);
    if request.stacks.is_empty() && app.is_none() {
        request.stacks.extend(call.stack);
        app = call.app;
    }
    // A stack's own folder takes that stack alone; a shared one takes every stack to fill.
    if let Some(folder) = &app
        && !request.stacks.contains(folder)
    {
        request.stacks = is_stack(&project, folder).then(|| folder.clone()).into_iter().collect();
    }
    // Named stacks are printed alone, without the policies.
    request.without_policies = !request.stacks.is_empty();
    Ok(PluginRequest { project, request, app })
}
