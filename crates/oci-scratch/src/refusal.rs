//! What a registry's failure means for the person who asked.

use std::error::Error;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use oci_client::errors::{OciDistributionError as Failure, OciErrorCode};

use super::credentials::Login;
use super::reference::Reference;
use crate::Digest;

/// Why a registry did not do what was asked. What a server said is shown on one line, clipped, and
/// without passwords and tokens.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// 401, and Docker's config has nothing to offer.
    #[error(
        "`{registry}` asks for a login for `{repository}`, and Docker's config has none for `{registry}`"
    )]
    NoLogin {
        /// The host.
        registry: String,
        /// The path in it.
        repository: String,
    },
    /// 401 in spite of a login.
    #[error("`{registry}` refuses the login of `{user}` for `{repository}`{said}")]
    BadLogin {
        /// The host.
        registry: String,
        /// The path in it.
        repository: String,
        /// Whose login.
        user: String,
        /// What the server said, with a colon before it; else empty.
        said: String,
    },
    /// 403.
    #[error("`{registry}` does not let {who} {action} `{repository}`{said}")]
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
        said: String,
    },
    /// 404.
    #[error("`{registry}` has no {what}{said}")]
    NotFound {
        /// The host.
        registry: String,
        /// The repository or the image, in backticks.
        what: String,
        /// As above.
        said: String,
    },
    /// 507, or the words that a full disk makes a server say.
    #[error("the disk of `{registry}` is full: it answered {status}{said}")]
    DiskFull {
        /// The host.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// As above.
        said: String,
    },
    /// Any other status that is no success; after tries where trying again makes sense.
    #[error("`{registry}` answered {status}{tries}{said}")]
    Status {
        /// The host.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// " to each of 3 tries"; else empty.
        tries: String,
        /// As above.
        said: String,
    },
    /// No connection, or one that broke.
    #[error("`{registry}` can't be reached, or the connection broke{tries}: {cause}")]
    Connection {
        /// The host.
        registry: String,
        /// As above.
        tries: String,
        /// What the system says.
        cause: String,
    },
    /// The registry has other bytes than ours under our name.
    #[error(
        "`{registry}` has `{theirs}` under the name that was given `{ours}`; do not use what it holds"
    )]
    WrongDigest {
        /// The host.
        registry: String,
        /// What was sent.
        ours: Digest,
        /// What it says it has.
        theirs: String,
    },
    /// An answer that no registry may give.
    #[error("`{registry}` does not answer as an OCI registry does: {what}")]
    Protocol {
        /// The host.
        registry: String,
        /// What is wrong.
        what: String,
    },
    /// No client can be made: no trusted certificates on this system, for one.
    #[error("no connection can be set up: {0}")]
    Setup(String),
    /// A push goes to a tag.
    #[error("`{0}` names a digest; a push needs a tag")]
    PushToDigest(String),
}

impl RegistryError {
    /// What would help, if that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            RegistryError::NoLogin { .. } => Some(
                "log in as Docker does: `docker login`, or `skopeo login --authfile ~/.docker/config.json`; `DOCKER_CONFIG` names another folder",
            ),
            RegistryError::NotFound { .. } => {
                Some("some registries want the owner or project to be made first")
            }
            RegistryError::Connection { cause, .. } if cause.contains("certificate") => Some(
                "`SSL_CERT_FILE` names a file of certificates to trust in place of the system's",
            ),
            // What rustls says of an answer that is no TLS.
            RegistryError::Connection { cause, .. } if cause.contains("corrupt message") => {
                Some("if this registry speaks HTTP without TLS, add `--plain-http`")
            }
            _ => None,
        }
    }
}

/// What was asked, for the messages.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    pub reference: &'a Reference,
    pub login: &'a Login,
    pub pushes: bool,
    /// What is cut out of a server's words.
    pub secrets: Vec<String>,
}

/// What is to be done about a failure.
pub(super) struct Judgement {
    pub error: RegistryError,
    /// Whether it may pass by itself.
    pub is_passing: bool,
}

impl<'a> Asked<'a> {
    pub fn new(reference: &'a Reference, login: &'a Login, pushes: bool) -> Self {
        let secrets = match login {
            Login::Anonymous => Vec::new(),
            Login::Password { user, password } => {
                vec![password.clone(), BASE64_STANDARD.encode(format!("{user}:{password}"))]
            }
        };
        Asked { reference, login, pushes, secrets }
    }

    pub fn judge(&self, failure: Failure, tries: usize) -> Judgement {
        match failure {
            Failure::ServerError { code, message, .. } => self.status(code, &message, tries),
            Failure::UnauthorizedError { .. } => self.status(401, "", tries),
            // The crate keeps no status here: the token server's answer was not 200.
            Failure::AuthenticationFailure(body) => self.status(401, &body, tries),
            Failure::RegistryError { envelope, .. } => {
                let code = envelope.errors.first().map_or(400, |error| status_of(&error.code));
                let body = serde_json::to_string(&envelope).unwrap_or_default();
                self.status(code, &body, tries)
            }
            Failure::ImageManifestNotFoundError(_) => self.status(404, "", tries),
            Failure::RequestError(error) => match error.status() {
                Some(status) => self.status(status.as_u16(), "", tries),
                None if error.is_builder() || error.is_decode() => self.protocol(&error),
                None => self.connection(&innermost(&error), tries),
            },
            Failure::IoError(error) => self.connection(&innermost(&error), tries),
            other => self.protocol(&other),
        }
    }

