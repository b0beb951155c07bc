//! References to images in a registry, as Docker's users write them: `registry/repository:tag`.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, ImageError};

/// The name of an image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// The registry of a name without one.
const HUB: &str = "docker.io";

/// The limits of the distribution specification, in characters.
const MAX_REPOSITORY_LENGTH: usize = 255;
const MAX_TAG_LENGTH: usize = 128;

impl FromStr for Reference {
    type Err = ImageError;

    /// Follows Docker's grammar (distribution/reference, reference.go and normalize.go).
    fn from_str(text: &str) -> Result<Self, ImageError> {
        let message =
            format!("invalid image reference `{text}`: expected `registry.example/repository:tag`");
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let digest = match digest.map(Digest::parse) {
            Some(None) => return Err(ImageError::new(message + " or a sha256 digest")),
            digest => digest.flatten(),
        };
        // A colon before the last slash is a port's.
        let last = named.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match named[last..].split_once(':') {
            Some((end, tag)) => (&named[..last + end.len()], Some(tag)),
            None => (named, None),
        };
        let (registry, repository) = split_registry(name);
        if !is_registry(&registry)
            || repository.len() > MAX_REPOSITORY_LENGTH
            || !repository.split('/').all(is_path_component)
            || !tag.is_none_or(is_tag)
        {
            return Err(ImageError::new(message));
        }
        Ok(Reference { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

/// Splits a name; one whose first part is not a host is the hub's.
fn split_registry(name: &str) -> (String, String) {
    let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
    let (registry, repository) = match name.split_once('/') {
        Some((first, rest)) if is_host(first) => (first, rest),
        _ => (HUB, name),
    };
    match registry {
        HUB | "index.docker.io" if !repository.contains('/') => {
            (HUB.to_owned(), format!("library/{repository}"))
        }
        "index.docker.io" => (HUB.to_owned(), repository.to_owned()),
        _ => (registry.to_owned(), repository.to_owned()),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    host.split('.').all(|label| {
        let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        is_edge(label.chars().next())
            && is_edge(label.chars().next_back())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    }) && port
        .is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// Letters and digits, joined by `.`, `_`, `__` or hyphens.
fn is_path_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_word)
        && text.ends_with(is_word)
        && text
            .split(is_word)
            .all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.chars().all(|c| c == '-'))
}

fn is_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= MAX_TAG_LENGTH
        && text.starts_with(is_word)
        && text.chars().all(|c| is_word(c) || c == '.' || c == '-')
}

impl Reference {
    /// The host, with its port if it has one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The host that answers for the registry.
    pub(crate) fn host(&self) -> &str {
        if self.registry == HUB { "index.docker.io" } else { &self.registry }
    }

    /// The path in the registry.
    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository with this tag.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ImageError> {
        format!("{}:{tag}", self.name()).parse()
    }

    /// `registry/repository`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry(), self.repository())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = self.tag() {
            write!(f, ":{tag}")?;
        }
        match self.digest() {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tag_is_not_filled_in() {
        for (text, tag) in [
            ("registry.example:5000/a/b:1.0", Some("1.0")),
            ("registry.example:5000/a/b", None),
            ("registry.example/a/b:latest", Some("latest")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().tag(), tag, "{text}");
        }
        let plain: Reference = "localhost:5000/gate".parse().unwrap();
        assert_eq!(plain.with_tag("2").unwrap().to_string(), "localhost:5000/gate:2");
        assert!(plain.with_tag("a b").is_err());
    }

    #[test]
    fn a_name_without_a_host_is_the_hubs() {
        for (text, name) in [
            ("busybox", "docker.io/library/busybox"),
            ("test.example:5000", "docker.io/library/test.example"),
            ("a/b:1", "docker.io/a/b"),
            ("index.docker.io/a/b", "docker.io/a/b"),
            ("docker.io/busybox", "docker.io/library/busybox"),
            ("localhost/a", "localhost/a"),
            ("test:5000/repo", "test:5000/repo"),
            ("r.example/my-app/a__b/c---d:x.Y_z", "r.example/my-app/a__b/c---d"),
        ] {
            let reference = text.parse::<Reference>().unwrap();
            assert_eq!(reference.name(), name, "{text}");
        }
        assert_eq!("a/b".parse::<Reference>().unwrap().host(), "index.docker.io");
    }

    #[test]
    fn invalid_references_are_refused() {
        let sha512 = format!("a/b@sha512:{}", "0".repeat(128));
        let long_tag = format!("a/b:{}", "t".repeat(129));
        let long_name = format!("r.example/{}", "a".repeat(256));
        for text in [
            "",
            "a/B:1",
            "https://a/b",
            "a b",
            "a/b@sha256:00",
            &*sha512,
            &long_tag,
            &long_name,
            "a/b:",
            "a/b:-x",
            "a//b",
            "/a",
            "a/",
            "r.example:port/a",
            "r.example:99999/a",
            "-r.example/a",
            "r..example/a",
            "user@r.example/a",
            "r.example/a_-b",
            "r.example/a___b",
            "r.example/a..b",
            "r.example/a/../b",
            "r.example/ä",
            "r.example/a:1:2",
            "r.example/a?b",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }
}
