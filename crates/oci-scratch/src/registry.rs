//! A registry: pushes an image to it, or asks it for a digest (distribution-spec 1.1). Nothing that it
//! answers is believed: digests are computed from the bytes that came.

use std::thread;
use std::time::Duration;

use bounded_http::{
    Answer, Call, Client, Credential, Failure, Method, Roots, Uri, header, is_same_origin,
    percent_encode,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Digest;
use crate::authentication::{Challenge, MAX_TOKEN_BYTES, basic_credential, parse_token, token_url};
use crate::credentials::Login;
use crate::layout::{Blob, Layout};
use crate::manifest::{Index, MAX_MANIFEST_BYTES, Manifest};
use crate::reference::Reference;
use crate::refusal::{Access, RegistryError, RegistryRequest};

/// The connection to a registry.
#[derive(Debug, Clone)]
pub struct Registry {
    /// The login for it.
    pub login: Login,
    /// Use HTTP without TLS, for a registry on this machine.
    pub plain_http: bool,
}

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteImage {
    /// The digest that the reference leads to; for an image for several machines, the list's.
    pub digest: Digest,
    /// The image for each kind of machine: one, unless the digest is a list's.
    pub platforms: Vec<RemotePlatform>,
}

/// The image for one kind of machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemotePlatform {
    /// `linux/amd64`; `None` if the registry's list does not tell it.
    pub name: Option<String>,
    /// The number of layers.
    pub layers: usize,
    /// The bytes that a node without any layer downloads.
    pub bytes: u64,
}

/// The most images of a list that are described.
const MAX_PLATFORMS: usize = 8;

/// A step of a push or a query, for progress messages.
#[derive(Debug)]
pub enum PushStep<'a> {
    /// The login is about to be sent to a token server on another host or port than the registry.
    LoginElsewhere {
        /// The token server, with its port if it has one.
        server: &'a str,
        /// The registry that names it.
        registry: &'a str,
    },
    /// The registry has the blob already.
    Skipped(&'a Blob),
    /// The blob was sent.
    Sent(&'a Blob),
    /// A request failed and will be retried.
    Retry(&'a RegistryError),
}

/// Pauses between attempts; there is one attempt more than pauses.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

/// The most bytes that are kept of an answer without content, such as an error's.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// The media type of an upload.
const OCTETS: &str = "application/octet-stream";

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
        let mut session = Session::open(self, to, Access::Push, watch)?;
        for blob in layout.layers.iter().chain([&layout.config]) {
            if session.has_blob(&blob.digest)? {
                (session.watch)(PushStep::Skipped(blob));
            } else {
                session.send_blob(blob)?;
                (session.watch)(PushStep::Sent(blob));
            }
        }
        let manifest = &layout.manifest;
        session.send_manifest(manifest)?;
        (session.watch)(PushStep::Sent(manifest));
        let found = session.manifest_digest()?;
        if found != manifest.digest {
            return Err(RegistryError::WrongDigest {
                registry: to.registry().to_owned(),
                pushed: manifest.digest.clone(),
                found,
            });
        }
        Ok(found)
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
        Session::open(self, of, Access::Pull, watch)?.manifest_digest()
    }

    /// Describes an image without downloading it: its digest, and the size of its layers for each kind of
    /// machine, eight at most.
    ///
    /// # Errors
    /// The registry fails or rejects a request.
    pub fn describe(
        &self,
        of: &Reference,
        watch: &mut dyn FnMut(PushStep<'_>),
    ) -> Result<RemoteImage, RegistryError> {
        let mut session = Session::open(self, of, Access::Pull, watch)?;
        let (digest, body) = session.manifest()?;
        let Ok(index) = serde_json::from_slice::<Index>(&body) else {
            let platforms = vec![session.platform(None, &body)?];
            return Ok(RemoteImage { digest, platforms });
        };
        let mut platforms = Vec::new();
        for part in index.manifests {
            let platform = part.platform;
            // Signatures and the like are for no machine.
            if platform.as_ref().is_some_and(|platform| platform.os == "unknown") {
                continue;
            }
            if platforms.len() == MAX_PLATFORMS {
                break;
            }
            let name =
                platform.map(|platform| format!("{}/{}", platform.os, platform.architecture));
            let body = session.manifest_of(&part.digest)?;
            platforms.push(session.platform(name, &body)?);
        }
        Ok(RemoteImage { digest, platforms })
    }
}

/// One push or query.
struct Session<'a> {
    client: Client,
    request: RegistryRequest<'a>,
    watch: &'a mut dyn FnMut(PushStep<'_>),
    /// `https://registry.example/v2/`.
    root: Uri,
    /// The credential that the registry asked for.
    credential: Option<Credential>,
}

