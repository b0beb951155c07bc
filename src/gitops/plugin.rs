//! The plugin's call by Argo CD: a command in the Application's folder, and an environment.
//!
//! Source: argo-cd 3.6, `cmpserver/plugin/plugin.go` (the working directory is the Application's path
//! in a fresh copy of the repository) and `reposerver/repository/repository.go` (the variables).

use std::path::{Component, Path, PathBuf};

use crate::project::Project;
use crate::project::discover::{FoundRoot, find_root};
use yaml_spans::diagnostic::Diagnostic;

/// A reason why the project of a call can't be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginCallError {
    /// The path leaves the repository.
    #[error(
        "invalid `ARGOCD_APP_SOURCE_PATH` `{0}`: expected a path inside the Application's repository"
    )]
    Outside(String),
    /// A link on the path: the folders above it are not those of the path.
    #[error("invalid `ARGOCD_APP_SOURCE_PATH` `{0}`: expected folders, not a link")]
    Link(String),
    /// A name that would be a path.
    #[error("invalid `{0}` `{1}`: expected a name, not a path")]
    NotAName(&'static str, String),
    /// No folder on the path holds a project.
    #[error("there is no values file in `values/` in the Application's path `{0}` or above it")]
    NoProject(String),
}

impl From<PluginCallError> for Diagnostic {
    fn from(error: PluginCallError) -> Self {
        Diagnostic::new(error.to_string())
    }
}

/// The variables that Argo CD sets.
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
    /// Reads the variables with a function that returns a variable's text; an empty one counts as
    /// not set.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| lookup(name).filter(|text| !text.is_empty());
        Environment {
            source_path: variable("ARGOCD_APP_SOURCE_PATH"),
            parameters: variable("ARGOCD_APP_PARAMETERS"),
            stack: variable("ARGOCD_ENV_STACK"),
            app: variable("ARGOCD_ENV_APP"),
        }
    }
}

/// The project of a call, and the part of it that is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginCall {
    /// The project's root.
    pub root: PathBuf,
    /// The name of a stack.
    pub stack: Option<String>,
    /// A folder of `rendered/`.
    pub app: Option<String>,
}

impl PluginCall {
    /// Finds the project around the folder that the command runs in. Inside Argo CD (with a source path)
    /// there must be one, no further up than the repository's root. A link on the path is refused, since
    /// the folders above it may be outside the repository. If the path goes on below the project
    /// (such as `rendered/tts`), its last part names the requested folder, unless the environment
    /// names a stack or a folder.
    ///
    /// # Errors
    /// The path leaves the repository or contains a link, no folder on it holds a project, or a name is a
    /// path.
    pub fn find(start: &Path, environment: &Environment) -> Result<Self, PluginCallError> {
        let stack = checked_name("STACK", environment.stack.as_ref())?;
        let app = checked_name("APP", environment.app.as_ref())?;
        let Some(source_path) = &environment.source_path else {
            return Ok(PluginCall { root: Project::find(start).root().to_owned(), stack, app });
        };
        let mut parts = Vec::new();
        for component in Path::new(source_path).components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::CurDir => {}
                _ => return Err(PluginCallError::Outside(source_path.clone())),
            }
        }
        let relative: PathBuf = parts.iter().collect();
        if start.canonicalize().is_ok_and(|folder| !folder.ends_with(relative)) {
            return Err(PluginCallError::Link(source_path.clone()));
        }
        let Some(FoundRoot { root, depth }) = find_root(start, parts.len()) else {
            return Err(PluginCallError::NoProject(source_path.clone()));
        };
        let below = parts.last().filter(|_| depth > 0);
        let named =
            below.filter(|name| ![Project::RENDERED, Project::VALUES].contains(&name.as_str()));
        let by_path = if stack.is_none() && app.is_none() { named.cloned() } else { None };
        Ok(PluginCall { root, stack, app: app.or(by_path) })
    }
}

