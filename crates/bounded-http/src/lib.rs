//! HTTP requests to servers that are not trusted.
//!
//! In: a [`Call`], and perhaps a [`Credential`]. Out: an [`Answer`] of any status, or a [`Failure`]. A request
//! is bounded in time, and its answer in size. A credential is sent to the host that it is for and to no
//! other. No step leads from HTTPS to HTTP.

use std::env;
use std::error::Error;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

pub use ureq::http::{HeaderMap, Method, Uri, header};

use ureq::http::uri::Scheme;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, AsSendBody, Body, Proxy, ProxyProtocol};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The limit between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// The limit on a whole request, so that a slow server does not block a CI job for ever.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(600);

/// Servers that redirect do so once, such as a registry to a mirror or a store.
const MAX_REDIRECTS: usize = 5;

/// The variables that name a proxy for HTTPS and for HTTP, in the order in which they are read.
const HTTPS_PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const HTTP_PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The client. It knows nothing of what it asks for.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
}

/// The certificates that a client trusts.
#[derive(Debug, Clone, Copy)]
pub enum Roots<'a> {
    /// The system's, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    System,
    /// Those of a PEM file, and no other.
    Pem(&'a [u8]),
}

impl Roots<'_> {
    fn load(self) -> Result<Vec<Certificate<'static>>, String> {
        match self {
            Roots::System => {
                let loaded = rustls_native_certs::load_native_certs();
                if let ([], Some(error)) = (&*loaded.certs, loaded.errors.first()) {
                    return Err(error.to_string());
                }
                let certs = loaded.certs.iter();
                Ok(certs.map(|cert| Certificate::from_der(cert).to_owned()).collect())
            }
            Roots::Pem(bytes) => {
                let mut certificates = Vec::new();
                for item in parse_pem(bytes) {
                    if let PemItem::Certificate(certificate) = item.map_err(|e| e.to_string())? {
                        certificates.push(certificate);
                    }
                }
                match certificates.is_empty() {
                    true => Err("the file has no certificate in PEM".to_owned()),
                    false => Ok(certificates),
                }
            }
        }
    }
}

/// A request.
#[derive(Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Uri,
    /// Media types for the header `Accept`.
    pub accept: &'a [&'a str],
    /// The media type and the bytes of the body.
    pub body: Option<(&'a str, &'a [u8])>,
    /// The most bytes of an answer that are kept.
    pub limit: usize,
}

/// The value of the header `Authorization` for one host.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The host that it is for, with its scheme and port.
    pub to: Uri,
    /// The header's value.
    pub value: String,
}

/// An answer of any status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The body ends at the limit, though more was sent.
    pub is_truncated: bool,
    /// The address that answered, which may be a redirect's.
    pub url: Uri,
}

/// The reason why a request has no answer, or not one that can be used.
#[derive(Debug)]
pub enum Failure {
    /// A status that is not a success.
    Status(u16, String),
    /// No connection, or one that broke.
    Connection(String),
    /// An answer that the specifications do not allow.
    Protocol(String),
    /// A step from HTTPS to HTTP, to this address.
    Downgrade(&'static str, String),
}

impl Answer {
    /// A header's text; none if it is missing or has characters other than ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The answer as a failure with its status.
    pub fn into_failure(self) -> Failure {
        Failure::Status(self.status, self.text())
    }
}

impl Client {
    /// A client that trusts some certificates.
    ///
    /// # Errors
    /// The certificates can't be read.
    pub fn new(roots: Roots<'_>) -> Result<Self, String> {
        let trusted = roots.load()?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(trusted)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .timeout_per_call(Some(REQUEST_TIMEOUT))
            .user_agent(concat!("tts-render/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Client { agent })
    }

    /// Sends a request and follows redirects; a body is sent again only after a 307 or 308.
    ///
    /// # Errors
    /// There is no answer, or a redirect leads nowhere, too far or from HTTPS to HTTP.
    pub fn send(
        &self,
        call: &Call<'_>,
        credential: Option<&Credential>,
    ) -> Result<Answer, Failure> {
        let mut url = call.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send_once(call, credential, &url)?;
            let is_redirect = match answer.status {
                307 | 308 => true,
                301..=303 => call.body.is_none(),
                _ => false,
            };
            if !is_redirect || !answer.headers.contains_key(header::LOCATION) {
                return Ok(answer);
            }
            url = answer.location("redirect")?;
        }
        Err(Failure::Protocol(format!("it redirects more than {MAX_REDIRECTS} times")))
    }

    fn send_once(
        &self,
        call: &Call<'_>,
        credential: Option<&Credential>,
        url: &Uri,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(&call.method).uri(url);
        for media_type in call.accept {
            request = request.header(header::ACCEPT, *media_type);
        }
        if let Some(credential) = credential.filter(|c| is_same_origin(&c.to, url)) {
            request = request.header(header::AUTHORIZATION, &credential.value);
        }
        let mut response = match call.body {
            None => self.run(request.body(()), url)?,
            Some((media_type, bytes)) => {
                self.run(request.header(header::CONTENT_TYPE, media_type).body(bytes), url)?
            }
        };
        let mut body = Vec::new();
        let reader = response.body_mut().as_reader();
        let read = reader.take(call.limit as u64 + 1).read_to_end(&mut body);
        read.map_err(|error| to_failure(error.into()))?;
        let is_truncated = body.len() > call.limit;
        body.truncate(call.limit);
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body, is_truncated, url: url.clone() })
    }