    fn status(&self, status: u16, body: &str, tries: usize) -> Judgement {
        let said = self.said(body);
        let registry = self.registry();
        let repository = self.reference.repository().to_owned();
        let is_full = status == 507 || (status >= 500 && speaks_of_full_disk(body));
        let error = match (status, self.login.user()) {
            _ if is_full => RegistryError::DiskFull { registry, status, said },
            (401, None) => RegistryError::NoLogin { registry, repository },
            (401, Some(user)) => {
                let user = user.to_owned();
                RegistryError::BadLogin { registry, repository, user, said }
            }
            (403, user) => {
                let who = user.map_or("an anonymous user".to_owned(), |user| format!("`{user}`"));
                let action = if self.pushes { "push to" } else { "read" };
                RegistryError::Forbidden { registry, repository, who, action, said }
            }
            (404, _) if self.pushes => {
                let what = format!("repository `{repository}`, and makes none");
                RegistryError::NotFound { registry, what, said }
            }
            (404, _) => {
                let what = format!("image `{}`", self.reference);
                RegistryError::NotFound { registry, what, said }
            }
            _ => RegistryError::Status { registry, status, tries: to_each(tries), said },
        };
        let is_passing = !is_full && (status == 429 || status >= 500);
        Judgement { error, is_passing }
    }

    pub fn connection(&self, cause: &str, tries: usize) -> Judgement {
        let tries = if tries > 1 { format!(" in each of {tries} tries") } else { String::new() };
        let (registry, cause) = (self.registry(), self.clean(cause));
        // A certificate does not get better by asking again.
        let is_passing = !cause.contains("certificate");
        Judgement { error: RegistryError::Connection { registry, tries, cause }, is_passing }
    }

    fn protocol(&self, what: &dyn std::fmt::Display) -> Judgement {
        let error = RegistryError::Protocol {
            registry: self.registry(),
            what: self.clean(&what.to_string()),
        };
        Judgement { error, is_passing: false }
    }

    fn registry(&self) -> String {
        self.reference.registry().to_owned()
    }

    /// A server's words, to stand at a message's end.
    fn said(&self, body: &str) -> String {
        let words = messages(body).unwrap_or_else(|| body.to_owned());
        let words = self.clean(&words);
        if words.is_empty() { words } else { format!(": {words}") }
    }

    /// One line of at most 200 characters that can be printed, without passwords and tokens.
    fn clean(&self, text: &str) -> String {
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

fn to_each(tries: usize) -> String {
    if tries > 1 { format!(" to each of {tries} tries") } else { String::new() }
}

/// The codes of the distribution spec with the status that they come with.
fn status_of(code: &OciErrorCode) -> u16 {
    match code {
        OciErrorCode::Unauthorized => 401,
        OciErrorCode::Denied => 403,
        OciErrorCode::BlobUnknown
        | OciErrorCode::BlobUploadUnknown
        | OciErrorCode::ManifestUnknown
        | OciErrorCode::NameUnknown
        | OciErrorCode::NotFound => 404,
        OciErrorCode::Toomanyrequests => 429,
        _ => 400,
    }
}

/// The messages of a registry's error document.
fn messages(body: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(body).ok()?;
    let errors = document.get("errors")?.as_array()?;
    let message = |error: &serde_json::Value| {
        let text = |key: &str| Some(error.get(key)?.as_str()?.to_owned());
        text("message").filter(|message| !message.is_empty()).or_else(|| text("code"))
    };
    Some(errors.iter().filter_map(message).collect::<Vec<_>>().join("; "))
}

/// Registries pass on what their system says. Docker's writes the number of ENOSPC instead
/// (distribution, registry/storage/driver/filesystem).
fn speaks_of_full_disk(body: &str) -> bool {
    let body = body.to_lowercase();
    ["no space left on device", "\"err\":28", "disk quota exceeded"]
        .iter()
        .any(|w| body.contains(w))
}

/// The last of the causes: what the system says, without the wrappers' words and the URL.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(login: &Login, failure: Failure) -> (String, bool) {
        let reference: Reference = "registry.example/a/b:1".parse().unwrap();
        let asked = Asked::new(&reference, login, true);
        let judgement = asked.judge(failure, 1);
        (judgement.error.to_string(), judgement.is_passing)
    }

    fn server(code: u16, message: &str) -> Failure {
        Failure::ServerError { code, url: "u".to_owned(), message: message.to_owned() }
    }

    #[test]
    fn the_password_is_never_repeated() {
        let login = Login::Password { user: "ann".into(), password: "s3cret".into() };
        for code in [400, 401, 403, 404, 500, 507] {
            let (text, _) = judge(&login, server(code, "you sent\u{1b}[31m\n s3cret "));
            assert!(text.contains("you sent [31m …"), "{text}");
        }
    }

    #[test]
    fn long_answers_are_clipped() {
        let (text, _) = judge(&Login::Anonymous, server(500, &"ä ".repeat(5000)));
        assert!(text.chars().count() < 300, "{text}");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let passes = |code| judge(&Login::Anonymous, server(code, "")).1;
        assert!([429, 500, 502, 503, 504].into_iter().all(passes));
        assert!(![400, 401, 403, 404, 413, 507].into_iter().any(passes));
        let (text, passes) =
            judge(&Login::Anonymous, server(500, "write: no space left on device"));
        assert!(text.contains("the disk of `registry.example` is full") && !passes, "{text}");
    }
}
