//! One HTTP request: bounded in time and size, and nothing clever.
//!
//! No redirect, no proxy, no compression, no certificate but those given.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderMap, Request, Response, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// A server's answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Seconds to wait, where the server says so in seconds.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The connection, the protocol or the time failed.
    Transport(ureq::Error),
    /// The answer's headers leave it open what the body is.
    Headers(&'static str),
}

impl HttpError {
    /// Whether the same request may work a moment later. A certificate that
    /// is not trusted, or a request that can't be built, will not.
    pub(crate) fn may_pass(&self) -> bool {
        let certificate =
            |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
        match self {
            Self::Headers(_) => true,
            Self::Transport(ureq::Error::Io(error)) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
                !inner.is_some_and(certificate)
            }
            Self::Transport(ureq::Error::Rustls(error)) => !certificate(error),
            Self::Transport(error) => !matches!(
                error,
                ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Tls(_)
            ),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Headers(problem) => f.write_str(problem),
        }
    }
}

/// A client that trusts these certificates and no others.
pub(crate) fn agent(trusted: Vec<Certificate<'static>>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("vram-gate/", env!("CARGO_PKG_VERSION")))
        // Two short requests: the default of 128 KiB each is for downloads.
        .input_buffer_size(16 << 10)
        .output_buffer_size(4 << 10)
        .build()
        .new_agent()
}

/// Sends one request; the time covers name, connection, TLS and body.
///
/// # Errors
/// [`HttpError`]; a body past `limit` bytes is one too. Any status is an answer.
pub(crate) fn send(
    agent: &Agent,
    request: Request<Option<&'static str>>,
    time: Duration,
    limit: u64,
) -> Result<Answer, HttpError> {
    let (parts, body) = request.into_parts();
    let response = match body {
        None => {
            let request = agent.configure_request(Request::from_parts(parts, ()));
            agent.run(request.timeout_global(Some(time)).build())
        }
        Some(text) => {
            let request = agent.configure_request(Request::from_parts(parts, text));
            agent.run(request.timeout_global(Some(time)).build())
        }
    };
    let mut response = response.map_err(HttpError::Transport)?;
    if let Some(problem) = doubtful(&response) {
        return Err(HttpError::Headers(problem));
    }
    let retry_after = seconds(response.headers());
    let body = response.body_mut().with_config().limit(limit).read_to_vec();
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after,
        body: body.map_err(HttpError::Transport)?,
    })
}

/// What leaves the body open: a coding we did not ask for, or two lengths of
/// which one would have to be believed (RFC 9112, 6.3).
fn doubtful(response: &Response<Body>) -> Option<&'static str> {
    let headers = response.headers();
    let coded = headers.get_all(header::CONTENT_ENCODING).iter();
    if coded.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Some("the answer is compressed, which was not asked for");
    }
    let mut transfers = headers.get_all(header::TRANSFER_ENCODING).iter();
    let transfer = transfers.next()?;
    let chunked =
        transfer.as_bytes().eq_ignore_ascii_case(b"chunked") && transfers.next().is_none();
    let http_10 = response.version() == ureq::http::Version::HTTP_10;
    if !chunked || http_10 || headers.contains_key(header::CONTENT_LENGTH) {
        return Some("the answer's length is given in two ways, or in none we know");
    }
    None
}

fn seconds(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

/// The certificates of a PEM file.
///
/// # Errors
/// A sentence, when it can't be read or holds none that could be trusted.
pub(crate) fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let found: Vec<_> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let ders = found.iter().map(|certificate| certificate.der().to_vec().into());
    let (usable, _) = rustls::RootCertStore::empty().add_parsable_certificates(ders);
    if usable == 0 {
        return Err(format!("{}: holds no certificate", file.display()));
    }
    Ok(found)
}
