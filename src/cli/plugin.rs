//! What `generate` and `parameters` share: Argo CD may be the caller.

use tts_render::gitops::{Call, Environment, assignments};
use tts_render::project::Project;
use tts_render::project::load::Request;

use super::{CliError, Common, Inputs};
use yaml_spans::diagnostic::Diagnostic;

/// What is asked for, by arguments or by Argo CD's environment.
pub(crate) struct Asked {
    pub project: Project,
    pub request: Request,
    /// One folder of `rendered/`.
    pub app: Option<String>,
}

/// Reads both; an argument is stronger. Argo CD's parameters are the highest layer.
pub(crate) fn asked(
    common: &Common,
    inputs: &Inputs,
    app: Option<&str>,
) -> Result<Asked, CliError> {
    let environment = Environment::read(|name| std::env::var(name).ok());
    let call = Call::find(&common.root, &environment).map_err(Diagnostic::from)?;
    let project = Project::new(call.root);
    let mut request = inputs.request()?;
    request
        .assignments
        .extend(assignments(environment.parameters.as_deref()).map_err(Diagnostic::from)?);
    let mut app = app.map(str::to_owned);
    if request.stacks.is_empty() && app.is_none() {
        request.stacks.extend(call.stack);
        app = call.app;
    }
    // A stack's own folder takes that stack alone; a shared one takes every stack to fill.
    if let Some(folder) = &app
        && !request.stacks.contains(folder)
    {
        request.stacks =
            project.stack(folder).is_ok().then(|| folder.clone()).into_iter().collect();
    }
    // Named stacks are printed alone, so nobody sees the policies.
    request.without_policies = !request.stacks.is_empty();
    Ok(Asked { project, request, app })
}
