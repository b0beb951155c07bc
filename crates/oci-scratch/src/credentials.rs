//! Logins as Docker keeps them: `config.json` and the credential helpers that it names.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential};

/// Who asks a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// Nobody: there is no login for it.
    Anonymous,
    /// A name with a password or a token.
    Password {
        /// The name; may be shown.
        user: String,
        /// Never shown.
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

/// Why no login could be read. What a file or a helper said is never repeated: it may hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// There is a file, but not for us.
    #[error("Docker's config `{path}` can't be read: {1}", path = .0.display())]
    Read(PathBuf, io::Error),
    /// It is no JSON of Docker's.
    #[error("Docker's config `{path}` is damaged", path = .0.display())]
    Config(PathBuf),
    /// The entry for this registry has no name and password in it.
    #[error("the login for `{1}` in Docker's config `{path}` is damaged; log in again", path = .0.display())]
    Login(PathBuf, String),
    /// The helper is not there, or says nothing that can be read.
    #[error("the credential helper that Docker's config `{path}` names for `{1}` can't be run", path = .0.display())]
    Helper(PathBuf, String),
    /// The helper ran and failed.
    #[error("the credential helper `{0}` failed for `{1}`")]
    HelperFailed(String, String),
    /// An OAuth2 refresh token.
    #[error(
        "Docker's login for `{0}` is an identity token, which is not supported here; log in with a user name and a password or an access token"
    )]
    IdentityToken(String),
}

/// What helpers print, with exit 1, where they hold no login
/// (docker-credential-helpers, credentials/error.go).
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Docker's own name for its hub's login.
const HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

impl Login {
    /// The login for a registry in Docker's folder (`$DOCKER_CONFIG`, else `~/.docker`).
    pub fn find(docker: &Path, registry: &str) -> Result<Self, CredentialError> {
        let path = docker.join("config.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Login::Anonymous),
            Err(error) => return Err(CredentialError::Read(path, error)),
        };
        let server = if registry == HUB.0 { HUB.1 } else { registry };
        let own = || registry.to_owned();
        use CredentialRetrievalError as Failure;
        match docker_credential::get_credential_from_reader(&*text, server) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                Ok(Login::Password { user, password })
            }
            Ok(DockerCredential::IdentityToken(_)) => Err(CredentialError::IdentityToken(own())),
            Err(Failure::NoCredentialConfigured | Failure::ConfigNotFound) => Ok(Login::Anonymous),
            Err(Failure::HelperFailure { stdout, .. }) if stdout.contains(NOT_FOUND) => {
                Ok(Login::Anonymous)
            }
            Err(Failure::HelperFailure { helper, .. }) => {
                Err(CredentialError::HelperFailed(helper, own()))
            }
            Err(Failure::HelperCommunicationError | Failure::MalformedHelperResponse) => {
                Err(CredentialError::Helper(path, own()))
            }
            Err(Failure::CredentialDecodingError | Failure::CredentialMismatchError) => {
                Err(CredentialError::Login(path, own()))
            }
            Err(Failure::ConfigReadError) => Err(CredentialError::Config(path)),
        }
    }

    /// The name, if there is one.
    pub fn user(&self) -> Option<&str> {
        match self {
            Login::Anonymous => None,
            Login::Password { user, .. } => Some(user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(config: &str, registry: &str) -> Result<Login, CredentialError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config).unwrap();
        Login::find(folder.path(), registry)
    }

    #[test]
    fn a_login_is_found_by_the_registrys_name() {
        // ann:s3cret
        let config = r#"{"auths": {"registry.example:5000": {"auth": "YW5uOnMzY3JldA=="},
            "https://index.docker.io/v1/": {"auth": "aHViOng="}}}"#;
        let ann = find(config, "registry.example:5000").unwrap();
        assert_eq!(ann, Login::Password { user: "ann".into(), password: "s3cret".into() });
        assert_eq!(find(config, "docker.io").unwrap().user(), Some("hub"));
        assert_eq!(find(config, "registry.example").unwrap(), Login::Anonymous);
        assert!(!format!("{ann:?}").contains("s3cret"));
    }

    #[test]
    fn no_config_is_no_login() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Login::find(folder.path(), "a").unwrap(), Login::Anonymous);
    }

    #[test]
    fn damage_is_told_without_what_it_holds() {
        let damaged = find(r#"{"auths": {"a": {"auth": "c2VjcmV0"}}}"#, "a").unwrap_err();
        assert!(matches!(damaged, CredentialError::Login(..)));
        assert!(matches!(find("{secret", "a"), Err(CredentialError::Config(_))));
        let token = r#"{"auths": {"a": {"auth": "YTpi", "identitytoken": "secret"}}}"#;
        let error = find(token, "a").unwrap_err();
        assert!(matches!(error, CredentialError::IdentityToken(_)));
        assert!(!error.to_string().contains("secret"));
        let missing = r#"{"credHelpers": {"a": "that-is-not-installed"}}"#;
        assert!(matches!(find(missing, "a"), Err(CredentialError::Helper(..))));
    }
}