impl<'a> Session<'a> {
    /// Connects, and logs in if the registry asks for it.
    fn open(
        registry: &'a Registry,
        reference: &'a Reference,
        access: Access,
        watch: &'a mut dyn FnMut(PushStep<'_>),
    ) -> Result<Self, RegistryError> {
        let scheme = if registry.plain_http { "http" } else { "https" };
        let root = format!("{scheme}://{}/v2/", reference.host());
        let root: Uri = root.parse().map_err(|error| RegistryError::Setup(format!("{error}")))?;
        let request = RegistryRequest::new(reference, &registry.login, access);
        let client = Client::new(Roots::System).map_err(RegistryError::Setup)?;
        let mut session = Session { client, request, watch, root, credential: None };
        // The answer does not matter, only its challenge.
        session.retry(|session| session.exchange(&get(session.root.clone()), |_| true))?;
        Ok(session)
    }

    fn has_blob(&mut self, digest: &Digest) -> Result<bool, RegistryError> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let call = Call { method: Method::HEAD, ..get(url) };
        let exchange =
            |session: &mut Self| session.exchange(&call, |status| matches!(status, 200 | 404));
        Ok(self.retry(exchange)?.status == 200)
    }

    /// Sends a blob with one PUT: chunks need more requests, and not every registry accepts them.
    fn send_blob(&mut self, blob: &Blob) -> Result<(), RegistryError> {
        let url = self.url("blobs/uploads/")?;
        let start = Call { method: Method::POST, body: Some((OCTETS, &[])), ..get(url) };
        let digest = percent_encode(blob.digest.as_str());
        self.retry(|session| {
            let upload = session.exchange(&start, |status| status == 202)?;
            let location = upload.location("upload address")?.to_string();
            let joint = if location.contains('?') { '&' } else { '?' };
            let url = format!("{location}{joint}digest={digest}").parse();
            let url = url.map_err(|_| Failure::Protocol("invalid `Location`".to_owned()))?;
            let call = Call { method: Method::PUT, body: Some((OCTETS, &blob.bytes)), ..get(url) };
            session.exchange(&call, |status| status == 201)
        })?;
        Ok(())
    }

    fn send_manifest(&mut self, manifest: &Blob) -> Result<(), RegistryError> {
        let url = self.manifest_url()?;
        let body = Some((&*manifest.media_type, &*manifest.bytes));
        let call = Call { method: Method::PUT, body, ..get(url) };
        self.retry(|session| session.exchange(&call, |status| status == 201))?;
        Ok(())
    }

    /// Computes the digest from the manifest's bytes, and compares it with the digest that was asked
    /// for and the one that the registry states.
    fn manifest_digest(&mut self) -> Result<Digest, RegistryError> {
        Ok(self.manifest()?.0)
    }

    /// The manifest of a list's part, whose digest must be that of its bytes.
    fn manifest_of(&mut self, digest: &str) -> Result<Vec<u8>, RegistryError> {
        let parsed = Digest::parse(digest).ok_or_else(|| {
            self.request.not_a_manifest(b"", &format!("the list has the digest `{digest}`"))
        })?;
        let url = self.url(&format!("manifests/{parsed}"))?;
        let call = Call { accept: &ACCEPTED, limit: MAX_MANIFEST_BYTES, ..get(url) };
        let answer = self.retry(|session| session.exchange(&call, |status| status == 200))?;
        check_manifest(&answer).map_err(|why| self.request.not_a_manifest(&answer.body, &why))?;
        let computed = Digest::of(&answer.body);
        match computed == parsed {
            true => Ok(answer.body),
            false => {
                let reason =
                    format!("the manifest has the digest `{computed}`: expected `{parsed}`");
                Err(self.request.not_a_manifest(b"", &reason))
            }
        }
    }

    /// The size of an image by its manifest.
    fn platform(
        &self,
        name: Option<String>,
        manifest: &[u8],
    ) -> Result<RemotePlatform, RegistryError> {
        let manifest: Manifest = serde_json::from_slice(manifest)
            .map_err(|error| self.request.not_a_manifest(b"", &error.to_string()))?;
        let sizes = manifest.layers.iter().map(|layer| layer.size);
        let bytes = sizes.fold(manifest.config.size, u64::saturating_add);
        Ok(RemotePlatform { name, layers: manifest.layers.len(), bytes })
    }

    /// The manifest and its digest, computed as [`manifest_digest`](Self::manifest_digest) says.
    fn manifest(&mut self) -> Result<(Digest, Vec<u8>), RegistryError> {
        let url = self.manifest_url()?;
        let call = Call { accept: &ACCEPTED, limit: MAX_MANIFEST_BYTES, ..get(url) };
        let answer = self.retry(|session| session.exchange(&call, |status| status == 200))?;
        check_manifest(&answer).map_err(|why| self.request.not_a_manifest(&answer.body, &why))?;
        let computed = Digest::of(&answer.body);
        let asked = self.request.reference.digest().map(Digest::as_str);
        let stated = answer.header("docker-content-digest");
        for claim in [asked, stated].into_iter().flatten() {
            // Another algorithm is legal; it is not checked, and its digest not used.
            if claim != computed.as_str() && !claim.starts_with("sha512:") {
                let reason =
                    format!("the manifest has the digest `{computed}`: expected `{claim}`");
                return Err(self.request.not_a_manifest(b"", &reason));
            }
        }
        Ok((computed, answer.body))
    }

    /// The address of the image's manifest.
    fn manifest_url(&self) -> Result<Uri, RegistryError> {
        let reference = self.request.reference;
        let digest = reference.digest().map(Digest::as_str);
        self.url(&format!("manifests/{}", digest.or(reference.tag()).unwrap_or("latest")))
    }

    /// An address below the repository's.
    fn url(&self, path: &str) -> Result<Uri, RegistryError> {
        let url = format!("{}{}/{path}", self.root, self.request.reference.repository());
        url.parse().map_err(|error| RegistryError::Setup(format!("{error}")))
    }

    /// Sends a request with the session's credential. If the registry asks for a login, logs in and
    /// sends it again, once.
    fn exchange(
        &mut self,
        call: &Call<'_>,
        is_expected: impl Fn(u16) -> bool,
    ) -> Result<Answer, Failure> {
        let mut answer = self.send(call)?;
        // The challenge of a host that a redirect leads to is not the registry's.
        let challenge = match answer.status {
            401 if is_same_origin(&answer.url, &self.root) => Challenge::find(&answer.headers),
            _ => None,
        };
        if let Some(challenge) = challenge
            && self.log_in(&challenge)?
        {
            answer = self.send(call)?;
        }
        match answer.status {
            status if is_expected(status) => Ok(answer),
            status if status < 400 => {
                Err(Failure::Protocol(format!("it answers {status} to {}", call.method)))
            }
            _ => Err(answer.into_failure()),
        }
    }

    fn send(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        self.client.send(call, self.credential.as_ref())
    }

    /// Gets the credential that the registry asks for; returns false if there is none.
    fn log_in(&mut self, challenge: &Challenge) -> Result<bool, Failure> {
        let login = self.request.login;
        let (realm, service) = match challenge {
            Challenge::Basic => {
                self.credential = basic_credential(login, &self.root);
                return Ok(self.credential.is_some());
            }
            Challenge::Bearer { realm, service } => (realm, service.as_deref()),
        };
        let actions = if self.request.access == Access::Push { "pull,push" } else { "pull" };
        let scope = format!("repository:{}:{actions}", self.request.reference.repository());
        let url = token_url(&self.root, realm, service, &scope)?;
        let credential = basic_credential(login, &url);
        if let Some(server) = url.authority()
            && credential.is_some()
            && !is_same_origin(&url, &self.root)
        {
            let registry = self.request.reference.registry();
            (self.watch)(PushStep::LoginElsewhere { server: server.as_str(), registry });
        }
        let call = Call { limit: MAX_TOKEN_BYTES, ..get(url) };
        let answer = self.client.send(&call, credential.as_ref())?;
        let token = match answer.status {
            200 => parse_token(&answer.body)?,
            // A token server has its own words for a login that it rejects.
            400..=499 => return Err(Failure::Status(401, answer.text())),
            _ => return Err(answer.into_failure()),
        };
        self.request.secrets.push(token.clone());
        let value = format!("Bearer {token}");
        self.credential = Some(Credential { to: self.root.clone(), value });
        Ok(true)
    }

    /// Runs a step, with retries while its failure may be transient.
    fn retry<T>(
        &mut self,
        step: impl Fn(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, RegistryError> {
        let mut pauses = PAUSES.into_iter();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let verdict = match step(self) {
                Ok(done) => return Ok(done),
                Err(failure) => self.request.judge(failure, attempts),
            };
            match pauses.next().filter(|_| verdict.is_transient) {
                Some(pause) => {
                    (self.watch)(PushStep::Retry(&verdict.error));
                    thread::sleep(pause);
                }
                None => return Err(verdict.error),
            }
        }
    }
}

