//! Failures of a registry, in words for the person who called it.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::Digest;
use crate::credentials::Login;
use crate::reference::Reference;
use bounded_http::Failure;

/// The reason why a registry failed. The server's message is shown on one line, truncated, and
/// without passwords and tokens.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// 401, and there is no login.
    #[error(
        "`{registry}` requires a login for `{repository}`, and neither Docker's nor Podman's files have one for `{registry}`"
    )]
    NoLogin {
        /// The host.
        registry: String,
        /// The path in it.
        repository: String,
    },
    /// 401 in spite of a login.
    #[error("`{registry}` rejects the login of `{user}` for `{repository}`{message}")]
    BadLogin {
        /// The host.
        registry: String,
        /// The path in it.
        repository: String,
        /// The login's user.
        user: String,
        /// The server's message, with a colon before it; may be empty.
        message: String,
    },
    /// 403.
    #[error("`{registry}` does not allow {who} to {action} `{repository}`{message}")]
    Forbidden {
        /// The host.
        registry: String,
        /// The path in it.
        repository: String,
        /// The user, in backticks, or "an anonymous user".
        who: String,
        /// "push to" or "read".
        action: &'static str,
        /// As above.
        message: String,
    },
    /// 404.
    #[error("`{registry}` has no {what}{message}")]
    NotFound {
        /// The host.
        registry: String,
        /// The repository or the image, in backticks.
        what: String,
        /// As above.
        message: String,
    },
    /// 507, or a message about a full disk.
    #[error("the disk of `{registry}` is full: it answered {status}{message}")]
    DiskFull {
        /// The host.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// As above.
        message: String,
    },
    /// Another status that is not a success, after retries if they make sense.
    #[error("`{registry}` answered {status}{attempts}{message}")]
    Status {
        /// The host.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// " to each of 3 attempts"; empty after one.
        attempts: String,
        /// As above.
        message: String,
    },
    /// No connection, or one that broke.
    #[error("`{registry}` can't be reached, or the connection broke{attempts}: {cause}")]
    Connection {
        /// The host.
        registry: String,
        /// " in each of 3 attempts"; empty after one.
        attempts: String,
        /// The system's message.
        cause: String,
    },
    /// After a push, the tag leads to other bytes.
    #[error(
        "`{registry}` returned `{found}` for the pushed `{pushed}`; do not use the image it holds"
    )]
    WrongDigest {
        /// The host.
        registry: String,
        /// The digest that was pushed.
        pushed: Digest,
        /// The digest that the tag leads to.
        found: Digest,
    },
    /// An answer that the distribution specification does not allow.
    #[error("`{registry}` does not answer like an OCI registry: {reason}")]
    Protocol {
        /// The host.
        registry: String,
        /// The fault of the answer.
        reason: String,
    },
    /// A step from HTTPS to HTTP.
    #[error(
        "the {step} of `{registry}` leads from HTTPS to `{to}`, where anyone on the way can read and change what is sent"
    )]
    Downgrade {
        /// The host.
        registry: String,
        /// "redirect", "token server" or "upload address".
        step: &'static str,
        /// The address without its path.
        to: String,
    },
    /// No client can be made, for example because the system has no trusted certificates.
    #[error("no connection can be set up: {0}")]
    Setup(String),
    /// A push without a tag.
    #[error("`{0}` names a digest; a push needs a tag")]
    PushToDigest(String),
}

/// The action of a push in a message.
const PUSH_TO: &str = "push to";

/// The names of the permission to push.
const TOKEN_SCOPE: &str = "an access token needs the permission to push: `write:package` on Forgejo and Gitea, `write:packages` on GitHub, `write_registry` on GitLab";

impl RegistryError {
    /// A fix, if one is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            RegistryError::NoLogin { .. } => Some(
                "run `docker login`, `podman login` or `skopeo login`; `REGISTRY_AUTH_FILE` names another file, `DOCKER_CONFIG` another folder",
            ),
            // Gitea's and Forgejo's message for a token without the scope.
            RegistryError::BadLogin { message, .. } if message.contains("reqPackageAccess") => {
                Some(TOKEN_SCOPE)
            }
            RegistryError::Forbidden { action: PUSH_TO, .. } => Some(TOKEN_SCOPE),
            RegistryError::NotFound { .. } => {
                Some("some registries require that the owner or project exists first")
            }
            RegistryError::Connection { cause, .. } if cause.contains("certificate") => Some(
                "`SSL_CERT_FILE` names a file of certificates to trust in place of the system's",
            ),
            // The message of rustls for an answer that is not TLS.
            RegistryError::Connection { cause, .. } if cause.contains("corrupt message") => {
                Some("if this registry uses HTTP without TLS, add `--plain-http`")
            }
            _ => None,
        }
    }
}

