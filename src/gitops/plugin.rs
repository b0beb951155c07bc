//! How Argo CD calls the plugin: a command in the Application's folder, and an environment.
//!
//! Source: argo-cd 3.6, `cmpserver/plugin/plugin.go` (the working directory is the Application's path
//! in a fresh copy of the repository) and `reposerver/repository/repository.go` (the variables).

use std::path::{Component, Path, PathBuf};

use crate::project::Project;
use yaml_spans::diagnostic::Diagnostic;

/// Why it can't be said what is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// A path that leaves the repository.
    #[error("ARGOCD_APP_SOURCE_PATH is `{0}`: an Application's path lies in its repository")]
    Outside(String),
    /// No project at the path or above it.
    #[error("there is no `values/` in the Application's path `{0}` or above it")]
    NoProject(String),
}

impl From<CallError> for Diagnostic {
    fn from(error: CallError) -> Self {
        Diagnostic::new(error.to_string())
    }
}

/// What Argo CD says in the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `ARGOCD_APP_SOURCE_PATH`.
    pub source_path: Option<String>,
    /// `ARGOCD_APP_PARAMETERS`.
    pub parameters: Option<String>,
    /// `ARGOCD_ENV_STACK`: the Application's own `plugin.env`, name `STACK`.
    pub stack: Option<String>,
    /// `ARGOCD_ENV_APP`: likewise, name `APP`.
    pub app: Option<String>,
}

impl Environment {
    /// Reads it by way of a function that gives a variable's text; an empty one is none.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|text| !text.is_empty());
        Environment {
            source_path: set("ARGOCD_APP_SOURCE_PATH"),
            parameters: set("ARGOCD_APP_PARAMETERS"),
            stack: set("ARGOCD_ENV_STACK"),
            app: set("ARGOCD_ENV_APP"),
        }
    }
}

/// Where the project is and what of it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The project's root.
    pub root: PathBuf,
    /// A stack by name.
    pub stack: Option<String>,
    /// A folder of `rendered/`.
    pub app: Option<String>,
}

impl Call {
    /// Finds it from the folder that the command runs in. Outside Argo CD (no source path) that
    /// folder is the project's root. Inside, the project is the nearest folder upwards, no further
    /// than the repository's root, that holds `values/`; a path that goes on below it (such as
    /// `rendered/tts`) names by its last part the folder that is asked for. What the environment
    /// names is stronger than the path.
    ///
    /// # Errors
    /// The path leaves the repository, or there is no project on it.
    pub fn find(start: &Path, environment: &Environment) -> Result<Self, CallError> {
        let (stack, app) = (environment.stack.clone(), environment.app.clone());
        let Some(source_path) = &environment.source_path else {
            return Ok(Call { root: start.to_owned(), stack, app });
        };
        let outside = || CallError::Outside(source_path.clone());
        let mut parts = Vec::new();
        for component in Path::new(source_path).components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::CurDir => {}
                _ => return Err(outside()),
            }
        }
        let mut root = start.to_owned();
        let mut below: Option<&String> = None;
        for part in parts.iter().rev().map(Some).chain([None]) {
            if root.join(Project::VALUES).is_dir() {
                let named =
                    below.filter(|name| !["rendered", Project::VALUES].contains(&name.as_str()));
                let by_path = if stack.is_none() && app.is_none() { named.cloned() } else { None };
                return Ok(Call { root, stack, app: app.or(by_path) });
            }
            // The first part that is left is the deepest: it names the folder.
            below = below.or(part);
            root.push("..");
        }
        Err(CallError::NoProject(source_path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn find(
        folders: &[&str],
        source_path: &str,
        more: Environment,
    ) -> Result<(String, Call), CallError> {
        let repository = tempfile::tempdir().unwrap();
        let start = repository.path().join(source_path);
        for folder in
            folders.iter().map(|folder| repository.path().join(folder)).chain([start.clone()])
        {
            fs::create_dir_all(folder).unwrap();
        }
        let environment = Environment { source_path: Some(source_path.to_owned()), ..more };
        let call = Call::find(&start, &environment)?;
        let root = call.root.canonicalize().unwrap();
        let root = root.strip_prefix(repository.path().canonicalize().unwrap()).unwrap();
        Ok((root.display().to_string(), call))
    }

    fn none() -> Environment {
        Environment::default()
    }

    #[test]
    fn the_project_is_the_nearest_folder_with_values() {
        let of = |path: &str| {
            let (root, call) =
                find(&["values", "rendered/tts", "sub/values"], path, none()).unwrap();
            (root, call.app)
        };
        let app = |name: &str| Some(name.to_owned());
        assert_eq!(of("."), (String::new(), None));
        assert_eq!(of("values"), (String::new(), None));
        assert_eq!(of("rendered"), (String::new(), None));
        assert_eq!(of("rendered/tts"), (String::new(), app("tts")));
        assert_eq!(of("apps/kyverno/"), (String::new(), app("kyverno")));
        assert_eq!(of("sub"), ("sub".to_owned(), None));
        assert_eq!(of("sub/rendered/tts"), ("sub".to_owned(), app("tts")));
    }

    #[test]
    fn what_the_environment_names_is_stronger_than_the_path() {
        let named = Environment { stack: Some("one".to_owned()), ..none() };
        let (_, call) = find(&["values"], "rendered/tts", named).unwrap();
        assert_eq!((call.stack.as_deref(), call.app), (Some("one"), None));
        let named = Environment { app: Some("kyverno".to_owned()), ..none() };
        let (_, call) = find(&["values"], "rendered/tts", named).unwrap();
        assert_eq!((call.stack, call.app.as_deref()), (None, Some("kyverno")));
    }

    #[test]
    fn no_folder_outside_the_repository_is_looked_at() {
        let repository = tempfile::tempdir().unwrap();
        fs::create_dir_all(repository.path().join("values")).unwrap();
        let start = repository.path().join("clone/app");
        fs::create_dir_all(&start).unwrap();
        let environment = Environment { source_path: Some("app".to_owned()), ..none() };
        assert_eq!(Call::find(&start, &environment), Err(CallError::NoProject("app".to_owned())));
        let environment = Environment { source_path: Some("../app".to_owned()), ..none() };
        assert_eq!(Call::find(&start, &environment), Err(CallError::Outside("../app".to_owned())));
    }

    #[test]
    fn outside_argo_cd_the_folder_is_the_root() {
        let call = Call::find(Path::new("x"), &none()).unwrap();
        assert_eq!(call, Call { root: PathBuf::from("x"), stack: None, app: None });
    }

    #[test]
    fn an_empty_variable_is_none() {
        let environment = Environment::read(|name| (name == "ARGOCD_ENV_STACK").then(String::new));
        assert_eq!(environment, none());
    }
}
