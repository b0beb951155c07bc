//! One HTTP request, bounded in time and size.
//!
//! It follows no redirect, uses no proxy, accepts no compression and trusts only the given certificates.
//! A body is read whole or not at all: to its Content-Length, to its last chunk or, if neither is given,
//! to an orderly close of the connection.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderMap, Request, Response, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Agent, Body};

use crate::mounted;

/// A server's answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The server's `Retry-After`, if it is in seconds.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// The reason why there is no answer.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The connection, the protocol or the time failed.
    Transport(ureq::Error),
    /// The connection ended without an orderly close: by a reset or, over TLS, without a close_notify.
    Cut,
    /// The answer's headers are ambiguous about the body.
    Headers(&'static str),
}

impl HttpError {
    /// Returns true if the same request may work a moment later: unless the certificate is not
    /// trusted, or the request is invalid.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Headers(_) | Self::Cut => true,
            Self::Transport(ureq::Error::Io(error)) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
                !inner.is_some_and(is_certificate_error)
            }
            Self::Transport(ureq::Error::Rustls(error)) => !is_certificate_error(error),
            Self::Transport(error) => !matches!(
                error,
                ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Tls(_)
            ),
        }
    }
}

fn is_certificate_error(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(_))
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Cut => f.write_str("the connection was lost before the end of the answer"),
            Self::Headers(problem) => f.write_str(problem),
        }
    }
}

impl From<ureq::Error> for HttpError {
    fn from(error: ureq::Error) -> Self {
        match &error {
            ureq::Error::Io(io) if io.get_ref().is_some_and(|inner| inner.is::<Cut>()) => Self::Cut,
            _ => Self::Transport(error),
        }
    }
}

/// The end of a connection without an orderly close.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was cut")
    }
}

impl StdError for Cut {}

/// Wraps the connections of ureq's own connector in [`StrictTransport`].
#[derive(Debug)]
struct StrictConnector;

impl Connector<Box<dyn Transport>> for StrictConnector {
    type Out = StrictTransport;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<Box<dyn Transport>>,
    ) -> Result<Option<StrictTransport>, ureq::Error> {
        Ok(chained.map(StrictTransport))
    }
}

/// A connection on which a cut is an error.
///
/// ureq takes a reset, and a TLS stream that ends without a close_notify, for the end of a body that only
/// the connection's close delimits (ureq 3.5, `src/run.rs`, `do_read`). It recognizes both by the kind of
/// the error, so [`Cut`] has another kind.
#[derive(Debug)]
struct StrictTransport(Box<dyn Transport>);

impl Transport for StrictTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.0.await_input(timeout).map_err(|error| match error {
            ureq::Error::Io(io) if is_cut(&io) => io::Error::other(Cut).into(),
            error => error,
        })
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Returns a client that trusts only these certificates.
pub(crate) fn new_agent(trusted: Vec<Certificate<'static>>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("vram-gate/", env!("CARGO_PKG_VERSION")))
        // The requests are short; the default of 128 KiB each is for downloads.
        .input_buffer_size(16 << 10)
        .output_buffer_size(4 << 10)
        .build();
    let connector = DefaultConnector::new().chain(StrictConnector);
    Agent::with_parts(config, connector, DefaultResolver::default())
}

/// Returns a request to read a URL.
///
/// # Errors
/// An invalid URL.
pub(crate) fn get(url: &str, accept: &str) -> Result<Request<Option<&'static str>>, String> {
    Request::get(url)
        .header("accept", accept)
        // A server that ends the connection after a whole answer must not fail the next request.
        .header("connection", "close")
        .body(None)
        .map_err(|error| error.to_string())
}

/// Sends one request; the time covers name resolution, connection, TLS and body.
///
/// # Errors
/// [`HttpError`], also for a body of more than `limit` bytes. Any status is an answer.
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
    let mut response = response?;
    if let Some(problem) = find_ambiguity(&response) {
        return Err(HttpError::Headers(problem));
    }
    let retry_after = parse_retry_after(response.headers());
    let body = response.body_mut().with_config().limit(limit).read_to_vec();
    Ok(Answer { status: response.status().as_u16(), retry_after, body: body? })
}

/// Returns the reason why the body is ambiguous, if it is: a coding that the request did not accept, or
/// two different ways to give its length (RFC 9112, 6.3).
fn find_ambiguity(response: &Response<Body>) -> Option<&'static str> {
    let headers = response.headers();
    let coded = headers.get_all(header::CONTENT_ENCODING).iter();
    if coded.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Some("the answer is compressed, though the request did not accept that");
    }
    let mut transfers = headers.get_all(header::TRANSFER_ENCODING).iter();
    let transfer = transfers.next()?;
    let chunked =
        transfer.as_bytes().eq_ignore_ascii_case(b"chunked") && transfers.next().is_none();
    let http_10 = response.version() == ureq::http::Version::HTTP_10;
    if !chunked || http_10 || headers.contains_key(header::CONTENT_LENGTH) {
        return Some("the answer's length is ambiguous or in an unknown transfer coding");
    }
    None
}

fn parse_retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

/// Reads the certificates of a PEM file.
///
/// # Errors
/// A message if the file can't be read or holds no certificate that could be trusted.
pub(crate) fn read_certificates(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = mounted::read(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    let found: Vec<_> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let ders = found.iter().map(|certificate| certificate.der().to_vec().into());
    let (usable, _) = rustls::RootCertStore::empty().add_parsable_certificates(ders);
    if usable == 0 {
        return Err(format!("`{}`: holds no certificate", file.display()));
    }
    Ok(found)
}