    fn run<B: AsSendBody>(
        &self,
        request: ureq::http::Result<Request<B>>,
        url: &Uri,
    ) -> Result<Response<Body>, Failure> {
        let request = request.map_err(|error| Failure::Protocol(error.to_string()))?;
        let request = self.agent.configure_request(request).proxy(find_proxy(url)?).build();
        self.agent.run(request).map_err(to_failure)
    }
}

impl Answer {
    /// The address in the header `Location`, for the step of this name.
    ///
    /// # Errors
    /// The header is missing or invalid, or leads from HTTPS to HTTP.
    pub fn location(&self, step: &'static str) -> Result<Uri, Failure> {
        let Some(location) = self.headers.get(header::LOCATION) else {
            return Err(Failure::Protocol("its answer has no `Location`".to_owned()));
        };
        let target = location.to_str().ok().and_then(|text| resolve(&self.url, text));
        let Some(target) = target else {
            let location = String::from_utf8_lossy(location.as_bytes());
            return Err(Failure::Protocol(format!("invalid `Location` `{location}`")));
        };
        refuse_downgrade(step, &self.url, &target)?;
        Ok(target)
    }
}

/// Refuses a step from HTTPS to HTTP.
///
/// # Errors
/// It is such a step.
pub fn refuse_downgrade(step: &'static str, from: &Uri, to: &Uri) -> Result<(), Failure> {
    if from.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS) {
        return Err(Failure::Downgrade(step, origin(to)));
    }
    Ok(())
}

/// `https://registry.example:5000`: an address without its path, which may hold a token.
fn origin(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    format!("{scheme}://{}", url.authority().map_or("", |authority| authority.as_str()))
}

/// Parses an absolute address of HTTP or HTTPS without a user name.
pub fn parse_url(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let has_scheme = [Some("http"), Some("https")].contains(&url.scheme_str());
    let authority = url.authority()?.as_str();
    (has_scheme && !authority.contains('@')).then_some(url)
}

/// A `Location` as an address (RFC 3986, section 5.2). Relative paths with dots are refused, which no server
/// needs.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    if location.starts_with("//") {
        return parse_url(&format!("{scheme}:{location}"));
    }
    if location.starts_with('/') {
        return parse_url(&format!("{}{location}", origin(base)));
    }
    if location.starts_with('?') {
        return parse_url(&format!("{}{}{location}", origin(base), base.path()));
    }
    let end = location.find(['/', '?', '#']).unwrap_or(location.len());
    if location.is_empty() || location[..end].contains(':') {
        return parse_url(location);
    }
    let path = location.split(['?', '#']).next().unwrap_or(location);
    if path.split('/').any(|segment| [".", ".."].contains(&segment)) {
        return None;
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    parse_url(&format!("{}{folder}/{location}", origin(base)))
}

/// Returns true if two addresses have the same scheme, host and port.
pub fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let parts = |url: &Uri| {
        let default_port = if url.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        let host = url.host().unwrap_or_default().to_ascii_lowercase();
        (url.scheme().cloned(), host, url.port_u16().unwrap_or(default_port))
    };
    parts(one) == parts(other)
}