/// The request that failed, as far as messages need it.
#[derive(Debug, Clone)]
pub(super) struct RegistryRequest<'a> {
    pub reference: &'a Reference,
    pub login: &'a Login,
    pub access: Access,
    /// Texts that are removed from a server's message.
    pub secrets: Vec<String>,
}

/// The permission that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Pull,
    Push,
}

/// A failure, and whether a retry may succeed.
pub(super) struct Verdict {
    pub error: RegistryError,
    pub is_transient: bool,
}

impl<'a> RegistryRequest<'a> {
    pub fn new(reference: &'a Reference, login: &'a Login, access: Access) -> Self {
        let secrets = match login {
            Login::Anonymous => Vec::new(),
            Login::Password { user, password } => {
                vec![password.clone(), BASE64_STANDARD.encode(format!("{user}:{password}"))]
            }
        };
        RegistryRequest { reference, login, access, secrets }
    }

    /// Judges a failure of the attempt of this number.
    pub fn judge(&self, failure: Failure, attempts: usize) -> Verdict {
        let registry = self.registry();
        match failure {
            Failure::Status(status, body) => self.judge_status(status, &body, attempts),
            Failure::Connection(cause) => self.judge_connection(&cause, attempts),
            Failure::Protocol(reason) => {
                let reason = self.clean_message(&reason);
                Verdict { error: RegistryError::Protocol { registry, reason }, is_transient: false }
            }
            Failure::Downgrade(step, to) => {
                let to = self.clean_message(&to);
                let error = RegistryError::Downgrade { registry, step, to };
                Verdict { error, is_transient: false }
            }
        }
    }

    fn judge_status(&self, status: u16, body: &str, attempts: usize) -> Verdict {
        let message = self.message_suffix(body);
        let registry = self.registry();
        let repository = self.reference.repository().to_owned();
        let is_full = status == 507 || (status >= 500 && mentions_full_disk(body));
        let error = match (status, self.login.user()) {
            _ if is_full => RegistryError::DiskFull { registry, status, message },
            (401, None) => RegistryError::NoLogin { registry, repository },
            (401, Some(user)) => {
                let user = user.to_owned();
                RegistryError::BadLogin { registry, repository, user, message }
            }
            (403, user) => {
                let who = user.map_or("an anonymous user".to_owned(), |user| format!("`{user}`"));
                let action = if self.access == Access::Push { PUSH_TO } else { "read" };
                RegistryError::Forbidden { registry, repository, who, action, message }
            }
            (404, _) if self.access == Access::Push => {
                let what = format!("repository `{repository}`, and does not create it");
                RegistryError::NotFound { registry, what, message }
            }
            (404, _) => {
                let what = format!("image `{}`", self.reference);
                RegistryError::NotFound { registry, what, message }
            }
            _ => RegistryError::Status { registry, status, attempts: to_each(attempts), message },
        };
        let is_transient = !is_full && (status == 429 || status >= 500);
        Verdict { error, is_transient }
    }

    /// Judges a connection that failed or broke.
    fn judge_connection(&self, cause: &str, attempts: usize) -> Verdict {
        let attempts = match attempts {
            0 | 1 => String::new(),
            _ => format!(" in each of {attempts} attempts"),
        };
        let (registry, cause) = (self.registry(), self.clean_message(cause));
        // A retry does not change a certificate.
        let is_transient = !cause.contains("certificate");
        Verdict { error: RegistryError::Connection { registry, attempts, cause }, is_transient }
    }

