//! A registry: sends an image to it, or asks it for a digest. oci-client speaks the protocol; here
//! stand the order of things, what is tried again, and the comparison at the end.

use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError as Failure;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, RegistryOperation};

use super::credentials::Login;
use super::layout::{Blob, Layout};
use super::reference::Reference;
use super::refusal::{Asked, RegistryError, innermost};
use crate::Digest;

/// How a registry is reached, and as whom.
#[derive(Debug, Clone)]
pub struct Registry {
    /// The login for it.
    pub login: Login,
    /// HTTP without TLS: for one on this machine.
    pub plain_http: bool,
}

/// An image that a registry has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// `registry/repository@sha256:…`.
    pub pinned: String,
    /// The same digest alone.
    pub digest: Digest,
}

/// What happens during a push, for whoever watches.
#[derive(Debug)]
pub enum Step<'a> {
    /// The registry has it already.
    Kept(&'a Blob),
    /// It was sent.
    Sent(&'a Blob),
    /// It failed and will be tried again.
    Again(&'a RegistryError),
}

/// Pauses between tries: one try more than there are pauses.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// For one request in all, so that a server that trickles does not hold a CI job for ever.
const STEP_TIMEOUT: Duration = Duration::from_secs(600);

/// What a manifest may be, for `image pin` of images that others made.
const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

impl Registry {
    /// Sends what the registry does not have, gives it the tag, and compares what the tag then
    /// leads to with what was sent.
    pub fn push(
        &self,
        layout: &Layout,
        to: &Reference,
        watch: &mut dyn FnMut(Step<'_>),
    ) -> Result<Pushed, RegistryError> {
        if to.digest().is_some() {
            return Err(RegistryError::PushToDigest(to.to_string()));
        }
        let asked = Asked::new(to, &self.login, true);
        run(async {
            let mut session = Session { registry: self, asked, watch };
            let (client, auth) = session.open(RegistryOperation::Push).await?;
            let reference = to.inner();
            for blob in layout.layers.iter().chain([&layout.config]) {
                let digest = blob.digest.as_str();
                if session.tries(async || client.blob_exists(reference, digest).await).await? {
                    (session.watch)(Step::Kept(blob));
                    continue;
                }
                // A stream, because the crate's way for bytes panics at a Location that is no URL.
                let send = async || {
                    let bytes = bytes::Bytes::from(blob.bytes.clone());
                    let size = Some(bytes.len() as u64);
                    let once = futures_util::stream::iter([Ok(bytes)]);
                    client.push_blob_stream(reference, once, digest, size).await
                };
                session.tries(send).await?;
                (session.watch)(Step::Sent(blob));
            }
            let manifest = &layout.manifest;
            let kind = manifest.media_type.parse().map_err(|_| RegistryError::Protocol {
                registry: to.registry().to_owned(),
                what: format!("`{}` can't be a header", manifest.media_type),
            })?;
            let kind = &kind;
            let send = async || {
                client
                    .push_manifest_raw(reference, manifest.bytes.clone(), Clone::clone(kind))
                    .await
            };
            session.tries(send).await?;
            (session.watch)(Step::Sent(manifest));
            let theirs = session.digest(&client, &auth).await?;
            if theirs != manifest.digest {
                return Err(RegistryError::WrongDigest {
                    registry: to.registry().to_owned(),
                    ours: manifest.digest.clone(),
                    theirs: theirs.to_string(),
                });
            }
            Ok(Pushed { pinned: format!("{}@{theirs}", to.name()), digest: theirs })
        })
    }

    /// The digest that a tag leads to now: of the list, where an image has several machines.
    pub fn digest(
        &self,
        of: &Reference,
        watch: &mut dyn FnMut(Step<'_>),
    ) -> Result<Digest, RegistryError> {
        let asked = Asked::new(of, &self.login, false);
        run(async {
            let mut session = Session { registry: self, asked, watch };
            let (client, auth) = session.open(RegistryOperation::Pull).await?;
            session.digest(&client, &auth).await
        })
    }
}

/// One push or question.
struct Session<'a> {
    registry: &'a Registry,
    asked: Asked<'a>,
    watch: &'a mut dyn FnMut(Step<'_>),
}

impl Session<'_> {
    /// Logs in. Bearer tokens are fetched here, once and in the open: the crate would fetch them
    /// again before each request, go on without one where that fails, and panic at one that no
    /// header can hold.
    async fn open(
        &mut self,
        to: RegistryOperation,
    ) -> Result<(Client, RegistryAuth), RegistryError> {
        let auth = match &self.registry.login {
            Login::Anonymous => RegistryAuth::Anonymous,
            Login::Password { user, password } => {
                RegistryAuth::Basic(user.clone(), password.clone())
            }
        };
        let reference = self.asked.reference.inner();
        let client = self.registry.client()?;
        let token = self.tries(async || client.auth(reference, &auth, to).await).await?;
        let Some(token) = token else {
            return Ok((client, auth));
        };
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(RegistryError::Protocol {
                registry: self.asked.reference.registry().to_owned(),
                what: "its token can't be sent in a header".to_owned(),
            });
        }
        self.asked.secrets.push(token.clone());
        let (client, auth) = (self.registry.client()?, RegistryAuth::Bearer(token));
        client.store_auth_if_needed(reference.resolve_registry(), &auth).await;
        Ok((client, auth))
    }

    /// Reads the manifest itself: a header alone would be the registry's word for it.
    async fn digest(
        &mut self,
        client: &Client,
        auth: &RegistryAuth,
    ) -> Result<Digest, RegistryError> {
        let reference = self.asked.reference.inner();
        let read = async || client.pull_manifest_raw(reference, auth, &ACCEPTED).await;
        let (bytes, _) = self.tries(read).await?;
        Ok(Digest::of(&bytes))
    }

    async fn tries<T>(
        &mut self,
        step: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, RegistryError> {
        let mut pauses = PAUSES.into_iter();
        let mut tries = 0;
        loop {
            tries += 1;
            let judgement = match tokio::time::timeout(STEP_TIMEOUT, step()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(failure)) => self.asked.judge(failure, tries),
                Err(_) => {
                    let cause = format!("no whole answer in {} s", STEP_TIMEOUT.as_secs());
                    self.asked.connection(&cause, tries)
                }
            };
            match pauses.next().filter(|_| judgement.is_passing) {
                Some(pause) => {
                    (self.watch)(Step::Again(&judgement.error));
                    tokio::time::sleep(pause).await;
                }
                None => return Err(judgement.error),
            }
        }
    }
}

impl Registry {
    fn client(&self) -> Result<Client, RegistryError> {
        // Already there if a client was made before in this process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let protocol = if self.plain_http { ClientProtocol::Http } else { ClientProtocol::Https };
        let config = ClientConfig {
            protocol,
            // One PUT: chunks need three requests a blob, and not every registry takes them.
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        Client::try_from(config).map_err(|error| RegistryError::Setup(innermost(&error)))
    }
}

/// The only place that needs an asynchronous runtime: made here, so that no other command pays for
/// one.
fn run<T>(work: impl Future<Output = Result<T, RegistryError>>) -> Result<T, RegistryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| RegistryError::Setup(error.to_string()))?.block_on(work)
}
