//! A registry: pushes an image to it, or asks it for a digest. oci-client implements the protocol; this
//! file decides the order of requests and the retries, and compares the digests at the end.

use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError as Failure;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, RegistryOperation};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Digest;
use crate::credentials::Login;
use crate::layout::{Blob, Layout};
use crate::reference::Reference;
use crate::refusal::{Access, RegistryError, RegistryRequest, innermost_cause};

/// The connection to a registry.
#[derive(Debug, Clone)]
pub struct Registry {
    /// The login for it.
    pub login: Login,
    /// Use HTTP without TLS, for a registry on this machine.
    pub plain_http: bool,
}

/// A step of a push, for progress messages.
#[derive(Debug)]
pub enum PushStep<'a> {
    /// The registry has the blob already.
    Skipped(&'a Blob),
    /// The blob was sent.
    Sent(&'a Blob),
    /// A request failed and will be retried.
    Retry(&'a RegistryError),
}

/// Pauses between attempts; there is one attempt more than pauses.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The limit between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// The limit on a whole request, so that a slow server does not block a CI job for ever.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(600);

/// The media types of manifests; `image pin` also reads images of other tools.
const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

impl Registry {
    /// Sends the blobs that the registry does not have and sets the tag. Then reads the tag's manifest
    /// and compares its digest with the pushed one.
    ///
    /// # Errors
    /// The registry fails or rejects a request, or the digests differ.
    pub fn push(
        &self,
        layout: &Layout,
        to: &Reference,
        watch: &mut dyn FnMut(PushStep<'_>),
    ) -> Result<Digest, RegistryError> {
        if to.digest().is_some() {
            return Err(RegistryError::PushToDigest(to.to_string()));
        }
        let request = RegistryRequest::new(to, &self.login, Access::Push);
        block_on(async {
            let mut session = Session { registry: self, request, watch };
            let (client, auth) = session.log_in(RegistryOperation::Push).await?;
            let reference = to.inner();
            for blob in layout.layers.iter().chain([&layout.config]) {
                let digest = blob.digest.as_str();
                if session.retry(async || client.blob_exists(reference, digest).await).await? {
                    (session.watch)(PushStep::Skipped(blob));
                    continue;
                }
                // A stream, because oci-client's method for bytes panics if a Location is not a URL.
                let send = async || {
                    let bytes = bytes::Bytes::from(blob.bytes.clone());
                    let size = Some(bytes.len() as u64);
                    let once = futures_util::stream::iter([Ok(bytes)]);
                    client.push_blob_stream(reference, once, digest, size).await
                };
                session.retry(send).await?;
                (session.watch)(PushStep::Sent(blob));
            }
            let manifest = &layout.manifest;
            let kind = manifest.media_type.parse().map_err(|_| RegistryError::Protocol {
                registry: to.registry().to_owned(),
                reason: format!("the media type `{}` can't be a header", manifest.media_type),
            })?;
            let kind = &kind;
            let send = async || {
                client
                    .push_manifest_raw(reference, manifest.bytes.clone(), Clone::clone(kind))
                    .await
            };
            session.retry(send).await?;
            (session.watch)(PushStep::Sent(manifest));
            let found = session.manifest_digest(&client, &auth).await?;
            if found != manifest.digest {
                return Err(RegistryError::WrongDigest {
                    registry: to.registry().to_owned(),
                    pushed: manifest.digest.clone(),
                    found,
                });
            }
            Ok(found)
        })
    }

    /// The digest that a tag leads to now; for an image for several machines, the list's digest.
    ///
    /// # Errors
    /// The registry fails or rejects a request.
    pub fn digest(
        &self,
        of: &Reference,
        watch: &mut dyn FnMut(PushStep<'_>),
    ) -> Result<Digest, RegistryError> {
        let request = RegistryRequest::new(of, &self.login, Access::Pull);
        block_on(async {
            let mut session = Session { registry: self, request, watch };
            let (client, auth) = session.log_in(RegistryOperation::Pull).await?;
            session.manifest_digest(&client, &auth).await
        })
    }
}

/// One push or query.
struct Session<'a> {
    registry: &'a Registry,
    request: RegistryRequest<'a>,
    watch: &'a mut dyn FnMut(PushStep<'_>),
}

impl Session<'_> {
    /// Logs in. Bearer tokens are fetched here, once: oci-client would fetch one before each request,
    /// continue without one if that fails, and panic at one that can't be a header.
    async fn log_in(
        &mut self,
        to: RegistryOperation,
    ) -> Result<(Client, RegistryAuth), RegistryError> {
        let auth = match &self.registry.login {
            Login::Anonymous => RegistryAuth::Anonymous,
            Login::Password { user, password } => {
                RegistryAuth::Basic(user.clone(), password.clone())
            }
        };
        let reference = self.request.reference.inner();
        let client = self.registry.client()?;
        let token = self.retry(async || client.auth(reference, &auth, to).await).await?;
        let Some(token) = token else {
            return Ok((client, auth));
        };
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(RegistryError::Protocol {
                registry: self.request.reference.registry().to_owned(),
                reason: "its token can't be sent in a header".to_owned(),
            });
        }
        self.request.secrets.push(token.clone());
        let (client, auth) = (self.registry.client()?, RegistryAuth::Bearer(token));
        client.store_auth_if_needed(reference.resolve_registry(), &auth).await;
        Ok((client, auth))
    }

    /// Computes the digest from the manifest's bytes; a registry could send a wrong header.
    async fn manifest_digest(
        &mut self,
        client: &Client,
        auth: &RegistryAuth,
    ) -> Result<Digest, RegistryError> {
        let reference = self.request.reference.inner();
        let read = async || client.pull_manifest_raw(reference, auth, &ACCEPTED).await;
        let (bytes, _) = self.retry(read).await?;
        check_manifest(&bytes).map_err(|reason| self.request.not_a_manifest(&bytes, reason))?;
        Ok(Digest::of(&bytes))
    }

    /// Runs a request, with retries while its failure may be transient.
    async fn retry<T>(
        &mut self,
        step: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, RegistryError> {
        let mut pauses = PAUSES.into_iter();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let verdict = match tokio::time::timeout(REQUEST_TIMEOUT, step()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(failure)) => self.request.judge(failure, attempts),
                Err(_) => {
                    let cause = format!("no complete answer in {} s", REQUEST_TIMEOUT.as_secs());
                    self.request.judge_connection(&cause, attempts)
                }
            };
            match pauses.next().filter(|_| verdict.is_transient) {
                Some(pause) => {
                    (self.watch)(PushStep::Retry(&verdict.error));
                    tokio::time::sleep(pause).await;
                }
                None => return Err(verdict.error),
            }
        }
    }
}

