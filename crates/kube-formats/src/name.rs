//! DNS names, as the API server and the C library's resolver accept them, and the names of resources.

use std::net::Ipv6Addr;

/// The longest DNS label.
const MAX_LABEL: usize = 63;

/// The longest DNS subdomain.
const MAX_SUBDOMAIN: usize = 253;

/// Returns true for a DNS label (RFC 1123): a namespace, a Service.
///
/// Source: apimachinery `pkg/util/validation`, `IsDNS1123Label`.
#[must_use]
pub fn is_dns_label(name: &str) -> bool {
    name.len() <= MAX_LABEL && is_subdomain_part(name)
}

/// Returns true for a DNS subdomain (RFC 1123): a Deployment, a ServiceAccount.
///
/// The API server limits the whole name, not its parts.
/// Source: apimachinery `pkg/util/validation`, `IsDNS1123Subdomain`.
#[must_use]
pub fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= MAX_SUBDOMAIN && name.split('.').all(is_subdomain_part)
}

fn is_subdomain_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('-')
        && !part.ends_with('-')
        && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Returns the resource of a kind by the rule that kubectl guesses it with: `StatefulSet` is
/// `statefulsets`.
///
/// Source: `UnsafeGuessKindToResource` in apimachinery, `pkg/api/meta/restmapper.go`.
#[must_use]
pub fn resource_of_kind(kind: &str) -> String {
    let singular = kind.to_ascii_lowercase();
    match singular.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if singular.ends_with('s') => format!("{singular}es"),
        None => format!("{singular}s"),
    }
}

/// Returns true for a host that a client can connect to: an IPv4 address, an IPv6 address with or
/// without brackets, or a DNS name.
///
/// A name may end in a dot, which keeps the resolver from trying its search list, and may hold `_`,
/// which resolvers accept.
#[must_use]
pub fn is_host(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if bracketed.unwrap_or(host).parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    bracketed.is_none() && name.len() <= MAX_SUBDOMAIN && name.split('.').all(is_host_label)
}

fn is_host_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_of_a_kind_is_its_plural() {
        for (kind, resource) in [
            ("Deployment", "deployments"),
            ("StatefulSet", "statefulsets"),
            ("ReplicaSet", "replicasets"),
            ("ReplicationController", "replicationcontrollers"),
            ("Rollout", "rollouts"),
            ("LeaderWorkerSet", "leaderworkersets"),
            ("Policy", "policies"),
            ("Class", "classes"),
        ] {
            assert_eq!(resource_of_kind(kind), resource);
        }
    }

    #[test]
    fn labels_are_the_api_servers() {
        let longest = "x".repeat(MAX_LABEL);
        for name in ["tts", "a", "1a", "a-b", longest.as_str()] {
            assert!(is_dns_label(name), "{name}");
        }
        let too_long = "x".repeat(MAX_LABEL + 1);
        for name in ["", "Tts", "-tts", "tts-", "a.b", "a_b", "../x", "é", too_long.as_str()] {
            assert!(!is_dns_label(name), "{name}");
        }
    }

    #[test]
    fn subdomains_are_the_api_servers() {
        let long_part = "x".repeat(MAX_SUBDOMAIN);
        for name in ["a", "chatterbox-tts.v2", "a.b-c.d", long_part.as_str()] {
            assert!(is_dns_subdomain(name), "{name}");
        }
        let too_long = "x".repeat(MAX_SUBDOMAIN + 1);
        for name in ["", "a/b", "a..b", "A", ".a", "a.", "a.-b", "a_b", too_long.as_str()] {
            assert!(!is_dns_subdomain(name), "{name}");
        }
    }

    #[test]
    fn hosts_are_addresses_or_names() {
        for host in ["10.96.0.1", "fd00::1", "[fd00::1]", "kubernetes.default.svc", "host.", "A_b"]
        {
            assert!(is_host(host), "{host}");
        }
        for host in ["", ".", "a b", "[10.0.0.1]", "host/path", "a:b", "::g", "a..b"] {
            assert!(!is_host(host), "{host}");
        }
    }
}