/// A name of a stack or a folder from the environment. It is never a path: a path would be read like a
/// file that the user named.
fn checked_name(
    variable: &'static str,
    name: Option<&String>,
) -> Result<Option<String>, PluginCallError> {
    let Some(name) = name else { return Ok(None) };
    if name.contains(['/', '\\']) || name.starts_with('.') || name.ends_with(".yaml") {
        return Err(PluginCallError::NotAName(variable, name.clone()));
    }
    Ok(Some(name.clone()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn find_in(
        folders: &[&str],
        source_path: &str,
        more: Environment,
    ) -> Result<(String, PluginCall), PluginCallError> {
        let repository = tempfile::tempdir().unwrap();
        let start = repository.path().join(source_path);
        for folder in
            folders.iter().map(|folder| repository.path().join(folder)).chain([start.clone()])
        {
            fs::create_dir_all(&folder).unwrap();
            if folder.ends_with("values") {
                fs::write(folder.join("tts.yaml"), "").unwrap();
            }
        }
        let environment = Environment { source_path: Some(source_path.to_owned()), ..more };
        let call = PluginCall::find(&start, &environment)?;
        let root = call.root.canonicalize().unwrap();
        let root = root.strip_prefix(repository.path().canonicalize().unwrap()).unwrap();
        Ok((root.display().to_string(), call))
    }

    fn write_values(folder: &Path) {
        fs::create_dir_all(folder.join("values")).unwrap();
        fs::write(folder.join("values/tts.yaml"), "").unwrap();
    }

    #[test]
    fn the_project_is_the_nearest_folder_with_values() {
        for (path, root, app) in [
            (".", "", None),
            ("values", "", None),
            ("rendered", "", None),
            ("rendered/tts", "", Some("tts")),
            ("apps/kyverno/", "", Some("kyverno")),
            ("sub", "sub", None),
            ("sub/rendered/tts", "sub", Some("tts")),
        ] {
            let folders = ["values", "rendered/tts", "sub/values"];
            let (found, call) = find_in(&folders, path, Environment::default()).unwrap();
            assert_eq!((found.as_str(), call.app.as_deref()), (root, app), "{path}");
        }
    }

    #[test]
    fn the_environment_overrides_the_path() {
        let named = Environment { stack: Some("one".to_owned()), ..Environment::default() };
        let (_, call) = find_in(&["values"], "rendered/tts", named).unwrap();
        assert_eq!((call.stack.as_deref(), call.app), (Some("one"), None));
        let named = Environment { app: Some("kyverno".to_owned()), ..Environment::default() };
        let (_, call) = find_in(&["values"], "rendered/tts", named).unwrap();
        assert_eq!((call.stack, call.app.as_deref()), (None, Some("kyverno")));
    }

    #[test]
    fn no_folder_outside_the_repository_is_read() {
        let repository = tempfile::tempdir().unwrap();
        write_values(repository.path());
        let start = repository.path().join("clone/app");
        fs::create_dir_all(&start).unwrap();
        let environment =
            Environment { source_path: Some("app".to_owned()), ..Environment::default() };
        assert_eq!(
            PluginCall::find(&start, &environment),
            Err(PluginCallError::NoProject("app".to_owned()))
        );
        let environment =
            Environment { source_path: Some("../app".to_owned()), ..Environment::default() };
        assert_eq!(
            PluginCall::find(&start, &environment),
            Err(PluginCallError::Outside("../app".to_owned()))
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_on_the_path_leads_nowhere() {
        let above = tempfile::tempdir().unwrap();
        write_values(above.path());
        let clone = above.path().join("clone");
        fs::create_dir_all(clone.join("deep")).unwrap();
        std::os::unix::fs::symlink("..", clone.join("deep/x")).unwrap();
        std::os::unix::fs::symlink("../..", clone.join("deep/y")).unwrap();
        for path in ["deep/x", "deep/y"] {
            let environment =
                Environment { source_path: Some(path.to_owned()), ..Environment::default() };
            let start = clone.join(path).canonicalize().unwrap();
            let expected = Err(PluginCallError::Link(path.to_owned()));
            assert_eq!(PluginCall::find(&start, &environment), expected);
        }
    }

    #[test]
    fn the_search_ends_at_the_top_of_the_clone() {
        let above = tempfile::tempdir().unwrap();
        write_values(above.path());
        let start = above.path().join("clone/app");
        fs::create_dir_all(&start).unwrap();
        fs::create_dir(above.path().join("clone/.git")).unwrap();
        let path = "clone/app".to_owned();
        let environment = Environment { source_path: Some(path.clone()), ..Environment::default() };
        assert_eq!(PluginCall::find(&start, &environment), Err(PluginCallError::NoProject(path)));
    }

    #[test]
    fn a_name_of_the_environment_is_not_a_path() {
        for name in ["x.yaml", "../x", "values/x", "/etc/passwd", ".x"] {
            let named = Environment { stack: Some(name.to_owned()), ..Environment::default() };
            let expected = Err(PluginCallError::NotAName("STACK", name.to_owned()));
            assert_eq!(PluginCall::find(Path::new("."), &named), expected);
            let named = Environment { app: Some(name.to_owned()), ..Environment::default() };
            let expected = Err(PluginCallError::NotAName("APP", name.to_owned()));
            assert_eq!(PluginCall::find(Path::new("."), &named), expected);
        }
    }

    #[test]
    fn outside_argo_cd_the_project_is_the_one_around_the_folder() {
        let call = PluginCall::find(Path::new("x"), &Environment::default()).unwrap();
        assert_eq!(call, PluginCall { root: PathBuf::from("x"), stack: None, app: None });
        let above = tempfile::tempdir().unwrap();
        write_values(above.path());
        let start = above.path().join("values");
        let call = PluginCall::find(&start, &Environment::default()).unwrap();
        assert_eq!(call, PluginCall { root: start.join(".."), stack: None, app: None });
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let environment = Environment::read(|name| (name == "ARGOCD_ENV_STACK").then(String::new));
        assert_eq!(environment, Environment::default());
    }
}
