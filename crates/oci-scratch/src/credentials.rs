//! Logins as Docker and Podman keep them: `config.json`, `auth.json`, and the credential helpers that they name.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError as Failure, DockerCredential};
use serde_json::Value;

use crate::ImageError;
use crate::reference::Reference;

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
    /// Finds the login for an image: the first of the files that has one decides. A file that does not exist
    /// has none.
    ///
    /// # Errors
    /// A file or a helper fails. The message never repeats their content, which may be secret.
    pub fn find(files: &[PathBuf], image: &Reference) -> Result<Self, ImageError> {
        for file in files {
            match Self::find_in(file, image)? {
                Login::Anonymous => {}
                login => return Ok(login),
            }
        }
        Ok(Login::Anonymous)
    }

    fn find_in(path: &Path, image: &Reference) -> Result<Self, ImageError> {
        let file = path.display();
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Login::Anonymous),
            Err(error) => {
                let message = format!("the logins in `{file}` can't be read");
                return Err(ImageError::caused(message, error));
            }
        };
        let Ok(mut logins) = serde_json::from_slice::<Value>(&text) else {
            return Err(ImageError::new(format!("the logins in `{file}` are damaged")));
        };
        remove_empty_tokens(&mut logins);
        let (registry, server) = (image.registry(), find_key(&logins, image));
        let text = logins.to_string();
        let failure = match docker_credential::get_credential_from_reader(text.as_bytes(), &server)
        {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                return Ok(Login::Password { user, password });
            }
            Ok(DockerCredential::IdentityToken(_)) => {
                return Err(ImageError::new(format!(
                    "the login for `{registry}` in `{file}` is an identity token, which is not supported; log in with a user name and a password or an access token"
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
            Failure::HelperCommunicationError | Failure::MalformedHelperResponse => {
                format!("the credential helper that `{file}` names for `{registry}` can't be run")
            }
            Failure::CredentialDecodingError | Failure::CredentialMismatchError => {
                format!("the login for `{registry}` in `{file}` is damaged; log in again")
            }
            Failure::ConfigReadError => format!("the logins in `{file}` are damaged"),
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

/// Removes identity tokens without content: some programs write them beside a password.
fn remove_empty_tokens(logins: &mut Value) {
    let logins = logins.get_mut("auths").and_then(Value::as_object_mut);
    for login in logins.into_iter().flat_map(|logins| logins.values_mut()) {
        if let Some(login) = login.as_object_mut()
            && login.get("identitytoken").and_then(Value::as_str) == Some("")
        {
            login.remove("identitytoken");
        }
    }
}

/// The key of an image's login: the longest of its repository, the parts of it, and the registry (Podman
/// keeps logins for each; containers-auth.json(5)), or the registry's name for helpers.
fn find_key(logins: &Value, image: &Reference) -> String {
    let registry = image.registry();
    let mut name = format!("{registry}/{}", image.repository());
    loop {
        if logins.get("auths").is_some_and(|logins| logins.get(&name).is_some()) {
            return name;
        }
        match name.rsplit_once('/') {
            Some((parent, _)) => name = parent.to_owned(),
            None if registry == HUB.0 => return HUB.1.to_owned(),
            None => return name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_login(config: &str, image: &str) -> Result<Login, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        fs::write(&file, config).unwrap();
        Login::find(&[folder.path().join("none.json"), file], &image.parse().unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_login_is_found_by_the_registrys_name() {
        // ann:s3cret
        let config = r#"{"auths": {"registry.example:5000": {"auth": "YW5uOnMzY3JldA=="},
            "https://index.docker.io/v1/": {"auth": "aHViOng="}}}"#;
        let ann = find_login(config, "registry.example:5000/me/gate").unwrap();
        assert_eq!(ann, Login::Password { user: "ann".into(), password: "s3cret".into() });
        assert_eq!(find_login(config, "docker.io/me/gate").unwrap().user(), Some("hub"));
        assert_eq!(find_login(config, "registry.example/me/gate").unwrap(), Login::Anonymous);
        assert!(!format!("{ann:?}").contains("s3cret"));
    }

    /// Podman keeps logins for a part of a registry: containers-auth.json(5).
    #[test]
    fn the_login_of_the_longest_part_of_a_name_counts() {
        // all:x, me:x and gate:x
        let config = r#"{"auths": {"r.example": {"auth": "YWxsOng="},
            "r.example/me": {"auth": "bWU6eA=="}, "r.example/me/gate": {"auth": "Z2F0ZTp4"},
            "docker.io": {"auth": "YWxsOng="}}}"#;
        for (image, user) in [
            ("r.example/me/gate:1", "gate"),
            ("r.example/me/gates:1", "me"),
            ("r.example/you/gate:1", "all"),
            ("docker.io/me/gate", "all"),
        ] {
            assert_eq!(find_login(config, image).unwrap().user(), Some(user), "{image}");
        }
    }

    #[test]
    fn an_empty_identity_token_beside_a_password_is_none() {
        let config =
            r#"{"auths": {"r.example": {"auth": "YW5uOnMzY3JldA==", "identitytoken": ""}}}"#;
        assert_eq!(find_login(config, "r.example/me/gate").unwrap().user(), Some("ann"));
    }

    #[test]
    fn the_first_file_with_a_login_decides() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, logins: &str| {
            let file = folder.path().join(name);
            fs::write(&file, format!("{{\"auths\": {{{logins}}}}}")).unwrap();
            file
        };
        let files = [
            folder.path().join("none"),
            file("other", r#""elsewhere.example": {"auth": "YWxsOng="}"#),
            file("first", r#""r.example": {"auth": "bWU6eA=="}"#),
            file("second", r#""r.example": {"auth": "YWxsOng="}"#),
        ];
        let image = "r.example/me/gate".parse().unwrap();
        assert_eq!(Login::find(&files, &image).unwrap().user(), Some("me"));
        assert_eq!(Login::find(&files[..2], &image).unwrap(), Login::Anonymous);
    }

    #[test]
    fn errors_never_repeat_the_configuration() {
        for (config, reason) in [
            (r#"{"auths": {"a.io": {"auth": "c2VjcmV0"}}}"#, "the login for `a.io` in"),
            ("{secret", "are damaged"),
            (r#"{"auths": ["secret"]}"#, "are damaged"),
            (
                r#"{"auths": {"a.io": {"auth": "YTpi", "identitytoken": "secret"}}}"#,
                "identity token",
            ),
            (r#"{"credHelpers": {"a.io": "secret-that-is-not-installed"}}"#, "can't be run"),
        ] {
            let error = find_login(config, "a.io/b").unwrap_err();
            assert!(error.contains(reason), "{config}: {error}");
            assert!(!error.contains("secret") && !error.contains("c2VjcmV0"), "{error}");
        }
    }
}