/// A text as a part of a query (RFC 3986, section 2.3).
pub fn percent_encode(text: &str) -> String {
    let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes()
        .map(|b: u8| match is_unreserved(b) {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        })
        .collect()
}

/// The proxy for an address, from the environment.
fn find_proxy(url: &Uri) -> Result<Option<Proxy>, Failure> {
    let host = url.host().unwrap_or_default();
    if read_variable(&NO_PROXY).is_some_and(|(_, list)| bypasses_proxy(host, &list)) {
        return Ok(None);
    }
    let names = if url.scheme() == Some(&Scheme::HTTPS) { &HTTPS_PROXIES } else { &HTTP_PROXIES };
    let Some((name, value)) = read_variable(names) else { return Ok(None) };
    match Proxy::new(&value) {
        Ok(proxy) if matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
            Ok(Some(proxy))
        }
        _ => Err(Failure::Connection(format!("`{name}` is not the address of an HTTP proxy"))),
    }
}

fn read_variable<'a>(names: &[&'a str]) -> Option<(&'a str, String)> {
    names.iter().find_map(|name| {
        env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (*name, value))
    })
}

/// Returns true if a list such as `localhost,.example.com` names the host or a domain above it.
fn bypasses_proxy(host: &str, list: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        let rest = host.strip_suffix(domain).filter(|_| !domain.is_empty());
        entry == "*" || rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn to_failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Io(error) => Failure::Connection(innermost_cause(&error)),
        ureq::Error::Rustls(error) => Failure::Connection(error.to_string()),
        ureq::Error::Timeout(ureq::Timeout::PerCall) => {
            Failure::Connection(format!("no complete answer in {} s", REQUEST_TIMEOUT.as_secs()))
        }
        error @ (ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)) => Failure::Connection(error.to_string()),
        error => Failure::Protocol(error.to_string()),
    }
}

/// The last of the causes: the system's message, without the wrappers' messages.
fn innermost_cause(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn a_location_is_an_address_or_a_path() {
        let base = url("https://r.example:5000/v2/a");
        for (location, target) in [
            ("/v2/x?y=1", Some("https://r.example:5000/v2/x?y=1")),
            ("//cdn.example/x", Some("https://cdn.example/x")),
            ("https://cdn.example/x#fragment", Some("https://cdn.example/x")),
            ("http://cdn.example/x", Some("http://cdn.example/x")),
            ("https://user:pass@cdn.example/x", None),
            ("ftp://cdn.example/x", None),
            ("mailto:a@b", None),
            ("", None),
            ("x", Some("https://r.example:5000/v2/x")),
            ("x/1?state=a:b", Some("https://r.example:5000/v2/x/1?state=a:b")),
            ("?state=1", Some("https://r.example:5000/v2/a?state=1")),
            ("../x", None),
            ("./x", None),
            ("http://[", None),
        ] {
            assert_eq!(resolve(&base, location), target.map(url), "{location:?}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let https = url("https://r.example/v2/");
        for (other, is_same) in [
            ("https://R.example:443/x", true),
            ("http://r.example/v2/", false),
            ("https://r.example:5000/v2/", false),
            ("https://r.example.evil/v2/", false),
        ] {
            assert_eq!(is_same_origin(&https, &url(other)), is_same, "{other}");
        }
    }

    #[test]
    fn only_https_to_http_is_a_downgrade() {
        let (https, http) = (url("https://a.example/"), url("http://b.example/x?token=1"));
        assert!(refuse_downgrade("redirect", &http, &https).is_ok());
        assert!(refuse_downgrade("redirect", &http, &http).is_ok());
        assert!(matches!(
            refuse_downgrade("redirect", &https, &http),
            Err(Failure::Downgrade("redirect", to)) if to == "http://b.example"
        ));
    }

    #[test]
    fn the_list_of_hosts_without_proxy_names_domains() {
        let list = "localhost, .example.com,*.test,10.0.0.1";
        for host in ["localhost", "example.com", "a.Example.com", "a.test", "10.0.0.1"] {
            assert!(bypasses_proxy(host, list), "{host}");
        }
        for host in ["example.org", "notexample.com", "10.0.0.11", ""] {
            assert!(!bypasses_proxy(host, list), "{host}");
        }
        assert!(bypasses_proxy("a", "*") && !bypasses_proxy("a", "") && !bypasses_proxy("a", "."));
    }
}