    /// The error for an answer that is not a manifest, with its first line.
    pub fn not_a_manifest(&self, bytes: &[u8], reason: &str) -> RegistryError {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).into_owned();
        let line = start.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let reason = self.clean_message(reason);
        let reason = match self.clean_message(line) {
            line if line.is_empty() => reason,
            line => format!("{reason}: its first line is `{line}`"),
        };
        RegistryError::Protocol { registry: self.registry(), reason }
    }

    fn registry(&self) -> String {
        self.reference.registry().to_owned()
    }

    /// A server's message with a colon before it, for the end of an error.
    fn message_suffix(&self, body: &str) -> String {
        let message = error_messages(body).unwrap_or_else(|| body.to_owned());
        let message = self.clean_message(&message);
        if message.is_empty() { message } else { format!(": {message}") }
    }

    /// A text as one line of at most 200 printable characters, without passwords and tokens.
    fn clean_message(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "…");
        }
        let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        let text: String = printable.collect();
        let words: Vec<&str> = text.split_whitespace().collect();
        let line = words.join(" ");
        match line.char_indices().nth(200) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

fn to_each(attempts: usize) -> String {
    if attempts > 1 { format!(" to each of {attempts} attempts") } else { String::new() }
}

/// The messages of a registry's error document.
fn error_messages(body: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(body).ok()?;
    let errors = document.get("errors")?.as_array()?;
    let mut messages = Vec::new();
    for error in errors {
        let texts = ["message", "code"].map(|key| error.get(key)?.as_str());
        messages.extend(texts.into_iter().flatten().find(|text| !text.is_empty()));
    }
    Some(messages.join("; "))
}

/// Registries pass on the system's message. Docker's registry writes the number of ENOSPC instead
/// (distribution, registry/storage/driver/filesystem).
fn mentions_full_disk(body: &str) -> bool {
    let body = body.to_lowercase();
    ["no space left on device", "\"err\":28", "disk quota exceeded"]
        .iter()
        .any(|w| body.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge_push(login: &Login, failure: Failure) -> (String, bool) {
        let reference: Reference = "registry.example/a/b:1".parse().unwrap();
        let request = RegistryRequest::new(&reference, login, Access::Push);
        let verdict = request.judge(failure, 1);
        (verdict.error.to_string(), verdict.is_transient)
    }

    /// Gitea and Forgejo answer 401 to a token without the permission.
    #[test]
    fn a_push_without_the_permission_names_it() {
        let ann = Login::Password { user: "ann".into(), password: "s3cret".into() };
        let hint = |access, login, code, message: &str| {
            let reference: Reference = "registry.example/a/b:1".parse().unwrap();
            let request = RegistryRequest::new(&reference, login, access);
            request.judge(server_error(code, message), 1).error.hint()
        };
        assert_eq!(hint(Access::Push, &ann, 401, "reqPackageAccess"), Some(TOKEN_SCOPE));
        assert_eq!(hint(Access::Push, &ann, 403, ""), Some(TOKEN_SCOPE));
        assert_eq!(hint(Access::Push, &Login::Anonymous, 403, ""), Some(TOKEN_SCOPE));
        assert_eq!(hint(Access::Push, &ann, 401, "wrong password"), None);
        assert_eq!(hint(Access::Pull, &ann, 403, ""), None);
    }

    fn server_error(code: u16, message: &str) -> Failure {
        Failure::Status(code, message.to_owned())
    }

    #[test]
    fn the_password_is_never_repeated() {
        let login = Login::Password { user: "ann".into(), password: "s3cret".into() };
        for code in [400, 401, 403, 404, 500, 507] {
            let (text, _) = judge_push(&login, server_error(code, "you sent\u{1b}[31m\n s3cret "));
            assert!(text.contains("you sent [31m …"), "{text}");
        }
    }

    #[test]
    fn long_messages_are_truncated() {
        let (text, _) = judge_push(&Login::Anonymous, server_error(500, &"ä ".repeat(5000)));
        assert!(text.chars().count() < 300, "{text}");
    }

    #[test]
    fn only_transient_failures_are_retried() {
        for code in [400, 401, 403, 404, 413, 429, 500, 502, 503, 504, 507] {
            let (_, is_transient) = judge_push(&Login::Anonymous, server_error(code, ""));
            assert_eq!(is_transient, [429, 500, 502, 503, 504].contains(&code), "{code}");
        }
        let (text, is_transient) =
            judge_push(&Login::Anonymous, server_error(500, "write: no space left on device"));
        assert!(text.contains("the disk of `registry.example` is full") && !is_transient, "{text}");
    }
}
