//! `http` and `https` URLs, split but not decoded, and the Service that a host names.

use std::fmt;
use std::net::IpAddr;

use crate::name::is_host;

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

impl Scheme {
    /// The scheme as a URL spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a URL without one.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A URL of `http` or `https` with a host that a client can connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpUrl<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The part before `@`, if there is one.
    pub credentials: Option<&'a str>,
    /// The host as written; an IPv6 address is in brackets.
    pub host: &'a str,
    /// The port, if it is written.
    pub port: Option<u16>,
    /// The path with its query, from `/` or `?`; may be empty.
    pub path: &'a str,
    /// The part after `#`, if there is one. Clients never send it.
    pub fragment: Option<&'a str>,
}

/// The reason why a text is not an [`HttpUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// Neither `http://` nor `https://` at the start, in lower case.
    Scheme,
    /// White space, a control character or a character outside ASCII.
    Character,
    /// No host, or one that no client can connect to.
    Host,
    /// A port that is not 1 to 65535.
    Port,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "expected `http://` or `https://` at the start",
            Self::Character => "expected ASCII characters without white space",
            Self::Host => "expected a host name or IP address",
            Self::Port => "expected a port from 1 to 65535",
        })
    }
}

impl std::error::Error for UrlError {}

impl<'a> HttpUrl<'a> {
    /// Splits a URL.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => return Err(UrlError::Scheme),
        };
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Character);
        }
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (address, None),
        };
        if !is_host(host) || (host.contains(':') && !host.starts_with('[')) {
            return Err(UrlError::Host);
        }
        let port = port.map(parse_port).transpose()?;
        Ok(Self { scheme, credentials, host, port, path, fragment })
    }

    /// The port that a client connects to.
    #[must_use]
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// The URL in one spelling, to compare what two of them request: the host in lower case and without
    /// its trailing dot, no default port, at least `/` for a path, no credentials and no fragment.
    #[must_use]
    pub fn normalized(&self) -> String {
        let mut text = format!("{}://{}", self.scheme.name(), lower_case_host(self.host));
        if self.effective_port() != self.scheme.default_port() {
            text.push_str(&format!(":{}", self.effective_port()));
        }
        if !self.path.starts_with('/') {
            text.push('/');
        }
        text + self.path
    }

    /// The Service that the host may name inside the cluster.
    #[must_use]
    pub fn service(&self) -> Option<ServiceName> {
        service_of_host(self.host)
    }
}

fn parse_port(text: &str) -> Result<u16, UrlError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0).ok_or(UrlError::Port)
}

fn lower_case_host(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// A Service by its DNS name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceName {
    /// The Service's name.
    pub name: String,
    /// Its namespace; `None` for a bare name, which means the caller's own namespace.
    pub namespace: Option<String>,
}

/// Returns the Service that a host names: `name`, `name.namespace`, `name.namespace.svc`, and the last
/// with any cluster domain behind it. Returns `None` for an IP address and for every other name.
///
/// Source: <https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/>.
#[must_use]
fn service_of_host(host: &str) -> Option<ServiceName> {
    let host = lower_case_host(host);
    if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
        return None;
    }
    let mut parts = host.split('.');
    let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let namespace = parts.next().map(str::to_owned);
    match parts.next() {
        None | Some("svc") => Some(ServiceName { name, namespace }),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_its_parts() {
        let url = HttpUrl::parse("https://me:secret@[::1]:9400/metrics?x=1#y").unwrap();
        let expected = HttpUrl {
            scheme: Scheme::Https,
            credentials: Some("me:secret"),
            host: "[::1]",
            port: Some(9400),
            path: "/metrics?x=1",
            fragment: Some("y"),
        };
        assert_eq!(url, expected);
        let url = HttpUrl::parse("http://host?x").unwrap();
        assert_eq!((url.host, url.port, url.path), ("host", None, "?x"));
        assert_eq!(url.effective_port(), 80);
    }

    #[test]
    fn urls_that_a_client_can_use() {
        for url in [
            "http://gpu-pod-exporter.nvidia.svc.cluster.local:80/metrics",
            "https://10.0.0.1",
            "http://[::1]:9400/metrics?x=1",
            "http://[fe80::1]/",
            "http://host.:80",
        ] {
            assert!(HttpUrl::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn urls_that_no_client_can_use() {
        for (url, error) in [
            ("", UrlError::Scheme),
            ("metrics", UrlError::Scheme),
            ("ftp://host/", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("HTTP://host/", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http:///metrics", UrlError::Host),
            ("http://:80/", UrlError::Host),
            ("http://::1/", UrlError::Host),
            ("http://[::1", UrlError::Host),
            ("http://[host]/", UrlError::Host),
            ("http://a..b/", UrlError::Host),
            ("http://host:0/", UrlError::Port),
            ("http://host:99999/", UrlError::Port),
            ("http://host:/", UrlError::Port),
            ("http://host:+80/", UrlError::Port),
            ("http://ho st/", UrlError::Character),
            ("http://host/é", UrlError::Character),
        ] {
            assert_eq!(HttpUrl::parse(url), Err(error), "{url}");
        }
    }

    #[test]
    fn urls_that_request_the_same_normalize_to_the_same() {
        for url in ["http://host", "http://HOST:80/", "http://me@host.:80/#x"] {
            assert_eq!(HttpUrl::parse(url).unwrap().normalized(), "http://host/", "{url}");
        }
        let url = HttpUrl::parse("https://host:80?x").unwrap();
        assert_eq!(url.normalized(), "https://host:80/?x");
    }

    #[test]
    fn hosts_that_name_a_service() {
        for (host, expected) in [
            ("exporter", Some(("exporter", None))),
            ("exporter.nvidia", Some(("exporter", Some("nvidia")))),
            ("Exporter.nvidia.svc.", Some(("exporter", Some("nvidia")))),
            ("exporter.nvidia.svc.cluster.local", Some(("exporter", Some("nvidia")))),
            ("exporter.nvidia.svc.other.domain", Some(("exporter", Some("nvidia")))),
            ("exporter.example.org", None),
            ("10.0.0.1", None),
            ("[::1]", None),
        ] {
            let found = service_of_host(host);
            let found =
                found.as_ref().map(|found| (found.name.as_str(), found.namespace.as_deref()));
            assert_eq!(found, expected, "{host}");
        }
    }
}
