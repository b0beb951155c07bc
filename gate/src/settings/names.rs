//! Names and addresses: what is well formed.

/// A namespace: a DNS label (RFC 1123), as the API server has it.
pub(super) fn is_namespace(name: &str) -> bool {
    name.len() <= 63 && is_label(name)
}

/// A Deployment's name: a DNS subdomain, as the API server has it.
pub(super) fn is_deployment(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !label.is_empty()
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A metric's name, as the text format has it.
pub(super) fn is_metric(name: &str) -> bool {
    let starts = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    name.bytes().next().is_some_and(starts)
        && name.bytes().all(|byte| starts(byte) || byte.is_ascii_digit())
}

/// A host: an IPv4 address, an IPv6 address with or without brackets, or a
/// name (a trailing dot allowed: it spares the resolver the search list).
pub(super) fn is_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if bare.unwrap_or(host).parse::<std::net::Ipv6Addr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    bare.is_none()
        && name.len() <= 253
        && name.split('.').all(|label| (1..=63).contains(&label.len()) && label.bytes().all(inner))
}

/// Whether a URL can be the exporter's page: what is wrong, or nothing.
pub(super) fn check_url(url: &str) -> Result<(), &'static str> {
    let rest = match url.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        _ => return Err("must start with http:// or https://"),
    };
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("holds white space or something else than ASCII");
    }
    if url.contains('#') {
        return Err("a fragment (`#`) is never sent");
    }
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err("must not hold a user or password");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let bracketed = host.starts_with('[');
    if !is_host(host) || (host.contains(':') && !bracketed) {
        return Err("has no host that could be called");
    }
    match port {
        Some(port) if !is_port(port) => Err("has a port that is not 1 to 65535"),
        _ => Ok(()),
    }
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for url in [
            "http://gpu-pod-exporter.nvidia.svc.cluster.local:80/metrics",
            "https://10.0.0.1",
            "http://[::1]:9400/metrics?x=1",
            "http://[fe80::1]/",
            "http://host.:80",
            "http://host?x",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "metrics",
            "ftp://host/",
            "HTTP://host/",
            "http://",
            "http:///metrics",
            "http://:80/",
            "http://host:0/",
            "http://host:99999/",
            "http://host:/",
            "http://host:+80/",
            "http://user:secret@host/",
            "http://ho st/",
            "http://host/é",
            "http://host/#x",
            "http://::1/",
            "http://[::1",
            "http://[host]/",
            "http://a..b/",
            "file:///etc/passwd",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn hosts() {
        for host in ["10.96.0.1", "fd00::1", "[fd00::1]", "kubernetes.default.svc", "host."] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", ".", "a b", "[10.0.0.1]", "host/path", "a:b", "::g"] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn kubernetes_names() {
        assert!(is_namespace("tts") && is_deployment("chatterbox-tts.v2"));
        let long = "x".repeat(64);
        for name in ["", "Tts", "-tts", "tts-", "a.b", "../x", long.as_str()] {
            assert!(!is_namespace(name), "{name}");
        }
        for name in ["", "a/b", "a..b", "A", ".a"] {
            assert!(!is_deployment(name), "{name}");
        }
        assert!(
            is_metric("a:b_1")
                && is_metric("_")
                && !is_metric("1a")
                && !is_metric("")
                && !is_metric("a-b")
        );
    }
}
