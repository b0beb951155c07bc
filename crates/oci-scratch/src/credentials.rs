//! Logins as Docker keeps them: `config.json` and the credential helpers that it names.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use docker_credential::{CredentialRetrievalError as Failure, DockerCredential};

use crate::ImageError;

/// The identity with which a registry is used.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// No login.
    Anonymous,
    /// A name with a password or a token.
    Password {
        /// The name; messages may show it.
        user: String,
        /// The password; never shown.
        password: String,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Login::Anonymous => f.write_str("Anonymous"),
            Login::Password { user, .. } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
        }
    }
}

/// The text that helpers print, with exit 1, if they hold no login
/// (docker-credential-helpers, credentials/error.go).
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The hub's registry, and Docker's name for its login.
const HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

impl Login {
    /// Finds the login for a registry in Docker's folder (`$DOCKER_CONFIG`, else `~/.docker`).
    ///
    /// # Errors
    /// The configuration or a helper fails. The message never repeats their content: it may hold
    /// secrets.
    pub fn find(docker: &Path, registry: &str) -> Result<Self, ImageError> {
        let path = docker.join("config.json");
        let file = path.display();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Login::Anonymous),
            Err(error) => {
                let message = format!("Docker's configuration `{file}` can't be read");
                return Err(ImageError::caused(message, error));
            }
        };
        let server = if registry == HUB.0 { HUB.1 } else { registry };
        let failure = match docker_credential::get_credential_from_reader(&*text, server) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                return Ok(Login::Password { user, password });
            }
            Ok(DockerCredential::IdentityToken(_)) => {
                return Err(ImageError::new(format!(
                    "Docker's login for `{registry}` is an identity token, which is not supported; log in with a user name and a password or an access token"
                )));
            }
            Err(failure) => failure,
        };
        Err(ImageError::new(match failure {
            Failure::NoCredentialConfigured | Failure::ConfigNotFound => {
                return Ok(Login::Anonymous);
            }
            Failure::HelperFailure { stdout, .. } if stdout.contains(NOT_FOUND) => {
                return Ok(Login::Anonymous);
            }
            Failure::HelperFailure { helper, .. } => {
                format!("the credential helper `{helper}` failed for `{registry}`")
            }
            Failure::HelperCommunicationError | Failure::MalformedHelperResponse => format!(
                "the credential helper that Docker's configuration `{file}` names for `{registry}` can't be run"
            ),
            Failure::CredentialDecodingError | Failure::CredentialMismatchError => format!(
                "the login for `{registry}` in Docker's configuration `{file}` is damaged; log in again"
            ),
            Failure::ConfigReadError => format!("Docker's configuration `{file}` is damaged"),
        }))
    }

    /// The name, if there is one.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Login::Anonymous => None,
            Login::Password { user, .. } => Some(user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_login(config: &str, registry: &str) -> Result<Login, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config).unwrap();
        Login::find(folder.path(), registry).map_err(|error| error.to_string())
    }

    #[test]
    fn a_login_is_found_by_the_registrys_name() {
        // ann:s3cret
        let config = r#"{"auths": {"registry.example:5000": {"auth": "YW5uOnMzY3JldA=="},
            "https://index.docker.io/v1/": {"auth": "aHViOng="}}}"#;
        let ann = find_login(config, "registry.example:5000").unwrap();
        assert_eq!(ann, Login::Password { user: "ann".into(), password: "s3cret".into() });
        assert_eq!(find_login(config, "docker.io").unwrap().user(), Some("hub"));
        assert_eq!(find_login(config, "registry.example").unwrap(), Login::Anonymous);
        assert!(!format!("{ann:?}").contains("s3cret"));
    }

    #[test]
    fn without_a_configuration_there_is_no_login() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Login::find(folder.path(), "a").unwrap(), Login::Anonymous);
    }

    #[test]
    fn errors_never_repeat_the_configuration() {
        for (config, reason) in [
            (r#"{"auths": {"a": {"auth": "c2VjcmV0"}}}"#, "the login for `a` in"),
            ("{secret", "is damaged"),
            (r#"{"auths": {"a": {"auth": "YTpi", "identitytoken": "secret"}}}"#, "identity token"),
            (r#"{"credHelpers": {"a": "secret-that-is-not-installed"}}"#, "can't be run"),
        ] {
            let error = find_login(config, "a").unwrap_err();
            assert!(error.contains(reason), "{config}: {error}");
            assert!(!error.contains("secret") && !error.contains("c2VjcmV0"), "{error}");
        }
    }
}