impl Registry {
    fn client(&self) -> Result<Client, RegistryError> {
        // Fails if a client was made before in this process, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let protocol = if self.plain_http { ClientProtocol::Http } else { ClientProtocol::Https };
        let config = ClientConfig {
            protocol,
            // One PUT: chunks need three requests for each blob, and not every registry accepts them.
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        Client::try_from(config).map_err(|error| RegistryError::Setup(innermost_cause(&error)))
    }
}

/// The largest manifest, in bytes: the limit of the distribution specification for registries.
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// Checks that an answer is a manifest or a list of manifests, not a login page or an empty body.
fn check_manifest(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(format!("the manifest has more than {} MiB", MAX_MANIFEST_BYTES >> 20));
    }
    if bytes.is_empty() {
        return Err("the manifest is empty".to_owned());
    }
    let Ok(document) = serde_json::from_slice::<Document>(bytes) else {
        return Err("the manifest is not JSON of an image".to_owned());
    };
    match (document.schema_version, document.media_type) {
        (2, Some(media_type)) if !ACCEPTED.contains(&media_type.as_str()) => {
            Err(format!("the manifest has the unknown media type `{media_type}`"))
        }
        (2, _) if document.config.is_some() || document.manifests.is_some() => Ok(()),
        (2, _) => Err("the manifest names neither a configuration nor manifests".to_owned()),
        (version, _) => Err(format!("the manifest has the schema version {version}: expected 2")),
    }
}

/// The fields that a manifest, or a list of manifests, must have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
}

/// Runs a future. The runtime is made here, so that commands without a registry do not pay for one.
fn block_on<T>(work: impl Future<Output = Result<T, RegistryError>>) -> Result<T, RegistryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| RegistryError::Setup(error.to_string()))?.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_manifests_are_accepted() {
        let config = r#"{"schemaVersion": 2, "config": {}, "layers": []}"#;
        let list = r#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}"#;
        for good in [config, list] {
            assert_eq!(check_manifest(good.as_bytes()), Ok(()), "{good}");
        }
        for (bad, reason) in [
            ("", "empty"),
            ("<html>captive portal</html>", "not JSON"),
            ("{}", "not JSON of an image"),
            (r#"{"schemaVersion": 1, "config": {}}"#, "schema version 1"),
            (r#"{"schemaVersion": 2}"#, "neither"),
            (
                r#"{"schemaVersion": 2, "mediaType": "text/html", "config": {}}"#,
                "media type `text/html`",
            ),
        ] {
            let error = check_manifest(bad.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{bad}: {error}");
        }
        let long = format!("{config}{}", " ".repeat(MAX_MANIFEST_BYTES));
        assert!(check_manifest(long.as_bytes()).unwrap_err().contains("more than 4 MiB"));
    }
}