/// A plain GET.
fn get(url: Uri) -> Call<'static> {
    Call { method: Method::GET, url, accept: &[], body: None, limit: MAX_ANSWER_BYTES }
}

/// Checks that an answer is a manifest or a list of manifests, not a login page or an empty body.
fn check_manifest(answer: &Answer) -> Result<(), String> {
    let bytes = &answer.body;
    if answer.is_truncated {
        return Err(format!("the manifest has more than {} MiB", MAX_MANIFEST_BYTES >> 20));
    }
    if bytes.is_empty() {
        return Err("the manifest is empty".to_owned());
    }
    let Ok(document) = serde_json::from_slice::<Document>(bytes) else {
        return Err("the manifest is not JSON of an image".to_owned());
    };
    if document.schema_version != 2 {
        let version = document.schema_version;
        return Err(format!("the manifest has the schema version {version}: expected 2"));
    }
    // OCI's own documents may leave the type to the header.
    let header = answer.header(header::CONTENT_TYPE.as_str());
    let header = header.and_then(|text| text.split(';').next()).map(str::trim);
    match document.media_type.as_deref().or(header) {
        Some(media_type) if ACCEPTED.contains(&media_type) => {}
        Some(media_type) => {
            return Err(format!("the manifest has the unknown media type `{media_type}`"));
        }
        None => return Err("the manifest has no media type".to_owned()),
    }
    if document.config.is_none() && document.manifests.is_none() {
        return Err("the manifest names neither a configuration nor manifests".to_owned());
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use bounded_http::HeaderMap;

    fn answer(content_type: Option<&str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        let url = Uri::from_static("https://r.example/");
        Answer { status: 200, headers, body: body.into(), is_truncated: false, url }
    }

    #[test]
    fn only_manifests_are_accepted() {
        let config = r#"{"schemaVersion": 2, "config": {}, "layers": []}"#;
        let list = r#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}"#;
        let oci = "application/vnd.oci.image.manifest.v1+json; charset=utf-8";
        for (content_type, good) in [(Some(oci), config), (None, list), (Some("text/html"), list)] {
            assert_eq!(check_manifest(&answer(content_type, good)), Ok(()), "{good}");
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
            let error = check_manifest(&answer(Some(oci), bad)).unwrap_err();
            assert!(error.contains(reason), "{bad}: {error}");
        }
        for (content_type, reason) in [(None, "no media type"), (Some("text/html"), "`text/html`")]
        {
            let error = check_manifest(&answer(content_type, config)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let long = Answer { is_truncated: true, ..answer(Some(oci), config) };
        assert!(check_manifest(&long).unwrap_err().contains("more than 4 MiB"));
    }
}
